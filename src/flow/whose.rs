//! Whose bot it is: learned from Slack, and remembered, so that a start while Slack is away makes strangers of nobody.

use std::sync::PoisonError;

use crate::store::{StoreError, facts};

use super::{Flow, Home};

const HOME: &str = "home";

impl Flow {
    /// As an earlier process learned it; Slack is asked all the same.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn recall_home(&self) -> Result<(), StoreError> {
        let known = facts::get(&self.store, HOME).await?;
        if let Some(home) = known.and_then(|known| serde_json::from_str::<Home>(&known).ok()) {
            *self.home.write().unwrap_or_else(PoisonError::into_inner) = home;
        }
        Ok(())
    }

    /// Slack has said it.
    pub async fn learn_home(&self, home: Home) {
        let value = serde_json::to_string(&home).unwrap_or_default();
        let kept = async {
            let mut tx = self.store.begin().await?;
            facts::put(&mut tx, HOME, &value, self.now()).await?;
            tx.commit().await
        };
        if let Err(error) = kept.await {
            tracing::warn!(error = %error, "the workspace's name was not kept; the next start asks Slack for it");
        }
        self.set_home(home);
    }

    /// At the very first start, whoever asks before Slack has said whose bot this is waits for that a little: everybody would
    /// be a stranger.
    pub(super) async fn know_home(&self) {
        let told = self.home_told.notified();
        if self.home().team.is_none() {
            let _in_time = tokio::time::timeout(self.waits.look, told).await;
        }
    }
}
