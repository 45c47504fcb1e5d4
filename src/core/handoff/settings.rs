//! How a schedule's watch is handed over, as it is configured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::ids::ChannelId;
use crate::core::time::Span;

/// What happens at a shift change of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Handoff")]
pub struct Settings {
    /// Where it is posted; the schedule's channel when absent.
    pub channel: Option<ChannelId>,
    /// Whoever comes in is reminded this long after the shift change, and again each time it passes.
    pub remind: Span,
    /// How long they have to press Accept before it escalates.
    pub accept_within: Span,
    /// The policy of `escalation.policies` that it escalates by; its `after` is not waited for. When absent the channel
    /// is told.
    pub policy: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { channel: None, remind: Span::from_secs(600), accept_within: Span::from_secs(1800), policy: None }
    }
}
