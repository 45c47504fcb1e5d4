//! Signing where the audit log stands; what is posted goes out with the commit.

use crate::core::audit::checkpoint::{Checkpoint, Signer};
use crate::core::ids::ChannelId;
use crate::core::severity::Severity;
use crate::slack::blocks;
use crate::store::checkpoints;

use super::effect::{Effect, priority};
use super::step::fenced;
use super::{Flow, StepError};

impl Flow {
    /// Signs the head of the audit log. `None`: another replica decides, or nothing was recorded since the last time.
    ///
    /// # Errors
    /// Nothing was signed.
    pub async fn checkpoint(
        &self,
        signer: &Signer,
        channel: Option<&ChannelId>,
    ) -> Result<Option<Checkpoint>, StepError> {
        let Some(lease) = self.lease() else { return Ok(None) };
        let now = self.now();
        let mut tx = self.store.begin().await?;
        fenced(&mut tx, &lease, now).await?;
        let Some(head) = checkpoints::unsigned_head(&mut tx).await? else { return Ok(None) };
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
