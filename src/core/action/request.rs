//! A request and its life. Each state owns what it knows; a transition takes the request and gives the next one, or says
//! why not.

mod execution;
mod people;
mod state;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::plan::Plan;
use super::policy::{Denied, Needs, Person, Policy, Roster, Rule};
use crate::core::ids::{GroupId, RequestId};
use crate::core::time::Timestamp;

pub use state::State;

/// Who wants it, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub by: Person,
    pub at: Timestamp,
    pub reason: String,
    /// Whether they were on call then.
    pub on_call: bool,
    /// The alert it was asked for from.
    pub alert: Option<GroupId>,
    /// The number of the request that this takes back.
    pub undoes: Option<u64>,
}

/// What somebody asked for, with its plan, before it is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub id: RequestId,
    pub plan: Plan,
    pub asked: Asked,
}

/// On record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub id: RequestId,
    /// What people call it.
    pub number: u64,
    pub plan: Plan,
    pub asked: Asked,
    pub state: State,
}

/// One person's yes to one plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub by: Person,
    pub at: Timestamp,
    pub digest: Digest,
    pub on_call: bool,
}

/// Why it may be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "proof", rename_all = "snake_case")]
pub enum Proof {
    Quorum {
        approvals: Vec<Approval>,
    },
    /// Nobody approved. `reviewed` by somebody else, afterwards.
    BreakGlass {
        reviewed: Option<(Person, Timestamp)>,
    },
}

/// Why a transition did not take place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it is {0} already")]
    Not(&'static str),
    #[error("the time to approve it is over")]
    TooLate,
    #[error("the plan has changed since this button was shown; look at it again")]
    Changed,
    #[error("you have approved it already")]
    Twice,
    #[error("only who asked for it can withdraw it")]
    NotYours,
    #[error("a write is under way at this moment; try again when it is done")]
    InFlight,
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Draft {
    #[must_use]
    pub fn open(self, number: u64) -> Request {
        let Self { id, plan, asked } = self;
        Request { id, number, plan, asked, state: State::Open { approvals: Vec::new() } }
    }

    /// Without approval; everybody is told.
    ///
    /// # Errors
    /// Who asks is not on the list, or it is about money.
    pub fn break_glass(self, number: u64, policy: &Policy, roster: &Roster) -> Result<Request, Denied> {
        policy.may_break_glass(roster, &self.asked.by, self.plan.preview.risk)?;
        let at = self.asked.at;
        let state = State::Approved { proof: Proof::BreakGlass { reviewed: None }, at };
        Ok(Request { state, ..self.open(number) })
    }
}

impl Request {
    /// What the rules it was planned under ask for; more than anybody can give when one of them is gone.
    #[must_use]
    pub fn needs(&self, policy: &Policy) -> Needs {
        let gone = Needs { quorum: u32::MAX, on_call: true };
        policy.needs(&self.plan).unwrap_or(gone)
    }

    /// Until when it may begin, once approved.
    #[must_use]
    pub fn begin_by(&self) -> Option<Timestamp> {
        match &self.state {
            State::Approved { at, .. } => Some(at.plus(self.plan.execute_within.duration())),
            _ => None,
        }
    }

    /// When time is up for it, it is over.
    #[must_use]
    pub fn expire(mut self, now: Timestamp) -> Option<Self> {
        let over = match &self.state {
            State::Open { .. } => now >= self.plan.approve_by,
            State::Approved { .. } => self.begin_by().is_some_and(|by| now >= by),
            _ => false,
        };
        if !over {
            return None;
        }
        self.state = State::Expired { at: now };
        Some(self)
    }
}

pub(super) fn rule_of<'a>(plan: &Plan, policy: &'a Policy) -> Result<&'a Rule, Denied> {
    let gone = || Denied::NoRule { kind: plan.action.kind(), target: plan.target.clone() };
    policy.rule_named(&plan.rule).ok_or_else(gone)
}

/// Whether these approvals are enough.
#[must_use]
pub(super) fn met(approvals: &[Approval], requester_on_call: bool, needs: Needs) -> bool {
    let enough = u32::try_from(approvals.len()).unwrap_or(u32::MAX) >= needs.quorum;
    let on_call = requester_on_call || approvals.iter().any(|approval| approval.on_call);
    enough && (on_call || !needs.on_call)
}
