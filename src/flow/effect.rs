//! What is to happen in Slack, as it waits in the outbox: decided and stored first, done by the worker after.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::core::feed::FeedId;
use crate::core::ids::{AccountKey, ChannelId, GroupId, MessageTs, UserId};
use crate::core::severity::Severity;
use crate::core::time::Timestamp;
use crate::slack::blocks::notes;
use crate::slack::message::{Message, View};

use super::graph::Picture;
use super::incident::Room;
use super::outside::Outside;
use super::page::Page;
use super::workload_logs::LogRequest;

/// One call on Slack that somebody will see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// The living message `key` shall look like `message`: posted when it is not there yet, edited when it is.
    /// `fallback` takes it when the channel is gone or refuses the bot.
    Show { key: String, channel: ChannelId, fallback: Option<ChannelId>, message: Message },
    /// A line in the thread of the living message `key`; dropped when that message never was.
    Note { key: String, channel: ChannelId, message: Message },
    /// A message of its own.
    Post { channel: ChannelId, thread_ts: Option<MessageTs>, fallback: Option<ChannelId>, message: Message },
    /// Seen by one person only.
    Ephemeral { channel: ChannelId, user: UserId, thread_ts: Option<MessageTs>, message: Message },
    /// An answer through the `response_url` Slack gave with an interaction: five uses, thirty minutes.
    Respond { url: String, message: Message },
    /// A modal; Slack takes the trigger for three seconds only. `instead` is said when that is over.
    OpenView {
        trigger_id: String,
        view: View,
        user: UserId,
        expires_at: Timestamp,
        #[serde(default)]
        instead: Option<Box<Self>>,
    },
    /// The App Home of one person.
    PublishHome { user: UserId, view: View },
    /// A chart for the living message of `group`, drawn when it is its turn.
    Chart {
        group: GroupId,
        #[serde(alias = "feed")]
        of: Charted,
        since: Timestamp,
    },
    /// Somebody is told that nobody has acknowledged.
    Page(Page),
    /// A log is read from its cluster; `answer` goes out with it in the place of its message.
    ReadLog { request: LogRequest, answer: Option<Box<Self>> },
    /// A silence begins or ends in an Alertmanager, too.
    Outside(Outside),
    /// A picture of a query, drawn when it is its turn.
    Graph(Picture),
    /// The channel of an incident is opened, furnished or told.
    Room(Room),
}

/// What a chart shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Charted {
    Feed(FeedId),
    Wallet { account: AccountKey },
}

impl Effect {
    /// Effects with the same lane happen one after the other. Messages of a channel share one, so that a thread line
    /// never overtakes the message it hangs on.
    #[must_use]
    pub fn lane(&self) -> String {
        match self {
            Self::Show { channel, .. } | Self::Note { channel, .. } | Self::Post { channel, .. } => lane_of(channel),
            Self::Ephemeral { user, .. } | Self::PublishHome { user, .. } => format!("user:{user}"),
            Self::OpenView { trigger_id, .. } => format!("trigger:{trigger_id}"),
            // Lanes are shown to people, and whoever has the URL can answer in the bot's name.
            Self::Respond { url, .. } => format!("respond:{}", hex::encode(&Sha256::digest(url.as_bytes())[..8])),
            Self::Chart { group, .. } => format!("chart:{group}"),
            Self::Page(page) => page.lane(),
            Self::ReadLog { request, .. } => format!("log:{}", request.user),
            Self::Outside(outside) => outside.lane(),
            // A slow query holds up nothing else of its channel.
            Self::Graph(picture) => format!("graph:{}", picture.user),
            Self::Room(room) => room.lane(),
        }
    }

    /// The living message that this is, or is said under.
    #[must_use]
    pub fn thread(&self) -> Option<String> {
        match self {
            Self::Show { key, .. } | Self::Note { key, .. } => Some(key.clone()),
            _ => None,
        }
    }

    /// Still-waiting effects with the same lane and this key are replaced by the newer one: only the latest looks matter.
    #[must_use]
    pub fn coalesce(&self) -> Option<String> {
        match self {
            Self::Show { key, .. } => Some(format!("show:{key}")),
            Self::PublishHome { .. } => Some("home".to_owned()),
            Self::Chart { .. } => Some("chart".to_owned()),
            Self::Page(page) => page.coalesce(),
            Self::Room(room) => room.coalesce(),
            Self::Note { .. }
            | Self::Post { .. }
            | Self::Ephemeral { .. }
            | Self::Respond { .. }
            | Self::ReadLog { .. }
            | Self::OpenView { .. }
            | Self::Outside(_)
            | Self::Graph(_) => None,
        }
    }

