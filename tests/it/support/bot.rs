//! The real bot, wired as in production, driven by hand: no background loop runs, so a story sees every step.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};
use watchkeeper::app::{App, ChainLoop, StartError, Wiring};
use watchkeeper::clock::{Clock, Ulids};
use watchkeeper::config::Config;
use watchkeeper::config::secrets::Environment;
use watchkeeper::config::sections::{Http, Mode, Slack};
use watchkeeper::core::decimal::Decimal;
use watchkeeper::core::feed::{Feed, FeedId, Observation, PriceUpdate, SourceStatus};
use watchkeeper::core::ids::ChannelId;
use watchkeeper::core::market::MarketHours;
use watchkeeper::core::receiver::Receiver;
use watchkeeper::core::severity::Severity;
use watchkeeper::flow::Flow;
use watchkeeper::sim::slack::{self, Workspace};
use watchkeeper::slack::manifest::{self, Features, REQUEST_PATH, Transport};
use watchkeeper::{flow, jobs};

use super::{Database, PATIENT, TestClock};

pub const SECRET: &str = "story-signing-secret";
/// The channel alerts go to.
pub const ALERTS: &str = "feeds-alerts";

pub struct Bot {
    pub slack: Workspace,
    pub clock: Arc<TestClock>,
    pub database: Database,
    pub config: Config,
    pub flow: Arc<Flow>,
    pub address: SocketAddr,
    running: CancellationToken,
    server: tokio::task::JoinHandle<()>,
    world: Mutex<World>,
    chains: tokio::sync::Mutex<Vec<ChainLoop>>,
}

/// Another process, which ends with this.
pub struct Replica {
    pub flow: Arc<Flow>,
    pub address: SocketAddr,
    chains: tokio::sync::Mutex<Vec<ChainLoop>>,
    _running: DropGuard,
    _server: tokio::task::JoinHandle<()>,
}

impl Replica {
    /// Every chain that is this one's to read is asked once.
    pub async fn read_chains(&self) {
        for chain in self.chains.lock().await.iter_mut() {
            chain.round(&self.flow).await;
        }
    }
}

async fn identify(flow: &Flow) {
    let identity = flow.api.auth_test().await.unwrap();
    let organization_wide = identity.is_enterprise_install;
    flow.set_home(flow::Home { team: Some(identity.team), organization_wide, ..flow::Home::default() });
}

/// The feeds as their source sees them.
#[derive(Default)]
struct World {
    feeds: Vec<Feed>,
    prices: BTreeMap<FeedId, i64>,
    stopped: BTreeSet<FeedId>,
}

impl Bot {
    /// On SQLite, with three crypto feeds that publish every second.
    pub async fn start() -> Self {
        Self::on(Database::sqlite()).await
    }

    pub async fn on(database: Database) -> Self {
        Self::with(database, |_| {}).await
    }

    /// As [`Self::on`], with the difference to the usual configuration.
    pub async fn with(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        Self::at(TestClock::new(), database, change).await
    }

    /// As [`Self::with`], on a clock that others go by too.
    pub async fn at(clock: Arc<TestClock>, database: Database, change: impl FnOnce(&mut Config)) -> Self {
        let slack = slack::start(slack::Config::new(clock.clone())).await.unwrap();
        let mut config = Config {
            slack: Slack { mode: Mode::Http, api_url: slack.api_url(), ..Slack::default() },
            http: Http { listen: SocketAddr::from(([127, 0, 0, 1], 0)), metrics_listen: None, ..Http::default() },
            receivers: vec![Receiver {
                name: "default".to_owned(),
                channel: ChannelId::new("C0ALERTS"),
                fallback_channel: Some(ChannelId::new("C0OPS")),
                mention: BTreeMap::from([(Severity::Critical, "here".to_owned())]),
            }],
            ..Config::default()
        };
        config.database.url.clone_from(&database.url);
        change(&mut config);
        let Wired { flow, address, running, server, chains } = Box::pin(wire(&config, &clock)).await;
        slack.install(app(address)).await.unwrap();
        let world = Mutex::default();
        let bot = Self { slack, clock, database, config, flow, address, running, server, world, chains };
        bot.identify().await;
        bot.feeds(&["Crypto.BTC/USD", "Crypto.ETH/USD", "Crypto.SOL/USD"]).await;
        // Long enough for the detectors to know each feed's rhythm.
        bot.advance(150).await;
        bot
    }

