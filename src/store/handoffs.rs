//! Handoffs with their reports, and the notes that wait for the next one.

use crate::core::handoff::{Handoff, Note, Report};
use crate::core::ids::{HandoffId, NoteId, UserId};
use crate::core::time::Timestamp;

use super::whole::{self, Row, unreadable};
use super::{Store, StoreError, Tx};

/// A handoff and which of its versions this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub handoff: Handoff,
    pub version: i64,
}

/// What one step changes, written in its transaction.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a commit has one or two of them")]
pub enum Change {
    Moved { before: Stored, after: Handoff },
    Noted { schedule: String, note: Note },
    NoteRemoved(NoteId),
}

const TABLE: &str = "handoffs";
const NEXT: &str = "next_handoff";

/// The number of the next handoff; nobody else gets it once `tx` is committed.
pub async fn next_number(tx: &mut Tx) -> Result<u64, StoreError> {
    whole::next_number(tx, NEXT).await
}

/// Puts a new one in, and takes the notes in its report along with it.
pub async fn insert(tx: &mut Tx, handoff: &Handoff, report: &Report) -> Result<(), StoreError> {
    let insert = "
        INSERT INTO handoffs (id, number, schedule, state, shift_at, due_at, version, body, report)
        VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8)";
    let insert = sqlx::query(insert)
        .bind(handoff.id.as_str())
        .bind(i64::try_from(handoff.number).unwrap_or(i64::MAX))
        .bind(handoff.schedule.as_str())
        .bind(handoff.state.name())
        .bind(handoff.at.as_millis())
        .bind(handoff.due_at().map(Timestamp::as_millis))
        .bind(body(handoff)?)
        .bind(whole::text(TABLE, "report", handoff.id.as_str(), report)?);
    tx.execute(insert).await?;
    for note in &report.notes {
        let take = "UPDATE handoff_notes SET handoff = $1 WHERE id = $2 AND handoff IS NULL";
        tx.execute(sqlx::query(take).bind(handoff.id.as_str()).bind(note.id.as_str())).await?;
    }
    Ok(())
}

/// # Errors
/// [`StoreError::Lost`] when a handoff was changed since it was read.
pub async fn save(tx: &mut Tx, changes: &[Change], now: Timestamp) -> Result<(), StoreError> {
    for change in changes {
        match change {
            Change::Moved { before, after } => moved(tx, before, after).await?,
            Change::Noted { schedule, note } => noted(tx, schedule, note).await?,
            Change::NoteRemoved(id) => {
                let update = "UPDATE handoff_notes SET removed_at = $1 WHERE id = $2 AND handoff IS NULL";
                tx.execute(sqlx::query(update).bind(now.as_millis()).bind(id.as_str())).await?;
            }
        }
    }
    Ok(())
}

async fn moved(tx: &mut Tx, before: &Stored, after: &Handoff) -> Result<(), StoreError> {
    let update = "
        UPDATE handoffs SET state = $1, due_at = $2, body = $3, version = version + 1 WHERE id = $4 AND version = $5";
    let update = sqlx::query(update)
        .bind(after.state.name())
        .bind(after.due_at().map(Timestamp::as_millis))
        .bind(body(after)?)
        .bind(after.id.as_str())
        .bind(before.version);
    match tx.execute(update).await? {
        0 => Err(StoreError::Lost { what: format!("handoff {}", after.number) }),
        _ => Ok(()),
    }
}

async fn noted(tx: &mut Tx, schedule: &str, note: &Note) -> Result<(), StoreError> {
    let insert = "INSERT INTO handoff_notes (id, schedule, at, user_id, text, link) VALUES ($1, $2, $3, $4, $5, $6)";
    let Note { id, at, by, text, link } = note;
    let insert = sqlx::query(insert).bind(id.as_str()).bind(schedule).bind(at.as_millis()).bind(by.as_str());
    tx.execute(insert.bind(text.as_str()).bind(link.as_deref())).await?;
    Ok(())
}

/// Those that somebody is still to accept, oldest first.
pub async fn open(store: &Store) -> Result<Vec<Stored>, StoreError> {
    let select = "
        SELECT id, version, body FROM handoffs WHERE state IN ('offered', 'escalating', 'unanswered') ORDER BY number";
    read(store.reader().await?.all(sqlx::query_as(select)).await?)
}

pub async fn get(store: &Store, id: &HandoffId) -> Result<Option<Stored>, StoreError> {
    let select = sqlx::query_as("SELECT id, version, body FROM handoffs WHERE id = $1").bind(id.as_str());
    read_one(store.reader().await?.first(select).await?)
}

