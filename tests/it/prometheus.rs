//! Debian's Prometheus and Alertmanager find a receiver in the real bot: a rule that fires becomes a message, and its end an
//! edit of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use serde_json::json;
use watchkeeper::core::label::Labels;
use watchkeeper::prometheus::{Address, Alertmanagers};
use watchkeeper::sim::slack::Workspace;

use super::support::process::{Place, Running, until_answers};

/// For a scrape, two evaluations and a notification on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Ends with the test.
pub struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

pub fn start(program: &str, arguments: &[String]) -> Server {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Server(command.spawn().unwrap_or_else(|error| panic!("{program}: {error}; run tests/prometheus/setup")))
}

/// A port that nobody has at this moment.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Something to scrape: the lag of one feed.
async fn exporter() -> (Arc<AtomicU32>, String) {
    let lag = Arc::new(AtomicU32::new(95));
    let shown = Arc::clone(&lag);
    let metrics = move || {
        let lag = shown.load(Ordering::SeqCst);
        async move { format!("feed_lag_seconds{{feed=\"sol\"}} {lag}\n") }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/metrics", get(metrics))).await });
    (lag, address)
}

struct World {
    place: Place,
    lag: Arc<AtomicU32>,
    alertmanager: String,
    /// What is scraped.
    target: String,
    _bot: Running,
    _servers: [Server; 2],
}

async fn world() -> World {
    let mut place = Place::new().await;
    place.secrets.push(("ALERTMANAGER_TOKEN".to_owned(), "s3cret".to_owned()));
    let usual = place.usual();
    let (alertmanager, prometheus) = (free_port(), free_port());
    place.configure(&format!(
        "{usual}alerting: {{root: {{receiver: default, group_wait: 0s, group_by: [alertname]}}}}\n\
         prometheus:\n  alertmanagers:\n    - name: cluster-a\n      token_env: ALERTMANAGER_TOKEN\n\
         \x20     url: http://127.0.0.1:{alertmanager}\n\
         \x20 server: {{url: http://127.0.0.1:{prometheus}}}\n\
         \x20 graphs:\n    - {{name: lag, title: Feed lag, query: 'feed_lag_seconds{{feed=\"$feed\"}}'}}\n\
         \x20   - {{name: wrong, query: 'feed_lag_seconds{{'}}\n"
    ));
    let mut bot = place.start(&["serve"]);
    let address = bot.address().await;
    let (lag, target) = exporter().await;
    let dir = place.dir.path();
    let path = |name: &str| dir.join(name).display().to_string();
    write(
        dir,
        "alertmanager.yml",
        &format!(
            "route: {{receiver: wk, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}\n\
         receivers:\n  - name: wk\n    webhook_configs:\n      - url: http://{address}/webhooks/alertmanager/cluster-a\n\
         \x20       http_config: {{authorization: {{credentials: s3cret}}}}\n"
        ),
    );
    write(
        dir,
        "rules.yml",
        "groups:\n  - name: feeds\n    rules:\n      - alert: FeedLag\n        expr: feed_lag_seconds > 60\n\
        \x20       labels: {severity: critical}\n        annotations:\n          summary: 'Feed {{ $labels.feed }} lags {{ $value }} s'\n\
        \x20         runbook_url: https://runbooks.example.com/lag\n",
    );
    write(
        dir,
        "prometheus.yml",
        &format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]}}]}}\n\
         scrape_configs: [{{job_name: feeds, static_configs: [{{targets: ['{target}']}}]}}]\n"
        ),
    );
    let servers = [
        start(
            "prometheus-alertmanager",
            &[
                format!("--config.file={}", path("alertmanager.yml")),
                format!("--storage.path={}", path("am")),
                format!("--web.listen-address=127.0.0.1:{alertmanager}"),
                // Otherwise it opens a port on every interface.
                "--cluster.listen-address=".to_owned(),
            ],
        ),
        start(
            "prometheus",
            &[
                format!("--config.file={}", path("prometheus.yml")),
                format!("--storage.tsdb.path={}", path("tsdb")),
                format!("--web.listen-address=127.0.0.1:{prometheus}"),
            ],
        ),
    ];
    until_answers(&format!("http://127.0.0.1:{alertmanager}/-/ready"), |status, _| status == 200).await;
    until_answers(&format!("http://127.0.0.1:{prometheus}/-/ready"), |status, _| status == 200).await;
    let alertmanager = format!("http://127.0.0.1:{alertmanager}");
    World { place, lag, alertmanager, target, _bot: bot, _servers: servers }
}

fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).unwrap();
}

