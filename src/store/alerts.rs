//! What the alert engine knows, and the groups of the past.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::core::alert::{Alert, AlertState};
use crate::core::engine::{Changes, Snapshot};
use crate::core::group::{Group, GroupState};
use crate::core::silence::Silence;
use crate::core::time::Timestamp;

use super::session::{Rows, marks, over};
use super::{Store, StoreError, Tx};

/// Rows a statement: a few statements for the worst decision, far below both databases' limits on parameters.
const CHUNK: usize = 500;

const NEXT_GROUP: &str = "next_group";
const NEXT_SILENCE: &str = "next_silence";

/// Writes a decision's changes.
pub async fn save(tx: &mut Tx, changes: &Changes) -> Result<(), StoreError> {
    let Changes {
        alerts,
        removed_alerts,
        groups,
        removed_groups,
        silences,
        removed_silences,
        next_group,
        next_silence,
        decided_at: _,
    } = changes;
    save_alerts(tx, &alerts.values().collect::<Vec<_>>()).await?;
    save_groups(tx, &groups.values().collect::<Vec<_>>()).await?;
    save_silences(tx, &silences.values().collect::<Vec<_>>()).await?;
    for_ids(tx, "DELETE FROM alerts WHERE fingerprint IN", removed_alerts).await?;
    for_ids(tx, "UPDATE alert_groups SET past = 1 WHERE id IN", removed_groups).await?;
    for_ids(tx, "UPDATE silences SET past = 1 WHERE id IN", removed_silences).await?;
    // They move only together with a group or silence.
    if !groups.is_empty() || !silences.is_empty() {
        count(tx, NEXT_GROUP, *next_group).await?;
        count(tx, NEXT_SILENCE, *next_silence).await?;
    }
    Ok(())
}

/// What the engine needs to go on where it stopped.
pub async fn load(store: &Store) -> Result<Snapshot, StoreError> {
    let mut reader = store.reader().await?;
    let alerts = reader.all(sqlx::query_as("SELECT fingerprint, body FROM alerts ORDER BY fingerprint")).await?;
    let groups = sqlx::query_as("SELECT id, body FROM alert_groups WHERE past = 0 ORDER BY number");
    let groups = reader.all(groups).await?;
    let silences = reader.all(sqlx::query_as("SELECT id, body FROM silences WHERE past = 0 ORDER BY number")).await?;
    let counters: Vec<(String, i64)> = reader.all(sqlx::query_as("SELECT name, value FROM counters")).await?;
    let counter = |name: &str| {
        let found = counters.iter().find(|(counter, _)| counter == name);
        found.map_or(0, |(_, value)| value.unsigned_abs())
    };
    Ok(Snapshot {
        alerts: read("alerts", alerts)?,
        groups: read("alert_groups", groups)?,
        silences: read("silences", silences)?,
        next_group: counter(NEXT_GROUP),
        next_silence: counter(NEXT_SILENCE),
    })
}

/// Groups open and past, newest first.
pub async fn recent_groups(store: &Store, limit: u32) -> Result<Vec<Group>, StoreError> {
    let select = sqlx::query_as("SELECT id, body FROM alert_groups ORDER BY number DESC LIMIT $1");
    groups(store, select.bind(i64::from(limit))).await
}

/// Groups that were open at some time of `[from, to)`, newest first.
pub async fn during(store: &Store, from: Timestamp, to: Timestamp, limit: u32) -> Result<Vec<Group>, StoreError> {
    let select = "
        SELECT id, body FROM alert_groups
        WHERE opened_at < $1 AND (closed_at IS NULL OR closed_at >= $2) ORDER BY number DESC LIMIT $3";
    let select = sqlx::query_as(select).bind(to.as_millis()).bind(from.as_millis());
    groups(store, select.bind(i64::from(limit))).await
}

/// The group people call by this number, open or past.
pub async fn find_group(store: &Store, number: u64) -> Result<Option<Group>, StoreError> {
    let select = sqlx::query_as("SELECT id, body FROM alert_groups WHERE number = $1");
    Ok(groups(store, select.bind(whole(number))).await?.into_iter().next())
}

async fn groups(store: &Store, select: Rows<'_, (String, String)>) -> Result<Vec<Group>, StoreError> {
    read("alert_groups", store.reader().await?.all(select).await?)
}

/// Deletes groups and silences of the past that ended before `before`.
pub async fn prune(store: &Store, before: Timestamp) -> Result<u64, StoreError> {
    let groups = "
        DELETE FROM alert_groups
        WHERE id IN (SELECT id FROM alert_groups WHERE past = 1 AND closed_at < $1 LIMIT $2)";
    let silences = "
        DELETE FROM silences
        WHERE id IN (SELECT id FROM silences WHERE past = 1 AND ends_at < $1 LIMIT $2)";
    Ok(store.delete_in_steps(groups, before).await? + store.delete_in_steps(silences, before).await?)
}

