//! Under fire: the real process is killed over and over while people write to it. A short form runs with the tests; the long
//! one is `WATCHKEEPER_FIRE_KILLS=1000 cargo test --test it fire:: -- --nocapture`, and its figures are in docs/RELIABILITY.md.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Mutex;
use watchkeeper::clock::{Clock, SystemClock};
use watchkeeper::sim::slack::deliver::Kind;
use watchkeeper::sim::slack::{AppConfig, Workspace};
use watchkeeper::slack::manifest::REQUEST_PATH;
use watchkeeper::store::{Settings, Store, alerts, audit, inbox};

use super::support::Database;
use super::support::process::Place;

const KILLS: usize = 6;
const WRITERS: usize = 4;
/// What one of them asks for in one life of the process: silences stay, and every start reads them.
const REQUESTS: usize = 8;
/// Every so many requests Slack sends one again, as it does when an answer was lost.
const AGAIN: usize = 4;
/// A lease that was not given back lapses first; what waits is worked on then.
const WORKED_OFF: Duration = Duration::from_mins(1);

fn kills() -> usize {
    let set = std::env::vars().find(|(name, _)| name == "WATCHKEEPER_FIRE_KILLS");
    set.map_or(KILLS, |(_, kills)| kills.parse().expect("WATCHKEEPER_FIRE_KILLS is a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_over_and_over_nothing_acknowledged_is_lost_or_done_twice_on_sqlite() {
    under_kills(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_over_and_over_nothing_acknowledged_is_lost_or_done_twice_on_postgres() {
    if let Some(database) = Database::postgres() {
        under_kills(database).await;
    }
}

async fn under_kills(database: Database) {
    let mut place = Place::new().await;
    let usual = place.usual();
    let (before, _) = usual.split_once("database:").unwrap();
    let (_, after) = usual.split_once("\nsources:").unwrap();
    let head = before.replace("slack:", "slack:\n  mode: http");
    place.configure(&format!("{head}database:\n  url: {}\nsources:{after}", database.url));
    place.secrets.push(("SLACK_SIGNING_SECRET".to_owned(), AppConfig::default().signing_secret));

    let writer = Writer {
        slack: place.slack.clone(),
        client: reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap(),
        numbers: Arc::default(),
        acknowledged: Arc::default(),
    };
    let mut random = fastrand::Rng::with_seed(7);
    let kills = kills();
    for _ in 0..kills {
        let mut bot = place.start(&["serve"]);
        let url = format!("http://{}{REQUEST_PATH}", bot.address().await);
        let writers: Vec<_> = (0..WRITERS).map(|_| tokio::spawn(writer.clone().write(url.clone()))).collect();
        // Anywhere: while it starts to serve, under load, between two commits.
        let moment = Duration::from_millis(random.u64(20..400));
        let _it_is_over = tokio::time::timeout(moment, std::future::pending::<()>()).await;
        bot.signal("KILL");
        for writer in writers {
            writer.await.unwrap();
        }
    }

    let bot = place.start(&["serve"]);
    let store = Store::connect_read_only(&Settings::new(database.url.clone())).await.unwrap();
    let mut looks = tokio::time::interval(Duration::from_millis(200));
    let ended = tokio::time::timeout(WORKED_OFF, async {
        while inbox::counts(&store).await.unwrap().waiting > 0 {
            looks.tick().await;
        }
    });
    ended.await.expect("what was stored is worked on");
    drop(bot);

    let snapshot = alerts::load(&store).await.unwrap();
    let mut done: BTreeMap<&str, usize> = BTreeMap::new();
    for silence in &snapshot.silences {
        *done.entry(silence.comment.as_str()).or_default() += 1;
    }
    let acknowledged = writer.acknowledged.lock().await;
    let lost: Vec<&String> = acknowledged.iter().filter(|comment| !done.contains_key(comment.as_str())).collect();
    let twice: Vec<_> = done.iter().filter(|(_, times)| **times > 1).collect();
    eprintln!(
        "{}: {kills} kills, {} requests, {} acknowledged, {} lost, {} done twice",
        store.backend(),
        writer.numbers.load(Ordering::SeqCst),
        acknowledged.len(),
        lost.len(),
        twice.len()
    );
    assert!(lost.is_empty() && twice.is_empty(), "lost {lost:?}, twice {twice:?}");
    assert!(!acknowledged.is_empty(), "nothing was written");
    assert!(audit::verify(&store, &[]).await.unwrap().first_bad().is_none(), "the audit log holds");
}

#[derive(Clone)]
struct Writer {
    slack: Workspace,
    client: reqwest::Client,
    numbers: Arc<AtomicUsize>,
    acknowledged: Arc<Mutex<Vec<String>>>,
}

impl Writer {
    /// Makes one silence after the other, until nobody answers any more.
    async fn write(self, url: String) {
        for _ in 0..REQUESTS {
            let number = self.numbers.fetch_add(1, Ordering::SeqCst);
            let comment = format!("n{number}");
            let payload = json!({
                "team_id": "T0WKLABS", "channel_id": "C0ALERTS", "channel_name": "feeds-alerts", "user_id": "U0ALICE",
                "user_name": "alice", "command": "/wk", "text": format!("silence feed={comment} 1h {comment}"),
                "api_app_id": "A0WATCHKEEP", "response_url": self.slack.api_url(),
                "trigger_id": format!("1.2.{number:032x}"),
            });
            let request = self.slack.signed_request(Kind::Command, &payload, SystemClock::new(1).now().as_secs());
            for _ in 0..=usize::from(number.is_multiple_of(AGAIN)) {
                let sent = self.client.post(&url).header("Content-Type", request.content_type);
                let sent = sent.header("X-Slack-Request-Timestamp", &request.timestamp);
                let sent = sent.header("X-Slack-Signature", &request.signature).body(request.body.clone());
                match sent.send().await {
                    Ok(answer) if answer.status().is_success() => {
                        self.acknowledged.lock().await.push(comment.clone());
                    }
                    Ok(answer) => assert!(answer.status().is_server_error(), "{}", answer.status()),
                    Err(_) => return,
                }
            }
        }
    }
}
