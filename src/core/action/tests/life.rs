//! A request's life by what may be asked of each of its states.

use super::*;

/// Every state, by its name.
fn everywhere() -> Vec<(&'static str, Request)> {
    let open = request;
    let running = || begun(approved());
    let tried = || running().intend(0, later(21)).attempt(0, None, later(22));
    let settled = |tried_: Tried| tried().settle(0, tried_, later(23));
    let well = settled(Tried::Succeeded { note: String::new() }).verified(None, later(24));
    let mut moved = plan();
    moved.target.name = "pusher2".to_owned();
    let Release::Not(stale, _) = release(approved(), moved, &gate(&policy(), &roster())) else { panic!() };
    vec![
        ("open", open()),
        ("approved", approved()),
        ("executing", running()),
        ("succeeded", well),
        ("failed", settled(Tried::Failed { why: String::new() })),
        ("unknown", settled(Tried::Unknown { why: String::new() })),
        ("stale", stale),
        ("rejected", open().reject(&person("U0BOB"), "no", &policy(), &roster(), later(1)).unwrap()),
        ("withdrawn", open().withdraw(&person("U0ANN"), later(1)).unwrap()),
        ("expired", open().expire(later(1800)).unwrap()),
        ("cancelled", running().cancel(&person("U0ANN"), &policy(), &roster(), later(30)).unwrap()),
    ]
}

#[test]
fn each_state_has_its_name_and_takes_only_what_fits_it() {
    let (ann, bob) = (person("U0ANN"), person("U0BOB"));
    for (name, request) in everywhere() {
        let state = &request.state;
        assert_eq!(state.as_str(), name);
        assert_eq!(serde_json::to_value(state).unwrap()["state"], name, "as in the store");
        let (open, runs) = (["open", "approved"].contains(&name), name == "executing");
        assert_eq!(state.over(), !open && !runs, "{name}");
        assert_eq!(request.next(later(31)).is_some(), runs, "{name}");
        assert_eq!(request.clone().withdraw(&ann, later(31)).is_ok(), open, "{name}");
        let again = || request.clone();
        assert_eq!(again().reject(&bob, "no", &policy(), &roster(), later(31)).is_ok(), open, "{name}");
        assert_eq!(again().cancel(&bob, &policy(), &roster(), later(31)).is_ok(), runs, "{name}");
        assert_eq!(again().back_now(&bob, &policy(), &roster()).is_ok(), runs, "{name}");
        assert!(again().review(&bob, &policy(), &roster(), later(31)).is_err(), "{name}: it was approved");
        let void = again().void("it is gone", later(31));
        let cancelled = State::Cancelled { by: Actor::System, why: "it is gone".into(), journal: None, at: later(31) };
        assert_eq!(void.state, if open { cancelled } else { state.clone() }, "{name}");
    }
}

#[test]
fn a_state_tells_what_it_rests_on_and_what_was_done() {
    for (name, request) in everywhere() {
        let state = &request.state;
        let proven = ["approved", "executing", "succeeded", "failed", "unknown"].contains(&name);
        let written = ["executing", "succeeded", "failed", "unknown", "cancelled"].contains(&name);
        assert_eq!(state.proof().is_some(), proven, "{name}");
        assert_eq!(state.journal().map(|journal| journal.steps.len()), written.then_some(1), "{name}");
        let by: Vec<_> = state.approvals().iter().map(|approval| approval.by.user.as_str()).collect();
        assert_eq!(by, if proven { vec!["U0BOB"] } else { vec![] }, "{name}");
    }
    let mut open = request();
    open.plan.preview.risk = Risk::R2;
    assert_eq!(approve(open, "U0CAT").unwrap().state.approvals().len(), 1, "those so far");
}

#[test]
fn who_may_not_stop_it_may_not_call_it_back_either() {
    let running = begun(approved());
    let back = |user: &str| running.clone().back_now(&person(user), &policy(), &roster());
    assert!(matches!(back("U0EVE"), Err(Refused::Denied(Denied::MayNotApprove(_)))));
    for user in ["U0ANN", "U0BOB"] {
        assert!(back(user).unwrap().state.journal().unwrap().back_now, "{user}");
    }
    let mut lax = policy();
    lax.rules[0].approve.clear();
    assert!(running.clone().back_now(&person("U0ANN"), &lax, &roster()).is_ok(), "their own, approver or not");
    assert!(running.cancel(&person("U0ANN"), &lax, &roster(), later(30)).is_ok());
}

#[test]
fn who_stopped_it_is_on_record_with_their_workspace() {
    let stopped = begun(approved()).cancel(&person("U0BOB"), &policy(), &roster(), later(30)).unwrap();
    let bob = Actor::Person { user: UserId::new("U0BOB"), team: Some(TeamId::new(T)) };
    assert!(matches!(stopped.state, State::Cancelled { by, .. } if by == bob));
}

#[test]
fn a_review_is_on_record_wherever_it_ended() {
    let bob = person("U0BOB");
    for came in [Tried::Failed { why: String::new() }, Tried::Unknown { why: String::new() }] {
        let draft = Draft { id: RequestId::new("01REQ"), plan: plan(), asked: asked() };
        let glass = begun(draft.break_glass(1, &policy(), &roster()).unwrap());
        assert!(glass.clone().review(&bob, &policy(), &roster(), later(22)).is_err(), "it is not over");
        let over = done(glass, 0, came, 23);
        assert!(over.clone().review(&person("U0EVE"), &policy(), &roster(), later(30)).is_err());
        let reviewed = over.review(&bob, &policy(), &roster(), later(30)).unwrap();
        let kept = Proof::BreakGlass { reviewed: Some((bob.clone(), later(30))) };
        assert_eq!(reviewed.state.proof(), Some(&kept));
    }
}

#[test]
fn a_request_whose_rule_is_gone_needs_more_than_anybody_can_give() {
    let needs = request().needs(&policy());
    assert_eq!((needs.quorum, needs.on_call), (1, false));
    let gone = request().needs(&Policy::default());
    assert_eq!((gone.quorum, gone.on_call), (u32::MAX, true));
}
