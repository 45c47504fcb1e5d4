//! Looking things up: what the answers to questions are made from.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::core::alert::Alert;
use crate::core::command::Which;
use crate::core::detect::FeedView;
use crate::core::engine::Engine;
use crate::core::feed::SourceStatus;
use crate::core::group::Group;
use crate::core::ids::{GroupId, UserId};
use crate::core::shard::spoken;
use crate::core::silence::Silence;
use crate::core::time::Timestamp;
use crate::core::wallet::EndpointVerdict;
use crate::core::wallet::watch::{Chain, ChainState};
use crate::core::workload::{self, Cluster, Kind, Name, Reach};
use crate::slack::blocks::alert::{self, AlertView, Member};
use crate::slack::blocks::feed::{self as cards, FeedCard, FeedCondition, FeedRow, FeedsView};
use crate::slack::blocks::home::{self, HomeView};
use crate::slack::blocks::lists::{self, AlertItem, AlertsView};
use crate::slack::blocks::status::{
    self, AlertCounts, BalanceLine, ClusterLine, DeadLetter, LeaseLine, Outbox, ReplicaLine, SlackLink, SourceLine,
    StatusView, StoreLine,
};
use crate::slack::message::{Message, View};
use crate::store::{Backend, StoreError, jobs, lease};

use super::Flow;
use super::lead::LEASE;

/// A part the bot cannot work without, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub name: &'static str,
    pub problem: Option<String>,
}

/// How many resolved groups a list and App Home look back on.
const RESOLVED: usize = 20;

impl Flow {
    pub(super) fn feed_card(&self, text: &str) -> Message {
        let feed = match self.one_feed(text) {
            Ok(feed) => feed,
            Err(message) => return message,
        };
        let now = self.now();
        let alerts: Vec<(Option<u64>, Alert)> = self.with_engine(|engine, _, _| {
            let of_feed =
                engine.alerts().filter(|alert| alert.labels.get("symbol") == Some(&feed.symbol) && !alert.resolved());
            let number = |alert: &Alert| engine.groups_of(alert.fingerprint()).next().map(|group| group.number);
            of_feed.map(|alert| (number(alert), alert.clone())).collect()
        });
        let alerts: Vec<(Option<u64>, &Alert)> = alerts.iter().map(|(number, alert)| (*number, alert)).collect();
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(view) = watch.feed(&feed.id) else { return crate::slack::blocks::replies::no_such_feed(text, &[]) };
        cards::feed(&FeedCard {
            feed: view.feed(),
            source: view.source(),
            latest: view.price(),
            stale_limit: view.stale_limit(),
            references: view.references(),
            median: view.reference_median(now),
            alerts: &alerts,
            chart: None,
            now,
        })
    }

    pub(super) fn feed_list(&self, filter: Option<&str>, page: u32) -> Message {
        let now = self.now();
        let wanted = filter.map(str::to_lowercase);
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |view: &FeedView| {
            wanted.as_ref().is_none_or(|wanted| {
                let feed = view.feed();
                feed.symbol.to_lowercase().contains(wanted) || feed.asset_class.contains(wanted.as_str())
            })
        };
        let mut rows: Vec<FeedRow> = watch.feeds().filter(fits).map(|view| row(&view)).collect();
        // What is wrong comes first, then the alphabet.
        rows.sort_by(|a, b| b.condition.cmp(&a.condition).then_with(|| a.symbol.cmp(b.symbol)));
        cards::feeds(&FeedsView { rows: &rows, filter, page, now })
    }

    /// With what to keep in mind about feeds that other replicas watch.
    pub(super) fn doubted(&self, answer: Message) -> Message {
        match self.feeds_doubt() {
            Some(doubt) => cards::doubtful(answer, &doubt),
            None => answer,
        }
    }

    pub(super) fn alert_list(&self, which: &Which) -> Message {
        self.with_engine(|engine, people, now| {
            let contains = |group: &Group, text: &str| {
                let text = text.to_lowercase();
                let has =
                    |labels: &crate::core::label::Labels| labels.iter().any(|(_, v)| v.to_lowercase().contains(&text));
                has(&group.labels) || engine.members(group).iter().any(|alert| has(&alert.labels))
            };
            let mut groups: Vec<&Group> = match which {
                Which::Open => engine.open_groups().collect(),
                Which::All => engine.groups().collect(),
                Which::Containing(text) => engine.open_groups().filter(|group| contains(group, text)).collect(),
            };
            groups.sort_by_key(|group| {
                (!group.open(), std::cmp::Reverse(group.severity), std::cmp::Reverse(group.opened_at))
            });
            let listed = Listed::of(engine, groups, now);
            lists::alerts(&AlertsView { items: &listed.items(), which, people, now })
        })
    }

