//! A change of what Git declares: it is said which way before it is asked for, and a suspension has an end.

use serde_json::json;
use watchkeeper::sim::slack::Workspace;

use super::support::acting::Acting;

/// Flux keeps `keeper`, and Argo CD keeps `hermes`.
async fn acting() -> Acting {
    let acting = Acting::start().await;
    let object = json!({
        "metadata": {"name": "keeper", "namespace": "flux-system"},
        "spec": {"interval": "10m", "path": "./keeper", "sourceRef": {"kind": "GitRepository", "name": "infra"}},
    });
    acting.cluster.create("kustomizations", object, "story");
    acting
}

fn suspended(acting: &Acting) -> bool {
    acting.cluster.object("kustomizations", "flux-system", "keeper").unwrap()["spec"]["suspend"] == true
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_for_before_it_is_said_which_way() {
    let acting = acting().await;
    let told = acting.ask("alice", "scale keeper 3").await;
    insta::assert_snapshot!("in_git_which_way", told);
    let told = acting.ask("alice", "scale hermes 5").await;
    assert!(told.contains("Argo CD has no suspension") && told.contains("--direct"), "{told}");
    assert!(acting.shown_all().is_empty(), "{:#?}", acting.shown_all());
    let told = acting.ask("alice", "restart keeper").await;
    assert!(told.contains("Asked for as *#1*"), "a restart is not undone: {told}");
    let told = acting.ask("alice", "scale keeper 3 --direct").await;
    assert!(told.contains("Asked for as *#2*"), "{told}");
    assert!(
        acting.shown(2).contains("Flux Kustomization flux-system/keeper keeps it and undoes it"),
        "{}",
        acting.shown(2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_it_is_suspended_and_resumes_at_its_time() {
    let acting = acting().await;
    acting.ask("alice", "scale keeper 3 --suspend 1h").await;
    insta::assert_snapshot!("in_git_card", acting.shown(1));
    for user in ["bob", "carol"] {
        acting.press(user, 1, "Approve").await;
    }
    acting.act().await;
    assert_eq!((acting.replicas("keeper"), suspended(&acting), acting.writes()), (3, true, 2));
    acting.pass(3599).await;
    assert!(suspended(&acting) && acting.shown(1).contains("*Done for now*"), "{}", acting.shown(1));
    acting.pass(2).await;
    assert_eq!((acting.state(1).await, suspended(&acting), acting.writes()), ("succeeded", false, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_it_resumes_also_when_the_change_fails() {
    let acting = acting().await;
    acting.ask("alice", "scale keeper 3 --suspend 1h").await;
    for user in ["bob", "carol"] {
        acting.press(user, 1, "Approve").await;
    }
    while !suspended(&acting) {
        acting.bot.flow.drive_actions().await.unwrap();
    }
    acting.cluster.edit("deployments", "feeds", "keeper", "kubectl", |it| it["spec"]["replicas"] = json!(4));
    acting.act().await;
    assert_eq!((acting.state(1).await, suspended(&acting), acting.replicas("keeper")), ("failed", false, 4));
    assert!(acting.shown(1).contains("it has 4 replicas now"), "{}", acting.shown(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_asks_which_way_and_a_pull_request_does_nothing_here() {
    let acting = acting().await;
    acting.type_in("alice", "/wk scale keeper 3").await;
    let form = acting.bot.slack.views("alice").pop().unwrap().to_string();
    assert!(form.contains("radio_buttons") && form.contains("Suspend what keeps it"), "{form}");
    let filled = |way: &str, lasts: &str| {
        json!({
            "replicas": {"replicas": "3"}, "reason": {"reason": "because"},
            "git": {"git": way}, "git_lasts": {"git_lasts": lasts},
        })
    };
    let errors = acting.submit("alice", filled("suspend", "")).await;
    assert!(errors["git_lasts"].as_str().unwrap().starts_with("For how long?"), "{errors}");
    assert!(acting.submit("alice", filled("pull_request", "")).await.is_null());
    let told = acting.bot.slack.seen_by("alice", "@watchkeeper");
    let told: Vec<String> = told.iter().map(Workspace::render).collect();
    assert!(told.iter().any(|told| told.contains("Nothing was done: *Deployment feeds/keeper in prod*")), "{told:#?}");
    assert!(acting.shown_all().is_empty());
    acting.type_in("alice", "/wk scale keeper 3").await;
    assert!(acting.submit("alice", filled("suspend", "2h")).await.is_null());
    assert!(acting.shown(1).contains("with Flux suspended for 2h"), "{}", acting.shown(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_suspend_it_may_not_ask_for_it_with_a_suspension() {
    let acting = Acting::with(super::support::Database::sqlite(), |config| {
        config.actions.rules[0].actions.retain(|kind| kind.as_str() != "suspend-reconcile");
    })
    .await;
    let object = json!({"metadata": {"name": "keeper", "namespace": "flux-system"}, "spec": {"interval": "10m"}});
    acting.cluster.create("kustomizations", object, "story");
    let told = acting.ask("alice", "scale keeper 3 --suspend 1h").await;
    assert!(told.contains("allows `suspend-reconcile` on `prod/flux-system/Kustomization/keeper`"), "{told}");
    assert!(acting.shown_all().is_empty());
}
