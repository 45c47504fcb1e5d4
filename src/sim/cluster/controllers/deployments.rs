//! Deployments: a ReplicaSet for each template, and a rolling update between them.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::json::{flag, list, number, put, text};
use super::super::kinds::{DEPLOYMENTS, REPLICA_SETS};
use super::super::objects::{Objects, read_stamp, spread};
use super::{condition, event, owned, owner_reference, with_condition, write_status};
use crate::core::time::Timestamp;

const REVISION: &str = "deployment.kubernetes.io/revision";
const HASH: &str = "pod-template-hash";
const CAUSE: &str = "kubernetes.io/change-cause";
const BY: &str = "kube-controller-manager";

pub(super) fn reconcile(objects: &mut Objects, now: Timestamp) {
    for deployment in objects.snapshot("deployments") {
        one(objects, &deployment, now);
    }
}

fn one(objects: &mut Objects, deployment: &Value, now: Timestamp) {
    let paused = flag(deployment, "/spec/paused");
    let mut sets = owned(objects, "replicasets", deployment);
    let current = sets.iter().find(|set| same_template(set, deployment)).cloned();
    let current = match current {
        None if paused => None,
        None => new_set(objects, deployment, &sets, now),
        Some(set) if paused => Some(set),
        // An old template came back: it becomes the newest revision.
        Some(set) => Some(newest(objects, set, &sets, deployment, now)),
    };
    sets = owned(objects, "replicasets", deployment);
    if let Some(current) = &current {
        roll(objects, deployment, current, &sets, now);
    }
    status(objects, deployment, current.as_ref(), now);
    prune(objects, deployment);
}

fn replicas(object: &Value) -> i64 {
    number(object, "/spec/replicas").unwrap_or(1)
}

fn revision(set: &Value) -> i64 {
    set["metadata"]["annotations"][REVISION].as_str().and_then(|it| it.parse().ok()).unwrap_or(0)
}

fn same_template(set: &Value, deployment: &Value) -> bool {
    let mut of_set = set["spec"]["template"].clone();
    if let Some(labels) = of_set.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH);
    }
    of_set == deployment["spec"]["template"]
}

