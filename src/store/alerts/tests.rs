//! The engine's state there and back, on both databases.

use std::collections::BTreeSet;

use super::super::testing::{Fresh, on_both_databases};
use super::*;
use crate::core::ids::{Actor, GroupId, SilenceId};
use crate::core::label::{ALERTNAME, Labels, Matcher};
use crate::core::severity::Severity;
use crate::core::signal::Evidence;
use crate::core::time::Span;

on_both_databases!(
    what_was_saved_is_loaded_again,
    a_later_state_replaces_the_earlier_one,
    what_left_the_engine_stays_as_history_until_pruned,
    a_group_number_cannot_be_given_twice,
    a_row_that_cannot_be_read_is_named,
    hundreds_of_alerts_are_saved_at_once,
    a_time_has_the_groups_that_were_open_in_it,
);

fn alert(db: &Fresh, n: u32) -> Alert {
    Alert {
        labels: Labels::default().with(ALERTNAME, "FeedStale").with("symbol", format!("Crypto.{n}/USD")),
        severity: Severity::Critical,
        evidence: Evidence { summary: "has not updated \"for\" 95 s – ü".into(), ..Evidence::default() },
        state: AlertState::Firing { since: db.now, fired_at: db.in_secs(5), clearing_since: None },
        pending_for: Span::from_secs(5),
        keep_firing_for: Span::from_secs(60),
        transitions: vec![db.now],
        flapping_since: None,
        previous: None,
    }
}

fn group(db: &Fresh, number: u64) -> Group {
    Group {
        id: GroupId::new(format!("g{number}")),
        number,
        receiver: "oncall".into(),
        labels: Labels::default(),
        alerts: BTreeSet::from([alert(db, 1).fingerprint()]),
        severity: Severity::Critical,
        opened_at: db.now,
        acknowledged: None,
        state: GroupState::Waiting { flush_at: db.in_secs(30) },
        delivery: crate::core::group::Delivery::default(),
    }
}

fn closed(db: &Fresh, number: u64, at: Timestamp) -> Group {
    Group { state: GroupState::Closed { first_notified_at: None, closed_at: at }, ..group(db, number) }
}

fn silence(db: &Fresh, number: u64) -> Silence {
    let text = serde_json::json!({
        "id": format!("s{number}"), "number": number, "matchers": [Matcher::equal("symbol", "Crypto.1/USD")],
        "starts_at": db.now, "ends_at": db.in_secs(60), "created_by": Actor::System, "created_at": db.now,
        "comment": "maintenance", "warned_at": null, "expired_by": null,
    });
    serde_json::from_value(text).unwrap()
}

async fn keep(db: &Fresh, changes: &Changes) {
    let mut tx = db.store.begin().await.unwrap();
    save(&mut tx, changes).await.unwrap();
    tx.commit().await.unwrap();
}

fn changes(alerts: Vec<Alert>, groups: Vec<Group>, silences: Vec<Silence>) -> Changes {
    Changes {
        alerts: alerts.into_iter().map(|alert| (alert.fingerprint(), alert)).collect(),
        groups: groups.into_iter().map(|group| (group.id.clone(), group)).collect(),
        silences: silences.into_iter().map(|silence| (silence.id.clone(), silence)).collect(),
        next_group: 7,
        next_silence: 3,
        ..Changes::default()
    }
}

async fn what_was_saved_is_loaded_again(db: Fresh) {
    assert_eq!(load(&db.store).await.unwrap(), Snapshot::default());
    let (alert, group, silence) = (alert(&db, 1), group(&db, 1), silence(&db, 1));
    keep(&db, &changes(vec![alert.clone()], vec![group.clone()], vec![silence.clone()])).await;
    let expected =
        Snapshot { alerts: vec![alert], groups: vec![group], silences: vec![silence], next_group: 7, next_silence: 3 };
    assert_eq!(load(&db.store).await.unwrap(), expected);
}

