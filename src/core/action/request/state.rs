//! Where a request is in its life; each state owns what it knows.

use serde::{Deserialize, Serialize};

use super::super::journal::Journal;
use super::super::plan::Plan;
use super::super::policy::Person;
use super::{Approval, Proof};
use crate::core::ids::Actor;
use crate::core::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    Open {
        approvals: Vec<Approval>,
    },
    /// Waits for the bot to begin.
    Approved {
        proof: Proof,
        at: Timestamp,
    },
    Executing {
        proof: Proof,
        journal: Journal,
        started_at: Timestamp,
    },
    Succeeded {
        proof: Proof,
        journal: Journal,
        started_at: Timestamp,
        at: Timestamp,
    },
    Failed {
        proof: Proof,
        journal: Journal,
        started_at: Timestamp,
        at: Timestamp,
        why: String,
    },
    /// Something was sent and nobody knows what came of it.
    Unknown {
        proof: Proof,
        journal: Journal,
        started_at: Timestamp,
        at: Timestamp,
        why: String,
    },
    /// What was approved is not what would be done now; `now` is.
    Stale {
        now: Box<Plan>,
        at: Timestamp,
    },
    Rejected {
        by: Person,
        reason: String,
        at: Timestamp,
    },
    Withdrawn {
        at: Timestamp,
    },
    Expired {
        at: Timestamp,
    },
    /// By a person before it began or between its steps, or by the bot when the right to it is gone.
    Cancelled {
        by: Actor,
        why: String,
        journal: Option<Journal>,
        at: Timestamp,
    },
}

impl State {
    /// As in the store, in the audit log and in lists.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Approved { .. } => "approved",
            Self::Executing { .. } => "executing",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Unknown { .. } => "unknown",
            Self::Stale { .. } => "stale",
            Self::Rejected { .. } => "rejected",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Expired { .. } => "expired",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// Nothing will happen to it any more.
    #[must_use]
    pub const fn over(&self) -> bool {
        !matches!(self, Self::Open { .. } | Self::Approved { .. } | Self::Executing { .. })
    }

    #[must_use]
    pub const fn proof(&self) -> Option<&Proof> {
        match self {
            Self::Approved { proof, .. }
            | Self::Executing { proof, .. }
            | Self::Succeeded { proof, .. }
            | Self::Failed { proof, .. }
            | Self::Unknown { proof, .. } => Some(proof),
            _ => None,
        }
    }

    #[must_use]
    pub const fn journal(&self) -> Option<&Journal> {
        match self {
            Self::Executing { journal, .. }
            | Self::Succeeded { journal, .. }
            | Self::Failed { journal, .. }
            | Self::Unknown { journal, .. } => Some(journal),
            Self::Cancelled { journal, .. } => journal.as_ref(),
            _ => None,
        }
    }

    #[must_use]
    pub fn approvals(&self) -> &[Approval] {
        match self {
            Self::Open { approvals } => approvals,
            other => match other.proof() {
                Some(Proof::Quorum { approvals }) => approvals,
                Some(Proof::BreakGlass { .. }) | None => &[],
            },
        }
    }
}
