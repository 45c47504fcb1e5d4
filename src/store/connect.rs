//! Opening the database: SQLite with one writer and a few readers, or a Postgres pool.

mod beside;
mod sqlite;

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, ConnectOptions, Connection as _, Executor};

use crate::core::time::Timestamp;

use super::session::{Connection, Session, Tx, within};
use super::{Schema, StoreError, migrate};

/// Where the database is and how patient to be with it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:path/to/file` or `postgres://user:password@host/name`.
    pub url: SecretString,
    /// Postgres connections; SQLite has one writer and a few readers whatever this says.
    pub connections: u32,
    /// The longest wait for a connection, a lock, or the answer to one statement.
    pub limit: Duration,
}

impl Settings {
    #[must_use]
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self { url: url.into(), connections: 10, limit: Duration::from_secs(5) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "Postgres",
        })
    }
}

/// Cheap to clone; all clones share the pools and, on SQLite, the lock that keeps a second process out.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    backend: Backend,
    read: AnyPool,
    write: AnyPool,
    limit: Duration,
    /// Held while the store is open.
    /// Given back on close, so that a successor in the same process can have the file.
    lock: Mutex<Option<File>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    ReadWrite,
    /// Writes without the lock, into a database that is there.
    Beside,
    ReadOnly,
}

/// One commit at a time reaches the disk anyway; readers never wait for the writer in WAL mode.
const SQLITE_READERS: u32 = 4;

impl Store {
    /// Opens the database for reading and writing; does not migrate.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has the same SQLite file open.
    pub async fn connect(settings: &Settings) -> Result<Self, StoreError> {
        Self::open(settings, Access::ReadWrite).await
    }

    /// Opens the database so that every write is refused, also beside a running process: for `audit verify` and the like.
    pub async fn connect_read_only(settings: &Settings) -> Result<Self, StoreError> {
        Self::open(settings, Access::ReadOnly).await
    }

