//! What a digest tells apart: every field of every write, and every value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::json;

use super::super::digest::{Digest, fingerprint, version_of};
use super::super::money::Transfer;
use super::super::plan::{Change, Object, Plan, Write};
use super::super::target::{Sort, Target};
use super::super::testing::{change, plan, transfer};
use crate::core::time::Span;
use crate::core::wallet::Amount;

fn with(change: Change) -> Digest {
    let mut plan = plan();
    plan.preview.changes = vec![change];
    plan.digest()
}

fn operation(revisions: &[&str], history: Option<i64>, prune: bool, hash: &str) -> Write {
    let revisions = revisions.iter().map(|revision| (*revision).to_owned()).collect();
    Write::Operation { revisions, history, prune, hash: hash.to_owned() }
}

/// Of each sort of write one, and others that differ from it in one field.
fn writes() -> Vec<Write> {
    let template = |revision, source: &str, hash: &str| {
        let (source, hash) = (source.to_owned(), hash.to_owned());
        Write::Template { revision, source, hash }
    };
    let job = |name: &str, hash: &str| Write::CreateJob { name: name.to_owned(), hash: hash.to_owned() };
    let dispatch = |correlation: Option<&str>| Write::Dispatch {
        repository: "acme/infra".to_owned(),
        reference: "main".to_owned(),
        sha: "4f2c".to_owned(),
        inputs: BTreeMap::new(),
        correlation: correlation.map(str::to_owned),
        page: String::new(),
    };
    let both = |make: fn(bool) -> Write| [make(false), make(true)];
    let mut writes = vec![
        Write::Restart,
        Write::DeletePod,
        Write::Evict,
        Write::Reconcile,
        Write::Replicas { from: 3, to: 5 },
        Write::Replicas { from: 3, to: 6 },
        Write::Replicas { from: 4, to: 5 },
        template(1, "old-1", "a"),
        template(2, "old-1", "a"),
        template(1, "old-2", "a"),
        template(1, "old-1", "b"),
        job("j", "a"),
        job("k", "a"),
        job("j", "b"),
        operation(&["r1"], None, false, "a"),
        operation(&["r2"], None, false, "a"),
        operation(&["r1", "r2"], None, false, "a"),
        operation(&[], None, false, "a"),
        operation(&["r1"], Some(4), false, "a"),
        operation(&["r1"], None, true, "a"),
        operation(&["r1"], None, false, "b"),
        dispatch(None),
        dispatch(Some("request")),
    ];
    writes.extend(both(|paused| Write::Paused { paused }));
    writes.extend(both(|suspend| Write::Suspend { suspend }));
    writes.extend(both(|unschedulable| Write::Unschedulable { unschedulable }));
    writes.extend(both(|hard| Write::Refresh { hard }));
    writes.extend(both(|full| Write::Promote { full }));
    writes.extend(both(|abort| Write::Abort { abort }));
    writes
}

#[test]
fn no_two_writes_share_a_digest() {
    let writes = writes();
    let digests: BTreeSet<String> =
        writes.iter().map(|write| with(change(write.clone(), "", "")).as_str().to_owned()).collect();
    assert_eq!(digests.len(), writes.len());
}

