//! What the controller manager, the scheduler and the kubelets do, in passes: each looks at what is there and brings it
//! one step closer to what was asked for.

mod apps;
mod batch;
mod deployments;
mod gitops;
pub(super) mod kubelet;
pub(super) mod rest;
mod scheduler;

use std::time::Duration;

use serde_json::{Value, json};

use super::json::{list, put, text};
use super::kinds::{EVENTS, NODES, PODS, Resource};
use super::objects::{Objects, read_stamp, stamp, suffix};
use crate::core::time::Timestamp;

pub(super) use kubelet::Kubelets;

/// Passes after which even the largest change has come to rest.
const PASSES: usize = 200;
/// Events are kept for an hour, as in a real cluster.
const EVENT_LIFE: Duration = Duration::from_hours(1);

/// Passes until nothing changes any more at `now`.
pub(super) fn settle(objects: &mut Objects, kubelets: &mut Kubelets, now: Timestamp) {
    for _ in 0..PASSES {
        let before = objects.revision;
        deployments::reconcile(objects, now);
        apps::replica_sets(objects, now);
        apps::stateful_sets(objects, now);
        apps::daemon_sets(objects, now);
        batch::cron_jobs(objects, now);
        batch::jobs(objects, now);
        scheduler::schedule(objects, now);
        kubelets.run(objects, now);
        rest::autoscalers(objects, now);
        rest::budgets(objects, now);
        gitops::reconcile(objects, now);
        if objects.revision == before {
            break;
        }
    }
    let old = |event: &Value| read_stamp(text(event, "/lastTimestamp")).is_some_and(|at| now.since(at) > EVENT_LIFE);
    let gone: Vec<Value> = objects.all("events").filter(|event| old(event)).cloned().collect();
    for event in gone {
        objects.delete(EVENTS, text(&event, "/metadata/namespace"), text(&event, "/metadata/name"));
    }
}

/// The owner reference of whatever `owner` makes.
fn owner_reference(owner: &Value) -> Value {
    json!([{
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    }])
}

fn owned_by(object: &Value, owner: &Value) -> bool {
    list(object, "/metadata/ownerReferences").iter().any(|it| it["uid"] == owner["metadata"]["uid"])
}

fn owned(objects: &Objects, plural: &str, owner: &Value) -> Vec<Value> {
    objects.all(plural).filter(|it| owned_by(it, owner)).cloned().collect()
}

/// A pod of `owner` from its template.
fn pod_of(owner: &Value, name: Option<&str>, labels: &[(&str, &str)]) -> Value {
    let template = &owner["spec"]["template"];
    let mut pod = json!({
        "metadata": {
            "namespace": owner["metadata"]["namespace"], "labels": template["metadata"]["labels"],
            "ownerReferences": owner_reference(owner),
        },
        "spec": template["spec"],
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    });
    if let Some(annotations) = template["metadata"].get("annotations") {
        pod["metadata"]["annotations"] = annotations.clone();
    }
    match name {
        Some(name) => pod["metadata"]["name"] = name.into(),
        None => pod["metadata"]["generateName"] = format!("{}-", text(owner, "/metadata/name")).into(),
    }
    for (label, value) in labels {
        put(&mut pod, &["metadata", "labels", label], (*value).into());
    }
    pod
}

/// The condition `Ready`, of pods and nodes alike.
pub(super) fn is_ready(object: &Value) -> bool {
    ready(object)
}

fn ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|it| it["status"] == "True")
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object, "/status/conditions").iter().find(|it| it["type"] == kind)
}

