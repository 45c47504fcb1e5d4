//! The audit chain, on both databases, and what becomes of those who change it.

use super::super::Backend;
use super::super::testing::{Fresh, on_both_databases};
use super::*;
use crate::core::audit::GENESIS;
use crate::core::ids::{TeamId, UserId};

on_both_databases!(
    entries_follow_each_other_without_gaps,
    an_entry_is_gone_with_its_transaction,
    appends_at_the_same_time_make_one_chain,
    the_database_itself_refuses_changes,
    an_untouched_chain_verifies_across_pages,
    tampering_is_found_at_the_first_bad_entry,
    a_chain_cut_short_with_its_head_contradicts_a_checkpoint,
    a_chain_rewritten_as_a_whole_contradicts_a_checkpoint,
    entries_are_found_by_who_what_and_when,
    every_one_of_many_random_changes_is_found,
    all_that_is_wrong_is_named_and_not_only_the_first,
    an_entry_far_away_and_one_that_is_no_text_are_named,
    a_stretch_of_time_has_what_people_did_in_it,
);

fn alice() -> Actor {
    Actor::Person { user: UserId::new("U1"), team: Some(TeamId::new("T1")) }
}

fn record(db: &Fresh, n: u64) -> Record {
    Record {
        at: db.in_secs(n),
        actor: if n.is_multiple_of(2) { alice() } else { Actor::System },
        action: "alert.acknowledged".into(),
        subject: format!("alert/{n}"),
        detail: r#"{"note":"\"quoted\" – ü"}"#.into(),
    }
}

async fn write(db: &Fresh, count: u64) -> Vec<Entry> {
    let records: Vec<_> = (1..=count).map(|n| record(db, n)).collect();
    let mut tx = db.store.begin().await.unwrap();
    let entries = append(&mut tx, &records).await.unwrap();
    tx.commit().await.unwrap();
    entries
}

/// Takes the triggers away, as somebody with rights on the schema could.
async fn disarm(db: &Fresh) {
    let drop: &[&'static str] = match db.store.backend() {
        Backend::Sqlite => &["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"],
        Backend::Postgres => &["DROP TRIGGER audit_no_change ON audit"],
    };
    for statement in drop {
        db.tamper(*statement).await;
    }
}

async fn first_bad(db: &Fresh) -> Option<(i64, Why)> {
    verify(&db.store, &[]).await.unwrap().first_bad().map(|bad| (bad.seq, bad.why))
}

async fn entries_follow_each_other_without_gaps(db: Fresh) {
    let mut entries = write(&db, 2).await;
    entries.extend(write(&db, 1).await);
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((entries[0].prev.as_str(), &entries[2].prev), (GENESIS, &entries[1].hash));
    let stored = page(&db.store, &Filter::default(), Cursor::After(0), 10).await.unwrap();
    assert_eq!(stored, entries);
    assert_eq!(head(&db.store).await.unwrap(), Head { seq: 3, hash: entries[2].hash.clone() });
}

async fn an_entry_is_gone_with_its_transaction(db: Fresh) {
    let mut tx = db.store.begin().await.unwrap();
    append(&mut tx, &[record(&db, 1)]).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(write(&db, 1).await[0].seq, 1);
    assert_eq!(first_bad(&db).await, None);
}

