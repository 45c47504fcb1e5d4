//! Answers about what runs in the clusters: from the index what is known, from the cluster what is asked once.

use crate::core::command::workload::{Ask, Place, Wanted};
use crate::core::redact::redact;
use crate::core::workload::find::{Found, Target, Within, find};
use crate::core::workload::health::{self, complaint, health};
use crate::core::workload::node::{Node, Readiness};
use crate::core::workload::pod::{Phase, Pod};
use crate::core::workload::problems::{Problem, problems};
use crate::core::workload::{Cluster, Clusters, Id, Kind, Reach};
use crate::slack::blocks::workloads::{
    self as blocks, Candidate, ClusterLine, ClustersView, Doubt, NodeLine, NodesView, PodLine, PodsView,
};
use crate::slack::message::Message;

use super::Flow;
use super::act::{Caller, Plan};

impl Flow {
    pub(super) async fn plan_workload(&self, ask: Ask, caller: &Caller) -> Plan {
        if self.clusters.is_empty() {
            return Plan::Answer(blocks::no_clusters());
        }
        match ask {
            Ask::Cluster { name } => Plan::Answer(self.cluster_overview(name.as_deref())),
            Ask::Nodes { cluster } => Plan::Answer(self.node_list(cluster.as_deref())),
            Ask::Pods { filter, place } => Plan::Answer(self.pod_list(filter.as_deref(), &place)),
            Ask::Workload(wanted) => match self.target(&wanted, "workload") {
                Ok(target) => Plan::Answer(Box::pin(self.workload_card(&target)).await),
                Err(message) => Plan::Answer(message),
            },
            Ask::Rollout(wanted) => match self.target(&wanted, "rollout") {
                Ok(target) => Plan::Answer(self.rollout_list(&target).await),
                Err(message) => Plan::Answer(message),
            },
            Ask::Logs { of, run, since } => self.plan_logs(&of, run, since, caller),
        }
    }

    /// The one workload that is meant, or an answer that asks which.
    pub(super) fn target(&self, wanted: &Wanted, verb: &str) -> Result<Target, Message> {
        self.with_clusters(|clusters| {
            let place = &wanted.place;
            known(clusters, place.cluster.as_deref())?;
            let within = Within { cluster: place.cluster.as_deref(), namespace: place.namespace.as_deref() };
            match find(clusters, &wanted.name, within) {
                Found::One(target) => Ok(target),
                Found::Several(targets) => {
                    let candidates: Vec<_> = targets.iter().map(|target| candidate(target, verb)).collect();
                    Err(blocks::which_workload(&wanted.name, &candidates))
                }
                Found::Nothing { nearest } => Err(blocks::no_such_workload(&wanted.name, verb, nearest.as_deref())),
            }
        })
    }

    fn cluster_overview(&self, name: Option<&str>) -> Message {
        self.with_clusters(|clusters| {
            if let Err(message) = known(clusters, name) {
                return message;
            }
            let shown: Vec<&Cluster> = chosen(clusters, name).collect();
            let mut lines: Vec<ClusterLine> = shown.iter().map(|cluster| cluster_line(cluster)).collect();
            lines.sort_by_key(|line| line.problems.first().map_or(u8::MAX, |it| it.weight as u8));
            blocks::clusters(&ClustersView { clusters: &lines, doubts: &doubts(&shown), now: self.now() })
        })
    }

    fn node_list(&self, name: Option<&str>) -> Message {
        self.with_clusters(|clusters| {
            if let Err(message) = known(clusters, name) {
                return message;
            }
            let shown: Vec<&Cluster> = chosen(clusters, name).collect();
            let mut nodes: Vec<NodeLine> =
                shown.iter().flat_map(|cluster| cluster.index.nodes().map(|node| node_line(cluster, node))).collect();
            nodes.sort_by_key(|node| (node.trouble.is_none(), !node.cordoned));
            blocks::nodes(&NodesView { nodes: &nodes, doubts: &doubts(&shown), now: self.now() })
        })
    }

    fn pod_list(&self, filter: Option<&str>, place: &Place) -> Message {
        let now = self.now();
        self.with_clusters(|clusters| {
            if let Err(message) = known(clusters, place.cluster.as_deref()) {
                return message;
            }
            let shown: Vec<&Cluster> = chosen(clusters, place.cluster.as_deref()).collect();
            let mut pods: Vec<(&Cluster, &Pod)> = Vec::new();
            for cluster in &shown {
                let there = cluster.index.pods().filter(|pod| pod_fits(cluster, pod, filter, place));
                pods.extend(there.map(|pod| (*cluster, pod)));
            }
            pods.sort_by_key(|(_, pod)| (health::rank(pod), pod.phase == Phase::Succeeded));
            let lines: Vec<PodLine> = pods
                .iter()
                .map(|(cluster, pod)| PodLine {
                    cluster: &cluster.name,
                    namespace: &pod.meta.namespace,
                    name: &pod.meta.name,
                    complaint: complaint(pod),
                    done: pod.phase == Phase::Succeeded,
                    ready: (
                        pod.containers.iter().filter(|it| !it.init && it.ready).count(),
                        pod.containers.iter().filter(|it| !it.init).count(),
                    ),
                    restarts: pod.restarts(),
                    node: pod.node.as_deref(),
                    age: pod.meta.created_at.map(|at| health::clock(&cluster.index, now).since(at)),
                })
                .collect();
            let asked = [filter.map(str::to_owned), Some(place.typed().trim().to_owned()).filter(|it| !it.is_empty())];
            let asked: Vec<String> = asked.into_iter().flatten().collect();
            let asked = asked.join(" ");
            let filter = Some(asked.as_str()).filter(|it| !it.is_empty());
            blocks::pods(&PodsView { pods: &lines, filter, doubts: &doubts(&shown), now })
        })
    }
}

