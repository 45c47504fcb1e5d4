//! Signing where the audit log stands; what is posted goes out with the commit.

use crate::core::audit::checkpoint::{Checkpoint, Signer};
use crate::core::ids::ChannelId;
use crate::core::severity::Severity;
use crate::slack::blocks;
use crate::store::StoreError;
use crate::store::checkpoints::{self, Standing};

use super::effect::{Effect, priority};
use super::step::fenced;
use super::{Flow, StepError};

/// Why nothing was signed although something was recorded.
#[derive(Debug, thiserror::Error)]
pub enum Unsigned {
    #[error(transparent)]
    Step(#[from] StepError),
    #[error(
        "the audit log ends at entry {head}, and up to {signed} it was signed: it was cut, or the database is an older copy"
    )]
    Cut { signed: i64, head: i64 },
    #[error("entry {seq} of the audit log is not the one that was signed: the log was changed")]
    Changed { seq: i64 },
}

impl From<StoreError> for Unsigned {
    fn from(error: StoreError) -> Self {
        Self::Step(error.into())
    }
}

impl Flow {
    /// Signs the head of the audit log. `None`: another replica decides, or nothing was recorded since the last time.
    ///
    /// # Errors
    /// Nothing was signed.
    pub async fn checkpoint(
        &self,
        signer: &Signer,
        channel: Option<&ChannelId>,
    ) -> Result<Option<Checkpoint>, Unsigned> {
        let Some(lease) = self.lease() else { return Ok(None) };
        let now = self.now();
        let mut tx = self.store.begin().await?;
        fenced(&mut tx, &lease, now).await?;
        let head = match checkpoints::standing(&mut tx, &signer.public()).await? {
            Standing::Signed => return Ok(None),
            Standing::Unsigned(head) => head,
            Standing::Cut { signed, head } => return Err(Unsigned::Cut { signed, head }),
            Standing::Changed { seq } => return Err(Unsigned::Changed { seq }),
        };
        let checkpoint = signer.sign(head.seq, &head.hash, now);
        checkpoints::insert(&mut tx, &checkpoint).await?;
        if let Some(channel) = channel {
            let message = blocks::checkpoint::checkpoint(&checkpoint);
            let post = Effect::Post { channel: channel.clone(), thread_ts: None, fallback: None, message };
            self.enqueue(&mut tx, &post, priority(Severity::Info), now).await?;
        }
        tx.commit().await?;
        if channel.is_some() {
            self.outbox_bell.notify_one();
        }
        Ok(Some(checkpoint))
    }
}
