//! The audit log: what an append costs while it grows, and how fast a million entries are verified.

use watchkeeper::core::audit::Record;
use watchkeeper::core::ids::{Actor, TeamId, UserId};
use watchkeeper::core::time::Timestamp;
use watchkeeper::store::{Settings, Store, audit};

use super::{spread, start};

const ENTRIES: i64 = 1_000_000;
const BATCH: i64 = 2000;
/// Appends that are measured each time.
const APPENDS: i64 = 200;

pub fn measure(runtime: &tokio::runtime::Runtime) {
    let files = tempfile::tempdir().unwrap();
    let sqlite = Settings::new(format!("sqlite:{}/audit.db", files.path().display()));
    runtime.block_on(database("SQLite", &sqlite));
    match postgres() {
        Some(settings) => runtime.block_on(database("Postgres", &settings)),
        None => println!("Postgres: not measured, WATCHKEEPER_TEST_POSTGRES names none"),
    }
}

#[expect(clippy::disallowed_methods, reason = "the test server is named by the environment")]
pub fn postgres_server() -> Option<String> {
    std::env::var("WATCHKEEPER_TEST_POSTGRES").ok()
}

fn postgres() -> Option<Settings> {
    // In a database of its own name no other run's entries are in the way.
    Some(Settings::new(with(&postgres_server()?, "application_name=figures")))
}

/// The address with a parameter more.
pub fn with(server: &str, parameter: &str) -> String {
    let separator = if server.contains('?') { '&' } else { '?' };
    format!("{server}{separator}{parameter}")
}

async fn database(name: &str, settings: &Settings) {
    let store = Store::connect(settings).await.unwrap();
    store.migrate().await.unwrap();
    let there = audit::head(&store).await.unwrap().seq;
    if there > 0 {
        println!("{name}: not measured, its audit log is not empty ({there} entries)");
        return;
    }
    for at in [1000, ENTRIES / 10, ENTRIES] {
        fill(&store, at - APPENDS).await;
        let mut took = Vec::new();
        for _ in 0..APPENDS {
            let began = start();
            append(&store, 1).await;
            took.push(began.elapsed().as_secs_f64() * 1e6);
        }
        println!("{name}: one append at {at} entries, commit included: {}", spread("µs", &mut took));
    }
    for _ in 0..3 {
        let began = start();
        let report = audit::verify(&store, &[]).await.unwrap();
        let took = began.elapsed().as_secs_f64();
        assert!(report.first_bad().is_none() && report.rows == ENTRIES, "{report:?}");
        println!("{name}: {ENTRIES} entries verified in {took:.2} s: {:.0} entries/s", ENTRIES as f64 / took);
    }
    store.close().await;
}

async fn fill(store: &Store, to: i64) {
    loop {
        let there = audit::head(store).await.unwrap().seq;
        if there >= to {
            return;
        }
        append(store, BATCH.min(to - there)).await;
    }
}

async fn append(store: &Store, count: i64) {
    let there = audit::head(store).await.unwrap().seq;
    let records: Vec<Record> = (there..there + count).map(record).collect();
    let mut tx = store.begin().await.unwrap();
    audit::append(&mut tx, &records).await.unwrap();
    tx.commit().await.unwrap();
}

/// As those of a running bot: half a line about somebody who did something.
fn record(number: i64) -> Record {
    Record {
        at: Timestamp::from_millis(1_800_000_000_000 + number * 1000),
        actor: Actor::Person { user: UserId::new("U024BE7LH"), team: Some(TeamId::new("T012AB3C4")) },
        action: "alert.acknowledged".to_owned(),
        subject: format!("alert/{number}"),
        detail: format!(r#"{{"group":"01JC2E5GQ0{number:016}","note":"looking at it"}}"#),
    }
}
