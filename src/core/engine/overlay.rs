//! The engine's state as a decision in the making sees it: the committed state under the changes made so far.
//! A store that fails to commit leaves the engine untouched.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::Changes;
use super::inhibit::{Bond, Inhibition, target_bonds};
use super::{Engine, GroupKey};
use crate::core::alert::Alert;
use crate::core::group::Group;
use crate::core::ids::{GroupId, SilenceId};
use crate::core::label::{Fingerprint, all_match};
use crate::core::severity::Severity;
use crate::core::silence::{Silence, SilencePhase};

pub(super) struct Overlay<'a> {
    base: &'a Engine,
    changes: Changes,
    /// The indexes of what the committed state does not know yet.
    inhibition: Inhibition,
    memberships: BTreeMap<Fingerprint, BTreeSet<GroupId>>,
    open: BTreeMap<GroupKey, GroupId>,
}

impl<'a> Overlay<'a> {
    pub fn new(base: &'a Engine) -> Self {
        let changes = Changes { next_group: base.next_group, next_silence: base.next_silence, ..Changes::default() };
        Self { base, changes, inhibition: Inhibition::default(), memberships: BTreeMap::new(), open: BTreeMap::new() }
    }

    pub fn into_changes(self) -> Changes {
        self.changes
    }

    pub fn alert(&self, fingerprint: Fingerprint) -> Option<&Alert> {
        if self.changes.removed_alerts.contains(&fingerprint) {
            return None;
        }
        self.changes.alerts.get(&fingerprint).or_else(|| self.base.alerts.get(&fingerprint))
    }

    pub fn alert_mut(&mut self, fingerprint: Fingerprint) -> Option<&mut Alert> {
        if !self.changes.alerts.contains_key(&fingerprint) {
            self.changes.alerts.insert(fingerprint, self.alert(fingerprint)?.clone());
        }
        self.changes.alerts.get_mut(&fingerprint)
    }

    pub fn add_alert(&mut self, alert: Alert) {
        let fingerprint = alert.fingerprint();
        if !self.base.alerts.contains_key(&fingerprint) {
            self.inhibition.add(&self.base.policy.inhibit, &alert.labels);
        }
        self.changes.removed_alerts.remove(&fingerprint);
        self.changes.alerts.insert(fingerprint, alert);
    }

    pub fn remove_alert(&mut self, fingerprint: Fingerprint) {
        self.changes.alerts.remove(&fingerprint);
        if self.base.alerts.contains_key(&fingerprint) {
            self.changes.removed_alerts.insert(fingerprint);
        }
    }

    /// Every alert, changed or not.
    pub fn alerts(&self) -> impl Iterator<Item = (Fingerprint, &Alert)> {
        let Changes { alerts, removed_alerts, .. } = &self.changes;
        let untouched = |f: &Fingerprint| !alerts.contains_key(f) && !removed_alerts.contains(f);
        let base = self.base.alerts.iter().filter(move |(f, _)| untouched(f));
        base.chain(alerts).map(|(fingerprint, alert)| (*fingerprint, alert))
    }

    pub fn group(&self, id: &GroupId) -> Option<&Group> {
        if self.changes.removed_groups.contains(id) {
            return None;
        }
        self.changes.groups.get(id).or_else(|| self.base.groups.get(id))
    }

    pub fn group_mut(&mut self, id: &GroupId) -> Option<&mut Group> {
        if !self.changes.groups.contains_key(id) {
            self.changes.groups.insert(id.clone(), self.group(id)?.clone());
        }
        self.changes.groups.get_mut(id)
    }

    /// Puts a group back that was taken out as a copy; what did not change is no change.
    pub fn put_group(&mut self, group: Group) {
        if self.group(&group.id) != Some(&group) {
            self.changes.groups.insert(group.id.clone(), group);
        }
    }

    pub fn open_group(&self, key: &GroupKey) -> Option<GroupId> {
        let id = self.open.get(key).or_else(|| self.base.index.open.get(key))?;
        self.group(id).filter(|group| group.open()).map(|group| group.id.clone())
    }

    /// The number for a new group.
    pub fn take_group_number(&mut self) -> u64 {
        let number = self.changes.next_group;
        self.changes.next_group = number.saturating_add(1);
        number
    }

