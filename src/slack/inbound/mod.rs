//! What Slack sends us, made into one [`Delivery`] whichever way it came (HTTP or Socket Mode).
//!
//! Read as `serde_json::Value` first and picked from by name: Slack adds fields and leaves others out at will, and an input
//! that cannot be used is [`Input::Ignored`] with a reason, never an error or a panic.

mod event;
mod frame;
mod http;
mod input;
mod interaction;
mod pick;
#[cfg(test)]
mod tests;

pub use frame::{Envelope, Frame, parse_envelope, parse_frame};
pub use http::parse_http;
pub use input::{
    BlockAction, BlockSuggestion, Container, Element, Input, MessageAction, OpenView, Reaction, ResponseUrl, Said,
    Shortcut, SlashCommand, ViewClosed, ViewSubmission,
};

use serde::{Deserialize, Serialize};

use crate::core::ids::TeamId;
use crate::core::time::Timestamp;

/// One delivery of one input. The same `key` again means the same input again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// What tells this input from every other: `event:Ev…`, `command:<trigger_id>`, …, at worst a hash of the body.
    pub key: String,
    pub input: Input,
    pub origin: Origin,
    /// When it happened by Slack's clock, where Slack says so. Delayed events can be hours old.
    pub occurred_at: Option<Timestamp>,
    pub retry: Option<Retry>,
}

/// Where an input comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Null on some org-wide installs.
    pub team: Option<TeamId>,
    pub enterprise: Option<TeamId>,
    pub is_enterprise_install: bool,
    pub api_app_id: Option<String>,
    /// People of other organisations can see, and click, in such a channel.
    pub is_ext_shared_channel: bool,
}

/// Slack tried before: the first delivery was not acknowledged in time, which does not mean that it was not seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    pub number: u32,
    pub reason: Option<String>,
}
