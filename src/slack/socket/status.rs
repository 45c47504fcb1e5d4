//! How Socket Mode is doing, for health and metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counted by the loop, read by anyone.
#[derive(Debug, Default)]
pub struct SocketStatus {
    connected: AtomicU64,
    opened: AtomicU64,
    lost: AtomicU64,
    envelopes: AtomicU64,
    acked_early: AtomicU64,
    withheld: AtomicU64,
    /// Why the latest connection was lost or could not be opened, until one is up again.
    why: Mutex<Option<String>>,
}

/// A reading of [`SocketStatus`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketFigures {
    /// Connections up now.
    pub connected: u64,
    /// Connections opened so far: the first ones, renewals and reconnections.
    pub opened: u64,
    /// Connections that ended without notice.
    pub lost: u64,
    pub envelopes: u64,
    /// Envelopes acknowledged before their handler was done, because somebody was waiting.
    pub acked_early: u64,
    /// Envelopes not acknowledged: not stored.
    pub withheld: u64,
}

impl SocketStatus {
    #[must_use]
    pub fn figures(&self) -> SocketFigures {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        SocketFigures {
            connected: read(&self.connected),
            opened: read(&self.opened),
            lost: read(&self.lost),
            envelopes: read(&self.envelopes),
            acked_early: read(&self.acked_early),
            withheld: read(&self.withheld),
        }
    }

    /// What is wrong, as far as it is something that may pass.
    pub fn why(&self) -> Option<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn fails(&self, why: Option<&str>) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why.map(str::to_owned);
    }

    pub(super) fn up(&self) {
        self.fails(None);
        self.connected.fetch_add(1, Ordering::Relaxed);
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn down(&self) {
        self.connected.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn envelope(&self) {
        self.envelopes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn acked_early(&self) {
        self.acked_early.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn withheld(&self) {
        self.withheld.fetch_add(1, Ordering::Relaxed);
    }
}
