//! Mute intervals: recurring times during which a route is quiet, in Alertmanager's words.
//! Source: Prometheus Alertmanager documentation, "time_interval".

mod range;

use std::time::Duration;

use jiff::Zoned;
use jiff::civil::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use range::{DayRange, InvalidRange, Location, MonthRange, TimeOfDay, WeekdayRange, YearRange};

use crate::core::time::Timestamp;

/// Quiet whenever one of its time intervals holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct MuteInterval(pub Vec<TimeInterval>);

/// Holds when every part that is given does; an empty part is no condition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimeInterval {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<TimeRange>,
    /// `monday:friday`, `sunday`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<WeekdayRange>,
    /// `1:5`, `-3:-1` (counted from the month's end)
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days_of_month: Vec<DayRange>,
    /// `january:march`, `12`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub months: Vec<MonthRange>,
    /// `2026:2028`, `2030`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub years: Vec<YearRange>,
    /// An IANA time zone such as `Europe/Berlin`; UTC when absent.
    pub location: Location,
}

/// From `start_time` up to, not including, `end_time`, within one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeRange {
    pub start_time: TimeOfDay,
    pub end_time: TimeOfDay,
}

impl TimeInterval {
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        let Some(local) = self.local(at) else { return false };
        let minute = TimeOfDay::of(local.time());
        let any = |empty: bool, found: bool| empty || found;
        any(self.times.is_empty(), self.times.iter().any(|t| t.start_time <= minute && minute < t.end_time))
            && any(self.weekdays.is_empty(), self.weekdays.iter().any(|r| r.contains(local.weekday())))
            && any(
                self.days_of_month.is_empty(),
                self.days_of_month.iter().any(|r| r.contains(local.day(), local.days_in_month())),
            )
            && any(self.months.is_empty(), self.months.iter().any(|r| r.contains(local.month())))
            && any(self.years.is_empty(), self.years.iter().any(|r| r.contains(local.year())))
    }

    fn local(&self, at: Timestamp) -> Option<Zoned> {
        Some(jiff::Timestamp::from_millisecond(at.as_millis()).ok()?.to_zoned(self.location.zone()))
    }

    /// The next moment after `at` when it could begin or end to hold: an edge of its times, or local midnight.
    fn next_edge(&self, at: Timestamp) -> Option<Timestamp> {
        let local = self.local(at)?;
        let edges = self.times.iter().flat_map(|t| [t.start_time, t.end_time]).filter_map(TimeOfDay::time);
        let today = edges.map(|time| local.date().to_datetime(time));
        let midnight = local.date().tomorrow().ok()?.to_datetime(Time::midnight());
        today
            .chain([midnight])
            .filter_map(|edge| edge.to_zoned(self.location.zone()).ok())
            .map(|edge| Timestamp::from_millis(edge.timestamp().as_millisecond()))
            .filter(|edge| *edge > at)
            .min()
    }
}

impl MuteInterval {
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.0.iter().any(|interval| interval.contains(at))
    }
}

/// The first moment, `from` or later, at which none of `intervals` holds. One that does not end within a good year is
/// looked at again then.
#[must_use]
pub fn first_unmuted(intervals: &[&MuteInterval], from: Timestamp) -> Timestamp {
    const HORIZON: Duration = Duration::from_hours(400 * 24);
    let mut at = from;
    while at.since(from) < HORIZON {
        let holding = intervals.iter().flat_map(|mute| &mute.0).find(|interval| interval.contains(at));
        let Some(edge) = holding.and_then(|interval| interval.next_edge(at)) else { break };
        at = edge;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn mute(yaml: &str) -> MuteInterval {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn nights_in_berlin_follow_summer_time() {
        let nights = mute(
            "- times: [{start_time: '22:00', end_time: '24:00'}, {start_time: '00:00', end_time: '06:00'}]\n  location: Europe/Berlin",
        );
        assert!(nights.contains(at("2026-07-01T20:00:00Z")));
        assert!(!nights.contains(at("2026-01-01T20:00:00Z")));
        assert_eq!(first_unmuted(&[&nights], at("2026-07-01T20:30:00Z")), at("2026-07-02T04:00:00Z"));
        // The night the clocks go forward is an hour shorter.
        assert_eq!(first_unmuted(&[&nights], at("2026-03-28T21:00:00Z")), at("2026-03-29T04:00:00Z"));
    }

    #[test]
    fn weekdays_days_months_and_years_all_have_to_hold() {
        let mute = mute(
            "- weekdays: [monday:friday]\n  days_of_month: ['-3:-1']\n  months: [november, '1:2']\n  years: ['2026:2027']",
        );
        assert!(mute.contains(at("2026-11-30T12:00:00Z")));
        for outside in ["2026-11-29T12:00:00Z", "2026-11-27T12:00:00Z", "2026-12-31T12:00:00Z", "2028-01-31T12:00:00Z"]
        {
            assert!(!mute.contains(at(outside)), "{outside}");
        }
    }

    #[test]
    fn intervals_that_touch_are_one_quiet_time() {
        let (saturday, sunday) = (mute("- weekdays: [saturday]"), mute("- weekdays: [sunday]"));
        assert_eq!(first_unmuted(&[&saturday, &sunday], at("2026-11-28T09:00:00Z")), at("2026-11-30T00:00:00Z"));
        let open = at("2026-11-30T09:00:00Z");
        assert_eq!(first_unmuted(&[&saturday, &sunday], open), open);
    }

    #[test]
    fn an_interval_without_end_is_looked_at_again_after_a_year() {
        let always = mute("- {}");
        let now = at("2026-11-28T09:00:00Z");
        assert!(first_unmuted(&[&always], now) > now.plus(Duration::from_hours(365 * 24)));
    }

    #[test]
    fn what_is_no_interval_is_refused_with_an_example() {
        for (yaml, hint) in [
            ("- weekdays: [funday]", "monday:friday"),
            ("- weekdays: ['friday:monday']", "monday:friday"),
            ("- months: ['13']", "january:march"),
            ("- days_of_month: ['0']", "-3:-1"),
            ("- times: [{start_time: '25:00', end_time: '26:00'}]", "09:30"),
            ("- location: Mars/Olympus", "Europe/Berlin"),
        ] {
            let error = serde_saphyr::from_str::<MuteInterval>(yaml).unwrap_err().to_string();
            assert!(error.contains(hint), "{yaml}: {error}");
        }
    }

    #[test]
    fn an_interval_prints_what_it_reads() {
        let json = r#"[{"times":[{"start_time":"09:30","end_time":"24:00"}],"weekdays":["monday:friday"],"days_of_month":["-3:-1"],"months":["january:march"],"years":["2026"],"location":"Europe/Berlin"}]"#;
        let interval: MuteInterval = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&interval).unwrap(), json);
    }
}
