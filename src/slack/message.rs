//! What is said in Slack: a message and a view, as the Web API takes them.

use serde::{Deserialize, Serialize};

/// A message, ready to post. `text` is what notifications, search and screen readers show, so it is never empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub text: String,
    /// Block Kit blocks (<https://docs.slack.dev/reference/block-kit/blocks>).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<serde_json::Value>,
    /// The colour of the bar beside the blocks, `#rrggbb`. Only legacy attachments have one, so the blocks move into one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accent: Option<String>,
}

impl Message {
    /// A message of plain text (mrkdwn), without blocks.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// A modal or an App Home tab, as `views.*` take it (<https://docs.slack.dev/reference/views>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct View(pub serde_json::Value);
