//! Argo CD's Application and Argo Rollouts' Rollout.
//! Sources: Argo CD, `argoproj.io/v1alpha1` Application CRD and "Resource Health"; Argo Rollouts, Rollout CRD.

use serde_json::Value;

use super::read::{MOST, Object, cut, number, owned, text};
use crate::core::gitops::revision::Revision;
use crate::core::gitops::{
    App, Automation, Health, Note, Operation, Origin, Problem, Resource, Since, Steps, Suspended, Sync,
};
use crate::core::time::Timestamp;

const SKIP_RECONCILE: &str = "argocd.argoproj.io/skip-reconcile";

pub(super) fn application(object: Object) -> App {
    let (source, revision) = source(object);
    let operation = operation(object);
    let sync = sync(object);
    App {
        id: object.id(),
        since: Since { sync: sync_since(object, &sync), health: object.time("/status/health/lastTransitionTime") },
        sync: Some(sync),
        health: health(object),
        suspended: suspended(object),
        automation: automation(object),
        origin: source,
        source: None,
        revision,
        steps: None,
        operation,
        notes: conditions(object),
        resources: resources(object),
        images: images(object.list("/status/summary/images").iter()),
        owner: object.owner(),
    }
}

fn suspended(object: Object) -> Option<Suspended> {
    let skipped = object.annotation(SKIP_RECONCILE) == Some("true");
    skipped.then(|| object.written(&["f:metadata", "f:annotations", &format!("f:{SKIP_RECONCILE}")]))
}

/// The first source that has a path of its own: others lend values or a chart to it.
fn source(object: Object) -> (Option<Origin>, Option<Revision>) {
    let sources = object.list("/spec/sources");
    let (source, revision) = if sources.is_empty() {
        (object.at("/spec/source"), object.at("/status/sync/revision"))
    } else {
        let chosen = sources.iter().position(|source| text(&source["path"]).is_some()).unwrap_or(0);
        (&sources[chosen], object.list("/status/sync/revisions").get(chosen).unwrap_or(&Value::Null))
    };
    let origin = owned(&source["repoURL"]).map(|repository| Origin {
        repository,
        path: owned(&source["path"]).or_else(|| owned(&source["chart"])),
        follows: owned(&source["targetRevision"]),
    });
    (origin, text(revision).and_then(Revision::parse))
}

fn sync(object: Object) -> Sync {
    let status = object.text("/status/sync/status").unwrap_or_default();
    let phase = object.text("/status/operationState/phase").unwrap_or_default();
    let message = || object.message("/status/operationState/message");
    let retries = object.at("/status/operationState/retryCount").as_u64().unwrap_or(0);
    // What cannot be compared cannot be synced either, and is said in a condition.
    if let Some(error) = object.list("/status/conditions").iter().find(|condition| breaks_sync(condition)) {
        let message = text(&error["message"]).map(cut).unwrap_or_default();
        return Sync::Failed { reason: owned(&error["type"]).unwrap_or_default(), message };
    }
    match (phase, status) {
        ("Running" | "Terminating", _) if retries == 0 => Sync::Syncing { message: message() },
        ("Running" | "Terminating", _) => Sync::Failed { reason: "Retrying".to_owned(), message: message() },
        // A hook can fail after all was applied. Otherwise what is in sync was mended since, by whatever means.
        ("Failed" | "Error", "Synced") if !hook_failed(object) => Sync::Synced,
        ("Failed" | "Error", _) => Sync::Failed { reason: format!("Sync{phase}"), message: message() },
        (_, "Synced") => Sync::Synced,
        (_, "OutOfSync") => Sync::OutOfSync { message: String::new() },
        _ => Sync::Unknown { message: String::new() },
    }
}

fn breaks_sync(condition: &Value) -> bool {
    matches!(
        text(&condition["type"]),
        Some("ComparisonError" | "InvalidSpecError" | "SyncError" | "UnknownError" | "DeletionError")
    )
}

fn hook_failed(object: Object) -> bool {
    let results = object.list("/status/operationState/syncResult/resources");
    results.iter().any(|result| {
        matches!(text(&result["hookPhase"]), Some("Failed" | "Error")) && result.get("hookType").is_some()
    })
}

/// Argo CD does not say since when an application is out of sync; it says when it last tried.
fn sync_since(object: Object, sync: &Sync) -> Option<Timestamp> {
    match sync {
        Sync::Syncing { .. } => object.time("/status/operationState/startedAt"),
        Sync::Failed { .. } => {
            let condition = object.list("/status/conditions").iter().find(|condition| breaks_sync(condition));
            let said =
                condition.and_then(|condition| text(&condition["lastTransitionTime"])).and_then(super::read::time);
            said.or_else(|| object.time("/status/operationState/startedAt"))
        }
        Sync::Synced => object.time("/status/operationState/finishedAt"),
        Sync::OutOfSync { .. } | Sync::Unknown { .. } => None,
    }
}

fn health(object: Object) -> Health {
    let message = object.message("/status/health/message");
    match object.text("/status/health/status").unwrap_or_default() {
        "Healthy" => Health::Healthy,
        "Progressing" => Health::Progressing { message },
        "Suspended" => Health::Paused { message },
        "Degraded" => Health::Degraded { message },
        "Missing" => Health::Missing,
        _ => Health::Unknown,
    }
}

