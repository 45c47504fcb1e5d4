//! Action requests and the journal of what was written to the outside for them.

use crate::core::action::request::{Request, State};
use crate::core::ids::RequestId;
use crate::core::time::Timestamp;

use super::whole::{self, Row};
use super::{Store, StoreError, Tx};

/// A request and which of its versions this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub request: Request,
    pub version: i64,
}

/// What is to become of requests, together with everything else that is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Insert(Box<Request>),
    /// What it was, and what it is now.
    Save(Box<(Stored, Request)>),
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub step: i64,
    /// `intent`, `attempt`, or what came of it.
    pub entry: String,
    pub at: Timestamp,
    pub detail: String,
}

const TABLE: &str = "action_requests";

/// The number for the next request; nobody else gets it once `tx` is committed.
pub async fn next_number(tx: &mut Tx) -> Result<u64, StoreError> {
    whole::next_number(tx, "next_action").await
}

/// # Errors
/// As [`save`].
pub async fn apply(tx: &mut Tx, changes: &[Change], now: Timestamp) -> Result<(), StoreError> {
    for change in changes {
        match change {
            Change::Insert(request) => insert(tx, request, now).await?,
            Change::Save(change) => save(tx, &change.0, &change.1, now).await?,
        }
    }
    Ok(())
}

pub async fn insert(tx: &mut Tx, request: &Request, now: Timestamp) -> Result<(), StoreError> {
    let insert = "
        INSERT INTO action_requests (id, number, state, target, rule, asked_at, begun_at, closed_at, version, body)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9)";
    let insert = sqlx::query(insert)
        .bind(request.id.as_str())
        .bind(i64::try_from(request.number).unwrap_or(i64::MAX))
        .bind(request.state.as_str())
        .bind(request.plan.target.to_string())
        .bind(request.plan.rule.as_str())
        .bind(request.asked.at.as_millis())
        .bind(begun_at(request).map(Timestamp::as_millis))
        .bind(closed_at(request, now).map(Timestamp::as_millis))
        .bind(body(request)?);
    tx.execute(insert).await?;
    Ok(())
}

/// Whether it is as `known` still; it stays so until `tx` ends.
pub async fn unchanged(tx: &mut Tx, known: &Stored) -> Result<bool, StoreError> {
    // An UPDATE rather than a SELECT: it locks the row on both databases.
    let update = "UPDATE action_requests SET version = version WHERE id = $1 AND version = $2";
    Ok(tx.execute(sqlx::query(update).bind(known.request.id.as_str()).bind(known.version)).await? == 1)
}

/// Replaces `before` by `after`.
///
/// # Errors
/// [`StoreError::Lost`] when it was changed since `before` was read: roll back, read again, decide again.
pub async fn save(tx: &mut Tx, before: &Stored, after: &Request, now: Timestamp) -> Result<(), StoreError> {
    let update = "
        UPDATE action_requests SET state = $1, begun_at = $2, closed_at = $3, body = $4, version = version + 1
        WHERE id = $5 AND version = $6";
    let update = sqlx::query(update)
        .bind(after.state.as_str())
        .bind(begun_at(after).map(Timestamp::as_millis))
        .bind(closed_at(after, now).map(Timestamp::as_millis))
        .bind(body(after)?)
        .bind(after.id.as_str())
        .bind(before.version);
    if tx.execute(update).await? == 0 {
        return Err(StoreError::Lost { what: format!("action {}", after.number) });
    }
    Ok(())
}

fn body(request: &Request) -> Result<String, StoreError> {
    whole::text(TABLE, "body", request.id.as_str(), request)
}

fn begun_at(request: &Request) -> Option<Timestamp> {
    match &request.state {
        State::Executing { started_at, .. }
        | State::Succeeded { started_at, .. }
        | State::Failed { started_at, .. }
        | State::Unknown { started_at, .. } => Some(*started_at),
        State::Cancelled { journal: Some(_), at, .. } => Some(*at),
        _ => None,
    }
}

fn closed_at(request: &Request, now: Timestamp) -> Option<Timestamp> {
    request.state.over().then_some(now)
}

