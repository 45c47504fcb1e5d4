use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::core::time::Timestamp;
use crate::core::workload::node::{Pressure, Readiness};
use crate::core::workload::pod::{Phase, Scheduling, State};

fn read<W: Wire>(value: &Value) -> Option<Object> {
    serde_json::from_str::<Item<W>>(&value.to_string()).unwrap().object("team")
}

fn pod() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "hermes-7d-x", "namespace": "prices", "uid": "3f0c", "resourceVersion": "91",
            "creationTimestamp": "2026-11-24T11:00:00Z", "labels": { "team": "oracle", "app": "hermes" },
            "ownerReferences": [
                { "kind": "Other", "name": "x" },
                { "kind": "ReplicaSet", "name": "hermes-7d", "controller": true }
            ],
            "managedFields": [
                { "manager": "kubectl", "time": "2026-11-24T11:30:00Z", "operation": "Update", "fieldsV1": { "f:x": {} } },
                { "manager": "kubelet", "time": "2026-11-24T11:59:00Z", "subresource": "status" }
            ]
        },
        "spec": {
            "nodeName": "node-1",
            "initContainers": [{ "name": "wait", "image": "busybox:1" }],
            "containers": [{ "name": "app", "image": "hermes:1.2" }]
        },
        "status": {
            "phase": "Running",
            "conditions": [{ "type": "Ready", "status": "False" }, { "type": "PodScheduled", "status": "True" }],
            "initContainerStatuses": [{ "name": "wait", "ready": true, "state": { "terminated": { "exitCode": 0 } } }],
            "containerStatuses": [{
                "name": "app", "ready": false, "restartCount": 7,
                "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 5m0s" } },
                "lastState": { "terminated": {
                    "exitCode": 137, "signal": 9, "reason": "OOMKilled", "finishedAt": "2026-11-24T11:58:30Z" } }
            }]
        }
    })
}

#[test]
fn a_pod_becomes_slim() {
    let Some(Object::Pod(pod)) = read::<Pods>(&pod()) else { panic!("a pod") };
    assert_eq!((&*pod.meta.namespace, &*pod.meta.name, pod.meta.uid), ("prices", "hermes-7d-x", Uid::of("3f0c")));
    assert_eq!(pod.meta.owner.as_deref(), Some("oracle"));
    assert_eq!(&*pod.meta.controller.as_ref().unwrap().name, "hermes-7d");
    assert_eq!(&*pod.meta.touched.as_ref().unwrap().by, "kubectl", "the kubelet's status is nobody's change");
    assert_eq!((pod.phase, pod.ready, &pod.scheduling), (Phase::Running, false, &Scheduling::Scheduled));
    let app = pod.container("app").unwrap();
    assert!(app.in_crash_loop());
    assert_eq!((app.restarts, app.image()), (7, "hermes:1.2"));
    let exit = app.last_exit().unwrap();
    assert_eq!((exit.code, exit.signal, &*exit.reason), (137, Some(9), "OOMKilled"));
    assert_eq!(exit.finished_at, Some(Timestamp::from_secs(1_795_521_510)));
    assert!(matches!(pod.containers[0].state, State::Terminated(_)) && pod.containers[0].init);
}

#[test]
fn a_pod_no_node_takes_says_why_and_a_gated_one_is_told_apart() {
    let with = |condition: Value| {
        let mut value = pod();
        value["status"]["conditions"] = json!([condition]);
        match read::<Pods>(&value) {
            Some(Object::Pod(pod)) => pod.scheduling,
            other => panic!("{other:?}"),
        }
    };
    let full = json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes" });
    assert_eq!(with(full), Scheduling::Unschedulable("0/3 nodes".into()));
    let gated = json!({ "type": "PodScheduled", "status": "False", "reason": "SchedulingGated" });
    assert_eq!(with(gated), Scheduling::Gated);
}

#[test]
fn a_node_tells_its_conditions_and_taints() {
    let node = json!({
        "metadata": { "name": "node-1" },
        "spec": { "unschedulable": true, "taints": [{ "key": "node.kubernetes.io/unreachable", "effect": "NoSchedule" }] },
        "status": {
            "conditions": [
                { "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting" },
                { "type": "DiskPressure", "status": "True" }
            ],
            "nodeInfo": { "kubeletVersion": "v1.34.1" }
        }
    });
    let Some(Object::Node(node)) = read::<Nodes>(&node) else { panic!("a node") };
    assert_eq!((node.ready, node.unschedulable), (Readiness::Unknown, true));
    assert_eq!(*node.pressures, [Pressure::Disk]);
    assert_eq!(&*node.taints[0].key, "node.kubernetes.io/unreachable");
}

#[test]
fn what_is_absent_has_kubernetes_defaults() {
    let bare = json!({ "metadata": { "name": "a", "namespace": "b" } });
    let Some(Object::Deployment(deployment)) = read::<Deployments>(&bare) else { panic!("a deployment") };
    assert_eq!((deployment.replicas, deployment.available, deployment.paused), (1, 0, false));
    let Some(Object::HorizontalPodAutoscaler(hpa)) = read::<Autoscalers>(&bare) else { panic!("an autoscaler") };
    assert_eq!(hpa.min, 1);
}

#[test]
fn an_object_without_a_name_is_none() {
    assert_eq!(read::<Pods>(&json!({ "metadata": {} })), None);
    assert_eq!(read::<Pods>(&json!("a text")), None);
    assert_eq!(read::<Pods>(&json!(null)), None);
}

#[test]
fn an_event_is_read_whether_its_type_comes_first_or_last() {
    use kube::core::WatchEvent;
    let object = pod();
    for text in [format!(r#"{{"type":"ADDED","object":{object}}}"#), format!(r#"{{"object":{object},"type":"ADDED"}}"#)]
    {
        let event: WatchEvent<Item<Pods>> = serde_json::from_str(&text).unwrap();
        let WatchEvent::Added(item) = event else { panic!("{event:?}") };
        assert_eq!(item.name(), Some(("prices", "hermes-7d-x")));
    }
}

#[test]
fn a_long_message_is_cut_between_characters() {
    let long = "é".repeat(300);
    let brief = brief(&long);
    assert!(brief.len() <= MESSAGE && long.starts_with(&*brief));
}

/// Any JSON at all, in any place of an object.
fn garbage() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    let keys = prop_oneof![
        "[a-zA-Z]{1,8}",
        Just("metadata".to_owned()),
        Just("name".to_owned()),
        Just("spec".to_owned()),
        Just("status".to_owned()),
        Just("containers".to_owned()),
        Just("containerStatuses".to_owned()),
        Just("state".to_owned()),
        Just("terminated".to_owned()),
        Just("exitCode".to_owned()),
        Just("conditions".to_owned()),
        Just("labels".to_owned()),
        Just("creationTimestamp".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_whatever_fails_to_be_read(value in garbage()) {
        let text = value.to_string();
        prop_assert!(serde_json::from_str::<Item<Pods>>(&text).is_ok());
        prop_assert!(serde_json::from_str::<Item<Nodes>>(&text).is_ok());
        prop_assert!(serde_json::from_str::<Item<Deployments>>(&text).is_ok());
        prop_assert!(serde_json::from_str::<Item<CronJobs>>(&text).is_ok());
        prop_assert!(serde_json::from_str::<Item<Certificates>>(&text).is_ok());
    }
}
