//! Looking back: the list of requests, one with everything that happened to it, and its whole plan.

use super::super::audit::rows;
use super::super::kit;
use super::super::people::People;
use super::super::words::{bold, code, count, fitting, moment, said};
use super::card::changes;
use super::words::{emoji, named, undo};
use crate::core::action::policy::{Freeze, Needs};
use crate::core::action::request::Request;
use crate::core::audit::Entry;
use crate::core::time::Timestamp;
use crate::slack::message::Message;

/// What `/wk actions` is made from.
#[derive(Clone, Copy, Debug)]
pub struct ListView<'a> {
    /// Newest first.
    pub requests: &'a [&'a Request],
    pub freeze: Option<&'a Freeze>,
    pub people: &'a People,
    pub now: Timestamp,
}

const SHOWN: usize = 20;

#[must_use]
pub fn list(view: &ListView) -> Message {
    let ListView { requests, freeze, people, now } = view;
    let mut blocks = Vec::new();
    if let Some(freeze) = freeze {
        let by = people.name(&freeze.by);
        blocks.push(kit::section(&format!("🧊 *Frozen* by {by} since {}", moment(freeze.at, *now))));
    }
    if requests.is_empty() {
        blocks.push(kit::section("Nobody has asked for an action yet. `/wk help restart` shows how."));
        return kit::message("No actions yet", &blocks, None);
    }
    let mut sorted: Vec<&&Request> = requests.iter().collect();
    sorted.sort_by_key(|request| request.state.over());
    let open = requests.iter().filter(|request| !request.state.over()).count();
    let heading = format!("{} open", count(open, "action"));
    blocks.push(kit::header(&heading));
    let line = |request: &&&Request| {
        let by = people.name(&request.asked.by.actor());
        format!(
            "{} {} · {} · {by} at {}",
            emoji(&request.state),
            named(request),
            request.state.as_str(),
            moment(request.asked.at, *now)
        )
    };
    let (lines, more) = fitting(sorted.iter().map(line), SHOWN, 2900);
    blocks.push(kit::section(&lines.join("\n")));
    let more = if more > 0 { format!("and {more} more · ") } else { String::new() };
    blocks.push(kit::context(&format!("{more}`/wk action 7` shows one with its whole history")));
    kit::message(&heading, &blocks, None)
}

/// What `/wk action <n>` is made from.
#[derive(Clone, Copy, Debug)]
pub struct HistoryView<'a> {
    pub request: &'a Request,
    pub needs: Needs,
    /// What the audit log has about it, oldest first.
    pub entries: &'a [Entry],
    pub people: &'a People,
    pub now: Timestamp,
}

#[must_use]
pub fn history(view: &HistoryView) -> Message {
    let HistoryView { request, entries, people, now, .. } = view;
    let heading = format!("{} {}: {}", emoji(&request.state), named(request), request.state.as_str());
    let why = said(&request.asked.reason, 500);
    let why = if why.is_empty() { "—".to_owned() } else { why };
    let mut blocks = vec![
        kit::section(&heading),
        kit::section(&format!("Asked for by {}: {why}", people.name(&request.asked.by.actor()))),
        kit::section(&changes(&request.plan, request.state.journal())),
    ];
    let (lines, more) = fitting(rows(entries, people, *now), 40, 2900 * 3);
    for chunk in lines.chunks(14) {
        blocks.push(kit::section(&chunk.join("\n")));
    }
    if more > 0 {
        let number = request.number;
        blocks.push(kit::context(&format!("and {more} more: `watchkeeper audit show --subject action/{number}`")));
    }
    blocks.push(kit::context(&plan_line(request)));
    kit::message(&heading, &blocks, None)
}

fn plan_line(request: &Request) -> String {
    let plan = &request.plan;
    format!("{} · rule {} · plan {}", undo(plan), code(&plan.rule), code(plan.digest().as_str()))
}

/// The whole plan, for the person who asked.
#[must_use]
pub fn details(view: &HistoryView) -> Message {
    let HistoryView { request, needs, people, now, .. } = view;
    let plan = &request.plan;
    let heading = named(request);
    let (steps, more) = fitting(
        plan.preview.changes.iter().enumerate().map(|(nth, change)| {
            let after = change.after.map_or_else(String::new, |after| format!(" ({after} later)"));
            format!(
                "{}. {} {}: {} → {}{after}",
                nth + 1,
                code(&change.object.target.to_string()),
                said(&change.field, 100),
                if change.old.is_empty() { "—".to_owned() } else { said(&change.old, 300) },
                bold(&change.new)
            )
        }),
        40,
        2800,
    );
    let mut blocks = vec![kit::section(&heading), kit::section(&steps.join("\n"))];
    if more > 0 {
        blocks.push(kit::context(&format!("and {more} more steps")));
    }
    let rests = plan.preview.rests_on.iter().map(|(name, value)| format!("{}: {}", said(name, 80), code(value)));
    let (rests, _) = fitting(rests, 20, 2800);
    if !rests.is_empty() {
        blocks.push(kit::section(&format!("*It rests on*\n{}", rests.join("\n"))));
    }
    let on_call = if needs.on_call { ", somebody on call among who asks and approves" } else { "" };
    let quorum =
        if needs.quorum == u32::MAX { "its rule is gone".to_owned() } else { count(needs.quorum as usize, "approval") };
    blocks.push(kit::section(&format!(
        "Needs {quorum}{on_call}; asked for by {} at {}; to be approved until {}; begins within {} of the last approval.",
        people.name(&request.asked.by.actor()),
        moment(request.asked.at, *now),
        moment(plan.approve_by, *now),
        plan.execute_within
    )));
    blocks.push(kit::context(&plan_line(request)));
    kit::message(&heading, &blocks, None)
}
