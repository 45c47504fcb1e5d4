//! Cron expressions with a time zone: `0 9 * * MON-FRI Europe/Berlin`. The `cron` crate reads the fields; which instant a
//! wall-clock time is, in a zone that changes its clocks, is worked out here.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use cron::{Schedule, TimeUnitSpec};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp as Instant};
use serde::{Deserialize, Serialize};

use super::civil;
use super::time::Timestamp;

/// Five fields (minute, hour, day of the month, month, day of the week) or six (seconds first), then optionally a zone of
/// the tz database (UTC when it is left out). As in crontab(5): days of the week are names or 0 to 7 with Sunday 0 and 7,
/// and when both days are restricted either is enough.
///
/// When clocks change: a time that does not exist runs at the next instant that does; a time that exists twice runs the
/// first time, unless the hour is `*`: what runs every hour, or every five minutes, goes on through both.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cron(Arc<Parsed>);

struct Parsed {
    text: String,
    zone: TimeZone,
    /// Every field but the day of the week, which the crate counts from Sunday = 1.
    fields: Schedule,
    /// From Sunday on.
    weekdays: [bool; 7],
    /// Both days are restricted: one that matches is enough.
    either_day: bool,
}

/// Why an expression could not be read; each says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCron {
    #[error(
        "`{0}` is not a cron expression; write five fields (minute hour day month weekday), or six with seconds first, \
         and then a time zone unless it is UTC, e.g. `0 9 * * MON-FRI Europe/Berlin`"
    )]
    Shape(String),
    #[error("`{0}` is not a time zone of the tz database; write it like Europe/Berlin")]
    Zone(String),
    #[error("`{text}` is not a cron {field}; write {expected}, ranges (a-b), steps (*/n), or several joined by commas")]
    Field { field: &'static str, text: String, expected: &'static str },
    #[error("`{0}` names a date that never comes")]
    Never(String),
}

/// Leap years are at most eight years apart (1896 to 1904, 2096 to 2104).
const HORIZON_DAYS: u16 = 8 * 366 + 2;

const FIELDS: [(&str, &str); 6] = [
    ("second", "0 to 59"),
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day of the week", "SUN to SAT, or 0 to 7 with Sunday 0 and 7"),
];

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

impl Cron {
    /// The first instant after `after` at which it runs; `None` past the end of time.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        self.0.next_after(civil::instant(after)?).map(civil::timestamp)
    }
}

impl Parsed {
    fn next_after(&self, after: Instant) -> Option<Instant> {
        let hourly = self.fields.hours().is_all();
        let mut local = self.zone.to_datetime(after);
        // Later wall-clock times are later instants, so the first that lies ahead is the next. Only in the second of two
        // equal hours are there any that do not.
        let next = loop {
            local = self.next_local(local, 1)?;
            let instants = civil::instants(&self.zone, local);
            if let Some(at) = instants.into_iter().take(if hourly { 2 } else { 1 }).find(|at| *at > after) {
                break at;
            }
        };
        let turned_back = self.zone.following(after).next().filter(|turn| hourly && turn.timestamp() <= next);
        let Some(turn) = turned_back else { return Some(next) };
        let again = self.next_local(turn.offset().to_datetime(turn.timestamp()), 0)?;
        turn.offset().to_timestamp(again).ok().map(|again| again.min(next))
    }

    /// The first wall-clock time that matches, at `from` plus `seconds` or later.
    fn next_local(&self, from: DateTime, seconds: i64) -> Option<DateTime> {
        let from = from.with().subsec_nanosecond(0).build().ok()?.checked_add(Span::new().seconds(seconds)).ok()?;
        if self.on(from.date())
            && let Some(time) = self.time([from.hour(), from.minute(), from.second()])
        {
            return Some(at(from.date(), time));
        }
        let mut date = from.date();
        for _ in 0..HORIZON_DAYS {
            date = date.tomorrow().ok()?;
            if self.on(date) {
                return self.time([0, 0, 0]).map(|time| at(date, time));
            }
        }
        None
    }

    fn on(&self, date: Date) -> bool {
        let weekday = usize::try_from(date.weekday().to_sunday_zero_offset()).unwrap_or(0);
        let weekday = self.weekdays[weekday % 7];
        let day = self.fields.days_of_month().includes(ordinal(date.day()));
        let either = if self.either_day { day || weekday } else { day && weekday };
        either && self.fields.months().includes(ordinal(date.month()))
    }

