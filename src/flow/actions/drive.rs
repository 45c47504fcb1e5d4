//! What happens to requests without anybody pressing anything: they expire, begin, and are carried out, one move a round.
//! Only the holder of the lease drives; its term is checked inside every commit.

use std::sync::PoisonError;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::core::action::approval::{Gate, Release, release};
use crate::core::action::found::CannotPlan;
use crate::core::action::policy::{Freeze, Person};
use crate::core::action::request::{Proof, Request, State};
use crate::core::action::target::Sort;
use crate::core::audit::Record;
use crate::core::severity::Severity;
use crate::core::time::Timestamp;
use crate::store::actions::{self, Line, Stored};
use crate::store::{StoreError, audit};

use super::super::Flow;
use super::super::divide::views::About;
use super::super::effect::edit_priority;
use super::super::step::{StepError, fenced};
use super::Wait;
use super::decide::BOT;
use super::freeze::frozen_in;
use super::pay::{Unpaid, unpaid};
use super::record::{counted, record, state};

/// Slack or a cluster that could not be asked is asked again after this.
const AGAIN: Duration = Duration::from_secs(5);
/// A price that other replicas told so lately is good enough.
const LATELY: Duration = Duration::from_secs(30);
/// How often a card that counts down is edited.
const COUNT: Duration = Duration::from_mins(1);
pub(super) const FROZEN: &str = "everything is frozen";
const SWITCHED_OFF: &str = "actions are switched off in the configuration";

/// What one move comes to, to be committed whole.
pub(super) struct Move {
    pub before: Stored,
    pub after: Request,
    /// For the journal of writes.
    pub line: Option<Line>,
    /// In the audit log: what happened, and details.
    pub verb: &'static str,
    pub detail: Value,
    /// It leads to a write: a freeze forbids it.
    pub leads_to_write: bool,
}

/// How a commit went.
#[derive(Debug)]
pub(super) enum Moved {
    To(Box<Stored>),
    /// Somebody changed the request meanwhile: look again.
    Overtaken,
    Frozen,
    /// What has left a hot wallet by now keeps this from beginning.
    Unpaid(Unpaid),
}

impl Flow {
    /// One round: every request that is not over makes at most one move. Gives how many did.
    ///
    /// # Errors
    /// The store did not answer; nothing is lost, the next round goes on from what it has.
    pub async fn drive_actions(&self) -> Result<usize, StoreError> {
        if self.lease().is_none() {
            return Ok(0);
        }
        let Ok(_one_round) = self.actions.driving.try_lock() else { return Ok(0) };
        let live = actions::live(&self.store).await?;
        for state in ["open", "approved", "executing"] {
            let count = live.iter().filter(|stored| stored.request.state.as_str() == state).count();
            self.metrics.actions_open(state, count);
        }
        if live.is_empty() {
            return Ok(0);
        }
        if live.iter().any(|stored| stored.request.plan.target.sort == Sort::Wallet) {
            // What a payment is worth.
            self.consult_within(About::Feeds, LATELY).await;
        }
        let freeze = self.frozen().await?;
        let drive = |stored: &Stored| self.drive(stored.clone(), freeze.as_ref(), &live);
        let (beginning, others): (Vec<&Stored>, Vec<&Stored>) =
            live.iter().partition(|stored| matches!(stored.request.state, State::Approved { .. }));
        // One after the other, so that each sees what has begun for the rate that its rule allows.
        let begin = async {
            let mut outcomes = Vec::new();
            for stored in beginning {
                outcomes.push(drive(stored).await);
            }
            outcomes
        };
        let (first, rest) = tokio::join!(begin, join_all(others.into_iter().map(drive)));
        let mut moved = 0;
        for outcome in first.into_iter().chain(rest) {
            match outcome {
                Ok(true) => moved += 1,
                Ok(false) | Err(StepError::AlreadyDone) => {}
                Err(StepError::NotLeader) => {
                    self.lose_lease();
                    return Ok(moved);
                }
                Err(StepError::Store(error)) => return Err(error),
            }
        }
        Ok(moved)
    }

    async fn drive(&self, stored: Stored, freeze: Option<&Freeze>, live: &[Stored]) -> Result<bool, StepError> {
        let now = self.now();
        if let Some(expired) = stored.request.clone().expire(now) {
            self.set_waiting(&expired.id, None);
            let (verb, detail) = ("expired", json!({}));
            let expiry = Move { before: stored, after: expired, line: None, verb, detail, leads_to_write: false };
            return self.commit_move(expiry, live).await.map(|moved| matches!(moved, Moved::To(_)));
        }
        self.count_down(&stored, live).await?;
        if self.waiting(&stored.request.id).and_then(|wait| wait.until).is_some_and(|until| now < until) {
            return Ok(false);
        }
        match &stored.request.state {
            State::Approved { .. } => Box::pin(self.begin_action(stored, freeze, live)).await,
            State::Executing { .. } => Box::pin(self.go_on(stored, freeze, live)).await,
            _ => Ok(false),
        }
    }

