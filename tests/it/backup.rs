//! A copy of the database is taken beside a running bot, and what it gave up is taken up again there.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use watchkeeper::core::ids::{ChannelId, JobId};
use watchkeeper::core::time::Timestamp;
use watchkeeper::flow::effect::Effect;
use watchkeeper::slack::message::Message;
use watchkeeper::store::jobs::{self, NewJob};
use watchkeeper::store::{Settings, Store};

use super::support::process::{Place, Running, until_answers};

async fn running(place: &Place) -> (Running, String) {
    let mut bot = place.start(&["serve"]);
    let ready = format!("http://{}/readyz", bot.address().await);
    until_answers(&ready, |status, _| status == 200).await;
    (bot, ready)
}

/// What `audit verify` says of a database in place of the bot's.
async fn verified(place: &Place, copy: &str) -> (i32, String) {
    let other = place.usual().replace("wk.sqlite", copy);
    std::fs::write(place.dir.path().join("restored.yaml"), other).unwrap();
    place.run(&["audit", "verify", "--config", "restored.yaml"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_taken_beside_a_running_bot_opens_and_its_audit_log_holds() {
    let place = Place::new().await;
    let (bot, ready) = running(&place).await;
    let (code, said) = place.run(&["backup", "copy.sqlite"]).await;
    assert_eq!((code, said.starts_with("copy.sqlite: ")), (0, true), "{said}");
    let copy = place.dir.path().join("copy.sqlite");
    let about = std::fs::metadata(&copy).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);

    let (code, said) = place.run(&["backup", "copy.sqlite"]).await;
    assert_eq!((code, said.contains("copy.sqlite is there already and stays as it is")), (1, true), "{said}");
    assert_eq!(std::fs::metadata(&copy).unwrap().modified().unwrap(), about.modified().unwrap());

    let streamed = place.output(&["backup", "-"]).await;
    assert!(streamed.status.success() && streamed.stdout.starts_with(b"SQLite format 3"), "{:?}", streamed.status);
    std::fs::write(place.dir.path().join("streamed.sqlite"), streamed.stdout).unwrap();
    assert!(!place.dir.path().join("wk.sqlite.backup").exists(), "nothing is left on the volume");
    until_answers(&ready, |status, _| status == 200).await;
    assert_eq!(place.run(&["serve"]).await.0, 1, "the bot has its lock all the same");
    drop(bot);

    for copy in ["copy.sqlite", "streamed.sqlite"] {
        let (code, said) = verified(&place, copy).await;
        assert_eq!((code, said.contains("1 entries hold; head 1:")), (0, true), "{copy}: {said}");
        let url = format!("sqlite:{}", place.dir.path().join(copy).display());
        let store = Store::connect(&Settings::new(url)).await.unwrap();
        store.migrate().await.unwrap();
        store.ping().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_cannot_be_taken_says_why_and_leaves_nothing() {
    let mut place = Place::new().await;
    let (code, said) = place.run(&["backup", "copy.sqlite"]).await;
    assert_eq!((code, said.contains("there is no database in ")), (1, true), "{said}");
    std::fs::write(place.dir.path().join("wk.sqlite"), "no database, but long enough to be taken for one".repeat(99))
        .unwrap();
    let (code, said) = place.run(&["backup", "copy.sqlite"]).await;
    assert_eq!((code, said.contains("not a database")), (1, true), "{said}");
    assert!(!place.dir.path().join("copy.sqlite").exists());

    place.secrets.push(("DATABASE_URL".to_owned(), "postgres://wk:secret@db.example/wk".to_owned()));
    let (code, said) = place.run(&["backup", "copy.sqlite"]).await;
    assert_eq!((code, said.contains("the database is Postgres") && said.contains("pg_dump")), (1, true), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

/// A message to #feeds-alerts that was given up.
async fn given_up(settings: &Settings) {
    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
    let post = Effect::Post {
        channel: ChannelId::new("C0ALERTS"),
        thread_ts: None,
        fallback: None,
        message: Message::text("said after all"),
    };
    let store = Store::connect(settings).await.unwrap();
    store.migrate().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let job = NewJob {
        id: JobId::new("01"),
        lane: post.lane(),
        priority: 1,
        kind: post.kind().to_owned(),
        payload: post.payload(),
        not_before: NOW,
        coalesce: None,
        thread: None,
        created_at: NOW,
    };
    jobs::enqueue(&mut tx, &job).await.unwrap();
    tx.commit().await.unwrap();
    let claimed = jobs::claim(&store, "once", NOW, Duration::from_secs(1), 1).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    jobs::bury(&mut tx, &claimed[0], "not_in_channel", NOW).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_revived_beside_the_bot_goes_out() {
    let place = Place::new().await;
    given_up(&Settings::new(format!("sqlite:{}", place.dir.path().join("wk.sqlite").display()))).await;
    let (_bot, _) = running(&place).await;
    let (_, said) = place.run(&["outbox", "list"]).await;
    assert!(said.contains("1 dead") && said.contains("not_in_channel"), "{said}");
    assert_eq!(place.run(&["outbox", "revive", "01"]).await, (0, "01 is queued again\n".to_owned()));
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..200 {
        looks.tick().await;
        if place.slack.messages("feeds-alerts").iter().any(|message| message["text"] == "said after all") {
            return;
        }
    }
    panic!("it never went out: {}", place.run(&["outbox", "list"]).await.1);
}
