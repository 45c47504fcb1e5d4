//! Taking committed changes in, and keeping the indexes beside them.

use std::collections::{BTreeMap, BTreeSet};

use super::deadline::{Deadlines, Subject, of_alert, of_group, of_silence};
use super::decision::Changes;
use super::inhibit::Inhibition;
use super::overlay::Overlay;
use super::{Engine, GroupKey};
use crate::core::group::{Group, GroupState, Hold};
use crate::core::ids::GroupId;
use crate::core::label::Fingerprint;
use crate::core::time::Timestamp;

/// What follows from alerts, groups, silences and policy; never stored.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The groups in memory, open or closed, that speak of an alert.
    pub memberships: BTreeMap<Fingerprint, BTreeSet<GroupId>>,
    pub open: BTreeMap<GroupKey, GroupId>,
    pub inhibition: Inhibition,
    pub deadlines: Deadlines,
    /// The latest moment decided for.
    pub latest: Timestamp,
}

impl Engine {
    /// Takes in what the store has committed.
    pub fn apply(&mut self, changes: &Changes) {
        let Changes { alerts, removed_alerts, groups, removed_groups, silences, removed_silences, .. } = changes;
        for fingerprint in removed_alerts {
            if let Some(alert) = self.alerts.remove(fingerprint) {
                self.index.inhibition.remove(&self.policy.inhibit, &alert.labels);
            }
            self.index.deadlines.set(Subject::Alert(*fingerprint), None);
        }
        for (fingerprint, alert) in alerts {
            if self.alerts.insert(*fingerprint, alert.clone()).is_none() {
                self.index.inhibition.add(&self.policy.inhibit, &alert.labels);
            }
        }
        for group in groups.values() {
            self.apply_group(group);
        }
        for id in removed_groups {
            self.forget_group(id);
        }
        for (id, silence) in silences {
            self.silences.insert(id.clone(), silence.clone());
            self.index.deadlines.set(Subject::Silence(id.clone()), Some(of_silence(silence, &self.policy)));
        }
        for id in removed_silences {
            self.silences.remove(id);
            self.index.deadlines.set(Subject::Silence(id.clone()), None);
        }
        for fingerprint in alerts.keys() {
            self.index_alert(*fingerprint);
        }
        (self.next_group, self.next_silence) = (changes.next_group, changes.next_silence);
        self.index.latest = changes.decided_at;
    }

    fn apply_group(&mut self, group: &Group) {
        let id = &group.id;
        let known = self.groups.insert(id.clone(), group.clone());
        if known.is_none_or(|known| known.alerts != group.alerts) {
            for fingerprint in &group.alerts {
                self.index.memberships.entry(*fingerprint).or_default().insert(id.clone());
            }
        }
        let key = GroupKey::of(group);
        if group.open() {
            self.index.open.insert(key, id.clone());
        } else if self.index.open.get(&key) == Some(id) {
            self.index.open.remove(&key);
        }
        self.index_group(group);
    }

    fn forget_group(&mut self, id: &GroupId) {
        self.index.deadlines.set(Subject::Group(id.clone()), None);
        let Some(group) = self.groups.remove(id) else { return };
        for fingerprint in &group.alerts {
            if let Some(groups) = self.index.memberships.get_mut(fingerprint) {
                groups.remove(id);
                if groups.is_empty() {
                    self.index.memberships.remove(fingerprint);
                }
            }
            self.index_alert(*fingerprint);
        }
    }

    fn index_alert(&mut self, fingerprint: Fingerprint) {
        let grouped = self.index.memberships.contains_key(&fingerprint);
        let deadline = self.alerts.get(&fingerprint).and_then(|alert| of_alert(alert, &self.policy, grouped));
        self.index.deadlines.set(Subject::Alert(fingerprint), deadline);
    }

    fn index_group(&mut self, group: &Group) {
        let deadline = of_group(group, self.routes.leg(&group.delivery.route), &self.policy);
        self.index.deadlines.set(Subject::Group(group.id.clone()), deadline);
    }

    /// Everything that follows from the policy, anew.
    pub(super) fn reindex(&mut self) {
        self.index.inhibition = Inhibition::default();
        self.index.deadlines = Deadlines::default();
        for alert in self.alerts.values() {
            self.index.inhibition.add(&self.policy.inhibit, &alert.labels);
        }
        for fingerprint in self.alerts.keys().copied().collect::<Vec<_>>() {
            self.index_alert(fingerprint);
        }
        for (id, silence) in &self.silences {
            self.index.deadlines.set(Subject::Silence(id.clone()), Some(of_silence(silence, &self.policy)));
        }
        for group in self.groups.values().cloned().collect::<Vec<_>>() {
            self.index_group(&group);
            if !self.settled(&group) {
                self.index.deadlines.set(Subject::Group(group.id.clone()), Some(group.opened_at));
            }
        }
    }

    /// False when the group stands otherwise than the policy would have it: inhibition has changed under it.
    pub(super) fn settled(&self, group: &Group) -> bool {
        let tally = Overlay::new(self).tally(group);
        let shown = &group.delivery.shown;
        match &group.state {
            GroupState::Waiting { .. } => {
                tally.live.is_empty() == (group.delivery.held == Some(Hold::Suppressed)) && !tally.firing.is_empty()
            }
            GroupState::Notified { flush_at, .. } => {
                let suppressed = shown.iter().any(|f| tally.firing.contains(f) && !tally.live.contains(f));
                let untold = tally.live.difference(shown).next().is_some() && flush_at.is_none();
                !suppressed && !untold && !tally.firing.is_empty()
            }
            GroupState::Closed { .. } => true,
        }
    }
}
