//! On call: overrides, swaps, and the last good copy of schedules that are kept elsewhere.

use std::collections::BTreeMap;

use crate::core::ids::{OverrideId, SwapId, UserId};
use crate::core::oncall::{Override, Swap};
use crate::core::time::Timestamp;

use super::{Store, StoreError, Tx};

/// What one step changes, written in its transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Override { schedule: String, over: Override },
    RemoveOverride(OverrideId),
    Swap(Swap),
}

pub async fn save(tx: &mut Tx, changes: &[Change], now: Timestamp) -> Result<(), StoreError> {
    for change in changes {
        match change {
            Change::Override { schedule, over } => add(tx, schedule, over, now).await?,
            Change::RemoveOverride(id) => {
                let update = "UPDATE oncall_overrides SET removed_at = $1 WHERE id = $2 AND removed_at IS NULL";
                tx.execute(sqlx::query(update).bind(now.as_millis()).bind(id.as_str())).await?;
            }
            Change::Swap(swap) => save_swap(tx, swap).await?,
        }
    }
    Ok(())
}

async fn add(tx: &mut Tx, schedule: &str, over: &Override, now: Timestamp) -> Result<(), StoreError> {
    let insert = "
        INSERT INTO oncall_overrides (id, schedule, user_id, starts_at, ends_at, created_at, made_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let Override { id, user, from, to, by } = over;
    let insert = sqlx::query(insert).bind(id.as_str()).bind(schedule).bind(user.as_str());
    let insert = insert.bind(from.as_millis()).bind(to.as_millis()).bind(now.as_millis());
    tx.execute(insert.bind(by.as_ref().map(UserId::as_str))).await?;
    Ok(())
}

/// The overrides that end after `since`, by schedule, in the order in which they were made.
pub async fn overrides(store: &Store, since: Timestamp) -> Result<BTreeMap<String, Vec<Override>>, StoreError> {
    let select = "
        SELECT id, schedule, user_id, starts_at, ends_at, made_by FROM oncall_overrides
        WHERE removed_at IS NULL AND ends_at > $1 ORDER BY created_at, id";
    let select = sqlx::query_as(select).bind(since.as_millis());
    let rows: Vec<(String, String, String, i64, i64, Option<String>)> = store.reader().await?.all(select).await?;
    let mut overrides: BTreeMap<String, Vec<Override>> = BTreeMap::new();
    for (id, schedule, user, from, to, by) in rows {
        overrides.entry(schedule).or_default().push(Override {
            id: OverrideId::new(id),
            user: UserId::new(user),
            from: Timestamp::from_millis(from),
            to: Timestamp::from_millis(to),
            by: by.map(UserId::new),
        });
    }
    Ok(overrides)
}

/// A swap goes from one state to the next once: of two who answer at the same time the second finds it gone.
async fn save_swap(tx: &mut Tx, swap: &Swap) -> Result<(), StoreError> {
    let body = serde_json::to_string(swap).unwrap_or_default();
    let Some(before) = swap.state.before() else {
        let insert = "INSERT INTO oncall_swaps (id, state, expires_at, body) VALUES ($1, $2, $3, $4)";
        let insert = sqlx::query(insert).bind(swap.id.as_str()).bind(swap.state.name());
        return tx.execute(insert.bind(swap.expires_at.as_millis()).bind(body)).await.map(drop);
    };
    let update = "UPDATE oncall_swaps SET state = $1, body = $2 WHERE id = $3 AND state = $4";
    let update = sqlx::query(update).bind(swap.state.name()).bind(body).bind(swap.id.as_str()).bind(before);
    match tx.execute(update).await? {
        0 => Err(StoreError::Lost { what: format!("swap {}", swap.id) }),
        _ => Ok(()),
    }
}

pub async fn swap(store: &Store, id: &SwapId) -> Result<Option<Swap>, StoreError> {
    let select = sqlx::query_as("SELECT body FROM oncall_swaps WHERE id = $1").bind(id.as_str());
    let row: Option<(String,)> = store.reader().await?.first(select).await?;
    row.map(|(body,)| read_swap(id.as_str(), &body)).transpose()
}

/// Swaps that wait for an answer and have expired by `now`.
pub async fn expired(store: &Store, now: Timestamp) -> Result<Vec<Swap>, StoreError> {
    let select = "SELECT id, body FROM oncall_swaps WHERE state = 'asked' AND expires_at <= $1 ORDER BY id";
    let rows: Vec<(String, String)> = store.reader().await?.all(sqlx::query_as(select).bind(now.as_millis())).await?;
    rows.iter().map(|(id, body)| read_swap(id, body)).collect()
}

fn read_swap(id: &str, body: &str) -> Result<Swap, StoreError> {
    let inconsistent = |_| StoreError::Inconsistent { table: "oncall_swaps", column: "body", id: id.to_owned() };
    serde_json::from_str(body).map_err(inconsistent)
}

/// A schedule as it was last fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    pub etag: Option<String>,
    pub body: String,
    pub fetched_at: Timestamp,
}

