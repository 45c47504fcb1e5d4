//! What another process may do beside a running bot, whose lock it leaves alone.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _, Executor as _};

use crate::store::StoreError;
use crate::store::session::within;

use super::{Access, Settings, Store, options, scheme, sqlite};

impl Settings {
    /// The file of a SQLite database; none for Postgres.
    ///
    /// # Errors
    /// The URL names no database.
    pub fn sqlite_file(&self) -> Result<Option<PathBuf>, StoreError> {
        let url = self.url.expose_secret();
        if scheme(url) == Some("sqlite") { sqlite::path(url).map(Some) } else { Ok(None) }
    }
}

impl Store {
    /// Opens the database for a short write: one statement waits for the bot's as the bot's wait for it.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn connect_beside(settings: &Settings) -> Result<Self, StoreError> {
        Self::open(settings, Access::Beside).await
    }

    /// Copies the SQLite database in `file` as it is at one moment into `to`, a file that is empty.
    ///
    /// # Errors
    /// Either file cannot be used.
    pub async fn copy_sqlite(settings: &Settings, file: &Path, to: &Path) -> Result<(), StoreError> {
        sqlx::any::install_default_drivers();
        let to = to.to_str().ok_or_else(|| StoreError::Url("the path is not UTF-8".to_owned()))?;
        // Opened for reading: `query_only` would refuse to write the copy as well.
        let from = options(&sqlite::url(file, "ro")?)?;
        let mut connection: AnyConnection = within(settings.limit, from.connect()).await?;
        // It may take long: a reader holds nobody up in WAL mode.
        connection.execute(sqlx::query("VACUUM INTO $1").bind(to.to_owned())).await?;
        connection.close().await?;
        Ok(())
    }
}
