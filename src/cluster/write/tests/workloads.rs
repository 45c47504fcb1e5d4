//! Deployments, StatefulSets, DaemonSets, pods and Jobs.

use serde_json::json;

use super::{Bench, NOW, approved, hour, scale, succeeded};
use crate::core::action::found::Settled;
use crate::core::action::journal::Tried;
use crate::core::action::kind::Action;
use crate::core::action::plan::{Risk, Undo, Write};

const HERMES: &str = "prod/feeds/Deployment/hermes";
const PUSHER: &str = "prod/feeds/Deployment/price-pusher-evm";
const CRON: &str = "prod/feeds/CronJob/report-publishers";

#[tokio::test]
async fn a_restart_replaces_every_pod_once_however_often_it_is_sent() {
    let bench = Bench::open().await;
    let before = bench.pods("hermes");
    let plan = bench.plan(Action::Restart, HERMES).await;
    assert_eq!(plan.preview.risk, Risk::R1);
    assert_eq!(plan.preview.blast.pods, "3 pods, replaced a few at a time");
    assert_eq!(plan.preview.blast.budgets, ["hermes: 1 of 3 may be down now"]);
    assert!(
        plan.preview.warnings.iter().any(|it| it.starts_with("Argo CD application feeds keeps it")),
        "{:?}",
        plan.preview
    );
    assert!(matches!(bench.hands.observe(&plan, 0, NOW).await, Tried::Blocked { .. }), "nothing was done yet");
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
    assert_eq!(bench.settles(&plan).await, "3 pods of the new template ready");
    let after = bench.pods("hermes");
    assert!(after.len() == 3 && after.iter().all(|pod| !before.contains(pod)), "{before:?} {after:?}");
    assert!(succeeded(&bench.hands.observe(&plan, 0, NOW).await));
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
    bench.sim.tick();
    assert_eq!(bench.pods("hermes"), after);
}

#[tokio::test]
async fn stateful_sets_and_daemon_sets_restart_too_and_one_pod_alone_is_a_greater_risk() {
    let bench = Bench::open().await;
    bench.done(Action::Restart, "prod/platform/StatefulSet/postgres").await;
    bench.done(Action::Restart, "prod/platform/DaemonSet/node-exporter").await;
    let alone = bench.preview(&Action::Restart, "prod/platform/Deployment/grafana").await.unwrap();
    assert_eq!(alone.risk, Risk::R2);
}

#[tokio::test]
async fn what_somebody_changed_after_the_approval_is_left_alone() {
    let bench = Bench::open().await;
    let plan = bench.plan(Action::Restart, PUSHER).await;
    bench.sim.set_image("feeds", "price-pusher-evm", "ghcr.io/acme/price-pusher:v1.9.0", "ci");
    let tried = bench.hands.carry_out(&plan, 0, NOW).await;
    assert_eq!(tried, Tried::Failed { why: "its pod template was changed since it was approved".to_owned() });
}

#[tokio::test]
async fn a_status_that_moves_on_is_no_reason_to_stop() {
    let bench = Bench::open().await;
    let plan = bench.plan(Action::Restart, PUSHER).await;
    bench
        .sim
        .edit("deployments", "feeds", "price-pusher-evm", "kubelet", |it| it["status"]["collisionCount"] = 1.into());
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
}

#[tokio::test]
async fn scaling_with_an_end_goes_there_and_back_and_says_who_else_scales() {
    let bench = Bench::open().await;
    let action = Action::Scale { replicas: 5, back_after: Some(hour()) };
    let plan = bench.plan(action, HERMES).await;
    let [there, back] = plan.preview.changes.as_slice() else { panic!("{:?}", plan.preview.changes) };
    assert_eq!((there.old.as_str(), there.new.as_str(), back.after), ("3", "5", Some(hour())));
    assert!(
        plan.preview.warnings.iter().any(|it| it.contains("autoscaler hermes (3 to 6)")),
        "{:?}",
        plan.preview.warnings
    );
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
    assert_eq!(bench.settles(&plan).await, "5 pods ready");
    assert!(succeeded(&bench.hands.carry_out(&plan, 1, NOW).await));
    assert_eq!(bench.object("deployments", "feeds", "hermes")["spec"]["replicas"], 3);
    let field = bench.object("deployments", "feeds", "hermes")["metadata"]["managedFields"].clone();
    assert!(field.as_array().unwrap().iter().any(|it| it["manager"] == "watchkeeper"), "{field}");
}

