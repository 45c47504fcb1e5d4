//! A database with years behind it: does removing what is old hold up acknowledgements, how long does it take to read
//! what the engine goes on with, and to look something up in a long audit log?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;
use tokio::runtime::Runtime;
use watchkeeper::core::time::Timestamp;
use watchkeeper::store::audit::{Cursor, Filter};
use watchkeeper::store::intake::{Intake, NewInput};
use watchkeeper::store::{Backend, Settings, Store, StoreError, alerts, audit, balances, facts, inbox, jobs, messages};

use super::audit::{postgres_server, with};
use super::{spread, start};

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);
const RETENTION: Duration = Duration::from_hours(30 * 24);
/// Between two inputs while old rows are removed.
const STEP: Duration = Duration::from_millis(5);

/// What is filled in, each with `i` from 1 to a number: inputs and deliveries of 31 days, a second and a half apart; groups
/// of 33 days; four years of audit; a thousand wallets, read every minute for the last two days and every hour for the
/// 41 before, of which a month is kept by the hour.
const FILL: [(&str, i64); 8] = [
    (
        "INSERT INTO inbox (key, kind, payload, received_at, not_before, finished_at, outcome)
         SELECT 'event:' || i, 'event', '', {now} - i * 1785, 0, {now} - i * 1785, 'done' FROM n",
        1_500_000,
    ),
    (
        "INSERT INTO jobs (id, lane, priority, kind, payload, state, created_at, not_before, finished_at)
         SELECT 'j' || i, 'channel:C0ALERTS', 1, 'show', '', 'done', {now} - i * 1785, 0, {now} - i * 1785 FROM n",
        1_500_000,
    ),
    (
        "INSERT INTO alert_groups (id, number, receiver, severity, opened_at, closed_at, past, body)
         SELECT 'g' || i, i, 'default', 'warning', {now} - i * 260000, {now} - i * 260000, 1, '{}' FROM n",
        10_000,
    ),
    (
        "INSERT INTO messages (key, channel, ts, updated_at)
         SELECT 'group:g' || i, 'C0ALERTS', i || '.0', {now} - i * 260000 FROM n",
        11_000,
    ),
    (
        "INSERT INTO facts (key, value, updated_at) SELECT 'chart:g' || i, 'F012AB3CD', {now} - i * 260000 FROM n",
        11_000,
    ),
    (
        "INSERT INTO audit (seq, at, actor, action, subject, detail, prev, hash)
         SELECT i, {now} - ({audited} + 1 - i) * 63072, '{\"kind\":\"system\"}', 'alert.fired', 'alert/' || i,
             '{\"alerts\":1,\"receiver\":\"default\"}', '{hash}', '{hash}' FROM n",
        AUDITED,
    ),
    (
        "INSERT INTO balances (wallet, at, units, decimals, position)
         SELECT 'solana:devnet/' || w.i, {now} - n.i * 60000, '1000000000000', 9, n.i
         FROM n, (SELECT i FROM n WHERE i <= {wallets}) w",
        2900,
    ),
    (
        "INSERT INTO balances (wallet, at, units, decimals, position)
         SELECT 'solana:devnet/' || w.i, {now} - 172860001 - n.i * 3600000, '1000000000000', 9, n.i
         FROM n, (SELECT i FROM n WHERE i <= {wallets}) w",
        1000,
    ),
];
const WALLETS: i64 = 1000;
const AUDITED: i64 = 2_000_000;

const ALERTS: &str = r#"INSERT INTO alerts (fingerprint, name, severity, state, body)
    SELECT 'f' || i, 'FeedStale', 'warning', 'pending', '{"labels":{"alertname":"FeedStale","symbol":"' || i || '"},
        "severity":"warning","evidence":{"summary":"stale","value":"61 s","threshold":"60 s","cause":"nothing published"},
        "state":{"kind":"pending","since":1796135032445},"pending_for":"5m","keep_firing_for":"1m","transitions":[],
        "flapping_since":null,"previous":null}' FROM n"#;
const MANY_ALERTS: i64 = 100_000;

pub fn measure(runtime: &Runtime) {
    let files = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    runtime.block_on(database("SQLite", &format!("sqlite:{}/aged.db", files.path().display())));
    let Some(server) = postgres_server() else {
        return println!("Postgres: not measured, WATCHKEEPER_TEST_POSTGRES names none");
    };
    runtime.block_on(async {
        let admin = pool(&server).await;
        for statement in ["DROP SCHEMA IF EXISTS aged CASCADE", "CREATE SCHEMA aged"] {
            run(&admin, statement).await;
        }
        database("Postgres", &with(&server, "options=-c%20search_path%3Daged")).await;
        run(&admin, "DROP SCHEMA aged CASCADE").await;
        admin.close().await;
    });
}

