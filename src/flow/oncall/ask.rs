//! Who has the watch: the answer to `/wk oncall`, and one's own shifts.

use std::time::Duration;

use crate::core::handoff::Handoff;
use crate::core::ids::UserId;
use crate::core::oncall::when::{self, When};
use crate::core::oncall::{Duty, Gap, Schedule, Shift};
use crate::core::time::Timestamp;
use crate::slack::blocks::oncall::{ScheduleView, WatchView, WhoView, no_such_schedule, no_such_time, who};
use crate::slack::message::Message;

use super::super::Flow;

/// How far ahead somebody's own shifts are looked for.
pub(super) const OWN: Duration = Duration::from_hours(60 * 24);
const MONTH: Duration = Duration::from_hours(30 * 24);

/// One schedule's answer, owned.
struct Found {
    name: String,
    watch: Watch,
    stale: Option<(Timestamp, String)>,
    skipped: Vec<String>,
}

#[expect(clippy::large_enum_variant, reason = "one a schedule, and gone with the answer")]
enum Watch {
    Moment { at: Timestamp, duty: Duty, next: Option<(Timestamp, Vec<UserId>)>, waiting: Option<Handoff> },
    Day { shifts: Vec<Shift>, gaps: Vec<Gap> },
    Unknown { from: Timestamp, to: Timestamp },
}

impl Flow {
    pub(super) async fn who(&self, words: &[String]) -> Message {
        let now = self.now();
        let schedules = self.schedules();
        let (wanted, rest) = match words.split_first() {
            Some((first, rest)) if schedules.iter().any(|known| known.name == first.to_lowercase()) => {
                (Some(first.to_lowercase()), rest)
            }
            _ => (None, words),
        };
        let shown: Vec<Schedule> =
            schedules.iter().filter(|known| wanted.as_ref().is_none_or(|name| *name == known.name)).cloned().collect();
        let mut found = Vec::new();
        for schedule in &shown {
            let when = match rest {
                [] => Some(When::At(now)),
                rest => when::read(&rest.join(" "), &schedule.zone(), now),
            };
            match when {
                Some(when) => found.extend(self.found(schedule, when)),
                None if wanted.is_none() && words.len() == 1 => {
                    let known: Vec<&str> = schedules.iter().map(|known| known.name.as_str()).collect();
                    return no_such_schedule(&words.join(" "), &known);
                }
                None => return no_such_time(&rest.join(" ")),
            }
        }
        for user in found.iter().flat_map(Found::people) {
            self.know(&user).await;
        }
        let names: Vec<&str> = found.iter().map(|found| found.name.as_str()).collect();
        let overrides = if rest.is_empty() { self.coming_overrides(&names) } else { Vec::new() };
        for (_, over) in &overrides {
            self.know(&over.user).await;
        }
        let views: Vec<ScheduleView> = found.iter().map(Found::view).collect();
        who(&WhoView { schedules: &views, overrides: &overrides, people: &self.people(), now })
    }

    fn found(&self, schedule: &Schedule, when: When) -> Option<Found> {
        let now = self.now();
        let read = self.known_range(&schedule.name);
        let beyond = read.filter(|(from, to)| when.from() < *from || *to <= when.from());
        let watch = self.with_roster(&schedule.name, |roster| match (beyond, when) {
            (Some((from, to)), _) => Watch::Unknown { from, to },
            (None, When::At(at)) => {
                let waiting = self.open_handoff(&schedule.name).filter(|_| at == now);
                Watch::Moment { at, duty: roster.at(at), next: roster.next_hand_over(at), waiting }
            }
            (None, When::Day { from, to }) => {
                Watch::Day { shifts: roster.shifts(from, to), gaps: roster.gaps(from, to) }
            }
        })?;
        let name = schedule.name.clone();
        Some(Found { watch, stale: self.stale(&name), skipped: self.skipped(&name), name })
    }

    /// The shifts of one person in every schedule that touch the next [`OWN`] after `from`, the next first. Each is whole: a
    /// shift that is cut at the moment of asking would be another each time. One that is longer than anybody's is cut by the
    /// month.
    pub(in crate::flow) fn own_shifts(&self, user: &UserId, from: Timestamp) -> Vec<(String, Shift)> {
        let month = i64::try_from(MONTH.as_millis()).unwrap_or(i64::MAX);
        let whole = |at: Timestamp| Timestamp::from_millis(at.as_millis().div_euclid(month) * month);
        let to = from.plus(OWN);
        let wide = (whole(from.minus(OWN)), whole(to.plus(OWN)));
        let mut own: Vec<(String, Shift)> = Vec::new();
        for schedule in self.schedules() {
            let shifts = self.with_roster(&schedule.name, |roster| roster.shifts_of(user, wide.0, wide.1));
            let touching = shifts.into_iter().flatten().filter(|shift| shift.from < to && from < shift.to);
            own.extend(touching.map(|shift| (schedule.name.clone(), shift)));
        }
        own.sort_by_key(|(_, shift)| shift.from);
        own
    }
}

impl Found {
    fn people(&self) -> Vec<UserId> {
        match &self.watch {
            Watch::Moment { duty, next, waiting, .. } => {
                let keepers = waiting.iter().flat_map(Handoff::keepers);
                duty.on_call.iter().chain(next.iter().flat_map(|(_, then)| then)).chain(keepers).cloned().collect()
            }
            Watch::Day { shifts, .. } => shifts.iter().flat_map(|shift| &shift.people).cloned().collect(),
            Watch::Unknown { .. } => Vec::new(),
        }
    }

    fn view(&self) -> ScheduleView<'_> {
        ScheduleView {
            name: &self.name,
            watch: match &self.watch {
                Watch::Moment { at, duty, next, waiting } => {
                    let next = next.as_ref().map(|(at, then)| (*at, then.as_slice()));
                    WatchView::Moment { at: *at, duty, next, waiting: waiting.as_ref() }
                }
                Watch::Day { shifts, gaps } => WatchView::Day { shifts, gaps },
                Watch::Unknown { from, to } => WatchView::Unknown { from: *from, to: *to },
            },
            stale: self.stale.as_ref().map(|(at, error)| (*at, error.as_str())),
            unused: &self.skipped,
        }
    }
}
