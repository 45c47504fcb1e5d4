//! What the audit log keeps of operations. Every entry is committed with what it records.

use serde_json::{Value, json};

use crate::core::action::plan::Plan;
use crate::core::action::request::{Request, State};
use crate::core::audit::Record;
use crate::core::ids::Actor;
use crate::core::time::{Span, Timestamp};
use crate::metrics::Metrics;

pub(super) fn record(request: &Request, actor: &Actor, verb: &str, detail: &Value, at: Timestamp) -> Record {
    Record {
        at,
        actor: actor.clone(),
        action: format!("action.{verb}"),
        subject: subject(request.number),
        detail: detail.to_string(),
    }
}

pub(super) fn subject(number: u64) -> String {
    format!("action/{number}")
}

/// What was asked for, with the whole plan: an entry is proof of what people were shown.
pub(super) fn requested(request: &Request) -> Value {
    let Request { id, plan, asked, .. } = request;
    json!({
        "action": plan.action.kind().as_str(),
        "alert": asked.alert,
        "digest": plan.digest(),
        "parameters": parameters(plan),
        "plan": plan,
        "reason": asked.reason,
        "request": id,
        "rule": plan.rule,
        "target": plan.target.to_string(),
        "undoes": asked.undoes,
    })
}

fn parameters(plan: &Plan) -> String {
    plan.action.parameters().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// Counts what a committed change of a request came to.
pub(super) fn counted(metrics: &Metrics, before: Option<&Request>, after: &Request) {
    let kind = after.plan.action.kind().as_str();
    let Some(before) = before else { return metrics.action_requested(kind) };
    if let (State::Open { .. }, State::Approved { at, .. }) = (&before.state, &after.state) {
        metrics.action_approved(at.since(after.asked.at));
    }
    if after.state.over() && !before.state.over() {
        metrics.action_over(kind, after.state.as_str(), after.took().map(Span::duration));
    }
}

/// How a request stands, in the words of its state.
pub(super) fn state(request: &Request) -> Value {
    match &request.state {
        State::Failed { why, .. } | State::Unknown { why, .. } | State::Cancelled { why, .. } => json!({ "why": why }),
        State::Rejected { reason, .. } => json!({ "reason": reason }),
        State::Stale { now, .. } => json!({ "digest": request.plan.digest(), "now": now.digest() }),
        State::Succeeded { .. } => json!({ "took_s": request.took().map(|took| took.duration().as_secs()) }),
        State::Open { .. }
        | State::Approved { .. }
        | State::Executing { .. }
        | State::Withdrawn { .. }
        | State::Expired { .. } => json!({}),
    }
}
