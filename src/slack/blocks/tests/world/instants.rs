//! Instants around the one at which everything is said.

use std::time::Duration;

use super::NOW;
use crate::core::time::Timestamp;

pub fn before(secs: u64) -> Timestamp {
    NOW.minus(Duration::from_secs(secs))
}

pub fn after(secs: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(secs))
}