#[tokio::test]
async fn what_was_scaled_by_somebody_else_is_not_scaled_again() {
    let bench = Bench::open().await;
    let plan = bench.plan(scale(4), PUSHER).await;
    let set = |replicas: u32| {
        bench
            .sim
            .edit("deployments", "feeds", "price-pusher-evm", "ann", |it| it["spec"]["replicas"] = replicas.into());
    };
    set(7);
    let tried = bench.hands.carry_out(&plan, 0, NOW).await;
    assert!(matches!(&tried, Tried::Failed { why } if why.contains("7 replicas now, not 2")), "{tried:?}");
    assert!(matches!(bench.hands.observe(&plan, 0, NOW).await, Tried::Unknown { .. }));
    set(4);
    assert!(succeeded(&bench.hands.observe(&plan, 0, NOW).await));
    assert_eq!(bench.refused(&scale(4), PUSHER).await, "nothing to do: it has 4 replicas already");
    let none = bench.preview(&scale(0), PUSHER).await.unwrap();
    assert_eq!(none.risk, Risk::R2);
}

#[tokio::test]
async fn a_rollback_shows_what_differs_and_can_be_taken_back() {
    let bench = Bench::open().await;
    let image =
        || bench.object("deployments", "feeds", "hermes")["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    let plan = bench.plan(Action::Rollback { revision: None }, HERMES).await;
    let change = &plan.preview.changes[0];
    assert_eq!(change.field, "image of hermes");
    assert_eq!(
        (change.old.as_str(), change.new.as_str()),
        ("ghcr.io/acme/hermes:v0.10.4", "ghcr.io/acme/hermes:v0.10.3")
    );
    assert_eq!(plan.preview.undo, Undo::By { action: Action::Rollback { revision: Some(3) } });
    assert_eq!(plan.preview.risk, Risk::R2);
    assert!(matches!(bench.hands.observe(&plan, 0, NOW).await, Tried::Blocked { .. }));
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
    bench.settles(&plan).await;
    assert_eq!(image(), "ghcr.io/acme/hermes:v0.10.3");
    assert!(succeeded(&bench.hands.observe(&plan, 0, NOW).await));
    bench.undo(&plan).await;
    assert_eq!(image(), "ghcr.io/acme/hermes:v0.10.4");
    let refused = bench.refused(&Action::Rollback { revision: Some(9) }, HERMES).await;
    assert!(refused.starts_with("revision 9 of it is not kept; there are: 1, "), "{refused}");
    let same = bench.refused(&Action::Rollback { revision: Some(5) }, HERMES).await;
    assert_eq!(same, "nothing to do: revision 5 is what it runs");
}

#[tokio::test]
async fn a_rollout_is_paused_and_resumed() {
    let bench = Bench::open().await;
    let plan = bench.done(Action::PauseRollout, PUSHER).await;
    assert_eq!(bench.refused(&Action::PauseRollout, PUSHER).await, "nothing to do: its rollout is paused already");
    assert!(bench.refused(&Action::Restart, PUSHER).await.contains("resume it first"));
    bench.undo(&plan).await;
    assert_eq!(bench.object("deployments", "feeds", "price-pusher-evm")["spec"]["paused"], false);
}

#[tokio::test]
async fn a_deleted_pod_is_replaced_and_its_successor_of_the_same_name_is_left_alone() {
    let bench = Bench::open().await;
    let plan = bench.plan(Action::DeletePod, "prod/platform/Pod/postgres-0").await;
    assert_eq!(plan.preview.blast.pods, "1 pod; 1 of the 1 others of StatefulSet postgres are ready");
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
    bench.settles(&plan).await;
    let successor = bench.object("pods", "platform", "postgres-0")["metadata"]["uid"].clone();
    assert_ne!(successor, plan.preview.changes[0].object.uid.as_str());
    assert!(succeeded(&bench.hands.observe(&plan, 0, NOW).await));
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
    assert_eq!(bench.object("pods", "platform", "postgres-0")["metadata"]["uid"], successor);
}

#[tokio::test]
async fn a_pod_that_nothing_would_make_again_is_not_deleted() {
    let bench = Bench::open().await;
    let pods = bench.hands.others("prod", &super::super::PODS, "feeds").await.unwrap();
    let bare = json!({"metadata": {"name": "debug"}, "spec": {"containers": [{"name": "x", "image": "x"}]}});
    pods.create(&kube::api::PostParams::default(), &serde_json::from_value(bare).unwrap()).await.unwrap();
    assert!(bench.refused(&Action::DeletePod, "prod/feeds/Pod/debug").await.contains("nothing would make it again"));
}

#[tokio::test]
async fn a_cron_job_is_run_once_however_often_it_is_sent() {
    let bench = Bench::open().await;
    let jobs = || {
        bench
            .sim
            .objects("jobs")
            .into_iter()
            .filter(|job| !job["metadata"]["labels"]["watchkeeper/plan"].is_null())
            .collect::<Vec<_>>()
    };
    let plan = bench.plan(Action::RunJob, CRON).await;
    assert_eq!(plan.preview.changes[0].new, "one from CronJob report-publishers, with ghcr.io/acme/reports:v0.4.0");
    assert!(matches!(bench.hands.observe(&plan, 0, NOW).await, Tried::Blocked { .. }));
    for _ in 0..3 {
        assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
    }
    assert_eq!(jobs().len(), 1);
    assert_eq!(jobs()[0]["metadata"]["ownerReferences"][0]["name"], "report-publishers");
    assert!(succeeded(&bench.hands.observe(&plan, 0, NOW).await));
    assert!(bench.settles(&plan).await.contains("is complete"));
    let preview = bench.preview(&Action::RunJob, CRON).await.unwrap();
    let mut again = approved(Action::RunJob, CRON, preview.clone());
    assert_eq!(again.digest(), plan.digest(), "an equal plan is the same plan");
    let other = crate::core::action::plan::Preview { risk: Risk::R2, ..preview };
    again = approved(Action::RunJob, CRON, other);
    assert!(succeeded(&bench.hands.carry_out(&again, 0, NOW).await));
    assert_eq!(jobs().len(), 2, "another plan makes another Job");
}

#[tokio::test]
async fn a_job_that_is_no_longer_there_long_after_it_was_asked_for_may_have_run() {
    let bench = Bench::open().await;
    let plan = bench.plan(Action::RunJob, CRON).await;
    let long_ago = NOW.minus(std::time::Duration::from_hours(1));
    let tried = bench.hands.observe(&plan, 0, long_ago).await;
    assert!(matches!(&tried, Tried::Unknown { why } if why.contains("was cleaned up")), "{tried:?}");
}

#[tokio::test]
async fn a_failed_job_is_made_again_and_one_that_has_not_failed_is_not() {
    let bench = Bench::open().await;
    let jobs = bench.hands.objects("prod", crate::core::action::target::Sort::Job, "feeds").await.unwrap();
    let job = json!({
        "metadata": {"name": "backfill", "labels": {"job-name": "backfill", "team": "oracle"}},
        "spec": {
            "backoffLimit": 0, "selector": {"matchLabels": {"controller-uid": "x"}},
            "template": {
                "metadata": {"labels": {"controller-uid": "x", "job-name": "backfill", "app": "backfill"}},
                "spec": {"containers": [{"name": "x", "image": "backfill:1"}], "restartPolicy": "Never"},
            },
        },
        "status": {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]},
    });
    jobs.create(&kube::api::PostParams::default(), &serde_json::from_value(job).unwrap()).await.unwrap();
    let plan = bench.done(Action::RunJob, "prod/feeds/Job/backfill").await;
    let name = format!("backfill-{}", plan.digest().short());
    let made = bench.object("jobs", "feeds", &name);
    assert!(made["spec"].get("selector").is_none(), "{made}");
    assert_eq!(made["spec"]["template"]["metadata"]["labels"], json!({"app": "backfill"}));
    assert_eq!(made["metadata"]["labels"]["team"], "oracle");
    let refused = bench.refused(&Action::RunJob, &format!("prod/feeds/Job/{name}")).await;
    assert_eq!(refused, "nothing to do: it has done its work");
}

