//! Handing the watch over: the message at a shift change, its parts, what is said on the way to its acceptance, and the week.

mod answers;
mod form;
mod lines;
mod parts;
mod press;
mod thread;
mod week;

pub use answers::{
    accepted_told, asked_told, handoff_gone, no_handoff, no_such_handoff, note_added, note_empty, note_removed,
    note_without_schedule, notes_waiting, nothing_handed_over, refused, stood_in_told,
};
pub use form::{ASK_FORM, ask_form, read_question};
pub use parts::{PartView, part};
pub use press::Press;
pub use thread::{accepted, question, reminder, step, unanswered};
pub use week::{WeekView, week};

use slack_morphism::prelude::{
    SlackActionBlockElement, SlackBlock, SlackBlockChoiceItem, SlackBlockPlainText, SlackBlockStaticSelectElement,
};

use super::actions;
use super::alert::ping;
use super::kit;
use super::page::channel_link;
use super::people::People;
use super::words::{bold, count, moment};
use crate::core::handoff::{Handoff, Numbers, Report, Section, State};
use crate::core::ids::UserId;
use crate::core::time::{Timestamp, spoken};
use crate::slack::message::Message;
use lines::{line, name};

/// What a handoff's messages are made from.
#[derive(Clone, Copy, Debug)]
pub struct HandoffView<'a> {
    pub handoff: &'a Handoff,
    pub report: &'a Report,
    /// Whether those who come in are pinged: the first time only.
    pub rings: bool,
    pub people: &'a People,
    pub now: Timestamp,
}

/// Lines of the first screen; a phone shows about as many.
const LINES: usize = 6;
/// Of one section: two hundred alerts leave room for a note.
const EACH: usize = 3;
/// A shift change that is posted this much later says so.
const LATE: std::time::Duration = std::time::Duration::from_mins(2);
/// Names in one list.
const NAMES: usize = 4;
/// Slack's limit for the value of a menu's option; names of schedules are shorter.
const OPTION_VALUE: usize = 150;

/// The message in the channel, as it should look now.
#[must_use]
pub fn handoff(view: &HandoffView) -> Message {
    let HandoffView { handoff, report, people, now, .. } = view;
    let title = format!("🔁 Handoff #{}: {}", handoff.number, handoff.schedule);
    let mut blocks = vec![kit::header(&title), kit::section(&standing(view))];
    blocks.extend(essence(report, people, *now));
    let mut row = buttons(handoff);
    row.extend(details(report, &handoff.number.to_string()).map(Into::into));
    if !row.is_empty() {
        blocks.push(kit::row(row));
    }
    let mut small = vec![numbers(report)];
    let late = report.to.since(handoff.at);
    if late >= LATE {
        small.push(format!("posted {} after the shift change", spoken(late)));
    }
    if handoff.state.open() {
        small.push("questions: *Ask…*, or a reply in this thread".to_owned());
    }
    blocks.push(kit::context(&small.join(" · ")));
    let to = ways(&handoff.incoming, people);
    kit::message(&format!("🔁 {} goes to {to}: {}", bold(&handoff.schedule), gist(report)), &blocks, None)
}

/// The direct message to whoever comes in, or is asked to in their place; `stand_in` is which.
#[must_use]
pub fn direct(view: &HandoffView, stand_in: bool) -> Message {
    let HandoffView { handoff, report, people, now, .. } = view;
    let Handoff { number, schedule, channel, outgoing, incoming, .. } = handoff;
    let schedule = bold(schedule);
    let from = if outgoing.is_empty() { String::new() } else { format!(" from {}", ways(outgoing, people)) };
    let until = handoff.until.map(|at| format!(" until {}", moment(at, *now))).unwrap_or_default();
    let lead = match &handoff.state {
        State::Accepted { by, at } => {
            format!("✅ {} has accepted {schedule}, at {}.", name(by, people), moment(*at, *now))
        }
        State::Superseded { .. } | State::Unwatched => format!("{schedule} has changed hands again."),
        State::Offered { .. } | State::Escalating { .. } | State::Unanswered { .. } if stand_in => {
            let (who, since) = (ways(incoming, people), spoken(now.since(handoff.at)));
            format!("🚨 {who} has not accepted the watch of {schedule} for {since}. Can you take it{until}?")
        }
        State::Offered { .. } | State::Escalating { .. } | State::Unanswered { .. } => {
            format!("🔁 You have the watch of {schedule}{from}{until}. Please read and accept it.")
        }
    };
    let mut blocks = vec![kit::section(&lead)];
    if handoff.state.open() {
        blocks.extend(essence(report, people, *now));
        let own = if stand_in {
            vec![kit::button("I take it", &press(Press::StandIn(handoff.id.clone()))).into()]
        } else {
            answers_of(handoff)
        };
        let mut row: Vec<SlackActionBlockElement> = own;
        row.extend(details(report, &number.to_string()).map(Into::into));
        blocks.push(kit::row(row));
    }
    blocks.push(kit::context(&format!("handoff #{number} in {}", channel_link(channel))));
    kit::message(&lead, &blocks, None)
}

