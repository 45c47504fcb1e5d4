//! What is counted of the sources of prices, and of the endpoints of chains.

use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Labels, Metrics};

/// A source's totals since the start of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceTotals {
    pub events: u64,
    pub updates: u64,
    pub reconnects: u64,
    /// By reason.
    pub skipped: Vec<(&'static str, u64)>,
}

#[derive(Debug, Default)]
pub(super) struct SourceMetrics {
    up: Family<Labels, Gauge>,
    events: Family<Labels, Counter>,
    updates: Family<Labels, Counter>,
    reconnects: Family<Labels, Counter>,
    skipped: Family<Labels, Counter>,
    calls: Family<Labels, Counter>,
    verdicts: Family<Labels, Counter>,
}

impl SourceMetrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("source_up", "1 while the price source delivers", self.up.clone());
        registry.register("source_events", "Stream events received from the source", self.events.clone());
        registry.register("source_updates", "Prices passed on from the source", self.updates.clone());
        registry.register("source_reconnects", "Streams that ended and were opened again", self.reconnects.clone());
        registry.register("source_skipped", "What a source sent and was not used, by reason", self.skipped.clone());
        registry.register("chain_calls", "Calls to a chain's endpoints", self.calls.clone());
        registry.register("chain_verdicts", "Rounds by what became of an endpoint's answer", self.verdicts.clone());
    }
}

impl Metrics {
    pub fn source(&self, source: &str, up: bool) {
        self.sources.up.get_or_create(&vec![("source", source.to_owned())]).set(i64::from(up));
    }

    /// What a source's client counts by itself, taken over.
    pub fn source_totals(&self, source: &str, totals: &SourceTotals) {
        let SourceTotals { events, updates, reconnects, skipped } = totals;
        let label = || vec![("source", source.to_owned())];
        for (family, total) in
            [(&self.sources.events, events), (&self.sources.updates, updates), (&self.sources.reconnects, reconnects)]
        {
            family.get_or_create(&label()).inner().store(*total, Ordering::Relaxed);
        }
        for (reason, total) in skipped {
            let mut labels = label();
            labels.push(("reason", (*reason).to_owned()));
            self.sources.skipped.get_or_create(&labels).inner().store(*total, Ordering::Relaxed);
        }
    }

    /// One round of one endpoint: its calls since the start, and how it did.
    pub fn chain_endpoint(&self, chain: &str, endpoint: &str, calls: u64, verdict: &str) {
        let mut labels = vec![("chain", chain.to_owned()), ("endpoint", endpoint.to_owned())];
        self.sources.calls.get_or_create(&labels).inner().store(calls, Ordering::Relaxed);
        labels.push(("verdict", verdict.to_owned()));
        self.sources.verdicts.get_or_create(&labels).inc();
    }
}