    /// Cards say how much time is left; every minute they say it anew.
    async fn count_down(&self, stored: &Stored, live: &[Stored]) -> Result<(), StepError> {
        let (request, now) = (&stored.request, self.now());
        let counts = matches!(request.state, State::Open { .. }) || request.holds_until().is_some();
        {
            let mut counted = self.actions.counted.lock().unwrap_or_else(PoisonError::into_inner);
            if !counts {
                counted.remove(&request.id);
                return Ok(());
            }
            let last = *counted.entry(request.id.clone()).or_insert(now);
            if now.since(last) < COUNT {
                return Ok(());
            }
            counted.insert(request.id.clone(), now);
            counted.retain(|id, _| live.iter().any(|stored| stored.request.id == *id));
        }
        self.refresh_card(stored, live).await
    }

    pub(super) async fn refresh_card(&self, stored: &Stored, live: &[Stored]) -> Result<(), StepError> {
        self.know_people_of(&stored.request).await;
        let Some((show, _)) = self.action_card(&stored.request, live) else { return Ok(()) };
        let lease = self.lease().ok_or(StepError::NotLeader)?;
        let now = self.now();
        let mut tx = self.store.begin().await?;
        fenced(&mut tx, &lease, now).await?;
        if !actions::unchanged(&mut tx, stored).await? {
            // Whoever changed it has shown it as it is now.
            tx.rollback().await?;
            return Ok(());
        }
        self.enqueue(&mut tx, &show, edit_priority(Severity::Critical), now).await?;
        tx.commit().await?;
        self.outbox_bell.notify_one();
        Ok(())
    }

    /// Begins what was approved, if it is still what was approved and may begin now.
    async fn begin_action(&self, stored: Stored, freeze: Option<&Freeze>, live: &[Stored]) -> Result<bool, StepError> {
        let settings = self.settings();
        let policy = &settings.actions.policy;
        let request = &stored.request;
        if !settings.actions.enabled {
            return self.hold(&stored, SWITCHED_OFF, None, live).await;
        }
        let now = self.now();
        let rule = policy.rule_for(request.plan.action.kind(), &request.plan.target);
        let rate = policy.rule_named(&request.plan.rule).and_then(|rule| rule.rate);
        let lately = rate.map(|rate| now.minus(rate.within.duration()));
        let begun = match lately {
            Some(since) => actions::begun(&self.store, &request.plan.rule, since).await?,
            None => Vec::new(),
        };
        let nobody = crate::core::action::policy::Roster::default();
        let gate = Gate { policy, roster: &nobody, freeze, begun: &begun, now };
        if let Some(why) = gate.holds_back(request) {
            return self.hold(&stored, &why, None, live).await;
        }
        let mut people: Vec<&Person> = request.state.approvals().iter().map(|approval| &approval.by).collect();
        people.push(&request.asked.by);
        let Ok(roster) = self.action_roster(&people).await else {
            return self.hold(&stored, "Slack does not say who is who now", Some(AGAIN), live).await;
        };
        let rebuilt = match rule {
            // It is refused for that before anybody looks at the plan.
            Err(_) => request.plan.clone(),
            Ok(rule) => {
                let (action, target) = (&request.plan.action, &request.plan.target);
                match self.preview(&settings.actions, action, target, now).await {
                    Ok(preview) => rule.plan(policy, action.clone(), target.clone(), preview, request.plan.approve_by),
                    Err(
                        why @ (CannotPlan::Unreachable { .. } | CannotPlan::Forbidden { .. } | CannotPlan::NotNow(_)),
                    ) => {
                        return self.hold(&stored, &why.to_string(), Some(AGAIN), live).await;
                    }
                    Err(why) => {
                        let after = request.clone().void(&why.to_string(), self.now());
                        return self.give_up(stored, after, live).await;
                    }
                }
            }
        };
        let gate = Gate { roster: &roster, now: self.now(), ..gate };
        match release(request.clone(), rebuilt, &gate) {
            Release::Wait(_, why) => self.hold(&stored, &why, None, live).await,
            Release::Not(after, why) => {
                tracing::info!(action = after.number, why, "an approved action does not begin");
                self.give_up(stored, after, live).await
            }
            Release::Go(after) => {
                let detail = json!({ "digest": after.plan.digest(), "proof": proof(&after) });
                let verb = "begun";
                let go = Move { before: stored, after, line: None, verb, detail, leads_to_write: true };
                self.make(go, live).await
            }
        }
    }