async fn appends_at_the_same_time_make_one_chain(db: Fresh) {
    let tasks: Vec<_> = (0..8u64)
        .map(|n| {
            let (store, records) = (db.store.clone(), [record(&db, n), record(&db, n + 1)]);
            tokio::spawn(async move {
                for _ in 0..5 {
                    let mut tx = store.begin().await.unwrap();
                    append(&mut tx, &records).await.unwrap();
                    tx.commit().await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let report = verify(&db.store, &[]).await.unwrap();
    assert_eq!((report.rows, report.first_bad()), (80, None));
}

async fn the_database_itself_refuses_changes(db: Fresh) {
    write(&db, 3).await;
    for change in ["UPDATE audit SET detail = '{}' WHERE seq = 2", "DELETE FROM audit WHERE seq = 3"] {
        let error = db.store.writer().await.unwrap().execute(sqlx::query(change)).await.unwrap_err();
        assert!(format!("{error:?}").contains("audit rows are append-only"), "{error:?}");
    }
}

async fn an_untouched_chain_verifies_across_pages(db: Fresh) {
    assert_eq!(verify(&db.store, &[]).await.unwrap().rows, 0);
    let entries = write(&db, 5001).await;
    let noted = Head { seq: 5000, hash: entries[4999].hash.clone() };
    let report = verify(&db.store, &[noted]).await.unwrap();
    assert_eq!((report.rows, report.head.seq, report.first_bad()), (5001, 5001, None));
}

async fn tampering_is_found_at_the_first_bad_entry(db: Fresh) {
    write(&db, 6).await;
    disarm(&db).await;
    let cases: [(&[&'static str], (i64, Why)); 9] = [
        (&["UPDATE audit SET detail = detail || ' ' WHERE seq = 3"], (3, Why::Altered)),
        (&["UPDATE audit SET at = at + 1 WHERE seq = 1"], (1, Why::Altered)),
        (&["UPDATE audit SET actor = ' ' || actor WHERE seq = 4"], (4, Why::Altered)),
        (&["UPDATE audit SET prev = hash WHERE seq = 4"], (4, Why::Unlinked)),
        (&["DELETE FROM audit WHERE seq = 2"], (2, Why::Missing)),
        (&["DELETE FROM audit WHERE seq >= 5"], (5, Why::Missing)),
        (
            &[
                "UPDATE audit SET seq = 99 WHERE seq = 3",
                "UPDATE audit SET seq = 3 WHERE seq = 4",
                "UPDATE audit SET seq = 4 WHERE seq = 99",
            ],
            (3, Why::Unlinked),
        ),
        (
            &["INSERT INTO audit SELECT 7, at, actor, action, subject, detail, hash, hash FROM audit WHERE seq = 6"],
            (7, Why::Added),
        ),
        (&["UPDATE audit_head SET hash = 'x'"], (6, Why::HeadDiffers)),
    ];
    db.tamper("CREATE TABLE audit_copy AS SELECT * FROM audit").await;
    db.tamper("CREATE TABLE head_copy AS SELECT * FROM audit_head").await;
    for (statements, found) in cases {
        for statement in statements {
            assert!(db.tamper(*statement).await > 0, "{statement}");
        }
        assert_eq!(first_bad(&db).await, Some(found), "{statements:?}");
        for repair in ["DELETE FROM audit", "INSERT INTO audit SELECT * FROM audit_copy", "DELETE FROM audit_head"] {
            db.tamper(repair).await;
        }
        db.tamper("INSERT INTO audit_head SELECT * FROM head_copy").await;
        assert_eq!(first_bad(&db).await, None);
    }
}

async fn a_chain_cut_short_with_its_head_contradicts_a_checkpoint(db: Fresh) {
    write(&db, 6).await;
    let noted = head(&db.store).await.unwrap();
    disarm(&db).await;
    db.tamper("UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit WHERE seq = 4)").await;
    db.tamper("DELETE FROM audit WHERE seq > 4").await;
    assert_eq!(first_bad(&db).await, None);
    let report = verify(&db.store, &[noted]).await.unwrap();
    assert_eq!(report.bad, [Bad { seq: 5, last: 6, why: Why::ContradictsCheckpoint }]);
}

async fn a_chain_rewritten_as_a_whole_contradicts_a_checkpoint(db: Fresh) {
    write(&db, 3).await;
    let noted = head(&db.store).await.unwrap();
    disarm(&db).await;
    db.tamper("DELETE FROM audit").await;
    db.tamper(
        "UPDATE audit_head SET seq = 0, hash = '0000000000000000000000000000000000000000000000000000000000000000'",
    )
    .await;
    write(&db, 2).await;
    write(&db, 2).await;
    assert_eq!(first_bad(&db).await, None);
    let report = verify(&db.store, &[noted]).await.unwrap();
    assert_eq!(report.bad, [Bad { seq: 3, last: 3, why: Why::ContradictsCheckpoint }]);
}

async fn entries_are_found_by_who_what_and_when(db: Fresh) {
    write(&db, 6).await;
    let find = async |filter: Filter, cursor| {
        let found = page(&db.store, &filter, cursor, 2).await.unwrap();
        found.into_iter().map(|entry| entry.seq).collect::<Vec<_>>()
    };
    let by_alice = Filter { actor: Some(alice()), ..Filter::default() };
    assert_eq!(find(by_alice.clone(), Cursor::After(0)).await, [2, 4]);
    assert_eq!(find(by_alice, Cursor::Before(i64::MAX)).await, [6, 4]);
    let about =
        Filter { subject: Some("alert/3".into()), action: Some("alert.acknowledged".into()), ..Filter::default() };
    assert_eq!(find(about, Cursor::After(0)).await, [3]);
    let between = Filter { since: Some(db.in_secs(2)), until: Some(db.in_secs(3)), ..Filter::default() };
    assert_eq!(find(between, Cursor::After(0)).await, [2]);
    let mut all = Vec::new();
    let each = |entry: Entry| {
        all.push(entry.seq);
        Ok::<_, StoreError>(())
    };
    for_each(&db.store, &Filter::default(), each).await.unwrap();
    assert_eq!(all, [1, 2, 3, 4, 5, 6]);
}

/// What somebody who may do everything in the database could try. Gives what was done, in words.
async fn tamper(db: &Fresh, rng: &mut fastrand::Rng, entries: &[Entry]) -> String {
    let count = i64::try_from(entries.len()).unwrap();
    let seq = rng.i64(1..=count);
    let entry = &entries[usize::try_from(seq).unwrap() - 1];
    let column = ["actor", "action", "subject", "detail", "prev", "hash"][rng.usize(..6)];
    let run = async |sql: String| {
        assert!(db.tamper(sqlx::AssertSqlSafe(sql.clone())).await > 0, "{sql}");
        sql
    };
    match rng.u8(..13) {
        0 => run(format!("UPDATE audit SET {column} = {column} || 'x' WHERE seq = {seq}")).await,
        1 => run(format!("UPDATE audit SET {column} = substr({column}, 2) WHERE seq = {seq}")).await,
        2 => run(format!("UPDATE audit SET {column} = upper({column}) || ' ' WHERE seq = {seq}")).await,
        3 => run(format!("UPDATE audit SET at = at + {} WHERE seq = {seq}", rng.i64(1..1000))).await,
        // Letters go from one column to its neighbour.
        4 => run(format!(
            "UPDATE audit SET action = action || substr(subject, 1, 1), subject = substr(subject, 2) WHERE seq = {seq}"
        ))
        .await,
        5 => run(format!("DELETE FROM audit WHERE seq = {seq}")).await,
        6 => run(format!("DELETE FROM audit WHERE seq >= {seq} AND seq < {}", seq + rng.i64(1..9))).await,
        7 => {
            let place = if rng.bool() { count + rng.i64(1..9) } else { -rng.i64(0..9) };
            run(format!("INSERT INTO audit SELECT {place}, at, actor, action, subject, detail, prev, hash FROM audit WHERE seq = {seq}")).await
        }
        8 => {
            let other = seq % count + 1;
            for (from, to) in [(seq, 10_000), (other, seq), (10_000, other)] {
                run(format!("UPDATE audit SET seq = {to} WHERE seq = {from}")).await;
            }
            format!("{seq} and {other} change places")
        }
        // Cut off, and the head moved back to what is left.
        9 => {
            run(format!("DELETE FROM audit WHERE seq >= {seq}")).await;
            run(format!("UPDATE audit_head SET seq = {}, hash = '{}'", seq - 1, entry.prev)).await
        }
        10 => run(format!("UPDATE audit_head SET seq = seq + {}", rng.i64(1..9))).await,
        // An entry made anew with a hash that fits it.
        11 => {
            let record = Record { detail: "{}".into(), ..entry.record.clone() };
            let hash = entry_hash(seq, &entry.prev, &record);
            run(format!("UPDATE audit SET detail = '{{}}', hash = '{hash}' WHERE seq = {seq}")).await
        }
        // Everything from an entry on made anew, head and all.
        _ => {
            let mut prev = entry.prev.clone();
            for Entry { seq, record, .. } in &entries[usize::try_from(seq).unwrap() - 1..] {
                let record = Record { subject: "alert/0".into(), ..record.clone() };
                let hash = entry_hash(*seq, &prev, &record);
                run(format!(
                    "UPDATE audit SET subject = 'alert/0', prev = '{prev}', hash = '{hash}' WHERE seq = {seq}"
                ))
                .await;
                prev = hash;
            }
            run(format!("UPDATE audit_head SET hash = '{prev}'")).await;
            format!("all from {seq} on made anew")
        }
    }
}

/// The long form: `WATCHKEEPER_FIRE_TAMPERS=10000 cargo test --lib every_one_of_many -- --include-ignored --nocapture`, for Postgres
/// with `WATCHKEEPER_TEST_POSTGRES`.
async fn every_one_of_many_random_changes_is_found(db: Fresh) {
    let long = std::env::vars().find(|(name, _)| name == "WATCHKEEPER_FIRE_TAMPERS");
    let rounds = match (long, db.store.backend()) {
        (Some((_, rounds)), _) => rounds.parse().expect("WATCHKEEPER_FIRE_TAMPERS is a number"),
        (None, Backend::Sqlite) => 2000,
        (None, Backend::Postgres) => 300,
    };
    let entries = write(&db, 24).await;
    let noted = [head(&db.store).await.unwrap()];
    disarm(&db).await;
    db.tamper("CREATE TABLE audit_copy AS SELECT * FROM audit").await;
    db.tamper("CREATE TABLE head_copy AS SELECT * FROM audit_head").await;
    let mut rng = fastrand::Rng::with_seed(4);
    for round in 0..rounds {
        let done = tamper(&db, &mut rng, &entries).await;
        let report = verify(&db.store, &noted).await.unwrap();
        assert!(report.first_bad().is_some(), "round {round}: {done}");
        for repair in ["DELETE FROM audit", "INSERT INTO audit SELECT * FROM audit_copy", "DELETE FROM audit_head"] {
            db.tamper(repair).await;
        }
        db.tamper("INSERT INTO audit_head SELECT * FROM head_copy").await;
    }
    assert_eq!(verify(&db.store, &noted).await.unwrap().bad, []);
    println!("{}: {rounds} of {rounds} changes found", db.store.backend());
}

/// Reading goes by numbers: what is far away, or no text, must not make it slow or blind.
async fn an_entry_far_away_and_one_that_is_no_text_are_named(db: Fresh) {
    write(&db, 40).await;
    disarm(&db).await;
    db.tamper("UPDATE audit SET seq = 9000000000000000000 WHERE seq = 40").await;
    db.tamper("UPDATE audit_head SET seq = 9000000000000000000").await;
    let mut expected =
        vec!["each of the entries 40 to 8999999999999999999 is missing", "entry 9000000000000000000 was altered"];
    if db.store.backend() == Backend::Sqlite {
        db.tamper("UPDATE audit SET detail = CAST(X'fffe' AS TEXT) WHERE seq = 23").await;
        expected.insert(0, "entry 23 was altered");
    }
    let report = verify(&db.store, &[]).await.unwrap();
    let said: Vec<String> = report.bad.iter().map(ToString::to_string).collect();
    assert_eq!(said, expected);
}

async fn all_that_is_wrong_is_named_and_not_only_the_first(db: Fresh) {
    write(&db, 12).await;
    disarm(&db).await;
    for statement in [
        "UPDATE audit SET detail = '{}' WHERE seq = 2",
        "DELETE FROM audit WHERE seq IN (4, 5)",
        "UPDATE audit SET at = at + 1 WHERE seq = 9",
    ] {
        db.tamper(statement).await;
    }
    let report = verify(&db.store, &[]).await.unwrap();
    let said: Vec<String> = report.bad.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["entry 2 was altered", "each of the entries 4 to 5 is missing", "entry 9 was altered"]);
    assert_eq!(report.rows, 1);
}

/// `cargo test --release --lib audit::tests::probe -- --ignored --nocapture`
#[tokio::test]
#[ignore = "a measurement"]
async fn probe_appending() {
    let db = Fresh::sqlite().await;
    for _ in 0..5 {
        #[expect(clippy::disallowed_methods, reason = "a measurement")]
        let started = std::time::Instant::now();
        for _ in 0..200 {
            write(&db, 1).await;
        }
        let each = started.elapsed() / 200;
        println!("at {} entries: {each:?} an append", head(&db.store).await.unwrap().seq);
        write(&db, 20_000).await;
    }
    #[expect(clippy::disallowed_methods, reason = "a measurement")]
    let started = std::time::Instant::now();
    let rows = verify(&db.store, &[]).await.unwrap().rows;
    println!("verified {rows} entries in {:?}", started.elapsed());
}

async fn a_stretch_of_time_has_what_people_did_in_it(db: Fresh) {
    write(&db, 6).await;
    let seqs = async |of, from, to| -> Vec<i64> {
        let found = during(&db.store, of, (db.in_secs(from), db.in_secs(to)), 10).await.unwrap();
        found.iter().map(|entry| entry.seq).collect()
    };
    assert_eq!(seqs(Of::People { but: &[] }, 2, 6).await, [4, 2]);
    assert_eq!(seqs(Of::People { but: &["silence.", "alert."] }, 0, 9).await, [0_i64; 0]);
    assert_eq!(seqs(Of::People { but: &["silence.", "alerts"] }, 2, 6).await, [4, 2]);
    assert_eq!(seqs(Of::Action("alert.acknowledged"), 2, 4).await, [3, 2]);
    assert_eq!(seqs(Of::Action("alert.escalated"), 0, 9).await, [0_i64; 0]);
}
