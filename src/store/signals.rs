//! The mailbox between a replica that watches and the one that decides: the newest verdict on each alert until it is decided.

use crate::core::label::Fingerprint;
use crate::core::signal::Signal;
use crate::core::time::Timestamp;

use super::session::{marks, over};
use super::{Store, StoreError, Tx};

/// A verdict that waits for its decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    pub fingerprint: Fingerprint,
    pub revision: String,
    pub signal: Signal,
}

/// A verdict that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub fingerprint: Fingerprint,
    /// Only this one; `None`: whatever there is, as a newer one was decided that never was in the mailbox.
    pub revision: Option<String>,
}

/// Rows of one statement.
const ROWS: usize = 100;

/// Puts verdicts of `shard` in place of older ones on the same alerts. The caller has checked the shard's lease in `tx`.
pub async fn post(tx: &mut Tx, shard: &str, signals: &[(String, Signal)], now: Timestamp) -> Result<(), StoreError> {
    for rows in signals.chunks(ROWS) {
        let upsert = format!(
            "INSERT INTO signals (fingerprint, shard, revision, body, posted_at) VALUES {}
            ON CONFLICT (fingerprint) DO UPDATE SET shard = excluded.shard, revision = excluded.revision,
                body = excluded.body, posted_at = excluded.posted_at",
            marks(rows.len(), 5)
        );
        let mut upsert = over(rows.len(), upsert);
        for (revision, signal) in rows {
            let fingerprint = signal.labels.fingerprint();
            let body = serde_json::to_string(signal).map_err(|_| unreadable(&fingerprint.to_string()))?;
            upsert = upsert.bind(fingerprint.to_string()).bind(shard).bind(revision.as_str());
            upsert = upsert.bind(body).bind(now.as_millis());
        }
        tx.execute(upsert).await?;
    }
    Ok(())
}

type Row = (String, String, String);

/// What waits, oldest first, at most `most` of it.
pub async fn waiting(store: &Store, most: i64) -> Result<Vec<Posted>, StoreError> {
    let select = "SELECT fingerprint, revision, body FROM signals ORDER BY revision LIMIT $1";
    Ok(posted(store.reader().await?.all(sqlx::query_as(select).bind(most)).await?))
}

/// How many wait.
pub async fn count(store: &Store) -> Result<i64, StoreError> {
    let row: Option<(i64,)> = store.reader().await?.first(sqlx::query_as("SELECT COUNT(*) FROM signals")).await?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Removes what was decided. A verdict that came meanwhile stays.
pub async fn settle(tx: &mut Tx, decided: &[Decided]) -> Result<(), StoreError> {
    for Decided { fingerprint, revision } in decided {
        let delete = "DELETE FROM signals WHERE fingerprint = $1 AND ($2 = '' OR revision = $2)";
        let delete = sqlx::query(delete).bind(fingerprint.to_string());
        tx.execute(delete.bind(revision.as_deref().unwrap_or_default())).await?;
    }
    Ok(())
}

/// What cannot be read, a newer replica wrote during an upgrade; it waits for one that can.
fn posted(rows: Vec<Row>) -> Vec<Posted> {
    let read = |(fingerprint, revision, body): Row| {
        let posted = serde_json::from_str(&body).ok().zip(fingerprint.parse().ok());
        if posted.is_none() {
            tracing::warn!(fingerprint, "a verdict of another replica cannot be read; it waits for a newer one");
        }
        posted.map(|(signal, fingerprint)| Posted { fingerprint, revision, signal })
    };
    rows.into_iter().filter_map(read).collect()
}

fn unreadable(fingerprint: &str) -> StoreError {
    StoreError::Inconsistent { table: "signals", column: "body", id: fingerprint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;
    use crate::core::severity::Severity;
    use crate::core::signal::{Condition, Evidence};
    use crate::core::time::Span;

    on_both_databases!(
        the_newest_verdict_on_an_alert_is_the_one_that_waits,
        what_was_decided_goes_and_what_came_meanwhile_stays,
        more_than_a_statement_holds_is_kept_too,
    );

    fn signal(symbol: &str, active: bool) -> Signal {
        let condition = if active { Condition::Active(Evidence::default()) } else { Condition::Inactive };
        Signal {
            labels: [("alertname", "FeedStale"), ("symbol", symbol)].into_iter().collect(),
            severity: Severity::Warning,
            condition,
            pending_for: Span::from_secs(0),
            keep_firing_for: Span::from_secs(10),
        }
    }

    async fn put(db: &Fresh, shard: &str, signals: &[(&str, Signal)]) {
        let mut tx = db.store.begin().await.unwrap();
        let signals: Vec<_> = signals.iter().map(|(id, signal)| ((*id).to_owned(), signal.clone())).collect();
        post(&mut tx, shard, &signals, db.now).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn take(db: &Fresh, symbol: &str, revision: Option<&str>) {
        let fingerprint = signal(symbol, true).labels.fingerprint();
        let decided = Decided { fingerprint, revision: revision.map(ToOwned::to_owned) };
        let mut tx = db.store.begin().await.unwrap();
        settle(&mut tx, &[decided]).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn revisions(db: &Fresh) -> Vec<String> {
        waiting(&db.store, 100).await.unwrap().into_iter().map(|posted| posted.revision).collect()
    }

    async fn the_newest_verdict_on_an_alert_is_the_one_that_waits(db: Fresh) {
        put(&db, "feeds/0of2", &[("1", signal("SOL", true)), ("2", signal("BTC", true))]).await;
        put(&db, "feeds/1of2", &[("3", signal("SOL", false))]).await;
        assert_eq!(revisions(&db).await, ["2", "3"]);
        assert_eq!(waiting(&db.store, 1).await.unwrap().len(), 1);
        let waiting = waiting(&db.store, 100).await.unwrap();
        assert_eq!(waiting[1].signal, signal("SOL", false));
        assert_eq!(waiting[1].fingerprint, signal("SOL", true).labels.fingerprint());
        assert_eq!(count(&db.store).await.unwrap(), 2);
    }

    async fn what_was_decided_goes_and_what_came_meanwhile_stays(db: Fresh) {
        put(&db, "feeds/0of2", &[("1", signal("SOL", true)), ("2", signal("BTC", true))]).await;
        put(&db, "feeds/0of2", &[("3", signal("SOL", false))]).await;
        take(&db, "SOL", Some("1")).await;
        assert_eq!(revisions(&db).await, ["2", "3"]);
        take(&db, "SOL", Some("3")).await;
        assert_eq!(revisions(&db).await, ["2"]);
        take(&db, "BTC", None).await;
        assert_eq!(count(&db.store).await.unwrap(), 0);
    }

    async fn more_than_a_statement_holds_is_kept_too(db: Fresh) {
        let names: Vec<(String, String)> = (0..250).map(|n| (format!("{n:03}"), format!("T{n}"))).collect();
        let many: Vec<(&str, Signal)> = names.iter().map(|(id, name)| (id.as_str(), signal(name, true))).collect();
        put(&db, "feeds/0of2", &many).await;
        assert_eq!(count(&db.store).await.unwrap(), 250);
    }
}
