//! Deployments, StatefulSets, DaemonSets.

use std::time::Duration;

use super::{Finding, RuleName, Scene};
use crate::core::time::Timestamp;
use crate::core::workload::apps::{DaemonSet, Deployment, StatefulSet};
use crate::core::workload::node::Readiness;
use crate::core::workload::pod::Phase;
use crate::core::workload::{Id, Kind, Meta, cause};

/// A rollout that moved on within these is given time.
const QUIET: Duration = Duration::from_mins(10);
const QUIET_ROLLOUT: Duration = Duration::from_mins(5);

impl Scene<'_> {
    fn quiet(&self, progressed_at: Option<Timestamp>, length: Duration) -> bool {
        progressed_at.is_none_or(|at| self.now.since(at) > length)
    }

    /// Whether all `missing` pods are on nodes that are down: the node's alert tells, and one is enough.
    fn lost_with_nodes(&self, id: &Id, missing: i64) -> bool {
        let on_it = |node: &str| self.index.node(node).is_some_and(|node| node.ready != Readiness::Ready);
        let lost =
            self.index.pods_of(id).filter(|pod| !pod.ready && !matches!(pod.phase, Phase::Succeeded | Phase::Failed));
        let (down, elsewhere): (Vec<_>, Vec<_>) = lost.partition(|pod| pod.node.as_deref().is_some_and(on_it));
        self.nodes_told && elsewhere.is_empty() && i64::try_from(down.len()).is_ok_and(|down| down >= missing)
    }

    fn generation(&self, rule: RuleName, id: &Id, meta: &Meta, observed: i64, out: &mut Vec<Finding>) {
        if meta.generation != observed {
            let summary = format!("{} {} is not acted upon", id.kind, path(meta));
            let value = format!("generation {observed} observed");
            out.push(self.finding(rule, id, summary, value, format!("generation {}", meta.generation)));
        }
    }

    pub(super) fn deployment(&self, deployment: &Deployment, out: &mut Vec<Finding>) {
        let Deployment { meta, replicas, available, .. } = deployment;
        let id = Id::of(Kind::Deployment, meta);
        let rule = RuleName::KubeDeploymentGenerationMismatch;
        self.generation(rule, &id, meta, deployment.observed_generation, out);
        let missing = i64::from(*replicas) - i64::from(*available);
        if missing > 0 && self.quiet(deployment.progressed_at, QUIET) && !self.lost_with_nodes(&id, missing) {
            let rule = RuleName::KubeDeploymentReplicasMismatch;
            let summary = format!("{} has {available} of {replicas} replicas", path(meta));
            let (value, wanted) = (format!("{available} available"), format!("{replicas} wanted"));
            let mut finding = self.finding(rule, &id, summary, value, wanted);
            finding.cause = cause::joined([cause::pods(self.index, &id), finding.cause.take()]);
            out.push(finding);
        }
        if let Some(stuck) = &deployment.stuck {
            let rule = RuleName::KubeDeploymentRolloutStuck;
            let summary = format!("the rollout of {} is stuck", path(meta));
            let value = format!("{} of {replicas} updated", deployment.updated);
            let mut finding = self.finding(rule, &id, summary, value, String::new());
            let said = Some(stuck.message.to_string()).filter(|message| !message.is_empty());
            finding.cause = cause::joined([cause::pods(self.index, &id), said, finding.cause.take()]);
            out.push(finding);
        }
    }

    pub(super) fn stateful_set(&self, set: &StatefulSet, out: &mut Vec<Finding>) {
        let StatefulSet { meta, replicas, ready, updated, .. } = set;
        let id = Id::of(Kind::StatefulSet, meta);
        let rule = RuleName::KubeStatefulSetGenerationMismatch;
        self.generation(rule, &id, meta, set.observed_generation, out);
        let mut say = |rule, summary, value, wanted| {
            let mut finding = self.finding(rule, &id, summary, value, wanted);
            finding.cause = cause::joined([cause::pods(self.index, &id), finding.cause.take()]);
            out.push(finding);
        };
        let missing = i64::from(*replicas) - i64::from(*ready);
        if missing != 0 && self.quiet(set.progressed_at, QUIET) && !(missing > 0 && self.lost_with_nodes(&id, missing))
        {
            let summary = format!("{} has {ready} of {replicas} replicas", path(meta));
            let (value, wanted) = (format!("{ready} ready"), format!("{replicas} wanted"));
            say(RuleName::KubeStatefulSetReplicasMismatch, summary, value, wanted);
        }
        let between = set.current_revision != set.update_revision && replicas != updated;
        if between && self.quiet(set.progressed_at, QUIET_ROLLOUT) {
            let summary = format!("the update of {} is not rolled out", path(meta));
            let (value, wanted) = (format!("{updated} updated"), format!("{replicas} wanted"));
            say(RuleName::KubeStatefulSetUpdateNotRolledOut, summary, value, wanted);
        }
    }

    pub(super) fn daemon_set(&self, set: &DaemonSet, out: &mut Vec<Finding>) {
        let DaemonSet { meta, desired, current, updated, available, misscheduled, .. } = set;
        let id = Id::of(Kind::DaemonSet, meta);
        let mut say = |rule, summary, value, wanted| {
            let mut finding = self.finding(rule, &id, summary, value, wanted);
            finding.cause = cause::joined([cause::pods(self.index, &id), finding.cause.take()]);
            out.push(finding);
        };
        let unfinished = current != desired || *misscheduled != 0 || updated != desired || available != desired;
        let missing = i64::from(*desired) - i64::from(*available);
        let all_else = current == desired && *misscheduled == 0;
        let lost = all_else && missing > 0 && self.lost_with_nodes(&id, missing);
        if unfinished && self.quiet(set.progressed_at, QUIET_ROLLOUT) && !lost {
            let summary = format!("the rollout of {} is stuck", path(meta));
            let value = format!("{updated} updated, {available} available");
            say(RuleName::KubeDaemonSetRolloutStuck, summary, value, format!("{desired} wanted"));
        }
        if desired > current {
            let summary = format!("{} pods of {} are not scheduled", desired - current, path(meta));
            let (value, wanted) = (format!("{current} scheduled"), format!("{desired} wanted"));
            say(RuleName::KubeDaemonSetNotScheduled, summary, value, wanted);
        }
        if *misscheduled > 0 {
            let summary = format!("{misscheduled} pods of {} run where they should not", path(meta));
            say(RuleName::KubeDaemonSetMisScheduled, summary, format!("{misscheduled} pods"), "none".to_owned());
        }
    }
}

fn path(meta: &Meta) -> String {
    format!("{}/{}", meta.namespace, meta.name)
}
