//! What the bot counts about itself, in Prometheus' names and units (Prometheus documentation, "Metric and label naming").

mod actions;
mod clusters;
mod sources;
mod wallets;
mod watched;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::core::time::Timestamp;

use actions::ActionMetrics;
pub use clusters::ClusterFigures;
use clusters::ClusterMetrics;
use sources::SourceMetrics;
pub use sources::SourceTotals;
use wallets::WalletMetrics;

type Labels = Vec<(&'static str, String)>;
type Seconds = Gauge<f64, AtomicU64>;

/// Every metric, made once and shared.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    inputs: Family<Labels, Counter>,
    deliveries: Family<Labels, Counter>,
    observations: Counter,
    signals: Counter,
    refused_requests: Family<Labels, Counter>,
    store_errors: Counter,
    outbox_depth: Gauge,
    outbox_oldest: Seconds,
    dead_letters: Gauge,
    alerts: Family<Labels, Gauge>,
    sources: SourceMetrics,
    clusters: ClusterMetrics,
    wallets: WalletMetrics,
    actions: ActionMetrics,
    socket_connections: Gauge,
    leader: Gauge,
    ready: Family<Labels, Gauge>,
    clock_offset: Seconds,
    tasks: Gauge,
    shards: Family<Labels, Gauge>,
    shards_unwatched: Gauge,
    ack: Histogram,
    post: Histogram,
    canary: Seconds,
    canary_at: Seconds,
    canary_lost: Counter,
    schedule_fetches: Family<Labels, Counter>,
    user_groups: Family<Labels, Counter>,
    audit_checkpoints: Family<Labels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("watchkeeper");
        let seconds = || Histogram::new([0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0]);
        let metrics = Self {
            inputs: Family::default(),
            deliveries: Family::default(),
            observations: Counter::default(),
            signals: Counter::default(),
            refused_requests: Family::default(),
            store_errors: Counter::default(),
            outbox_depth: Gauge::default(),
            outbox_oldest: Seconds::default(),
            dead_letters: Gauge::default(),
            alerts: Family::default(),
            sources: SourceMetrics::default(),
            clusters: ClusterMetrics::default(),
            wallets: WalletMetrics::default(),
            actions: ActionMetrics::default(),
            socket_connections: Gauge::default(),
            leader: Gauge::default(),
            ready: Family::default(),
            clock_offset: Seconds::default(),
            tasks: Gauge::default(),
            shards: Family::default(),
            shards_unwatched: Gauge::default(),
            ack: seconds(),
            post: seconds(),
            canary: Seconds::default(),
            canary_at: Seconds::default(),
            canary_lost: Counter::default(),
            schedule_fetches: Family::default(),
            user_groups: Family::default(),
            audit_checkpoints: Family::default(),
            registry: Registry::default(),
        };
        metrics.register(&mut registry);
        Self { registry, ..metrics }
    }
}