/// A name given for a cluster must be one's.
pub(super) fn known(clusters: &Clusters, name: Option<&str>) -> Result<(), Message> {
    let Some(asked) = name else { return Ok(()) };
    if chosen(clusters, name).next().is_some() {
        return Ok(());
    }
    let names: Vec<&str> = clusters.iter().map(|cluster| &*cluster.name).collect();
    Err(blocks::no_such_cluster(asked, &names))
}

pub(super) fn chosen<'a>(clusters: &'a Clusters, name: Option<&str>) -> impl Iterator<Item = &'a Cluster> {
    let wanted = name.map(str::to_owned);
    clusters.iter().filter(move |it| wanted.as_deref().is_none_or(|name| it.name.eq_ignore_ascii_case(name)))
}

fn doubts(clusters: &[&Cluster]) -> Vec<Doubt> {
    clusters.iter().filter_map(|cluster| Doubt::of(&cluster.name, cluster.index.status())).collect()
}

/// What to keep in mind about what one cluster says.
pub(super) fn doubt(clusters: &Clusters, cluster: &str) -> Vec<Doubt> {
    clusters.get(cluster).and_then(|it| Doubt::of(&it.name, it.index.status())).into_iter().collect()
}

/// The words after a verb that mean exactly this one.
pub(super) fn typed(target: &Target) -> String {
    let Target { cluster, id, pod } = target;
    let name = match (pod, id.kind) {
        (Some(pod), _) => pod.to_string(),
        (None, Kind::Pod) => id.name.to_string(),
        (None, kind) => format!("{}/{}", kind.as_str().to_lowercase(), id.name),
    };
    format!("{name} -n {} -c {cluster}", id.namespace)
}

fn candidate(target: &Target, verb: &str) -> Candidate {
    Candidate {
        kind: target.id.kind.as_str().to_owned(),
        namespace: target.id.namespace.to_string(),
        name: target.id.name.to_string(),
        cluster: target.cluster.to_string(),
        command: format!("{verb} {}", typed(target)),
    }
}

fn cluster_line(cluster: &Cluster) -> ClusterLine<'_> {
    let index = &cluster.index;
    let mut found: Vec<Problem> = problems(index);
    for problem in &mut found {
        problem.what = redact(&problem.what);
    }
    let version = match index.reach() {
        Reach::Up { version, .. } => version.as_str(),
        Reach::Unknown | Reach::Down { .. } => "",
    };
    let nodes = (index.nodes().filter(|it| it.ready == Readiness::Ready).count(), index.nodes().count());
    let pods = (index.pods().filter(|it| complaint(it).is_none()).count(), index.pods().count());
    let all: Vec<Id> = crate::core::workload::find::workloads(index).collect();
    let well = all.iter().filter(|id| health(index, id).is_some_and(|it| it.well())).count();
    ClusterLine { name: &cluster.name, version, nodes, pods, workloads: (well, all.len()), problems: found }
}

fn node_line<'a>(cluster: &'a Cluster, node: &'a Node) -> NodeLine<'a> {
    let trouble = match node.ready {
        Readiness::Ready if node.pressures.is_empty() => None,
        Readiness::Ready => {
            let pressures: Vec<_> = node.pressures.iter().map(|it| it.as_str()).collect();
            Some(pressures.join(", "))
        }
        Readiness::NotReady => Some(redact(&format!("not ready: {}", node.message))),
        Readiness::Unknown => Some(redact(&format!("not heard of: {}", node.message))),
    };
    let on = || cluster.index.pods_on(&node.meta.name);
    let pods = (on().filter(|pod| complaint(pod).is_none()).count(), on().count());
    NodeLine {
        cluster: &cluster.name,
        name: &node.meta.name,
        trouble,
        cordoned: node.unschedulable,
        pods,
        version: &node.kubelet_version,
    }
}

/// A filter is any part of a pod's name, namespace, node or complaint; `deployment/hermes` is one workload's.
fn pod_fits(cluster: &Cluster, pod: &Pod, filter: Option<&str>, place: &Place) -> bool {
    let in_namespace = |it: &String| pod.meta.namespace.eq_ignore_ascii_case(it);
    if !place.namespace.as_ref().is_none_or(in_namespace) {
        return false;
    }
    let Some(filter) = filter.map(str::to_lowercase) else { return true };
    if let Some((kind, name)) = filter.split_once('/') {
        let top = cluster.index.workload(&pod.meta);
        return top.is_some_and(|(its, called)| its.as_str().to_lowercase() == kind && called.to_lowercase() == name)
            || (pod.meta.namespace.to_lowercase() == kind && pod.meta.name.to_lowercase().contains(name));
    }
    let has = |text: &str| text.to_lowercase().contains(&filter);
    has(&pod.meta.name)
        || has(&pod.meta.namespace)
        || pod.node.as_deref().is_some_and(has)
        || complaint(pod).is_some_and(|complaint| has(&complaint))
}
