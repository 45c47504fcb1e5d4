//! What a rule says about one thing at one moment: the engine's only input from detectors.

use serde::{Deserialize, Serialize};

use super::label::Labels;
use super::severity::Severity;
use super::time::Span;

/// A rule's verdict on one target. Its identity is `labels` (which include `alertname`); the engine turns a run of
/// these into an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    pub labels: Labels,
    pub severity: Severity,
    pub condition: Condition,
    /// Active this long before it fires (Prometheus' `for`).
    pub pending_for: Span,
    /// Inactive this long before it resolves (Prometheus' `keep_firing_for`): hysteresis in time.
    pub keep_firing_for: Span,
}

/// Whether the rule's condition holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Condition {
    Active(Evidence),
    Inactive,
}

/// Why a rule's condition holds, in words for people; shown on the message, never part of an alert's identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// One line: "SOL/USD has not updated for 95 s".
    pub summary: String,
    /// The measured value, with unit: "95 s".
    pub value: String,
    /// What it is held against, with unit: "60 s".
    pub threshold: String,
    /// The likely cause, when one is known: "Hermes stream was cut 2 min ago".
    pub cause: Option<String>,
    /// Whom it belongs to: a Slack user or user group id (`U…`, `S…`) is pinged like a receiver's `mention`, other text shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What else helps to judge it, most telling first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
    /// Runbook, dashboard, explorer; three are shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
}

/// Lines as a machine printed them, under a title: "Last log lines", "Events".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    pub title: String,
    pub text: String,
}

/// A place to go on reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub label: String,
    /// http or https; others are not shown.
    pub url: String,
}
