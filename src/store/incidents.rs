//! Incidents, and what was written down for their timelines.

use crate::core::audit::Record;
use crate::core::ids::{ChannelId, IncidentId};
use crate::core::incident::{Entry, Incident, Place, State};
use crate::core::time::Timestamp;

use super::audit::AuditRow;
use super::session::{kept, marks};
use super::whole::{self, Row, unreadable};
use super::{Store, StoreError, Tx};

/// An incident and which of its versions this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub incident: Incident,
    pub version: i64,
}

/// What one step changes, written in its transaction.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a commit has one or two of them")]
pub enum Change {
    Declared(Incident),
    Moved {
        before: Stored,
        after: Incident,
    },
    /// A line of a timeline with an id of its own; one that is from a message is written once.
    Entry {
        id: String,
        incident: IncidentId,
        source: Option<String>,
        entry: Entry,
    },
}

const TABLE: &str = "incidents";
const ENTRIES: &str = "incident_entries";

/// The number that the next incident will have. Two that are declared at the same moment both ask for it: the insertion of
/// the second is refused, and its input worked on again.
pub async fn next_number(store: &Store) -> Result<u64, StoreError> {
    let select = sqlx::query_as("SELECT COALESCE(MAX(number), 0) + 1 FROM incidents");
    let row: Option<(i64,)> = store.reader().await?.first(select).await?;
    Ok(row.map_or(1, |(value,)| value.unsigned_abs()))
}

async fn insert(tx: &mut Tx, incident: &Incident) -> Result<(), StoreError> {
    let insert = "
        INSERT INTO incidents (id, number, open, channel, opened_at, resolved_at, version, body)
        VALUES ($1, $2, $3, $4, $5, $6, 1, $7)";
    let insert = sqlx::query(insert)
        .bind(incident.id.as_str())
        .bind(i64::try_from(incident.number).unwrap_or(i64::MAX))
        .bind(i64::from(incident.open()))
        .bind(channel(incident))
        .bind(incident.opened_at.as_millis())
        .bind(resolved_at(incident).map(Timestamp::as_millis))
        .bind(body(incident)?);
    tx.execute(insert).await?;
    Ok(())
}

/// # Errors
/// [`StoreError::Lost`] when an incident was changed since it was read.
pub async fn save(tx: &mut Tx, changes: &[Change]) -> Result<(), StoreError> {
    for change in changes {
        match change {
            Change::Declared(incident) => insert(tx, incident).await?,
            Change::Moved { before, after } => moved(tx, before, after).await?,
            Change::Entry { id, incident, source, entry } => {
                let insert = "
                    INSERT INTO incident_entries (id, incident, at, source, body) VALUES ($1, $2, $3, $4, $5)
                    ON CONFLICT DO NOTHING";
                let text = whole::text(ENTRIES, "body", id, entry)?;
                let insert = sqlx::query(insert).bind(id.as_str()).bind(incident.as_str());
                tx.execute(insert.bind(entry.at.as_millis()).bind(source.as_deref()).bind(text)).await?;
            }
        }
    }
    Ok(())
}

async fn moved(tx: &mut Tx, before: &Stored, after: &Incident) -> Result<(), StoreError> {
    let update = "
        UPDATE incidents SET open = $1, channel = $2, resolved_at = $3, body = $4, version = version + 1
        WHERE id = $5 AND version = $6";
    let update = sqlx::query(update)
        .bind(i64::from(after.open()))
        .bind(channel(after))
        .bind(resolved_at(after).map(Timestamp::as_millis))
        .bind(body(after)?)
        .bind(after.id.as_str())
        .bind(before.version);
    match tx.execute(update).await? {
        0 => Err(StoreError::Lost { what: format!("incident {}", after.number) }),
        _ => Ok(()),
    }
}

fn channel(incident: &Incident) -> Option<&str> {
    match &incident.place {
        Place::Channel { channel } => Some(channel.as_str()),
        Place::Opening | Place::Thread { .. } => None,
    }
}

fn resolved_at(incident: &Incident) -> Option<Timestamp> {
    match incident.state {
        State::Resolved { at, .. } => Some(at),
        State::Open { .. } => None,
    }
}

