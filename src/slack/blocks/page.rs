//! Escalation in words: the direct message to whoever is told, the line in the thread, and where it stands.

use slack_morphism::prelude::SlackActionBlockElement;

use super::actions::Press;
use super::alert::ping;
use super::kit::{self, Accent};
use super::members::Members;
use super::people::People;
use super::words::{bold, code, moment, said, severity_emoji, utc};
use crate::core::alert::Alert;
use crate::core::escalation::{Position, Run, Service, Stage, Stop};
use crate::core::group::Group;
use crate::core::ids::{Actor, ChannelId, UserId};
use crate::core::market::Schedule;
use crate::core::time::{Timestamp, spoken};
use crate::slack::message::Message;

/// What a direct message to one person is made from.
#[derive(Clone, Copy, Debug)]
pub struct PageView<'a> {
    pub group: &'a Group,
    pub members: &'a [&'a Alert],
    /// Where the living message is.
    pub channel: Option<&'a ChannelId>,
    pub why: Why<'a>,
    pub people: &'a People,
    pub now: Timestamp,
}

/// Why somebody is told, or no longer needs to be.
#[derive(Clone, Copy, Debug)]
pub enum Why<'a> {
    Unattended,
    /// Somebody asks for help.
    Asked {
        by: &'a Actor,
    },
    Over {
        why: &'a Stop,
        at: Timestamp,
    },
}

/// What woke somebody: the living message's essentials and what to press.
#[must_use]
pub fn page(view: &PageView) -> Message {
    let PageView { group, people, now, .. } = view;
    let members = Members::of(view.members.iter().copied());
    let what = bold(&members.headline());
    let emoji = severity_emoji(group.severity);
    let since = members.since(group);
    let place = view.channel.map(|channel| format!(" in {}", channel_link(channel))).unwrap_or_default();
    let (title, state, accent) = match view.why {
        Why::Unattended => (format!("📟 {emoji} {what}"), "nobody has acknowledged it".to_owned(), Accent::Firing),
        Why::Asked { by } => {
            (format!("📟 {emoji} {what}"), format!("{} asks you to look", people.name(by)), Accent::Firing)
        }
        Why::Over { why, at } => {
            let at = moment(at, *now);
            match why {
                Stop::Acknowledged { by } => (
                    format!("{emoji} {what}"),
                    format!("👀 acknowledged by {} at {at}", people.name(by)),
                    Accent::Acknowledged,
                ),
                Stop::Resolved => (format!("✅ {what}"), format!("resolved at {at}"), Accent::Resolved),
                Stop::Suppressed => {
                    (format!("🔕 {what}"), format!("silenced or inhibited since {at}"), Accent::Silenced)
                }
                Stop::Muted => (format!("🔕 {what}"), format!("muted since {at}"), Accent::Silenced),
                Stop::Unruled => (format!("{emoji} {what}"), "it no longer escalates".to_owned(), Accent::Silenced),
            }
        }
    };
    let firing = format!("Firing since {} ({})", moment(since, *now), spoken(now.since(since)));
    let told = match view.why {
        Why::Over { why: Stop::Resolved, .. } => format!("#{}{place}: {state}", group.number),
        Why::Unattended | Why::Asked { .. } | Why::Over { .. } => {
            format!("{firing}\n#{}{place}: {state}", group.number)
        }
    };
    let mut blocks = vec![kit::section(&title), kit::section(&told)];
    if let Why::Unattended | Why::Asked { .. } = view.why {
        if let Some(cause) = members.firing.iter().find_map(|alert| alert.evidence.cause.as_deref()) {
            blocks.push(kit::section(&format!("*Likely cause*\n{}", said(cause, 500))));
        }
        let group = || view.group.id.clone();
        let mut buttons: Vec<SlackActionBlockElement> = Vec::new();
        if view.group.acknowledged.is_none() {
            buttons.push(kit::primary(kit::button("Acknowledge", &Press::Acknowledge(group()))).into());
        }
        buttons.push(kit::button("Escalate", &Press::Escalate(group())).into());
        buttons.push(kit::button("Why?", &Press::Why(group())).into());
        let links = members.links().into_iter().take(2).enumerate();
        buttons.extend(links.filter_map(|(nth, link)| kit::link(&link.label, &link.url, nth)).map(Into::into));
        blocks.push(kit::row(buttons));
    }
    kit::message(&format!("{title} · {state}"), &blocks, Some(accent))
}