/// The shift as it would be handed over now, for whoever asks; `waiting` is a handoff of the schedule that nobody has
/// accepted yet.
#[must_use]
pub fn shift(schedule: &str, report: &Report, waiting: Option<&Handoff>, people: &People, now: Timestamp) -> Message {
    let lead = format!("{} so far, since {}", bold(schedule), moment(report.from, now));
    let mut blocks = vec![kit::section(&lead)];
    blocks.extend(essence(report, people, now));
    if let Some(handoff) = waiting {
        let keeps = keeps(handoff, people);
        let (who, number) = (ways(&handoff.incoming, people), handoff.number);
        blocks.push(kit::section(&format!("⏳ Handoff #{number} waits for {who} to accept it. {keeps}")));
    }
    let mut row = waiting.map(answers_of).unwrap_or_default();
    row.extend(details(report, schedule).map(Into::into));
    if !row.is_empty() {
        blocks.push(kit::row(row));
    }
    blocks.push(kit::context(&numbers(report)));
    kit::message(&format!("{}: {}", bold(schedule), gist(report)), &blocks, None)
}

/// Who hands over to whom, and where that stands.
fn standing(view: &HandoffView) -> String {
    let HandoffView { handoff, rings, people, now, .. } = view;
    let incoming = match handoff.incoming.as_slice() {
        [] => "nobody".to_owned(),
        users if *rings => {
            users.iter().take(NAMES).filter_map(|user| ping(user.as_str())).collect::<Vec<_>>().join(" ")
        }
        users => ways(users, people),
    };
    let until = handoff.until.map(|at| format!(" until {}", moment(at, *now))).unwrap_or_default();
    let turn = format!("{} → {incoming}{until}", ways(&handoff.outgoing, people));
    let waits = ways(&handoff.incoming, people);
    let state = match &handoff.state {
        State::Offered { .. } => format!("⏳ Waits for {waits} to accept it. {}", keeps(handoff, people)),
        State::Escalating { .. } => {
            let since = spoken(now.since(handoff.at));
            format!("🚨 Not accepted for {since}, so others are told. {}", keeps(handoff, people))
        }
        State::Unanswered { .. } => format!("🚨 Nobody has accepted it. {}", keeps(handoff, people)),
        State::Accepted { by, at } => {
            let instead = if handoff.incoming.contains(by) { String::new() } else { format!(" in place of {waits}") };
            let after = spoken(at.since(handoff.at));
            format!("✅ {} accepted it{instead} at {}, after {after}", name(by, people), moment(*at, *now))
        }
        State::Unwatched => "Nobody has the watch by the schedule.".to_owned(),
        State::Superseded { at } => {
            format!("The watch changed hands again at {} before anybody accepted this.", moment(*at, *now))
        }
    };
    format!("{turn}\n{state}")
}

/// Who is answerable meanwhile.
fn keeps(handoff: &Handoff, people: &People) -> String {
    match handoff.keepers() {
        [] => "Nobody keeps the watch until then.".to_owned(),
        users => format!("Until then {} keeps the watch.", ways(users, people)),
    }
}

