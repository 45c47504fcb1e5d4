//! Rate limits and calls that go wrong.

use std::time::Duration;

use serde_json::json;

use super::super::{AppConfig, Failure};
use super::{Bench, texts};

#[tokio::test]
async fn a_channel_takes_a_burst_and_then_one_message_a_second() {
    let bench = Bench::open().await;
    for n in 0..5 {
        bench.post(&n.to_string()).await;
    }
    let token = AppConfig::default().bot_token;
    let args = json!({"channel": "C0OPS", "text": "too soon"});
    let limited = bench.send("chat.postMessage", &token, &args).await;
    assert_eq!((limited.status().as_u16(), &limited.headers()["retry-after"]), (429, &"2".parse().unwrap()));
    assert_eq!(bench.call("chat.postMessage", json!({"channel": "C0ALERTS", "text": "elsewhere"})).await["ok"], true);
    bench.clock.advance(Duration::from_secs(1));
    bench.post("a second later").await;
    bench.slack.faults(|f| f.rate_limits = false);
    bench.post("and another").await;
}

#[tokio::test]
async fn a_call_fails_as_often_as_it_was_told_to() {
    let bench = Bench::open().await;
    bench.slack.faults(|f| {
        f.next("chat.postMessage", 2, Failure::Status(503)).next("*", 1, Failure::RateLimited { retry_after: 7 });
    });
    let token = AppConfig::default().bot_token;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let args = json!({"channel": "C0OPS", "text": "hi"});
        statuses.push(bench.send("chat.postMessage", &token, &args).await.status().as_u16());
    }
    assert_eq!(statuses, [503, 503, 429, 200]);
    let logged: Vec<u16> = bench.slack.calls("chat.postMessage").iter().map(|call| call.status).collect();
    assert_eq!(logged, statuses);
    assert_eq!(texts(&bench.slack.messages("#ops")), ["hi"]);
}

#[tokio::test]
async fn an_answer_can_be_lost_after_the_message_was_posted() {
    let bench = Bench::open().await;
    bench.slack.faults(|f| {
        f.next("chat.postMessage", 1, Failure::AcceptedThen(500));
    });
    let token = AppConfig::default().bot_token;
    let answer = bench.send("chat.postMessage", &token, &json!({"channel": "C0OPS", "text": "posted"})).await;
    assert_eq!(answer.status(), 500);
    assert_eq!(texts(&bench.slack.messages("#ops")), ["posted"]);
}

#[tokio::test]
async fn a_hanging_call_hangs_until_the_caller_gives_up() {
    let bench = Bench::open().await;
    bench.slack.faults(|f| {
        f.next("auth.test", 1, Failure::Hang);
    });
    let request = bench.http.post(format!("{}/auth.test", bench.slack.api_url())).timeout(Duration::from_millis(100));
    assert!(request.send().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn dropping_the_last_handle_closes_the_workspace() {
    let bench = Bench::open().await;
    let closed = bench.slack.closed();
    let clone = bench.slack.clone();
    drop(bench);
    assert!(!closed.is_cancelled());
    drop(clone);
    assert!(closed.is_cancelled());
}