    async fn identify(&self) {
        identify(&self.flow).await;
    }

    /// Another process on the same database. Slack does not know its address.
    pub async fn replica(&self) -> Result<Replica, StartError> {
        let app = start(&self.config, &self.clock, 8).await?;
        let Wired { flow, address, running, server, chains } = serve(app);
        identify(&flow).await;
        flow.refresh_directory().await;
        Ok(Replica { flow, address, chains, _running: running.drop_guard(), _server: server })
    }

    /// Another process on the same database with another configuration, if it starts.
    pub async fn started_with(&self, config: &Config) -> Result<(), StartError> {
        start(config, &self.clock, 9).await.map(drop)
    }

    /// Types a command, which Slack delivers to the process at `address`; gives what it answers for their eyes only.
    pub async fn ask_at(&self, address: SocketAddr, user: &str, line: &str) -> String {
        let before = self.told(user).len();
        self.slack.install(app(address)).await.unwrap();
        let seen = self.slack.slash(user, ALERTS, line).await;
        self.settle().await;
        let told = self.told(user);
        let new = told.len() - before;
        format!("{seen} {}", told.into_iter().take(new).collect::<Vec<_>>().join("\n"))
    }

    /// The process dies without a word and another starts on the same database, at the same address book entry.
    pub async fn restart(self) -> Self {
        let Self { slack, clock, database, config, flow, running, server, world, .. } = self;
        running.cancel();
        server.await.unwrap();
        flow.store.close().await;
        drop(flow);
        let Wired { flow, address, running, server, chains } = Box::pin(wire(&config, &clock)).await;
        slack.install(app(address)).await.unwrap();
        let bot = Self { slack, clock, database, config, flow, address, running, server, world, chains };
        bot.identify().await;
        let feeds = bot.world.lock().unwrap().feeds.clone();
        bot.catalogue(feeds).await;
        bot
    }

    /// The source lists these feeds, and each publishes every second from now on.
    pub async fn feeds(&self, symbols: &[&str]) {
        let feeds: Vec<Feed> = symbols.iter().map(|symbol| feed(symbol)).collect();
        {
            let mut world = self.world.lock().unwrap();
            world.prices = feeds.iter().map(|feed| (feed.id, 10_000_000_000)).collect();
            world.feeds.clone_from(&feeds);
        }
        self.catalogue(feeds).await;
    }

    async fn catalogue(&self, feeds: Vec<Feed>) {
        self.flow.observe(&self.listing(feeds)).await;
    }

    fn listing(&self, feeds: Vec<Feed>) -> [Observation; 2] {
        let source = || "hermes".to_owned();
        let status = SourceStatus::Up { since: self.clock.now(), endpoint: "local".to_owned() };
        [Observation::Source { source: source(), status }, Observation::Catalogue { source: source(), feeds }]
    }

    /// What the source says to a client that has just begun.
    pub fn listed(&self) -> [Observation; 2] {
        self.listing(self.world.lock().unwrap().feeds.clone())
    }

    /// The feed stops publishing.
    pub fn stop(&self, symbol: &str) {
        self.world.lock().unwrap().stopped.insert(feed(symbol).id);
    }

    /// The feed publishes again.
    pub fn go_on(&self, symbol: &str) {
        self.world.lock().unwrap().stopped.remove(&feed(symbol).id);
    }

    pub fn stop_all(&self) {
        let mut world = self.world.lock().unwrap();
        world.stopped = world.feeds.iter().map(|feed| feed.id).collect();
    }

    /// Everything publishes again.
    pub fn heal(&self) {
        self.world.lock().unwrap().stopped.clear();
    }

    /// The source says that nothing of it answers.
    pub async fn source_down(&self) {
        let status = SourceStatus::Down { since: self.clock.now(), error: "connection refused".to_owned() };
        self.flow.observe(&[Observation::Source { source: "hermes".to_owned(), status }]).await;
    }

    /// The source answers again.
    pub async fn restore(&self) {
        let status = SourceStatus::Up { since: self.clock.now(), endpoint: "local".to_owned() };
        self.flow.observe(&[Observation::Source { source: "hermes".to_owned(), status }]).await;
    }

