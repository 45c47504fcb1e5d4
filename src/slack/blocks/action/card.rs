//! The living message of a request: what, where, why and who; exactly what will change; who allowed it; what came of it.

use slack_morphism::prelude::*;

use super::super::actions;
use super::super::alert::ping;
use super::super::kit::{self, Accent};
use super::super::people::People;
use super::super::words::{bold, code, fitting, moment, said, struck};
use super::Press;
use super::money;
use super::words::{emoji, named, undo, what};
use crate::core::action::journal::{Journal, Step};
use crate::core::action::plan::{Change, Plan, Undo, Write};
use crate::core::action::policy::Needs;
use crate::core::action::request::{Approval, Proof, Request, State};
use crate::core::time::{Timestamp, spoken};
use crate::slack::message::Message;

/// What the card is made from.
#[derive(Clone, Copy, Debug)]
pub struct CardView<'a> {
    pub request: &'a Request,
    pub needs: Needs,
    /// Others that are open on the same target.
    pub rivals: &'a [&'a Request],
    /// Who is called while it waits for approval: Slack ids of people and user groups.
    pub called: &'a [String],
    /// Why it does not go on although it might.
    pub waits: Option<&'a str>,
    pub people: &'a People,
    pub now: Timestamp,
}

/// Changes that one card lists.
const CHANGES: usize = 10;
/// People and groups that one card calls.
const CALLED: usize = 10;
/// Characters of a list of changes.
const CHANGES_TEXT: usize = 2200;

#[must_use]
pub fn card(view: &CardView) -> Message {
    let CardView { request, .. } = view;
    let Request { number, plan, state, .. } = request;
    let title = format!("{} #{number} {}", emoji(state), what(&plan.action, plan));
    let mut blocks = vec![kit::header(&title), kit::section(&standing(view)), kit::fields(&facts(view))];
    blocks.push(kit::section(&changes(plan, state.journal())));
    blocks.extend(plan.transfer().map(|transfer| kit::section(&money::balances(transfer))));
    blocks.extend(stale(view));
    blocks.extend(cautions(view));
    blocks.push(kit::contexts(&small_print(view)));
    blocks.extend(buttons(view));
    let text = format!("{} {} · {}", emoji(state), named(request), state.as_str());
    kit::message(&text, &blocks, Some(accent(state)))
}

const fn accent(state: &State) -> Accent {
    match state {
        State::Open { .. } | State::Approved { .. } | State::Executing { .. } => Accent::Acknowledged,
        State::Succeeded { .. } => Accent::Resolved,
        State::Failed { .. } | State::Unknown { .. } => Accent::Firing,
        State::Stale { .. }
        | State::Rejected { .. }
        | State::Withdrawn { .. }
        | State::Expired { .. }
        | State::Cancelled { .. } => Accent::Silenced,
    }
}

/// Where it stands, and who has allowed it so far.
fn standing(view: &CardView) -> String {
    let CardView { request, people, now, .. } = view;
    let mut lines = vec![state_line(view)];
    let called = view.called.iter().filter_map(|id| ping(id)).take(CALLED);
    let called: Vec<String> = called.filter(|_| matches!(request.state, State::Open { .. })).collect();
    if !called.is_empty() {
        lines.push(format!("📣 {}: somebody of you may approve it", called.join(" ")));
    }
    lines.extend(view.waits.map(|why| format!("⏸️ It waits: {}", said(why, 300))));
    for Approval { by, at, on_call, .. } in request.state.approvals() {
        let on_call = if *on_call { " (on call)" } else { "" };
        lines.push(format!("✔️ {}{on_call} approved at {}", people.name(&by.actor()), moment(*at, *now)));
    }
    if let Some(Proof::BreakGlass { reviewed }) = request.state.proof() {
        lines.push(match reviewed {
            Some((by, at)) => format!("🔎 Reviewed by {} at {}", people.name(&by.actor()), moment(*at, *now)),
            None => "🚨 *Without approval* (break-glass); somebody else has to review it afterwards".to_owned(),
        });
    }
    lines.join("\n")
}

