//! Times as people write them: `tomorrow 9:00`, `sat`, `in 2h`, `2026-12-01 18:30`, `2026-12-01T18:30Z`.

use std::time::Duration;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use crate::core::civil;
use crate::core::engine::mute::Location;
use crate::core::time::{Span, Timestamp};

/// A moment, or a whole day on somebody's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    At(Timestamp),
    /// Up to, not including, `to`.
    Day {
        from: Timestamp,
        to: Timestamp,
    },
}

impl When {
    #[must_use]
    pub const fn from(self) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Day { from, .. } => from,
        }
    }

    const fn to(self) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Day { to, .. } => to,
        }
    }
}

/// How to write a time, for whoever wrote none.
pub const EXAMPLES: &str = "`now`, `in 2h`, `18:00`, `tomorrow 9:00`, `sat`, `2026-12-01 18:30`";

/// Reads a time on the clock of `zone`. A time of day without a day is the next one after `now`; a weekday is the next
/// day of that name, today included.
#[must_use]
pub fn read(text: &str, zone: &Location, now: Timestamp) -> Option<When> {
    let text = text.trim().to_lowercase();
    if let Ok(exact) = text.to_uppercase().parse::<jiff::Timestamp>() {
        return Some(When::At(civil::timestamp(exact)));
    }
    let zone = zone.zone();
    let today = zone.to_datetime(civil::instant(now)?).date();
    let words: Vec<&str> = text.split([' ', 't']).filter(|word| !word.is_empty()).collect();
    // The `T` of an ISO date parts words only there: `tomorrow` and `sat` keep theirs.
    let words = if words.first().is_some_and(|word| word.parse::<Date>().is_ok()) {
        words
    } else {
        text.split_whitespace().collect()
    };
    let words: Vec<&str> = words.into_iter().filter(|word| !matches!(*word, "at" | "on" | "@")).collect();
    match words.as_slice() {
        ["now"] => Some(When::At(now)),
        ["in", length] => Some(When::At(now.plus(ahead(length)?))),
        ["today"] => day(&zone, today),
        ["yesterday"] => day(&zone, today.yesterday().ok()?),
        ["yesterday", time] => on(&zone, today.yesterday().ok()?, time),
        ["tonight"] => on(&zone, today, "20:00"),
        [word] if word.starts_with('+') => Some(When::At(now.plus(ahead(&word[1..])?))),
        [word] => match date(word, today) {
            Some(date) => day(&zone, date),
            None => next(&zone, today, clock(word).filter(|_| !word.chars().all(|c| c.is_ascii_digit()))?, now),
        },
        ["next", weekday] => day(&zone, date(weekday, today.tomorrow().ok()?)?),
        ["today", time] => on(&zone, today, time),
        ["next", weekday, time] => on(&zone, date(weekday, today.tomorrow().ok()?)?, time),
        [word, time] => {
            let date = date(word, today)?;
            let when = on(&zone, date, time)?;
            // What is over today of a weekday is next week's.
            let over = word.starts_with(|c: char| c.is_ascii_alphabetic()) && when.from() <= now;
            if over { on(&zone, date.checked_add(jiff::Span::new().days(7)).ok()?, time) } else { Some(when) }
        }
        _ => None,
    }
}

/// Reads `<from> <to>`, with or without `to`, `until` or `-` between them, or `<from> for 4h`. A day as the end is
/// included.
#[must_use]
pub fn read_range(text: &str, zone: &Location, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let range = |from: &[&str], to: &[&str]| {
        let from = read(&from.join(" "), zone, now)?.from();
        let to = match to {
            ["for", length] => from.plus(ahead(length)?),
            to => read(&to.join(" "), zone, from)?.to(),
        };
        (to > from).then_some((from, to))
    };
    (1..words.len()).rev().find_map(|at| match words.get(at) {
        Some(&"to" | &"until" | &"till" | &"-" | &"–") => range(&words[..at], &words[at + 1..]),
        _ => range(&words[..at], &words[at..]),
    })
}

/// Nobody plans further ahead.
fn ahead(length: &str) -> Option<Duration> {
    length.parse::<Span>().ok().map(Span::duration).filter(|length| *length <= Duration::from_hours(24 * 366))
}

fn date(word: &str, today: Date) -> Option<Date> {
    const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    if word == "tomorrow" {
        return today.tomorrow().ok();
    }
    let weekday = WEEKDAYS.iter().position(|day| word.len() >= 3 && day.starts_with(word));
    match weekday {
        Some(weekday) => {
            let days = std::iter::successors(Some(today), |day| day.tomorrow().ok()).take(7);
            let weekday = i8::try_from(weekday).ok()?;
            days.into_iter().find(|day| day.weekday().to_monday_zero_offset() == weekday)
        }
        None => word.parse().ok(),
    }
}

fn day(zone: &TimeZone, date: Date) -> Option<When> {
    let midnight = |date: Date| civil::first(zone, date.to_datetime(Time::midnight()));
    Some(When::Day { from: midnight(date)?, to: midnight(date.tomorrow().ok()?)? })
}

fn on(zone: &TimeZone, date: Date, time: &str) -> Option<When> {
    civil::first(zone, moment(date, clock(time)?)?).map(When::At)
}