fn new_set(objects: &mut Objects, deployment: &Value, sets: &[Value], now: Timestamp) -> Option<Value> {
    let template = &deployment["spec"]["template"];
    let hash = spread(fingerprint(&template.to_string()), 9);
    let mut template = template.clone();
    put(&mut template, &["metadata", "labels", HASH], hash.as_str().into());
    let mut selector = deployment["spec"]["selector"].clone();
    put(&mut selector, &["matchLabels", HASH], hash.as_str().into());
    let next = sets.iter().map(revision).max().unwrap_or(0) + 1;
    let mut annotations = json!({REVISION: next.to_string()});
    if let Some(cause) = deployment["metadata"]["annotations"].get(CAUSE) {
        annotations[CAUSE] = cause.clone();
    }
    let made = json!({
        "metadata": {
            "namespace": deployment["metadata"]["namespace"],
            "name": format!("{}-{hash}", text(deployment, "/metadata/name")),
            "labels": template["metadata"]["labels"], "annotations": annotations,
            "ownerReferences": owner_reference(deployment),
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
        "status": {"replicas": 0},
    });
    objects.create(REPLICA_SETS, made, BY, now).ok()
}

/// FNV-1a.
pub(super) fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn newest(objects: &mut Objects, mut set: Value, sets: &[Value], deployment: &Value, now: Timestamp) -> Value {
    let highest = sets.iter().map(revision).max().unwrap_or(1);
    if revision(&set) < highest {
        put(&mut set, &["metadata", "annotations", REVISION], (highest + 1).to_string().into());
        if let Some(cause) = deployment["metadata"]["annotations"].get(CAUSE) {
            put(&mut set, &["metadata", "annotations", CAUSE], cause.clone());
        }
        set = objects.update(REPLICA_SETS, set, None, now);
    }
    set
}

/// One step: up as far as the surge allows, down as far as enough stay available.
fn roll(objects: &mut Objects, deployment: &Value, current: &Value, sets: &[Value], now: Timestamp) {
    let wanted = replicas(deployment);
    let surge = (wanted + 3) / 4;
    let spare = wanted / 4;
    let uid = &current["metadata"]["uid"];
    let old: Vec<&Value> = sets.iter().filter(|set| set["metadata"]["uid"] != *uid && replicas(set) > 0).collect();
    let total: i64 = old.iter().map(|set| replicas(set)).sum::<i64>() + replicas(current);
    let of_current = if old.is_empty() {
        wanted
    } else {
        wanted.min(replicas(current) + (wanted + surge - total).max(0)).max(replicas(current).min(wanted))
    };
    scale(objects, deployment, current, of_current, now);
    let available = |set: &Value| number(set, "/status/availableReplicas").unwrap_or(0);
    let mut can_go = sets.iter().map(available).sum::<i64>() - (wanted - spare);
    for set in old {
        // Pods that are not available anyway can always go.
        let broken = replicas(set) - available(set);
        let go = (broken + can_go.max(0)).min(replicas(set));
        can_go -= go - broken.min(go);
        scale(objects, deployment, set, replicas(set) - go, now);
    }
}

fn scale(objects: &mut Objects, deployment: &Value, set: &Value, to: i64, now: Timestamp) {
    let from = replicas(set);
    if from == to {
        return;
    }
    let (namespace, name) = (text(set, "/metadata/namespace"), text(set, "/metadata/name"));
    let Some(mut fresh) = objects.get("replicasets", namespace, name).cloned() else { return };
    put(&mut fresh, &["spec", "replicas"], to.into());
    objects.update(REPLICA_SETS, fresh, None, now);
    let way = if to > from { "up" } else { "down" };
    let message = format!("Scaled {way} replica set {name} from {from} to {to}");
    event(objects, deployment, "Normal", "ScalingReplicaSet", &message, now);
}

fn status(objects: &mut Objects, deployment: &Value, current: Option<&Value>, now: Timestamp) {
    let (namespace, name) = (text(deployment, "/metadata/namespace"), text(deployment, "/metadata/name"));
    let Some(mut fresh) = objects.get("deployments", namespace, name).cloned() else { return };
    let sets = owned(objects, "replicasets", &fresh);
    let sum = |pointer: &str| sets.iter().filter_map(|set| number(set, pointer)).sum::<i64>();
    let uid = current.map(|set| &set["metadata"]["uid"]);
    let of_current = |pointer| {
        sets.iter().find(|set| Some(&set["metadata"]["uid"]) == uid).and_then(|set| number(set, pointer)).unwrap_or(0)
    };
    let wanted = replicas(&fresh);
    let (total, available) = (sum("/status/replicas"), sum("/status/availableReplicas"));
    let (updated, updated_available) = (of_current("/status/replicas"), of_current("/status/availableReplicas"));
    let before = progress(&fresh);
    let counts = json!({
        "observedGeneration": fresh["metadata"]["generation"], "replicas": total, "updatedReplicas": updated,
        "readyReplicas": sum("/status/readyReplicas"), "availableReplicas": available,
        "unavailableReplicas": (wanted - available).max(0),
    });
    let conditions = list(&fresh, "/status/conditions").to_vec();
    fresh["status"] = counts;
    fresh["status"]["conditions"] = conditions.into();
    if let Some(set) = current {
        put(&mut fresh, &["metadata", "annotations", REVISION], revision(set).to_string().into());
    }
    let enough = available >= wanted - wanted / 4;
    let (status, reason, message) = if enough {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    with_condition(&mut fresh, "Available", status, reason, message, now);
    let done = current.is_some() && updated == wanted && total == wanted && updated_available == wanted;
    let moved = before != progress(&fresh);
    progressing(&mut fresh, current, done, moved, now);
    write_status(objects, DEPLOYMENTS, fresh, now);
}

/// What moves while a rollout gets on.
fn progress(deployment: &Value) -> [Option<i64>; 4] {
    ["/status/observedGeneration", "/status/replicas", "/status/updatedReplicas", "/status/availableReplicas"]
        .map(|pointer| number(deployment, pointer))
}

fn progressing(fresh: &mut Value, current: Option<&Value>, done: bool, moved: bool, now: Timestamp) {
    let name = current.map_or("", |set| text(set, "/metadata/name")).to_owned();
    let deadline = number(fresh, "/spec/progressDeadlineSeconds").unwrap_or(600);
    let deadline = Duration::from_secs(u64::try_from(deadline).unwrap_or(600));
    let before = condition(fresh, "Progressing").cloned();
    let since = before.as_ref().and_then(|it| read_stamp(text(it, "/lastUpdateTime")));
    let complete = before.as_ref().is_some_and(|it| it["reason"] == "NewReplicaSetAvailable");
    if done {
        let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
        with_condition(fresh, "Progressing", "True", "NewReplicaSetAvailable", &message, now);
    } else if flag(fresh, "/spec/paused") {
        with_condition(fresh, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", now);
    } else if moved || complete && current.is_some_and(|set| number(set, "/status/availableReplicas").unwrap_or(0) == 0)
    {
        // The time is of the last move, so the same words with a new time.
        remove_condition(fresh, "Progressing");
        let message = format!("ReplicaSet \"{name}\" is progressing.");
        with_condition(fresh, "Progressing", "True", "ReplicaSetUpdated", &message, now);
    } else if !complete && since.is_some_and(|since| now.since(since) >= deadline) {
        let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
        with_condition(fresh, "Progressing", "False", "ProgressDeadlineExceeded", &message, now);
    }
}

fn remove_condition(object: &mut Value, kind: &str) {
    if let Some(conditions) = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut) {
        conditions.retain(|it| it["type"] != kind);
    }
}

/// Old ReplicaSets are kept for rolling back, ten of them unless told otherwise.
fn prune(objects: &mut Objects, deployment: &Value) {
    let keep = number(deployment, "/spec/revisionHistoryLimit").and_then(|it| usize::try_from(it).ok()).unwrap_or(10);
    let mut idle: Vec<Value> = owned(objects, "replicasets", deployment)
        .into_iter()
        .filter(|set| {
            replicas(set) == 0 && number(set, "/status/replicas").unwrap_or(0) == 0 && !same_template(set, deployment)
        })
        .collect();
    idle.sort_by_key(|set| std::cmp::Reverse(revision(set)));
    for set in idle.iter().skip(keep) {
        objects.delete(REPLICA_SETS, text(set, "/metadata/namespace"), text(set, "/metadata/name"));
    }
}
