//! A request and its life. Each state owns what it knows; a transition takes the request and gives the next one, or says
//! why not.

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::journal::{End, Journal, Next, Tried};
use super::plan::Plan;
use super::policy::{Denied, Needs, Person, Policy, Roster, Rule};
use crate::core::ids::{Actor, GroupId, RequestId};
use crate::core::time::{Span, Timestamp};

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
    /// Who asks is not on the list.
    pub fn break_glass(self, number: u64, policy: &Policy, roster: &Roster) -> Result<Request, Denied> {
        policy.may_break_glass(roster, &self.asked.by)?;
        let at = self.asked.at;
        let state = State::Approved { proof: Proof::BreakGlass { reviewed: None }, at };
        Ok(Request { state, ..self.open(number) })
    }
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

impl Request {
    /// What the rule it was planned under asks for; the strictest when that rule is gone.
    #[must_use]
    pub fn needs(&self, policy: &Policy) -> Needs {
        let gone = Needs { quorum: u32::MAX, on_call: true };
        policy.rule_named(&self.plan.rule).map_or(gone, |rule| rule.needs(self.plan.preview.risk))
    }

    /// Until when it may begin, once approved.
    #[must_use]
    pub fn begin_by(&self) -> Option<Timestamp> {
        match &self.state {
            State::Approved { at, .. } => Some(at.plus(self.plan.execute_within.duration())),
            _ => None,
        }
    }

