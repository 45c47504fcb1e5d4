//! Looking things up, for `/wk alerts` and for rendering.

use super::Engine;
use super::deadline::muted_by;
use super::overlay::Overlay;
use crate::core::alert::Alert;
use crate::core::group::Group;
use crate::core::ids::{GroupId, SilenceId};
use crate::core::label::{Fingerprint, all_match};
use crate::core::silence::{Silence, SilencePhase};
use crate::core::time::Timestamp;

/// What keeps an alert from notifying.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suppression {
    pub silenced_by: Vec<SilenceId>,
    pub inhibited_by: Option<Inhibitor>,
}

/// A firing alert that keeps another quiet, and the rule (its place in `inhibit`) that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inhibitor {
    pub rule: usize,
    pub alert: Fingerprint,
}

impl Suppression {
    #[must_use]
    pub fn suppressed(&self) -> bool {
        !self.silenced_by.is_empty() || self.inhibited_by.is_some()
    }
}

impl Engine {
    /// Open or closed not long ago.
    #[must_use]
    pub fn group(&self, id: &GroupId) -> Option<&Group> {
        self.groups.get(id)
    }

    #[must_use]
    pub fn group_by_number(&self, number: u64) -> Option<&Group> {
        self.groups.values().find(|group| group.number == number)
    }

    /// Open ones and those closed not long ago, oldest first.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// Oldest first.
    pub fn open_groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values().filter(|group| group.open())
    }

    /// The group's alerts, firing ones first, each in the order they began.
    #[must_use]
    pub fn members(&self, group: &Group) -> Vec<&Alert> {
        let mut members: Vec<_> = group.alerts.iter().filter_map(|f| self.alerts.get(f)).collect();
        members.sort_by_key(|alert| (!alert.firing(), alert.since()));
        members
    }

    #[must_use]
    pub fn alert(&self, fingerprint: Fingerprint) -> Option<&Alert> {
        self.alerts.get(&fingerprint)
    }

    /// All alerts in memory, pending and resolved ones too.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values()
    }

    /// The open groups that an alert is in.
    pub fn groups_of(&self, fingerprint: Fingerprint) -> impl Iterator<Item = &Group> {
        let ids = self.index.memberships.get(&fingerprint).into_iter().flatten();
        ids.filter_map(|id| self.groups.get(id)).filter(|group| group.open())
    }

    #[must_use]
    pub fn suppression(&self, alert: &Alert) -> Suppression {
        let state = Overlay::new(self);
        let silences = state.active_silences().into_iter();
        Suppression {
            silenced_by: silences.filter(|s| all_match(&s.matchers, alert)).map(|s| s.id.clone()).collect(),
            inhibited_by: state.inhibited_by(alert).map(|(rule, alert)| Inhibitor { rule, alert }),
        }
    }

    /// The mute interval that keeps the group's route quiet now.
    #[must_use]
    pub fn muted(&self, group: &Group, now: Timestamp) -> Option<String> {
        muted_by(self.routes.leg(&group.delivery.route), &self.policy, now)
    }

    /// Those in force and those still to come, by number.
    #[must_use]
    pub fn silences(&self, now: Timestamp) -> Vec<&Silence> {
        let ahead = |s: &&Silence| !matches!(s.phase, SilencePhase::Ended { .. }) && now < s.ends_at;
        let mut silences: Vec<_> = self.silences.values().filter(ahead).collect();
        silences.sort_by_key(|silence| silence.number);
        silences
    }

    #[must_use]
    pub fn silence(&self, id: &SilenceId) -> Option<&Silence> {
        self.silences.get(id)
    }

    #[must_use]
    pub fn silence_by_number(&self, number: u64) -> Option<&Silence> {
        self.silences.values().find(|silence| silence.number == number)
    }
}
