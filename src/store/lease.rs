//! Who may tick: one holder at a time, told apart by a term that counts up, checked inside every write it makes.
//!
//! Electing a leader does not fence a former one (client-go's leaderelection says so of itself); [`check`] does.

use std::time::Duration;

use crate::core::time::Timestamp;

use super::{Store, StoreError, Tx};

/// So many times its length away no lease ends: farther than replicas' clocks differ.
pub(super) const FAR: u32 = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub name: String,
    /// Unique to the process, not to the machine.
    pub holder: String,
    /// Higher than that of every holder before.
    pub term: i64,
    pub expires_at: Timestamp,
}

/// Takes the lease when it is free or expired, or renews it when it is ours. `None`: somebody else holds it.
pub async fn acquire(
    store: &Store,
    name: &str,
    holder: &str,
    ttl: Duration,
    now: Timestamp,
) -> Result<Option<Lease>, StoreError> {
    // A lapse starts a new term even for the same holder: what it began before may not be finished now. Nobody holds a lease
    // for long, so one with an end far away is of a clock that was set back since.
    let upsert = "
        INSERT INTO leases (name, holder, term, expires_at) VALUES ($1, $2, 1, $3)
        ON CONFLICT (name) DO UPDATE SET
            term = CASE WHEN leases.holder = excluded.holder AND leases.expires_at > $4
                   THEN leases.term ELSE leases.term + 1 END,
            holder = excluded.holder,
            expires_at = excluded.expires_at
        WHERE leases.holder = excluded.holder OR leases.expires_at <= $4 OR leases.expires_at > $5
        RETURNING term";
    let expires_at = now.plus(ttl);
    let upsert = sqlx::query_as(upsert).bind(name).bind(holder).bind(expires_at.as_millis()).bind(now.as_millis());
    let upsert = upsert.bind(now.plus(ttl.saturating_mul(FAR)).as_millis());
    let row: Option<(i64,)> = store.writer().await?.first(upsert).await?;
    Ok(row.map(|(term,)| Lease { name: name.to_owned(), holder: holder.to_owned(), term, expires_at }))
}

/// # Errors
/// [`StoreError::Lost`] when it lapsed or somebody else holds it.
pub async fn renew(store: &Store, lease: &Lease, ttl: Duration, now: Timestamp) -> Result<Lease, StoreError> {
    let expires_at = now.plus(ttl);
    let update = "
        UPDATE leases SET expires_at = $1
        WHERE name = $2 AND holder = $3 AND term = $4 AND expires_at > $5";
    let update = sqlx::query(update)
        .bind(expires_at.as_millis())
        .bind(lease.name.as_str())
        .bind(lease.holder.as_str())
        .bind(lease.term)
        .bind(now.as_millis());
    if store.writer().await?.execute(update).await? == 0 {
        return Err(lost(lease));
    }
    Ok(Lease { expires_at, ..lease.clone() })
}

/// Who holds the lease at `now`, if anybody does.
pub async fn holder(store: &Store, name: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
    let select = sqlx::query_as("SELECT holder FROM leases WHERE name = $1 AND expires_at > $2");
    let row: Option<(String,)> = store.reader().await?.first(select.bind(name).bind(now.as_millis())).await?;
    Ok(row.map(|(holder,)| holder))
}

/// Lets the next one in at once; nothing happens when it is no longer ours.
pub async fn release(store: &Store, lease: &Lease) -> Result<(), StoreError> {
    let update = "UPDATE leases SET expires_at = 0 WHERE name = $1 AND holder = $2 AND term = $3";
    let update = sqlx::query(update).bind(lease.name.as_str()).bind(lease.holder.as_str()).bind(lease.term);
    store.writer().await?.execute(update).await?;
    Ok(())
}

/// Fences a write: until `tx` ends nobody else can take the lease.
///
/// # Errors
/// [`StoreError::Lost`] when it lapsed or somebody else holds it; roll back.
pub async fn check(tx: &mut Tx, lease: &Lease, now: Timestamp) -> Result<(), StoreError> {
    // An UPDATE rather than a SELECT: it locks the row on both databases.
    let update = "
        UPDATE leases SET term = term
        WHERE name = $1 AND holder = $2 AND term = $3 AND expires_at > $4";
    let update = sqlx::query(update)
        .bind(lease.name.as_str())
        .bind(lease.holder.as_str())
        .bind(lease.term)
        .bind(now.as_millis());
    if tx.execute(update).await? == 0 { Err(lost(lease)) } else { Ok(()) }
}

