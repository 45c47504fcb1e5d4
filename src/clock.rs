//! Time and ids for everything above `core`: passed in, so that tests and the demo can move them.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::core::ids::Ids;
use crate::core::time::Timestamp;

/// What time it is, and how to wait. Network timeouts use tokio's own timers; everything people can notice uses this.
pub trait Clock: Send + Sync + Debug {
    fn now(&self) -> Timestamp;
    /// Completes when `now()` has moved on by `length`.
    fn sleep(&self, length: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock, optionally running `speed` times as fast (the demo's `--speed`).
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started_at: Timestamp,
    started: std::time::Instant,
    speed: u32,
}

impl SystemClock {
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    pub fn new(speed: u32) -> Self {
        Self { started_at: wall(), started: std::time::Instant::now(), speed: speed.max(1) }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
fn wall() -> Timestamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        if self.speed == 1 {
            return wall();
        }
        self.started_at.plus(self.started.elapsed().saturating_mul(self.speed))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is waited on")]
    fn sleep(&self, length: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(length / self.speed))
    }
}

/// ULIDs from the given clock reading and a seeded generator; monotonic within one process.
#[derive(Debug)]
pub struct Ulids {
    state: Mutex<(fastrand::Rng, ulid::Ulid)>,
}

impl Ulids {
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self { state: Mutex::new((fastrand::Rng::with_seed(seed), ulid::Ulid::nil())) }
    }

    /// Seeded by the operating system.
    #[must_use]
    pub fn random() -> Self {
        Self { state: Mutex::new((fastrand::Rng::new(), ulid::Ulid::nil())) }
    }
}

impl Ids for Ulids {
    fn next(&self, now: Timestamp) -> String {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (rng, last) = &mut *state;
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        let fresh = ulid::Ulid::from_parts(millis, rng.u128(..));
        // A clock that went back must not hand out an id that sorts before one already given.
        let id = if fresh > *last { fresh } else { last.increment().unwrap_or(fresh) };
        *last = id;
        id.to_string()
    }

    fn go_on_after(&self, id: &str) {
        let Ok(id) = ulid::Ulid::from_string(id) else { return };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = state.1.max(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_repeatable_and_sort_by_time_even_when_the_clock_goes_back() {
        let made = |seed| {
            let ids = Ulids::from_seed(seed);
            [5, 5, 3, 9].map(|s| ids.next(Timestamp::from_secs(s)))
        };
        let ids = made(1);
        assert_eq!(ids, made(1));
        assert_ne!(ids, made(2));
        assert!(ids.is_sorted());
    }

    #[test]
    fn ids_go_on_behind_those_of_a_process_whose_clock_was_ahead() {
        let (ahead, ids) = (Ulids::from_seed(1).next(Timestamp::from_secs(9000)), Ulids::from_seed(2));
        ids.go_on_after(&ahead);
        ids.go_on_after("no ULID");
        let next = [5000, 5001, 9001].map(|s| ids.next(Timestamp::from_secs(s)));
        assert!(next[0] > ahead && next.is_sorted(), "{next:?}");
    }
}
