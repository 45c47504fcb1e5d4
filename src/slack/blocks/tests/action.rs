//! The messages and forms about operations.

use std::collections::BTreeMap;

use serde_json::Value;

use super::world::{NOW, Outside, after, before, people};
use crate::core::action::journal::{Journal, Step};
use crate::core::action::kind::{Action, Kind};
use crate::core::action::money::{Party, Payment, Transfer};
use crate::core::action::offer::Offer;
use crate::core::action::plan::{Blast, Change, Object, Plan, Preview, Risk, Undo, Write};
use crate::core::action::policy::{Denied, Freeze, Needs, Person};
use crate::core::action::request::{Approval, Asked, Proof, Refused, Request, State};
use crate::core::action::target::{Sort, Target};
use crate::core::action::testing;
use crate::core::action::workflow::Input;
use crate::core::audit::{Entry, Record};
use crate::core::gitops::manager::{By, Manager, Reverts};
use crate::core::ids::{Actor, ChannelId, RequestId, TeamId, UserId};
use crate::core::time::Span;
use crate::slack::blocks::action::{
    self as blocks, CardView, Form, HistoryView, ListView, Subject, card, details, history, list, reject_form,
    request_form,
};
use crate::slack::blocks::audit::{AuditView, audit};
use crate::slack::message::Message;

fn person(user: &str) -> Person {
    Person { user: UserId::new(user), team: TeamId::new("THOME") }
}

fn target(outside: &Outside) -> Target {
    Target {
        cluster: outside.name.clone(),
        namespace: "feeds".to_owned(),
        sort: Sort::Deployment,
        name: outside.symbol.clone(),
    }
}

fn change(outside: &Outside, write: Write, old: &str, new: &str, after: Option<Span>) -> Change {
    let change = testing::change(write, old, new);
    Change { object: Object { target: target(outside), ..change.object }, after, ..change }
}

/// Three to five and back after two hours; `size` more of everything.
fn plan(outside: &Outside, size: usize) -> Plan {
    let back = Some(Span::from_secs(7200));
    let mut changes = vec![
        change(outside, Write::Replicas { from: 3, to: 5 }, "3", "5", None),
        change(outside, Write::Replicas { from: 5, to: 3 }, &outside.value, &outside.threshold, back),
    ];
    changes.extend((1..size).map(|nth| {
        let mut evicted = change(outside, Write::Evict, "", &outside.summary, None);
        evicted.object.target.name = format!("{}-{nth}", outside.symbol);
        evicted
    }));
    Plan {
        action: Action::Scale { replicas: 5, back_after: back },
        target: target(outside),
        preview: Preview {
            changes,
            rests_on: (0..size).map(|nth| (format!("{} {nth}", outside.comment), outside.value.clone())).collect(),
            risk: Risk::R2,
            blast: Blast { pods: outside.summary.clone(), budgets: vec![outside.cause.clone(); size] },
            warnings: vec![outside.error.clone(); size],
            undo: Undo::By { action: Action::Scale { replicas: 3, back_after: None } },
        },
        rule: outside.name.clone(),
        policy: "0123456789ab".to_owned(),
        approve_by: after(1800),
        execute_within: Span::from_secs(600),
    }
}

/// Two coins from a hot wallet to a wallet.
fn payment(outside: &Outside) -> Plan {
    let coins = |text: &str| text.parse().unwrap();
    let party = |before: &str, after: &str| Party {
        name: outside.name.clone(),
        address: outside.value.clone(),
        explorer: Some(outside.comment.clone()),
        before: coins(before),
        after: coins(after),
    };
    let transfer = Transfer {
        wallet: outside.name.clone(),
        from: outside.value.clone(),
        to: outside.value.clone(),
        asset: outside.summary.clone(),
        symbol: outside.symbol.clone(),
        amount: coins("2.000000000"),
        seen: Payment {
            worth: Some("28640".to_owned()),
            from: party("12.5", "10.499995"),
            to: party("0.42", "2.42"),
            fee: coins("0.000005"),
            fee_symbol: outside.symbol.clone(),
            simulated: outside.summary.clone(),
            spent: coins("1.5"),
            per_transfer: coins("2.5"),
            per_day: coins("10"),
            confirmations: 12,
        },
    };
    let mut plan = plan(outside, 1);
    plan.action = Action::TopUp { amount: coins("2") };
    plan.target = Target { namespace: String::new(), sort: Sort::Wallet, ..target(outside) };
    plan.preview.risk = Risk::R3;
    plan.preview.blast = Blast::default();
    plan.preview.undo = Undo::None { why: outside.error.clone() };
    let mut paid = change(outside, Write::Transfer(Box::new(transfer)), "", &outside.value, None);
    paid.object.target = plan.target.clone();
    plan.preview.changes = vec![paid];
    plan
}

