//! One event: when it is, when it recurs, and who it names.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use icalendar::parser::Component;
use jiff::Span;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::recur::{self, Rule};
use super::time::{Moment, Zones, duration};
use super::{parameter, property};
use crate::core::oncall::Person;
use crate::core::time::Timestamp;

pub(super) struct Event {
    pub uid: String,
    pub summary: String,
    pub people: Vec<Person>,
    /// Whose wall clock it recurs on.
    zone: TimeZone,
    start: DateTime,
    /// On the wall clock: a shift from nine to nine ends at nine also when clocks change in it.
    length: Span,
    rules: Vec<Rule>,
    added: Vec<DateTime>,
    excluded: BTreeSet<DateTime>,
    /// Whole days without an instance, whenever it would have begun.
    excluded_days: BTreeSet<Date>,
    cancelled: bool,
    pub instance_of: Option<Recurrence>,
}

/// Which instance of the recurring event of the same UID an event stands for.
pub(super) struct Recurrence {
    /// When that would have begun, also on the wall clock of the event that stands for it.
    pub at: Timestamp,
    local: DateTime,
    /// It stands for all that come after as well.
    pub and_later: bool,
}

/// What was changed one by one about a recurring event.
#[derive(Default)]
pub(super) struct Changed<'a> {
    /// Instances for which another event stands.
    pub replaced: BTreeSet<Timestamp>,
    /// Events that stand for all instances from then on.
    pub later: BTreeMap<Timestamp, &'a Event>,
}

/// One time that an event takes place, and the event that says who has it.
pub(super) struct Instance<'a> {
    pub event: &'a Event,
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Event {
    pub fn of(component: &Component, zones: &Zones) -> Result<Self, String> {
        let value = |name: &str| property(component, name).map(|property| unescaped(property.val.as_str()));
        let moment = |name: &str| property(component, name).map(|property| Moment::of(property, zones)).transpose();
        let start = moment("DTSTART")?.ok_or("it has no DTSTART")?;
        let end = match (moment("DTEND")?, property(component, "DURATION")) {
            (Some(end), _) => end.on(&start.zone)?,
            (None, Some(length)) => {
                let length = duration(length.val.as_str()).ok_or("its DURATION cannot be read")?;
                start.local.checked_add(length).map_err(|error| error.to_string())?
            }
            (None, None) if start.whole_day => {
                start.local.checked_add(Span::new().days(1)).map_err(|e| e.to_string())?
            }
            (None, None) => return Err("it has no end".to_owned()),
        };
        if end <= start.local {
            return Err("it does not last".to_owned());
        }
        let summary = value("SUMMARY").unwrap_or_default();
        let named = |name: &str| {
            let name = name.to_owned();
            component.properties.iter().filter(move |property| property.name.as_str().eq_ignore_ascii_case(&name))
        };
        let lists = |name: &str| -> Result<Vec<Moment>, String> {
            let lists: Result<Vec<Vec<Moment>>, String> =
                named(name).map(|property| Moment::list(property, zones)).collect();
            Ok(lists?.into_iter().flatten().collect())
        };
        let rules = named("RRULE").map(|rule| Rule::of(rule.val.as_str(), &start)).collect::<Result<_, _>>()?;
        let (days, excluded): (Vec<Moment>, Vec<Moment>) =
            lists("EXDATE")?.into_iter().partition(|moment| moment.whole_day);
        let excluded_days = days.into_iter().map(|day| day.local.date()).collect();
        let excluded = excluded.into_iter().map(|moment| moment.on(&start.zone)).collect::<Result<_, _>>()?;
        let added = lists("RDATE")?.into_iter().map(|moment| moment.on(&start.zone)).collect::<Result<_, _>>()?;
        let instance_of = property(component, "RECURRENCE-ID")
            .map(|property| {
                let moment = Moment::of(property, zones)?;
                let and_later = parameter(property, "RANGE").is_some_and(|range| range == "THISANDFUTURE");
                Ok::<_, String>(Recurrence { at: moment.instant()?, local: moment.on(&start.zone)?, and_later })
            })
            .transpose()?;
        let cancelled = value("STATUS").is_some_and(|status| status.trim().eq_ignore_ascii_case("CANCELLED"));
        let people = people(component, &summary);
        Ok(Self {
            uid: value("UID").unwrap_or_default(),
            summary: summary.chars().take(60).collect(),
            people,
            length: end - start.local,
            zone: start.zone,
            start: start.local,
            rules,
            added,
            excluded,
            excluded_days,
            cancelled,
            instance_of,
        })
    }

    /// Each instance that touches `[from, to)`, as it was `changed`.
    pub fn instances<'a>(
        &'a self,
        from: Timestamp,
        to: Timestamp,
        changed: Option<&Changed<'a>>,
    ) -> Result<Vec<Instance<'a>>, String> {
        if self.cancelled {
            return Ok(Vec::new());
        }
        let recurs = self.instance_of.is_none();
        let mut starts = BTreeSet::from([self.start]);
        if recurs {
            for rule in &self.rules {
                // One that begins after the range may have been moved into it.
                let slack =
                    if changed.is_some_and(|changed| !changed.later.is_empty()) { MOVED } else { Duration::ZERO };
                starts.extend(rule.starts(to.plus(slack), &self.zone)?);
            }
            starts.extend(&self.added);
        }
        let mut instances = Vec::new();
        let excluded = |start: &DateTime| self.excluded.contains(start) || self.excluded_days.contains(&start.date());
        for start in starts.into_iter().filter(|start| !excluded(start)) {
            let Some(begin) = recur::instant(&self.zone, start) else { continue };
            let changed = changed.filter(|_| recurs);
            if changed.is_some_and(|changed| changed.replaced.contains(&begin)) {
                continue;
            }
            let later = changed.and_then(|changed| changed.later.range(..=begin).next_back());
            let instance = match later {
                Some((_, event)) => event.in_place_of(begin),
                None => self.lasting(start),
            };
            instances.extend(instance.filter(|instance| instance.from < to && instance.to > from));
        }
        Ok(instances)
    }

    /// The instance that begins at `start` on the event's wall clock.
    fn lasting(&self, start: DateTime) -> Option<Instance<'_>> {
        let from = recur::instant(&self.zone, start)?;
        let to = recur::instant(&self.zone, start.checked_add(self.length).ok()?)?;
        (to > from).then_some(Instance { event: self, from, to })
    }

    /// What this event, which stands for all later instances, makes of the one that would have begun at `begin`.
    fn in_place_of(&self, begin: Timestamp) -> Option<Instance<'_>> {
        let moved = self.start - self.instance_of.as_ref()?.local;
        let begin = jiff::Timestamp::from_millisecond(begin.as_millis()).ok()?;
        let start = self.zone.to_datetime(begin).checked_add(moved).ok()?;
        self.lasting(start).filter(|_| !self.cancelled)
    }
}

