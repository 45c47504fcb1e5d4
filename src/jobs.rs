//! The worker: takes effects from the outbox and does them, several lanes at once, each lane in order.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::flow::Flow;
use crate::store::StoreError;
use crate::store::jobs::{self, Job};

/// A job whose worker died comes again after this long, and its effect is looked for first.
const CLAIM_TTL: Duration = Duration::from_secs(45);
/// Lanes worked on at once.
const AT_ONCE: u32 = 16;
/// Without a bell: another replica may have put something in, or died with something claimed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Does what is due, once. Returns how many jobs were tried (not those put off).
///
/// # Errors
/// The store could not be asked, or an outcome not be recorded.
pub async fn run_due(flow: &Flow) -> Result<usize, StoreError> {
    let claimed = jobs::claim(&flow.store, &flow.holder, flow.now(), CLAIM_TTL, AT_ONCE).await?;
    let mut tried = 0;
    for outcome in join_all(claimed.iter().map(|job| work(flow, job))).await {
        tried += usize::from(outcome?);
    }
    Ok(tried)
}

/// Does one job; true when it was tried. One that brings the worker down is given up, and the others go on.
async fn work(flow: &Flow, job: &Job) -> Result<bool, StoreError> {
    let outcome = match AssertUnwindSafe(flow.deliver(job)).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(_panic) => {
            tracing::error!(job.id = %job.id, job.kind = %job.kind, "an effect brought the worker down; this is a bug");
            flow.bury(job, "doing it panicked; this is a bug").await.map(|()| true)
        }
    };
    match outcome {
        // Somebody else has it now; theirs counts.
        Err(StoreError::Lost { what }) => {
            tracing::warn!(what, "an outcome came too late to be recorded");
            Ok(false)
        }
        other => other,
    }
}

/// Works until `stop`, then finishes what is under way. A slow call holds up its own lane only.
pub async fn run(flow: Arc<Flow>, stop: CancellationToken) {
    // Tasks of their own: a job that is next in line for SQLite's one writer must go on while more work is claimed, which
    // waits for that writer too.
    let mut under_way = JoinSet::new();
    while !stop.is_cancelled() {
        let free = AT_ONCE.saturating_sub(u32::try_from(under_way.len()).unwrap_or(AT_ONCE));
        match jobs::claim(&flow.store, &flow.holder, flow.now(), CLAIM_TTL, free).await {
            Ok(claimed) => {
                for job in claimed {
                    let flow = Arc::clone(&flow);
                    under_way.spawn(async move { work(&flow, &job).await });
                }
            }
            Err(error) => failed(&flow, &error),
        }
        let busy = !under_way.is_empty();
        tokio::select! {
            () = stop.cancelled() => {}
            () = flow.outbox_bell.notified() => {}
            Some(done) = under_way.join_next(), if busy => note(&flow, done),
            () = wait(&flow, busy) => {}
        }
    }
    while let Some(done) = under_way.join_next().await {
        note(&flow, done);
    }
}

/// Panics are dealt with in [`work`], and nobody aborts a job.
fn note(flow: &Flow, done: Result<Result<bool, StoreError>, JoinError>) {
    if let Ok(Err(error)) = done {
        failed(flow, &error);
    }
}

fn failed(flow: &Flow, error: &StoreError) {
    flow.metrics.store_failed();
    tracing::error!(error = %error, "the outbox cannot be used; effects wait");
}

/// Until the next job may be due, and not longer than [`LOOK_AGAIN`]. What is due behind a job under way comes when that
/// is done, so there is no hurry then.
async fn wait(flow: &Flow, busy: bool) {
    let due = jobs::next_due(&flow.store).await.ok().flatten();
    let least = Duration::from_millis(if busy { 100 } else { 10 });
    let length = due.map_or(LOOK_AGAIN, |at| at.since(flow.now()).clamp(least, LOOK_AGAIN));
    flow.clock.sleep(length).await;
}