fn approvals(plan: &Plan) -> Vec<Approval> {
    let yes = |user, on_call| Approval { by: person(user), at: before(60), digest: plan.digest(), on_call };
    vec![yes("U0BOB", true), yes("U0CAT", false)]
}

fn request(plan: Plan, outside: &Outside, state: State) -> Request {
    let asked = Asked {
        by: person("U0ANN"),
        at: before(120),
        reason: outside.comment.clone(),
        on_call: false,
        alert: None,
        undoes: Some(3),
    };
    Request { id: RequestId::new("01REQ"), number: 7, plan, asked, state }
}

/// Every state there is.
fn states(plan: &Plan, outside: &Outside) -> Vec<(&'static str, State)> {
    let quorum = || Proof::Quorum { approvals: approvals(plan) };
    let glass = |reviewed| Proof::BreakGlass { reviewed };
    let mut begun = Journal::of(plan);
    begun.intend(0, before(30));
    begun.attempt(0, None, before(30));
    let mut blocked = begun.clone();
    blocked.steps[0] = Step::Intended { at: before(30), blocked: Some(outside.error.clone()) };
    let mut done = begun.clone();
    done.steps[0] =
        Step::Succeeded { at: before(30), done_at: before(29), note: outside.summary.clone(), started: None };
    let mut holds = done.clone();
    holds.verified_at = Some(before(20));
    done.progress.clone_from(&outside.summary);
    let mut failed = done.clone();
    failed.steps[1] = Step::Failed { at: before(10), why: outside.error.clone() };
    let mut unknown = begun.clone();
    unknown.steps[0] = Step::Unknown { at: before(10), why: outside.error.clone() };
    let (started_at, at, why) = (before(40), NOW, outside.error.clone());
    let mut moved = plan.clone();
    moved.preview.rests_on.insert(format!("{} 0", outside.comment), outside.threshold.clone());
    let executing = |journal: &Journal| State::Executing { proof: quorum(), journal: journal.clone(), started_at };
    vec![
        ("action_open", State::Open { approvals: Vec::new() }),
        ("action_open_one", State::Open { approvals: approvals(plan)[1..].to_vec() }),
        ("action_approved", State::Approved { proof: quorum(), at: before(5) }),
        ("action_glass", State::Approved { proof: glass(None), at: before(5) }),
        ("action_executing", executing(&begun)),
        ("action_blocked", executing(&blocked)),
        ("action_settling", executing(&done)),
        ("action_holds", executing(&holds)),
        ("action_succeeded", State::Succeeded { proof: quorum(), journal: holds.clone(), started_at, at }),
        ("action_glass_succeeded", State::Succeeded { proof: glass(None), journal: holds.clone(), started_at, at }),
        (
            "action_glass_reviewed",
            State::Succeeded { proof: glass(Some((person("U0BOB"), NOW))), journal: holds.clone(), started_at, at },
        ),
        ("action_failed", State::Failed { proof: quorum(), journal: failed, started_at, at, why: why.clone() }),
        ("action_unknown", State::Unknown { proof: quorum(), journal: unknown, started_at, at, why: why.clone() }),
        ("action_stale", State::Stale { now: Box::new(moved), at }),
        ("action_rejected", State::Rejected { by: person("U0BOB"), reason: outside.comment.clone(), at }),
        ("action_withdrawn", State::Withdrawn { at }),
        ("action_expired", State::Expired { at }),
        (
            "action_stopped",
            State::Cancelled { by: person("U0BOB").actor(), why: why.clone(), journal: Some(holds), at },
        ),
        ("action_void", State::Cancelled { by: Actor::System, why, journal: None, at }),
    ]
}

