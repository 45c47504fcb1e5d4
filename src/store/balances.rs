//! What wallets held: everything for two days, then one an hour, then one a day for two years.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::core::time::Timestamp;
use crate::core::wallet::Amount;
use crate::core::wallet::history::{DAILY, HOURLY, LATEST, RAW, slots};
use crate::core::wallet::watch::Kept;

use super::session::{marks, over};
use super::{Store, StoreError, Tx};

const COLUMNS: &str = "wallet, at, units, decimals, position";
/// Rows of one statement; both databases take this many binds.
const ROWS: usize = 100;

/// Adds `rows`; one that is there already stays as it is.
pub async fn append(tx: &mut Tx, rows: &[Kept]) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS) {
        let sql = format!(
            "INSERT INTO balances ({COLUMNS}) VALUES {} ON CONFLICT (wallet, at) DO NOTHING",
            marks(rows.len(), 5)
        );
        let mut insert = over(rows.len(), sql);
        for Kept { wallet, at, amount, position } in rows {
            insert = insert
                .bind(wallet.as_str())
                .bind(at.as_millis())
                .bind(amount.units().to_string())
                .bind(i64::from(amount.decimals()))
                .bind(i64::try_from(*position).unwrap_or(i64::MAX));
        }
        tx.execute(insert).await?;
    }
    Ok(())
}

type Row = (String, i64, String, i64, i64);

/// `None` for a row that no version of ours wrote.
fn kept((wallet, at, units, decimals, position): Row) -> Option<Kept> {
    let amount = Amount::from_units(&units, u8::try_from(decimals).ok()?).ok()?;
    Some(Kept { wallet, at: Timestamp::from_millis(at), amount, position: u64::try_from(position).ok()? })
}

/// How many wallets [`since`] is asked for at once: each statement is well within its limit of time, however often they
/// change, and its rows are few enough to leave no trace in memory.
pub const WALLETS: usize = 8;

/// These wallets since `from`, oldest first, thinned as forecasts need them ([`slots`]), and of each at least the latest
/// there is.
pub async fn since(
    store: &Store,
    wallets: &[String],
    from: Timestamp,
    now: Timestamp,
) -> Result<BTreeMap<String, Vec<Kept>>, StoreError> {
    if wallets.is_empty() {
        return Ok(BTreeMap::new());
    }
    let asked = marks(wallets.len(), 1);
    let slots = slots(from, now).into_iter().map(|(first, next)| (first.as_millis(), next.as_millis()));
    // One that is over before it begins: a list must not be empty.
    let slots = slots.chain([(0, 0)]).map(|(first, next)| format!("({first}, {next})")).collect::<Vec<_>>().join(", ");
    let finely = now.minus(LATEST).max(from).as_millis();
    // Of each slot its first reading is looked up by the primary key: what lies between is not read.
    let select = format!(
        "WITH asked(wallet) AS (VALUES {asked}), slots(first, next) AS (VALUES {slots})
        SELECT b.wallet, b.at, b.units, b.decimals, b.position FROM asked CROSS JOIN slots JOIN balances b
            ON b.wallet = asked.wallet AND b.at = (SELECT MIN(f.at) FROM balances f
                WHERE f.wallet = asked.wallet AND f.at >= slots.first AND f.at < slots.next)
        UNION SELECT wallet, at, units, decimals, position FROM balances WHERE wallet IN ({asked}) AND at >= {finely}
        UNION SELECT b.wallet, b.at, b.units, b.decimals, b.position FROM asked JOIN balances b
            ON b.wallet = asked.wallet AND b.at = (SELECT MAX(l.at) FROM balances l WHERE l.wallet = asked.wallet)
        ORDER BY at"
    );
    // Another at each time, so it is not kept.
    let mut select = sqlx::query_as(sqlx::AssertSqlSafe(select)).persistent(false);
    for wallet in wallets {
        select = select.bind(wallet.as_str());
    }
    let rows: Vec<Row> = store.reader().await?.all(select).await?;
    let mut past: BTreeMap<String, Vec<Kept>> = BTreeMap::new();
    for row in rows.into_iter().filter_map(kept) {
        past.entry(row.wallet.clone()).or_default().push(row);
    }
    Ok(past)
}

/// One wallet since `from`, oldest first.
pub async fn of_wallet(store: &Store, wallet: &str, from: Timestamp) -> Result<Vec<Kept>, StoreError> {
    let select = "
        SELECT wallet, at, units, decimals, position FROM balances
        WHERE wallet = $1 AND at >= $2 ORDER BY at";
    let rows: Vec<Row> = store.reader().await?.all(sqlx::query_as(select).bind(wallet).bind(from.as_millis())).await?;
    Ok(rows.into_iter().filter_map(kept).collect())
}

/// Thins what is old: the last of each hour stays, later the last of each day, in the end nothing. Gives the number of
/// rows that went. It goes from wallet to wallet, so that no statement holds the writer for long, however many there are.
pub async fn thin(store: &Store, now: Timestamp) -> Result<u64, StoreError> {
    let mut gone = 0;
    let mut last = String::new();
    loop {
        let next = sqlx::query_as("SELECT MIN(wallet) FROM balances WHERE wallet > $1").bind(last.as_str());
        let (next,): (Option<String>,) = store.reader().await?.first(next).await?.unwrap_or_default();
        let Some(wallet) = next else { return Ok(gone) };
        gone += thin_wallet(store, &wallet, now).await?;
        last = wallet;
    }
}

