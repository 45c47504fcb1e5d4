//! Incidents: declared by command, form or from an alert; worked on in a channel of their own; told of on a cadence.

mod ask;
mod change;
mod form;
mod keep;
mod mark;
mod room;

use crate::core::ids::{ChannelId, IncidentId};
use crate::core::incident::{Incident, Place, Stage};
use crate::core::severity::Severity;
use crate::core::time::Timestamp;
use crate::slack::blocks::incident::{IncidentView, announcement, card};
use crate::slack::message::Message;
use crate::store::StoreError;
use crate::store::incidents::{self, Stored};

use super::Flow;
use super::effect::{Effect, priority};
pub(super) use form::ours;
pub use room::Room;

/// All messages of an incident are equally urgent, so that none overtakes the one it hangs on.
fn urgency() -> i64 {
    priority(Severity::Critical)
}

fn announced_key(id: &IncidentId) -> String {
    format!("incident:{id}")
}

fn card_key(id: &IncidentId) -> String {
    format!("incident:{id}:card")
}

/// What is new, with how far the work is now when that is new: `identified: it is the node`.
fn staged(before: &Incident, stage: Option<Stage>, text: String) -> String {
    match stage {
        Some(stage) if before.stage() != Some(stage) => format!("{}: {text}", stage.as_str()),
        _ => text,
    }
}

impl Flow {
    /// Its announcement and, once it has a channel, its card there, as they should look now.
    fn incident_shown(&self, incident: &Incident) -> Vec<(Effect, i64)> {
        let people = self.people();
        let view = IncidentView { incident, people: &people, now: self.now() };
        let show = |key, channel: &ChannelId, message| {
            (Effect::Show { key, channel: channel.clone(), fallback: None, message }, urgency())
        };
        let announced = announced_key(&incident.id);
        match &incident.place {
            Place::Opening => vec![show(announced, &incident.announced_in, announcement(&view))],
            Place::Channel { channel } => vec![
                show(announced, &incident.announced_in, announcement(&view)),
                show(card_key(&incident.id), channel, card(&view)),
            ],
            // The card stands for both.
            Place::Thread { .. } => vec![show(announced, &incident.announced_in, card(&view))],
        }
    }

    /// A line where the incident is worked on.
    fn incident_line(incident: &Incident, message: Message) -> (Effect, i64) {
        let effect = match &incident.place {
            Place::Channel { channel } => {
                Effect::Post { channel: channel.clone(), thread_ts: None, fallback: None, message }
            }
            Place::Opening | Place::Thread { .. } => {
                Effect::Note { key: announced_key(&incident.id), channel: incident.announced_in.clone(), message }
            }
        };
        (effect, urgency())
    }

    /// The incident a channel is for, or the only one that is open; `Err` has those that are.
    async fn meant(
        &self,
        number: Option<u64>,
        channel: Option<&ChannelId>,
    ) -> Result<Result<Stored, Unclear>, StoreError> {
        if let Some(number) = number {
            return Ok(incidents::by_number(&self.store, number).await?.ok_or(Unclear::NoSuch(number)));
        }
        if let Some(channel) = channel
            && let Some(stored) = incidents::of_channel(&self.store, channel).await?
        {
            return Ok(Ok(stored));
        }
        let mut open = incidents::open(&self.store).await?;
        if open.len() == 1 {
            return Ok(open.pop().ok_or(Unclear::Several(Vec::new())));
        }
        Ok(Err(Unclear::Several(open.iter().map(|stored| stored.incident.number).collect())))
    }

    async fn know_roles(&self, incident: &Incident) {
        self.know(&incident.opened_by).await;
        for role in crate::core::incident::Role::ALL {
            if let Some(user) = incident.roles.of(role) {
                self.know(user).await;
            }
        }
    }

    /// What the incidents of a stretch of time come to, for handoffs and the week.
    pub(super) async fn open_incidents(&self) -> Result<Vec<Incident>, StoreError> {
        Ok(incidents::open(&self.store).await?.into_iter().map(|stored| stored.incident).collect())
    }

    pub(super) async fn incidents_between(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Incident>, StoreError> {
        incidents::during(&self.store, from, to).await
    }
}

/// Which incident is meant cannot be told.
enum Unclear {
    NoSuch(u64),
    /// Numbers of those that are open; none or several.
    Several(Vec<u64>),
}