    /// Not begun: stale, open again, or over.
    async fn give_up(&self, before: Stored, after: Request, live: &[Stored]) -> Result<bool, StepError> {
        let verb = match after.state {
            State::Stale { .. } => "stale",
            State::Open { .. } => "approval_lost",
            State::Expired { .. } => "expired",
            _ => "cancelled",
        };
        let detail = state(&after);
        self.make(Move { before, after, line: None, verb, detail, leads_to_write: false }, live).await
    }

    /// Commits a move and says whether there was one; a freeze that came between holds it.
    pub(super) async fn make(&self, step: Move, live: &[Stored]) -> Result<bool, StepError> {
        let before = step.before.clone();
        match self.commit_move(step, live).await? {
            // What another has made of it is looked at in the next round, at once.
            Moved::To(_) | Moved::Overtaken => Ok(true),
            Moved::Frozen => self.hold(&before, FROZEN, None, live).await,
            Moved::Unpaid(Unpaid::NotNow(why)) => self.hold(&before, &why, Some(AGAIN), live).await,
            Moved::Unpaid(Unpaid::Never(why)) => {
                let after = before.request.clone().void(&why, self.now());
                Box::pin(self.give_up(before, after, live)).await
            }
        }
    }

    /// One transaction: the request, its journal, the audit log, and what people see of it.
    pub(super) async fn commit_move(&self, step: Move, live: &[Stored]) -> Result<Moved, StepError> {
        let Move { before, after, line, verb, detail, leads_to_write } = step;
        self.know_people_of(&after).await;
        self.set_waiting(&after.id, None);
        let now = self.now();
        let mut records = vec![record(&after, &BOT, verb, &detail, now)];
        let mut effects = self.action_cards(&after, live);
        if after.state.over() {
            if after.state.as_str() != verb {
                records.push(record(&after, &BOT, after.state.as_str(), &state(&after), now));
            }
            effects.extend(self.action_alert_note(&after));
        }
        let lease = self.lease().ok_or(StepError::NotLeader)?;
        let mut tx = self.store.begin().await?;
        fenced(&mut tx, &lease, now).await?;
        if leads_to_write && frozen_in(&mut tx).await? {
            tx.rollback().await?;
            return Ok(Moved::Frozen);
        }
        if let Some(unpaid) = unpaid(&mut tx, &before.request, &after, &self.settings().actions, now).await? {
            tx.rollback().await?;
            return Ok(Moved::Unpaid(unpaid));
        }
        match actions::save(&mut tx, &before, &after, now).await {
            Ok(()) => {}
            Err(StoreError::Lost { .. }) => {
                tx.rollback().await?;
                return Ok(Moved::Overtaken);
            }
            Err(error) => return Err(error.into()),
        }
        if let Some(line) = &line {
            actions::note(&mut tx, &after.id, line).await?;
        }
        for (effect, priority) in &effects {
            self.enqueue(&mut tx, effect, *priority, now).await?;
        }
        append(&mut tx, &records).await?;
        tx.commit().await?;
        counted(&self.metrics, Some(&before.request), &after);
        if !effects.is_empty() {
            self.outbox_bell.notify_one();
        }
        Ok(Moved::To(Box::new(Stored { version: before.version + 1, request: after })))
    }

    /// It stays as it is, and its card says why.
    pub(super) async fn hold(
        &self,
        stored: &Stored,
        why: &str,
        again: Option<Duration>,
        live: &[Stored],
    ) -> Result<bool, StepError> {
        let until = again.map(|again| self.now().plus(again));
        if self.set_waiting(&stored.request.id, Some(Wait { why: why.to_owned(), until })) {
            self.refresh_card(stored, live).await?;
        }
        Ok(false)
    }
}

async fn append(tx: &mut crate::store::Tx, records: &[Record]) -> Result<(), StoreError> {
    audit::append(tx, records).await.map(drop)
}

/// Who allowed it, as the audit log keeps it.
fn proof(request: &Request) -> Value {
    match request.state.proof() {
        Some(Proof::Quorum { approvals }) => {
            let by = approvals.iter().map(|approval| approval.by.actor().to_string());
            json!(by.collect::<Vec<_>>())
        }
        Some(Proof::BreakGlass { .. }) => json!("break-glass"),
        None => Value::Null,
    }
}

/// When a try was put off until.
pub(super) fn at(request: &Request, step: usize) -> Option<Timestamp> {
    request.state.journal()?.steps.get(step)?.at()
}
