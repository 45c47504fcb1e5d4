//! The edges of what begins: rates, quiet hours, times, and approvals on record that no longer count.

use super::super::kind::Kind;
use super::super::policy::Rule;
use super::super::request::Approval;
use super::super::testing::{rule, transfer};
use super::*;

/// What becomes of an approved request, in a word, and why.
fn released(request: Request, gate: &Gate) -> (Request, String) {
    let plan = request.plan.clone();
    match release(request, plan, gate) {
        Release::Go(request) => (request, "go".to_owned()),
        Release::Wait(request, why) | Release::Not(request, why) => (request, why),
    }
}

fn riskier() -> Request {
    let mut request = request();
    request.plan.preview.risk = Risk::R2;
    approve(approve(request, "U0BOB").unwrap(), "U0CAT").unwrap()
}

#[test]
fn what_two_approved_begins_with_both_on_record() {
    let running = begun(riskier());
    assert_eq!(running.state.approvals().len(), 2);
    assert!(under_way(&running).is_some());
}

#[test]
fn what_begins_is_the_plan_as_it_was_just_made() {
    let mut rebuilt = plan();
    rebuilt.preview.changes[0].object.resource_version = "101".to_owned();
    rebuilt.preview.warnings.push("Git will win".to_owned());
    let Release::Go(running) = release(approved(), rebuilt.clone(), &gate(&policy(), &roster())) else { panic!() };
    assert_eq!(running.plan, rebuilt);
    assert_eq!(*under_way(&running).unwrap(), rebuilt);
}

#[test]
fn a_payment_begins_at_the_fee_and_the_depth_that_were_approved() {
    let pays = |fee: &str, confirmations| {
        let mut payment = transfer("1");
        (payment.seen.fee, payment.seen.confirmations) = (sol(fee), confirmations);
        let mut plan = plan();
        plan.preview.changes[0].write = Write::Transfer(Box::new(payment));
        plan
    };
    let mut asked = request();
    asked.plan = pays("0.1", 12);
    let rebuilt = release(approve(asked, "U0BOB").unwrap(), pays("0.5", 3), &gate(&policy(), &roster()));
    let Release::Go(running) = rebuilt else { panic!("{rebuilt:?}") };
    let seen = &running.plan.transfer().unwrap().seen;
    assert_eq!((seen.fee, seen.confirmations), (sol("0.1"), 12));
}

#[test]
fn what_is_not_approved_stays_as_it_is() {
    let (policy, roster) = (policy(), roster());
    for (request, state) in
        [(request(), "open"), (begun(approved()), "executing"), (request().expire(later(1800)).unwrap(), "expired")]
    {
        let (same, why) = released(request.clone(), &gate(&policy, &roster));
        assert_eq!((same, why), (request, format!("it is {state}")));
    }
}

#[test]
fn a_rate_counts_what_began_within_it_and_no_more() {
    let roster = roster();
    let within = Span::from_secs(60);
    let rated = |most| Policy { rules: vec![Rule { rate: Some(Rate { most, within }), ..rule() }], ..policy() };
    let now = later(20);
    let (edge, inside) = (now.minus(within.duration()), now.minus(Duration::from_millis(59_999)));
    for (most, begun, goes) in [
        (1, vec![edge], true),
        (1, vec![inside], false),
        (2, vec![inside], true),
        (2, vec![inside, inside], false),
        (2, vec![edge, inside], true),
    ] {
        let policy = rated(most);
        let gate = Gate { begun: &begun, ..gate(&policy, &roster) };
        let why = gate.holds_back(&approved());
        assert_eq!(why.is_none(), goes, "{most} {begun:?}");
        let told = why.unwrap_or_default();
        assert!(goes || told == format!("{most} actions of `pushers` began within 1m, and no more may"), "{told}");
    }
}