pub async fn get(store: &Store, id: &RequestId) -> Result<Option<Stored>, StoreError> {
    let select = sqlx::query_as("SELECT id, version, body FROM action_requests WHERE id = $1").bind(id.as_str());
    read_one(store.reader().await?.first(select).await?)
}

pub async fn by_number(store: &Store, number: u64) -> Result<Option<Stored>, StoreError> {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    let select = sqlx::query_as("SELECT id, version, body FROM action_requests WHERE number = $1").bind(number);
    read_one(store.reader().await?.first(select).await?)
}

/// Those that are not over: what is under way, what is approved, then the others, each oldest first. All of them: what was
/// left out would neither begin nor end. How many one person may have open is limited.
pub async fn live(store: &Store) -> Result<Vec<Stored>, StoreError> {
    let select = sqlx::query_as(
        "SELECT id, version, body FROM action_requests WHERE closed_at IS NULL
         ORDER BY CASE state WHEN 'executing' THEN 0 WHEN 'approved' THEN 1 ELSE 2 END, number",
    );
    read(store.reader().await?.all(select).await?)
}

/// Newest first.
pub async fn latest(store: &Store, limit: u32) -> Result<Vec<Stored>, StoreError> {
    let select = sqlx::query_as("SELECT id, version, body FROM action_requests ORDER BY number DESC LIMIT $1");
    read(store.reader().await?.all(select.bind(i64::from(limit))).await?)
}

/// Those that began or ended in `[from, to)`, oldest first.
pub async fn during(store: &Store, from: Timestamp, to: Timestamp) -> Result<Vec<Stored>, StoreError> {
    let select = sqlx::query_as(
        "SELECT id, version, body FROM action_requests
         WHERE (begun_at >= $1 AND begun_at < $2) OR (closed_at >= $1 AND closed_at < $2) ORDER BY number LIMIT 500",
    );
    read(store.reader().await?.all(select.bind(from.as_millis()).bind(to.as_millis())).await?)
}

/// Those that ended since then without anybody knowing how, oldest first.
pub async fn unknown(store: &Store, since: Timestamp) -> Result<Vec<Stored>, StoreError> {
    let select = sqlx::query_as(
        "SELECT id, version, body FROM action_requests
         WHERE state = 'unknown' AND closed_at >= $1 ORDER BY number LIMIT 200",
    );
    read(store.reader().await?.all(select.bind(since.as_millis())).await?)
}

/// When actions under `rule` began, since then.
pub async fn begun(store: &Store, rule: &str, since: Timestamp) -> Result<Vec<Timestamp>, StoreError> {
    let select = sqlx::query_as("SELECT begun_at FROM action_requests WHERE rule = $1 AND begun_at >= $2")
        .bind(rule)
        .bind(since.as_millis());
    let rows: Vec<(i64,)> = store.reader().await?.all(select).await?;
    Ok(rows.into_iter().map(|(at,)| Timestamp::from_millis(at)).collect())
}

/// Requests for payments that began and are under way, or ended since then, as `tx` sees them.
pub async fn payments(tx: &mut Tx, since: Timestamp) -> Result<Vec<Request>, StoreError> {
    let select = sqlx::query_as(
        "SELECT id, version, body FROM action_requests
         WHERE begun_at IS NOT NULL AND (closed_at IS NULL OR closed_at >= $1) AND target LIKE '%/Wallet/%'",
    );
    let rows = tx.all(select.bind(since.as_millis())).await?;
    Ok(read(rows)?.into_iter().map(|stored| stored.request).collect())
}

/// Adds a line to the journal of a request, behind those that are there.
pub async fn note(tx: &mut Tx, id: &RequestId, line: &Line) -> Result<(), StoreError> {
    let insert = "
        INSERT INTO action_journal (request, seq, step, entry, at, detail)
        SELECT $1, COALESCE(MAX(seq), 0) + 1, $2, $3, $4, $5 FROM action_journal WHERE request = $6";
    let Line { step, entry, at, detail } = line;
    let insert = sqlx::query(insert).bind(id.as_str()).bind(*step).bind(entry.as_str());
    tx.execute(insert.bind(at.as_millis()).bind(detail.as_str()).bind(id.as_str())).await?;
    Ok(())
}