fn automation(object: Object) -> Automation {
    let automated = object.at("/spec/syncPolicy/automated");
    // Present and empty is on; newer versions can switch it off without removing it.
    if !automated.is_object() || automated["enabled"] == false {
        Automation::Manual
    } else if automated["selfHeal"] == true {
        Automation::SelfHealing
    } else {
        Automation::Automatic
    }
}

fn operation(object: Object) -> Option<Operation> {
    let state = "/status/operationState";
    let phase = object.text(&format!("{state}/phase"))?;
    let time = |key: &str| object.time(&format!("{state}/{key}"));
    Some(Operation {
        phase: phase.to_owned(),
        message: object.message(&format!("{state}/message")),
        at: time("finishedAt").or_else(|| time("startedAt")),
        by: object.text(&format!("{state}/operation/initiatedBy/username")).map(cut),
        revision: object.text(&format!("{state}/syncResult/revision")).and_then(Revision::parse),
    })
}

fn conditions(object: Object) -> Vec<Note> {
    object.notes(|name, _| name.ends_with("Error") || name.ends_with("Warning"))
}

/// What differs from Git, is unwell, or could not be applied.
fn resources(object: Object) -> Vec<Resource> {
    let resource = |value: &Value, problem: Problem| Resource {
        kind: owned(&value["kind"]).unwrap_or_default(),
        namespace: owned(&value["namespace"]).unwrap_or_default(),
        name: owned(&value["name"]).unwrap_or_default(),
        problem,
    };
    let results = object.list("/status/operationState/syncResult/resources").iter();
    let refused = results
        .filter(|result| result["status"] == "SyncFailed")
        .map(|result| resource(result, Problem::NotApplied(text(&result["message"]).map(cut).unwrap_or_default())));
    let tracked = object.list("/status/resources").iter().filter_map(|value| {
        let (health, message) = (text(&value["health"]["status"]), text(&value["health"]["message"]));
        let problem = match (health, text(&value["status"])) {
            (Some(health @ ("Degraded" | "Missing")), _) => {
                let message = message.map(|message| format!(": {}", cut(message))).unwrap_or_default();
                Problem::Unhealthy(format!("{health}{message}"))
            }
            (_, Some("OutOfSync")) if value["requiresPruning"] == true => Problem::ToPrune,
            (_, Some("OutOfSync")) => Problem::OutOfSync,
            _ => return None,
        };
        Some(resource(value, problem))
    });
    let current = !matches!(object.text("/status/operationState/phase"), Some("Succeeded") | None);
    refused.filter(|_| current).chain(tracked).take(MOST).collect()
}

fn images<'a>(images: impl Iterator<Item = &'a Value>) -> Vec<String> {
    images.filter_map(owned).take(MOST).collect()
}

pub(super) fn rollout(object: Object) -> App {
    let health = rollout_health(object);
    let steps = object.list("/spec/strategy/canary/steps").len();
    let weight = number(object.at("/status/canary/weights/canary/weight"));
    let aborted = object.at("/status/abort") == true;
    let containers = object.list("/spec/template/spec/containers").iter().map(|container| &container["image"]);
    let blue_green = object.at("/spec/strategy/blueGreen").is_object();
    App {
        id: object.id(),
        sync: None,
        since: Since { sync: None, health: rollout_since(object, &health) },
        health,
        suspended: None,
        automation: Automation::Automatic,
        origin: None,
        source: None,
        revision: None,
        steps: (!blue_green).then_some(Steps {
            current: number(object.at("/status/currentStepIndex")).unwrap_or(0),
            count: u32::try_from(steps).unwrap_or(u32::MAX),
            weight,
            aborted,
        }),
        operation: None,
        notes: object.notes(|name, status| match name {
            "InvalidSpec" | "ReplicaFailure" => status == "True",
            "Progressing" | "Available" => status == "False",
            _ => false,
        }),
        resources: Vec::new(),
        images: images(containers),
        owner: object.owner(),
    }
}

fn rollout_health(object: Object) -> Health {
    let message = object.message("/status/message");
    match object.text("/status/phase").unwrap_or_default() {
        "Healthy" => Health::Healthy,
        "Progressing" => Health::Progressing { message },
        "Paused" => Health::Paused { message },
        "Degraded" => Health::Degraded { message },
        _ => Health::Unknown,
    }
}

fn rollout_since(object: Object, health: &Health) -> Option<Timestamp> {
    match health {
        Health::Paused { .. } => object.time("/status/pauseConditions/0/startTime"),
        Health::Degraded { .. } => {
            let condition = object.condition("Progressing").filter(|condition| condition.status() == "False");
            object.time("/status/abortedAt").or_else(|| condition.and_then(super::read::Condition::since))
        }
        Health::Healthy => object.condition("Healthy").and_then(super::read::Condition::since),
        Health::Progressing { .. } | Health::Missing | Health::Unknown => None,
    }
}

#[cfg(test)]
mod tests;
