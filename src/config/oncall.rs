//! Who has the watch, in `watchkeeper.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;
use super::check::{channel, is_id, known_name, web_address};
use crate::core::cron::Cron;
use crate::core::handoff;
use crate::core::ids::ChannelId;
use crate::core::oncall::{Calendar, Directory, Person, Roster, SHORTEST_SHIFT, Schedule};
use crate::core::time::{Span, Timestamp};

/// On-call schedules, and who their people are in Slack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OnCall {
    pub schedules: Vec<Schedule>,
    /// Names that a calendar or PagerDuty uses, each with the Slack user id or e-mail address it stands for.
    pub people: BTreeMap<String, Person>,
    pub pagerduty: PagerDuty,
    /// How long before it a time without anybody on call is announced in the schedule's channel.
    pub warn_gaps: Span,
    /// The week for the lead: load per person, nights disturbed, the noisiest rules. Not posted when absent.
    pub digest: Option<Digest>,
    /// What is planned, by name: releases, maintenance, listings. Handoffs tell what of it is coming.
    pub calendars: BTreeMap<String, Calendar>,
}

/// The weekly digest of the watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// A cron expression with its time zone, e.g. `0 9 * * MON Europe/Berlin`.
    pub schedule: Cron,
    pub channel: ChannelId,
}

/// How PagerDuty is reached, for schedules that name one there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PagerDuty {
    /// The environment variable that holds a read-only REST API key (NAME_FILE works as well).
    pub token_env: String,
    /// https://api.eu.pagerduty.com for accounts in the EU.
    pub url: String,
    /// How often schedules are fetched.
    pub every: Span,
}

impl Default for OnCall {
    fn default() -> Self {
        Self {
            schedules: Vec::new(),
            people: BTreeMap::new(),
            pagerduty: PagerDuty::default(),
            warn_gaps: Span::from_secs(3 * 86_400),
            digest: None,
            calendars: BTreeMap::new(),
        }
    }
}

impl Default for PagerDuty {
    fn default() -> Self {
        Self {
            token_env: "PAGERDUTY_TOKEN".to_owned(),
            url: "https://api.pagerduty.com".to_owned(),
            every: Span::from_secs(300),
        }
    }
}

/// Menus and buttons carry it.
const LONGEST_NAME: usize = 40;
/// `check-config` looks this far ahead for times without anybody on call.
const LOOK_AHEAD: Duration = Duration::from_hours(30 * 24);

pub(super) fn contradictions(config: &Config, say: &mut impl FnMut(&str, String)) {
    let OnCall { schedules, people, pagerduty, calendars, .. } = &config.oncall;
    let mut names = BTreeSet::new();
    for (index, schedule) in schedules.iter().enumerate() {
        let key = format!("oncall.schedules[{index}]");
        if !names.insert(schedule.name.as_str()) {
            say(&format!("{key}.name"), format!("`{}` names two schedules; give each its own name", schedule.name));
        }
        one(schedule, &key, people, say);
    }
    groups(schedules, say);
    self::names(config, say);
    web_address("oncall.pagerduty.url", &pagerduty.url, say);
    too_often("oncall.pagerduty.every", pagerduty.every, say);
    for (name, calendar) in calendars {
        too_often(&format!("oncall.calendars.{name}.every"), calendar.every, say);
    }
    for (name, person) in people {
        if matches!(person, Person::Name(_)) {
            let key = format!("oncall.people.{name}");
            say(&key, format!("`{person}` is neither a Slack user id (U…) nor an e-mail address"));
        }
    }
}

/// A user group that two schedules keep would change from one to the other for ever.
fn groups(schedules: &[Schedule], say: &mut impl FnMut(&str, String)) {
    let mut kept = BTreeMap::new();
    for (index, schedule) in schedules.iter().enumerate() {
        let Some(group) = &schedule.user_group else { continue };
        if let Some(other) = kept.insert(group, &schedule.name) {
            say(
                &format!("oncall.schedules[{index}].user_group"),
                format!("`{group}` follows `{other}` already; give each schedule a user group of its own"),
            );
        }
    }
}