pub async fn keep_copy(store: &Store, schedule: &str, copy: &Copy) -> Result<(), StoreError> {
    let upsert = "
        INSERT INTO oncall_feeds (schedule, etag, body, fetched_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (schedule) DO UPDATE
        SET etag = excluded.etag, body = excluded.body, fetched_at = excluded.fetched_at";
    let upsert = sqlx::query(upsert).bind(schedule).bind(copy.etag.as_deref()).bind(copy.body.as_str());
    store.writer().await?.execute(upsert.bind(copy.fetched_at.as_millis())).await?;
    Ok(())
}

/// The same copy is still what is there.
pub async fn confirm_copy(store: &Store, schedule: &str, at: Timestamp) -> Result<(), StoreError> {
    let update = sqlx::query("UPDATE oncall_feeds SET fetched_at = $1 WHERE schedule = $2");
    store.writer().await?.execute(update.bind(at.as_millis()).bind(schedule)).await?;
    Ok(())
}

pub async fn copy(store: &Store, schedule: &str) -> Result<Option<Copy>, StoreError> {
    let select = sqlx::query_as("SELECT etag, body, fetched_at FROM oncall_feeds WHERE schedule = $1").bind(schedule);
    let row: Option<(Option<String>, String, i64)> = store.reader().await?.first(select).await?;
    Ok(row.map(|(etag, body, at)| Copy { etag, body, fetched_at: Timestamp::from_millis(at) }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;
    use crate::core::oncall::{Exchange, Stint};

    on_both_databases!(
        overrides_are_kept_in_the_order_they_were_made,
        a_swap_is_open_until_it_is_answered,
        a_copy_is_the_latest
    );

    fn over(db: &Fresh, id: &str, from: u64, to: u64) -> Override {
        let (user, by) = (UserId::new("U1"), Some(UserId::new("U2")));
        Override { id: OverrideId::new(id), user, from: db.in_secs(from), to: db.in_secs(to), by }
    }

    async fn commit(db: &Fresh, changes: &[Change], secs: u64) {
        let mut tx = db.store.begin().await.unwrap();
        save(&mut tx, changes, db.in_secs(secs)).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn overrides_are_kept_in_the_order_they_were_made(db: Fresh) {
        let add =
            |id: &str, from, to| Change::Override { schedule: "primary".to_owned(), over: over(&db, id, from, to) };
        commit(&db, &[add("B", 0, 100)], 1).await;
        commit(&db, &[add("A", 50, 150), add("C", 0, 10)], 2).await;
        let ids = |found: BTreeMap<String, Vec<Override>>| -> Vec<String> {
            found.get("primary").into_iter().flatten().map(|over| over.id.to_string()).collect()
        };
        let found = overrides(&db.store, db.in_secs(20)).await.unwrap();
        assert!(found["primary"].iter().all(Override::vouched), "{found:?}");
        assert_eq!(ids(found), ["B", "A"]);
        commit(&db, &[Change::RemoveOverride(OverrideId::new("B"))], 3).await;
        assert_eq!(ids(overrides(&db.store, db.now).await.unwrap()), ["A", "C"]);
    }

    async fn a_swap_is_open_until_it_is_answered(db: Fresh) {
        let stint = Stint { from: db.in_secs(100), to: db.in_secs(200) };
        let exchange = Exchange {
            schedule: "primary".to_owned(),
            asks: UserId::new("U1"),
            asked: UserId::new("U2"),
            gives: stint,
            takes: None,
        };
        let swap = Swap::ask(SwapId::new("S"), exchange, db.now);
        commit(&db, &[Change::Swap(swap.clone())], 0).await;
        assert_eq!(super::swap(&db.store, &swap.id).await.unwrap(), Some(swap.clone()));
        let late = swap.expires_at;
        assert_eq!(expired(&db.store, db.now).await.unwrap(), []);
        assert_eq!(expired(&db.store, late).await.unwrap(), std::slice::from_ref(&swap));
        let expired_swap = swap.clone().expire(late).unwrap();
        commit(&db, &[Change::Swap(expired_swap)], 0).await;
        let declined = swap.decline(&UserId::new("U2"), db.now).unwrap();
        let mut tx = db.store.begin().await.unwrap();
        let second = save(&mut tx, &[Change::Swap(declined)], db.now).await;
        assert!(matches!(second, Err(StoreError::Lost { .. })), "{second:?}");
        tx.rollback().await.unwrap();
        assert_eq!(expired(&db.store, late).await.unwrap(), []);
    }

    async fn a_copy_is_the_latest(db: Fresh) {
        assert_eq!(copy(&db.store, "primary").await.unwrap(), None);
        let first = Copy { etag: Some("\"1\"".to_owned()), body: "a".to_owned(), fetched_at: db.now };
        let second = Copy { etag: None, body: "b".to_owned(), fetched_at: db.in_secs(1) };
        keep_copy(&db.store, "primary", &first).await.unwrap();
        keep_copy(&db.store, "primary", &second).await.unwrap();
        confirm_copy(&db.store, "primary", db.in_secs(9)).await.unwrap();
        let expected = Copy { fetched_at: db.in_secs(9), ..second };
        assert_eq!(copy(&db.store, "primary").await.unwrap(), Some(expected));
    }
}
