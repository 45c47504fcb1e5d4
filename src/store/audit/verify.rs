//! Walks the whole chain and names the first entry that does not hold.

use std::collections::BTreeMap;
use std::fmt;

use crate::core::audit::{Entry, GENESIS, entry_hash};

use super::super::{Store, StoreError};
use super::{AuditRow, Head, head};

/// What verifying found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many entries hold, counted from the first.
    pub rows: i64,
    pub head: Head,
    pub first_bad: Option<Bad>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bad {
    pub seq: i64,
    pub why: Why,
}

/// Why an entry does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is not there: deleted, or cut off the end.
    Missing,
    /// It does not name the hash of the entry before.
    Unlinked,
    /// Its content does not give its hash.
    Altered,
    /// It stands after the head: not written by watchkeeper.
    BeyondHead,
    /// The head does not carry the last entry's hash.
    HeadDiffers,
    /// A checkpoint noted outside the database has another hash for it, or it has been cut off since.
    ContradictsCheckpoint,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::Unlinked => "does not follow from the entry before it",
            Self::Altered => "was altered",
            Self::BeyondHead => "was added past the head of the chain",
            Self::HeadDiffers => "is not what the head of the chain says",
            Self::ContradictsCheckpoint => "is not what an earlier checkpoint noted",
        })
    }
}

const PAGE: i64 = 5000;

/// Reads the whole chain, a page at a time, while others may append. `checkpoints` are heads noted outside the
/// database earlier: without them a chain cut short together with its head, or rewritten as a whole, looks sound.
pub async fn verify(store: &Store, checkpoints: &[Head]) -> Result<Report, StoreError> {
    // In this order: entries and head move together, so a sound head read later covers every entry read before.
    let max = sqlx::query_as("SELECT MAX(seq) FROM audit");
    let max: Option<(Option<i64>,)> = store.reader().await?.first(max).await?;
    let max = max.and_then(|(seq,)| seq).unwrap_or(0);
    let head = head(store).await?;
    let noted: BTreeMap<_, _> = checkpoints.iter().map(|noted| (noted.seq, noted.hash.as_str())).collect();

    let mut chain = Chain { next: 1, prev: GENESIS.to_owned(), noted };
    let mut first_bad = None;
    while first_bad.is_none() && chain.next <= head.seq {
        let rows = rows(store, chain.next, head.seq).await?;
        if rows.is_empty() {
            first_bad = Some(chain.bad(Why::Missing));
        }
        first_bad = first_bad.or_else(|| rows.into_iter().find_map(|row| chain.follow(row).err()));
    }
    let first_bad = first_bad.or_else(|| chain.end(&head, max).err());
    Ok(Report { rows: chain.next - 1, head, first_bad })
}

async fn rows(store: &Store, from: i64, to: i64) -> Result<Vec<AuditRow>, StoreError> {
    let select = "
        SELECT seq, at, actor, action, subject, detail, prev, hash FROM audit
        WHERE seq >= $1 AND seq <= $2 ORDER BY seq LIMIT $3";
    store.reader().await?.all(sqlx::query_as(select).bind(from).bind(to).bind(PAGE)).await
}

/// How far the chain has been followed.
struct Chain<'a> {
    next: i64,
    prev: String,
    /// What checkpoints outside say, by entry.
    noted: BTreeMap<i64, &'a str>,
}

impl Chain<'_> {
    const fn bad(&self, why: Why) -> Bad {
        Bad { seq: self.next, why }
    }

    fn follow(&mut self, row: AuditRow) -> Result<(), Bad> {
        if row.seq != self.next {
            return Err(self.bad(Why::Missing));
        }
        if row.prev != self.prev {
            return Err(self.bad(Why::Unlinked));
        }
        let Entry { seq, record, prev, hash } = Entry::try_from(row).map_err(|_| self.bad(Why::Altered))?;
        if hash != entry_hash(seq, &prev, &record) {
            return Err(self.bad(Why::Altered));
        }
        if self.noted.get(&seq).is_some_and(|noted| *noted != hash) {
            return Err(self.bad(Why::ContradictsCheckpoint));
        }
        self.prev = hash;
        self.next += 1;
        Ok(())
    }

    fn end(&self, head: &Head, max: i64) -> Result<(), Bad> {
        if max > head.seq {
            return Err(self.bad(Why::BeyondHead));
        }
        if self.prev != head.hash {
            return Err(Bad { seq: head.seq, why: Why::HeadDiffers });
        }
        match self.noted.range(self.next..).next() {
            Some(_) => Err(self.bad(Why::ContradictsCheckpoint)),
            None => Ok(()),
        }
    }
}
