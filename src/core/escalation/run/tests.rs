use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::core::escalation::policy::{Policy, Step, Target};
use crate::core::group::{Delivery, GroupState};
use crate::core::label::Labels;
use crate::core::time::Span;

const NOW: Timestamp = Timestamp::from_secs(1_795_521_600);

fn at(secs: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(secs))
}

fn group(severity: Severity) -> Group {
    Group {
        id: GroupId::new("01J"),
        number: 1,
        receiver: "default".to_owned(),
        labels: Labels::default(),
        alerts: BTreeSet::new(),
        severity,
        opened_at: NOW,
        acknowledged: None,
        state: GroupState::Notified { first_at: NOW, last_at: NOW, repeat_at: at(9999), flush_at: None },
        delivery: Delivery::default(),
    }
}

fn policy(waits: &[u64], repeat: u32) -> Policy {
    let step = |secs: &u64| Step { targets: vec![Target::Channel("here".to_owned())], wait: Span::from_secs(*secs) };
    Policy { name: "feeds".to_owned(), after: Span::from_secs(60), steps: waits.iter().map(step).collect(), repeat }
}

fn plan(policy: &Policy) -> Plan<'_> {
    Plan { policy, hours: None }
}

fn ann() -> Standing {
    Standing::Acknowledged { by: Actor::Person { user: UserId::new("U0ANN"), team: None } }
}

/// Every step taken up to `until` when nobody acknowledges: (secs, round, step).
fn played(policy: &Policy, until: u64) -> (Vec<(u64, u32, usize)>, Run) {
    let mut run = Run::begin(&group(Severity::Warning), plan(policy), NOW);
    let mut turns = Vec::new();
    for secs in 0..=until {
        let (next, turn) = run.take(plan(policy), at(secs));
        turns.extend(turn.map(|turn| (secs, turn.position.round, turn.position.step)));
        run = next;
    }
    (turns, run)
}

#[test]
fn steps_come_in_their_time_and_again_and_then_it_is_at_its_end() {
    let (turns, run) = played(&policy(&[300, 600], 1), 3000);
    assert_eq!(turns, [(60, 0, 0), (360, 0, 1), (960, 1, 0), (1260, 1, 1)]);
    assert_eq!(run.stage, Stage::Exhausted { next: Position { round: 2, step: 0 }, at: at(1860) });
}

#[test]
fn whoever_attends_to_it_stops_it_and_letting_go_begins_anew() {
    let policy = policy(&[300, 600], 0);
    let group = group(Severity::Warning);
    let (_, run) = played(&policy, 100);
    let stopped = run.follow(&group, &ann(), Some(plan(&policy)), at(120));
    assert!(matches!(&stopped.stage, Stage::Stopped { why: Stop::Acknowledged { .. }, .. }), "{stopped:?}");
    assert_eq!(stopped.clone().take(plan(&policy), at(9999)).1, None);
    let again = stopped.follow(&group, &ann(), Some(plan(&policy)), at(200));
    assert!(matches!(&again.stage, Stage::Stopped { at: since, .. } if *since == at(120)), "stopped once: {again:?}");
    let anew = again.follow(&group, &Standing::Unattended, Some(plan(&policy)), at(400));
    assert_eq!((anew.next(), anew.due_at()), (Position::default(), Some(at(460))));
}

#[test]
fn what_silences_mutes_or_resolves_stops_it_as_well() {
    let policy = policy(&[300], 0);
    for standing in [Standing::Resolved, Standing::Suppressed, Standing::Muted] {
        let run = Run::begin(&group(Severity::Warning), plan(&policy), NOW);
        let stopped = run.follow(&group(Severity::Warning), &standing, Some(plan(&policy)), at(10));
        assert_eq!(stopped.due_at(), None, "{standing:?}");
    }
    let run = Run::begin(&group(Severity::Warning), plan(&policy), NOW);
    assert_eq!(run.follow(&group(Severity::Warning), &Standing::Unattended, None, at(10)).due_at(), None);
}

#[test]
fn how_it_ends_is_told_also_when_no_rule_fits_any_more() {
    let policy = policy(&[300], 0);
    let group = group(Severity::Warning);
    let run = Run::begin(&group, plan(&policy), NOW);
    let unruled = run.follow(&group, &Standing::Unattended, None, at(10));
    assert!(matches!(unruled.stage, Stage::Stopped { why: Stop::Unruled, .. }), "{unruled:?}");
    let over = unruled.follow(&group, &Standing::Resolved, None, at(20));
    assert!(matches!(over.stage, Stage::Stopped { why: Stop::Resolved, .. }), "{over:?}");
}

