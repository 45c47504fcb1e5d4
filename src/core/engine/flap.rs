//! Flap damping: an alert that keeps changing stays firing until it has been quiet for a while.

use super::policy::FlapPolicy;
use crate::core::alert::Alert;
use crate::core::time::Timestamp;

/// Remembered for people when damping is off.
const KEPT_WHEN_OFF: usize = 20;

/// Records a change of state; true when the alert begins to flap with it.
pub(super) fn record(alert: &mut Alert, policy: &FlapPolicy, now: Timestamp) -> bool {
    let limit = if policy.changes == 0 { KEPT_WHEN_OFF } else { usize::try_from(policy.changes).unwrap_or(usize::MAX) };
    let oldest = now.minus(policy.window.duration());
    alert.transitions.retain(|at| *at > oldest);
    alert.transitions.push(now);
    let excess = alert.transitions.len().saturating_sub(limit);
    alert.transitions.drain(..excess);
    let begins = on(policy) && alert.flapping_since.is_none() && alert.transitions.len() >= limit;
    if begins {
        alert.flapping_since = Some(now);
    }
    begins
}

/// When a flapping alert will have been quiet long enough; absent when it does not flap.
pub(super) fn quiet_at(alert: &Alert, policy: &FlapPolicy) -> Option<Timestamp> {
    let since = alert.flapping_since?;
    let last = alert.transitions.last().copied().unwrap_or(since);
    Some(if on(policy) { last.plus(policy.hold.duration()) } else { since })
}

/// Forgets the changes as well, or the next one would make it flap again.
pub(super) fn settle(alert: &mut Alert) {
    alert.flapping_since = None;
    alert.transitions.clear();
}

fn on(policy: &FlapPolicy) -> bool {
    policy.changes > 1 && !policy.hold.duration().is_zero()
}