/// By how much an instance may have been moved.
const MOVED: Duration = Duration::from_hours(14 * 24);

/// Attendees by address; without any, whom the summary names.
fn people(component: &Component, summary: &str) -> Vec<Person> {
    let attendees = component.properties.iter().filter(|p| p.name.as_str().eq_ignore_ascii_case("ATTENDEE"));
    let person = attendees.filter(|attendee| {
        let is = |name: &str, values: &[&str]| {
            parameter(attendee, name).is_some_and(|found| values.iter().any(|value| found.eq_ignore_ascii_case(value)))
        };
        !is("CUTYPE", &["RESOURCE", "ROOM", "GROUP"]) && !is("PARTSTAT", &["DECLINED"])
    });
    let address = |attendee: &icalendar::parser::Property| {
        let value = attendee.val.as_str().trim();
        let value = value.strip_prefix("mailto:").or_else(|| value.strip_prefix("MAILTO:")).unwrap_or(value);
        let value = if value.contains('@') { Some(value) } else { parameter(attendee, "EMAIL") };
        value.filter(|value| value.contains('@')).map(|value| Person::from(value.to_owned()))
    };
    let mut people: Vec<Person> = Vec::new();
    for found in person.filter_map(address) {
        if !people.contains(&found) {
            people.push(found);
        }
    }
    if people.is_empty() {
        people.extend(of_summary(summary));
    }
    people
}

/// `[L1] ann` (Grafana), `On Call - Ann Lee - Primary` (PagerDuty), `ann@example.com (Primary)` (Opsgenie), `Ann Lee`.
fn of_summary(summary: &str) -> Option<Person> {
    let text = summary.trim();
    let text = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((level, rest)) if level.starts_with(['L', 'l']) => rest.trim(),
        _ => text,
    };
    if let Some(address) =
        text.split([' ', ',', ';', '(', ')', '<', '>']).find(|word| word.contains('@') && word.len() > 3)
    {
        return Some(Person::from(address.to_owned()));
    }
    let lower = text.to_lowercase();
    let text = ["on call - ", "on-call - ", "oncall - ", "on call: ", "on-call: ", "oncall: "]
        .iter()
        .find(|prefix| lower.starts_with(**prefix))
        .and_then(|prefix| text.get(prefix.len()..))
        .map_or(text, |rest| rest.split(" - ").next().unwrap_or(rest));
    let lower = text.to_lowercase();
    let text = [" is on call", " on call", " on-call", " is on-call"]
        .iter()
        .find(|suffix| lower.ends_with(**suffix))
        .and_then(|suffix| text.get(..text.len() - suffix.len()))
        .unwrap_or(text);
    Some(text.trim()).filter(|text| !text.is_empty()).map(|text| Person::from(text.to_owned()))
}

/// Text values escape commas, semicolons, line breaks and the backslash itself.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('n' | 'N') => out.push(' '),
                Some(other) => out.push(other),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}
