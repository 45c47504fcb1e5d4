//! Dates, times, durations and zones as calendars write them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use icalendar::parser::Property;
use jiff::Span;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::parameter;
use super::recur::instant;
use super::windows::ZONES;
use crate::core::time::Timestamp;

/// The zones a calendar names; those nobody knows are remembered.
pub(super) struct Zones {
    default: TimeZone,
    /// Those that the calendar itself describes.
    described: BTreeMap<String, TimeZone>,
    unknown: RefCell<BTreeSet<String>>,
}

impl Zones {
    pub fn new(default: TimeZone, described: BTreeMap<String, TimeZone>) -> Self {
        Self { default, described, unknown: RefCell::default() }
    }

    fn named(&self, name: Option<&str>) -> TimeZone {
        let Some(name) = name else { return self.default.clone() };
        zone(name).or_else(|| self.described.get(name.trim()).cloned()).unwrap_or_else(|| {
            self.unknown.borrow_mut().insert(name.chars().take(60).collect());
            self.default.clone()
        })
    }

    pub fn unknown(self) -> BTreeSet<String> {
        self.unknown.into_inner()
    }
}

/// A zone by its IANA name, by Windows' name, or at the end of a path (`/example.org/Europe/Berlin`).
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    let name = name.trim().trim_matches('"');
    let windows = ZONES.iter().find(|(windows, _)| windows.eq_ignore_ascii_case(name)).map(|(_, iana)| *iana);
    let path: Vec<&str> = name.rsplitn(3, '/').take(2).collect();
    let end = if let [city, region] = path.as_slice() { format!("{region}/{city}") } else { name.to_owned() };
    [windows.unwrap_or(name), &end].iter().find_map(|name| TimeZone::get(name).ok())
}

/// A date or a time, with the zone it is in.
pub(super) struct Moment {
    pub local: DateTime,
    pub zone: TimeZone,
    pub whole_day: bool,
}

impl Moment {
    pub fn of(property: &Property, zones: &Zones) -> Result<Self, String> {
        Self::read(property.val.as_str(), property, zones)
    }

    /// The moments of a list; of a period only its beginning.
    pub fn list(property: &Property, zones: &Zones) -> Result<Vec<Self>, String> {
        let values = property.val.as_str().split(',').map(|value| value.split('/').next().unwrap_or(value));
        values.filter(|value| !value.trim().is_empty()).map(|value| Self::read(value, property, zones)).collect()
    }

    fn read(text: &str, property: &Property, zones: &Zones) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || format!("its {} cannot be read", property.name.as_str());
        let named = parameter(property, "TZID");
        if let Ok(date) = Date::strptime("%Y%m%d", text) {
            return Ok(Self { local: date.at(0, 0, 0, 0), zone: zones.named(named), whole_day: true });
        }
        let (text, zone) = match text.strip_suffix(['Z', 'z']) {
            Some(text) => (text, TimeZone::UTC),
            None => (text, zones.named(named)),
        };
        let local = DateTime::strptime("%Y%m%dT%H%M%S", text).or_else(|_| DateTime::strptime("%Y%m%dT%H%M", text));
        Ok(Self { local: local.map_err(|_| wrong())?, zone, whole_day: false })
    }

    pub fn instant(&self) -> Result<Timestamp, String> {
        instant(&self.zone, self.local).ok_or_else(|| "a time of it lies outside the calendar".to_owned())
    }

    /// The same moment on the wall clock of `zone`. A whole day is the same day everywhere.
    pub fn on(&self, zone: &TimeZone) -> Result<DateTime, String> {
        if self.whole_day || self.zone == *zone {
            return Ok(self.local);
        }
        let at = jiff::Timestamp::from_millisecond(self.instant()?.as_millis()).map_err(|error| error.to_string())?;
        Ok(zone.to_datetime(at))
    }
}

/// `P1W`, `P1DT12H`, `PT8H`; days are days of the wall clock.
pub(super) fn duration(text: &str) -> Option<Span> {
    let text = text.trim().trim_start_matches('+').strip_prefix('P')?;
    let (days, times) = text.split_once('T').unwrap_or((text, ""));
    let mut span = Span::new();
    for (part, units) in [(days, "WD"), (times, "HMS")] {
        let mut rest = part;
        while let Some(at) = rest.find(|c: char| units.contains(c)) {
            let count: i64 = rest[..at].parse().ok().filter(|count| (0..100_000).contains(count))?;
            span = match &rest[at..=at] {
                "W" => span.try_weeks(count),
                "D" => span.try_days(count),
                "H" => span.try_hours(count),
                "M" => span.try_minutes(count),
                _ => span.try_seconds(count),
            }
            .ok()?;
            rest = &rest[at + 1..];
        }
        if !rest.is_empty() {
            return None;
        }
    }
    Some(span)
}
