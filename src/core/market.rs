//! Market hours: when a feed's market trades.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// When a market is open. Filled from the catalogue (Hermes `market_hours`), or from a weekly schedule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MarketHours {
    /// Never closes (crypto).
    #[default]
    Always,
    /// What the catalogue said when it was last read: valid until the last change it names, after which the market
    /// is taken to stay as that change left it.
    Catalogue { open: bool, next_open: Option<Timestamp>, next_close: Option<Timestamp> },
    /// A weekly schedule with holidays.
    Schedule { schedule: Schedule },
}

impl MarketHours {
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        match self {
            Self::Always => true,
            Self::Catalogue { open, next_open, next_close } => {
                let opened = next_open.filter(|at| *at <= now);
                let closed = next_close.filter(|at| *at <= now);
                if opened.is_none() && closed.is_none() { *open } else { opened > closed }
            }
            Self::Schedule { schedule } => schedule.is_open(now),
        }
    }

    /// When it next opens (if closed) or closes (if open). `None`: never, or not known.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Always => None,
            Self::Catalogue { next_open, next_close, .. } => {
                if self.is_open(now) { *next_close } else { *next_open }.filter(|at| *at > now)
            }
            Self::Schedule { schedule } => schedule.next_change(now),
        }
    }
}

/// A weekly schedule in Pyth's format `TZ;Mon,Tue,…,Sun;MMDD/…,…`, each day `O`, `C` or `hhmm-hhmm` (several joined
/// by `&`). Wall-clock times of its own time zone; a range's end is the first minute that is closed.
/// Source: Pyth developer hub, "Schedule Format".
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Schedule(Arc<Calendar>);

#[derive(Debug)]
struct Calendar {
    text: String,
    zone: TimeZone,
    /// From Monday on.
    week: [Day; 7],
    holidays: Vec<Holiday>,
}

#[derive(Debug)]
struct Holiday {
    month: i8,
    day: i8,
    hours: Day,
}

/// Minutes of the day `[from, to)`; open all day is `0..1440`, closed is none.
#[derive(Debug)]
struct Day(Vec<(i16, i16)>);

/// Why a schedule could not be read; each says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    #[error("a market schedule is `time zone;seven days;holidays`, e.g. `America/New_York;O,O,O,O,O,C,C;1225/C`")]
    Shape,
    #[error("`{0}` is not a time zone of the tz database; write it like America/New_York")]
    Zone(String),
    #[error("a market schedule has seven days from Monday on, this one has {0}")]
    Days(usize),
    #[error("`{0}` is not a day's hours; write O (open), C (closed), or hhmm-hhmm ranges joined by &")]
    Hours(String),
    #[error("`{0}` is not a holiday; write it like 1225/C or 1224/0930-1300")]
    Holiday(String),
}

const DAY_MINUTES: i16 = 24 * 60;
/// Far enough to meet every yearly holiday once.
const HORIZON_DAYS: u16 = 370;

impl Schedule {
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        instant(now).is_some_and(|now| self.0.is_open(now))
    }

    /// The next moment at which it opens or closes; `None` when that is more than a year away.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let calendar = &*self.0;
        let now = instant(now)?;
        let open = calendar.is_open(now);
        let mut date = calendar.zone.to_datetime(now).date();
        let mut transition = calendar.zone.following(now).next().map(|t| t.timestamp());
        for _ in 0..HORIZON_DAYS {
            let mut moments = calendar.boundaries(date);
            // Clocks that are put forward or back can open or close a market by themselves.
            if let Some(shift) = transition.filter(|at| calendar.zone.to_datetime(*at).date() <= date) {
                moments.push(shift);
                transition = calendar.zone.following(shift).next().map(|t| t.timestamp());
            }
            moments.sort_unstable();
            let change = moments.into_iter().find(|at| *at > now && calendar.is_open(*at) != open);
            if let Some(at) = change {
                return Some(Timestamp::from_millis(at.as_millisecond()));
            }
            date = date.tomorrow().ok()?;
        }
        None
    }
}

fn instant(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at.as_millis()).ok()
}

impl Calendar {
    fn is_open(&self, at: jiff::Timestamp) -> bool {
        let local = self.zone.to_datetime(at);
        let minute = i16::from(local.hour()) * 60 + i16::from(local.minute());
        self.day(local.date()).0.iter().any(|(from, to)| (*from..*to).contains(&minute))
    }

