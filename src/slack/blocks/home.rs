//! App Home: what needs the reader now, then what will soon, then how the sources are.

use slack_morphism::prelude::*;

use super::actions::Press;
use super::kit;
use super::lists::{AlertItem, item_line, silence_line};
use super::oncall::own_shifts;
use super::people::People;
use super::words::{count, moment, said};
use crate::core::feed::SourceStatus;
use crate::core::oncall::Shift;
use crate::core::severity::Severity;
use crate::core::silence::Silence;
use crate::core::time::Timestamp;
use crate::slack::blocks::status::SourceLine;
use crate::slack::message::View;

/// What App Home is made from.
#[derive(Clone, Copy, Debug)]
pub struct HomeView<'a> {
    /// Open groups in any order.
    pub open: &'a [AlertItem<'a>],
    /// Closed lately, newest first.
    pub resolved: &'a [AlertItem<'a>],
    /// Active silences, soonest end first.
    pub silences: &'a [&'a Silence],
    /// The reader's own shifts, the next first, with their schedules.
    pub shifts: &'a [(String, Shift)],
    pub sources: &'a [SourceLine<'a>],
    pub people: &'a People,
    pub now: Timestamp,
}

/// Each list is short: Home is for what comes first, `/wk alerts` for everything.
const SHOWN: usize = 8;
const SHOWN_RESOLVED: usize = 5;

#[must_use]
pub fn home(view: &HomeView) -> View {
    let mut open: Vec<_> = view.open.iter().collect();
    open.sort_by_key(|item| (std::cmp::Reverse(item.group.severity), item.group.opened_at));
    let (needed, others): (Vec<_>, Vec<_>) =
        open.into_iter().partition(|item| item.group.acknowledged.is_none() && !item.silenced);
    let mut blocks = vec![kit::header(&headline(&needed))];
    blocks.extend(group_list(view, &needed, true));
    if !others.is_empty() {
        blocks.push(kit::section("*Taken care of*"));
        blocks.extend(group_list(view, &others, false));
    }
    if !view.shifts.is_empty() {
        blocks.push(kit::section(&own_shifts(view.shifts, view.now)));
    }
    blocks.extend(silences(view));
    blocks.push(kit::divider());
    blocks.push(kit::section(&source_lines(view)));
    if !view.resolved.is_empty() {
        blocks.push(kit::section("*Resolved lately*"));
        let resolved: Vec<_> = view.resolved.iter().take(SHOWN_RESOLVED).collect();
        blocks.extend(group_list(view, &resolved, false));
    }
    let ask = |text: &str, command: &str, nth| kit::nth(kit::button(text, &Press::Run(command.to_owned())), nth).into();
    blocks.push(kit::row(vec![ask("Status", "status", 0), ask("All feeds", "feeds", 1), ask("Help", "help", 2)]));
    blocks.push(kit::context(&format!("as of {}", moment(view.now, view.now))));
    View(serde_json::json!({"type": "home", "blocks": kit::values(&blocks, kit::VIEW_BLOCKS)}))
}

fn headline(needed: &[&AlertItem]) -> String {
    let critical = needed.iter().filter(|item| item.group.severity == Severity::Critical).count();
    let need = if needed.len() == 1 { "needs" } else { "need" };
    match (needed.len(), critical) {
        (0, _) => "✅ Nothing needs you now".to_owned(),
        (all, 0) => format!("🟠 {} {need} you", count(all, "alert")),
        (all, critical) if all == critical => format!("🔴 {} {need} you", count(all, "critical alert")),
        (all, critical) => format!("🔴 {} {need} you, {critical} critical", count(all, "alert")),
    }
}

fn group_list(view: &HomeView, items: &[&AlertItem], acknowledge: bool) -> Vec<SlackBlock> {
    let mut blocks: Vec<_> = items
        .iter()
        .take(SHOWN)
        .map(|item| {
            let text = item_line(item, view.people, view.now);
            let press = Press::Acknowledge(item.group.id.clone());
            kit::section_with(&text, acknowledge.then(|| kit::primary(kit::button("Acknowledge", &press))))
        })
        .collect();
    if items.len() > SHOWN {
        blocks.push(kit::context(&format!("and {} more: `/wk alerts`", items.len() - SHOWN)));
    }
    blocks
}

fn silences(view: &HomeView) -> Vec<SlackBlock> {
    if view.silences.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![kit::section("*Silences, the next to end first*")];
    blocks.extend(view.silences.iter().take(SHOWN).map(|silence| {
        let end = Press::Run(format!("unsilence {}", silence.number));
        kit::section_with(&silence_line(silence, view.people, view.now), kit::button("End now", &end))
    }));
    if view.silences.len() > SHOWN {
        blocks.push(kit::context(&format!("and {} more: `/wk silences`", view.silences.len() - SHOWN)));
    }
    blocks
}

fn source_lines(view: &HomeView) -> String {
    let line = |source: &SourceLine| {
        let name = said(source.name, 60);
        let feeds = count(source.feeds, "feed");
        match source.status {
            Some(SourceStatus::Up { .. }) if source.silent == 0 => format!("🟢 *{name}*  {feeds}"),
            Some(SourceStatus::Up { .. }) => format!("🟠 *{name}*  {feeds}, {} silent", source.silent),
            Some(SourceStatus::Down { since, .. }) => format!("🔴 *{name}*  down since {}", moment(*since, view.now)),
            None => format!("⚪ *{name}*  has not said anything yet"),
        }
    };
    let lines: Vec<_> = view.sources.iter().take(SHOWN).map(line).collect();
    format!("*Sources*\n{}", if lines.is_empty() { "none is configured".to_owned() } else { lines.join("\n") })
}
