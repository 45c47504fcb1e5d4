//! Walks the whole chain and names every entry that does not hold.

use std::fmt;
use std::iter::Peekable;
use std::pin::pin;
use std::vec::IntoIter;

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use crate::core::audit::{Content, GENESIS};

use super::super::{Store, StoreError};
use super::{Head, head};

/// What verifying found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many entries hold, counted from the first.
    pub rows: i64,
    pub head: Head,
    /// In the chain's order, no more than [`NAMED`].
    pub bad: Vec<Bad>,
    /// How many more there are.
    pub more: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bad {
    pub seq: i64,
    /// The last of several that are missing one after the other; otherwise the same.
    pub last: i64,
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
    /// It stands before the first or after the head: not written by watchkeeper.
    Added,
    /// The head does not carry the last entry's hash.
    HeadDiffers,
    /// A checkpoint noted outside the database has another hash for it, or it has been cut off since.
    ContradictsCheckpoint,
}

/// More bad entries than this are counted only.
pub const NAMED: usize = 100;

impl Report {
    #[must_use]
    pub fn first_bad(&self) -> Option<Bad> {
        self.bad.first().copied()
    }
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seq, last, why } = self;
        if seq == last {
            write!(f, "entry {seq} {why}")
        } else {
            write!(f, "each of the entries {seq} to {last} {why}")
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::Unlinked => "does not follow from the entry before it",
            Self::Altered => "was altered",
            Self::Added => "was added beside the chain",
            Self::HeadDiffers => "is not what the head of the chain says",
            Self::ContradictsCheckpoint => "is not what an earlier checkpoint noted",
        })
    }
}

/// Entries that are read in one go, as one text: a row of its own for each would cost more than its hash.
const PAGE: i64 = 4000;
/// Pages read side by side, since the database takes longer over one than hashing it does.
const READERS: usize = 2;
/// Pages read ahead of the hashing.
const AHEAD: usize = 2;

/// Reads the whole chain, a page at a time, while others may append; another thread hashes. `checkpoints` are heads noted
/// outside the database earlier: without them a chain cut short together with its head, or rewritten as a whole, looks
/// sound.
pub async fn verify(store: &Store, checkpoints: &[Head]) -> Result<Report, StoreError> {
    // In this order: entries and head move together, so a sound head read later covers every entry read before.
    let max = sqlx::query_as("SELECT MAX(seq) FROM audit");
    let max: Option<(Option<i64>,)> = store.reader().await?.first(max).await?;
    let max = max.and_then(|(seq,)| seq).unwrap_or(0);
    let head = head(store).await?;

    let (pages, mut coming) = mpsc::channel(AHEAD);
    let mut chain = Chain::new(checkpoints);
    let judge = tokio::task::spawn_blocking(move || {
        while let Some(page) = coming.blocking_recv() {
            chain.page(&page);
        }
        chain
    });
    let read = read(store, head.seq, &pages).await;
    drop(pages);
    let unjudged = |_| StoreError::Inconsistent { table: "audit", column: "seq", id: "all".to_owned() };
    let chain = judge.await.map_err(unjudged)?;
    read?;
    Ok(chain.end(head, max))
}

/// Entries one after the other.
struct Page {
    last: i64,
    /// `None` for an entry that cannot be read as text.
    text: Option<String>,
}

/// Reads on from entry to entry in stretches of numbers, and jumps over those that nobody has.
async fn read(store: &Store, to: i64, pages: &mpsc::Sender<Page>) -> Result<(), StoreError> {
    let mut after = i64::MIN;
    while let Some(first) = next_entry(store, after, to).await? {
        let starts = std::iter::successors(first.checked_sub(1), |start| start.checked_add(PAGE));
        let stretches = starts.take_while(|start| *start < to).map(|start| (start, to.min(start.saturating_add(PAGE))));
        let read = stream::iter(stretches).map(async |(start, end)| (end, stretch(store, start, end).await));
        let mut read = pin!(read.buffered(READERS));
        after = to;
        while let Some((end, found)) = read.next().await {
            let found = found?;
            if found.is_empty() {
                after = end;
                break;
            }
            for page in found {
                // The other thread stops early only when it has panicked, which is told where it is waited for.
                if pages.send(page).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

async fn next_entry(store: &Store, after: i64, to: i64) -> Result<Option<i64>, StoreError> {
    let next = sqlx::query_as("SELECT MIN(seq) FROM audit WHERE seq > $1 AND seq <= $2").bind(after).bind(to);
    let next: Option<(Option<i64>,)> = store.reader().await?.first(next).await?;
    Ok(next.and_then(|(seq,)| seq))
}

/// The entries after `after` up to `to`: one page, or nothing. One that is no text comes on a page of its own, and is
/// found by halves.
async fn stretch(store: &Store, after: i64, to: i64) -> Result<Vec<Page>, StoreError> {
    // Each entry is a line of numbers (seq, time, and how long each text is, in bytes), a colon, and the texts.
    let select = "
        SELECT MAX(seq), string_agg(concat(seq, ' ', at, ' ', octet_length(actor), ' ', octet_length(action), ' ',
            octet_length(subject), ' ', octet_length(detail), ' ', octet_length(prev), ' ', octet_length(hash), ':',
            actor, action, subject, detail, prev, hash), '')
        FROM (SELECT seq, at, actor, action, subject, detail, prev, hash FROM audit
            WHERE seq > $1 AND seq <= $2 ORDER BY seq) AS page";
    let page = sqlx::query_as(select).bind(after).bind(to);
    let page: Result<Option<(Option<i64>, Option<String>)>, _> = store.reader().await?.first(page).await;
    match page {
        Ok(Some((Some(last), text))) => Ok(vec![Page { last, text }]),
        Ok(_) => Ok(Vec::new()),
        Err(_) if to - after > 1 => {
            let middle = after + (to - after) / 2;
            let mut pages = Box::pin(stretch(store, after, middle)).await?;
            pages.extend(Box::pin(stretch(store, middle, to)).await?);
            Ok(pages)
        }
        Err(error) => {
            let last = next_entry(store, after, to).await?.ok_or(error)?;
            Ok(vec![Page { last, text: None }])
        }
    }
}

/// One entry as it was read.
#[derive(Clone, Copy)]
struct Row<'a> {
    seq: i64,
    content: Content<'a>,
    hash: &'a str,
}

/// Takes the next entry off the front; `None` when what is there is none.
fn row<'a>(text: &mut &'a str) -> Option<Row<'a>> {
    let (numbers, mut rest) = text.split_once(':')?;
    let mut numbers = numbers.split(' ');
    let (seq, at) = (numbers.next()?, numbers.next()?);
    let mut part = || -> Option<&'a str> {
        let (part, after) = rest.split_at_checked(numbers.next()?.parse().ok()?)?;
        rest = after;
        Some(part)
    };
    let (actor, action, subject, detail, prev, hash) = (part()?, part()?, part()?, part()?, part()?, part()?);
    *text = rest;
    Some(Row { seq: seq.parse().ok()?, content: Content { seq, prev, at, actor, action, subject, detail }, hash })
}