    /// Moves time by `secs`, a second at a time: feeds publish, the bot ticks, everything due is done.
    pub async fn advance(&self, secs: u64) {
        for _ in 0..secs {
            self.clock.advance(Duration::from_secs(1));
            self.publish().await;
            // A store that is away does not stop time.
            let _lease = self.flow.keep_lease().await;
            self.flow.tick().await;
            self.settle().await;
        }
    }

    /// Moves time at once: feeds publish, the chains are read, the bot ticks, everything due is done.
    pub async fn leap(&self, length: Duration) {
        self.clock.advance(length);
        self.publish().await;
        self.lead().await;
        self.read_chains().await;
        self.flow.tick().await;
        self.settle().await;
    }

    /// Holds the lease again, which ran out while time leapt.
    pub async fn lead(&self) {
        while !self.flow.keep_lease().await.unwrap() {}
    }

    /// Every chain is asked once.
    pub async fn read_chains(&self) {
        for chain in self.chains.lock().await.iter_mut() {
            chain.round(&self.flow).await;
        }
    }

    async fn publish(&self) {
        let updates = self.prices();
        self.flow.observe(&updates).await;
    }

    /// What the feeds publish at this moment.
    pub fn prices(&self) -> Vec<Observation> {
        let now = self.clock.now();
        let mut world = self.world.lock().unwrap();
        let World { prices, stopped, .. } = &mut *world;
        let live = prices.iter_mut().filter(|(id, _)| !stopped.contains(*id));
        live.map(|(id, price)| {
            // A little noise: a feed that repeats itself to the digit is another kind of trouble.
            *price += if now.as_secs() % 2 == 0 { 1_000 } else { -1_000 };
            let update = PriceUpdate {
                feed: *id,
                price: Decimal::new(*price, -8),
                conf: Decimal::new(5_000_000, -8),
                publish_time: now,
            };
            Observation::Price { source: "hermes".to_owned(), update }
        })
        .collect()
    }

    /// Does everything that can be done at this moment.
    pub async fn settle(&self) {
        loop {
            let swept = self.flow.sweep().await.unwrap_or(0);
            let done = jobs::run_due(&self.flow).await.unwrap_or(0);
            if swept + done == 0 {
                return;
            }
        }
    }

    /// The bot's top-level messages in the alert channel, as people read them.
    pub fn alerts(&self) -> Vec<String> {
        self.posted().iter().map(Workspace::render).collect()
    }

    /// As [`Self::alerts`], as Slack has them.
    pub fn posted(&self) -> Vec<Value> {
        let messages = self.slack.messages(ALERTS).into_iter();
        messages.filter(|m| m["user"] == "U0WATCH" && top_level(m) && m["is_ephemeral"] != true).collect()
    }

    /// The one message in the alert channel.
    pub fn the_alert(&self) -> Value {
        let posted = self.posted();
        assert_eq!(posted.len(), 1, "{:#?}", self.alerts());
        posted.into_iter().next().unwrap()
    }

    /// The lines in the thread of the one message, as people read them.
    pub fn thread(&self) -> Vec<String> {
        let ts = self.the_alert()["ts"].as_str().unwrap().to_owned();
        self.slack.thread(ALERTS, &ts).iter().skip(1).map(Workspace::render).collect()
    }

    /// Presses a button on the one message.
    pub async fn click(&self, user: &str, button: &str) -> slack::Seen {
        let ts = self.the_alert()["ts"].as_str().unwrap().to_owned();
        let seen = self.slack.click(user, ALERTS, &ts, button).await;
        self.settle().await;
        seen
    }

    /// Types a command in the alert channel.
    pub async fn type_in(&self, user: &str, line: &str) -> String {
        let seen = self.slack.slash(user, ALERTS, line).await;
        self.settle().await;
        seen.to_string()
    }

    /// What somebody was told for their eyes only, latest first.
    pub fn told(&self, user: &str) -> Vec<String> {
        self.slack.ephemerals(user).iter().rev().map(Workspace::render).collect()
    }

    pub async fn audit(&self) -> Vec<String> {
        use watchkeeper::store::audit::{Cursor, Filter, page};
        let entries = page(&self.flow.store, &Filter::default(), Cursor::After(0), 1000).await.unwrap();
        entries
            .into_iter()
            .map(|entry| format!("{} {} {}", entry.record.actor, entry.record.action, entry.record.subject))
            .collect()
    }
}

