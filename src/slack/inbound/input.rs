//! The inputs themselves. Stored as JSON in the inbox and worked on later, perhaps by a newer build.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::core::ids::{ChannelId, MessageTs, TeamId, UserId};

/// What happened in Slack, as far as watchkeeper can use it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Input {
    /// Slack checks that we own the request URL; answer with `challenge`.
    UrlVerification {
        challenge: String,
    },
    /// Slack checks our certificate; answer 200.
    SslCheck,
    Command(SlashCommand),
    Mention(Said),
    DirectMessage(Said),
    Action(BlockAction),
    ViewSubmission(ViewSubmission),
    ViewClosed(ViewClosed),
    Shortcut(Shortcut),
    MessageAction(MessageAction),
    /// A message was marked for a timeline.
    Pinned(Reaction),
    /// A question that is answered in the acknowledgement itself; it changes nothing and need not be stored.
    BlockSuggestion(BlockSuggestion),
    HomeOpened {
        user: UserId,
        tab: String,
    },
    /// Slack dropped events during this minute (epoch seconds): state must be read again, not waited for.
    AppRateLimited {
        minute: i64,
    },
    TokensRevoked {
        bot_users: Vec<UserId>,
        users: Vec<UserId>,
    },
    AppUninstalled,
    /// Acknowledged and counted, not acted on.
    Ignored {
        what: String,
        reason: String,
    },
}

impl Input {
    /// A short name for metrics and logs, from a closed set.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::UrlVerification { .. } => "url_verification",
            Self::SslCheck => "ssl_check",
            Self::Command(_) => "slash_command",
            Self::Mention(_) => "app_mention",
            Self::DirectMessage(_) => "direct_message",
            Self::Action(_) => "block_actions",
            Self::ViewSubmission(_) => "view_submission",
            Self::ViewClosed(_) => "view_closed",
            Self::Shortcut(_) => "shortcut",
            Self::MessageAction(_) => "message_action",
            Self::Pinned(_) => "reaction_added",
            Self::BlockSuggestion(_) => "block_suggestion",
            Self::HomeOpened { .. } => "app_home_opened",
            Self::AppRateLimited { .. } => "app_rate_limited",
            Self::TokensRevoked { .. } => "tokens_revoked",
            Self::AppUninstalled => "app_uninstalled",
            Self::Ignored { .. } => "ignored",
        }
    }
}

/// A capability: whoever has it can answer for 30 minutes, five times. Not printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResponseUrl(String);

impl ResponseUrl {
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseUrl(…)")
    }
}

/// <https://docs.slack.dev/interactivity/implementing-slash-commands>
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlashCommand {
    /// With its slash: `/wk`.
    pub command: String,
    /// What follows it, unescaped.
    pub text: String,
    pub user: UserId,
    pub user_team: Option<TeamId>,
    pub channel: ChannelId,
    pub channel_name: Option<String>,
    pub trigger_id: Option<String>,
    pub response_url: Option<ResponseUrl>,
}

/// Something said to watchkeeper in words, in a channel (mention) or a direct message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    pub user: UserId,
    pub user_team: Option<TeamId>,
    pub channel: ChannelId,
    pub ts: MessageTs,
    /// The thread it was said in; `None` at the top of the channel.
    pub thread_ts: Option<MessageTs>,
    /// The words without the mention of watchkeeper itself, unescaped.
    pub text: String,
}

/// A click or a choice in a message or view (<https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockAction {
    pub user: UserId,
    /// The workspace of the person: differs from the origin's when a stranger clicks in a shared channel.
    pub user_team: Option<TeamId>,
    pub container: Container,
    pub channel: Option<ChannelId>,
    pub message_ts: Option<MessageTs>,
    pub thread_ts: Option<MessageTs>,
    /// What was clicked or chosen; never empty.
    pub actions: Vec<Element>,
    /// What every input element of the message or view holds at this moment.
    pub state: Vec<Element>,
    pub trigger_id: Option<String>,
    pub response_url: Option<ResponseUrl>,
    pub view: Option<OpenView>,
}

/// What the clicked element sits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    /// `ephemeral` messages can be changed through the response URL only.
    Message {
        ephemeral: bool,
    },
    View,
    Unknown,
}

/// A block element and what it holds: button value, chosen options, dates, users, typed text, all as strings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    pub block_id: String,
    pub action_id: String,
    pub values: Vec<String>,
}

impl Element {
    /// The first value, for elements that hold one.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.values.first().map(String::as_str)
    }
}

/// The view an input belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenView {
    pub id: Option<String>,
    pub root_id: Option<String>,
    pub callback_id: String,
    /// What we put there when we opened it. Comes back through the client: verify what it claims.
    pub private_metadata: String,
    /// For `views.update`, which refuses a stale one.
    pub hash: Option<String>,
    /// What the view's elements hold at this moment.
    pub state: Vec<Element>,
}

impl OpenView {
    /// The element of an input block, by `block_id`.
    #[must_use]
    pub fn element(&self, block_id: &str) -> Option<&Element> {
        self.state.iter().find(|element| element.block_id == block_id)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewSubmission {
    pub user: UserId,
    pub user_team: Option<TeamId>,
    pub view: OpenView,
    pub trigger_id: Option<String>,
    /// Present when a select in the view asked for one (`response_url_enabled`).
    pub response_url: Option<ResponseUrl>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewClosed {
    pub user: UserId,
    pub user_team: Option<TeamId>,
    pub view: OpenView,
    /// The whole stack was closed, not this view alone.
    pub is_cleared: bool,
}

/// A global shortcut: it belongs to no channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shortcut {
    pub callback_id: String,
    pub user: UserId,
    pub user_team: Option<TeamId>,
    pub trigger_id: Option<String>,
}

/// A shortcut in a message's menu.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageAction {
    pub callback_id: String,
    pub user: UserId,
    pub user_team: Option<TeamId>,
    pub channel: ChannelId,
    pub message_ts: MessageTs,
    pub thread_ts: Option<MessageTs>,
    /// What the message says, unescaped; empty when it has no text.
    #[serde(default)]
    pub text: String,
    /// Who wrote it.
    #[serde(default)]
    pub author: Option<UserId>,
    pub trigger_id: Option<String>,
    pub response_url: Option<ResponseUrl>,
}

/// Somebody marked a message with 📌.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reaction {
    pub user: UserId,
    pub user_team: Option<TeamId>,
    pub channel: ChannelId,
    pub ts: MessageTs,
}

/// Somebody types into an external select and waits for options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockSuggestion {
    pub user: UserId,
    pub user_team: Option<TeamId>,
    pub block_id: String,
    pub action_id: String,
    /// What has been typed so far.
    pub value: String,
    pub view: Option<OpenView>,
}
