//! The worker: takes effects from the outbox and does them, several lanes at once, each lane in order.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::flow::Flow;
use crate::store::{StoreError, jobs};

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
    let outcomes = join_all(claimed.iter().map(|job| flow.deliver(job))).await;
    let mut tried = 0;
    for outcome in outcomes {
        match outcome {
            Ok(true) => tried += 1,
            Ok(false) => {}
            // Somebody else has it now; theirs counts.
            Err(StoreError::Lost { what }) => tracing::warn!(what, "an outcome came too late to be recorded"),
            Err(error) => return Err(error),
        }
    }
    Ok(tried)
}

/// Works until `stop`.
pub async fn run(flow: Arc<Flow>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match run_due(&flow).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => {
                flow.metrics.store_failed();
                tracing::error!(error = %error, "the outbox cannot be read; effects wait");
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = flow.outbox_bell.notified() => {}
            () = wait(&flow) => {}
        }
    }
}

/// Until the next job may be due, and not longer than [`LOOK_AGAIN`].
async fn wait(flow: &Flow) {
    let due = jobs::next_due(&flow.store).await.ok().flatten();
    let length = due.map_or(LOOK_AGAIN, |at| at.since(flow.now()).clamp(Duration::from_millis(10), LOOK_AGAIN));
    flow.clock.sleep(length).await;
}
