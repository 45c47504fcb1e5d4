//! Signed notes of where the audit chain stood, as the database keeps them; what counts are the copies outside.

use sqlx::FromRow;

use crate::core::audit::checkpoint::Checkpoint;
use crate::core::time::Timestamp;

use super::audit::Head;
use super::{Store, StoreError, Tx};

/// Where the chain stands for `tx`, when no checkpoint says so yet.
pub async fn unsigned_head(tx: &mut Tx) -> Result<Option<Head>, StoreError> {
    let select = "
        SELECT seq, hash FROM audit_head
        WHERE id = 1 AND seq > 0 AND NOT EXISTS (SELECT 1 FROM audit_checkpoints c WHERE c.seq >= audit_head.seq)";
    let row: Option<(i64, String)> = tx.first(sqlx::query_as(select)).await?;
    Ok(row.map(|(seq, hash)| Head { seq, hash }))
}

pub async fn insert(tx: &mut Tx, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    let Checkpoint { seq, hash, at, key, signature } = checkpoint;
    let insert = "INSERT INTO audit_checkpoints (seq, hash, at, key, signature) VALUES ($1, $2, $3, $4, $5)";
    let insert = sqlx::query(insert).bind(*seq).bind(hash.as_str()).bind(at.as_millis());
    tx.execute(insert.bind(key.as_str()).bind(signature.as_str())).await?;
    Ok(())
}

/// All of them, oldest first.
pub async fn all(store: &Store) -> Result<Vec<Checkpoint>, StoreError> {
    let select = sqlx::query_as("SELECT seq, hash, at, key, signature FROM audit_checkpoints ORDER BY seq");
    let rows: Vec<Row> = store.reader().await?.all(select).await?;
    Ok(rows.into_iter().map(Checkpoint::from).collect())
}

/// Those that are not in the file outside, oldest first.
pub async fn unfiled(store: &Store) -> Result<Vec<Checkpoint>, StoreError> {
    let select = "
        SELECT seq, hash, at, key, signature FROM audit_checkpoints
        WHERE filed_at IS NULL ORDER BY seq LIMIT 1000";
    let rows: Vec<Row> = store.reader().await?.all(sqlx::query_as(select)).await?;
    Ok(rows.into_iter().map(Checkpoint::from).collect())
}

/// They are in the file outside, up to this one.
pub async fn filed(store: &Store, seq: i64, now: Timestamp) -> Result<(), StoreError> {
    let update = sqlx::query("UPDATE audit_checkpoints SET filed_at = $1 WHERE filed_at IS NULL AND seq <= $2");
    store.writer().await?.execute(update.bind(now.as_millis()).bind(seq)).await?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    seq: i64,
    hash: String,
    at: i64,
    key: String,
    signature: String,
}

impl From<Row> for Checkpoint {
    fn from(row: Row) -> Self {
        let Row { seq, hash, at, key, signature } = row;
        Self { seq, hash, at: Timestamp::from_millis(at), key, signature }
    }
}

#[cfg(test)]
mod tests {
    use super::super::audit::append;
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;
    use crate::core::audit::Record;
    use crate::core::audit::checkpoint::Signer;
    use crate::core::ids::Actor;

    on_both_databases!(a_head_is_signed_once_and_filed_once,);

    async fn grow(db: &Fresh) {
        let record = Record {
            at: db.now,
            actor: Actor::System,
            action: "config.loaded".to_owned(),
            subject: "config".to_owned(),
            detail: "{}".to_owned(),
        };
        let mut tx = db.store.begin().await.unwrap();
        append(&mut tx, &[record]).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn sign(db: &Fresh) -> Option<Checkpoint> {
        let mut tx = db.store.begin().await.unwrap();
        let head = unsigned_head(&mut tx).await.unwrap()?;
        let checkpoint = Signer::from_seed([7; 32]).sign(head.seq, &head.hash, db.now);
        insert(&mut tx, &checkpoint).await.unwrap();
        tx.commit().await.unwrap();
        Some(checkpoint)
    }

    async fn a_head_is_signed_once_and_filed_once(db: Fresh) {
        assert_eq!(sign(&db).await, None, "an empty chain has nothing to be signed");
        grow(&db).await;
        let first = sign(&db).await.unwrap();
        assert_eq!(sign(&db).await, None);
        grow(&db).await;
        let second = sign(&db).await.unwrap();
        assert_eq!(unfiled(&db.store).await.unwrap(), [first.clone(), second.clone()]);
        filed(&db.store, first.seq, db.now).await.unwrap();
        assert_eq!(unfiled(&db.store).await.unwrap(), std::slice::from_ref(&second));
        assert_eq!(all(&db.store).await.unwrap(), [first, second]);
    }
}
