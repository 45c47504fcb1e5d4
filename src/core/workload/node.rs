//! A node: whether it works, and what holds pods off it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::names::Names;
use super::object::{Kept, Meta, Name, kept_meta};
use crate::core::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub meta: Meta,
    pub ready: Readiness,
    /// The kubelet's or the node controller's words for it.
    pub reason: Name,
    pub message: Box<str>,
    /// Cordoned.
    pub unschedulable: bool,
    pub pressures: Box<[Pressure]>,
    pub taints: Box<[Taint]>,
    pub kubelet_version: Name,
    /// When the index saw it turn ready or unready, the latest few.
    pub turns: Vec<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Readiness {
    Ready,
    NotReady,
    /// The kubelet has not been heard of.
    #[default]
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Pressure {
    Memory,
    Disk,
    Pid,
}

impl Pressure {
    /// The condition's type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "MemoryPressure",
            Self::Disk => "DiskPressure",
            Self::Pid => "PIDPressure",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taint {
    pub key: Name,
    /// `NoSchedule`, `PreferNoSchedule`, `NoExecute`
    pub effect: Name,
}

/// Turns are remembered this long: what the flapping rule looks back on.
pub const TURNS_KEPT: Duration = Duration::from_mins(15);

impl Kept for Node {
    kept_meta!();

    fn intern(&mut self, names: &mut Names) {
        names.share(&mut self.reason);
        names.share(&mut self.kubelet_version);
        for taint in &mut self.taints {
            names.share(&mut taint.key);
            names.share(&mut taint.effect);
        }
    }

    fn carry(&mut self, before: &Self, now: Timestamp) {
        self.turns.clone_from(&before.turns);
        let was = before.ready == Readiness::Ready;
        if was != (self.ready == Readiness::Ready) {
            self.turns.push(now);
        }
        self.turns.retain(|at| now.since(*at) <= TURNS_KEPT);
    }
}
