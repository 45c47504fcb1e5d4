//! Small things to remember under a name: installations, the hash of the last config, the last canary.

use crate::core::time::Timestamp;

use super::{Store, StoreError, Tx};

pub async fn put(tx: &mut Tx, key: &str, value: &str, now: Timestamp) -> Result<(), StoreError> {
    let upsert = "
        INSERT INTO facts (key, value, updated_at) VALUES ($1, $2, $3)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at";
    tx.execute(sqlx::query(upsert).bind(key).bind(value).bind(now.as_millis())).await?;
    Ok(())
}

pub async fn get(store: &Store, key: &str) -> Result<Option<String>, StoreError> {
    let select = sqlx::query_as("SELECT value FROM facts WHERE key = $1").bind(key);
    let row: Option<(String,)> = store.reader().await?.first(select).await?;
    Ok(row.map(|(value,)| value))
}

/// As [`get`], as the transaction sees it.
pub async fn read(tx: &mut Tx, key: &str) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> = tx.first(sqlx::query_as("SELECT value FROM facts WHERE key = $1").bind(key)).await?;
    Ok(row.map(|(value,)| value))
}

/// All facts whose key starts with `prefix`, by key.
pub async fn list(store: &Store, prefix: &str) -> Result<Vec<(String, String)>, StoreError> {
    let select = "SELECT key, value FROM facts WHERE SUBSTR(key, 1, LENGTH($1)) = $1 ORDER BY key";
    store.reader().await?.all(sqlx::query_as(select).bind(prefix)).await
}

/// Deletes facts older than `before` whose key is `prefix` and the id of a group that is deleted.
pub async fn prune_groups(store: &Store, prefix: &str, before: Timestamp) -> Result<u64, StoreError> {
    let delete = "
        DELETE FROM facts
        WHERE SUBSTR(key, 1, LENGTH($1)) = $1 AND updated_at < $2
            AND NOT EXISTS (SELECT 1 FROM alert_groups g WHERE g.id = SUBSTR(facts.key, LENGTH($1) + 1))";
    store.writer().await?.execute(sqlx::query(delete).bind(prefix).bind(before.as_millis())).await
}

/// True when there was one.
pub async fn forget(tx: &mut Tx, key: &str) -> Result<bool, StoreError> {
    Ok(tx.execute(sqlx::query("DELETE FROM facts WHERE key = $1").bind(key)).await? > 0)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;

    on_both_databases!(a_fact_is_its_latest_value, facts_are_listed_by_prefix, facts_of_deleted_groups_are_pruned);

    async fn facts_of_deleted_groups_are_pruned(db: Fresh) {
        let mut tx = db.store.begin().await.unwrap();
        for (key, at) in [("chart:gone", 0), ("chart:young", 60), ("config.hash", 0)] {
            put(&mut tx, key, "F1", db.in_secs(at)).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(prune_groups(&db.store, "chart:", db.in_secs(30)).await.unwrap(), 1);
        assert_eq!(get(&db.store, "chart:gone").await.unwrap(), None);
        assert!(get(&db.store, "config.hash").await.unwrap().is_some());
    }

    async fn a_fact_is_its_latest_value(db: Fresh) {
        let mut tx = db.store.begin().await.unwrap();
        put(&mut tx, "config.hash", "a", db.now).await.unwrap();
        put(&mut tx, "config.hash", "b", db.now).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(get(&db.store, "config.hash").await.unwrap().as_deref(), Some("b"));
        let mut tx = db.store.begin().await.unwrap();
        assert!(forget(&mut tx, "config.hash").await.unwrap());
        assert!(!forget(&mut tx, "config.hash").await.unwrap());
    }

    async fn facts_are_listed_by_prefix(db: Fresh) {
        let mut tx = db.store.begin().await.unwrap();
        for key in ["install/T2", "install/T1", "instal", "install%"] {
            put(&mut tx, key, key, db.now).await.unwrap();
        }
        tx.commit().await.unwrap();
        let found: Vec<_> = list(&db.store, "install/").await.unwrap().into_iter().map(|(key, _)| key).collect();
        assert_eq!(found, ["install/T1", "install/T2"]);
    }
}