    /// Hour, minute and second: the first of the day that match, `from` or later.
    fn time(&self, from: [i8; 3]) -> Option<[i8; 3]> {
        let [from_hour, from_minute, from_second] = from.map(ordinal);
        for hour in self.fields.hours().range(from_hour..) {
            let first = if hour == from_hour { from_minute } else { 0 };
            for minute in self.fields.minutes().range(first..) {
                let first = if (hour, minute) == (from_hour, from_minute) { from_second } else { 0 };
                if let Some(second) = self.fields.seconds().range(first..).next() {
                    return Some([hour, minute, second].map(|part| i8::try_from(part).unwrap_or(0)));
                }
            }
        }
        None
    }
}

fn at(date: Date, [hour, minute, second]: [i8; 3]) -> DateTime {
    date.at(hour, minute, second, 0)
}

fn ordinal(part: i8) -> u32 {
    u32::try_from(part).unwrap_or(0)
}

impl FromStr for Cron {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts: Vec<&str> = text.split_whitespace().collect();
        let written = parts.join(" ");
        let zone = match parts.pop_if(|last| names_zone(last)) {
            Some(name) => TimeZone::get(name).map_err(|_| InvalidCron::Zone(name.to_owned()))?,
            None => TimeZone::UTC,
        };
        if parts.len() == 5 {
            parts.insert(0, "0");
        }
        let fields = <[&str; 6]>::try_from(parts).map_err(|_| InvalidCron::Shape(written.clone()))?;
        let weekdays = weekdays(fields[5]).ok_or_else(|| wrong(5, fields[5]))?;
        for place in 0..5 {
            let mut alone = ["*"; 6];
            alone[place] = fields[place];
            Schedule::from_str(&alone.join(" ")).map_err(|_| wrong(place, fields[place]))?;
        }
        let either_day = !fields[3].starts_with(['*', '?']) && !fields[5].starts_with(['*', '?']);
        let known = Schedule::from_str(&[fields[0], fields[1], fields[2], fields[3], fields[4], "*"].join(" "))
            .map_err(|_| InvalidCron::Shape(written.clone()))?;
        let cron = Parsed { text: written.clone(), zone, fields: known, weekdays, either_day };
        // From a leap year on, so that 29 February is found.
        cron.next_local(DateTime::constant(2024, 1, 1, 0, 0, 0, 0), 0).ok_or(InvalidCron::Never(written))?;
        Ok(Self(Arc::new(cron)))
    }
}

fn wrong(place: usize, text: &str) -> InvalidCron {
    let (field, expected) = FIELDS[place];
    InvalidCron::Field { field, text: text.to_owned(), expected }
}

/// A zone begins with a letter and is no day of the week.
fn names_zone(text: &str) -> bool {
    let word: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    !word.is_empty() && weekday(&word).is_none()
}

fn weekday(text: &str) -> Option<usize> {
    let text = text.to_ascii_lowercase();
    let known = |day: &&str| text.len() >= 3 && day.starts_with(&text);
    text.parse().ok().filter(|number| *number <= 7).or_else(|| WEEKDAYS.iter().position(known))
}

fn weekdays(field: &str) -> Option<[bool; 7]> {
    let mut days = [false; 7];
    for item in field.split(',') {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<usize>().ok().filter(|step| (1..=7).contains(step))?)),
            None => (item, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (0, 6),
            Some((first, last)) => (weekday(first)?, weekday(last)?),
            None => (weekday(range)?, if step.is_some() { 6 } else { weekday(range)? }),
        };
        // Sunday closes a week as well as it opens one.
        let last = if last == 0 && first > 0 { 7 } else { last };
        if first > last {
            return None;
        }
        (first..=last).step_by(step.unwrap_or(1)).for_each(|day| days[day % 7] = true);
    }
    Some(days)
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cron({})", self.0.text)
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Cron {}

impl From<Cron> for String {
    fn from(cron: Cron) -> Self {
        cron.to_string()
    }
}

impl TryFrom<String> for Cron {
    type Error = InvalidCron;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl schemars::JsonSchema for Cron {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cron".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": r"^\s*\S+(\s+\S+){4,6}\s*$",
            "examples": ["0 9 * * MON-FRI Europe/Berlin", "*/15 * * * *"],
        })
    }
}

#[cfg(test)]
mod tests;
