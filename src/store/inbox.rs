//! Everything that came in, once per dedupe key, until it is finished. Rows get here through [`super::intake`].

use sqlx::FromRow;

use crate::core::time::Timestamp;

use super::session::{marks, over};
use super::{Store, StoreError, Tx};

/// An input that waits to be handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    pub key: String,
    pub kind: String,
    pub payload: String,
    pub received_at: Timestamp,
    /// How often handling it failed.
    pub attempts: u32,
}

#[derive(FromRow)]
struct InputRow {
    key: String,
    kind: String,
    payload: String,
    received_at: i64,
    attempts: i64,
}

impl From<InputRow> for Input {
    fn from(row: InputRow) -> Self {
        let InputRow { key, kind, payload, received_at, attempts } = row;
        let received_at = Timestamp::from_millis(received_at);
        Self { key, kind, payload, received_at, attempts: u32::try_from(attempts).unwrap_or(u32::MAX) }
    }
}

/// What the inbox holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub waiting: u64,
    /// Of those, how many failed at least once.
    pub failing: u64,
    pub oldest: Option<Timestamp>,
}

/// Unfinished inputs that are due, oldest first.
pub async fn waiting(store: &Store, now: Timestamp, limit: u32) -> Result<Vec<Input>, StoreError> {
    let select = "
        SELECT key, kind, payload, received_at, attempts FROM inbox
        WHERE finished_at IS NULL AND not_before <= $1
        ORDER BY received_at, key LIMIT $2";
    let select = sqlx::query_as::<_, InputRow>(select).bind(now.as_millis()).bind(i64::from(limit));
    Ok(store.reader().await?.all(select).await?.into_iter().map(Input::from).collect())
}

/// Marks an input as handled, in the transaction that holds what it led to. False: somebody else finished it already;
/// the caller must roll back. What it said is not kept: its key alone tells a duplicate.
pub async fn finish(tx: &mut Tx, key: &str, outcome: &str, now: Timestamp) -> Result<bool, StoreError> {
    let update = "UPDATE inbox SET finished_at = $1, outcome = $2, payload = '' WHERE key = $3 AND finished_at IS NULL";
    Ok(tx.execute(sqlx::query(update).bind(now.as_millis()).bind(outcome).bind(key)).await? == 1)
}

/// As [`finish`] for inputs that led to nothing; gives how many were still open.
pub async fn finish_many(store: &Store, keys: &[&str], outcome: &str, now: Timestamp) -> Result<u64, StoreError> {
    let mut finished = 0;
    for keys in keys.chunks(500) {
        let update = format!(
            "UPDATE inbox SET finished_at = ${}, outcome = ${}, payload = '' WHERE finished_at IS NULL AND key IN {}",
            keys.len() + 1,
            keys.len() + 2,
            marks(1, keys.len())
        );
        let mut update = over(keys.len(), update);
        for key in keys {
            update = update.bind(*key);
        }
        finished += store.writer().await?.execute(update.bind(now.as_millis()).bind(outcome)).await?;
    }
    Ok(finished)
}

/// Puts an input off after a failure.
pub async fn fail(store: &Store, key: &str, error: &str, not_before: Timestamp) -> Result<(), StoreError> {
    let update = "
        UPDATE inbox SET attempts = attempts + 1, last_error = $1, not_before = $2
        WHERE key = $3 AND finished_at IS NULL";
    store.writer().await?.execute(sqlx::query(update).bind(error).bind(not_before.as_millis()).bind(key)).await?;
    Ok(())
}

/// Leaves an input to whoever looks for waiting ones first, at once and without counting a failure.
pub async fn hand_over(store: &Store, key: &str) -> Result<(), StoreError> {
    let update = "UPDATE inbox SET not_before = 0 WHERE key = $1 AND finished_at IS NULL";
    store.writer().await?.execute(sqlx::query(update).bind(key)).await?;
    Ok(())
}

/// After a clock that ran ahead: nothing waits until later than `most`.
pub async fn hasten(store: &Store, most: Timestamp) -> Result<u64, StoreError> {
    let update = "UPDATE inbox SET not_before = $1 WHERE finished_at IS NULL AND not_before > $1";
    store.writer().await?.execute(sqlx::query(update).bind(most.as_millis())).await
}

