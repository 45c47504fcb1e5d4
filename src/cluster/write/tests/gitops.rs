//! Argo CD, Argo Rollouts and Flux.

use kube::api::PostParams;
use serde_json::{Value, json};

use super::{Bench, NOW, hour, succeeded};
use crate::core::action::found::Settled;
use crate::core::action::journal::Tried;
use crate::core::action::kind::Action;
use crate::core::action::plan::{Risk, Undo};
use crate::core::action::target::Sort;
use crate::core::time::Span;

const APP: &str = "prod/feeds/Application/prices";
const ROLLOUT: &str = "prod/feeds/Rollout/fortuna";
const BASE: &str = "prod/feeds/Kustomization/base";
const HEAD: &str = "4f2c1ab09d8e7f6a5b4c3d2e1f0a9b8c7d6e5f40";
const BEFORE: &str = "a0b1c2d3e4f5061728394a5b6c7d8e9f00112233";
const OLD: &str = "00000000000000000000000000000000000000aa";

/// One of each, out of sync, at a pause, reconciling.
pub(super) fn objects() -> Vec<(Sort, Value)> {
    let source = json!({"repoURL": "https://github.com/acme/infra", "path": "prices", "targetRevision": "main"});
    let entry = |id: i64, revision: &str| json!({"id": id, "revision": revision, "source": source, "deployedAt": "2026-11-20T10:00:00Z"});
    let application = json!({
        "metadata": {"name": "prices"},
        "spec": {"project": "default", "source": source, "syncPolicy": {"syncOptions": ["ServerSideApply=true"]}},
        "status": {
            "sync": {"status": "OutOfSync", "revision": HEAD}, "health": {"status": "Healthy"},
            "history": [entry(3, OLD), entry(4, BEFORE)],
            "resources": [
                {"kind": "Deployment", "namespace": "feeds", "name": "hermes", "status": "OutOfSync"},
                {"kind": "Service", "namespace": "feeds", "name": "hermes", "status": "Synced"},
                {"kind": "ConfigMap", "namespace": "feeds", "name": "old", "status": "OutOfSync", "requiresPruning": true},
            ],
        },
    });
    let rollout = json!({
        "metadata": {"name": "fortuna"},
        "spec": {
            "replicas": 2, "template": {"spec": {"containers": [{"name": "fortuna", "image": "fortuna:2"}]}},
            "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {}}]}},
        },
        "status": {
            "currentPodHash": "new", "stableRS": "old", "phase": "Paused", "currentStepIndex": 1, "readyReplicas": 2,
            "pauseConditions": [{"reason": "CanaryPauseStep"}],
        },
    });
    let kustomization = json!({
        "metadata": {"name": "base"},
        "spec": {"interval": "10m", "sourceRef": {"kind": "GitRepository", "name": "infra"}},
    });
    vec![(Sort::Application, application), (Sort::Rollout, rollout), (Sort::Kustomization, kustomization)]
}

async fn bench() -> Bench {
    let bench = Bench::open().await;
    for (sort, object) in objects() {
        let api = bench.hands.objects("prod", sort, "feeds").await.unwrap();
        api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    }
    bench
}

#[tokio::test]
async fn a_sync_is_to_the_commit_that_was_shown_and_prunes_only_when_asked() {
    let bench = bench().await;
    let plan = bench.plan(Action::Sync { prune: false }, APP).await;
    let change = &plan.preview.changes[0];
    assert_eq!((change.old.as_str(), change.new.as_str()), ("a0b1c2d3e4", "4f2c1ab09d"));
    let warnings = plan.preview.warnings.join("\n");
    assert!(
        warnings.contains("applies Deployment feeds/hermes")
            && warnings.contains("leaves, since pruning was not asked for: ConfigMap feeds/old"),
        "{warnings}"
    );
    assert_eq!(plan.preview.undo, Undo::By { action: Action::RollbackApp { id: Some(4) } });
    assert!(matches!(bench.hands.observe(&plan, 0, NOW).await, Tried::Blocked { .. }));
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
    assert_eq!(bench.settles(&plan).await, "synced; Healthy");
    let sync = bench.object("applications", "feeds", "prices")["status"]["operationState"]["operation"]["sync"].clone();
    assert_eq!(
        sync,
        json!({"revision": HEAD, "prune": false, "syncOptions": ["ServerSideApply=true"], "syncStrategy": {"hook": {}}})
    );
    assert!(succeeded(&bench.hands.observe(&plan, 0, NOW).await));
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
    let history = bench.object("applications", "feeds", "prices")["status"]["history"].as_array().unwrap().len();
    assert_eq!(history, 3, "synced once");
    let refused = bench.refused(&Action::Sync { prune: false }, APP).await;
    assert!(refused.contains("needs pruning: ConfigMap feeds/old"), "{refused}");
}

