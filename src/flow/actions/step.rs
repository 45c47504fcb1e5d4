//! An action under way: what its journal wants next is done, and written down before and after.

use std::time::Duration;

use serde_json::json;

use crate::core::action::approval::under_way;
use crate::core::action::found::Settled;
use crate::core::action::journal::{Next, Signed, Step, Tried};
use crate::core::action::policy::Freeze;
use crate::core::action::request::Request;
use crate::core::action::target::Sort;
use crate::core::time::{Timestamp, spoken};
use crate::store::StoreError;
use crate::store::actions::{self, Line, Stored};

use super::super::Flow;
use super::super::step::StepError;
use super::drive::{FROZEN, Move, Moved, at};
use super::hands::Hands;

/// What is held back by a disruption budget or another's write is tried again after this.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// A transaction that is in no block yet is sent and looked for again after this.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Others may change the same request meanwhile: a person who wants the way back now.
const TRIES: usize = 5;
/// What is on record of an execution does not fit together; a person changed the database.
const UNFIT: &str = "what is on record does not fit together, so nothing is written";

impl Flow {
    pub(super) async fn go_on(
        &self,
        stored: Stored,
        freeze: Option<&Freeze>,
        live: &[Stored],
    ) -> Result<bool, StepError> {
        let now = self.now();
        let Some(next) = stored.request.next(now) else { return Ok(false) };
        match next {
            Next::Intend(_) | Next::Attempt(_) if freeze.is_some() => self.hold(&stored, FROZEN, None, live).await,
            Next::Intend(step) => {
                let after = stored.request.clone().intend(step, now);
                let intent = journaled(stored, after, step, "intent", "step_intended", now, String::new());
                self.make(Move { leads_to_write: true, ..intent }, live).await
            }
            Next::Attempt(step) => self.attempt_step(stored, step, live).await,
            Next::Observe(step) => self.observe_step(stored, step, freeze, live).await,
            Next::Hold(_) => {
                if self.set_waiting(&stored.request.id, None) {
                    self.refresh_card(&stored, live).await?;
                }
                Ok(false)
            }
            Next::Verify => self.verify(stored, freeze, live).await,
            // The journal is at its end and the request is not: closed as it is.
            Next::Over => {
                let after = stored.request.clone().verified(None, now);
                let over = Move {
                    before: stored,
                    after,
                    line: None,
                    verb: "verified",
                    detail: json!({}),
                    leads_to_write: false,
                };
                self.make(over, live).await
            }
        }
    }

    /// Writes down that it is tried, tries, and writes down what came of it.
    async fn attempt_step(&self, stored: Stored, step: usize, live: &[Stored]) -> Result<bool, StepError> {
        // A transaction that could not be signed is no transaction: the attempt and its outcome say why.
        let (signed, unsigned) = match self.sign(&stored.request, step).await {
            Ok(signed) => (signed, None),
            Err(tried) => (None, Some(tried)),
        };
        let now = self.now();
        let said = signed.as_ref().map(|signed| format!("transaction {}", signed.id)).unwrap_or_default();
        let after = stored.request.clone().attempt(step, signed.clone(), now);
        let attempt = journaled(stored.clone(), after, step, "attempt", "step_attempted", now, said);
        let attempted = match self.commit_move(Move { leads_to_write: true, ..attempt }, live).await? {
            Moved::To(attempted) => *attempted,
            Moved::Overtaken => return Ok(true),
            Moved::Frozen | Moved::Unpaid(_) => return self.hold(&stored, FROZEN, None, live).await,
        };
        if let Some(tried) = unsigned {
            return self.settle_step(attempted, step, tried, live).await;
        }
        let Some((plan, stamp)) = under_way(&attempted.request).zip(at(&attempted.request, step)) else {
            return self.settle_step(attempted, step, Tried::Unknown { why: UNFIT.to_owned() }, live).await;
        };
        // Committing may have taken so long that another replica decides by now; it finds the try on record and looks.
        if self.lease().is_none_or(|lease| lease.expires_at <= self.now()) {
            return Err(StepError::NotLeader);
        }
        if let Some(signed) = &signed {
            self.hands.wallets.send(&plan, signed).await;
            // What came of it is looked for in the next round, at once.
            return Ok(true);
        }
        let tried = self.hands.carry_out(&plan, step, stamp).await;
        self.settle_step(attempted, step, tried, live).await
    }

    /// A try is on record without what came of it: the target is looked at, and nothing is written but what was signed before.
    async fn observe_step(
        &self,
        stored: Stored,
        step: usize,
        freeze: Option<&Freeze>,
        live: &[Stored],
    ) -> Result<bool, StepError> {
        let Some((plan, stamp)) = under_way(&stored.request).zip(at(&stored.request, step)) else {
            return self.settle_step(stored, step, Tried::Unknown { why: UNFIT.to_owned() }, live).await;
        };
        let Some(journal) = stored.request.state.journal() else { return Ok(false) };
        let tried_at = match journal.steps.get(step) {
            Some(Step::Attempted { tried_at, .. }) => Some(*tried_at),
            _ => None,
        };
        if plan.target.sort == Sort::Wallet {
            let signed: Vec<Signed> = journal.signed_for(step).cloned().collect();
            return match self.looked_for(&plan, &signed, tried_at, freeze.is_none()).await {
                Ok(tried) => self.settle_step(stored, step, tried, live).await,
                Err(seen) => self.hold(&stored, &seen, Some(LOOK_AGAIN), live).await,
            };
        }
        let patience = Hands::patience(&plan.target);
        let tried = match self.hands.observe(&plan, step, stamp).await {
            Tried::Unclear if tried_at.is_none_or(|at| self.now().since(at) >= patience.look_for) => {
                Tried::Unknown { why: patience.lost.to_owned() }
            }
            other => other,
        };
        self.settle_step(stored, step, tried, live).await
    }

