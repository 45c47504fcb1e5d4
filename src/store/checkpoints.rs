//! Signed notes of where the audit chain stood, as the database keeps them; what counts are the copies outside.

use sqlx::FromRow;

use crate::core::audit::checkpoint::{Checkpoint, Public};
use crate::core::time::Timestamp;

use super::audit::Head;
use super::{Store, StoreError, Tx};

/// Where the chain stands, beside what was signed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is to be signed.
    Signed,
    Unsigned(Head),
    /// More was signed than there is: the chain was cut, or an older copy of the database is in use.
    Cut {
        signed: i64,
        head: i64,
    },
    /// The entry that was signed last is another now.
    Changed {
        seq: i64,
    },
}

/// Where the chain stands for `tx`, by what this key signed. What it did not sign says nothing, whatever it claims.
pub async fn standing(tx: &mut Tx, key: &Public) -> Result<Standing, StoreError> {
    let head: Option<(i64, String)> = tx.first(sqlx::query_as("SELECT seq, hash FROM audit_head WHERE id = 1")).await?;
    let (head, hash) = head.unwrap_or_default();
    let Some(last) = latest(tx, key).await? else {
        return Ok(if head > 0 { Standing::Unsigned(Head { seq: head, hash }) } else { Standing::Signed });
    };
    if last.seq > head {
        return Ok(Standing::Cut { signed: last.seq, head });
    }
    let entry = sqlx::query_as("SELECT hash FROM audit WHERE seq = $1").bind(last.seq);
    let entry: Option<(String,)> = tx.first(entry).await?;
    Ok(match entry {
        Some((found,)) if found == last.hash && last.seq == head && hash == found => Standing::Signed,
        Some((found,)) if found == last.hash && last.seq < head => Standing::Unsigned(Head { seq: head, hash }),
        Some(_) | None => Standing::Changed { seq: last.seq },
    })
}

/// The latest that this key signed.
async fn latest(tx: &mut Tx, key: &Public) -> Result<Option<Checkpoint>, StoreError> {
    let mut next = Some(i64::MAX);
    while let Some(up_to) = next {
        let select = "
            SELECT seq, hash, at, key, signature FROM audit_checkpoints
            WHERE key = $1 AND seq <= $2 ORDER BY seq DESC LIMIT 100";
        let rows: Vec<Row> = tx.all(sqlx::query_as(select).bind(key.id()).bind(up_to)).await?;
        next = rows.last().and_then(|last| last.seq.checked_sub(1));
        for checkpoint in rows.into_iter().map(Checkpoint::from) {
            if key.signed(&checkpoint) {
                return Ok(Some(checkpoint));
            }
            tracing::error!(seq = checkpoint.seq, "somebody put an audit checkpoint there that the key did not sign");
        }
    }
    Ok(None)
}

/// In place of what another has put there for the same entry.
pub async fn insert(tx: &mut Tx, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    let Checkpoint { seq, hash, at, key, signature } = checkpoint;
    let insert = "
        INSERT INTO audit_checkpoints (seq, hash, at, key, signature) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (seq) DO UPDATE SET hash = excluded.hash, at = excluded.at, key = excluded.key,
            signature = excluded.signature, filed_at = NULL";
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

    on_both_databases!(
        a_head_is_signed_once_and_filed_once,
        what_another_puts_there_does_not_keep_the_head_from_being_signed,
        a_chain_that_was_cut_or_changed_is_not_signed,
    );

    fn signer() -> Signer {
        Signer::from_seed([7; 32])
    }

    async fn standing(db: &Fresh) -> Standing {
        super::standing(&mut db.store.begin().await.unwrap(), &signer().public()).await.unwrap()
    }

    async fn put(db: &Fresh, checkpoint: &Checkpoint) {
        let mut tx = db.store.begin().await.unwrap();
        insert(&mut tx, checkpoint).await.unwrap();
        tx.commit().await.unwrap();
    }

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
        let Standing::Unsigned(head) = standing(db).await else { return None };
        let checkpoint = signer().sign(head.seq, &head.hash, db.now);
        put(db, &checkpoint).await;
        Some(checkpoint)
    }

    async fn what_another_puts_there_does_not_keep_the_head_from_being_signed(db: Fresh) {
        grow(&db).await;
        let forged = Checkpoint { seq: i64::MAX, ..signer().sign(7, &"ab".repeat(32), db.now) };
        let others = Signer::from_seed([8; 32]).sign(i64::MAX - 1, &"ab".repeat(32), db.now);
        let in_the_way = Checkpoint { seq: 1, ..forged.clone() };
        for checkpoint in [&forged, &others, &in_the_way] {
            put(&db, checkpoint).await;
        }
        let signed = sign(&db).await.expect("it is signed all the same");
        assert_eq!((signed.seq, standing(&db).await), (1, Standing::Signed));
        assert!(all(&db.store).await.unwrap().contains(&signed), "in place of what was in its way");
    }

    async fn a_chain_that_was_cut_or_changed_is_not_signed(db: Fresh) {
        grow(&db).await;
        put(&db, &signer().sign(1, &"ab".repeat(32), db.now)).await;
        assert_eq!(standing(&db).await, Standing::Changed { seq: 1 });
        grow(&db).await;
        assert_eq!(standing(&db).await, Standing::Changed { seq: 1 });
        put(&db, &signer().sign(9, &"ab".repeat(32), db.now)).await;
        assert_eq!(standing(&db).await, Standing::Cut { signed: 9, head: 2 });
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
