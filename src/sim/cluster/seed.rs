//! What runs in the local cluster: a price-feed installation with a past.

use std::time::Duration;

use serde_json::{Value, json};

use super::State;
use super::controllers;
use super::json::put;
use super::kinds::{
    AUTOSCALERS, BUDGETS, CLAIMS, CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, NAMESPACES, NODES, Resource, STATEFUL_SETS,
};
use crate::core::time::Timestamp;

const DAY: Duration = Duration::from_hours(24);

/// Plants everything, oldest first; at `now` all is well.
pub(super) fn plant(state: &mut State, now: Timestamp) {
    let began = now.minus(DAY * 21);
    for namespace in ["default", "feeds", "platform"] {
        let object = json!({"metadata": {"name": namespace, "labels": {"kubernetes.io/metadata.name": namespace}}, "spec": {}, "status": {"phase": "Active"}});
        make(state, NAMESPACES, object, "terraform", began);
    }
    for (at, zone) in ["a", "b", "c", "a"].into_iter().enumerate() {
        make(state, NODES, node(at + 1, zone, began), "terraform", began);
    }
    platform(state, began);
    pushers(state, now);
    hermes(state, now);
    keeper(state, now);
    state.settle(now);
}

fn make(state: &mut State, resource: &'static Resource, object: Value, by: &str, at: Timestamp) {
    // Every name is used once.
    let _made = state.objects.create(resource, object, by, at);
}

fn node(number: usize, zone: &str, at: Timestamp) -> Value {
    let name = format!("worker-{number}");
    let calm = |kind: &str| json!({"type": kind, "status": "False", "reason": "KubeletHasSufficient"});
    let conditions: Vec<Value> = ["MemoryPressure", "DiskPressure", "PIDPressure"].map(calm).into();
    let mut node = json!({
        "metadata": {"name": name, "labels": {
            "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": format!("eu-central-1{zone}"),
            "node.kubernetes.io/instance-type": "m6i.xlarge",
        }},
        "spec": {"providerID": format!("local:///{name}")},
        "status": {
            "capacity": {"cpu": "4", "memory": "16Gi", "pods": "58"},
            "allocatable": {"cpu": "3920m", "memory": "15Gi", "pods": "58"},
            "addresses": [{"type": "InternalIP", "address": format!("10.0.1.{}", 10 + number)}],
            "nodeInfo": {"kubeletVersion": "v1.34.2", "osImage": "Bottlerocket OS 1.40", "architecture": "amd64",
                "kernelVersion": "6.12", "containerRuntimeVersion": "containerd://2.1", "operatingSystem": "linux",
                "machineID": name, "systemUUID": name, "bootID": name, "kubeProxyVersion": ""},
            "conditions": conditions,
        },
    });
    controllers::set_node_condition(&mut node, true, at);
    node
}

/// The parts every workload has.
fn workload(namespace: &str, name: &str, team: &str, image: &str) -> Value {
    let labels = json!({"app": name, "app.kubernetes.io/name": name, "team": team});
    json!({
        "metadata": {"namespace": namespace, "name": name, "labels": labels, "annotations": {}},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{
                    "name": name, "image": image,
                    "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
                }]},
            },
        },
        "status": {},
    })
}

fn deployment(namespace: &str, name: &str, team: &str, image: &str, replicas: i64) -> Value {
    let mut made = workload(namespace, name, team, image);
    put(&mut made, &["spec", "replicas"], replicas.into());
    put(&mut made, &["spec", "progressDeadlineSeconds"], 60.into());
    put(
        &mut made,
        &["spec", "strategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}),
    );
    made
}

fn platform(state: &mut State, began: Timestamp) {
    let by = "kubectl-client-side-apply";
    make(
        state,
        DEPLOYMENTS,
        deployment("platform", "gateway", "platform", "docker.io/envoyproxy/envoy:v1.36.2", 2),
        by,
        began,
    );
    make(
        state,
        DEPLOYMENTS,
        deployment("platform", "grafana", "platform", "docker.io/grafana/grafana:12.3.0", 1),
        by,
        began,
    );
    let exporter = workload("platform", "node-exporter", "platform", "quay.io/prometheus/node-exporter:v1.10.2");
    make(state, DAEMON_SETS, exporter, by, began);
    let mut postgres = workload("platform", "postgres", "platform", "docker.io/library/postgres:17.7");
    put(&mut postgres, &["spec", "replicas"], 2.into());
    put(&mut postgres, &["spec", "serviceName"], "postgres".into());
    make(state, STATEFUL_SETS, postgres, by, began);
    for at in 0..2 {
        let claim = json!({
            "metadata": {"namespace": "platform", "name": format!("data-postgres-{at}"), "labels": {"app": "postgres"}},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "gp3", "volumeName": format!("pvc-{at}"), "resources": {"requests": {"storage": "100Gi"}}},
            "status": {"phase": "Bound", "capacity": {"storage": "100Gi"}},
        });
        make(state, CLAIMS, claim, by, began);
    }
    let budget = json!({
        "metadata": {"namespace": "platform", "name": "postgres"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "postgres"}}}, "status": {},
    });
    make(state, BUDGETS, budget, by, began);
    state.settle(began);
}