fn state_line(view: &CardView) -> String {
    let CardView { request, people, now, .. } = view;
    let Request { plan, asked, .. } = request;
    let after = || request.took().map_or_else(String::new, |took| format!(" after *{}*", spoken(took.duration())));
    match &request.state {
        State::Open { approvals } => {
            let Needs { quorum, on_call } = view.needs;
            let missing = on_call && !asked.on_call && !approvals.iter().any(|approval| approval.on_call);
            let on_call = if missing { ", somebody on call among them" } else { "" };
            let (until, left) = (moment(plan.approve_by, *now), spoken(plan.approve_by.since(*now)));
            let needs = if quorum == u32::MAX { "more than anybody can give".to_owned() } else { quorum.to_string() };
            format!("*Waits for approval*: {} of {needs}{on_call}, until {until} ({left})", approvals.len())
        }
        State::Approved { .. } => {
            let by = request.begin_by().map_or_else(String::new, |by| format!("; begins by {}", moment(by, *now)));
            format!("*Approved*{by}")
        }
        State::Executing { started_at, .. } => match request.holds_until() {
            Some(until) => {
                let left = spoken(until.since(*now));
                format!("*Done for now*; goes back by itself at {} ({left})", moment(until, *now))
            }
            None => format!("*Under way* since {}", moment(*started_at, *now)),
        },
        State::Succeeded { at, .. } => format!("*Done* at {}{}", moment(*at, *now), after()),
        State::Failed { at, why, .. } => {
            format!("*Failed* at {}{}: {}", moment(*at, *now), after(), said(why, 600))
        }
        State::Unknown { at, why, .. } => format!(
            "*Nobody knows whether it happened* (since {}): {}\nLook at it before you ask for anything else.",
            moment(*at, *now),
            said(why, 600)
        ),
        State::Stale { at, .. } => {
            format!("*Not begun* ({}): what it rests on is not as it was when it was approved", moment(*at, *now))
        }
        State::Rejected { by, reason, at } => {
            format!("*Rejected* by {} at {}: {}", people.name(&by.actor()), moment(*at, *now), said(reason, 600))
        }
        State::Withdrawn { at } => format!("*Withdrawn* at {}", moment(*at, *now)),
        State::Expired { at } => format!("*Expired* at {}: nothing was done", moment(*at, *now)),
        State::Cancelled { by, why, at, journal } => {
            let done = journal.as_ref().map_or(0, |it| it.steps.iter().filter(|step| is_done(step)).count());
            let kept = if done == 0 { "nothing was done" } else { "what was done stays done" };
            format!("*Stopped* by {} at {}: {}; {kept}", people.name(by), moment(*at, *now), said(why, 300))
        }
    }
}

const fn is_done(step: &Step) -> bool {
    matches!(step, Step::Succeeded { .. })
}

fn facts(view: &CardView) -> Vec<(&'static str, String)> {
    let CardView { request, people, .. } = view;
    let Request { plan, asked, .. } = request;
    let who = people.name(&asked.by.actor()) + if asked.on_call { " (on call)" } else { "" };
    let reason = if asked.reason.is_empty() { "—".to_owned() } else { said(&asked.reason, 600) };
    let mut facts = vec![
        ("Where", format!("{} · {}", bold(&plan.target.cluster), code(&plan.target.short()))),
        ("Who", who),
        ("Why", reason),
        ("Risk", risk(plan)),
    ];
    facts.extend(plan.transfer().into_iter().flat_map(money::facts));
    if !plan.preview.blast.pods.is_empty() {
        facts.push(("Touches", said(&plan.preview.blast.pods, 300)));
    }
    if !plan.preview.blast.budgets.is_empty() {
        let budgets: Vec<String> = plan.preview.blast.budgets.iter().take(5).map(|it| said(it, 200)).collect();
        facts.push(("Budgets", budgets.join("\n")));
    }
    facts
}

