//! Grouping, the three intervals, worse and repeat, routes.

use super::*;

fn value(labels: Labels, text: &str) -> Signal {
    let condition = Condition::Active(Evidence { value: text.to_owned(), ..Evidence::default() });
    Signal { condition, ..on(labels, Severity::Warning) }
}

#[test]
fn five_hundred_alerts_are_one_message() {
    let mut world = World::new(Policy::default());
    let inputs = (0..500).map(|n| Input::Signal(on(stale(&n.to_string()), Severity::Critical))).collect();
    assert_eq!(world.decide(inputs), []);
    says!(world, world.pass(10), ["New #1", "opened 500 #1"]);
    assert_eq!(world.engine.members(world.group()).len(), 500);
}

#[test]
fn a_group_that_resolves_before_its_first_flush_never_posts() {
    let mut world = World::new(Policy::default());
    world.signal(sol());
    world.pass(9);
    assert_eq!(world.signal(off(stale("SOL"))), []);
    assert_eq!(world.pass(36_000), []);
    assert_eq!(world.records, [""; 0]);
}

#[test]
fn joins_and_leaves_are_told_together_once_an_interval() {
    let mut world = World::new(Policy::default());
    world.signal(sol());
    world.pass(15);
    world.signal(btc());
    world.pass(15);
    world.signal(on(stale("ETH"), Severity::Warning));
    world.signal(off(stale("SOL")));
    assert_eq!(world.pass(39), []);
    says!(world, world.pass(1), ["New #1", "joined 2 #1", "left 1 #1"]);
    world.signal(off(stale("BTC")));
    says!(world, world.pass(60), ["Quiet #1", "left 1 #1"]);
    says!(world, world.signal(off(stale("ETH"))), ["Quiet #1", "resolved after 2m10s #1"]);
}

#[test]
fn new_values_edit_quietly_and_not_too_often() {
    let mut world = World::new(Policy::default());
    world.signal(sol());
    world.pass(10);
    let mut edits = Vec::new();
    for second in 0..60 {
        edits.extend(world.signal(value(stale("SOL"), &format!("{second} s"))));
        edits.extend(world.pass(1));
    }
    says!(world, edits, ["Quiet #1", "Quiet #1"]);
}

#[test]
fn an_unacknowledged_group_comes_up_again_and_an_acknowledged_one_does_not() {
    let mut world = World::new(Policy::default());
    world.signal(sol());
    world.pass(10);
    says!(world, world.pass(4 * 3600), ["Repeat #1", "repeated after 4h10s #1"]);
    says!(world, world.acknowledge(), ["acknowledged by UADA #1", "Quiet #1"]);
    assert_eq!(world.pass(24 * 3600), []);
    let group = world.group().id.clone();
    let back = world.decide(vec![Input::Unacknowledge { group, by: ada() }]);
    says!(world, back, ["unacknowledged by UADA #1", "Quiet #1"]);
    says!(world, world.pass(4 * 3600), ["Repeat #1", "repeated after 1d8h10s #1"]);
}

#[test]
fn worse_in_an_acknowledged_group_waits_for_company_only_and_clears_the_acknowledgement() {
    let mut world = World::new(Policy::default());
    world.signal(sol());
    world.pass(12);
    world.acknowledge();
    world.signal(btc());
    world.signal(on(stale("ETH"), Severity::Critical));
    says!(world, world.pass(10), ["Worse #1", "critical, unacknowledged #1", "joined 2 #1"]);
    assert_eq!((world.group().severity, world.group().acknowledged.as_ref()), (Severity::Critical, None));
}

#[test]
fn more_of_the_same_in_an_acknowledged_group_is_quiet() {
    let mut world = World::new(Policy::default());
    world.signal(sol());
    world.pass(12);
    world.acknowledge();
    world.signal(btc());
    says!(world, world.pass(100), ["Quiet #1", "joined 1 #1"]);
}

