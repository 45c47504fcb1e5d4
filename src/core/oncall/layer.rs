//! One layer of a schedule: people who take turns, handing over at a wall-clock time, perhaps only at some hours.

use jiff::Span as Difference;
use jiff::civil::{Date, DateTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Person;
use crate::core::civil;
use crate::core::engine::mute::{Location, TimeOfDay, WeekdayRange};
use crate::core::time::{Span, Timestamp};

/// People who take turns. Where a schedule has several layers, a later one comes before an earlier one whenever it is on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Slack user ids or e-mail addresses, in the order of their turns; one person may have several.
    pub users: Vec<Person>,
    /// How long a turn lasts: 1d, 1w, 2w, 12h. Counted on the wall clock, so that a daily turn always ends at `hand_over`.
    #[serde(default = "week")]
    pub shift_length: Span,
    /// The day of the first turn of the first person, e.g. 2026-01-05. Nobody is on call before.
    pub start: StartDate,
    /// When turns begin and end, e.g. 09:00.
    #[serde(default = "nine")]
    pub hand_over: TimeOfDay,
    /// Whose clock `start`, `hand_over` and `restrictions` are read on.
    #[serde(default)]
    pub time_zone: Location,
    /// When the layer is on; always when empty. The turns go on meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restrictions: Vec<Restriction>,
}

/// A day on a wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StartDate(pub Date);

/// What was written where a day belongs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a day; write it like 2026-01-05")]
pub struct InvalidStart(String);

impl TryFrom<String> for StartDate {
    type Error = InvalidStart;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self).map_err(|_| InvalidStart(text))
    }
}

impl From<StartDate> for String {
    fn from(StartDate(date): StartDate) -> Self {
        date.to_string()
    }
}

impl JsonSchema for StartDate {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StartDate".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date", "examples": ["2026-01-05"] })
    }
}

/// Hours of some days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restriction {
    /// `monday:friday`, `sunday`; every day when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<WeekdayRange>,
    #[serde(default = "midnight")]
    pub start_time: TimeOfDay,
    /// Not later than `start_time`: the hours end on the next day.
    #[serde(default = "end_of_day")]
    pub end_time: TimeOfDay,
}

fn week() -> Span {
    Span::from_secs(7 * 86_400)
}

fn nine() -> TimeOfDay {
    TimeOfDay::from_minutes(9 * 60)
}

fn midnight() -> TimeOfDay {
    TimeOfDay::from_minutes(0)
}

fn end_of_day() -> TimeOfDay {
    TimeOfDay::from_minutes(24 * 60)
}

/// The shortest turn: an hour that clocks skip must not swallow two.
pub const SHORTEST_SHIFT: Span = Span::from_secs(3600);

impl Layer {
    /// Whose turn it is; `None` before the start, outside the restrictions, and without people.
    #[must_use]
    pub fn holder(&self, at: Timestamp) -> Option<&Person> {
        let turn = self.turn(at)?;
        let local = self.time_zone.zone().to_datetime(civil::instant(at)?);
        let on = self.restrictions.is_empty() || self.restrictions.iter().any(|restriction| restriction.holds(local));
        let count = i64::try_from(self.users.len()).ok().filter(|count| *count > 0)?;
        self.users.get(usize::try_from(turn % count).ok()?).filter(|_| on)
    }

    /// The next instant after `at` at which the holder may change.
    #[must_use]
    pub fn next_edge(&self, at: Timestamp) -> Option<Timestamp> {
        if self.users.is_empty() {
            return None;
        }
        let turn = self.turn(at).map_or(0, |turn| turn + 1);
        let hand_over = self.boundary(turn);
        if self.restrictions.is_empty() {
            return hand_over;
        }
        let zone = self.time_zone.zone();
        let now = civil::instant(at)?;
        let today = zone.to_datetime(now).date();
        let days = [Some(today), today.tomorrow().ok()];
        let times = self.restrictions.iter().flat_map(|restriction| [restriction.start_time, restriction.end_time]);
        let times: Vec<TimeOfDay> = times.chain([midnight()]).collect();
        let local = |date: Date| times.iter().filter_map(move |time| wall(date, *time)).collect::<Vec<_>>();
        let walls = days.into_iter().flatten().flat_map(local);
        let change = zone.following(now).next().map(|change| change.timestamp());
        let edges = walls.flat_map(|wall| civil::instants(&zone, wall)).chain(change).map(civil::timestamp);
        edges.chain(hand_over).filter(|edge| *edge > at).min()
    }

    /// How many hand-overs there were up to `at`; `None` before the first turn.
    fn turn(&self, at: Timestamp) -> Option<i64> {
        let zone = self.time_zone.zone();
        let local = zone.to_datetime(civil::instant(at)?);
        let begun = wall(self.start.0, self.hand_over)?;
        let mut turn = local.duration_since(begun).as_secs().div_euclid(self.length());
        // The wall clock may show an earlier time than it has shown before.
        while self.boundary(turn + 1).is_some_and(|next| next <= at) {
            turn += 1;
        }
        while turn >= 0 && self.boundary(turn).is_some_and(|begin| begin > at) {
            turn -= 1;
        }
        Some(turn).filter(|turn| *turn >= 0)
    }

    /// When the turn of this number begins.
    fn boundary(&self, turn: i64) -> Option<Timestamp> {
        let length = Difference::new().try_seconds(turn.checked_mul(self.length())?).ok()?;
        let local = wall(self.start.0, self.hand_over)?.checked_add(length).ok()?;
        civil::first(&self.time_zone.zone(), local)
    }

    /// Seconds.
    fn length(&self) -> i64 {
        i64::try_from(self.shift_length.max(SHORTEST_SHIFT).duration().as_secs()).unwrap_or(i64::MAX)
    }
}

impl Restriction {
    fn holds(&self, local: DateTime) -> bool {
        let time = TimeOfDay::of(local.time());
        let on =
            |date: Date| self.weekdays.is_empty() || self.weekdays.iter().any(|days| days.contains(date.weekday()));
        if self.start_time < self.end_time {
            return on(local.date()) && self.start_time <= time && time < self.end_time;
        }
        let evening = on(local.date()) && self.start_time <= time;
        evening || local.date().yesterday().is_ok_and(|yesterday| on(yesterday) && time < self.end_time)
    }
}

/// A day's time; 24:00 is the next day's midnight.
fn wall(date: Date, time: TimeOfDay) -> Option<DateTime> {
    match time.time() {
        Some(time) => Some(date.to_datetime(time)),
        None => Some(date.tomorrow().ok()?.at(0, 0, 0, 0)),
    }
}
