//! Forgetting: what is finished and older than the retention leaves the database, and what belongs to it leaves memory.

use std::sync::PoisonError;

use crate::core::time::Timestamp;
use crate::store::{StoreError, alerts, balances, facts, handoffs, inbox, jobs, messages};

use super::Flow;
use super::{digest, outside, picture};

impl Flow {
    /// Deletes what was over before `before`. Audit records and dead letters stay.
    ///
    /// # Errors
    /// The store did not answer; what was deleted by then stays deleted.
    pub async fn prune(&self, before: Timestamp) -> Result<(), StoreError> {
        inbox::prune(&self.store, before).await?;
        jobs::prune(&self.store, before).await?;
        alerts::prune(&self.store, before).await?;
        messages::prune(&self.store, digest::DIGEST, before).await?;
        handoffs::prune(&self.store, before).await?;
        balances::thin(&self.store, self.now()).await?;
        self.prune_division(before).await?;
        facts::prune_groups(&self.store, picture::CHART, before).await?;
        // Silences last a month at most.
        facts::prune_groups(&self.store, outside::OUTSIDE, before).await?;
        // Groups the engine has forgotten are never shown again.
        self.with_engine(|engine, _, _| {
            let mut charts = self.charts.write().unwrap_or_else(PoisonError::into_inner);
            charts.retain(|group, _| engine.group(group).is_some());
        });
        Ok(())
    }
}
