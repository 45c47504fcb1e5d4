//! Alerts that others post: stored before they are acknowledged, once, and ended when nobody speaks of them any more.

use serde_json::{Value, json};
use watchkeeper::config::Config;
use watchkeeper::config::prometheus::Alertmanager;
use watchkeeper::core::time::Span;

use super::support::{Bot, Database, databases};

fn alert(status: &str, pod: &str, starts_at: &str) -> Value {
    json!({
        "status": status, "startsAt": starts_at, "endsAt": "0001-01-01T00:00:00Z", "fingerprint": pod,
        "labels": {"alertname": "KubePodCrashLooping", "namespace": "feeds", "pod": pod, "severity": "critical"},
        "annotations": {"summary": format!("{pod} is crash looping"), "runbook_url": "https://runbooks.example.com/crash"},
        "generatorURL": "https://prometheus.example.com/graph",
    })
}

fn notification(alerts: &[Value]) -> Value {
    json!({"version": "4", "groupKey": "{}:{}", "status": "firing", "receiver": "wk", "truncatedAlerts": 0,
           "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "alerts": alerts})
}

async fn bot(database: Database) -> Bot {
    Bot::with(database, |config: &mut Config| {
        config.prometheus.alertmanagers = vec![Alertmanager {
            name: "cluster-a".to_owned(),
            token_env: "AM_TOKEN".to_owned(),
            resolve_after: Span::from_secs(600),
            url: None,
        }];
    })
    .await
}

async fn post_as(bot: &Bot, name: &str, token: &str, body: String) -> u16 {
    let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(20)).build().unwrap();
    let url = format!("http://{}/webhooks/alertmanager/{name}", bot.address);
    client.post(url).bearer_auth(token).body(body).send().await.unwrap().status().as_u16()
}

async fn post(bot: &Bot, alerts: &[Value]) -> u16 {
    let status = post_as(bot, "cluster-a", "AM_TOKEN", notification(alerts).to_string()).await;
    bot.settle().await;
    status
}

const NOON: &str = "2026-11-24T12:00:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_was_posted_lives_like_any_other() {
    for database in databases() {
        let bot = bot(database).await;
        assert_eq!(post(&bot, &[alert("firing", "publisher-0", NOON)]).await, 200);
        bot.advance(15).await;
        insta::assert_snapshot!("notified_firing", bot.alerts()[0]);
        bot.click("alice", "Acknowledge").await;
        assert!(bot.alerts()[0].contains("Acknowledged"), "{}", bot.alerts()[0]);
        assert_eq!(post(&bot, &[alert("resolved", "publisher-0", NOON)]).await, 200);
        bot.advance(5).await;
        assert!(bot.the_alert().to_string().contains("Resolved"), "{}", bot.alerts()[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_come_again_or_late_change_nothing() {
    let bot = bot(Database::sqlite()).await;
    for _ in 0..3 {
        assert_eq!(post(&bot, &[alert("firing", "publisher-0", NOON)]).await, 200);
    }
    bot.advance(15).await;
    post(&bot, &[alert("resolved", "publisher-0", NOON)]).await;
    // The twin of a highly available pair, a little late and grouped otherwise.
    post(&bot, &[alert("firing", "publisher-0", NOON), alert("resolved", "publisher-1", NOON)]).await;
    bot.advance(30).await;
    assert!(bot.the_alert().to_string().contains("Resolved"), "{}", bot.alerts()[0]);
    post(&bot, &[alert("firing", "publisher-0", "2026-11-24T12:30:00Z")]).await;
    bot.advance(30).await;
    assert_eq!(bot.posted().len(), 2, "a new episode: {:#?}", bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_sender_no_longer_speaks_of_ends_and_repetitions_keep_it() {
    let bot = bot(Database::sqlite()).await;
    let firing = [alert("firing", "publisher-0", NOON)];
    post(&bot, &firing).await;
    for _ in 0..2 {
        bot.advance(500).await;
        bot.flow.end_silent().await;
        post(&bot, &firing).await;
        assert!(bot.alerts()[0].contains("Firing"), "{}", bot.alerts()[0]);
    }
    bot.advance(610).await;
    bot.flow.end_silent().await;
    bot.advance(5).await;
    assert!(bot.the_alert().to_string().contains("Resolved"), "{}", bot.alerts()[0]);
    post(&bot, &firing).await;
    bot.advance(15).await;
    assert_eq!(bot.posted().len(), 2, "it was not over after all: {:#?}", bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_can_never_work_is_refused_for_good() {
    let bot = bot(Database::sqlite()).await;
    let good = || notification(&[alert("firing", "publisher-0", NOON)]).to_string();
    assert_eq!(post_as(&bot, "cluster-b", "AM_TOKEN", good()).await, 404);
    assert_eq!(post_as(&bot, "cluster-a", "wrong", good()).await, 401);
    assert_eq!(post_as(&bot, "cluster-a", "AM_TOKEN", "{}".to_owned()).await, 400);
    assert_eq!(post_as(&bot, "cluster-a", "AM_TOKEN", "x".repeat(2 << 20)).await, 413);
    bot.flow.store.close().await;
    assert_eq!(post_as(&bot, "cluster-a", "AM_TOKEN", good()).await, 503, "Alertmanager tries again");
}
