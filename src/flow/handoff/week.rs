//! The weekly digest for the lead. Each due time is posted once, also across restarts and replicas: when it is next due is
//! stored in the transaction that posts it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use crate::core::audit::Record;
use crate::core::handoff::{Stretch, Weekly, Zones, weekly};
use crate::core::ids::{Actor, UserId};
use crate::core::severity::Severity;
use crate::core::time::Timestamp;
use crate::slack::blocks::handoff::{WeekView, week};
use crate::store::audit::Of;
use crate::store::{StoreError, alerts, audit, facts};

use super::super::effect::{Effect, priority};
use super::super::funding::{due, next_due};
use super::super::step::{StepError, fenced};
use super::Flow;

const NEXT: &str = "oncall.digest_next";
const WEEK: Duration = Duration::from_hours(7 * 24);
/// Groups and escalation steps of two weeks that are looked at.
const GROUPS: u32 = 20_000;
const STEPS: u32 = 10_000;

impl Flow {
    /// Posts the digest when it is due. True: it was.
    ///
    /// # Errors
    /// Nothing was posted; the next look tries again.
    pub async fn post_week(&self) -> Result<bool, StepError> {
        let Some((schedule, channel)) = self.settings().oncall.digest.clone() else { return Ok(false) };
        let Some(lease) = self.lease() else { return Ok(false) };
        let now = self.now();
        let stored = facts::get(&self.store, NEXT).await?;
        let at = stored.and_then(|text| due(&text, &schedule));
        if at.is_some_and(|at| at > now) {
            return Ok(false);
        }
        // Without a time before, or by another schedule, there is nothing due yet.
        let message = if at.is_some() {
            let found = self.week(now).await?;
            let people = self.people();
            Some(week(&WeekView { week: &found, people: &people, now }))
        } else {
            None
        };
        let posted = message.is_some();
        let mut tx = self.store.begin().await?;
        fenced(&mut tx, &lease, now).await?;
        facts::put(&mut tx, NEXT, &next_due(&schedule, now), now).await?;
        if let Some(message) = message {
            let effect = Effect::Post { channel, thread_ts: None, fallback: None, message };
            self.enqueue(&mut tx, &effect, priority(Severity::Info), now).await?;
            let record = Record {
                at: now,
                actor: Actor::System,
                action: "oncall.digest_posted".to_owned(),
                subject: "oncall".to_owned(),
                detail: "{}".to_owned(),
            };
            audit::append(&mut tx, &[record]).await?;
        }
        tx.commit().await?;
        self.outbox_bell.notify_one();
        Ok(posted)
    }

    async fn week(&self, now: Timestamp) -> Result<Weekly, StoreError> {
        let (from, earlier) = (now.minus(WEEK), now.minus(WEEK * 2));
        let groups = alerts::during(&self.store, earlier, now, GROUPS).await?;
        let steps = audit::during(&self.store, Of::Action("alert.escalated"), (earlier, now), STEPS).await?;
        let pages: Vec<(UserId, Timestamp)> = steps.iter().flat_map(|step| told(&step.record)).collect();
        let stretches = self.watches(from, now);
        let people: BTreeSet<UserId> =
            stretches.iter().map(|stretch| &stretch.user).chain(pages.iter().map(|(user, _)| user)).cloned().collect();
        let zones = self.zones(people).await;
        let incidents = self.incidents_between(earlier, now).await?;
        let mut found = weekly(&groups, &stretches, &pages, &zones, (from, now));
        found.numbers = found.numbers.with_incidents(&incidents, from, now);
        found.before = found.before.with_incidents(&incidents, earlier, from);
        Ok(found)
    }

    /// Who had which watch in `[from, to)`, by the schedules as they are now.
    fn watches(&self, from: Timestamp, to: Timestamp) -> Vec<Stretch> {
        let of = |name: &str| self.with_roster(name, |roster| roster.shifts(from, to)).unwrap_or_default();
        let shifts = self.schedules().into_iter().flat_map(|schedule| of(&schedule.name));
        let stretch = |shift: crate::core::oncall::Shift| {
            let (from, to) = (shift.from, shift.to);
            shift.people.into_iter().map(move |user| Stretch { user, from, to })
        };
        shifts.flat_map(stretch).collect()
    }

    async fn zones(&self, people: BTreeSet<UserId>) -> Zones {
        let look = |user: UserId| async move {
            let person = tokio::time::timeout(self.waits.name, self.api.users_info(&user)).await.ok()?.ok()?;
            self.remember_name(&person);
            Some((user, person.tz?.parse().ok()?))
        };
        join_all(people.into_iter().map(look)).await.into_iter().flatten().collect()
    }
}

/// Whoever got a direct message by an escalation step.
fn told(record: &Record) -> Vec<(UserId, Timestamp)> {
    let detail: serde_json::Value = serde_json::from_str(&record.detail).unwrap_or_default();
    let told = detail["told"].as_array().cloned().unwrap_or_default();
    told.iter().filter_map(|user| Some((UserId::new(user.as_str()?), record.at))).collect()
}