pub async fn by_number(store: &Store, number: u64) -> Result<Option<Stored>, StoreError> {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    let select = sqlx::query_as("SELECT id, version, body FROM handoffs WHERE number = $1").bind(number);
    read_one(store.reader().await?.first(select).await?)
}

/// The last ones of a schedule, newest first, each with what was handed over.
pub async fn latest(store: &Store, schedule: &str, limit: u32) -> Result<Vec<(Handoff, Report)>, StoreError> {
    let select = "SELECT id, body, report FROM handoffs WHERE schedule = $1 ORDER BY number DESC LIMIT $2";
    let select = sqlx::query_as(select).bind(schedule).bind(i64::from(limit));
    let rows: Vec<(String, String, String)> = store.reader().await?.all(select).await?;
    let one = |(id, body, report): (String, String, String)| {
        let handoff = serde_json::from_str(&body).map_err(|_| unreadable(TABLE, "body", &id))?;
        Ok((handoff, serde_json::from_str(&report).map_err(|_| unreadable(TABLE, "report", &id))?))
    };
    rows.into_iter().map(one).collect()
}

/// What was handed over.
pub async fn report(store: &Store, id: &HandoffId) -> Result<Option<Report>, StoreError> {
    let select = sqlx::query_as("SELECT report FROM handoffs WHERE id = $1").bind(id.as_str());
    let row: Option<(String,)> = store.reader().await?.first(select).await?;
    row.map(|(report,)| serde_json::from_str(&report).map_err(|_| unreadable(TABLE, "report", id.as_str()))).transpose()
}

/// Notes that wait for the next handoff of a schedule, oldest first.
pub async fn notes(store: &Store, schedule: &str) -> Result<Vec<Note>, StoreError> {
    let select = "
        SELECT id, at, user_id, text, link FROM handoff_notes
        WHERE schedule = $1 AND handoff IS NULL AND removed_at IS NULL ORDER BY at, id LIMIT 200";
    let rows: Vec<(String, i64, String, String, Option<String>)> =
        store.reader().await?.all(sqlx::query_as(select).bind(schedule)).await?;
    let note = |(id, at, by, text, link): (String, i64, String, String, Option<String>)| Note {
        id: NoteId::new(id),
        at: Timestamp::from_millis(at),
        by: UserId::new(by),
        text,
        link,
    };
    Ok(rows.into_iter().map(note).collect())
}

/// Deletes handoffs of shifts that began before `before`, with their notes; the last of each schedule stays.
pub async fn prune(store: &Store, before: Timestamp) -> Result<u64, StoreError> {
    let notes = "
        DELETE FROM handoff_notes WHERE id IN (
            SELECT n.id FROM handoff_notes n LEFT JOIN handoffs h ON h.id = n.handoff
            WHERE n.at < $1 AND (n.removed_at IS NOT NULL OR h.shift_at < $1) LIMIT $2)";
    let handoffs = "
        DELETE FROM handoffs WHERE id IN (
            SELECT id FROM handoffs h
            WHERE shift_at < $1 AND number < (SELECT MAX(number) FROM handoffs o WHERE o.schedule = h.schedule)
            LIMIT $2)";
    Ok(store.delete_in_steps(notes, before).await? + store.delete_in_steps(handoffs, before).await?)
}

fn read(rows: Vec<Row>) -> Result<Vec<Stored>, StoreError> {
    whole::read(TABLE, rows, |handoff, version| Stored { handoff, version })
}

fn read_one(row: Option<Row>) -> Result<Option<Stored>, StoreError> {
    Ok(read(row.into_iter().collect())?.pop())
}

