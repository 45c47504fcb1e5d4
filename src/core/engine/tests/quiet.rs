//! Inhibition and mute intervals.

use super::*;

fn outage() -> Signal {
    on(Labels::default().with(ALERTNAME, "SourceDown").with("source", "hermes"), Severity::Critical)
}

fn from_hermes(symbol: &str) -> Signal {
    on(stale(symbol).with("source", "hermes"), Severity::Warning)
}

fn rule() -> InhibitRule {
    InhibitRule {
        source_matchers: vec![Matcher::equal(ALERTNAME, "SourceDown")],
        target_matchers: vec![Matcher::equal(ALERTNAME, "FeedStale")],
        equal: vec!["source".to_owned()],
    }
}

fn inhibiting() -> Policy {
    Policy { inhibit: vec![rule()], ..Policy::default() }
}

#[test]
fn an_outage_is_one_alert_and_its_feeds_are_quiet_until_it_is_over() {
    let mut world = World::new(inhibiting());
    world.decide(vec![Input::Signal(from_hermes("SOL")), Input::Signal(from_hermes("BTC")), Input::Signal(outage())]);
    world.signal(on(stale("ETH").with("source", "pro"), Severity::Warning));
    says!(world, world.pass(3600), ["New #1", "opened 1 #1", "New #2", "opened 1 #2"]);
    let why = world.engine.explain(&Target::Alert(from_hermes("SOL").labels.fingerprint()), world.now).unwrap();
    let inhibitor = Inhibitor { rule: 0, alert: outage().labels.fingerprint() };
    assert_eq!(why.alerts[0].suppression.inhibited_by, Some(inhibitor));
    world.signal(off(outage().labels));
    world.signal(off(from_hermes("SOL").labels));
    says!(world, world.pass(10), ["New #1", "joined 1 #1"]);
}

#[test]
fn an_outage_found_after_its_feeds_takes_them_off_the_message_quietly() {
    let mut world = World::new(inhibiting());
    world.signal(from_hermes("SOL"));
    world.pass(40);
    says!(world, world.signal(outage()), ["Quiet #1"]);
    says!(world, world.pass(10), ["New #2", "opened 1 #2"]);
    says!(world, world.signal(off(from_hermes("SOL").labels)), ["Quiet #1", "resolved after 50s #1"]);
}

#[test]
fn no_alert_inhibits_itself_and_no_two_inhibit_each_other() {
    let both = vec!["alertname=~\".+\"".parse::<Matcher>().unwrap()];
    let inhibit = vec![InhibitRule { source_matchers: both.clone(), target_matchers: both, equal: vec![] }];
    let mut world = World::new(Policy { inhibit, ..Policy::default() });
    world.decide(vec![Input::Signal(sol()), Input::Signal(btc())]);
    says!(world, world.pass(10), ["New #1", "opened 2 #1"]);
}

#[test]
fn a_reload_that_drops_an_inhibition_loses_no_alert() {
    let mut world = World::new(inhibiting());
    world.decide(vec![Input::Signal(outage()), Input::Signal(from_hermes("SOL"))]);
    says!(world, world.pass(3600), ["New #1", "opened 1 #1"]);
    world.engine.set_policy(Policy::default());
    says!(world, world.pass(10), ["New #2", "opened 1 #2"]);
}

fn muted(start: &str, end: &str) -> Policy {
    let mut policy = Policy::default();
    let times = format!("- times: [{{start_time: '{start}', end_time: '{end}'}}]");
    policy.mute_time_intervals.insert("maintenance".to_owned(), serde_saphyr::from_str(&times).unwrap());
    policy.root.mute_time_intervals = vec!["maintenance".to_owned()];
    policy
}

#[test]
fn a_muted_group_holds_its_message_until_the_interval_ends() {
    let mut world = World::new(muted("08:00", "09:00"));
    world.signal(sol());
    assert_eq!(world.pass(3599), []);
    let why = world.engine.explain(&Target::Group(world.group().id.clone()), world.now).unwrap();
    assert_eq!(why.groups[0].muted_by.as_deref(), Some("maintenance"));
    says!(world, world.pass(1), ["New #1", "opened 1 #1"]);
}

#[test]
fn muting_holds_joins_and_repeats_but_not_the_quiet_edits() {
    let mut world = World::new(muted("08:01", "20:00"));
    world.signal(sol());
    says!(world, world.pass(100), ["New #1", "opened 1 #1"]);
    world.signal(btc());
    says!(world, world.pass(11 * 3600), ["Quiet #1"]);
    says!(world, world.signal(off(stale("SOL"))), ["Quiet #1"]);
    says!(world, world.pass(3600), ["New #1", "joined 1 #1", "left 1 #1"]);
}

#[test]
fn a_machine_that_slept_from_one_muted_night_into_the_next_waits_for_its_end() {
    let mut world = World::new(muted("08:00", "09:00"));
    world.signal(sol());
    world.pass(60);
    world.now = world.now.plus(std::time::Duration::from_hours(24));
    assert_eq!(world.decide(vec![Input::Tick]), []);
    says!(world, world.pass(3600), ["New #1", "opened 1 #1"]);
}

#[test]
fn a_reload_that_drops_a_mute_interval_notifies_at_once() {
    let mut world = World::new(muted("08:00", "23:00"));
    world.signal(sol());
    assert_eq!(world.pass(3600), []);
    world.engine.set_policy(Policy::default());
    says!(world, world.decide(vec![Input::Tick]), ["New #1", "opened 1 #1"]);
}