async fn database(name: &str, url: &str) {
    let store = Store::connect(&Settings::new(url.to_owned())).await.unwrap();
    store.migrate().await.unwrap();
    let raw = pool(url).await;
    for (statement, count) in FILL {
        run(&raw, &counting(statement, count)).await;
    }
    if store.backend() == Backend::Postgres {
        // As it does by itself after a while.
        run(&raw, "ANALYZE").await;
    }
    let before = NOW.minus(RETENTION);
    let nothing = async {
        pause(Duration::from_secs(5)).await;
        Ok(0)
    };
    beside_inputs(name, "nothing", &store, nothing).await;
    beside_inputs(name, "inputs", &store, inbox::prune(&store, before)).await;
    beside_inputs(name, "deliveries", &store, jobs::prune(&store, before)).await;
    beside_inputs(name, "groups", &store, alerts::prune(&store, before)).await;
    beside_inputs(name, "messages", &store, messages::prune(&store, "digest:", before)).await;
    beside_inputs(name, "charts", &store, facts::prune_groups(&store, "chart:", before)).await;
    beside_inputs(name, "balances", &store, balances::thin(&store, NOW)).await;
    beside_inputs(name, "balances an hour later", &store, balances::thin(&store, NOW)).await;

    run(&raw, &counting(ALERTS, MANY_ALERTS)).await;
    raw.close().await;
    let began = start();
    assert_eq!(i64::try_from(alerts::load(&store).await.unwrap().alerts.len()), Ok(MANY_ALERTS));
    println!("{name}: {MANY_ALERTS} alerts read for a takeover in {:.0?}", began.elapsed());
    let began = start();
    let from = NOW.minus(Duration::from_hours(8 * 24));
    let wallets: Vec<String> = (1..=WALLETS).map(|wallet| format!("solana:devnet/{wallet}")).collect();
    let mut readings = 0;
    for part in wallets.chunks(balances::WALLETS) {
        readings += balances::since(&store, part, from, NOW).await.unwrap().values().map(Vec::len).sum::<usize>();
    }
    println!("{name}: the past of {WALLETS} wallets read, {readings} readings, in {:.1?}", began.elapsed());
    let old = Filter { subject: Some("alert/5".to_owned()), ..Filter::default() };
    for (what, filter, found) in [("the latest ten", Filter::default(), 10), ("one of the oldest", old, 1)] {
        let began = start();
        assert_eq!(audit::page(&store, &filter, Cursor::Before(i64::MAX), 10).await.unwrap().len(), found);
        println!("{name}: {what} of {AUDITED} audit entries looked up in {:.0?}", began.elapsed());
    }
    store.close().await;
}

/// Removes something while inputs are taken in, and prints how long those took.
async fn beside_inputs(name: &str, what: &str, store: &Store, removing: impl Future<Output = Result<u64, StoreError>>) {
    let over = Arc::new(AtomicBool::new(false));
    let (intake, seen_over, prefix) = (Intake::start(store.clone()), Arc::clone(&over), what.to_owned());
    let inputs = tokio::spawn(async move {
        let mut took = Vec::new();
        while !seen_over.load(Ordering::Relaxed) || took.is_empty() {
            let (key, kind) = (format!("{prefix}/{}", took.len()), "event".to_owned());
            let input = NewInput { key, kind, payload: "x".repeat(1500), received_at: NOW, done: false };
            let began = start();
            intake.receive(input).await.unwrap();
            took.push(began.elapsed().as_secs_f64() * 1000.0);
            pause(STEP).await;
        }
        took
    });
    let began = start();
    let gone = removing.await.unwrap();
    let length = began.elapsed();
    over.store(true, Ordering::Relaxed);
    let mut took = inputs.await.unwrap();
    println!("{name}, old {what}: {gone} rows removed in {length:.1?}; inputs meanwhile: {}", spread("ms", &mut took));
}

#[expect(clippy::disallowed_methods, reason = "a measurement")]
async fn pause(length: Duration) {
    tokio::time::sleep(length).await;
}

async fn pool(url: &str) -> AnyPool {
    sqlx::any::install_default_drivers();
    AnyPoolOptions::new().max_connections(1).connect(url).await.unwrap()
}

/// `statement` over the numbers from 1 to `count`.
fn counting(statement: &str, count: i64) -> String {
    let numbers = [("{now}", NOW.as_millis()), ("{wallets}", WALLETS), ("{audited}", AUDITED)];
    let statement = statement.replace("{hash}", &"a".repeat(64));
    let statement = numbers.into_iter().fold(statement, |text, (name, value)| text.replace(name, &value.to_string()));
    format!(
        "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {count}) {statement}"
    )
}

async fn run(pool: &AnyPool, statement: &str) {
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(pool).await.unwrap();
}