#[test]
fn the_same_alert_getting_worse_is_worse() {
    let mut world = World::new(Policy::default());
    world.signal(sol());
    world.pass(12);
    world.signal(on(stale("SOL"), Severity::Critical));
    says!(world, world.pass(10), ["Worse #1", "critical #1"]);
}

#[test]
fn firing_again_after_all_resolved_is_a_new_group() {
    let mut world = World::new(Policy::default());
    world.signal(sol());
    world.pass(12);
    world.signal(off(stale("SOL")));
    world.signal(sol());
    says!(world, world.pass(12), ["New #2", "opened 1 #2"]);
    assert_eq!(world.records[0], "alert.fired alert/1 by watchkeeper");
    assert_eq!(world.records[1], "alert.resolved alert/1 by watchkeeper");
}

fn two_routes() -> Policy {
    let mut policy = Policy::default();
    let pager = Route {
        matchers: vec![Matcher::equal("symbol", "SOL")],
        receiver: Some("pager".to_owned()),
        group_by: Some(vec!["symbol".to_owned()]),
        go_on: true,
        ..Route::default()
    };
    let all = Route { receiver: Some("feeds".to_owned()), ..Route::default() };
    policy.root.routes = vec![pager, all];
    policy
}

#[test]
fn an_alert_on_two_routes_is_in_two_groups() {
    let mut world = World::new(two_routes());
    world.decide(vec![Input::Signal(sol()), Input::Signal(btc())]);
    says!(world, world.pass(10), ["New #1", "opened 1 #1", "New #2", "opened 2 #2"]);
    let receivers: Vec<_> = world.engine.open_groups().map(|group| group.receiver.as_str()).collect();
    assert_eq!(receivers, ["pager", "feeds"]);
    says!(
        world,
        world.decide(vec![Input::Signal(off(stale("SOL"))), Input::Signal(off(stale("BTC")))]),
        ["Quiet #1", "resolved after 10s #1", "Quiet #2", "resolved after 10s #2"]
    );
}

#[test]
fn after_a_reload_open_groups_keep_their_message_and_new_alerts_take_the_new_routes() {
    let mut world = World::new(Policy::default());
    world.signal(sol());
    world.pass(10);
    world.engine.set_policy(two_routes());
    world.signal(btc());
    assert_eq!(world.engine.open_groups().count(), 2);
    says!(world, world.signal(off(stale("SOL"))), ["Quiet #1", "resolved after 10s #1"]);
    world.signal(sol());
    let receivers: Vec<_> = world.engine.open_groups().map(|group| group.receiver.as_str()).collect();
    assert_eq!(receivers, ["feeds", "pager"]);
}

#[test]
fn an_explanation_names_the_route_the_group_and_its_history() {
    let mut world = World::new(two_routes());
    world.signal(sol());
    world.pass(10);
    let told_at = world.now;
    let why = world.engine.explain(&Target::Alert(stale("SOL").fingerprint()), world.now).unwrap();
    let paths: Vec<_> = why.alerts[0].routes.iter().map(|route| route.path.join(" > ")).collect();
    assert_eq!(paths, [r#"{} > {symbol="SOL"}"#, "{} > {}"]);
    assert_eq!(why.groups.len(), 2);
    let history: Vec<_> = why.groups[0].group.delivery.history.iter().map(|n| (n.at, n.attention)).collect();
    assert_eq!(history, [(told_at, Attention::New)]);
    assert_eq!(why.groups[0].next_at, Some(told_at.plus(std::time::Duration::from_hours(4))));
    assert_eq!(world.engine.explain(&Target::Group(GroupId::new("gone")), world.now), None);
}

#[test]
fn a_restart_has_the_same_deadline_and_says_the_same() {
    let mut world = World::new(two_routes());
    world.decide(vec![Input::Signal(sol()), Input::Signal(btc())]);
    world.pass(5);
    let reborn = world.restarted();
    assert_eq!(reborn.next_deadline(), world.engine.next_deadline());
    world.engine = reborn;
    says!(world, world.pass(10), ["New #1", "opened 1 #1", "New #2", "opened 2 #2"]);
}
