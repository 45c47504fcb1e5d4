//! What was tried and what came of it, step by step. Written before and after every write, so that a crash leaves no doubt
//! about what may have happened.

mod signed;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::plan::{Change, Plan};
use crate::core::time::Timestamp;

pub use self::signed::{Lasts, Signed};

/// How long something that is refused for now (a disruption budget, a conflict) is tried again.
pub const PATIENCE: Duration = Duration::from_mins(10);
/// How long what was changed may take to settle.
pub const SETTLE: Duration = Duration::from_mins(10);

/// What a write began and does not end with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Where it goes on it is known under this.
    pub name: String,
    /// Where people look at it; a web address.
    pub page: String,
}

/// One change of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    Waiting,
    /// It is about to be done; nothing was sent. `at` is the step's stamp: a restart writes it.
    Intended {
        at: Timestamp,
        /// What kept the last try from happening.
        blocked: Option<String>,
    },
    /// It was sent, or is about to be: it may have happened.
    Attempted {
        at: Timestamp,
        tried_at: Timestamp,
    },
    Succeeded {
        at: Timestamp,
        done_at: Timestamp,
        note: String,
        /// What goes on since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        started: Option<Started>,
    },
    Failed {
        at: Timestamp,
        why: String,
    },
    /// Whether it happened cannot be known; a person has to look.
    Unknown {
        at: Timestamp,
        why: String,
    },
    /// Left out on purpose.
    Skipped {
        at: Timestamp,
        why: String,
    },
}

/// What came of one try, or of looking after one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    Succeeded {
        note: String,
    },
    /// It happened, and something goes on since.
    Started {
        note: String,
        what: Started,
    },
    /// It did not happen and will not.
    Failed {
        why: String,
    },
    /// It did not happen, and may later.
    Blocked {
        why: String,
    },
    /// It may have happened; look.
    Unclear,
    /// It may have happened, and looking does not tell.
    Unknown {
        why: String,
    },
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Write down that this step is to be done.
    Intend(usize),
    /// Write down that it is being tried, then try.
    Attempt(usize),
    /// A try is on record without what came of it: look at the target.
    Observe(usize),
    /// Wait until the way back is due.
    Hold(Timestamp),
    /// Everything due is written: see whether it settles.
    Verify,
    Over,
}

/// The steps in the plan's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    pub steps: Vec<Step>,
    /// When what was changed had settled.
    pub verified_at: Option<Timestamp>,
    /// What is seen while it settles: `2 of 5 updated`.
    pub progress: String,
    /// The way back is wanted now and not at its time.
    pub back_now: bool,
    /// What was written did not come to rest, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsettled: Option<String>,
    /// Every transaction that was signed, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed: Vec<Signed>,
}

/// How it all ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Succeeded,
    Failed(String),
    Unknown(String),
}

impl Step {
    const fn over(&self) -> bool {
        matches!(self, Self::Succeeded { .. } | Self::Failed { .. } | Self::Unknown { .. } | Self::Skipped { .. })
    }

    /// The stamp: when it was first intended.
    #[must_use]
    pub const fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Waiting => None,
            Self::Intended { at, .. }
            | Self::Attempted { at, .. }
            | Self::Succeeded { at, .. }
            | Self::Failed { at, .. }
            | Self::Unknown { at, .. }
            | Self::Skipped { at, .. } => Some(*at),
        }
    }

    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Intended { .. } => "intended",
            Self::Attempted { .. } => "attempted",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Unknown { .. } => "unknown",
            Self::Skipped { .. } => "skipped",
        }
    }
}