    pub(super) fn group_details(&self, id: &GroupId) -> Option<Message> {
        self.with_engine(|engine, people, now| {
            let group = engine.group(id)?;
            let silences = engine.silences(now);
            let members = members(engine.members(group), &silences, now, |alert| {
                engine.suppression(alert).inhibited_by.is_some()
            });
            let view = AlertView {
                group,
                members: &members,
                people,
                now,
                chart: None,
                mention: None,
                ring_owners: false,
                escalation: None,
                offers: &[],
            };
            Some(alert::details(&view))
        })
    }

    pub(super) async fn home_view(&self, user: &UserId) -> View {
        self.follow().await;
        let sources = self.source_lines();
        let lines: Vec<SourceLine> = sources.iter().map(OwnedSource::line).collect();
        let shifts = self.own_shifts(user, self.now());
        self.with_engine(|engine, people, now| {
            let open = Listed::of(engine, engine.open_groups().collect(), now);
            let mut closed: Vec<&Group> = engine.groups().filter(|group| !group.open()).collect();
            closed.sort_by_key(|group| std::cmp::Reverse(group.closed_at()));
            closed.truncate(RESOLVED);
            let closed = Listed::of(engine, closed, now);
            let mut silences: Vec<&Silence> = engine.silences(now).into_iter().filter(|s| s.active(now)).collect();
            silences.sort_by_key(|silence| silence.ends_at);
            home::home(&HomeView {
                shifts: &shifts,
                open: &open.items(),
                resolved: &closed.items(),
                silences: &silences,
                sources: &lines,
                people,
                now,
            })
        })
    }

    pub(super) async fn status(&self) -> Message {
        let now = self.now();
        let sources = self.source_lines();
        let lines: Vec<SourceLine> = sources.iter().map(OwnedSource::line).collect();
        let clusters = self.cluster_lines();
        let clusters: Vec<ClusterLine> = clusters.iter().map(OwnedCluster::line).collect();
        let depth = jobs::depth(&self.store).await;
        let letters = jobs::dead(&self.store, 3).await.unwrap_or_default();
        let names: Vec<String> =
            letters.iter().map(|dead| format!("{} to {}", dead.kind, lane_name(&dead.lane))).collect();
        let dead_letters: Vec<DeadLetter> = letters
            .iter()
            .zip(&names)
            .map(|(dead, what)| DeadLetter { what, error: &dead.error, at: dead.died_at })
            .collect();
        let answered = self.store.ping().await.map_err(|error| error.to_string());
        let took = self.now().since(now);
        let lease = self.lease();
        let leader = match &lease {
            Some(_) => None,
            None => lease::holder(&self.store, LEASE, now).await.ok().flatten(),
        };
        let alerts = self.with_engine(|engine, _, now| counts(engine, now));
        let replicas = self.replica_lines();
        let replicas: Vec<ReplicaLine> = replicas.iter().map(OwnedReplica::line).collect();
        let unwatched = self.unwatched();
        // Another replica reads the other chains.
        let chains: Vec<(Chain, Option<ChainState>)> = self
            .held()
            .wallets()
            .chains()
            .filter(|(chain, _)| self.reads_chain(&chain.name))
            .map(|(chain, state)| (chain.clone(), state.cloned()))
            .collect();
        let balances: Vec<BalanceLine> =
            chains.iter().map(|(chain, state)| balance_line(chain, state.as_ref())).collect();
        let link = self.slack_link();
        let (waiting, oldest, dead) =
            depth.as_ref().map_or((0, None, 0), |depth| (depth.queued(), depth.oldest(), depth.dead));
        status::status(&StatusView {
            version: env!("CARGO_PKG_VERSION"),
            started_at: self.started_at,
            now,
            sources: &lines,
            clusters: &clusters,
            alerts,
            outbox: Outbox { waiting, oldest, dead, dead_letters: &dead_letters },
            store: StoreLine {
                kind: match self.store.backend() {
                    Backend::Sqlite => "SQLite",
                    Backend::Postgres => "Postgres",
                },
                answer: answered.as_ref().map(|()| took).map_err(String::as_str),
            },
            lease: match (&lease, self.store.backend()) {
                (Some(_), Backend::Sqlite) => LeaseLine::Single,
                (Some(lease), Backend::Postgres) => LeaseLine::Ours { term: lease.term },
                (None, _) => match &leader {
                    Some(holder) => LeaseLine::Theirs { holder },
                    None => LeaseLine::Nobody,
                },
            },
            balances: &balances,
            replicas: &replicas,
            unwatched: (!unwatched.is_empty()).then(|| spoken(&unwatched)).as_deref(),
            slack: match &link {
                Link::Http { last_request_at } => SlackLink::Http { last_request_at: *last_request_at },
                Link::Socket { connections, since } => SlackLink::Socket { connections: *connections, since: *since },
                Link::Down { since, error } => SlackLink::Down { since: *since, error },
            },
        })
    }

