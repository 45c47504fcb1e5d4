//! A pod: where it runs, how its containers are.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::names::Names;
use super::object::{Image, Kept, Meta, Name, kept_meta};
use crate::core::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    pub meta: Meta,
    /// Where it was scheduled to.
    pub node: Option<Name>,
    pub phase: Phase,
    /// The condition `Ready`.
    pub ready: bool,
    pub scheduling: Scheduling,
    /// Why it ended as a whole: `Evicted`, `NodeLost` …; with the message and the time by the cluster's clock.
    pub failure: Option<Box<Failure>>,
    /// Init containers first.
    pub containers: Box<[Container]>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
    #[default]
    Unknown,
}

/// Why a pod has no node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scheduling {
    #[default]
    Scheduled,
    /// Held back on purpose by a scheduling gate.
    Gated,
    /// No node takes it: the scheduler's message.
    Unschedulable(Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub reason: Name,
    pub message: Box<str>,
    pub at: Option<Timestamp>,
    /// When the index saw it happen; `None` when it had happened before the index saw the pod.
    pub seen_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    pub spec: Arc<Image>,
    /// Init containers; sidecars among them keep running.
    pub init: bool,
    pub ready: bool,
    pub restarts: u32,
    pub state: State,
    /// How its last run ended.
    pub last: Option<Box<Exit>>,
    /// What the index saw of it before; most have nothing to tell.
    pub seen: Option<Box<Seen>>,
}

/// What only the past of a container tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// When it was last waiting in CrashLoopBackOff, after it left it.
    pub backoff_at: Option<Timestamp>,
    /// When its latest run ended; `None` when that was before the index saw the pod.
    pub exit_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// `CrashLoopBackOff`, `ImagePullBackOff`, `ContainerCreating` …
    Waiting(Box<Wait>),
    Running,
    Terminated(Box<Exit>),
    /// Nothing is said about it yet.
    #[default]
    Unknown,
}

/// Why a container does not run yet, or not now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    pub reason: Name,
    pub message: Box<str>,
}

/// How a run of a container ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub code: i32,
    pub signal: Option<i32>,
    /// `OOMKilled`, `Error`, `Completed` …
    pub reason: Name,
    pub message: Box<str>,
    pub finished_at: Option<Timestamp>,
}

pub const CRASH_LOOP: &str = "CrashLoopBackOff";
pub const OOM_KILLED: &str = "OOMKilled";
pub const EVICTED: &str = "Evicted";

impl Pod {
    #[must_use]
    pub fn container(&self, name: &str) -> Option<&Container> {
        self.containers.iter().find(|container| container.name() == name)
    }

    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.containers.iter().map(|container| container.restarts).fold(0, u32::saturating_add)
    }

    #[must_use]
    pub fn evicted(&self) -> Option<&Failure> {
        self.failure.as_deref().filter(|failure| &*failure.reason == EVICTED)
    }
}

impl Container {
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.container
    }

    #[must_use]
    pub fn image(&self) -> &str {
        &self.spec.image
    }

    /// What the index saw of it before.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen.as_deref().copied().unwrap_or_default()
    }

    #[must_use]
    pub fn waiting(&self) -> Option<(&str, &str)> {
        match &self.state {
            State::Waiting(wait) => Some((&wait.reason, &wait.message)),
            State::Running | State::Terminated(_) | State::Unknown => None,
        }
    }

    #[must_use]
    pub fn in_crash_loop(&self) -> bool {
        self.waiting().is_some_and(|(reason, _)| reason == CRASH_LOOP)
    }

    /// How it last ended: the present state when it is over, the run before otherwise.
    #[must_use]
    pub fn last_exit(&self) -> Option<&Exit> {
        match &self.state {
            State::Terminated(exit) => Some(exit),
            State::Waiting(_) | State::Running | State::Unknown => self.last.as_deref(),
        }
    }
}

impl Kept for Pod {
    kept_meta!();

    fn intern(&mut self, names: &mut Names) {
        names.share_some(&mut self.node);
        if let Some(failure) = &mut self.failure {
            names.share(&mut failure.reason);
        }
        for container in &mut self.containers {
            names.share_spec(&mut container.spec);
            match &mut container.state {
                State::Waiting(wait) => names.share(&mut wait.reason),
                State::Terminated(exit) => names.share(&mut exit.reason),
                State::Running | State::Unknown => {}
            }
            if let Some(exit) = &mut container.last {
                names.share(&mut exit.reason);
            }
        }
    }

    fn carry(&mut self, before: &Self, now: Timestamp) {
        // A pod of the same name with another uid is another pod.
        if self.meta.uid != before.meta.uid {
            return;
        }
        match (&mut self.failure, &before.failure) {
            (Some(failure), None) => failure.seen_at = Some(now),
            (Some(failure), Some(was)) => failure.seen_at = was.seen_at,
            (None, _) => {}
        }
        for container in &mut self.containers {
            let Some(was) = before.container(container.name()) else { continue };
            let mut seen = was.seen();
            if container.last_exit() != was.last_exit() {
                seen.exit_at = Some(now);
            }
            if was.in_crash_loop() {
                seen.backoff_at = Some(now);
            }
            container.seen = (seen != Seen::default()).then(|| Box::new(seen));
        }
    }
}