impl Journal {
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let steps = vec![Step::Waiting; plan.preview.changes.len()];
        Self { steps, verified_at: None, progress: String::new(), back_now: false, unsettled: None, signed: Vec::new() }
    }

    #[must_use]
    pub fn next(&self, plan: &Plan, now: Timestamp) -> Next {
        let broken = self.broken();
        let wanted = |(step, change): &(&Step, &Change)| !step.over() && (!broken || change.always);
        let open = self.steps.iter().zip(&plan.preview.changes).enumerate().find(|(_, open)| wanted(open));
        let Some((index, (step, change))) = open else {
            return if broken || self.verified_at.is_some() { Next::Over } else { Next::Verify };
        };
        match step {
            Step::Intended { .. } => Next::Attempt(index),
            Step::Attempted { .. } => Next::Observe(index),
            // What it takes back is not waited for any longer; what was never done is not taken back.
            Step::Waiting if broken && self.holds_nothing() => Next::Over,
            Step::Waiting if broken => Next::Intend(index),
            Step::Waiting => self.begin(index, change, now),
            Step::Succeeded { .. } | Step::Failed { .. } | Step::Unknown { .. } | Step::Skipped { .. } => Next::Over,
        }
    }

    /// Nothing further is done, but for what is taken back.
    fn broken(&self) -> bool {
        let failed = |step: &Step| matches!(step, Step::Failed { .. } | Step::Unknown { .. });
        self.unsettled.is_some() || self.steps.iter().any(failed)
    }

    /// The first step, which a last one would take back, was not done for certain.
    fn holds_nothing(&self) -> bool {
        !matches!(self.steps.first(), Some(Step::Attempted { .. } | Step::Succeeded { .. } | Step::Unknown { .. }))
    }

    /// Whether something is still to be taken back, come what may.
    #[must_use]
    pub fn owes(&self, plan: &Plan) -> bool {
        self.steps.iter().zip(&plan.preview.changes).any(|(step, change)| change.always && !step.over())
    }

    fn begin(&self, index: usize, change: &Change, now: Timestamp) -> Next {
        let Some(after) = change.after else { return Next::Intend(index) };
        if self.verified_at.is_none() {
            return Next::Verify;
        }
        match self.due(index, after.duration()) {
            Some(due) if now < due && !self.back_now => Next::Hold(due),
            Some(_) | None => Next::Intend(index),
        }
    }

    fn due(&self, index: usize, after: Duration) -> Option<Timestamp> {
        match self.steps.get(index.checked_sub(1)?)? {
            Step::Succeeded { done_at, .. } => Some(done_at.plus(after)),
            _ => None,
        }
    }

    /// When the way back is due, while it waits for that.
    #[must_use]
    pub fn holds_until(&self, plan: &Plan) -> Option<Timestamp> {
        let index = self.steps.iter().position(|step| !step.over()).filter(|_| !self.broken())?;
        let after = plan.preview.changes.get(index)?.after?;
        matches!(self.steps.get(index), Some(Step::Waiting)).then(|| self.due(index, after.duration())).flatten()
    }

    pub fn intend(&mut self, index: usize, now: Timestamp) {
        self.put(index, Step::Intended { at: now, blocked: None });
    }

    /// `signed`: the transaction that is about to be sent. Only a step that is intended takes one: while an earlier one of the
    /// same step may still come, the step is attempted.
    pub fn attempt(&mut self, index: usize, signed: Option<Signed>, now: Timestamp) {
        if let Some(Step::Intended { at, .. }) = self.steps.get(index) {
            let at = *at;
            self.signed.extend(signed.filter(|signed| signed.step == index));
            self.put(index, Step::Attempted { at, tried_at: now });
        }
    }

    /// Writes down what came of a try. Only a step that was attempted takes one: a late answer changes nothing.
    pub fn settle(&mut self, index: usize, tried: Tried, now: Timestamp) {
        let Some(Step::Attempted { at, .. }) = self.steps.get(index) else { return };
        let at = *at;
        let step = match tried {
            Tried::Succeeded { note } => Step::Succeeded { at, done_at: now, note, started: None },
            Tried::Started { note, what } => Step::Succeeded { at, done_at: now, note, started: Some(what) },
            Tried::Blocked { why } if now.since(at) < PATIENCE => Step::Intended { at, blocked: Some(why) },
            // Nobody vouches for it that what was sent before did not come.
            Tried::Blocked { why } if self.signed_for(index).next().is_some() => Step::Unknown { at, why },
            Tried::Failed { why } | Tried::Blocked { why } => Step::Failed { at, why },
            Tried::Unclear => return,
            Tried::Unknown { why } => Step::Unknown { at, why },
        };
        self.put(index, step);
    }

    /// What was not begun is left out.
    pub fn skip_rest(&mut self, why: &str, now: Timestamp) {
        for step in &mut self.steps {
            if matches!(step, Step::Waiting | Step::Intended { .. }) {
                *step = Step::Skipped { at: now, why: why.to_owned() };
            }
        }
        self.verified_at.get_or_insert(now);
    }

    /// Whether a write may be under way.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Attempted { .. }))
    }

    /// What the latest write began.
    #[must_use]
    pub fn started(&self) -> Option<&Started> {
        self.steps.iter().rev().find_map(|step| match step {
            Step::Succeeded { started, .. } => started.as_ref(),
            _ => None,
        })
    }

    /// When the last write was done.
    #[must_use]
    pub fn written_at(&self) -> Option<Timestamp> {
        let done = self.steps.iter().filter_map(|step| match step {
            Step::Succeeded { done_at, .. } => Some(*done_at),
            _ => None,
        });
        done.max()
    }

    #[must_use]
    pub fn end(&self) -> End {
        let mut end = self.unsettled.clone().map_or(End::Succeeded, End::Failed);
        for step in &self.steps {
            match step {
                Step::Unknown { why, .. } => return End::Unknown(why.clone()),
                Step::Failed { why, .. } => end = End::Failed(why.clone()),
                _ => {}
            }
        }
        end
    }

    fn put(&mut self, index: usize, step: Step) {
        if let Some(place) = self.steps.get_mut(index) {
            *place = step;
        }
    }
}
