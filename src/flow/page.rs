//! Telling one person, one thread or one service that nobody has acknowledged, or accepted: what waits in the outbox, and doing it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::alert::Alert;
use crate::core::escalation::{Service, Stage};
use crate::core::group::Group;
use crate::core::ids::{ChannelId, GroupId, HandoffId, UserId};
use crate::core::time::Timestamp;
use crate::paging::{Action, Event, PagingError};
use crate::slack::api::ApiError;
use crate::slack::blocks::page;
use crate::slack::blocks::people::People;
use crate::slack::message::Message;
use crate::store::jobs::Job;
use crate::store::messages::{self, MessageRef};
use crate::store::{StoreError, escalations, handoffs};

use super::Flow;
use super::deliver::Attempt;
use super::effect::{Effect, group_key, lane_of};
use super::escalate::Missed;

/// From here on a page says how late it is.
const LATE: Duration = Duration::from_mins(1);

/// One page of an escalation step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "page", rename_all = "snake_case")]
pub enum Page {
    /// A direct message known by `key`, decided at `sent_at`. Once the group is attended to, or the page `over`, one that
    /// was never delivered stays undelivered.
    Person {
        key: String,
        group: GroupId,
        user: UserId,
        /// Where the group's own message is, whose thread hears of it when this cannot be delivered.
        #[serde(default)]
        channel: Option<ChannelId>,
        message: Message,
        sent_at: Timestamp,
        due_at: Timestamp,
        over: bool,
    },
    /// A direct message about on call; with a `key` it is a living one. It opens the conversation itself, so that it waits for
    /// Slack as everything else does.
    Direct { key: Option<String>, user: UserId, message: Message },
    /// A direct message known by `key` about a handoff. Once nobody has to accept it any more, or it is `over`, one that was
    /// never delivered stays undelivered.
    Watch { key: String, handoff: HandoffId, user: UserId, message: Message, due_at: Timestamp, over: bool },
    /// A line with mentions in the thread of the living message `key`.
    Thread { key: String, channel: ChannelId, message: Message, due_at: Timestamp },
    /// A paging service outside; the thread of the living message `key` hears of it when it does not take the event.
    Service { service: Service, event: Event, key: String, channel: ChannelId },
}

impl Page {
    pub(super) fn lane(&self) -> String {
        match self {
            Self::Person { user, .. } | Self::Watch { user, .. } | Self::Direct { user, .. } => format!("user:{user}"),
            Self::Thread { channel, .. } => lane_of(channel),
            // A trigger, then what became of it; a service that hangs holds up nobody else.
            Self::Service { service, event, .. } => match service {
                Service::Pagerduty(name) => format!("pagerduty:{name} #{}", event.number),
                Service::Webhook(name) => format!("webhook:{name} #{}", event.number),
            },
        }
    }

    pub(super) fn coalesce(&self) -> Option<String> {
        match self {
            Self::Person { key, .. } | Self::Watch { key, .. } => Some(key.clone()),
            Self::Direct { key, .. } => key.clone(),
            Self::Thread { .. } | Self::Service { .. } => None,
        }
    }

    /// What the thread is told when somebody cannot be written to, or a service does not take an event.
    pub(super) fn given_up(&self, error: &str, people: &People) -> Option<Effect> {
        match self {
            Self::Person { over: true, .. } | Self::Direct { .. } | Self::Watch { .. } | Self::Thread { .. } => None,
            Self::Person { group, user, channel, .. } => Some(Effect::Note {
                key: group_key(group),
                channel: channel.clone()?,
                message: page::person_failed(user, error, people),
            }),
            Self::Service { service, key, channel, .. } => Some(Effect::Note {
                key: key.clone(),
                channel: channel.clone(),
                message: page::service_failed(service, error),
            }),
        }
    }

    /// The page of an escalation step that was given up, for its escalation to go on.
    pub(super) fn missed(&self, error: &ApiError) -> Option<Missed> {
        let Self::Person { group, user, sent_at, over: false, .. } = self else { return None };
        let gone = error.code().is_some_and(|code| GONE.contains(&code));
        Some(Missed { group: group.clone(), user: user.clone(), at: *sent_at, gone })
    }
}

/// Slack's codes for somebody who cannot be written to any more.
const GONE: [&str; 2] = ["user_disabled", "user_not_found"];

