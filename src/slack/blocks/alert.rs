//! The living message of an alert group: what is wrong, how bad, since when, why probably, and what to press.

use slack_morphism::prelude::*;

use super::actions::Press;
use super::incident;
use super::kit::{self, Accent};
use super::members::{Members, facts};
use super::page::{self, EscalationView};
use super::people::People;
use super::words::{bold, clamp, count, moment, plain, rule_words, said, severity_emoji, struck, utc};
use crate::core::action::offer::Offer;
use crate::core::alert::Alert;
use crate::core::group::{Acknowledgement, Group, GroupState};
use crate::core::silence::Silence;
use crate::core::time::{Timestamp, spoken};
use crate::slack::message::Message;

/// What the living message is made from.
#[derive(Clone, Copy, Debug)]
pub struct AlertView<'a> {
    pub group: &'a Group,
    /// In any order; pending ones are not shown.
    pub members: &'a [Member<'a>],
    pub people: &'a People,
    pub now: Timestamp,
    /// Slack file id of the uploaded chart.
    pub chart: Option<&'a str>,
    /// Whom to ping, as a receiver's `mention` says it: `here`, `channel`, a user id or a user group id.
    pub mention: Option<&'a str>,
    /// Whether owners of what fires are pinged as well.
    pub ring_owners: bool,
    /// Where its escalation stands, when it escalates.
    pub escalation: Option<EscalationView<'a>>,
    /// Actions that fit it and that somebody may ask for.
    pub offers: &'a [Offer],
}

/// An alert of the group, and what keeps it quiet.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    pub alert: &'a Alert,
    /// Of the active silences that match it, the one that ends last.
    pub silenced_by: Option<&'a Silence>,
    /// Another alert inhibits it.
    pub inhibited: bool,
}

impl<'a> Member<'a> {
    #[must_use]
    pub const fn loud(alert: &'a Alert) -> Self {
        Self { alert, silenced_by: None, inhibited: false }
    }
}

/// Where the group stands for its readers; the loudest that applies.
pub(super) enum Standing<'a> {
    Firing,
    Acknowledged(&'a Acknowledgement),
    /// Every firing member is covered; `by` is the first of the silences to end.
    Silenced {
        by: &'a Silence,
    },
    Resolved {
        at: Timestamp,
    },
}

/// The message as it should look now. Colour tells state, emoji severity.
#[must_use]
pub fn living(view: &AlertView) -> Message {
    let members = Members::of(view.members.iter().map(|member| member.alert));
    let standing = standing(view, &members);
    let mut blocks = vec![title(view, &members, &standing)];
    blocks.push(kit::section(&state_lines(view, &members, &standing)));
    blocks.extend(facts(&members, &standing, members.since(view.group), view.now));
    blocks.extend(view.chart.map(|file| kit::picture(file, &format!("{}: {}", members.chart(), members.subjects(3)))));
    blocks.extend(buttons(view, &members, &standing));
    blocks.push(kit::context(&small_print(view, &members)));
    kit::message(&notification(view, &members, &standing), &blocks, Some(accent(&standing)))
}

/// Slack's name for whom to ping; nothing when `mention` is none of the forms a receiver may have.
pub(super) fn ping(mention: &str) -> Option<String> {
    let id = |sign: char| mention.starts_with(sign) && mention.chars().all(|c| c.is_ascii_alphanumeric());
    match mention {
        "here" | "channel" => Some(format!("<!{mention}>")),
        _ if id('U') || id('W') => Some(format!("<@{mention}>")),
        _ if id('S') => Some(format!("<!subteam^{mention}>")),
        _ => None,
    }
}

/// The receiver's mention and the owners of what fires, each once; a few are enough to be heard.
fn pings(view: &AlertView, members: &Members) -> Vec<String> {
    const MOST: usize = 4;
    let owners = members.firing.iter().filter_map(|alert| alert.evidence.owner.as_deref()).filter(|_| view.ring_owners);
    let mut pings: Vec<String> = Vec::new();
    for ping in view.mention.into_iter().chain(owners).filter_map(ping) {
        if pings.len() < MOST && !pings.contains(&ping) {
            pings.push(ping);
        }
    }
    pings
}

fn standing<'a>(view: &AlertView<'a>, members: &Members) -> Standing<'a> {
    if let GroupState::Closed { closed_at, .. } = view.group.state {
        return Standing::Resolved { at: members.resolved_at().unwrap_or(closed_at) };
    }
    if let (true, Some(at)) = (members.firing.is_empty(), members.resolved_at()) {
        return Standing::Resolved { at };
    }
    if let Some(by) = covering(view) {
        return Standing::Silenced { by };
    }
    view.group.acknowledged.as_ref().map_or(Standing::Firing, Standing::Acknowledged)
}