async fn a_later_state_replaces_the_earlier_one(db: Fresh) {
    keep(&db, &changes(vec![alert(&db, 1)], vec![group(&db, 1)], vec![])).await;
    let warning = Alert { severity: Severity::Warning, ..alert(&db, 1) };
    keep(&db, &changes(vec![warning.clone()], vec![closed(&db, 1, db.in_secs(9))], vec![])).await;
    let loaded = load(&db.store).await.unwrap();
    assert_eq!((loaded.alerts, loaded.groups), (vec![warning], vec![closed(&db, 1, db.in_secs(9))]));
}

async fn what_left_the_engine_stays_as_history_until_pruned(db: Fresh) {
    let groups = vec![closed(&db, 1, db.in_secs(10)), closed(&db, 2, db.in_secs(20)), group(&db, 3)];
    keep(&db, &changes(vec![alert(&db, 1)], groups.clone(), vec![silence(&db, 1)])).await;
    let removed = Changes {
        removed_alerts: BTreeSet::from([alert(&db, 1).fingerprint()]),
        removed_groups: BTreeSet::from([groups[0].id.clone(), groups[1].id.clone()]),
        removed_silences: BTreeSet::from([SilenceId::new("s1")]),
        ..Changes::default()
    };
    keep(&db, &removed).await;
    let expected = Snapshot { groups: vec![group(&db, 3)], next_group: 7, next_silence: 3, ..Snapshot::default() };
    assert_eq!(load(&db.store).await.unwrap(), expected);
    let numbers =
        async || recent_groups(&db.store, 9).await.unwrap().iter().map(|group| group.number).collect::<Vec<_>>();
    assert_eq!(numbers().await, [3, 2, 1]);
    assert_eq!(prune(&db.store, db.in_secs(20)).await.unwrap(), 1);
    assert_eq!(numbers().await, [3, 2]);
    assert_eq!(find_group(&db.store, 2).await.unwrap(), Some(groups[1].clone()));
    assert_eq!(find_group(&db.store, 1).await.unwrap(), None);
}

async fn a_group_number_cannot_be_given_twice(db: Fresh) {
    keep(&db, &changes(vec![], vec![group(&db, 1)], vec![])).await;
    let twin = Group { id: GroupId::new("other"), ..group(&db, 1) };
    let mut tx = db.store.begin().await.unwrap();
    let error = save(&mut tx, &changes(vec![], vec![twin], vec![])).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)));
}

async fn a_row_that_cannot_be_read_is_named(db: Fresh) {
    keep(&db, &changes(vec![], vec![group(&db, 1)], vec![])).await;
    db.tamper("UPDATE alert_groups SET body = '{}'").await;
    let error = load(&db.store).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "row `g1` of table alert_groups cannot be read: column body holds something unexpected"
    );
}

async fn hundreds_of_alerts_are_saved_at_once(db: Fresh) {
    let alerts: Vec<_> = (0..1100).map(|n| alert(&db, n)).collect();
    let removed_alerts = alerts.iter().map(Alert::fingerprint).collect();
    keep(&db, &changes(alerts, vec![], vec![])).await;
    assert_eq!(load(&db.store).await.unwrap().alerts.len(), 1100);
    keep(&db, &Changes { removed_alerts, ..Changes::default() }).await;
    assert_eq!(load(&db.store).await.unwrap().alerts.len(), 0);
}

async fn a_time_has_the_groups_that_were_open_in_it(db: Fresh) {
    let before = Group { opened_at: db.now, ..closed(&db, 1, db.in_secs(50)) };
    let across = Group { opened_at: db.in_secs(10), ..closed(&db, 2, db.in_secs(150)) };
    let open = Group { opened_at: db.in_secs(120), ..group(&db, 3) };
    let after = Group { opened_at: db.in_secs(200), ..group(&db, 4) };
    let groups = [before, across, open, after].map(|group| (group.id.clone(), group));
    let changes = Changes { groups: groups.into(), ..Changes::default() };
    let mut tx = db.store.begin().await.unwrap();
    save(&mut tx, &changes).await.unwrap();
    tx.commit().await.unwrap();
    let found = during(&db.store, db.in_secs(100), db.in_secs(200), 10).await.unwrap();
    assert_eq!(found.iter().map(|group| group.number).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(during(&db.store, db.in_secs(100), db.in_secs(200), 1).await.unwrap().len(), 1);
}