fn one(schedule: &Schedule, key: &str, people: &BTreeMap<String, Person>, say: &mut impl FnMut(&str, String)) {
    let Schedule { name, layers, ical, pagerduty, channel: told, handoff, user_group, .. } = schedule;
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let begun = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !(begun && name.chars().all(word) && name.len() <= LONGEST_NAME) {
        say(&format!("{key}.name"), format!("`{name}` is no name; write one word in small letters, like primary"));
    }
    let sources = usize::from(!layers.is_empty()) + usize::from(ical.is_some()) + usize::from(pagerduty.is_some());
    if sources != 1 {
        say(key, "its shifts must come from one place; give one of layers, ical and pagerduty".to_owned());
    }
    for (nth, layer) in layers.iter().enumerate() {
        let key = format!("{key}.layers[{nth}]");
        if layer.users.is_empty() {
            say(&format!("{key}.users"), "names nobody; give Slack user ids (U…) or e-mail addresses".to_owned());
        }
        for (user, person) in layer.users.iter().enumerate() {
            if matches!(person, Person::Name(name) if !people.contains_key(name)) {
                say(
                    &format!("{key}.users[{user}]"),
                    format!("`{person}` is neither a Slack user id (U…) nor an e-mail address nor in oncall.people"),
                );
            }
        }
        let whole = layer.shift_length.duration().as_millis().is_multiple_of(60_000);
        if layer.shift_length < SHORTEST_SHIFT || !whole {
            say(
                &format!("{key}.shift_length"),
                "must be whole minutes and at least 1h; write it like 1d or 1w".to_owned(),
            );
        }
    }
    if let Some(calendar) = ical {
        too_often(&format!("{key}.ical.every"), calendar.every, say);
    }
    if let Some(told) = told {
        channel(&format!("{key}.channel"), told.as_str(), say);
    }
    if let Some(settings) = handoff {
        handed_over(settings, told.is_some(), &format!("{key}.handoff"), say);
    }
    if let Some(group) = user_group.as_ref().filter(|group| !(group.as_str().starts_with('S') && is_id(group.as_str())))
    {
        say(&format!("{key}.user_group"), format!("`{group}` is not a user group id (S…)"));
    }
}

fn handed_over(settings: &handoff::Settings, has_channel: bool, key: &str, say: &mut impl FnMut(&str, String)) {
    match &settings.channel {
        Some(told) => channel(&format!("{key}.channel"), told.as_str(), say),
        None if has_channel => {}
        None => say(
            &format!("{key}.channel"),
            "is missing; say where handoffs are posted, here or for the schedule".to_owned(),
        ),
    }
    for (name, length) in [("remind", settings.remind), ("accept_within", settings.accept_within)] {
        if length < Span::from_secs(60) {
            say(&format!("{key}.{name}"), "is shorter than 1m; nobody reads a handoff faster".to_owned());
        }
    }
}

