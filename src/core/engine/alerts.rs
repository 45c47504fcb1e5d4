//! From signals to alerts: pending → firing → resolved, with `for`, `keep_firing_for` and flap damping.

use super::decision::Note;
use super::draft::{Draft, Touch};
use super::{GroupKey, flap};
use crate::core::alert::{Alert, AlertState, Episode};
use crate::core::group::{Delivery, Group, GroupState};
use crate::core::ids::GroupId;
use crate::core::label::Fingerprint;
use crate::core::signal::{Condition, Evidence, Signal};

/// True when the signal would leave the alert as it is.
pub(super) fn changes_nothing(alert: Option<&Alert>, signal: &Signal) -> bool {
    let Some(alert) = alert else { return signal.condition == Condition::Inactive };
    match &signal.condition {
        Condition::Inactive => match alert.state {
            AlertState::Pending { .. } => false,
            AlertState::Firing { clearing_since, .. } => clearing_since.is_some(),
            AlertState::Resolved { .. } => true,
        },
        Condition::Active(evidence) => match alert.state {
            AlertState::Pending { .. } => says_the_same(alert, signal, evidence),
            AlertState::Firing { clearing_since, .. } => {
                clearing_since.is_none() && says_the_same(alert, signal, evidence)
            }
            AlertState::Resolved { .. } => false,
        },
    }
}

fn says_the_same(alert: &Alert, signal: &Signal, evidence: &Evidence) -> bool {
    alert.evidence == *evidence
        && alert.severity == signal.severity
        && alert.pending_for == signal.pending_for
        && alert.keep_firing_for == signal.keep_firing_for
}

