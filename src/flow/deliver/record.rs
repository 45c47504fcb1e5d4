//! What came of an attempt is written down, and what follows from it with it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::core::backoff::Backoff;
use crate::core::time::Timestamp;
use crate::slack::api::ApiError;
use crate::store::jobs::{self, Job};
use crate::store::{StoreError, Tx, facts, lease, messages};

use super::super::Flow;
use super::super::effect::{ANSWER, Effect};
use super::super::page::Page;
use super::{Attempt, LEFT_TO_THE_LEADER};

/// How long an alert is worth delivering; Slack may be away for a day and a weekend may follow.
const KEEP_TRYING: Duration = Duration::from_hours(72);
/// Slack takes answers for half an hour.
const KEEP_ANSWERING: Duration = Duration::from_mins(30);
/// A channel's messages wait behind the one that is tried again, so this is how long after a storm they go on.
const RETRY: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(20) };
/// A revoked token is put right by a person, so there is no hurry.
const WITHOUT_TOKEN: Duration = Duration::from_mins(1);

/// After ten minutes of trying.
const POISON: u32 = 35;

impl Flow {
    /// Whether what memory says is what holds, until `tx` ends.
    async fn leads(&self, tx: &mut Tx, now: Timestamp) -> Result<bool, StoreError> {
        let Some(lease) = self.lease().filter(|_| !self.doubtful.load(Ordering::Relaxed)) else { return Ok(false) };
        match lease::check(tx, &lease, now).await {
            Ok(()) => Ok(true),
            Err(StoreError::Lost { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn record(
        &self,
        job: &Job,
        effect: &Effect,
        attempt: Attempt,
    ) -> Result<&'static str, StoreError> {
        // No decision may come between rendering and commit: an older look must not replace a newer one. Taken before the
        // transaction, as decisions do.
        let _no_decision_meanwhile = match &attempt {
            Attempt::Drawn { .. } => Some(self.stepping.lock().await),
            _ => None,
        };
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let outcome = match attempt {
            Attempt::Drawn { .. } if !self.leads(&mut tx, now).await? => {
                jobs::defer(&mut tx, job, now.plus(LEFT_TO_THE_LEADER)).await?;
                "deferred"
            }
            Attempt::Drawn { group, file } => {
                jobs::succeed(&mut tx, job, now).await?;
                self.show_chart(&mut tx, &group, file, now).await?;
                "done"
            }
            Attempt::Done { shown } => {
                // A response URL works without the token.
                if !matches!(effect, Effect::Respond { .. } | Effect::Page(Page::Service { .. }) | Effect::Outside(_)) {
                    self.token_works.store(true, Ordering::Relaxed);
                    self.worked_at.set(Some(now));
                }
                jobs::succeed(&mut tx, job, now).await?;
                if let Some((key, place)) = shown {
                    messages::put(&mut tx, &key, &place, now).await?;
                }
                "done"
            }
            Attempt::Placed { incident, place } => {
                self.settle_room(&mut tx, job, &incident, place).await?;
                "done"
            }
            Attempt::NotYet(at) => {
                jobs::defer(&mut tx, job, at).await?;
                "deferred"
            }
            Attempt::Gone { key } => {
                messages::forget(&mut tx, &key).await?;
                jobs::retry(&mut tx, job, "the message is gone; posting it anew", jobs::Effect::None, now).await?;
                "gone"
            }
            Attempt::Found(answer) => {
                jobs::succeed(&mut tx, job, now).await?;
                if let Some(answer) = answer {
                    self.enqueue(&mut tx, &answer, ANSWER, now).await?;
                }
                "done"
            }
            Attempt::Missed => {
                jobs::succeed(&mut tx, job, now).await?;
                if let Effect::OpenView { instead: Some(instead), .. } = effect {
                    self.enqueue(&mut tx, instead, ANSWER, now).await?;
                }
                "missed"
            }
            Attempt::Settled { remember, say } => {
                jobs::succeed(&mut tx, job, now).await?;
                match remember {
                    Some((key, Some(value))) => facts::put(&mut tx, &key, &value, now).await?,
                    Some((key, None)) => {
                        facts::forget(&mut tx, &key).await?;
                    }
                    None => {}
                }
                if let Some(effect) = say {
                    self.enqueue(&mut tx, &effect, job.priority, now).await?;
                }
                "settled"
            }
            Attempt::Moot(why) => {
                tracing::info!(job.kind = %job.kind, why, "dropped an effect that no longer matters");
                jobs::succeed(&mut tx, job, now).await?;
                "moot"
            }
            Attempt::Failed(error) => self.record_failure(&mut tx, job, effect, &error, now).await?,
            Attempt::Elsewhere { error, again } => self.record_elsewhere(&mut tx, job, effect, &error, again).await?,
        };
        tx.commit().await?;
        if outcome == "dead" && matches!(effect, Effect::Page(Page::Person { .. })) {
            self.listen_for_missed();
        }
        Ok(outcome)
    }

    /// Paging services know an event by its key, so repeating one is safe.
    async fn record_elsewhere(
        &self,
        tx: &mut Tx,
        job: &Job,
        effect: &Effect,
        error: &str,
        again: bool,
    ) -> Result<&'static str, StoreError> {
        let now = self.now();
        if again && now.since(job.created_at) <= KEEP_TRYING {
            let wait = RETRY.wait(job.attempts.saturating_sub(1), self.roll());
            tracing::warn!(job.kind = %job.kind, error, wait_ms = wait.as_millis(), "a paging service failed; trying again");
            jobs::retry(tx, job, error, jobs::Effect::None, now.plus(wait)).await?;
            return Ok("retried");
        }
        tracing::error!(job.id = %job.id, job.kind = %job.kind, error, "gave up an effect; see /wk status");
        jobs::bury(tx, job, error, now).await?;
        if let Effect::Page(page) = effect
            && let Some(note) = page.given_up(error, &self.people())
        {
            self.enqueue(tx, &note, job.priority, now).await?;
        }
        Ok("dead")
    }

    /// The thread hears of it, and the escalation goes on without whoever was not told.
    async fn give_up_page(&self, tx: &mut Tx, job: &Job, page: &Page, error: &ApiError) -> Result<(), StoreError> {
        let now = self.now();
        if let Some(note) = page.given_up(&error.to_string(), &self.people()) {
            self.enqueue(tx, &note, job.priority, now).await?;
        }
        if let Some(missed) = page.missed(error) {
            let (key, value) = missed.fact();
            facts::put(tx, &key, &value, now).await?;
        }
        Ok(())
    }

    /// Whether Slack did something for us a moment ago.
    fn slack_works(&self, now: Timestamp) -> bool {
        const LATELY: Duration = Duration::from_mins(1);
        self.worked_at.get().is_some_and(|at| at <= now && now.since(at) <= LATELY)
    }

    async fn record_failure(
        &self,
        tx: &mut Tx,
        job: &Job,
        effect: &Effect,
        error: &ApiError,
        now: Timestamp,
    ) -> Result<&'static str, StoreError> {
        if error.auth_lost() {
            self.token_works.store(false, Ordering::Relaxed);
        }
        if error.channel_gone() {
            let moved = effect.moved(&error.to_string());
            if !moved.is_empty() {
                tracing::warn!(error = %error, "a channel takes no messages; using its fallback");
                jobs::succeed(tx, job, now).await?;
                if let Effect::Show { key, .. } = effect {
                    // It may stand in the channel that is gone, where no edit reaches it.
                    messages::forget(tx, key).await?;
                }
                for effect in &moved {
                    self.enqueue(tx, effect, job.priority, now).await?;
                }
                return Ok("moved");
            }
        }
        let decoration = matches!(effect, Effect::Chart { .. } | Effect::PublishHome { .. });
        let worth = if decoration || job.priority == ANSWER { KEEP_ANSWERING } else { KEEP_TRYING };
        let old = now.since(job.created_at) > worth;
        if error.auth_lost() && !old {
            jobs::retry(tx, job, &error.to_string(), jobs::Effect::None, now.plus(WITHOUT_TOKEN)).await?;
            return Ok("unauthorised");
        }
        if decoration && (error.fatal() || old) {
            // It comes anew with the next alert or look; a dead letter for each would hide those that matter.
            tracing::error!(job.kind = %job.kind, error = %error, "went without a chart or App Home; `watchkeeper doctor` checks the scopes");
            jobs::succeed(tx, job, now).await?;
            return Ok("gone without");
        }
        // Slack takes others and fails with this one over and over: it must not hold up its channel for days.
        let poison = matches!(error, ApiError::Unknown { .. }) && job.attempts >= POISON && self.slack_works(now);
        if error.fatal() || old || poison {
            tracing::error!(job.id = %job.id, job.kind = %job.kind, error = %error, "gave up an effect; see /wk status");
            jobs::bury(tx, job, &error.to_string(), now).await?;
            if let Effect::Page(page) = effect {
                self.give_up_page(tx, job, page, error).await?;
            }
            return Ok("dead");
        }
        let effect = match error {
            ApiError::Unknown { .. } => jobs::Effect::Unknown,
            ApiError::RateLimited { .. } | ApiError::NotSent { .. } | ApiError::Refused { .. } => jobs::Effect::None,
        };
        let wait = RETRY.wait(job.attempts.saturating_sub(1), self.roll());
        tracing::warn!(job.kind = %job.kind, error = %error, wait_ms = wait.as_millis(), "a call on Slack failed; trying again");
        jobs::retry(tx, job, &error.to_string(), effect, now.plus(wait)).await?;
        Ok("retried")
    }
}
