//! Receivers: the names that routes use, and the Slack channels behind them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::ChannelId;
use super::severity::Severity;

/// Who is told: a name that routes use, and the Slack channel behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    pub name: String,
    /// Channel id (C…); the bot must be a member.
    pub channel: ChannelId,
    /// Where messages go when `channel` is gone or refuses the bot.
    #[serde(default)]
    pub fallback_channel: Option<ChannelId>,
    /// Whom a first message of that severity mentions: `here`, a user id (U…) or a user group id (S…).
    #[serde(default)]
    pub mention: BTreeMap<Severity, String>,
}
