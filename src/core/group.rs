//! An alert group: the alerts one living message speaks of, and where its notifications stand.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ids::{Actor, GroupId};
use super::label::{Fingerprint, Labels};
use super::severity::Severity;
use super::time::Timestamp;

/// One episode of trouble: from the first firing alert until all are resolved and the message says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub id: GroupId,
    /// What people type: `/wk ack 17`. Counts up, never reused.
    pub number: u64,
    /// Name of the route's receiver.
    pub receiver: String,
    /// The `group_by` labels all members share.
    pub labels: Labels,
    pub alerts: BTreeSet<Fingerprint>,
    /// The worst severity the group has shown.
    pub severity: Severity,
    pub opened_at: Timestamp,
    pub acknowledged: Option<Acknowledgement>,
    pub state: GroupState,
    /// What readers were told so far, and what holds the rest back.
    #[serde(default)]
    pub delivery: Delivery,
}

/// The engine's memory of a group's notifications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The route that made the group, as the matchers on the way to it: `{}/{severity="critical"}`.
    pub route: String,
    /// The members announced as firing; one that gets silenced or inhibited leaves it and is announced again afterwards.
    pub shown: BTreeSet<Fingerprint>,
    /// When the message was last posted or edited.
    pub edited_at: Option<Timestamp>,
    /// When a change that needs no attention (a new value) is to be edited in.
    pub edit_at: Option<Timestamp>,
    pub held: Option<Hold>,
    /// Every notification that asked for attention, oldest first, the latest few.
    pub history: Vec<Notification>,
}

/// Why a group does not notify although something is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Hold {
    /// Every firing member is silenced or inhibited; ends when one no longer is.
    Suppressed,
    /// Inside the mute interval `interval`, found at `since`; ends with the interval.
    Muted { interval: String, since: Timestamp },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    pub at: Timestamp,
    pub attention: Attention,
}

/// How loudly a message is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attention {
    /// Alerts the reader was not told of: the first message, or members that joined an unacknowledged group.
    New,
    /// Worse than anything the group has shown; an acknowledgement given before no longer counts.
    Worse,
    /// Still firing and unacknowledged after `repeat_interval`.
    Repeat,
    /// Only an edit: new values, an acknowledgement, a silence, resolved.
    Quiet,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub by: Actor,
    pub at: Timestamp,
}

/// Where a group's notifications stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum GroupState {
    /// Nothing posted yet; the first message goes out at `flush_at` (opened + group_wait), or when it is no longer muted.
    Waiting { flush_at: Timestamp },
    /// Posted. `next_flush` is the earliest moment for the next edit that announces members (group_interval) or a
    /// repeat (repeat_interval).
    Notified { first_at: Timestamp, last_at: Timestamp, repeat_at: Timestamp, flush_at: Option<Timestamp> },
    /// All members resolved and said so.
    Closed { first_notified_at: Option<Timestamp>, closed_at: Timestamp },
}

impl Group {
    #[must_use]
    pub const fn open(&self) -> bool {
        !matches!(self.state, GroupState::Closed { .. })
    }

    #[must_use]
    pub const fn closed_at(&self) -> Option<Timestamp> {
        match self.state {
            GroupState::Closed { closed_at, .. } => Some(closed_at),
            GroupState::Waiting { .. } | GroupState::Notified { .. } => None,
        }
    }
}
