//! What the engine decided: the new state to commit, what to do about it, what to write down, what to answer.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::input::{Outcome, Refusal};
use crate::core::alert::Alert;
use crate::core::audit::Record;
use crate::core::group::{Attention, Group};
use crate::core::ids::{Actor, GroupId, SilenceId};
use crate::core::label::Fingerprint;
use crate::core::severity::Severity;
use crate::core::silence::Silence;
use crate::core::time::{Span, Timestamp};

/// Commit `changes`, `effects` (as jobs) and `records` in one transaction, then `Engine::apply` the changes.
#[derive(Debug)]
pub struct Decision {
    pub changes: Changes,
    /// In order; at most one `Show` a group.
    pub effects: Vec<Effect>,
    pub records: Vec<Record>,
    /// One per input, in the inputs' order.
    pub outcomes: Vec<Result<Outcome, Refusal>>,
}

/// Every alert, group and silence that is not as it was, whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    pub alerts: BTreeMap<Fingerprint, Alert>,
    /// Forgotten; to be deleted.
    pub removed_alerts: BTreeSet<Fingerprint>,
    pub groups: BTreeMap<GroupId, Group>,
    /// Closed long enough to leave memory; the store keeps them as history and gives them back no more at start.
    pub removed_groups: BTreeSet<GroupId>,
    pub silences: BTreeMap<SilenceId, Silence>,
    /// Ended long enough to leave memory; the store keeps them as history and gives them back no more at start.
    pub removed_silences: BTreeSet<SilenceId>,
    /// The counters after this decision, always filled.
    pub next_group: u64,
    pub next_silence: u64,
    /// The decision's `now`; not to be stored.
    pub decided_at: Timestamp,
}

impl Changes {
    /// True when there is nothing to commit or apply. The counters only move together with a group or silence.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { alerts, removed_alerts, groups, removed_groups, silences, removed_silences, .. } = self;
        alerts.is_empty()
            && removed_alerts.is_empty()
            && groups.is_empty()
            && removed_groups.is_empty()
            && silences.is_empty()
            && removed_silences.is_empty()
    }
}

/// What the engine knows, as the store gives it back at start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    pub alerts: Vec<Alert>,
    /// Without those once named in `removed_groups`.
    pub groups: Vec<Group>,
    /// Without those once named in `removed_silences`.
    pub silences: Vec<Silence>,
    pub next_group: u64,
    pub next_silence: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// Post the group's message, or edit it when there is one.
    Show { group: GroupId, lane: Severity, attention: Attention },
    /// Add a line to the message's thread.
    Note { group: GroupId, note: Note },
    /// Remind people that a silence is about to end.
    SilenceEnding { silence: SilenceId },
}

/// One line of a group's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Note {
    Opened {
        members: usize,
    },
    /// Members that began to fire (or are no longer silenced or inhibited).
    Joined {
        members: usize,
    },
    /// Members that resolved while others still fire.
    Left {
        members: usize,
    },
    /// `unacknowledged` is whose acknowledgement no longer counts.
    Worse {
        severity: Severity,
        unacknowledged: Option<Actor>,
    },
    Repeated {
        firing_for: Span,
    },
    Acknowledged {
        by: Actor,
        #[serde(default)]
        comment: String,
    },
    Unacknowledged {
        by: Actor,
    },
    Silenced {
        silence: SilenceId,
        number: u64,
        by: Actor,
        until: Timestamp,
        comment: String,
    },
    /// `by` is absent when it came to its end by itself.
    Unsilenced {
        silence: SilenceId,
        number: u64,
        by: Option<Actor>,
    },
    /// Changes too often; held firing until quiet.
    Flapping {
        alert: Fingerprint,
    },
    Steady {
        alert: Fingerprint,
    },
    Resolved {
        duration: Span,
    },
}