fn body(handoff: &Handoff) -> Result<String, StoreError> {
    whole::text(TABLE, "body", handoff.id.as_str(), handoff)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;
    use crate::core::handoff::{self, Settings};
    use crate::core::ids::ChannelId;

    on_both_databases!(
        a_handoff_is_open_until_it_is_accepted,
        of_two_who_answer_at_once_one_counts,
        a_note_goes_with_the_next_handoff_and_only_with_that,
        old_ones_go_and_the_last_of_each_schedule_stays,
    );

    fn offered(db: &Fresh, number: u64, shift: u64) -> Handoff {
        let (ann, bob) = (UserId::new("U1"), UserId::new("U2"));
        let change = handoff::Change {
            outgoing: vec![ann],
            incoming: vec![bob.clone()],
            people: vec![bob],
            unreachable: Vec::new(),
            at: db.in_secs(shift),
            until: None,
        };
        let (id, channel) = (HandoffId::new(format!("H{number}")), ChannelId::new("C1"));
        Handoff::offer(id, number, "primary", channel, change, &Settings::default(), db.in_secs(shift))
    }

    async fn put(db: &Fresh, handoff: &Handoff, report: &Report) {
        let mut tx = db.store.begin().await.unwrap();
        insert(&mut tx, handoff, report).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn change(db: &Fresh, changes: &[Change]) -> Result<(), StoreError> {
        let mut tx = db.store.begin().await.unwrap();
        match save(&mut tx, changes, db.now).await {
            Ok(()) => tx.commit().await,
            Err(error) => tx.rollback().await.and(Err(error)),
        }
    }

    async fn last(db: &Fresh, schedule: &str) -> Option<Handoff> {
        latest(&db.store, schedule, 1).await.unwrap().pop().map(|(handoff, _)| handoff)
    }

    async fn a_handoff_is_open_until_it_is_accepted(db: Fresh) {
        let report = Report { from: db.now, ..Report::default() };
        put(&db, &offered(&db, 1, 0), &report).await;
        let stored = open(&db.store).await.unwrap().pop().unwrap();
        assert_eq!(stored.handoff, offered(&db, 1, 0));
        assert_eq!(super::report(&db.store, &stored.handoff.id).await.unwrap(), Some(report));
        let after = stored.handoff.clone().accept(&UserId::new("U2"), db.in_secs(60)).unwrap();
        change(&db, &[Change::Moved { before: stored, after: after.clone() }]).await.unwrap();
        assert_eq!(open(&db.store).await.unwrap(), []);
        for found in [by_number(&db.store, 1).await, get(&db.store, &after.id).await] {
            assert_eq!(found.unwrap().unwrap().handoff, after);
        }
        assert_eq!(last(&db, "primary").await, Some(after));
        assert_eq!(last(&db, "secondary").await, None);
    }

    async fn of_two_who_answer_at_once_one_counts(db: Fresh) {
        put(&db, &offered(&db, 1, 0), &Report::default()).await;
        let before = open(&db.store).await.unwrap().pop().unwrap();
        let accepted = before.handoff.clone().accept(&UserId::new("U2"), db.in_secs(60)).unwrap();
        let over = before.handoff.clone().supersede(db.in_secs(60));
        change(&db, &[Change::Moved { before: before.clone(), after: accepted.clone() }]).await.unwrap();
        let second = change(&db, &[Change::Moved { before, after: over }]).await;
        assert!(matches!(second, Err(StoreError::Lost { .. })), "{second:?}");
        assert_eq!(last(&db, "primary").await, Some(accepted));
    }

    async fn a_note_goes_with_the_next_handoff_and_only_with_that(db: Fresh) {
        let note = |id: &str, secs| Note {
            id: NoteId::new(id),
            at: db.in_secs(secs),
            by: UserId::new("U1"),
            text: format!("note {id}"),
            link: (id == "B").then(|| "https://example.slack.com/archives/C1/p1".to_owned()),
        };
        let noted = |note: Note| Change::Noted { schedule: "primary".to_owned(), note };
        change(&db, &[noted(note("B", 2)), noted(note("A", 1)), noted(note("C", 3))]).await.unwrap();
        change(&db, &[Change::NoteRemoved(NoteId::new("C"))]).await.unwrap();
        let waiting = notes(&db.store, "primary").await.unwrap();
        assert_eq!(waiting, [note("A", 1), note("B", 2)]);
        put(&db, &offered(&db, 1, 10), &Report { notes: waiting, ..Report::default() }).await;
        assert_eq!(notes(&db.store, "primary").await.unwrap(), []);
        change(&db, &[noted(note("D", 20)), Change::NoteRemoved(NoteId::new("A"))]).await.unwrap();
        assert_eq!(notes(&db.store, "primary").await.unwrap(), [note("D", 20)]);
    }

    async fn old_ones_go_and_the_last_of_each_schedule_stays(db: Fresh) {
        for (number, shift) in [(1, 0), (2, 100), (3, 200)] {
            put(&db, &offered(&db, number, shift), &Report::default()).await;
        }
        assert_eq!(prune(&db.store, db.in_secs(150)).await.unwrap(), 2);
        assert_eq!(prune(&db.store, db.in_secs(9999)).await.unwrap(), 0);
        assert_eq!(last(&db, "primary").await.unwrap().number, 3);
        let mut numbers = Vec::new();
        for _ in 0..2 {
            let mut tx = db.store.begin().await.unwrap();
            numbers.push(next_number(&mut tx).await.unwrap());
            tx.commit().await.unwrap();
        }
        assert_eq!(numbers, [1, 2]);
    }
}
