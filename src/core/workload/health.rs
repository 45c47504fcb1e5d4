//! How a workload is, in the few numbers people ask for.

use super::apps::{DaemonSet, Deployment, StatefulSet};
use super::pod::Pod;
use super::{Id, Image, Index, Kind, Meta, Reach};
use crate::core::time::Timestamp;

/// How far a rollout is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rollout {
    Complete,
    /// So many pods run the newest template.
    Progressing {
        updated: i32,
    },
    /// The controller's reason and words.
    Stuck {
        reason: String,
        message: String,
    },
    Paused,
    /// Scaled to nothing on purpose.
    ScaledToZero,
    /// Jobs and the like have none.
    None,
}

/// What keeps pods running, in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub desired: i32,
    pub ready: i32,
    pub rollout: Rollout,
}

impl Health {
    /// Everything asked for is there and ready.
    #[must_use]
    pub fn well(&self) -> bool {
        self.ready >= self.desired && matches!(self.rollout, Rollout::Complete | Rollout::ScaledToZero | Rollout::None)
    }
}

/// `None` when the index does not have it.
#[must_use]
pub fn health(index: &Index, id: &Id) -> Option<Health> {
    let (namespace, name) = (&*id.namespace, &*id.name);
    match id.kind {
        Kind::Deployment => index.deployment(namespace, name).map(of_deployment),
        Kind::StatefulSet => index.stateful_set(namespace, name).map(of_stateful_set),
        Kind::DaemonSet => index.daemon_set(namespace, name).map(of_daemon_set),
        Kind::CronJob => {
            let running = i32::try_from(index.cron_job(namespace, name)?.active).unwrap_or(i32::MAX);
            Some(Health { desired: running, ready: running, rollout: Rollout::None })
        }
        Kind::Job => {
            let job = index.job(namespace, name)?;
            Some(Health { desired: job.active, ready: job.active, rollout: Rollout::None })
        }
        Kind::Pod => {
            let ready = i32::from(index.pod(namespace, name)?.ready);
            Some(Health { desired: 1, ready, rollout: Rollout::None })
        }
        _ => None,
    }
}

fn rollout(desired: i32, updated: i32, current: i32, observed: bool) -> Rollout {
    match desired {
        0 if current == 0 => Rollout::ScaledToZero,
        _ if observed && updated >= desired && current <= desired => Rollout::Complete,
        _ => Rollout::Progressing { updated },
    }
}

fn of_deployment(it: &Deployment) -> Health {
    let rollout = match &it.stuck {
        Some(stuck) => Rollout::Stuck { reason: stuck.reason.to_string(), message: stuck.message.to_string() },
        None if it.paused => Rollout::Paused,
        None => rollout(it.replicas, it.updated, it.updated, it.observed_generation >= it.meta.generation),
    };
    Health { desired: it.replicas, ready: it.ready, rollout }
}

fn of_stateful_set(it: &StatefulSet) -> Health {
    let observed = it.observed_generation >= it.meta.generation;
    let updated = if it.current_revision == it.update_revision { it.replicas } else { it.updated };
    Health { desired: it.replicas, ready: it.ready, rollout: rollout(it.replicas, updated, updated, observed) }
}

fn of_daemon_set(it: &DaemonSet) -> Health {
    let observed = it.observed_generation >= it.meta.generation;
    Health { desired: it.desired, ready: it.ready, rollout: rollout(it.desired, it.updated, it.updated, observed) }
}

/// The images of a workload's containers; empty when it is not there or has none of its own.
#[must_use]
pub fn images<'a>(index: &'a Index, id: &Id) -> &'a [Image] {
    let (namespace, name) = (&*id.namespace, &*id.name);
    let images = match id.kind {
        Kind::Deployment => index.deployment(namespace, name).map(|it| &it.images),
        Kind::StatefulSet => index.stateful_set(namespace, name).map(|it| &it.images),
        Kind::DaemonSet => index.daemon_set(namespace, name).map(|it| &it.images),
        _ => None,
    };
    images.map(|images| &**images).unwrap_or_default()
}

/// What is wrong with a pod in a word or two, as `kubectl get pods` shows it; `None` while it is well.
#[must_use]
pub fn complaint(pod: &Pod) -> Option<String> {
    use super::pod::{Phase, Scheduling, State};
    if let Some(failure) = &pod.failure {
        return Some(failure.reason.to_string());
    }
    if pod.meta.deleting_since.is_some() {
        return Some("Terminating".to_owned());
    }
    match &pod.scheduling {
        Scheduling::Unschedulable(_) => return Some("Unschedulable".to_owned()),
        Scheduling::Gated => return Some("SchedulingGated".to_owned()),
        Scheduling::Scheduled => {}
    }
    for container in pod.containers.iter().filter(|container| !container.ready) {
        match &container.state {
            State::Waiting(wait) => return Some(wait.reason.to_string()),
            State::Terminated(exit) if exit.code != 0 => return Some(exit.reason.to_string()),
            State::Running | State::Terminated(_) | State::Unknown => {}
        }
    }
    match pod.phase {
        Phase::Running if pod.ready => None,
        Phase::Succeeded => None,
        Phase::Running => Some("NotReady".to_owned()),
        Phase::Pending => Some("Pending".to_owned()),
        Phase::Failed => Some("Failed".to_owned()),
        Phase::Unknown => Some("Unknown".to_owned()),
    }
}

/// How bad a pod is, worst first in order: what crashes before what waits before what is well.
#[must_use]
pub fn rank(pod: &Pod) -> u8 {
    match complaint(pod).as_deref() {
        None => 9,
        Some("Terminating") => 8,
        Some("ContainerCreating" | "PodInitializing" | "Pending") => 6,
        Some("NotReady" | "Unknown") => 4,
        Some("Unschedulable" | "SchedulingGated") => 3,
        Some(_) => 1,
    }
}

/// Whose label, or what it belongs to, says whose it is.
#[must_use]
pub fn owner<'a>(index: &'a Index, id: &Id) -> Option<&'a str> {
    let meta: &'a Meta = index.meta(id.kind, &id.namespace, &id.name)?;
    index.owner(meta)
}

/// What a cluster's clock shows, as far as it is known.
#[must_use]
pub fn clock(index: &Index, now: Timestamp) -> Timestamp {
    match index.reach() {
        Reach::Up { skew_millis, .. } => Timestamp::from_millis(now.as_millis().saturating_add(*skew_millis)),
        Reach::Unknown | Reach::Down { .. } => now,
    }
}
