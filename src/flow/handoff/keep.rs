//! What happens without anybody asking: shift changes are noticed, reminders and escalation steps come due.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::json;

use crate::core::audit::Record;
use crate::core::escalation::{Policy, Service, Turn};
use crate::core::handoff::{self, Change, Due, Handoff, Report, Seen, Settings, State};
use crate::core::ids::{Actor, ChannelId, HandoffId, UserId};
use crate::core::oncall::{Person, Schedule};
use crate::core::time::Timestamp;
use crate::paging::Action;
use crate::slack::blocks::handoff::{reminder, step, unanswered};
use crate::slack::blocks::page::Told;
use crate::store::handoffs::{self, Stored};
use crate::store::{StoreError, audit, facts};

use super::super::effect::Effect;
use super::super::escalate::people_told;
use super::super::step::{Extra, StepError, fenced};
use super::Flow;
use super::show::{service_told, thread};

/// Facts: who had a schedule's watch when it was last looked at.
const SEEN: &str = "handoff.seen:";
/// Stored this often while nothing changes: a shift change during an outage is dated no earlier than the last look.
const LOOKED: Duration = Duration::from_mins(10);

impl Flow {
    /// Looks whether a watch has changed hands, and does what is due about those that did.
    ///
    /// # Errors
    /// What was not committed is tried again at the next look.
    pub async fn keep_handoffs(&self) -> Result<(), StepError> {
        if self.lease().is_none() {
            return Ok(());
        }
        for schedule in self.schedules() {
            if let Some((channel, settings)) = schedule.hands_over() {
                self.look_at(&schedule, channel, settings).await?;
            }
        }
        for stored in handoffs::open(&self.store).await? {
            let kept = self.keepers(&stored.handoff);
            let done = if kept == stored.handoff.keepers() {
                self.take_due(stored).await
            } else {
                self.keeper_left(stored, kept).await
            };
            match done {
                // Somebody accepted it meanwhile.
                Err(StepError::AlreadyDone) => {}
                other => other?,
            }
        }
        Ok(())
    }

    async fn look_at(&self, schedule: &Schedule, channel: ChannelId, settings: &Settings) -> Result<(), StepError> {
        let now = self.now();
        if !self.knows_watch(&schedule.name) {
            return Ok(());
        }
        let key = format!("{SEEN}{}", schedule.name);
        let stored = facts::get(&self.store, &key).await?;
        let stored: Option<Seen> = stored.and_then(|text| serde_json::from_str(&text).ok());
        let Some(stored) = stored else {
            let first = self.with_roster(&schedule.name, |roster| Seen::first(roster, now));
            return self.keep_seen(&key, first).await;
        };
        let looked_at =
            self.handoffs.looked_at.lock().unwrap_or_else(PoisonError::into_inner).get(&schedule.name).copied();
        let seen = Seen { looked_at: stored.looked_at.max(looked_at.unwrap_or(stored.looked_at)), ..stored.clone() };
        let change = self.with_roster(&schedule.name, |roster| handoff::change(roster, &seen, now)).flatten();
        match change {
            None if now.since(stored.looked_at) >= LOOKED => {
                self.keep_seen(&key, Some(Seen { looked_at: now, ..stored })).await?;
            }
            None => {}
            // Somebody left, and others go on.
            Some(change) if change.incoming.is_empty() && !change.people.is_empty() => {
                self.end_unaccepted(schedule, &change).await?;
                let seen = Seen { people: change.people, since: stored.since, looked_at: now };
                self.keep_seen(&key, Some(seen)).await?;
            }
            Some(change) => self.hand_over(schedule, channel, settings, change, &seen, &key).await?,
        }
        let mut looked_at = self.handoffs.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        looked_at.insert(schedule.name.clone(), now);
        Ok(())
    }