pub async fn counts(store: &Store) -> Result<Counts, StoreError> {
    let select = "
        SELECT COUNT(*), COUNT(CASE WHEN attempts > 0 THEN 1 END), MIN(received_at)
        FROM inbox WHERE finished_at IS NULL";
    let row: Option<(i64, i64, Option<i64>)> = store.reader().await?.first(sqlx::query_as(select)).await?;
    let (waiting, failing, oldest) = row.unwrap_or_default();
    Ok(Counts {
        waiting: waiting.unsigned_abs(),
        failing: failing.unsigned_abs(),
        oldest: oldest.map(Timestamp::from_millis),
    })
}

/// Deletes inputs finished before `before`: their keys no longer catch duplicates, so keep them well beyond the last
/// redelivery (Slack: one hour).
pub async fn prune(store: &Store, before: Timestamp) -> Result<u64, StoreError> {
    let delete = "
        DELETE FROM inbox WHERE key IN (SELECT key FROM inbox WHERE finished_at < $1 LIMIT $2)";
    store.delete_in_steps(delete, before).await
}

#[cfg(test)]
mod tests {
    use super::super::intake::{Intake, NewInput};
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;

    on_both_databases!(
        inputs_wait_in_order_until_they_are_finished,
        two_that_finish_one_input_cannot_both_commit,
        a_failed_input_is_put_off,
        finished_inputs_are_pruned_and_waiting_ones_kept,
    );

    async fn receive(db: &Fresh, keys: &[&str]) {
        let intake = Intake::start(db.store.clone());
        for (key, secs) in keys.iter().zip(0..) {
            let received_at = db.in_secs(secs);
            let input =
                NewInput { key: (*key).into(), kind: "event".into(), payload: "{}".into(), received_at, done: false };
            intake.receive(input).await.unwrap();
        }
    }

    async fn waiting_keys(db: &Fresh, at: Timestamp) -> Vec<String> {
        waiting(&db.store, at, 10).await.unwrap().into_iter().map(|input| input.key).collect()
    }

    async fn inputs_wait_in_order_until_they_are_finished(db: Fresh) {
        receive(&db, &["b", "a", "c", "d"]).await;
        assert_eq!(waiting_keys(&db, db.in_secs(9)).await, ["b", "a", "c", "d"]);
        let mut tx = db.store.begin().await.unwrap();
        assert!(finish(&mut tx, "a", "acted", db.now).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(finish_many(&db.store, &["b", "a", "zz"], "ignored", db.now).await.unwrap(), 1);
        assert_eq!(waiting_keys(&db, db.in_secs(9)).await, ["c", "d"]);
        assert_eq!(db.tamper("DELETE FROM inbox WHERE payload <> ''").await, 2, "what the others said is not kept");
    }

    async fn two_that_finish_one_input_cannot_both_commit(db: Fresh) {
        receive(&db, &["a"]).await;
        let attempts = (0..4).map(|_| {
            let (store, now) = (db.store.clone(), db.now);
            tokio::spawn(async move {
                let mut tx = store.begin().await.unwrap();
                let mine = finish(&mut tx, "a", "acted", now).await.unwrap();
                tx.commit().await.unwrap();
                mine
            })
        });
        let mut finished = 0;
        for attempt in attempts.collect::<Vec<_>>() {
            finished += u32::from(attempt.await.unwrap());
        }
        assert_eq!(finished, 1);
    }

    async fn a_failed_input_is_put_off(db: Fresh) {
        receive(&db, &["a"]).await;
        fail(&db.store, "a", "boom", db.in_secs(30)).await.unwrap();
        assert!(waiting_keys(&db, db.in_secs(29)).await.is_empty());
        assert_eq!(waiting(&db.store, db.in_secs(30), 10).await.unwrap()[0].attempts, 1);
        let expected = Counts { waiting: 1, failing: 1, oldest: Some(db.now) };
        assert_eq!(counts(&db.store).await.unwrap(), expected);
    }

    async fn finished_inputs_are_pruned_and_waiting_ones_kept(db: Fresh) {
        receive(&db, &["a", "b", "c"]).await;
        finish_many(&db.store, &["a"], "acted", db.in_secs(10)).await.unwrap();
        finish_many(&db.store, &["b"], "acted", db.in_secs(20)).await.unwrap();
        assert_eq!(prune(&db.store, db.in_secs(20)).await.unwrap(), 1);
        assert_eq!(counts(&db.store).await.unwrap().waiting, 1);
    }
}
