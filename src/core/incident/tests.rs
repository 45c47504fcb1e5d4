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
fn people_hear_once_that_all_its_alerts_are_over() {
    assert!(declared().hear_of_alerts(0).is_none(), "without an alert there is no end of them");
    let linked = declared().link(17).unwrap();
    assert!(linked.clone().hear_of_alerts(1).is_none());
    let (calm, said) = linked.hear_of_alerts(0).unwrap();
    assert!(said && calm.clone().hear_of_alerts(0).is_none());
    let (again, said) = calm.link(18).unwrap().hear_of_alerts(1).unwrap();
    assert!(!said && again.hear_of_alerts(0).unwrap().1);
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
        requested(mins(29), 2, "C0OPS"),
        record(mins(30), "action.succeeded", "action/2"),
        record(mins(61), "alert.resolved", "alert/17"),
    ];
    let timeline = timeline(&incident, own, &records, &[]);
    (incident, timeline)
}

fn requested(at: Timestamp, number: u64, channel: &str) -> Record {
    let detail = format!(r#"{{"action":"scale","target":"prod/feeds/Deployment/pusher","channel":"{channel}"}}"#);
    Record { detail, ..record(at, "action.requested", &format!("action/{number}")) }
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
            "action: action 2 (scale prod/feeds/Deployment/pusher): requested",
            "action: action 2 (scale prod/feeds/Deployment/pusher): succeeded",
            "resolved: A node was slow",
        ]
    );
}

#[test]
fn of_incidents_open_at_once_an_action_is_of_those_it_is_linked_to_or_was_asked_for_in() {
    let of = |number: u64, channel: &str| Incident {
        number,
        place: Place::Channel { channel: ChannelId::new(channel) },
        ..declared()
    };
    let (first, second) = (of(12, "C12"), of(13, "C13"));
    let records = [
        requested(mins(1), 1, "C12"),
        requested(mins(2), 2, "C13"),
        requested(mins(3), 3, "C0OPS"),
        requested(mins(-3), 4, "C12"),
        record(mins(4), "action.succeeded", "action/4"),
    ];
    let actions = |incident: &Incident, others: &[Incident]| -> Vec<String> {
        let entries = timeline(incident, Vec::new(), &records, others).into_iter();
        entries.map(|entry| entry.text.split(' ').nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(actions(&first, std::slice::from_ref(&second)), ["1"]);
    assert_eq!(actions(&second, std::slice::from_ref(&first)), ["2"]);
    assert_eq!(actions(&first, &[]), ["1", "2", "3"], "while it is the only one");
    let linked = first.clone().link_action(3).unwrap().link_action(4).unwrap();
    assert_eq!(actions(&linked, std::slice::from_ref(&second)), ["4", "1", "3", "4"]);
    let other = second.clone().link_action(1).unwrap();
    assert_eq!(actions(&first, &[other]), [""; 0], "what another one claims is not ours");
    let over = second.resolve(&user("UBOB"), "", mins(2)).unwrap();
    assert_eq!(actions(&first, &[over]), ["1", "3"]);
}

#[test]
fn figures_count_from_the_first_alert() {
    let moment = |alert, action: &str, at| (alert, action.to_owned(), at);
    let moments = [
        moment(17, "alert.fired", mins(-5)),
        moment(18, "alert.fired", mins(-9)),
        moment(17, "alert.acknowledged", mins(2)),
        moment(17, "alert.resolved", mins(50)),
        moment(19, "alert.fired", mins(-4)),
        moment(19, "alert.acknowledged", mins(-3)),
    ];
    let over = |alerts: &[u64]| {
        let over = declared().resolve(&user("UBOB"), "", mins(60)).unwrap();
        Incident { alerts: alerts.iter().copied().collect(), ..over }
    };
    let mins = |mins: u64| Duration::from_secs(mins * 60);
    let both = over(&[17, 18]);
    let figures = Figures::of(&both, &moments);
    assert_eq!((figures.to_acknowledge(), figures.to_resolve(&both)), (Some(mins(11)), Some(mins(69))));
    let none = over(&[]);
    let figures = Figures::of(&none, &moments);
    assert_eq!((figures.to_acknowledge(), figures.to_resolve(&none)), (None, Some(mins(60))));
    let means = Means::of(&[both, over(&[19]), none, declared()], &moments);
    assert_eq!(means.to_acknowledge, Some((mins(6), 2)));
    assert_eq!(means.to_resolve, Some((mins(193) / 3, 3)));
    assert_eq!(Means::of(&[declared()], &moments), Means::default());
}

#[test]
fn a_post_mortem_is_markdown_that_nothing_said_can_break() {
    let (incident, timeline) = story();
    let name = |user: &UserId| format!("{user} <b>");
    let zone: Location = "Europe/Berlin".parse().unwrap();
    let moments = [(17, "alert.fired".to_owned(), mins(-5)), (17, "alert.acknowledged".to_owned(), mins(2))];
    let measured = vec!["SOL|USD: 95 s (limit 60 s)".to_owned(), "ETH/USD: 70 s (limit 60 s)".to_owned()];
    let link = Some("https://x.slack.com/p2".to_owned());
    let charts = [
        Chart { alert: 17, link, file: Some("F0CHART".to_owned()), measured },
        Chart { alert: 18, file: Some("F0OTHER".to_owned()), ..Chart::default() },
    ];
    let text = postmortem(&Postmortem {
        incident: &incident,
        timeline: &timeline,
        figures: Figures::of(&incident, &moments),
        charts: &charts,
        name: &name,
        zone: &zone,
    });
    insta::assert_snapshot!("postmortem", text);
}
