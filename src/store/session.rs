//! A connection or a transaction with a limit on every statement, so that a database that went away is an error, not a hang.

use std::future::Future;
use std::ops::DerefMut;
use std::time::Duration;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::query::{Query, QueryAs};
use sqlx::{Any, AnyConnection, FromRow, Transaction};

use super::StoreError;

pub(super) type Statement<'q> = Query<'q, Any, AnyArguments>;
pub(super) type Rows<'q, T> = QueryAs<'q, Any, T, AnyArguments>;

pub(super) type Connection = Session<PoolConnection<Any>>;
/// A write transaction; dropped without [`Tx::commit`], it is rolled back.
pub type Tx = Session<Transaction<'static, Any>>;

/// What statements run on.
#[derive(Debug)]
pub struct Session<C> {
    inner: C,
    limit: Duration,
}

impl<C: DerefMut<Target = AnyConnection> + Send> Session<C> {
    pub(super) const fn new(inner: C, limit: Duration) -> Self {
        Self { inner, limit }
    }

    /// Runs a statement; gives the number of rows it touched.
    pub(super) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, StoreError> {
        #[cfg(test)]
        let statement = super::plans::checked(&mut self.inner, statement, sqlx::query_with).await;
        let done = within(self.limit, statement.execute(&mut *self.inner)).await?;
        Ok(done.rows_affected())
    }

    pub(super) async fn all<T>(&mut self, rows: Rows<'_, T>) -> Result<Vec<T>, StoreError>
    where
        T: Send + Unpin + for<'r> FromRow<'r, AnyRow>,
    {
        #[cfg(test)]
        let rows = super::plans::checked(&mut self.inner, rows, sqlx::query_as_with).await;
        let rows = within(self.limit, rows.fetch_all(&mut *self.inner)).await?;
        Ok(rows)
    }

    /// The first row. Reads to the end: sqlx would otherwise reset a SQLite `… RETURNING` half-way and swallow a
    /// failed commit.
    pub(super) async fn first<T>(&mut self, rows: Rows<'_, T>) -> Result<Option<T>, StoreError>
    where
        T: Send + Unpin + for<'r> FromRow<'r, AnyRow>,
    {
        Ok(self.all(rows).await?.into_iter().next())
    }
}

impl Connection {
    pub(super) fn raw(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }

    /// Closes it instead of giving it back to the pool.
    pub(super) async fn discard(self) -> Result<(), StoreError> {
        within(self.limit, self.inner.close()).await
    }
}

impl Tx {
    /// # Errors
    /// When the outcome is unknown (the connection broke, the limit passed) this is `Unavailable`; the work may or may
    /// not have been kept, so load again before repeating it.
    pub async fn commit(self) -> Result<(), StoreError> {
        within(self.limit, self.inner.commit()).await
    }

    /// Rolls back and waits for it; dropping does the same in the background.
    pub async fn rollback(self) -> Result<(), StoreError> {
        within(self.limit, self.inner.rollback()).await
    }
}

pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(StoreError::Unavailable(format!("no answer within {limit:?}"))),
    }
}

/// Whether a statement over so many rows is kept prepared for the next time: there is another for each number of rows, and
/// a hundred of those, as each connection keeps, would take tens of megabytes.
pub(super) const fn kept(rows: usize) -> bool {
    rows <= 16
}

/// A statement that was put together for so many rows.
pub(super) fn over(rows: usize, sql: String) -> Statement<'static> {
    sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(kept(rows))
}

/// `($1, $2), ($3, $4)` for two rows of two columns.
pub(super) fn marks(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let marks: Vec<_> = (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", marks.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_count_on_from_row_to_row() {
        assert_eq!(marks(2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(marks(1, 1), "($1)");
    }
}
