//! A clock that went back: what was stamped in the future is taken as of now, so that nothing waits for the difference.

use std::time::Duration;

use super::Engine;
use super::draft::{Draft, Touch};
use crate::core::alert::{Alert, AlertState, Episode};
use crate::core::group::{Group, GroupState, Hold};
use crate::core::silence::{Silence, SilencePhase};
use crate::core::time::Timestamp;

impl Draft<'_> {
    pub fn rewind(&mut self) {
        let engine: &Engine = self.engine;
        if self.now >= engine.index.latest {
            return;
        }
        for alert in engine.alerts.values() {
            let rewound = rewound_alert(alert.clone(), self.now);
            if rewound != *alert {
                self.state.add_alert(rewound);
            }
        }
        for group in engine.groups.values() {
            let rewound = rewound_group(group.clone(), engine, self.now);
            if rewound != *group {
                self.state.put_group(rewound);
                self.touch(group.id.clone(), Touch::DUE);
            }
        }
        for (id, silence) in &engine.silences {
            let rewound = rewound_silence(silence.clone(), self.now);
            if rewound != *silence {
                self.state.put_silence(rewound);
                self.advance_silence(id);
            }
        }
    }
}

fn rewound_alert(mut alert: Alert, now: Timestamp) -> Alert {
    let back = |at: &mut Timestamp| *at = (*at).min(now);
    match &mut alert.state {
        AlertState::Pending { since } => back(since),
        AlertState::Firing { since, fired_at, clearing_since } => {
            [since, fired_at].into_iter().chain(clearing_since).for_each(back);
        }
        AlertState::Resolved { since, fired_at, resolved_at } => {
            [since, fired_at, resolved_at].into_iter().for_each(back);
        }
    }
    alert.transitions.iter_mut().chain(&mut alert.flapping_since).for_each(back);
    if let Some(Episode { since, fired_at, resolved_at }) = &mut alert.previous {
        [since, fired_at, resolved_at].into_iter().for_each(back);
    }
    alert
}

fn rewound_group(mut group: Group, engine: &Engine, now: Timestamp) -> Group {
    let back = |at: &mut Timestamp| *at = (*at).min(now);
    let within = |wait: Duration| move |at: &mut Timestamp| *at = (*at).min(now.plus(wait));
    let leg = engine.routes.leg(&group.delivery.route);
    back(&mut group.opened_at);
    group.acknowledged.iter_mut().map(|ack| &mut ack.at).for_each(back);
    match &mut group.state {
        GroupState::Waiting { flush_at } => within(leg.group_wait)(flush_at),
        GroupState::Notified { first_at, last_at, repeat_at, flush_at } => {
            [first_at, last_at].into_iter().for_each(back);
            within(leg.repeat_interval)(repeat_at);
            flush_at.iter_mut().for_each(within(leg.group_wait.max(leg.group_interval)));
        }
        GroupState::Closed { first_notified_at, closed_at } => {
            [closed_at].into_iter().chain(first_notified_at).for_each(back);
        }
    }
    let delivery = &mut group.delivery;
    delivery.edited_at.iter_mut().for_each(back);
    delivery.edit_at.iter_mut().for_each(within(engine.policy.edit_interval.duration()));
    delivery.history.iter_mut().map(|notification| &mut notification.at).for_each(back);
    // Whether it is muted now is found anew.
    delivery.held.take_if(|held| matches!(held, Hold::Muted { since, .. } if *since > now));
    group
}

/// A silence speaks of times by the wall: one that ended only by the clock's mistake is in force again.
fn rewound_silence(mut silence: Silence, now: Timestamp) -> Silence {
    let ended = silence.phase != SilencePhase::Scheduled && silence.expired_by.is_none() && now < silence.ends_at;
    if ended && matches!(silence.phase, SilencePhase::Ended { .. }) {
        silence.phase = SilencePhase::Scheduled;
    }
    if let SilencePhase::Ended { at } = &mut silence.phase {
        *at = (*at).min(now);
    }
    silence.created_at = silence.created_at.min(now);
    silence.warned_at = silence.warned_at.map(|at| at.min(now));
    silence
}

/// The earliest `now` at which nothing that is known lies in the future or waits longer than it should: a clock that
/// shows less has gone back.
pub(super) fn latest(engine: &Engine) -> Timestamp {
    let alerts = engine.alerts.values().flat_map(|alert| {
        let state = match alert.state {
            AlertState::Pending { since } => since,
            AlertState::Firing { fired_at, clearing_since, .. } => clearing_since.unwrap_or(fired_at).max(fired_at),
            AlertState::Resolved { resolved_at, .. } => resolved_at,
        };
        [Some(state), alert.transitions.last().copied()].into_iter().flatten()
    });
    let groups = engine.groups.values().map(|group| latest_of_group(group, engine));
    let silences = engine.silences.values().flat_map(|silence| {
        let ended_at = match silence.phase {
            SilencePhase::Scheduled | SilencePhase::Active => None,
            SilencePhase::Ended { at } => Some(at),
        };
        [Some(silence.created_at), silence.warned_at, ended_at].into_iter().flatten()
    });
    alerts.chain(groups).chain(silences).max().unwrap_or_default()
}

fn latest_of_group(group: &Group, engine: &Engine) -> Timestamp {
    let leg = engine.routes.leg(&group.delivery.route);
    let state = match group.state {
        GroupState::Waiting { flush_at } => flush_at.minus(leg.group_wait),
        GroupState::Notified { last_at, repeat_at, flush_at, .. } => {
            let flush_from = flush_at.map(|at| at.minus(leg.group_wait.max(leg.group_interval)));
            repeat_at.minus(leg.repeat_interval).max(last_at).max(flush_from.unwrap_or(last_at))
        }
        GroupState::Closed { closed_at, .. } => closed_at,
    };
    let held_since = match group.delivery.held {
        Some(Hold::Muted { since, .. }) => Some(since),
        Some(Hold::Suppressed) | None => None,
    };
    let edit_from = group.delivery.edit_at.map(|at| at.minus(engine.policy.edit_interval.duration()));
    let acknowledged_at = group.acknowledged.as_ref().map(|ack| ack.at);
    let rest = [held_since, edit_from, acknowledged_at, group.delivery.edited_at];
    rest.into_iter().flatten().fold(group.opened_at.max(state), Timestamp::max)
}