    async fn keep_seen(&self, key: &str, seen: Option<Seen>) -> Result<(), StepError> {
        let Some(seen) = seen else { return Ok(()) };
        let facts = vec![(key.to_owned(), serde_json::to_string(&seen).unwrap_or_default())];
        self.commit_led(Extra { facts, ..Extra::default() }).await
    }

    /// Nobody has to accept any more what was offered only to people who have left since.
    async fn end_unaccepted(&self, schedule: &Schedule, change: &Change) -> Result<(), StepError> {
        for before in handoffs::open(&self.store).await? {
            let own = before.handoff.schedule == schedule.name;
            if own && !before.handoff.incoming.iter().any(|user| change.people.contains(user)) {
                let after = before.handoff.clone().supersede(self.now());
                self.settle_handoff(before, after, "handoff.superseded", &Actor::System).await?;
            }
        }
        Ok(())
    }

    /// The fact that says who has a schedule's watch from now on, and since when that shift goes on.
    pub(super) fn seen_fact(&self, schedule: &str, people: Vec<UserId>, since: Timestamp) -> (String, String) {
        let seen = Seen { people, since, looked_at: self.now() };
        (format!("{SEEN}{schedule}"), serde_json::to_string(&seen).unwrap_or_default())
    }

    /// When the shift that goes on now began, as it was noticed.
    pub(super) async fn shift_since(&self, schedule: &str) -> Result<Option<Timestamp>, StoreError> {
        let stored = facts::get(&self.store, &format!("{SEEN}{schedule}")).await?;
        let seen: Option<Seen> = stored.and_then(|text| serde_json::from_str(&text).ok());
        Ok(seen
            .map(|seen| seen.since)
            .or_else(|| self.with_roster(schedule, |roster| Seen::first(roster, self.now()).since)))
    }

    /// Commits the handoff, its message, and the end of one that was not accepted before.
    async fn hand_over(
        &self,
        schedule: &Schedule,
        channel: ChannelId,
        settings: &Settings,
        mut change: Change,
        seen: &Seen,
        key: &str,
    ) -> Result<(), StepError> {
        let Some(lease) = self.lease() else { return Err(StepError::NotLeader) };
        let now = self.now();
        let after = Seen::after(&change, now);
        let report = self.shift_report(schedule, seen.since, change.until).await?;
        let mut earlier = Vec::new();
        for before in handoffs::open(&self.store).await? {
            if before.handoff.schedule == schedule.name {
                change = change.instead_of(&before.handoff, &self.keepers(&before.handoff));
                let after = before.handoff.clone().supersede(now);
                let (effects, record) = self.ended(&after, "handoff.superseded", &Actor::System).await?;
                earlier.push((handoffs::Change::Moved { before, after }, effects, record));
            }
        }
        let gone = change.unreachable.iter().filter_map(|person| match person {
            Person::Slack(user) => Some(user),
            Person::Email(_) | Person::Name(_) => None,
        });
        self.know_all(change.outgoing.iter().chain(&change.people).chain(gone).cloned().collect()).await;
        let mut tx = self.store.begin().await?;
        fenced(&mut tx, &lease, now).await?;
        let number = handoffs::next_number(&mut tx).await?;
        let id = HandoffId::new(self.ids.next(now));
        let handoff = Handoff::offer(id, number, &schedule.name, channel, change, settings, now);
        let mut records = vec![offered(&handoff, &report, now)];
        let mut effects = Vec::new();
        let mut changes = Vec::new();
        for (change, more, record) in earlier {
            changes.push(change);
            effects.extend(more);
            records.push(record);
        }
        effects.push(self.living(&handoff, &report, true));
        effects.extend(handoff.incoming.iter().map(|user| self.tell_of(&handoff, &report, user, handoff.at)));
        effects.extend(handoff.keepers().iter().map(|user| self.tell_keeper(&handoff, &report, user)));
        handoffs::save(&mut tx, &changes, now).await.map_err(lost)?;
        handoffs::insert(&mut tx, &handoff, &report).await?;
        facts::put(&mut tx, key, &serde_json::to_string(&after).unwrap_or_default(), now).await?;
        for (effect, priority) in &effects {
            self.enqueue(&mut tx, effect, *priority, now).await?;
        }
        audit::append(&mut tx, &records).await?;
        tx.commit().await?;
        self.handoffs_changed(&changes);
        self.handoff_changed(&handoff);
        self.outbox_bell.notify_one();
        Ok(())
    }

