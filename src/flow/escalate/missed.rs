//! Direct messages of a step that could not be delivered: nobody was told, so the next step is due.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use crate::core::ids::{GroupId, UserId};
use crate::core::time::Timestamp;
use crate::store::facts;

use super::super::Flow;
use super::super::step::{Extra, StepError};

/// A direct message of an escalation step that cannot be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    pub group: GroupId,
    pub user: UserId,
    /// When it was decided.
    pub at: Timestamp,
    /// Whoever it is for is not in Slack any more.
    pub gone: bool,
}

/// Facts: pages that could not be delivered, until the holder of the lease has heard of them.
const MISSED: &str = "escalation.missed:";

impl Missed {
    /// The fact that keeps it.
    pub(in crate::flow) fn fact(&self) -> (String, String) {
        let Self { group, user, at, .. } = self;
        let key = format!("{MISSED}{group}:{user}:{}", at.as_millis());
        (key, serde_json::to_string(self).unwrap_or_default())
    }
}

impl Flow {
    /// Takes the next step where a direct message could not be delivered and nobody else was told.
    pub(in crate::flow) async fn hear_missed(&self) {
        if self.lease().is_none() || self.escalations.heard.swap(true, Ordering::Relaxed) {
            return;
        }
        let heard = async {
            let stored = facts::list(&self.store, MISSED).await.map_err(StepError::Store)?;
            let forgotten = stored.iter().map(|(key, _)| key.clone()).collect();
            let missed: Vec<Missed> = stored.iter().filter_map(|(_, text)| serde_json::from_str(text).ok()).collect();
            if stored.is_empty() {
                return Ok(());
            }
            let now = self.now();
            {
                let mut looked_up = self.escalations.looked_up.lock().unwrap_or_else(PoisonError::into_inner);
                looked_up.extend(missed.iter().filter(|one| one.gone).map(|one| (one.user.clone(), (now, true))));
            }
            self.step(Vec::new(), |_| Extra { missed, forgotten, ..Extra::default() }).await.map(drop)
        };
        if let Err(error) = heard.await {
            tracing::warn!(error = %error, "pages that could not be delivered are heard of at the next look");
            self.listen_for_missed();
        }
    }

    /// Another replica may have given one up.
    pub fn listen_for_missed(&self) {
        self.escalations.heard.store(false, Ordering::Relaxed);
    }
}
