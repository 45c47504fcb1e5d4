//! The schema: one portable migration set, and the audit triggers that have no portable spelling.

use sqlx::migrate::{MigrateError, Migrator};

use super::session::Connection;
use super::{Backend, Store, StoreError};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Which schema version is there (0: none) and which this binary knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    pub found: i64,
    pub known: i64,
}

impl Schema {
    #[must_use]
    pub const fn current(self) -> bool {
        self.found == self.known
    }
}

pub(super) async fn run(store: &Store) -> Result<(), StoreError> {
    let mut connection = store.writer().await?;
    if store.backend() == Backend::Postgres {
        // A migration, or waiting for another replica's, may take as long as it takes.
        connection.execute(sqlx::query("SET statement_timeout = 0")).await?;
        connection.execute(sqlx::query("SET lock_timeout = 0")).await?;
    }
    let migrated = MIGRATIONS.run_direct(None, connection.raw(), false).await;
    let found = version(&mut connection).await;
    // Neither the timeouts nor the advisory lock, which sqlx keeps after an error, may live on in the pool.
    connection.discard().await?;
    if let Err(error) = migrated {
        let found = found.unwrap_or(0);
        return Err(match error {
            MigrateError::VersionMissing(_) if found > known() => StoreError::TooNew { found, known: known() },
            MigrateError::Execute(error) => error.into(),
            other => StoreError::Migrate(other),
        });
    }
    let mut tx = store.begin().await?;
    for statement in append_only(store.backend()) {
        tx.execute(sqlx::query(*statement)).await?;
    }
    tx.commit().await
}

pub(super) async fn schema(store: &Store) -> Result<Schema, StoreError> {
    let found = match version(&mut store.reader().await?).await {
        Ok(found) => found,
        // No table yet: nothing was ever migrated.
        Err(StoreError::Refused(sqlx::Error::Database(_))) => 0,
        Err(error) => return Err(error),
    };
    Ok(Schema { found, known: known() })
}

async fn version(connection: &mut Connection) -> Result<i64, StoreError> {
    let row: Option<(Option<i64>,)> =
        connection.first(sqlx::query_as("SELECT MAX(version) FROM _sqlx_migrations")).await?;
    Ok(row.and_then(|(version,)| version).unwrap_or(0))
}

fn known() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Refuses UPDATE and DELETE of audit rows. Whoever may change the schema can drop these; the hash chain and the
/// checkpoints outside the database are for that case.
const fn append_only(backend: Backend) -> &'static [&'static str] {
    match backend {
        Backend::Sqlite => &[
            "CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit
             BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END",
            "CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit
             BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END",
        ],
        // Needs Postgres 14. The lock is for replicas that start together: they may not replace a function at once.
        Backend::Postgres => &[
            "LOCK TABLE audit_head IN EXCLUSIVE MODE",
            "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'audit rows are append-only'; END $$",
            "CREATE OR REPLACE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
             FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fresh, on_both_databases};

    on_both_databases!(
        migrating_again_changes_nothing,
        replicas_may_migrate_at_once,
        a_newer_schema_is_refused_in_words,
        an_empty_database_is_version_0,
    );

    async fn migrating_again_changes_nothing(db: Fresh) {
        db.store.migrate().await.unwrap();
        assert!(db.store.schema().await.unwrap().current());
    }

    async fn replicas_may_migrate_at_once(db: Fresh) {
        let done = futures_util::future::join_all((0..4).map(|_| db.store.migrate())).await;
        assert!(done.iter().all(Result::is_ok), "{done:?}");
    }

    async fn a_newer_schema_is_refused_in_words(db: Fresh) {
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                     SELECT 9999, description, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1";
        db.store.writer().await.unwrap().execute(sqlx::query(newer)).await.unwrap();
        let error = db.store.migrate().await.unwrap_err();
        assert!(error.to_string().contains("version 9999, newer than this binary knows"), "{error}");
    }

    async fn an_empty_database_is_version_0(db: Fresh) {
        db.store.writer().await.unwrap().execute(sqlx::query("DROP TABLE _sqlx_migrations")).await.unwrap();
        assert_eq!(db.store.schema().await.unwrap().found, 0);
    }
}
