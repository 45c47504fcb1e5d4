//! Acknowledging and silencing, and the answers to both.

use super::*;

#[test]
fn a_second_acknowledgement_is_told_of_the_first() {
    let mut world = World::new(Policy::default());
    world.signal(sol());
    world.pass(10);
    let at = world.now;
    world.acknowledge();
    assert_eq!(world.outcomes, [Ok(Outcome::Acknowledged { number: 1 })]);
    world.pass(5);
    assert_eq!(world.acknowledge(), []);
    assert_eq!(world.outcomes, [Err(Refusal::AlreadyAcknowledged { number: 1, by: ada(), at })]);
    assert_eq!(world.records, ["alert.fired alert/1 by watchkeeper", "alert.acknowledged alert/1 by UADA"]);
}

#[test]
fn what_is_over_or_unknown_cannot_be_acknowledged() {
    let mut world = World::new(Policy::default());
    world.signal(sol());
    world.pass(10);
    let group = world.group().id.clone();
    let unacknowledge = Input::Unacknowledge { group: group.clone(), by: ada() };
    world.decide(vec![unacknowledge]);
    assert_eq!(world.outcomes, [Err(Refusal::NotAcknowledged { number: 1 })]);
    world.signal(off(stale("SOL")));
    let gone = GroupId::new("gone");
    let acknowledge = |group| Input::Acknowledge { group, by: ada(), comment: String::new() };
    world.decide(vec![acknowledge(group), acknowledge(gone.clone())]);
    let at = world.now;
    assert_eq!(world.outcomes, [Err(Refusal::Closed { number: 1, at }), Err(Refusal::NoSuchGroup(gone))]);
}

#[test]
fn a_silence_shows_on_the_message_at_once_and_its_end_notifies_again() {
    let mut world = World::new(Policy::default());
    world.signal(sol());
    world.pass(11);
    says!(world, world.silence("symbol=SOL", 3600), ["silenced by 1 #1", "Quiet #1"]);
    assert!(matches!(world.outcomes[..], [Ok(Outcome::Silenced { number: 1, firing: 1, .. })]));
    assert_eq!(world.pass(2999), []);
    says!(world, world.pass(1), ["silence 1 ends soon"]);
    says!(world, world.pass(600), ["silence 1 over #1", "Quiet #1"]);
    says!(world, world.pass(60), ["New #1", "joined 1 #1"]);
}

#[test]
fn a_silenced_alert_opens_no_message() {
    let mut world = World::new(Policy::default());
    world.silence("symbol=SOL", 600);
    world.signal(sol());
    says!(world, world.pass(599), ["silence 1 ends soon"]);
    assert_eq!(world.pass(1), []);
    says!(world, world.pass(10), ["New #1", "opened 1 #1"]);
}

#[test]
fn a_silence_taken_back_notifies_and_cannot_be_taken_back_twice() {
    let mut world = World::new(Policy::default());
    world.silence("alertname=FeedStale", 600);
    world.signal(sol());
    world.pass(60);
    let silence = world.engine.silence_by_number(1).unwrap().id.clone();
    let unsilence = Input::Unsilence { silence: silence.clone(), by: ada() };
    world.decide(vec![unsilence.clone()]);
    let at = world.now;
    assert_eq!(world.outcomes, [Ok(Outcome::Unsilenced { number: 1, firing: 1 })]);
    says!(world, world.pass(10), ["New #1", "opened 1 #1"]);
    world.decide(vec![unsilence]);
    assert_eq!(world.outcomes, [Err(Refusal::SilenceEnded { number: 1, at })]);
    assert_eq!(world.engine.silences(world.now), [] as [&Silence; 0]);
}

#[test]
fn a_silence_that_is_no_use_or_too_much_is_refused() {
    let mut world = World::new(Policy::default());
    for (matchers, ends_at, refusal) in [
        (vec!["symbol=SOL"], world.now, Refusal::EndsTooEarly),
        (vec![], world.now.plus(std::time::Duration::from_mins(1)), Refusal::MatchesEverything),
        (vec!["symbol=~.*"], world.now.plus(std::time::Duration::from_mins(1)), Refusal::MatchesEverything),
    ] {
        let matchers = matchers.into_iter().map(|text| text.parse().unwrap()).collect();
        let comment = String::new();
        world.decide(vec![Input::Silence { matchers, starts_at: None, ends_at, by: ada(), comment }]);
        assert_eq!(world.outcomes, [Err(refusal)]);
    }
    assert!(world.records.is_empty() && world.stored.silences.is_empty());
}

#[test]
fn a_silence_planned_ahead_begins_and_ends_by_itself() {
    let mut world = World::new(Policy::default());
    world.signal(sol());
    world.pass(11);
    let (starts_at, ends_at) =
        (world.now.plus(std::time::Duration::from_mins(10)), world.now.plus(std::time::Duration::from_mins(70)));
    let matchers = vec![Matcher::equal("symbol", "SOL")];
    let silence = Input::Silence { matchers, starts_at: Some(starts_at), ends_at, by: ada(), comment: String::new() };
    assert_eq!(world.decide(vec![silence]), []);
    says!(world, world.pass(600), ["silenced by 1 #1", "Quiet #1"]);
    says!(world, world.pass(3600), ["silence 1 ends soon", "silence 1 over #1", "Quiet #1"]);
}
