//! Incidents: the card, its announcement, lines on the way, lists, the timeline and the forms.

mod forms;
mod lines;
mod press;

pub use forms::{
    DECLARE_FORM, Declared, RESOLVE_FORM, ROLES_FORM, RolesGiven, UPDATE_FORM, Updated, declare_form, forms_metadata,
    read_declared, read_resolved, read_roles, read_updated, resolve_form, roles_form, update_form,
};
pub use lines::{
    calm, changed, charts, declared, due, exported, incident_gone, linked_already, marked, no_incident,
    no_such_incident, nobody_called, not_marked, refused, settled, written,
};
pub use press::Press;

use std::time::Duration;

use slack_morphism::prelude::SlackActionBlockElement;

use super::actions;
use super::kit;
use super::page::channel_link;
use super::pages::Page;
use super::people::People;
use super::words::{ago, bold, count, escape, moment, plain, said};
use crate::core::ids::{Actor, UserId};
use crate::core::incident::{Entry, Incident, Kind, Means, Place, Role, Severity, Stage, State};
use crate::core::time::{Timestamp, spoken};
use crate::slack::message::Message;

/// What an incident's messages are made from.
#[derive(Clone, Copy, Debug)]
pub struct IncidentView<'a> {
    pub incident: &'a Incident,
    pub people: &'a People,
    pub now: Timestamp,
}

const MARKING: &str = "📌 a message, or *Add to incident* in its menu, puts it on the timeline";

/// The card, where it is worked on: who does what, how far it is, what comes next.
#[must_use]
pub fn card(view: &IncidentView) -> Message {
    let IncidentView { incident, now, .. } = view;
    let title = title(incident);
    let mut blocks = vec![kit::header(&title), kit::fields(&facts(view))];
    if let Some(next) = &incident.next_step {
        blocks.push(kit::section(&format!("*Next step*\n{}", said(next, 500))));
    }
    if let State::Resolved { summary, .. } = &incident.state
        && !summary.trim().is_empty()
    {
        blocks.push(kit::section(&format!("*Summary*\n{}", said(summary, 1500))));
    }
    blocks.push(kit::row(buttons(incident)));
    let small = match incident.place {
        Place::Thread { why: Some(ref why) } => {
            let why = said(why, 120);
            format!("{MARKING}\nworked on in this thread, as Slack lets me open no channel: {why}")
        }
        // Without channels of their own reactions are not heard.
        Place::Thread { why: None } => "*Add to incident* in a message's menu puts it on the timeline".to_owned(),
        Place::Opening | Place::Channel { .. } => MARKING.to_owned(),
    };
    blocks.push(kit::context(&small));
    let text = format!("{}: {}", plain(&title, 150), stage_words(&incident.state, *now));
    kit::message(&escape(&text), &blocks, None)
}

/// The announcement, where everybody reads it.
#[must_use]
pub fn announcement(view: &IncidentView) -> Message {
    let IncidentView { incident, people, now } = view;
    let title = title(incident);
    let place = match &incident.place {
        Place::Opening => "a channel is being opened".to_owned(),
        Place::Channel { channel } => format!("worked on in {}", channel_link(channel)),
        Place::Thread { .. } => "worked on in this thread".to_owned(),
    };
    let lead = match incident.roles.of(Role::Commander) {
        Some(user) => format!("{} leads", name(user, people)),
        None => "⚠️ nobody leads".to_owned(),
    };
    let mut lines = vec![format!("{} · {lead} · {place}", stage_words(&incident.state, *now))];
    lines.extend(incident.next_step.as_ref().map(|next| format!("→ {}", said(next, 300))));
    if let State::Resolved { summary, .. } = &incident.state
        && !summary.trim().is_empty()
    {
        lines.push(said(summary, 500));
    }
    let show = kit::run("Show", format!("incident {}", incident.number));
    let blocks = [kit::header(&title), kit::section_with(&lines.join("\n"), show)];
    kit::message(&escape(&plain(&title, 150)), &blocks, None)
}

/// Open incidents, or all lately with what they come to.
#[must_use]
pub fn incidents(found: &[Incident], all: Option<&Means>, people: &People, now: Timestamp) -> Message {
    const SHOWN: usize = 15;
    if found.is_empty() {
        return kit::line(if all.is_some() { "There was no incident yet." } else { "✅ No incident is open." });
    }
    let heading = format!("{}{}", count(found.len(), "incident"), if all.is_some() { "" } else { " open" });
    let mut blocks = vec![kit::section(&format!("*Incidents*  {heading}"))];
    blocks.extend(found.iter().take(SHOWN).map(|incident| {
        let show = kit::run("Show", format!("incident {}", incident.number));
        kit::section_with(&listed(incident, people, now), show)
    }));
    if found.len() > SHOWN {
        blocks.push(kit::context(&format!("and {} more", found.len() - SHOWN)));
    }
    blocks.extend(all.and_then(means).map(|means| kit::context(&means)));
    kit::message(&heading, &blocks, None)
}