    pub fn add_group(&mut self, group: Group) {
        self.open.insert(GroupKey::of(&group), group.id.clone());
        self.changes.groups.insert(group.id.clone(), group);
    }

    pub fn join(&mut self, id: &GroupId, fingerprint: Fingerprint) {
        if self.group(id).is_some_and(|group| group.alerts.contains(&fingerprint)) {
            return;
        }
        if let Some(group) = self.group_mut(id) {
            group.alerts.insert(fingerprint);
            self.memberships.entry(fingerprint).or_default().insert(id.clone());
        }
    }

    pub fn remove_group(&mut self, id: &GroupId) {
        self.changes.groups.remove(id);
        self.changes.removed_groups.insert(id.clone());
    }

    /// The groups in memory, open or closed, that speak of the alert.
    pub fn groups_of(&self, fingerprint: Fingerprint) -> Vec<GroupId> {
        let known = self.base.index.memberships.get(&fingerprint).into_iter().flatten();
        let fresh = self.memberships.get(&fingerprint).into_iter().flatten();
        known.chain(fresh).filter(|id| !self.changes.removed_groups.contains(id)).cloned().collect()
    }

    pub fn silence(&self, id: &SilenceId) -> Option<&Silence> {
        if self.changes.removed_silences.contains(id) {
            return None;
        }
        self.changes.silences.get(id).or_else(|| self.base.silences.get(id))
    }

    pub fn put_silence(&mut self, silence: Silence) {
        self.changes.silences.insert(silence.id.clone(), silence);
    }

    pub fn take_silence_number(&mut self) -> u64 {
        let number = self.changes.next_silence;
        self.changes.next_silence = number.saturating_add(1);
        number
    }

    pub fn remove_silence(&mut self, id: &SilenceId) {
        self.changes.silences.remove(id);
        self.changes.removed_silences.insert(id.clone());
    }

    pub fn active_silences(&self) -> Vec<&Silence> {
        let Changes { silences, removed_silences, .. } = &self.changes;
        let untouched = |id: &SilenceId| !silences.contains_key(id) && !removed_silences.contains(id);
        let base = self.base.silences.iter().filter(|(id, _)| untouched(id));
        base.chain(silences).map(|(_, silence)| silence).filter(|s| s.phase == SilencePhase::Active).collect()
    }

    /// The rule and the firing alert that keep this one from notifying.
    pub fn inhibited_by(&self, alert: &Alert) -> Option<(usize, Fingerprint)> {
        let rules = &self.base.policy.inhibit;
        target_bonds(rules, &alert.labels).find_map(|bond| {
            let rule = rules.get(bond.0)?;
            // An alert on both sides of a rule is not inhibited by another such one (nor by itself): as in
            // Alertmanager, so that no two keep each other quiet.
            // The bonds leave severity out, since it can change.
            if !all_match(&rule.target_matchers, alert) {
                return None;
            }
            let both = all_match(&rule.source_matchers, alert);
            let counts = |a: &Alert| {
                a.firing() && all_match(&rule.source_matchers, a) && !(both && all_match(&rule.target_matchers, a))
            };
            let firing = |f: &Fingerprint| self.alert(*f).is_some_and(counts);
            let mut sources = self.base.index.inhibition.sources(&bond).chain(self.inhibition.sources(&bond));
            Some((bond.0, sources.find(firing)?))
        })
    }

    pub fn targets(&self, bond: &Bond) -> impl Iterator<Item = Fingerprint> {
        self.base.index.inhibition.targets(bond).chain(self.inhibition.targets(bond))
    }

    /// How the group's members stand now.
    pub fn tally(&self, group: &Group) -> Tally {
        let silences = self.active_silences();
        let mut tally = Tally::default();
        for fingerprint in &group.alerts {
            let Some(alert) = self.alert(*fingerprint).filter(|alert| alert.firing()) else { continue };
            tally.firing.insert(*fingerprint);
            let heard = !silences.iter().any(|silence| all_match(&silence.matchers, alert));
            if heard && self.inhibited_by(alert).is_none() {
                tally.live.insert(*fingerprint);
                tally.worst = tally.worst.max(Some(alert.severity));
            }
        }
        tally
    }
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub firing: BTreeSet<Fingerprint>,
    /// Firing, and neither silenced nor inhibited.
    pub live: BTreeSet<Fingerprint>,
    /// Of the live ones.
    pub worst: Option<Severity>,
}