    /// The same with another message; what shows none stays as it is.
    #[must_use]
    pub fn saying(mut self, said: Message) -> Self {
        match &mut self {
            Self::Show { message, .. }
            | Self::Note { message, .. }
            | Self::Post { message, .. }
            | Self::Ephemeral { message, .. }
            | Self::Respond { message, .. } => *message = said,
            Self::OpenView { .. }
            | Self::PublishHome { .. }
            | Self::Chart { .. }
            | Self::Page(_)
            | Self::Outside(_)
            | Self::Graph(_)
            | Self::Room(_)
            | Self::ReadLog { .. } => {}
        }
        self
    }

    /// As stored in the outbox.
    #[must_use]
    pub fn payload(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The same in the fallback channel, and a line that says why it is there; nothing when there is no fallback.
    #[must_use]
    pub fn moved(&self, reason: &str) -> Vec<Self> {
        match self.clone() {
            Self::Show { key, channel, fallback: Some(to), message } => {
                let why = Self::Note { key: key.clone(), channel: to.clone(), message: notes::moved(&channel, reason) };
                vec![Self::Show { key, channel: to, fallback: None, message }, why]
            }
            Self::Post { channel, fallback: Some(to), message, .. } => {
                let post = |message| Self::Post { channel: to.clone(), thread_ts: None, fallback: None, message };
                vec![post(message), post(notes::moved(&channel, reason))]
            }
            Self::Show { .. }
            | Self::Post { .. }
            | Self::Note { .. }
            | Self::Ephemeral { .. }
            | Self::Respond { .. }
            | Self::OpenView { .. }
            | Self::PublishHome { .. }
            | Self::Chart { .. }
            | Self::Page(_)
            | Self::ReadLog { .. }
            | Self::Outside(_)
            | Self::Graph(_)
            | Self::Room(_) => Vec::new(),
        }
    }

    /// The job kind in the outbox and in metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Show { .. } => "show",
            Self::Note { .. } => "note",
            Self::Post { .. } => "post",
            Self::Ephemeral { .. } => "ephemeral",
            Self::Respond { .. } => "respond",
            Self::OpenView { .. } => "open_view",
            Self::PublishHome { .. } => "publish_home",
            Self::Chart { .. } => "chart",
            Self::Page(_) => "page",
            Self::ReadLog { .. } => "read_log",
            Self::Outside(_) => "outside",
            Self::Graph(_) => "graph",
            Self::Room(_) => "room",
        }
    }
}

/// Somebody waits for the answer to what they pressed or typed; it goes before every alert.
pub const ANSWER: i64 = 40;

/// Somebody is called: before every message, in the order it was decided.
pub const CALL: i64 = 35;

/// A critical alert never waits behind noise.
#[must_use]
pub const fn priority(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 10,
        Severity::Warning => 20,
        Severity::Critical => 30,
    }
}

/// An edit gives way to what is said for the first time: Slack takes fewer edits than posts, and one that was put off must
/// not hold up a new alert of its severity.
#[must_use]
pub const fn edit_priority(severity: Severity) -> i64 {
    priority(severity) - 5
}

/// The lane of a channel's messages.
#[must_use]
pub fn lane_of(channel: &ChannelId) -> String {
    format!("channel:{channel}")
}

/// What the keys of groups' living messages begin with.
pub(super) const GROUP_KEY: &str = "group:";

/// The key under which a group's living message is known.
#[must_use]
pub fn group_key(group: &GroupId) -> String {
    format!("{GROUP_KEY}{group}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_never_tells_the_response_url() {
        let respond = |url: &str| Effect::Respond { url: url.to_owned(), message: Message::text("x") }.lane();
        let lane = respond("https://hooks.slack.com/actions/T1/secret");
        assert!(lane.starts_with("respond:") && !lane.contains("secret") && !lane.contains("http"), "{lane}");
        assert_eq!(lane, respond("https://hooks.slack.com/actions/T1/secret"));
        assert_ne!(lane, respond("https://hooks.slack.com/actions/T1/other"));
    }
}