#[test]
fn a_page_that_cannot_be_delivered_hastens_the_next_step_unless_others_were_told() {
    let user = |id: &str| UserId::new(id);
    let told = |user: &UserId| Page::Person { user: user.clone(), at: at(60) };
    let people = || Step { targets: vec![Target::User(user("U0ANN"))], wait: Span::from_secs(300) };
    let alone = Policy { steps: vec![people(), people()], ..policy(&[300], 0) };
    let (mut run, _) = Run::begin(&group(Severity::Warning), plan(&alone), NOW).take(plan(&alone), at(60));
    run.pages.extend([told(&user("U0ANN")), told(&user("U0BOB"))]);
    let one = run.clone().missed(&user("U0ANN"), at(60), &alone, at(70));
    assert_eq!((one.due_at(), one.pages.len()), (Some(at(360)), 1), "the other has their time");
    let both = one.missed(&user("U0BOB"), at(60), &alone, at(80));
    assert_eq!((both.due_at(), both.pages.len()), (Some(at(80)), 0));
    assert_eq!(both.clone().missed(&user("U0BOB"), at(60), &alone, at(90)), both, "said twice");
    let (later, _) = both.take(plan(&alone), at(80));
    assert_eq!(later.clone().missed(&user("U0ANN"), at(60), &alone, at(90)), later, "of an earlier step");
    let mut mention = alone.clone();
    mention.steps[0].targets.push(Target::Channel("here".to_owned()));
    run.pages.remove(&told(&user("U0BOB")));
    let run = run.missed(&user("U0ANN"), at(60), &mention, at(70));
    assert_eq!(run.due_at(), Some(at(360)), "the channel was told");
}

#[test]
fn working_hours_are_hours_of_the_wall_clock_also_when_clocks_change() {
    let policy = policy(&[3600], 3);
    // Europe/Berlin changes its clocks on Sunday, 25 October 2026, and on Sunday, 28 March 2027, at 1:00 UTC.
    let hours = "Europe/Berlin;0900-1800,0900-1800,0900-1800,0900-1800,0900-1800,C,C".parse().unwrap();
    for (friday, monday) in
        [("2026-10-23T18:30:00Z", "2026-10-26T08:00:00Z"), ("2027-03-26T18:30:00Z", "2027-03-29T07:00:00Z")]
    {
        let at = |text: &str| Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        let held = Plan { policy: &policy, hours: Some(&hours) };
        let run = Run::begin(&group(Severity::Warning), held, at(friday));
        assert_eq!(run.due_at(), Some(at(monday)), "{friday}");
    }
}

#[test]
fn worse_after_the_last_step_begins_anew_and_worse_before_it_goes_on() {
    let policy = policy(&[300], 0);
    let (_, done) = played(&policy, 400);
    assert!(matches!(done.stage, Stage::Exhausted { .. }));
    let same = done.clone().follow(&group(Severity::Warning), &Standing::Unattended, Some(plan(&policy)), at(500));
    assert_eq!(same, done);
    let worse = done.follow(&group(Severity::Critical), &Standing::Unattended, Some(plan(&policy)), at(500));
    assert_eq!(worse.due_at(), Some(at(560)));
    let (_, running) = played(&policy, 100);
    let kept = running.clone().follow(&group(Severity::Critical), &Standing::Unattended, Some(plan(&policy)), at(100));
    assert_eq!(kept.stage, running.stage);
    let (done, _) = kept.take(plan(&policy), at(360));
    let after = done.clone().follow(&group(Severity::Critical), &Standing::Unattended, Some(plan(&policy)), at(500));
    assert_eq!(after, done, "the last step was taken when it was critical already");
}

#[test]
fn steps_missed_while_nothing_ran_do_not_come_all_at_once() {
    let policy = policy(&[300, 300, 300], 0);
    let run = Run::begin(&group(Severity::Warning), plan(&policy), NOW);
    let (run, turn) = run.take(plan(&policy), at(3600));
    assert_eq!(turn.unwrap().due_at, at(60), "so it can say how late it is");
    assert_eq!(run.due_at(), Some(at(3900)));
}

