//! Opening, closing, and a database that goes away.

use super::*;
use crate::clock::{Clock, SystemClock};
use crate::store::facts;
use crate::store::intake::{Intake, NewInput, Receipt};
use crate::store::testing::{Fresh, on_both_databases};

on_both_databases!(
    a_dropped_transaction_leaves_nothing,
    a_read_only_store_refuses_writes_beside_a_running_one,
    a_closed_store_is_an_error_at_once,
    what_replicas_share_has_a_clock,
);

async fn a_dropped_transaction_leaves_nothing(db: Fresh) {
    let mut tx = db.store.begin().await.unwrap();
    facts::put(&mut tx, "k", "v", db.now).await.unwrap();
    drop(tx);
    assert_eq!(facts::get(&db.store, "k").await.unwrap(), None);
}

async fn a_read_only_store_refuses_writes_beside_a_running_one(db: Fresh) {
    let reader = Store::connect_read_only(&db.settings).await.unwrap();
    assert_eq!(facts::get(&reader, "k").await.unwrap(), None);
    if let Ok(mut tx) = reader.begin().await {
        assert!(facts::put(&mut tx, "k", "v", db.now).await.is_err());
    }
}

async fn a_closed_store_is_an_error_at_once(db: Fresh) {
    db.store.ping().await.unwrap();
    db.store.close().await;
    assert!(db.store.ping().await.unwrap_err().retryable());
    assert!(db.store.begin().await.unwrap_err().retryable());
}

async fn what_replicas_share_has_a_clock(db: Fresh) {
    let shared = db.store.clock().await.unwrap();
    assert_eq!(shared.is_some(), db.store.backend() == Backend::Postgres);
    if let Some(shared) = shared {
        let apart = SystemClock::new(1).now().as_millis().abs_diff(shared.as_millis());
        assert!(apart < 60_000, "the test server runs beside this: {apart} ms");
    }
}

#[tokio::test]
async fn a_second_process_on_the_same_sqlite_file_is_told_why() {
    let db = Fresh::sqlite().await;
    let error = Store::connect(&db.settings).await.unwrap_err();
    assert!(error.to_string().contains("another watchkeeper process uses this SQLite database"), "{error}");
    drop(db.store);
    Store::connect(&db.settings).await.unwrap();
}

fn input(db: &Fresh, key: &str) -> NewInput {
    NewInput { key: key.into(), kind: "event".into(), payload: "{}".into(), received_at: db.now, done: false }
}

#[tokio::test]
async fn a_locked_sqlite_file_is_an_error_in_time_and_works_again_afterwards() {
    let db = Fresh::sqlite().await.patient_for(Duration::from_millis(200)).await;
    let intake = Intake::start(db.store.clone());
    let url = db.settings.url.expose_secret();
    let mut other = sqlx::AnyConnection::connect(url).await.unwrap();
    let held = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    assert!(db.store.begin().await.unwrap_err().retryable());
    assert!(intake.receive(input(&db, "a")).await.unwrap_err().retryable());
    assert_eq!(facts::get(&db.store, "k").await.unwrap(), None, "readers go on");
    held.rollback().await.unwrap();
    db.store.begin().await.unwrap();
    assert_eq!(intake.receive(input(&db, "b")).await.unwrap(), Receipt::New);
}

#[tokio::test]
#[ignore = "needs Postgres: run scripts/test"]
async fn a_postgres_that_falls_silent_is_an_error_in_time_and_works_again_afterwards() {
    let db = Fresh::postgres().await;
    let (db, wire) = db.behind_a_wire(Duration::from_millis(300)).await;
    let intake = Intake::start(db.store.clone());
    let mut tx = db.store.begin().await.unwrap();
    facts::put(&mut tx, "k", "v", db.now).await.unwrap();
    wire.hold();
    assert!(tx.commit().await.unwrap_err().retryable());
    assert!(db.store.ping().await.unwrap_err().retryable());
    assert!(intake.receive(input(&db, "a")).await.unwrap_err().retryable());
    wire.let_through();
    // Silent connections are found out one at a time.
    while db.store.ping().await.is_err() {}
    assert_eq!(intake.receive(input(&db, "b")).await.unwrap(), Receipt::New);
    wire.hold();
    db.store.close().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run scripts/test"]
async fn a_postgres_that_drops_its_connections_is_an_error_at_once_and_works_again() {
    let db = Fresh::postgres().await;
    let (db, wire) = db.behind_a_wire(Duration::from_secs(5)).await;
    let mut tx = db.store.begin().await.unwrap();
    wire.cut();
    assert!(facts::put(&mut tx, "k", "v", db.now).await.unwrap_err().retryable());
    drop(tx);
    db.store.ping().await.unwrap();
    assert_eq!(facts::get(&db.store, "k").await.unwrap(), None);
}
