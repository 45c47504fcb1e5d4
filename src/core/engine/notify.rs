//! When a group speaks, how loudly, and when it closes: group_wait, group_interval, repeat_interval, mute and hold.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::deadline::{muted_by, mutes};
use super::decision::Note;
use super::draft::{Draft, Touch};
use super::mute::first_unmuted;
use super::overlay::Tally;
use super::policy::Policy;
use super::routes::Leg;
use crate::core::alert::{Alert, AlertState};
use crate::core::group::{Attention, Group, GroupState, Hold, Notification};
use crate::core::ids::{Actor, GroupId};
use crate::core::severity::Severity;
use crate::core::time::{Span, Timestamp};

/// As many as `/wk why` shows.
const MOST_HISTORY: usize = 20;

/// What readers have not been told of yet.
struct News {
    joined: usize,
    left: usize,
    worse: Option<Severity>,
}

impl News {
    fn of(group: &Group, tally: &Tally) -> Self {
        let shown = &group.delivery.shown;
        Self {
            joined: tally.live.difference(shown).count(),
            left: shown.difference(&tally.firing).count(),
            worse: tally.worst.filter(|worst| *worst > group.severity),
        }
    }

    fn attention(&self, acknowledged: bool) -> Attention {
        match self {
            Self { worse: Some(_), .. } => Attention::Worse,
            // Somebody is on it already: more of the same is for the thread.
            Self { joined: 1.., .. } if !acknowledged => Attention::New,
            Self { .. } => Attention::Quiet,
        }
    }

    /// The earliest moment to tell. What is worse waits for company only, not for the interval.
    fn flush_at(&self, last_at: Timestamp, leg: &Leg, now: Timestamp) -> Option<Timestamp> {
        let company = now.plus(leg.group_wait);
        let interval = last_at.plus(leg.group_interval);
        match self {
            Self { worse: Some(_), .. } => Some(company),
            Self { joined: 1.., .. } => Some(company.max(interval)),
            Self { left: 1.., .. } => Some(interval.max(now)),
            Self { .. } => None,
        }
    }
}

/// The changing parts of `GroupState::Notified`.
struct Schedule {
    first: Timestamp,
    last: Timestamp,
    repeat: Timestamp,
    flush: Option<Timestamp>,
}

impl Schedule {
    fn state(self) -> GroupState {
        let Self { first, last, repeat, flush } = self;
        GroupState::Notified { first_at: first, last_at: last, repeat_at: repeat, flush_at: flush }
    }
}

