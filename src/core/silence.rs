//! Silences: matchers that keep matching alerts from notifying, always with an end.

use serde::{Deserialize, Serialize};

use super::ids::{Actor, SilenceId};
use super::label::{Labels, Matcher, all_match};
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
}

impl Silence {
    #[must_use]
    pub fn active(&self, now: Timestamp) -> bool {
        self.expired_by.is_none() && self.starts_at <= now && now < self.ends_at
    }

    #[must_use]
    pub fn silences(&self, labels: &Labels, now: Timestamp) -> bool {
        self.active(now) && all_match(&self.matchers, labels)
    }
}