    /// # Errors
    /// It is not open any more, `seen` is not this plan, or `by` may not.
    pub fn approve(
        mut self,
        by: &Person,
        seen: &Digest,
        policy: &Policy,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<Self, Refused> {
        let State::Open { approvals } = &mut self.state else { return Err(Refused::Not(self.state.as_str())) };
        if now >= self.plan.approve_by {
            return Err(Refused::TooLate);
        }
        let digest = self.plan.digest();
        if *seen != digest {
            return Err(Refused::Changed);
        }
        let rule = rule_of(&self.plan, policy)?;
        policy.may_approve(roster, by, &self.asked.by, rule)?;
        if approvals.iter().any(|approval| approval.by.user == by.user) {
            return Err(Refused::Twice);
        }
        approvals.push(Approval { by: by.clone(), at: now, digest, on_call: roster.on_call.contains(&by.user) });
        let approvals = approvals.clone();
        if met(&approvals, self.asked.on_call, rule.needs(self.plan.preview.risk)) {
            self.state = State::Approved { proof: Proof::Quorum { approvals }, at: now };
        }
        Ok(self)
    }

    /// Any approver may say no, and that is enough.
    ///
    /// # Errors
    /// It has begun or is over, or `by` may not approve either.
    pub fn reject(
        mut self,
        by: &Person,
        reason: &str,
        policy: &Policy,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<Self, Refused> {
        if !matches!(self.state, State::Open { .. } | State::Approved { .. }) {
            return Err(Refused::Not(self.state.as_str()));
        }
        policy.may_approve(roster, by, &self.asked.by, rule_of(&self.plan, policy)?)?;
        self.state = State::Rejected { by: by.clone(), reason: reason.to_owned(), at: now };
        Ok(self)
    }

    /// # Errors
    /// It has begun or is over, or somebody else asked for it.
    pub fn withdraw(mut self, by: &Person, now: Timestamp) -> Result<Self, Refused> {
        if *by != self.asked.by {
            return Err(Refused::NotYours);
        }
        if !matches!(self.state, State::Open { .. } | State::Approved { .. }) {
            return Err(Refused::Not(self.state.as_str()));
        }
        self.state = State::Withdrawn { at: now };
        Ok(self)
    }

    /// Stops what has begun, between two of its steps: what is done stays done, the rest is left out.
    ///
    /// # Errors
    /// It has not begun or is over, a write is under way, or `by` neither asked for it nor may approve it.
    pub fn cancel(mut self, by: &Person, policy: &Policy, roster: &Roster, now: Timestamp) -> Result<Self, Refused> {
        if *by != self.asked.by {
            policy.may_approve(roster, by, &self.asked.by, rule_of(&self.plan, policy)?)?;
        }
        let State::Executing { journal, .. } = &self.state else { return Err(Refused::Not(self.state.as_str())) };
        if journal.in_flight() {
            return Err(Refused::InFlight);
        }
        let mut journal = journal.clone();
        journal.skip_rest("cancelled", now);
        let why = "stopped by hand".to_owned();
        self.state = State::Cancelled { by: by.actor(), why, journal: Some(journal), at: now };
        Ok(self)
    }

    /// Asks for the way back now instead of at its time.
    ///
    /// # Errors
    /// As [`Self::cancel`].
    pub fn back_now(mut self, by: &Person, policy: &Policy, roster: &Roster) -> Result<Self, Refused> {
        if *by != self.asked.by {
            policy.may_approve(roster, by, &self.asked.by, rule_of(&self.plan, policy)?)?;
        }
        let State::Executing { journal, .. } = &mut self.state else { return Err(Refused::Not(self.state.as_str())) };
        journal.back_now = true;
        Ok(self)
    }

    /// Says that an action without approval was looked at afterwards.
    ///
    /// # Errors
    /// It had approval, was reviewed already, or `by` is who acted or may not approve.
    pub fn review(mut self, by: &Person, policy: &Policy, roster: &Roster, now: Timestamp) -> Result<Self, Refused> {
        policy.may_approve(roster, by, &self.asked.by, rule_of(&self.plan, policy)?)?;
        match &mut self.state {
            State::Succeeded { proof: Proof::BreakGlass { reviewed }, .. }
            | State::Failed { proof: Proof::BreakGlass { reviewed }, .. }
            | State::Unknown { proof: Proof::BreakGlass { reviewed }, .. }
                if reviewed.is_none() =>
            {
                *reviewed = Some((by.clone(), now));
                Ok(self)
            }
            other => Err(Refused::Not(other.as_str())),
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

    /// What an execution that is under way wants next.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Next> {
        match &self.state {
            State::Executing { journal, .. } => Some(journal.next(&self.plan, now)),
            _ => None,
        }
    }

    #[must_use]
    pub fn intend(mut self, step: usize, now: Timestamp) -> Self {
        if let State::Executing { journal, .. } = &mut self.state {
            journal.intend(step, now);
        }
        self
    }

    #[must_use]
    pub fn attempt(mut self, step: usize, now: Timestamp) -> Self {
        if let State::Executing { journal, .. } = &mut self.state {
            journal.attempt(step, now);
        }
        self
    }

    #[must_use]
    pub fn settle(mut self, step: usize, tried: Tried, now: Timestamp) -> Self {
        if let State::Executing { journal, .. } = &mut self.state {
            journal.settle(step, tried, now);
        }
        self.close(now)
    }

    #[must_use]
    pub fn progress(mut self, seen: &str) -> Self {
        if let State::Executing { journal, .. } = &mut self.state {
            seen.clone_into(&mut journal.progress);
        }
        self
    }

    /// What was changed has settled, or did not (`why`).
    #[must_use]
    pub fn verified(mut self, failed: Option<String>, now: Timestamp) -> Self {
        let State::Executing { proof, journal, started_at } = &mut self.state else { return self };
        if let Some(why) = failed {
            let (proof, journal, started_at) = (proof.clone(), journal.clone(), *started_at);
            self.state = State::Failed { proof, journal, started_at, at: now, why };
            return self;
        }
        journal.verified_at = Some(now);
        self.close(now)
    }

    /// Over when the journal is.
    fn close(mut self, now: Timestamp) -> Self {
        let State::Executing { proof, journal, started_at } = &self.state else { return self };
        if journal.next(&self.plan, now) != Next::Over {
            return self;
        }
        let (proof, journal, started_at) = (proof.clone(), journal.clone(), *started_at);
        self.state = match journal.end() {
            End::Succeeded => State::Succeeded { proof, journal, started_at, at: now },
            End::Failed(why) => State::Failed { proof, journal, started_at, at: now, why },
            End::Unknown(why) => State::Unknown { proof, journal, started_at, at: now, why },
        };
        self
    }

    /// Until when what was done holds before it goes back by itself.
    #[must_use]
    pub fn holds_until(&self) -> Option<Timestamp> {
        match &self.state {
            State::Executing { journal, .. } => journal.holds_until(&self.plan),
            _ => None,
        }
    }

    /// How long it took.
    #[must_use]
    pub fn took(&self) -> Option<Span> {
        match &self.state {
            State::Succeeded { started_at, at, .. }
            | State::Failed { started_at, at, .. }
            | State::Unknown { started_at, at, .. } => Some(at.since(*started_at).into()),
            _ => None,
        }
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
