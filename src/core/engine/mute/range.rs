//! The parts of a time interval, each written as one short text: `monday:friday`, `-3:-1`, `09:30`, `Europe/Berlin`.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use crate::core::time::Timestamp;

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// What was written where a part of a time interval belongs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}; write it like {example}")]
pub struct InvalidRange {
    text: String,
    what: &'static str,
    example: &'static str,
}

/// Serde and JSON Schema for a type that is one text in configuration.
macro_rules! text {
    ($name:ident, $what:literal, $example:literal) => {
        impl $name {
            fn invalid(text: &str) -> InvalidRange {
                InvalidRange { text: text.to_owned(), what: $what, example: $example }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidRange;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "examples": [$example] })
            }
        }
    };
}

/// `first:last` or one alone, both ends included.
macro_rules! range {
    ($(#[$doc:meta])* $name:ident, $what:literal, $example:literal, $read:expr, $write:expr, $ordered:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name {
            first: i16,
            last: i16,
        }

        text!($name, $what, $example);

        impl FromStr for $name {
            type Err = InvalidRange;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let (first, last) = text.split_once(':').unwrap_or((text, text));
                let read = |part: &str| ($read)(part.trim().to_ascii_lowercase().as_str()).ok_or_else(|| Self::invalid(text));
                let (first, last): (i16, i16) = (read(first)?, read(last)?);
                if ($ordered)(first, last) { Ok(Self { first, last }) } else { Err(Self::invalid(text)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&($write)(self.first))?;
                if self.first != self.last { write!(f, ":{}", ($write)(self.last)) } else { Ok(()) }
            }
        }
    };
}

/// Place in a list of names, counted from one.
fn place(names: &[&str], text: &str) -> Option<i16> {
    let index = names.iter().position(|name| *name == text)?;
    i16::try_from(index + 1).ok()
}

fn name(names: &[&str], place: i16) -> String {
    let index = usize::try_from(place - 1).unwrap_or(usize::MAX);
    names.get(index).map_or_else(|| place.to_string(), |name| (*name).to_owned())
}

fn within(text: &str, least: i16, most: i16) -> Option<i16> {
    text.parse().ok().filter(|number| (least..=most).contains(number))
}

range!(
    /// Days of the week, Monday first.
    WeekdayRange, "a range of weekdays within one week", "monday:friday",
    |text: &str| place(&WEEKDAYS, text), |day| name(&WEEKDAYS, day), |first, last| first <= last
);
range!(
    /// Days of the month; negative ones count from its end (-1 is the last day).
    DayRange, "a range of days of the month", "1:5 or -3:-1",
    |text: &str| within(text, -31, 31).filter(|day| *day != 0), |day: i16| day.to_string(),
    |first: i16, last: i16| (first < 0 && last > 0) || (first > 0 && last < 0) || first <= last
);
range!(
    /// Months by name or number.
    MonthRange, "a range of months within one year", "january:march or 1:3",
    |text: &str| place(&MONTHS, text).or_else(|| within(text, 1, 12)), |month| name(&MONTHS, month),
    |first, last| first <= last
);
range!(
    /// Years, four digits.
    YearRange, "a range of years", "2026:2028",
    |text: &str| within(text, 1970, 9999), |year: i16| year.to_string(), |first, last| first <= last
);

impl WeekdayRange {
    #[must_use]
    pub fn contains(self, day: Weekday) -> bool {
        (self.first..=self.last).contains(&i16::from(day.to_monday_one_offset()))
    }
}

impl DayRange {
    #[must_use]
    pub fn contains(self, day: i8, days_in_month: i8) -> bool {
        let from_start = |day: i16| if day < 0 { i16::from(days_in_month) + 1 + day } else { day };
        (from_start(self.first)..=from_start(self.last)).contains(&i16::from(day))
    }
}

impl MonthRange {
    #[must_use]
    pub fn contains(self, month: i8) -> bool {
        (self.first..=self.last).contains(&i16::from(month))
    }
}

impl YearRange {
    #[must_use]
    pub fn contains(self, year: i16) -> bool {
        (self.first..=self.last).contains(&year)
    }
}

/// Minutes since midnight, `00:00` to `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(i16);

text!(TimeOfDay, "a time of day", "09:30 or 24:00");

impl TimeOfDay {
    #[must_use]
    pub fn of(time: Time) -> Self {
        Self(i16::from(time.hour()) * 60 + i16::from(time.minute()))
    }

    /// Of the day; more than 24 hours are 24:00.
    #[must_use]
    pub const fn from_minutes(minutes: i16) -> Self {
        Self(if minutes > 24 * 60 { 24 * 60 } else { minutes })
    }

    /// `None` for 24:00, which is the next day's midnight.
    pub(in crate::core) fn time(self) -> Option<Time> {
        Time::new(i8::try_from(self.0 / 60).ok()?, i8::try_from(self.0 % 60).ok()?, 0, 0).ok()
    }
}

impl FromStr for TimeOfDay {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (hours, minutes) = text.split_once(':')?;
            let (hours, minutes) = (within(hours, 0, 24)?, within(minutes, 0, 59)?);
            Some(hours * 60 + minutes).filter(|total| *total <= 24 * 60 && text.len() == 5)
        };
        read().map(Self).ok_or_else(|| Self::invalid(text))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A time zone by its IANA name; UTC by default.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Location(TimeZone);

text!(Location, "a time zone", "Europe/Berlin or UTC");

impl Location {
    pub(in crate::core) fn zone(&self) -> TimeZone {
        self.0.clone()
    }

    /// `Mon 30 Nov 09:00`, for places that do not put times into the reader's zone.
    #[must_use]
    pub fn shown(&self, at: Timestamp) -> String {
        let local = jiff::Timestamp::from_millisecond(at.as_millis()).map(|at| self.0.to_datetime(at));
        local.map_or_else(|_| at.to_string(), |local| local.strftime("%a %-d %b %H:%M").to_string())
    }
}

impl Default for Location {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl FromStr for Location {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        TimeZone::get(text).map(Self).map_err(|_| Self::invalid(text))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}
