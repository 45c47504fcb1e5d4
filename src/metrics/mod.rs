//! What the bot counts about itself, in Prometheus' names and units (Prometheus documentation, "Metric and label naming").

mod watched;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use self::watched::Watched;
use crate::core::time::Timestamp;

type Labels = Vec<(&'static str, String)>;
type Seconds = Gauge<f64, AtomicU64>;

/// A source's totals since the start of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceTotals {
    pub events: u64,
    pub updates: u64,
    pub reconnects: u64,
    /// By reason.
    pub skipped: Vec<(&'static str, u64)>,
}

/// A cluster as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterFigures {
    /// `connecting`, `healthy`, `degraded`, `unreachable`
    pub status: &'static str,
    /// The cluster's clock less ours.
    pub skew_millis: i64,
    /// By kind.
    pub objects: Vec<(&'static str, usize)>,
    /// Totals by kind.
    pub unreadable: Vec<(&'static str, u64)>,
}

/// What is counted of each cluster.
#[derive(Debug, Default)]
struct ClusterMetrics {
    status: Watched<Gauge>,
    skew: Watched<Seconds>,
    objects: Watched<Gauge>,
    unreadable: Family<Labels, Counter>,
    news: Family<Labels, Counter>,
}

impl ClusterMetrics {
    fn register(&self, registry: &mut Registry) {
        self.status.register(registry, "cluster_status", "1 for the status a cluster has, 0 for the others");
        self.skew.register(registry, "cluster_clock_skew_seconds", "The cluster's clock less the bot's");
        self.objects.register(registry, "cluster_objects", "Objects in the index by kind");
        registry.register(
            "cluster_unreadable_objects",
            "Objects that came and could not be made out",
            self.unreadable.clone(),
        );
        registry.register("cluster_news", "News taken in from a cluster's watches", self.news.clone());
    }
}

/// What is counted of operations.
#[derive(Debug)]
struct ActionMetrics {
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
    fn register(&self, registry: &mut Registry) {
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
    source_up: Family<Labels, Gauge>,
    source_events: Family<Labels, Counter>,
    source_updates: Family<Labels, Counter>,
    source_reconnects: Family<Labels, Counter>,
    source_skipped: Family<Labels, Counter>,
    chain_calls: Family<Labels, Counter>,
    chain_verdicts: Family<Labels, Counter>,
    clusters: ClusterMetrics,
    actions: ActionMetrics,
    socket_connections: Gauge,
    leader: Gauge,
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
    balance: Watched<Seconds>,
    runway: Watched<Seconds>,
    wallets: Watched<Gauge>,
    rounds: Family<Labels, Counter>,
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
            source_up: Family::default(),
            source_events: Family::default(),
            source_updates: Family::default(),
            source_reconnects: Family::default(),
            source_skipped: Family::default(),
            chain_calls: Family::default(),
            chain_verdicts: Family::default(),
            clusters: ClusterMetrics::default(),
            actions: ActionMetrics::default(),
            socket_connections: Gauge::default(),
            leader: Gauge::default(),
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
            balance: Watched::default(),
            runway: Watched::default(),
            wallets: Watched::default(),
            rounds: Family::default(),
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
        registry.register("source_up", "1 while the price source delivers", self.source_up.clone());
        registry.register("source_events", "Stream events received from the source", self.source_events.clone());
        registry.register("source_updates", "Prices passed on from the source", self.source_updates.clone());
        registry.register(
            "source_reconnects",
            "Streams that ended and were opened again",
            self.source_reconnects.clone(),
        );
        registry.register(
            "source_skipped",
            "What a source sent and was not used, by reason",
            self.source_skipped.clone(),
        );
        registry.register("chain_calls", "Calls to a chain's endpoints", self.chain_calls.clone());
        registry.register(
            "chain_verdicts",
            "Rounds by what became of an endpoint's answer",
            self.chain_verdicts.clone(),
        );
        self.clusters.register(registry);
        self.actions.register(registry);
        registry.register("slack_socket_connections", "Open Socket Mode connections", self.socket_connections.clone());
        registry.register("leader", "1 while this replica holds the lease", self.leader.clone());
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
        self.balance.register(registry, "balance", "What a wallet holds, in whole coins");
        self.runway.register(
            registry,
            "runway_seconds",
            "Until a wallet is empty at its present pace; absent while it does not get less",
        );
        self.wallets.register(registry, "wallets", "Wallets of a chain, by whether they are known");
        registry.register("balance_rounds", "Rounds over a chain's wallets, by outcome", self.rounds.clone());
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

    pub fn source(&self, source: &str, up: bool) {
        self.source_up.get_or_create(&vec![("source", source.to_owned())]).set(i64::from(up));
    }

    /// What a source's client counts by itself, taken over.
    pub fn source_totals(&self, source: &str, totals: &SourceTotals) {
        let SourceTotals { events, updates, reconnects, skipped } = totals;
        let label = || vec![("source", source.to_owned())];
        for (family, total) in
            [(&self.source_events, events), (&self.source_updates, updates), (&self.source_reconnects, reconnects)]
        {
            family.get_or_create(&label()).inner().store(*total, Ordering::Relaxed);
        }
        for (reason, total) in skipped {
            let mut labels = label();
            labels.push(("reason", (*reason).to_owned()));
            self.source_skipped.get_or_create(&labels).inner().store(*total, Ordering::Relaxed);
        }
    }

    /// One round of one endpoint: its calls since the start, and how it did.
    pub fn chain_endpoint(&self, chain: &str, endpoint: &str, calls: u64, verdict: &str) {
        let mut labels = vec![("chain", chain.to_owned()), ("endpoint", endpoint.to_owned())];
        self.chain_calls.get_or_create(&labels).inner().store(calls, Ordering::Relaxed);
        labels.push(("verdict", verdict.to_owned()));
        self.chain_verdicts.get_or_create(&labels).inc();
    }

    pub fn cluster_news(&self, cluster: &str) {
        self.clusters.news.get_or_create(&vec![("cluster", cluster.to_owned())]).inc();
    }

    pub fn cluster(&self, cluster: &str, figures: &ClusterFigures) {
        let ClusterFigures { status, skew_millis, objects, unreadable } = figures;
        let with = |name, value: &str| vec![("cluster", cluster.to_owned()), (name, value.to_owned())];
        for known in ["connecting", "healthy", "degraded", "unreachable"] {
            self.clusters.status.set(with("status", known), i64::from(known == *status));
        }
        let skew = Duration::from_millis(skew_millis.unsigned_abs()).as_secs_f64();
        let skew = if *skew_millis < 0 { -skew } else { skew };
        self.clusters.skew.set(vec![("cluster", cluster.to_owned())], skew);
        for (kind, count) in objects {
            self.clusters.objects.set(with("kind", kind), i64::try_from(*count).unwrap_or(i64::MAX));
        }
        for (kind, total) in unreadable {
            self.clusters.unreadable.get_or_create(&with("kind", kind)).inner().store(*total, Ordering::Relaxed);
        }
    }

    /// It is another replica's to watch now.
    pub fn forget_cluster(&self, cluster: &str) {
        let ClusterMetrics { status, skew, objects, .. } = &self.clusters;
        status.forget("cluster", cluster);
        skew.forget("cluster", cluster);
        objects.forget("cluster", cluster);
    }

    /// It is another replica's to read now.
    pub fn forget_chain(&self, chain: &str) {
        self.balance.forget("chain", chain);
        self.runway.forget("chain", chain);
        self.wallets.forget("chain", chain);
    }

    /// Another replica reads all chains now.
    pub fn forget_chains(&self) {
        self.balance.clear();
        self.runway.clear();
        self.wallets.clear();
    }

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

    pub fn balance(&self, account: &str, chain: &str, asset: &str, amount: f64, left: Option<Duration>) {
        let of = |name, value: &str| (name, value.to_owned());
        let labels = vec![of("account", account), of("chain", chain), of("asset", asset)];
        match left {
            Some(left) => self.runway.set(labels.clone(), left.as_secs_f64()),
            None => self.runway.remove(&labels),
        }
        self.balance.set(labels, amount);
    }

    /// A round over a chain: how many of its wallets nothing is known of.
    pub fn balance_round(&self, chain: &str, unknown: usize, wallets: usize) {
        let label = |name, value: &str| vec![("chain", chain.to_owned()), (name, value.to_owned())];
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.wallets.set(label("state", "unknown"), count(unknown));
        self.wallets.set(label("state", "known"), count(wallets.saturating_sub(unknown)));
        let outcome = if unknown == 0 { "ok" } else { "unreliable" };
        self.rounds.get_or_create(&label("outcome", outcome)).inc();
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
