//! What goes wrong between the bot and a cluster, and what is said of it.

use kube::api::PostParams;
use serde_json::{Value, json};

use super::{Bench, NOW, approved, scale, succeeded};
use crate::core::action::found::{CannotPlan, Settled};
use crate::core::action::journal::Tried;
use crate::core::action::kind::{Action, Kind};
use crate::core::action::target::Sort;
use crate::sim::cluster::{Failure, Rule};

const PUSHER: &str = "prod/feeds/Deployment/price-pusher-evm";

#[tokio::test]
async fn a_name_that_does_not_exist_is_answered_with_those_that_were_meant() {
    let bench = Bench::open().await;
    let refused = bench.refused(&Action::Restart, "prod/feeds/Deployment/hermse").await;
    assert_eq!(refused, "prod/feeds/Deployment/hermse does not exist; did you mean hermes?");
    assert_eq!(
        bench.refused(&Action::Restart, "dev/feeds/Deployment/x").await,
        "no cluster is named dev; there are: prod"
    );
    let wrong = bench.refused(&Action::Cordon, PUSHER).await;
    assert_eq!(wrong, "cordon is not for a Deployment; it is for: Node");
}

#[tokio::test]
async fn a_right_that_is_missing_is_named_before_anybody_approves() {
    let bench = Bench::open().await;
    let read = Rule::new(&["*"], &["*"], &["get", "list"]);
    bench.sim.set_role(vec![read, Rule::new(&["apps"], &["deployments"], &["patch"])]);
    assert!(bench.preview(&Action::Restart, PUSHER).await.is_ok());
    let refused = bench.preview(&scale(5), PUSHER).await.unwrap_err();
    assert_eq!(refused, CannotPlan::Forbidden { cluster: "prod".into(), rule: "apps deployments/scale: patch".into() });
    let plan = bench.plan(Action::Restart, PUSHER).await;
    bench.sim.set_role(vec![Rule::new(&["*"], &["*"], &["get", "list"])]);
    let tried = bench.hands.carry_out(&plan, 0, NOW).await;
    assert!(matches!(&tried, Tried::Failed { why } if why.contains("does not allow it")), "{tried:?}");
}

#[tokio::test]
async fn every_action_is_possible_with_the_rules_that_are_printed_for_it_and_not_without() {
    use crate::core::action::rbac::rules;
    let bench = Bench::open().await;
    plant(&bench).await;
    for kind in Kind::ALL.into_iter().filter(|kind| kind.sorts()[0].in_cluster()) {
        let (action, target) = example(&bench, kind);
        let role = |writes: bool| -> Vec<Rule> {
            let rules = rules(kind).into_iter().map(|rule| {
                let verbs: Vec<&str> =
                    rule.verbs.iter().copied().filter(|verb| writes || ["get", "list"].contains(verb)).collect();
                Rule::new(&[rule.group], rule.resources, &verbs)
            });
            rules.collect()
        };
        bench.sim.set_role(role(false));
        let refused = bench.preview(&action, &target).await;
        assert!(matches!(refused, Err(CannotPlan::Forbidden { .. })), "{kind:?}: {refused:?}");
        bench.sim.set_role(role(true));
        let plan = bench.plan(action, &target).await;
        for step in 0..plan.preview.changes.len() {
            let tried = bench.hands.carry_out(&plan, step, NOW).await;
            assert!(succeeded(&tried), "{kind:?} {step}: {tried:?}");
        }
        let settled = bench.hands.settled(&plan).await;
        assert!(!matches!(settled, Settled::Failed { .. }), "{kind:?}: {settled:?}");
    }
}

