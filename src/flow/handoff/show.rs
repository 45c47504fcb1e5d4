//! What people see of a handoff: its message in the channel, direct messages, lines in the thread, and services outside.

use std::time::Duration;

use crate::core::escalation::Service;
use crate::core::handoff::{Handoff, Report};
use crate::core::ids::{HandoffId, MessageTs, UserId};
use crate::core::severity::Severity;
use crate::core::time::Timestamp;
use crate::paging::{Action, Event};
use crate::slack::blocks::handoff::{HandoffView, To, direct, handoff};
use crate::slack::blocks::page::late;
use crate::slack::message::Message;
use crate::store::{StoreError, handoffs};

use super::super::effect::{CALL, Effect, priority};
use super::super::page::Page;
use super::Flow;

/// From here on the message of a handoff says how late it came.
const LATE: Duration = Duration::from_mins(1);
/// What the keys of handoffs' messages begin with.
const LIVING: &str = "handoff:";
/// All lines of a handoff are equally urgent, so that none overtakes the message it hangs on.
const URGENCY: Severity = Severity::Critical;

impl Flow {
    /// The message in the channel; `rings`: with pings, the first time.
    pub(super) fn living(&self, of: &Handoff, report: &Report, rings: bool) -> (Effect, i64) {
        let people = self.people();
        let message = handoff(&HandoffView { handoff: of, report, rings, people: &people, now: self.now() });
        let show = Effect::Show { key: living_key(&of.id), channel: of.channel.clone(), fallback: None, message };
        (show, priority(URGENCY))
    }

    /// The direct message to one person, as it should look now.
    pub(super) fn tell_of(
        &self,
        handoff: &Handoff,
        report: &Report,
        user: &UserId,
        due_at: Timestamp,
    ) -> (Effect, i64) {
        let to = if handoff.incoming.contains(user) { To::Incoming } else { To::Instead };
        self.tell_watch(format!("{}:{user}", living_key(&handoff.id)), handoff, report, user, to, due_at)
    }

    /// The direct message to whoever keeps the watch meanwhile. Apart from [`Self::tell_of`]: a step of the policy that
    /// calls them must ring.
    pub(super) fn tell_keeper(&self, handoff: &Handoff, report: &Report, user: &UserId) -> (Effect, i64) {
        let key = format!("{}:kept:{user}", living_key(&handoff.id));
        self.tell_watch(key, handoff, report, user, To::Keeper, handoff.at)
    }

    fn tell_watch(
        &self,
        key: String,
        handoff: &Handoff,
        report: &Report,
        user: &UserId,
        to: To,
        due_at: Timestamp,
    ) -> (Effect, i64) {
        let people = self.people();
        let view = HandoffView { handoff, report, rings: false, people: &people, now: self.now() };
        let page = Page::Watch {
            key,
            handoff: handoff.id.clone(),
            user: user.clone(),
            message: direct(&view, to),
            due_at,
            over: !handoff.state.open(),
        };
        (Effect::Page(page), CALL)
    }

    /// The living message of a handoff that came late, or does now, says how late; `None`: it is in time, or none.
    pub(in crate::flow) async fn late_handoff(
        &self,
        key: &str,
        message: &Message,
        posted: Option<&MessageTs>,
    ) -> Result<Option<Message>, StoreError> {
        let Some(id) = key.strip_prefix(LIVING) else { return Ok(None) };
        let Some(stored) = handoffs::get(&self.store, &HandoffId::new(id)).await? else { return Ok(None) };
        let posted = posted.and_then(|ts| ts.as_str().split('.').next()?.parse().ok()).map(Timestamp::from_secs);
        let (at, posted) = (stored.handoff.at, posted.unwrap_or_else(|| self.now()));
        Ok((posted.since(at) >= LATE).then(|| late(message.clone(), at, posted)))
    }
}

/// The living message of a handoff.
fn living_key(id: &HandoffId) -> String {
    format!("{LIVING}{id}")
}

/// A line under the handoff's message.
pub(super) fn thread(handoff: &Handoff, message: Message, due_at: Timestamp) -> (Effect, i64) {
    let (key, channel) = (living_key(&handoff.id), handoff.channel.clone());
    (Effect::Page(Page::Thread { key, channel, message, due_at }), priority(URGENCY))
}

pub(super) fn service_told(handoff: &Handoff, service: &Service, action: Action, now: Timestamp) -> (Effect, i64) {
    let names = |users: &[UserId]| users.iter().map(UserId::as_str).collect::<Vec<_>>().join(", ");
    let details = [("incoming", names(&handoff.incoming)), ("outgoing", names(&handoff.outgoing))];
    let event = Event {
        action,
        dedup_key: handoff.id.to_string(),
        number: handoff.number,
        summary: format!("Nobody has accepted the watch of {}", handoff.schedule),
        severity: URGENCY,
        labels: [("schedule", handoff.schedule.as_str())].into_iter().collect(),
        at: now,
        details: details.map(|(name, text)| (name.to_owned(), text)).into(),
        links: Vec::new(),
    };
    let (key, channel) = (living_key(&handoff.id), handoff.channel.clone());
    (Effect::Page(Page::Service { service: service.clone(), event, key, channel }), CALL)
}
