//! People who write to the real process while things are done to it, and what became of every request of theirs.

mod presses;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use sqlx::Connection as _;
use tokio::sync::Mutex;
use watchkeeper::clock::{Clock, SystemClock};
use watchkeeper::sim::slack::deliver::Kind;
use watchkeeper::sim::slack::script::SignedRequest;
use watchkeeper::sim::slack::{AppConfig, Workspace};
use watchkeeper::slack::manifest::REQUEST_PATH;
use watchkeeper::store::{Settings, Store, alerts, audit, inbox};

use super::process::Place;

/// Every so many requests Slack sends one again, as it does when an answer was lost.
const AGAIN: usize = 4;
/// The keys of what was found too late to act on.
const LATE: &str = "SELECT key FROM inbox WHERE outcome = 'late'";
/// A lease that was not given back lapses first; what waits is worked on then, and never stands still for so long.
const WORKED_OFF: Duration = Duration::from_mins(1);

/// A place whose bot is reached over HTTP and keeps its state at `database`.
pub async fn place(database: &str) -> Place {
    let mut place = Place::new().await;
    let usual = place.usual();
    let (before, _) = usual.split_once("database:").unwrap();
    let (_, after) = usual.split_once("\nsources:").unwrap();
    let head = before.replace("slack:", "slack:\n  mode: http");
    place.configure(&format!("{head}database:\n  url: {database}\nsources:{after}"));
    place.secrets.push(("SLACK_SIGNING_SECRET".to_owned(), AppConfig::default().signing_secret));
    place
}

/// As [`place`], and an Alertmanager may post there.
pub async fn place_that_is_told(database: &str) -> Place {
    let mut place = place(database).await;
    let usual = std::fs::read_to_string(place.dir.path().join("watchkeeper.yaml")).unwrap();
    let alertmanager = "prometheus: {alertmanagers: [{name: am, token_env: AM_TOKEN, resolve_after: 5h}]}\n";
    place.configure(&format!("{usual}{alertmanager}"));
    place.secrets.push(("AM_TOKEN".to_owned(), "am-token".to_owned()));
    place
}

pub fn url(address: &str) -> String {
    format!("http://{address}{REQUEST_PATH}")
}

/// What somebody was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is done or will be.
    Yes,
    /// Nothing was recorded.
    No,
    /// Nobody answered.
    Nothing,
}

/// Clones share what was sent and what was said.
#[derive(Clone)]
pub struct Writer {
    slack: Workspace,
    client: reqwest::Client,
    numbers: Arc<AtomicUsize>,
    acknowledged: Arc<Mutex<Vec<String>>>,
    turned_away: Arc<Mutex<Vec<String>>>,
    /// Alerts of others that were taken in.
    told_of: Arc<Mutex<Vec<String>>>,
    presses: Arc<Mutex<BTreeMap<String, Told>>>,
}

impl Writer {
    pub fn new(place: &Place) -> Self {
        Self {
            slack: place.slack.clone(),
            client: reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap(),
            numbers: Arc::default(),
            acknowledged: Arc::default(),
            turned_away: Arc::default(),
            told_of: Arc::default(),
            presses: Arc::default(),
        }
    }

    /// Posts an alert of its own, as Alertmanager does; what was not taken in does not count.
    pub async fn tell_of_one(self, address: String) {
        let name = format!("Fire{:05}", self.numbers.fetch_add(1, Ordering::SeqCst));
        let body = json!({
            "version": "4", "groupKey": name, "status": "firing", "receiver": "wk", "groupLabels": {}, "alerts": [{
                "status": "firing", "startsAt": "2026-11-24T12:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
                "labels": {"alertname": name, "severity": "critical"}, "annotations": {},
            }],
        });
        let url = format!("http://{address}/webhooks/alertmanager/am");
        let sent = self.client.post(url).bearer_auth("am-token").body(body.to_string()).send().await;
        if sent.is_ok_and(|answer| answer.status().is_success()) {
            self.told_of.lock().await.push(name);
        }
    }

    /// How often each alert that was taken in is said in the channel, once every one of them is.
    pub async fn said(&self) -> BTreeMap<String, usize> {
        let told_of = self.told_of.lock().await.clone();
        let mut looks = tokio::time::interval(Duration::from_millis(500));
        for _ in 0..(240 + 4 * told_of.len()) {
            looks.tick().await;
            let messages = self.slack.messages("feeds-alerts");
            let top: Vec<String> = messages
                .iter()
                .filter(|m| m.get("thread_ts").is_none_or(|ts| *ts == m["ts"]))
                .map(Workspace::render)
                .collect();
            let count = |name: &String| top.iter().filter(|said| said.contains(name.as_str())).count();
            let said: BTreeMap<String, usize> = told_of.iter().map(|name| (name.clone(), count(name))).collect();
            if said.values().all(|times| *times > 0) {
                return said;
            }
        }
        panic!("not every alert that was taken in is said");
    }

    /// Asks for up to `requests` silences one after the other, until nobody answers any more.
    pub async fn write(self, url: String, requests: usize) {
        for _ in 0..requests {
            if self.ask(&url).await == Told::Nothing {
                return;
            }
        }
    }

