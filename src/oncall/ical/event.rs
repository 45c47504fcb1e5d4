//! One event: when it is, when it recurs, and who it names.

use std::collections::BTreeSet;

use icalendar::parser::Component;
use jiff::Span;
use jiff::civil::DateTime;
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
    cancelled: bool,
    /// It stands for the instance of the recurring event of the same UID that would have begun then.
    pub instance_of: Option<Timestamp>,
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
        let moments = |name: &str| -> Result<Vec<DateTime>, String> {
            let lists: Result<Vec<Vec<Moment>>, String> =
                named(name).map(|property| Moment::list(property, zones)).collect();
            lists?.into_iter().flatten().map(|moment| moment.on(&start.zone)).collect()
        };
        let rules = named("RRULE").map(|rule| Rule::of(rule.val.as_str(), &start)).collect::<Result<_, _>>()?;
        let excluded = moments("EXDATE")?.into_iter().collect();
        let added = moments("RDATE")?;
        let instance_of = moment("RECURRENCE-ID")?.map(|moment| moment.instant()).transpose()?;
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
            cancelled,
            instance_of,
        })
    }

    /// Beginning and end of each instance that touches `[from, to)`, but for those in `moved`.
    pub fn instances(
        &self,
        from: Timestamp,
        to: Timestamp,
        moved: Option<&BTreeSet<Timestamp>>,
    ) -> Result<Vec<(Timestamp, Timestamp)>, String> {
        if self.cancelled {
            return Ok(Vec::new());
        }
        let recurs = self.instance_of.is_none();
        let mut starts = BTreeSet::from([self.start]);
        if recurs {
            for rule in &self.rules {
                starts.extend(rule.starts(to, &self.zone)?);
            }
            starts.extend(&self.added);
        }
        let mut instances = Vec::new();
        for start in starts.into_iter().filter(|start| !self.excluded.contains(start)) {
            let Some(begin) = recur::instant(&self.zone, start) else { continue };
            let end = start.checked_add(self.length).ok().and_then(|end| recur::instant(&self.zone, end));
            let Some(end) = end.filter(|end| begin < to && *end > from && *end > begin) else { continue };
            if !(recurs && moved.is_some_and(|moved| moved.contains(&begin))) {
                instances.push((begin, end));
            }
        }
        Ok(instances)
    }
}

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
