//! Prometheus and Alertmanager: notifications in, range queries and silences out.

mod notification;
mod query;
mod silence;

pub use notification::{External, Malformed, Notification, silent};
pub use query::{Answer, Client, MOST_SERIES, QueryError, Series, Server};
pub use silence::{Alertmanagers, Quiet, SilenceError, theirs};
