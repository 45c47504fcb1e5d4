//! Nodes, and what they evict.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Finding, RuleName, Scene};
use crate::core::workload::node::{Node, Readiness, TURNS_KEPT};
use crate::core::workload::pod::Failure;
use crate::core::workload::{Id, Kind, cause};

/// More changes of readiness than this within [`TURNS_KEPT`] are flapping.
const TURNS: usize = 2;
const EVICTED_LATELY: Duration = Duration::from_mins(15);
/// Nodes that are being taken away on purpose.
const LEAVING: [&str; 3] = [
    "ToBeDeletedByClusterAutoscaler",
    "cloud.google.com/impending-node-termination",
    "aws-node-termination-handler/spot-itn",
];

impl Scene<'_> {
    pub(super) fn node(&self, node: &Node, out: &mut Vec<Finding>) {
        let id = Id::of(Kind::Node, &node.meta);
        let name = &node.meta.name;
        let cordoned = if node.unschedulable { " (cordoned)" } else { "" };
        let said = || Some(node.message.to_string()).filter(|message| !message.is_empty());
        let mut say = |rule, summary, value, threshold, cause| {
            let mut finding = self.finding(rule, &id, summary, value, threshold);
            finding.cause = cause;
            out.push(finding);
        };
        if node.ready != Readiness::Ready {
            let value = if node.ready == Readiness::NotReady { "not ready" } else { "not heard of" };
            let summary = format!("node {name} is not ready{cordoned}");
            say(RuleName::KubeNodeNotReady, summary, value.to_owned(), String::new(), said());
        }
        let unreachable = |key: &str, effect: &str| key == "node.kubernetes.io/unreachable" && effect == "NoSchedule";
        let mut taints = node.taints.iter();
        if taints.any(|taint| unreachable(&taint.key, &taint.effect))
            && !node.taints.iter().any(|taint| LEAVING.contains(&&*taint.key))
        {
            let summary = format!("node {name} is unreachable{cordoned}");
            let pods = self.index.pods_on(name).count();
            say(RuleName::KubeNodeUnreachable, summary, format!("{pods} pods on it"), String::new(), said());
        }
        if node.turns.len() > TURNS {
            let value = format!("{} changes", node.turns.len());
            let summary = format!("node {name} is ready by turns{cordoned}");
            let limit = format!("{TURNS} in {} min", TURNS_KEPT.as_secs() / 60);
            say(RuleName::KubeNodeReadinessFlapping, summary, value, limit, said());
        }
        for pressure in &node.pressures {
            let summary = format!("node {name} has {}{cordoned}", pressure.as_str());
            let mut finding =
                self.finding(RuleName::KubeNodePressure, &id, summary, pressure.as_str().to_owned(), String::new());
            finding.labels.set("condition", pressure.as_str());
            out.push(finding);
        }
    }

    /// Nodes that evict pods, from the pods they evicted.
    pub fn evictions(&self) -> Vec<(Id, Finding)> {
        let mut nodes: BTreeMap<&str, (usize, &Failure)> = BTreeMap::new();
        for pod in self.index.pods() {
            let (Some(node), Some(failure)) = (pod.node.as_deref(), pod.evicted()) else { continue };
            let at = failure.seen_at.or(failure.at);
            if at.is_some_and(|at| self.now.since(at) <= EVICTED_LATELY) {
                nodes.entry(node).or_insert((0, failure)).0 += 1;
            }
        }
        let finding = |(node, (count, failure)): (&str, (usize, &Failure))| {
            let id = Id::new(Kind::Node, "", node);
            let pods = if count == 1 { "1 pod".to_owned() } else { format!("{count} pods") };
            let summary = format!("node {node} evicts pods: {pods} in {} min", EVICTED_LATELY.as_secs() / 60);
            let mut finding = self.finding(RuleName::KubeNodeEviction, &id, summary, pods, String::new());
            let said = Some(failure.message.to_string()).filter(|message| !message.is_empty());
            finding.cause = cause::joined([said]);
            (id, finding)
        };
        nodes.into_iter().map(finding).collect()
    }
}