    fn day(&self, date: civil::Date) -> &Day {
        let holiday = self.holidays.iter().find(|h| (h.month, h.day) == (date.month(), date.day()));
        let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0) % self.week.len();
        holiday.map_or(&self.week[weekday], |h| &h.hours)
    }

    /// Every instant at which this date's wall clock shows the start or end of a range, or midnight.
    fn boundaries(&self, date: civil::Date) -> Vec<jiff::Timestamp> {
        let mut minutes: Vec<i16> = self.day(date).0.iter().flat_map(|(from, to)| [*from, *to]).collect();
        minutes.push(0);
        minutes.retain(|minute| *minute < DAY_MINUTES);
        minutes.into_iter().flat_map(|minute| self.instants(date, minute)).collect()
    }

    /// None when the clock skips that minute, two when it shows it twice.
    fn instants(&self, date: civil::Date, minute: i16) -> Vec<jiff::Timestamp> {
        let (hour, minute) = (i8::try_from(minute / 60).unwrap_or(0), i8::try_from(minute % 60).unwrap_or(0));
        let local = date.at(hour, minute, 0, 0);
        let offsets = match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => vec![offset],
            AmbiguousOffset::Gap { .. } => vec![],
            AmbiguousOffset::Fold { before, after } => vec![before, after],
        };
        offsets.into_iter().filter_map(|offset| offset.to_timestamp(local).ok()).collect()
    }
}

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.trim().split(';');
        let (Some(zone), Some(week)) = (parts.next(), parts.next()) else { return Err(InvalidSchedule::Shape) };
        let holidays = parts.next().unwrap_or("");
        if parts.next().is_some() {
            return Err(InvalidSchedule::Shape);
        }
        let zone = TimeZone::get(zone.trim()).map_err(|_| InvalidSchedule::Zone(zone.to_owned()))?;
        let days: Vec<Day> = week.split(',').map(parse_day).collect::<Result<_, _>>()?;
        let week = <[Day; 7]>::try_from(days).map_err(|days| InvalidSchedule::Days(days.len()))?;
        let holidays = holidays.split(',').map(str::trim).filter(|part| !part.is_empty());
        let holidays = holidays.map(parse_holiday).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Calendar { text: text.trim().to_owned(), zone, week, holidays })))
    }
}

fn parse_day(text: &str) -> Result<Day, InvalidSchedule> {
    let ranges = match text.trim() {
        "O" => Some(vec![(0, DAY_MINUTES)]),
        "C" => Some(Vec::new()),
        ranges => ranges.split('&').map(parse_range).collect(),
    };
    ranges.map(Day).ok_or_else(|| InvalidSchedule::Hours(text.to_owned()))
}

/// `0930-1600`; `2400` is the end of the day.
fn parse_range(text: &str) -> Option<(i16, i16)> {
    let (from, to) = text.trim().split_once('-')?;
    let (from, to) = (parse_minute(from)?, parse_minute(to)?);
    (from < to).then_some((from, to))
}

fn parse_minute(text: &str) -> Option<i16> {
    let (hour, minute) = (two_digits(text.get(..2)?)?, two_digits(text.get(2..)?)?);
    let within = (hour < 24 && minute < 60) || (hour, minute) == (24, 0);
    within.then(|| i16::from(hour) * 60 + i16::from(minute))
}

fn two_digits(text: &str) -> Option<i8> {
    (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn parse_holiday(text: &str) -> Result<Holiday, InvalidSchedule> {
    let invalid = || InvalidSchedule::Holiday(text.to_owned());
    let (date, hours) = text.split_once('/').ok_or_else(invalid)?;
    let month = date.get(..2).and_then(two_digits).ok_or_else(invalid)?;
    let day = date.get(2..).and_then(two_digits).ok_or_else(invalid)?;
    // 2024 is a leap year, so that 0229 is a date.
    civil::Date::new(2024, month, day).map_err(|_| invalid())?;
    Ok(Holiday { month, day, hours: parse_day(hours)? })
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Schedule {}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> Self {
        schedule.to_string()
    }
}

impl TryFrom<String> for Schedule {
    type Error = InvalidSchedule;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl schemars::JsonSchema for Schedule {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Schedule".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": r"^[^;]+;[^;]+(;[^;]*)?$",
            "examples": ["America/New_York;0930-1600,0930-1600,0930-1600,0930-1600,0930-1600,C,C;1225/C"],
        })
    }
}

#[cfg(test)]
mod tests;
