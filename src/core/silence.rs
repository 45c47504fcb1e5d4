//! Silences: matchers that keep matching alerts from notifying, always with an end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::{Actor, SilenceId};
use super::label::{Labelled, Matcher, all_match};
use super::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    pub id: SilenceId,
    /// What people type: `/wk unsilence 3`. Counts up, never reused.
    pub number: u64,
    pub matchers: Vec<Matcher>,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub created_by: Actor,
    pub created_at: Timestamp,
    pub comment: String,
    /// When people were told that it is about to end; told once.
    pub warned_at: Option<Timestamp>,
    /// Ended early by a person.
    pub expired_by: Option<Actor>,
    #[serde(default)]
    pub phase: SilencePhase,
}

/// Which of its edges the engine has already acted on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SilencePhase {
    #[default]
    Scheduled,
    Active,
    Ended {
        at: Timestamp,
    },
}

/// A reminder comes this long before the end, or a sixth of the silence's length before it when that is shorter.
const WARNING: Duration = Duration::from_mins(10);

impl Silence {
    /// When people are to be told that it is about to end.
    #[must_use]
    pub fn warn_at(&self) -> Timestamp {
        self.ends_at.minus(WARNING.min(self.ends_at.since(self.starts_at) / 6))
    }

    #[must_use]
    pub fn active(&self, now: Timestamp) -> bool {
        self.expired_by.is_none() && self.starts_at <= now && now < self.ends_at
    }

    #[must_use]
    pub fn silences(&self, alert: &impl Labelled, now: Timestamp) -> bool {
        self.active(now) && all_match(&self.matchers, alert)
    }
}
