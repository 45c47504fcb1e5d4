//! The week for the lead.

use super::super::kit;
use super::super::people::People;
use super::super::words::{bold, count, fitting, moment, plain, rule_words};
use super::lines::{name, times};
use crate::core::handoff::{Load, Numbers, Rule, Suggestion, Weekly};
use crate::core::time::{Timestamp, spoken};
use crate::slack::message::Message;

/// What the weekly digest is made from.
#[derive(Clone, Copy, Debug)]
pub struct WeekView<'a> {
    pub week: &'a Weekly,
    pub people: &'a People,
    pub now: Timestamp,
}

const PEOPLE: usize = 12;
const RULES: usize = 5;

#[must_use]
pub fn week(view: &WeekView) -> Message {
    let WeekView { week, people, now } = view;
    let (numbers, before) = (&week.numbers, &week.before);
    let heading = format!("📊 The week on call: {}", compared(numbers.alerts, before.alerts, "alert"));
    let mut blocks = vec![
        kit::header(&heading),
        kit::section(&figures(numbers, before)),
        kit::section(&people_lines(&week.load, people)),
        kit::section(&rule_lines(&week.rules)),
    ];
    let (from, to) = (moment(week.from, *now), moment(week.to, *now));
    blocks.push(kit::context(&format!("{from} – {to} · nights are 22:00 to 7:00 on each person's own clock")));
    kit::message(&heading, &blocks, None)
}

fn compared(now: usize, before: usize, one: &str) -> String {
    format!("{} ({before} the week before)", count(now, one))
}

fn figures(numbers: &Numbers, before: &Numbers) -> String {
    let mut parts = vec![
        format!("{} critical ({})", numbers.critical, before.critical),
        format!("asked for attention {} ({})", times(numbers.notifications), before.notifications),
        format!("escalated {} ({})", times(numbers.pages), before.pages),
        format!("{} went by themselves ({})", numbers.unattended, before.unattended),
    ];
    if numbers.incidents + before.incidents > 0 {
        parts.push(format!("{} ({})", count(numbers.incidents, "incident"), before.incidents));
    }
    if let Some(mean) = numbers.incident_resolved {
        parts.push(format!("incidents lasted {} on average", spoken(mean.duration())));
    }
    if let Some(mean) = numbers.to_acknowledge {
        parts.push(format!("acknowledged after {} on average", spoken(mean.duration())));
    }
    if let Some(mean) = numbers.to_resolve {
        parts.push(format!("resolved after {} on average", spoken(mean.duration())));
    }
    parts.join(" · ")
}

fn people_lines(load: &[Load], people: &People) -> String {
    let line = |load: &Load| {
        let nights = match load.nights {
            0 => "no night disturbed".to_owned(),
            nights => format!("🌙 *{} disturbed*", count(nights, "night")),
        };
        let mut parts = vec![nights, format!("{} while on call", count(load.notifications, "alert"))];
        if load.pages > 0 {
            parts.push(format!("paged {}", times(load.pages)));
        }
        parts.push(format!("acknowledged {}", load.acknowledged));
        parts.push(format!("on call {}", spoken(load.on_call.duration())));
        format!("{}: {}", name(&load.user, people), parts.join(" · "))
    };
    let (mut lines, more) = fitting(load.iter().map(line), PEOPLE, 2500);
    if lines.is_empty() {
        lines.push("Nobody was on call.".to_owned());
    }
    if more > 0 {
        lines.push(format!("_and {more} more_"));
    }
    format!("*Load*\n{}", lines.join("\n"))
}

fn rule_lines(rules: &[Rule]) -> String {
    let line = |rule: &Rule| {
        let Rule { name, fired, notifications, unattended, lasted, suggestion, .. } = rule;
        let what = format!("fired {}, asked for attention {}", times(*fired), times(*notifications));
        let alone = if *unattended > 0 { format!(", went by itself {}", times(*unattended)) } else { String::new() };
        let advice =
            suggestion.map(|advice| format!("\n→ {}", advised(advice, &spoken(lasted.duration())))).unwrap_or_default();
        format!("〰️ {}: {what}{alone}{advice}", bold(&plain(&rule_words(name), 60)))
    };
    let (mut lines, more) = fitting(rules.iter().map(line), RULES, 2500);
    if lines.is_empty() {
        lines.push("✅ No alert asked for attention.".to_owned());
    }
    if more > 0 {
        lines.push(format!("_and {} quieter_", count(more, "rule")));
    }
    format!("*Noisiest rules*\n{}", lines.join("\n"))
}

fn advised(suggestion: Suggestion, lasted: &str) -> String {
    match suggestion {
        Suggestion::FireLater => {
            format!("half are over within {lasted}, before anybody looks: let it hold longer before it fires")
        }
        Suggestion::NobodyCares => {
            "nobody ever acknowledged it: make it less severe, route it where nobody is pinged, or drop it".to_owned()
        }
        Suggestion::RemindLess => {
            "most of it is reminders: a longer `repeat_interval`, or somebody who mends it".to_owned()
        }
        Suggestion::KeepFiring => {
            "it comes back all the time: mend the cause, or keep it firing longer so that it is one alert".to_owned()
        }
    }
}