    async fn open(settings: &Settings, access: Access) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let url = settings.url.expose_secret();
        match scheme(url) {
            Some("sqlite") => Self::open_sqlite(&sqlite::path(url)?, settings.limit, access).await,
            Some("postgres" | "postgresql") => Self::open_postgres(settings, access).await,
            _ => Err(StoreError::Url("it must start with sqlite: or postgres:".to_owned())),
        }
    }

    async fn open_sqlite(path: &Path, limit: Duration, access: Access) -> Result<Self, StoreError> {
        let lock = match access {
            Access::ReadWrite => Some(sqlite::lock(path)?),
            Access::Beside | Access::ReadOnly => None,
        };
        let common = format!("PRAGMA busy_timeout = {}; PRAGMA foreign_keys = ON;", shorter(limit));
        // WAL with synchronous=FULL: every commit is on disk before it is acknowledged.
        let writer = format!("{common} PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
        // Half a megabyte each instead of two: the operating system keeps the file at hand anyway.
        let reader = format!("{common} PRAGMA query_only = ON; PRAGMA cache_size = -512;");
        let read_options = options(&sqlite::url(path, "rw")?)?;
        let (write, read) = match access {
            Access::ReadWrite | Access::Beside => {
                let mode = if access == Access::ReadWrite { "rwc" } else { "rw" };
                let write =
                    pool(1, limit, writer).test_before_acquire(false).connect_with(options(&sqlite::url(path, mode)?)?);
                (within(limit, write).await?, pool(SQLITE_READERS, limit, reader).connect_lazy_with(read_options))
            }
            Access::ReadOnly => {
                let read = within(limit, pool(1, limit, reader).connect_with(read_options)).await?;
                (read.clone(), read)
            }
        };
        Ok(Self(Arc::new(Inner { backend: Backend::Sqlite, read, write, limit, lock: Mutex::new(lock) })))
    }

    async fn open_postgres(settings: &Settings, access: Access) -> Result<Self, StoreError> {
        let limit = settings.limit;
        let read_only = match access {
            Access::ReadWrite | Access::Beside => "off",
            Access::ReadOnly => "on",
        };
        let millis = shorter(limit);
        // A replica that froze inside a transaction must not keep the lease from others.
        let setup = format!(
            "SET statement_timeout = {millis}; SET lock_timeout = {millis}; \
             SET idle_in_transaction_session_timeout = {millis}; SET default_transaction_read_only = {read_only};"
        );
        // A connection whose far end fell silent must not keep its place in the pool until TCP notices.
        let pool = pool(settings.connections.max(1), limit, setup).after_release(move |connection, _| {
            Box::pin(async move {
                let alive = tokio::time::timeout(limit, connection.ping()).await;
                alive.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into())).map(|()| true)
            })
        });
        let pool = within(limit, pool.connect_with(options(settings.url.expose_secret())?)).await?;
        Ok(Self(Arc::new(Inner {
            backend: Backend::Postgres,
            read: pool.clone(),
            write: pool,
            limit,
            lock: Mutex::new(None),
        })))
    }

    #[must_use]
    pub fn backend(&self) -> Backend {
        self.0.backend
    }

    /// Brings the schema up to date; safe to run again and from several replicas at once.
    ///
    /// # Errors
    /// [`StoreError::TooNew`] when a newer watchkeeper has been here.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate::run(self).await
    }

    /// Which schema version the database has and which this binary knows.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        migrate::schema(self).await
    }

    /// Starts a write transaction. On SQLite it holds the only writer until it ends: inside, do no network calls, and
    /// call nothing here that writes through a `&Store` (it would wait for this transaction until its limit).
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let limit = self.0.limit;
        let tx = match self.0.backend {
            // Takes the write lock now; a deferred one could fail half-way through.
            Backend::Sqlite => within(limit, self.0.write.begin_with("BEGIN IMMEDIATE")).await?,
            Backend::Postgres => within(limit, self.0.write.begin()).await?,
        };
        Ok(Session::new(tx, limit))
    }

    /// Whether a reader and a writer answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.reader().await?.execute(sqlx::query("SELECT 1")).await?;
        self.writer().await?.execute(sqlx::query("SELECT 1")).await?;
        Ok(())
    }

    /// The clock of a database that several processes share; `None` on SQLite, where it is this machine's.
    pub async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        if self.0.backend == Backend::Sqlite {
            return Ok(None);
        }
        let select = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        let row: Option<(i64,)> = self.reader().await?.first(sqlx::query_as(select)).await?;
        Ok(row.map(|(millis,)| Timestamp::from_millis(millis)))
    }

    /// Closes all connections after their running statements, within the limit; everything after this is `Unavailable`.
    pub async fn close(&self) {
        let closed = async { tokio::join!(self.0.read.close(), self.0.write.close()) };
        // A database that does not answer is left to the operating system.
        let _ = tokio::time::timeout(self.0.limit, closed).await;
        self.0.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(super) fn limit(&self) -> Duration {
        self.0.limit
    }

    pub(super) async fn reader(&self) -> Result<Connection, StoreError> {
        Ok(Session::new(within(self.0.limit, self.0.read.acquire()).await?, self.0.limit))
    }

    /// For single statements that are their own transaction.
    pub(super) async fn writer(&self) -> Result<Connection, StoreError> {
        Ok(Session::new(within(self.0.limit, self.0.write.acquire()).await?, self.0.limit))
    }

    /// Runs `delete` (with a time as `$1` and a number of rows as `$2`) until it finds less than a step, so that the
    /// writer is never held for long.
    pub(super) async fn delete_in_steps(&self, delete: &'static str, before: Timestamp) -> Result<u64, StoreError> {
        const STEP: u32 = 1000;
        let mut deleted = 0;
        loop {
            let step = sqlx::query(delete).bind(before.as_millis()).bind(i64::from(STEP));
            let rows = self.writer().await?.execute(step).await?;
            deleted += rows;
            if rows < u64::from(STEP) {
                return Ok(deleted);
            }
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("backend", &self.0.backend).finish_non_exhaustive()
    }
}

/// Milliseconds. The database gives up shortly before we do, so that a slow statement ends there as well.
const fn shorter(limit: Duration) -> u128 {
    limit.as_millis() * 9 / 10
}

/// A pool whose connections all ran `setup`, and which keeps them.
fn pool(connections: u32, limit: Duration, setup: String) -> AnyPoolOptions {
    let setup: Arc<str> = setup.into();
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(limit)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(move |connection, _| {
            let setup = Arc::clone(&setup);
            Box::pin(async move { connection.execute(sqlx::AssertSqlSafe(setup)).await.map(|_| ()) })
        })
}

fn scheme(url: &str) -> Option<&str> {
    url.split_once(':').map(|(scheme, _)| scheme)
}

fn options(url: &str) -> Result<AnyConnectOptions, StoreError> {
    let options = AnyConnectOptions::from_str(url).map_err(|error| StoreError::Url(error.to_string()))?;
    Ok(options.disable_statement_logging())
}

#[cfg(test)]
mod tests;