    /// What came of a try is written down whatever else has happened to the request meanwhile.
    async fn settle_step(
        &self,
        mut stored: Stored,
        step: usize,
        tried: Tried,
        live: &[Stored],
    ) -> Result<bool, StepError> {
        let (entry, verb, said) = match &tried {
            Tried::Succeeded { note } | Tried::Started { note, .. } => ("succeeded", "step_succeeded", note.clone()),
            Tried::Failed { why } => ("failed", "step_failed", why.clone()),
            Tried::Blocked { why } => ("blocked", "step_blocked", why.clone()),
            Tried::Unknown { why } => ("unknown", "step_unknown", why.clone()),
            Tried::Unclear => return Ok(false),
        };
        for _ in 0..TRIES {
            let now = self.now();
            let after = stored.request.clone().settle(step, tried.clone(), now);
            let outcome = journaled(stored.clone(), after, step, entry, verb, now, said.clone());
            match self.commit_move(outcome, live).await? {
                Moved::To(settled) => {
                    if entry == "blocked" && !settled.request.state.over() {
                        self.hold(&settled, &said, Some(TRY_AGAIN), live).await?;
                    }
                    return Ok(true);
                }
                Moved::Frozen | Moved::Overtaken | Moved::Unpaid(_) => {}
            }
            match actions::get(&self.store, &stored.request.id).await? {
                Some(again) => stored = again,
                None => return Ok(false),
            }
        }
        Err(StepError::Store(StoreError::Unavailable("others change the same action all the time".to_owned())))
    }

    /// Whether what was written has come to rest.
    async fn verify(&self, stored: Stored, freeze: Option<&Freeze>, live: &[Stored]) -> Result<bool, StepError> {
        let Some(plan) = under_way(&stored.request) else {
            let after = ended_badly(&stored.request, UNFIT, self.now());
            return self.end_of_watch(stored, after, UNFIT, live).await;
        };
        let Some(journal) = stored.request.state.journal() else { return Ok(false) };
        let settled = if plan.target.sort == Sort::Wallet {
            self.paid(&plan, &journal.signed, freeze.is_none()).await
        } else {
            self.hands.settled(&plan, journal).await
        };
        let now = self.now();
        let patience = self.patience(&plan).settle;
        let late = journal.written_at().is_some_and(|written| now.since(written) >= patience);
        match settled {
            Settled::Done { note } => {
                let after = stored.request.clone().progress("").verified(None, now);
                self.end_of_watch(stored, after, &note, live).await
            }
            Settled::Failed { why } => {
                let after = stored.request.clone().verified(Some(why.clone()), now);
                self.end_of_watch(stored, after, &why, live).await
            }
            Settled::Progress { text } if late => {
                let mut why = format!("it was written, but has not settled within {}: {text}", spoken(patience));
                if let Some(signed) = journal.signed.last() {
                    why = format!("{why}; look for transaction {}", signed.id);
                }
                let after = ended_badly(&stored.request, &why, now);
                self.end_of_watch(stored, after, &why, live).await
            }
            Settled::Progress { text } => {
                let shown = stored.request.state.journal().map(|journal| journal.progress.clone());
                if shown.as_deref() == Some(text.as_str()) {
                    return Ok(false);
                }
                let after = stored.request.clone().progress(&text);
                let detail = json!({ "seen": text });
                let seen =
                    Move { before: stored, after, line: None, verb: "progressed", detail, leads_to_write: false };
                self.make(seen, live).await?;
                // The next look is the next round's.
                Ok(false)
            }
        }
    }

    async fn end_of_watch(
        &self,
        before: Stored,
        after: Request,
        said: &str,
        live: &[Stored],
    ) -> Result<bool, StepError> {
        let steps = before.request.plan.preview.changes.len();
        let now = self.now();
        let seen = Line {
            step: i64::try_from(steps).unwrap_or(i64::MAX),
            entry: "verified".to_owned(),
            at: now,
            detail: said.to_owned(),
        };
        let (verb, detail) = ("verified", json!({ "seen": said }));
        self.make(Move { before, after, line: Some(seen), verb, detail, leads_to_write: false }, live).await
    }
}

/// What was written did not come to rest. Money that was seen in a block is not said to have stayed where it was.
fn ended_badly(request: &Request, why: &str, now: Timestamp) -> Request {
    let request = request.clone();
    match request.plan.target.sort {
        Sort::Wallet => request.lost(why, now),
        _ => request.verified(Some(why.to_owned()), now),
    }
}

/// A move that the journal of writes keeps as well.
fn journaled(
    before: Stored,
    after: Request,
    step: usize,
    entry: &str,
    verb: &'static str,
    now: Timestamp,
    said: String,
) -> Move {
    let change = after.plan.preview.changes.get(step);
    let detail = json!({
        "field": change.map(|change| change.field.as_str()),
        "new": change.map(|change| change.new.as_str()),
        "object": change.map(|change| change.object.target.to_string()),
        "said": said,
        "step": step + 1,
    });
    let line = Line { step: i64::try_from(step).unwrap_or(i64::MAX), entry: entry.to_owned(), at: now, detail: said };
    Move { before, after, line: Some(line), verb, detail, leads_to_write: false }
}