/// `size` is how much there is of everything.
pub fn messages(outside: &Outside, size: usize) -> Vec<(&'static str, Message)> {
    let size = size.min(12);
    let people = people(outside);
    let plan = plan(outside, size);
    let needs = Needs { quorum: 2, on_call: true };
    let rival = request(plan.clone(), outside, State::Open { approvals: Vec::new() });
    let rivals = vec![&rival; size.min(5)];
    let view = |request: &Request, waits: Option<&str>, rivals: &[&Request]| {
        card(&CardView { request, needs, rivals, called: &[], waits, people: &people, now: NOW })
    };
    let mut messages: Vec<(&'static str, Message)> = states(&plan, outside)
        .into_iter()
        .map(|(name, state)| (name, view(&request(plan.clone(), outside, state), None, &[])))
        .collect();
    let approved = State::Approved { proof: Proof::Quorum { approvals: approvals(&plan) }, at: before(5) };
    let approved = request(plan.clone(), outside, approved);
    let called = ["S0OPS".to_owned(), "everyone".to_owned()];
    let seen =
        CardView { request: &rival, needs, rivals: &[], called: &called, waits: None, people: &people, now: NOW };
    messages.push(("action_called", card(&seen)));
    messages.push(("action_waits", view(&approved, Some(&outside.error), &rivals)));
    let asks = State::Open { approvals: Vec::new() };
    messages.push(("action_payment", view(&request(payment(outside), outside, asks), None, &[])));
    let freeze = Freeze { by: person("U0ANN").actor(), at: before(60), reason: outside.comment.clone() };
    let record = Record {
        at: before(60),
        actor: person("U0ANN").actor(),
        action: "action.step_succeeded".to_owned(),
        subject: outside.symbol.clone(),
        detail: serde_json::json!({ "note": outside.summary, "step": 1 }).to_string(),
    };
    let entry = Entry { seq: 12, record, prev: String::new(), hash: String::new() };
    let entries = vec![entry; size];
    let history_view = HistoryView { request: &approved, needs, entries: &entries, people: &people, now: NOW };
    let listed = vec![&approved; size];
    let lists = |requests, freeze| list(&ListView { requests, freeze, people: &people, now: NOW });
    let found = |entries, more| audit(&AuditView { asked: &outside.comment, entries, more, people: &people, now: NOW });
    let (namespace, name) = (outside.comment.clone(), outside.name.clone());
    let flux = By::Kustomization { namespace: namespace.clone(), name: name.clone() };
    let flux = Manager { by: flux, reverts: Reverts::Soon };
    let argo = Manager { by: By::Application { namespace: Some(namespace), name }, reverts: Reverts::AtSync };
    let place = target(outside);
    let in_git = |keeper| blocks::InGit { kind: Kind::Scale, target: &place, keeper, app: None };
    let asked = |rivals, frozen| {
        blocks::said_done(&blocks::Asked {
            request: &rival,
            needs,
            channel: &ChannelId::new("C0ALERTS"),
            rivals,
            frozen,
            now: NOW,
        })
    };
    messages.extend([
        ("action_history", history(&history_view)),
        ("action_details", details(&history_view)),
        ("action_list", lists(listed.as_slice(), Some(&freeze))),
        ("action_list_none", lists(&[], None)),
        ("action_asked", asked(0, false)),
        ("action_asked_frozen", asked(2, true)),
        ("action_said_approved", blocks::approved(&rival, needs, NOW)),
        ("action_said_enough", blocks::approved(&approved, needs, NOW)),
        ("action_broken_glass", blocks::broken_glass(&approved, &ChannelId::new("C0ALERTS"))),
        ("action_glass_note", blocks::glass_note(&approved, &people)),
        ("action_alert_note", blocks::alert_note(&rival, &people)),
        ("action_frozen", blocks::frozen(&freeze, false, &people, NOW)),
        ("action_thawed", blocks::thawed(Some((&freeze, people.name(&person("U0BOB").actor()))))),
        ("action_not_frozen", blocks::thawed(None)),
        ("action_off", blocks::switched_off()),
        ("action_no_slack", blocks::no_slack()),
        ("action_no_such", blocks::no_such_action(Some(9))),
        ("action_gone", blocks::no_such_action(None)),
        ("action_other_symbol", blocks::other_symbol(&outside.name, &outside.symbol, &outside.comment)),
        ("action_no_node", blocks::no_such_target("node", &outside.comment)),
        ("action_wrong_kind", blocks::wrong_kind(Kind::Restart, &outside.comment)),
        ("action_cannot", blocks::cannot_plan(Kind::Restart, &target(outside), &outside.error)),
        (
            "action_which",
            blocks::which_target(&outside.comment, Kind::Restart, &vec![target(outside); size.max(2)], " why"),
        ),
        ("action_no_workflow", blocks::no_such_workflow(&outside.comment, &vec![outside.name.as_str(); size])),
        ("action_which_way", blocks::which_way(&in_git(&flux), "scale x 5 --suspend 1h", "scale x 5 --direct")),
        ("action_which_way_argo", blocks::which_way(&in_git(&argo), "scale x 5 --suspend 1h", "scale x 5 --direct")),
        ("action_in_git", blocks::in_git(&in_git(&flux))),
        ("action_no_way_back", blocks::not_of_this(&rival)),
        ("action_changed", blocks::refused(&Refused::Changed, &rival)),
        ("action_too_late", blocks::refused(&Refused::Not("withdrawn"), &rival)),
        ("action_twice", blocks::refused(&Refused::Twice, &rival)),
        ("action_own", blocks::denied(&Denied::OwnRequest)),
        ("action_own_override", blocks::denied(&Denied::OwnOverride)),
        ("action_no_rule", blocks::denied(&Denied::NoRule { kind: Kind::Restart, target: target(outside) })),
        ("action_no_reason", blocks::denied(&Denied::ReasonMissing(outside.name.clone()))),
        ("audit_found", found(entries.as_slice(), true)),
        ("audit_nothing", found(&[], false)),
    ]);
    messages
}

pub fn forms(outside: &Outside) -> Vec<(&'static str, Value)> {
    let subject = |kind, break_glass| Subject {
        kind,
        target: Target { name: "pusher".to_owned(), cluster: "prod".to_owned(), ..target(outside) },
        alert: None,
        undoes: Some(7),
        break_glass,
    };
    let input = |name: &str, values: &[&str]| Input {
        name: name.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let inputs = [input("network", &["mainnet", "testnet"]), input("note", &[])];
    let form = |kind, action: Option<Action>, glass| {
        let subject = subject(kind, glass);
        let inputs = if kind == Kind::Dispatch { &inputs[..] } else { &[] };
        let (action, reason) = (action.as_ref(), outside.comment.as_str());
        let keeper = Manager {
            by: By::Kustomization { namespace: "flux-system".to_owned(), name: outside.name.clone() },
            reverts: Reverts::Soon,
        };
        let (keeper, git) = ((kind == Kind::PauseRollout).then_some(&keeper), None);
        let form = Form { subject: &subject, action, reason, reason_wanted: true, inputs, keeper, git };
        request_form(&form).0
    };
    let scale = Action::Scale { replicas: 5, back_after: Some(Span::from_secs(7200)) };
    let digest = crate::core::action::digest::Digest::claimed(&"ab".repeat(32));
    let given = [("network".to_owned(), "testnet".to_owned()), ("note".to_owned(), outside.comment.clone())].into();
    vec![
        ("modal_restart", form(Kind::Restart, None, false)),
        ("modal_scale", form(Kind::Scale, Some(scale), false)),
        ("modal_rollback", form(Kind::Rollback, Some(Action::Rollback { revision: Some(3) }), false)),
        ("modal_in_git", form(Kind::PauseRollout, None, false)),
        ("modal_drain_glass", form(Kind::Drain, None, true)),
        ("modal_dispatch", form(Kind::Dispatch, Some(Action::Dispatch { inputs: given }), false)),
        ("modal_top_up", form(Kind::TopUp, Some(Action::TopUp { amount: "2.5".parse().unwrap() }), false)),
        ("modal_reject", reject_form(&RequestId::new("01REQ"), 7, &digest).0),
    ]
}

/// What an alert may offer.
pub fn offers(outside: &Outside) -> Vec<Offer> {
    let node = Target { namespace: String::new(), sort: Sort::Node, name: "worker-1".to_owned(), ..target(outside) };
    vec![
        Offer { kind: Kind::Restart, target: Target { cluster: "prod".to_owned(), ..target(outside) } },
        Offer { kind: Kind::Cordon, target: Target { cluster: "prod".to_owned(), ..node } },
    ]
}

#[test]
fn every_state_of_a_request_has_its_card() {
    let outside = Outside::ordinary();
    let plan = plan(&outside, 3);
    let shown: BTreeMap<&str, &str> =
        states(&plan, &outside).iter().map(|(name, state)| (state.as_str(), *name)).collect();
    assert_eq!(shown.len(), 11, "{shown:?}");
}
