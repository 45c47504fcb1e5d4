//! Which resources the local cluster has.

use serde_json::{Value, json};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// Empty for the core group.
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    pub kind: &'static str,
    pub namespaced: bool,
    pub subresources: &'static [&'static str],
}

const fn core(plural: &'static str, kind: &'static str, subresources: &'static [&'static str]) -> Resource {
    Resource { group: "", version: "v1", plural, kind, namespaced: true, subresources }
}

const fn grouped(
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    kind: &'static str,
    subresources: &'static [&'static str],
) -> Resource {
    Resource { group, version, plural, kind, namespaced: true, subresources }
}

const SCALED: &[&str] = &["scale", "status"];

pub(super) static RESOURCES: [Resource; 26] = [
    Resource { namespaced: false, ..core("namespaces", "Namespace", &["status"]) },
    Resource { namespaced: false, ..core("nodes", "Node", &["status"]) },
    core("pods", "Pod", &["eviction", "log", "status"]),
    core("events", "Event", &[]),
    core("persistentvolumeclaims", "PersistentVolumeClaim", &["status"]),
    // It has them, as every cluster has; nobody is ever allowed to read them here.
    core("secrets", "Secret", &[]),
    grouped("apps", "v1", "deployments", "Deployment", SCALED),
    grouped("apps", "v1", "replicasets", "ReplicaSet", SCALED),
    grouped("apps", "v1", "statefulsets", "StatefulSet", SCALED),
    grouped("apps", "v1", "daemonsets", "DaemonSet", &["status"]),
    grouped("apps", "v1", "controllerrevisions", "ControllerRevision", &[]),
    grouped("batch", "v1", "jobs", "Job", &["status"]),
    grouped("batch", "v1", "cronjobs", "CronJob", &["status"]),
    grouped("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", &["status"]),
    grouped("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", &["status"]),
    grouped("events.k8s.io", "v1", "events", "Event", &[]),
    grouped("coordination.k8s.io", "v1", "leases", "Lease", &[]),
    // Argo CD's, Argo Rollouts' and Flux' own.
    grouped("argoproj.io", "v1alpha1", "applications", "Application", &[]),
    grouped("argoproj.io", "v1alpha1", "rollouts", "Rollout", SCALED),
    grouped("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization", &["status"]),
    grouped("helm.toolkit.fluxcd.io", "v2", "helmreleases", "HelmRelease", &["status"]),
    grouped("source.toolkit.fluxcd.io", "v1", "gitrepositories", "GitRepository", &["status"]),
    grouped("source.toolkit.fluxcd.io", "v1", "ocirepositories", "OCIRepository", &["status"]),
    grouped("source.toolkit.fluxcd.io", "v1", "helmrepositories", "HelmRepository", &["status"]),
    grouped("source.toolkit.fluxcd.io", "v1", "helmcharts", "HelmChart", &["status"]),
    grouped("source.toolkit.fluxcd.io", "v1", "buckets", "Bucket", &["status"]),
];

pub(super) static NAMESPACES: &Resource = &RESOURCES[0];
pub(super) static NODES: &Resource = &RESOURCES[1];
pub(super) static PODS: &Resource = &RESOURCES[2];
pub(super) static EVENTS: &Resource = &RESOURCES[3];
pub(super) static CLAIMS: &Resource = &RESOURCES[4];
pub(super) static DEPLOYMENTS: &Resource = &RESOURCES[6];
pub(super) static REPLICA_SETS: &Resource = &RESOURCES[7];
pub(super) static STATEFUL_SETS: &Resource = &RESOURCES[8];
pub(super) static DAEMON_SETS: &Resource = &RESOURCES[9];
pub(super) static REVISIONS: &Resource = &RESOURCES[10];
pub(super) static JOBS: &Resource = &RESOURCES[11];
pub(super) static CRON_JOBS: &Resource = &RESOURCES[12];
pub(super) static AUTOSCALERS: &Resource = &RESOURCES[13];
pub(super) static BUDGETS: &Resource = &RESOURCES[14];
pub(super) static APPLICATIONS: &Resource = &RESOURCES[17];
pub(super) static ROLLOUTS: &Resource = &RESOURCES[18];
/// Everything that Flux reconciles.
pub(super) static RECONCILED: &[Resource] = RESOURCES.split_at(19).1;

const VERBS: [&str; 7] = ["create", "delete", "get", "list", "patch", "update", "watch"];

impl Resource {
    /// By the plural of a kind of which there is one group only.
    pub fn named(plural: &str) -> Option<&'static Self> {
        RESOURCES.iter().find(|resource| resource.plural == plural)
    }

    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }
}

pub(super) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|it| it.group == group && it.version == version && it.plural == plural)
}

fn groups() -> Vec<(&'static str, &'static str)> {
    let mut groups: Vec<_> = RESOURCES.iter().map(|it| (it.group, it.version)).filter(|it| !it.0.is_empty()).collect();
    groups.dedup();
    groups
}

/// What `/apis` says.
pub(super) fn group_list() -> Value {
    let groups: Vec<Value> = groups().into_iter().map(|(group, version)| group_of(group, version)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// What `/apis/apps` says; `None` for a group the cluster does not have.
pub(super) fn group(name: &str) -> Option<Value> {
    let (group, version) = groups().into_iter().find(|(group, _)| *group == name)?;
    let mut found = group_of(group, version);
    found["kind"] = "APIGroup".into();
    found["apiVersion"] = "v1".into();
    Some(found)
}

fn group_of(group: &str, version: &str) -> Value {
    let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({"name": group, "versions": [version], "preferredVersion": version})
}

/// What `/api/v1` and `/apis/apps/v1` say; `None` for a group the cluster does not have.
pub(super) fn resource_list(group: &str, version: &str) -> Option<Value> {
    let of_group: Vec<_> = RESOURCES.iter().filter(|it| it.group == group && it.version == version).collect();
    let first = of_group.first()?;
    let mut resources = Vec::new();
    for it in &of_group {
        resources.push(json!({
            "name": it.plural, "singularName": it.kind.to_lowercase(), "namespaced": it.namespaced, "kind": it.kind,
            "verbs": VERBS,
        }));
        for subresource in it.subresources {
            resources.push(json!({
                "name": format!("{}/{subresource}", it.plural), "singularName": "", "namespaced": it.namespaced,
                "kind": it.kind, "verbs": ["get", "patch", "update"],
            }));
        }
    }
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": first.api_version(), "resources": resources,
    }))
}
