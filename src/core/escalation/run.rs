//! One group's escalation: which step is next and when, and why it stopped. What is stored is instants, so a restart goes
//! on with the same deadlines.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::policy::{Plan, Policy, Target};
use crate::core::group::Group;
use crate::core::ids::{Actor, GroupId, UserId};
use crate::core::severity::Severity;
use crate::core::time::Timestamp;

/// Steps a group's history keeps: as many as `/wk why` shows.
const MOST_TAKEN: usize = 10;

/// The escalation of one alert group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub group: GroupId,
    /// The policy's name.
    pub policy: String,
    /// The group's when it was last looked at while running.
    pub severity: Severity,
    pub stage: Stage,
    /// Oldest first, the latest few.
    pub taken: Vec<Taken>,
    /// Whoever was told and is to be told how it ends.
    pub pages: BTreeSet<Page>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Stage {
    /// `next` is due at `due_at`: the moment it is wanted at, or when working hours begin after that.
    Running { next: Position, wanted_at: Timestamp, due_at: Timestamp },
    /// Every step of every round was taken, and the last wait passed; `next` comes if somebody asks for more.
    Exhausted { next: Position, at: Timestamp },
    /// `next` would have been the next.
    Stopped { next: Position, at: Timestamp, why: Stop },
}

/// A step of a round, both counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    pub round: u32,
    pub step: usize,
}

impl Position {
    /// A reload may have left fewer steps.
    #[must_use]
    pub fn within(self, policy: &Policy) -> Self {
        if self.step < policy.steps.len() { self } else { Self { round: self.round + 1, step: 0 } }
    }

    /// The position after this step, and how long the people it tells have.
    #[must_use]
    pub fn following(self, policy: &Policy) -> (Self, Duration) {
        let wait = policy.steps.get(self.step).map(|step| step.wait.duration()).unwrap_or_default();
        (Self { step: self.step + 1, ..self }.within(policy), wait)
    }

    /// Every step of every round was taken.
    #[must_use]
    pub const fn past(self, policy: &Policy) -> bool {
        self.step == 0 && self.round > policy.repeat
    }
}

/// Why nobody is told any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Stop {
    Acknowledged {
        by: Actor,
    },
    Resolved,
    /// All that fires is silenced, or inhibited.
    Suppressed,
    /// The route's mute interval holds.
    Muted,
    /// Configuration no longer makes it escalate.
    Unruled,
}

/// How the engine sees the group now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Posted, firing, and nobody has said that they are on it.
    Unattended,
    Acknowledged {
        by: Actor,
    },
    Resolved,
    Suppressed,
    Muted,
}

/// A step that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    pub position: Position,
    pub at: Timestamp,
}

/// Something that was sent and is edited, or closed, when the group is attended to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Page {
    /// Told at `at`.
    Person {
        user: UserId,
        at: Timestamp,
    },
    Service(Service),
}

/// A paging service outside, by its configured name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    Pagerduty(String),
    Webhook(String),
}

/// A step to be taken now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub position: Position,
    /// When it should have been.
    pub due_at: Timestamp,
}

impl Run {
    #[must_use]
    pub fn begin(group: &Group, plan: Plan, now: Timestamp) -> Self {
        Self {
            group: group.id.clone(),
            policy: plan.policy.name.clone(),
            severity: group.severity,
            stage: running(Position::default(), now.plus(plan.policy.after.duration()), plan),
            taken: Vec::new(),
            pages: BTreeSet::new(),
        }
    }

    /// Keeps step with the group: stops when it is attended to, begins anew when it no longer is, got worse after the last
    /// step, or escalates by another policy. `plan` is `None` when no rule fits any more; how it ends is told all the same.
    #[must_use]
    pub fn follow(self, group: &Group, standing: &Standing, plan: Option<Plan>, now: Timestamp) -> Self {
        let why = match (standing, plan) {
            (Standing::Resolved, _) => Stop::Resolved,
            (_, None) => Stop::Unruled,
            (Standing::Unattended, Some(plan)) => {
                let again = match self.stage {
                    Stage::Running { .. } => self.policy != plan.policy.name,
                    Stage::Exhausted { .. } => self.policy != plan.policy.name || self.severity < group.severity,
                    Stage::Stopped { .. } => true,
                };
                if !again {
                    return self.in_time(group, plan, now);
                }
                // Whoever was told before is still to hear how it ends.
                return Self { taken: self.taken, pages: self.pages, ..Self::begin(group, plan, now) };
            }
            (Standing::Acknowledged { by }, Some(_)) => Stop::Acknowledged { by: by.clone() },
            (Standing::Suppressed, Some(_)) => Stop::Suppressed,
            (Standing::Muted, Some(_)) => Stop::Muted,
        };
        self.stop(why, now)
    }

