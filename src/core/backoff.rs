//! How long to wait before trying again.

use std::time::Duration;

/// Exponential with full jitter between `base` and `cap` (AWS Architecture Blog, "Exponential Backoff And Jitter").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    pub base: Duration,
    pub cap: Duration,
}

impl Backoff {
    /// The wait before attempt `attempt` (0 is the first retry); `roll` is a random number in `0.0..1.0`.
    #[must_use]
    pub fn wait(&self, attempt: u32, roll: f64) -> Duration {
        let doubled = self.base.saturating_mul(2u32.saturating_pow(attempt.min(20)));
        let ceiling = doubled.min(self.cap);
        // At least half the ceiling: full jitter down to zero would hammer a host that asked for quiet.
        ceiling.mul_f64(0.5 + roll.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_never_hammer() {
        let backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(30) };
        assert_eq!(backoff.wait(0, 1.0), Duration::from_millis(500));
        assert_eq!(backoff.wait(2, 1.0), Duration::from_secs(2));
        assert_eq!(backoff.wait(u32::MAX, 1.0), Duration::from_secs(30));
        assert_eq!(backoff.wait(u32::MAX, 0.0), Duration::from_secs(15));
    }
}