/// `Mean time to acknowledge (MTTA) 6 min, of 4; to resolve (MTTR) 1 h 9 min, of 7`
fn means(means: &Means) -> Option<String> {
    let part = |what: &str, (mean, of): (Duration, usize)| format!("to {what} {}, of {of}", spoken(mean));
    let parts = [
        means.to_acknowledge.map(|mean| part("acknowledge (MTTA)", mean)),
        means.to_resolve.map(|mean| part("resolve (MTTR)", mean)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("Mean time {}", parts.join("; ")))
}

pub(super) fn listed(incident: &Incident, people: &People, now: Timestamp) -> String {
    let what = bold(&plain(&incident.title, 120));
    let lead = match incident.roles.of(Role::Commander) {
        Some(user) => name(user, people),
        None => "⚠️ nobody".to_owned(),
    };
    let (emoji, severity, number) = (emoji(incident), incident.severity.as_str().to_uppercase(), incident.number);
    let next = match (&incident.next_step, incident.update_at()) {
        (Some(next), _) => format!("\n→ {}", said(next, 200)),
        (None, Some(at)) => format!("\nnext update at {}", moment(at, now)),
        (None, None) => String::new(),
    };
    format!("{emoji} {severity} *#{number}* {what}\n{} · {lead} leads{next}", stage_words(&incident.state, now))
}

/// A page of what happened.
#[must_use]
pub fn timeline(view: &IncidentView, entries: &[Entry], page: u32) -> Message {
    const EACH: usize = 12;
    let IncidentView { incident, people, now } = view;
    let page = Page::of(entries, EACH, page);
    let place = page.place().map(|place| format!(" · {place}")).unwrap_or_default();
    let heading = format!("*Timeline* of incident #{}{place}", incident.number);
    let lines: Vec<String> = page.shown.iter().map(|entry| entry_line(entry, people, *now)).collect();
    let mut blocks = vec![kit::section(&heading)];
    blocks.extend(lines.chunks(4).map(|lines| kit::section(&lines.join("\n"))));
    let turns = page.turns(&format!("incident {} timeline", incident.number), None);
    if !turns.is_empty() {
        blocks.push(kit::row(turns));
    }
    kit::message(&heading, &blocks, None)
}

fn entry_line(entry: &Entry, people: &People, now: Timestamp) -> String {
    let emoji = match entry.kind {
        Kind::Declared | Kind::Reopened => "🚨",
        Kind::Severity => "📶",
        Kind::Role => "🎖️",
        Kind::Update => "📣",
        Kind::NextStep => "➡️",
        Kind::Alert => "🔔",
        Kind::Action => "⚙️",
        Kind::Message => "📌",
        Kind::Resolved => "✅",
    };
    let link = entry.link.as_deref().and_then(address).map(|url| format!(" · <{url}|message>")).unwrap_or_default();
    let who = people.name(&entry.by);
    format!("{} {emoji} {}: {} · {who}{link}", moment(entry.at, now), entry.kind.as_str(), said(&entry.text, 300))
}

/// An address as link markup takes it; `None` for what could end the markup.
fn address(text: &str) -> Option<String> {
    let web = text.starts_with("https://") || text.starts_with("http://");
    let fits = web && text.len() < 300 && !text.contains(['<', '>', '|', ' ']);
    fits.then(|| escape(text))
}

fn title(incident: &Incident) -> String {
    let severity = incident.severity.as_str().to_uppercase();
    format!("{} {severity} · Incident #{}: {}", emoji(incident), incident.number, incident.title)
}

fn emoji(incident: &Incident) -> &'static str {
    match (&incident.state, incident.severity) {
        (State::Resolved { .. }, _) => "✅",
        (State::Open { .. }, Severity::Sev1) => "🚨",
        (State::Open { .. }, Severity::Sev2) => "🔥",
        (State::Open { .. }, Severity::Sev3) => "🟡",
    }
}

fn stage_words(state: &State, now: Timestamp) -> String {
    match state {
        State::Open { stage, .. } => match stage {
            Stage::Investigating => "investigating",
            Stage::Identified => "cause identified",
            Stage::Monitoring => "mended, monitoring",
        }
        .to_owned(),
        State::Resolved { at, .. } => format!("resolved {}", ago(*at, now)),
    }
}

fn facts(view: &IncidentView) -> Vec<(&'static str, String)> {
    let IncidentView { incident, people, now } = view;
    let who = |role| incident.roles.of(role).map_or_else(|| "nobody yet".to_owned(), |user| name(user, people));
    let mut facts = vec![
        ("State", stage_words(&incident.state, *now)),
        ("Commander", who(Role::Commander)),
        ("Communications", who(Role::Communications)),
        ("Scribe", who(Role::Scribe)),
        ("Declared", format!("{} by {}", moment(incident.opened_at, *now), name(&incident.opened_by, people))),
    ];
    match &incident.state {
        State::Open { update_at, .. } => facts.push(("Next update", moment(*update_at, *now))),
        State::Resolved { at, .. } => facts.push(("Lasted", spoken(at.since(incident.opened_at)))),
    }
    if !incident.alerts.is_empty() {
        let shown: Vec<String> = incident.alerts.iter().take(12).map(|number| format!("#{number}")).collect();
        let more = if incident.alerts.len() > 12 { " …" } else { "" };
        facts.push(("Alerts", format!("{}{more}", shown.join(", "))));
    }
    if !incident.actions.is_empty() {
        let shown: Vec<String> = incident.actions.iter().take(12).map(u64::to_string).collect();
        facts.push(("Actions", shown.join(", ")));
    }
    facts
}

fn buttons(incident: &Incident) -> Vec<SlackActionBlockElement> {
    let id = || incident.id.clone();
    let press = |press| actions::Press::Incident(press);
    let timeline = kit::run("Timeline", format!("incident {} timeline", incident.number)).map(Into::into);
    let mut row: Vec<SlackActionBlockElement> = if incident.open() {
        vec![
            kit::primary(kit::button("Update…", &press(Press::Update(id())))).into(),
            kit::button("Roles…", &press(Press::Roles(id()))).into(),
            kit::button("Resolve…", &press(Press::Resolve(id()))).into(),
        ]
    } else {
        vec![
            kit::button("Post-mortem", &press(Press::Export(id()))).into(),
            kit::button("Reopen", &press(Press::Reopen(id()))).into(),
        ]
    };
    row.extend(timeline);
    row
}

pub(super) fn name(user: &UserId, people: &People) -> String {
    people.name(&Actor::Person { user: user.clone(), team: None })
}
