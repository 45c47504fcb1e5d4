//! The schema: one portable migration set, and the audit triggers that have no portable spelling.

use std::cmp::Ordering;

use sqlx::migrate::{MigrateError, Migrator};

use super::session::Connection;
use super::{Backend, Store, StoreError};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// What of this binary's schema is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Its newest migration; 0: none.
    pub found: i64,
    /// The newest one this binary knows.
    pub known: i64,
    /// Whoever knows at least this one can work with it (`migrations/0090_floor.sql`).
    floor: i64,
}

/// How a schema and this binary go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Current,
    /// To be brought up to date.
    Older,
    /// A newer binary has been here, and only added to it.
    Widened,
    /// A newer binary took away what this one needs.
    TooNew,
}

impl Schema {
    #[must_use]
    pub fn fit(&self) -> Fit {
        match self.found.cmp(&self.known) {
            Ordering::Equal => Fit::Current,
            Ordering::Less => Fit::Older,
            Ordering::Greater if self.known >= self.floor => Fit::Widened,
            Ordering::Greater => Fit::TooNew,
        }
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
    // Neither the timeouts nor the advisory lock, which sqlx keeps after an error, may live on in the pool.
    connection.discard().await?;
    if let Err(error) = migrated {
        let ahead = matches!(error, MigrateError::VersionMissing(_));
        return match (schema(store).await, error) {
            (Ok(schema), _) if ahead && schema.fit() == Fit::Widened => {
                tracing::warn!(
                    found = schema.found,
                    known = schema.known,
                    "a newer watchkeeper has widened the schema"
                );
                Ok(())
            }
            (Ok(Schema { found, known, .. }), _) if ahead && found > known => Err(StoreError::TooNew { found, known }),
            (_, MigrateError::Execute(error)) => Err(error.into()),
            (_, error) => Err(StoreError::Migrate(error)),
        };
    }
    let mut tx = store.begin().await?;
    for statement in append_only(store.backend()) {
        tx.execute(sqlx::query(*statement)).await?;
    }
    tx.commit().await
}

pub(super) async fn schema(store: &Store) -> Result<Schema, StoreError> {
    let mut connection = store.reader().await?;
    let found = number(&mut connection, "SELECT MAX(version) FROM _sqlx_migrations").await?;
    let floor = number(&mut connection, "SELECT MAX(floor) FROM schema_floor").await?;
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    Ok(Schema { found, known, floor })
}

/// 0 when there is no such table yet.
async fn number(connection: &mut Connection, select: &'static str) -> Result<i64, StoreError> {
    match connection.first(sqlx::query_as::<_, (Option<i64>,)>(select)).await {
        Ok(row) => Ok(row.and_then(|(number,)| number).unwrap_or(0)),
        Err(StoreError::Refused(sqlx::Error::Database(_))) => Ok(0),
        Err(error) => Err(error),
    }
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
    use super::*;

    on_both_databases!(
        migrating_again_changes_nothing,
        replicas_may_migrate_at_once,
        a_schema_that_was_only_added_to_is_worked_with,
        a_schema_that_lacks_something_is_refused_in_words,
        an_empty_database_is_version_0,
    );

    async fn migrating_again_changes_nothing(db: Fresh) {
        db.store.migrate().await.unwrap();
        assert_eq!(fit(&db).await, Fit::Current);
    }

    async fn replicas_may_migrate_at_once(db: Fresh) {
        let done = futures_util::future::join_all((0..4).map(|_| db.store.migrate())).await;
        assert!(done.iter().all(Result::is_ok), "{done:?}");
    }

    async fn a_schema_that_was_only_added_to_is_worked_with(db: Fresh) {
        of_a_newer_binary(&db, "CREATE TABLE later (id BIGINT)").await;
        db.store.migrate().await.unwrap();
        assert_eq!(fit(&db).await, Fit::Widened);
    }

    async fn a_schema_that_lacks_something_is_refused_in_words(db: Fresh) {
        of_a_newer_binary(&db, "UPDATE schema_floor SET floor = 9999").await;
        let error = db.store.migrate().await.unwrap_err();
        assert!(error.to_string().contains("version 9999, newer than this binary knows"), "{error}");
        assert_eq!(fit(&db).await, Fit::TooNew);
    }

    async fn an_empty_database_is_version_0(db: Fresh) {
        db.store.writer().await.unwrap().execute(sqlx::query("DROP TABLE _sqlx_migrations")).await.unwrap();
        let schema = db.store.schema().await.unwrap();
        assert_eq!((schema.found, schema.fit()), (0, Fit::Older));
    }

    async fn fit(db: &Fresh) -> Fit {
        db.store.schema().await.unwrap().fit()
    }

    async fn of_a_newer_binary(db: &Fresh, statement: &'static str) {
        let row = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                   SELECT 9999, description, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1";
        let mut connection = db.store.writer().await.unwrap();
        connection.execute(sqlx::query(statement)).await.unwrap();
        connection.execute(sqlx::query(row)).await.unwrap();
    }

    /// What older binaries use must not go without the floor being raised.
    #[test]
    fn a_migration_that_takes_something_away_raises_the_floor() {
        let first = 90;
        for migration in MIGRATIONS.iter().filter(|migration| migration.version > first) {
            let sql = migration.sql.as_str();
            assert!(!takes_away(sql) || sql.contains("UPDATE schema_floor"), "{}: {sql}", migration.version);
        }
        assert!(takes_away("ALTER TABLE jobs DROP COLUMN lane") && takes_away("alter table jobs rename to effects"));
        assert!(takes_away("ALTER TABLE jobs ADD COLUMN lane TEXT NOT NULL"), "older ones insert without it");
        let adds = "CREATE TABLE t (a TEXT NOT NULL); ALTER TABLE t ADD COLUMN b TEXT NOT NULL DEFAULT ''";
        assert!(!takes_away(adds) && !takes_away("CREATE INDEX t_a ON t (a)") && !takes_away("DROP INDEX t_a"));
    }

    fn takes_away(sql: &str) -> bool {
        let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
        let sql = lines.collect::<Vec<_>>().join(" ").to_uppercase();
        sql.split(';').any(|statement| {
            let has = |word: &str| statement.contains(word);
            let requires = has("ADD") && has("NOT NULL") && !has("DEFAULT") || has("UNIQUE") || has("CHECK");
            let alters = has("ALTER TABLE") && (has("RENAME") || has("SET NOT NULL") || has(" TYPE ") || requires);
            // Without an index older ones are slower, and right.
            let drops = has("DROP ") && !has("DROP INDEX ");
            drops || alters || has("CREATE UNIQUE INDEX")
        })
    }
}
