//! Alerts that others post: stored before they are acknowledged, once, and ended when nobody speaks of them any more.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use watchkeeper::clock::Clock;
use watchkeeper::config::prometheus::Alertmanager;
use watchkeeper::core::label::{Labels, SEVERITY};
use watchkeeper::core::severity::Severity;
use watchkeeper::core::signal::{Condition, Evidence, Signal};
use watchkeeper::core::time::Span;
use watchkeeper::flow::look::Link;

use super::support::{Bot, Database, Replica, databases};

pub fn alert(status: &str, pod: &str, starts_at: &str) -> Value {
    json!({
        "status": status, "startsAt": starts_at, "endsAt": "0001-01-01T00:00:00Z", "fingerprint": pod,
        "labels": {"alertname": "KubePodCrashLooping", "namespace": "feeds", "pod": pod, "severity": "critical"},
        "annotations": {"summary": format!("{pod} is crash looping"), "runbook_url": "https://runbooks.example.com/crash"},
        "generatorURL": "https://prometheus.example.com/graph",
    })
}

pub fn notification(alerts: &[Value]) -> Value {
    json!({"version": "4", "groupKey": "{}:{}", "status": "firing", "receiver": "wk", "truncatedAlerts": 0,
           "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "alerts": alerts})
}

async fn bot(database: Database) -> Bot {
    bot_beside(database, None).await
}

async fn bot_beside(database: Database, url: Option<String>) -> Bot {
    Bot::with(database, |config| config.prometheus.alertmanagers = vec![sender(url)]).await
}

pub fn sender(url: Option<String>) -> Alertmanager {
    Alertmanager {
        name: "cluster-a".to_owned(),
        token_env: "AM_TOKEN".to_owned(),
        resolve_after: Span::from_secs(600),
        url_token_env: url.as_ref().map(|_| "AM_API_TOKEN".to_owned()),
        url,
    }
}

/// An Alertmanager that holds what it is told to.
#[derive(Clone, Default)]
struct Double {
    alerts: Arc<Mutex<Vec<Value>>>,
    away: Arc<Mutex<bool>>,
    tokens: Arc<Mutex<Vec<String>>>,
    silences: Arc<Mutex<Vec<Value>>>,
}

impl Double {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let alerts = async |State(double): State<Self>, headers: HeaderMap| double.answer(&headers, &double.alerts);
        let silences = async |State(double): State<Self>, headers: HeaderMap| double.answer(&headers, &double.silences);
        let silence = async |State(double): State<Self>, Json(body): Json<Value>| {
            double.silences.lock().unwrap().push(body);
            Json(json!({"silenceID": "S1"}))
        };
        let router = Router::new()
            .route("/api/v2/alerts", get(alerts))
            .route("/api/v2/silences", get(silences).post(silence))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    fn answer(&self, headers: &HeaderMap, of: &Mutex<Vec<Value>>) -> Result<Json<Value>, StatusCode> {
        let token = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        self.tokens.lock().unwrap().extend(token);
        if *self.away.lock().unwrap() { Err(StatusCode::BAD_GATEWAY) } else { Ok(Json(json!(*of.lock().unwrap()))) }
    }

    fn holds(&self, alerts: &[Value]) {
        *self.alerts.lock().unwrap() = alerts.iter().map(|alert| json!({"labels": alert["labels"]})).collect();
    }
}

pub async fn post_at(address: SocketAddr, name: &str, token: &str, body: String) -> u16 {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let url = format!("http://{address}/webhooks/alertmanager/{name}");
    client.post(url).bearer_auth(token).body(body).send().await.unwrap().status().as_u16()
}

async fn post_as(bot: &Bot, name: &str, token: &str, body: String) -> u16 {
    post_at(bot.address, name, token, body).await
}

async fn post_to(replica: &Replica, alerts: &[Value]) {
    assert_eq!(post_at(replica.address, "cluster-a", "AM_TOKEN", notification(alerts).to_string()).await, 200);
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
    assert_eq!(post_as(&bot, "cluster-a", "AM_TOKEN", "x".repeat(9 << 20)).await, 413);
    let mut large = alert("firing", "publisher-0", NOON);
    large["annotations"]["description"] = json!("x".repeat(2 << 20));
    let large = notification(&[large]).to_string();
    assert_eq!(post_as(&bot, "cluster-a", "AM_TOKEN", large).await, 200, "larger than Slack may ever send");
    bot.flow.store.close().await;
    assert_eq!(post_as(&bot, "cluster-a", "AM_TOKEN", good()).await, 503, "Alertmanager tries again");
}

/// The same alert with another severity, as kubernetes-mixin has pairs of them.
fn graded(status: &str, severity: &str) -> Value {
    let mut graded = alert(status, "publisher-0", NOON);
    graded["labels"]["severity"] = json!(severity);
    graded
}

/// The newest message about a publisher.
fn last(bot: &Bot) -> String {
    bot.alerts().into_iter().rfind(|message| message.contains("publisher")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_alerts_that_differ_in_their_severity_alone_are_two() {
    let bot = bot(Database::sqlite()).await;
    post(&bot, &[graded("firing", "critical"), graded("firing", "warning")]).await;
    bot.advance(15).await;
    assert!(
        last(&bot).contains("🔴") && last(&bot).contains("* critical") && last(&bot).contains("* warning"),
        "{}",
        last(&bot)
    );
    post(&bot, &[graded("firing", "critical"), graded("resolved", "warning")]).await;
    bot.advance(30).await;
    assert!(last(&bot).contains("Firing") && last(&bot).contains("critical"), "{}", last(&bot));
    // A repetition of what goes on, and then its end.
    post(&bot, &[graded("firing", "critical")]).await;
    bot.advance(30).await;
    assert!(last(&bot).contains("Firing"), "{}", last(&bot));
    post(&bot, &[graded("resolved", "critical")]).await;
    bot.advance(5).await;
    assert!(bot.the_alert().to_string().contains("Resolved"), "{}", last(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_such_a_pair_the_critical_one_keeps_the_warning_quiet() {
    let bot = Bot::with(Database::sqlite(), |config| {
        config.prometheus.alertmanagers = vec![sender(None)];
        config.alerting.inhibit = serde_json::from_value(json!([{
            "source_matchers": ["severity=\"critical\""], "target_matchers": ["severity=\"warning\""],
            "equal": ["alertname", "namespace"],
        }]))
        .unwrap();
    })
    .await;
    post(&bot, &[graded("firing", "page"), graded("firing", "warning")]).await;
    bot.advance(15).await;
    assert!(last(&bot).contains("1 alert inhibited by a larger one"), "{}", last(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_knew_without_its_severity_goes_on_under_its_whole_name() {
    let bot = bot(Database::sqlite()).await;
    let known = alert("firing", "publisher-0", NOON)["labels"].as_object().unwrap().clone();
    let labels = known.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    let labels = labels.filter(|(name, _)| name != SEVERITY).collect::<Labels>().with("source", "cluster-a");
    let evidence = Evidence { summary: "publisher-0 is crash looping".to_owned(), ..Evidence::default() };
    let (condition, severity) = (Condition::Active(evidence), Severity::Critical);
    let none = Span::default();
    bot.flow.signals(vec![Signal { labels, severity, condition, pending_for: none, keep_firing_for: none }]).await;
    bot.advance(15).await;
    post(&bot, &[alert("firing", "publisher-0", NOON)]).await;
    bot.advance(30).await;
    assert!(last(&bot).contains("Firing") && !last(&bot).contains("× 2"), "{}", last(&bot));
    post(&bot, &[alert("resolved", "publisher-0", NOON)]).await;
    bot.advance(5).await;
    assert!(bot.the_alert().to_string().contains("Resolved"), "{}", last(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_fires_again_long_after_its_end_is_news_although_it_began_when_it_did() {
    let bot = bot(Database::sqlite()).await;
    post(&bot, &[alert("firing", "publisher-0", NOON)]).await;
    bot.advance(15).await;
    post(&bot, &[alert("resolved", "publisher-0", NOON)]).await;
    bot.advance(60).await;
    post(&bot, &[alert("firing", "publisher-0", NOON)]).await;
    bot.advance(15).await;
    assert!(bot.the_alert().to_string().contains("Resolved"), "a late twin: {}", last(&bot));
    bot.advance(900).await;
    post(&bot, &[alert("firing", "publisher-0", NOON)]).await;
    bot.advance(15).await;
    assert!(last(&bot).contains("Firing"), "{:#?}", bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn repetitions_that_reach_a_replica_without_the_lease_keep_an_alert_alive() {
    if let Some(database) = Database::postgres() {
        let bot = bot(database).await;
        let other = bot.replica().await.unwrap();
        let firing = [alert("firing", "publisher-0", NOON)];
        post(&bot, &firing).await;
        for _ in 0..3 {
            bot.advance(400).await;
            post_to(&other, &firing).await;
            bot.settle().await;
            bot.flow.end_silent().await;
            bot.advance(5).await;
            assert!(last(&bot).contains("Firing"), "{}", last(&bot));
        }
        bot.advance(610).await;
        bot.flow.end_silent().await;
        bot.advance(5).await;
        assert!(bot.the_alert().to_string().contains("Resolved"), "nobody spoke of it: {}", last(&bot));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_heard_before_another_replica_led_ends_nothing_after_it() {
    if let Some(database) = Database::postgres() {
        let bot = bot(database).await;
        let other = bot.replica().await.unwrap();
        let firing = [alert("firing", "publisher-0", NOON)];
        post(&bot, &firing).await;
        bot.advance(15).await;
        for _ in 0..2 {
            bot.clock.advance(Duration::from_secs(400));
            while !other.flow.keep_lease().await.unwrap() {}
            post_to(&other, &firing).await;
            other.flow.end_silent().await;
        }
        // It slept all the while, and believes to hold the lease.
        bot.flow.end_silent().await;
        other.flow.release_lease().await;
        bot.lead().await;
        bot.flow.end_silent().await;
        bot.advance(15).await;
        assert!(last(&bot).contains("Firing"), "the other heard of it just now: {}", last(&bot));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_its_alertmanager_holds_and_keeps_quiet_about_does_not_end() {
    let double = Double::default();
    let bot = bot_beside(Database::sqlite(), Some(double.start().await)).await;
    let firing = [graded("firing", "page"), alert("firing", "publisher-1", NOON)];
    post(&bot, &firing).await;
    let look = async |secs| {
        bot.advance(secs).await;
        bot.flow.end_silent().await;
        bot.advance(30).await;
        last(&bot)
    };
    double.holds(&firing);
    let shown = look(610).await;
    assert!(shown.contains("× 2") && shown.contains("Firing"), "silenced there: {shown}");
    *double.away.lock().unwrap() = true;
    let shown = look(610).await;
    assert!(shown.contains("× 2"), "not known: {shown}");
    *double.away.lock().unwrap() = false;
    double.holds(&firing[..1]);
    let shown = look(90).await;
    assert!(!shown.contains("× 2") && shown.contains("Firing"), "one is over there: {shown}");
    double.holds(&[]);
    let shown = look(610).await;
    assert!(shown.contains("Resolved"), "{shown}");
    let tokens = double.tokens.lock().unwrap().clone();
    assert!(!tokens.is_empty() && tokens.iter().all(|token| token == "Bearer AM_API_TOKEN"), "{tokens:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_address_what_is_silenced_here_is_kept_until_the_silence_is_over() {
    let bot = bot(Database::sqlite()).await;
    post(&bot, &[alert("firing", "publisher-0", NOON)]).await;
    bot.advance(15).await;
    bot.type_in("alice", "/wk silence pod=publisher-0 20m deploy").await;
    bot.advance(610).await;
    bot.flow.end_silent().await;
    bot.advance(5).await;
    assert!(!bot.alerts()[0].contains("Resolved"), "{}", bot.alerts()[0]);
    bot.advance(620).await;
    bot.flow.end_silent().await;
    bot.advance(5).await;
    assert!(bot.alerts()[0].contains("Resolved"), "{}", bot.alerts()[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_matchers_cover_is_shown_before_it_is_silenced() {
    let double = Double::default();
    let bot = bot_beside(Database::sqlite(), Some(double.start().await)).await;
    let firing = [alert("firing", "publisher-0", NOON), alert("firing", "publisher-1", NOON)];
    double.holds(&firing);
    post(&bot, &firing).await;
    bot.advance(15).await;
    bot.type_in("alice", "/wk silence pod=publisher-0 1h deploy").await;
    let form = bot.slack.views("alice").pop().unwrap();
    let shown = form["blocks"].to_string();
    assert!(shown.contains("they match 2 active alerts: ") && shown.contains("pod=publisher-1"), "{shown}");
    assert!(shown.contains("cover 1 alert firing now: "), "{shown}");
    let id = form["id"].as_str().unwrap().to_owned();
    let changed = json!({"matchers": {"matchers": "namespace=feeds"}});
    let seen = bot.slack.submit_view("alice", &id, changed.clone()).await;
    assert!(seen.ok(), "{seen:?}");
    bot.settle().await;
    assert_eq!(double.silences.lock().unwrap().len(), 0);
    let anew = bot.slack.views("alice").pop().unwrap();
    assert!(anew["blocks"].to_string().contains("cover 2 alerts firing now"), "{anew}");
    let seen = bot.slack.submit_view("alice", anew["id"].as_str().unwrap(), changed).await;
    assert!(seen.ok(), "{seen:?}");
    bot.settle().await;
    let made = double.silences.lock().unwrap().clone();
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0]["matchers"][0]["name"], "namespace");
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_that_alertmanager_left_out_are_told_of() {
    let bot = bot(Database::sqlite()).await;
    let mut body = notification(&[alert("firing", "publisher-0", NOON)]);
    body["truncatedAlerts"] = json!(3);
    assert_eq!(post_as(&bot, "cluster-a", "AM_TOKEN", body.to_string()).await, 200);
    bot.settle().await;
    bot.advance(15).await;
    assert!(last(&bot).contains("3 more of this notification; see max_alerts"), "{}", last(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn grafana_posts_an_alert_and_its_end() {
    let bot = bot(Database::sqlite()).await;
    let body = |status: &str| {
        json!({
            "receiver": "wk", "status": status, "orgId": 1, "version": "1", "state": "alerting", "truncatedAlerts": 0,
            "groupKey": "{}/{}:{alertname=\"Feed lag\"}", "title": "[FIRING:1] Feed lag", "message": "…",
            "alerts": [{
                "status": status, "fingerprint": "c6eadffa33fcdf37", "startsAt": NOON,
                "endsAt": if status == "firing" { "0001-01-01T00:00:00Z" } else { "2026-11-24T12:09:00Z" },
                "labels": {"alertname": "Feed lag", "grafana_folder": "Feeds", "feed": "sol", "severity": "critical"},
                "annotations": {"summary": "Feed sol lags"}, "values": null,
                "valueString": "[ var='A' labels={feed=sol} value=95 ]",
                "generatorURL": "https://grafana.example.com/alerting/grafana/x/view",
                "dashboardURL": "https://grafana.example.com/d/feeds", "panelURL": "https://grafana.example.com/d/feeds?viewPanel=2",
                "silenceURL": "https://grafana.example.com/alerting/silence/new?matcher=feed%3Dsol",
            }],
        })
    };
    assert_eq!(post_as(&bot, "cluster-a", "AM_TOKEN", body("firing").to_string()).await, 200);
    bot.settle().await;
    bot.advance(15).await;
    insta::assert_snapshot!("notified_grafana", bot.alerts()[0]);
    assert!(bot.the_alert().to_string().contains("alerting/silence/new?matcher=feed%3Dsol"), "{}", bot.the_alert());
    assert_eq!(post_as(&bot, "cluster-a", "AM_TOKEN", body("resolved").to_string()).await, 200);
    bot.settle().await;
    bot.advance(5).await;
    assert!(bot.the_alert().to_string().contains("Resolved"), "{}", bot.alerts()[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fires_again_soon_and_says_no_time_of_beginning_is_news() {
    let bot = bot(Database::sqlite()).await;
    let undated = |status: &str| {
        let mut undated = alert(status, "publisher-0", NOON);
        undated.as_object_mut().unwrap().remove("startsAt");
        undated
    };
    post(&bot, &[undated("firing")]).await;
    bot.advance(15).await;
    post(&bot, &[undated("resolved")]).await;
    bot.advance(60).await;
    assert!(bot.the_alert().to_string().contains("Resolved"), "{}", last(&bot));
    post(&bot, &[undated("firing")]).await;
    bot.advance(15).await;
    assert!(last(&bot).contains("Firing"), "{:#?}", bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_slack_is_away_alerts_of_others_come_in_and_find_a_ready_bot() {
    let bot = bot(Database::sqlite()).await;
    let status =
        async |path: &str| reqwest::get(format!("http://{}{path}", bot.address)).await.unwrap().status().as_u16();
    bot.flow.set_link(Link::Down { since: bot.clock.now(), error: "gone".to_owned() });
    assert_eq!((status("/readyz").await, status("/readyz/traffic").await), (503, 200));
    assert_eq!(post(&bot, &[alert("firing", "publisher-0", NOON)]).await, 200);
    bot.flow.store.close().await;
    assert_eq!(status("/readyz/traffic").await, 503);
}
