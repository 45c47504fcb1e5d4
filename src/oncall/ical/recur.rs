//! Recurrence, on the wall clock of the event: the rule crate counts as if in UTC, and each start is put on the real
//! clock afterwards. So zones it does not know, and nights when clocks change, are no trouble.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp as Instant};
use rrule::RRuleSet;

use super::time::Moment;
use crate::core::time::Timestamp;

/// Every hour for five years; a rule that gives more before the range is no shift.
const STEPS: usize = 44_000;

pub(super) struct Rule {
    set: RRuleSet,
    /// Without COUNT and UNTIL.
    endless: bool,
}

impl Rule {
    pub fn of(text: &str, start: &Moment) -> Result<Self, String> {
        // All of RFC 5545's is ASCII; the rule crate takes texts apart as if they were.
        if !text.is_ascii() {
            return Err("its RRULE cannot be read".to_owned());
        }
        let parts: Result<Vec<String>, String> = text
            .trim()
            .trim_end_matches(';')
            .split(';')
            .map(|part| {
                let (name, value) = part.split_once('=').ok_or("its RRULE cannot be read")?;
                let name = name.trim().to_ascii_uppercase();
                let value = if name == "UNTIL" { until(value, start)? } else { value.trim().to_owned() };
                Ok(format!("{name}={value}"))
            })
            .collect();
        let parts = parts?;
        let endless = !parts.iter().any(|part| part.starts_with("COUNT=") || part.starts_with("UNTIL="));
        let begun = start.local.strftime("%Y%m%dT%H%M%SZ");
        let set: RRuleSet = format!("DTSTART:{begun}\nRRULE:{}", parts.join(";"))
            .parse()
            .map_err(|error: rrule::RRuleError| format!("its RRULE cannot be used: {error}"))?;
        Ok(Self { set: set.limit(), endless })
    }

    /// Every start on the wall clock of `zone` before `to`.
    ///
    /// # Errors
    /// There are more than can be counted, or it never gives any more.
    pub fn starts(&self, to: Timestamp, zone: &TimeZone) -> Result<Vec<DateTime>, String> {
        let end = Instant::from_millisecond(to.as_millis()).map_err(|error| error.to_string())?;
        let end = zone.to_datetime(end);
        let mut starts = Vec::new();
        for (nth, start) in self.set.into_iter().enumerate() {
            if nth == STEPS {
                return Err(format!("its RRULE recurs more than {STEPS} times before now; let it begin later"));
            }
            let start = Instant::from_second(start.timestamp()).map_err(|error| error.to_string())?;
            let start = TimeZone::UTC.to_datetime(start);
            if start > end {
                return Ok(starts);
            }
            starts.push(start);
        }
        // The rule crate gives up silently on what it cannot find.
        if self.endless { Err("its RRULE never comes again".to_owned()) } else { Ok(starts) }
    }
}

/// UNTIL as a wall-clock time of the event: it may be a date, a time in UTC, or (of old exporters) a time without a zone.
fn until(text: &str, start: &Moment) -> Result<String, String> {
    let text = text.trim();
    let wrong = || "its UNTIL cannot be read".to_owned();
    let local = if let Ok(day) = jiff::civil::Date::strptime("%Y%m%d", text) {
        day.at(23, 59, 59, 0)
    } else if let Some(utc) = text.strip_suffix(['Z', 'z']) {
        let utc = DateTime::strptime("%Y%m%dT%H%M%S", utc).map_err(|_| wrong())?;
        let at = utc.to_zoned(TimeZone::UTC).map_err(|_| wrong())?.timestamp();
        start.zone.to_datetime(at)
    } else {
        DateTime::strptime("%Y%m%dT%H%M%S", text).map_err(|_| wrong())?
    };
    Ok(local.strftime("%Y%m%dT%H%M%SZ").to_string())
}

/// When a wall-clock time is: the first time it exists, or when clocks skip it.
pub(super) fn instant(zone: &TimeZone, local: DateTime) -> Option<Timestamp> {
    let at = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(local).ok()?
        }
        AmbiguousOffset::Gap { before, .. } => {
            let unchanged = before.to_timestamp(local).ok()?.checked_add(Span::new().seconds(1)).ok()?;
            zone.preceding(unchanged).next()?.timestamp()
        }
    };
    Some(Timestamp::from_millis(at.as_millisecond()))
}
