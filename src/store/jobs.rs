//! The outbox: everything that must go out, kept with what caused it, in order within a lane, claimed by one worker at a time.

mod look;

use std::time::Duration;

use sqlx::FromRow;

use crate::core::ids::JobId;
use crate::core::time::Timestamp;

use super::{Backend, Store, StoreError, Tx};

pub use look::{Dead, Depth, LaneDepth, dead, depth, next_due, superseded};

/// Work to be done after the transaction that asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Sortable: the order within a lane is the order of ids.
    pub id: JobId,
    /// Jobs of one lane run one after the other, the most urgent first and among equals the oldest: `channel:C123`.
    /// One that is put off holds up those behind it.
    pub lane: String,
    /// Higher goes first, within a lane and among lanes.
    pub priority: i64,
    pub kind: String,
    pub payload: String,
    pub not_before: Timestamp,
    /// A job of the same lane, kind and coalesce key that nobody has tried yet is given this payload instead of
    /// adding a second job behind it.
    pub coalesce: Option<String>,
    /// What is said in one thread is said in order: a more urgent line takes along those that wait before it.
    pub thread: Option<String>,
    pub created_at: Timestamp,
}

/// A claimed job. Only the holder of this claim can settle it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub lane: String,
    pub priority: i64,
    pub kind: String,
    pub payload: String,
    pub created_at: Timestamp,
    /// Counts this one: 1 at first.
    pub attempts: u32,
    /// An earlier attempt may have taken effect without saying so: look for the effect before repeating it.
    pub interrupted: bool,
    /// Which claim this is; every later one is higher.
    claim: i64,
}

/// What `enqueue` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    Added,
    /// The payload went into a job that was waiting already.
    Coalesced,
}

/// What is known of a failed attempt's effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Refused, rate limited, never sent: repeating is safe.
    None,
    /// Timed out, connection lost: the next attempt comes as `interrupted`.
    Unknown,
}

pub async fn enqueue(tx: &mut Tx, job: &NewJob) -> Result<Enqueued, StoreError> {
    let NewJob { id, lane, priority, kind, payload, not_before, coalesce, thread, created_at } = job;
    if let Some(key) = coalesce {
        // It keeps its place in the lane, takes the higher priority and the earlier start.
        let update = "
            UPDATE jobs SET payload = $1,
                priority = CASE WHEN priority < $2 THEN $2 ELSE priority END,
                not_before = CASE WHEN not_before > $3 THEN $3 ELSE not_before END
            WHERE lane = $4 AND kind = $5 AND coalesce_key = $6
                AND state = 'queued' AND attempts = 0 AND unsure = 0";
        let update = sqlx::query(update).bind(payload.as_str()).bind(*priority).bind(not_before.as_millis());
        let update = update.bind(lane.as_str()).bind(kind.as_str()).bind(key.as_str());
        if tx.execute(update).await? > 0 {
            return Ok(Enqueued::Coalesced);
        }
    }
    if let (Some(thread), None) = (thread, coalesce) {
        take_along(tx, job, thread).await?;
    }
    let insert = "
        INSERT INTO jobs (id, lane, priority, kind, payload, coalesce_key, thread, state, created_at, not_before)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued', $8, $9)";
    let insert = sqlx::query(insert).bind(id.as_str()).bind(lane.as_str()).bind(*priority).bind(kind.as_str());
    let insert = insert.bind(payload.as_str()).bind(coalesce.as_deref()).bind(thread.as_deref());
    tx.execute(insert.bind(created_at.as_millis()).bind(not_before.as_millis())).await?;
    Ok(Enqueued::Added)
}

/// What waits of the thread becomes as urgent as the line that comes behind it. Looks at a message that is posted already may
/// stay behind: there will be newer ones.
async fn take_along(tx: &mut Tx, behind: &NewJob, thread: &str) -> Result<(), StoreError> {
    let update = "
        UPDATE jobs SET priority = $1, not_before = CASE WHEN not_before > $2 THEN $2 ELSE not_before END
        WHERE lane = $3 AND thread = $4 AND state = 'queued' AND claimed_by IS NULL AND priority < $1
            AND (coalesce_key IS NULL OR NOT EXISTS (SELECT 1 FROM messages WHERE key = $4))";
    let update = sqlx::query(update).bind(behind.priority).bind(behind.not_before.as_millis());
    tx.execute(update.bind(behind.lane.as_str()).bind(thread)).await?;
    Ok(())
}

macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "
            WITH due AS MATERIALIZED (
                SELECT j.id FROM jobs j
                WHERE j.state = 'queued' AND j.not_before <= $1 AND j.claimed_until <= $1
                    -- The most urgent of its lane, the oldest of those, and nothing of that lane is being done right now.
                    AND NOT EXISTS (SELECT 1 FROM jobs o WHERE o.state = 'queued' AND o.lane = j.lane
                        AND (o.priority > j.priority OR (o.priority = j.priority AND o.id < j.id)))
                    AND NOT EXISTS (SELECT 1 FROM jobs o
                        WHERE o.claimed_by IS NOT NULL AND o.lane = j.lane AND o.claimed_until > $1)
                ORDER BY j.priority DESC, j.id
                LIMIT $2 ",
            $lock,
            ")
            UPDATE jobs SET
                claim = claim + 1,
                attempts = attempts + 1,
                -- Claimed and never settled: its holder died, or is late.
                unsure = CASE WHEN claimed_by IS NULL THEN unsure ELSE 1 END,
                claimed_by = $3,
                claimed_until = $4
            -- Asked again here, since another worker may have been quicker.
            WHERE id IN (SELECT id FROM due) AND state = 'queued' AND not_before <= $1 AND claimed_until <= $1
            RETURNING id, lane, priority, kind, payload, created_at, attempts, unsure, claim"
        )
    };
}

/// Takes up to `limit` jobs for `claim_ttl`: the first of each lane that has none under way, most urgent first. A job
/// whose claim ran out comes again, as `interrupted`.
pub async fn claim(
    store: &Store,
    holder: &str,
    now: Timestamp,
    claim_ttl: Duration,
    limit: u32,
) -> Result<Vec<Job>, StoreError> {
    let update = match store.backend() {
        Backend::Sqlite => claim!(""),
        // Workers pass each other instead of queueing up on the same rows.
        Backend::Postgres => claim!("FOR UPDATE OF j SKIP LOCKED"),
    };
    let update = sqlx::query_as::<_, JobRow>(update).bind(now.as_millis()).bind(i64::from(limit));
    let update = update.bind(holder).bind(now.plus(claim_ttl).as_millis());
    let mut jobs: Vec<Job> = store.writer().await?.all(update).await?.into_iter().map(Job::from).collect();
    jobs.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.id.cmp(&b.id)));
    Ok(jobs)
}

/// The effect took place. What it said is not kept: nothing asks for it again.
///
/// # Errors
/// This and the other settling functions: [`StoreError::Lost`] when the claim ran out and somebody else took the job.
pub async fn succeed(tx: &mut Tx, job: &Job, now: Timestamp) -> Result<(), StoreError> {
    let update = "
        UPDATE jobs SET state = 'done', payload = '', finished_at = $3, claimed_by = NULL, claimed_until = 0
        WHERE id = $1 AND claim = $2 AND state = 'queued'";
    settle(tx, job, sqlx::query(update).bind(job.id.as_str()).bind(job.claim).bind(now.as_millis())).await
}

/// Try again, not before `not_before`; its lane waits.
pub async fn retry(
    tx: &mut Tx,
    job: &Job,
    error: &str,
    effect: Effect,
    not_before: Timestamp,
) -> Result<(), StoreError> {
    let update = "
        UPDATE jobs SET not_before = $3, last_error = $4, unsure = $5, claimed_by = NULL, claimed_until = 0
        WHERE id = $1 AND claim = $2 AND state = 'queued'";
    let unsure = i64::from(effect == Effect::Unknown);
    let update = sqlx::query(update).bind(job.id.as_str()).bind(job.claim).bind(not_before.as_millis());
    settle(tx, job, update.bind(error).bind(unsure)).await
}

/// Put off without having been tried: it is not its turn yet. A job never tried before may still be given a newer
/// payload.
pub async fn defer(tx: &mut Tx, job: &Job, not_before: Timestamp) -> Result<(), StoreError> {
    let update = "
        UPDATE jobs SET not_before = $3, claimed_by = NULL, claimed_until = 0, attempts = attempts - 1
        WHERE id = $1 AND claim = $2 AND state = 'queued'";
    let update = sqlx::query(update).bind(job.id.as_str()).bind(job.claim).bind(not_before.as_millis());
    settle(tx, job, update).await
}

/// The id of the job that was given the highest.
pub async fn newest(store: &Store) -> Result<Option<String>, StoreError> {
    let row: Option<(Option<String>,)> =
        store.reader().await?.first(sqlx::query_as("SELECT MAX(id) FROM jobs")).await?;
    Ok(row.and_then(|(id,)| id))
}

