//! pending → firing → resolved, flapping, and what is kept.

use super::*;
use crate::core::alert::AlertState;

fn with_for(signal: Signal, pending: u64, keep: u64) -> Signal {
    Signal { pending_for: Span::from_secs(pending), keep_firing_for: Span::from_secs(keep), ..signal }
}

#[test]
fn a_pending_alert_that_clears_vanishes_without_a_word() {
    let mut world = World::new(Policy::default());
    world.signal(with_for(sol(), 60, 0));
    assert_eq!(world.pass(59), []);
    assert_eq!(world.signal(off(stale("SOL"))), []);
    assert_eq!(world.pass(3600), []);
    assert_eq!((world.engine.alerts().count(), world.stored.alerts.len()), (0, 0));
}

#[test]
fn an_alert_fires_after_its_for_and_resolves_after_its_keep_firing_for() {
    let mut world = World::new(Policy::default());
    world.signal(with_for(sol(), 60, 30));
    says!(world, world.pass(70), ["New #1", "opened 1 #1"]);
    world.signal(off(stale("SOL")));
    assert_eq!(world.pass(29), []);
    world.signal(with_for(sol(), 60, 30));
    assert_eq!(world.pass(300), []);
    world.signal(off(stale("SOL")));
    says!(world, world.pass(30), ["Quiet #1", "resolved after 7m9s #1"]);
}

#[test]
fn an_alert_that_keeps_changing_is_one_message_until_it_is_quiet() {
    let flap = FlapPolicy { changes: 4, ..FlapPolicy::default() };
    let mut world = World::new(Policy { flap, ..Policy::default() });
    world.signal(sol());
    says!(world, world.pass(30), ["New #1", "opened 1 #1"]);
    says!(world, world.signal(off(stale("SOL"))), ["Quiet #1", "resolved after 30s #1"]);
    world.signal(sol());
    says!(world, world.pass(30), ["New #2", "opened 1 #2"]);
    says!(world, world.signal(off(stale("SOL"))), ["flapping #2"]);
    says!(world, world.pass(10), ["Quiet #2"]);
    for _ in 0..10 {
        let mut effects = world.signal(sol());
        effects.extend(world.pass(30));
        effects.extend(world.signal(off(stale("SOL"))));
        effects.extend(world.pass(30));
        assert_eq!(effects, []);
    }
    let alert = world.engine.alert(stale("SOL").fingerprint()).unwrap();
    assert!(alert.firing() && alert.flapping_since.is_some() && alert.transitions.len() <= 4);
    says!(world, world.pass(600), ["steady #2", "Quiet #2", "resolved after 20m10s #2"]);
    world.signal(sol());
    says!(world, world.pass(30), ["New #3", "opened 1 #3"]);
    says!(world, world.signal(off(stale("SOL"))), ["Quiet #3", "resolved after 30s #3"]);
}

#[test]
fn a_condition_that_comes_and_goes_within_its_for_leaves_the_last_episode_as_it_was() {
    let mut world = World::new(Policy::default());
    world.signal(sol());
    world.pass(60);
    world.signal(off(stale("SOL")));
    let before = world.engine.alert(stale("SOL").fingerprint()).unwrap().state.clone();
    world.signal(with_for(sol(), 60, 0));
    world.pass(10);
    world.signal(off(stale("SOL")));
    assert_eq!(world.engine.alert(stale("SOL").fingerprint()).unwrap().state, before);
    assert!(matches!(before, AlertState::Resolved { .. }));
}

#[test]
fn what_is_over_is_forgotten_after_a_while() {
    let mut world = World::new(Policy::default());
    world.signal(sol());
    world.pass(60);
    world.signal(off(stale("SOL")));
    world.pass(3599);
    assert!(world.engine.group_by_number(1).is_some());
    world.pass(2);
    assert_eq!(world.engine.group_by_number(1), None);
    assert_eq!((world.engine.alerts().count(), world.stored.alerts.len()), (0, 0));
    assert_eq!(world.engine.next_deadline(), None);
    world.signal(sol());
    assert_eq!(world.group().number, 2);
}

#[test]
fn the_hot_path_skips_only_what_changes_nothing() {
    let mut world = World::new(Policy::default());
    assert!(!world.engine.wants(&off(stale("SOL"))));
    assert!(world.engine.wants(&sol()));
    world.signal(sol());
    assert!(!world.engine.wants(&sol()));
    assert!(world.engine.wants(&on(stale("SOL"), Severity::Critical)));
    let later = Condition::Active(Evidence { value: "95 s".to_owned(), ..Evidence::default() });
    assert!(world.engine.wants(&Signal { condition: later, ..sol() }));
    assert!(world.engine.wants(&off(stale("SOL"))));
}

#[test]
fn a_clock_that_jumps_neither_storms_nor_loses() {
    let mut world = World::new(Policy::default());
    let hour = std::time::Duration::from_hours(1);
    world.signal(sol());
    world.now = world.now.plus(hour * 24 * 30);
    says!(world, world.decide(vec![Input::Tick]), ["New #1", "opened 1 #1"]);
    world.signal(with_for(btc(), 60, 0));
    world.now = world.now.minus(hour * 24 * 30);
    assert_eq!(world.decide(vec![Input::Tick]), []);
    says!(world, world.pass(120), ["New #1", "joined 1 #1"]);
    says!(world, world.pass(4 * 3600), ["Repeat #1", "repeated after 4h1m10s #1"]);
    assert!(world.group().opened_at <= world.now);
}
