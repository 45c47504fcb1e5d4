//! What people do to a request: approve, reject, withdraw, stop, review.

use super::super::digest::Digest;
use super::super::policy::{Person, Policy, Roster};
use super::{Approval, Proof, Refused, Request, State, met, rule_of};
use crate::core::time::Timestamp;

impl Request {
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
        policy.may_approve_all(roster, by, &self.asked.by, &self.plan)?;
        if approvals.iter().any(|approval| approval.by.user == by.user) {
            return Err(Refused::Twice);
        }
        approvals.push(Approval { by: by.clone(), at: now, digest, on_call: roster.on_call.contains(&by.user) });
        let approvals = approvals.clone();
        if met(&approvals, self.asked.on_call, policy.needs(&self.plan)?) {
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

    /// Stops what has begun, between two of its steps: what is done stays done, the rest is left out. What has to be taken
    /// back in any case is taken back first.
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
        let why = "stopped by hand".to_owned();
        if journal.owes(&self.plan) {
            return Ok(self.unsettled(why, now));
        }
        journal.skip_rest("cancelled", now);
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
}