fn firing<'a>(view: &AlertView<'a>) -> impl Iterator<Item = &'a Member<'a>> {
    view.members.iter().filter(|member| member.alert.firing())
}

/// The silence that is the first to leave a member uncovered; `None` while one is covered by no silence at all.
fn covering<'a>(view: &AlertView<'a>) -> Option<&'a Silence> {
    let covers: Option<Vec<_>> = firing(view).map(|member| member.silenced_by).collect();
    covers?.into_iter().min_by_key(|silence| silence.ends_at)
}

const fn accent(standing: &Standing) -> Accent {
    match standing {
        Standing::Firing => Accent::Firing,
        Standing::Acknowledged(_) => Accent::Acknowledged,
        Standing::Silenced { .. } => Accent::Silenced,
        Standing::Resolved { .. } => Accent::Resolved,
    }
}

/// Only this block stands beside the colour bar instead of inside it, and only there does a ping ring; headers hold none.
fn title(view: &AlertView, members: &Members, standing: &Standing) -> SlackBlock {
    let emoji = severity_emoji(view.group.severity);
    let pings = pings(view, members);
    match (standing, pings) {
        (Standing::Resolved { .. }, _) => kit::header(&format!("✅ Resolved: {}", members.subjects(3))),
        (Standing::Firing, pings) if !pings.is_empty() => {
            kit::section(&format!("{emoji} {} {}", bold(&clamp(&members.headline(), 150)), pings.join(" ")))
        }
        (Standing::Firing | Standing::Acknowledged(_) | Standing::Silenced { .. }, _) => {
            kit::header(&format!("{emoji} {}", members.headline()))
        }
    }
}

/// For notifications, search and screen readers: everything that matters in one line.
fn notification(view: &AlertView, members: &Members, standing: &Standing) -> String {
    let what = said(&members.headline_with_limit(), 300);
    let emoji = severity_emoji(view.group.severity);
    match standing {
        Standing::Firing => format!("{emoji} {what}"),
        Standing::Acknowledged(ack) => format!("{emoji} {what} · acknowledged by {}", view.people.name(&ack.by)),
        Standing::Silenced { by } => format!("🔕 {what} · silenced until {}", utc(by.ends_at)),
        Standing::Resolved { at } => {
            let lasted = spoken(at.since(members.since(view.group)));
            format!("✅ Resolved after {lasted}: {what}")
        }
    }
}

fn state_lines(view: &AlertView, members: &Members, standing: &Standing) -> String {
    let AlertView { group, people, now, .. } = view;
    let since = members.since(group);
    let firing = format!("firing for {}", spoken(now.since(since)));
    let mut lines = vec![match standing {
        Standing::Firing => format!("*Firing* since {} ({})", moment(since, *now), spoken(now.since(since))),
        Standing::Acknowledged(Acknowledgement { by, at }) => {
            format!("👀 *Acknowledged* by {} at {}, {firing}", people.name(by), moment(*at, *now))
        }
        Standing::Silenced { by } => {
            let comment = said(&by.comment, 200);
            let comment = if comment.is_empty() { comment } else { format!(": {comment}") };
            format!("🔕 *Silenced* until {} by {}{comment}", moment(by.ends_at, *now), people.name(&by.created_by))
        }
        Standing::Resolved { at } => {
            let (what, lasted) = (struck(&members.headline()), spoken(at.since(since)));
            let by = group.acknowledged.as_ref().map(|ack| format!(", acknowledged by {}", people.name(&ack.by)));
            format!("{what}\n*Resolved* at {} after *{lasted}*{}", moment(*at, *now), by.unwrap_or_default())
        }
    }];
    lines.extend(asides(view, members, standing));
    lines.join("\n")
}

/// What else a reader must know to judge the state.
fn asides(view: &AlertView, members: &Members, standing: &Standing) -> Vec<String> {
    let mut lines = Vec::new();
    let silenced = firing(view).filter(|member| member.silenced_by.is_some()).count();
    let inhibited = firing(view).filter(|member| member.inhibited).count();
    match standing {
        Standing::Resolved { .. } => return lines,
        Standing::Silenced { .. } => {
            let since = members.since(view.group);
            lines.push(format!("Firing since {} ({})", moment(since, view.now), spoken(view.now.since(since))));
            if let Some(Acknowledgement { by, at }) = &view.group.acknowledged {
                lines.push(format!("👀 Acknowledged by {} at {}", view.people.name(by), moment(*at, view.now)));
            }
        }
        Standing::Firing | Standing::Acknowledged(_) if silenced > 0 => {
            lines.push(format!("🔕 {silenced} of {} silenced", members.firing.len()));
        }
        Standing::Firing | Standing::Acknowledged(_) => {}
    }
    match members.firing.iter().filter(|alert| alert.flapping_since.is_some()).count() {
        0 => {}
        1 if members.firing.len() == 1 => {
            lines.push("〰️ *Flapping*: it comes and goes, so it stays open until it has been quiet for a while".into());
        }
        flapping => lines
            .push(format!("〰️ {flapping} of {} *flapping*: held open until quiet for a while", members.firing.len())),
    }
    if let Standing::Firing = standing {
        lines.extend(view.escalation.and_then(|escalation| page::aside(&escalation, view.now)));
    }
    if inhibited > 0 {
        lines.push(format!("↳ {} inhibited by a larger one", count(inhibited, "alert")));
    }
    lines
}

