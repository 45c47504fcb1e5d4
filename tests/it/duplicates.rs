//! The same thing again and again: replayed, delivered four times in any order and at once, signed anew each time. One effect each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use watchkeeper::clock::{Clock, SystemClock};
use watchkeeper::config::Config;
use watchkeeper::flow::receive::Ack;
use watchkeeper::sim::slack::deliver::Kind;
use watchkeeper::sim::slack::script::SignedRequest;
use watchkeeper::sim::slack::{AppConfig, Delivery, Workspace};
use watchkeeper::slack::api::{ApiSettings, WebApi};
use watchkeeper::slack::inbound::Envelope;
use watchkeeper::slack::manifest::REQUEST_PATH;
use watchkeeper::slack::socket::{self, SocketSettings};
use watchkeeper::store::alerts;

use super::actions_adversarial::value;
use super::support::bot::{ALERTS, app};
use super::support::{Bot, databases};

const REPLAYS: usize = 10_000;
/// Requests under way at the same time.
const AT_ONCE: usize = 64;
const ALERTS_TO_ACKNOWLEDGE: usize = 12;
const SILENCES: usize = 30;
/// The first and Slack's three retries.
const DELIVERIES: usize = 4;

fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap()
}

async fn send(client: &reqwest::Client, bot: &Bot, request: &SignedRequest, retry: usize) -> bool {
    let SignedRequest { body, content_type, timestamp, signature } = request;
    let mut request = client
        .post(format!("http://{}{REQUEST_PATH}", bot.address))
        .header("content-type", *content_type)
        .header("x-slack-request-timestamp", timestamp)
        .header("x-slack-signature", signature);
    if retry > 0 {
        request = request.header("x-slack-retry-num", retry).header("x-slack-retry-reason", "http_timeout");
    }
    request.body(body.clone()).send().await.unwrap().status().is_success()
}

fn silence(comment: &str) -> Value {
    json!({
        "team_id": "T0WKLABS", "channel_id": "C0ALERTS", "channel_name": ALERTS, "user_id": "U0ALICE", "user_name": "alice",
        "command": "/wk", "text": format!("silence feed={comment} 1h {comment}"), "api_app_id": "A0WATCH",
        "trigger_id": format!("1.2.{comment}"),
    })
}

fn acknowledge(message: &Value, nth: usize) -> Value {
    json!({
        "type": "block_actions", "team": {"id": "T0WKLABS"}, "user": {"id": "U0ALICE", "team_id": "T0WKLABS"},
        "api_app_id": "A0WATCH", "channel": {"id": "C0ALERTS"}, "message": {"ts": message["ts"]},
        "container": {"type": "message", "channel_id": "C0ALERTS", "message_ts": message["ts"]},
        "trigger_id": format!("press.{nth}"),
        "actions": [{"type": "button", "action_id": "wk.ack", "block_id": "b", "value": value(message, "wk.ack"),
            "action_ts": format!("1795521900.{nth:06}")}],
    })
}

/// Somebody asks in the thread of a message.
fn question(bot: &Bot, message: &Value) -> Value {
    let ts = &message["ts"];
    let event = json!({"type": "app_mention", "user": "U0BOB", "text": "<@U0WATCH> status", "ts": ts, "event_ts": ts,
        "channel": "C0ALERTS"});
    bot.slack.envelope(&event).unwrap()
}

/// How often each comment is that of a silence.
async fn silences(bot: &Bot) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for silence in alerts::load(&bot.flow.store).await.unwrap().silences {
        *counted.entry(silence.comment).or_default() += 1;
    }
    counted
}

