//! What went by and what was left out, for the metrics page: a skipped input is counted with its reason.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Why something from Hermes was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// An event's data was no JSON, or not the shape of a price update.
    Malformed,
    /// One price among others was not the shape of one.
    BadUpdate,
    /// A number no price can have.
    OutOfRange,
    /// Not newer than what was seen.
    NotNewer,
    /// A feed that was not asked for.
    Unasked,
    /// An event over the size limit.
    Oversize,
    /// An event cut off by the end of its connection.
    HalfEvent,
    /// Hermes' own `event: error`.
    ErrorEvent,
    /// A catalogue entry that could not be read.
    BadFeed,
}

impl Skipped {
    const ALL: [Self; 9] = [
        Self::Malformed,
        Self::BadUpdate,
        Self::OutOfRange,
        Self::NotNewer,
        Self::Unasked,
        Self::Oversize,
        Self::HalfEvent,
        Self::ErrorEvent,
        Self::BadFeed,
    ];

    /// The `reason` label in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::BadUpdate => "bad_update",
            Self::OutOfRange => "out_of_range",
            Self::NotNewer => "not_newer",
            Self::Unasked => "unasked",
            Self::Oversize => "oversize",
            Self::HalfEvent => "half_event",
            Self::ErrorEvent => "error_event",
            Self::BadFeed => "bad_feed",
        }
    }
}

/// Totals since the start of the process.
#[derive(Debug, Default)]
pub struct Counters {
    events: AtomicU64,
    updates: AtomicU64,
    reconnects: AtomicU64,
    skipped: [AtomicU64; Skipped::ALL.len()],
}

impl Counters {
    /// Stream events received, of any kind.
    pub fn events(&self) -> u64 {
        self.events.load(Relaxed)
    }

    /// Prices passed on.
    pub fn updates(&self) -> u64 {
        self.updates.load(Relaxed)
    }

    /// Streams that ended and were opened again.
    pub fn reconnects(&self) -> u64 {
        self.reconnects.load(Relaxed)
    }

    pub fn skipped(&self, reason: Skipped) -> u64 {
        self.skipped.get(reason as usize).map_or(0, |count| count.load(Relaxed))
    }

    /// Every reason with its count, for a metrics page.
    pub fn all_skipped(&self) -> impl Iterator<Item = (Skipped, u64)> {
        Skipped::ALL.into_iter().map(|reason| (reason, self.skipped(reason)))
    }

    pub(super) fn event(&self) {
        self.events.fetch_add(1, Relaxed);
    }

    pub(super) fn update(&self) {
        self.updates.fetch_add(1, Relaxed);
    }

    pub(super) fn reconnect(&self) {
        self.reconnects.fetch_add(1, Relaxed);
    }

    pub(super) fn skip(&self, reason: Skipped) {
        if let Some(count) = self.skipped.get(reason as usize) {
            count.fetch_add(1, Relaxed);
        }
    }
}
