//! A feed's market as the hot path sees it: open or closed, looked up again only when that can have changed.

use std::time::Duration;

use crate::core::market::MarketHours;
use crate::core::time::Timestamp;

#[derive(Clone, Debug)]
pub(super) struct Session {
    hours: MarketHours,
    pub(super) open: bool,
    /// When the market opened, if that was seen.
    pub(super) opened_at: Option<Timestamp>,
    checked_at: Timestamp,
    pub(super) next_change: Option<Timestamp>,
}

impl Session {
    pub(super) fn new(hours: MarketHours, now: Timestamp) -> Self {
        let (open, next_change) = (hours.is_open(now), hours.next_change(now));
        Self { hours, open, opened_at: None, checked_at: now, next_change }
    }

    /// True when the market opened or closed since it was last looked at.
    pub(super) fn refresh(&mut self, now: Timestamp) -> bool {
        if self.checked_at <= now && self.next_change.is_none_or(|at| now < at) {
            return false;
        }
        let changed_at = self.next_change.filter(|at| *at <= now).unwrap_or(now);
        self.look_again(changed_at, now)
    }

    /// New hours from the catalogue or the configuration.
    pub(super) fn set_hours(&mut self, hours: MarketHours, now: Timestamp) -> bool {
        if self.hours == hours {
            return false;
        }
        self.hours = hours;
        self.look_again(now, now)
    }

    fn look_again(&mut self, changed_at: Timestamp, now: Timestamp) -> bool {
        let was_open = self.open;
        (self.open, self.next_change, self.checked_at) = (self.hours.is_open(now), self.hours.next_change(now), now);
        let changed = was_open != self.open;
        if changed {
            self.opened_at = self.open.then_some(changed_at);
        }
        changed
    }

    /// Open, and open for long enough to hold something against the feed.
    pub(super) fn settled(&self, grace: Duration, now: Timestamp) -> bool {
        self.open && self.opened_at.is_none_or(|at| now.since(at) >= grace)
    }
}
