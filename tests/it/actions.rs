//! Operations with approval: asked for by one, allowed by another, done once, on record.

use serde_json::json;
use watchkeeper::core::time::Span;
use watchkeeper::core::workload::pod::Container;
use watchkeeper::sim::cluster::Crash;
use watchkeeper::sim::slack::Workspace;

use super::support::acting::{Acting, allowed, rule};
use super::support::{Database, databases};

#[tokio::test(flavor = "multi_thread")]
async fn one_asks_another_approves_and_it_is_done_exactly_as_shown() {
    for database in databases() {
        let acting = Acting::with(database, |_| {}).await;
        let told = acting.type_in("alice", "/wk scale price-pusher-evm 5 launch at noon").await;
        assert!(told.contains("Asked for as *#1*") && told.contains("1 approval"), "{told}");
        insta::assert_snapshot!("action_card_open", acting.shown(1));
        acting.act().await;
        assert_eq!(acting.replicas("price-pusher-evm"), 2, "nothing happens before somebody approves");
        assert_eq!(acting.writes(), 0);
        let told = acting.press("bob", 1, "Approve").await;
        assert!(told.contains("You approved *#1*") && told.contains("it begins"), "{told}");
        acting.act().await;
        assert_eq!((acting.replicas("price-pusher-evm"), acting.writes()), (5, 1));
        insta::assert_snapshot!("action_card_done", acting.shown(1));
        assert_eq!(acting.journal(1).await, ["0 intent", "0 attempt", "0 succeeded", "1 verified"]);
        let audit = acting.audit(1).await;
        assert_eq!(
            audit,
            [
                "T0WKLABS/U0ALICE action.requested",
                "T0WKLABS/U0BOB action.approved",
                "watchkeeper action.begun",
                "watchkeeper action.step_intended",
                "watchkeeper action.step_attempted",
                "watchkeeper action.step_succeeded",
                "watchkeeper action.verified",
                "watchkeeper action.succeeded",
            ]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_touches_more_takes_two_and_somebody_on_call() {
    let acting = Acting::with(Database::sqlite(), |config| {
        let mut strict = rule();
        strict["risk"] = json!("R2");
        config.actions = allowed(strict);
    })
    .await;
    acting.ask("bob", "restart price-pusher-evm").await;
    let told = acting.press("carol", 1, "Approve").await;
    assert!(told.contains("1 of 2") && told.contains("somebody on call has to"), "{told}");
    acting.act().await;
    assert_eq!(acting.writes(), 0);
    acting.press("alice", 1, "Approve").await;
    acting.act().await;
    assert_eq!(acting.state(1).await, "succeeded");
    let pods = acting.cluster.objects("pods");
    let restarted = pods.iter().filter(|pod| {
        pod["metadata"]["labels"]["app"] == "price-pusher-evm"
            && pod["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"].is_string()
    });
    assert_eq!(restarted.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_says_why_and_ends_it() {
    let acting = Acting::start().await;
    acting.ask("alice", "restart price-pusher-evm").await;
    acting.press("bob", 1, "Reject…").await;
    assert_eq!(acting.submit("bob", json!({"reason": {"reason": " "}})).await["reason"], "Say why not.");
    assert!(acting.submit("bob", json!({"reason": {"reason": "not during the launch"}})).await.is_null());
    acting.act().await;
    let card = acting.shown(1);
    assert!(card.contains("*Rejected* by *bob*") && card.contains("not during the launch"), "{card}");
    assert!(!card.contains("Approve]") && acting.writes() == 0, "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_asked_withdraws_it() {
    let acting = Acting::start().await;
    acting.ask("alice", "restart price-pusher-evm").await;
    let told = acting.choose("bob", 1, "wk.more", "Withdraw").await;
    assert!(told.contains("only who asked for it can withdraw it"), "{told}");
    acting.choose("alice", 1, "wk.more", "Withdraw").await;
    assert_eq!(acting.state(1).await, "withdrawn");
    assert!(acting.shown(1).contains("*Withdrawn*"), "{}", acting.shown(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_approves_in_time_expires_and_can_be_asked_for_again() {
    let acting = Acting::start().await;
    acting.ask("alice", "restart price-pusher-evm").await;
    acting.pass(1800).await;
    assert_eq!(acting.state(1).await, "expired");
    acting.press("alice", 1, "Ask again…").await;
    acting.submit("alice", json!({})).await;
    assert_eq!(acting.state(2).await, "open");
    assert!(acting.shown(2).contains("because"), "{}", acting.shown(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_it_was_approved_is_not_done_and_shows_what_it_would_do_now() {
    let acting = Acting::start().await;
    acting.ask("alice", "scale price-pusher-evm 5").await;
    acting
        .cluster
        .edit("deployments", "feeds", "price-pusher-evm", "kubectl-edit", |it| it["spec"]["replicas"] = json!(4));
    acting.press("bob", 1, "Approve").await;
    acting.act().await;
    assert_eq!((acting.state(1).await, acting.replicas("price-pusher-evm")), ("stale", 4));
    insta::assert_snapshot!("action_card_stale", acting.shown(1));
    acting.press("alice", 1, "Ask again…").await;
    acting.submit("alice", json!({})).await;
    acting.press("bob", 2, "Approve").await;
    acting.act().await;
    assert_eq!((acting.state(2).await, acting.replicas("price-pusher-evm")), ("succeeded", 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_is_offered_and_is_a_request_of_its_own() {
    let acting = Acting::start().await;
    acting.ask("alice", "scale price-pusher-evm 5").await;
    acting.press("bob", 1, "Approve").await;
    acting.act().await;
    acting.press("carol", 1, "Undo…").await;
    acting.submit("carol", json!({})).await;
    assert!(acting.shown(2).contains("takes #1 back"), "{}", acting.shown(2));
    let told = acting.press("carol", 2, "Approve").await;
    assert!(told.contains("Nobody approves what they asked for themselves"), "{told}");
    acting.press("alice", 2, "Approve").await;
    acting.act().await;
    assert_eq!((acting.state(2).await, acting.replicas("price-pusher-evm")), ("succeeded", 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scaling_for_a_while_goes_back_by_itself_also_over_a_restart() {
    let acting = Acting::start().await;
    acting.ask("alice", "scale price-pusher-evm 5 for 2h").await;
    acting.press("bob", 1, "Approve").await;
    acting.act().await;
    assert_eq!(acting.replicas("price-pusher-evm"), 5);
    assert!(acting.shown(1).contains("goes back by itself"), "{}", acting.shown(1));
    acting.pass(3600).await;
    let acting = acting.restart().await;
    acting.pass(3500).await;
    assert_eq!(acting.replicas("price-pusher-evm"), 5);
    acting.pass(100).await;
    assert_eq!((acting.replicas("price-pusher-evm"), acting.state(1).await), (2, "succeeded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_can_be_hurried_or_left_out() {
    let acting = Acting::start().await;
    for (number, name) in [(1, "price-pusher-evm"), (2, "price-pusher-solana")] {
        acting.ask("alice", &format!("scale {name} 5 for 2h")).await;
        acting.press("bob", number, "Approve").await;
    }
    acting.act().await;
    acting.press("alice", 1, "Go back now").await;
    acting.choose("bob", 2, "wk.more", "Keep it so; do not go back").await;
    acting.act().await;
    assert_eq!((acting.state(1).await, acting.replicas("price-pusher-evm")), ("succeeded", 2));
    assert_eq!((acting.state(2).await, acting.replicas("price-pusher-solana")), ("cancelled", 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_stops_everything_at_once_and_survives_a_restart() {
    for database in databases() {
        let acting = Acting::with(database, |_| {}).await;
        acting.ask("alice", "restart price-pusher-evm").await;
        acting.type_in("carol", "/wk freeze incident 7").await;
        acting.press("bob", 1, "Approve").await;
        acting.act().await;
        assert_eq!((acting.state(1).await, acting.writes()), ("approved", 0));
        assert!(acting.shown(1).contains("everything is frozen"), "{}", acting.shown(1));
        let acting = acting.restart().await;
        acting.act().await;
        assert_eq!(acting.writes(), 0);
        let told = acting.type_in("carol", "/wk unfreeze").await;
        assert!(told.contains("nly people on the `actions.unfreeze` list"), "{told}");
        acting.type_in("bob", "/wk unfreeze").await;
        acting.act().await;
        assert_eq!(acting.state(1).await, "succeeded");
        assert!(acting.shown_all().iter().any(|text| text.contains("*Frozen* by *carol*")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_requests_on_one_target_are_shown_to_both() {
    let acting = Acting::start().await;
    acting.ask("alice", "restart price-pusher-evm").await;
    let told = acting.ask("bob", "scale price-pusher-evm 3").await;
    assert!(told.contains("1 request open on the same target already"), "{told}");
    for (card, other) in [(1, "*#2*"), (2, "*#1*")] {
        assert!(acting.shown(card).contains(&format!("Also on this target: {other}")), "{}", acting.shown(card));
    }
    acting.choose("bob", 2, "wk.more", "Withdraw").await;
    assert!(!acting.shown(1).contains("Also on this target"), "{}", acting.shown(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_reason_the_form_asks_for_one() {
    let acting = Acting::start().await;
    acting.type_in("alice", "/wk scale price-pusher-evm").await;
    let wrong = acting.submit("alice", json!({"replicas": {"replicas": "many"}, "reason": {"reason": "launch"}})).await;
    assert_eq!(wrong["replicas"], "A whole number, 0 to 1000.");
    acting.submit("alice", json!({"replicas": {"replicas": "4"}, "reason": {"reason": "launch"}})).await;
    assert!(acting.shown(1).contains("launch") && acting.shown(1).contains("*4*"), "{}", acting.shown(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_rule_allows_is_denied_and_on_record() {
    let acting = Acting::with(Database::sqlite(), |config| {
        let mut narrow = rule();
        narrow["actions"] = json!(["restart"]);
        narrow["namespaces"] = json!(["feeds"]);
        config.actions = allowed(narrow);
    })
    .await;
    let told = acting.ask("alice", "drain worker-1").await;
    assert!(told.contains("No rule in `actions.rules` allows"), "{told}");
    let told = acting.ask("alice", "restart grafana").await;
    assert!(told.contains("No rule"), "{told}");
    let told = acting.ask("dave", "restart price-pusher-evm").await;
    assert!(told.contains("does not let you ask for this"), "{told}");
    let audit = acting.bot.audit().await.join("\n");
    assert_eq!(audit.matches("action.denied").count(), 3, "{audit}");
    let told = acting.ask("alice", "restart nothing-like-it").await;
    assert!(told.contains("No workload or pod is called"), "{told}");
    let told = acting.ask("alice", "restart report-publishers").await;
    assert!(told.contains("is for Deployment, StatefulSet, DaemonSet"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_said_before_anybody_approves_it() {
    let acting = Acting::start().await;
    let told = acting.ask("alice", "scale price-pusher-evm 2").await;
    assert!(told.contains("nothing to do"), "{told}");
    acting.cluster.set_role(Vec::new());
    let told = acting.ask("alice", "scale price-pusher-evm 3").await;
    assert!(told.contains("its role lacks"), "{told}");
    let audit = acting.bot.audit().await.join("\n");
    assert_eq!(audit.matches("action.not_planned").count(), 2, "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn break_glass_acts_at_once_tells_everybody_and_is_reviewed() {
    let acting = Acting::start().await;
    let told = acting.type_in("bob", "/wk restart price-pusher-evm --break-glass it burns").await;
    assert!(told.contains("`actions.break_glass` list"), "{told}");
    let told = acting.type_in("alice", "/wk restart price-pusher-evm --break-glass it burns").await;
    assert!(told.contains("begins without approval"), "{told}");
    acting.act().await;
    assert_eq!(acting.state(1).await, "succeeded");
    let all = acting.shown_all().join("\n");
    assert!(all.contains("acts without approval") && (all.contains("@channel") || all.contains("<!channel>")), "{all}");
    let told = acting.press("alice", 1, "I have reviewed it").await;
    assert!(told.contains("Nobody approves what they asked for themselves"), "{told}");
    acting.press("bob", 1, "I have reviewed it").await;
    assert!(acting.shown(1).contains("Reviewed by *bob*"), "{}", acting.shown(1));
    assert!(acting.audit(1).await.contains(&"T0WKLABS/U0ALICE action.glass_broken".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_back_shows_every_request_and_everything_that_happened_to_one() {
    let acting = Acting::start().await;
    acting.ask("alice", "restart price-pusher-evm").await;
    acting.press("carol", 1, "Details").await;
    acting.press("bob", 1, "Approve").await;
    acting.act().await;
    acting.ask("bob", "cordon worker-1").await;
    let list = acting.type_in("dave", "/wk actions").await;
    let (open, done) = (list.find("*#2* Cordon").unwrap(), list.find("*#1* Restart").unwrap());
    assert!(open < done, "what is open comes first: {list}");
    let history = acting.type_in("dave", "/wk action 1").await;
    for part in ["*requested*", "*viewed*", "*approved*", "*step attempted*", "*succeeded*", "*carol*"] {
        assert!(history.contains(part), "{part}: {history}");
    }
    let found = acting.type_in("alice", "/wk audit <@U0BOB> action 1d").await;
    assert!(found.contains("*approved*") && !found.contains("*viewed*"), "{found}");
    assert!(acting.type_in("alice", "/wk audit #2").await.contains("*requested*"));
    assert!(acting.type_in("alice", "/wk audit yesterday").await.contains("has nothing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fits_several_asks_which_and_a_node_is_found_by_a_part_of_its_name() {
    let acting = Acting::start().await;
    let told = acting.ask("alice", "restart price-pusher").await;
    assert!(told.contains("fits 2 objects") && told.contains("price-pusher-solana"), "{told}");
    acting.ask("alice", "cordon er-2").await;
    // A node that takes no more pods may be more than one service's: two others approve.
    acting.press("bob", 1, "Approve").await;
    acting.press("carol", 1, "Approve").await;
    acting.act().await;
    assert_eq!(acting.cluster.object("nodes", "", "worker-2").unwrap()["spec"]["unschedulable"], true);
    let told = acting.ask("alice", "restart prod/feeds/Deployment/hermes").await;
    assert!(told.contains("Asked for as *#2*"), "{told}");
    assert!(acting.shown(2).contains("Argo CD"), "who keeps it is a warning: {}", acting.shown(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_and_rates_hold_back_what_is_approved() {
    let acting = Acting::with(Database::sqlite(), |config| {
        let mut slow = rule();
        slow["rate"] = json!({"most": 1, "within": "1h"});
        slow["execute_within"] = json!("2h");
        config.actions = allowed(slow);
    })
    .await;
    for (number, name) in [(1, "price-pusher-evm"), (2, "price-pusher-solana")] {
        acting.ask("alice", &format!("restart {name}")).await;
        acting.press("bob", number, "Approve").await;
        acting.act().await;
    }
    assert_eq!((acting.state(1).await, acting.state(2).await), ("succeeded", "approved"));
    assert!(acting.shown(2).contains("began within 1h"), "{}", acting.shown(2));
    acting.pass(3601).await;
    assert_eq!(acting.state(2).await, "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_offers_what_fits_with_the_form_filled_in() {
    let mut acting = Acting::with(Database::sqlite(), |config| {
        config.alerting.root.group_wait = Some(Span::from_secs(0));
    })
    .await;
    let crash = Crash { exit_code: 101, reason: "Error".to_owned(), lines: vec!["panicked".to_owned()] };
    acting.cluster.crash("feeds", "price-pusher-evm", crash);
    acting.until(|index| index.deployment("feeds", "price-pusher-evm").is_some_and(|it| it.ready == 0)).await;
    acting
        .until(|index| {
            let mut pods = index.pods_in("feeds").filter(|pod| pod.meta.name.starts_with("price-pusher-evm"));
            pods.all(|pod| pod.containers.iter().any(Container::in_crash_loop))
        })
        .await;
    acting.bot.flow.judge_clusters().await;
    acting.pass(16 * 60).await;
    acting.bot.flow.judge_clusters().await;
    acting.bot.flow.tick().await;
    acting.bot.settle().await;
    let alert = acting.bot.posted().into_iter().find(|it| Workspace::render(it).contains("crash looping")).unwrap();
    let ts = alert["ts"].as_str().unwrap().to_owned();
    assert!(Workspace::render(&alert).contains("Act…"), "{}", Workspace::render(&alert));
    let chosen = "Restart feeds/price-pusher-evm";
    acting.bot.slack.choose("alice", "feeds-alerts", &ts, "wk.action.offer", chosen).await;
    acting.bot.settle().await;
    acting.submit("alice", json!({})).await;
    let card = acting.shown(1);
    assert!(card.contains("Restart Deployment feeds/price-pusher-evm") && card.contains("crash"), "{card}");
    acting.cluster.heal("feeds", "price-pusher-evm");
    acting.press("bob", 1, "Approve").await;
    acting.act().await;
    assert_eq!(acting.state(1).await, "succeeded");
    // Slack takes one message a second in a channel.
    acting.pass(5).await;
    let thread: Vec<String> = acting.bot.slack.thread("feeds-alerts", &ts).iter().map(Workspace::render).collect();
    assert!(thread.iter().any(|line| line.contains("asked for *#1*")), "{thread:#?}");
}
