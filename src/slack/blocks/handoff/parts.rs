//! One part of a handoff, a page at a time.

use super::super::kit;
use super::super::pages::Page;
use super::super::people::People;
use super::super::words::bold;
use super::lines::line;
use crate::core::handoff::{Report, Section};
use crate::core::time::Timestamp;
use crate::slack::message::Message;

/// What one part is shown from.
#[derive(Clone, Copy, Debug)]
pub struct PartView<'a> {
    pub report: &'a Report,
    pub section: Section,
    /// Counts from 1.
    pub page: u32,
    pub schedule: &'a str,
    /// The handoff it is of; `None`: the shift so far.
    pub number: Option<u64>,
    pub people: &'a People,
    pub now: Timestamp,
}

/// More is not read at once.
const EACH: usize = 12;
/// Lines of a section block, which holds 3,000 characters.
const TOGETHER: usize = 4;

#[must_use]
pub fn part(view: &PartView) -> Message {
    let PartView { report, section, page, schedule, number, people, now } = view;
    let of = number.map_or_else(|| bold(schedule), |number| format!("{} handoff #{number}", bold(schedule)));
    let indices: Vec<usize> = (0..report.count(*section)).collect();
    let page = Page::of(&indices, EACH, *page);
    let lines: Vec<String> =
        page.shown.iter().filter_map(|index| line(report, *section, *index, people, *now)).collect();
    if lines.is_empty() {
        return kit::line(&format!("{of}: nothing under *{}*.", title(*section)));
    }
    let place = page.place().map(|place| format!(" · {place}")).unwrap_or_default();
    let heading = format!("{of} · {} ({}){place}", title(*section), indices.len());
    let mut blocks = vec![kit::section(&heading)];
    blocks.extend(lines.chunks(TOGETHER).map(|lines| kit::section(&lines.join("\n"))));
    let of = number.map_or_else(|| (*schedule).to_owned(), |number| number.to_string());
    let turns = page.turns(&format!("handoff {of} {}", section.word()), None);
    if !turns.is_empty() {
        blocks.push(kit::row(turns));
    }
    kit::message(&heading, &blocks, None)
}

pub(super) const fn title(section: Section) -> &'static str {
    match section {
        Section::Incidents => "Open incidents",
        Section::Alerts => "Open alerts",
        Section::Requests => "Actions that wait",
        Section::Notes => "Notes",
        Section::Silences => "Silences",
        Section::Temporary => "Temporary changes",
        Section::Wallets => "Wallets",
        Section::Feeds => "Feeds out of bounds",
        Section::Noise => "Noise",
        Section::Upcoming => "Upcoming",
        Section::Done => "What was changed",
    }
}

/// As counted: `197 more open alerts`.
pub(super) const fn words(section: Section, number: usize) -> &'static str {
    match (section, number) {
        (Section::Incidents, 1) => "open incident",
        (Section::Incidents, _) => "open incidents",
        (Section::Alerts, 1) => "open alert",
        (Section::Alerts, _) => "open alerts",
        (Section::Requests, 1) => "action",
        (Section::Requests, _) => "actions",
        (Section::Notes, 1) => "note",
        (Section::Notes, _) => "notes",
        (Section::Silences, 1) => "silence",
        (Section::Silences, _) => "silences",
        (Section::Temporary, 1) => "temporary change",
        (Section::Temporary, _) => "temporary changes",
        (Section::Wallets, 1) => "wallet",
        (Section::Wallets, _) => "wallets",
        (Section::Feeds, 1) => "feed out of bounds",
        (Section::Feeds, _) => "feeds out of bounds",
        (Section::Noise, _) => "noisy",
        (Section::Upcoming, _) => "upcoming",
        (Section::Done, 1) => "change made",
        (Section::Done, _) => "changes made",
    }
}