/// A policy that is named and not there, or a digest that goes nowhere.
fn names(config: &Config, say: &mut impl FnMut(&str, String)) {
    let policies: Vec<&str> = config.escalation.policies.iter().map(|policy| policy.name.as_str()).collect();
    for (index, schedule) in config.oncall.schedules.iter().enumerate() {
        let Some(name) = schedule.handoff.as_ref().and_then(|handoff| handoff.policy.as_deref()) else { continue };
        let key = format!("oncall.schedules[{index}].handoff.policy");
        known_name(&key, "policy of `escalation.policies`", name, &policies, say);
    }
    let schedules: Vec<&str> = config.oncall.schedules.iter().map(|schedule| schedule.name.as_str()).collect();
    for (index, name) in config.incidents.invite.iter().enumerate() {
        known_name(&format!("incidents.invite[{index}]"), "schedule", name, &schedules, say);
    }
    if let Some(told) = &config.incidents.channel {
        channel("incidents.channel", told.as_str(), say);
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let prefix = &config.incidents.prefix;
    if prefix.is_empty() || prefix.len() > 20 || !prefix.chars().all(plain) {
        say(
            "incidents.prefix",
            format!("`{prefix}` begins no channel's name; write a short word in small letters, like inc"),
        );
    }
    let updates = &config.incidents.updates;
    for (name, every) in [("sev1", updates.sev1), ("sev2", updates.sev2), ("sev3", updates.sev3)] {
        if every < Span::from_secs(300) {
            say(&format!("incidents.updates.{name}"), "is shorter than 5m; nobody mends and tells faster".to_owned());
        }
    }
    if let Some(digest) = &config.oncall.digest {
        channel("oncall.digest.channel", digest.channel.as_str(), say);
    }
}

fn too_often(key: &str, every: Span, say: &mut impl FnMut(&str, String)) {
    if every < Span::from_secs(30) {
        say(key, "is shorter than 30s; schedules change rarely, 5m is enough".to_owned());
    }
}

/// What is not wrong and still surprises: schedules whose gaps nobody hears of, and times without anybody in those whose shifts
/// are in the file.
#[must_use]
pub fn warnings(config: &Config, now: Timestamp) -> Vec<(String, String)> {
    let untold = config.oncall.schedules.iter().enumerate().filter(|(_, schedule)| schedule.warned_in().is_none());
    let untold = untold.map(|(index, schedule)| {
        let message =
            format!("nobody is told when a time without anybody comes in `{}`; say where in `channel`", schedule.name);
        (format!("oncall.schedules[{index}]"), message)
    });
    untold.chain(empty(config, now)).collect()
}

fn empty(config: &Config, now: Timestamp) -> Vec<(String, String)> {
    let directory = Directory::trusting(&config.oncall.schedules);
    let schedules = config.oncall.schedules.iter().enumerate().filter(|(_, schedule)| !schedule.imported());
    schedules
        .filter_map(|(index, schedule)| {
            let roster = Roster { layers: &schedule.layers, imported: &[], overrides: &[], directory: &directory };
            let gaps = roster.gaps(now, now.plus(LOOK_AHEAD));
            let first = gaps.first()?;
            let more = match gaps.len() - 1 {
                0 => String::new(),
                more => format!(", and {more} more times within 30 days"),
            };
            let (from, to) = (short(first.from), short(first.to));
            let message = format!("nobody is on call in `{}` from {from} to {to} UTC{more}", schedule.name);
            Some((format!("oncall.schedules[{index}]"), message))
        })
        .collect()
}

/// `2026-11-29 08:04`
fn short(at: Timestamp) -> String {
    at.to_string().replace('T', " ").chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{parse, warnings};
    use crate::core::time::Timestamp;

    fn with(schedules: &str) -> String {
        format!("receivers: [{{name: default, channel: C01}}]\noncall:\n  schedules:\n{schedules}")
    }

    fn said(schedules: &str) -> String {
        match parse(Path::new("wk.yaml"), &with(schedules)) {
            Ok(_) => "fine".to_owned(),
            Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        }
    }

    #[test]
    fn a_mistake_in_a_schedule_is_named_with_its_place() {
        for (text, expected) in [
            (
                "    - {name: primary}\n",
                "wk.yaml:4: oncall.schedules[0]: its shifts must come from one place; give one of layers, ical and pagerduty",
            ),
            (
                "    - {name: Primary Watch, pagerduty: P1}\n",
                "wk.yaml:4: oncall.schedules[0].name: `Primary Watch` is no name; write one word in small letters, like primary",
            ),
            (
                "    - name: a\n      layers:\n        - {users: [ann], start: 2026-01-05}\n",
                "wk.yaml:6: oncall.schedules[0].layers[0].users[0]: `ann` is neither a Slack user id (U…) nor an e-mail address nor in oncall.people",
            ),
            (
                "    - name: a\n      layers:\n        - {users: [U01], start: 2026-01-05, shift_length: 30m}\n",
                "wk.yaml:6: oncall.schedules[0].layers[0].shift_length: must be whole minutes and at least 1h; write it like 1d or 1w",
            ),
            (
                "    - name: a\n      user_group: oncall\n      ical: {url_env: X, every: 1s}\n",
                "wk.yaml:6: oncall.schedules[0].ical.every: is shorter than 30s; schedules change rarely, 5m is enough\n\
                 wk.yaml:5: oncall.schedules[0].user_group: `oncall` is not a user group id (S…)",
            ),
            ("    - {name: a, pagerduty: P1}\n    - {name: b, pagerduty: P1}\n", "fine"),
            (
                "    - {name: a, pagerduty: P1, user_group: S01}\n    - {name: b, pagerduty: P1, user_group: S01}\n",
                "wk.yaml:5: oncall.schedules[1].user_group: `S01` follows `a` already; give each schedule a user group of its own",
            ),
            (
                "    - name: a\n      pagerduty: P1\n      handoff: {remind: 5s}\n",
                "wk.yaml:6: oncall.schedules[0].handoff.channel: is missing; say where handoffs are posted, here or for the schedule\n\
                 wk.yaml:6: oncall.schedules[0].handoff.remind: is shorter than 1m; nobody reads a handoff faster",
            ),
            (
                "    - name: a\n      pagerduty: P1\n      channel: C01\n      handoff:\n        policy: watch\n",
                "wk.yaml:8: oncall.schedules[0].handoff.policy: no policy of `escalation.policies` is named `watch`; there is none",
            ),
            (
                "    - {name: a, pagerduty: P1}\nincidents: {invite: [b], prefix: Inc!}\n",
                "wk.yaml:5: incidents.invite[0]: no schedule is named `b`; did you mean `a`?\n\
                 wk.yaml:5: incidents.prefix: `Inc!` begins no channel's name; write a short word in small letters, like inc",
            ),
        ] {
            assert_eq!(said(text), expected, "for:\n{text}");
        }
        let zone =
            said("    - name: a\n      layers:\n        - {users: [U01], start: 2026-01-05, time_zone: Mars/Base}\n");
        assert!(zone.contains("layers[0].time_zone: `Mars/Base` is not a time zone"), "{zone}");
        let start = said("    - name: a\n      layers:\n        - users: [U01]\n          start: soon\n");
        assert!(start.contains("layers[0].start: `soon` is not a day; write it like 2026-01-05"), "{start}");
    }

    #[test]
    fn a_time_without_anybody_is_a_warning_and_no_error() {
        let text = with(
            "    - name: office\n      channel: C01\n      layers:\n        - users: [U01, ann@example.com]\n          start: 2026-01-05\n          restrictions: [{weekdays: ['monday:friday']}]\n    - name: always\n      layers: [{users: [U01], start: 2026-01-05}]\n",
        );
        let config = parse(Path::new("wk.yaml"), &text).unwrap();
        // A Tuesday.
        let found = warnings(Path::new("wk.yaml"), &text, &config, Timestamp::from_secs(1_795_521_600));
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "wk.yaml:10: oncall.schedules[1]: nobody is told when a time without anybody comes in `always`; say where in `channel`",
                "wk.yaml:4: oncall.schedules[0]: nobody is on call in `office` from 2026-11-28 00:00 to 2026-11-30 00:00 UTC, and 3 more times within 30 days"
            ]
        );
    }
}
