//! Zones that a calendar describes itself (VTIMEZONE), for names that nobody else knows: Outlook's "Customized Time Zone".
//! Only the rules in force now are read; what was before them is no matter for shifts.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

/// One STANDARD or DAYLIGHT of a zone.
#[derive(Default)]
struct Observance {
    /// Seconds east of Greenwich.
    offset: Option<i32>,
    /// `yyyymmddThhmmss`: since when, and at which time of day it begins each year.
    start: String,
    rule: Option<String>,
}

/// Every zone that is described, by its TZID. Those that also say which IANA zone they are, are that.
pub(super) fn zones(text: &str) -> BTreeMap<String, TimeZone> {
    let mut zones = BTreeMap::new();
    let mut lines = text.lines().map(str::trim);
    while lines.any(|line| line.eq_ignore_ascii_case("BEGIN:VTIMEZONE")) {
        let (mut id, mut iana) = (None, None);
        let (mut standard, mut daylight) = (Vec::new(), Vec::new());
        while let Some(line) = lines.next() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let name = name.split(';').next().unwrap_or(name).to_ascii_uppercase();
            let of = match (name.as_str(), value.to_ascii_uppercase().as_str()) {
                ("END", "VTIMEZONE") => break,
                ("BEGIN", "STANDARD") => &mut standard,
                ("BEGIN", "DAYLIGHT") => &mut daylight,
                ("TZID", _) => {
                    id = Some(value.trim_matches('"').to_owned());
                    continue;
                }
                ("X-LIC-LOCATION", _) => {
                    iana = TimeZone::get(value).ok();
                    continue;
                }
                _ => continue,
            };
            of.push(observance(&mut lines));
        }
        let described = iana.or_else(|| posix(latest(standard).as_ref(), latest(daylight).as_ref()));
        zones.extend(id.zip(described));
    }
    zones
}

fn observance<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Observance {
    let mut found = Observance::default();
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.split(';').next().unwrap_or(name).to_ascii_uppercase().as_str() {
            "END" => break,
            "TZOFFSETTO" => found.offset = offset(value),
            "DTSTART" => value.trim().clone_into(&mut found.start),
            "RRULE" => found.rule = Some(value.to_ascii_uppercase()),
            _ => {}
        }
    }
    found
}

fn latest(mut observances: Vec<Observance>) -> Option<Observance> {
    observances.sort_by(|a, b| a.start.cmp(&b.start));
    observances.pop()
}

/// The zone as POSIX writes it, `<S>-01:00<D>-02:00,M3.5.0/02:00:00,M10.5.0/03:00:00`.
fn posix(standard: Option<&Observance>, daylight: Option<&Observance>) -> Option<TimeZone> {
    let shown = |offset: i32| {
        let (sign, secs) = if offset > 0 { ("-", offset) } else { ("", -offset) };
        format!("{sign}{:02}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)
    };
    let standard = standard?;
    let always = format!("<STD>{}", shown(standard.offset?));
    let changes = daylight.and_then(|daylight| Some((daylight, daylight.rule.as_ref()?, standard.rule.as_ref()?)));
    let text = match changes {
        Some((daylight, to_daylight, to_standard)) => format!(
            "{always}<DST>{},{},{}",
            shown(daylight.offset?),
            yearly(to_daylight, &daylight.start)?,
            yearly(to_standard, &standard.start)?
        ),
        None => always,
    };
    TimeZone::posix(&text).ok()
}

/// `FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10` at the time of day of `start`, as `M10.5.0/03:00:00`.
fn yearly(rule: &str, start: &str) -> Option<String> {
    const DAYS: [&str; 7] = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];
    let part = |name: &str| rule.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let month: u8 = part("BYMONTH")?.parse().ok()?;
    let by_day = part("BYDAY")?;
    let (nth, day) = by_day.split_at_checked(by_day.len().checked_sub(2)?)?;
    let nth = if nth.is_empty() { part("BYSETPOS")? } else { nth };
    let week = match nth.trim_start_matches('+') {
        "-1" => 5,
        nth => nth.parse::<u8>().ok().filter(|nth| (1..=5).contains(nth))?,
    };
    let day = DAYS.iter().position(|known| *known == day)?;
    let time = start.split_once('T')?.1;
    let (hours, minutes, seconds) = (time.get(0..2)?, time.get(2..4)?, time.get(4..6)?);
    Some(format!("M{month}.{week}.{day}/{hours}:{minutes}:{seconds}"))
}

/// `+0530`, `-080000`
fn offset(text: &str) -> Option<i32> {
    let text = text.trim();
    let (sign, digits) = match text.split_at_checked(1)? {
        ("-", digits) => (-1, digits),
        ("+", digits) => (1, digits),
        _ => return None,
    };
    let two = |at: usize| digits.get(at..at + 2).map_or(Some(0), |digits| digits.parse::<i32>().ok());
    Some(sign * (two(0)? * 3600 + two(2)? * 60 + two(4)?))
}
