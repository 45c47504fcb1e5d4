//! What is counted of operations.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::{Labels, Metrics};

#[derive(Debug)]
pub(super) struct ActionMetrics {
    requests: Family<Labels, Counter>,
    outcomes: Family<Labels, Counter>,
    open: Family<Labels, Gauge>,
    approval: Histogram,
    execution: Histogram,
}

impl Default for ActionMetrics {
    fn default() -> Self {
        let people = [10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14_400.0, 86_400.0];
        let work = [1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 21_600.0];
        Self {
            requests: Family::default(),
            outcomes: Family::default(),
            open: Family::default(),
            approval: Histogram::new(people),
            execution: Histogram::new(work),
        }
    }
}

impl ActionMetrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("action_requests", "Actions asked for, by kind", self.requests.clone());
        registry.register("action_outcomes", "Requests that are over, by kind and outcome", self.outcomes.clone());
        registry.register("actions_open", "Requests that are not over, by state; on the leader", self.open.clone());
        registry.register(
            "action_approval_seconds",
            "From a request to the approval that was enough",
            self.approval.clone(),
        );
        registry.register(
            "action_execution_seconds",
            "From the beginning of an action to its outcome",
            self.execution.clone(),
        );
    }
}

impl Metrics {
    pub fn action_requested(&self, kind: &str) {
        self.actions.requests.get_or_create(&vec![("kind", kind.to_owned())]).inc();
    }

    pub fn action_approved(&self, waited: Duration) {
        self.actions.approval.observe(waited.as_secs_f64());
    }

    /// `took` when it was begun.
    pub fn action_over(&self, kind: &str, outcome: &str, took: Option<Duration>) {
        let labels = vec![("kind", kind.to_owned()), ("outcome", outcome.to_owned())];
        self.actions.outcomes.get_or_create(&labels).inc();
        if let Some(took) = took {
            self.actions.execution.observe(took.as_secs_f64());
        }
    }

    pub fn actions_open(&self, state: &str, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.actions.open.get_or_create(&vec![("state", state.to_owned())]).set(count);
    }
}
