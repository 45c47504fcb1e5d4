//! Messages that people mark for the timeline: by a reaction in the incident's channel, or by the message shortcut.

use serde_json::json;

use crate::core::ids::{Actor, ChannelId, MessageTs, UserId};
use crate::core::incident::{Entry, Incident, Kind};
use crate::core::time::Timestamp;
use crate::slack::blocks::handoff::note_empty;
use crate::slack::blocks::incident::{marked, no_incident, no_such_incident};
use crate::slack::inbound::{MessageAction, Reaction};
use crate::store::incidents::{self, Change};

use super::super::act::{Caller, Plan};
use super::super::receive::{Ack, finish};
use super::super::step::{Extra, StepError};
use super::{Flow, Unclear};

/// A message as it goes on a timeline.
struct Marked<'a> {
    channel: &'a ChannelId,
    ts: &'a MessageTs,
    author: Option<UserId>,
    text: String,
}

impl Flow {
    /// A 📌 in the channel of an incident; elsewhere it is somebody's own business.
    pub(in crate::flow) async fn pinned(&self, key: &str, reaction: &Reaction) -> Result<Ack, StepError> {
        let caller = Caller::of(&reaction.user, reaction.user_team.as_ref(), Some(&reaction.channel));
        let stored = incidents::of_channel(&self.store, &reaction.channel).await?;
        let extra = match stored.filter(|stored| stored.incident.open()) {
            Some(stored) if self.may_respond(&caller).is_ok() => {
                match self.api.message(&reaction.channel, &reaction.ts).await {
                    Ok(Some(message)) => {
                        let text = message["text"].as_str().unwrap_or_default().trim();
                        // What is read back is escaped, as what is said in an event is.
                        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
                        let author = message["user"].as_str().map(UserId::new);
                        let of = Marked { channel: &reaction.channel, ts: &reaction.ts, author, text };
                        self.mark(&stored.incident, of, &caller).await
                    }
                    Ok(None) => Extra::default(),
                    Err(error) => {
                        tracing::warn!(error = %error, "a marked message could not be read");
                        Extra::default()
                    }
                }
            }
            _ => Extra::default(),
        };
        self.commit_extra(Extra { finish: finish(key, "noted").finish, ..extra }).await?;
        Ok(Ack::Empty)
    }

    /// The message's own menu.
    pub(in crate::flow) async fn plan_mark(&self, action: &MessageAction, caller: &Caller) -> Plan {
        if let Err(why) = self.may_respond(caller) {
            return Plan::Denied { why, action: "incident" };
        }
        let stored = match self.meant(None, Some(&action.channel)).await {
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
