//! A week for the lead: who carried how much, whose nights were disturbed, and which rules were the loudest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::noise::{Rule, rules};
use super::numbers::{Numbers, interruptions};
use crate::core::civil;
use crate::core::engine::mute::Location;
use crate::core::group::Group;
use crate::core::ids::{Actor, UserId};
use crate::core::severity::Severity;
use crate::core::time::{Span, Timestamp};

/// Somebody had a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub user: UserId,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// Each person's own clock; UTC for who is missing.
pub type Zones = BTreeMap<UserId, Location>;

/// What one person carried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    pub user: UserId,
    /// Time with a watch, each moment once.
    pub on_call: Span,
    /// Messages of warnings and worse that asked for attention meanwhile, whoever they were for.
    pub notifications: usize,
    pub acknowledged: usize,
    /// Direct messages of escalation steps.
    pub pages: usize,
    /// Nights in which something asked for their attention, by their own clock.
    pub nights: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weekly {
    pub from: Timestamp,
    pub to: Timestamp,
    /// The most disturbed first.
    pub load: Vec<Load>,
    /// The loudest first.
    pub rules: Vec<Rule>,
    pub numbers: Numbers,
    pub before: Numbers,
}

/// From here to here people sleep.
const NIGHT_FROM: i8 = 22;
const NIGHT_TO: i8 = 7;

/// What happened in `[from, to)`, held against the same length of time before it. `groups` are those that were open at some
/// time of both; `pages` are the direct messages of escalation steps.
#[must_use]
pub fn weekly(
    groups: &[Group],
    stretches: &[Stretch],
    pages: &[(UserId, Timestamp)],
    zones: &Zones,
    (from, to): (Timestamp, Timestamp),
) -> Weekly {
    let within = |at: Timestamp| from <= at && at < to;
    let earlier = from.minus(to.since(from));
    let people: BTreeSet<&UserId> =
        stretches.iter().map(|stretch| &stretch.user).chain(pages.iter().map(|(u, _)| u)).collect();
    let mut load: Vec<Load> = people
        .into_iter()
        .map(|user| {
            let own: Vec<&Stretch> = stretches.iter().filter(|stretch| stretch.user == *user).collect();
            let held = |at: Timestamp| own.iter().any(|stretch| stretch.from <= at && at < stretch.to);
            let loud = groups.iter().filter(|group| group.severity >= Severity::Warning);
            let heard: Vec<Timestamp> = loud.flat_map(interruptions).filter(|at| within(*at) && held(*at)).collect();
            let called: Vec<Timestamp> =
                pages.iter().filter(|(who, at)| who == user && within(*at)).map(|(_, at)| *at).collect();
            let by = |actor: &Actor| matches!(actor, Actor::Person { user: by, .. } if by == user);
            let acknowledged = groups.iter().filter_map(|group| group.acknowledged.as_ref());
            let zone = zones.get(user).cloned().unwrap_or_default();
            let nights: BTreeSet<Date> = heard.iter().chain(&called).filter_map(|at| night(&zone, *at)).collect();
            Load {
                user: user.clone(),
                on_call: Span::from(covered(&own, from, to)),
                notifications: heard.len(),
                acknowledged: acknowledged.filter(|ack| within(ack.at) && by(&ack.by)).count(),
                pages: called.len(),
                nights: nights.len(),
            }
        })
        .collect();
    load.sort_by_key(|load| std::cmp::Reverse((load.nights, load.notifications, load.on_call)));
    let count = |from, to| pages.iter().filter(|(_, at)| from <= *at && *at < to).count();
    Weekly {
        from,
        to,
        load,
        rules: rules(groups, from, to),
        numbers: Numbers::of(groups, count(from, to), from, to),
        before: Numbers::of(groups, count(earlier, from), earlier, from),
    }
}

/// The evening of the night that `at` lies in, on somebody's own clock; `None` by day.
fn night(zone: &Location, at: Timestamp) -> Option<Date> {
    let local = zone.zone().to_datetime(civil::instant(at)?);
    match local.hour() {
        hour if hour >= NIGHT_FROM => Some(local.date()),
        hour if hour < NIGHT_TO => local.date().yesterday().ok(),
        _ => None,
    }
}

