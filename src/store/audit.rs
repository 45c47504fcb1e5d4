//! The audit chain: appended in the transaction of what it records, never changed.

mod verify;

use sqlx::FromRow;

use crate::core::audit::{Entry, Record, actor_text, entry_hash};
use crate::core::ids::{Actor, UserId};
use crate::core::time::Timestamp;

use super::session::{marks, over};
use super::{Store, StoreError, Tx};

pub use verify::{Bad, NAMED, Report, Why, verify};

/// Where the chain stands: what a checkpoint outside the database notes down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// 0 while the chain is empty.
    pub seq: i64,
    pub hash: String,
}

/// Adds records to the chain. Call it late: from here to the commit every other append waits, on Postgres as well.
pub async fn append(tx: &mut Tx, records: &[Record]) -> Result<Vec<Entry>, StoreError> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    // Moving the head first locks its row, so that no two transactions build on the same entry.
    let count = i64::try_from(records.len()).unwrap_or(i64::MAX);
    let advance = sqlx::query_as("UPDATE audit_head SET seq = seq + $1 WHERE id = 1 RETURNING seq, hash").bind(count);
    let (last, mut prev): (i64, String) = tx.first(advance).await?.ok_or_else(headless)?;
    let mut entries = Vec::with_capacity(records.len());
    for (record, seq) in records.iter().zip(last - count + 1..) {
        let hash = entry_hash(seq, &prev, record);
        entries.push(Entry { seq, record: record.clone(), prev, hash: hash.clone() });
        prev = hash;
    }
    for entries in entries.chunks(500) {
        insert(tx, entries).await?;
    }
    tx.execute(sqlx::query("UPDATE audit_head SET hash = $1 WHERE id = 1").bind(prev)).await?;
    Ok(entries)
}

async fn insert(tx: &mut Tx, entries: &[Entry]) -> Result<(), StoreError> {
    let insert = format!(
        "INSERT INTO audit (seq, at, actor, action, subject, detail, prev, hash) VALUES {}",
        marks(entries.len(), 8)
    );
    let mut insert = over(entries.len(), insert);
    for Entry { seq, record: Record { at, actor, action, subject, detail }, prev, hash } in entries {
        insert = insert.bind(*seq).bind(at.as_millis()).bind(actor_text(actor)).bind(action.as_str());
        insert = insert.bind(subject.as_str()).bind(detail.as_str()).bind(prev.as_str()).bind(hash.as_str());
    }
    tx.execute(insert).await?;
    Ok(())
}

pub async fn head(store: &Store) -> Result<Head, StoreError> {
    let select = sqlx::query_as("SELECT seq, hash FROM audit_head WHERE id = 1");
    let (seq, hash) = store.reader().await?.first(select).await?.ok_or_else(headless)?;
    Ok(Head { seq, hash })
}

fn headless() -> StoreError {
    StoreError::Inconsistent { table: "audit_head", column: "id", id: "1".to_owned() }
}

/// Which entries are asked for; an empty filter asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub actor: Option<Actor>,
    /// A person, of whatever workspace.
    pub user: Option<UserId>,
    pub action: Option<String>,
    /// What the action begins with, up to a dot or its end: `action`, `silence.created`.
    pub verb: Option<String>,
    pub subject: Option<String>,
    pub since: Option<Timestamp>,
    /// Exclusive.
    pub until: Option<Timestamp>,
}

/// Where a page starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// Oldest first, after this entry; 0 for the beginning.
    After(i64),
    /// Newest first, before this entry; `i64::MAX` for the latest.
    Before(i64),
}

