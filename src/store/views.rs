//! What is known of a shard, passed on: somebody wants it, and who watches the shard publishes it.

use std::collections::BTreeMap;

use crate::core::time::Timestamp;

use super::session::kept;
use super::{Store, StoreError, Tx};

/// A view as it was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// By the clock of who published it, and not before it was wanted.
    pub published_at: Timestamp,
    pub body: String,
}

/// Somebody wants these as of `now`; gives those that are not older than `fresh` already, by shard.
pub async fn want(
    store: &Store,
    shards: &[String],
    fresh: Timestamp,
    now: Timestamp,
) -> Result<BTreeMap<String, View>, StoreError> {
    let known = published_since(store, shards, fresh).await?;
    let upsert = "
        INSERT INTO views (shard, wanted_at) VALUES ($1, $2)
        ON CONFLICT (shard) DO UPDATE SET wanted_at = excluded.wanted_at
        WHERE views.wanted_at < excluded.wanted_at";
    let mut writer = store.writer().await?;
    for shard in shards.iter().filter(|shard| !known.contains_key(*shard)) {
        writer.execute(sqlx::query(upsert).bind(shard.as_str()).bind(now.as_millis())).await?;
    }
    Ok(known)
}

/// Those of `shards` that were published at `since` or later.
pub async fn published_since(
    store: &Store,
    shards: &[String],
    since: Timestamp,
) -> Result<BTreeMap<String, View>, StoreError> {
    if shards.is_empty() {
        return Ok(BTreeMap::new());
    }
    let marks: Vec<String> = (0..shards.len()).map(|nth| format!("${}", nth + 2)).collect();
    let select = format!(
        "SELECT shard, published_at, body FROM views WHERE published_at >= $1 AND shard IN ({})",
        marks.join(", ")
    );
    let mut select = sqlx::query_as(sqlx::AssertSqlSafe(select)).persistent(kept(shards.len())).bind(since.as_millis());
    for shard in shards {
        select = select.bind(shard.as_str());
    }
    let rows: Vec<(String, i64, String)> = store.reader().await?.all(select).await?;
    let view = |(shard, at, body)| (shard, View { published_at: Timestamp::from_millis(at), body });
    Ok(rows.into_iter().map(view).collect())
}

/// The shards whose view somebody waits for, and since when.
pub async fn wanted(store: &Store) -> Result<Vec<(String, Timestamp)>, StoreError> {
    let select = sqlx::query_as("SELECT shard, wanted_at FROM views WHERE wanted_at > published_at ORDER BY shard");
    let rows: Vec<(String, i64)> = store.reader().await?.all(select).await?;
    Ok(rows.into_iter().map(|(shard, at)| (shard, Timestamp::from_millis(at))).collect())
}

/// The caller has checked the shard's lease in `tx`.
pub async fn publish(tx: &mut Tx, shard: &str, body: &str, at: Timestamp) -> Result<(), StoreError> {
    let update = sqlx::query("UPDATE views SET published_at = $1, body = $2 WHERE shard = $3");
    tx.execute(update.bind(at.as_millis()).bind(body).bind(shard)).await?;
    Ok(())
}

/// Deletes what nobody has wanted since `before`.
pub async fn prune(store: &Store, before: Timestamp) -> Result<u64, StoreError> {
    let delete = sqlx::query("DELETE FROM views WHERE wanted_at < $1");
    store.writer().await?.execute(delete.bind(before.as_millis())).await
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;

    on_both_databases!(
        what_is_wanted_is_published_and_read,
        who_asks_shortly_after_another_takes_what_that_one_got,
        what_nobody_wants_any_more_is_forgotten,
    );

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    async fn answer(db: &Fresh, shard: &str, body: &str, at: Timestamp) {
        let mut tx = db.store.begin().await.unwrap();
        publish(&mut tx, shard, body, at).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn what_is_wanted_is_published_and_read(db: Fresh) {
        let both = names(&["cluster/eu", "feeds/0of2"]);
        assert!(want(&db.store, &both, db.now, db.in_secs(2)).await.unwrap().is_empty());
        let asked: Vec<String> = wanted(&db.store).await.unwrap().into_iter().map(|(shard, _)| shard).collect();
        assert_eq!(asked, both);
        answer(&db, "cluster/eu", "{}", db.in_secs(2)).await;
        assert_eq!(wanted(&db.store).await.unwrap(), [("feeds/0of2".to_owned(), db.in_secs(2))]);
        let known = published_since(&db.store, &both, db.in_secs(2)).await.unwrap();
        let view = View { published_at: db.in_secs(2), body: "{}".to_owned() };
        assert_eq!(known, BTreeMap::from([("cluster/eu".to_owned(), view)]));
        assert!(published_since(&db.store, &[], db.now).await.unwrap().is_empty());
    }

    async fn who_asks_shortly_after_another_takes_what_that_one_got(db: Fresh) {
        let one = names(&["cluster/eu"]);
        want(&db.store, &one, db.now, db.in_secs(2)).await.unwrap();
        answer(&db, "cluster/eu", "{}", db.in_secs(2)).await;
        let known = want(&db.store, &one, db.in_secs(1), db.in_secs(3)).await.unwrap();
        assert_eq!(known.len(), 1);
        assert!(wanted(&db.store).await.unwrap().is_empty(), "nobody has to publish again");
        assert!(want(&db.store, &one, db.in_secs(8), db.in_secs(10)).await.unwrap().is_empty());
        // One whose clock is behind does not take the wish of another back.
        want(&db.store, &one, db.in_secs(8), db.in_secs(9)).await.unwrap();
        assert_eq!(wanted(&db.store).await.unwrap(), [("cluster/eu".to_owned(), db.in_secs(10))]);
    }

    async fn what_nobody_wants_any_more_is_forgotten(db: Fresh) {
        want(&db.store, &names(&["cluster/eu"]), db.now, db.now).await.unwrap();
        want(&db.store, &names(&["cluster/us"]), db.now, db.in_secs(60)).await.unwrap();
        assert_eq!(prune(&db.store, db.in_secs(30)).await.unwrap(), 1);
        let left: Vec<String> = wanted(&db.store).await.unwrap().into_iter().map(|(shard, _)| shard).collect();
        assert_eq!(left, ["cluster/us"]);
    }
}