    /// Asks for one silence; now and then twice, as Slack does.
    pub async fn ask(&self, url: &str) -> Told {
        let number = self.numbers.fetch_add(1, Ordering::SeqCst);
        let comment = format!("n{number}");
        let request = self.silence(&comment);
        let mut told = Told::Nothing;
        for _ in 0..=usize::from(number.is_multiple_of(AGAIN)) {
            told = self.send(url, &request).await;
            match told {
                Told::Yes => self.acknowledged.lock().await.push(comment.clone()),
                Told::No => self.turned_away.lock().await.push(comment.clone()),
                Told::Nothing => return told,
            }
        }
        told
    }

    fn silence(&self, comment: &str) -> SignedRequest {
        let payload = json!({
            "team_id": "T0WKLABS", "channel_id": "C0ALERTS", "channel_name": "feeds-alerts", "user_id": "U0ALICE",
            "user_name": "alice", "command": "/wk", "text": format!("silence feed={comment} 1h {comment}"),
            "api_app_id": "A0WATCHKEEP", "response_url": self.slack.api_url(), "trigger_id": format!("1.2.{comment}"),
        });
        self.slack.signed_request(Kind::Command, &payload, SystemClock::new(1).now().as_secs())
    }

    async fn send(&self, url: &str, request: &SignedRequest) -> Told {
        let sent = self.client.post(url).header("Content-Type", request.content_type);
        let sent = sent.header("X-Slack-Request-Timestamp", &request.timestamp);
        let sent = sent.header("X-Slack-Signature", &request.signature).body(request.body.clone());
        let Ok(answer) = sent.send().await else { return Told::Nothing };
        let status = answer.status();
        assert!(status.is_success() || status.is_server_error(), "{status}");
        let Ok(said) = answer.text().await else { return Told::Nothing };
        // Before Slack has said for the first time whose bot it is, everybody is a stranger.
        let no = ["cannot reach my database", "Only people of this workspace"];
        if status.is_success() && !no.iter().any(|no| said.contains(no)) { Told::Yes } else { Told::No }
    }

    /// Waits until what was stored is worked on, and compares what is there with what was said.
    pub async fn verdict(&self, database: &str) -> Verdict {
        let store = Store::connect_read_only(&Settings::new(database)).await.unwrap();
        let mut looks = tokio::time::interval(Duration::from_millis(200));
        let mut waiting = inbox::counts(&store).await.unwrap().waiting;
        while waiting > 0 {
            let fewer = tokio::time::timeout(WORKED_OFF, async {
                loop {
                    looks.tick().await;
                    let now = inbox::counts(&store).await.unwrap().waiting;
                    if now < waiting {
                        return now;
                    }
                }
            });
            waiting = fewer.await.expect("what was stored is worked on");
        }
        let late = texts(database, LATE).await;
        let mut done: BTreeMap<String, usize> = BTreeMap::new();
        for silence in alerts::load(&store).await.unwrap().silences {
            *done.entry(silence.comment).or_default() += 1;
        }
        let mut acknowledged = self.acknowledged.lock().await.clone();
        acknowledged.sort_unstable();
        acknowledged.dedup();
        // Found only after ten minutes, when it is not done any more and whoever asked is told so.
        acknowledged.retain(|comment| !late.contains(&format!("command:1.2.{comment}")));
        let mut turned_away = self.turned_away.lock().await.clone();
        turned_away.retain(|comment| acknowledged.binary_search(comment).is_err());
        Verdict {
            requests: self.numbers.load(Ordering::SeqCst),
            late: late.len(),
            lost: acknowledged.iter().filter(|comment| !done.contains_key(*comment)).cloned().collect(),
            twice: done.iter().filter(|(_, times)| **times > 1).map(|(comment, _)| comment.clone()).collect(),
            against_word: turned_away.iter().filter(|comment| done.contains_key(*comment)).count(),
            acknowledged: acknowledged.len(),
            turned_away: turned_away.len(),
            audit_holds: audit::verify(&store, &[]).await.unwrap().first_bad().is_none(),
        }
    }
}

/// A column of the database, as it is now.
async fn texts(database: &str, select: &'static str) -> Vec<String> {
    let mut connection = sqlx::AnyConnection::connect(database).await.unwrap();
    let rows: Vec<(String,)> = sqlx::query_as(select).fetch_all(&mut connection).await.unwrap();
    rows.into_iter().map(|(text,)| text).collect()
}

#[derive(Debug)]
pub struct Verdict {
    pub requests: usize,
    pub acknowledged: usize,
    pub lost: Vec<String>,
    /// Stored, found too late to act on, and told so.
    pub late: usize,
    pub twice: Vec<String>,
    pub turned_away: usize,
    /// Turned away, since the database's answer was lost, and done all the same.
    pub against_word: usize,
    pub audit_holds: bool,
}

impl Verdict {
    pub fn must_hold(&self) {
        assert!(self.lost.is_empty() && self.twice.is_empty(), "{self:?}");
        assert!(self.acknowledged > 0, "nothing was written");
        assert!(self.audit_holds, "the audit log holds");
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, acknowledged, lost, late, twice, turned_away, against_word, .. } = self;
        write!(
            f,
            "{requests} requests, {acknowledged} acknowledged, {} lost, {} done twice; ",
            lost.len(),
            twice.len()
        )?;
        write!(f, "{late} found too late; ")?;
        write!(f, "{turned_away} told that nothing was recorded ({against_word} of them done all the same)")
    }
}
