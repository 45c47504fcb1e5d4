//! How often one Hermes endpoint may be asked: 10 requests in 10 s, and not at all while it has said "too many".
//! <https://docs.pyth.network/price-feeds/core/rate-limits>

use std::collections::VecDeque;
use std::time::Duration;

use crate::core::time::Timestamp;

const REQUESTS: usize = 10;
/// The window and a second more: requests may arrive closer together than they were sent.
const PER: Duration = Duration::from_secs(11);
/// What Hermes imposes after a 429 when it names no time itself.
pub const HOLD: Duration = Duration::from_mins(1);

/// The requests one endpoint has had lately.
#[derive(Debug, Default)]
pub struct Budget {
    spent: VecDeque<Timestamp>,
    held_until: Option<Timestamp>,
}

impl Budget {
    /// How long until a request may go out; zero means now.
    pub fn wait(&mut self, now: Timestamp) -> Duration {
        // A clock that jumped back must not lock the endpoint out for the length of the jump.
        if self.spent.back().is_some_and(|last| *last > now) {
            self.spent.clear();
        }
        if self.held_until.is_some_and(|until| until <= now || until.since(now) > HOLD * 60) {
            self.held_until = None;
        }
        while self.spent.front().is_some_and(|first| now.since(*first) >= PER) {
            self.spent.pop_front();
        }
        let held = self.held_until.map_or(Duration::ZERO, |until| until.since(now));
        let full = match self.spent.front() {
            Some(first) if self.spent.len() >= REQUESTS => first.plus(PER).since(now),
            Some(_) | None => Duration::ZERO,
        };
        held.max(full)
    }

    /// Spends a request, or says how long to wait for one.
    pub fn spend(&mut self, now: Timestamp) -> Result<(), Duration> {
        let wait = self.wait(now);
        if wait.is_zero() {
            self.spent.push_back(now);
            return Ok(());
        }
        Err(wait)
    }

    pub fn hold(&mut self, now: Timestamp, length: Duration) {
        self.held_until = Some(now.plus(length.min(HOLD * 60)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1000);

    #[test]
    fn the_eleventh_request_waits_for_the_first_to_age() {
        let mut budget = Budget::default();
        for tick in 0..10 {
            let now = NOW.plus(Duration::from_millis(tick * 100));
            assert_eq!(budget.spend(now), Ok(()));
        }
        assert_eq!(budget.spend(NOW.plus(Duration::from_secs(1))), Err(Duration::from_secs(10)));
        assert_eq!(budget.spend(NOW.plus(PER)), Ok(()));
    }

    #[test]
    fn too_many_holds_until_the_time_it_names() {
        let mut budget = Budget::default();
        budget.hold(NOW, HOLD);
        assert_eq!(budget.wait(NOW.plus(Duration::from_secs(20))), Duration::from_secs(40));
        assert_eq!(budget.wait(NOW.plus(HOLD)), Duration::ZERO);
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_lock_the_endpoint_out() {
        let mut budget = Budget::default();
        for _ in 0..10 {
            budget.spend(NOW).unwrap();
        }
        budget.hold(NOW, HOLD);
        assert_eq!(budget.wait(NOW.minus(Duration::from_hours(5))), Duration::ZERO);
    }
}
