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
use super::words::{bold, code, count, moment};
use crate::core::handoff::{Handoff, Numbers, Report, Section, State};
use crate::core::ids::UserId;
use crate::core::oncall::Person;
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

/// Whom a direct message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Who comes in.
    Incoming,
    /// Who has it until somebody accepts.
    Keeper,
    /// Who is asked to take it in their place.
    Instead,
}

/// Lines of the first screen; a phone shows about as many.
const LINES: usize = 6;
/// Of one section: two hundred alerts leave room for a note.
const EACH: usize = 3;
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
    blocks.push(kit::context(&numbers(report)));
    let to = ways(if handoff.incoming.is_empty() { &handoff.staying } else { &handoff.incoming }, people);
    let goes = if handoff.kept() { "stays with" } else { "goes to" };
    kit::message(&format!("🔁 {} {goes} {to}: {}", bold(&handoff.schedule), gist(report)), &blocks, None)
}

/// The direct message to one person about it, as it should look now.
#[must_use]
pub fn direct(view: &HandoffView, to: To) -> Message {
    let HandoffView { handoff, report, people, now, .. } = view;
    let lead = lead(view, to);
    let mut blocks = vec![kit::section(&lead)];
    let mut row: Vec<SlackActionBlockElement> = Vec::new();
    if handoff.state.open() {
        row.extend(match to {
            To::Incoming => answers_of(handoff),
            To::Instead => vec![kit::button("I take it", &press(Press::StandIn(handoff.id.clone()))).into()],
            To::Keeper => Vec::new(),
        });
        if to != To::Keeper {
            blocks.extend(essence(report, people, *now));
            row.extend(details(report, &handoff.number.to_string()).map(Into::into));
        }
    }
    if !row.is_empty() {
        blocks.push(kit::row(row));
    }
    blocks.push(kit::context(&format!("handoff #{} in {}", handoff.number, channel_link(&handoff.channel))));
    kit::message(&lead, &blocks, None)
}

/// What they have to know first.
fn lead(view: &HandoffView, to: To) -> String {
    let HandoffView { handoff, people, now, .. } = view;
    let schedule = bold(&handoff.schedule);
    let until = handoff.until.map(|at| format!(" until {}", moment(at, *now))).unwrap_or_default();
    let who = ways(&handoff.incoming, people);
    match (&handoff.state, to) {
        (State::Accepted { by, at }, _) => {
            let released = if to == To::Keeper { " You are released." } else { "" };
            format!("✅ {} has accepted {schedule}, at {}.{released}", name(by, people), moment(*at, *now))
        }
        (State::Superseded { .. } | State::Unwatched, _) => format!("{schedule} has changed hands again."),
        (_, To::Keeper) if handoff.incoming.is_empty() => {
            let gone = gone(handoff, people);
            format!(
                "🚨 {gone} should have the watch of {schedule} and cannot be reached: you keep it until somebody takes it."
            )
        }
        (_, To::Keeper) => {
            format!("🔁 Your shift of {schedule} is over. You keep the watch until {who} accepts it.")
        }
        (_, To::Instead) if handoff.incoming.is_empty() => {
            let gone = gone(handoff, people);
            format!("🚨 {gone} should have the watch of {schedule} and cannot be reached. Can you take it{until}?")
        }
        (_, To::Instead) => {
            let since = spoken(now.since(handoff.at));
            format!("🚨 {who} has not accepted the watch of {schedule} for {since}. Can you take it{until}?")
        }
        (_, To::Incoming) => {
            let outgoing = &handoff.outgoing;
            let from = if outgoing.is_empty() { String::new() } else { format!(" from {}", ways(outgoing, people)) };
            format!("🔁 You have the watch of {schedule}{from}{until}. Please read and accept it.")
        }
    }
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
        let who = match handoff.incoming.as_slice() {
            [] => "somebody to take it".to_owned(),
            users => format!("{} to accept it", ways(users, people)),
        };
        blocks.push(kit::section(&format!("⏳ Handoff #{} waits for {who}. {keeps}", handoff.number)));
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
    let HandoffView { handoff, people, now, .. } = view;
    let waits = match handoff.incoming.as_slice() {
        [] => gone(handoff, people),
        users => ways(users, people),
    };
    let keeps = keeps(handoff, people);
    let state = match &handoff.state {
        State::Offered { .. } | State::Escalating { .. } if handoff.incoming.is_empty() => {
            format!("🚨 {waits} should have it and cannot be reached, so others are told. {keeps}")
        }
        State::Offered { .. } => format!("⏳ Waits for {waits} to accept it. {keeps}"),
        State::Escalating { .. } => {
            let since = spoken(now.since(handoff.at));
            format!("🚨 Not accepted for {since}, so others are told. {keeps}")
        }
        State::Unanswered { .. } if handoff.incoming.is_empty() => {
            format!("🚨 {waits} should have it and cannot be reached, and nobody has taken it. {keeps}")
        }
        State::Unanswered { .. } => format!("🚨 Nobody has accepted it. {keeps}"),
        State::Accepted { by, .. } if handoff.kept() => {
            format!("✅ {} has kept it since before, so nobody has to accept it.", name(by, people))
        }
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
    format!("{}\n{state}", turn(view))
}

/// Who hands over to whom, and who goes on.
fn turn(view: &HandoffView) -> String {
    let HandoffView { handoff, rings, people, now, .. } = view;
    let Handoff { outgoing, incoming, staying, .. } = handoff;
    let whom = |users: &[UserId]| match users {
        [] => "nobody".to_owned(),
        users if *rings => {
            users.iter().take(NAMES).filter_map(|user| ping(user.as_str())).collect::<Vec<_>>().join(" ")
        }
        users => ways(users, people),
    };
    let until = handoff.until.map(|at| format!(" until {}", moment(at, *now))).unwrap_or_default();
    let from = ways(outgoing, people);
    match (outgoing.as_slice(), incoming.as_slice(), staying.as_slice()) {
        (_, incoming, []) => format!("{from} → {}{until}", whom(incoming)),
        ([], [], staying) => format!("{} {}{until}", whom(staying), go_on(staying)),
        (_, [], staying) => format!("{from} → {}{until}", whom(staying)),
        ([], incoming, staying) => {
            format!("{} {}, with {}{until}", ways(staying, people), go_on(staying), whom(incoming))
        }
        (_, incoming, staying) => {
            format!("{from} → {}{until}; {} {}", whom(incoming), ways(staying, people), go_on(staying))
        }
    }
}

const fn go_on(users: &[UserId]) -> &'static str {
    if users.len() == 1 { "goes on" } else { "go on" }
}

