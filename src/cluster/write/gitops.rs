//! Writes to Argo CD's, Argo Rollouts' and Flux' objects, as their own command lines make them.
//! Sources: argo-cd `util/argo/argo.go` (`SetAppOperation`, `RefreshApp`) and `server/application` (`Sync`, `Rollback`);
//! argo-rollouts `pkg/kubectl-argo-rollouts/cmd/{promote,abort,retry}`; flux2 `cmd/flux/reconcile.go`.

use serde_json::{Value, json};

use super::FIELD_MANAGER;
use super::asks::Mark;
use super::live::Live;
use crate::core::action::digest::fingerprint;
use crate::core::action::journal::Tried;
use crate::core::action::plan::{Plan, Write};
use crate::core::time::Timestamp;

pub(super) const REFRESH: &str = "argocd.argoproj.io/refresh";
pub(super) const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
/// The name under which an operation carries the plan's mark.
const PLAN: &str = "watchkeeper plan";

/// The operation Argo CD finds in the object and carries out.
pub(super) fn operation(write: &Write, live: &Live, mark: &Mark) -> Result<Value, String> {
    let Write::Operation { revisions, history, prune, hash } = write else {
        return Err("it is no sync".to_owned());
    };
    let sync = sync(live, revisions, *history, *prune)?;
    if fingerprint(&sync) != *hash {
        return Err("what would be synced was changed since it was approved".to_owned());
    }
    Ok(json!({
        // Not automated: Argo CD holds it to the project's sync windows as it does any person's.
        "initiatedBy": {"username": FIELD_MANAGER},
        "info": [{"name": PLAN, "value": mark.plan}],
        "sync": sync,
    }))
}

/// The `sync` of an operation: to `revisions`, with the sources of now or of an entry of the history.
pub(super) fn sync(live: &Live, revisions: &[String], history: Option<i64>, prune: bool) -> Result<Value, String> {
    let mut sync = json!({"prune": prune});
    let options = live.list("/spec/syncPolicy/syncOptions");
    if !options.is_empty() {
        sync["syncOptions"] = options.into();
    }
    match revisions {
        [one] if !many_sources(live) => sync["revision"] = one.as_str().into(),
        many => sync["revisions"] = many.into(),
    }
    let Some(id) = history else {
        sync["syncStrategy"] = json!({"hook": {}});
        return Ok(sync);
    };
    let entry = entry(live, id).ok_or_else(|| format!("its history has no entry {id} any more"))?;
    sync["syncStrategy"] = json!({"apply": {}});
    for part in ["source", "sources"] {
        if let Some(value) = entry.get(part).filter(|value| !value.is_null()) {
            sync[part] = value.clone();
        }
    }
    Ok(sync)
}

pub(super) fn many_sources(live: &Live) -> bool {
    !live.list("/spec/sources").is_empty()
}

pub(super) fn entry(live: &Live, id: i64) -> Option<&Value> {
    live.list("/status/history").iter().find(|entry| entry["id"].as_i64() == Some(id))
}

/// The revisions of something Argo CD writes down: one, or one for each source.
pub(super) fn revisions(of: &Value) -> Vec<String> {
    let many: Vec<String> =
        of["revisions"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if !many.is_empty() {
        return many;
    }
    of["revision"].as_str().filter(|revision| !revision.is_empty()).map(str::to_owned).into_iter().collect()
}

/// What is in the way of another operation.
pub(super) fn busy(live: &Live) -> Option<String> {
    if !live.at("/operation").is_null() {
        return Some("another operation waits to be begun".to_owned());
    }
    let phase = live.text("/status/operationState/phase");
    matches!(phase, "Running" | "Terminating").then(|| "another sync is under way".to_owned())
}

pub(super) fn index(live: &Live) -> String {
    live.number("/status/currentStepIndex").unwrap_or(0).to_string()
}

pub(super) fn waiting(live: &Live) -> Vec<String> {
    let reasons = live.list("/status/pauseConditions").iter();
    reasons.map(|pause| pause["reason"].as_str().unwrap_or("paused").to_owned()).collect()
}

/// Whether everything the plan rests on is as it was.
pub(super) fn stands(plan: &Plan, write: &Write, live: &Live) -> Result<(), String> {
    let was = |name: &str| plan.preview.rests_on.get(name).map(String::as_str);
    let same = |name: &str, now: &str, what: &str| {
        if was(name).is_none_or(|was| was == now) { Ok(()) } else { Err(format!("{what} since it was approved")) }
    };
    match write {
        Write::Operation { revisions, history, prune, hash } => {
            if let Some(busy) = busy(live) {
                return Err(busy);
            }
            let now = sync(live, revisions, *history, *prune)?;
            if fingerprint(&now) == *hash { Ok(()) } else { Err("what would be synced was changed".to_owned()) }
        }
        Write::Promote { .. } | Write::Abort { .. } => {
            same("update", live.text("/status/currentPodHash"), "another update was begun")?;
            same("step", &index(live), "it went on to another step")
        }
        _ => Ok(()),
    }
}

pub(super) fn happened(plan: &Plan, write: &Write, live: &Live, mark: &Mark) -> Tried {
    let yes = |note: &str| Tried::Succeeded { note: note.to_owned() };
    let when = |so: bool, note: &str| {
        if so { yes(note) } else { Tried::Blocked { why: "the cluster did not take it".to_owned() } }
    };
    match write {
        Write::Operation { .. } if ours(live.at("/operation"), mark) => yes("sync asked for"),
        Write::Operation { .. } if ours(live.at("/status/operationState/operation"), mark) => yes("sync begun"),
        Write::Operation { .. } if after(live, "/status/operationState/startedAt", mark.stamp) => {
            Tried::Unknown { why: "another sync was begun since; look at its history in Argo CD".to_owned() }
        }
        Write::Refresh { .. } => {
            // Written in whole seconds: one within the second of the intent counts, since looking twice changes nothing.
            let looked = second(live, "/status/reconciledAt").is_some_and(|at| at >= mark.stamp.as_secs());
            when(live.annotation(REFRESH).is_some() || looked, "refresh asked for")
        }
        Write::Promote { full: true } => {
            let stable = live.text("/status/currentPodHash") == live.text("/status/stableRS");
            when(live.flag("/status/promoteFull") || stable, "promoted in full")
        }
        Write::Promote { full: false } => {
            let moved = plan.preview.rests_on.get("step").is_some_and(|step| *step != index(live));
            when(waiting(live).is_empty() || moved, "promoted")
        }
        Write::Abort { abort } => when(live.flag("/status/abort") == *abort, "done"),
        Write::Reconcile => when(live.annotation(REQUESTED_AT) == Some(&mark.stamp.to_string()), "reconcile asked for"),
        _ => when(false, ""),
    }
}

/// Whether an operation carries this plan's mark.
pub(super) fn ours(operation: &Value, mark: &Mark) -> bool {
    let info = operation["info"].as_array().into_iter().flatten();
    info.into_iter().any(|entry| entry["name"] == PLAN && entry["value"] == mark.plan)
}

fn after(live: &Live, pointer: &str, stamp: Timestamp) -> bool {
    // Written in whole seconds.
    second(live, pointer).is_some_and(|at| at > stamp.as_secs())
}

fn second(live: &Live, pointer: &str) -> Option<i64> {
    live.text(pointer).parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}