impl Draft<'_> {
    pub fn take_signal(&mut self, signal: Signal) {
        let fingerprint = signal.labels.fingerprint();
        if changes_nothing(self.state.alert(fingerprint), &signal) {
            return;
        }
        let Signal { labels, severity, condition, pending_for, keep_firing_for } = signal;
        let Condition::Active(evidence) = condition else { return self.clear(fingerprint) };
        let pending = AlertState::Pending { since: self.now };
        let Some(alert) = self.state.alert_mut(fingerprint) else {
            let transitions = Vec::new();
            let (state, flapping_since, previous) = (pending, None, None);
            let alert = Alert {
                labels,
                severity,
                evidence,
                state,
                pending_for,
                keep_firing_for,
                transitions,
                flapping_since,
                previous,
            };
            self.state.add_alert(alert);
            return self.advance_alert(fingerprint);
        };
        let escalated = alert.firing() && alert.severity != severity;
        let touch = match (alert.severity == severity, alert.evidence == evidence) {
            (false, _) => Some(Touch::MEMBERS),
            (true, false) => Some(Touch::VALUE),
            (true, true) => None,
        };
        (alert.severity, alert.evidence) = (severity, evidence);
        (alert.pending_for, alert.keep_firing_for) = (pending_for, keep_firing_for);
        match &mut alert.state {
            AlertState::Pending { .. } => {}
            AlertState::Resolved { .. } => alert.state = pending,
            AlertState::Firing { clearing_since, .. } => {
                if clearing_since.take().is_some() && alert.flapping_since.is_some() {
                    flap::record(alert, &self.engine.policy.flap, self.now);
                }
                if let Some(touch) = touch {
                    self.touch_groups_of(fingerprint, touch);
                }
            }
        }
        if escalated {
            // Routes and inhibit rules may see it differently now; the groups it is in keep it.
            self.join_groups(fingerprint);
            self.stir(fingerprint);
            self.touch_groups_of(fingerprint, Touch::MEMBERS);
        }
        self.advance_alert(fingerprint);
    }

    /// The condition no longer holds.
    fn clear(&mut self, fingerprint: Fingerprint) {
        let Some(alert) = self.state.alert_mut(fingerprint) else { return };
        match &mut alert.state {
            AlertState::Resolved { .. } => {}
            AlertState::Pending { .. } => match alert.previous {
                Some(Episode { since, fired_at, resolved_at }) => {
                    alert.state = AlertState::Resolved { since, fired_at, resolved_at };
                    // Its retention may have passed meanwhile.
                    self.advance_alert(fingerprint);
                }
                None => self.state.remove_alert(fingerprint),
            },
            AlertState::Firing { clearing_since, .. } => {
                *clearing_since = Some(self.now);
                if alert.flapping_since.is_some() {
                    flap::record(alert, &self.engine.policy.flap, self.now);
                }
                self.advance_alert(fingerprint);
            }
        }
    }

    /// Does what the alert's own times ask for by now.
    pub fn advance_alert(&mut self, fingerprint: Fingerprint) {
        let (now, policy) = (self.now, &self.engine.policy);
        let Some(alert) = self.state.alert(fingerprint) else { return };
        match alert.state {
            AlertState::Pending { since } => {
                if since.plus(alert.pending_for.duration()) <= now {
                    self.fire(fingerprint);
                }
            }
            AlertState::Firing { clearing_since, .. } => {
                let cleared_at = clearing_since.map(|since| since.plus(alert.keep_firing_for.duration()));
                match flap::quiet_at(alert, &policy.flap) {
                    Some(quiet_at) if quiet_at > now => return,
                    Some(_) => self.steady(fingerprint),
                    None => {}
                }
                if cleared_at.is_some_and(|at| at <= now) {
                    self.resolve(fingerprint);
                }
            }
            AlertState::Resolved { resolved_at, .. } => {
                if resolved_at.plus(policy.retention()) <= now && self.state.groups_of(fingerprint).is_empty() {
                    self.state.remove_alert(fingerprint);
                }
            }
        }
    }

    fn fire(&mut self, fingerprint: Fingerprint) {
        let now = self.now;
        let Some(alert) = self.state.alert_mut(fingerprint) else { return };
        alert.state = AlertState::Firing { since: alert.since(), fired_at: now, clearing_since: None };
        let flaps = flap::record(alert, &self.engine.policy.flap, now);
        self.join_groups(fingerprint);
        self.stir(fingerprint);
        self.touch_groups_of(fingerprint, Touch::MEMBERS);
        if flaps {
            self.note_in_groups_of(fingerprint, &Note::Flapping { alert: fingerprint });
        }
    }

    fn resolve(&mut self, fingerprint: Fingerprint) {
        let now = self.now;
        let Some(alert) = self.state.alert_mut(fingerprint) else { return };
        let AlertState::Firing { since, fired_at, .. } = alert.state else { return };
        if flap::record(alert, &self.engine.policy.flap, now) {
            // Once too often: from here on it counts as firing until it is quiet.
            self.touch_groups_of(fingerprint, Touch::MEMBERS);
            return self.note_in_groups_of(fingerprint, &Note::Flapping { alert: fingerprint });
        }
        alert.state = AlertState::Resolved { since, fired_at, resolved_at: now };
        alert.previous = Some(Episode { since, fired_at, resolved_at: now });
        self.stir(fingerprint);
        self.touch_groups_of(fingerprint, Touch::MEMBERS);
    }

    fn steady(&mut self, fingerprint: Fingerprint) {
        if let Some(alert) = self.state.alert_mut(fingerprint) {
            flap::settle(alert);
            self.touch_groups_of(fingerprint, Touch::VALUE);
            self.note_in_groups_of(fingerprint, &Note::Steady { alert: fingerprint });
        }
    }

    /// Puts a firing alert into the open group of each route it takes, opening those that are not.
    fn join_groups(&mut self, fingerprint: Fingerprint) {
        let Some(alert) = self.state.alert(fingerprint) else { return };
        let (alert, severity) = (alert.clone(), alert.severity);
        for leg in self.engine.routes.matching(&alert) {
            let key = GroupKey {
                receiver: leg.receiver.clone(),
                route: leg.key(),
                labels: leg.grouping(&alert.labels, severity),
            };
            let id = self.state.open_group(&key).unwrap_or_else(|| {
                let id = GroupId::new(self.ids.next(self.now));
                let GroupKey { receiver, route, labels } = key;
                let number = self.state.take_group_number();
                self.state.add_group(Group {
                    id: id.clone(),
                    number,
                    receiver,
                    labels,
                    alerts: std::collections::BTreeSet::new(),
                    severity,
                    opened_at: self.now,
                    acknowledged: None,
                    state: GroupState::Waiting { flush_at: self.now.plus(leg.group_wait) },
                    delivery: Delivery { route, ..Delivery::default() },
                });
                id
            });
            self.state.join(&id, fingerprint);
        }
    }
}