impl Draft<'_> {
    pub fn look_at(&mut self, id: &GroupId, touch: Touch) {
        let Some(mut group) = self.state.group(id).cloned() else { return };
        match group.state {
            GroupState::Closed { closed_at, .. } => return self.retire(&group, closed_at),
            GroupState::Waiting { flush_at } if touch.members => self.waiting(&mut group, flush_at),
            GroupState::Waiting { .. } => {}
            GroupState::Notified { first_at, last_at, repeat_at, flush_at } if touch.members => {
                self.notified(
                    &mut group,
                    Schedule { first: first_at, last: last_at, repeat: repeat_at, flush: flush_at },
                    touch,
                );
            }
            GroupState::Notified { flush_at, .. } => self.edit(&mut group, touch, flush_at),
        }
        self.state.put_group(group);
    }

    /// Nothing posted yet.
    fn waiting(&mut self, group: &mut Group, mut flush_at: Timestamp) {
        let (now, engine) = (self.now, self.engine);
        let leg = engine.routes.leg(&group.delivery.route);
        let tally = self.state.tally(group);
        if tally.firing.is_empty() {
            return self.close(group, None);
        }
        if tally.live.is_empty() {
            group.delivery.held = Some(Hold::Suppressed);
            return;
        }
        if group.delivery.held == Some(Hold::Suppressed) {
            // Those released together by the end of an outage often resolve a moment later: wait for them again.
            flush_at = flush_at.max(now.plus(leg.group_wait));
            group.delivery.held = None;
        }
        group.severity = tally.worst.unwrap_or(group.severity);
        group.state = GroupState::Waiting { flush_at };
        if flush_at > now {
            return;
        }
        if let Some(interval) = muted_by(leg, &engine.policy, now) {
            return hold(group, leg, &engine.policy, interval, now);
        }
        self.note_first(group, &tally);
        let schedule = Schedule { first: now, last: now, repeat: now.plus(leg.repeat_interval), flush: None };
        group.state = schedule.state();
        self.mark_shown(group, &tally, Attention::New);
    }

    fn note_first(&mut self, group: &Group, tally: &Tally) {
        self.show(group, Attention::New);
        self.note(group, Note::Opened { members: tally.live.len() });
        let detail = BTreeMap::from([
            ("alerts", json!(tally.live.len())),
            ("labels", json!(group.labels)),
            ("receiver", json!(group.receiver)),
            ("severity", json!(group.severity)),
        ]);
        self.record(Actor::System, "alert.fired", format!("alert/{}", group.number), &detail);
    }

    /// A message is out.
    fn notified(&mut self, group: &mut Group, mut schedule: Schedule, touch: Touch) {
        let (now, engine) = (self.now, self.engine);
        let leg = engine.routes.leg(&group.delivery.route);
        let tally = self.state.tally(group);
        if tally.firing.is_empty() {
            return self.close(group, Some(schedule.first));
        }
        let before = group.delivery.shown.len();
        group.delivery.shown.retain(|f| tally.live.contains(f) || !tally.firing.contains(f));
        let touch = Touch { visible: touch.visible || group.delivery.shown.len() != before, ..touch };

        let news = News::of(group, &tally);
        let wanted = news.flush_at(schedule.last, leg, now);
        schedule.flush = wanted.map(|wanted| schedule.flush.map_or(wanted, |set| set.min(wanted)));

        let acknowledged = group.acknowledged.is_some();
        let repeat_due = schedule.repeat <= now;
        let repeats = repeat_due && !acknowledged && !tally.live.is_empty();
        if repeat_due && !repeats {
            schedule.repeat = now.plus(leg.repeat_interval);
        }
        let due = repeats || schedule.flush.is_some_and(|at| at <= now);
        let attention = match news.attention(acknowledged) {
            Attention::Quiet if repeats => Attention::Repeat,
            attention => attention,
        };
        let muted = if due && attention != Attention::Quiet { muted_by(leg, &engine.policy, now) } else { None };
        let free = group.delivery.held.is_none();
        match muted {
            Some(interval) => hold(group, leg, &engine.policy, interval, now),
            None => group.delivery.held = None,
        }
        if due && group.delivery.held.is_none() {
            schedule.last = now;
            schedule.flush = None;
            if attention != Attention::Quiet {
                schedule.repeat = now.plus(leg.repeat_interval);
            }
            group.state = schedule.state();
            return self.flush(group, &news, &tally, attention);
        }
        let flush_at = schedule.flush;
        group.state = schedule.state();
        // What waited for the flush is edited in when that is held.
        let touch = Touch { visible: touch.visible || (free && group.delivery.held.is_some()), ..touch };
        self.edit(group, touch, flush_at);
    }

    /// Tells all the news at once.
    fn flush(&mut self, group: &mut Group, news: &News, tally: &Tally, attention: Attention) {
        group.severity = group.severity.max(tally.worst.unwrap_or(group.severity));
        let unacknowledged = if news.worse.is_some() { group.acknowledged.take().map(|ack| ack.by) } else { None };
        self.show(group, attention);
        if let Some(severity) = news.worse {
            self.note(group, Note::Worse { severity, unacknowledged });
        }
        if news.joined > 0 {
            self.note(group, Note::Joined { members: news.joined });
        }
        if news.left > 0 {
            self.note(group, Note::Left { members: news.left });
        }
        if attention == Attention::Repeat {
            self.note(group, Note::Repeated { firing_for: Span::from(self.now.since(group.opened_at)) });
        }
        self.mark_shown(group, tally, attention);
    }

    fn mark_shown(&self, group: &mut Group, tally: &Tally, attention: Attention) {
        let delivery = &mut group.delivery;
        delivery.shown.clone_from(&tally.live);
        delivery.edited_at = Some(self.now);
        delivery.edit_at = None;
        delivery.held = None;
        if attention != Attention::Quiet {
            delivery.history.push(Notification { at: self.now, attention });
            let excess = delivery.history.len().saturating_sub(MOST_HISTORY);
            delivery.history.drain(..excess);
        }
    }

    /// Edits without attention: at once for a person, else no more often than the policy's interval.
    fn edit(&mut self, group: &mut Group, touch: Touch, flush_at: Option<Timestamp>) {
        let now = self.now;
        let interval = self.engine.policy.edit_interval.duration();
        let delivery = &mut group.delivery;
        // A flush to come shows it too, unless it is held.
        if touch.visible && (flush_at.is_none() || delivery.held.is_some()) {
            let earliest = delivery.edited_at.map_or(now, |at| at.plus(interval).max(now));
            delivery.edit_at = Some(delivery.edit_at.map_or(earliest, |set| set.min(earliest)));
        }
        if touch.urgent || delivery.edit_at.is_some_and(|at| at <= now) {
            delivery.edit_at = None;
            delivery.edited_at = Some(now);
            self.show(group, Attention::Quiet);
        }
    }

    /// All members have resolved. A group that never posted closes without a word.
    fn close(&mut self, group: &mut Group, first_notified_at: Option<Timestamp>) {
        let now = self.now;
        group.state = GroupState::Closed { first_notified_at, closed_at: now };
        (group.delivery.held, group.delivery.edit_at) = (None, None);
        if first_notified_at.is_none() {
            return;
        }
        group.delivery.edited_at = Some(now);
        // As the message counts: from when the condition began, which is before it fired.
        let members = group.alerts.iter().filter_map(|fingerprint| self.state.alert(*fingerprint));
        let began = members.map(Alert::since).min().map_or(group.opened_at, |since| since.min(group.opened_at));
        let duration = Span::from(now.since(began));
        self.show(group, Attention::Quiet);
        self.note(group, Note::Resolved { duration });
        let detail = BTreeMap::from([
            ("alerts", json!(group.alerts.len())),
            ("duration", json!(duration)),
            ("labels", json!(group.labels)),
            ("receiver", json!(group.receiver)),
        ]);
        self.record(Actor::System, "alert.resolved", format!("alert/{}", group.number), &detail);
    }

    /// Forgets a group that closed long enough ago, and those members that nothing speaks of any more.
    fn retire(&mut self, group: &Group, closed_at: Timestamp) {
        let retention: Duration = self.engine.policy.retention();
        if closed_at.plus(retention) > self.now {
            return;
        }
        self.state.remove_group(&group.id);
        for fingerprint in &group.alerts {
            let resolved = |state: &AlertState| matches!(state, AlertState::Resolved { .. });
            if self.state.alert(*fingerprint).is_some_and(|alert| resolved(&alert.state)) {
                self.advance_alert(*fingerprint);
            }
        }
    }
}

/// Keeps when the hold began as long as that still tells its end; a policy that changed or a machine that slept
/// through the end starts it anew.
fn hold(group: &mut Group, leg: &Leg, policy: &Policy, interval: String, now: Timestamp) {
    if let Some(Hold::Muted { interval: known, since }) = &group.delivery.held
        && *known == interval
        && first_unmuted(&mutes(leg, policy), *since) > now
    {
        return;
    }
    group.delivery.held = Some(Hold::Muted { interval, since: now });
}
