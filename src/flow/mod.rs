//! Use cases: what happens with every input, from its arrival to the committed effects.
//!
//! [`receive`] takes what Slack sends, [`observe`] what sources say; both end in [`step`], the one place where the engine
//! decides and everything that follows is committed together. [`deliver`] does the effects afterwards.

mod act;
pub mod actions;
mod answer;
mod checkpoint;
mod clusters;
mod deliver;
mod digest;
mod divide;
pub mod effect;
mod escalate;
pub mod funding;
mod gitops;
pub mod graph;
mod handoff;
mod incident;
pub mod lead;
pub mod look;
mod notified;
mod observe;
pub mod oncall;
mod outside;
pub mod page;
mod picture;
mod prune;
mod quiet;
pub mod receive;
mod render;
mod step;
mod unfinished;
mod wallets;
mod whose;
mod workload_card;
pub mod workload_logs;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::chain;
use crate::clock::SharedClock;
use crate::cluster::Clusters;
use crate::core::access::Access;
use crate::core::detect::{Rules, Watch};
use crate::core::engine::{Engine, Policy, Snapshot};
use crate::core::escalation::Escalation;
use crate::core::feed::Feed;
use crate::core::gitops::apps::Apps;
use crate::core::graph::Graph;
use crate::core::ids::{GroupId, Ids, TeamId, UserId};
use crate::core::receiver::Receiver;
use crate::core::shard::Shards;
use crate::core::time::Timestamp;
use crate::core::workload;
use crate::metrics::Metrics;
use crate::paging::Paging;
use crate::prometheus;
use crate::slack::api::{Person, WebApi};
use crate::slack::blocks::people::People;
use crate::slack::limiter::Limiter;
use crate::store::intake::Intake;
use crate::store::lease::Lease;
use crate::store::{Backend, Store};

use digest::Digests;
use divide::Division;
use escalate::Escalations;
use look::Link;
use notified::Heard;
use observe::Unsaid;

pub use step::{Extra, StepError};

/// Slack takes a trigger for three seconds and says so itself when that is over; this only drops what was kept far longer.
const TRIGGER_LIVES: Duration = Duration::from_secs(30);
/// How long an answer waits for what others know, and then goes without it. Of real time: people wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// For somebody's name.
    pub name: Duration,
    /// For what a card or a form shows besides; Slack takes a trigger for three seconds.
    pub look: Duration,
    /// For what other replicas know of what they watch.
    pub others: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            name: Duration::from_millis(800),
            look: Duration::from_millis(1500),
            others: Duration::from_millis(1200),
        }
    }
}

/// What configuration says about the use cases; replaced whole on reload.
#[derive(Clone, Debug)]
pub struct Settings {
    pub receivers: BTreeMap<String, Receiver>,
    pub access: Access,
    pub oncall: oncall::Settings,
    pub actions: actions::Settings,
    pub incidents: crate::core::incident::Settings,
    /// Inputs older than this are recorded and not acted on.
    pub late_after: Duration,
    /// Messages waiting for a channel from which on new non-critical groups are gathered into one digest.
    pub digest_after: u64,
    pub escalation: Escalation,
    /// Who posts alerts, and after how much silence theirs end.
    pub externals: BTreeMap<String, Duration>,
    /// Sources of prices, by name.
    pub sources: BTreeSet<String>,
    /// Alertmanagers that hold silences made here.
    pub silencers: BTreeSet<String>,
    /// Queries that can be asked for by name.
    pub graphs: Vec<Graph>,
}

/// Who the bot is in its workspace, learned from `auth.test`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    pub team: Option<TeamId>,
    pub team_name: String,
    pub bot_user: Option<UserId>,
    /// The organization whose workspace it is, where there is one.
    pub enterprise: Option<TeamId>,
    /// Installed for a whole organization, where the bot takes nobody for a colleague.
    #[serde(default)]
    pub organization_wide: bool,
}

/// A time that is noted now and then.
#[derive(Debug, Default)]
struct Moment(Mutex<Option<Timestamp>>);

