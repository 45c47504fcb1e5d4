//! What the app is sent over HTTP, and what becomes of its answers.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::Workspace;
use super::super::deliver::Kind;
use super::app::Answer;
use super::{Bench, texts};

#[tokio::test]
async fn a_delivery_carries_a_signature_of_its_exact_bytes() {
    let (bench, app) = Bench::with_app().await;
    bench.slack.say("alice", "#ops", "hello & <welcome>").await.unwrap();
    let received = app.received().pop().unwrap();
    let timestamp = received.header("x-slack-request-timestamp").parse().unwrap();
    let signed = bench.slack.signed_request(Kind::Event, &app.last(), timestamp);
    assert_eq!((received.header("x-slack-signature"), &received.body), (signed.signature.as_str(), &signed.body));
    assert_eq!(app.last()["event"]["text"], "hello &amp; &lt;welcome&gt;");
}

#[tokio::test]
async fn an_app_that_cannot_prove_its_url_is_not_installed() {
    let bench = Bench::open().await;
    let config =
        super::AppConfig { delivery: super::super::Delivery::http("http://127.0.0.1:1/"), ..Default::default() };
    let error = bench.slack.install(config).await.unwrap_err();
    assert!(error.starts_with("http://127.0.0.1:1/ did not answer with the challenge"), "{error}");
}

