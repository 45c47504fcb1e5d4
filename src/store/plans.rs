//! In this crate's tests every statement shows SQLite's plan before it runs: none may read a table that grows for years
//! from end to end, since what takes no time in a test then takes seconds, and holds the only writer meanwhile.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, AnyConnection, AssertSqlSafe, Execute, Row, SqlStr};

/// What may be scanned, as plans name it: what stays small, what is read whole on purpose, and where an index of few rows
/// or an order with a `LIMIT` ends the scan.
const ALLOWED: &[&str] = &[
    "CONSTANT ROW",
    "asked",
    "page",
    "slots",
    "_sqlx_migrations",
    "action_requests",
    "alert_groups USING INDEX sqlite_autoindex_alert_groups_2",
    "alerts",
    "audit USING INDEX sqlite_autoindex_audit_1",
    "audit_checkpoints",
    "counters",
    "due",
    "escalations",
    "h", // handoffs
    "handoffs",
    "inbox USING INDEX inbox_waiting",
    "incidents",
    "j USING INDEX jobs_lane",
    "jobs USING INDEX jobs_claimed",
    "jobs USING INDEX jobs_lane",
    "leases",
    "n", // handoff_notes
    "oncall_swaps",
    "schema_floor",
    "signals",
    "views",
    "m", // messages: once an hour, by a reader
    // As many as there are groups within the retention; once an hour and at a takeover.
    "facts",
];

/// Gives the statement back, put together again by `again` since looking at its text takes it apart.
///
/// # Panics
/// When it reads what grows from end to end.
pub(super) async fn checked<'q, Q: Execute<'q, Any>>(
    connection: &mut AnyConnection,
    mut statement: Q,
    again: impl FnOnce(SqlStr, AnyArguments) -> Q,
) -> Q {
    static SEEN: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
    let arguments = statement.take_arguments().unwrap().unwrap_or_default();
    let sql = statement.sql();
    let unseen = || SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.as_str().to_owned());
    if connection.backend_name() == "SQLite" && unseen() {
        let explain = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql.as_str())));
        // What cannot be explained fails by itself in a moment.
        let plan: Vec<AnyRow> = explain.fetch_all(connection).await.unwrap_or_default();
        let steps: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
        let names = |scan: &str, allowed: &str| scan == allowed || scan.starts_with(&format!("{allowed} "));
        let fine = |scan: &str| {
            // `2-ROW VALUES CLAUSE` and `8 CONSTANT ROWS` stand in the statement itself.
            let own = scan.ends_with(" VALUES CLAUSE") || scan.ends_with(" CONSTANT ROWS");
            own || ALLOWED.iter().any(|allowed| names(scan, allowed))
        };
        let scans = steps.iter().filter_map(|step| step.strip_prefix("SCAN "));
        let wrong: Vec<&str> = scans.filter(|scan| !fine(scan)).collect();
        assert!(wrong.is_empty(), "reads all of {wrong:?}:\n{}\n{steps:#?}", sql.as_str());
    }
    again(sql, arguments)
}

mod tests {
    use super::super::testing::Fresh;

    #[tokio::test]
    #[should_panic(expected = "reads all of [\"jobs\"]")]
    async fn a_statement_that_reads_all_deliveries_fails_its_test() {
        let db = Fresh::sqlite().await;
        let select = sqlx::query("DELETE FROM jobs WHERE state = 'dead' AND lane = 'channel:C1'");
        let _panics = db.store.writer().await.unwrap().execute(select).await;
    }
}
