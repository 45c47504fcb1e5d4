//! The lock between "approved" and "done". Only here is an [`Approved`] plan made, and only from a request whose approvals
//! still hold, for the plan as it would be carried out now.

use std::ops::Deref;

use super::journal::Journal;
use super::plan::{Plan, Risk, Write};
use super::policy::{Freeze, Person, Policy, Rate, Roster};
use super::request::{Approval, Proof, Request, State, met};
use crate::core::engine::mute::first_unmuted;
use crate::core::ids::Actor;
use crate::core::time::{Timestamp, spoken};

/// A plan that may be carried out. It cannot be made outside this module, cloned or stored.
#[derive(Debug)]
pub struct Approved<P>(P);

impl<P> Deref for Approved<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.0
    }
}

/// What is looked up afresh when a request is to begin.
#[derive(Clone, Copy, Debug)]
pub struct Gate<'a> {
    pub policy: &'a Policy,
    pub roster: &'a Roster,
    pub freeze: Option<&'a Freeze>,
    /// When actions of the same rule began lately.
    pub begun: &'a [Timestamp],
    pub now: Timestamp,
}

/// What becomes of an approved request.
#[derive(Debug)]
pub enum Release {
    /// It begins: the request is executing now.
    Go(Request),
    /// It stays approved, since of this.
    Wait(Request, String),
    /// It does not begin: the request is stale, open again, expired or cancelled now, and why.
    Not(Request, String),
}

/// Decides whether an approved request begins. `rebuilt` is the plan made anew just before.
#[must_use]
pub fn release(request: Request, rebuilt: Plan, gate: &Gate) -> Release {
    let State::Approved { proof, .. } = &request.state else {
        let why = format!("it is {}", request.state.as_str());
        return Release::Wait(request, why);
    };
    let proof = proof.clone();
    if let Some(expired) = request.clone().expire(gate.now) {
        return Release::Not(expired, "it was not begun in time".to_owned());
    }
    if let Some(why) = gate.holds_back(&request) {
        return Release::Wait(request, why);
    }
    if let Err(why) = gate.requester_still_may(&request) {
        let state = State::Cancelled { by: Actor::System, why: why.clone(), journal: None, at: gate.now };
        return Release::Not(Request { state, ..request }, why);
    }
    if rebuilt.digest() != request.plan.digest() {
        let state = State::Stale { now: Box::new(rebuilt), at: gate.now };
        return Release::Not(Request { state, ..request }, "what it rests on has changed".to_owned());
    }
    match gate.proven(&request, proof) {
        Ok(proof) => {
            let journal = Journal::of(&request.plan);
            let state = State::Executing { proof, journal, started_at: gate.now };
            // The resource versions are those just read; everything else is the same.
            let plan = at_approved_cost(rebuilt, &request.plan);
            Release::Go(Request { plan, state, ..request })
        }
        Err((left, why)) => Release::Not(Request { state: State::Open { approvals: left }, ..request }, why),
    }
}

/// Fees move while people decide: what they saw is the most that is paid.
fn at_approved_cost(mut rebuilt: Plan, approved: &Plan) -> Plan {
    for (change, approved) in rebuilt.preview.changes.iter_mut().zip(&approved.preview.changes) {
        if let (Write::Transfer(now), Some(then)) = (&mut change.write, approved.transfer()) {
            now.seen.fee = then.seen.fee;
            now.seen.fee_symbol.clone_from(&then.seen.fee_symbol);
            now.seen.confirmations = now.seen.confirmations.max(then.seen.confirmations);
        }
    }
    rebuilt
}

/// The plan of a request that is being carried out, for its next step. `None` when it is not, or when what is on record does
/// not fit together.
#[must_use]
pub fn under_way(request: &Request) -> Option<Approved<Plan>> {
    let State::Executing { proof, .. } = &request.state else { return None };
    let digest = request.plan.digest();
    let fits = match proof {
        Proof::Quorum { approvals } => {
            !approvals.is_empty() && approvals.iter().all(|approval| approval.digest == digest)
        }
        // Not by what is on record alone: money is money whatever risk stands there.
        Proof::BreakGlass { .. } => request.plan.preview.risk.max(request.plan.action.kind().least_risk()) < Risk::R3,
    };
    fits.then(|| Approved(request.plan.clone()))
}

impl Gate<'_> {
    /// Why nothing may begin now although it is approved. Does not look at who people are.
    #[must_use]
    pub fn holds_back(&self, request: &Request) -> Option<String> {
        if self.freeze.is_some() {
            return Some("everything is frozen".to_owned());
        }
        let rule = self.policy.rule_named(&request.plan.rule)?;
        let quiet: Vec<_> = self.policy.rules_of(&request.plan).flatten().map(|rule| &rule.quiet_hours).collect();
        let free = first_unmuted(&quiet, self.now);
        if free > self.now {
            return Some(format!("quiet hours, for another {}", spoken(free.since(self.now))));
        }
        let Rate { most, within } = rule.rate?;
        let since = self.now.minus(within.duration());
        let lately = self.begun.iter().filter(|begun| **begun > since).count();
        let full = u32::try_from(lately).unwrap_or(u32::MAX) >= most;
        full.then(|| format!("{lately} actions of `{}` began within {within}, and no more may", rule.name))
    }

    fn requester_still_may(&self, request: &Request) -> Result<(), String> {
        let Request { plan, asked, .. } = request;
        let may = self.policy.may_request_all(self.roster, &asked.by, plan);
        may.map_err(|_| "who asked for it is no longer allowed to".to_owned())
    }

    /// The approvals that still count, when they are enough; otherwise those, and what is wrong with the others.
    fn proven(&self, request: &Request, proof: Proof) -> Result<Proof, (Vec<Approval>, String)> {
        let Request { plan, asked, .. } = request;
        let approvals = match proof {
            Proof::Quorum { approvals } => approvals,
            Proof::BreakGlass { .. } => {
                return match self.policy.may_break_glass(self.roster, &asked.by, plan.preview.risk) {
                    Ok(()) => Ok(proof),
                    Err(denied) => Err((Vec::new(), denied.to_string())),
                };
            }
        };
        let Ok(needs) = self.policy.needs(plan) else {
            return Err((Vec::new(), "the rule that allowed it is gone".to_owned()));
        };
        let digest = plan.digest();
        let counts = |approval: &Approval| {
            approval.digest == digest
                && approval.at < plan.approve_by
                && self.policy.may_approve_all(self.roster, &approval.by, &asked.by, plan).is_ok()
        };
        let mut left: Vec<Approval> = approvals.into_iter().filter(counts).collect();
        let mut seen: Vec<Person> = Vec::new();
        left.retain(|approval| {
            let first = !seen.iter().any(|person| person.user == approval.by.user);
            seen.push(approval.by.clone());
            first
        });
        if met(&left, asked.on_call, needs) {
            Ok(Proof::Quorum { approvals: left })
        } else {
            Err((left, "an approval no longer counts: who gave it is not an approver any more".to_owned()))
        }
    }
}