fn risk(plan: &Plan) -> String {
    use crate::core::action::plan::Risk;
    let words = match plan.preview.risk {
        Risk::R0 => "reads only",
        Risk::R1 => "one service, can be taken back",
        Risk::R2 => "a service may go down, or more than one is touched",
        Risk::R3 => "money or governance",
    };
    format!("{} · {words}", plan.preview.risk.as_str())
}

/// Each change from old to new, with what came of it.
pub(super) fn changes(plan: &Plan, journal: Option<&Journal>) -> String {
    let steps = journal.map(|journal| journal.steps.as_slice()).unwrap_or_default();
    let lines = plan.preview.changes.iter().enumerate().map(|(nth, change)| line(plan, change, steps.get(nth)));
    let (mut lines, more) = fitting(lines, CHANGES, CHANGES_TEXT);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    if let Some(progress) = journal.map(|journal| &journal.progress).filter(|progress| !progress.is_empty()) {
        lines.push(format!("_{}_", said(progress, 300).replace('_', " ")));
    }
    lines.join("\n")
}

fn line(plan: &Plan, change: &Change, step: Option<&Step>) -> String {
    let Change { object, field, old, new, after, .. } = change;
    let mark = match step {
        None | Some(Step::Waiting) => "•",
        Some(Step::Intended { .. } | Step::Attempted { .. }) => "⏳",
        Some(Step::Succeeded { .. }) => "✔️",
        Some(Step::Failed { .. }) => "✖️",
        Some(Step::Unknown { .. }) => "❓",
        Some(Step::Skipped { .. }) => "⏭️",
    };
    let whose = if object.target == plan.target {
        String::new()
    } else {
        format!("{} {} ", said(&object.target.sort.as_str().to_lowercase(), 40), code(&object.target.short()))
    };
    let from = if old.is_empty() { String::new() } else { format!("{} → ", struck(old)) };
    let when = after.map_or_else(String::new, |after| format!(" _{after} later_"));
    let came = match step {
        Some(Step::Intended { blocked: Some(why), .. }) => format!(" — not yet: {}", said(why, 200)),
        Some(Step::Succeeded { note, .. }) if !note.is_empty() => format!(" — {}", said(note, 200)),
        Some(Step::Failed { why, .. } | Step::Unknown { why, .. } | Step::Skipped { why, .. }) => {
            format!(" — {}", said(why, 200))
        }
        _ => String::new(),
    };
    format!("{mark} {whose}{}: {from}{}{when}{came}", said(field, 100), bold(new))
}

/// What would be done now instead.
fn stale(view: &CardView) -> Option<SlackBlock> {
    let State::Stale { now, .. } = &view.request.state else { return None };
    let was = &view.request.plan.preview.rests_on;
    let moved = now.preview.rests_on.iter().filter(|(name, value)| was.get(*name) != Some(value));
    let moved: Vec<String> = moved
        .take(5)
        .map(|(name, value)| {
            let old = was.get(name).map_or_else(String::new, |old| format!("{} → ", struck(old)));
            format!("{}: {old}{}", said(name, 80), bold(value))
        })
        .collect();
    let why = if moved.is_empty() { "the rules have changed".to_owned() } else { moved.join("\n") };
    Some(kit::section(&format!("*What has changed*\n{why}\n*It would do now*\n{}", changes(now, None))))
}

fn cautions(view: &CardView) -> Option<SlackBlock> {
    let shown = view.request.plan.preview.warnings.iter().take(6);
    let mut lines: Vec<String> = shown.map(|warning| format!("⚠️ {}", said(warning, 300))).collect();
    if !view.request.state.over() {
        let rivals = view.rivals.iter().take(4);
        lines
            .extend(rivals.map(|other| format!("⚠️ Also on this target: {} ({})", named(other), other.state.as_str())));
    }
    (!lines.is_empty()).then(|| kit::section(&lines.join("\n")))
}

