use kube::api::DynamicObject;
use serde_json::json;

use super::*;
use crate::core::gitops::{Kind, Standing};

const SHA: &str = "4f2c1ab09d8e7f6a5b4c3d2e1f0a9b8c7d6e5f40";

fn read(kind: Kind, object: Value) -> App {
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    let object = Object::of("eu", kind, "team", &object);
    match kind {
        Kind::Rollout => rollout(object),
        _ => application(object),
    }
}

/// As Argo CD keeps it, with the difference.
fn argo(change: impl FnOnce(&mut Value)) -> App {
    let mut object = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": "prices", "namespace": "argocd", "generation": 812, "uid": "b1f0", "resourceVersion": "99",
            "annotations": {"team": "S0TEAM"},
        },
        "spec": {
            "project": "oracle",
            "source": {"repoURL": "https://github.com/pyth/infra.git", "path": "apps/prices", "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "prices"},
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true}},
        },
        "status": {
            "sync": {"status": "Synced", "revision": SHA, "comparedTo": {}},
            "health": {"status": "Healthy", "lastTransitionTime": "2026-11-29T10:00:00Z"},
            "operationState": {
                "phase": "Succeeded", "message": "successfully synced (all tasks run)",
                "startedAt": "2026-11-29T09:59:00Z", "finishedAt": "2026-11-29T09:59:30Z",
                "operation": {"initiatedBy": {"automated": true}, "sync": {"revision": SHA}},
                "syncResult": {"revision": SHA, "resources": []},
            },
            "resources": [
                {"kind": "Service", "namespace": "prices", "name": "hermes", "version": "v1", "status": "Synced"},
                {"group": "apps", "kind": "Deployment", "namespace": "prices", "name": "hermes", "status": "Synced"},
            ],
            "summary": {"images": ["ghcr.io/pyth/hermes:v0.10.1"]},
            "reconciledAt": "2026-11-29T11:00:00Z",
        },
    });
    change(&mut object);
    read(Kind::Application, object)
}

#[test]
fn a_synced_healthy_application_reads_whole() {
    let app = argo(|_| {});
    assert_eq!(app.standing(), Standing::Good);
    assert_eq!((app.automation, app.owner.as_deref()), (Automation::SelfHealing, Some("S0TEAM")));
    assert_eq!(app.images, ["ghcr.io/pyth/hermes:v0.10.1"]);
    assert_eq!(app.revision, Revision::parse(SHA));
    assert_eq!(app.origin.unwrap().follows.as_deref(), Some("main"));
    assert_eq!(app.since.health.unwrap().to_string(), "2026-11-29T10:00:00.000Z");
    let operation = app.operation.unwrap();
    assert_eq!((operation.phase.as_str(), operation.by), ("Succeeded", None));
    assert!(app.resources.is_empty());
}

#[test]
fn drift_is_told_object_by_object() {
    let app = argo(|object| {
        object["status"]["sync"]["status"] = json!("OutOfSync");
        object["status"]["resources"][1]["status"] = json!("OutOfSync");
        object["status"]["resources"][0]["status"] = json!("OutOfSync");
        object["status"]["resources"][0]["requiresPruning"] = json!(true);
    });
    assert_eq!(app.sync, Some(Sync::OutOfSync { message: String::new() }));
    let lines: Vec<_> = app.resources.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["Service prices/hermes: no longer in Git", "Deployment prices/hermes: out of sync"]);
}

#[test]
fn a_sync_that_failed_says_what_could_not_be_applied() {
    let app = argo(|object| {
        object["status"]["sync"]["status"] = json!("OutOfSync");
        let state = &mut object["status"]["operationState"];
        state["phase"] = json!("Failed");
        state["message"] = json!("one or more objects failed to apply");
        state["syncResult"]["resources"] = json!([{
            "group": "apps", "kind": "Deployment", "namespace": "prices", "name": "hermes", "status": "SyncFailed",
            "message": "spec.selector: Invalid value: field is immutable",
        }]);
    });
    let Some(Sync::Failed { reason, message }) = &app.sync else { panic!("{:?}", app.sync) };
    assert_eq!((reason.as_str(), message.as_str()), ("SyncFailed", "one or more objects failed to apply"));
    assert_eq!(
        app.resources[0].to_string(),
        "Deployment prices/hermes: spec.selector: Invalid value: field is immutable"
    );
}

#[test]
fn a_failed_sync_that_was_mended_by_other_means_is_over_unless_a_hook_failed() {
    let failed = |hook: Value| {
        argo(|object| {
            object["status"]["operationState"]["phase"] = json!("Failed");
            object["status"]["operationState"]["syncResult"]["resources"] = json!([hook]);
        })
    };
    assert_eq!(failed(json!({"status": "SyncFailed"})).sync, Some(Sync::Synced));
    let hook = failed(json!({"hookType": "PostSync", "hookPhase": "Failed", "kind": "Job", "name": "migrate"}));
    assert_eq!(hook.standing(), Standing::Failed);
}

#[test]
fn manifests_that_cannot_be_made_are_a_failure() {
    let app = argo(|object| {
        object["status"]["sync"]["status"] = json!("Unknown");
        object["status"]["conditions"] = json!([{
            "type": "ComparisonError", "message": "Failed to load target state: app path does not exist",
            "lastTransitionTime": "2026-11-29T08:00:00Z",
        }]);
    });
    assert!(matches!(&app.sync, Some(Sync::Failed { reason, .. }) if reason == "ComparisonError"));
    assert_eq!(app.cause().unwrap(), "Failed to load target state: app path does not exist");
    assert_eq!(app.since.sync.unwrap().to_string(), "2026-11-29T08:00:00.000Z");
    assert!(app.notes[0].bad);
}