/// What must not be missed, and how much more there is.
fn essence(report: &Report, people: &People, now: Timestamp) -> Vec<SlackBlock> {
    let headlines = report.headlines(LINES, EACH);
    let shown: Vec<String> =
        headlines.iter().filter_map(|found| line(report, found.section, found.index, people, now)).collect();
    let more: Vec<String> = Section::ALL
        .into_iter()
        .filter_map(|section| {
            let shown = headlines.iter().filter(|found| found.section == section).count();
            let rest = report.count(section).saturating_sub(shown);
            (rest > 0)
                .then(|| format!("{rest} {}{}", if shown > 0 { "more " } else { "" }, parts::words(section, rest)))
        })
        .collect();
    let mut blocks = if shown.is_empty() {
        vec![kit::section(
            "✅ Nothing that cannot wait: no incident or alert is open, nothing waits for approval, nobody left a note.",
        )]
    } else {
        vec![kit::section(&shown.join("\n"))]
    };
    if !more.is_empty() {
        blocks.push(kit::context(&format!("also {}", more.join(" · "))));
    }
    blocks
}

/// In one line, for notifications.
fn gist(report: &Report) -> String {
    let critical =
        report.alerts.iter().filter(|alert| alert.severity == crate::core::severity::Severity::Critical).count();
    let mut parts = vec![count(report.alerts.len(), "open alert")];
    if critical > 0 {
        parts.push(format!("{critical} critical"));
    }
    for (section, one) in [(Section::Incidents, "incident"), (Section::Requests, "action"), (Section::Notes, "note")] {
        let number = report.count(section);
        if number > 0 {
            parts.push(count(number, one));
        }
    }
    parts.join(", ")
}

fn numbers(report: &Report) -> String {
    let Numbers { alerts, critical, pages, acknowledged, unattended, to_acknowledge, .. } = report.numbers;
    let before = |now: usize, then: fn(&Numbers) -> usize| match &report.before {
        Some(before) => format!("{now} ({} the shift before)", then(before)),
        None => now.to_string(),
    };
    let mut parts = vec![format!("{} in {}", before(alerts, |n| n.alerts), spoken(report.to.since(report.from)))];
    if critical > 0 {
        parts.push(format!("{critical} critical"));
    }
    if pages > 0 {
        parts.push(format!("{pages} escalated"));
    }
    if let (Some(mean), 1..) = (to_acknowledge, acknowledged) {
        parts.push(format!("acknowledged after {} on average", spoken(mean.duration())));
    }
    if unattended > 0 {
        parts.push(format!("{unattended} went by themselves"));
    }
    format!("alerts: {}", parts.join(" · "))
}

fn buttons(handoff: &Handoff) -> Vec<SlackActionBlockElement> {
    let mut row = answers_of(handoff);
    if matches!(handoff.state, State::Escalating { .. } | State::Unanswered { .. }) {
        row.push(kit::button("I take it instead", &press(Press::StandIn(handoff.id.clone()))).into());
    }
    row
}

/// What whoever comes in can do.
fn answers_of(handoff: &Handoff) -> Vec<SlackActionBlockElement> {
    if !handoff.state.open() {
        return Vec::new();
    }
    vec![
        kit::primary(kit::button("Accept", &press(Press::Accept(handoff.id.clone())))).into(),
        kit::button("Ask…", &press(Press::Ask(handoff.id.clone()))).into(),
    ]
}

/// A menu of the parts there are; each answers to whoever chooses it.
fn details(report: &Report, of: &str) -> Option<SlackBlockStaticSelectElement> {
    let there = Section::ALL.into_iter().filter(|section| report.count(*section) > 0);
    let options: Vec<_> = there
        .filter_map(|section| {
            let title = format!("{} ({})", parts::title(section), report.count(section));
            let value = actions::Press::Run(format!("handoff {of} {}", section.word())).value();
            let fits = value.chars().count() <= OPTION_VALUE;
            fits.then(|| SlackBlockChoiceItem::new(SlackBlockPlainText::new(title).into(), value))
        })
        .collect();
    if options.is_empty() {
        return None;
    }
    let select = SlackBlockStaticSelectElement::new()
        .with_action_id(format!("{}.details", actions::RUN).into())
        .with_placeholder(SlackBlockPlainText::new("Details…".to_owned()).into());
    Some(select.with_options(options))
}

fn press(press: Press) -> actions::Press {
    actions::Press::Handoff(press)
}

/// Names, none of which pings.
fn ways(users: &[UserId], people: &People) -> String {
    let shown: Vec<_> = users.iter().take(NAMES).map(|user| name(user, people)).collect();
    match users.len() {
        0 => "nobody".to_owned(),
        all if all > NAMES => format!("{} and {} more", shown.join(", "), all - NAMES),
        _ => shown.join(", "),
    }
}