    /// The parts the bot cannot work without.
    pub async fn readiness(&self) -> Vec<Part> {
        let slack = match self.slack_link() {
            Link::Down { error, .. } => Some(error),
            Link::Http { .. } | Link::Socket { .. } => None,
        };
        let token = if !self.token_works.load(Ordering::Relaxed) {
            Some("Slack does not accept the bot token; install the app again".to_owned())
        } else if self.home().organization_wide {
            let what = "the app is installed for a whole organization, where nobody counts as a colleague; \
                        remove it there and install it into the one workspace it is for";
            Some(what.to_owned())
        } else {
            None
        };
        let mut parts = self.traffic_readiness().await;
        parts.extend([Part { name: "slack", problem: slack }, Part { name: "token", problem: token }]);
        parts
    }

    /// The parts without which a request that comes in cannot be taken. Slack is none of them: while it is away, alerts of
    /// others come in and are escalated by other ways.
    pub async fn traffic_readiness(&self) -> Vec<Part> {
        const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
        let store = match tokio::time::timeout(ANSWERS_WITHIN, self.store.ping()).await {
            // A database that answers may still take nothing: its disk is full, or broken.
            Ok(Ok(())) => self.takes_nothing(),
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {} s", ANSWERS_WITHIN.as_secs())),
        };
        let stopping = self.stopping.load(Ordering::Relaxed).then(|| "it was asked to stop".to_owned());
        vec![Part { name: "process", problem: stopping }, Part { name: "store", problem: store }]
    }

    /// Remembers that something could not be written.
    pub(super) fn unwritten(&self, error: &StoreError) {
        *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner) = Some((self.now(), error.to_string()));
    }

    /// The lease is renewed all the time, so a database that takes things again is known soon.
    fn takes_nothing(&self) -> Option<String> {
        const LATELY: Duration = Duration::from_secs(10);
        let unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, error) = unwritten.as_ref()?;
        let now = self.now();
        // A clock that was set back must not make it last.
        (*at <= now && now.since(*at) < LATELY).then(|| format!("it takes nothing new: {error}"))
    }

    fn cluster_lines(&self) -> Vec<OwnedCluster> {
        self.with_clusters(|clusters| {
            // Others are named with the replica that watches them.
            let own = clusters.iter().filter(|cluster| cluster.watched()).map(|Cluster { name, index, .. }| {
                let count = |wanted| index.counts().into_iter().find(|(kind, _)| *kind == wanted).map_or(0, |(_, n)| n);
                let (version, skew_millis) = match index.reach() {
                    Reach::Up { version, skew_millis, .. } => (version.clone(), *skew_millis),
                    Reach::Unknown | Reach::Down { .. } => (String::new(), 0),
                };
                let (nodes, pods) = (count(Kind::Node), count(Kind::Pod));
                OwnedCluster { name: Name::clone(name), status: index.status(), version, nodes, pods, skew_millis }
            });
            own.collect()
        })
    }

    fn replica_lines(&self) -> Vec<OwnedReplica> {
        let all = self.shard_holders().into_iter();
        all.map(|(holder, shards)| OwnedReplica { this: holder == self.holder, holder, watches: spoken(&shards) })
            .collect()
    }

    fn source_lines(&self) -> Vec<OwnedSource> {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let own = watch.sources().map(|source| OwnedSource {
            name: source.name.to_owned(),
            status: source.status.cloned(),
            feeds: source.tally.feeds,
            silent: source.tally.silent,
        });
        own.collect()
    }
}

/// How Slack reaches the bot right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    Http { last_request_at: Option<Timestamp> },
    Socket { connections: usize, since: Option<Timestamp> },
    Down { since: Timestamp, error: String },
}

struct OwnedSource {
    name: String,
    status: Option<SourceStatus>,
    feeds: usize,
    silent: usize,
}

impl OwnedSource {
    fn line(&self) -> SourceLine<'_> {
        SourceLine { name: &self.name, status: self.status.as_ref(), feeds: self.feeds, silent: self.silent }
    }
}

struct OwnedReplica {
    holder: String,
    this: bool,
    watches: String,
}

