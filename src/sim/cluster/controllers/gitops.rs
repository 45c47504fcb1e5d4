//! Argo CD, Argo Rollouts and Flux, as far as somebody who asks them for something sees it: they take what is asked for,
//! and it succeeds.

use serde_json::{Value, json};

use super::super::json::{flag, list, number, put, remove, text};
use super::super::kinds::{APPLICATIONS, RECONCILED, ROLLOUTS};
use super::super::objects::{Objects, stamp};
use super::with_condition;
use crate::core::time::Timestamp;

const REFRESH: &str = "argocd.argoproj.io/refresh";
const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

pub(super) fn reconcile(objects: &mut Objects, now: Timestamp) {
    for mut application in objects.snapshot(APPLICATIONS.plural) {
        refresh(&mut application, now);
        operate(&mut application, now);
        objects.update(APPLICATIONS, application, None, now);
    }
    for mut rollout in objects.snapshot(ROLLOUTS.plural) {
        roll(&mut rollout);
        objects.update(ROLLOUTS, rollout, None, now);
    }
    for resource in RECONCILED {
        for mut object in objects.snapshot(resource.plural) {
            flux(&mut object, now);
            objects.update(resource, object, None, now);
        }
    }
}

fn refresh(application: &mut Value, now: Timestamp) {
    if application["metadata"]["annotations"].get(REFRESH).is_some() {
        remove(application, &["metadata", "annotations", REFRESH]);
        put(application, &["status", "reconciledAt"], stamp(now).into());
    }
}

/// A sync that is asked for is done at once.
fn operate(application: &mut Value, now: Timestamp) {
    let Some(operation) = application.get("operation").cloned().filter(|operation| !operation.is_null()) else {
        return;
    };
    remove(application, &["operation"]);
    let sync = operation["sync"].clone();
    let state = json!({
        "operation": operation, "phase": "Succeeded", "message": "successfully synced (all tasks run)",
        "startedAt": stamp(now), "finishedAt": stamp(now), "syncResult": {"revision": sync["revision"]},
    });
    put(application, &["status", "operationState"], state);
    let mut history = list(application, "/status/history").to_vec();
    let id = history.last().and_then(|entry| entry["id"].as_i64()).map_or(0, |id| id + 1);
    let source = sync.get("source").unwrap_or(&application["spec"]["source"]).clone();
    history.push(json!({"id": id, "revision": sync["revision"], "source": source, "deployedAt": stamp(now)}));
    put(application, &["status", "history"], history.into());
    let head = text(application, "/status/sync/revision") == sync["revision"];
    let status = if head { "Synced" } else { "OutOfSync" };
    put(application, &["status", "sync", "status"], status.into());
    let mut resources = list(application, "/status/resources").to_vec();
    if sync["prune"] == true {
        resources.retain(|resource| resource["requiresPruning"] != true);
    }
    for resource in resources.iter_mut().filter(|resource| head && resource["requiresPruning"] != true) {
        resource["status"] = "Synced".into();
    }
    put(application, &["status", "resources"], resources.into());
}

/// An update goes on to the next pause, or to its end.
fn roll(rollout: &mut Value) {
    let current = text(rollout, "/status/currentPodHash").to_owned();
    if current.is_empty() || current == text(rollout, "/status/stableRS") {
        return;
    }
    let steps = list(rollout, "/spec/strategy/canary/steps").to_vec();
    let phase = text(rollout, "/status/phase").to_owned();
    if flag(rollout, "/status/abort") {
        put(rollout, &["status", "phase"], "Degraded".into());
        put(rollout, &["status", "message"], "RolloutAborted: aborted by hand".into());
        remove(rollout, &["status", "pauseConditions"]);
        return;
    }
    if flag(rollout, "/status/promoteFull") {
        finish(rollout, &current, steps.len());
        return;
    }
    let waits = !list(rollout, "/status/pauseConditions").is_empty();
    let at = number(rollout, "/status/currentStepIndex").and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
    let next = match phase.as_str() {
        "Degraded" => 0,
        "Paused" if !waits => at + 1,
        _ => return,
    };
    let pause = steps.iter().skip(next).position(|step| step.get("pause").is_some()).map(|ahead| next + ahead);
    match pause {
        Some(pause) => {
            put(rollout, &["status", "currentStepIndex"], pause.into());
            put(rollout, &["status", "phase"], "Paused".into());
            put(rollout, &["status", "message"], "CanaryPauseStep".into());
            put(rollout, &["status", "pauseConditions"], json!([{"reason": "CanaryPauseStep"}]));
        }
        None => finish(rollout, &current, steps.len()),
    }
}

fn finish(rollout: &mut Value, current: &str, steps: usize) {
    put(rollout, &["status", "stableRS"], current.into());
    put(rollout, &["status", "currentStepIndex"], steps.into());
    put(rollout, &["status", "phase"], "Healthy".into());
    for over in ["promoteFull", "pauseConditions", "message"] {
        remove(rollout, &["status", over]);
    }
}

fn flux(object: &mut Value, now: Timestamp) {
    if flag(object, "/spec/suspend") {
        return;
    }
    let generation = number(object, "/metadata/generation").unwrap_or(1);
    let asked = object["metadata"]["annotations"].get(REQUESTED_AT).cloned();
    let handled = object["status"].get("lastHandledReconcileAt").cloned();
    if number(object, "/status/observedGeneration") == Some(generation) && asked == handled {
        return;
    }
    put(object, &["status", "observedGeneration"], generation.into());
    if let Some(asked) = asked {
        put(object, &["status", "lastHandledReconcileAt"], asked);
    }
    let revision = match text(object, "/status/lastAppliedRevision") {
        "" => "main@sha1:4f2c1ab09d8e7f6a5b4c3d2e1f0a9b8c7d6e5f40".to_owned(),
        revision => revision.to_owned(),
    };
    with_condition(object, "Ready", "True", "ReconciliationSucceeded", &format!("Applied revision: {revision}"), now);
    put(object, &["status", "lastAppliedRevision"], revision.into());
}
