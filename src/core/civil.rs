//! Which instants a wall-clock time is, in a zone that changes its clocks.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp as Instant};

use super::time::Timestamp;

/// The instants of a wall-clock time, earliest first: two when it exists twice, the change itself when it does not exist.
/// Empty at the ends of time.
pub(super) fn instants(zone: &TimeZone, local: DateTime) -> Vec<Instant> {
    let found = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => vec![offset.to_timestamp(local).ok()],
        AmbiguousOffset::Fold { before, after } => {
            vec![before.to_timestamp(local).ok(), after.to_timestamp(local).ok()]
        }
        AmbiguousOffset::Gap { before, .. } => {
            // By the clock that was not changed, the time lies at the change or after it.
            let unchanged = before.to_timestamp(local).ok().and_then(|at| at.checked_add(Span::new().seconds(1)).ok());
            vec![unchanged.and_then(|at| zone.preceding(at).next()).map(|change| change.timestamp())]
        }
    };
    found.into_iter().flatten().collect()
}

/// The first instant of a wall-clock time.
pub(super) fn first(zone: &TimeZone, local: DateTime) -> Option<Timestamp> {
    instants(zone, local).first().map(|at| timestamp(*at))
}

pub(super) fn instant(at: Timestamp) -> Option<Instant> {
    Instant::from_millisecond(at.as_millis()).ok()
}

pub(super) fn timestamp(at: Instant) -> Timestamp {
    Timestamp::from_millis(at.as_millisecond())
}
