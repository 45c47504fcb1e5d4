//! Short answers about operations: asked for, allowed, refused. Every click gets one.

use super::super::actions;
use super::super::kit;
use super::super::people::People;
use super::super::words::{bold, code, count, moment, said};
use super::Press;
use super::words::named;
use crate::core::action::kind::Kind;
use crate::core::action::policy::{Denied, Freeze, Needs};
use crate::core::action::request::{Refused, Request, State};
use crate::core::action::target::Target;
use crate::core::ids::ChannelId;
use crate::core::time::Timestamp;
use crate::slack::message::Message;

/// What the answer to a request is made from.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub request: &'a Request,
    pub needs: Needs,
    /// Where its card is.
    pub channel: &'a ChannelId,
    pub rivals: usize,
    pub frozen: bool,
    pub now: Timestamp,
}

/// To whoever asked.
#[must_use]
pub fn said_done(asked: &Asked) -> Message {
    let Asked { request, needs, channel, rivals, frozen, now } = asked;
    let whose = format!("Asked for as {}", named(request));
    let on_call = if needs.on_call { ", somebody on call among them" } else { "" };
    let needs = format!("{}{on_call}", count(needs.quorum as usize, "approval"));
    let until = moment(request.plan.approve_by, *now);
    let mut lines = vec![format!("🔑 {whose}. It needs {needs} until {until}, in <#{channel}>.")];
    if *rivals > 0 {
        lines.push(format!("⚠️ {} open on the same target already.", count(*rivals, "request")));
    }
    if *frozen {
        lines.push("🧊 Everything is frozen: it does not begin before that is lifted.".to_owned());
    }
    kit::line(&lines.join("\n"))
}

/// Without approval.
#[must_use]
pub fn broken_glass(request: &Request, channel: &ChannelId) -> Message {
    kit::line(&format!("🚨 {} begins without approval. Everybody is told in <#{channel}>.", named(request)))
}

/// For everybody, beside the card.
#[must_use]
pub fn glass_note(request: &Request, people: &People) -> Message {
    let by = people.name(&request.asked.by.actor());
    let why = said(&request.asked.reason, 500);
    kit::line(&format!("🚨 <!channel> {by} acts without approval: {}\nWhy: {why}", named(request)))
}

/// To whoever approved.
#[must_use]
pub fn approved(request: &Request, needs: Needs, now: Timestamp) -> Message {
    let text = match &request.state {
        State::Open { approvals } => {
            let on_call = request.asked.on_call || approvals.iter().any(|approval| approval.on_call);
            let missing = if needs.on_call && !on_call { ", and somebody on call has to" } else { "" };
            let until = moment(request.plan.approve_by, now);
            format!(
                "✔️ You approved {}: {} of {}{missing}, until {until}.",
                named(request),
                approvals.len(),
                needs.quorum
            )
        }
        _ => format!("✔️ You approved {}. That is enough; it begins.", named(request)),
    };
    kit::line(&text)
}

/// In the thread of the alert that it was asked for from.
#[must_use]
pub fn alert_note(request: &Request, people: &People) -> Message {
    let by = people.name(&request.asked.by.actor());
    let text = match &request.state {
        State::Open { .. } | State::Approved { .. } => format!("🔑 {by} asked for {}", named(request)),
        State::Executing { .. } => format!("▶️ {} is under way", named(request)),
        state => format!("{} {}: {}", super::words::emoji(state), named(request), state.as_str()),
    };
    kit::line(&text)
}

#[must_use]
pub fn denied(denied: &Denied) -> Message {
    let text = match denied {
        Denied::NoRule { kind, target } => {
            format!(
                "No rule in `actions.rules` allows {} on {}. `watchkeeper policy explain` says which come close.",
                code(kind.as_str()),
                code(&target.to_string())
            )
        }
        Denied::MayNotRequest(rule) => format!("The rule {} does not let you ask for this.", code(rule)),
        Denied::MayNotApprove(rule) => format!("The rule {} does not let you approve this.", code(rule)),
        Denied::ReasonMissing(rule) => {
            format!("Say why: the rule {} wants a reason. Add it at the end of the command.", code(rule))
        }
        Denied::OwnRequest
        | Denied::OwnOverride
        | Denied::NoBreakGlass
        | Denied::NoGlassForMoney
        | Denied::MayNotUnfreeze
        | Denied::Unknown
        | Denied::TooMany(_) => sentence(&denied.to_string()),
    };
    kit::line(&format!("🚫 {text}"))
}