/// Those that are not resolved, oldest first.
pub async fn open(store: &Store) -> Result<Vec<Stored>, StoreError> {
    let select = sqlx::query_as("SELECT id, version, body FROM incidents WHERE open = 1 ORDER BY number LIMIT 200");
    read(store.reader().await?.all(select).await?)
}

/// Newest first.
pub async fn latest(store: &Store, limit: u32) -> Result<Vec<Stored>, StoreError> {
    let select = sqlx::query_as("SELECT id, version, body FROM incidents ORDER BY number DESC LIMIT $1");
    read(store.reader().await?.all(select.bind(i64::from(limit))).await?)
}

/// Those opened or resolved in `[from, to)`, oldest first.
pub async fn during(store: &Store, from: Timestamp, to: Timestamp) -> Result<Vec<Incident>, StoreError> {
    let select = "
        SELECT id, version, body FROM incidents
        WHERE (opened_at >= $1 AND opened_at < $2) OR (resolved_at >= $1 AND resolved_at < $2) ORDER BY number";
    let select = sqlx::query_as(select).bind(from.as_millis()).bind(to.as_millis());
    Ok(read(store.reader().await?.all(select).await?)?.into_iter().map(|stored| stored.incident).collect())
}

pub async fn get(store: &Store, id: &IncidentId) -> Result<Option<Stored>, StoreError> {
    let select = sqlx::query_as("SELECT id, version, body FROM incidents WHERE id = $1").bind(id.as_str());
    read_one(store.reader().await?.first(select).await?)
}

pub async fn by_number(store: &Store, number: u64) -> Result<Option<Stored>, StoreError> {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    let select = sqlx::query_as("SELECT id, version, body FROM incidents WHERE number = $1").bind(number);
    read_one(store.reader().await?.first(select).await?)
}

/// As [`get`], inside a transaction.
pub async fn get_in(tx: &mut Tx, id: &IncidentId) -> Result<Option<Stored>, StoreError> {
    let select = sqlx::query_as("SELECT id, version, body FROM incidents WHERE id = $1").bind(id.as_str());
    read_one(tx.first(select).await?)
}

/// The incident whose own channel this is.
pub async fn of_channel(store: &Store, channel: &ChannelId) -> Result<Option<Stored>, StoreError> {
    let select = "SELECT id, version, body FROM incidents WHERE channel = $1 ORDER BY number DESC LIMIT 1";
    read_one(store.reader().await?.first(sqlx::query_as(select).bind(channel.as_str())).await?)
}

/// What was written down, oldest first.
pub async fn entries(store: &Store, incident: &IncidentId) -> Result<Vec<Entry>, StoreError> {
    let select = "SELECT id, body FROM incident_entries WHERE incident = $1 ORDER BY at, id LIMIT 2000";
    let rows: Vec<(String, String)> = store.reader().await?.all(sqlx::query_as(select).bind(incident.as_str())).await?;
    let entry =
        |(id, body): (String, String)| serde_json::from_str(&body).map_err(|_| unreadable(ENTRIES, "body", &id));
    rows.into_iter().map(entry).collect()
}

/// What of the audit log a timeline is made from.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Numbers of alerts, and of actions that were linked; they may be older than the incident.
    pub alerts: &'a [u64],
    pub actions: &'a [u64],
    /// Nothing before this is about any of those.
    pub from: Timestamp,
    /// When all other actions begin to matter.
    pub opened_at: Timestamp,
    pub until: Option<Timestamp>,
}

/// Those that were open at some time of this one, without it.
pub async fn beside(store: &Store, incident: &Incident) -> Result<Vec<Incident>, StoreError> {
    let select = "
        SELECT id, version, body FROM incidents
        WHERE id <> $1 AND opened_at <= $2 AND (resolved_at IS NULL OR resolved_at >= $3) ORDER BY number LIMIT 200";
    let until = incident.over_at().map_or(i64::MAX, Timestamp::as_millis);
    let select = sqlx::query_as(select).bind(incident.id.as_str()).bind(until).bind(incident.opened_at.as_millis());
    Ok(read(store.reader().await?.all(select).await?)?.into_iter().map(|stored| stored.incident).collect())
}

