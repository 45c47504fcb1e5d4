//! Opening the database: SQLite with one writer and a few readers, or a Postgres pool.

use std::fmt;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, ConnectOptions, Executor};
use url::Url;

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
    _lock: Option<File>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    ReadWrite,
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
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Self::open_sqlite(&sqlite_path(url)?, settings.limit, access).await,
            Some("postgres" | "postgresql") => Self::open_postgres(settings, access).await,
            _ => Err(StoreError::Url("it must start with sqlite: or postgres:".to_owned())),
        }
    }

    async fn open_sqlite(path: &Path, limit: Duration, access: Access) -> Result<Self, StoreError> {
        let lock = match access {
            Access::ReadWrite => Some(lock(path)?),
            Access::ReadOnly => None,
        };
        let common = format!("PRAGMA busy_timeout = {}; PRAGMA foreign_keys = ON;", limit.as_millis());
        // WAL with synchronous=FULL: every commit is on disk before it is acknowledged.
        let writer = format!("{common} PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
        let reader = format!("{common} PRAGMA query_only = ON;");
        let read_options = options(&sqlite_url(path, "rw")?)?;
        let (write, read) = match access {
            Access::ReadWrite => {
                let write = pool(1, limit, writer).connect_with(options(&sqlite_url(path, "rwc")?)?);
                (within(limit, write).await?, pool(SQLITE_READERS, limit, reader).connect_lazy_with(read_options))
            }
            Access::ReadOnly => {
                let read = within(limit, pool(1, limit, reader).connect_with(read_options)).await?;
                (read.clone(), read)
            }
        };
        Ok(Self(Arc::new(Inner { backend: Backend::Sqlite, read, write, limit, _lock: lock })))
    }

    async fn open_postgres(settings: &Settings, access: Access) -> Result<Self, StoreError> {
        let limit = settings.limit;
        let read_only = match access {
            Access::ReadWrite => "off",
            Access::ReadOnly => "on",
        };
        // The server gives up shortly before we do, so that a slow statement ends there as well.
        let millis = limit.as_millis() * 9 / 10;
        let setup = format!(
            "SET statement_timeout = {millis}; SET lock_timeout = {millis}; \
             SET idle_in_transaction_session_timeout = 60000; SET default_transaction_read_only = {read_only};"
        );
        let pool = pool(settings.connections.max(1), limit, setup);
        let pool = within(limit, pool.connect_with(options(settings.url.expose_secret())?)).await?;
        Ok(Self(Arc::new(Inner { backend: Backend::Postgres, read: pool.clone(), write: pool, limit, _lock: None })))
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

    /// Starts a write transaction. On SQLite it holds the only writer until it ends: do no network calls inside.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let limit = self.0.limit;
        let tx = match self.0.backend {
            // Takes the write lock now; a deferred one could fail half-way through.
            Backend::Sqlite => within(limit, self.0.write.begin_with("BEGIN IMMEDIATE")).await?,
            Backend::Postgres => within(limit, self.0.write.begin()).await?,
        };
        Ok(Session::new(tx, limit))
    }

    /// True when both a reader and a writer answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.reader().await?.execute(sqlx::query("SELECT 1")).await?;
        self.writer().await?.execute(sqlx::query("SELECT 1")).await?;
        Ok(())
    }

    /// Waits for running statements and closes all connections; everything after this is `Unavailable`.
    pub async fn close(&self) {
        self.0.read.close().await;
        self.0.write.close().await;
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

fn options(url: &str) -> Result<AnyConnectOptions, StoreError> {
    let options = AnyConnectOptions::from_str(url).map_err(|error| StoreError::Url(error.to_string()))?;
    Ok(options.disable_statement_logging())
}

/// The file a `sqlite:` URL names, absolute.
fn sqlite_path(url: &str) -> Result<PathBuf, StoreError> {
    let text = url.trim_start_matches("sqlite:");
    let text = text.strip_prefix("//").unwrap_or(text);
    let text = text.split('?').next().unwrap_or_default();
    if text.is_empty() || text == ":memory:" {
        return Err(StoreError::Url("an in-memory database would forget everything; name a file".to_owned()));
    }
    std::path::absolute(text).map_err(|error| StoreError::Url(error.to_string()))
}

/// Written out in full, since a relative `sqlite://dir/file` would be read as a host name.
fn sqlite_url(path: &Path, mode: &str) -> Result<String, StoreError> {
    let text = path.to_str().ok_or_else(|| StoreError::Url("the path is not UTF-8".to_owned()))?;
    let mut url = Url::parse("sqlite:///").map_err(|error| StoreError::Url(error.to_string()))?;
    url.set_path(&text.replace('%', "%25"));
    url.set_query(Some(&format!("mode={mode}")));
    Ok(url.into())
}

/// An exclusive lock on `<database>.lock`, released when the file is dropped or the process dies.
fn lock(database: &Path) -> Result<File, StoreError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let failed = |source| StoreError::LockFile { path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path }),
        Err(TryLockError::Error(source)) => Err(StoreError::LockFile { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;

    on_both_databases!(
        a_dropped_transaction_leaves_nothing,
        a_read_only_store_refuses_writes_beside_a_running_one,
        a_closed_store_is_an_error_at_once,
    );

    async fn a_dropped_transaction_leaves_nothing(db: Fresh) {
        let mut tx = db.store.begin().await.unwrap();
        super::super::facts::put(&mut tx, "k", "v", db.now).await.unwrap();
        drop(tx);
        assert_eq!(super::super::facts::get(&db.store, "k").await.unwrap(), None);
    }

    async fn a_read_only_store_refuses_writes_beside_a_running_one(db: Fresh) {
        let reader = Store::connect_read_only(&db.settings).await.unwrap();
        assert_eq!(super::super::facts::get(&reader, "k").await.unwrap(), None);
        if let Ok(mut tx) = reader.begin().await {
            assert!(super::super::facts::put(&mut tx, "k", "v", db.now).await.is_err());
        }
    }

    async fn a_closed_store_is_an_error_at_once(db: Fresh) {
        db.store.ping().await.unwrap();
        db.store.close().await;
        assert!(db.store.ping().await.unwrap_err().retryable());
        assert!(db.store.begin().await.unwrap_err().retryable());
    }

    #[tokio::test]
    async fn a_second_process_on_the_same_sqlite_file_is_told_why() {
        let db = Fresh::sqlite().await;
        let error = Store::connect(&db.settings).await.unwrap_err();
        assert!(error.to_string().contains("another watchkeeper process uses this SQLite database"), "{error}");
        drop(db.store);
        Store::connect(&db.settings).await.unwrap();
    }

    #[test]
    fn sqlite_urls_name_one_file_however_they_are_written() {
        let here = std::path::absolute("a b%.db").unwrap();
        for url in ["sqlite:a b%.db", "sqlite://a b%.db", "sqlite:a b%.db?mode=rwc"] {
            assert_eq!(sqlite_path(url).unwrap(), here);
        }
        assert!(sqlite_url(Path::new("/x/a b%.db"), "rw").unwrap().ends_with("/x/a%20b%25.db?mode=rw"));
        for url in ["sqlite::memory:", "sqlite:", "sqlite://?mode=memory"] {
            assert!(sqlite_path(url).unwrap_err().to_string().contains("name a file"), "{url}");
        }
    }
}
