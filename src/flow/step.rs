//! The one place where state changes: the engine decides, everything that follows is committed in one transaction, and
//! only then does the engine know. A failed commit leaves no trace, in memory or in the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use crate::core::audit::Record;
use crate::core::engine::{Decision, Input, Outcome, Refusal};
use crate::core::ids::JobId;
use crate::core::time::Timestamp;
use crate::store::jobs::{self, Depth, NewJob};
use crate::store::lease::{self, Lease};
use crate::store::signals::{self, Decided};
use crate::store::{StoreError, Tx, actions, alerts, audit, facts, handoffs, inbox, incidents, oncall};

use super::Flow;
use super::digest::{self, Digests, Gathering};
use super::effect::Effect;
use super::escalate::{self, Asked, Escalated, Missed};
use super::render::Scene;

/// What the caller wants committed together with the decision.
#[derive(Debug, Default)]
pub struct Extra {
    /// The inbox row this came from, and what became of it.
    pub finish: Option<(String, &'static str)>,
    /// Effects with their priorities.
    pub effects: Vec<(Effect, i64)>,
    pub records: Vec<Record>,
    /// Somebody wants a group's next escalation step.
    pub escalate: Option<Asked>,
    /// Pages of escalation steps that could not be delivered.
    pub missed: Vec<Missed>,
    /// What changes about on call.
    pub oncall: Vec<oncall::Change>,
    /// What changes about requests for actions.
    pub actions: Vec<actions::Change>,
    /// What changes about handoffs and their notes.
    pub handoffs: Vec<handoffs::Change>,
    /// What changes about incidents and their timelines.
    pub incidents: Vec<incidents::Change>,
    /// Small things to remember, and to forget, by their names.
    pub facts: Vec<(String, String)>,
    pub forgotten: Vec<String>,
    /// Verdicts that leave the mailbox.
    pub decided: Vec<Decided>,
}

impl Extra {
    fn is_empty(&self) -> bool {
        let Self { finish, effects, records, escalate: _, missed: _, oncall, actions, handoffs, incidents, .. } = self;
        let Self { facts, forgotten, decided, .. } = self;
        let rest = oncall.is_empty()
            && actions.is_empty()
            && handoffs.is_empty()
            && incidents.is_empty()
            && facts.is_empty()
            && forgotten.is_empty()
            && decided.is_empty();
        finish.is_none() && effects.is_empty() && records.is_empty() && rest
    }
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error("this replica does not hold the lease; the one that does will act")]
    NotLeader,
    #[error("this input has been worked on already")]
    AlreadyDone,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Flow {
    /// Decides `inputs` and commits what follows. `extra` sees the outcomes, to answer whoever asked.
    ///
    /// # Errors
    /// Nothing was changed; the same inputs can be given again.
    pub async fn step(
        &self,
        inputs: Vec<Input>,
        extra: impl FnOnce(&[Result<Outcome, Refusal>]) -> Extra,
    ) -> Result<Vec<Result<Outcome, Refusal>>, StepError> {
        let _one_at_a_time = self.stepping.lock().await;
        let now = self.now();
        if self.doubtful.load(Ordering::Relaxed) {
            self.reread(now).await?;
        }
        let decision = {
            let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
            engine.decide(inputs, now, self.ids.as_ref())
        };
        let (depth, unseen) = if Self::may_flood(&decision) {
            (jobs::depth(&self.store).await?, self.unseen_digests().await?)
        } else {
            (Depth::default(), BTreeSet::new())
        };
        let mut gathering = Gathering::new(self.digests(), unseen, &depth, self.settings().digest_after);
        let extra = extra(&decision.outcomes);
        let (effects, escalated) = {
            let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
            let unchanged = BTreeMap::new();
            let scene = Scene { engine: &engine, changes: &decision.changes, flow: self, runs: &unchanged, now };
            let mut escalated = self.escalate(&scene, extra.escalate.as_ref(), &extra.missed);
            let scene = Scene { runs: &escalated.runs, ..scene };
            let mut effects = scene.effects(&decision.effects, &mut gathering);
            effects.extend(scene.escalated_looks(&decision.effects));
            effects.append(&mut escalated.effects);
            effects.extend(scene.outside());
            (effects, escalated)
        };
        let digests = gathering.changed();
        let nothing =
            decision.changes.is_empty() && effects.is_empty() && decision.records.is_empty() && escalated.is_empty();
        if nothing && extra.is_empty() {
            return Ok(decision.outcomes);
        }
        let outcome = self.commit(&decision, effects, &digests, &escalated, extra, now).await;
        if let Err(StepError::Store(_)) = &outcome {
            // A commit whose answer was lost may have taken place: what the store has is known only by reading it.
            self.doubtful.store(true, Ordering::Relaxed);
            self.metrics.store_failed();
        }
        outcome?;
        self.keep_digests(digests);
        self.keep_runs(escalated);
        self.engine.write().unwrap_or_else(PoisonError::into_inner).apply(&decision.changes);
        self.engine_bell.notify_one();
        Ok(decision.outcomes)
    }

    /// Makes memory agree with the store again. The lease's row is locked first: a commit still under way holds it.
    async fn reread(&self, now: Timestamp) -> Result<(), StepError> {
        let lease = self.lease().ok_or(StepError::NotLeader)?;
        let mut tx = self.store.begin().await?;
        fenced(&mut tx, &lease, now).await?;
        tx.commit().await?;
        self.load_state().await?;
        self.doubtful.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn commit(
        &self,
        decision: &Decision,
        effects: Vec<(Effect, i64)>,
        digests: &Digests,
        escalated: &Escalated,
        extra: Extra,
        now: Timestamp,
    ) -> Result<(), StepError> {
        let lease = self.lease().ok_or(StepError::NotLeader)?;
        let mut tx = self.store.begin().await?;
        fenced(&mut tx, &lease, now).await?;
        if let Some((key, outcome)) = &extra.finish
            && !inbox::finish(&mut tx, key, outcome, now).await?
        {
            return Err(StepError::AlreadyDone);
        }
        alerts::save(&mut tx, &decision.changes).await?;
        digest::save(&mut tx, digests, now).await?;
        escalate::save(&mut tx, escalated).await?;
        remember(&mut tx, &extra, now).await?;
        let any = !effects.is_empty() || !extra.effects.is_empty();
        for (effect, priority) in effects.into_iter().chain(extra.effects) {
            self.enqueue(&mut tx, &effect, priority, now).await?;
        }
        let records = decision.records.iter().chain(&escalated.records).cloned();
        let records: Vec<Record> = records.chain(extra.records).collect();
        if !records.is_empty() {
            audit::append(&mut tx, &records).await?;
        }
        tx.commit().await?;
        self.on_call_changed(&extra.oncall);
        self.handoffs_changed(&extra.handoffs);
        if any {
            self.outbox_bell.notify_one();
        }
        Ok(())
    }

    /// Puts `effect` into the outbox of `tx`.
    pub(super) async fn enqueue(
        &self,
        tx: &mut Tx,
        effect: &Effect,
        priority: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let job = NewJob {
            id: JobId::new(self.ids.next(now)),
            lane: effect.lane(),
            priority,
            kind: effect.kind().to_owned(),
            payload: effect.payload(),
            not_before: now,
            coalesce: effect.coalesce(),
            thread: effect.thread(),
            created_at: now,
        };
        jobs::enqueue(tx, &job).await.map(drop)
    }

    /// Commits effects and records that need no decision of the engine: answers to people, denials.
    ///
    /// # Errors
    /// Nothing was committed.
    pub async fn commit_extra(&self, extra: Extra) -> Result<(), StepError> {
        self.commit_under(extra, None).await
    }

    /// As [`Self::commit_extra`], for what only the holder of the lease does by itself.
    ///
    /// # Errors
    /// Nothing was committed.
    pub(super) async fn commit_led(&self, extra: Extra) -> Result<(), StepError> {
        let lease = self.lease().ok_or(StepError::NotLeader)?;
        self.commit_under(extra, Some(&lease)).await
    }

    async fn commit_under(&self, extra: Extra, lease: Option<&Lease>) -> Result<(), StepError> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        if let Some(lease) = lease {
            fenced(&mut tx, lease, now).await?;
        }
        if let Some((key, outcome)) = &extra.finish
            && !inbox::finish(&mut tx, key, outcome, now).await?
        {
            return Err(StepError::AlreadyDone);
        }
        for (effect, priority) in &extra.effects {
            self.enqueue(&mut tx, effect, *priority, now).await?;
        }
        remember(&mut tx, &extra, now).await?;
        if !extra.records.is_empty() {
            audit::append(&mut tx, &extra.records).await?;
        }
        tx.commit().await?;
        self.on_call_changed(&extra.oncall);
        self.handoffs_changed(&extra.handoffs);
        if !extra.effects.is_empty() {
            self.outbox_bell.notify_one();
        }
        Ok(())
    }
}

/// What stands beside decisions, effects and records.
async fn remember(tx: &mut Tx, extra: &Extra, now: Timestamp) -> Result<(), StepError> {
    // Somebody else answered the same question first.
    let answered = |error| match error {
        StoreError::Lost { .. } => StepError::AlreadyDone,
        other => StepError::Store(other),
    };
    oncall::save(tx, &extra.oncall, now).await.map_err(answered)?;
    handoffs::save(tx, &extra.handoffs, now).await.map_err(answered)?;
    incidents::save(tx, &extra.incidents).await.map_err(answered)?;
    actions::apply(tx, &extra.actions, now).await?;
    for (key, value) in &extra.facts {
        facts::put(tx, key, value, now).await?;
    }
    for key in &extra.forgotten {
        facts::forget(tx, key).await?;
    }
    signals::settle(tx, &extra.decided).await?;
    Ok(())
}

/// Nobody else decides until `tx` ends.
pub(super) async fn fenced(tx: &mut Tx, lease: &Lease, now: Timestamp) -> Result<(), StepError> {
    lease::check(tx, lease, now).await.map_err(|error| match error {
        StoreError::Lost { .. } => StepError::NotLeader,
        other => StepError::Store(other),
    })
}
