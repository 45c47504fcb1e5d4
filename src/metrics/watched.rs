//! Gauges of what is watched, which go when this replica does not watch it any more: another one's are true then.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};

use super::{Labels, Seconds};

/// A family that knows what was set.
#[derive(Debug)]
pub(super) struct Watched<M> {
    family: Family<Labels, M>,
    set: Mutex<BTreeSet<Labels>>,
}

impl<M: Default> Default for Watched<M> {
    fn default() -> Self {
        Self { family: Family::default(), set: Mutex::default() }
    }
}

impl Watched<Gauge> {
    pub fn set(&self, labels: Labels, value: i64) {
        self.family.get_or_create(&labels).set(value);
        self.note(labels);
    }
}

impl Watched<Seconds> {
    pub fn set(&self, labels: Labels, value: f64) {
        self.family.get_or_create(&labels).set(value);
        self.note(labels);
    }
}

impl<M> Watched<M>
where
    Family<Labels, M>: Metric + Clone,
{
    pub fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.family.clone());
    }
}

impl<M> Watched<M> {
    fn note(&self, labels: Labels) {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).insert(labels);
    }

    pub fn remove(&self, labels: &Labels) {
        self.family.remove(labels);
        self.set.lock().unwrap_or_else(PoisonError::into_inner).remove(labels);
    }

    pub fn clear(&self) {
        self.family.clear();
        self.set.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// All whose label `name` has this value.
    pub fn forget(&self, name: &'static str, value: &str) {
        let is = |labels: &Labels| labels.iter().any(|(found, is)| *found == name && is == value);
        self.set.lock().unwrap_or_else(PoisonError::into_inner).retain(|labels| {
            let goes = is(labels);
            if goes {
                self.family.remove(labels);
            }
            !goes
        });
    }
}
