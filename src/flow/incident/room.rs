//! The channel of an incident: opened, furnished, and told; without the right to open one, the thread of the announcement.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::core::ids::{ChannelId, IncidentId, MessageTs, UserId};
use crate::core::incident::{Incident, Place, Role};
use crate::slack::api::{ApiError, Share, Upload};
use crate::store::incidents::{self, Change};
use crate::store::jobs::{self, Job};
use crate::store::{StoreError, Tx, messages};

use super::super::deliver::Attempt;
use super::super::effect::{ANSWER, Effect};
use super::{Flow, change};

/// What is to happen with the place an incident is worked on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "room", rename_all = "snake_case")]
pub enum Room {
    Open {
        incident: IncidentId,
        name: String,
    },
    /// Topic, people and links; what Slack refuses is left out.
    Furnish {
        incident: IncidentId,
        channel: ChannelId,
        /// `None`: it stays; each change of it is a line in the channel.
        topic: Option<String>,
        invite: Vec<UserId>,
        links: Vec<(String, String)>,
    },
    Topic {
        incident: IncidentId,
        channel: ChannelId,
        topic: String,
    },
    /// The post-mortem; into the thread of the living message `thread`, when there is one.
    Export {
        incident: IncidentId,
        number: u64,
        channel: ChannelId,
        thread: Option<String>,
        text: String,
    },
}

impl Room {
    /// A channel is opened before it is furnished.
    pub(in crate::flow) fn lane(&self) -> String {
        let (Self::Open { incident, .. }
        | Self::Furnish { incident, .. }
        | Self::Topic { incident, .. }
        | Self::Export { incident, .. }) = self;
        format!("incident:{incident}")
    }

    pub(in crate::flow) fn coalesce(&self) -> Option<String> {
        matches!(self, Self::Topic { .. }).then(|| "topic".to_owned())
    }
}

impl Flow {
    pub(in crate::flow) async fn room(&self, job: &Job, room: &Room) -> Result<Attempt, StoreError> {
        Ok(match room {
            Room::Open { incident, name } => self.open_room(job, incident, name).await,
            Room::Furnish { channel, topic, invite, links, .. } => {
                self.furnish(channel, topic.as_deref(), invite, links).await.unwrap_or_else(|error| error)
            }
            Room::Topic { channel, topic, .. } => match self.turn("conversations.setTopic", None) {
                Some(at) => Attempt::NotYet(at),
                None => match self.api.conversations_set_topic(channel, topic).await {
                    Ok(()) => Attempt::Done { shown: None },
                    Err(error) if error.retryable() => self.failed("conversations.setTopic", None, error),
                    Err(_) => Attempt::Moot("Slack does not let the topic be set"),
                },
            },
            Room::Export { number, channel, thread, text, .. } => {
                let thread_ts = match thread {
                    Some(key) => messages::get(&self.store, key).await?.map(|place| place.ts),
                    None => None,
                };
                self.export(job, *number, channel, thread_ts, text).await
            }
        })
    }

    async fn open_room(&self, job: &Job, incident: &IncidentId, name: &str) -> Attempt {
        if let Some(at) = self.turn("conversations.create", None) {
            return Attempt::NotYet(at);
        }
        let opened = |channel| Attempt::Placed { incident: incident.clone(), place: Place::Channel { channel } };
        // For when somebody else's channel has that name: the incident's own id tells them apart.
        let tail: String = incident.as_str().chars().rev().take(4).collect::<String>().to_lowercase();
        let other_name = format!("{name}-{tail}");
        if job.interrupted {
            // An earlier attempt may have opened it, under either name.
            for name in [name, &other_name] {
                match self.api.own_channel(name).await {
                    Ok(Some(channel)) => return opened(channel),
                    Ok(None) => {}
                    Err(error) => return self.failed("conversations.create", None, error),
                }
            }
        }
        let created = match self.api.conversations_create(name, false).await {
            Err(error) if error.code() == Some("name_taken") => self.api.conversations_create(&other_name, false).await,
            other => other,
        };
        match created {
            Ok(channel) => opened(channel),
            // A scope that is missing, a workspace that keeps channels from apps: work on it goes on all the same.
            Err(error) if error.fatal() && !error.auth_lost() => {
                tracing::warn!(error = %error, "no channel can be opened for an incident; `watchkeeper doctor` checks the scopes");
                let why = error.code().map(str::to_owned);
                Attempt::Placed { incident: incident.clone(), place: Place::Thread { why } }
            }
            Err(error) => self.failed("conversations.create", None, error),
        }
    }