impl OwnedReplica {
    fn line(&self) -> ReplicaLine<'_> {
        ReplicaLine { holder: &self.holder, this: self.this, watches: &self.watches }
    }
}

struct OwnedCluster {
    name: Name,
    status: workload::Status,
    version: String,
    nodes: usize,
    pods: usize,
    skew_millis: i64,
}

impl OwnedCluster {
    fn line(&self) -> ClusterLine<'_> {
        let Self { name, status, version, nodes, pods, skew_millis } = self;
        ClusterLine { name, status, version, nodes: *nodes, pods: *pods, skew_millis: *skew_millis }
    }
}

/// Groups with their members, as lists show them.
struct Listed<'a>(Vec<(&'a Group, Vec<&'a Alert>, bool)>);

impl<'a> Listed<'a> {
    fn of(engine: &'a Engine, groups: Vec<&'a Group>, now: Timestamp) -> Self {
        let silences = engine.silences(now);
        let with_members = groups.into_iter().map(|group| {
            let members = engine.members(group);
            let mut firing = members.iter().filter(|alert| alert.firing()).peekable();
            let quiet = firing.peek().is_some()
                && firing.all(|alert| silences.iter().any(|silence| silence.silences(*alert, now)));
            (group, members, quiet)
        });
        Self(with_members.collect())
    }

    fn items(&self) -> Vec<AlertItem<'_>> {
        self.0
            .iter()
            .map(|(group, alerts, silenced)| AlertItem { group, alerts, silenced: *silenced, permalink: None })
            .collect()
    }
}

/// The members of a group with what keeps each quiet.
pub(super) fn members<'a>(
    alerts: Vec<&'a Alert>,
    silences: &[&'a Silence],
    now: Timestamp,
    inhibited: impl Fn(&Alert) -> bool,
) -> Vec<Member<'a>> {
    let member = |alert: &'a Alert| {
        let covering = silences.iter().filter(|silence| silence.silences(alert, now));
        Member {
            alert,
            silenced_by: covering.max_by_key(|silence| silence.ends_at).copied(),
            inhibited: alert.firing() && inhibited(alert),
        }
    };
    alerts.into_iter().map(member).collect()
}

fn row<'a>(view: &FeedView<'a>) -> FeedRow<'a> {
    let price = view.price();
    let worst = view.active().map(|active| active.severity).max();
    FeedRow {
        symbol: &view.feed().symbol,
        price: price.map(|update| update.price),
        conf_bps: view.confidence_bps(),
        publish_time: price.map(|update| update.publish_time),
        condition: match (worst, price, view.market_open()) {
            (Some(severity), _, _) => FeedCondition::Alerting(severity),
            (None, None, _) => FeedCondition::NoPrice,
            (None, Some(_), false) => FeedCondition::Closed,
            (None, Some(_), true) => FeedCondition::Good,
        },
    }
}

fn balance_line<'a>(chain: &'a Chain, state: Option<&ChainState>) -> BalanceLine<'a> {
    let agreed = |state: &ChainState| state.endpoints.values().filter(|v| **v == EndpointVerdict::Agreed).count();
    BalanceLine {
        chain: &chain.name,
        wallets: state.map_or(0, |state| state.wallets),
        unknown: state.map_or(0, |state| state.unknown),
        endpoints: state.map_or(0, |state| state.endpoints.len()),
        agreed: state.map_or(0, agreed),
        last_round: state.and_then(|state| state.last_round),
    }
}

fn counts(engine: &Engine, now: Timestamp) -> AlertCounts {
    let listed = Listed::of(engine, engine.open_groups().collect(), now);
    AlertCounts {
        open: listed.0.len(),
        unacknowledged: listed
            .0
            .iter()
            .filter(|(group, _, silenced)| group.acknowledged.is_none() && !silenced)
            .count(),
        silenced: listed.0.iter().filter(|(_, _, silenced)| *silenced).count(),
    }
}

/// `channel:C123` as people say it.
fn lane_name(lane: &str) -> &str {
    match lane.split_once(':') {
        // The rest of such a lane is an address that lets its owner post.
        Some(("respond", _)) => "a response URL",
        Some(("trigger", _)) => "a form",
        Some((_, name)) => name,
        None => lane,
    }
}

/// Alerts by state, for the metrics.
#[must_use]
pub fn alert_states(engine: &Engine) -> BTreeMap<&'static str, i64> {
    let mut states = BTreeMap::from([("pending", 0), ("firing", 0), ("resolved", 0)]);
    for alert in engine.alerts() {
        *states.entry(alert.state.name()).or_default() += 1;
    }
    states
}