#[test]
fn quiet_hours_say_how_long_they_last_and_end_at_their_end() {
    let roster = roster();
    let mut quiet = policy();
    // NOW is 08:00 in UTC.
    quiet.rules[0].quiet_hours =
        serde_json::from_str(r#"[{"times":[{"start_time":"07:00","end_time":"08:05"}]}]"#).unwrap();
    let held = |now| Gate { now, ..gate(&quiet, &roster) }.holds_back(&approved());
    assert_eq!(held(later(60)).as_deref(), Some("quiet hours, for another 4 min"));
    assert_eq!(held(later(300)), None);
    let other = Policy { rules: Vec::new(), ..quiet.clone() };
    assert_eq!(Gate { now: later(60), ..gate(&other, &roster) }.holds_back(&approved()), None, "decided otherwise");
}

#[test]
fn an_approval_on_record_counts_only_while_everything_about_it_holds() {
    type Tamper = fn(&mut Approval);
    let cases: [(&str, Tamper); 4] = [
        ("of another plan", |approval| approval.digest = Digest::claimed("00")),
        ("given at the end of its time", |approval| approval.at = plan().approve_by),
        ("by who asked", |approval| approval.by = person("U0ANN")),
        ("by a stranger of that name", |approval| approval.by.team = TeamId::new("TELSE")),
    ];
    let (policy, roster) = (policy(), roster());
    for (name, tamper) in cases {
        let mut forged = approved();
        if let State::Approved { proof: Proof::Quorum { approvals }, .. } = &mut forged.state {
            tamper(&mut approvals[0]);
        }
        let (open, why) = released(forged, &gate(&policy, &roster));
        assert_eq!(open.state, State::Open { approvals: Vec::new() }, "{name}");
        assert!(why.starts_with("an approval no longer counts"), "{name}: {why}");
    }
}

#[test]
fn one_person_on_record_twice_is_one() {
    let mut forged = riskier();
    if let State::Approved { proof: Proof::Quorum { approvals }, .. } = &mut forged.state {
        approvals[1] = approvals[0].clone();
    }
    let (open, _) = released(forged, &gate(&policy(), &roster()));
    assert!(matches!(&open.state, State::Open { approvals } if approvals.len() == 1));
}

#[test]
fn who_lost_the_right_to_what_a_plan_also_does_no_longer_counts() {
    let (asks, mut policy) = suspending(|_| {});
    let digest = asks.plan.digest();
    let approved = asks.approve(&person("U0BOB"), &digest, &policy, &roster(), later(10)).unwrap();
    let state = |policy: &Policy| released(approved.clone(), &gate(policy, &roster())).0.state.as_str();
    assert_eq!(state(&policy), "executing");
    policy.rules[1].approve.clear();
    assert_eq!(state(&policy), "open");
    policy.rules[1].request.clear();
    assert_eq!(state(&policy), "cancelled", "who asked may not either");
}

#[test]
fn what_nobody_approved_does_not_begin_when_its_right_is_gone() {
    let draft = Draft { id: RequestId::new("01REQ"), plan: plan(), asked: asked() };
    let glass = draft.break_glass(1, &policy(), &roster()).unwrap();
    assert_eq!(glass.state.approvals(), []);
    assert_eq!(*under_way(&begun(glass.clone())).unwrap(), plan());
    let closed = Policy { break_glass: Vec::new(), ..policy() };
    let (open, why) = released(glass, &gate(&closed, &roster()));
    assert_eq!((open.state.as_str(), why), ("open", Denied::NoBreakGlass.to_string()));
}

#[test]
fn a_request_lapses_at_its_time_and_not_before() {
    assert_eq!(request().expire(later(1799)), None);
    assert_eq!(request().expire(later(1800)).unwrap().state, State::Expired { at: later(1800) });
    let approved = approved();
    assert_eq!(approved.begin_by(), Some(later(610)));
    assert_eq!(approved.clone().expire(later(609)), None);
    assert_eq!(approved.expire(later(610)).unwrap().state.as_str(), "expired");
    let running = begun(self::approved());
    assert_eq!((running.begin_by(), running.expire(later(9999))), (None, None));
}

/// A restart for which Kustomization `base` is suspended, and a policy whose second rule is about that.
fn suspending(change_rule: impl FnOnce(&mut Rule)) -> (Request, Policy) {
    let mut request = request();
    let mut suspend = change(Write::Suspend { suspend: true }, "reconciles", "suspended");
    suspend.object.target = "prod/flux-system/Kustomization/base".parse().unwrap();
    request.plan.preview.changes.insert(0, suspend);
    let mut second =
        Rule { name: "flux".to_owned(), actions: vec![Kind::SuspendReconcile], kinds: Vec::new(), ..rule() };
    second.namespaces = vec!["*".to_owned()];
    change_rule(&mut second);
    let mut policy = policy();
    policy.rules.push(second);
    (request, policy)
}

#[test]
fn what_a_plan_does_to_others_takes_what_their_rule_asks_for() {
    let roster = roster();
    for (what, change) in [
        ("more of them", (|rule| rule.quorum = Some(2)) as fn(&mut Rule)),
        ("somebody on call", |rule| rule.on_call = Some(true)),
        ("what its risk takes", |rule| rule.risk = Some(Risk::R2)),
    ] {
        let (request, policy) = suspending(change);
        let yes = |request: Request, user: &str| {
            let digest = request.plan.digest();
            request.approve(&person(user), &digest, &policy, &roster, later(1)).unwrap()
        };
        let one = yes(request, "U0CAT");
        assert_eq!(one.state.as_str(), "open", "{what}");
        let both = yes(one, "U0BOB");
        assert_eq!(both.state.as_str(), "approved", "{what}");
        let gate = gate(&policy, &roster);
        assert_eq!(released(both.clone(), &gate).1, "go", "{what}");
        let State::Approved { proof: Proof::Quorum { mut approvals }, at } = both.state.clone() else { panic!() };
        approvals.truncate(1);
        let less = Request { state: State::Approved { proof: Proof::Quorum { approvals }, at }, ..both };
        assert_ne!(released(less, &gate).1, "go", "{what}: not from the database either");
    }
}

#[test]
fn the_quiet_hours_of_what_is_suspended_hold_it_back_too() {
    let (request, policy) = suspending(|rule| {
        rule.quiet_hours = serde_json::from_str(r#"[{"times":[{"start_time":"07:00","end_time":"09:00"}]}]"#).unwrap();
    });
    let (digest, roster) = (request.plan.digest(), roster());
    let approved = request.approve(&person("U0BOB"), &digest, &policy, &roster, later(1)).unwrap();
    assert!(gate(&policy, &roster).holds_back(&approved).unwrap().starts_with("quiet hours"));
}