fn top_level(message: &Value) -> bool {
    message.get("thread_ts").is_none_or(|thread| *thread == message["ts"])
}

struct Wired {
    flow: Arc<Flow>,
    address: SocketAddr,
    running: CancellationToken,
    server: tokio::task::JoinHandle<()>,
    chains: tokio::sync::Mutex<Vec<ChainLoop>>,
}

async fn wire(config: &Config, clock: &Arc<TestClock>) -> Wired {
    serve(start(config, clock, 7).await.unwrap())
}

async fn start(config: &Config, clock: &Arc<TestClock>, seed: u64) -> Result<App, StartError> {
    let secrets = [
        ("SLACK_BOT_TOKEN", "xoxb-story"),
        ("SLACK_SIGNING_SECRET", SECRET),
        // Stories fetch schedules by hand, from doubles of their own.
        ("STORY_CALENDAR", "http://127.0.0.1:9/none.ics"),
        ("PAGERDUTY_TOKEN", "story"),
        ("GITHUB_TOKEN", "story"),
        ("HOT_EVM", super::ledger::EVM_KEY),
    ];
    let mut secrets: Vec<(String, String)> = secrets.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    secrets.push(("HOT_SOLANA".to_owned(), super::ledger::solana_secret()));
    // Keys of services outside: each is its own variable's name.
    let keys = config.paging.pagerduty.iter().map(|one| &one.routing_key_env);
    let keys = keys.chain(config.paging.webhooks.iter().map(|one| &one.secret_env));
    let keys = keys.chain(config.prometheus.alertmanagers.iter().map(|one| &one.token_env));
    let keys = keys.chain(config.prometheus.alertmanagers.iter().filter_map(|one| one.url_token_env.as_ref()));
    secrets.extend(keys.map(|name| (name.clone(), name.clone())));
    let environment = Environment::from_pairs(secrets);
    let ids = Arc::new(Ulids::from_seed(seed));
    let wiring = Wiring { config: config.clone(), environment, clock: clock.clone(), ids, seed, waits: PATIENT };
    App::start(wiring).await
}

fn serve(mut app: App) -> Wired {
    let chains = tokio::sync::Mutex::new(app.take_chains());
    let (flow, address) = (app.flow(), app.address().unwrap());
    let running = CancellationToken::new();
    let stop = running.clone();
    let server = tokio::spawn(async move { app.serve_http(stop).await.unwrap() });
    Wired { flow, address, running, server, chains }
}

pub fn app(address: SocketAddr) -> slack::AppConfig {
    let features = Features::all(Transport::Http { public_url: format!("http://{address}") });
    let url = format!("http://{address}{REQUEST_PATH}");
    slack::AppConfig {
        app_id: "A0WATCH".to_owned(),
        name: "watchkeeper".to_owned(),
        bot_user: "U0WATCH".to_owned(),
        bot_id: "B0WATCH".to_owned(),
        bot_token: "xoxb-story".to_owned(),
        app_token: "xapp-story".to_owned(),
        signing_secret: SECRET.to_owned(),
        scopes: manifest::scopes(&features).into_iter().map(|scope| scope.name.to_owned()).collect(),
        events: manifest::events(&features).into_iter().map(str::to_owned).collect(),
        commands: vec![slack::Command {
            name: "/wk".to_owned(),
            description: String::new(),
            usage_hint: String::new(),
            completions: Vec::new(),
        }],
        shortcuts: shortcuts(&features),
        delivery: slack::Delivery::Http { events_url: url.clone(), commands_url: url.clone(), interactivity_url: url },
        for_organization: false,
    }
}

fn shortcuts(features: &Features) -> Vec<slack::Shortcut> {
    let offered = manifest::shortcuts(features).into_iter();
    offered.map(|(name, id, _)| slack::Shortcut { name: name.to_owned(), callback_id: id.to_owned() }).collect()
}

pub fn feed(symbol: &str) -> Feed {
    use sha2::{Digest, Sha256};
    let id = hex::encode(Sha256::digest(symbol.as_bytes())).parse().unwrap();
    let class = symbol.split('.').next().unwrap().to_lowercase();
    Feed { id, symbol: symbol.to_owned(), asset_class: class, description: String::new(), hours: MarketHours::Always }
}
