//! One source of prices: up, down, or connected and silent.

use std::time::Duration;

use crate::core::feed::SourceStatus;
use crate::core::severity::Severity;
use crate::core::signal::Evidence;
use crate::core::time::{Timestamp, spoken};

use super::slot::{Slot, Verdict};

#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) status: Option<SourceStatus>,
    /// When it last came back from being down.
    pub(super) recovered_at: Option<Timestamp>,
    pub(super) slot: Slot,
    pub(super) tally: Tally,
}

/// Its feeds at the last tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub feeds: usize,
    /// Whose market is open, past the grace after opening.
    pub open: usize,
    /// Open ones that gave nothing new for longer than they should.
    pub silent: usize,
}

/// With fewer open feeds, silence cannot be told from a stale feed.
const ENOUGH_FEEDS: usize = 3;

impl Source {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), status: None, recovered_at: None, slot: Slot::default(), tally: Tally::default() }
    }

    pub(super) fn set_status(&mut self, status: SourceStatus, now: Timestamp) {
        let was_down = self.is_down();
        self.status = Some(status);
        if was_down && !self.is_down() {
            self.recovered_at = Some(now);
        }
    }

    pub(super) const fn is_down(&self) -> bool {
        matches!(self.status, Some(SourceStatus::Down { .. }))
    }

    /// Down as soon as it says so or more than half of its open feeds are silent; up again when three quarters speak.
    pub(super) const fn verdict(&self, severity: Severity) -> Verdict {
        let Tally { open, silent, feeds: _ } = self.tally;
        let silent = open >= ENOUGH_FEEDS && if self.slot.is_active() { silent * 4 > open } else { silent * 2 > open };
        if self.is_down() || silent { Verdict::Active(severity) } else { Verdict::Inactive }
    }

    pub(super) fn evidence(&self, silent_after: Duration, classes: Option<String>, now: Timestamp) -> Evidence {
        let name = &self.name;
        let Tally { open, silent, feeds: _ } = self.tally;
        match &self.status {
            Some(SourceStatus::Down { since, error }) => {
                let age = spoken(now.since(*since));
                Evidence {
                    summary: format!("source {name} is down: no endpoint answers"),
                    value: format!("down for {age}"),
                    threshold: "one endpoint answers".to_owned(),
                    cause: Some(error.clone()).filter(|error| !error.is_empty()),
                    ..Evidence::default()
                }
            }
            Some(SourceStatus::Up { .. }) | None => Evidence {
                summary: format!("source {name} is silent: {silent} of {open} open feeds have no new price"),
                value: format!("{silent} of {open} feeds silent"),
                threshold: format!("half of them for {}", spoken(silent_after)),
                cause: classes.or_else(|| self.connected(now)),
                ..Evidence::default()
            },
        }
    }

    fn connected(&self, now: Timestamp) -> Option<String> {
        match self.status.as_ref()? {
            SourceStatus::Up { since, endpoint } => {
                Some(format!("connected to {endpoint} for {}, nothing comes", spoken(now.since(*since))))
            }
            SourceStatus::Down { .. } => None,
        }
    }
}
