//! Argo CD: sync, refresh, roll back. Argo Rollouts: promote, abort, retry.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::CannotPlan;
use super::super::gitops::{busy, entry, index, revisions, sync as wanted, waiting};
use super::super::live::{Live, plural};
use super::{Draft, Look};
use crate::core::action::digest::fingerprint;
use crate::core::action::kind::Action;
use crate::core::action::plan::{Blast, Preview, Risk, Undo, Write};

/// Resources that are named on a card.
const NAMED: usize = 8;

pub(super) fn sync(look: &Look, prune: bool) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    free(live)?;
    let to = revisions(live.at("/status/sync"));
    if to.is_empty() {
        return Err(CannotPlan::NotPossible("Argo CD has not compared it with Git yet; refresh it first".to_owned()));
    }
    if let Some(error) = live.list("/status/conditions").iter().find(|it| it["type"] == "ComparisonError") {
        let why = error["message"].as_str().unwrap_or_default();
        return Err(CannotPlan::NotPossible(format!("Argo CD cannot compare it with Git: {why}")));
    }
    let out: Vec<&Value> = live.list("/status/resources").iter().filter(|it| it["status"] == "OutOfSync").collect();
    let (pruned, changed): (Vec<&Value>, Vec<&Value>) =
        out.iter().copied().partition(|it| it["requiresPruning"] == true);
    if changed.is_empty() && (pruned.is_empty() || !prune) {
        let why = if pruned.is_empty() {
            "it is in sync".to_owned()
        } else {
            format!("only what Git no longer declares is left, and that needs pruning: {}", list(&pruned))
        };
        return Err(CannotPlan::NothingToDo(why));
    }
    let mut warnings = vec![format!("applies {}", list(&changed))];
    if !pruned.is_empty() {
        let what = if prune {
            "deletes, since Git no longer declares it:"
        } else {
            "leaves, since pruning was not asked for:"
        };
        warnings.push(format!("{what} {}", list(&pruned)));
    }
    let mut draft = operation(look, to, None, prune, last(live))?;
    let preview = &mut draft.preview;
    // The whole list, not what fits on a card: another list is another plan.
    preview
        .rests_on
        .insert("out of sync".to_owned(), fingerprint(&out.iter().map(|it| Value::String(words(it))).collect()));
    preview.blast.pods = format!("{} out of sync", plural(out.len(), "resource"));
    preview.warnings.splice(0..0, warnings);
    Ok(draft)
}

pub(super) fn rollback(look: &Look, id: Option<i64>) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    free(live)?;
    let automated = live.at("/spec/syncPolicy/automated");
    if automated.is_object() && automated["enabled"] != false {
        let why =
            "it syncs by itself, so Git would come back at once; revert in Git, or switch automated sync off first";
        return Err(CannotPlan::NotPossible(why.to_owned()));
    }
    let ids: Vec<i64> = live.list("/status/history").iter().filter_map(|entry| entry["id"].as_i64()).collect();
    let wanted = id.or_else(|| ids.iter().rev().nth(1).copied());
    let Some(wanted) = wanted else {
        return Err(CannotPlan::NotPossible("its history has nothing before what it runs".to_owned()));
    };
    let Some(entry) = entry(live, wanted) else {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        return Err(CannotPlan::NotPossible(format!("its history has no {wanted}; there are: {}", ids.join(", "))));
    };
    if ids.last() == Some(&wanted) {
        return Err(CannotPlan::NothingToDo(format!("{wanted} is what was applied last")));
    }
    let mut draft = operation(look, revisions(entry), Some(wanted), false, last(live))?;
    draft.preview.rests_on.extend(ids.last().map(|id| ("history".to_owned(), id.to_string())));
    if let Some(at) = entry["deployedAt"].as_str() {
        draft.preview.warnings.push(format!("it was applied {at} as {wanted}"));
    }
    draft.preview.undo = match ids.last() {
        Some(now) => Undo::By { action: Action::RollbackApp { id: Some(*now) } },
        None => Undo::By { action: Action::Sync { prune: false } },
    };
    Ok(draft)
}

fn operation(
    look: &Look,
    to: Vec<String>,
    history: Option<i64>,
    prune: bool,
    from: Option<String>,
) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    let sync = wanted(live, &to, history, prune).map_err(CannotPlan::NotPossible)?;
    let old = from.unwrap_or_else(|| "nothing was applied before".to_owned());
    let new = to.iter().map(|revision| short(revision)).collect::<Vec<_>>().join(", ");
    let rests_on =
        BTreeMap::from([("revision".to_owned(), to.join(", ")), ("operation".to_owned(), "none".to_owned())]);
    let mut warnings = Vec::new();
    if live.text("/status/health/status") == "Degraded" {
        warnings.push("it is degraded at this moment".to_owned());
    }
    let mut ids = live.list("/status/history").iter().filter_map(|entry| entry["id"].as_i64());
    Ok(Draft::of(Preview {
        changes: vec![look.change(
            Write::Operation { revisions: to, history, prune, hash: fingerprint(&sync) },
            "revision",
            old,
            new,
        )],
        rests_on,
        risk: Risk::R2,
        blast: Blast::default(),
        warnings,
        undo: match ids.next_back() {
            Some(id) => Undo::By { action: Action::RollbackApp { id: Some(id) } },
            None => Undo::None { why: "nothing was applied before it".to_owned() },
        },
    }))
}

/// What was applied last.
fn last(live: &Live) -> Option<String> {
    let entry = live.list("/status/history").last()?;
    Some(revisions(entry).iter().map(|revision| short(revision)).collect::<Vec<_>>().join(", "))
}

