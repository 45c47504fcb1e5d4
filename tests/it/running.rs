//! The whole bot as it runs: every loop of its own, Socket Mode, the machine's clock.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use watchkeeper::app::{App, Wiring};
use watchkeeper::clock::{SharedClock, SystemClock, Ulids};
use watchkeeper::config::Config;
use watchkeeper::config::secrets::Environment;
use watchkeeper::config::sections::{Http, Slack};
use watchkeeper::config::sources::{HermesSource, Selection};
use watchkeeper::core::audit::checkpoint::{Checkpoint, Signer};
use watchkeeper::core::detect::Overrides;
use watchkeeper::core::ids::ChannelId;
use watchkeeper::core::receiver::Receiver;
use watchkeeper::core::time::Span;
use watchkeeper::flow::Flow;
use watchkeeper::sim::hermes;
use watchkeeper::sim::slack::{self, AppConfig, Workspace};
use watchkeeper::store::audit::{self, Head};
use watchkeeper::store::{Settings, Store};

use super::support::{Database, PATIENT};

/// Far more than any of it takes; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_mins(3);

struct Running {
    slack: Workspace,
    hermes: hermes::Handle,
    flow: Arc<Flow>,
    stop: CancellationToken,
    ended: tokio::task::JoinHandle<()>,
    database: Database,
}

/// With time running eight times as fast, so that a stale feed is stale soon.
async fn running() -> Running {
    running_with(Vec::new(), |_| {}).await
}

async fn running_with(more: Vec<(String, String)>, change: impl FnOnce(&mut Config)) -> Running {
    let clock: SharedClock = Arc::new(SystemClock::new(8));
    let slack = slack::start(slack::Config::new(clock.clone())).await.unwrap();
    let hermes =
        hermes::start(hermes::Config { script: None, ..hermes::Config::demo(clock.clone(), 1) }).await.unwrap();
    let app = AppConfig::default();
    let secrets = [("SLACK_BOT_TOKEN", app.bot_token.clone()), ("SLACK_APP_TOKEN", app.app_token.clone())];
    slack.install(AppConfig { delivery: slack::Delivery::SocketMode, ..app }).await.unwrap();
    let database = Database::sqlite();
    let mut config = Config {
        receivers: vec![Receiver {
            name: "default".to_owned(),
            channel: ChannelId::new("C0ALERTS"),
            fallback_channel: None,
            mention: std::collections::BTreeMap::new(),
        }],
        ..watching(&slack, &hermes, &database)
    };
    let quick = Overrides { stale_max: Some(Span::from_secs(40)), ..Overrides::default() };
    config.rules.classes.insert("crypto".to_owned(), quick);
    change(&mut config);
    let secrets = secrets.map(|(name, value)| (name.to_owned(), value)).into_iter();
    let environment = Environment::from_pairs(secrets.chain(more));
    let wiring = Wiring { config, environment, clock, ids: Arc::new(Ulids::from_seed(3)), seed: 3, waits: PATIENT };
    let (flow, stop, ended) = run(wiring).await;
    let connected = slack.until(PATIENCE, |slack| (slack.socket_count() > 0).then_some(())).await;
    connected.expect("the bot connects");
    Running { slack, hermes, flow, stop, ended, database }
}

/// The local Slack and Hermes, on a port of its own.
fn watching(slack: &Workspace, hermes: &hermes::Handle, database: &Database) -> Config {
    let mut config = Config {
        slack: Slack { api_url: slack.api_url(), ..Slack::default() },
        http: Http { listen: SocketAddr::from(([127, 0, 0, 1], 0)), metrics_listen: None, ..Http::default() },
        sources: vec![HermesSource {
            name: "hermes".to_owned(),
            endpoints: vec![hermes.base_url().to_string()],
            token_env: "HERMES_TOKEN".to_owned(),
            feeds: Selection::default(),
        }],
        ..Config::default()
    };
    config.database.url.clone_from(&database.url);
    config
}

