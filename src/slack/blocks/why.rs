//! Why an alert is where it is: matched, routed, inhibited, silenced, grouped, muted, delivered, and what comes next.

use super::kit;
use super::page::{self, EscalationView};
use super::people::People;
use super::words::{bold, code, count, fitting, moment, rule_words, said, severity_emoji, subject};
use crate::core::alert::{Alert, AlertState};
use crate::core::engine::{AlertExplanation, Explanation, GroupExplanation, RouteTaken};
use crate::core::group::{Acknowledgement, Attention, Group, GroupState, Hold, Notification};
use crate::core::silence::Silence;
use crate::core::time::{Timestamp, spoken};
use crate::slack::message::Message;

/// What the answer to `/wk why` is made from.
#[derive(Clone, Copy, Debug)]
pub struct WhyView<'a> {
    pub explanation: &'a Explanation,
    /// Those that the explanation names.
    pub silences: &'a [&'a Silence],
    /// Alerts that inhibit others in the explanation.
    pub inhibitors: &'a [&'a Alert],
    /// What became of the first group's message.
    pub posted: Option<Posted<'a>>,
    /// The first group's, when it escalates.
    pub escalation: Option<EscalationView<'a>>,
    pub people: &'a People,
    pub now: Timestamp,
}

/// What the outbox knows of a living message.
#[derive(Clone, Copy, Debug)]
pub enum Posted<'a> {
    /// In Slack, as last edited.
    Shown,
    /// Waiting in the outbox.
    Waiting { since: Timestamp },
    /// Given up.
    Dead { error: &'a str },
}

/// The members of a large group mostly share their story.
const ALERTS: usize = 3;
const GROUPS: usize = 3;

#[must_use]
pub fn why(view: &WhyView) -> Message {
    let Explanation { alerts, groups } = view.explanation;
    let heading = match (&groups[..], &alerts[..]) {
        ([group, ..], _) => format!("Why #{}", group.group.number),
        ([], [alert, ..]) => format!("Why {}", said(&subject(&alert.alert.labels), 100)),
        ([], []) => "Why".to_owned(),
    };
    let mut blocks = vec![kit::section(&format!("*{heading}*"))];
    blocks.extend(alerts.iter().take(ALERTS).map(|alert| kit::section(&of_alert(view, alert).join("\n"))));
    if alerts.len() > ALERTS {
        blocks.push(kit::context(&format!("and {} in the group", count(alerts.len() - ALERTS, "more alert"))));
    }
    blocks.extend(groups.iter().take(GROUPS).enumerate().map(|(index, group)| {
        let posted = view.posted.filter(|_| index == 0);
        let mut lines = of_group(view, group, posted);
        let escalation = view.escalation.filter(|_| index == 0);
        lines.extend(escalation.map(|it| format!("• *Escalates*  {}", page::story(&it, view.people, view.now))));
        kit::section(&lines.join("\n"))
    }));
    if groups.is_empty() {
        blocks.push(kit::section("• *Delivered*  nothing: it belongs to no open group"));
    }
    kit::message(&heading, &blocks, None)
}

fn of_alert(view: &WhyView, explained: &AlertExplanation) -> Vec<String> {
    let AlertExplanation { alert, routes, suppression, next_at } = explained;
    let name = format!("{} {}", bold(&subject(&alert.labels)), said(&rule_words(alert.name()), 60));
    let mut lines = vec![format!("{} {name} · {}", severity_emoji(alert.severity), alert.severity)];
    lines.push(format!("• *Matched*  {}", matched(alert, *next_at, view.now)));
    if let Some(since) = alert.flapping_since {
        lines.push(format!("• *Flapping*  since {}: held open until it has been quiet", moment(since, view.now)));
    }
    lines.extend(routes.iter().take(3).map(|RouteTaken { path, receiver, .. }| {
        let path = code(&path.join(" → "));
        format!("• *Routed*  {path} to {}", bold(receiver))
    }));
    lines.push(match suppression.inhibited_by {
        None => "• *Inhibited*  no".to_owned(),
        Some(inhibitor) => {
            let by = view.inhibitors.iter().find(|alert| alert.fingerprint() == inhibitor.alert);
            let by = by.map_or_else(
                || code(&inhibitor.alert.to_string()),
                |alert| format!("{} {}", bold(&subject(&alert.labels)), said(&rule_words(alert.name()), 60)),
            );
            format!("• *Inhibited*  by {by} (rule {})", inhibitor.rule + 1)
        }
    });
    let silences = suppression.silenced_by.iter().map(|id| {
        let silence = view.silences.iter().find(|silence| silence.id == *id);
        silence.map_or_else(
            || format!("silence {}", code(id.as_str())),
            |silence| {
                let (until, by) = (moment(silence.ends_at, view.now), view.people.name(&silence.created_by));
                format!("silence {} ({by}, until {until})", silence.number)
            },
        )
    });
    let (shown, more) = fitting(silences, 3, 900);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let by = if shown.is_empty() { "no".to_owned() } else { format!("by {}{more}", shown.join(", ")) };
    lines.push(format!("• *Silenced*  {by}"));
    lines
}