impl Flow {
    pub(super) async fn page(&self, job: &Job, page: &Page) -> Result<Attempt, StoreError> {
        Ok(match page {
            Page::Person { key, group, user, message, sent_at, due_at, over, .. } => {
                match messages::get(&self.store, key).await? {
                    Some(place) => self.edit(key, &place, message).await,
                    None if *over || self.attended_since(group, *sent_at).await? => {
                        Attempt::Moot("nobody needs to be told any more")
                    }
                    None => self.page_person(job, Some(key), user, &self.timed(message, *due_at)).await,
                }
            }
            Page::Direct { key: None, user, message } => self.page_person(job, None, user, message).await,
            Page::Direct { key: Some(key), user, message } => match messages::get(&self.store, key).await? {
                Some(place) => self.edit(key, &place, message).await,
                None => self.page_person(job, Some(key), user, message).await,
            },
            Page::Watch { key, handoff, user, message, due_at, over } => match messages::get(&self.store, key).await? {
                Some(place) => self.edit(key, &place, message).await,
                None if *over || !self.waits_for_acceptance(handoff).await? => {
                    Attempt::Moot("nobody needs to accept it any more")
                }
                None => self.page_person(job, Some(key), user, &self.timed(message, *due_at)).await,
            },
            Page::Thread { key, message, due_at, .. } => match messages::get(&self.store, key).await? {
                Some(MessageRef { channel, ts }) => {
                    let message = self.timed(message, *due_at);
                    match self.post(job, &channel, Some(&ts), &message, None).await {
                        Attempt::Failed(error) if error.message_gone() => {
                            Attempt::Moot("the message it belongs to was deleted")
                        }
                        other => other,
                    }
                }
                None => Attempt::Moot("the message it belongs to was never posted"),
            },
            Page::Service { service, event, .. } => {
                match self.paging.send(service, event, job.id.as_str(), self.now()).await {
                    Ok(()) => Attempt::Done { shown: None },
                    Err(PagingError::TooMany { hold }) => Attempt::NotYet(self.now().plus(hold)),
                    Err(error @ PagingError::Unavailable { .. }) => {
                        Attempt::Elsewhere { error: error.to_string(), again: true }
                    }
                    Err(error @ (PagingError::Refused { .. } | PagingError::Unknown)) => {
                        Attempt::Elsewhere { error: error.to_string(), again: false }
                    }
                }
            }
        })
    }

    async fn attended_since(&self, group: &GroupId, sent_at: Timestamp) -> Result<bool, StoreError> {
        let run = escalations::get(&self.store, group).await?;
        Ok(match run.map(|run| run.stage) {
            Some(Stage::Stopped { at, .. }) => at > sent_at,
            Some(Stage::Running { .. } | Stage::Exhausted { .. }) => false,
            None => true,
        })
    }

    async fn waits_for_acceptance(&self, handoff: &HandoffId) -> Result<bool, StoreError> {
        let stored = handoffs::get(&self.store, handoff).await?;
        Ok(stored.is_some_and(|stored| stored.handoff.state.open()))
    }

    async fn page_person(&self, job: &Job, key: Option<&String>, user: &UserId, message: &Message) -> Attempt {
        if let Some(at) = self.turn("conversations.open", None) {
            return Attempt::NotYet(at);
        }
        match self.api.conversations_open(user).await {
            Ok(channel) => self.post(job, &channel, None, message, key).await,
            Err(error) => self.failed("conversations.open", None, error),
        }
    }

    /// What comes late says so.
    fn timed(&self, message: &Message, due_at: Timestamp) -> Message {
        let late = self.now().since(due_at);
        if late < LATE { message.clone() } else { page::late(message.clone(), due_at, self.now()) }
    }
}

/// What a service is told of a group.
pub(super) fn event(group: &Group, members: &[&Alert], action: Action, at: Timestamp) -> Event {
    let mut details = BTreeMap::new();
    let firing = members.iter().filter(|alert| alert.firing()).count();
    details.insert("firing".to_owned(), firing.to_string());
    let worst = members.iter().filter(|alert| alert.firing()).max_by_key(|alert| alert.severity);
    let worst = worst.or_else(|| members.first());
    let evidence = worst.map(|alert| alert.evidence.clone()).unwrap_or_default();
    let lines = [("measured", Some(evidence.value)), ("limit", Some(evidence.threshold)), ("cause", evidence.cause)];
    for (name, text) in lines {
        details.extend(text.filter(|text| !text.is_empty()).map(|text| (name.to_owned(), text)));
    }
    Event {
        action,
        dedup_key: group.id.to_string(),
        number: group.number,
        summary: page::summary(members),
        severity: group.severity,
        labels: worst.map_or_else(|| group.labels.clone(), |alert| alert.labels.clone()),
        at,
        details,
        links: evidence.links,
    }
}