impl Moment {
    fn get(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, at: Option<Timestamp>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

/// What [`Flow::new`] is made from.
pub struct Parts {
    pub clock: SharedClock,
    pub ids: Arc<dyn Ids>,
    pub store: Store,
    pub metrics: Arc<Metrics>,
    pub api: WebApi,
    pub holder: String,
    pub seed: u64,
    pub settings: Settings,
    pub rules: Rules,
    pub policy: Policy,
    pub link: Link,
    pub paging: Paging,
    pub clusters: Clusters,
    pub ci: crate::ci::Hands,
    /// Pays from hot wallets.
    pub payers: chain::write::Hands,
    pub cluster_settings: Vec<(workload::Name, workload::Settings)>,
    pub prometheus: prometheus::Client,
    pub alertmanagers: prometheus::Alertmanagers,
    pub apps: Apps,
    pub waits: Waits,
    /// What replicas divide among themselves; `None`: each watches everything.
    pub shards: Option<Shards>,
}

/// Everything the use cases share.
pub struct Flow {
    pub clock: SharedClock,
    pub ids: Arc<dyn Ids>,
    pub store: Store,
    pub metrics: Arc<Metrics>,
    pub api: WebApi,
    pub(super) waits: Waits,
    /// Connections to the clusters: what they are asked and told goes through here.
    pub clusters: Arc<Clusters>,
    /// Which process this is, in the lease and on claimed jobs.
    pub holder: String,
    pub started_at: Timestamp,
    /// Rung when the outbox has something new.
    pub outbox_bell: Notify,
    /// Rung when the engine's next deadline may have changed.
    pub engine_bell: Notify,
    /// Rung when an action may begin or go on.
    pub action_bell: Notify,
    /// Rung when stored inputs are this replica's to work on.
    pub sweep_bell: Notify,
    hands: actions::Hands,
    actions: actions::Desk,
    intake: Intake,
    engine: RwLock<Engine>,
    policy: RwLock<Policy>,
    /// Held from decision to applied commit, so that decisions follow one another.
    stepping: tokio::sync::Mutex<()>,
    /// Held from what was found to the decision about it: an end that overtook its beginning would be dropped as no news, and
    /// the alert would never end.
    judging: tokio::sync::Mutex<()>,
    watch: Mutex<Watch>,
    workloads: Mutex<workload::Clusters>,
    apps: Mutex<Apps>,
    unsaid: Mutex<Unsaid>,
    settings: RwLock<Arc<Settings>>,
    home: RwLock<Home>,
    home_told: Notify,
    people: RwLock<Arc<People>>,
    charts: RwLock<BTreeMap<GroupId, String>>,
    digests: Mutex<Digests>,
    escalations: Escalations,
    heard: Heard,
    paging: Paging,
    alertmanagers: prometheus::Alertmanagers,
    prometheus: prometheus::Client,
    wallets: Mutex<wallets::Held>,
    lease: RwLock<Option<Lease>>,
    /// Not asked for before.
    lease_again_at: Moment,
    /// When the loop that decides last went round, where there is one.
    looked_at: Moment,
    /// When Slack last did what it was asked for.
    worked_at: Moment,
    /// Asked to stop; still at work.
    stopping: AtomicBool,
    division: Division,
    followed_at: Moment,
    limiter: Mutex<Limiter>,
    rng: Mutex<fastrand::Rng>,
    desk: oncall::Desk,
    handoffs: handoff::Desk,
    link: RwLock<Link>,
    token_works: AtomicBool,
    /// When the database last took no input or did not renew the lease, and why.
    unwritten: Mutex<Option<(Timestamp, String)>>,
    /// A commit failed: memory may be behind the store, and is read again before the next decision.
    doubtful: AtomicBool,
}

impl Flow {
    /// Knows nothing of the past until it holds the lease or is asked something. Must be called inside a runtime.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { clock, ids, store, metrics, api, holder, seed, settings, rules, policy, link, .. } = parts;
        let Parts {
            paging,
            prometheus,
            alertmanagers,
            clusters,
            cluster_settings,
            apps,
            ci,
            payers,
            waits,
            shards,
            ..
        } = parts;
        let flow = Self {
            digests: Mutex::default(),
            escalations: Escalations::default(),
            heard: Heard::default(),
            paging,
            prometheus,
            alertmanagers,
            wallets: Mutex::default(),
            doubtful: AtomicBool::new(false),
            intake: Intake::start(store.clone()),
            started_at: clock.now(),
            engine: RwLock::new(Engine::new(policy.clone(), Snapshot::default())),
            policy: RwLock::new(policy),
            watch: Mutex::new(Watch::new(rules)),
            workloads: Mutex::new(workload::Clusters::new(cluster_settings)),
            apps: Mutex::new(apps),
            waits,
            hands: actions::Hands::new(clusters.clone(), ci, payers, clock.clone()),
            actions: actions::Desk::default(),
            action_bell: Notify::new(),
            sweep_bell: Notify::new(),
            clusters: Arc::new(clusters),
            settings: RwLock::new(Arc::new(settings)),
            charts: RwLock::default(),
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
            link: RwLock::new(link),
            limiter: Mutex::new(Limiter::new()),
            outbox_bell: Notify::new(),
            engine_bell: Notify::new(),
            stepping: tokio::sync::Mutex::default(),
            judging: tokio::sync::Mutex::default(),
            unsaid: Mutex::default(),
            desk: oncall::Desk::default(),
            handoffs: handoff::Desk::default(),
            home: RwLock::default(),
            home_told: Notify::new(),
            people: RwLock::default(),
            lease: RwLock::default(),
            lease_again_at: Moment::default(),
            looked_at: Moment::default(),
            worked_at: Moment::default(),
            stopping: AtomicBool::new(false),
            division: Division::new(shards),
            followed_at: Moment::default(),
            token_works: AtomicBool::new(true),
            unwritten: Mutex::default(),
            clock,
            ids,
            store,
            metrics,
            api,
            holder,
        };
        flow.begin_divided();
        flow
    }

    /// The name of this process in the lease. SQLite has one process at a time (its lock sees to that), so a successor
    /// goes on under the same name at once; on Postgres each process has its own.
    #[must_use]
    pub fn holder_name(backend: Backend, ids: &dyn Ids, now: Timestamp) -> String {
        match backend {
            Backend::Sqlite => "single".to_owned(),
            Backend::Postgres => ids.next(now),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn home(&self) -> Home {
        self.home.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_home(&self, home: Home) {
        *self.home.write().unwrap_or_else(PoisonError::into_inner) = home;
        self.token_works.store(true, std::sync::atomic::Ordering::Relaxed);
        self.home_told.notify_waiters();
    }

    pub fn slack_link(&self) -> Link {
        self.link.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A request that Slack signed has come.
    pub fn heard_from_slack(&self, at: Timestamp) {
        let mut link = self.link.write().unwrap_or_else(PoisonError::into_inner);
        if let Link::Http { last_request_at } = &mut *link {
            *last_request_at = Some(at);
        }
    }

    /// Asked to stop: whoever sends requests here shall look for another, while this one still answers.
    pub fn stopping(&self) {
        self.stopping.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    pub fn set_link(&self, link: Link) {
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = link;
    }

    /// Takes over a new configuration, all of it at once.
    pub fn reload(&self, settings: Settings, rules: Rules, policy: Policy) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = policy.clone();
        self.engine.write().unwrap_or_else(PoisonError::into_inner).set_policy(policy);
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).set_rules(rules, self.now());
        self.engine_bell.notify_one();
    }

    /// When the engine must be asked again although nothing came in.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner).next_deadline();
        engine.into_iter().chain(self.next_step()).min()
    }

    /// The feeds under watch now, for the venues to compare.
    pub fn feeds(&self) -> Vec<Feed> {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch.own_feeds().map(|view| view.feed().clone()).collect()
    }

    /// Figures that are read rather than counted.
    pub fn measure(&self) {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        for (state, count) in look::alert_states(&engine) {
            self.metrics.alerts(state, count);
        }
        let connections = match self.slack_link() {
            Link::Socket { connections, .. } => connections,
            Link::Down { .. } | Link::Http { .. } => 0,
        };
        self.metrics.socket_connections(i64::try_from(connections).unwrap_or(i64::MAX));
    }

    fn digests(&self) -> Digests {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep_digests(&self, changed: Digests) {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner).extend(changed);
    }

    fn people(&self) -> Arc<People> {
        Arc::clone(&self.people.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Learns the name of somebody who does something, so that messages can name them.
    async fn know(&self, user: &UserId) {
        if self.people().contains(user) {
            return;
        }
        match tokio::time::timeout(self.waits.name, self.api.users_info(user)).await {
            Ok(Ok(person)) => self.remember_name(&person),
            Ok(Err(error)) => tracing::debug!(error = %error, "a name could not be looked up"),
            Err(_) => tracing::debug!("a name took too long to look up"),
        }
    }

    fn remember_name(&self, person: &Person) {
        let mut people = self.people.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut people).insert(person.id.clone(), person.name.clone());
    }

    fn roll(&self) -> f64 {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }
}