pub async fn page(store: &Store, filter: &Filter, cursor: Cursor, limit: u32) -> Result<Vec<Entry>, StoreError> {
    let (seq, than, order) = match cursor {
        Cursor::After(seq) => (seq, ">", ""),
        Cursor::Before(seq) => (seq, "<", " DESC"),
    };
    let Filter { actor, user, action, verb, subject, since, until } = filter;
    // By time only where there is a beginning: SQLite would otherwise look up, and sort, the whole log for each page.
    // `+at` is no column with an index.
    let at = if since.is_some() { "at" } else { "+at" };
    let about = if subject.is_some() { "subject = $3" } else { "CAST($3 AS TEXT) IS NULL" };
    let select = format!(
        "
        SELECT seq, at, actor, action, subject, detail, prev, hash FROM audit
        WHERE ($1 IS NULL OR actor = $1)
            AND ($2 IS NULL OR action = $2)
            AND {about}
            AND {at} >= $4 AND {at} < $5
            AND ($8 IS NULL OR action = $8 OR SUBSTR(action, 1, LENGTH($8) + 1) = $8 || '.')
            AND ($9 IS NULL OR SUBSTR(actor, 1, LENGTH($9)) = $9)
            AND seq {than} $6
        ORDER BY seq{order} LIMIT $7"
    );
    let select = sqlx::query_as::<_, AuditRow>(sqlx::AssertSqlSafe(select))
        .bind(actor.as_ref().map(actor_text))
        .bind(action.as_deref())
        .bind(subject.as_deref())
        .bind(since.map_or(i64::MIN, Timestamp::as_millis))
        .bind(until.map_or(i64::MAX, Timestamp::as_millis));
    let select = select.bind(seq).bind(i64::from(limit)).bind(verb.as_deref()).bind(user.as_ref().map(begins));
    let rows = store.reader().await?.all(select).await?;
    rows.into_iter().map(Entry::try_from).collect()
}

/// How every spelling of an actor begins that is this person.
fn begins(user: &UserId) -> String {
    let whole = actor_text(&Actor::Person { user: user.clone(), team: None });
    whole.strip_suffix("null}").unwrap_or(&whole).to_owned()
}

/// What is looked for in a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of<'a> {
    Action(&'a str),
    /// Whatever people did; but not what begins with one of these.
    People {
        but: &'a [&'a str],
    },
}

/// Entries of `[from, to)`, newest first.
pub async fn during(
    store: &Store,
    of: Of<'_>,
    (from, to): (Timestamp, Timestamp),
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let (action, not, but) = match of {
        Of::Action(action) => (action, String::new(), [].as_slice()),
        Of::People { but } => ("", actor_text(&Actor::System), but),
    };
    let others = (6..6 + but.len()).map(|n| format!(" AND SUBSTR(action, 1, LENGTH(${n})) <> ${n}"));
    let others = others.collect::<Vec<_>>().concat();
    let select = format!(
        "
        SELECT seq, at, actor, action, subject, detail, prev, hash FROM audit
        WHERE at >= $1 AND at < $2 AND ($3 = '' OR action = $3) AND ($4 = '' OR actor <> $4){others}
        ORDER BY at DESC, seq DESC LIMIT $5"
    );
    let select = sqlx::query_as::<_, AuditRow>(sqlx::AssertSqlSafe(select)).bind(from.as_millis());
    let select = select.bind(to.as_millis()).bind(action).bind(not).bind(i64::from(limit));
    let select = but.iter().fold(select, |select, begins| select.bind(*begins));
    let rows = store.reader().await?.all(select).await?;
    rows.into_iter().map(Entry::try_from).collect()
}

/// Hands every matching entry to `take`, oldest first, a page at a time.
///
/// # Errors
/// The store's, or the first that `take` gives.
pub async fn for_each<E: From<StoreError>>(
    store: &Store,
    filter: &Filter,
    mut take: impl FnMut(Entry) -> Result<(), E>,
) -> Result<(), E> {
    let mut after = 0;
    loop {
        let entries = page(store, filter, Cursor::After(after), 1000).await?;
        let Some(last) = entries.last() else { return Ok(()) };
        after = last.seq;
        for entry in entries {
            take(entry)?;
        }
    }
}

#[derive(FromRow)]
pub(super) struct AuditRow {
    seq: i64,
    at: i64,
    actor: String,
    action: String,
    subject: String,
    detail: String,
    prev: String,
    hash: String,
}

impl TryFrom<AuditRow> for Entry {
    type Error = StoreError;

    fn try_from(row: AuditRow) -> Result<Self, StoreError> {
        let AuditRow { seq, at, actor, action, subject, detail, prev, hash } = row;
        let unreadable = || StoreError::Inconsistent { table: "audit", column: "actor", id: seq.to_string() };
        let read: Actor = serde_json::from_str(&actor).map_err(|_| unreadable())?;
        // Any other spelling of the same actor is a change as well.
        if actor_text(&read) != actor {
            return Err(unreadable());
        }
        let record = Record { at: Timestamp::from_millis(at), actor: read, action, subject, detail };
        Ok(Self { seq, record, prev, hash })
    }
}

#[cfg(test)]
mod tests;
