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

#[cfg(test)]
mod tests {
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;

    on_both_databases!(a_message_is_found_until_it_is_forgotten);

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