/// Who is answerable meanwhile.
fn keeps(handoff: &Handoff, people: &People) -> String {
    match (handoff.keepers(), handoff.staying.as_slice()) {
        ([], []) => "Nobody keeps the watch until then.".to_owned(),
        ([], users) => format!("{} {} meanwhile.", ways(users, people), go_on(users)),
        (users, _) => format!("Until then {} keeps the watch.", ways(users, people)),
    }
}

/// Who should have it and cannot be reached.
fn gone(handoff: &Handoff, people: &People) -> String {
    let one = |person: &Person| match person {
        Person::Slack(user) => name(user, people),
        Person::Email(_) | Person::Name(_) => code(&person.to_string()),
    };
    let shown: Vec<_> = handoff.unreachable.iter().take(NAMES).map(one).collect();
    if shown.is_empty() { "nobody".to_owned() } else { shown.join(", ") }
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

/// Each figure with that of the shift before behind it.
fn numbers(report: &Report) -> String {
    let (now, before) = (&report.numbers, report.before.as_ref());
    let then = |of: &dyn Fn(&Numbers) -> String| {
        before.map(|before| format!(" ({})", of(&before.numbers))).unwrap_or_default()
    };
    let lasted =
        |length: std::time::Duration| if length.is_zero() { String::new() } else { format!(" in {}", spoken(length)) };
    let first = before
        .map(|before| format!(" ({}{} the shift before)", before.numbers.alerts, lasted(before.lasted.duration())));
    let length = spoken(report.to.since(report.from));
    let mut parts = vec![format!("{} in {length}{}", now.alerts, first.unwrap_or_default())];
    let figure = |of: fn(&Numbers) -> usize, words: &'static str| (of, words);
    let figures = [
        figure(|n| n.critical, "critical"),
        figure(|n| n.pages, "escalated"),
        figure(|n| n.unattended, "went by themselves"),
    ];
    for (of, words) in figures {
        if of(now) + before.map_or(0, |before| of(&before.numbers)) > 0 {
            parts.push(format!("{} {words}{}", of(now), then(&|n| of(n).to_string())));
        }
    }
    let mean = |n: &Numbers| n.to_acknowledge.map_or("none".to_owned(), |mean| spoken(mean.duration()));
    if now.to_acknowledge.is_some() {
        parts.push(format!("acknowledged after {} on average{}", mean(now), then(&mean)));
    }
    if now.incidents > 0 {
        parts.push(format!("{}{}", count(now.incidents, "incident"), then(&|n| n.incidents.to_string())));
    }
    format!("alerts: {}", parts.join(" · "))
}

fn buttons(handoff: &Handoff) -> Vec<SlackActionBlockElement> {
    let mut row = answers_of(handoff);
    let late = matches!(handoff.state, State::Escalating { .. } | State::Unanswered { .. });
    if late && !handoff.incoming.is_empty() {
        row.push(kit::button("I take it instead", &press(Press::StandIn(handoff.id.clone()))).into());
    }
    row
}

/// What whoever comes in can do.
fn answers_of(handoff: &Handoff) -> Vec<SlackActionBlockElement> {
    if !handoff.state.open() {
        return Vec::new();
    }
    if handoff.incoming.is_empty() {
        return vec![kit::primary(kit::button("I take it", &press(Press::StandIn(handoff.id.clone())))).into()];
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
