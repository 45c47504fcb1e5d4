//! Prometheus and Alertmanager: notifications in, range queries and silences out.

mod notification;
mod query;
mod severity;
mod silence;

pub use notification::{External, Malformed, Notification, silent};
pub use query::{Answer, Client, MOST_SERIES, QueryError, Series, Server};
pub use silence::{Address, Alertmanagers, Matching, Quiet, SilenceError, theirs};

/// What Prometheus and Alertmanager answer with, for `fuzz/`.
#[cfg(fuzzing)]
pub fn read_anything(bytes: &[u8]) {
    if let Ok(answer) = query::read(bytes) {
        assert!(answer.series.len() <= MOST_SERIES);
    }
    silence::read_anything(bytes);
}
