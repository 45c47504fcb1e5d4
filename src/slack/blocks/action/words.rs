//! Parts of sentences about operations.

use std::collections::BTreeMap;

use super::super::words::{bold, said};
use crate::core::action::kind::Action;
use crate::core::action::plan::{Plan, Undo};
use crate::core::action::request::{Request, State};

/// `Scale Deployment feeds/pusher to 5 for 2h`; not escaped.
pub(super) fn what(action: &Action, plan: &Plan) -> String {
    let of = match (action, plan.transfer()) {
        (Action::TopUp { amount }, Some(transfer)) => {
            return format!("{} {} with {amount} {}", action.kind().words(), plan.target.name, transfer.symbol);
        }
        _ => format!("{} {} {}", action.kind().words(), plan.target.sort, plan.target.short()),
    };
    of + &with(action)
}

/// ` to 5 for 2h`, ` to revision 3`: the parameters as a sentence ends with them; not escaped.
pub(super) fn with(action: &Action) -> String {
    match action {
        Action::Scale { replicas, back_after: None } => format!(" to {replicas}"),
        Action::Scale { replicas, back_after: Some(length) } => format!(" to {replicas} for {length}"),
        Action::Rollback { revision: Some(revision) } => format!(" to revision {revision}"),
        Action::Rollback { revision: None } => " to the revision before".to_owned(),
        Action::Drain { delete_empty_dir: true } => ", also pods whose scratch data is lost by it".to_owned(),
        Action::Sync { prune: true } => " and delete what Git no longer declares".to_owned(),
        Action::Refresh { hard: true } => " without its cache".to_owned(),
        Action::RollbackApp { id: Some(id) } => format!(" to {id} of its history"),
        Action::RollbackApp { id: None } => " to what it applied before".to_owned(),
        Action::Promote { full: true } => " past all steps".to_owned(),
        Action::SuspendReconcile { back_after: Some(length) } => format!(" for {length}"),
        Action::WhileSuspended { action, lasts } => format!("{}, with Flux suspended for {lasts}", with(action)),
        Action::Dispatch { inputs } if !inputs.is_empty() => format!(" with {}", given(inputs)),
        Action::TopUp { amount } => format!(" with {amount}"),
        Action::Drain { delete_empty_dir: false }
        | Action::Sync { prune: false }
        | Action::Refresh { hard: false }
        | Action::Promote { full: false }
        | Action::SuspendReconcile { back_after: None }
        | Action::Abort
        | Action::Retry
        | Action::Reconcile
        | Action::ResumeReconcile
        | Action::Restart
        | Action::PauseRollout
        | Action::ResumeRollout
        | Action::DeletePod
        | Action::RunJob
        | Action::SuspendCronjob
        | Action::ResumeCronjob
        | Action::Cordon
        | Action::Uncordon
        | Action::Dispatch { .. } => String::new(),
    }
}

/// `network=testnet dry_run=true`
fn given(inputs: &BTreeMap<String, String>) -> String {
    inputs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// `*#7* Restart Deployment feeds/pusher in *prod*`
pub(super) fn named(request: &Request) -> String {
    let Request { number, plan, .. } = request;
    format!("*#{number}* {} in {}", said(&what(&plan.action, plan), 300), bold(&plan.target.cluster))
}

pub(super) const fn emoji(state: &State) -> &'static str {
    match state {
        State::Open { .. } => "🔑",
        State::Approved { .. } => "🟢",
        State::Executing { .. } => "▶️",
        State::Succeeded { .. } => "✅",
        State::Failed { .. } => "❌",
        State::Unknown { .. } => "❓",
        State::Stale { .. } => "♻️",
        State::Rejected { .. } => "🚫",
        State::Withdrawn { .. } | State::Cancelled { .. } => "⏹️",
        State::Expired { .. } => "⌛",
    }
}

/// How it is taken back, in a sentence.
pub(super) fn undo(plan: &Plan) -> String {
    match &plan.preview.undo {
        Undo::By { action } => {
            format!("taken back by: {}", said(&(action.kind().words().to_lowercase() + &with(action)), 200))
        }
        Undo::None { why } => format!("no way back: {}", said(why, 200)),
    }
}
