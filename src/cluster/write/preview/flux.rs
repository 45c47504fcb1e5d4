//! Flux: reconcile now, suspend (with an end), resume.

use std::collections::BTreeMap;

use super::super::CannotPlan;
use super::super::live::Live;
use super::{Draft, Look};
use crate::core::action::kind::Action;
use crate::core::action::plan::{Blast, Change, Preview, Risk, Undo, Write};
use crate::core::time::Span;

pub(super) fn reconcile(look: &Look) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    if live.flag("/spec/suspend") {
        return Err(CannotPlan::NotPossible("it is suspended, so Flux would not do it; resume it first".to_owned()));
    }
    Ok(Draft::of(Preview {
        changes: vec![look.change(Write::Reconcile, "reconciliation", "at its interval", "now")],
        rests_on: BTreeMap::from([
            ("suspended".to_owned(), "false".to_owned()),
            ("source".to_owned(), live.at("/spec/sourceRef").to_string()),
        ]),
        risk: Risk::R1,
        blast: Blast::default(),
        warnings: state(live),
        undo: Undo::None { why: "what Git declares is applied a little sooner than by itself".to_owned() },
    }))
}

pub(super) fn suspend(look: &Look, back_after: Option<Span>) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    if live.flag("/spec/suspend") {
        return Err(CannotPlan::NothingToDo("it is suspended already".to_owned()));
    }
    if back_after.is_some_and(|span| span.duration().is_zero()) {
        return Err(CannotPlan::NotPossible("it cannot resume after no time at all; say e.g. 1h".to_owned()));
    }
    let suspend = |suspend: bool, after| Change { after, ..change(look, suspend) };
    let mut changes = vec![suspend(true, None)];
    changes.extend(back_after.map(|after| suspend(false, Some(after))));
    let mut warnings = state(live);
    if back_after.is_none() {
        warnings.push(
            "it stays suspended until somebody resumes it, and drifts from Git meanwhile; give an end".to_owned(),
        );
    }
    Ok(Draft::of(Preview {
        changes,
        rests_on: BTreeMap::from([("suspended".to_owned(), "false".to_owned())]),
        risk: Risk::R1,
        blast: Blast::default(),
        warnings,
        undo: Undo::By { action: Action::ResumeReconcile },
    }))
}

pub(super) fn resume(look: &Look) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    if !live.flag("/spec/suspend") {
        return Err(CannotPlan::NothingToDo("it is not suspended".to_owned()));
    }
    let note = "what was changed by hand meanwhile, and Git declares otherwise, is undone".to_owned();
    Ok(Draft::of(Preview {
        changes: vec![change(look, false)],
        rests_on: BTreeMap::from([("suspended".to_owned(), "true".to_owned())]),
        risk: Risk::R1,
        blast: Blast::default(),
        warnings: state(live).into_iter().chain([note]).collect(),
        undo: Undo::By { action: Action::SuspendReconcile { back_after: None } },
    }))
}

fn change(look: &Look, suspend: bool) -> Change {
    let words = ("reconciles", "suspended");
    let (old, new) = if suspend { words } else { (words.1, words.0) };
    look.change(Write::Suspend { suspend }, "reconciliation", old, new)
}

/// How it is now, when that is not well.
fn state(live: &Live) -> Vec<String> {
    let not_ready = live.condition("Ready").filter(|(status, ..)| *status != "True");
    not_ready.map(|(_, reason, message)| format!("it is not ready: {reason}: {message}")).into_iter().collect()
}