/// How far the chain has been followed.
struct Chain {
    /// What the next entry's number must be, and the hash it must follow; `None` after a gap.
    next: i64,
    prev: Option<String>,
    /// What checkpoints outside say, by entry.
    noted: Peekable<IntoIter<Head>>,
    sound: i64,
    bad: Vec<Bad>,
    more: usize,
    room: Vec<u8>,
}

impl Chain {
    fn new(checkpoints: &[Head]) -> Self {
        let mut noted = checkpoints.to_vec();
        noted.sort_by_key(|head| head.seq);
        Self {
            next: 1,
            prev: Some(GENESIS.to_owned()),
            noted: noted.into_iter().peekable(),
            sound: 0,
            bad: Vec::new(),
            more: 0,
            room: Vec::new(),
        }
    }

    fn find(&mut self, seq: i64, last: i64, why: Why) {
        if self.bad.len() < NAMED { self.bad.push(Bad { seq, last, why }) } else { self.more += 1 }
    }

    fn page(&mut self, page: &Page) {
        let mut rest = page.text.as_deref().unwrap_or("?");
        while !rest.is_empty() {
            let Some(row) = row(&mut rest) else {
                // Nothing after it on this page can be told apart any more.
                let first = if page.text.is_some() { self.next } else { page.last };
                self.find(first, page.last, Why::Altered);
                (self.next, self.prev) = (page.last + 1, None);
                return;
            };
            self.follow(&row);
        }
    }

    fn follow(&mut self, row: &Row) {
        let Row { seq, content, hash } = *row;
        if seq < self.next {
            self.find(seq, seq, Why::Added);
            return;
        }
        if seq > self.next {
            self.find(self.next, seq - 1, Why::Missing);
            self.prev = None;
        }
        let linked = self.prev.as_deref().is_none_or(|prev| prev == content.prev);
        let why = if !linked {
            Some(Why::Unlinked)
        } else if content.hash(&mut self.room) != hash.as_bytes() {
            Some(Why::Altered)
        } else if self.contradicted(seq, hash) {
            Some(Why::ContradictsCheckpoint)
        } else {
            None
        };
        match why {
            Some(why) => self.find(seq, seq, why),
            None if self.bad.is_empty() => self.sound = seq,
            None => {}
        }
        let prev = self.prev.get_or_insert_default();
        prev.clear();
        prev.push_str(hash);
        self.next = seq + 1;
    }

    fn contradicted(&mut self, seq: i64, hash: &str) -> bool {
        let mut contradicted = false;
        while let Some(noted) = self.noted.next_if(|noted| noted.seq <= seq) {
            contradicted |= noted.seq == seq && noted.hash != hash;
        }
        contradicted
    }

    fn end(mut self, head: Head, max: i64) -> Report {
        if self.next <= head.seq {
            self.find(self.next, head.seq, Why::Missing);
        } else if self.prev.as_deref().is_some_and(|prev| prev != head.hash) {
            self.find(head.seq, head.seq, Why::HeadDiffers);
        }
        if max > head.seq {
            self.find(head.seq + 1, max, Why::Added);
        }
        // Of several checkpoints past the end the first says all.
        if let Some(noted) = self.noted.next_if(|noted| noted.seq > head.seq) {
            self.find(head.seq + 1, noted.seq, Why::ContradictsCheckpoint);
        }
        Report { rows: self.sound, head, bad: self.bad, more: self.more }
    }
}
