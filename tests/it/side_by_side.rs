//! Debian's Alertmanager and the bot, side by side: the same alerts and silences to both, both killed in the middle, both started
//! again. What is kept, repeated and lost is printed; the bot's part is asserted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use watchkeeper::sim::slack::Workspace;
use watchkeeper::store::{Settings, Store, inbox, jobs};

use super::prometheus::{Server, free_port, start};
use super::support::process::{Place, until_answers};
use super::support::writing::{self, Writer};

/// Sent and told of before the kill, and sent at the moment of it.
const BEFORE: usize = 10;
const AT_THE_MOMENT: usize = 10;
const SILENCES: usize = 10;
/// For a notification on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long repeated notifications are given to come: many times the group interval.
const GRACE: Duration = Duration::from_secs(5);

fn name(n: usize) -> String {
    format!("Side{n:02}")
}

/// Whom Alertmanager notifies: how often of each alert.
type Told = Arc<Mutex<BTreeMap<String, usize>>>;

async fn listener() -> (Told, String) {
    let told = Told::default();
    let telling = Arc::clone(&told);
    let take = move |Json(posted): Json<Value>| {
        for alert in posted["alerts"].as_array().unwrap() {
            let name = alert["labels"]["alertname"].as_str().unwrap().to_owned();
            *telling.lock().unwrap().entry(name).or_default() += 1;
        }
        std::future::ready("ok")
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(take))).await });
    (told, url)
}

fn alert(n: usize) -> Value {
    json!({
        "labels": {"alertname": name(n), "severity": "critical"}, "annotations": {"summary": format!("{} is wrong", name(n))},
        "startsAt": "2026-11-24T12:00:00Z", "generatorURL": "http://prometheus.test/graph",
    })
}

/// The two of them, and how to talk to them.
struct Pair {
    place: Place,
    database: String,
    alertmanager: String,
    port: u16,
    client: reqwest::Client,
}

impl Pair {
    fn start_alertmanager(&self) -> Server {
        let path = |name: &str| self.place.dir.path().join(name).display().to_string();
        start(
            "prometheus-alertmanager",
            &[
                format!("--config.file={}", path("alertmanager.yml")),
                format!("--storage.path={}", path("am")),
                format!("--web.listen-address=127.0.0.1:{}", self.port),
                "--cluster.listen-address=".to_owned(),
            ],
        )
    }

