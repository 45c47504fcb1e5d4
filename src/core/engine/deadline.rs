//! When something happens by itself: each thing's own deadline, and all of them in order.

use std::collections::{BTreeMap, BTreeSet};

use super::flap;
use super::mute::{MuteInterval, first_unmuted};
use super::policy::Policy;
use super::routes::Leg;
use crate::core::alert::{Alert, AlertState};
use crate::core::group::{Group, GroupState, Hold};
use crate::core::ids::{GroupId, SilenceId};
use crate::core::label::Fingerprint;
use crate::core::silence::{Silence, SilencePhase};
use crate::core::time::Timestamp;

/// In the order in which what is due together is done: a silence that ends counts for the alerts, and those for groups.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Silence(SilenceId),
    Alert(Fingerprint),
    Group(GroupId),
}

#[derive(Debug, Default)]
pub(super) struct Deadlines {
    by_time: BTreeSet<(Timestamp, Subject)>,
    of: BTreeMap<Subject, Timestamp>,
}

impl Deadlines {
    pub fn set(&mut self, subject: Subject, at: Option<Timestamp>) {
        let old = match at {
            Some(at) => self.of.insert(subject.clone(), at),
            None => self.of.remove(&subject),
        };
        if old == at {
            return;
        }
        if let Some(old) = old {
            self.by_time.remove(&(old, subject.clone()));
        }
        if let Some(at) = at {
            self.by_time.insert((at, subject));
        }
    }

    pub fn first(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    pub fn due(&self, now: Timestamp) -> Vec<Subject> {
        let mut due: Vec<_> =
            self.by_time.iter().take_while(|(at, _)| *at <= now).map(|(_, subject)| subject.clone()).collect();
        due.sort();
        due
    }
}

/// `grouped`: a group in memory still speaks of it, so it is not forgotten.
pub(super) fn of_alert(alert: &Alert, policy: &Policy, grouped: bool) -> Option<Timestamp> {
    match alert.state {
        AlertState::Pending { since } => Some(since.plus(alert.pending_for.duration())),
        AlertState::Firing { clearing_since, .. } => flap::quiet_at(alert, &policy.flap)
            .or_else(|| clearing_since.map(|since| since.plus(alert.keep_firing_for.duration()))),
        AlertState::Resolved { resolved_at, .. } => (!grouped).then(|| resolved_at.plus(policy.retention())),
    }
}

pub(super) fn of_silence(silence: &Silence, policy: &Policy) -> Timestamp {
    match silence.phase {
        SilencePhase::Scheduled => silence.starts_at,
        SilencePhase::Active if silence.warned_at.is_none() => silence.warn_at(),
        SilencePhase::Active => silence.ends_at,
        SilencePhase::Ended { at } => at.plus(policy.retention()),
    }
}

pub(super) fn of_group(group: &Group, leg: &Leg, policy: &Policy) -> Option<Timestamp> {
    let unmuted = match &group.delivery.held {
        Some(Hold::Muted { since, .. }) => Some(first_unmuted(&mutes(leg, policy), *since)),
        Some(Hold::Suppressed) | None => None,
    };
    match group.state {
        // It waits for a silence or an inhibiting alert to end, which wakes it.
        GroupState::Waiting { .. } if group.delivery.held == Some(Hold::Suppressed) => None,
        GroupState::Waiting { flush_at } => Some(unmuted.unwrap_or(flush_at)),
        GroupState::Notified { repeat_at, flush_at, .. } => {
            let loud = unmuted.unwrap_or_else(|| flush_at.map_or(repeat_at, |flush_at| flush_at.min(repeat_at)));
            Some(group.delivery.edit_at.map_or(loud, |edit_at| edit_at.min(loud)))
        }
        GroupState::Closed { closed_at, .. } => Some(closed_at.plus(policy.retention())),
    }
}

/// The route's mute intervals; a name without one was reported by validation and mutes nothing.
pub(super) fn mutes<'a>(leg: &Leg, policy: &'a Policy) -> Vec<&'a MuteInterval> {
    leg.mute_time_intervals.iter().filter_map(|name| policy.mute_time_intervals.get(name)).collect()
}

/// The name of the mute interval that keeps the route quiet now.
pub(super) fn muted_by(leg: &Leg, policy: &Policy, now: Timestamp) -> Option<String> {
    let holds = |name: &&String| policy.mute_time_intervals.get(*name).is_some_and(|mute| mute.contains(now));
    leg.mute_time_intervals.iter().find(holds).cloned()
}