#[tokio::test]
async fn a_cron_job_is_suspended_and_resumed() {
    let bench = Bench::open().await;
    let plan = bench.done(Action::SuspendCronjob, CRON).await;
    assert_eq!(plan.preview.changes[0].old, "runs at */10 * * * *");
    assert_eq!(bench.refused(&Action::SuspendCronjob, CRON).await, "nothing to do: it is suspended already");
    bench.undo(&plan).await;
    assert_eq!(bench.object("cronjobs", "feeds", "report-publishers")["spec"]["suspend"], false);
}

#[tokio::test]
async fn a_rollout_that_gets_stuck_is_a_failure_and_one_that_goes_on_is_progress() {
    let bench = Bench::open().await;
    let plan = bench.plan(Action::Restart, PUSHER).await;
    bench.sim.crash(
        "feeds",
        "price-pusher-evm",
        crate::sim::cluster::Crash { exit_code: 1, reason: "Error".to_owned(), lines: Vec::new() },
    );
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
    assert!(matches!(bench.hands.settled(&plan).await, Settled::Progress { .. }));
    bench.sim.edit("deployments", "feeds", "price-pusher-evm", "x", |it| {
        it["status"]["conditions"] = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}]);
    });
    assert_eq!(bench.hands.settled(&plan).await, Settled::Failed { why: "timed out".to_owned() });
    assert!(matches!(plan.preview.changes[0].write, Write::Restart));
}