/// At the start of `holder`: what it had claimed in an earlier life comes again at once, as `interrupted`.
pub async fn abandon(store: &Store, holder: &str) -> Result<u64, StoreError> {
    let update = "UPDATE jobs SET claimed_until = 0 WHERE claimed_by = $1 AND state = 'queued'";
    store.writer().await?.execute(sqlx::query(update).bind(holder)).await
}

/// Nobody claims a job for so long: such a claim was made by a clock that ran ahead.
const NO_CLAIM: Duration = Duration::from_mins(10);

/// After the clock of `holder` went back: nothing is put off, nor claimed by it, until later than `most`. What others are at
/// work on stays theirs.
pub async fn hasten(store: &Store, holder: &str, most: Timestamp) -> Result<u64, StoreError> {
    let update = "
        UPDATE jobs SET not_before = CASE WHEN not_before > $1 THEN $1 ELSE not_before END,
            claimed_until = CASE WHEN claimed_until > $3 OR (claimed_until > $1 AND claimed_by = $2) THEN $1
                ELSE claimed_until END
        WHERE state = 'queued' AND (not_before > $1 OR claimed_until > $1)";
    let update = sqlx::query(update).bind(most.as_millis()).bind(holder).bind(most.plus(NO_CLAIM).as_millis());
    store.writer().await?.execute(update).await
}

/// Give up: a dead letter, which holds up nobody and waits for a person.
pub async fn bury(tx: &mut Tx, job: &Job, error: &str, now: Timestamp) -> Result<(), StoreError> {
    let update = "
        UPDATE jobs SET state = 'dead', finished_at = $3, last_error = $4, claimed_by = NULL, claimed_until = 0
        WHERE id = $1 AND claim = $2 AND state = 'queued'";
    let update = sqlx::query(update).bind(job.id.as_str()).bind(job.claim).bind(now.as_millis());
    settle(tx, job, update.bind(error)).await?;
    // What was given up before in its place says no more than this one.
    let older = "
        DELETE FROM jobs WHERE state = 'dead' AND finished_at IS NOT NULL AND lane = $2 AND kind = $3 AND id <> $1
            AND coalesce_key = (SELECT coalesce_key FROM jobs WHERE id = $1)";
    let older = sqlx::query(older).bind(job.id.as_str()).bind(job.lane.as_str()).bind(job.kind.as_str());
    tx.execute(older).await.map(drop)
}

async fn settle(tx: &mut Tx, job: &Job, update: super::session::Statement<'_>) -> Result<(), StoreError> {
    if tx.execute(update).await? == 0 {
        return Err(StoreError::Lost { what: format!("the claim on job {}", job.id) });
    }
    Ok(())
}

/// Queues a dead letter again, with its attempts counted from zero; it comes as `interrupted`, since nobody knows any
/// more what its last attempt did. False: there is no such dead letter.
pub async fn revive(tx: &mut Tx, id: &JobId, now: Timestamp) -> Result<bool, StoreError> {
    let update = "
        UPDATE jobs SET state = 'queued', finished_at = NULL, attempts = 0, unsure = 1, not_before = $2
        WHERE id = $1 AND state = 'dead'";
    Ok(tx.execute(sqlx::query(update).bind(id.as_str()).bind(now.as_millis())).await? == 1)
}

/// Deletes jobs done before `before`. Dead letters stay.
pub async fn prune(store: &Store, before: Timestamp) -> Result<u64, StoreError> {
    let delete = "
        DELETE FROM jobs
        WHERE id IN (SELECT id FROM jobs WHERE state = 'done' AND finished_at < $1 LIMIT $2)";
    store.delete_in_steps(delete, before).await
}

#[derive(FromRow)]
struct JobRow {
    id: String,
    lane: String,
    priority: i64,
    kind: String,
    payload: String,
    created_at: i64,
    attempts: i64,
    unsure: i64,
    claim: i64,
}

impl From<JobRow> for Job {
    fn from(row: JobRow) -> Self {
        let JobRow { id, lane, priority, kind, payload, created_at, attempts, unsure, claim } = row;
        Self {
            id: JobId::new(id),
            lane,
            priority,
            kind,
            payload,
            created_at: Timestamp::from_millis(created_at),
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            interrupted: unsure != 0,
            claim,
        }
    }
}

#[cfg(test)]
mod tests;