fn count(audit: &[String], action: &str) -> usize {
    audit.iter().filter(|line| line.contains(action)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_request_replayed_ten_thousand_times_has_one_effect() {
    for database in databases() {
        let bot = Bot::on(database).await;
        let request = bot.slack.signed_request(Kind::Command, &silence("replayed"), bot.clock.now().as_secs());
        let client = client();
        let sent = stream::iter(0..REPLAYS).map(|_| send(&client, &bot, &request, 0)).buffer_unordered(AT_ONCE);
        let taken = sent.filter(|taken| std::future::ready(*taken)).count().await;
        bot.settle().await;
        assert_eq!(taken, REPLAYS, "a replay is acknowledged, so that nobody sends it again");
        assert_eq!(silences(&bot).await, BTreeMap::from([("replayed".to_owned(), 1)]));
        assert_eq!(count(&bot.audit().await, "silence.created"), 1);
        let inputs = bot.flow.metrics.text();
        let refused = format!("outcome=\"duplicate\"}} {}", REPLAYS - 1);
        assert!(inputs.contains(&refused), "all but one are known as duplicates");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_delivered_four_times_shuffled_and_at_once_has_one_effect_each() {
    let one_message_a_feed = |config: &mut Config| {
        config.alerting.root.group_by = Some(vec!["alertname".to_owned(), "symbol".to_owned()]);
        config.slack.digest_after = 100;
    };
    for database in databases() {
        let bot = Bot::with(database, one_message_a_feed).await;
        let symbols: Vec<String> = (0..2 * ALERTS_TO_ACKNOWLEDGE).map(|n| format!("Crypto.T{n}/USD")).collect();
        bot.feeds(&symbols.iter().map(String::as_str).collect::<Vec<_>>()).await;
        bot.advance(150).await;
        symbols[..ALERTS_TO_ACKNOWLEDGE].iter().for_each(|symbol| bot.stop(symbol));
        bot.advance(90).await;
        let messages = bot.posted();
        assert_eq!(messages.len(), ALERTS_TO_ACKNOWLEDGE, "{:#?}", bot.alerts());

        let silences_asked = (0..SILENCES).map(|n| (Kind::Command, silence(&format!("n{n}"))));
        let presses = messages.iter().enumerate().map(|(n, message)| (Kind::Interaction, acknowledge(message, n)));
        let questions = messages.iter().map(|message| (Kind::Event, question(&bot, message)));
        let batch: Vec<_> = silences_asked.chain(presses).chain(questions).collect();
        // Slack signs each retry anew, so it is not the signature that says what is the same.
        let now = bot.clock.now().as_secs();
        let nth = |nth: usize| i64::try_from(nth).unwrap();
        let copies = |(kind, payload): &(Kind, Value)| -> Vec<_> {
            (0..DELIVERIES).map(|n| (bot.slack.signed_request(*kind, payload, now - nth(n)), n)).collect()
        };
        let mut deliveries: Vec<_> = batch.iter().flat_map(copies).collect();
        fastrand::Rng::with_seed(3).shuffle(&mut deliveries);
        let client = client();
        let sent =
            stream::iter(&deliveries).map(|(request, n)| send(&client, &bot, request, *n)).buffer_unordered(AT_ONCE);
        assert!(sent.all(std::future::ready).await, "each delivery is acknowledged");
        bot.settle().await;
        bot.advance(30).await;

        let wanted: BTreeMap<String, usize> = (0..SILENCES).map(|n| (format!("n{n}"), 1)).collect();
        assert_eq!(silences(&bot).await, wanted);
        let audit = bot.audit().await;
        assert_eq!(count(&audit, "silence.created"), SILENCES);
        assert_eq!(count(&audit, "alert.acknowledged"), ALERTS_TO_ACKNOWLEDGE);
        assert_eq!(bot.posted().len(), ALERTS_TO_ACKNOWLEDGE, "{:#?}", bot.alerts());
        for message in &messages {
            let thread = bot.slack.thread(ALERTS, message["ts"].as_str().unwrap());
            let lines: Vec<String> = thread.iter().skip(1).map(Workspace::render).collect();
            let acknowledged = lines.iter().filter(|line| line.contains("acknowledged it")).count();
            let answers = lines.iter().filter(|line| line.contains("*Outbox*")).count();
            assert_eq!((acknowledged, answers), (1, 1), "{lines:#?}");
        }
    }
}

/// From now on Slack delivers over two connections.
async fn over_sockets(bot: &Bot) -> DropGuard {
    const LIMIT: Duration = Duration::from_secs(20);
    let app = AppConfig { delivery: Delivery::SocketMode, ..app(bot.address) };
    let mut settings = ApiSettings::new(SecretString::from(app.bot_token.clone()));
    settings.base_url = bot.slack.api_url();
    settings.app_token = Some(SecretString::from(app.app_token.clone()));
    let api = WebApi::new(&settings).unwrap();
    bot.slack.install(app).await.unwrap();
    let (flow, stop) = (Arc::clone(&bot.flow), CancellationToken::new());
    let handler = move |envelope: Envelope| {
        let flow = Arc::clone(&flow);
        async move {
            match flow.take(envelope.delivery, Duration::from_secs(2)).await {
                Ack::Empty => socket::Ack::Empty,
                Ack::Body(body) => socket::Ack::Payload(body),
                Ack::Unstored => socket::Ack::Withheld,
            }
        }
    };
    let settings = SocketSettings { stagger: Duration::ZERO, ..SocketSettings::default() };
    let clock = Arc::new(SystemClock::new(1));
    tokio::spawn(socket::run(settings, api, clock, Arc::default(), handler, stop.clone()));
    let up = bot.slack.until(LIMIT, |slack| (slack.socket_count() == 2).then_some(())).await;
    assert!(up.is_some(), "two connections come up");
    stop.drop_guard()
}

#[tokio::test(flavor = "multi_thread")]
async fn envelopes_that_come_four_times_over_two_connections_have_one_effect_each() {
    let layer = json!({"users": ["U0ALICE"], "start": "2026-01-05"});
    let schedules = json!([{"name": "primary", "layers": [layer]}]);
    for database in databases() {
        let watched = |config: &mut Config| {
            config.oncall.schedules = serde_json::from_value(schedules.clone()).unwrap();
        };
        let bot = Bot::with(database, watched).await;
        bot.stop("Crypto.SOL/USD");
        bot.advance(90).await;
        let _sockets = over_sockets(&bot).await;
        bot.slack.faults(|faults| faults.duplicates = u32::try_from(DELIVERIES - 1).unwrap());
        bot.type_in("alice", "/wk silence feed=typed 1h typed").await;
        bot.click("alice", "Acknowledge").await;
        bot.type_in("bob", "/wk override").await;
        let [view] = bot.slack.views("bob").try_into().unwrap_or_else(|all| panic!("not one form: {all:#?}"));
        let now = bot.clock.now().as_secs();
        let values = json!({"who": {"who": "U0CAROL"}, "from": {"from": now + 60}, "to": {"to": now + 3600}});
        let done = bot.slack.submit_view("bob", view["id"].as_str().unwrap(), values).await;
        assert!(done.ok(), "{done:?}");
        bot.settle().await;
        assert_eq!(silences(&bot).await, BTreeMap::from([("typed".to_owned(), 1)]));
        let audit = bot.audit().await;
        let once = ["silence.created", "alert.acknowledged", "oncall.override_created"];
        assert_eq!(once.map(|action| count(&audit, action)), [1, 1, 1], "{audit:#?}");
        let again = bot.flow.metrics.text().matches("outcome=\"duplicate\"").count();
        assert!(again >= 3, "each of the three kinds came three times more: {}", bot.flow.metrics.text());
    }
}