    /// A clock that went back, waits that a reload made shorter, or working hours that a worse group does not have, must
    /// not hold a step up.
    fn in_time(self, group: &Group, plan: Plan, now: Timestamp) -> Self {
        let Stage::Running { next, wanted_at, .. } = self.stage else { return self };
        let waits = plan.policy.steps.iter().map(|step| step.wait);
        let longest = waits.chain([plan.policy.after]).max().unwrap_or_default();
        let stage = running(next, wanted_at.min(now.plus(longest.duration())), plan);
        Self { stage, severity: group.severity, ..self }
    }

    fn stop(self, why: Stop, now: Timestamp) -> Self {
        let at = match &self.stage {
            Stage::Stopped { at, why: known, .. } if *known == why => *at,
            Stage::Running { .. } | Stage::Exhausted { .. } | Stage::Stopped { .. } => now,
        };
        Self { stage: Stage::Stopped { next: self.next(), at, why }, ..self }
    }

    /// The step that comes, or would come, next.
    #[must_use]
    pub const fn next(&self) -> Position {
        match self.stage {
            Stage::Running { next, .. } | Stage::Exhausted { next, .. } | Stage::Stopped { next, .. } => next,
        }
    }

    /// When something happens by itself.
    #[must_use]
    pub const fn due_at(&self) -> Option<Timestamp> {
        match self.stage {
            Stage::Running { due_at, .. } => Some(due_at),
            Stage::Exhausted { .. } | Stage::Stopped { .. } => None,
        }
    }

    /// Takes the next step when it is due. Steps missed while nothing ran do not come all at once: each gives the people it
    /// tells their time, counted from now.
    #[must_use]
    pub fn take(self, plan: Plan, now: Timestamp) -> (Self, Option<Turn>) {
        let Stage::Running { next, due_at, .. } = self.stage else { return (self, None) };
        if due_at > now {
            return (self, None);
        }
        let next = next.within(plan.policy);
        if next.past(plan.policy) {
            return (Self { stage: Stage::Exhausted { next, at: now }, ..self }, None);
        }
        let (following, wait) = next.following(plan.policy);
        let stage = running(following, now.plus(wait), plan);
        (self.took(next, stage, now), Some(Turn { position: next, due_at }))
    }

    /// Takes the next step because somebody asked for it, whatever the hour. A group that somebody is on stays stopped.
    #[must_use]
    pub fn hurry(self, plan: Plan, now: Timestamp) -> (Self, Turn) {
        let next = self.next().within(plan.policy);
        let (following, wait) = next.following(plan.policy);
        let stage = match &self.stage {
            Stage::Running { .. } | Stage::Exhausted { .. } => running(following, now.plus(wait), plan),
            Stage::Stopped { at, why, .. } => Stage::Stopped { next: following, at: *at, why: why.clone() },
        };
        (self.took(next, stage, now), Turn { position: next, due_at: now })
    }

    /// The step just taken reached nobody: the next of its round is due at once. A round that reached nobody at all is not
    /// repeated in haste.
    #[must_use]
    pub fn unreached(self, now: Timestamp) -> Self {
        match self.stage {
            Stage::Running { next, .. } if next.step > 0 => {
                Self { stage: Stage::Running { next, wanted_at: now, due_at: now }, ..self }
            }
            Stage::Running { .. } | Stage::Exhausted { .. } | Stage::Stopped { .. } => self,
        }
    }

    /// The direct message to `user`, decided at `at`, cannot be delivered. When nobody else was told in that step, the next of
    /// its round is due at once.
    #[must_use]
    pub fn missed(mut self, user: &UserId, at: Timestamp, policy: &Policy, now: Timestamp) -> Self {
        if !self.pages.remove(&Page::Person { user: user.clone(), at }) {
            return self;
        }
        let others = self.pages.iter().any(|page| matches!(page, Page::Person { at: told, .. } if *told == at));
        let step = self.taken.last().filter(|taken| taken.at == at).map(|taken| taken.position.step);
        let Some(step) = step.and_then(|step| policy.steps.get(step)) else { return self };
        if others || step.targets.iter().any(Target::beyond_people) { self } else { self.unreached(now) }
    }

    fn took(mut self, position: Position, stage: Stage, at: Timestamp) -> Self {
        self.stage = stage;
        self.taken.push(Taken { position, at });
        let excess = self.taken.len().saturating_sub(MOST_TAKEN);
        self.taken.drain(..excess);
        self
    }
}

fn running(next: Position, wanted_at: Timestamp, plan: Plan) -> Stage {
    Stage::Running { next, wanted_at, due_at: plan.held(wanted_at) }
}

#[cfg(test)]
mod tests;