/// When alerts with these numbers first fired and were first acknowledged, as the audit log has it.
pub async fn moments(store: &Store, alerts: &[u64]) -> Result<Vec<(u64, String, Timestamp)>, StoreError> {
    let mut moments = Vec::new();
    let mut reader = store.reader().await?;
    for alerts in alerts.chunks(500) {
        let numbers = marks(1, alerts.len());
        let oldest = format!("SELECT MIN(opened_at) FROM alert_groups WHERE number IN {numbers}");
        let mut oldest = sqlx::query_as(sqlx::AssertSqlSafe(oldest)).persistent(kept(alerts.len()));
        for alert in alerts {
            oldest = oldest.bind(i64::try_from(*alert).unwrap_or(i64::MAX));
        }
        let from: Option<(Option<i64>,)> = reader.first(oldest).await?;
        let Some(from) = from.and_then(|(from,)| from) else { continue };
        let select = format!(
            "SELECT subject, action, MIN(at) FROM audit WHERE subject IN {numbers} AND at >= ${}
             AND action IN ('alert.fired', 'alert.acknowledged') GROUP BY subject, action",
            alerts.len() + 1
        );
        let mut select = sqlx::query_as(sqlx::AssertSqlSafe(select)).persistent(kept(alerts.len()));
        for alert in alerts {
            select = select.bind(format!("alert/{alert}"));
        }
        let rows: Vec<(String, String, i64)> = reader.all(select.bind(from)).await?;
        moments.extend(rows.into_iter().filter_map(|(subject, action, at)| {
            Some((subject.strip_prefix("alert/")?.parse().ok()?, action, Timestamp::from_millis(at)))
        }));
    }
    Ok(moments)
}

/// Audit records about these alerts and about actions, oldest first; of too many the newest.
pub async fn records(store: &Store, wanted: Wanted<'_>) -> Result<Vec<Record>, StoreError> {
    const MOST: i64 = 2000;
    let Wanted { alerts, actions, from, opened_at, until } = wanted;
    let subjects = alerts.iter().map(|number| format!("alert/{number}"));
    let subjects: Vec<String> = subjects.chain(actions.iter().map(|number| format!("action/{number}"))).collect();
    let count = subjects.len();
    let named = if count == 0 { String::new() } else { format!("subject IN {} OR ", marks(1, count)) };
    let select = format!(
        "SELECT seq, at, actor, action, subject, detail, prev, hash FROM audit
         WHERE ({named}(action LIKE 'action.%' AND at >= ${})) AND at >= ${} AND at <= ${} ORDER BY seq DESC LIMIT ${}",
        count + 1,
        count + 2,
        count + 3,
        count + 4
    );
    let mut select = sqlx::query_as::<_, AuditRow>(sqlx::AssertSqlSafe(select)).persistent(kept(count));
    for subject in subjects {
        select = select.bind(subject);
    }
    let select = select
        .bind(opened_at.as_millis())
        .bind(from.min(opened_at).as_millis())
        .bind(until.map_or(i64::MAX, Timestamp::as_millis))
        .bind(MOST);
    let rows = store.reader().await?.all(select).await?;
    rows.into_iter().rev().map(|row| crate::core::audit::Entry::try_from(row).map(|entry| entry.record)).collect()
}

fn read(rows: Vec<Row>) -> Result<Vec<Stored>, StoreError> {
    whole::read(TABLE, rows, |incident, version| Stored { incident, version })
}

fn read_one(row: Option<Row>) -> Result<Option<Stored>, StoreError> {
    Ok(read(row.into_iter().collect())?.pop())
}