#[tokio::test]
async fn a_preview_changes_nothing() {
    let bench = Bench::open().await;
    plant(&bench).await;
    for kind in Kind::ALL.into_iter().filter(|kind| kind.sorts()[0].in_cluster()) {
        let (action, target) = example(&bench, kind);
        let everything = || {
            let sorts = Sort::ALL.into_iter().filter(|sort| *sort != Sort::Wallet);
            sorts.map(|sort| bench.sim.objects(sort.plural())).collect::<Vec<_>>()
        };
        let before = everything();
        let one = bench.preview(&action, &target).await.unwrap();
        assert_eq!(everything(), before, "{kind:?}");
        let (one, two) = (approved(action.clone(), &target, one), bench.plan(action, &target).await);
        assert_eq!(one.digest(), two.digest(), "{kind:?}: the same plan, as long as nothing changes");
        bench.sim.tick();
    }
}

/// What the examples of GitOps are done to.
async fn plant(bench: &Bench) {
    for (sort, object) in super::gitops::objects() {
        let objects = bench.hands.objects("prod", sort, "feeds").await.unwrap();
        objects.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    }
    let state = json!({"metadata": {"name": "worker-5"}, "spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    let nodes = bench.hands.objects("prod", Sort::Node, "").await.unwrap();
    nodes.create(&PostParams::default(), &serde_json::from_value(state).unwrap()).await.unwrap();
}

/// One of each kind, with everything set so that it is possible.
fn example(bench: &Bench, kind: Kind) -> (Action, String) {
    let set = |plural: &str, namespace: &str, name: &str, path: &str, value: Value| {
        bench.sim.edit(plural, namespace, name, "story", |it| *it.pointer_mut(path).unwrap() = value);
    };
    let spec = |plural: &str, name: &str, key: &str, value: Value| {
        let namespace = if plural == "nodes" { "" } else { "feeds" };
        bench.sim.edit(plural, namespace, name, "story", |it| it["spec"][key] = value);
    };
    let rollout = |abort: bool| {
        let status = json!({
            "currentPodHash": "new", "stableRS": "old", "phase": if abort { "Degraded" } else { "Paused" }, "abort": abort,
            "currentStepIndex": 1, "pauseConditions": if abort { json!([]) } else { json!([{"reason": "CanaryPauseStep"}]) },
        });
        set("rollouts", "feeds", "fortuna", "/status", status);
    };
    let suspend = |suspend: bool| spec("kustomizations", "base", "suspend", suspend.into());
    let text = |target: &str| target.to_owned();
    match kind {
        Kind::Restart => (Action::Restart, text(PUSHER)),
        Kind::Scale => (scale(5), text(PUSHER)),
        Kind::Rollback => (Action::Rollback { revision: None }, text("prod/feeds/Deployment/price-pusher-solana")),
        Kind::PauseRollout => (Action::PauseRollout, text("prod/feeds/Deployment/hermes")),
        Kind::ResumeRollout => {
            spec("deployments", "hermes", "paused", true.into());
            (Action::ResumeRollout, text("prod/feeds/Deployment/hermes"))
        }
        Kind::DeletePod => (Action::DeletePod, format!("prod/feeds/Pod/{}", bench.pods("hermes")[0])),
        Kind::RunJob => (Action::RunJob, text("prod/feeds/CronJob/report-publishers")),
        Kind::SuspendCronjob => (Action::SuspendCronjob, text("prod/feeds/CronJob/report-publishers")),
        Kind::ResumeCronjob => {
            spec("cronjobs", "report-publishers", "suspend", true.into());
            (Action::ResumeCronjob, text("prod/feeds/CronJob/report-publishers"))
        }
        Kind::Cordon => (Action::Cordon, text("prod/Node/worker-5")),
        Kind::Uncordon => {
            spec("nodes", "worker-5", "unschedulable", true.into());
            (Action::Uncordon, text("prod/Node/worker-5"))
        }
        Kind::Drain => {
            let pods = bench.sim.objects("pods");
            let held = pods.iter().find(|pod| pod["metadata"]["labels"]["app"] == "grafana").unwrap();
            let node = held["spec"]["nodeName"].as_str().unwrap();
            spec("nodes", node, "unschedulable", false.into());
            (Action::Drain { delete_empty_dir: false }, format!("prod/Node/{node}"))
        }
        Kind::Sync => (Action::Sync { prune: true }, text("prod/feeds/Application/prices")),
        Kind::Refresh => (Action::Refresh { hard: true }, text("prod/feeds/Application/prices")),
        Kind::RollbackApp => (Action::RollbackApp { id: None }, text("prod/feeds/Application/prices")),
        Kind::Promote => {
            rollout(false);
            (Action::Promote { full: false }, text("prod/feeds/Rollout/fortuna"))
        }
        Kind::Abort => {
            rollout(false);
            (Action::Abort, text("prod/feeds/Rollout/fortuna"))
        }
        Kind::Retry => {
            rollout(true);
            (Action::Retry, text("prod/feeds/Rollout/fortuna"))
        }
        Kind::Reconcile => {
            suspend(false);
            (Action::Reconcile, text("prod/feeds/Kustomization/base"))
        }
        Kind::SuspendReconcile => {
            suspend(false);
            (Action::SuspendReconcile { back_after: None }, text("prod/feeds/Kustomization/base"))
        }
        Kind::ResumeReconcile => {
            suspend(true);
            (Action::ResumeReconcile, text("prod/feeds/Kustomization/base"))
        }
        Kind::Dispatch | Kind::TopUp => panic!("it is in no cluster"),
    }
}

#[tokio::test]
async fn an_unclear_answer_is_looked_after_and_what_did_not_happen_may_be_tried_again() {
    let bench = Bench::open().await;
    let plan = bench.plan(Action::Restart, PUSHER).await;
    // The first is the read before the write.
    for failure in [Failure::Status(500), Failure::Status(504), Failure::Disconnect] {
        bench.sim.faults(|faults| faults.skip("deployments", 1, failure.clone()));
        assert_eq!(bench.hands.carry_out(&plan, 0, NOW).await, Tried::Unclear, "{failure:?}");
        assert!(matches!(bench.hands.observe(&plan, 0, NOW).await, Tried::Blocked { .. }));
    }
    bench.sim.faults(|faults| faults.skip("deployments", 1, Failure::TooMany { retry_after: 1 }));
    assert!(matches!(bench.hands.carry_out(&plan, 0, NOW).await, Tried::Blocked { .. }));
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_is_named_and_nothing_is_called_failed() {
    let bench = Bench::open().await;
    let plan = bench.plan(Action::Restart, PUSHER).await;
    bench.sim.outage(true);
    let refused = bench.refused(&Action::Restart, PUSHER).await;
    assert!(refused.starts_with("prod cannot be asked now"), "{refused}");
    assert!(matches!(bench.hands.carry_out(&plan, 0, NOW).await, Tried::Blocked { .. }), "it was not even read");
    assert_eq!(bench.hands.observe(&plan, 0, NOW).await, Tried::Unclear);
    assert!(matches!(bench.hands.settled(&plan).await, Settled::Progress { .. }));
}

#[tokio::test]
async fn an_object_made_anew_under_the_same_name_is_another() {
    let bench = Bench::open().await;
    let plan = bench.plan(Action::Restart, PUSHER).await;
    let deployments = bench.hands.objects("prod", Sort::Deployment, "feeds").await.unwrap();
    let mut again = deployments.get("price-pusher-evm").await.unwrap();
    deployments.delete("price-pusher-evm", &kube::api::DeleteParams::default()).await.unwrap();
    assert!(matches!(bench.hands.carry_out(&plan, 0, NOW).await, Tried::Failed { .. }));
    (again.metadata.uid, again.metadata.resource_version) = (None, None);
    deployments.create(&PostParams::default(), &again).await.unwrap();
    let tried = bench.hands.carry_out(&plan, 0, NOW).await;
    assert!(matches!(&tried, Tried::Failed { why } if why.contains("another object")), "{tried:?}");
    assert!(matches!(bench.hands.observe(&plan, 0, NOW).await, Tried::Unknown { .. }));
    assert!(matches!(bench.hands.settled(&plan).await, Settled::Failed { .. }));
}
