//! Calendars (RFC 5545) as real exporters write them: one event that cannot be read does not hide the others.

mod event;
mod recur;
#[cfg(test)]
mod tests;
mod time;
mod vtimezone;
mod windows;

use std::collections::{BTreeMap, BTreeSet};

use icalendar::parser::{Component, unfold};
use jiff::tz::TimeZone;

use event::{Changed, Event, Instance};
use time::Zones;

use super::{FetchError, Read};
use crate::core::oncall::Entry;
use crate::core::time::Timestamp;

/// More is no calendar of shifts.
const EVENTS: usize = 20_000;
const SKIPPED: usize = 20;

/// What a calendar plans: a release, a maintenance, a listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Planned {
    pub from: Timestamp,
    pub to: Timestamp,
    /// At most 60 characters.
    pub summary: String,
}

/// The shifts of a calendar that touch `[from, to)`, earliest first.
///
/// # Errors
/// The text is no calendar.
pub fn read(text: &str, from: Timestamp, to: Timestamp) -> Result<Read, FetchError> {
    let (mut calendar, mut entries) = (Calendar::parse(text)?, BTreeSet::new());
    calendar.each(from, to, |event, begin, end| {
        if event.people.is_empty() {
            return Err("it names nobody".to_owned());
        }
        entries.extend(event.people.iter().map(|person| (begin, end, person.clone())));
        Ok(())
    });
    let entries = entries.into_iter().map(|(from, to, person)| Entry { person, from, to }).collect();
    Ok(Read { entries, skipped: calendar.skipped() })
}

/// Everything in a calendar that touches `[from, to)`, earliest first, whoever it names.
///
/// # Errors
/// The text is no calendar.
pub fn planned(text: &str, from: Timestamp, to: Timestamp) -> Result<Vec<Planned>, FetchError> {
    let (mut calendar, mut all) = (Calendar::parse(text)?, BTreeSet::new());
    calendar.each(from, to, |event, from, to| {
        all.insert(Planned { from, to, summary: event.summary.clone() });
        Ok(())
    });
    Ok(all.into_iter().collect())
}

/// The events of a text, and what of it cannot be used.
struct Calendar {
    events: Vec<Event>,
    zones: Zones,
    skipped: Vec<String>,
}

impl Calendar {
    fn parse(text: &str) -> Result<Self, FetchError> {
        let text = unfold(&text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n"));
        if !text.lines().any(|line| line.trim().eq_ignore_ascii_case("BEGIN:VCALENDAR")) {
            return Err(FetchError::Malformed("it does not begin with BEGIN:VCALENDAR".to_owned()));
        }
        let zones = Zones::new(default_zone(&text), vtimezone::zones(&text));
        let (mut events, mut skipped) = (Vec::new(), Vec::new());
        for block in blocks(&text).take(EVENTS) {
            match Component::try_from(block.as_str())
                .map_err(|_| "it cannot be parsed".to_owned())
                .and_then(|c| Event::of(&c, &zones))
            {
                Ok(event) => events.push(event),
                Err(why) => skipped.push(format!("{}: {why}", summary_of(&block))),
            }
        }
        Ok(Self { events, zones, skipped })
    }

    /// Takes each instance that touches `[from, to)`; an event that `take` refuses is skipped.
    fn each(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        mut take: impl FnMut(&Event, Timestamp, Timestamp) -> Result<(), String>,
    ) {
        let changed = changed(&self.events);
        for event in &self.events {
            let instances = event.instances(from, to, changed.get(event.uid.as_str()));
            let mut each = |Instance { event, from, to }: Instance| take(event, from, to);
            let taken = instances.and_then(|instances| instances.into_iter().try_for_each(&mut each));
            if let Err(why) = taken {
                self.skipped.push(format!("{}: {why}", event.summary));
            }
        }
    }

    fn skipped(mut self) -> Vec<String> {
        let unknown = self.zones.unknown().into_iter();
        self.skipped.extend(unknown.map(|zone| format!("the time zone `{zone}` is not known; read as the calendar's")));
        self.skipped.truncate(SKIPPED);
        self.skipped
    }
}

/// What of recurring events has been moved, changed or cancelled one by one, by UID.
fn changed(events: &[Event]) -> BTreeMap<&str, Changed<'_>> {
    let mut changed: BTreeMap<&str, Changed> = BTreeMap::new();
    for event in events {
        let Some(instance) = &event.instance_of else { continue };
        let of = changed.entry(&event.uid).or_default();
        of.replaced.insert(instance.at);
        if instance.and_later {
            of.later.insert(instance.at, event);
        }
    }
    changed
}

/// `X-WR-TIMEZONE`, in which times without a zone are meant.
fn default_zone(text: &str) -> TimeZone {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("X-WR-TIMEZONE"));
    let name = line.and_then(|line| line.split_once(':')).map(|(_, name)| name);
    name.and_then(time::zone).unwrap_or(TimeZone::UTC)
}

/// The text of each event; what stands inside one (alarms) comes along.
fn blocks(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut lines = text.lines().map(str::trim_end);
    std::iter::from_fn(move || {
        lines.find(|line| line.trim().eq_ignore_ascii_case("BEGIN:VEVENT"))?;
        let mut block = "BEGIN:VEVENT\n".to_owned();
        let mut inside = false;
        for line in lines.by_ref() {
            let word = line.trim().to_ascii_uppercase();
            match word.as_str() {
                "END:VEVENT" => break,
                // Alarms and the like say nothing about shifts, and some are written badly.
                _ if word.starts_with("BEGIN:") => inside = true,
                _ if word.starts_with("END:") => inside = false,
                _ if inside || !line.contains(':') => {}
                _ => {
                    block.push_str(line);
                    block.push('\n');
                }
            }
        }
        block.push_str("END:VEVENT\n");
        Some(block)
    })
}

fn summary_of(block: &str) -> String {
    let line = block.lines().find(|line| line.starts_with("SUMMARY")).and_then(|line| line.split_once(':'));
    let text = line.map_or("an event", |(_, text)| text);
    text.chars().take(60).collect()
}

/// The property of that name.
fn property<'a>(component: &'a Component<'a>, name: &str) -> Option<&'a icalendar::parser::Property<'a>> {
    component.properties.iter().find(|property| property.name.as_str().eq_ignore_ascii_case(name))
}

fn parameter<'a>(property: &'a icalendar::parser::Property<'a>, name: &str) -> Option<&'a str> {
    let found = property.params.iter().find(|parameter| parameter.key.as_str().eq_ignore_ascii_case(name))?;
    found.val.as_ref().map(|value| value.as_str().trim_matches('"'))
}
