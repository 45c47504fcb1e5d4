//! What an attacker, an accident or a second click would try. None of it executes.

mod digest;
mod journal;
mod life;
mod release;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::approval::{Gate, Release, release, under_way};
use super::digest::Digest;
use super::journal::{Lasts, Next, PATIENCE, Signed, Step, Tried};
use super::kind::Action;
use super::plan::{Plan, Risk, Write};
use super::policy::{Denied, Freeze, Person, Policy, Rate, Roster, Who};
use super::request::{Draft, Proof, Refused, Request, State};
use super::testing::{NOW, T, asked, change, person, plan, policy, request, roster, sol};
use crate::core::ids::{Actor, RequestId, TeamId, UserId};
use crate::core::time::{Span, Timestamp};

fn later(secs: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(secs))
}

fn approve(request: Request, user: &str) -> Result<Request, Refused> {
    let digest = request.plan.digest();
    request.approve(&person(user), &digest, &policy(), &roster(), later(10))
}

fn approved() -> Request {
    approve(request(), "U0BOB").unwrap()
}

fn gate<'a>(policy: &'a Policy, roster: &'a Roster) -> Gate<'a> {
    Gate { policy, roster, freeze: None, begun: &[], now: later(20) }
}

fn begun(request: Request) -> Request {
    let plan = request.plan.clone();
    match release(request, plan, &gate(&policy(), &roster())) {
        Release::Go(request) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_second_persons_yes_is_enough_for_one_service() {
    let request = approved();
    assert!(matches!(request.state, State::Approved { .. }));
    assert!(under_way(&request).is_none(), "approved is not yet begun");
    let request = begun(request);
    assert_eq!(*under_way(&request).unwrap(), request.plan);
}

#[test]
fn what_touches_a_whole_service_takes_two_others_and_somebody_on_call() {
    let mut request = request();
    request.plan.preview.risk = Risk::R2;
    let once = approve(request.clone(), "U0BOB").unwrap();
    assert!(matches!(once.state, State::Open { .. }), "one of two");
    assert!(matches!(approve(once, "U0CAT").unwrap().state, State::Approved { .. }));
    let nobody_on_call = Roster { on_call: BTreeSet::new(), ..roster() };
    let digest = request.plan.digest();
    for user in ["U0BOB", "U0CAT"] {
        request = request.approve(&person(user), &digest, &policy(), &nobody_on_call, later(10)).unwrap();
    }
    assert!(matches!(request.state, State::Open { .. }), "two, but nobody on call");
}

/// Every way that must not lead to an execution, by name.
fn adversaries() -> Vec<(&'static str, Result<Request, Refused>)> {
    let digest = plan().digest();
    let stranger = Person { user: UserId::new("U0BOB"), team: TeamId::new("TELSE") };
    let yes = |request: Request, by: &Person, at| request.approve(by, &digest, &policy(), &roster(), at);
    let mut changed = request();
    changed.plan.action = Action::Scale { replicas: 50, back_after: None };
    let mut moved = request();
    moved.plan.target.name = "payments".to_owned();
    let mut riskier = request();
    riskier.plan.preview.risk = Risk::R2;
    let mut gone = policy();
    gone.rules.clear();
    let admin = Policy { break_glass: vec!["U0ANN".parse().unwrap()], ..policy() };
    let done = begun(approved()).attempt(0, None, later(30));
    vec![
        ("self-approval", yes(request(), &person("U0ANN"), later(1))),
        ("admin self-approval", request().approve(&person("U0ANN"), &digest, &admin, &roster(), later(1))),
        (
            "self under another workspace",
            yes(request(), &Person { team: TeamId::new("TELSE"), ..person("U0ANN") }, later(1)),
        ),
        ("parameters changed after the card", yes(changed, &person("U0BOB"), later(1))),
        ("target changed after the card", yes(moved, &person("U0BOB"), later(1))),
        ("risk changed after the card", yes(riskier, &person("U0BOB"), later(1))),
        ("expired", yes(request(), &person("U0BOB"), later(1800))),
        (
            "a forged digest",
            request().approve(&person("U0BOB"), &Digest::claimed("00"), &policy(), &roster(), later(1)),
        ),
        ("somebody unknown", yes(request(), &person("U0EVE"), later(1))),
        ("another workspace", yes(request(), &stranger, later(1))),
        ("replayed on an approved request", yes(approved(), &person("U0CAT"), later(11))),
        ("replayed on a running request", yes(done, &person("U0CAT"), later(40))),
        (
            "replayed on a withdrawn request",
            yes(request().withdraw(&person("U0ANN"), later(1)).unwrap(), &person("U0BOB"), later(2)),
        ),
        ("replayed on an expired request", yes(request().expire(later(1800)).unwrap(), &person("U0BOB"), later(1801))),
        ("under a rule that is gone", request().approve(&person("U0BOB"), &digest, &gone, &roster(), later(1))),
    ]
}

#[test]
fn none_of_these_approvals_counts() {
    for (name, outcome) in adversaries() {
        assert!(outcome.is_err(), "{name}: {outcome:?}");
    }
}

#[test]
fn a_double_click_is_one_approval() {
    let mut request = request();
    request.plan.preview.risk = Risk::R2;
    let once = approve(request, "U0BOB").unwrap();
    assert_eq!(approve(once, "U0BOB").unwrap_err(), Refused::Twice);
}

/// What changes between the last approval and the beginning, and what becomes of the request.
#[test]
fn what_was_true_at_approval_must_be_true_at_execution() {
    type Change = fn(&mut Policy, &mut Roster, &mut Plan);
    let cases: [(&str, Change, &str); 9] = [
        ("an approver demoted by configuration", |policy, _, _| policy.rules[0].approve.clear(), "open"),
        ("an approver deactivated", |_, roster, _| roster.gone.extend([UserId::new("U0BOB")]), "open"),
        ("the requester demoted", |policy, _, _| policy.rules[0].request.clear(), "cancelled"),
        ("the requester deactivated", |_, roster, _| roster.gone.extend([UserId::new("U0ANN")]), "cancelled"),
        ("the rule gone", |policy, _, _| policy.rules.clear(), "cancelled"),
        ("the home workspace unknown", |_, roster, _| roster.home = None, "cancelled"),
        ("the target replaced", |_, _, plan| plan.preview.changes[0].object.uid = "uid-2".to_owned(), "stale"),
        ("its state moved", |_, _, plan| drop(plan.preview.rests_on.insert("replicas".into(), "4".into())), "stale"),
        ("another policy version", |_, _, plan| plan.policy = "other".to_owned(), "stale"),
    ];
    for (name, happen, state) in cases {
        let (mut policy, mut roster, mut rebuilt) = (policy(), roster(), plan());
        happen(&mut policy, &mut roster, &mut rebuilt);
        match release(approved(), rebuilt, &gate(&policy, &roster)) {
            Release::Not(request, _) => assert_eq!(request.state.as_str(), state, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn nothing_begins_while_frozen_in_quiet_hours_or_too_often() {
    let waits = |policy: &Policy, freeze: Option<&Freeze>, begun: &[Timestamp]| {
        let roster = roster();
        let gate = Gate { freeze, begun, ..gate(policy, &roster) };
        match release(approved(), plan(), &gate) {
            Release::Wait(request, why) => {
                assert_eq!(request.state.as_str(), "approved");
                why
            }
            other => panic!("{other:?}"),
        }
    };
    let freeze = Freeze { by: Actor::System, at: NOW, reason: "launch".to_owned() };
    assert_eq!(waits(&policy(), Some(&freeze), &[]), "everything is frozen");
    let mut quiet = policy();
    quiet.rules[0].quiet_hours =
        serde_json::from_str(r#"[{"times":[{"start_time":"00:00","end_time":"24:00"}]}]"#).unwrap();
    assert!(waits(&quiet, None, &[]).starts_with("quiet hours"));
    let mut rated = policy();
    rated.rules[0].rate = Some(Rate { most: 2, within: Span::from_secs(3600) });
    assert!(waits(&rated, None, &[later(1), later(2)]).contains("no more may"));
    let roster = roster();
    let old = NOW.minus(Duration::from_hours(2));
    let free = Gate { begun: &[old, later(2)], ..gate(&rated, &roster) };
    assert!(matches!(release(approved(), plan(), &free), Release::Go(_)));
}

#[test]
fn an_approval_lapses_when_nothing_begins() {
    let (policy, roster) = (policy(), roster());
    let late = Gate { now: later(10 + 600), ..gate(&policy, &roster) };
    let Release::Not(request, _) = release(approved(), plan(), &late) else { panic!() };
    assert_eq!(request.state.as_str(), "expired");
}

#[test]
fn an_executing_request_whose_record_was_changed_yields_no_approved_plan() {
    let mut tampered = begun(approved());
    tampered.plan.action = Action::Scale { replicas: 0, back_after: None };
    assert!(under_way(&tampered).is_none());
    let mut forged = begun(approved());
    if let State::Executing { proof: Proof::Quorum { approvals }, .. } = &mut forged.state {
        approvals.clear();
    }
    assert!(under_way(&forged).is_none());
}

#[test]
fn breaking_the_glass_is_for_those_on_the_list_and_is_reviewed_by_another() {
    let draft = |user: &str| {
        let asked = super::request::Asked { by: person(user), ..asked() };
        Draft { id: RequestId::new("01REQ"), plan: plan(), asked }
    };
    assert_eq!(draft("U0BOB").break_glass(1, &policy(), &roster()).unwrap_err(), Denied::NoBreakGlass);
    let request = begun(draft("U0ANN").break_glass(1, &policy(), &roster()).unwrap());
    let mut request = request.intend(0, later(21)).attempt(0, None, later(22));
    request = request.settle(0, Tried::Succeeded { note: String::new() }, later(23)).verified(None, later(24));
    assert_eq!(request.state.as_str(), "succeeded");
    let own = request.clone().review(&person("U0ANN"), &policy(), &roster(), later(30));
    assert_eq!(own.unwrap_err(), Refused::Denied(Denied::OwnRequest));
    let reviewed = request.review(&person("U0BOB"), &policy(), &roster(), later(30)).unwrap();
    assert!(reviewed.review(&person("U0BOB"), &policy(), &roster(), later(31)).is_err());
}

#[test]
fn who_may_not_approve_may_not_reject_or_stop_it() {
    let no = |request: Request| request.reject(&person("U0EVE"), "no", &policy(), &roster(), later(1));
    assert!(no(request()).is_err());
    let rejected = request().reject(&person("U0CAT"), "not now", &policy(), &roster(), later(1)).unwrap();
    assert_eq!(rejected.state.as_str(), "rejected");
    assert!(rejected.withdraw(&person("U0ANN"), later(2)).is_err());
    assert_eq!(request().withdraw(&person("U0BOB"), later(1)).unwrap_err(), Refused::NotYours);
    let running = begun(approved());
    assert!(running.clone().cancel(&person("U0EVE"), &policy(), &roster(), later(30)).is_err());
    let tried = running.clone().intend(0, later(30)).attempt(0, None, later(31));
    assert_eq!(tried.cancel(&person("U0BOB"), &policy(), &roster(), later(32)).unwrap_err(), Refused::InFlight);
    let stopped = running.cancel(&person("U0ANN"), &policy(), &roster(), later(32)).unwrap();
    assert!(matches!(stopped.state.journal().unwrap().steps[0], Step::Skipped { .. }));
}

#[test]
fn each_step_is_intended_then_tried_then_settled() {
    let request = begun(approved());
    assert_eq!(request.next(later(21)), Some(Next::Intend(0)));
    let request = request.intend(0, later(21));
    assert_eq!(request.next(later(21)), Some(Next::Attempt(0)));
    let request = request.attempt(0, None, later(22));
    assert_eq!(request.next(later(22)), Some(Next::Observe(0)), "found like this after a crash");
    let request = request.settle(0, Tried::Succeeded { note: String::new() }, later(23));
    assert_eq!(request.next(later(23)), Some(Next::Verify));
    let request = request.settle(0, Tried::Failed { why: "late".into() }, later(24)).verified(None, later(25));
    assert_eq!(request.state.as_str(), "succeeded", "a late answer changes nothing");
}

#[test]
fn what_is_blocked_is_tried_again_for_a_while_and_then_fails() {
    let blocked = |at| Tried::Blocked { why: format!("budget at {at}") };
    let request = begun(approved()).intend(0, later(21)).attempt(0, None, later(21)).settle(0, blocked(1), later(22));
    assert_eq!(request.next(later(22)), Some(Next::Attempt(0)));
    let end = later(21).plus(PATIENCE);
    let request = request.attempt(0, None, end).settle(0, blocked(2), end);
    assert_eq!(request.state.as_str(), "failed");
}

#[test]
fn what_cannot_be_known_is_unknown_and_stops_everything_after_it() {
    let request = begun(approved()).intend(0, later(21)).attempt(0, None, later(21));
    let request = request.settle(0, Tried::Unknown { why: "no answer".into() }, later(30));
    assert_eq!(request.state.as_str(), "unknown");
    assert_eq!(request.next(later(31)), None);
}

#[test]
fn a_scaling_with_an_end_goes_back_at_its_time_or_when_told() {
    let mut request = request();
    request.plan.action = Action::Scale { replicas: 5, back_after: Some(Span::from_secs(3600)) };
    let mut back = change(Write::Replicas { from: 5, to: 3 }, "5", "3");
    back.after = Some(Span::from_secs(3600));
    request.plan.preview.changes.push(back);
    let request = begun(approve(request, "U0BOB").unwrap()).intend(0, later(21)).attempt(0, None, later(21));
    let request = request.settle(0, Tried::Succeeded { note: String::new() }, later(22));
    assert_eq!(request.next(later(23)), Some(Next::Verify), "it must have settled first");
    let request = request.verified(None, later(30));
    assert_eq!(request.next(later(31)), Some(Next::Hold(later(22 + 3600))));
    assert_eq!(request.holds_until(), Some(later(22 + 3600)));
    let now = request.clone().back_now(&person("U0BOB"), &policy(), &roster()).unwrap();
    assert_eq!(now.next(later(32)), Some(Next::Intend(1)));
    assert_eq!(request.next(later(22 + 3600)), Some(Next::Intend(1)));
    let request = request.intend(1, later(3700)).attempt(1, None, later(3700));
    let request = request.settle(1, Tried::Succeeded { note: String::new() }, later(3701));
    assert_eq!(request.state.as_str(), "succeeded");
}

/// Suspends, scales and resumes an hour later, whatever happens.
fn suspended() -> Request {
    let mut request = request();
    let write = |suspend: bool, after: Option<u64>| {
        let after = after.map(Span::from_secs);
        super::plan::Change { after, always: !suspend, ..change(Write::Suspend { suspend }, "", "") }
    };
    request.plan.preview.changes.insert(0, write(true, None));
    request.plan.preview.changes.push(write(false, Some(3600)));
    begun(approve(request, "U0BOB").unwrap())
}

fn done(request: Request, step: usize, tried: Tried, secs: u64) -> Request {
    request.intend(step, later(secs)).attempt(step, None, later(secs)).settle(step, tried, later(secs))
}

#[test]
fn what_was_suspended_is_resumed_whatever_becomes_of_the_change() {
    let fine = || Tried::Succeeded { note: String::new() };
    let failed = || Tried::Failed { why: "it has 4 replicas now".to_owned() };
    let first = || done(suspended(), 0, fine(), 21);
    let resumed = |request: Request| {
        assert_eq!(request.next(later(40)), Some(Next::Intend(2)), "at once");
        assert_eq!(request.holds_until(), None);
        done(request, 2, fine(), 41).state
    };
    assert!(matches!(resumed(done(first(), 1, failed(), 22)), State::Failed { why, .. } if why.contains("4 replicas")));
    let unknown = Tried::Unknown { why: "no answer".to_owned() };
    assert_eq!(resumed(done(first(), 1, unknown, 22)).as_str(), "unknown");
    let unsettled = done(first(), 1, fine(), 22).verified(Some("no pod is ready".to_owned()), later(30));
    assert!(matches!(resumed(unsettled), State::Failed { why, .. } if why == "no pod is ready"));
    let stopped = first().cancel(&person("U0ANN"), &policy(), &roster(), later(23)).unwrap();
    assert!(matches!(resumed(stopped), State::Failed { why, .. } if why == "stopped by hand"));
    assert_eq!(done(suspended(), 0, failed(), 21).state.as_str(), "failed", "nothing was suspended");
    let well = done(first(), 1, fine(), 22).verified(None, later(30));
    assert_eq!(well.next(later(31)), Some(Next::Hold(later(22 + 3600))));
    assert_eq!(done(well, 2, fine(), 3700).state.as_str(), "succeeded");
}

#[test]
fn what_suspends_another_takes_the_right_to_suspend_it() {
    let mut request = request();
    let mut suspend = change(Write::Suspend { suspend: true }, "reconciles", "suspended");
    suspend.object.target = "prod/flux-system/Kustomization/base".parse().unwrap();
    request.plan.preview.changes.insert(0, suspend);
    assert!(matches!(approve(request.clone(), "U0BOB"), Err(Refused::Denied(Denied::NoRule { .. }))));
    let mut policy = policy();
    let mut rule = super::testing::rule();
    (rule.name, rule.actions, rule.kinds) = ("flux".to_owned(), vec![super::kind::Kind::SuspendReconcile], Vec::new());
    (rule.namespaces, rule.approve) = (vec!["*".to_owned()], vec!["U0CAT".parse().unwrap()]);
    policy.rules.push(rule);
    let approve = |user: &str| {
        let digest = request.plan.digest();
        request.clone().approve(&person(user), &digest, &policy, &roster(), later(1))
    };
    assert_eq!(approve("U0BOB").unwrap_err(), Refused::Denied(Denied::MayNotApprove("flux".to_owned())));
    assert_eq!(approve("U0CAT").unwrap().state.as_str(), "approved");
    assert!(policy.may_request_all(&roster(), &person("U0ANN"), &request.plan).is_ok());
    policy.rules[1].request.clear();
    assert!(policy.may_request_all(&roster(), &person("U0ANN"), &request.plan).is_err());
}

/// The format is fixed: this digest was made by the first version of it.
#[test]
fn the_digest_of_a_plan_is_the_same_for_ever() {
    let mut plan = plan();
    plan.policy = "fixed".to_owned();
    insta::assert_snapshot!(plan.digest().as_str());
}

#[test]
fn everything_that_matters_is_in_the_digest_and_what_moves_by_itself_is_not() {
    type Change = fn(&mut Plan);
    let matters: [(&str, Change); 17] = [
        ("kind", |plan| plan.action = Action::Restart),
        ("parameter", |plan| plan.action = Action::Scale { replicas: 6, back_after: None }),
        ("end", |plan| plan.action = Action::Scale { replicas: 5, back_after: Some(Span::from_secs(1)) }),
        ("cluster", |plan| plan.target.cluster = "dev".into()),
        ("name", |plan| plan.target.name = "pusher2".into()),
        ("uid", |plan| plan.preview.changes[0].object.uid = "uid-2".into()),
        ("write", |plan| plan.preview.changes[0].write = Write::Replicas { from: 3, to: 50 }),
        ("old", |plan| plan.preview.changes[0].old = "4".into()),
        ("new", |plan| plan.preview.changes[0].new = "50".into()),
        ("after", |plan| plan.preview.changes[0].after = Some(Span::from_secs(1))),
        ("always", |plan| plan.preview.changes[0].always = true),
        ("suspended", |plan| {
            let (action, lasts) = (Box::new(plan.action.clone()), Span::from_secs(60));
            plan.action = Action::WhileSuspended { action, lasts };
        }),
        ("one change more", |plan| plan.preview.changes.push(plan.preview.changes[0].clone())),
        ("what it rests on", |plan| drop(plan.preview.rests_on.insert("paused".into(), "true".into()))),
        ("risk", |plan| plan.preview.risk = Risk::R2),
        ("policy", |plan| plan.policy = "other".into()),
        ("expiry", |plan| plan.approve_by = later(1801)),
    ];
    for (name, happen) in matters {
        let mut changed = plan();
        happen(&mut changed);
        assert_ne!(changed.digest(), plan().digest(), "{name}");
    }
    let mut same = plan();
    same.preview.changes[0].object.resource_version = "101".into();
    same.preview.warnings.push("Git will win".into());
    same.preview.blast.pods = "3 pods".into();
    assert_eq!(same.digest(), plan().digest());
}

#[test]
fn everything_about_a_dispatch_is_in_the_digest() {
    let of = |change: fn(&mut [String; 4], &mut BTreeMap<String, String>)| {
        let mut texts = ["acme/infra", "main", "4f2c", "request"].map(str::to_owned);
        let mut inputs = BTreeMap::from([("network".to_owned(), "testnet".to_owned())]);
        change(&mut texts, &mut inputs);
        let [repository, reference, sha, correlation] = texts;
        let correlation = Some(correlation);
        let mut plan = plan();
        plan.preview.changes[0].write =
            Write::Dispatch { repository, reference, sha, inputs, correlation, page: String::new() };
        plan.digest().to_string()
    };
    let all: BTreeSet<String> = BTreeSet::from([
        of(|_, _| {}),
        of(|texts, _| texts[0].push('x')),
        of(|texts, _| texts[1].push('x')),
        of(|texts, _| texts[2].push('x')),
        of(|texts, _| texts[3].push('x')),
        of(|_, inputs| drop(inputs.insert("network".to_owned(), "mainnet".to_owned()))),
        of(|_, inputs| drop(inputs.insert("note".to_owned(), String::new()))),
    ]);
    assert_eq!(all.len(), 7);
}

#[test]
fn everybody_is_somebody_only_with_a_workspace() {
    let nameless = Actor::Person { user: UserId::new("U0BOB"), team: None };
    assert_eq!(Person::of(&nameless), None);
    assert_eq!(Person::of(&Actor::System), None);
    let bob = Actor::Person { user: UserId::new("U0BOB"), team: Some(TeamId::new(T)) };
    assert_eq!(Person::of(&bob), Some(person("U0BOB")));
    assert!(roster().any(&[Who::OnCall], &person("U0BOB")));
}

proptest! {
    /// Whatever is done to a request in whatever order, it begins only after a yes from somebody else to this very plan.
    #[test]
    fn nothing_begins_without_another_persons_yes(steps in prop::collection::vec((0u8..8, 0usize..5, 0u64..3000), 1..14)) {
        let people = ["U0ANN", "U0BOB", "U0CAT", "U0EVE", "U0ANN"];
        let (policy, roster) = (policy(), roster());
        let mut now = NOW;
        let mut request = request();
        let mut said_yes = BTreeSet::new();
        for (what, who, wait) in steps {
            now = now.plus(Duration::from_secs(wait / 10));
            let by = person(people[who]);
            let digest = if what == 1 { Digest::claimed("00") } else { request.plan.digest() };
            let next = match what {
                0 | 1 => request.clone().approve(&by, &digest, &policy, &roster, now).inspect(|_| said_yes.extend([by.clone()])),
                2 => request.clone().reject(&by, "no", &policy, &roster, now),
                3 => request.clone().withdraw(&by, now),
                4 => request.clone().expire(now).ok_or(Refused::TooLate),
                5 => request.clone().cancel(&by, &policy, &roster, now),
                _ => {
                    let gate = Gate { policy: &policy, roster: &roster, freeze: None, begun: &[], now };
                    let plan = request.plan.clone();
                    Ok(match release(request.clone(), plan, &gate) {
                        Release::Go(request) | Release::Wait(request, _) | Release::Not(request, _) => request,
                    })
                }
            };
            if let Ok(next) = next {
                request = next;
            }
            if under_way(&request).is_some() {
                prop_assert!(said_yes.iter().any(|by| *by != request.asked.by));
                prop_assert!(said_yes.iter().all(|by| by.user.as_str() != "U0EVE"));
            }
        }
    }

    /// No two different plans share a digest because their fields run together.
    #[test]
    fn fields_do_not_run_together(a in "[a-z]{0,6}", b in "[a-z]{0,6}", c in "[a-z]{0,6}", d in "[a-z]{0,6}") {
        let with = |old: &str, new: &str| {
            let mut plan = plan();
            plan.preview.changes[0].old = old.to_owned();
            plan.preview.changes[0].new = new.to_owned();
            plan.digest()
        };
        prop_assert_eq!(with(&a, &b) == with(&c, &d), a == c && b == d);
    }
}

fn signed(id: &str) -> Signed {
    let lasts = Lasts::UntilHeight { last_valid_block_height: 150 };
    Signed { step: 0, id: id.to_owned(), bytes: "00".to_owned(), lasts }
}

#[test]
fn while_a_transaction_may_still_come_no_other_is_taken() {
    let begun = begun(approved()).intend(0, later(21)).attempt(0, Some(signed("a")), later(22));
    let ids = |request: &Request| -> Vec<String> {
        request.state.journal().unwrap().signed_for(0).map(|signed| signed.id.clone()).collect()
    };
    // It is attempted: whoever comes late with another is not heard, and intending again does not open it.
    let again = begun.clone().attempt(0, Some(signed("b")), later(23));
    assert_eq!(ids(&again), ["a"]);
    assert_eq!(again.next(later(24)), Some(Next::Observe(0)));
    let open = again.settle(0, Tried::Unclear, later(25)).attempt(0, Some(signed("b")), later(26));
    assert_eq!(ids(&open), ["a"]);
    // Only when it is known that the first cannot come any more.
    let expired = open.settle(0, Tried::Blocked { why: "expired".to_owned() }, later(90));
    assert_eq!(expired.next(later(90)), Some(Next::Attempt(0)));
    let second = expired.attempt(0, Some(signed("b")), later(91));
    assert_eq!(ids(&second), ["a", "b"]);
    let kept = serde_json::to_string(&second).unwrap();
    assert_eq!(serde_json::from_str::<Request>(&kept).unwrap(), second);
}

#[test]
fn a_journal_from_before_transactions_were_signed_is_still_read() {
    let kept =
        r#"{"steps":[{"step":"attempted","at":1,"tried_at":2}],"verified_at":null,"progress":"","back_now":false}"#;
    let journal: super::journal::Journal = serde_json::from_str(kept).unwrap();
    assert!(journal.signed.is_empty());
}

#[test]
fn money_takes_two_others_and_no_glass_can_be_broken_for_it() {
    let mut asks = request();
    asks.plan.preview.risk = Risk::R3;
    let mut lax = policy();
    (lax.rules[0].quorum, lax.rules[0].on_call) = (Some(1), Some(false));
    asks.plan.policy = lax.version();
    let digest = asks.plan.digest();
    let yes = |request: Request, user: &str| request.approve(&person(user), &digest, &lax, &roster(), later(10));
    let own = yes(asks.clone(), "U0ANN").unwrap_err();
    assert_eq!(own, Refused::Denied(Denied::OwnRequest));
    let one = yes(asks.clone(), "U0BOB").unwrap();
    assert!(matches!(one.state, State::Open { .. }), "a rule that asks for one does not make it one");
    assert!(matches!(yes(one, "U0CAT").unwrap().state, State::Approved { .. }));
    let draft = Draft { id: RequestId::new("01G"), plan: asks.plan.clone(), asked: asked() };
    assert_eq!(draft.break_glass(8, &lax, &roster()).unwrap_err(), Denied::NoGlassForMoney);
    let proof = Proof::BreakGlass { reviewed: None };
    let journal = super::journal::Journal::of(&asks.plan);
    let forged = Request { state: State::Executing { proof, journal, started_at: NOW }, ..asks };
    assert!(under_way(&forged).is_none(), "not from the database either");
    let mut belittled = forged;
    belittled.plan.action = Action::TopUp { amount: sol("1") };
    belittled.plan.preview.risk = Risk::R1;
    assert!(under_way(&belittled).is_none(), "whatever risk stands there");
}