async fn run(wiring: Wiring) -> (Arc<Flow>, CancellationToken, tokio::task::JoinHandle<()>) {
    let app = App::start(wiring).await.unwrap();
    let (flow, stop) = (app.flow(), CancellationToken::new());
    let ended = tokio::spawn(app.run(stop.clone()));
    (flow, stop, ended)
}

impl Running {
    async fn end(self) -> Database {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.ended).await.expect("it ends when told to").unwrap();
        self.database
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_feed_is_posted_acknowledged_and_resolved_by_the_running_bot() {
    let bot = running().await;
    // The bot has prices once it can say one.
    let mut price = String::new();
    while !price.contains("Price") {
        price = bot.slack.slash("alice", "feeds-alerts", "/wk feed SOL/USD").await.to_string();
    }
    bot.hermes.stale("SOL/USD").unwrap();
    let alert = |slack: &Workspace, wanted: &str| {
        let messages = slack.messages("feeds-alerts").into_iter();
        messages
            .map(|m| (m["ts"].as_str().unwrap_or_default().to_owned(), Workspace::render(&m)))
            .find(|(_, text)| text.contains(wanted))
    };
    let (ts, _) =
        bot.slack.until(PATIENCE, |slack| alert(slack, "SOL/USD has had no new price")).await.expect("posted");
    bot.slack.click("alice", "feeds-alerts", &ts, "Acknowledge").await;
    bot.slack.until(PATIENCE, |slack| alert(slack, "*Acknowledged* by *alice*")).await.expect("acknowledged");
    bot.hermes.heal("SOL/USD").unwrap();
    let (same, _) = bot.slack.until(PATIENCE, |slack| alert(slack, "✅ Resolved: SOL/USD")).await.expect("resolved");
    assert_eq!(same, ts, "one living message");
    bot.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_running_bot_signs_its_audit_log_in_a_file_and_a_channel_and_once_more_when_it_stops() {
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("checkpoints.jsonl");
    let key = ("WATCHKEEPER_AUDIT_KEY".to_owned(), "07".repeat(32));
    let bot = running_with(vec![key], |config| {
        config.audit.file = Some(file.clone());
        config.audit.channel = Some(ChannelId::new("C0ALERTS"));
    })
    .await;
    let posted = |slack: &Workspace| {
        let messages = slack.messages("feeds-alerts").into_iter().map(|message| message.to_string());
        messages.filter(|text| text.contains("The audit log stands at entry")).count()
    };
    bot.slack.until(PATIENCE, |slack| (posted(slack) == 1).then_some(())).await.expect("signed at the start");
    bot.slack.slash("alice", "general", "/wk silence severity=info 2h launch").await;
    let slack = bot.slack.clone();
    let url = bot.database.url.clone();
    let database = bot.end().await;
    assert_eq!(posted(&slack), 2, "and at the end");
    let public = Signer::from_secret(&"07".repeat(32)).unwrap().public();
    let text = std::fs::read_to_string(&file).unwrap();
    let noted: Vec<Checkpoint> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(noted.len() == 2 && noted.iter().all(|checkpoint| public.signed(checkpoint)), "{noted:?}");
    let store = Store::connect_read_only(&Settings::new(url)).await.unwrap();
    let heads: Vec<Head> = noted.into_iter().map(|it| Head { seq: it.seq, hash: it.hash }).collect();
    let report = audit::verify(&store, &heads).await.unwrap();
    assert!(report.bad.is_empty() && report.rows >= 2, "{report:?}");
    drop(database);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_cut_in_the_middle_of_an_envelope_loses_and_repeats_nothing() {
    let bot = running().await;
    bot.slack.faults(|faults| (faults.cut_sockets, faults.rate_limits) = (1, false));
    let ts = bot.slack.say("alice", "general", "<@U0WATCHBOT> silence severity=info 2h cut").await.unwrap();
    let answered = bot.slack.until(PATIENCE, |slack| (slack.thread("general", &ts).len() > 1).then_some(())).await;
    answered.expect("the redelivered event is answered");
    let connected = bot.slack.until(PATIENCE, |slack| (slack.socket_count() > 0).then_some(())).await;
    connected.expect("the bot comes back");
    let silences = bot.slack.slash("alice", "general", "/wk silences").await.to_string();
    assert!(silences.contains("1 silence") && silences.contains("cut"), "{silences}");
    assert_eq!(bot.slack.thread("general", &ts).len(), 2, "answered once");
    bot.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_in_before_the_signal_is_answered_before_the_end() {
    let bot = running().await;
    let ts = bot.slack.say("alice", "general", "<@U0WATCHBOT> status").await.unwrap();
    let (slack, flow) = (bot.slack.clone(), Arc::clone(&bot.flow));
    bot.end().await;
    assert_eq!(slack.thread("general", &ts).len(), 2, "the question and its answer");
    assert!(flow.lease().is_none(), "the lease was given back");
}

/// Two processes with every loop of theirs on one Postgres database, dividing what there is.
#[tokio::test(flavor = "multi_thread")]
async fn two_running_bots_divide_the_feeds_and_one_goes_on_with_all_of_them() {
    let Some(database) = Database::postgres() else { return };
    let clock: SharedClock = Arc::new(SystemClock::new(1));
    let slack = slack::start(slack::Config::new(clock.clone())).await.unwrap();
    let hermes =
        hermes::start(hermes::Config { script: None, ..hermes::Config::demo(clock.clone(), 1) }).await.unwrap();
    let app = AppConfig::default();
    let secrets = [("SLACK_BOT_TOKEN", app.bot_token.clone()), ("SLACK_APP_TOKEN", app.app_token.clone())];
    slack.install(AppConfig { delivery: slack::Delivery::SocketMode, ..app }).await.unwrap();
    let mut config = watching(&slack, &hermes, &database);
    config.replicas.divide = true;
    let wiring = |seed: u64| {
        let secrets = secrets.clone().map(|(name, value)| (name.to_owned(), value));
        let (config, environment) = (config.clone(), Environment::from_pairs(secrets));
        let ids = Arc::new(Ulids::from_seed(seed));
        Wiring { config, environment, clock: clock.clone(), ids, seed, waits: PATIENT }
    };
    let symbols = |flow: &Flow| flow.feeds().into_iter().map(|feed| feed.symbol).collect::<BTreeSet<String>>();
    let (first, stop, ended) = run(wiring(3)).await;
    until("one alone watches everything", || first.shards().borrow().len() == 16 && !symbols(&first).is_empty()).await;
    let all = symbols(&first);
    let (second, also_stop, also_ended) = run(wiring(4)).await;
    let divided = || {
        let (one, other) = (symbols(&first), symbols(&second));
        !one.is_empty() && !other.is_empty() && one.is_disjoint(&other) && &one | &other == all
    };
    until("each watches a share", divided).await;

    // Slack hands it to one of them; whoever gets it answers.
    let sockets = slack.until(PATIENCE, |slack| (slack.socket_count() >= 4).then_some(())).await;
    sockets.expect("both are connected");
    for symbol in [&symbols(&first), &symbols(&second)].map(|symbols| symbols.first().unwrap().clone()) {
        let mut told = String::new();
        while !told.contains("*Price*") {
            told = slack.slash("alice", "feeds-alerts", &format!("/wk feed {symbol}")).await.to_string();
            assert!(!told.contains("I watch no feed"), "{told}");
        }
    }
    stop.cancel();
    until("the other watches everything at once", || symbols(&second) == all).await;
    tokio::time::timeout(PATIENCE, ended).await.expect("it ends when told to").unwrap();
    assert!(first.shards().borrow().is_empty() && second.shards().borrow().len() == 16);
    also_stop.cancel();
    tokio::time::timeout(PATIENCE, also_ended).await.expect("it ends when told to").unwrap();
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    let seen = tokio::time::timeout(PATIENCE, async {
        while !holds() {
            looks.tick().await;
        }
    });
    seen.await.unwrap_or_else(|_| panic!("never: {what}"));
}