async fn save_alerts(tx: &mut Tx, alerts: &[&Alert]) -> Result<(), StoreError> {
    for alerts in alerts.chunks(CHUNK) {
        let upsert = format!(
            "INSERT INTO alerts (fingerprint, name, severity, state, body) VALUES {}
             ON CONFLICT (fingerprint) DO UPDATE SET
                 name = excluded.name, severity = excluded.severity, state = excluded.state, body = excluded.body",
            marks(alerts.len(), 5)
        );
        let mut upsert = over(alerts.len(), upsert);
        for alert in alerts {
            let fingerprint = alert.fingerprint().to_string();
            let body = body("alerts", &fingerprint, alert)?;
            upsert = upsert.bind(fingerprint).bind(alert.name()).bind(alert.severity.as_str());
            upsert = upsert.bind(state(&alert.state)).bind(body);
        }
        tx.execute(upsert).await?;
    }
    Ok(())
}

async fn save_groups(tx: &mut Tx, groups: &[&Group]) -> Result<(), StoreError> {
    for groups in groups.chunks(CHUNK) {
        let upsert = format!(
            "INSERT INTO alert_groups (id, number, receiver, severity, opened_at, closed_at, past, body) VALUES {}
             ON CONFLICT (id) DO UPDATE SET
                 severity = excluded.severity, closed_at = excluded.closed_at, past = excluded.past,
                 body = excluded.body",
            marks(groups.len(), 8)
        );
        let mut upsert = over(groups.len(), upsert);
        for group in groups {
            let closed_at = match group.state {
                GroupState::Closed { closed_at, .. } => Some(closed_at.as_millis()),
                GroupState::Waiting { .. } | GroupState::Notified { .. } => None,
            };
            upsert = upsert.bind(group.id.as_str()).bind(whole(group.number)).bind(group.receiver.as_str());
            upsert = upsert.bind(group.severity.as_str()).bind(group.opened_at.as_millis()).bind(closed_at);
            upsert = upsert.bind(0_i64).bind(body("alert_groups", group.id.as_str(), group)?);
        }
        tx.execute(upsert).await?;
    }
    Ok(())
}

async fn save_silences(tx: &mut Tx, silences: &[&Silence]) -> Result<(), StoreError> {
    for silences in silences.chunks(CHUNK) {
        let upsert = format!(
            "INSERT INTO silences (id, number, starts_at, ends_at, past, body) VALUES {}
             ON CONFLICT (id) DO UPDATE SET
                 starts_at = excluded.starts_at, ends_at = excluded.ends_at, past = excluded.past,
                 body = excluded.body",
            marks(silences.len(), 6)
        );
        let mut upsert = over(silences.len(), upsert);
        for silence in silences {
            upsert = upsert.bind(silence.id.as_str()).bind(whole(silence.number));
            upsert = upsert.bind(silence.starts_at.as_millis()).bind(silence.ends_at.as_millis());
            upsert = upsert.bind(0_i64).bind(body("silences", silence.id.as_str(), silence)?);
        }
        tx.execute(upsert).await?;
    }
    Ok(())
}

/// Runs `statement`, which ends in `IN`, for the ids, whatever their number.
async fn for_ids<I: ToString>(
    tx: &mut Tx,
    statement: &'static str,
    ids: impl IntoIterator<Item = I>,
) -> Result<(), StoreError> {
    let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
    for ids in ids.chunks(CHUNK) {
        let mut chunk = over(ids.len(), format!("{statement} {}", marks(1, ids.len())));
        for id in ids {
            chunk = chunk.bind(id.as_str());
        }
        tx.execute(chunk).await?;
    }
    Ok(())
}

async fn count(tx: &mut Tx, name: &str, value: u64) -> Result<(), StoreError> {
    let upsert = "
        INSERT INTO counters (name, value) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    tx.execute(sqlx::query(upsert).bind(name).bind(whole(value))).await?;
    Ok(())
}

const fn state(state: &AlertState) -> &'static str {
    match state {
        AlertState::Pending { .. } => "pending",
        AlertState::Firing { .. } => "firing",
        AlertState::Resolved { .. } => "resolved",
    }
}

/// Numbers that count up from one never come near the end of `BIGINT`.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn body<T: Serialize>(table: &'static str, id: &str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| inconsistent(table, id))
}

fn read<T: DeserializeOwned>(table: &'static str, rows: Vec<(String, String)>) -> Result<Vec<T>, StoreError> {
    let value = |(id, body): (String, String)| serde_json::from_str(&body).map_err(|_| inconsistent(table, &id));
    rows.into_iter().map(value).collect()
}

fn inconsistent(table: &'static str, id: &str) -> StoreError {
    StoreError::Inconsistent { table, column: "body", id: id.to_owned() }
}

#[cfg(test)]
mod tests;
