//! What reaches the bot: twice, forged, late, broken, from strangers. One effect each, and every click gets an answer.

use std::fs;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use watchkeeper::clock::Clock;
use watchkeeper::sim::slack::deliver::Kind;
use watchkeeper::sim::slack::script::SignedRequest;
use watchkeeper::slack::manifest::REQUEST_PATH;

use super::support::{Bot, databases};

async fn send(bot: &Bot, request: &SignedRequest) -> StatusCode {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let SignedRequest { body, content_type, timestamp, signature } = request;
    let request = client
        .post(format!("http://{}{REQUEST_PATH}", bot.address))
        .header("content-type", *content_type)
        .header("x-slack-request-timestamp", timestamp)
        .header("x-slack-signature", signature)
        .body(body.clone());
    request.send().await.unwrap().status()
}

fn acknowledge(bot: &Bot) -> Value {
    let message = bot.the_alert();
    let (group, at) = (button(&message, "wk.ack").unwrap(), bot.clock.now().as_secs());
    json!({
        "type": "block_actions",
        "team": {"id": "T0WKLABS"},
        "user": {"id": "U0ALICE", "team_id": "T0WKLABS"},
        "api_app_id": "A0WATCH",
        "container": {"type": "message", "channel_id": "C0ALERTS", "message_ts": message["ts"]},
        "channel": {"id": "C0ALERTS"},
        "message": {"ts": message["ts"]},
        "trigger_id": format!("replayed.{at}"),
        "actions": [{"type": "button", "action_id": "wk.ack", "block_id": "b", "value": group, "action_ts": format!("{at}.000100")}],
    })
}

/// The value of the button with this `action_id`, wherever it sits in the message.
fn button(value: &Value, action_id: &str) -> Option<String> {
    match value {
        Value::Object(map) if map.get("action_id").is_some_and(|id| id == action_id) => {
            map.get("value")?.as_str().map(str::to_owned)
        }
        Value::Object(map) => map.values().find_map(|value| button(value, action_id)),
        Value::Array(list) => list.iter().find_map(|value| button(value, action_id)),
        _ => None,
    }
}

