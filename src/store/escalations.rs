//! Where each alert group's escalation stands.

use crate::core::escalation::Run;
use crate::core::ids::GroupId;
use crate::core::time::Timestamp;

use super::{Store, StoreError, Tx};

pub async fn save(tx: &mut Tx, run: &Run) -> Result<(), StoreError> {
    let upsert = "
        INSERT INTO escalations (group_id, policy, due_at, body) VALUES ($1, $2, $3, $4)
        ON CONFLICT (group_id) DO UPDATE SET
            policy = excluded.policy, due_at = excluded.due_at, body = excluded.body";
    let body = serde_json::to_string(run).map_err(|_| unreadable(run.group.as_str()))?;
    let upsert = sqlx::query(upsert).bind(run.group.as_str()).bind(run.policy.as_str());
    tx.execute(upsert.bind(run.due_at().map(Timestamp::as_millis)).bind(body)).await?;
    Ok(())
}

/// The group is long over.
pub async fn forget(tx: &mut Tx, group: &GroupId) -> Result<(), StoreError> {
    tx.execute(sqlx::query("DELETE FROM escalations WHERE group_id = $1").bind(group.as_str())).await?;
    Ok(())
}

pub async fn get(store: &Store, group: &GroupId) -> Result<Option<Run>, StoreError> {
    let select = sqlx::query_as("SELECT body FROM escalations WHERE group_id = $1").bind(group.as_str());
    let row: Option<(String,)> = store.reader().await?.first(select).await?;
    row.map(|(body,)| serde_json::from_str(&body).map_err(|_| unreadable(group.as_str()))).transpose()
}

pub async fn load(store: &Store) -> Result<Vec<Run>, StoreError> {
    let select = sqlx::query_as("SELECT group_id, body FROM escalations ORDER BY group_id");
    let rows: Vec<(String, String)> = store.reader().await?.all(select).await?;
    rows.into_iter().map(|(id, body)| serde_json::from_str(&body).map_err(|_| unreadable(&id))).collect()
}

fn unreadable(group: &str) -> StoreError {
    StoreError::Inconsistent { table: "escalations", column: "body", id: group.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::testing::{Fresh, on_both_databases};
    use super::*;
    use crate::core::escalation::{Position, Stage};
    use crate::core::severity::Severity;

    on_both_databases!(an_escalation_is_its_latest_state_until_it_is_forgotten);

    async fn an_escalation_is_its_latest_state_until_it_is_forgotten(db: Fresh) {
        let running = Run {
            group: GroupId::new("01J"),
            policy: "feeds".to_owned(),
            severity: Severity::Critical,
            stage: Stage::Running { next: Position::default(), wanted_at: db.now, due_at: db.in_secs(60) },
            taken: Vec::new(),
            pages: BTreeSet::new(),
        };
        let ended = Run { stage: Stage::Exhausted { next: Position::default(), at: db.now }, ..running.clone() };
        let other = Run { group: GroupId::new("01K"), ..running.clone() };
        let mut tx = db.store.begin().await.unwrap();
        for run in [&running, &ended, &other] {
            save(&mut tx, run).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(get(&db.store, &ended.group).await.unwrap().as_ref(), Some(&ended));
        assert_eq!(load(&db.store).await.unwrap(), [ended, other.clone()]);
        let mut tx = db.store.begin().await.unwrap();
        forget(&mut tx, &running.group).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(load(&db.store).await.unwrap(), [other]);
    }
}