pub(super) fn channel_link(channel: &ChannelId) -> String {
    let id = channel.as_str();
    if id.chars().all(|c| c.is_ascii_alphanumeric()) { format!("<#{id}>") } else { code(id) }
}

/// The same in one line without markup, for services outside.
#[must_use]
pub fn summary(alerts: &[&Alert]) -> String {
    Members::of(alerts.iter().copied()).headline_with_limit()
}

/// A page that comes late says how late, and since when its step was due.
#[must_use]
pub fn late(mut message: Message, due_at: Timestamp, now: Timestamp) -> Message {
    let late = format!("⏰ {} late: it was due at {}", spoken(now.since(due_at)), moment(due_at, now));
    message.text = format!("{} · {} late, due at {}", message.text, spoken(now.since(due_at)), utc(due_at));
    message.blocks.extend(kit::values(&[kit::context(&late)], kit::MESSAGE_BLOCKS));
    message
}

/// What a step came to for one of its targets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// By direct message.
    Person { user: UserId },
    /// Mentioned in the thread, as a receiver's `mention` is.
    Mention(String),
    /// Not called: has acknowledged it, or asked for others.
    OnIt { user: UserId },
    /// Deactivated in Slack.
    Left { user: UserId },
    /// An empty schedule.
    NobodyOnCall { schedule: String },
    /// A paging service outside.
    Service(Service),
}

impl Told {
    /// Whether anybody hears of it.
    #[must_use]
    pub const fn reached(&self) -> bool {
        match self {
            Self::Person { .. } | Self::Mention(_) | Self::Service(_) => true,
            Self::OnIt { .. } | Self::Left { .. } | Self::NobodyOnCall { .. } => false,
        }
    }
}

/// What the thread says of a step.
#[derive(Clone, Copy, Debug)]
pub struct StepView<'a> {
    pub position: Position,
    pub steps: usize,
    pub told: &'a [Told],
    pub asked_by: Option<&'a Actor>,
    /// When the next is due, if nobody acknowledges.
    pub next: Option<Timestamp>,
    pub people: &'a People,
    pub now: Timestamp,
}

#[must_use]
pub fn step(view: &StepView) -> Message {
    let StepView { told, people, now, .. } = view;
    let parts = told_words(told, people);
    let round = if view.position.round == 0 { String::new() } else { format!(", round {}", view.position.round + 1) };
    let asked = view.asked_by.map(|by| format!(", asked for by {}", people.name(by))).unwrap_or_default();
    let reached = told.iter().any(Told::reached);
    let next = match view.next {
        _ if !reached && view.next == Some(*now) => {
            "\nThat reached nobody, so the next step follows at once.".to_owned()
        }
        Some(at) => format!("\nGoes on at {} if nobody acknowledges.", moment(at, *now)),
        None => String::new(),
    };
    let line = kit::line(&format!(
        "📟 *Step {} of {}*{round}{asked}: {}{next}",
        view.position.step + 1,
        view.steps,
        parts.join(" · ")
    ));
    // A mention in a thread reaches only those who follow it.
    Message { broadcast: told.iter().any(|told| matches!(told, Told::Mention(_))), ..line }
}

/// Whom a step reached, and whom it did not.
pub(super) fn told_words(told: &[Told], people: &People) -> Vec<String> {
    let name = |user: &UserId| people.name(&Actor::Person { user: user.clone(), team: None });
    let mut parts = Vec::new();
    let told_directly: Vec<_> = told
        .iter()
        .filter_map(|told| match told {
            Told::Person { user } => Some(name(user)),
            Told::Mention(_) | Told::OnIt { .. } | Told::Left { .. } | Told::NobodyOnCall { .. } | Told::Service(_) => {
                None
            }
        })
        .collect();
    if !told_directly.is_empty() {
        parts.push(format!("told {} directly", told_directly.join(", ")));
    }
    parts.extend(told.iter().filter_map(|told| match told {
        Told::Person { .. } => None,
        Told::Mention(whom) => ping(whom),
        Told::Service(service) => Some(service_name(service)),
        Told::NobodyOnCall { schedule } => Some(format!("⚠️ nobody is on call in {}", bold(schedule))),
        Told::OnIt { user } => Some(format!("{} is on it already", name(user))),
        Told::Left { user } => Some(format!("⚠️ {} is deactivated in Slack", name(user))),
    }));
    parts
}