    /// Of those who keep the watch until it is accepted, somebody was deactivated in Slack.
    async fn keeper_left(&self, before: Stored, kept: Vec<UserId>) -> Result<(), StepError> {
        let after = Handoff { outgoing: kept, ..before.handoff.clone() };
        let report = handoffs::report(&self.store, &after.id).await?.unwrap_or_default();
        self.know_all(super::named(&after)).await;
        let detail = json!({ "keepers": after.outgoing });
        let records = vec![record(&after, "handoff.keeper_left", Actor::System, &detail, self.now())];
        let effects = vec![self.living(&after, &report, false)];
        let handoffs = vec![handoffs::Change::Moved { before, after }];
        self.commit_led(Extra { effects, records, handoffs, ..Extra::default() }).await
    }

    async fn take_due(&self, before: Stored) -> Result<(), StepError> {
        let now = self.now();
        let settings = self.settings();
        let schedule = settings.oncall.schedules.iter().find(|known| known.name == before.handoff.schedule);
        let Some((_, how)) = schedule.and_then(Schedule::hands_over) else {
            // Configuration no longer hands it over.
            let after = before.handoff.clone().supersede(now);
            return self.settle_handoff(before, after, "handoff.superseded", &Actor::System).await;
        };
        if before.handoff.due_at().is_none_or(|at| at > now) {
            return Ok(());
        }
        let policy = how.policy.as_deref().and_then(|name| settings.escalation.policy(name));
        let policy = policy.filter(|policy| !policy.steps.is_empty());
        self.look_up_people(self.targets_of(policy)).await;
        self.know_all(super::named(&before.handoff)).await;
        let report = handoffs::report(&self.store, &before.handoff.id).await?.unwrap_or_default();
        let mut after = before.handoff.clone();
        let (mut effects, mut records) = (Vec::new(), Vec::new());
        // Each step at most once: one that reaches nobody is followed at once.
        for _ in 0..=policy.map_or(1, |policy| policy.steps.len()) {
            let (next, due) = after.take(how, policy, now);
            after = next;
            match (due, policy) {
                (None, _) => break,
                (Some(Due::Remind { nth, due_at }), _) => {
                    effects.push(thread(&after, reminder(&after, nth, now), due_at));
                    records.push(record(&after, "handoff.reminded", Actor::System, &json!({ "reminder": nth }), now));
                }
                (Some(Due::Escalate(turn)), Some(policy)) => {
                    after = self.take_handoff_step(after, policy, &turn, &report, &mut effects, &mut records);
                }
                (Some(Due::Escalate(Turn { due_at, .. }) | Due::Unanswered { due_at }), _) => {
                    effects.push(thread(&after, unanswered(&after), due_at));
                    records.push(record(&after, "handoff.unanswered", Actor::System, &json!({}), now));
                }
            }
        }
        if after.state.name() != before.handoff.state.name() {
            effects.push(self.living(&after, &report, false));
        }
        let handoffs = vec![handoffs::Change::Moved { before, after }];
        self.commit_led(Extra { effects, records, handoffs, ..Extra::default() }).await
    }

    /// Everybody whom a policy may call.
    fn targets_of(&self, policy: Option<&Policy>) -> BTreeSet<UserId> {
        let steps = policy.into_iter().flat_map(|policy| &policy.steps);
        steps.flat_map(|step| &step.targets).flat_map(|target| self.people_of(target)).collect()
    }