pub async fn journal(store: &Store, id: &RequestId) -> Result<Vec<Line>, StoreError> {
    let select = "SELECT step, entry, at, detail FROM action_journal WHERE request = $1 ORDER BY seq";
    let rows: Vec<(i64, String, i64, String)> =
        store.reader().await?.all(sqlx::query_as(select).bind(id.as_str())).await?;
    let line = |(step, entry, at, detail)| Line { step, entry, at: Timestamp::from_millis(at), detail };
    Ok(rows.into_iter().map(line).collect())
}

fn read(rows: Vec<Row>) -> Result<Vec<Stored>, StoreError> {
    whole::read(TABLE, rows, |request, version| Stored { request, version })
}

fn read_one(row: Option<Row>) -> Result<Option<Stored>, StoreError> {
    Ok(read(row.into_iter().collect())?.pop())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;
    use crate::core::action::journal::Journal;
    use crate::core::action::request::Proof;
    use crate::core::action::testing::{person, policy, request, roster};

    on_both_databases!(
        a_request_is_found_until_it_is_over,
        however_many_are_open_what_is_under_way_comes_first,
        of_two_who_decide_at_once_one_counts,
        the_journal_keeps_its_order,
        numbers_are_given_once,
        what_began_counts_for_its_rule_since_it_began,
        payments_count_while_they_go_on_and_a_while_after,
        what_began_or_ended_in_a_shift_is_of_it,
    );

    async fn kept(db: &Fresh, request: &Request) -> Stored {
        let mut tx = db.store.begin().await.unwrap();
        insert(&mut tx, request, db.now).await.unwrap();
        tx.commit().await.unwrap();
        get(&db.store, &request.id).await.unwrap().unwrap()
    }

    async fn a_request_is_found_until_it_is_over(db: Fresh) {
        let stored = kept(&db, &request()).await;
        assert_eq!(stored.request, request());
        assert_eq!(by_number(&db.store, 7).await.unwrap().as_ref(), Some(&stored));
        assert_eq!(live(&db.store).await.unwrap().len(), 1);
        let over = request().withdraw(&person("U0ANN"), db.now).unwrap();
        let mut tx = db.store.begin().await.unwrap();
        save(&mut tx, &stored, &over, db.now).await.unwrap();
        tx.commit().await.unwrap();
        assert!(live(&db.store).await.unwrap().is_empty());
        assert_eq!(latest(&db.store, 5).await.unwrap()[0].request.state.as_str(), "withdrawn");
    }

    async fn however_many_are_open_what_is_under_way_comes_first(db: Fresh) {
        for number in 1..=250 {
            kept(&db, &Request { id: RequestId::new(number.to_string()), number, ..request() }).await;
        }
        kept(&db, &executing(251, "prod/feeds/Deployment/pusher", db.now)).await;
        let live = live(&db.store).await.unwrap();
        assert_eq!((live.len(), live[0].request.number, live[1].request.number), (251, 251, 1));
    }

    async fn of_two_who_decide_at_once_one_counts(db: Fresh) {
        let stored = kept(&db, &request()).await;
        let digest = request().plan.digest();
        let yes = request().approve(&person("U0BOB"), &digest, &policy(), &roster(), request().asked.at).unwrap();
        let no = request().reject(&person("U0CAT"), "no", &policy(), &roster(), db.now).unwrap();
        let mut tx = db.store.begin().await.unwrap();
        save(&mut tx, &stored, &yes, db.now).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = db.store.begin().await.unwrap();
        assert!(matches!(save(&mut tx, &stored, &no, db.now).await, Err(StoreError::Lost { .. })));
    }

    async fn the_journal_keeps_its_order(db: Fresh) {
        let id = request().id;
        let mut tx = db.store.begin().await.unwrap();
        for entry in ["intent", "attempt", "succeeded"] {
            let line = Line { step: 0, entry: entry.to_owned(), at: db.now, detail: String::new() };
            note(&mut tx, &id, &line).await.unwrap();
        }
        tx.commit().await.unwrap();
        let entries: Vec<_> = journal(&db.store, &id).await.unwrap().into_iter().map(|line| line.entry).collect();
        assert_eq!(entries, ["intent", "attempt", "succeeded"]);
        assert!(begun(&db.store, "pushers", db.now).await.unwrap().is_empty());
    }

    /// The request with this number, on a target, begun at `started_at`.
    fn executing(number: u64, target: &str, started_at: Timestamp) -> Request {
        let mut request = Request { id: RequestId::new(number.to_string()), number, ..request() };
        request.plan.target = target.parse().unwrap();
        let (proof, journal) = (Proof::Quorum { approvals: Vec::new() }, Journal::of(&request.plan));
        Request { state: State::Executing { proof, journal, started_at }, ..request }
    }

    async fn what_began_counts_for_its_rule_since_it_began(db: Fresh) {
        kept(&db, &request()).await;
        kept(&db, &executing(8, "prod/feeds/Deployment/pusher", db.in_secs(10))).await;
        for (rule, since, count) in [("pushers", 0, 1), ("pushers", 10, 1), ("pushers", 11, 0), ("others", 0, 0)] {
            let began = begun(&db.store, rule, db.in_secs(since)).await.unwrap();
            assert_eq!(began, vec![db.in_secs(10); count], "{rule} since {since}");
        }
    }

    async fn payments_count_while_they_go_on_and_a_while_after(db: Fresh) {
        let open = executing(7, "solana/Wallet/pusher", db.now);
        kept(&db, &Request { state: request().state, ..open }).await;
        kept(&db, &executing(8, "prod/feeds/Deployment/pusher", db.now)).await;
        let running = executing(9, "solana/Wallet/pusher", db.now);
        let stored = kept(&db, &running).await;
        let paid = async |since| {
            let mut tx = db.store.begin().await.unwrap();
            payments(&mut tx, db.in_secs(since)).await.unwrap().iter().map(|paid| paid.number).collect::<Vec<_>>()
        };
        assert_eq!(paid(900).await, [9], "it goes on");
        let State::Executing { proof, journal, started_at } = running.state.clone() else { panic!() };
        let over = State::Succeeded { proof, journal, started_at, at: db.in_secs(60) };
        let mut tx = db.store.begin().await.unwrap();
        save(&mut tx, &stored, &Request { state: over, ..running }, db.in_secs(60)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(paid(60).await, [9]);
        assert!(paid(61).await.is_empty());
    }

    async fn what_began_or_ended_in_a_shift_is_of_it(db: Fresh) {
        kept(&db, &request()).await;
        let running = executing(8, "prod/feeds/Deployment/pusher", db.in_secs(10));
        let stored = kept(&db, &running).await;
        let State::Executing { proof, journal, started_at } = running.state.clone() else { panic!() };
        let why = "no answer".to_owned();
        let over = State::Unknown { proof, journal, started_at, at: db.in_secs(60), why };
        let mut tx = db.store.begin().await.unwrap();
        save(&mut tx, &stored, &Request { state: over, ..running }, db.in_secs(60)).await.unwrap();
        tx.commit().await.unwrap();
        for (from, to, count) in [(0, 10, 0), (0, 11, 1), (11, 60, 0), (11, 61, 1), (61, 99, 0)] {
            let found = during(&db.store, db.in_secs(from), db.in_secs(to)).await.unwrap();
            assert_eq!(found.len(), count, "{from} to {to}");
        }
        let numbers = async |since| -> Vec<u64> {
            let found = unknown(&db.store, db.in_secs(since)).await.unwrap();
            found.iter().map(|stored| stored.request.number).collect()
        };
        assert_eq!((numbers(60).await, numbers(61).await), (vec![8], Vec::new()));
    }

    async fn numbers_are_given_once(db: Fresh) {
        let mut given = Vec::new();
        for _ in 0..3 {
            let mut tx = db.store.begin().await.unwrap();
            given.push(next_number(&mut tx).await.unwrap());
            tx.commit().await.unwrap();
        }
        assert_eq!(given, [1, 2, 3]);
    }
}
