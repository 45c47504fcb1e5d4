//! Lines in a handoff's thread: an edit rings nobody's phone, these do.

use super::super::alert::ping;
use super::super::kit;
use super::super::page::{Told, told_words};
use super::super::people::People;
use super::super::words::{bold, moment, said};
use super::lines::name;
use crate::core::escalation::{Policy, Position};
use crate::core::handoff::{Handoff, State};
use crate::core::ids::UserId;
use crate::core::time::{Timestamp, spoken};
use crate::slack::message::Message;

fn pings(users: &[UserId]) -> String {
    users.iter().take(super::NAMES).filter_map(|user| ping(user.as_str())).collect::<Vec<_>>().join(" ")
}

/// To whoever has not accepted yet.
#[must_use]
pub fn reminder(handoff: &Handoff, nth: u32, now: Timestamp) -> Message {
    let then = match handoff.state {
        State::Offered { escalate_at, .. } => format!(" Others are told at {}.", moment(escalate_at, now)),
        _ => String::new(),
    };
    let nth = if nth > 1 { format!(" (reminder {nth})") } else { String::new() };
    let (whom, schedule) = (pings(&handoff.incoming), bold(&handoff.schedule));
    kit::line(&format!("⏰ {whom} the watch of {schedule} waits for you to accept it{nth}.{then}"))
}

/// A step of the policy was taken.
#[must_use]
pub fn step(
    handoff: &Handoff,
    policy: &Policy,
    position: Position,
    told: &[Told],
    people: &People,
    now: Timestamp,
) -> Message {
    let next = match handoff.state {
        State::Escalating { due_at, .. } if due_at == now => {
            "\nThat reached nobody, so the next step follows at once.".to_owned()
        }
        State::Escalating { due_at, .. } => format!("\nGoes on at {} if nobody accepts.", moment(due_at, now)),
        _ => String::new(),
    };
    let (step, steps) = (position.step + 1, policy.steps.len());
    let keeps = match handoff.keepers() {
        [] => String::new(),
        users => format!("\n{} you keep the watch until then.", pings(users)),
    };
    let told = told_words(told, people).join(" · ");
    let what = if handoff.incoming.is_empty() { "Nobody comes in" } else { "Not accepted" };
    kit::line(&format!("🚨 {what} · *step {step} of {steps}*: {told}{next}{keeps}"))
}

/// Nobody is left to tell.
#[must_use]
pub fn unanswered(handoff: &Handoff) -> Message {
    let schedule = bold(&handoff.schedule);
    let keeps = match handoff.keepers() {
        [] => "Nobody has it.".to_owned(),
        users => format!("{} you keep it until somebody does.", pings(users)),
    };
    kit::line(&format!("🚨 Nobody has accepted the watch of {schedule}. {keeps}"))
}

#[must_use]
pub fn accepted(handoff: &Handoff, by: &UserId, people: &People, now: Timestamp) -> Message {
    let (who, schedule, after) = (name(by, people), bold(&handoff.schedule), spoken(now.since(handoff.at)));
    let others: Vec<UserId> = handoff.outgoing.iter().filter(|user| *user != by).cloned().collect();
    let released = if others.is_empty() { String::new() } else { format!(". {} you are released", pings(&others)) };
    kit::line(&format!("✅ {who} has the watch of {schedule}, {after} after the shift change{released}"))
}

/// What whoever comes in wants to know first, to those who know.
#[must_use]
pub fn question(handoff: &Handoff, by: &UserId, text: &str, people: &People) -> Message {
    let whom = pings(if handoff.outgoing.is_empty() { &handoff.staying } else { &handoff.outgoing });
    let whom = if whom.is_empty() { String::new() } else { format!(" {whom}") };
    kit::line(&format!("❓ {} asks{whom}: {}", name(by, people), said(text, 2000)))
}
