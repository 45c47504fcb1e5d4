//! What keeps pods running: Deployments, ReplicaSets, StatefulSets, DaemonSets.

use serde::{Deserialize, Serialize};

use super::names::Names;
use super::object::{Image, Kept, Meta, Name, kept_meta};
use crate::core::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    pub meta: Meta,
    /// Wanted, from the spec.
    pub replicas: i32,
    pub updated: i32,
    pub ready: i32,
    pub available: i32,
    pub observed_generation: i64,
    pub paused: bool,
    /// Set while the condition `Progressing` is false.
    pub stuck: Option<Box<Stuck>>,
    pub revision: Option<i64>,
    pub images: Box<[Image]>,
    /// When the index saw `updated` change.
    pub progressed_at: Option<Timestamp>,
}

/// Why a rollout does not go on, in the controller's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    pub reason: Name,
    pub message: Box<str>,
}

/// The link between a Deployment and its pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaSet {
    pub meta: Meta,
    pub replicas: i32,
    pub ready: i32,
    pub revision: Option<i64>,
    pub images: Box<[Image]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatefulSet {
    pub meta: Meta,
    pub replicas: i32,
    pub updated: i32,
    pub ready: i32,
    pub observed_generation: i64,
    pub current_revision: Name,
    pub update_revision: Name,
    pub images: Box<[Image]>,
    /// When the index saw `updated` change.
    pub progressed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonSet {
    pub meta: Meta,
    /// Pods scheduled, of those on nodes that should have one.
    pub desired: i32,
    pub current: i32,
    pub updated: i32,
    pub ready: i32,
    pub available: i32,
    pub misscheduled: i32,
    pub observed_generation: i64,
    pub images: Box<[Image]>,
    /// When the index saw `updated` change.
    pub progressed_at: Option<Timestamp>,
}

impl Kept for Deployment {
    kept_meta!();

    fn intern(&mut self, names: &mut Names) {
        names.share_images(&mut self.images);
    }

    fn carry(&mut self, before: &Self, now: Timestamp) {
        self.progressed_at = if self.updated == before.updated { before.progressed_at } else { Some(now) };
    }
}

impl Kept for ReplicaSet {
    kept_meta!();

    fn intern(&mut self, names: &mut Names) {
        names.share_images(&mut self.images);
    }
}

impl Kept for StatefulSet {
    kept_meta!();

    fn intern(&mut self, names: &mut Names) {
        names.share_images(&mut self.images);
        names.share(&mut self.current_revision);
        names.share(&mut self.update_revision);
    }

    fn carry(&mut self, before: &Self, now: Timestamp) {
        self.progressed_at = if self.updated == before.updated { before.progressed_at } else { Some(now) };
    }
}

impl Kept for DaemonSet {
    kept_meta!();

    fn intern(&mut self, names: &mut Names) {
        names.share_images(&mut self.images);
    }

    fn carry(&mut self, before: &Self, now: Timestamp) {
        self.progressed_at = if self.updated == before.updated { before.progressed_at } else { Some(now) };
    }
}
