//! Looking at the outbox without changing it.

use sqlx::FromRow;

use crate::core::ids::JobId;
use crate::core::time::Timestamp;

use super::super::{Store, StoreError};
use super::Job;

/// A job that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    pub id: JobId,
    pub lane: String,
    pub kind: String,
    pub payload: String,
    pub attempts: u32,
    pub error: String,
    pub died_at: Timestamp,
}

/// How much waits to go out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// By lane.
    pub lanes: Vec<LaneDepth>,
    pub dead: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneDepth {
    pub lane: String,
    pub queued: u64,
    /// When the oldest of them was asked for.
    pub oldest: Timestamp,
}

impl Depth {
    #[must_use]
    pub fn queued(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.queued).sum()
    }

    #[must_use]
    pub fn oldest(&self) -> Option<Timestamp> {
        self.lanes.iter().map(|lane| lane.oldest).min()
    }
}

pub async fn depth(store: &Store) -> Result<Depth, StoreError> {
    let mut reader = store.reader().await?;
    let lanes = "
        SELECT lane, COUNT(*), MIN(created_at) FROM jobs
        WHERE state = 'queued' GROUP BY lane ORDER BY lane";
    let lanes: Vec<(String, i64, i64)> = reader.all(sqlx::query_as(lanes)).await?;
    let dead: Option<(i64,)> = reader
        .first(sqlx::query_as("SELECT COUNT(*) FROM jobs WHERE state = 'dead' AND finished_at IS NOT NULL"))
        .await?;
    let lane = |(lane, queued, oldest): (String, i64, i64)| LaneDepth {
        lane,
        queued: queued.unsigned_abs(),
        oldest: Timestamp::from_millis(oldest),
    };
    Ok(Depth { lanes: lanes.into_iter().map(lane).collect(), dead: dead.map_or(0, |(count,)| count.unsigned_abs()) })
}

/// When the next job can be claimed (maybe in the past); `None` when nothing is queued. A claim under way counts with
/// its end, since that is when the job comes again if its holder died.
pub async fn next_due(store: &Store) -> Result<Option<Timestamp>, StoreError> {
    let select = "
        SELECT MIN(CASE WHEN j.claimed_until > j.not_before THEN j.claimed_until ELSE j.not_before END)
        FROM jobs j
        WHERE j.state = 'queued'
            AND NOT EXISTS (SELECT 1 FROM jobs o WHERE o.state = 'queued' AND o.lane = j.lane
                AND (o.priority > j.priority OR (o.priority = j.priority AND o.id < j.id)))";
    let row: Option<(Option<i64>,)> = store.reader().await?.first(sqlx::query_as(select)).await?;
    Ok(row.and_then(|(due,)| due).map(Timestamp::from_millis))
}

/// Whether a later job of the same lane, kind and coalesce key is done or will be: an urgent one overtakes an older one that
/// was tried already and so was not given its payload.
pub async fn superseded(store: &Store, job: &Job, coalesce: &str) -> Result<bool, StoreError> {
    let select = "
        SELECT COUNT(*) FROM jobs
        WHERE id > $1 AND lane = $2 AND kind = $3 AND coalesce_key = $4 AND state <> 'dead'";
    let select = sqlx::query_as(select).bind(job.id.as_str()).bind(job.lane.as_str()).bind(job.kind.as_str());
    let row: Option<(i64,)> = store.reader().await?.first(select.bind(coalesce)).await?;
    Ok(row.is_some_and(|(later,)| later > 0))
}

#[derive(FromRow)]
struct DeadRow {
    id: String,
    lane: String,
    kind: String,
    payload: String,
    attempts: i64,
    last_error: Option<String>,
    finished_at: Option<i64>,
}

/// The dead letters, newest first.
pub async fn dead(store: &Store, limit: u32) -> Result<Vec<Dead>, StoreError> {
    let select = "
        SELECT id, lane, kind, payload, attempts, last_error, finished_at FROM jobs
        WHERE state = 'dead' AND finished_at IS NOT NULL
        ORDER BY finished_at DESC, id DESC LIMIT $1";
    let rows = store.reader().await?.all(sqlx::query_as::<_, DeadRow>(select).bind(i64::from(limit))).await?;
    Ok(rows.into_iter().map(Dead::from).collect())
}

impl From<DeadRow> for Dead {
    fn from(row: DeadRow) -> Self {
        let DeadRow { id, lane, kind, payload, attempts, last_error, finished_at } = row;
        Self {
            id: JobId::new(id),
            lane,
            kind,
            payload,
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            error: last_error.unwrap_or_default(),
            died_at: Timestamp::from_millis(finished_at.unwrap_or_default()),
        }
    }
}