fn small_print(view: &CardView) -> Vec<String> {
    let Request { number, plan, asked, .. } = view.request;
    let mut parts =
        vec![undo(plan), format!("rule {}", code(&plan.rule)), format!("plan {}", code(plan.digest().short()))];
    parts.extend(asked.undoes.map(|number| format!("takes #{number} back")));
    parts.push(format!("audit: {}", code(&format!("/wk audit action/{number}"))));
    vec![parts.join(" · ")]
}

/// What is run, and the run.
fn pages(plan: &Plan, state: &State) -> Vec<SlackActionBlockElement> {
    let commit = plan.preview.changes.iter().find_map(|change| match &change.write {
        Write::Dispatch { page, .. } => kit::link("Open the commit", page, 0),
        _ => None,
    });
    let run = state.journal().and_then(Journal::started).and_then(|run| kit::link("Open the run", &run.page, 1));
    commit.into_iter().chain(run).map(SlackActionBlockElement::from).collect()
}

fn buttons(view: &CardView) -> Option<SlackBlock> {
    let Request { id, number, plan, state, .. } = view.request;
    let button = |text: &str, press: Press| kit::button(text, &actions::Press::Act(press));
    let menu = |entries: &[(&str, Press)]| {
        let entries: Vec<_> = entries.iter().map(|(text, press)| (*text, actions::Press::Act(press.clone()))).collect();
        SlackActionBlockElement::from(kit::overflow(&entries))
    };
    let details = || SlackActionBlockElement::from(button("Details", Press::Details(id.clone())));
    let history = kit::run("History", format!("action {number}")).map(SlackActionBlockElement::from);
    let mut elements: Vec<SlackActionBlockElement> = Vec::new();
    match state {
        State::Open { .. } => {
            let digest = plan.digest();
            elements.push(kit::primary(button("Approve", Press::Approve(id.clone(), digest.clone()))).into());
            elements.push(button("Reject…", Press::Reject(id.clone(), digest)).into());
            elements.push(details());
            elements.push(menu(&[("Withdraw", Press::Withdraw(id.clone()))]));
        }
        State::Approved { .. } => {
            elements.push(button("Reject…", Press::Reject(id.clone(), plan.digest())).into());
            elements.push(details());
            elements.push(menu(&[("Withdraw", Press::Withdraw(id.clone()))]));
        }
        State::Executing { .. } => {
            if view.request.holds_until().is_some() {
                elements.push(button("Go back now", Press::BackNow(id.clone())).into());
                elements.push(details());
                // What is taken back in any case cannot be kept.
                if !state.journal().is_some_and(|journal| journal.owes(plan)) {
                    elements.push(menu(&[("Keep it so; do not go back", Press::Cancel(id.clone()))]));
                }
            } else {
                elements.push(details());
                elements.push(menu(&[("Stop after this step", Press::Cancel(id.clone()))]));
            }
        }
        State::Succeeded { .. } | State::Failed { .. } | State::Unknown { .. } | State::Cancelled { .. } => {
            let done = state.journal().is_some_and(|journal| journal.steps.iter().any(is_done));
            if done && matches!(plan.preview.undo, Undo::By { .. }) {
                elements.push(button("Undo…", Press::Undo(id.clone())).into());
            }
            if matches!(state.proof(), Some(Proof::BreakGlass { reviewed: None })) {
                elements.push(button("I have reviewed it", Press::Review(id.clone())).into());
            }
            elements.push(details());
            elements.extend(history);
        }
        State::Stale { .. } | State::Expired { .. } => {
            elements.push(button("Ask again…", Press::Again(id.clone())).into());
            elements.extend(history);
        }
        State::Rejected { .. } | State::Withdrawn { .. } => elements.extend(history),
    }
    elements.extend(pages(plan, state));
    (!elements.is_empty()).then(|| kit::row(elements))
}