/// How much of `[from, to)` the stretches cover.
fn covered(stretches: &[&Stretch], from: Timestamp, to: Timestamp) -> Duration {
    let mut parts: Vec<_> = stretches.iter().map(|stretch| (stretch.from.max(from), stretch.to.min(to))).collect();
    parts.sort();
    let (mut total, mut until) = (Duration::ZERO, from);
    for (begin, end) in parts {
        total += end.since(begin.max(until));
        until = until.max(end);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::super::numbers::testing::group;
    use super::*;
    use crate::core::group::Notification;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn user(name: &str) -> UserId {
        UserId::new(name)
    }

    /// A group that asked for attention at these times.
    fn loud(times: &[&str]) -> Group {
        let mut group = group(1, "FeedStale", 0, None, None);
        let told = |text: &&str| Notification { at: at(text), attention: crate::core::group::Attention::New };
        group.delivery.history = times.iter().map(told).collect();
        group
    }

    const WEEK: (&str, &str) = ("2026-10-19T00:00:00Z", "2026-10-26T00:00:00Z");

    fn of(groups: &[Group], pages: &[(UserId, Timestamp)], zones: &Zones) -> Weekly {
        let (from, to) = (at(WEEK.0), at(WEEK.1));
        let stretches = [
            Stretch { user: user("UANN"), from: at("2026-10-12T00:00:00Z"), to: at("2026-10-22T00:00:00Z") },
            Stretch { user: user("UBOB"), from: at("2026-10-22T00:00:00Z"), to: at("2026-11-02T00:00:00Z") },
            Stretch { user: user("UBOB"), from: at("2026-10-21T00:00:00Z"), to: at("2026-10-23T00:00:00Z") },
        ];
        weekly(groups, &stretches, pages, zones, (from, to))
    }

    #[test]
    fn each_moment_with_a_watch_counts_once_and_only_what_lies_in_the_week() {
        let load = of(&[], &[], &Zones::new()).load;
        let hours: Vec<_> =
            load.iter().map(|load| (load.user.as_str(), load.on_call.duration().as_secs() / 3600)).collect();
        assert_eq!(hours, [("UBOB", 120), ("UANN", 72)]);
    }

    #[test]
    fn a_night_is_the_persons_own_and_counts_once_however_often_it_was_disturbed() {
        let groups = [loud(&["2026-10-19T23:30:00Z", "2026-10-20T02:00:00Z", "2026-10-20T12:00:00Z"])];
        let ann =
            |zones: &Zones| of(&groups, &[], zones).load.into_iter().find(|load| load.user == user("UANN")).unwrap();
        let in_utc = ann(&Zones::new());
        assert_eq!((in_utc.notifications, in_utc.nights), (3, 1));
        let tokyo = Zones::from([(user("UANN"), "Asia/Tokyo".parse().unwrap())]);
        assert_eq!(ann(&tokyo).nights, 0, "8:30, 11:00 and 21:00 there");
        let los_angeles = Zones::from([(user("UANN"), "America/Los_Angeles".parse().unwrap())]);
        assert_eq!(ann(&los_angeles).nights, 1, "16:30, 19:00 and 5:00 there");
    }

    #[test]
    fn the_hour_that_comes_twice_when_clocks_go_back_is_night_both_times() {
        // 2:30 in Berlin is 0:30 and 1:30 UTC; 7:00 is 6:00 UTC from that night on.
        let berlin: Location = "Europe/Berlin".parse().unwrap();
        for (text, disturbed) in [
            ("2026-10-25T00:30:00Z", true),
            ("2026-10-25T01:30:00Z", true),
            ("2026-10-25T05:59:00Z", true),
            ("2026-10-25T06:00:00Z", false),
            ("2026-10-24T05:00:00Z", false),
        ] {
            assert_eq!(night(&berlin, at(text)).is_some(), disturbed, "{text}");
        }
    }

    #[test]
    fn pages_disturb_whoever_they_go_to_whoevers_watch_it_is() {
        let page = (user("ULEAD"), at("2026-10-20T03:00:00Z"));
        let weekly = of(&[], &[page, (user("ULEAD"), at("2026-10-10T03:00:00Z"))], &Zones::new());
        let lead = weekly.load.iter().find(|load| load.user == user("ULEAD")).unwrap();
        assert_eq!((lead.pages, lead.nights, lead.on_call), (1, 1, Span::default()));
        assert_eq!((weekly.numbers.pages, weekly.before.pages), (1, 0));
    }
}