fn body(incident: &Incident) -> Result<String, StoreError> {
    whole::text(TABLE, "body", incident.id.as_str(), incident)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;
    use crate::core::ids::{Actor, UserId};
    use crate::core::incident::{Declaration, Kind, Settings, Severity};

    on_both_databases!(
        an_incident_is_found_by_number_channel_and_time_and_is_open_until_it_is_resolved,
        of_two_who_change_it_at_once_one_counts,
        a_message_is_written_down_once,
        what_happened_to_its_alerts_is_in_the_audit_log,
        of_too_many_records_the_newest_count,
        incidents_beside_it_are_those_open_at_the_same_time,
        moments_are_the_first_of_each_alert,
    );

    fn declared(db: &Fresh, number: u64) -> Incident {
        let what = Declaration {
            title: "stale".to_owned(),
            severity: Severity::Sev1,
            by: UserId::new("U1"),
            announced_in: ChannelId::new("C1"),
        };
        Incident::declare(IncidentId::new(format!("I{number}")), number, what, &Settings::default(), db.now)
    }

    async fn put(db: &Fresh, incident: &Incident) -> Stored {
        let mut tx = db.store.begin().await.unwrap();
        insert(&mut tx, incident).await.unwrap();
        tx.commit().await.unwrap();
        get(&db.store, &incident.id).await.unwrap().unwrap()
    }

    async fn change(db: &Fresh, changes: &[Change]) -> Result<(), StoreError> {
        let mut tx = db.store.begin().await.unwrap();
        match save(&mut tx, changes).await {
            Ok(()) => tx.commit().await,
            Err(error) => tx.rollback().await.and(Err(error)),
        }
    }

    async fn an_incident_is_found_by_number_channel_and_time_and_is_open_until_it_is_resolved(db: Fresh) {
        assert_eq!(next_number(&db.store).await.unwrap(), 1);
        let before = put(&db, &declared(&db, 1)).await;
        assert_eq!(next_number(&db.store).await.unwrap(), 2);
        assert_eq!(open(&db.store).await.unwrap(), std::slice::from_ref(&before));
        let channel = ChannelId::new("C7");
        let placed = Incident { place: Place::Channel { channel: channel.clone() }, ..before.incident.clone() };
        change(&db, &[Change::Moved { before, after: placed.clone() }]).await.unwrap();
        let stored = of_channel(&db.store, &channel).await.unwrap().unwrap();
        assert_eq!(stored.incident, placed);
        let after = placed.resolve(&UserId::new("U2"), "done", db.in_secs(60)).unwrap();
        change(&db, &[Change::Moved { before: stored, after: after.clone() }]).await.unwrap();
        assert_eq!(open(&db.store).await.unwrap(), []);
        assert_eq!(by_number(&db.store, 1).await.unwrap().unwrap().incident, after);
        assert_eq!(latest(&db.store, 5).await.unwrap().len(), 1);
        assert_eq!(during(&db.store, db.in_secs(50), db.in_secs(70)).await.unwrap(), [after]);
        assert_eq!(during(&db.store, db.in_secs(70), db.in_secs(99)).await.unwrap(), []);
    }

    async fn of_two_who_change_it_at_once_one_counts(db: Fresh) {
        let before = put(&db, &declared(&db, 1)).await;
        let linked = before.incident.clone().link(17).unwrap();
        let over = before.incident.clone().resolve(&UserId::new("U2"), "", db.now).unwrap();
        change(&db, &[Change::Moved { before: before.clone(), after: linked.clone() }]).await.unwrap();
        let second = change(&db, &[Change::Moved { before, after: over }]).await;
        assert!(matches!(second, Err(StoreError::Lost { .. })), "{second:?}");
        assert_eq!(by_number(&db.store, 1).await.unwrap().unwrap().incident, linked);
    }

    async fn a_message_is_written_down_once(db: Fresh) {
        let incident = put(&db, &declared(&db, 1)).await.incident.id;
        let entry = |text: &str| Entry {
            at: db.now,
            by: Actor::System,
            kind: Kind::Message,
            text: text.to_owned(),
            link: None,
        };
        let written = |id: &str, source: Option<&str>, text: &str| Change::Entry {
            id: id.to_owned(),
            incident: incident.clone(),
            source: source.map(str::to_owned),
            entry: entry(text),
        };
        change(&db, &[written("A", Some("C1 1.0"), "first"), written("B", None, "second")]).await.unwrap();
        change(&db, &[written("C", Some("C1 1.0"), "again"), written("D", None, "third")]).await.unwrap();
        let texts: Vec<_> = entries(&db.store, &incident).await.unwrap().into_iter().map(|entry| entry.text).collect();
        assert_eq!(texts, ["first", "second", "third"]);
    }

    fn record(db: &Fresh, secs: u64, action: &str, subject: &str) -> Record {
        Record {
            at: db.in_secs(secs),
            actor: Actor::System,
            action: action.to_owned(),
            subject: subject.to_owned(),
            detail: "{}".to_owned(),
        }
    }

    async fn what_happened_to_its_alerts_is_in_the_audit_log(db: Fresh) {
        let record = |secs, action: &str, subject: &str| record(&db, secs, action, subject);
        let all = [
            record(1, "alert.fired", "alert/17"),
            record(2, "alert.fired", "alert/18"),
            record(3, "action.succeeded", "action/2"),
            record(4, "alert.resolved", "alert/17"),
        ];
        let mut tx = db.store.begin().await.unwrap();
        super::super::audit::append(&mut tx, &all).await.unwrap();
        tx.commit().await.unwrap();
        let at = |found: Vec<Record>| -> Vec<_> { found.iter().map(|record| record.at).collect() };
        let wanted = |alerts, from| Wanted { alerts, actions: &[], from, opened_at: from, until: None };
        let found = records(&db.store, wanted(&[17], db.in_secs(2))).await.unwrap();
        assert_eq!(at(found), [db.in_secs(3), db.in_secs(4)]);
        assert_eq!(at(records(&db.store, wanted(&[], db.now)).await.unwrap()), [db.in_secs(3)]);
        // What is named may be older than the incident, and nothing is younger than its end.
        let bounds = Wanted { opened_at: db.in_secs(4), until: Some(db.in_secs(3)), ..wanted(&[17], db.now) };
        assert_eq!(at(records(&db.store, bounds).await.unwrap()), [db.in_secs(1)]);
        let linked = Wanted { actions: &[2], ..bounds };
        assert_eq!(at(records(&db.store, linked).await.unwrap()), [db.in_secs(1), db.in_secs(3)]);
    }

    async fn of_too_many_records_the_newest_count(db: Fresh) {
        let all: Vec<Record> = (1..=2005).map(|nth| record(&db, nth, "action.step_succeeded", "action/2")).collect();
        let mut tx = db.store.begin().await.unwrap();
        super::super::audit::append(&mut tx, &all).await.unwrap();
        tx.commit().await.unwrap();
        let wanted = Wanted { alerts: &[], actions: &[], from: db.now, opened_at: db.now, until: None };
        let found = records(&db.store, wanted).await.unwrap();
        assert_eq!((found[0].at, found[1999].at), (db.in_secs(6), db.in_secs(2005)));
    }

    async fn incidents_beside_it_are_those_open_at_the_same_time(db: Fresh) {
        let over = declared(&db, 1).resolve(&UserId::new("U2"), "", db.in_secs(10)).unwrap();
        put(&db, &over).await;
        let long = Incident { opened_at: db.in_secs(5), ..declared(&db, 2) };
        put(&db, &long).await;
        let later = Incident { opened_at: db.in_secs(20), ..declared(&db, 3) };
        put(&db, &later).await;
        let numbers = async |of: &Incident| -> Vec<u64> {
            beside(&db.store, of).await.unwrap().into_iter().map(|incident| incident.number).collect()
        };
        assert_eq!(numbers(&over).await, [2]);
        assert_eq!(numbers(&long).await, [1, 3]);
        assert_eq!(numbers(&later).await, [2]);
    }

    async fn moments_are_the_first_of_each_alert(db: Fresh) {
        let group = sqlx::query(
            "INSERT INTO alert_groups (id, number, receiver, severity, opened_at, closed_at, past, body)
             VALUES ('G', 17, 'r', 'info', $1, NULL, 1, '{}')",
        );
        let record = |secs, action: &str, subject: &str| record(&db, secs, action, subject);
        let all = [
            record(1, "alert.fired", "alert/17"),
            record(2, "alert.acknowledged", "alert/17"),
            record(3, "alert.acknowledged", "alert/17"),
            record(4, "alert.resolved", "alert/17"),
            record(5, "alert.fired", "alert/18"),
        ];
        let mut tx = db.store.begin().await.unwrap();
        tx.execute(group.bind(db.now.as_millis())).await.unwrap();
        super::super::audit::append(&mut tx, &all).await.unwrap();
        tx.commit().await.unwrap();
        let mut found = moments(&db.store, &[17]).await.unwrap();
        found.sort();
        let expected = [("alert.acknowledged", 2), ("alert.fired", 1)];
        assert_eq!(found, expected.map(|(action, secs)| (17, action.to_owned(), db.in_secs(secs))));
        assert_eq!(moments(&db.store, &[]).await.unwrap(), []);
    }
}