impl Metrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("inputs", "Inputs from Slack by kind and outcome", self.inputs.clone());
        registry.register("deliveries", "Effects on Slack by kind and outcome", self.deliveries.clone());
        registry.register("observations", "Observations of feeds and sources", self.observations.clone());
        registry.register("signals", "Verdicts of rules that reached the alert engine", self.signals.clone());
        registry.register("refused_requests", "HTTP requests refused, by reason", self.refused_requests.clone());
        registry.register("store_errors", "Failed uses of the database", self.store_errors.clone());
        registry.register("outbox_depth", "Effects waiting in the outbox", self.outbox_depth.clone());
        registry.register("outbox_oldest_seconds", "Age of the oldest waiting effect", self.outbox_oldest.clone());
        registry.register("dead_letters", "Effects given up, to be looked at by a person", self.dead_letters.clone());
        registry.register("alerts", "Live alerts by state", self.alerts.clone());
        self.sources.register(registry);
        self.clusters.register(registry);
        self.wallets.register(registry);
        self.actions.register(registry);
        registry.register("slack_socket_connections", "Open Socket Mode connections", self.socket_connections.clone());
        registry.register("leader", "1 while this replica holds the lease", self.leader.clone());
        registry.register("ready", "1 while a part that the bot cannot work without works", self.ready.clone());
        registry.register(
            "clock_offset_seconds",
            "How far this replica's clock is ahead of Postgres'; 0 on SQLite",
            self.clock_offset.clone(),
        );
        registry.register(
            "audit_checkpoints",
            "Signed notes of where the audit log stood, and those that could not be made",
            self.audit_checkpoints.clone(),
        );
        registry.register("tasks", "Tasks of the runtime that have not ended", self.tasks.clone());
        registry.register(
            "shards_held",
            "Shards that this replica watches, by kind; none while nothing is divided",
            self.shards.clone(),
        );
        registry.register(
            "shards_unwatched",
            "Shards that no replica watches, as this one sees it",
            self.shards_unwatched.clone(),
        );
        registry.register(
            "ack_duration_seconds",
            "From a verified Slack request to its acknowledgement",
            self.ack.clone(),
        );
        registry.register(
            "post_duration_seconds",
            "From a decision to the Slack call that shows it",
            self.post.clone(),
        );
        registry.register("canary_round_trip_seconds", "The last Slack round trip", self.canary.clone());
        registry.register(
            "canary_last_success_timestamp_seconds",
            "When a canary message last went through",
            self.canary_at.clone(),
        );
        registry.register("canary_failures", "Canary messages that did not go through", self.canary_lost.clone());
        registry.register(
            "oncall_fetches",
            "Fetches of schedules that are kept elsewhere, by schedule and outcome",
            self.schedule_fetches.clone(),
        );
        registry.register(
            "oncall_user_groups",
            "Looks at the Slack user group of a schedule, by outcome",
            self.user_groups.clone(),
        );
    }

    pub fn audit_checkpoint(&self, outcome: &str) {
        self.audit_checkpoints.get_or_create(&vec![("outcome", outcome.to_owned())]).inc();
    }

    pub fn input(&self, kind: &str, outcome: &str) {
        self.inputs.get_or_create(&vec![("kind", kind.to_owned()), ("outcome", outcome.to_owned())]).inc();
    }

    pub fn delivery(&self, kind: &str, outcome: &str) {
        self.deliveries.get_or_create(&vec![("kind", kind.to_owned()), ("outcome", outcome.to_owned())]).inc();
    }

    pub fn observed(&self, observations: u64, signals: u64) {
        self.observations.inc_by(observations);
        self.signals.inc_by(signals);
    }

    pub fn refused(&self, reason: &str) {
        self.refused_requests.get_or_create(&vec![("reason", reason.to_owned())]).inc();
    }

    pub fn store_failed(&self) {
        self.store_errors.inc();
    }

    pub fn outbox(&self, depth: i64, oldest: Duration, dead: i64) {
        self.outbox_depth.set(depth);
        self.outbox_oldest.set(oldest.as_secs_f64());
        self.dead_letters.set(dead);
    }

    pub fn alerts(&self, state: &str, count: i64) {
        self.alerts.get_or_create(&vec![("state", state.to_owned())]).set(count);
    }

    pub fn socket_connections(&self, open: i64) {
        self.socket_connections.set(open);
    }

    pub fn shards(&self, kind: &'static str, held: usize) {
        let held = i64::try_from(held).unwrap_or(i64::MAX);
        self.shards.get_or_create(&vec![("kind", kind.to_owned())]).set(held);
    }

    pub fn shards_unwatched(&self, count: usize) {
        self.shards_unwatched.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub fn leader(&self, held: bool) {
        self.leader.set(i64::from(held));
    }

    pub fn ready(&self, part: &'static str, works: bool) {
        self.ready.get_or_create(&vec![("part", part.to_owned())]).set(i64::from(works));
    }

    /// Milliseconds; less than none when it is behind.
    pub fn clock_ahead(&self, millis: i64) {
        #[expect(clippy::cast_precision_loss, reason = "years fit")]
        self.clock_offset.set(millis as f64 / 1000.0);
    }

    pub fn tasks(&self, alive: usize) {
        self.tasks.set(i64::try_from(alive).unwrap_or(i64::MAX));
    }

    pub fn acked(&self, took: Duration) {
        self.ack.observe(took.as_secs_f64());
    }

    pub fn posted(&self, took: Duration) {
        self.post.observe(took.as_secs_f64());
    }

    pub fn canary(&self, took: Duration, now: Timestamp) {
        self.canary.set(took.as_secs_f64());
        self.canary_at.set(now.since(Timestamp::from_millis(0)).as_secs_f64());
    }

    pub fn canary_lost(&self) {
        self.canary_lost.inc();
    }

    pub fn schedule_fetch(&self, schedule: &str, worked: bool) {
        let outcome = if worked { "done" } else { "failed" };
        let labels = vec![("schedule", schedule.to_owned()), ("outcome", outcome.to_owned())];
        self.schedule_fetches.get_or_create(&labels).inc();
    }

    pub fn user_group(&self, schedule: &str, outcome: &str) {
        let labels = vec![("schedule", schedule.to_owned()), ("outcome", outcome.to_owned())];
        self.user_groups.get_or_create(&labels).inc();
    }

    /// The OpenMetrics text for `/metrics`.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let _infallible = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_carry_prometheus_names_and_labels() {
        let metrics = Metrics::default();
        metrics.input("command", "answered");
        metrics.input("command", "answered");
        metrics.source("hermes", true);
        metrics.source_totals(
            "hermes",
            &SourceTotals { updates: 7, skipped: vec![("malformed", 2)], ..SourceTotals::default() },
        );
        metrics.chain_endpoint("solana", "rpc1", 12, "agreed");
        metrics.cluster(
            "prod",
            &ClusterFigures { status: "healthy", skew_millis: -1500, objects: vec![("Pod", 3)], unreadable: vec![] },
        );
        metrics.outbox(3, Duration::from_millis(1500), 1);
        metrics.action_requested("restart");
        metrics.action_approved(Duration::from_secs(90));
        metrics.action_over("restart", "succeeded", Some(Duration::from_secs(20)));
        metrics.actions_open("executing", 2);
        let text = metrics.text();
        for line in [
            "watchkeeper_inputs_total{kind=\"command\",outcome=\"answered\"} 2",
            "watchkeeper_source_up{source=\"hermes\"} 1",
            "watchkeeper_source_updates_total{source=\"hermes\"} 7",
            "watchkeeper_source_skipped_total{source=\"hermes\",reason=\"malformed\"} 2",
            "watchkeeper_chain_calls_total{chain=\"solana\",endpoint=\"rpc1\"} 12",
            "watchkeeper_chain_verdicts_total{chain=\"solana\",endpoint=\"rpc1\",verdict=\"agreed\"} 1",
            "watchkeeper_cluster_status{cluster=\"prod\",status=\"healthy\"} 1",
            "watchkeeper_cluster_status{cluster=\"prod\",status=\"unreachable\"} 0",
            "watchkeeper_cluster_clock_skew_seconds{cluster=\"prod\"} -1.5",
            "watchkeeper_cluster_objects{cluster=\"prod\",kind=\"Pod\"} 3",
            "watchkeeper_outbox_depth 3",
            "watchkeeper_outbox_oldest_seconds 1.5",
            "watchkeeper_dead_letters 1",
            "watchkeeper_action_requests_total{kind=\"restart\"} 1",
            "watchkeeper_action_outcomes_total{kind=\"restart\",outcome=\"succeeded\"} 1",
            "watchkeeper_action_approval_seconds_sum 90",
            "watchkeeper_action_execution_seconds_sum 20",
            "watchkeeper_actions_open{state=\"executing\"} 2",
        ] {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
    }

    #[test]
    fn what_another_replica_watches_now_is_not_shown_any_more() {
        let metrics = Metrics::default();
        for cluster in ["prod", "staging"] {
            let figures = ClusterFigures { status: "healthy", objects: vec![("Pod", 3)], ..ClusterFigures::default() };
            metrics.cluster(cluster, &figures);
        }
        for chain in ["solana", "base"] {
            metrics.balance("keeper", chain, "SOL", 1.5, Some(Duration::from_hours(1)));
            metrics.balance_round(chain, 0, 1);
        }
        metrics.forget_cluster("prod");
        metrics.forget_chain("solana");
        let text = metrics.text();
        let gauges = |of: &str| text.lines().filter(|line| line.contains(of) && !line.contains("_total")).count();
        assert_eq!((gauges("\"prod\""), gauges("\"solana\"")), (0, 0), "{text}");
        assert_eq!((gauges("\"staging\""), gauges("\"base\"")), (6, 4), "{text}");
    }
}
