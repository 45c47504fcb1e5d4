//! Whoever runs it pulls the plug: what was acknowledged is still there, and what was under way is looked into.

use std::time::Duration;

use watchkeeper::core::ids::JobId;
use watchkeeper::core::time::Timestamp;
use watchkeeper::store::intake::{Intake, NewInput, Receipt};
use watchkeeper::store::jobs::{self, NewJob};
use watchkeeper::store::{Settings, Store, inbox};

use crate::support::databases;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const CLAIM: Duration = Duration::from_mins(1);

#[tokio::test]
async fn nothing_acknowledged_is_lost_and_nothing_is_repeated_blindly() {
    for database in databases() {
        pull_the_plug(Settings::new(database.url.clone())).await;
    }
}

async fn pull_the_plug(settings: Settings) {
    let store = start(&settings).await;
    assert_eq!(receive(&store, "Ev1").await, Receipt::New);
    assert_eq!(receive(&store, "Ev2").await, Receipt::New);
    let mut tx = store.begin().await.unwrap();
    assert!(inbox::finish(&mut tx, "Ev1", "acted", NOW).await.unwrap());
    jobs::enqueue(&mut tx, &post("01")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(jobs::claim(&store, "first", NOW, CLAIM, 10).await.unwrap().len(), 1);
    let mut half_done = store.begin().await.unwrap();
    assert!(inbox::finish(&mut half_done, "Ev2", "acted", NOW).await.unwrap());
    jobs::enqueue(&mut half_done, &post("02")).await.unwrap();
    drop(half_done);
    store.close().await;
    drop(store);

    let store = start(&settings).await;
    let waiting = inbox::waiting(&store, NOW, 10).await.unwrap();
    assert_eq!(waiting.iter().map(|input| input.key.as_str()).collect::<Vec<_>>(), ["Ev2"]);
    assert_eq!(receive(&store, "Ev1").await, Receipt::Duplicate);
    let later = NOW.plus(CLAIM);
    assert_eq!(jobs::next_due(&store).await.unwrap(), Some(later));
    let again = jobs::claim(&store, "second", later, CLAIM, 10).await.unwrap();
    assert_eq!(again.iter().map(|job| (job.id.as_str(), job.interrupted)).collect::<Vec<_>>(), [("01", true)]);
}

async fn start(settings: &Settings) -> Store {
    let store = Store::connect(settings).await.unwrap();
    store.migrate().await.unwrap();
    store
}

async fn receive(store: &Store, key: &str) -> Receipt {
    let input = NewInput { key: key.into(), kind: "event".into(), payload: "{}".into(), received_at: NOW, done: false };
    Intake::start(store.clone()).receive(input).await.unwrap()
}

fn post(id: &str) -> NewJob {
    NewJob {
        id: JobId::new(id),
        lane: "slack:C1".into(),
        priority: 1,
        kind: "post".into(),
        payload: "{}".into(),
        not_before: NOW,
        coalesce: None,
        thread: None,
        created_at: NOW,
    }
}
