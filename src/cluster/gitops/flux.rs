//! Flux's Kustomization and HelmRelease, and the sources they are made from.
//! Sources: Flux, `kustomize.toolkit.fluxcd.io`, `helm.toolkit.fluxcd.io` and `source.toolkit.fluxcd.io` API references.

use serde_json::Value;

use super::read::{Condition, Object, cut, owned, text};
use crate::core::gitops::revision::Revision;
use crate::core::gitops::{App, AppId, Automation, Health, Kind, Note, Operation, Origin, Since, Sync};

pub(super) fn kustomization(object: Object) -> App {
    let ready = object.condition("Ready");
    let (sync, health) = states(object, ready);
    let attempted = object.text("/status/lastAttemptedRevision").and_then(Revision::parse);
    let operation = ready.map(|ready| Operation {
        phase: ready.reason().to_owned(),
        message: ready.message(),
        at: ready.since(),
        by: None,
        revision: attempted,
    });
    App {
        origin: None,
        source: reference(object, object.at("/spec/sourceRef")),
        revision: object.text("/status/lastAppliedRevision").and_then(Revision::parse),
        operation,
        automation: Automation::SelfHealing,
        ..base(object, sync, health, ready)
    }
}

pub(super) fn helm_release(object: Object) -> App {
    let ready = object.condition("Ready");
    let (sync, health) = states(object, ready);
    let chart = object.at("/spec/chart/spec");
    let latest = object.at("/status/history/0");
    // Before version 2 there was no history.
    let version = text(&latest["chartVersion"]).or_else(|| object.text("/status/lastAppliedRevision"));
    let operation = text(&latest["status"]).map(|phase| Operation {
        phase: phase.to_owned(),
        message: ready.map(Condition::message).unwrap_or_default(),
        at: text(&latest["lastDeployed"]).and_then(super::read::time),
        by: None,
        revision: version.and_then(Revision::parse),
    });
    let drift = object.text("/spec/driftDetection/mode") == Some("enabled");
    let named = owned(&chart["chart"]).or_else(|| owned(&latest["chartName"]));
    App {
        origin: named.map(|chart_name| Origin {
            repository: String::new(),
            path: Some(chart_name),
            follows: owned(&chart["version"]),
        }),
        source: reference(object, &chart["sourceRef"]).or_else(|| reference(object, object.at("/spec/chartRef"))),
        revision: version.and_then(Revision::parse),
        operation,
        automation: if drift { Automation::SelfHealing } else { Automation::Automatic },
        ..base(object, sync, health, ready)
    }
}

pub(super) fn source(object: Object) -> App {
    let ready = object.condition("Ready");
    let (sync, _) = states(object, ready);
    let mut follow = ["branch", "tag", "semver", "name", "commit"].iter();
    let follows = follow.find_map(|key| owned(&object.at("/spec/ref")[*key]));
    let address = object.text("/spec/url").or_else(|| object.text("/spec/endpoint"));
    App {
        origin: address.map(|address| Origin {
            repository: address.to_owned(),
            path: owned(object.at("/spec/chart")).or_else(|| owned(object.at("/spec/bucketName"))),
            follows: follows.or_else(|| owned(object.at("/spec/version"))),
        }),
        source: reference(object, object.at("/spec/sourceRef")),
        revision: object.text("/status/artifact/revision").and_then(Revision::parse),
        operation: None,
        automation: Automation::Automatic,
        // A source works or it does not; there is nothing of it that could be ill.
        ..base(object, sync, Health::Unknown, ready)
    }
}

fn base(object: Object, sync: Sync, health: Health, ready: Option<Condition>) -> App {
    let since = ready.and_then(Condition::since);
    let healthy = object.condition("Healthy").and_then(Condition::since);
    App {
        id: object.id(),
        sync: Some(sync),
        health,
        since: Since { sync: since, health: healthy.or(since) },
        suspended: (object.at("/spec/suspend") == true).then(|| object.written(&["f:spec", "f:suspend"])),
        automation: Automation::Automatic,
        origin: None,
        source: None,
        revision: None,
        steps: None,
        operation: None,
        notes: notes(object),
        resources: Vec::new(),
        images: Vec::new(),
        owner: object.owner(),
    }
}

/// Flux says both in one condition: its reason tells which of them is meant.
fn states(object: Object, ready: Option<Condition>) -> (Sync, Health) {
    let Some(ready) = ready else { return (Sync::Unknown { message: String::new() }, Health::Unknown) };
    let (reason, message) = (ready.reason(), ready.message());
    let failed = |message: String| Sync::Failed { reason: cut(reason), message };
    let spec = object.meta.generation;
    let behind = object.at("/status/observedGeneration").as_i64().zip(spec).is_some_and(|(seen, spec)| seen < spec);
    if let Some(stalled) = object.condition("Stalled").filter(|stalled| stalled.status() == "True") {
        let message = format!("{} It is not tried again by itself.", full_stop(&stalled.message()));
        return (Sync::Failed { reason: cut(stalled.reason()), message }, Health::Unknown);
    }
    match (ready.status(), reason) {
        ("False", "HealthCheckFailed" | "TestFailed") => (Sync::Synced, Health::Degraded { message }),
        ("False", "DependencyNotReady") => (Sync::OutOfSync { message }, Health::Unknown),
        ("False", "Progressing") => (Sync::Syncing { message: String::new() }, Health::Progressing { message }),
        ("False", _) => (failed(message), Health::Unknown),
        _ if behind => (Sync::Syncing { message: String::new() }, Health::Unknown),
        ("True", _) => match object.condition("Drifted").filter(|drifted| drifted.status() == "True") {
            Some(drifted) => (Sync::OutOfSync { message: drifted.message() }, Health::Healthy),
            None => (Sync::Synced, Health::Healthy),
        },
        ("Unknown", "Progressing" | "ProgressingWithRetry") => {
            (Sync::Syncing { message: String::new() }, Health::Progressing { message })
        }
        _ => (Sync::Unknown { message }, Health::Unknown),
    }
}

fn full_stop(message: &str) -> String {
    let message = message.trim();
    if message.is_empty() || message.ends_with(['.', '!', '?']) { message.to_owned() } else { format!("{message}.") }
}

fn notes(object: Object) -> Vec<Note> {
    object.notes(|name, status| match name {
        "Ready" | "Healthy" | "Released" | "TestSuccess" | "SourceVerified" | "ArtifactInStorage" => status == "False",
        "Stalled" | "FetchFailed" | "BuildFailed" | "StorageOperationFailed" | "Drifted" => status == "True",
        _ => false,
    })
}

/// Another object of Flux; in the same namespace unless it says otherwise.
fn reference(object: Object, reference: &Value) -> Option<AppId> {
    let kind = text(&reference["kind"]).and_then(Kind::named)?;
    Some(AppId {
        cluster: object.cluster.to_owned(),
        kind,
        namespace: owned(&reference["namespace"]).unwrap_or_else(|| object.namespace().to_owned()),
        name: owned(&reference["name"])?,
    })
}

#[cfg(test)]
mod tests;
