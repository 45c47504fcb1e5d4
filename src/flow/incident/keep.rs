//! What happens without anybody asking: updates that are due are asked for.

use serde_json::json;

use crate::core::ids::Actor;
use crate::slack::blocks::incident::due;
use crate::store::incidents::{self, Change};

use super::super::step::{Extra, StepError};
use super::Flow;

impl Flow {
    /// Reminds whoever tells people how it goes.
    ///
    /// # Errors
    /// What was not committed is tried again at the next look.
    pub async fn keep_incidents(&self) -> Result<(), StepError> {
        if self.lease().is_none() {
            return Ok(());
        }
        let (now, settings) = (self.now(), self.settings().incidents.clone());
        for before in incidents::open(&self.store).await? {
            let (after, said) = before.incident.clone().remind(&settings, now);
            let Some(nth) = said else { continue };
            self.know_roles(&after).await;
            let mut effects = self.incident_shown(&after);
            effects.push(Self::incident_line(&after, due(&after, nth)));
            let record =
                self.incident_record(&after, "incident.update_due", Actor::System, &json!({ "reminder": nth }));
            let incidents = vec![Change::Moved { before, after }];
            let extra = Extra { effects, records: vec![record], incidents, ..Extra::default() };
            match self.commit_led(extra).await {
                Ok(()) | Err(StepError::AlreadyDone) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