#[test]
fn a_sync_under_way_is_one_and_a_sync_that_retries_has_failed() {
    let running = |retries: u64| {
        argo(|object| {
            object["status"]["operationState"] = json!({"phase": "Running", "message": "waiting for healthy state of apps/Deployment/hermes",
                "startedAt": "2026-11-29T10:30:00Z", "retryCount": retries});
        })
    };
    assert_eq!(running(0).standing(), Standing::Working);
    assert_eq!(running(2).standing(), Standing::Failed);
}

#[test]
fn what_is_unwell_comes_with_its_message() {
    let app = argo(|object| {
        object["status"]["health"]["status"] = json!("Degraded");
        object["status"]["resources"][1]["health"] =
            json!({"status": "Degraded", "message": "Deployment \"hermes\" exceeded its progress deadline"});
    });
    assert_eq!(app.standing(), Standing::Degraded);
    let cause = "Deployment prices/hermes: Degraded: Deployment \"hermes\" exceeded its progress deadline";
    assert_eq!(app.cause().unwrap(), cause);
}

#[test]
fn of_several_sources_the_one_with_a_path_and_its_revision_count() {
    let app = argo(|object| {
        object["spec"]["source"].take();
        object["spec"]["sources"] = json!([
            {"repoURL": "https://charts.example.com", "chart": "hermes", "targetRevision": "6.5.4", "helm": {}},
            {"repoURL": "git@gitlab.com:ops/values.git", "path": "prices", "targetRevision": "HEAD"},
        ]);
        object["status"]["sync"]["revisions"] = json!(["6.5.4", SHA]);
    });
    assert_eq!(app.origin.unwrap().repository, "git@gitlab.com:ops/values.git");
    assert_eq!(app.revision, Revision::parse(SHA));
}

#[test]
fn sync_by_hand_and_reconciling_switched_off_are_told() {
    let by_hand = argo(|object| object["spec"]["syncPolicy"] = json!({"syncOptions": ["CreateNamespace=true"]}));
    assert_eq!(by_hand.automation, Automation::Manual);
    let off = argo(|object| object["spec"]["syncPolicy"]["automated"]["enabled"] = json!(false));
    assert_eq!(off.automation, Automation::Manual);
    let skipped = argo(|object| object["metadata"]["annotations"][SKIP_RECONCILE] = json!("true"));
    assert_eq!(skipped.standing(), Standing::Suspended);
}

fn canary(status: &Value) -> App {
    read(
        Kind::Rollout,
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
            "metadata": {"name": "hermes", "namespace": "prices"},
            "spec": {
                "replicas": 5,
                "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 100}]}},
                "template": {"spec": {"containers": [{"name": "hermes", "image": "ghcr.io/pyth/hermes:v0.10.2"}]}},
            },
            "status": status,
        }),
    )
}

#[test]
fn a_canary_that_waits_says_where_since_when_and_with_what() {
    let app = canary(&json!({
        "phase": "Paused", "message": "CanaryPauseStep", "currentStepIndex": 1,
        "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-11-29T10:00:00Z"}],
        "canary": {"weights": {"canary": {"weight": 20, "podTemplateHash": "66f"}, "stable": {"weight": 80}}},
    }));
    assert_eq!(app.health, Health::Paused { message: "CanaryPauseStep".to_owned() });
    assert_eq!(app.steps, Some(Steps { current: 1, count: 3, weight: Some(20), aborted: false }));
    assert_eq!(app.since.health.unwrap().to_string(), "2026-11-29T10:00:00.000Z");
    assert_eq!((app.sync, app.images), (None, vec!["ghcr.io/pyth/hermes:v0.10.2".to_owned()]));
}

#[test]
fn an_aborted_rollout_is_degraded_since_it_was_aborted() {
    let app = canary(&json!({
        "phase": "Degraded", "message": "RolloutAborted: metric \"errors\" assessed Failed", "abort": true,
        "abortedAt": "2026-11-29T10:05:00Z", "currentStepIndex": 0,
    }));
    assert_eq!(app.standing(), Standing::Degraded);
    assert!(app.steps.unwrap().aborted);
    assert_eq!(app.since.health.unwrap().to_string(), "2026-11-29T10:05:00.000Z");
}

#[test]
fn garbage_is_an_app_of_which_nothing_is_known() {
    for garbage in [
        json!({}),
        json!({"spec": 5, "status": []}),
        json!({"status": {"sync": "Synced", "health": null, "conditions": [1, {"type": 7}], "resources": [null, "x"]}}),
        json!({"status": {"operationState": {"phase": 9, "finishedAt": "yesterday", "retryCount": -1}}}),
        json!({"spec": {"sources": [], "source": "x", "strategy": [], "template": 1}, "status": {"currentStepIndex": -5}}),
    ] {
        let mut object = garbage.clone();
        object["metadata"] = json!({"name": "odd"});
        for kind in [Kind::Application, Kind::Rollout] {
            assert_eq!(read(kind, object.clone()).standing(), Standing::Unknown, "{garbage}");
        }
    }
}

#[test]
fn a_message_of_a_page_is_cut() {
    let app = argo(|object| {
        object["status"]["operationState"]["phase"] = json!("Error");
        object["status"]["operationState"]["message"] = json!("żółć ".repeat(5000));
        object["status"]["sync"]["status"] = json!("OutOfSync");
    });
    assert_eq!(app.cause().unwrap().chars().count(), 600);
}
