//! How much there was to do in a stretch of time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::group::{Attention, Group, GroupState};
use crate::core::incident::{Incident, State};
use crate::core::severity::Severity;
use crate::core::time::{Span, Timestamp};

/// Figures of one shift, or of a week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Numbers {
    /// Groups whose first message went out.
    pub alerts: usize,
    pub critical: usize,
    /// Messages that asked for attention: first ones, worse ones, repetitions.
    pub notifications: usize,
    /// Escalation steps.
    pub pages: usize,
    pub acknowledged: usize,
    /// Resolved without anybody having acknowledged.
    pub unattended: usize,
    /// The mean time from the first message to its acknowledgement.
    pub to_acknowledge: Option<Span>,
    /// The mean time from the first message to the end.
    pub to_resolve: Option<Span>,
    /// Incidents that were declared.
    pub incidents: usize,
    /// The mean time from an incident's declaration to its end.
    pub incident_resolved: Option<Span>,
}

/// Figures of an earlier shift.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    #[serde(flatten)]
    pub numbers: Numbers,
    /// Zero: not known.
    #[serde(default)]
    pub lasted: Span,
}

/// The first of `earlier`, which are the newest first, that a shift of this length can be held against: the hour that
/// somebody stood in for says nothing about a week.
#[must_use]
pub fn shift_before(length: Duration, earlier: impl IntoIterator<Item = Before>) -> Option<Before> {
    earlier.into_iter().find(|before| before.lasted.duration() * 4 >= length)
}

impl Numbers {
    /// The same with the incidents of `[from, to)`.
    #[must_use]
    pub fn with_incidents(self, incidents: &[Incident], from: Timestamp, to: Timestamp) -> Self {
        let within = |at: Timestamp| from <= at && at < to;
        let lasted: Vec<Duration> = incidents
            .iter()
            .filter_map(|incident| match incident.state {
                State::Resolved { at, .. } if within(at) => Some(at.since(incident.opened_at)),
                State::Resolved { .. } | State::Open { .. } => None,
            })
            .collect();
        let declared = incidents.iter().filter(|incident| within(incident.opened_at)).count();
        Self { incidents: declared, incident_resolved: mean(&lasted), ..self }
    }

    /// Of the groups that were open at some time of `[from, to)`.
    #[must_use]
    pub fn of(groups: &[Group], pages: usize, from: Timestamp, to: Timestamp) -> Self {
        let within = |at: Timestamp| from <= at && at < to;
        let mut numbers = Self { pages, ..Self::default() };
        let (mut to_acknowledge, mut to_resolve) = (Vec::new(), Vec::new());
        for group in groups {
            let Some(first) = first_message(group) else { continue };
            if within(first) {
                numbers.alerts += 1;
                numbers.critical += usize::from(group.severity == Severity::Critical);
            }
            numbers.notifications += interruptions(group).filter(|at| within(*at)).count();
            if let Some(ack) = group.acknowledged.as_ref().filter(|ack| within(ack.at)) {
                numbers.acknowledged += 1;
                to_acknowledge.push(ack.at.since(first));
            }
            if let Some(closed) = group.closed_at().filter(|at| within(*at)) {
                numbers.unattended += usize::from(group.acknowledged.is_none());
                to_resolve.push(closed.since(first));
            }
        }
        Self { to_acknowledge: mean(&to_acknowledge), to_resolve: mean(&to_resolve), ..numbers }
    }
}

/// `None`: nobody ever heard of it.
pub(super) const fn first_message(group: &Group) -> Option<Timestamp> {
    match group.state {
        GroupState::Waiting { .. } => None,
        GroupState::Notified { first_at, .. } => Some(first_at),
        GroupState::Closed { first_notified_at, .. } => first_notified_at,
    }
}

/// When it asked for attention.
pub(super) fn interruptions(group: &Group) -> impl Iterator<Item = Timestamp> {
    let loud = group.delivery.history.iter().filter(|told| told.attention != Attention::Quiet);
    loud.map(|told| told.at)
}

fn mean(lengths: &[Duration]) -> Option<Span> {
    let count = u32::try_from(lengths.len()).ok().filter(|count| *count > 0)?;
    Some(Span::from(lengths.iter().sum::<Duration>() / count))
}

/// Half are shorter; zero of none.
pub(super) fn median(lengths: &mut [Duration]) -> Duration {
    lengths.sort();
    lengths.get(lengths.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::core::group::{Acknowledgement, Delivery, Notification};
    use crate::core::ids::{Actor, GroupId, UserId};
    use crate::core::label::Labels;

    pub fn at(mins: i64) -> Timestamp {
        Timestamp::from_secs(1_796_000_000 + mins * 60)
    }

    /// Opened and told at `opened`, minutes; acknowledged and closed then, when they are.
    pub fn group(number: u64, name: &str, opened: i64, acknowledged: Option<i64>, closed: Option<i64>) -> Group {
        let first = at(opened);
        let labels: Labels = [("alertname", name)].into_iter().collect();
        let by = Actor::Person { user: UserId::new("UANN"), team: None };
        Group {
            id: GroupId::new(number.to_string()),
            number,
            receiver: "default".to_owned(),
            labels,
            alerts: std::collections::BTreeSet::new(),
            severity: Severity::Warning,
            opened_at: first,
            acknowledged: acknowledged.map(|mins| Acknowledgement { by, at: at(mins) }),
            state: match closed {
                Some(mins) => GroupState::Closed { first_notified_at: Some(first), closed_at: at(mins) },
                None => GroupState::Notified {
                    first_at: first,
                    last_at: first,
                    repeat_at: at(opened + 240),
                    flush_at: None,
                },
            },
            delivery: Delivery {
                history: vec![Notification { at: first, attention: Attention::New }],
                ..Delivery::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{at, group};
    use super::*;

    #[test]
    fn a_shift_is_held_against_one_of_its_kind() {
        let lasted = |hours: u64, alerts: usize| Before {
            numbers: Numbers { alerts, ..Numbers::default() },
            lasted: Span::from_secs(hours * 3600),
        };
        let earlier = [lasted(1, 1), lasted(160, 2), lasted(168, 3)];
        let of = |hours: u64| shift_before(Duration::from_hours(hours), earlier).map(|before| before.numbers.alerts);
        assert_eq!((of(168), of(2), of(1000)), (Some(2), Some(1), None));
    }

    #[test]
    fn what_began_was_acknowledged_or_ended_in_the_time_is_counted_for_it() {
        let groups = [
            group(1, "FeedStale", -30, None, Some(5)),
            group(2, "FeedStale", 10, Some(12), Some(40)),
            group(3, "FeedStale", 20, Some(26), None),
            group(4, "FeedStale", 95, None, None),
        ];
        let numbers = Numbers::of(&groups, 2, at(0), at(60));
        let expected = Numbers {
            alerts: 2,
            critical: 0,
            notifications: 2,
            pages: 2,
            acknowledged: 2,
            unattended: 1,
            to_acknowledge: Some(Span::from_secs(240)),
            to_resolve: Some(Span::from_secs(1950)),
            ..Numbers::default()
        };
        assert_eq!(numbers, expected);
        assert_eq!(Numbers::of(&[], 0, at(0), at(60)), Numbers::default());
    }
}