fn acknowledgements(audit: &[String]) -> usize {
    audit.iter().filter(|line| line.contains("alert.acknowledged")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_replayed_a_thousand_times_has_one_effect() {
    for database in databases() {
        let bot = Bot::on(database).await;
        bot.stop("Crypto.SOL/USD");
        bot.advance(90).await;
        let request = bot.slack.signed_request(Kind::Interaction, &acknowledge(&bot), bot.clock.now().as_secs());
        for _ in 0..10 {
            let sent = join_all((0..100).map(|_| send(&bot, &request))).await;
            assert!(sent.iter().all(StatusCode::is_success), "{sent:?}");
        }
        bot.settle().await;
        assert_eq!(acknowledgements(&bot.audit().await), 1);
        assert_eq!(bot.thread().iter().filter(|line| line.contains("acknowledged")).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_delivered_four_times_is_answered_once() {
    let bot = Bot::start().await;
    bot.slack.faults(|faults| faults.duplicates = 3);
    let ts = bot.slack.say("alice", "feeds-alerts", "<@U0WATCH> status").await.unwrap();
    bot.settle().await;
    assert_eq!(bot.slack.thread("feeds-alerts", &ts).len(), 2, "the question and one answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_expired_and_future_requests_are_refused_and_change_nothing() {
    let bot = Bot::start().await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    let (now, click) = (bot.clock.now().as_secs(), acknowledge(&bot));
    let signed = |at| bot.slack.signed_request(Kind::Interaction, &click, at);
    let forged = SignedRequest { signature: signed(now).signature.replace(['1', '2', '3'], "4"), ..signed(now) };
    let altered = SignedRequest { body: signed(now).body.replace("U0ALICE", "U0CAROL"), ..signed(now) };
    for (what, request) in [
        ("forged", forged),
        ("altered", altered),
        ("expired", signed(now - 301)),
        ("future", signed(now + 301)),
        ("unsigned", SignedRequest { signature: String::new(), ..signed(now) }),
    ] {
        assert_eq!(send(&bot, &request).await, StatusCode::UNAUTHORIZED, "{what}");
    }
    bot.settle().await;
    assert_eq!(acknowledgements(&bot.audit().await), 0);
    assert!(bot.flow.metrics.text().contains("watchkeeper_refused_requests_total{reason=\"signature\"} 5"));
}

#[tokio::test(flavor = "multi_thread")]
async fn oversize_and_broken_bodies_never_cost_more_than_a_refusal() {
    let bot = Bot::start().await;
    let now = bot.clock.now().as_secs();
    let huge = bot.slack.signed_request(Kind::Event, &json!({"type": "event_callback", "x": "y".repeat(2 << 20)}), now);
    assert_eq!(send(&bot, &huge).await, StatusCode::PAYLOAD_TOO_LARGE);
    for body in ["", "{", "[1,2]", "null", "payload=%7B", "payload=[]", "\u{0}\u{1}", "a=b&command"] {
        for content_type in ["application/json", "application/x-www-form-urlencoded", "text/plain"] {
            let sign =
                watchkeeper::slack::signature::Verifier::new(&super::support::bot::SECRET.to_owned().into()).unwrap();
            let signature = sign.sign(bot.clock.now(), body.as_bytes());
            let timestamp = now.to_string();
            let request = SignedRequest { body: body.to_owned(), content_type, timestamp, signature };
            assert_eq!(send(&bot, &request).await, StatusCode::OK, "{body:?} as {content_type}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_payload_is_acknowledged() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/slack");
    let Ok(files) = fs::read_dir(&directory) else {
        eprintln!("skipped: shared data not present");
        return;
    };
    let bot = Bot::start().await;
    let mut seen = 0;
    for file in files {
        let path = file.unwrap().path();
        let Ok(payload) = serde_json::from_str::<Value>(&fs::read_to_string(&path).unwrap()) else { continue };
        // Socket Mode's wrapping does not exist over HTTP; what it wraps does.
        let payload = payload.get("payload").cloned().unwrap_or(payload);
        let kind = match payload["type"].as_str() {
            Some("event_callback" | "app_rate_limited" | "url_verification") => Kind::Event,
            _ if payload.get("command").is_some() => Kind::Command,
            _ => Kind::Interaction,
        };
        let request = bot.slack.signed_request(kind, &payload, bot.clock.now().as_secs());
        assert_eq!(send(&bot, &request).await, StatusCode::OK, "{}", path.display());
        seen += 1;
    }
    bot.settle().await;
    assert!(seen > 40, "only {seen} payloads");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_event_never_acts() {
    let bot = Bot::start().await;
    bot.slack.faults(|faults| faults.lateness = Duration::from_hours(1));
    let ts = bot.slack.say("alice", "feeds-alerts", "<@U0WATCH> silence symbol=Crypto.SOL/USD 1h").await.unwrap();
    bot.settle().await;
    assert_eq!(bot.slack.thread("feeds-alerts", &ts).len(), 1, "no answer to an hour-old event");
    assert!(bot.type_in("alice", "/wk silences").await.contains("Nothing is silenced"));
    assert!(bot.flow.metrics.text().contains("outcome=\"late\"} 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_in_a_shared_channel_may_look_and_not_touch() {
    let bot = Bot::start().await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    bot.slack.join("erin", "feeds-alerts").unwrap();
    bot.click("erin", "Acknowledge").await;
    assert!(bot.told("erin")[0].contains("Only people of this workspace"), "{:?}", bot.told("erin"));
    let ts = bot.slack.say("erin", "feeds-alerts", "<@U0WATCH> silence 1 1h").await.unwrap();
    bot.settle().await;
    let answer = bot.slack.thread("feeds-alerts", &ts)[1]["text"].to_string();
    assert!(answer.contains("Only people of this workspace"), "{answer}");
    let audit = bot.audit().await;
    assert_eq!(acknowledgements(&audit), 0);
    assert_eq!(audit.iter().filter(|line| line.contains("T0PARTNER/U0ERIN command.denied")).count(), 2, "{audit:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_on_what_is_over_says_so() {
    let bot = Bot::start().await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    let mut click = acknowledge(&bot);
    bot.heal();
    bot.advance(120).await;
    click["actions"][0]["action_ts"] = json!(format!("{}.000100", bot.clock.now().as_secs()));
    let request = bot.slack.signed_request(Kind::Interaction, &click, bot.clock.now().as_secs());
    assert_eq!(send(&bot, &request).await, StatusCode::OK);
    bot.settle().await;
    // The recorded click has no response URL, so the answer comes where only alice sees it.
    assert!(bot.told("alice")[0].contains("Too late"), "{:?}", bot.told("alice"));
}
