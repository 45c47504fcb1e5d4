//! What steers and serves workloads: autoscalers, disruption budgets, volume claims, certificates.

use serde::{Deserialize, Serialize};

use super::names::Names;
use super::object::{Controller, Kept, Meta, Name, kept_meta};
use crate::core::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HorizontalPodAutoscaler {
    pub meta: Meta,
    /// What it scales.
    pub target: Controller,
    pub min: i32,
    pub max: i32,
    pub current: i32,
    pub desired: i32,
    /// When the index saw `current` change.
    pub progressed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodDisruptionBudget {
    pub meta: Meta,
    pub desired_healthy: i32,
    pub current_healthy: i32,
    pub expected_pods: i32,
    pub disruptions_allowed: i32,
}

/// A disruption budget over a workload's pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    pub name: String,
    pub healthy: i32,
    pub needed: i32,
    /// So many pods may be evicted now.
    pub allowed: i32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersistentVolumeClaim {
    pub meta: Meta,
    pub phase: ClaimPhase,
    pub storage_class: Option<Name>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClaimPhase {
    Pending,
    Bound,
    /// Its volume is gone.
    Lost,
    #[default]
    Unknown,
}

/// cert-manager's; the Secret with the certificate itself is never read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    pub meta: Meta,
    pub not_after: Option<Timestamp>,
    /// When cert-manager means to renew it.
    pub renewal_at: Option<Timestamp>,
    /// The message while the condition `Ready` is not true.
    pub trouble: Option<Box<str>>,
}

impl Kept for HorizontalPodAutoscaler {
    kept_meta!();

    fn intern(&mut self, names: &mut Names) {
        names.share(&mut self.target.kind);
        names.share(&mut self.target.name);
    }

    fn carry(&mut self, before: &Self, now: Timestamp) {
        self.progressed_at = if self.current == before.current { before.progressed_at } else { Some(now) };
    }
}

impl Kept for PodDisruptionBudget {
    kept_meta!();

    fn intern(&mut self, _: &mut Names) {}
}

impl Kept for PersistentVolumeClaim {
    kept_meta!();

    fn intern(&mut self, names: &mut Names) {
        names.share_some(&mut self.storage_class);
    }
}

impl Kept for Certificate {
    kept_meta!();

    fn intern(&mut self, _: &mut Names) {}
}
