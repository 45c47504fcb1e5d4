use kube::api::DynamicObject;
use serde_json::json;

use super::*;
use crate::core::gitops::Standing;

const SHA: &str = "4f2c1ab09d8e7f6a5b4c3d2e1f0a9b8c7d6e5f40";

fn read(kind: Kind, object: &Value) -> App {
    let object: DynamicObject = serde_json::from_value(object.clone()).unwrap();
    let object = Object::of("eu", kind, "team", &object);
    match kind {
        Kind::Kustomization => kustomization(object),
        Kind::HelmRelease => helm_release(object),
        _ => source(object),
    }
}

fn ready(status: &str, reason: &str, message: &str) -> Value {
    json!([{
        "type": "Ready", "status": status, "reason": reason, "message": message, "observedGeneration": 3,
        "lastTransitionTime": "2026-11-29T10:00:00Z",
    }])
}

fn kustomized(conditions: &Value) -> App {
    read(
        Kind::Kustomization,
        &json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "prices", "namespace": "flux-system", "generation": 3},
            "spec": {
                "interval": "10m", "path": "./apps/prices", "prune": true,
                "sourceRef": {"kind": "GitRepository", "name": "infra"},
            },
            "status": {
                "conditions": conditions, "observedGeneration": 3,
                "lastAppliedRevision": format!("main@sha1:{SHA}"), "lastAttemptedRevision": format!("main@sha1:{SHA}"),
            },
        }),
    )
}

#[test]
fn a_kustomization_that_is_ready_is_in_sync_and_healthy() {
    let app = kustomized(&ready("True", "ReconciliationSucceeded", "Applied revision: main@sha1:4f2c"));
    assert_eq!(app.standing(), Standing::Good);
    assert_eq!(app.revision.unwrap().short(), "main 4f2c1ab");
    let source = app.source.unwrap();
    assert_eq!((source.kind, source.namespace.as_str()), (Kind::GitRepository, "flux-system"));
}

#[test]
fn the_reason_tells_what_is_wrong() {
    for (status, reason, standing) in [
        ("False", "BuildFailed", Standing::Failed),
        ("False", "ArtifactFailed", Standing::Failed),
        ("False", "PruneFailed", Standing::Failed),
        ("False", "ReconciliationFailed", Standing::Failed),
        ("False", "HealthCheckFailed", Standing::Degraded),
        ("False", "DependencyNotReady", Standing::OutOfSync),
        ("Unknown", "Progressing", Standing::Working),
        ("Unknown", "SomethingNew", Standing::Unknown),
    ] {
        let app = kustomized(&ready(status, reason, "dependency 'flux-system/base' is not ready"));
        assert_eq!(app.standing(), standing, "{reason}");
        assert_eq!(app.cause().unwrap(), "dependency 'flux-system/base' is not ready", "{reason}");
    }
}

#[test]
fn a_change_that_was_not_looked_at_yet_is_work_and_a_stall_is_a_failure() {
    let waiting = read(
        Kind::Kustomization,
        &json!({
            "metadata": {"name": "prices", "generation": 4}, "spec": {},
            "status": {"observedGeneration": 3, "conditions": ready("True", "ReconciliationSucceeded", "")},
        }),
    );
    assert_eq!(waiting.standing(), Standing::Working);
    let mut conditions = ready("False", "InstallFailed", "timeout");
    let stalled =
        json!({"type": "Stalled", "status": "True", "reason": "RetriesExceeded", "message": "Failed 3 times"});
    conditions.as_array_mut().unwrap().push(stalled);
    let app = kustomized(&conditions);
    assert_eq!(app.cause().unwrap(), "Failed 3 times. It is not tried again by itself.");
}

#[test]
fn who_suspended_it_and_when_is_read_from_the_field_managers() {
    let app = read(
        Kind::Kustomization,
        &json!({
            "metadata": {
                "name": "prices", "namespace": "flux-system",
                "managedFields": [
                    {"manager": "kustomize-controller", "operation": "Apply", "time": "2026-11-29T11:00:00Z",
                     "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:interval": {}}}},
                    {"manager": "flux", "operation": "Update", "time": "2026-11-27T08:00:00Z",
                     "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:suspend": {}}}},
                ],
            },
            "spec": {"suspend": true},
        }),
    );
    let suspended = app.suspended.unwrap();
    assert_eq!(suspended.by.as_deref(), Some("flux"));
    assert_eq!(suspended.since.unwrap().to_string(), "2026-11-27T08:00:00.000Z");
}