#[tokio::test]
async fn a_sync_waits_for_no_other_and_takes_no_others_place() {
    let bench = bench().await;
    let plan = bench.plan(Action::Sync { prune: false }, APP).await;
    bench.sim.edit("applications", "feeds", "prices", "argocd", |it| {
        it["status"]["operationState"] = json!({"phase": "Running"});
    });
    assert!(bench.refused(&Action::Sync { prune: false }, APP).await.starts_with("another sync is under way"));
    let tried = bench.hands.carry_out(&plan, 0, NOW).await;
    assert!(matches!(&tried, Tried::Failed { why } if why.contains("another sync")), "{tried:?}");
}

#[tokio::test]
async fn an_application_goes_back_to_what_was_applied_before_unless_it_syncs_by_itself() {
    let bench = bench().await;
    let plan = bench.done(Action::RollbackApp { id: None }, APP).await;
    assert_eq!(plan.preview.changes[0].new, "0000000000");
    let application = bench.object("applications", "feeds", "prices");
    assert_eq!(application["status"]["operationState"]["operation"]["sync"]["revision"], OLD);
    assert_eq!(application["status"]["operationState"]["operation"]["sync"]["source"]["path"], "prices");
    let refused = bench.refused(&Action::RollbackApp { id: Some(9) }, APP).await;
    assert_eq!(refused, "its history has no 9; there are: 3, 4, 5");
    bench.sim.edit("applications", "feeds", "prices", "ann", |it| it["spec"]["syncPolicy"]["automated"] = json!({}));
    assert!(bench.refused(&Action::RollbackApp { id: Some(3) }, APP).await.starts_with("it syncs by itself"));
}

#[tokio::test]
async fn a_refresh_is_taken_by_argo_cd() {
    let bench = bench().await;
    bench.done(Action::Refresh { hard: true }, APP).await;
    let application = bench.object("applications", "feeds", "prices");
    assert!(application["status"]["reconciledAt"].is_string(), "{application}");
}

#[tokio::test]
async fn a_rollout_is_promoted_step_by_step_or_in_full() {
    let bench = bench().await;
    let plan = bench.plan(Action::Promote { full: false }, ROLLOUT).await;
    assert_eq!((plan.preview.changes[0].old.as_str(), plan.preview.risk), ("at step 1 of 4", Risk::R1));
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
    assert_eq!(bench.settles(&plan).await, "paused at step 3 of 4");
    assert!(succeeded(&bench.hands.observe(&plan, 0, NOW).await), "it is at another step now");
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await), "and is not promoted twice");
    assert_eq!(bench.object("rollouts", "feeds", "fortuna")["status"]["currentStepIndex"], 3);
    let full = bench.done(Action::Promote { full: true }, ROLLOUT).await;
    assert_eq!(full.preview.risk, Risk::R2);
    assert_eq!(bench.object("rollouts", "feeds", "fortuna")["status"]["stableRS"], "new");
    assert_eq!(
        bench.refused(&Action::Promote { full: true }, ROLLOUT).await,
        "nothing to do: no update of it is under way"
    );
}

#[tokio::test]
async fn an_update_is_aborted_and_tried_again() {
    let bench = bench().await;
    let plan = bench.done(Action::Abort, ROLLOUT).await;
    assert!(bench.refused(&Action::Promote { full: false }, ROLLOUT).await.contains("retry it first"));
    bench.undo(&plan).await;
    assert_eq!(bench.object("rollouts", "feeds", "fortuna")["status"]["phase"], "Paused");
    let other = bench.plan(Action::Abort, ROLLOUT).await;
    bench.sim.edit("rollouts", "feeds", "fortuna", "ci", |it| it["status"]["currentPodHash"] = "newer".into());
    let tried = bench.hands.carry_out(&other, 0, NOW).await;
    assert!(matches!(&tried, Tried::Failed { why } if why.contains("another update was begun")), "{tried:?}");
}

