//! Messages that people mark for the timeline: by a reaction where the incident is worked on, or by the message shortcut.

use std::time::Duration;

use serde_json::{Value, json};

use crate::core::ids::{Actor, ChannelId, MessageTs, UserId};
use crate::core::incident::{Entry, Incident, Kind, Place};
use crate::core::time::Timestamp;
use crate::slack::api::ApiError;
use crate::slack::blocks::handoff::note_empty;
use crate::slack::blocks::incident::{marked, no_incident, no_such_incident, not_marked};
use crate::slack::inbound::{MessageAction, Reaction};
use crate::store::incidents::{self, Change, Stored};
use crate::store::{StoreError, inbox, messages};

use super::super::act::{Caller, Plan};
use super::super::effect::{ANSWER, Effect};
use super::super::receive::{Ack, finish};
use super::super::step::{Extra, StepError};
use super::{Flow, Unclear, announced_key};

/// A message that Slack does not give is asked for again after this; as long as a stored input is worked on at all.
const AGAIN: Duration = Duration::from_secs(10);

/// A message as it goes on a timeline.
struct Marked<'a> {
    channel: &'a ChannelId,
    ts: &'a MessageTs,
    author: Option<UserId>,
    text: String,
}

impl Flow {
    /// A 📌 in the channel of an incident, or in the thread it is worked on in; elsewhere it is somebody's own business.
    pub(in crate::flow) async fn pinned(&self, key: &str, reaction: &Reaction) -> Result<Ack, StepError> {
        let caller = Caller::of(&reaction.user, reaction.user_team.as_ref(), Some(&reaction.channel));
        let extra = match self.pinned_message(reaction, &caller).await? {
            Ok(extra) => extra,
            Err(error) if error.retryable() => {
                // The row stays unfinished, and the sweep comes back to it.
                let wait = if let ApiError::RateLimited { retry_after } = error { retry_after } else { AGAIN };
                tracing::warn!(error = %error, "a marked message could not be read; trying again");
                inbox::fail(&self.store, key, &error.to_string(), self.now().plus(wait)).await?;
                return Ok(Ack::Empty);
            }
            Err(error) => {
                tracing::warn!(error = %error, "a marked message could not be read");
                tell(reaction, &error.to_string())
            }
        };
        self.commit_extra(Extra { finish: finish(key, "noted").finish, ..extra }).await?;
        Ok(Ack::Empty)
    }

    async fn pinned_message(
        &self,
        reaction: &Reaction,
        caller: &Caller,
    ) -> Result<Result<Extra, ApiError>, StoreError> {
        let Reaction { channel, ts, .. } = reaction;
        let own = incidents::of_channel(&self.store, channel).await?.filter(|stored| stored.incident.open());
        let threads = if own.is_none() { self.threads_in(channel).await? } else { Vec::new() };
        if (own.is_none() && threads.is_empty()) || self.may_respond(caller).is_err() {
            return Ok(Ok(Extra::default()));
        }
        let message = match self.api.message(channel, ts).await {
            Ok(Some(message)) => message,
            // In a channel of many threads it need not be about an incident.
            Ok(None) if own.is_none() => return Ok(Ok(Extra::default())),
            Ok(None) => return Ok(Ok(tell(reaction, "it is gone"))),
            Err(error) => return Ok(Err(error)),
        };
        let word = |name: &str| message.get(name).and_then(Value::as_str);
        let thread = word("thread_ts").map(MessageTs::new);
        let in_thread = |(_, announced): &(Stored, MessageTs)| thread.as_ref() == Some(announced);
        let stored = own.or_else(|| threads.into_iter().find(in_thread).map(|(stored, _)| stored));
        let Some(stored) = stored else { return Ok(Ok(Extra::default())) };
        // What is read back is escaped, as what is said in an event is.
        let text = word("text").unwrap_or_default().trim();
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let of = Marked { channel, ts, author: word("user").map(UserId::new), text };
        Ok(Ok(self.mark(&stored.incident, of, caller).await))
    }

    /// Open incidents that are worked on in threads of this channel, each with the message the thread hangs on.
    async fn threads_in(&self, channel: &ChannelId) -> Result<Vec<(Stored, MessageTs)>, StoreError> {
        let mut found = Vec::new();
        for stored in incidents::open(&self.store).await? {
            if stored.incident.announced_in != *channel || !matches!(stored.incident.place, Place::Thread { .. }) {
                continue;
            }
            let announced = messages::get(&self.store, &announced_key(&stored.incident.id)).await?;
            found.extend(announced.map(|place| (stored, place.ts)));
        }
        Ok(found)
    }

    /// The message's own menu.
    pub(in crate::flow) async fn plan_mark(&self, action: &MessageAction, caller: &Caller) -> Plan {
        if let Err(why) = self.may_respond(caller) {
            return Plan::Denied { why, action: "incident" };
        }
        let stored = match self.marked_for(action).await {
            Ok(Ok(stored)) => stored,
            Ok(Err(Unclear::NoSuch(number))) => return Plan::Answer(no_such_incident(number)),
            Ok(Err(Unclear::Several(open))) => return Plan::Answer(no_incident(&open)),
            Err(error) => return super::ask::unavailable(&error),
        };
        if action.text.trim().is_empty() {
            return Plan::Answer(note_empty());
        }
        let author = action.author.clone();
        let of = Marked { channel: &action.channel, ts: &action.message_ts, author, text: action.text.clone() };
        let extra = self.mark(&stored.incident, of, caller).await;
        Plan::Record { extra: Box::new(extra), message: marked(&stored.incident) }
    }

    /// The incident in whose thread the message is, or the one that is meant by its channel.
    async fn marked_for(&self, action: &MessageAction) -> Result<Result<Stored, Unclear>, StoreError> {
        if let Some(thread) = &action.thread_ts {
            let threads = self.threads_in(&action.channel).await?;
            if let Some((stored, _)) = threads.into_iter().find(|(_, announced)| announced == thread) {
                return Ok(Ok(stored));
            }
        }
        self.meant(None, Some(&action.channel)).await
    }

    async fn mark(&self, incident: &Incident, of: Marked<'_>, caller: &Caller) -> Extra {
        let Marked { channel, ts, author, text } = of;
        let link = self.api.chat_get_permalink(channel, ts).await;
        let link = link.inspect_err(|error| tracing::debug!(error = %error, "a message goes without a link")).ok();
        let by = author.map_or_else(|| caller.actor(), |user| Actor::Person { user, team: None });
        // When it was said, not when it was marked.
        let secs = ts.as_str().split('.').next().and_then(|secs| secs.parse().ok());
        let at = secs.map_or_else(|| self.now(), Timestamp::from_secs);
        let entry = Entry { at, by, kind: Kind::Message, text: text.chars().take(2000).collect(), link };
        let detail = json!({ "channel": channel, "ts": ts });
        let record = self.incident_record(incident, "incident.message_marked", caller.actor(), &detail);
        let source = Some(format!("{channel} {ts}"));
        let (id, incident) = (self.ids.next(self.now()), incident.id.clone());
        let incidents = vec![Change::Entry { id, incident, source, entry }];
        Extra { records: vec![record], incidents, ..Extra::default() }
    }
}

/// Whoever pinned it believes it to be on the timeline.
fn tell(reaction: &Reaction, why: &str) -> Extra {
    let (channel, user, message) = (reaction.channel.clone(), reaction.user.clone(), not_marked(why));
    let effects = vec![(Effect::Ephemeral { channel, user, thread_ts: None, message }, ANSWER)];
    Extra { effects, ..Extra::default() }
}