#[test]
fn a_release_is_known_by_its_chart_and_last_deployment() {
    let app = read(
        Kind::HelmRelease,
        &json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "redis", "namespace": "prices"},
            "spec": {
                "chart": {"spec": {"chart": "redis", "version": "19.x", "sourceRef": {
                    "kind": "HelmRepository", "name": "bitnami", "namespace": "flux-system"}}},
                "driftDetection": {"mode": "enabled"},
            },
            "status": {
                "conditions": ready("False", "UpgradeFailed", "Helm upgrade failed for release prices/redis: timed out"),
                "history": [
                    {"chartName": "redis", "chartVersion": "19.6.4", "appVersion": "7.2.5", "status": "failed",
                     "lastDeployed": "2026-11-29T09:55:00Z", "name": "redis", "namespace": "prices", "version": 12},
                    {"chartName": "redis", "chartVersion": "19.6.3", "status": "superseded"},
                ],
            },
        }),
    );
    assert_eq!(app.standing(), Standing::Failed);
    assert_eq!(app.revision.as_ref().unwrap().short(), "19.6.4");
    assert_eq!(app.source.as_ref().unwrap().name, "bitnami");
    assert_eq!(app.automation, Automation::SelfHealing);
    let operation = app.operation.unwrap();
    assert_eq!(operation.phase, "failed");
    assert_eq!(operation.at.unwrap().to_string(), "2026-11-29T09:55:00.000Z");
}

#[test]
fn a_release_whose_objects_were_changed_is_out_of_sync() {
    let mut conditions = ready("True", "UpgradeSucceeded", "");
    let drifted =
        json!({"type": "Drifted", "status": "True", "reason": "DriftDetected", "message": "Deployment/redis changed"});
    conditions.as_array_mut().unwrap().push(drifted);
    let object = json!({"metadata": {"name": "redis"}, "spec": {}, "status": {"conditions": conditions}});
    let app = read(Kind::HelmRelease, &object);
    assert_eq!(app.standing(), Standing::OutOfSync);
    assert_eq!(app.cause().unwrap(), "Deployment/redis changed");
}

#[test]
fn a_source_is_known_by_its_address_and_what_it_fetched() {
    let fetched = |conditions: Value| {
        read(
            Kind::GitRepository,
            &json!({
                "metadata": {"name": "infra", "namespace": "flux-system"},
                "spec": {"url": "ssh://git@github.com/pyth/infra", "ref": {"branch": "main"}, "interval": "1m"},
                "status": {"conditions": conditions, "artifact": {"revision": format!("main@sha1:{SHA}")}},
            }),
        )
    };
    let app = fetched(ready("True", "Succeeded", "stored artifact"));
    assert_eq!(app.standing(), Standing::Good);
    assert_eq!(app.origin.as_ref().unwrap().follows.as_deref(), Some("main"));
    assert_eq!(app.revision.unwrap().short(), "main 4f2c1ab");
    let lost = fetched(ready("False", "GitOperationFailed", "failed to checkout: authentication required"));
    assert_eq!(lost.standing(), Standing::Failed);
    assert_eq!(lost.cause().unwrap(), "failed to checkout: authentication required");
}

#[test]
fn garbage_is_an_app_of_which_nothing_is_known() {
    for garbage in [
        json!({}),
        json!({"spec": [], "status": "x"}),
        json!({"spec": {"sourceRef": {"kind": "Nonsense"}, "chart": 1}, "status": {"conditions": {"type": "Ready"}}}),
        json!({"spec": {"suspend": "true", "ref": 4}, "status": {"conditions": [null, []], "history": [5]}}),
    ] {
        let mut object = garbage.clone();
        object["metadata"] = json!({"name": "odd"});
        for kind in [Kind::Kustomization, Kind::HelmRelease, Kind::HelmChart] {
            assert_eq!(read(kind, &object).standing(), Standing::Unknown, "{garbage}");
        }
    }
}
