//! Proof of life: a heartbeat that is called only while the bot is well, and a canary that goes through Slack and back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use watchkeeper::app::{App, Wiring};
use watchkeeper::clock::{Clock as _, Ulids};
use watchkeeper::config::Config;
use watchkeeper::config::secrets::Environment;
use watchkeeper::config::sections::{Canary, Heartbeat, Http, Mode, Slack};
use watchkeeper::core::ids::ChannelId;
use watchkeeper::core::receiver::Receiver;
use watchkeeper::core::time::Span;
use watchkeeper::flow::Flow;
use watchkeeper::flow::look::Link;
use watchkeeper::sim::slack::{self, AppConfig, Delivery, Failure, Workspace};

use super::support::{Database, PATIENT, TestClock};

/// How often a loop is given the chance to do something, and how long each chance is.
const CHANCES: u32 = 100;
const CHANCE: Duration = Duration::from_millis(50);

struct Alive {
    slack: Workspace,
    clock: Arc<TestClock>,
    flow: Arc<Flow>,
    _stop: DropGuard,
    _database: Database,
}

/// A running bot in HTTP mode, whose clock stands still.
async fn alive(change: impl FnOnce(&mut Config)) -> Alive {
    let clock = TestClock::new();
    let slack = slack::start(slack::Config::new(clock.clone())).await.unwrap();
    // Nothing is delivered to it here.
    let app = AppConfig { delivery: Delivery::SocketMode, ..AppConfig::default() };
    let secrets = [("SLACK_BOT_TOKEN", app.bot_token.clone()), ("SLACK_SIGNING_SECRET", app.signing_secret.clone())];
    slack.install(app).await.unwrap();
    let database = Database::sqlite();
    let receiver = Receiver {
        name: "default".to_owned(),
        channel: ChannelId::new("C0ALERTS"),
        fallback_channel: None,
        mention: std::collections::BTreeMap::new(),
    };
    let mut config = Config {
        slack: Slack { mode: Mode::Http, api_url: slack.api_url(), ..Slack::default() },
        http: Http { listen: SocketAddr::from(([127, 0, 0, 1], 0)), metrics_listen: None, ..Http::default() },
        receivers: vec![receiver],
        ..Config::default()
    };
    config.database.url.clone_from(&database.url);
    change(&mut config);
    let environment = Environment::from_pairs(secrets.map(|(name, value)| (name.to_owned(), value)));
    let wiring = Wiring {
        config,
        environment,
        clock: clock.clone(),
        ids: Arc::new(Ulids::from_seed(3)),
        seed: 3,
        waits: PATIENT,
    };
    let app = App::start(wiring).await.unwrap();
    let (flow, stop) = (app.flow(), CancellationToken::new());
    tokio::spawn(app.run(stop.clone()));
    Alive { slack, clock, flow, _stop: stop.drop_guard(), _database: database }
}

/// A dead-man's switch somewhere outside; it says when it was called.
async fn switch() -> (String, mpsc::UnboundedReceiver<()>) {
    let (tell, calls) = mpsc::unbounded_channel();
    let called = get(move || {
        let gone = tell.send(()).is_err();
        std::future::ready(if gone { "nobody listens" } else { "ok" })
    });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/alive", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, Router::new().route("/alive", called)).await });
    (url, calls)
}

/// Whether the switch is called while minutes go by; stops at the first call.
async fn called_within(chances: u32, clock: &TestClock, calls: &mut mpsc::UnboundedReceiver<()>) -> bool {
    for _ in 0..chances {
        clock.advance(Duration::from_mins(1));
        if tokio::time::timeout(CHANCE, calls.recv()).await.is_ok() {
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heartbeat_stops_while_the_bot_is_not_well() {
    let (url, mut calls) = switch().await;
    let bot = alive(|config| config.heartbeat = Some(Heartbeat { url: Some(url), every: Span::from_secs(60) })).await;
    assert!(called_within(CHANCES, &bot.clock, &mut calls).await, "called while well");
    assert!(called_within(CHANCES, &bot.clock, &mut calls).await, "and again");

    bot.flow.set_link(Link::Down { since: bot.clock.now(), error: "no connection".to_owned() });
    // One call may have been under way.
    called_within(1, &bot.clock, &mut calls).await;
    assert!(!called_within(10, &bot.clock, &mut calls).await, "silent while Slack is away");

    bot.flow.set_link(Link::Http { last_request_at: None });
    assert!(called_within(CHANCES, &bot.clock, &mut calls).await, "called again");
}

fn canary() -> Canary {
    Canary { channel: ChannelId::new("C0OPS"), every: Span::from_secs(300) }
}

/// Lets time go by until the metrics page has a line that begins and ends like this.
async fn counted(bot: &Alive, name: &str, wanted: impl Fn(f64) -> bool) -> bool {
    let mut looks = tokio::time::interval(CHANCE);
    for _ in 0..CHANCES {
        looks.tick().await;
        let text = bot.flow.metrics.text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        if value.is_some_and(&wanted) {
            return true;
        }
        bot.clock.advance(Duration::from_mins(1));
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn the_canary_goes_through_slack_and_leaves_nothing_behind() {
    let bot = alive(|config| config.canary = Some(canary())).await;
    let went = counted(&bot, "watchkeeper_canary_last_success_timestamp_seconds", |at| at > 1.7e9).await;
    assert!(went, "{}", bot.flow.metrics.text());
    let posted = bot.slack.calls("chat.postMessage");
    assert!(posted.iter().any(|call| call.ok() && call.args["channel"] == "C0OPS"), "{posted:?}");
    assert!(bot.slack.calls("conversations.history").iter().any(slack::Call::ok));
    assert!(bot.slack.calls("chat.delete").iter().any(slack::Call::ok));
    assert_eq!(bot.slack.messages("ops").iter().filter(|m| m["user"] == "U0WATCHBOT").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_is_not_found_counts_as_lost_and_is_deleted_all_the_same() {
    let bot = alive(|config| config.canary = Some(canary())).await;
    bot.slack.faults(|faults| {
        faults.next("conversations.history", 1000, Failure::Error("internal_error".to_owned()));
    });
    let lost = counted(&bot, "watchkeeper_canary_failures_total", |lost| lost > 0.0).await;
    assert!(lost, "{}", bot.flow.metrics.text());
    assert!(bot.slack.calls("chat.delete").iter().any(slack::Call::ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_does_not_work_shows_in_the_metrics() {
    let bot = alive(|_| ()).await;
    let works = counted(&bot, "watchkeeper_ready{part=\"slack\"}", |works| works > 0.0).await;
    assert!(works, "{}", bot.flow.metrics.text());
    bot.flow.set_link(Link::Socket { connections: 2, since: None });
    assert!(counted(&bot, "watchkeeper_slack_socket_connections", |open| open > 1.0).await);
    bot.flow.set_link(Link::Down { since: bot.clock.now(), error: "no connection".to_owned() });
    let fails = counted(&bot, "watchkeeper_ready{part=\"slack\"}", |works| works < 1.0).await;
    assert!(fails, "{}", bot.flow.metrics.text());
    let text = bot.flow.metrics.text();
    assert!(text.contains("watchkeeper_ready{part=\"store\"} 1\n"), "{text}");
    assert!(text.contains("watchkeeper_slack_socket_connections 0\n"), "{text}");
}
