//! What is wrong in a cluster now, for whoever asks. Alerts wait until something lasts; this does not.

use super::batch::JobEnd;
use super::find::workloads;
use super::health::{Rollout, complaint, health};
use super::node::{Node, Readiness};
use super::{Id, Index, Kind};

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub weight: Weight,
    pub id: Id,
    /// `1 of 3 ready, CrashLoopBackOff`
    pub what: String,
}

/// The worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It does not work.
    Down,
    /// It works with less than it should.
    Impaired,
    /// On purpose or harmless, but good to know.
    Noted,
}

/// All of a cluster's, the worst first.
#[must_use]
pub fn problems(index: &Index) -> Vec<Problem> {
    let mut found: Vec<Problem> = index.nodes().filter_map(of_node).collect();
    found.extend(workloads(index).filter_map(|id| of_workload(index, id)));
    found.extend(index.jobs().filter_map(|job| match &job.end {
        Some(JobEnd::Failed { reason, .. }) => {
            let what = format!("failed: {reason}");
            Some(Problem { weight: Weight::Impaired, id: Id::of(Kind::Job, &job.meta), what })
        }
        Some(JobEnd::Complete) | None => None,
    }));
    found.extend(index.autoscalers().filter(|hpa| hpa.max > hpa.min && hpa.desired >= hpa.max).map(|hpa| {
        let what = format!("at its maximum of {}", hpa.max);
        Problem { weight: Weight::Noted, id: Id::of(Kind::HorizontalPodAutoscaler, &hpa.meta), what }
    }));
    found.sort();
    found
}

fn of_node(node: &Node) -> Option<Problem> {
    let id = Id::of(Kind::Node, &node.meta);
    let (weight, what) = match node.ready {
        Readiness::NotReady => (Weight::Down, "not ready".to_owned()),
        Readiness::Unknown => (Weight::Down, "not heard of".to_owned()),
        Readiness::Ready if !node.pressures.is_empty() => {
            let pressures: Vec<_> = node.pressures.iter().map(|it| it.as_str()).collect();
            (Weight::Impaired, pressures.join(", "))
        }
        Readiness::Ready if node.unschedulable => (Weight::Noted, "cordoned".to_owned()),
        Readiness::Ready => return None,
    };
    Some(Problem { weight, id, what })
}

fn of_workload(index: &Index, id: Id) -> Option<Problem> {
    let health = health(index, &id)?;
    let mut complaints: Vec<String> = index.pods_of(&id).filter_map(complaint).collect();
    complaints.sort();
    complaints.dedup();
    complaints.retain(|it| it != "Terminating");
    if health.well() && (complaints.is_empty() || !matches!(id.kind, Kind::Deployment | Kind::StatefulSet)) {
        return None;
    }
    let weight = match (&health.rollout, health.ready) {
        (_, 0) if health.desired > 0 => Weight::Down,
        (Rollout::Paused, ready) if ready >= health.desired => Weight::Noted,
        (Rollout::Progressing { .. }, ready) if ready >= health.desired => Weight::Noted,
        _ => Weight::Impaired,
    };
    let mut parts = Vec::new();
    if health.ready < health.desired {
        parts.push(format!("{} of {} ready", health.ready, health.desired));
    }
    match &health.rollout {
        Rollout::Stuck { .. } => parts.push("rollout stuck".to_owned()),
        Rollout::Paused => parts.push("rollout paused".to_owned()),
        Rollout::Progressing { updated } => parts.push(format!("rolling out, {updated} of {} new", health.desired)),
        Rollout::Complete | Rollout::ScaledToZero | Rollout::None => {}
    }
    parts.extend(complaints.into_iter().take(3));
    Some(Problem { weight, id, what: parts.join(", ") })
}