    /// Tells everybody of one step of the policy.
    fn take_handoff_step(
        &self,
        mut handoff: Handoff,
        policy: &Policy,
        turn: &Turn,
        report: &Report,
        effects: &mut Vec<(Effect, i64)>,
        records: &mut Vec<Record>,
    ) -> Handoff {
        let now = self.now();
        let targets = policy.steps.get(turn.position.step).map(|step| step.targets.as_slice()).unwrap_or_default();
        let told = self.whom(targets, &[]);
        for one in &told {
            match one {
                Told::Person { user } => {
                    handoff.told.insert(user.clone());
                    effects.push(self.tell_of(&handoff, report, user, turn.due_at));
                }
                Told::Service(service) => {
                    handoff.services.insert(service.clone());
                    effects.push(service_told(&handoff, service, Action::Trigger, now));
                }
                Told::Mention(_) | Told::OnIt { .. } | Told::Left { .. } | Told::NobodyOnCall { .. } => {}
            }
        }
        if !told.iter().any(Told::reached) {
            handoff = handoff.unreached(now);
        }
        let people = self.people();
        effects.push(thread(&handoff, step(&handoff, policy, turn.position, &told, &people, now), turn.due_at));
        let detail = json!({
            "late_s": now.since(turn.due_at).as_secs(),
            "policy": policy.name,
            "round": turn.position.round + 1,
            "step": turn.position.step + 1,
            "targets": targets,
            "told": people_told(&told),
        });
        records.push(record(&handoff, "handoff.escalated", Actor::System, &detail, now));
        handoff
    }

    /// Ends a handoff, and shows that everywhere it was shown.
    async fn settle_handoff(&self, before: Stored, after: Handoff, action: &str, by: &Actor) -> Result<(), StepError> {
        let (effects, record) = self.ended(&after, action, by).await?;
        let handoffs = vec![handoffs::Change::Moved { before, after }];
        self.commit_led(Extra { effects, records: vec![record], handoffs, ..Extra::default() }).await
    }

    /// What there is to do once a handoff is over.
    pub(super) async fn ended(
        &self,
        handoff: &Handoff,
        action: &str,
        by: &Actor,
    ) -> Result<(Vec<(Effect, i64)>, Record), StoreError> {
        let now = self.now();
        let report = handoffs::report(&self.store, &handoff.id).await?.unwrap_or_default();
        let mut effects = vec![self.living(handoff, &report, false)];
        effects.extend(handoff.told.iter().map(|user| self.tell_of(handoff, &report, user, now)));
        effects.extend(handoff.outgoing.iter().map(|user| self.tell_keeper(handoff, &report, user)));
        let resolved = |service: &Service| service_told(handoff, service, Action::Resolve, now);
        effects.extend(handoff.services.iter().map(resolved));
        let detail = match &handoff.state {
            State::Accepted { by, at } => json!({ "after_s": at.since(handoff.at).as_secs(), "by": by }),
            _ => json!({}),
        };
        Ok((effects, record(handoff, action, by.clone(), &detail, now)))
    }
}

fn offered(handoff: &Handoff, report: &Report, now: Timestamp) -> Record {
    let detail = json!({
        "alerts": report.alerts.len(),
        "incoming": handoff.incoming,
        "late_s": now.since(handoff.at).as_secs(),
        "notes": report.notes.len(),
        "outgoing": handoff.outgoing,
        "schedule": handoff.schedule,
        "shift_at": handoff.at.to_string(),
        "staying": handoff.staying,
        "unreachable": handoff.unreachable,
    });
    record(handoff, "handoff.offered", Actor::System, &detail, now)
}

pub(super) fn record(handoff: &Handoff, action: &str, by: Actor, detail: &serde_json::Value, at: Timestamp) -> Record {
    let subject = format!("handoff/{}", handoff.number);
    Record { at, actor: by, action: action.to_owned(), subject, detail: detail.to_string() }
}

fn lost(error: StoreError) -> StepError {
    match error {
        StoreError::Lost { .. } => StepError::AlreadyDone,
        other => StepError::Store(other),
    }
}
