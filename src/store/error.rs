//! What can go wrong with the store, by what the caller can do about it.

use std::path::PathBuf;

use sqlx::migrate::MigrateError;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Try again later. When it comes from a commit the outcome is unknown: load again before deciding.
    #[error("the database is busy or cannot be reached: {0}")]
    Unavailable(String),
    #[error("row `{id}` of table {table} cannot be read: column {column} holds something unexpected")]
    Inconsistent { table: &'static str, column: &'static str, id: String },
    #[error(
        "another watchkeeper process uses this SQLite database (lock file {path}); stop it first, or use Postgres to run several"
    )]
    Locked { path: PathBuf },
    /// Somebody else holds it now: roll back and leave the work to them.
    #[error("{what} was lost to another holder")]
    Lost { what: String },
    #[error(
        "the database schema is version {found}, newer than this binary knows ({known}) and can work with; run the newer watchkeeper or restore a backup"
    )]
    TooNew { found: i64, known: i64 },
    #[error(
        "the database URL is not usable: {0}; write it like sqlite:///var/lib/watchkeeper/db.sqlite or postgres://user@host/name"
    )]
    Url(String),
    #[error("the database could not be migrated")]
    Migrate(#[source] MigrateError),
    #[error("could not open the lock file {path}: the directory must exist and be writable")]
    LockFile { path: PathBuf, source: std::io::Error },
    #[error("the database refused a statement")]
    Refused(#[source] sqlx::Error),
}

impl StoreError {
    /// True when the same call may succeed later.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if unavailable(&error) { Self::Unavailable(error.to_string()) } else { Self::Refused(error) }
    }
}

fn unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(refused) => refused.code().is_some_and(|code| passing(&code)),
        _ => false,
    }
}

/// SQLite: busy, locked, I/O error, disk full, cannot open (primary result codes, <https://sqlite.org/rescode.html>).
/// Postgres: connection, resources, operator intervention, deadlock, serialisation, lock timeout, read-only standby
/// (SQLSTATE classes, <https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn passing(code: &str) -> bool {
    if code.len() == 5 {
        return ["08", "53", "57", "40"].iter().any(|class| code.starts_with(class))
            || ["55P03", "25P03", "25006"].contains(&code);
    }
    code.parse::<i64>().is_ok_and(|number| [5, 6, 10, 13, 14].contains(&(number & 0xff)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_passing_conditions_are_worth_a_retry() {
        for code in ["5", "6", "517", "10", "08006", "57P01", "40001", "40P01", "55P03"] {
            assert!(passing(code), "{code}");
        }
        for code in ["1", "19", "1555", "23505", "42P01", "22021", ""] {
            assert!(!passing(code), "{code}");
        }
    }
}