    /// Each part may be done again: what is there already stays as it is.
    async fn furnish(
        &self,
        channel: &ChannelId,
        topic: Option<&str>,
        invite: &[UserId],
        links: &[(String, String)],
    ) -> Result<Attempt, Attempt> {
        let lenient = |what: &'static str, done: Result<(), ApiError>| match done {
            Err(error) if error.retryable() => Err(self.failed(what, None, error)),
            Err(error) => {
                tracing::warn!(error = %error, what, "an incident's channel goes without");
                Ok(())
            }
            Ok(()) => Ok(()),
        };
        if let Some(topic) = topic {
            lenient("conversations.setTopic", self.api.conversations_set_topic(channel, topic).await)?;
        }
        for user in invite {
            lenient("conversations.invite", self.api.conversations_invite(channel, user).await)?;
        }
        for (title, link) in links {
            lenient("bookmarks.add", self.api.bookmark(channel, title, link).await)?;
        }
        Ok(Attempt::Done { shown: None })
    }

    async fn export(
        &self,
        job: &Job,
        number: u64,
        channel: &ChannelId,
        thread_ts: Option<MessageTs>,
        text: &str,
    ) -> Attempt {
        if job.interrupted {
            return Attempt::Moot("it may have been uploaded already");
        }
        if let Some(at) = self.turn("files.completeUploadExternal", None) {
            return Attempt::NotYet(at);
        }
        let upload = Upload {
            filename: format!("incident-{number}.md"),
            title: format!("Post-mortem of incident {number}"),
            alt_text: format!("The post-mortem of incident {number} as text"),
            bytes: text.as_bytes().to_vec(),
        };
        let share = Share { channel: channel.clone(), thread_ts, comment: None };
        match self.api.upload_file(&upload, Some(&share)).await {
            Ok(_) => Attempt::Done { shown: None },
            Err(ApiError::Unknown { .. }) => Attempt::Moot("it may have been uploaded already"),
            Err(error) => self.failed("files.completeUploadExternal", None, error),
        }
    }

    /// The incident has its place now: remembered, furnished, and shown there.
    pub(in crate::flow) async fn settle_room(
        &self,
        tx: &mut Tx,
        job: &Job,
        incident: &IncidentId,
        place: Place,
    ) -> Result<(), StoreError> {
        let now = self.now();
        jobs::succeed(tx, job, now).await?;
        let Some(before) = incidents::get_in(tx, incident).await? else { return Ok(()) };
        let after = Incident { place, ..before.incident.clone() };
        incidents::save(tx, &[Change::Moved { before, after: after.clone() }]).await?;
        let mut effects = self.incident_shown(&after);
        if let Place::Channel { channel } = &after.place {
            effects.push((Effect::Room(self.furniture(&after, channel)), ANSWER));
        }
        for (effect, priority) in &effects {
            self.enqueue(tx, effect, *priority, now).await?;
        }
        Ok(())
    }

    fn furniture(&self, incident: &Incident, channel: &ChannelId) -> Room {
        let settings = self.settings();
        let mut invite = vec![incident.opened_by.clone()];
        let called = settings.incidents.invite.iter().flat_map(|schedule| self.answerable(schedule));
        let roles = Role::ALL.into_iter().filter_map(|role| incident.roles.of(role).cloned());
        for user in roles.chain(called) {
            if !invite.contains(&user) {
                invite.push(user);
            }
        }
        let (id, topic) = (incident.id.clone(), Some(change::topic(incident)));
        Room::Furnish { incident: id, channel: channel.clone(), topic, invite, links: self.links_of(incident) }
    }

    /// Whom and what its channel lacks after a change: whoever got a role, and the links of an alert that was linked.
    pub(super) fn furniture_since(&self, before: &Incident, after: &Incident, channel: &ChannelId) -> Option<Room> {
        let roles = |incident: &Incident| -> Vec<UserId> {
            Role::ALL.into_iter().filter_map(|role| incident.roles.of(role).cloned()).collect()
        };
        let known = roles(before);
        let invite: Vec<UserId> = roles(after).into_iter().filter(|user| !known.contains(user)).collect();
        let links = if before.alerts == after.alerts { Vec::new() } else { self.links_of(after) };
        if invite.is_empty() && links.is_empty() {
            return None;
        }
        Some(Room::Furnish { incident: after.id.clone(), channel: channel.clone(), topic: None, invite, links })
    }

    /// The runbooks and dashboards of its alerts: `Runbook: FeedStale`, each address once.
    fn links_of(&self, incident: &Incident) -> Vec<(String, String)> {
        /// Slack shows a row of them.
        const MOST: usize = 10;
        let links: BTreeMap<String, String> = self.with_engine(|engine, _, _| {
            let groups = incident.alerts.iter().filter_map(|number| engine.group_by_number(*number));
            let links = groups.flat_map(|group| engine.members(group)).flat_map(|alert| {
                let title = |label: &str| format!("{label}: {}", alert.name());
                alert.evidence.links.iter().map(move |link| (link.url.clone(), title(&link.label)))
            });
            links.collect()
        });
        let mut links: Vec<(String, String)> = links.into_iter().map(|(url, title)| (title, url)).collect();
        // Runbooks before the sources of alerts, which everybody finds from their messages.
        links.sort_by_key(|(title, url)| (!title.starts_with("Runbook"), title.clone(), url.clone()));
        links.truncate(MOST);
        links
    }
}