fn next(zone: &TimeZone, today: Date, time: (i8, i8), now: Timestamp) -> Option<When> {
    let days = [today, today.tomorrow().ok()?];
    let moments = days.into_iter().filter_map(|date| civil::first(zone, moment(date, time)?));
    moments.into_iter().find(|at| *at > now).map(When::At)
}

fn moment(date: Date, (hour, minute): (i8, i8)) -> Option<DateTime> {
    match hour {
        24 => Some(date.tomorrow().ok()?.at(0, 0, 0, 0)),
        hour => Some(date.to_datetime(Time::new(hour, minute, 0, 0).ok()?)),
    }
}

/// `9`, `9:00`, `09:00:00`, `9am`, `noon`: hour and minute, up to 24:00.
fn clock(text: &str) -> Option<(i8, i8)> {
    match text {
        "noon" => return Some((12, 0)),
        "midnight" => return Some((0, 0)),
        _ => {}
    }
    let (text, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(text), _) => (text, Some(0)),
        (_, Some(text)) => (text, Some(12)),
        (None, None) => (text, None),
    };
    let mut parts = text.split(':');
    let hour: i8 = parts.next().filter(|part| (1..=2).contains(&part.len()))?.parse().ok()?;
    let minute: i8 = match parts.next() {
        Some(part) if part.len() == 2 => part.parse().ok()?,
        Some(_) => return None,
        None => 0,
    };
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    let sound = (0..24).contains(&hour) && (0..60).contains(&minute) || (hour, minute) == (24, 0);
    sound.then_some((hour, minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        civil::timestamp(text.parse().unwrap())
    }

    /// Sunday, 29 November 2026, 13:00 in Berlin.
    fn said(text: &str) -> Option<String> {
        let zone: Location = "Europe/Berlin".parse().unwrap();
        let short = |at: Timestamp| at.to_string().replace(":00.000Z", "");
        read(text, &zone, at("2026-11-29T12:00:00Z")).map(|when| match when {
            When::At(at) => short(at),
            When::Day { from, to } => format!("{} .. {}", short(from), short(to)),
        })
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, expected) in [
            ("now", "2026-11-29T12:00"),
            ("in 2h", "2026-11-29T14:00"),
            ("+90m", "2026-11-29T13:30"),
            ("18:00", "2026-11-29T17:00"),
            ("9am", "2026-11-30T08:00"),
            ("at 12:30", "2026-11-30T11:30"),
            ("noon", "2026-11-30T11:00"),
            ("Tomorrow 9:00", "2026-11-30T08:00"),
            ("tomorrow at 9", "2026-11-30T08:00"),
            ("tonight", "2026-11-29T19:00"),
            ("today 24:00", "2026-11-29T23:00"),
            ("sat 10:00", "2026-12-05T09:00"),
            ("sun 9:00", "2026-12-06T08:00"),
            ("sun 14:00", "2026-11-29T13:00"),
            ("saturday 10pm", "2026-12-05T21:00"),
            ("2026-12-01 18:30", "2026-12-01T17:30"),
            ("2026-12-01T18:30", "2026-12-01T17:30"),
            ("2026-12-01T18:30Z", "2026-12-01T18:30"),
            ("2026-07-01t18:30:00+05:30", "2026-07-01T13:00"),
            ("sat", "2026-12-04T23:00 .. 2026-12-05T23:00"),
            ("sun", "2026-11-28T23:00 .. 2026-11-29T23:00"),
            ("next sun", "2026-12-05T23:00 .. 2026-12-06T23:00"),
            ("tomorrow", "2026-11-29T23:00 .. 2026-11-30T23:00"),
            ("yesterday", "2026-11-27T23:00 .. 2026-11-28T23:00"),
            ("yesterday at 14:00", "2026-11-28T13:00"),
            ("2027-03-28", "2027-03-27T23:00 .. 2027-03-28T22:00"),
        ] {
            assert_eq!(said(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in
            ["", "soon", "9", "25:00", "13pm", "sat 9:00 10:00", "2026-13-01", "in", "in 9999w", "primary", "9:5"]
        {
            assert_eq!(said(text), None, "{text}");
        }
    }

    #[test]
    fn a_range_ends_after_it_begins_and_includes_its_last_day() {
        let zone: Location = "Europe/Berlin".parse().unwrap();
        for (text, expected) in [
            ("sat 10:00 sun 10:00", Some(("2026-12-05T09:00:00Z", "2026-12-06T09:00:00Z"))),
            ("sat 10:00 to 18:00", Some(("2026-12-05T09:00:00Z", "2026-12-05T17:00:00Z"))),
            ("tomorrow 22:00 6:00", Some(("2026-11-30T21:00:00Z", "2026-12-01T05:00:00Z"))),
            ("now for 4h", Some(("2026-11-29T12:00:00Z", "2026-11-29T16:00:00Z"))),
            ("sat sun", Some(("2026-12-04T23:00:00Z", "2026-12-06T23:00:00Z"))),
            ("fri 18:00 - mon 9:00", Some(("2026-12-04T17:00:00Z", "2026-12-07T08:00:00Z"))),
            ("2026-12-24 2026-12-26", Some(("2026-12-23T23:00:00Z", "2026-12-26T23:00:00Z"))),
            ("2026-12-24 2026-12-20", None),
            ("sat", None),
            ("", None),
        ] {
            let expected = expected.map(|(from, to)| (at(from), at(to)));
            assert_eq!(read_range(text, &zone, at("2026-11-29T12:00:00Z")), expected, "{text}");
        }
    }
}