    /// As Prometheus does every minute for what still fires; and as an Alertmanager's webhook does it to the bot.
    async fn send(&self, bot: &str, which: std::ops::Range<usize>) {
        for n in which {
            let alerts = json!([alert(n)]);
            let sent =
                self.client.post(format!("{}/api/v2/alerts", self.alertmanager)).json(&alerts).send().await.unwrap();
            assert!(sent.status().is_success(), "{}", sent.status());
            let mut one = alert(n);
            one["status"] = json!("firing");
            one["endsAt"] = json!("0001-01-01T00:00:00Z");
            one["fingerprint"] = json!(name(n));
            let notification = json!({"version": "4", "groupKey": name(n), "status": "firing", "receiver": "wk",
                "truncatedAlerts": 0, "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "alerts": [one]});
            let url = format!("http://{bot}/webhooks/alertmanager/side");
            let sent = self.client.post(url).bearer_auth("s3cret").json(&notification).send().await.unwrap();
            assert!(sent.status().is_success(), "{}", sent.status());
        }
    }

    async fn silence(&self, n: usize) {
        let silence = json!({"matchers": [{"name": "feed", "value": format!("n{n}"), "isRegex": false}], "createdBy": "alice",
            "comment": "deploy", "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z"});
        let made =
            self.client.post(format!("{}/api/v2/silences", self.alertmanager)).json(&silence).send().await.unwrap();
        assert!(made.status().is_success(), "{}", made.status());
    }

    async fn silences(&self) -> usize {
        let kept = self.client.get(format!("{}/api/v2/silences", self.alertmanager)).send().await.unwrap();
        let kept: Value = kept.json().await.unwrap();
        kept.as_array().unwrap().iter().filter(|silence| silence["status"]["state"] == "active").count()
    }
}

/// How often the bot posted about each alert.
fn posted(slack: &Workspace) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for message in
        slack.messages("feeds-alerts").iter().filter(|m| m["thread_ts"].is_null() || m["thread_ts"] == m["ts"])
    {
        let text = Workspace::render(message);
        for n in 0..BEFORE + AT_THE_MOMENT {
            *counted.entry(name(n)).or_default() += usize::from(text.contains(&name(n)));
        }
    }
    counted.retain(|_, times| *times > 0);
    counted
}

/// Repeated and lost, of all that were to be told once.
fn figures(told: &BTreeMap<String, usize>) -> (usize, usize) {
    let all = BEFORE + AT_THE_MOMENT;
    (told.values().map(|times| times - 1).sum(), all - told.len())
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let seen = tokio::time::timeout(PATIENCE, async {
        while !holds() {
            looks.tick().await;
        }
    });
    seen.await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Alertmanager: run scripts/test"]
async fn killed_beside_an_alertmanager_the_bot_keeps_every_silence_and_tells_of_every_alert_once() {
    let (told, webhook) = listener().await;
    let directory = super::support::Database::sqlite();
    let mut place = writing::place(&directory.url).await;
    place.secrets.push(("ALERTMANAGER_TOKEN".to_owned(), "s3cret".to_owned()));
    let usual = std::fs::read_to_string(place.dir.path().join("watchkeeper.yaml")).unwrap();
    place.configure(&format!(
        "{usual}alerting: {{root: {{receiver: default, group_wait: 0s, group_by: [alertname]}}}}\n\
         prometheus:\n  alertmanagers:\n    - {{name: side, token_env: ALERTMANAGER_TOKEN}}\n"
    ));
    let config = format!(
        "route: {{receiver: wk, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}}\n\
         receivers: [{{name: wk, webhook_configs: [{{url: '{webhook}', send_resolved: false}}]}}]\n"
    );
    std::fs::write(place.dir.path().join("alertmanager.yml"), config).unwrap();
    let port = free_port();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let alertmanager = format!("http://127.0.0.1:{port}");
    let pair = Pair { place, database: directory.url.clone(), alertmanager, port, client };
    let alive = format!("{}/-/ready", pair.alertmanager);

    let writer = Writer::new(&pair.place);
    let mut bot = pair.place.start(&["serve"]);
    let server = pair.start_alertmanager();
    let address = bot.address().await;
    until_answers(&alive, |status, _| status == 200).await;
    pair.send(&address, 0..BEFORE).await;
    until("both have told of the first alerts", || {
        told.lock().unwrap().len() == BEFORE && posted(&pair.place.slack).len() == BEFORE
    })
    .await;
    for n in 0..SILENCES {
        pair.silence(n).await;
        assert_eq!(writer.ask(&writing::url(&address)).await, writing::Told::Yes);
    }
    assert_eq!(pair.silences().await, SILENCES);
    pair.send(&address, BEFORE..BEFORE + AT_THE_MOMENT).await;
    bot.signal("KILL");
    // Killed by its handle, as hard.
    drop(server);
    drop(bot);

    let mut bot = pair.place.start(&["serve"]);
    let _server = pair.start_alertmanager();
    let address = bot.address().await;
    until_answers(&alive, |status, _| status == 200).await;
    let kept = pair.silences().await;
    pair.send(&address, 0..BEFORE + AT_THE_MOMENT).await;
    let all = BEFORE + AT_THE_MOMENT;
    until("both have told of every alert", || {
        told.lock().unwrap().len() == all && posted(&pair.place.slack).len() == all
    })
    .await;
    let verdict = writer.verdict(&pair.database).await;
    let store = Store::connect_read_only(&Settings::new(pair.database.clone())).await.unwrap();
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    while inbox::counts(&store).await.unwrap().waiting > 0 || jobs::depth(&store).await.unwrap().queued() > 0 {
        looks.tick().await;
    }
    let _repeated_by_now = tokio::time::timeout(GRACE, std::future::pending::<()>()).await;

    let theirs = figures(&told.lock().unwrap());
    let ours = figures(&posted(&pair.place.slack));
    let silences = verdict.acknowledged - verdict.lost.len();
    eprintln!("| of {SILENCES} silences and {all} alerts | silences kept | notifications repeated | alerts lost |");
    eprintln!("|---|---|---|---|");
    eprintln!("| Alertmanager | {kept} | {} | {} |", theirs.0, theirs.1);
    eprintln!("| watchkeeper | {silences} | {} | {} |", ours.0, ours.1);
    verdict.must_hold();
    assert_eq!((silences, ours), (SILENCES, (0, 0)));
}
