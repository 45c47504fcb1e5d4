//! Rows that hold a value whole, as JSON, with the version that tells whether somebody changed it since it was read; and the
//! numbers that people call such things by.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::FromRow;

use super::{StoreError, Tx};

#[derive(FromRow)]
pub(super) struct Row {
    id: String,
    version: i64,
    body: String,
}

/// The values in `rows` of a table, each with its version put together by `stored`.
pub(super) fn read<T: DeserializeOwned, S>(
    table: &'static str,
    rows: Vec<Row>,
    stored: impl Fn(T, i64) -> S,
) -> Result<Vec<S>, StoreError> {
    let one = |Row { id, version, body }| match serde_json::from_str(&body) {
        Ok(value) => Ok(stored(value, version)),
        Err(_) => Err(unreadable(table, "body", &id)),
    };
    rows.into_iter().map(one).collect()
}

/// A value as it stands in a column.
pub(super) fn text(
    table: &'static str,
    column: &'static str,
    id: &str,
    value: &impl Serialize,
) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| unreadable(table, column, id))
}

pub(super) fn unreadable(table: &'static str, column: &'static str, id: &str) -> StoreError {
    StoreError::Inconsistent { table, column, id: id.to_owned() }
}

/// The next number of a counter; nobody else gets it once `tx` is committed.
pub(super) async fn next_number(tx: &mut Tx, counter: &'static str) -> Result<u64, StoreError> {
    let upsert = "
        INSERT INTO counters (name, value) VALUES ($1, 1)
        ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value";
    let row: Option<(i64,)> = tx.first(sqlx::query_as(upsert).bind(counter)).await?;
    Ok(row.map_or(1, |(value,)| value.unsigned_abs()))
}