#[tokio::test]
async fn an_unacknowledged_event_comes_again_at_once_after_a_minute_and_after_five() {
    let (bench, app) = Bench::with_app().await;
    for _ in 0..4 {
        app.answer_with(Answer::Say(500, String::new()));
    }
    bench.slack.say("alice", "#ops", "hello").await.unwrap();
    app.wait_for(2).await;
    bench.clock.advance(Duration::from_mins(1));
    app.wait_for(3).await;
    bench.clock.advance(Duration::from_mins(5));
    let attempts = app.wait_for(4).await;
    let numbers: Vec<_> =
        attempts.iter().map(|a| (a.header("x-slack-retry-num"), a.header("x-slack-retry-reason"))).collect();
    assert_eq!(numbers, [("", ""), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]);
    let ids: Vec<Value> = attempts.iter().map(|a| a.json()["event_id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn a_mention_is_heard_twice_a_message_in_a_strange_channel_not_at_all() {
    let (bench, app) = Bench::with_app().await;
    bench.slack.say("alice", "#ops", "@watchkeeper status, please").await.unwrap();
    assert_eq!(app.events("app_mention")[0]["event"]["text"], "<@U0WATCHBOT> status, please");
    assert_eq!(app.events("message")[0]["event"]["channel_type"], "channel");
    app.forget();
    bench.slack.say("alice", "#random", "@watchkeeper are you here?").await.unwrap();
    assert_eq!(app.received().len(), 0);
    bench.slack.say("alice", "@watchkeeper", "status").await.unwrap();
    assert_eq!(app.last()["event"]["channel_type"], "im");
}

#[tokio::test]
async fn a_commands_acknowledgement_is_seen_by_the_one_who_typed_it() {
    let (bench, app) = Bench::with_app().await;
    app.answer("all quiet");
    assert_eq!(bench.slack.slash("alice", "#ops", "/wk status  now ").await.text, "all quiet");
    assert_eq!((&app.last()["command"], &app.last()["text"]), (&json!("/wk"), &json!("status  now")));
    assert_eq!(bench.slack.messages("#ops"), Vec::<Value>::new());
    app.answer(r#"{"response_type":"in_channel","text":"for all"}"#);
    bench.slack.slash("alice", "#ops", "/wk status").await;
    assert_eq!(texts(&bench.slack.messages("#ops")), ["/wk status", "for all"]);
}

#[tokio::test]
async fn a_command_that_is_not_answered_says_so() {
    let (bench, app) = Bench::with_app().await;
    app.answer_with(Answer::Never);
    let seen = bench.slack.slash("alice", "#ops", "/wk help").await;
    assert_eq!(seen.text, "/wk failed because the app did not respond in time (operation_timeout)");
    bench.slack.faults(|f| f.deliveries_down = true);
    let seen = bench.slack.slash("alice", "#ops", "/wk help").await;
    assert_eq!(seen.text, "/wk failed because the app could not be reached (dispatch_failed)");
    assert!(bench.slack.slash("alice", "#ops", "/other").await.text.starts_with("/other is not a valid command."));
}

#[tokio::test]
async fn a_response_url_works_five_times_in_half_an_hour() {
    let (bench, app) = Bench::with_app().await;
    bench.slack.slash("alice", "#random", "/wk help").await;
    let url = app.last()["response_url"].as_str().unwrap().to_owned();
    let respond = async |text: &str| {
        let response = bench.http.post(&url).json(&json!({"text": text})).send().await.unwrap();
        response.text().await.unwrap()
    };
    for n in 0..5 {
        assert_eq!(respond(&format!("{n}")).await, "ok");
    }
    assert_eq!(respond("6").await, r#"{"error":"used_url","ok":false}"#);
    assert_eq!(texts(&bench.slack.ephemerals("alice")), ["0", "1", "2", "3", "4"]);
    bench.clock.advance(Duration::from_mins(30));
    assert_eq!(respond("late").await, r#"{"error":"expired_url","ok":false}"#);
}

#[tokio::test]
async fn a_click_brings_the_message_the_choice_and_a_way_to_replace_it() {
    let (bench, app) = Bench::with_app().await;
    let option = json!({"text": {"type": "plain_text", "text": "1 hour"}, "value": "1h"});
    let menu = json!({"type": "static_select", "action_id": "silence", "options": [option]});
    let button = json!({"type": "button", "action_id": "ack", "value": "g1", "text": {"type": "plain_text", "text": "Acknowledge"}});
    let blocks = json!([{"type": "actions", "block_id": "row", "elements": [button, menu]}]);
    let posted = bench.call("chat.postMessage", json!({"channel": "C0OPS", "text": "alert", "blocks": blocks})).await;
    let ts = posted["ts"].as_str().unwrap();
    assert_eq!(Workspace::render(&posted["message"]), "[Acknowledge] [ v: 1 hour]");

    assert!(bench.slack.choose("bob", "#ops", ts, "silence", "1 hour").await.ok());
    assert_eq!(app.last()["actions"][0]["selected_option"], option);
    assert!(bench.slack.click("bob", "#ops", ts, "Acknowledge").await.ok());
    let payload = app.last();
    assert_eq!((&payload["actions"][0]["value"], &payload["actions"][0]["block_id"]), (&json!("g1"), &json!("row")));
    assert_eq!((&payload["user"]["team_id"], &payload["message"]["ts"]), (&json!("T0WKLABS"), &json!(ts)));
    let replace = json!({"replace_original": true, "text": "acknowledged"});
    bench.http.post(payload["response_url"].as_str().unwrap()).json(&replace).send().await.unwrap();
    assert_eq!(texts(&bench.slack.messages("#ops")), ["acknowledged"]);

    let seen = bench.slack.click("bob", "#ops", ts, "Acknowledge").await;
    assert_eq!(seen.error.as_deref(), Some("there is no Acknowledge here"));
}

#[tokio::test]
async fn a_click_inside_an_attachment_is_found_by_the_block_id_it_was_given() {
    let (bench, app) = Bench::with_app().await;
    let button = json!({"type": "button", "action_id": "ack", "text": {"type": "plain_text", "text": "Acknowledge"}});
    let attached = json!([{"color": "#a30200", "blocks": [{"type": "actions", "elements": [button]}]}]);
    let posted =
        bench.call("chat.postMessage", json!({"channel": "C0OPS", "text": "alert", "attachments": attached})).await;
    let block_id = posted["message"]["attachments"][0]["blocks"][0]["block_id"].as_str().unwrap();
    assert!(bench.slack.click("bob", "#ops", posted["ts"].as_str().unwrap(), "Acknowledge").await.ok());
    assert_eq!(app.last()["actions"][0]["block_id"], block_id);
}

#[tokio::test]
async fn deliveries_can_come_twice_and_late() {
    let (bench, app) = Bench::with_app().await;
    bench.slack.faults(|f| {
        f.duplicates = 2;
        f.lateness = Duration::from_hours(3);
    });
    bench.slack.say("alice", "#ops", "hello").await.unwrap();
    let bodies: Vec<Value> = app.wait_for(3).await.iter().map(super::app::Received::json).collect();
    assert_eq!((&bodies[0], &bodies[0]), (&bodies[1], &bodies[2]));
    assert_eq!(bodies[0]["event_time"], 1_796_000_000 - 3 * 3600);
}