fn service_name(service: &Service) -> String {
    match service {
        Service::Pagerduty(name) => format!("PagerDuty {}", bold(name)),
        Service::Webhook(name) => format!("webhook {}", bold(name)),
    }
}

/// A service outside that did not take a page: people must look elsewhere.
#[must_use]
pub fn service_failed(service: &Service, error: &str) -> Message {
    kit::line(&format!("⚠️ {} was not told: {}", service_name(service), said(error, 300)))
}

/// Somebody who cannot be written to: they have not been told.
#[must_use]
pub fn person_failed(user: &UserId, error: &str, people: &People) -> Message {
    let name = people.name(&Actor::Person { user: user.clone(), team: None });
    kit::line(&format!("⚠️ {name} was not told, the direct message cannot be delivered: {}", said(error, 300)))
}

/// Every step was taken, and nobody has acknowledged.
#[must_use]
pub fn exhausted(policy: &str) -> Message {
    kit::line(&format!(
        "📟 Every step of {} was taken, and nobody has acknowledged. Reminders go on; *Escalate* begins another round.",
        bold(policy)
    ))
}

/// Where an escalation stands.
#[derive(Clone, Copy, Debug)]
pub struct EscalationView<'a> {
    pub run: &'a Run,
    /// How many steps the policy has now, and how often they are repeated.
    pub steps: usize,
    pub repeat: u32,
    pub hours: Option<&'a Schedule>,
}

/// For the living message: what comes next while nobody acknowledges.
pub(super) fn aside(view: &EscalationView, now: Timestamp) -> Option<String> {
    match &view.run.stage {
        Stage::Running { next, .. } if ended(view, *next) => Some("📟 The last escalation step was taken".to_owned()),
        Stage::Running { next, due_at, .. } => {
            Some(format!("📟 Escalates at {} ({})", moment(*due_at, now), place(view, *next)))
        }
        Stage::Exhausted { .. } => Some("📟 Every escalation step was taken".to_owned()),
        Stage::Stopped { .. } => None,
    }
}

fn ended(view: &EscalationView, next: Position) -> bool {
    next.step == 0 && next.round > view.repeat
}

fn place(view: &EscalationView, Position { round, step }: Position) -> String {
    let round = if round == 0 { String::new() } else { format!(", round {}", round + 1) };
    format!("step {} of {}{round}", step + 1, view.steps)
}

/// For `/wk why`: policy, steps taken, and what comes next or why nothing does.
pub(super) fn story(view: &EscalationView, people: &People, now: Timestamp) -> String {
    let taken = view.run.taken.iter().map(|taken| format!("{} {}", place(view, taken.position), moment(taken.at, now)));
    let mut parts: Vec<_> = taken.collect();
    parts.push(match &view.run.stage {
        Stage::Running { next, due_at, .. } if ended(view, *next) => {
            format!("that was the last; at its end {}", moment(*due_at, now))
        }
        Stage::Running { next, due_at, .. } => {
            let held = view.hours.is_some_and(|hours| !hours.is_open(now));
            let held = if held { ", when working hours begin" } else { "" };
            format!("{} is due at {}{held}", place(view, *next), moment(*due_at, now))
        }
        Stage::Exhausted { at, .. } => format!("at its end since {}", moment(*at, now)),
        Stage::Stopped { at, why, .. } => {
            let why = match why {
                Stop::Acknowledged { by } => format!("{} acknowledged", people.name(by)),
                Stop::Resolved => "it resolved".to_owned(),
                Stop::Suppressed => "all that fires is silenced or inhibited".to_owned(),
                Stop::Muted => "its route is muted".to_owned(),
                Stop::Unruled => "no rule of `escalation.rules` fits any more".to_owned(),
            };
            format!("stopped at {}: {why}", moment(*at, now))
        }
    });
    format!("by {}: {}", bold(&view.run.policy), parts.join(", "))
}

/// The answer to whoever asks for the next step.
#[must_use]
pub fn hurried(number: u64, next: usize, steps: usize) -> Message {
    kit::line(&format!("📟 #{number}: taking step {next} of {steps} now. The thread says whom it reaches."))
}

/// Nothing to take a step of.
#[must_use]
pub fn not_ruled(number: u64) -> Message {
    kit::line(&format!(
        "No rule of `escalation.rules` covers #{number}, so there is nobody to call. Mention people yourself."
    ))
}

/// Its message is not out yet.
#[must_use]
pub fn not_posted(number: u64) -> Message {
    kit::line(&format!("#{number} has not been posted yet; it escalates from then on."))
}