/// A condition that keeps its times while its status and reason stay.
fn with_condition(object: &mut Value, kind: &str, status: &str, reason: &str, message: &str, now: Timestamp) {
    let mut conditions = list(object, "/status/conditions").to_vec();
    let before = conditions.iter().find(|it| it["type"] == kind);
    if before
        .is_some_and(|it| it["status"] == status && text(it, "/reason") == reason && text(it, "/message") == message)
    {
        return;
    }
    let turned = before.filter(|it| it["status"] == status).map(|it| it["lastTransitionTime"].clone());
    let mut made = json!({
        "type": kind, "status": status, "lastUpdateTime": stamp(now),
        "lastTransitionTime": turned.unwrap_or_else(|| stamp(now).into()),
    });
    if !reason.is_empty() {
        made["reason"] = reason.into();
        made["message"] = message.into();
    }
    conditions.retain(|it| it["type"] != kind);
    conditions.push(made);
    put(object, &["status", "conditions"], conditions.into());
}

/// Writes what a controller found out; nothing is written when it is the same.
fn write_status(objects: &mut Objects, resource: &'static Resource, object: Value, now: Timestamp) {
    objects.update(resource, object, None, now);
}

/// The newest first to go, but those that are not ready before all.
fn expendable(mut pods: Vec<Value>) -> Vec<Value> {
    pods.sort_by_key(|pod| {
        let created = read_stamp(text(pod, "/metadata/creationTimestamp")).unwrap_or_default();
        (ready(pod), std::cmp::Reverse(created), text(pod, "/metadata/name").to_owned())
    });
    pods
}

fn delete_pod(objects: &mut Objects, pod: &Value, now: Timestamp) {
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    if objects.delete(PODS, namespace, name).is_some() {
        let container = text(pod, "/spec/containers/0/name");
        event(objects, pod, "Normal", "Killing", &format!("Stopping container {container}"), now);
    }
}

/// Records an event, or counts it up when the same was recorded before.
pub(super) fn event(objects: &mut Objects, about: &Value, kind: &str, reason: &str, message: &str, now: Timestamp) {
    let same = |event: &&Value| {
        event["involvedObject"]["uid"] == about["metadata"]["uid"]
            && event["reason"] == reason
            && event["message"] == message
    };
    let known = objects.all("events").find(same).cloned();
    if let Some(mut known) = known {
        let count = known["count"].as_i64().unwrap_or(1) + 1;
        known["count"] = count.into();
        known["lastTimestamp"] = stamp(now).into();
        objects.update(EVENTS, known, None, now);
        return;
    }
    let namespace = match text(about, "/metadata/namespace") {
        "" => "default",
        namespace => namespace,
    };
    let component = match reason {
        "ScalingReplicaSet" => "deployment-controller",
        "Scheduled" | "FailedScheduling" => "default-scheduler",
        "NodeNotReady" => "node-controller",
        "SuccessfulCreate" => "cronjob-controller",
        _ => "kubelet",
    };
    let name = format!("{}.{}", text(about, "/metadata/name"), suffix(objects.revision));
    let made = json!({
        "metadata": {"namespace": namespace, "name": name},
        "involvedObject": {
            "kind": about["kind"], "namespace": about["metadata"]["namespace"], "name": about["metadata"]["name"],
            "uid": about["metadata"]["uid"], "apiVersion": about["apiVersion"],
        },
        "type": kind, "reason": reason, "message": message, "count": 1, "source": {"component": component},
        "firstTimestamp": stamp(now), "lastTimestamp": stamp(now),
    });
    // Two events at one revision of one object: the second is the one too many.
    let _already_there = objects.create(EVENTS, made, "kubelet", now);
}

fn node_up(objects: &Objects, name: &str) -> bool {
    objects.get(NODES.plural, "", name).is_some_and(ready)
}

/// Whether the node's kubelet reports.
pub(super) fn set_node_condition(node: &mut Value, up: bool, now: Timestamp) {
    if up {
        with_condition(node, "Ready", "True", "KubeletReady", "kubelet is posting ready status", now);
    } else {
        let message = "Kubelet stopped posting node status.";
        with_condition(node, "Ready", "Unknown", "NodeStatusUnknown", message, now);
    }
}