/// The format is fixed: a digest that an older version made is the same today.
#[test]
fn the_digests_of_writes_are_the_same_for_ever() {
    let mut plan = plan();
    plan.policy = "fixed".to_owned();
    let mut lines = String::new();
    let transfer = Write::Transfer(Box::new(transfer("1.5")));
    for write in writes().into_iter().chain([transfer]) {
        plan.preview.changes = vec![change(write.clone(), "", "")];
        let written = serde_json::to_value(&write).unwrap();
        writeln!(lines, "{} {}", plan.digest().short(), written["write"].as_str().unwrap()).unwrap();
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn everything_about_a_transfer_is_in_the_digest_but_what_moves_by_itself() {
    type Happen = fn(&mut Transfer);
    let of = |happen: Happen| {
        let mut transfer = transfer("1.5");
        happen(&mut transfer);
        with(change(Write::Transfer(Box::new(transfer)), "", ""))
    };
    let matters: [(&str, Happen); 7] = [
        ("wallet", |transfer| transfer.wallet.push('x')),
        ("from", |transfer| transfer.from.push('x')),
        ("to", |transfer| transfer.to.push('x')),
        ("asset", |transfer| transfer.asset.push('x')),
        ("symbol", |transfer| transfer.symbol.push('x')),
        ("units", |transfer| transfer.amount = Amount::new(1, 9).unwrap()),
        ("decimals", |transfer| transfer.amount = Amount::new(transfer.amount.units(), 8).unwrap()),
    ];
    for (name, happen) in matters {
        assert_ne!(of(happen), of(|_| {}), "{name}");
    }
    let moved = of(|transfer| {
        transfer.seen.fee = Amount::new(7, 9).unwrap();
        transfer.seen.spent = Amount::new(8, 9).unwrap();
        transfer.seen.worth = Some("9".to_owned());
    });
    assert_eq!(moved, of(|_| {}));
}

#[test]
fn a_change_is_bound_to_its_object_and_a_plan_to_its_rule_and_times() {
    type Happen = fn(&mut Plan);
    let matters: [(&str, Happen); 7] = [
        ("the target of a change", |plan| plan.preview.changes[0].object.target.name.push('x')),
        ("the field", |plan| plan.preview.changes[0].field = "paused".to_owned()),
        ("the namespace", |plan| plan.target.namespace.push('x')),
        ("the sort", |plan| plan.target.sort = Sort::StatefulSet),
        ("the rule", |plan| plan.rule.push('x')),
        ("how long it may begin", |plan| plan.execute_within = Span::from_secs(601)),
        ("what else it rests on", |plan| drop(plan.preview.rests_on.remove("replicas"))),
    ];
    for (name, happen) in matters {
        let mut changed = plan();
        happen(&mut changed);
        assert_ne!(changed.digest(), plan().digest(), "{name}");
    }
    let node = Target { namespace: String::new(), sort: Sort::Node, ..plan().target };
    let object = Object { target: node, ..plan().preview.changes.remove(0).object };
    assert_ne!(with(Change { object, ..plan().preview.changes.remove(0) }), plan().digest());
}

#[test]
fn a_digest_is_shown_in_short_and_claimed_in_full() {
    let digest = plan().digest();
    assert_eq!(digest.as_str().len(), 64);
    assert_eq!(digest.short().len(), 10);
    assert!(digest.as_str().starts_with(digest.short()));
    assert_eq!(Digest::claimed(digest.as_str()), digest);
    assert_eq!(Digest::claimed("00").short(), "00", "whatever a button sends");
}

#[test]
fn values_have_fingerprints_by_what_they_say() {
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(1),
        json!("1"),
        json!("true"),
        json!("null"),
        json!(""),
        json!([]),
        json!({}),
        json!([1]),
        json!([[1]]),
        json!([1, 2]),
        json!([2, 1]),
        json!({"a": 1}),
        json!({"a": 2}),
        json!({"b": 1}),
        json!({"a": 1, "b": 1}),
        json!({"a": {"b": 1}}),
        json!([{"a": 1}, {"b": 1}]),
        json!([{"a": 1, "b": 1}]),
    ];
    let fingerprints: BTreeSet<String> = values.iter().map(fingerprint).collect();
    assert_eq!(fingerprints.len(), values.len());
    assert!(fingerprints.iter().all(|text| text.len() == 32 && text.chars().all(|c| c.is_ascii_hexdigit())));
    assert_eq!(fingerprint(&json!({"a": 1, "b": 2})), fingerprint(&json!({"b": 2, "a": 1})));
    assert_eq!(fingerprint(&json!({"replicas": 3})), "460c492c39cfa0a5a3b9560385727bc3", "the format is fixed");
    assert_eq!(version_of("rules: []").len(), 12);
}