fn free(live: &Live) -> Result<(), CannotPlan> {
    busy(live).map_or(Ok(()), |busy| Err(CannotPlan::NotPossible(format!("{busy}; wait until it is over"))))
}

fn list(resources: &[&Value]) -> String {
    let mut names: Vec<String> = resources.iter().take(NAMED).map(|it| words(it)).collect();
    if resources.len() > NAMED {
        names.push(format!("{} more", resources.len() - NAMED));
    }
    names.join(", ")
}

fn words(resource: &Value) -> String {
    let text = |key: &str| resource[key].as_str().unwrap_or_default();
    match text("namespace") {
        "" => format!("{} {}", text("kind"), text("name")),
        namespace => format!("{} {namespace}/{}", text("kind"), text("name")),
    }
}

/// A commit by its first digits; a version as it is.
fn short(revision: &str) -> String {
    let commit = revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if commit { revision.chars().take(10).collect() } else { revision.to_owned() }
}

pub(super) fn refresh(look: &Look, hard: bool) -> Draft {
    let live = &look.live;
    let at = match live.text("/status/reconciledAt") {
        "" => "not compared with Git yet".to_owned(),
        at => format!("compared with Git {at}"),
    };
    let new = if hard { "compared again, without its cache" } else { "compared again" };
    let automated = live.at("/spec/syncPolicy/automated");
    let syncs = automated.is_object() && automated["enabled"] != false;
    let note = "it syncs by itself: what is new in Git is applied then".to_owned();
    Draft::of(Preview {
        // When it was compared last moves by itself, so it is no part of the plan.
        changes: vec![look.change(Write::Refresh { hard }, "comparison", "as it is", new)],
        rests_on: BTreeMap::from([(
            "revision follows".to_owned(),
            live.text("/spec/source/targetRevision").to_owned(),
        )]),
        risk: Risk::R1,
        blast: Blast::default(),
        warnings: syncs.then_some(note).into_iter().chain([at]).collect(),
        undo: Undo::None { why: "looking changes nothing".to_owned() },
    })
}

pub(super) fn promote(look: &Look, full: bool) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    if live.text("/status/currentPodHash") == live.text("/status/stableRS") {
        return Err(CannotPlan::NothingToDo("no update of it is under way".to_owned()));
    }
    if live.flag("/status/abort") {
        return Err(CannotPlan::NotPossible("its update was aborted; retry it first".to_owned()));
    }
    let waits = waiting(live);
    if !full {
        if live.flag("/spec/paused") {
            return Err(CannotPlan::NotPossible(
                "it was paused by hand (spec.paused); unpause it where it is declared".to_owned(),
            ));
        }
        if live.flag("/status/controllerPause") && waits.iter().any(|why| why.contains("Inconclusive")) {
            return Err(CannotPlan::NotPossible(
                "its analysis was inconclusive; promote it in full, or abort".to_owned(),
            ));
        }
        if waits.is_empty() {
            return Err(CannotPlan::NotPossible("it waits for nobody: the step it is at goes on by itself".to_owned()));
        }
    }
    let steps = live.list("/spec/strategy/canary/steps").len();
    let at = if steps == 0 { waits.join(", ") } else { format!("at step {} of {steps}", index(live)) };
    let new = if full { "everywhere, past the rest of its steps and analyses" } else { "goes on past its pause" };
    let images = images(live);
    Ok(Draft::of(Preview {
        changes: vec![look.change(Write::Promote { full }, "update", at, new)],
        rests_on: update(live),
        risk: if full { Risk::R2 } else { Risk::R1 },
        blast: Blast { pods: format!("up to {}", plural(live.replicas() as usize, "pod")), budgets: Vec::new() },
        warnings: vec![format!("what is promoted: {images}")],
        undo: Undo::By { action: Action::Abort },
    }))
}

pub(super) fn abort(look: &Look, abort: bool) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    let under_way = live.text("/status/currentPodHash") != live.text("/status/stableRS");
    if !under_way {
        return Err(CannotPlan::NothingToDo("no update of it is under way".to_owned()));
    }
    if live.flag("/status/abort") == abort {
        let is = if abort { "aborted already" } else { "not aborted" };
        return Err(CannotPlan::NothingToDo(format!("its update is {is}")));
    }
    let (old, new, undo) = if abort {
        ("under way", "aborted: back to the stable version", Action::Retry)
    } else {
        ("aborted", "tried again from its first step", Action::Abort)
    };
    Ok(Draft::of(Preview {
        changes: vec![look.change(Write::Abort { abort }, "update", old, new)],
        rests_on: if abort {
            BTreeMap::from([("update".to_owned(), live.text("/status/currentPodHash").to_owned())])
        } else {
            update(live)
        },
        risk: Risk::R1,
        blast: Blast { pods: format!("up to {}", plural(live.replicas() as usize, "pod")), budgets: Vec::new() },
        warnings: vec![format!("the update: {}", images(live))],
        undo: Undo::By { action: undo },
    }))
}

fn update(live: &Live) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("update".to_owned(), live.text("/status/currentPodHash").to_owned()),
        ("step".to_owned(), index(live)),
    ])
}

fn images(live: &Live) -> String {
    let containers = live.list("/spec/template/spec/containers").iter();
    let images: Vec<&str> = containers.filter_map(|container| container["image"].as_str()).collect();
    if images.is_empty() { "the template it refers to".to_owned() } else { images.join(", ") }
}
