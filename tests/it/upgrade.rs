//! An upgrade from one replica to the next: the newer binary has added to the schema, and the older one works beside it.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use watchkeeper::store::audit;

use super::support::acting::Acting;
use super::support::{Database, databases};

/// What a later migration may do: a column more in every table, another table.
async fn widen(database: &Database, raise: bool) {
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(&database.url).await.unwrap();
    let tables = match database.file() {
        Some(_) => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqli%'",
        None => {
            "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() AND tablename NOT LIKE '_sqlx%'"
        }
    };
    let tables: Vec<(String,)> = sqlx::query_as(tables).fetch_all(&mut connection).await.unwrap();
    assert!(tables.len() > 20, "{tables:?}");
    for (table,) in tables {
        let widened = format!("ALTER TABLE {table} ADD COLUMN later TEXT");
        connection.execute(AssertSqlSafe(widened)).await.unwrap();
    }
    connection.execute("CREATE TABLE later (id BIGINT)").await.unwrap();
    let row = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
               SELECT 9999, description, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1";
    connection.execute(row).await.unwrap();
    if raise {
        connection.execute("UPDATE schema_floor SET floor = 9999").await.unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_replica_works_beside_a_newer_one_and_starts_again() {
    for database in databases() {
        let acting = Acting::with(database, |_| {}).await;
        acting.ask("alice", "restart price-pusher-evm").await;
        widen(&acting.bot.database, false).await;

        // The one that runs goes on with what was under way, and takes new things.
        acting.press("bob", 1, "Approve").await;
        acting.act().await;
        assert_eq!(acting.state(1).await, "succeeded");
        acting.bot.stop("Crypto.SOL/USD");
        acting.bot.advance(90).await;

        // It is moved to another node in the middle of the upgrade.
        let acting = acting.restart().await;
        acting.bot.heal();
        acting.bot.advance(300).await;
        let alerts = acting.bot.alerts();
        assert!(alerts.iter().any(|alert| alert.contains("SOL/USD") && alert.contains("Resolved")), "{alerts:#?}");
        acting.ask("alice", "scale price-pusher-evm 5").await;
        acting.press("bob", 2, "Approve").await;
        acting.act().await;
        assert_eq!(acting.state(2).await, "succeeded");
        let report = audit::verify(&acting.bot.flow.store, &[]).await.unwrap();
        assert!(report.first_bad().is_none() && report.rows >= 8, "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_binary_does_not_start_where_what_it_needs_is_gone() {
    if let Some(database) = Database::postgres() {
        let acting = Acting::with(database, |_| {}).await;
        widen(&acting.bot.database, true).await;
        let refused = acting.bot.replica().await.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains("newer than this binary knows"), "{refused}");
    }
}
