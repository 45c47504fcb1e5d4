//! What is asked of Argo CD, Argo Rollouts and Flux, for the crash matrix.

use serde_json::{Value, json};

use super::{EVM, Scenario, World};
use crate::support::acting::Acting;

const HEAD: &str = "4f2c1ab09d8e7f6a5b4c3d2e1f0a9b8c7d6e5f40";
const BEFORE: &str = "a0b1c2d3e4f5061728394a5b6c7d8e9f00112233";

/// The object as the action needs it to be, made when it is not there yet.
fn put(acting: &Acting, plural: &str, name: &str, spec: &Value, status: &Value) {
    if acting.cluster.object(plural, "feeds", name).is_none() {
        let object = json!({"metadata": {"name": name, "namespace": "feeds"}, "spec": spec, "status": status});
        acting.cluster.create(plural, object, "story");
    }
    acting.cluster.edit(plural, "feeds", name, "story", |object| {
        object["spec"] = spec.clone();
        for (key, value) in status.as_object().unwrap() {
            object["status"][key] = value.clone();
        }
    });
}

fn application(acting: &Acting) {
    let source = json!({"repoURL": "https://github.com/acme/infra", "path": "prices", "targetRevision": "main"});
    let entry = |id: i64, revision: &str| json!({"id": id, "revision": revision, "source": source});
    let status = json!({
        "sync": {"status": "OutOfSync", "revision": HEAD}, "health": {"status": "Healthy"},
        "history": [entry(3, HEAD), entry(4, BEFORE)], "operationState": null,
        "resources": [{"kind": "Deployment", "namespace": "feeds", "name": "hermes", "status": "OutOfSync"}],
    });
    put(acting, "applications", "prices", &json!({"project": "default", "source": source}), &status);
}

fn rollout(acting: &Acting, aborted: bool) {
    let spec = json!({
        "replicas": 2, "template": {"spec": {"containers": [{"name": "fortuna", "image": "fortuna:2"}]}},
        "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {}}]}},
    });
    let waits = if aborted { json!([]) } else { json!([{"reason": "CanaryPauseStep"}]) };
    let status = json!({
        "currentPodHash": "new", "stableRS": "old", "phase": if aborted { "Degraded" } else { "Paused" },
        "abort": aborted, "promoteFull": null, "currentStepIndex": 1, "readyReplicas": 2, "pauseConditions": waits,
    });
    put(acting, "rollouts", "fortuna", &spec, &status);
}

fn kustomization(acting: &Acting, suspend: bool) {
    let spec = json!({
        "interval": "10m", "sourceRef": {"kind": "GitRepository", "name": "infra"}, "path": "./prices", "suspend": suspend,
    });
    put(acting, "kustomizations", "base", &spec, &json!({}));
}

fn suspended(acting: &Acting) -> bool {
    acting.cluster.object("kustomizations", "feeds", "base").unwrap()["spec"]["suspend"] == true
}

fn phase(acting: &Acting) -> Value {
    acting.cluster.object("rollouts", "feeds", "fortuna").unwrap()["status"]["phase"].clone()
}

fn status(acting: &Acting) -> Value {
    acting.cluster.object("applications", "feeds", "prices").unwrap()["status"].clone()
}

pub(super) fn scenarios() -> Vec<Scenario> {
    let scenario = |name, prepare, holds| Scenario { name, world: World::Cluster, prepare, holds };
    let mut scenarios = vec![
        scenario(
            "reconcile",
            |acting| {
                kustomization(acting, false);
                "reconcile prod/feeds/Kustomization/base".to_owned()
            },
            |acting| {
                let base = acting.cluster.object("kustomizations", "feeds", "base").unwrap();
                base["status"]["lastHandledReconcileAt"].is_string()
            },
        ),
        scenario(
            "suspend-reconcile",
            |acting| {
                kustomization(acting, false);
                "suspend-reconcile prod/feeds/Kustomization/base for 1h".to_owned()
            },
            |acting| !suspended(acting),
        ),
        scenario(
            "resume-reconcile",
            |acting| {
                kustomization(acting, true);
                "resume-reconcile prod/feeds/Kustomization/base".to_owned()
            },
            |acting| !suspended(acting),
        ),
    ];
    scenarios.extend(argo());
    scenarios.push(scenario(
        "scale --suspend",
        |acting| {
            kustomization(acting, false);
            acting.cluster.edit("deployments", "feeds", EVM, "story", |it| {
                it["spec"]["replicas"] = json!(2);
                it["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] = json!("base");
                it["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/namespace"] = json!("feeds");
            });
            format!("scale {EVM} 3 --suspend 1h")
        },
        |acting| !suspended(acting) && acting.replicas(EVM) == 3,
    ));
    scenarios
}

fn argo() -> Vec<Scenario> {
    let scenario = |name, prepare, holds| Scenario { name, world: World::Cluster, prepare, holds };
    vec![
        scenario(
            "sync",
            |acting| {
                application(acting);
                "sync prod/feeds/Application/prices".to_owned()
            },
            |acting| status(acting)["sync"]["status"] == "Synced" && status(acting)["history"][3].is_null(),
        ),
        scenario(
            "refresh",
            |acting| {
                application(acting);
                "refresh prod/feeds/Application/prices".to_owned()
            },
            |acting| status(acting)["reconciledAt"].is_string(),
        ),
        scenario(
            "rollback-app",
            |acting| {
                application(acting);
                "rollback-app prod/feeds/Application/prices".to_owned()
            },
            |acting| status(acting)["history"][2]["revision"] == HEAD && status(acting)["history"][3].is_null(),
        ),
        scenario(
            "promote",
            |acting| {
                rollout(acting, false);
                "promote prod/feeds/Rollout/fortuna".to_owned()
            },
            |acting| {
                let fortuna = acting.cluster.object("rollouts", "feeds", "fortuna").unwrap();
                fortuna["status"]["currentStepIndex"] == 3
            },
        ),
        scenario(
            "abort",
            |acting| {
                rollout(acting, false);
                "abort prod/feeds/Rollout/fortuna".to_owned()
            },
            |acting| phase(acting) == "Degraded",
        ),
        scenario(
            "retry",
            |acting| {
                rollout(acting, true);
                "retry prod/feeds/Rollout/fortuna".to_owned()
            },
            |acting| phase(acting) == "Paused",
        ),
    ]
}