/// `the time is over` → `The time is over.`
fn sentence(text: &str) -> String {
    let text = said(text, 300);
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

/// What somebody pressed did not take place.
#[must_use]
pub fn refused(refusal: &Refused, request: &Request) -> Message {
    match refusal {
        Refused::Denied(why) => denied(why),
        Refused::Changed => kit::line(&format!(
            "The plan of {} has changed since the button you pressed was shown. Look at its card again.",
            named(request)
        )),
        Refused::Not(state) => kit::line(&format!("Too late: {} is {state} already.", named(request))),
        Refused::TooLate | Refused::Twice | Refused::NotYours | Refused::InFlight => {
            kit::line(&format!("{}: {}.", named(request), said(&refusal.to_string(), 300)))
        }
    }
}

/// `why` is a sentence of the cluster's side.
#[must_use]
pub fn cannot_plan(kind: Kind, target: &Target, why: &str) -> Message {
    let of = format!("{} {} in {}", target.sort, target.short(), target.cluster);
    kit::line(&format!("I cannot plan to {} {}: {}", kind.as_str(), bold(&of), said(why, 600)))
}

#[must_use]
pub fn switched_off() -> Message {
    kit::line(
        "Actions are switched off. `actions:` in the configuration says who may do what; docs/ACTIONS.md explains it.",
    )
}

/// Who people are cannot be looked up now, so nothing is decided.
#[must_use]
pub fn no_slack() -> Message {
    kit::line(
        "Slack does not say who is who at the moment, so I decide nothing about actions. Nothing was changed; please \
         try again in a minute.",
    )
}

/// The bot has no hands there.
#[must_use]
pub fn not_here(cluster: &str) -> Message {
    kit::line(&format!("I have no connection for changes to the cluster {}.", bold(cluster)))
}

#[must_use]
pub fn no_such_action(number: Option<u64>) -> Message {
    match number {
        Some(number) => kit::line(&format!("There is no action #{number}. `/wk actions` lists those there are.")),
        None => kit::line("This belongs to an action I do not know. `/wk actions` lists those there are."),
    }
}

/// `what` is `node` or `pod`.
#[must_use]
pub fn no_such_target(what: &str, asked: &str) -> Message {
    let list = match what {
        "node" => "nodes",
        "wallet" => "balance",
        _ => "pods",
    };
    kit::line(&format!("No {what} is called {}. `/wk {list}` lists them.", bold(asked)))
}

/// Only workflows that configuration names can be run.
#[must_use]
pub fn no_such_workflow(asked: &str, known: &[&str]) -> Message {
    let known = match known {
        [] => "`actions.workflows` in the configuration names none".to_owned(),
        known => format!("there are: {}", said(&known.join(", "), 400)),
    };
    kit::line(&format!("No workflow is called {}; {known}.", bold(asked)))
}

/// The action is not for what was named.
#[must_use]
pub fn wrong_kind(kind: Kind, found: &str) -> Message {
    let sorts: Vec<&str> = kind.sorts().iter().map(|sort| sort.as_str()).collect();
    kit::line(&format!("{} is for {}, and {} is none.", code(kind.as_str()), sorts.join(", "), bold(found)))
}

/// Several fit.
#[must_use]
pub fn which_target(asked: &str, kind: Kind, targets: &[Target], rest: &str) -> Message {
    const SHOWN: usize = 8;
    let heading = format!("{} fits {}. Which one?", bold(asked), count(targets.len(), "object"));
    let mut blocks = vec![kit::section(&heading)];
    blocks.extend(targets.iter().take(SHOWN).enumerate().map(|(nth, target)| {
        let text =
            format!("{} {} · {}", said(target.sort.as_str(), 40), bold(&target.short()), said(&target.cluster, 60));
        let command = format!("{} {target}{rest}", kind.as_str());
        kit::section_with(&text, kit::run("This one", command).map(|button| kit::nth(button, nth)))
    }));
    if targets.len() > SHOWN {
        blocks.push(kit::context(&format!(
            "and {} more; add a namespace with `-n` or a cluster with `-c`",
            targets.len() - SHOWN
        )));
    }
    kit::message(&heading, &blocks, None)
}

/// Nothing begins any more.
#[must_use]
pub fn frozen(freeze: &Freeze, already: bool, people: &People, now: Timestamp) -> Message {
    let by = people.name(&freeze.by);
    let why = said(&freeze.reason, 500);
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    let at = moment(freeze.at, now);
    let already = if already { "Already frozen" } else { "*Frozen*" };
    kit::line(&format!(
        "🧊 {already} by {by} at {at}{why}\nNo action begins or goes on; what was sent already is watched to its end. \
         `/wk unfreeze` lifts it."
    ))
}

/// `by` lifted it; `None`: nothing was frozen.
#[must_use]
pub fn thawed(by: Option<(&Freeze, String)>) -> Message {
    match by {
        Some((_, by)) => kit::line(&format!("🔥 {by} lifted the freeze: approved actions begin again.")),
        None => kit::line("Nothing is frozen."),
    }
}

/// An answer that fits no state of a request: a button of a build that is gone.
#[must_use]
pub fn not_of_this(request: &Request) -> Message {
    let button = kit::button("Details", &actions::Press::Act(Press::Details(request.id.clone())));
    let text = format!("{} has no way back that I could offer.", named(request));
    kit::message(&text, &[kit::section_with(&text, button)], None)
}
