//! Lists of alerts and of silences.

use super::actions::Press;
use super::kit;
use super::members::Members;
use super::notes::matchers;
use super::people::People;
use super::words::{bold, count, escape, moment, said, severity_emoji};
use crate::core::alert::Alert;
use crate::core::command::Which;
use crate::core::group::{Group, GroupState};
use crate::core::silence::Silence;
use crate::core::time::{Timestamp, spoken};
use crate::slack::message::Message;

/// One alert group in a list.
#[derive(Clone, Copy, Debug)]
pub struct AlertItem<'a> {
    pub group: &'a Group,
    pub alerts: &'a [&'a Alert],
    /// Every firing member is silenced.
    pub silenced: bool,
    /// Address of its living message.
    pub permalink: Option<&'a str>,
}

/// What the answer to `/wk alerts` is made from.
#[derive(Clone, Copy, Debug)]
pub struct AlertsView<'a> {
    /// What the question asks for, in the order to show.
    pub items: &'a [AlertItem<'a>],
    pub which: &'a Which,
    pub people: &'a People,
    pub now: Timestamp,
}

/// The rest is only counted: nobody works through more than these at once.
const SHOWN: usize = 15;

#[must_use]
pub fn alerts(view: &AlertsView) -> Message {
    let AlertsView { items, which, people, now } = view;
    let kind = match which {
        Which::Open => "open".to_owned(),
        Which::All => "open or resolved lately".to_owned(),
        Which::Containing(filter) => format!("open and matching {}", bold(filter)),
    };
    if items.is_empty() {
        return kit::line(&format!("✅ No alert is {kind}."));
    }
    let heading = format!("{} {kind}", count(items.len(), "alert"));
    let mut blocks = vec![kit::section(&format!("*Alerts*  {heading}"))];
    blocks.extend(items.iter().take(SHOWN).map(|item| {
        let text = item_line(item, people, *now);
        let open = item.group.open() && item.group.acknowledged.is_none() && !item.silenced;
        let press = Press::Acknowledge(item.group.id.clone());
        kit::section_with(&text, open.then(|| kit::button("Acknowledge", &press)))
    }));
    if items.len() > SHOWN {
        let more = items.len() - SHOWN;
        blocks.push(kit::context(&format!("and {more} more; narrow them down: `/wk alerts sol`")));
    }
    kit::message(&heading, &blocks, None)
}

/// One group in two lines: what, then since when and who has it.
pub(super) fn item_line(item: &AlertItem, people: &People, now: Timestamp) -> String {
    let AlertItem { group, alerts, silenced, permalink } = item;
    let Group { severity, number, acknowledged, .. } = group;
    let members = Members::of(alerts.iter().copied());
    let what = said(&members.headline(), 200);
    let number = permalink
        .and_then(web_address)
        .map_or_else(|| format!("*#{number}*"), |address| format!("*<{address}|#{number}>*"));
    let since = members.since(group);
    let mut state = match group.state {
        GroupState::Closed { closed_at, .. } => {
            let at = members.resolved_at().unwrap_or(closed_at);
            return format!("✅ {number} {what}\nresolved at {} after {}", moment(at, now), spoken(at.since(since)));
        }
        GroupState::Waiting { .. } | GroupState::Notified { .. } => {
            vec![format!("since {} ({})", moment(since, now), spoken(now.since(since)))]
        }
    };
    state.extend(acknowledged.as_ref().map(|ack| format!("👀 {}", people.name(&ack.by))));
    if *silenced {
        state.push("🔕 silenced".to_owned());
    }
    format!("{} {number} {what}\n{}", severity_emoji(*severity), state.join(" · "))
}

/// An address as link markup takes it; `None` for what could end the markup.
fn web_address(text: &str) -> Option<String> {
    let fits = text.starts_with("https://") || text.starts_with("http://");
    (fits && text.len() < 300 && !text.contains(['<', '>', '|', ' '])).then(|| escape(text))
}

/// What the answer to `/wk silences` is made from.
#[derive(Clone, Copy, Debug)]
pub struct SilencesView<'a> {
    /// Those active or still to come, soonest end first.
    pub silences: &'a [&'a Silence],
    pub people: &'a People,
    pub now: Timestamp,
}

#[must_use]
pub fn silences(view: &SilencesView) -> Message {
    let SilencesView { silences, people, now } = view;
    if silences.is_empty() {
        return kit::line("🔔 Nothing is silenced.");
    }
    let heading = count(silences.len(), "silence");
    let mut blocks = vec![kit::section(&format!("*Silences*  {heading}"))];
    blocks.extend(silences.iter().take(SHOWN).map(|silence| {
        let end = Press::Run(format!("unsilence {}", silence.number));
        kit::section_with(&silence_line(silence, people, *now), kit::button("End now", &end))
    }));
    if silences.len() > SHOWN {
        blocks.push(kit::context(&format!("and {} more, ending later", silences.len() - SHOWN)));
    }
    kit::message(&heading, &blocks, None)
}

pub(super) fn silence_line(silence: &Silence, people: &People, now: Timestamp) -> String {
    let Silence { number, starts_at, ends_at, created_by, comment, .. } = silence;
    let starts = if *starts_at > now { format!("from {} ", moment(*starts_at, now)) } else { String::new() };
    let comment = said(comment, 200);
    let comment = if comment.is_empty() { comment } else { format!(": {comment}") };
    let until = moment(*ends_at, now);
    let by = people.name(created_by);
    format!("🔕 *{number}* {}\n{starts}until {until} · by {by}{comment}", matchers(&silence.matchers))
}
