//! Which Slack message is the living message of what: `group:<id>` and the like.

use std::ops::DerefMut;

use sqlx::AnyConnection;

use crate::core::ids::{ChannelId, MessageTs};
use crate::core::time::Timestamp;

use super::session::Session;
use super::{Store, StoreError, Tx};

/// Where a message stands in Slack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRef {
    pub channel: ChannelId,
    pub ts: MessageTs,
}

pub async fn put(tx: &mut Tx, key: &str, message: &MessageRef, now: Timestamp) -> Result<(), StoreError> {
    let upsert = "
        INSERT INTO messages (key, channel, ts, updated_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (key) DO UPDATE SET channel = excluded.channel, ts = excluded.ts, updated_at = excluded.updated_at";
    let MessageRef { channel, ts } = message;
    let upsert = sqlx::query(upsert).bind(key).bind(channel.as_str()).bind(ts.as_str()).bind(now.as_millis());
    tx.execute(upsert).await?;
    Ok(())
}

pub async fn get(store: &Store, key: &str) -> Result<Option<MessageRef>, StoreError> {
    find(&mut store.reader().await?, key).await
}

/// As [`get`], inside a transaction.
pub async fn get_in(tx: &mut Tx, key: &str) -> Result<Option<MessageRef>, StoreError> {
    find(tx, key).await
}

async fn find<C>(session: &mut Session<C>, key: &str) -> Result<Option<MessageRef>, StoreError>
where
    C: DerefMut<Target = AnyConnection> + Send,
{
    let select = sqlx::query_as("SELECT channel, ts FROM messages WHERE key = $1").bind(key);
    let row: Option<(String, String)> = session.first(select).await?;
    Ok(row.map(|(channel, ts)| MessageRef { channel: ChannelId::new(channel), ts: MessageTs::new(ts) }))
}

pub async fn forget(tx: &mut Tx, key: &str) -> Result<(), StoreError> {
    tx.execute(sqlx::query("DELETE FROM messages WHERE key = $1").bind(key)).await?;
    Ok(())
}

/// Deletes where messages of groups that are deleted, and of digests that no fact under `digests` names, stood before
/// `before`.
pub async fn prune(store: &Store, digests: &'static str, before: Timestamp) -> Result<u64, StoreError> {
    let live = super::facts::list(store, digests).await?;
    let select = "
        SELECT key FROM messages m
        WHERE m.updated_at < $1
            AND NOT (SUBSTR(m.key, 1, 6) = 'group:'
                AND EXISTS (SELECT 1 FROM alert_groups g WHERE g.id = SUBSTR(m.key, 7)))";
    let select = sqlx::query_as(select).bind(before.as_millis());
    let old: Vec<(String,)> = store.reader().await?.all(select).await?;
    let mut deleted = 0;
    for (key,) in old.iter().filter(|(key,)| !live.iter().any(|(_, digest)| digest.contains(key.as_str()))) {
        let delete = sqlx::query("DELETE FROM messages WHERE key = $1").bind(key.as_str());
        deleted += store.writer().await?.execute(delete).await?;
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;

    on_both_databases!(a_message_is_found_until_it_is_forgotten, messages_of_what_is_long_over_are_pruned);

    async fn messages_of_what_is_long_over_are_pruned(db: Fresh) {
        let message = MessageRef { channel: ChannelId::new("C1"), ts: MessageTs::new("1718000000.000100") };
        let mut tx = db.store.begin().await.unwrap();
        for (key, at) in [("group:gone", 0), ("digest:over", 0), ("digest:live", 0), ("group:young", 60)] {
            put(&mut tx, key, &message, db.in_secs(at)).await.unwrap();
        }
        super::super::facts::put(&mut tx, "digest:C1", r#"{"key":"digest:live","groups":[]}"#, db.now).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(prune(&db.store, "digest:", db.in_secs(30)).await.unwrap(), 2);
        for (key, kept) in [("group:gone", false), ("digest:over", false), ("digest:live", true), ("group:young", true)]
        {
            assert_eq!(get(&db.store, key).await.unwrap().is_some(), kept, "{key}");
        }
    }

    async fn a_message_is_found_until_it_is_forgotten(db: Fresh) {
        let first = MessageRef { channel: ChannelId::new("C1"), ts: MessageTs::new("1718000000.000100") };
        let moved = MessageRef { channel: ChannelId::new("C2"), ..first.clone() };
        let mut tx = db.store.begin().await.unwrap();
        put(&mut tx, "group:1", &first, db.now).await.unwrap();
        put(&mut tx, "group:1", &moved, db.now).await.unwrap();
        assert_eq!(get_in(&mut tx, "group:1").await.unwrap(), Some(moved.clone()));
        tx.commit().await.unwrap();
        assert_eq!(get(&db.store, "group:1").await.unwrap(), Some(moved));
        let mut tx = db.store.begin().await.unwrap();
        forget(&mut tx, "group:1").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(get(&db.store, "group:1").await.unwrap(), None);
    }
}
