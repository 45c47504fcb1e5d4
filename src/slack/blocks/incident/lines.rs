//! Short texts about incidents: lines where they are worked on, and answers.

use super::super::alert::ping;
use super::super::kit;
use super::super::page::channel_link;
use super::super::people::People;
use super::super::words::{ago, bold, moment, plain, said};
use super::{Incident, name};
use crate::core::incident::{Entry, Kind, Place, Refusal, Role};
use crate::core::time::Timestamp;
use crate::slack::message::Message;

/// A line where it is worked on, about what was just changed.
#[must_use]
pub fn changed(entry: &Entry, people: &People) -> Message {
    let who = people.name(&entry.by);
    let text = said(&entry.text, 2000);
    kit::line(&match entry.kind {
        Kind::Update => format!("📣 {who}: {text}"),
        Kind::NextStep => format!("➡️ {who} goes on with: {text}"),
        Kind::Role => format!("🎖️ {text} ({who})"),
        Kind::Severity => format!("📶 Now *{text}* ({who})"),
        Kind::Alert => format!("🔔 {text} ({who})"),
        Kind::Action => format!("⚙️ {text} ({who})"),
        Kind::Resolved => {
            format!("✅ {who} resolved it{}", if text.is_empty() { String::new() } else { format!(": {text}") })
        }
        Kind::Reopened => format!("🚨 {who} opened it again"),
        Kind::Declared | Kind::Message => format!("{who}: {text}"),
    })
}

/// People want to hear how it goes; to whoever tells them.
#[must_use]
pub fn due(incident: &Incident, nth: u32) -> Message {
    let who = incident.roles.of(Role::Communications).or_else(|| incident.roles.of(Role::Commander));
    let who = who.and_then(|user| ping(user.as_str())).map(|ping| format!("{ping} ")).unwrap_or_default();
    let nth = if nth > 1 { format!(" (reminder {nth})") } else { String::new() };
    let press = super::super::actions::Press::Incident(super::Press::Update(incident.id.clone()));
    let text = format!("⏰ {who}an update on incident #{} is due{nth}.", incident.number);
    kit::message(&text, &[kit::section_with(&text, kit::button("Update…", &press))], None)
}

/// To whoever declared it.
#[must_use]
pub fn declared(incident: &Incident) -> Message {
    let place = match &incident.place {
        Place::Opening => "I am opening its channel and invite you there.".to_owned(),
        Place::Channel { channel } => format!("It is worked on in {}.", channel_link(channel)),
        Place::Thread { .. } => format!("It is worked on in its thread in {}.", channel_link(&incident.announced_in)),
    };
    kit::line(&format!("🚨 Incident #{} is declared; you lead it. {place}", incident.number))
}

/// What was asked for is done; which incident it was is said in full, as it may not be the one that was meant. `firing` are its
/// alerts that go on although it is resolved.
#[must_use]
pub fn settled(incident: &Incident, firing: &[u64]) -> Message {
    let title = bold(&plain(&incident.title, 120));
    let done = format!("Done; the card of incident #{} {title} shows it.", incident.number);
    kit::line(&match still_firing(firing) {
        Some(still) if !incident.open() => format!("{done}\n⚠️ {still}"),
        _ => done,
    })
}

/// `2 linked alerts still fire: #17, #18.`
pub(super) fn still_firing(firing: &[u64]) -> Option<String> {
    let shown: Vec<String> = firing.iter().take(12).map(|number| format!("#{number}")).collect();
    let more = if firing.len() > shown.len() { " …" } else { "" };
    match firing.len() {
        0 => None,
        1 => Some(format!("A linked alert still fires: {}.", shown.join(", "))),
        many => Some(format!("{many} linked alerts still fire: {}{more}.", shown.join(", "))),
    }
}

/// Nothing of it fires any more.
#[must_use]
pub fn calm(incident: &Incident) -> Message {
    let press = super::super::actions::Press::Incident(super::Press::Resolve(incident.id.clone()));
    let text = format!("🌤️ All linked alerts of incident #{} are over.", incident.number);
    kit::message(&text, &[kit::section_with(&text, kit::button("Resolve…", &press))], None)
}

/// Somebody is on this alert already.
#[must_use]
pub fn linked_already(alert: u64, incident: &Incident) -> Message {
    let title = bold(&plain(&incident.title, 120));
    let number = incident.number;
    let text = format!(
        "Alert #{alert} is part of incident #{number} {title} already. `/wk incident` and a title declares another one."
    );
    kit::message(&text, &[kit::section_with(&text, kit::run("Show", format!("incident {number}")))], None)
}

#[must_use]
pub fn marked(incident: &Incident) -> Message {
    kit::line(&format!("📌 On the timeline of incident #{}.", incident.number))
}

/// The pin was heard, and the message is not on the timeline.
#[must_use]
pub fn not_marked(why: &str) -> Message {
    kit::line(&format!(
        "I could not read that message, so it is not on the timeline: {}. *Add to incident* in its menu works without.",
        said(why, 200)
    ))
}

/// An update without a text says nothing.
#[must_use]
pub fn written(what: &str) -> Message {
    kit::line(&format!("Write {} as well, like `/wk incident update the failover is done`.", said(what, 60)))
}

#[must_use]
pub fn exported(incident: &Incident) -> Message {
    kit::line(&format!("📄 The post-mortem of incident #{} comes as a file in a moment.", incident.number))
}

/// The pictures that the alerts of an incident had, beside its post-mortem; with their alerts' numbers.
#[must_use]
pub fn charts(incident: &Incident, charts: &[(u64, String)]) -> Message {
    let text = format!("📈 What the alerts of incident #{} looked like", incident.number);
    let mut blocks = vec![kit::section(&text)];
    for (alert, file) in charts {
        blocks.push(kit::context(&format!("Alert #{alert}")));
        blocks.push(kit::picture(file, &format!("Chart of alert #{alert}")));
    }
    kit::message(&text, &blocks, None)
}

#[must_use]
pub fn nobody_called(who: &str) -> Message {
    kit::line(&format!("{} is nobody I can find; choose a person from Slack's list after @.", bold(&plain(who, 60))))
}

/// None is open, or several are and none was named.
#[must_use]
pub fn no_incident(open: &[u64]) -> Message {
    let shown: Vec<String> = open.iter().take(12).map(|number| format!("#{number}")).collect();
    if shown.is_empty() {
        return kit::line("No incident is open. `/wk incident SOL/USD is stale` declares one.");
    }
    kit::line(&format!(
        "Which one? Open are {}: `/wk incident {} update …`.",
        shown.join(", "),
        open.first().copied().unwrap_or(1)
    ))
}

#[must_use]
pub fn no_such_incident(number: u64) -> Message {
    kit::line(&format!("There is no incident #{number}. `/wk incidents all` lists those there are."))
}

#[must_use]
pub fn incident_gone() -> Message {
    kit::line("I no longer keep this incident. `/wk incidents` lists those that are open.")
}

#[must_use]
pub fn refused(refusal: &Refusal, people: &People, incident: &Incident, now: Timestamp) -> Message {
    kit::line(&match refusal {
        Refusal::Resolved { number, at } => {
            format!("Incident #{number} was resolved {}. `/wk incident {number} reopen` opens it again.", ago(*at, now))
        }
        Refusal::Open { number } => {
            let since = moment(incident.opened_at, now);
            format!("Incident #{number} is open since {since}, declared by {}.", name(&incident.opened_by, people))
        }
    })
}
