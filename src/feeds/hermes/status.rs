//! Whether the source as a whole is up: any stream delivering is up, all of them failing everywhere is down.

use std::collections::HashSet;

use crate::core::feed::SourceStatus;
use crate::core::time::Timestamp;

/// Turns what single streams report into changes of the source's status.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    delivering: HashSet<usize>,
    last: Last,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Nothing,
    Up {
        endpoint: String,
    },
    Down,
}

impl Tracker {
    /// Stream `stream` got something from `endpoint`.
    pub fn delivered(&mut self, stream: usize, endpoint: &str, now: Timestamp) -> Option<SourceStatus> {
        self.delivering.insert(stream);
        if matches!(&self.last, Last::Up { endpoint: last } if last == endpoint) {
            return None;
        }
        self.last = Last::Up { endpoint: endpoint.to_owned() };
        Some(SourceStatus::Up { since: now, endpoint: endpoint.to_owned() })
    }

    /// Stream `stream` ended; `everywhere` when it has failed on every endpoint since it last delivered.
    pub fn failed(&mut self, stream: usize, everywhere: bool, error: &str, now: Timestamp) -> Option<SourceStatus> {
        self.delivering.remove(&stream);
        if !everywhere || !self.delivering.is_empty() || self.last == Last::Down {
            return None;
        }
        self.last = Last::Down;
        Some(SourceStatus::Down { since: now, error: error.to_owned() })
    }

    /// The streams were cut anew; the status stays until they report.
    pub fn restarted(&mut self) {
        self.delivering.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1000);

    #[test]
    fn one_delivering_stream_keeps_the_source_up() {
        let mut tracker = Tracker::default();
        assert!(matches!(tracker.delivered(0, "a", NOW), Some(SourceStatus::Up { .. })));
        assert_eq!(tracker.delivered(1, "a", NOW), None);
        assert_eq!(tracker.failed(0, true, "gone", NOW), None);
        assert!(matches!(tracker.failed(1, true, "gone", NOW), Some(SourceStatus::Down { .. })));
        assert_eq!(tracker.failed(0, true, "gone", NOW), None);
    }

    #[test]
    fn a_failover_is_told_and_a_reconnect_is_not() {
        let mut tracker = Tracker::default();
        tracker.delivered(0, "a", NOW);
        assert_eq!(tracker.failed(0, false, "cut", NOW), None);
        assert_eq!(tracker.delivered(0, "a", NOW), None);
        assert!(matches!(tracker.delivered(0, "b", NOW), Some(SourceStatus::Up { .. })));
    }
}
