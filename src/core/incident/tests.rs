//! An incident's life, its timeline and its post-mortem.

use super::*;
use crate::core::audit::Record;
use crate::core::engine::mute::Location;
use crate::core::ids::Actor;

fn mins(mins: i64) -> Timestamp {
    Timestamp::from_secs(1_796_000_000 + mins * 60)
}

fn user(name: &str) -> UserId {
    UserId::new(name)
}

fn person(name: &str) -> Actor {
    Actor::Person { user: user(name), team: None }
}

fn settings() -> Settings {
    Settings::default()
}

fn declared() -> Incident {
    let title = "SOL/USD is stale — since “Monday”!";
    let (title, announced_in) = (title.to_owned(), ChannelId::new("C0OPS"));
    let what = Declaration { title, severity: Severity::Sev1, by: user("UANN"), announced_in };
    Incident::declare(IncidentId::new("I"), 12, what, &settings(), mins(0))
}

#[test]
fn whoever_declares_it_leads_it_and_an_update_is_due_by_its_severity() {
    let incident = declared();
    assert_eq!(incident.roles.of(Role::Commander), Some(&user("UANN")));
    assert_eq!(incident.update_at(), Some(mins(30)));
    let calm = incident.clone().grade(Severity::Sev3, &settings(), mins(1)).unwrap();
    assert_eq!(calm.update_at(), Some(mins(30)), "what was promised is kept");
    let updated = calm.update(Some(Stage::Identified), None, &settings(), mins(20)).unwrap();
    assert_eq!(updated.update_at(), Some(mins(260)));
    let worse = updated.grade(Severity::Sev1, &settings(), mins(30)).unwrap();
    assert_eq!(worse.update_at(), Some(mins(60)));
}

#[test]
fn a_late_update_is_reminded_of_until_it_comes() {
    let (incident, said) = declared().remind(&settings(), mins(29));
    assert_eq!(said, None);
    let (incident, said) = incident.remind(&settings(), mins(31));
    assert_eq!((said, incident.update_at()), (Some(1), Some(mins(46))));
    let (incident, said) = incident.remind(&settings(), mins(46));
    assert_eq!(said, Some(2));
    let updated = incident.update(None, Some("fail over".to_owned()), &settings(), mins(50)).unwrap();
    assert_eq!((updated.update_at(), updated.next_step.as_deref()), (Some(mins(80)), Some("fail over")));
    assert_eq!(updated.remind(&settings(), mins(79)).1, None);
}

#[test]
fn what_is_resolved_changes_no_more_until_it_is_reopened() {
    let over = declared().resolve(&user("UBOB"), "a node was slow", mins(90)).unwrap();
    let refused = Refusal::Resolved { number: 12, at: mins(90) };
    assert_eq!(over.clone().link(3), Err(refused.clone()));
    assert_eq!(over.clone().assign(Role::Scribe, None), Err(refused.clone()));
    assert_eq!(over.clone().update(None, None, &settings(), mins(91)), Err(refused.clone()));
    assert_eq!(over.clone().resolve(&user("UBOB"), "", mins(91)), Err(refused));
    assert_eq!(over.clone().remind(&settings(), mins(900)).1, None);
    let again = over.reopen(&settings(), mins(100)).unwrap();
    assert!(again.open());
    assert_eq!(again.reopen(&settings(), mins(101)), Err(Refusal::Open { number: 12 }));
}

#[test]
fn a_channels_name_is_one_that_slack_takes() {
    assert_eq!(declared().channel_name("inc"), "inc-12-sol-usd-is-stale-since-monday");
    let long = Incident { title: "x".repeat(500), ..declared() };
    assert_eq!(long.channel_name("inc").len(), 60);
    let signs = Incident { title: "!!!".to_owned(), ..declared() };
    assert_eq!(signs.channel_name("inc"), "inc-12");
}

fn record(at: Timestamp, action: &str, subject: &str) -> Record {
    let actor = person("UBOB");
    Record { at, actor, action: action.to_owned(), subject: subject.to_owned(), detail: "{}".to_owned() }
}

fn story() -> (Incident, Vec<Entry>) {
    let incident = declared().link(17).unwrap().resolve(&user("UBOB"), "A node was *slow*", mins(60)).unwrap();
    let entry = |at, kind, text: &str| Entry { at, by: person("UANN"), kind, text: text.to_owned(), link: None };
    let own = vec![
        entry(mins(60), Kind::Resolved, "A node was slow"),
        entry(mins(0), Kind::Declared, "SOL/USD is stale"),
        Entry { link: Some("https://x.slack.com/p1".to_owned()), ..entry(mins(20), Kind::Message, "it is | the node") },
    ];
    let records = [
        record(mins(-5), "alert.fired", "alert/17"),
        record(mins(2), "alert.acknowledged", "alert/17"),
        record(mins(3), "alert.acknowledged", "alert/18"),
        record(mins(-9), "action.succeeded", "action/1"),
        record(mins(30), "action.succeeded", "action/2"),
        record(mins(61), "alert.resolved", "alert/17"),
    ];
    let timeline = timeline(&incident, own, &records);
    (incident, timeline)
}

#[test]
fn a_timeline_has_what_was_written_down_and_what_happened_to_its_alerts() {
    let lines: Vec<String> = story().1.iter().map(|entry| format!("{}: {}", entry.kind.as_str(), entry.text)).collect();
    assert_eq!(
        lines,
        [
            "alert: alert 17: fired",
            "declared: SOL/USD is stale",
            "alert: alert 17: acknowledged",
            "message: it is | the node",
            "action: action 2: succeeded",
            "resolved: A node was slow",
        ]
    );
}

#[test]
fn a_post_mortem_is_markdown_that_nothing_said_can_break() {
    let (incident, timeline) = story();
    let name = |user: &UserId| format!("{user} <b>");
    let zone: Location = "Europe/Berlin".parse().unwrap();
    let text = postmortem(&Postmortem { incident: &incident, timeline: &timeline, name: &name, zone: &zone });
    insta::assert_snapshot!("postmortem", text);
}
