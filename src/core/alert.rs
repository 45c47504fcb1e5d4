//! One alert: a labelled condition on its way pending → firing → resolved.

use serde::{Deserialize, Serialize};

use super::label::{ALERTNAME, Fingerprint, Labelled, Labels, SEVERITY};
use super::severity::Severity;
use super::signal::Evidence;
use super::time::{Span, Timestamp};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub labels: Labels,
    pub severity: Severity,
    /// The latest evidence while active; kept when resolved.
    pub evidence: Evidence,
    pub state: AlertState,
    pub pending_for: Span,
    pub keep_firing_for: Span,
    /// When it last went from firing to resolved or back, newest last, bounded; flap damping reads it.
    pub transitions: Vec<Timestamp>,
    /// Set while it flaps: it then stays firing until it has been quiet for the policy's hold time.
    #[serde(default)]
    pub flapping_since: Option<Timestamp>,
    /// The episode before the present one; a pending alert that clears falls back to it.
    #[serde(default)]
    pub previous: Option<Episode>,
}

/// One finished run of firing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    pub since: Timestamp,
    pub fired_at: Timestamp,
    pub resolved_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AlertState {
    /// The condition holds since `since`; fires at `since + pending_for`.
    Pending {
        since: Timestamp,
    },
    /// `clearing_since` is set while the condition no longer holds but `keep_firing_for` has not passed.
    Firing {
        since: Timestamp,
        fired_at: Timestamp,
        clearing_since: Option<Timestamp>,
    },
    Resolved {
        since: Timestamp,
        fired_at: Timestamp,
        resolved_at: Timestamp,
    },
}

/// Severity is no part of an alert's identity, since it can change while the alert stays the same; routes, silences and
/// inhibit rules match on it all the same.
impl Labelled for Alert {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).or_else(|| (name == SEVERITY).then(|| self.severity.as_str()))
    }
}

impl AlertState {
    /// As in the `state` label of metrics and in the store.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Firing { .. } => "firing",
            Self::Resolved { .. } => "resolved",
        }
    }
}

impl Alert {
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.labels.fingerprint()
    }

    /// The rule's name, e.g. `FeedStale`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.labels.get(ALERTNAME).unwrap_or("")
    }

    #[must_use]
    pub const fn resolved(&self) -> bool {
        matches!(self.state, AlertState::Resolved { .. })
    }

    #[must_use]
    pub const fn firing(&self) -> bool {
        matches!(self.state, AlertState::Firing { .. })
    }

    /// When the condition began to hold.
    #[must_use]
    pub const fn since(&self) -> Timestamp {
        match self.state {
            AlertState::Pending { since } | AlertState::Firing { since, .. } | AlertState::Resolved { since, .. } => {
                since
            }
        }
    }
}
