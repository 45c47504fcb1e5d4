//! Gives pods a node: the one with the fewest, of those that are up and not cordoned.

use serde_json::Value;

use super::super::json::{flag, put, text};
use super::super::kinds::PODS;
use super::super::objects::Objects;
use super::{event, ready, with_condition, write_status};
use crate::core::time::Timestamp;

pub(super) fn schedule(objects: &mut Objects, now: Timestamp) {
    let waiting = |pod: &&Value| text(pod, "/spec/nodeName").is_empty();
    let pods: Vec<Value> = objects.all("pods").filter(waiting).cloned().collect();
    for mut pod in pods {
        let nodes = objects.snapshot("nodes");
        let free = nodes.iter().filter(|node| ready(node) && !flag(node, "/spec/unschedulable"));
        let load = |node: &&Value| {
            let name = text(node, "/metadata/name");
            (objects.all("pods").filter(|pod| text(pod, "/spec/nodeName") == name).count(), name.to_owned())
        };
        if let Some(node) = free.min_by_key(load) {
            let node = text(node, "/metadata/name").to_owned();
            put(&mut pod, &["spec", "nodeName"], node.as_str().into());
            with_condition(&mut pod, "PodScheduled", "True", "", "", now);
            let path = format!("{}/{}", text(&pod, "/metadata/namespace"), text(&pod, "/metadata/name"));
            let message = format!("Successfully assigned {path} to {node}");
            event(objects, &pod, "Normal", "Scheduled", &message, now);
        } else {
            let cordoned = nodes.iter().filter(|node| flag(node, "/spec/unschedulable")).count();
            let down = nodes.len() - cordoned;
            let message = format!(
                "0/{} nodes are available: {cordoned} node(s) were unschedulable, {down} node(s) had untolerated taint(s).",
                nodes.len()
            );
            if super::condition(&pod, "PodScheduled").is_none() {
                event(objects, &pod, "Warning", "FailedScheduling", &message, now);
            }
            with_condition(&mut pod, "PodScheduled", "False", "Unschedulable", &message, now);
        }
        write_status(objects, PODS, pod, now);
    }
}
