//! What is said in Slack: a message and a view, as the Web API takes them.

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

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
    /// In a thread: shown in the channel as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub broadcast: bool,
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

/// JSON text, written once and sent as it stands.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Rendered(Box<RawValue>);

impl Rendered {
    /// What cannot be written as JSON (a map with keys that are no text) becomes `null`.
    #[must_use]
    pub fn of(value: &impl Serialize) -> Self {
        Self(to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }

    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }

    #[must_use]
    pub fn into_text(self) -> String {
        String::from(Box::<str>::from(self.0))
    }
}

impl PartialEq for Rendered {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}