/// The first message in the alert channel that says `what`.
async fn message(slack: &Workspace, what: &str) -> String {
    let said = |workspace: &Workspace| {
        workspace.messages("feeds-alerts").iter().map(Workspace::render).find(|message| message.contains(what))
    };
    slack.until(PATIENCE, said).await.unwrap_or_else(|| {
        let all: Vec<_> = slack.messages("feeds-alerts").iter().map(Workspace::render).collect();
        panic!("nothing says `{what}`: {all:#?}")
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Prometheus and Alertmanager: run scripts/test"]
async fn a_rule_that_fires_becomes_one_message_and_its_end_an_edit() {
    let world = world().await;
    let firing = message(&world.place.slack, "Feed sol lags 95 s").await;
    assert!(firing.contains("🔴") && firing.contains("Runbook") && firing.contains("Firing"), "{firing}");
    world.lag.store(3, Ordering::SeqCst);
    let resolved = message(&world.place.slack, "Resolved").await;
    assert!(resolved.contains("Feed lag") || resolved.contains("sol"), "{resolved}");
    let top = |m: &serde_json::Value| m.get("thread_ts").is_none_or(|thread| *thread == m["ts"]);
    let posted = world.place.slack.messages("feeds-alerts").into_iter().filter(|m| top(m) && m["bot_id"].is_string());
    assert_eq!(posted.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Prometheus and Alertmanager: run scripts/test"]
async fn a_named_query_becomes_a_picture_and_its_errors_are_told() {
    let world = world().await;
    let slack = &world.place.slack;
    message(slack, "Feed sol lags 95 s").await;
    let asked = slack.slash("alice", "feeds-alerts", "/wk graph lag 5m feed=sol").await;
    assert!(asked.text.contains("Drawing *Feed lag*"), "{asked}");
    let drawn = message(slack, "*Feed lag* over 5m").await;
    assert!(drawn.contains("last 95") && drawn.contains("max 95"), "{drawn}");
    let pictures = |w: &Workspace| {
        w.files().into_iter().any(|(file, bytes)| file["title"] == "Feed lag" && bytes.starts_with(b"\x89PNG"))
    };
    slack.until(PATIENCE, |w| pictures(w).then_some(())).await.expect("a picture");
    let long = slack.slash("alice", "feeds-alerts", "/wk graph lag 32d feed=sol").await;
    assert!(long.text.contains("goes back 1m to 31d"), "{long}");
    slack.slash("alice", "feeds-alerts", "/wk graph lag 5m feed=none").await;
    message(slack, "Nothing in this window").await;
    let missing = slack.slash("alice", "feeds-alerts", "/wk graph lag").await;
    assert!(missing.text.contains("needs feed=…"), "{missing}");
    slack.slash("alice", "feeds-alerts", "/wk graph wrong").await;
    let told =
        |w: &Workspace| w.ephemerals("alice").iter().map(Workspace::render).find(|m| m.contains("Prometheus says"));
    slack.until(PATIENCE, told).await.expect("its own words");
    let (_, said) = world.place.run(&["doctor"]).await;
    assert!(said.contains("answers queries") && said.contains("Alertmanager cluster-a answers, version"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Prometheus and Alertmanager: run scripts/test"]
async fn a_silence_made_in_slack_holds_in_alertmanager_until_it_is_ended() {
    let world = world().await;
    let slack = &world.place.slack;
    message(slack, "Feed sol lags 95 s").await;
    // Alertmanager tells others of an alert before its own API calls it active.
    let alerts = format!("{}/api/v2/alerts?active=true", world.alertmanager);
    until_answers(&alerts, |_, body| body.contains(r#""state":"active""#)).await;
    let asked = slack.slash("alice", "feeds-alerts", "/wk silence alertname=FeedLag feed=sol 1h deploy").await;
    let form = slack.until(PATIENCE, |slack| slack.views("alice").pop()).await.unwrap_or_else(|| panic!("{asked}"));
    let shown = form["blocks"].to_string();
    assert!(
        shown.contains("In Alertmanager *cluster-a* they match 1 active alert") && shown.contains("deploy"),
        "{form}"
    );
    assert!(slack.submit_view("alice", form["id"].as_str().unwrap(), json!({})).await.ok());
    message(slack, "holds in Alertmanager *cluster-a*, too: it covers 1 active alert there").await;
    let silences = format!("{}/api/v2/silences", world.alertmanager);
    let said = until_answers(&silences, |_, body| body.contains(r#""state":"active""#)).await.1;
    assert!(said.contains("deploy (watchkeeper silence 1") && said.contains("U0ALICE in Slack"), "{said}");
    // It tells nobody of the alert any more, and still holds it.
    until_answers(&format!("{}/api/v2/alerts", world.alertmanager), |_, body| body.contains(r#""state":"suppressed""#))
        .await;
    let url = world.alertmanager.parse().unwrap();
    let address = Address { url, token: None };
    let alertmanagers = Alertmanagers::new(BTreeMap::from([("cluster-a".to_owned(), address)])).unwrap();
    let labels = [("alertname", "FeedLag"), ("feed", "sol"), ("severity", "critical"), ("source", "cluster-a")];
    let labels = labels.into_iter().collect::<Labels>().with("instance", &world.target).with("job", "feeds");
    let held = alertmanagers.holds("cluster-a", &BTreeSet::from(["FeedLag".to_owned()])).await.unwrap();
    assert_eq!(held, BTreeSet::from([labels.fingerprint()]), "{labels}");
    let others = alertmanagers.holds("cluster-a", &BTreeSet::from(["Other".to_owned()])).await.unwrap();
    assert_eq!(others, BTreeSet::new());
    slack.slash("bob", "feeds-alerts", "/wk unsilence 1").await;
    until_answers(&silences, |_, body| body.contains(r#""state":"expired""#) && !body.contains(r#""state":"active""#))
        .await;
}