fn lost(lease: &Lease) -> StoreError {
    StoreError::Lost { what: format!("the lease `{}` (term {})", lease.name, lease.term) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;

    const TTL: Duration = Duration::from_secs(15);

    on_both_databases!(
        one_holds_it_until_it_lapses,
        the_holder_renews_within_its_term,
        a_former_holder_cannot_write,
        of_many_at_once_one_gets_it,
        a_released_lease_is_free_at_once,
        everybody_can_see_who_holds_it,
        one_of_a_clock_that_was_set_back_is_nobodys,
    );

    async fn one_holds_it_until_it_lapses(db: Fresh) {
        let a = acquire(&db.store, "tick", "a", TTL, db.now).await.unwrap().unwrap();
        assert_eq!(acquire(&db.store, "tick", "b", TTL, db.in_secs(14)).await.unwrap(), None);
        let b = acquire(&db.store, "tick", "b", TTL, db.in_secs(15)).await.unwrap().unwrap();
        assert_eq!((a.term, b.term), (1, 2));
        assert!(matches!(renew(&db.store, &a, TTL, db.in_secs(16)).await, Err(StoreError::Lost { .. })));
    }

    async fn the_holder_renews_within_its_term(db: Fresh) {
        let a = acquire(&db.store, "tick", "a", TTL, db.now).await.unwrap().unwrap();
        let again = acquire(&db.store, "tick", "a", TTL, db.in_secs(5)).await.unwrap().unwrap();
        let renewed = renew(&db.store, &again, TTL, db.in_secs(10)).await.unwrap();
        assert_eq!((renewed.term, renewed.expires_at), (a.term, db.in_secs(25)));
        let after_a_lapse = acquire(&db.store, "tick", "a", TTL, db.in_secs(60)).await.unwrap().unwrap();
        assert_eq!(after_a_lapse.term, a.term + 1);
    }

    async fn a_former_holder_cannot_write(db: Fresh) {
        let a = acquire(&db.store, "tick", "a", TTL, db.now).await.unwrap().unwrap();
        let mut tx = db.store.begin().await.unwrap();
        check(&mut tx, &a, db.now).await.unwrap();
        tx.commit().await.unwrap();
        acquire(&db.store, "tick", "b", TTL, db.in_secs(20)).await.unwrap().unwrap();
        let mut tx = db.store.begin().await.unwrap();
        // Even one whose clock stands still.
        assert!(matches!(check(&mut tx, &a, db.now).await, Err(StoreError::Lost { .. })));
    }

    async fn of_many_at_once_one_gets_it(db: Fresh) {
        let tasks: Vec<_> = (0..8)
            .map(|n| {
                let (store, now) = (db.store.clone(), db.now);
                tokio::spawn(async move { acquire(&store, "tick", &n.to_string(), TTL, now).await.unwrap() })
            })
            .collect();
        let mut held = 0;
        for task in tasks {
            held += u32::from(task.await.unwrap().is_some());
        }
        assert_eq!(held, 1);
    }

    async fn a_released_lease_is_free_at_once(db: Fresh) {
        let a = acquire(&db.store, "tick", "a", TTL, db.now).await.unwrap().unwrap();
        release(&db.store, &a).await.unwrap();
        assert!(acquire(&db.store, "tick", "b", TTL, db.now).await.unwrap().is_some());
        release(&db.store, &a).await.unwrap();
        assert_eq!(acquire(&db.store, "tick", "c", TTL, db.now).await.unwrap(), None);
    }

    async fn one_of_a_clock_that_was_set_back_is_nobodys(db: Fresh) {
        let ahead = acquire(&db.store, "tick", "a", TTL, db.in_secs(3600)).await.unwrap().unwrap();
        let behind = acquire(&db.store, "tick", "b", TTL, db.now).await.unwrap().unwrap();
        assert_eq!((ahead.term, behind.term), (1, 2));
        // Clocks that differ by a minute are no reason.
        acquire(&db.store, "other", "a", TTL, db.in_secs(60)).await.unwrap().unwrap();
        assert_eq!(acquire(&db.store, "other", "b", TTL, db.now).await.unwrap(), None);
    }

    async fn everybody_can_see_who_holds_it(db: Fresh) {
        assert_eq!(holder(&db.store, "tick", db.now).await.unwrap(), None);
        acquire(&db.store, "tick", "a", TTL, db.now).await.unwrap().unwrap();
        assert_eq!(holder(&db.store, "tick", db.now).await.unwrap().as_deref(), Some("a"));
        assert_eq!(holder(&db.store, "tick", db.in_secs(15)).await.unwrap(), None);
    }
}