#[tokio::test]
async fn flux_is_asked_and_says_when_it_has_done_it() {
    let bench = bench().await;
    let plan = bench.plan(Action::Reconcile, BASE).await;
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
    assert!(bench.settles(&plan).await.starts_with("reconciled: Applied revision"));
    let object = bench.object("kustomizations", "feeds", "base");
    assert_eq!(object["status"]["lastHandledReconcileAt"], NOW.to_string());
    assert!(succeeded(&bench.hands.observe(&plan, 0, NOW).await));
    let fresh = bench.plan(Action::Reconcile, BASE).await;
    bench.sim.edit("kustomizations", "feeds", "base", "flux", |it| it["status"]["lastHandledReconcileAt"] = "x".into());
    bench.sim.edit("kustomizations", "feeds", "base", "flux", |it| it["spec"]["suspend"] = true.into());
    assert!(matches!(bench.hands.settled(&fresh).await, Settled::Progress { .. } | Settled::Done { .. }));
}

#[tokio::test]
async fn a_change_is_made_while_flux_leaves_alone_what_it_keeps() {
    const PUSHER: &str = "prod/feeds/Deployment/price-pusher-evm";
    let bench = bench().await;
    let scale = |back_after| Box::new(Action::Scale { replicas: 5, back_after });
    let held = |back_after, lasts| Action::WhileSuspended { action: scale(back_after), lasts };
    assert!(bench.refused(&held(None, hour()), PUSHER).await.starts_with("nothing keeps it"));
    bench.sim.edit("deployments", "feeds", "price-pusher-evm", "flux", |it| {
        it["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] = "base".into();
        it["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/namespace"] = "feeds".into();
    });
    let long = Span::from_secs(7200);
    assert!(bench.refused(&held(Some(long), hour()), PUSHER).await.contains("goes back only after 2h"));
    let plan = bench.plan(held(Some(hour()), long), PUSHER).await;
    let told: Vec<_> = plan.preview.changes.iter().map(|it| (it.new.as_str(), it.after)).collect();
    let later = Some(hour());
    assert_eq!(told, [("suspended", None), ("5", None), ("2", later), ("reconciles", later)]);
    assert_eq!((plan.preview.risk, plan.also().count()), (Risk::R2, 1));
    let suspended = || bench.object("kustomizations", "feeds", "base")["spec"]["suspend"] == true;
    for step in 0..2 {
        assert!(succeeded(&bench.hands.carry_out(&plan, step, NOW).await));
        assert!(suspended());
    }
    assert_eq!(bench.settles(&plan).await, "5 pods ready");
    let other = Action::Scale { replicas: 6, back_after: None };
    let again = Action::WhileSuspended { action: Box::new(other), lasts: hour() };
    assert!(bench.refused(&again, PUSHER).await.contains("is suspended already"));
    for step in 2..4 {
        assert!(succeeded(&bench.hands.carry_out(&plan, step, NOW).await));
    }
    assert!(!suspended());
    bench.sim.edit("deployments", "feeds", "price-pusher-evm", "argocd", |it| {
        it["metadata"]["labels"] =
            serde_json::json!({"app": "price-pusher-evm", "argocd.argoproj.io/instance": "prices"});
    });
    assert!(bench.refused(&held(None, hour()), PUSHER).await.contains("Argo CD has no suspension"));
}

#[tokio::test]
async fn a_suspended_reconciliation_has_an_end_and_comes_back() {
    let bench = bench().await;
    let plan = bench.plan(Action::SuspendReconcile { back_after: Some(hour()) }, BASE).await;
    assert_eq!(plan.preview.changes.len(), 2);
    assert_eq!(plan.holds_for(), Some(std::time::Duration::from_hours(1)));
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
    assert_eq!(bench.settles(&plan).await, "suspended");
    assert!(bench.refused(&Action::Reconcile, BASE).await.contains("resume it first"));
    assert!(succeeded(&bench.hands.carry_out(&plan, 1, NOW).await));
    assert_eq!(bench.object("kustomizations", "feeds", "base")["spec"]["suspend"], false);
    let open = bench.plan(Action::SuspendReconcile { back_after: None }, BASE).await;
    assert!(open.preview.warnings.iter().any(|it| it.contains("give an end")), "{:?}", open.preview.warnings);
    bench.done(Action::SuspendReconcile { back_after: None }, BASE).await;
    bench.undo(&open).await;
}