async fn thin_wallet(store: &Store, wallet: &str, now: Timestamp) -> Result<u64, StoreError> {
    const HOUR: i64 = 3_600_000;
    // One bound for `later.at`: SQLite looks in the index by one of two, and by the wrong one reads all that is younger.
    let last_of = "
        DELETE FROM balances WHERE wallet = $1 AND at < $2 AND at >= $3 AND EXISTS (
            SELECT 1 FROM balances later
            WHERE later.wallet = $1 AND later.at > balances.at AND later.at < CASE
                WHEN (balances.at / $4 + 1) * $4 < $2 THEN (balances.at / $4 + 1) * $4
                ELSE $2 END)";
    let before = |length: Duration| now.minus(length).as_millis();
    let mut writer = store.writer().await?;
    let hourly = sqlx::query(last_of).bind(wallet).bind(before(RAW)).bind(before(HOURLY)).bind(HOUR);
    let mut gone = writer.execute(hourly).await?;
    let daily = sqlx::query(last_of).bind(wallet).bind(before(HOURLY)).bind(before(DAILY)).bind(24 * HOUR);
    gone += writer.execute(daily).await?;
    let old = sqlx::query("DELETE FROM balances WHERE wallet = $1 AND at < $2").bind(wallet).bind(before(DAILY));
    gone += writer.execute(old).await?;
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;
    use crate::core::wallet::history::{History, Point};

    on_both_databases!(
        balances_come_back_exactly,
        the_past_is_read_as_forecasts_need_it,
        old_balances_are_thinned_and_the_newest_stays
    );

    fn row(wallet: &str, at: Timestamp, units: u128) -> Kept {
        Kept { wallet: wallet.to_owned(), at, amount: Amount::new(units, 18).unwrap(), position: 7 }
    }

    async fn put(db: &Fresh, rows: &[Kept]) {
        let mut tx = db.store.begin().await.unwrap();
        append(&mut tx, rows).await.unwrap();
        tx.commit().await.unwrap();
    }

    fn names(wallets: &[&str]) -> Vec<String> {
        wallets.iter().map(|wallet| (*wallet).to_owned()).collect()
    }

    async fn balances_come_back_exactly(db: Fresh) {
        let long_ago = db.now.minus(Duration::from_hours(500));
        let rows =
            [row("a", long_ago, 1), row("a", db.now, u128::MAX), row("b", long_ago, 0), row("b", db.in_secs(1), 5)];
        put(&db, &rows).await;
        put(&db, &[row("a", db.now, 3)]).await;
        assert_eq!(of_wallet(&db.store, "a", long_ago).await.unwrap(), rows[..2]);
        let latest = since(&db.store, &names(&["a", "b"]), db.in_secs(1), db.now).await.unwrap();
        assert_eq!(latest["a"], [rows[1].clone()], "the latest, however old");
        assert_eq!(latest["b"], [rows[3].clone()]);
        let one = since(&db.store, &names(&["b", "unheard of"]), long_ago, db.now).await.unwrap();
        assert_eq!(one.into_iter().collect::<Vec<_>>(), [("b".to_owned(), rows[2..].to_vec())]);
        assert!(since(&db.store, &[], long_ago, db.now).await.unwrap().is_empty());
        let many: Vec<Kept> = (0..250).map(|secs| row("c", db.in_secs(secs), 1)).collect();
        put(&db, &many).await;
        assert_eq!(of_wallet(&db.store, "c", db.now).await.unwrap().len(), 250);
    }

    async fn the_past_is_read_as_forecasts_need_it(db: Fresh) {
        let minutes = |from: u64, to: u64| (from..to).map(|ago| db.now.minus(Duration::from_mins(ago)));
        let all: Vec<Kept> = minutes(0, 180).chain(minutes(1500, 1680)).map(|at| row("a", at, 1)).collect();
        put(&db, &all).await;
        let read = since(&db.store, &names(&["a"]), db.now.minus(Duration::from_hours(200)), db.now).await.unwrap();
        let mut thinned = History::of(all.iter().map(|row| Point { at: row.at, units: at_once(row.at) }).collect());
        thinned.thin(Duration::from_hours(200), db.now);
        let [read, thinned]: [Vec<Timestamp>; 2] =
            [read["a"].iter().map(|row| row.at).collect(), thinned.points().iter().map(|point| point.at).collect()];
        assert_eq!(read, thinned);
        assert!(read.len() < 80, "{}", read.len());
    }

    /// Another at each time, so that none is left out as equal.
    fn at_once(at: Timestamp) -> u128 {
        at.as_millis().unsigned_abs().into()
    }

    async fn old_balances_are_thinned_and_the_newest_stays(db: Fresh) {
        let ago = |hours: u64, minutes: u64| db.now.minus(Duration::from_mins(hours * 60 + minutes));
        let mut rows: Vec<Kept> = (0..60).map(|minute| row("fresh", ago(1, minute), 1)).collect();
        rows.extend((0..180).map(|minute| row("days", ago(100, minute), minute.into())));
        rows.extend((0..96).map(|half| row("months", ago(1000, half * 30), half.into())));
        rows.push(row("ancient", ago(3 * 365 * 24, 0), 1));
        put(&db, &rows).await;
        assert!(thin(&db.store, db.now).await.unwrap() > 250);
        assert_eq!(thin(&db.store, db.now).await.unwrap(), 0, "once is enough");
        let count = async |wallet: &str| of_wallet(&db.store, wallet, Timestamp::default()).await.unwrap().len();
        assert_eq!(count("fresh").await, 60);
        // Three hours touch three or four hours of the clock, two days two or three of the calendar.
        assert!((3..=4).contains(&count("days").await) && (2..=3).contains(&count("months").await));
        assert_eq!(count("ancient").await, 0);
        assert_eq!(of_wallet(&db.store, "days", ago(101, 0)).await.unwrap().last().unwrap().amount.units(), 0);
    }
}