fn matched(alert: &Alert, next_at: Option<Timestamp>, now: Timestamp) -> String {
    let (value, threshold) = (said(&alert.evidence.value, 100), said(&alert.evidence.threshold, 100));
    let against = match (value.is_empty(), threshold.is_empty()) {
        (false, false) => format!("{value} against a limit of {threshold}, "),
        (false, true) => format!("{value}, "),
        (true, _) => String::new(),
    };
    let next = next_at.map(|at| moment(at, now));
    match alert.state {
        AlertState::Pending { since } => {
            let fires = next.map_or_else(String::new, |at| format!("; fires at {at} if it lasts"));
            format!("{against}since {}: pending for {}{fires}", moment(since, now), alert.pending_for)
        }
        AlertState::Firing { since, fired_at, clearing_since } => {
            let clearing = clearing_since.map_or_else(String::new, |at| {
                let resolves = next.map_or_else(String::new, |at| format!(" and resolves at {at} if that lasts"));
                format!("; better since {}{resolves}", moment(at, now))
            });
            format!("{against}since {}, firing since {}{clearing}", moment(since, now), moment(fired_at, now))
        }
        AlertState::Resolved { since, resolved_at, .. } => {
            format!("{against}from {} until {}, when it resolved", moment(since, now), moment(resolved_at, now))
        }
    }
}

fn of_group(view: &WhyView, explained: &GroupExplanation, posted: Option<Posted>) -> Vec<String> {
    let GroupExplanation { group, group_wait, group_interval, repeat_interval, muted_by, next_at } = explained;
    let now = view.now;
    let mut lines = vec![format!("*#{}*", group.number)];
    lines.push(format!(
        "• *Grouped*  {} with {}; waits {group_wait} at first, tells of new members at most every {group_interval}, \
         reminds after {repeat_interval}",
        count(group.alerts.len(), "alert"),
        code(&group.labels.to_string()),
    ));
    lines.push(match (muted_by, &group.delivery.held) {
        (Some(interval), _) | (None, Some(Hold::Muted { interval, .. })) => {
            format!("• *Muted*  by {}; it tells when that ends", code(interval))
        }
        (None, Some(Hold::Suppressed)) => "• *Held*  every firing member is silenced or inhibited".to_owned(),
        (None, None) => "• *Muted*  no".to_owned(),
    });
    if let Some(Acknowledgement { by, at }) = &group.acknowledged {
        lines.push(format!("• *Acknowledged*  by {} at {}", view.people.name(by), moment(*at, now)));
    }
    lines.push(format!("• *Delivered*  {}", delivered(group, posted, now)));
    lines.extend(next_at.map(|at| format!("• *Next look*  at {}", moment(at, now))));
    lines
}

fn delivered(group: &Group, posted: Option<Posted>, now: Timestamp) -> String {
    const LATEST: usize = 4;
    let history = &group.delivery.history;
    let told = history.iter().skip(history.len().saturating_sub(LATEST)).map(|Notification { at, attention }| {
        let what = match attention {
            Attention::New => "new alerts",
            Attention::Worse => "worse",
            Attention::Repeat => "reminder",
            Attention::Quiet => "edit",
        };
        format!("{what} {}", moment(*at, now))
    });
    let mut told: Vec<_> = told.collect();
    if told.is_empty() {
        told.push(match group.state {
            GroupState::Waiting { flush_at } => format!("not yet, waits until {}", moment(flush_at, now)),
            GroupState::Notified { first_at, .. } => format!("first {}", moment(first_at, now)),
            GroupState::Closed { first_notified_at: None, .. } => "never: it closed before anything was due".to_owned(),
            GroupState::Closed { first_notified_at: Some(at), .. } => format!("first {}", moment(at, now)),
        });
    }
    if let GroupState::Closed { closed_at, .. } = group.state {
        told.push(format!("closed {}", moment(closed_at, now)));
    }
    told.extend(posted.map(|posted| match posted {
        Posted::Shown => "in Slack".to_owned(),
        Posted::Waiting { since } => format!("⏳ waiting in the outbox for {}", spoken(now.since(since))),
        Posted::Dead { error } => format!("⚠️ given up: {}", said(error, 300)),
    }));
    format!("to {}: {}", bold(&group.receiver), told.join(", "))
}

/// One rule held against a feed that has no alert.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    /// Its name: `FeedStale`.
    pub rule: &'a str,
    /// With unit; empty when there is nothing to measure.
    pub value: &'a str,
    pub limit: &'a str,
}

/// Why a feed has no alert: how far it is from each of its limits.
#[must_use]
pub fn why_quiet(symbol: &str, checks: &[Check]) -> Message {
    let lines = checks.iter().map(|Check { rule, value, limit }| {
        let value = if value.is_empty() { "nothing to measure".to_owned() } else { said(value, 100) };
        format!("• *{}*  {value} against a limit of {}", said(&rule_words(rule), 60), said(limit, 100))
    });
    let (lines, _) = fitting(lines, 20, kit::SECTION_TEXT - 400);
    let heading = format!("{} has no alert", bold(symbol));
    kit::message(&heading, &[kit::section(&format!("✅ {heading}\n{}", lines.join("\n")))], None)
}