fn pushers(state: &mut State, now: Timestamp) {
    let by = "kubectl-client-side-apply";
    let began = now.minus(DAY * 14);
    for name in ["price-pusher-solana", "price-pusher-evm"] {
        make(state, DEPLOYMENTS, deployment("feeds", name, "oracle", "ghcr.io/acme/price-pusher:v1.8.1", 2), by, began);
    }
    let mut cron = json!({
        "metadata": {"namespace": "feeds", "name": "report-publishers", "labels": {"app": "report-publishers", "team": "oracle"}},
        "spec": {
            "schedule": "*/10 * * * *", "concurrencyPolicy": "Forbid", "suspend": false,
            "jobTemplate": {"metadata": {"labels": {"app": "report-publishers"}}, "spec": {"backoffLimit": 2}},
        },
        "status": {},
    });
    let template =
        workload("feeds", "report-publishers", "oracle", "ghcr.io/acme/reports:v0.4.0")["spec"]["template"].clone();
    put(&mut cron, &["spec", "jobTemplate", "spec", "template"], template);
    put(&mut cron, &["spec", "jobTemplate", "spec", "template", "spec", "restartPolicy"], "Never".into());
    make(state, CRON_JOBS, cron, by, now.minus(Duration::from_mins(10)));
    state.settle(began);
    let at = now.minus(DAY * 2);
    for name in ["price-pusher-solana", "price-pusher-evm"] {
        state.set_image("feeds", name, "ghcr.io/acme/price-pusher:v1.8.2", "ci-deployer", at);
    }
    state.settle(at);
}

/// Argo CD keeps it, and an autoscaler and a budget watch over it.
fn hermes(state: &mut State, now: Timestamp) {
    let by = "argocd-controller";
    let began = now.minus(DAY * 12);
    let mut hermes = deployment("feeds", "hermes", "oracle", "ghcr.io/acme/hermes:v0.10.2", 3);
    let tracking = "feeds:apps/Deployment:feeds/hermes";
    put(&mut hermes, &["metadata", "annotations", "argocd.argoproj.io/tracking-id"], tracking.into());
    make(state, DEPLOYMENTS, hermes, by, began);
    let budget = json!({
        "metadata": {"namespace": "feeds", "name": "hermes"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "hermes"}}}, "status": {},
    });
    make(state, BUDGETS, budget, by, began);
    let autoscaler = json!({
        "metadata": {"namespace": "feeds", "name": "hermes"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "hermes"},
            "minReplicas": 3, "maxReplicas": 6,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}],
        },
        "status": {},
    });
    make(state, AUTOSCALERS, autoscaler, by, began);
    state.settle(began);
    for (image, ago) in
        [("ghcr.io/acme/hermes:v0.10.3", DAY * 5), ("ghcr.io/acme/hermes:v0.10.4", Duration::from_hours(6))]
    {
        let at = now.minus(ago);
        state.set_image("feeds", "hermes", image, by, at);
        state.settle(at);
    }
}

/// Flux keeps it.
fn keeper(state: &mut State, now: Timestamp) {
    let by = "kustomize-controller";
    let began = now.minus(DAY * 9);
    let mut keeper = deployment("feeds", "keeper", "oracle", "ghcr.io/acme/keeper:v2.3.0", 1);
    for (label, value) in
        [("kustomize.toolkit.fluxcd.io/name", "keeper"), ("kustomize.toolkit.fluxcd.io/namespace", "flux-system")]
    {
        put(&mut keeper, &["metadata", "labels", label], value.into());
    }
    make(state, DEPLOYMENTS, keeper, by, began);
    state.settle(began);
    let at = now.minus(DAY);
    state.set_image("feeds", "keeper", "ghcr.io/acme/keeper:v2.3.1", by, at);
    state.settle(at);
}