#[test]
fn outside_working_hours_a_step_waits_until_they_begin() {
    let policy = policy(&[300], 0);
    // NOW is a Tuesday noon.
    let hours = "UTC;0900-1200,0900-1200,1000-1200,O,O,C,C".parse().unwrap();
    let run = Run::begin(&group(Severity::Warning), Plan { policy: &policy, hours: Some(&hours) }, NOW);
    assert_eq!(run.due_at(), Some(at(22 * 3600)));
    let always = run.follow(&group(Severity::Critical), &Standing::Unattended, Some(plan(&policy)), at(100));
    assert_eq!(always.due_at(), Some(at(60)), "worse, and no longer held by working hours");
}

#[test]
fn asking_takes_the_next_step_at_once_whatever_stopped_it() {
    let policy = policy(&[300, 600], 0);
    let run = Run::begin(&group(Severity::Warning), plan(&policy), NOW);
    let (run, turn) = run.hurry(plan(&policy), at(5));
    assert_eq!((turn.position.step, run.due_at()), (0, Some(at(305))));
    let stopped = run.follow(&group(Severity::Warning), &ann(), Some(plan(&policy)), at(10));
    let (stopped, turn) = stopped.hurry(plan(&policy), at(20));
    assert_eq!((turn.position.step, stopped.due_at()), (1, None));
    let (_, done) = played(&policy, 2000);
    let (more, turn) = done.hurry(plan(&policy), at(2000));
    assert_eq!(turn.position, Position { round: 1, step: 0 });
    let (more, turn) = more.take(plan(&policy), at(2300));
    assert_eq!(turn.unwrap().position, Position { round: 1, step: 1 });
    assert!(matches!(more.take(plan(&policy), at(2900)).0.stage, Stage::Exhausted { .. }));
}

#[test]
fn a_step_that_reached_nobody_is_followed_at_once_but_a_round_is_not_repeated_in_haste() {
    let policy = policy(&[300, 600], 1);
    let (run, _) = Run::begin(&group(Severity::Warning), plan(&policy), NOW).take(plan(&policy), at(60));
    let (run, turn) = run.unreached(at(60)).take(plan(&policy), at(60));
    assert_eq!(turn.unwrap().position.step, 1);
    assert_eq!(run.unreached(at(60)).due_at(), Some(at(660)));
}

#[test]
fn a_reload_that_leaves_fewer_steps_or_shorter_waits_is_followed() {
    let (_, run) = played(&policy(&[300, 600, 600], 1), 400);
    assert_eq!(run.next().step, 2);
    let fewer = policy(&[60], 1);
    let run = run.follow(&group(Severity::Warning), &Standing::Unattended, Some(plan(&fewer)), at(400));
    assert_eq!(run.due_at(), Some(at(460)));
    assert_eq!(run.take(plan(&fewer), at(460)).1.unwrap().position, Position { round: 1, step: 0 });
}

#[test]
fn what_was_stored_goes_on_as_it_would_have() {
    let (_, run) = played(&policy(&[300, 600], 1), 400);
    let stored = serde_json::to_string(&run).unwrap();
    assert_eq!(serde_json::from_str::<Run>(&stored).unwrap(), run);
}

proptest! {
    /// However people come and go: nobody is told while somebody is on it, and every unattended alert is told of in time.
    #[test]
    fn nobody_is_told_while_somebody_is_on_it_and_nothing_is_forgotten(
        events in prop::collection::vec((0u64..200, 0usize..4), 1..40),
    ) {
        let policy = policy(&[120, 90], 2);
        let group = group(Severity::Warning);
        let standings = [Standing::Unattended, ann(), Standing::Suppressed, Standing::Unattended];
        let mut run = Run::begin(&group, plan(&policy), NOW);
        let (mut secs, mut alone) = (0, 0);
        for (wait, which) in events {
            let standing = &standings[which];
            for _ in 0..wait {
                secs += 1;
                run = run.follow(&group, standing, Some(plan(&policy)), at(secs));
                let (next, turn) = run.take(plan(&policy), at(secs));
                run = next;
                if *standing == Standing::Unattended { alone += 1 } else { alone = 0 }
                prop_assert!(turn.is_none() || *standing == Standing::Unattended);
                if turn.is_some() { alone = 0 }
                let over = matches!(run.stage, Stage::Exhausted { .. });
                prop_assert!(over || alone <= 121, "alone for {alone} s: {run:?}");
            }
        }
    }
}
