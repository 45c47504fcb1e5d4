//! ReplicaSets, StatefulSets and DaemonSets: as many pods as asked for, of the right template.

use serde_json::{Value, json};

use super::super::json::{number, put, text};
use super::super::kinds::{DAEMON_SETS, NODES, PODS, REPLICA_SETS, REVISIONS, STATEFUL_SETS};
use super::super::objects::{Objects, spread};
use super::deployments::fingerprint;
use super::{delete_pod, expendable, owned, owner_reference, pod_of, ready, write_status};
use crate::core::time::Timestamp;

const BY: &str = "kube-controller-manager";
const REVISION_HASH: &str = "controller-revision-hash";

pub(super) fn replica_sets(objects: &mut Objects, now: Timestamp) {
    for mut set in objects.snapshot("replicasets") {
        let wanted = number(&set, "/spec/replicas").unwrap_or(1);
        let mut pods = owned(objects, "pods", &set);
        let have = i64::try_from(pods.len()).unwrap_or(i64::MAX);
        for _ in have..wanted {
            pods.extend(objects.create(PODS, pod_of(&set, None, &[]), BY, now));
        }
        let too_many = usize::try_from(have - wanted).unwrap_or(0);
        for pod in expendable(pods).iter().take(too_many) {
            delete_pod(objects, pod, now);
        }
        let pods = owned(objects, "pods", &set);
        let ready = pods.iter().filter(|pod| ready(pod)).count();
        set["status"] = json!({
            "replicas": pods.len(), "fullyLabeledReplicas": pods.len(), "readyReplicas": ready,
            "availableReplicas": ready, "observedGeneration": set["metadata"]["generation"],
        });
        write_status(objects, REPLICA_SETS, set, now);
    }
}

/// The revision of the present template, made when it is new.
fn update_revision(objects: &mut Objects, owner: &Value, now: Timestamp) -> String {
    let template = json!({"spec": {"template": owner["spec"]["template"]}});
    let hash = spread(fingerprint(&template.to_string()), 9);
    let name = format!("{}-{hash}", text(owner, "/metadata/name"));
    let namespace = text(owner, "/metadata/namespace");
    let number = owned(objects, "controllerrevisions", owner).iter().filter_map(|it| it["revision"].as_i64()).max();
    if objects.get("controllerrevisions", namespace, &name).is_none() {
        let made = json!({
            "metadata": {
                "namespace": namespace, "name": name, "labels": {REVISION_HASH: hash},
                "ownerReferences": owner_reference(owner),
            },
            "data": template, "revision": number.unwrap_or(0) + 1,
        });
        // It was not there just now.
        let _made = objects.create(REVISIONS, made, BY, now);
    }
    name
}

fn of_revision(pod: &Value, revision: &str) -> bool {
    pod["metadata"]["labels"][REVISION_HASH] == revision
}

pub(super) fn stateful_sets(objects: &mut Objects, now: Timestamp) {
    for mut set in objects.snapshot("statefulsets") {
        let update = update_revision(objects, &set, now);
        let wanted = number(&set, "/spec/replicas").unwrap_or(1);
        let name = text(&set, "/metadata/name").to_owned();
        let namespace = text(&set, "/metadata/namespace").to_owned();
        let mut below_ready = true;
        for at in 0..wanted {
            let pod_name = format!("{name}-{at}");
            match objects.get("pods", &namespace, &pod_name) {
                Some(pod) => below_ready &= ready(pod),
                None if below_ready => {
                    let index = at.to_string();
                    let labels = [
                        (REVISION_HASH, update.as_str()),
                        ("statefulset.kubernetes.io/pod-name", pod_name.as_str()),
                        ("apps.kubernetes.io/pod-index", index.as_str()),
                    ];
                    // It was not there just now.
                    let _made = objects.create(PODS, pod_of(&set, Some(&pod_name), &labels), BY, now);
                    below_ready = false;
                }
                None => {}
            }
        }
        let mut pods = owned(objects, "pods", &set);
        pods.sort_by_key(ordinal);
        if let Some(last) = pods.last().filter(|pod| ordinal(pod) >= wanted) {
            delete_pod(objects, last, now);
        } else if below_ready || pods.iter().any(|pod| !ready(pod) && !of_revision(pod, &update)) {
            // From the last to the first, one at a time; a broken one of the old template first of all.
            let old = || pods.iter().rev().filter(|pod| !of_revision(pod, &update));
            if let Some(pod) = old().find(|pod| !ready(pod)).or_else(|| old().next()) {
                delete_pod(objects, pod, now);
            }
        }
        let pods = owned(objects, "pods", &set);
        let count = |test: &dyn Fn(&Value) -> bool| pods.iter().filter(|pod| test(pod)).count();
        let updated = count(&|pod| of_revision(pod, &update));
        let complete = i64::try_from(updated).is_ok_and(|updated| updated == wanted) && updated == pods.len();
        let current = match text(&set, "/status/currentRevision") {
            revision if revision.is_empty() || complete && count(&ready) == pods.len() => update.clone(),
            revision => revision.to_owned(),
        };
        set["status"] = json!({
            "observedGeneration": set["metadata"]["generation"], "replicas": pods.len(), "readyReplicas": count(&ready),
            "availableReplicas": count(&ready), "currentReplicas": count(&|pod| of_revision(pod, &current)),
            "updatedReplicas": updated, "currentRevision": current, "updateRevision": update, "collisionCount": 0,
        });
        write_status(objects, STATEFUL_SETS, set, now);
    }
}

fn ordinal(pod: &Value) -> i64 {
    text(pod, "/metadata/name").rsplit_once('-').and_then(|(_, at)| at.parse().ok()).unwrap_or(0)
}

pub(super) fn daemon_sets(objects: &mut Objects, now: Timestamp) {
    for mut set in objects.snapshot("daemonsets") {
        let update = update_revision(objects, &set, now);
        let nodes: Vec<String> =
            objects.all(NODES.plural).map(|node| text(node, "/metadata/name").to_owned()).collect();
        let pods = owned(objects, "pods", &set);
        for node in &nodes {
            if !pods.iter().any(|pod| text(pod, "/spec/nodeName") == node) {
                let mut pod = pod_of(&set, None, &[(REVISION_HASH, &update)]);
                put(&mut pod, &["spec", "nodeName"], node.as_str().into());
                // Names are generated and do not meet.
                let _made = objects.create(PODS, pod, BY, now);
            }
        }
        if pods.iter().all(ready)
            && let Some(old) = pods.iter().find(|pod| !of_revision(pod, &update))
        {
            delete_pod(objects, old, now);
        }
        let pods = owned(objects, "pods", &set);
        let ready = pods.iter().filter(|pod| ready(pod)).count();
        set["status"] = json!({
            "observedGeneration": set["metadata"]["generation"], "desiredNumberScheduled": nodes.len(),
            "currentNumberScheduled": pods.len(), "numberReady": ready, "numberAvailable": ready,
            "updatedNumberScheduled": pods.iter().filter(|pod| of_revision(pod, &update)).count(),
            "numberMisscheduled": 0, "numberUnavailable": nodes.len().saturating_sub(ready),
        });
        write_status(objects, DAEMON_SETS, set, now);
    }
}
