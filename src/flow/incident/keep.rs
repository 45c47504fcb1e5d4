//! What happens without anybody asking: updates that are due are asked for, and the end of the last alert is told.

use serde_json::json;

use crate::core::ids::Actor;
use crate::slack::blocks::incident::{calm, due};
use crate::store::incidents::{self, Change, Stored};

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
            let Some(nth) = said else {
                self.hear_of_alerts(before).await?;
                continue;
            };
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

    /// Tells once that nothing of an incident fires any more.
    async fn hear_of_alerts(&self, before: Stored) -> Result<(), StepError> {
        let firing = self.firing_of(&before.incident).len();
        let Some((after, over)) = before.incident.clone().hear_of_alerts(firing) else { return Ok(()) };
        let effects = if over { vec![Self::incident_line(&after, calm(&after))] } else { Vec::new() };
        let incidents = vec![Change::Moved { before, after }];
        match self.commit_led(Extra { effects, incidents, ..Extra::default() }).await {
            Ok(()) | Err(StepError::AlreadyDone) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
