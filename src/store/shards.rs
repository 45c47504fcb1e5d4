//! Leases of shards: all of one holder are renewed at once, and everybody can see who holds what. Taking, checking and
//! releasing one is as with any lease.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::core::time::Timestamp;

use super::lease::FAR;
use super::{Store, StoreError};

/// A valid lease, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub name: String,
    pub holder: String,
}

/// Renews what `holder` still holds, except the lease called `except`. Gives the terms by name: what is missing, or has
/// another term than before, was lost.
pub async fn renew(
    store: &Store,
    holder: &str,
    except: &str,
    ttl: Duration,
    now: Timestamp,
) -> Result<BTreeMap<String, i64>, StoreError> {
    let update = "
        UPDATE leases SET expires_at = $1
        WHERE holder = $2 AND name <> $3 AND expires_at > $4
        RETURNING name, term";
    let update = sqlx::query_as(update).bind(now.plus(ttl).as_millis()).bind(holder).bind(except);
    let rows: Vec<(String, i64)> = store.writer().await?.all(update.bind(now.as_millis())).await?;
    Ok(rows.into_iter().collect())
}

/// Every valid lease.
pub async fn held(store: &Store, ttl: Duration, now: Timestamp) -> Result<Vec<Held>, StoreError> {
    // One with an end far away is of a clock that was set back since, and free.
    let select = "SELECT name, holder FROM leases WHERE expires_at > $1 AND expires_at <= $2 ORDER BY name";
    let far = now.plus(ttl.saturating_mul(FAR));
    let select = sqlx::query_as(select).bind(now.as_millis()).bind(far.as_millis());
    let rows: Vec<(String, String)> = store.reader().await?.all(select).await?;
    Ok(rows.into_iter().map(|(name, holder)| Held { name, holder }).collect())
}

/// Deletes leases whose name begins with `prefix` and that ended before `before`: each process leaves one.
pub async fn prune(store: &Store, prefix: &str, before: Timestamp) -> Result<u64, StoreError> {
    let delete = "DELETE FROM leases WHERE SUBSTR(name, 1, LENGTH($1)) = $1 AND expires_at < $2";
    store.writer().await?.execute(sqlx::query(delete).bind(prefix).bind(before.as_millis())).await
}

#[cfg(test)]
mod tests {
    use super::super::lease::{acquire, check, release};
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;

    const TTL: Duration = Duration::from_secs(9);

    on_both_databases!(
        all_of_a_holder_are_renewed_at_once,
        what_lapsed_or_was_taken_is_not_renewed,
        everybody_sees_who_holds_what,
        processes_that_are_long_gone_are_forgotten,
    );

    async fn take(db: &Fresh, name: &str, holder: &str, secs: u64) -> Option<i64> {
        acquire(&db.store, name, holder, TTL, db.in_secs(secs)).await.unwrap().map(|lease| lease.term)
    }

    async fn names(db: &Fresh, secs: u64) -> Vec<String> {
        let held = held(&db.store, TTL, db.in_secs(secs)).await.unwrap();
        held.into_iter().map(|held| format!("{}: {}", held.name, held.holder)).collect()
    }

    async fn all_of_a_holder_are_renewed_at_once(db: Fresh) {
        for (name, holder) in [("engine", "a"), ("feeds/0of2", "a"), ("feeds/1of2", "b"), ("replica/x/a", "a")] {
            take(&db, name, holder, 0).await.unwrap();
        }
        let terms = renew(&db.store, "a", "engine", TTL, db.in_secs(5)).await.unwrap();
        assert_eq!(terms, BTreeMap::from([("feeds/0of2".to_owned(), 1), ("replica/x/a".to_owned(), 1)]));
        assert_eq!(names(&db, 10).await, ["feeds/0of2: a", "replica/x/a: a"], "the others were not");
    }

    async fn what_lapsed_or_was_taken_is_not_renewed(db: Fresh) {
        let mine = acquire(&db.store, "feeds/0of2", "a", TTL, db.now).await.unwrap().unwrap();
        take(&db, "feeds/1of2", "a", 0).await.unwrap();
        assert_eq!(take(&db, "feeds/1of2", "b", 9).await, Some(2));
        let terms = renew(&db.store, "a", "engine", TTL, db.in_secs(9)).await.unwrap();
        assert_eq!(terms, BTreeMap::new());
        let mut tx = db.store.begin().await.unwrap();
        assert!(check(&mut tx, &mine, db.in_secs(9)).await.is_err());
    }

    async fn everybody_sees_who_holds_what(db: Fresh) {
        take(&db, "chain/solana", "a", 0).await.unwrap();
        let given = acquire(&db.store, "cluster/eu", "a", TTL, db.now).await.unwrap().unwrap();
        // Of a clock that was set back by an hour since.
        take(&db, "cluster/us", "a", 3600).await.unwrap();
        assert_eq!(names(&db, 1).await, ["chain/solana: a", "cluster/eu: a"]);
        release(&db.store, &given).await.unwrap();
        assert_eq!(names(&db, 1).await, ["chain/solana: a"]);
        assert_eq!(names(&db, 9).await, Vec::<String>::new());
    }

    async fn processes_that_are_long_gone_are_forgotten(db: Fresh) {
        take(&db, "replica/x/a", "a", 0).await.unwrap();
        take(&db, "replica/x/b", "b", 100).await.unwrap();
        take(&db, "feeds/0of2", "a", 0).await.unwrap();
        assert_eq!(prune(&db.store, "replica/", db.in_secs(100)).await.unwrap(), 1);
        // The term of a shard outlives its holders.
        assert_eq!(take(&db, "feeds/0of2", "b", 200).await, Some(2));
    }
}