/// Three or four that fit the state, and the rest in the overflow menu. A resolved group has none.
fn buttons(view: &AlertView, members: &Members, standing: &Standing) -> Option<SlackBlock> {
    let group = || view.group.id.clone();
    let acknowledge = || kit::primary(kit::button("Acknowledge", &Press::Acknowledge(group())));
    let mut elements: Vec<SlackActionBlockElement> = Vec::new();
    match standing {
        Standing::Resolved { .. } => return None,
        Standing::Firing => {
            elements.push(acknowledge().into());
            elements.push(kit::silence_select(&view.group.id).into());
            if view.escalation.is_some() {
                elements.push(kit::button("Escalate", &Press::Escalate(group())).into());
            }
        }
        Standing::Acknowledged(_) => elements.push(kit::silence_select(&view.group.id).into()),
        Standing::Silenced { .. } => {
            if view.group.acknowledged.is_none() {
                elements.push(acknowledge().into());
            }
            elements.push(kit::button("End silence", &Press::Unsilence(group())).into());
        }
    }
    elements.extend(kit::act_select(&view.group.id, view.offers).map(SlackActionBlockElement::from));
    elements.push(kit::button("Why?", &Press::Why(group())).into());
    let links = members.links().into_iter().take(3).enumerate();
    elements.extend(links.filter_map(|(nth, link)| kit::link(&link.label, &link.url, nth)).map(Into::into));
    let mut entries =
        vec![("Show all members", Press::Details(group())), ("Silence with a comment…", Press::SilenceForm(group()))];
    if view.escalation.is_some() && !matches!(standing, Standing::Firing) {
        entries.push(("Escalate", Press::Escalate(group())));
    }
    if view.group.acknowledged.is_some() {
        entries.push(("Take the acknowledgement back", Press::Unacknowledge(group())));
    }
    // A group that is silenced altogether has a button for it.
    let partly = !matches!(standing, Standing::Silenced { .. });
    if partly && firing(view).any(|member| member.silenced_by.is_some()) {
        entries.push(("End the silence", Press::Unsilence(group())));
    }
    entries.push(("Declare an incident…", Press::Incident(incident::Press::Declare(group()))));
    elements.push(kit::overflow(&entries).into());
    Some(kit::row(elements))
}

fn small_print(view: &AlertView, members: &Members) -> String {
    let Group { number, severity, .. } = view.group;
    let rules: Vec<_> = members.rules().into_iter().map(|rule| said(&rule_words(rule), 60)).collect();
    let rules = kit::shortened(&rules.join(", "), 300);
    format!("#{number} · {severity} · {rules} · as of {}", moment(view.now, view.now))
}

/// Every member, for the person who asked.
#[must_use]
pub fn details(view: &AlertView) -> Message {
    let members = Members::of(view.members.iter().map(|member| member.alert));
    let shown = if members.firing.is_empty() { &members.resolved } else { &members.firing };
    let heading =
        format!("{} #{} · {}", severity_emoji(view.group.severity), view.group.number, count(shown.len(), "alert"));
    let mut blocks = vec![kit::header(&heading)];
    let since = members.since(view.group);
    let mut lines = shown.iter().map(|alert| members.line(alert, since, view.now)).peekable();
    // Sections of moderate length, as many as a message holds beside its heading and its last line.
    while lines.peek().is_some() && blocks.len() < kit::MESSAGE_BLOCKS - 1 {
        const LINES: usize = 8;
        let chunk: Vec<_> = lines.by_ref().take(LINES).collect();
        blocks.push(kit::section(&chunk.join("\n")));
    }
    match lines.count() {
        0 => {}
        more => blocks.push(kit::context(&format!("and {more} more"))),
    }
    let text = format!("{heading}: {}", bold(&plain(&members.headline(), 200)));
    kit::message(&text, &blocks, None)
}
