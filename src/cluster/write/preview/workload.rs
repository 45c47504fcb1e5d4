//! Restart, scale, pause and resume.

use std::collections::BTreeMap;

use super::super::CannotPlan;
use super::super::live::{Live, count, plural};
use super::{Draft, Look};
use crate::core::action::kind::Action;
use crate::core::action::plan::{Blast, Change, Preview, Risk, Undo, Write};
use crate::core::action::target::Sort;
use crate::core::time::Span;

pub(super) async fn restart(look: &Look<'_>) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    let sort = look.target.sort;
    if live.flag("/spec/paused") {
        return Err(CannotPlan::NotPossible(
            "its rollout is paused, so no pod would be replaced; resume it first".to_owned(),
        ));
    }
    let strategy = if sort == Sort::Deployment { "/spec/strategy/type" } else { "/spec/updateStrategy/type" };
    if live.text(strategy) == "OnDelete" {
        let why = "its pods are replaced only when they are deleted (OnDelete); delete them one by one";
        return Err(CannotPlan::NotPossible(why.to_owned()));
    }
    let pods = wanted(live, sort);
    if pods == 0 {
        return Err(CannotPlan::NothingToDo("it has no pods".to_owned()));
    }
    let at_once = live.text(strategy) == "Recreate";
    let (budgets, _) = look.budgets().await?;
    let mut warnings = under_way(live, sort);
    if at_once {
        warnings.push("all of its pods stop before new ones start (Recreate)".to_owned());
    }
    if let Some(partition @ 1..) = live.number("/spec/updateStrategy/rollingUpdate/partition") {
        warnings.push(format!("only pods from number {partition} on are replaced (partition)"));
    }
    let old = live.restarted_at().map_or_else(|| "not restarted before".to_owned(), |at| format!("restarted {at}"));
    let how = if at_once { "all at once" } else { "a few at a time" };
    Ok(Draft::of(Preview {
        changes: vec![look.change(Write::Restart, "pods", old, "restarted")],
        rests_on: rests_on(live),
        risk: if pods < 2 || at_once { Risk::R2 } else { Risk::R1 },
        blast: Blast { pods: format!("{}, replaced {how}", plural(pods as usize, "pod")), budgets },
        warnings,
        undo: Undo::None { why: "pods that were replaced stay replaced; there is nothing to take back".to_owned() },
    }))
}

pub(super) async fn scale(look: &Look<'_>, to: u32, back_after: Option<Span>) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    let from = live.replicas();
    if from == to {
        return Err(CannotPlan::NothingToDo(format!("it has {} already", plural(to as usize, "replica"))));
    }
    if back_after.is_some_and(|span| span.duration().is_zero()) {
        return Err(CannotPlan::NotPossible("it cannot go back after no time at all; say e.g. 1h".to_owned()));
    }
    let mut warnings = Vec::new();
    let autoscaler = look.hands.autoscaler(look.target).await.map_err(|error| look.cannot(error))?;
    if let Some(autoscaler) = autoscaler {
        let (min, max) =
            (autoscaler.number("/spec/minReplicas").unwrap_or(1), autoscaler.number("/spec/maxReplicas").unwrap_or(1));
        let name = autoscaler.name();
        // At zero an autoscaler rests.
        warnings.push(match to {
            0 => format!("the autoscaler {name} ({min} to {max}) stops scaling it until it has replicas again"),
            _ => format!("the autoscaler {name} ({min} to {max}) sets its replicas too, and will change them again"),
        });
    }
    let (budgets, _) = look.budgets().await?;
    if to == 0 {
        warnings.push("nothing of it is left running".to_owned());
    }
    let change = |from: u32, to: u32, after: Option<Span>| Change {
        after,
        ..look.change(Write::Replicas { from, to }, "replicas", from.to_string(), to.to_string())
    };
    let mut changes = vec![change(from, to, None)];
    changes.extend(back_after.map(|after| change(to, from, Some(after))));
    let pods = match (to > from, from.abs_diff(to) as usize) {
        (true, more) => format!("{} more", plural(more, "pod")),
        (false, fewer) => format!("{} fewer", plural(fewer, "pod")),
    };
    Ok(Draft::of(Preview {
        changes,
        rests_on: BTreeMap::from([("replicas".to_owned(), from.to_string())]),
        risk: if to == 0 { Risk::R2 } else { Risk::R1 },
        blast: Blast { pods, budgets },
        warnings,
        undo: Undo::By { action: Action::Scale { replicas: from, back_after: None } },
    }))
}

pub(super) async fn pause(look: &Look<'_>, paused: bool) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    if live.flag("/spec/paused") == paused {
        let is = if paused { "paused already" } else { "not paused" };
        return Err(CannotPlan::NothingToDo(format!("its rollout is {is}")));
    }
    let (budgets, _) = look.budgets().await?;
    let pods = plural(live.replicas() as usize, "pod");
    let (words, action, note) = if paused {
        let note = "changes made to it while it is paused wait until it is resumed";
        (("rolls out changes", "paused"), Action::ResumeRollout, note)
    } else {
        let note = "what was changed while it was paused is rolled out now";
        (("paused", "rolls out changes"), Action::PauseRollout, note)
    };
    let blast = if paused { format!("{pods} stay as they are") } else { format!("up to {pods}, a few at a time") };
    Ok(Draft::of(Preview {
        changes: vec![look.change(Write::Paused { paused }, "rollout", words.0, words.1)],
        rests_on: rests_on(live),
        risk: Risk::R1,
        blast: Blast { pods: blast, budgets },
        warnings: vec![note.to_owned()],
        undo: Undo::By { action },
    }))
}

/// Pods that are wanted; of a DaemonSet as many as there are nodes for it.
pub(super) fn wanted(live: &Live, sort: Sort) -> u32 {
    match sort {
        Sort::DaemonSet => live.number("/status/desiredNumberScheduled").map_or(0, count),
        _ => live.replicas(),
    }
}

/// What a change of the pods rests on.
pub(super) fn rests_on(live: &Live) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("template".to_owned(), live.template_hash()),
        ("paused".to_owned(), live.flag("/spec/paused").to_string()),
        ("replicas".to_owned(), live.replicas().to_string()),
    ])
}

/// Said when its pods are being replaced at this moment.
pub(super) fn under_way(live: &Live, sort: Sort) -> Vec<String> {
    let updated = match sort {
        Sort::DaemonSet => live.number("/status/updatedNumberScheduled"),
        _ => live.number("/status/updatedReplicas"),
    };
    let (updated, wanted) = (updated.map_or(0, count), wanted(live, sort));
    let seen = live.number("/status/observedGeneration").is_some();
    let words =
        format!("a rollout is under way: {updated} of {} are of the present template", plural(wanted as usize, "pod"));
    if seen && updated < wanted { vec![words] } else { Vec::new() }
}
