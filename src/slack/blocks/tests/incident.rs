//! The messages about incidents.

use std::time::Duration;

use serde_json::Value;

use super::world::{NOW, Outside, before, people};
use crate::core::ids::{Actor, ChannelId, IncidentId, UserId};
use crate::core::incident::{
    Declaration, Entry, Incident, Kind, Means, Place, Refusal, Role, Roles, Settings, Severity,
};
use crate::slack::blocks::incident::{
    IncidentView, announcement, calm, card, changed, charts, declare_form, declared, due, exported, incident_gone,
    incidents, linked_already, marked, no_incident, no_such_incident, nobody_called, not_marked, refused, resolve_form,
    roles_form, settled, timeline, update_form, written,
};
use crate::slack::message::Message;

fn user(id: &str) -> UserId {
    UserId::new(id)
}

/// One that is worked on in its channel.
pub fn open(outside: &Outside) -> Incident {
    let (id, channel) = (IncidentId::new("01I"), ChannelId::new("C0ALERTS"));
    let by = user("U0ANN");
    let (title, announced_in) = (outside.summary.clone(), channel.clone());
    let what = Declaration { title, severity: Severity::Sev1, by, announced_in };
    let incident = Incident::declare(id, 12, what, &Settings::default(), before(3000));
    let roles = Roles { scribe: Some(user("U0BOB")), ..incident.roles.clone() };
    let next_step = Some(outside.comment.clone());
    Incident { alerts: (17..40).collect(), roles, next_step, place: Place::Channel { channel }, ..incident }
}

pub fn messages(outside: &Outside, size: usize) -> Vec<(&'static str, Message)> {
    let people = people(outside);
    let incident = open(outside);
    let opening = Incident { place: Place::Opening, roles: Roles::default(), next_step: None, ..incident.clone() };
    let threaded = Incident { place: Place::Thread { why: Some(outside.error.clone()) }, ..incident.clone() };
    let quiet = Incident { place: Place::Thread { why: None }, actions: [5, 7].into(), ..incident.clone() };
    let over =
        incident.clone().resolve(&user("U0BOB"), &outside.cause, before(60)).unwrap_or_else(|_| incident.clone());
    let view = |incident| IncidentView { incident, people: &people, now: NOW };
    let entry = |kind, link: Option<&str>| Entry {
        at: before(600),
        by: Actor::Person { user: user("U0ANN"), team: None },
        kind,
        text: outside.comment.clone(),
        link: link.map(str::to_owned),
    };
    let link = Some("https://example.slack.com/archives/C0ALERTS/p1");
    let kinds = [
        entry(Kind::Declared, None),
        entry(Kind::Alert, None),
        entry(Kind::Message, link),
        entry(Kind::Role, None),
        entry(Kind::Severity, None),
        entry(Kind::Update, None),
        entry(Kind::NextStep, None),
        entry(Kind::Action, None),
        entry(Kind::Resolved, None),
        entry(Kind::Reopened, None),
    ];
    let entries: Vec<Entry> = kinds.iter().cycle().take(kinds.len() + size.min(60)).cloned().collect();
    let refuse = |refusal: Refusal| refused(&refusal, &people, &incident, NOW);
    let means =
        Means { to_acknowledge: Some((Duration::from_secs(400), 4)), to_resolve: Some((Duration::from_mins(69), 7)) };
    let told = |kind| changed(&entry(kind, None), &people);
    vec![
        ("incident", card(&view(&incident))),
        ("incident_threaded", card(&view(&threaded))),
        ("incident_threaded_by_choice", card(&view(&quiet))),
        ("incident_resolved", card(&view(&over))),
        ("incident_announced", announcement(&view(&incident))),
        ("incident_announced_first", announcement(&view(&opening))),
        ("incident_announced_over", announcement(&view(&over))),
        ("incidents", incidents(&vec![incident.clone(); size.min(60)], None, &people, NOW)),
        ("incidents_all", incidents(&[over.clone(), opening.clone()], Some(&means), &people, NOW)),
        ("incidents_never", incidents(&[], Some(&means), &people, NOW)),
        ("incident_timeline", timeline(&view(&incident), &entries, 1)),
        ("incident_timeline_empty", timeline(&view(&incident), &[], 1)),
        ("incident_due", due(&incident, 1)),
        ("incident_due_again", due(&opening, 2)),
        ("incident_update", told(Kind::Update)),
        ("incident_next", told(Kind::NextStep)),
        ("incident_role", told(Kind::Role)),
        ("incident_graded", told(Kind::Severity)),
        ("incident_linked", told(Kind::Alert)),
        ("incident_linked_action", told(Kind::Action)),
        ("incident_over", told(Kind::Resolved)),
        ("incident_reopened", told(Kind::Reopened)),
        ("incident_declared", declared(&opening)),
        ("incident_declared_thread", declared(&threaded)),
        ("incident_settled", settled(&incident, &[17])),
        ("incident_settled_firing", settled(&over, &[17, 18])),
        ("incident_calm", calm(&incident)),
        ("incident_linked_already", linked_already(17, &incident)),
        ("incident_marked", marked(&incident)),
        ("incident_not_marked", not_marked(&outside.error)),
        ("incident_exported", exported(&incident)),
        ("incident_charts", charts(&incident, &[(41, "F0CHART1".to_owned()), (42, "F0CHART2".to_owned())])),
        ("incident_written", written("what somebody is about to do")),
        ("incident_nobody", nobody_called(&outside.name)),
        ("incident_which", no_incident(&[12, 14])),
        ("incident_none", no_incident(&[])),
        ("incident_no_such", no_such_incident(99)),
        ("incident_gone", incident_gone()),
        ("incident_refused", refuse(Refusal::Resolved { number: 12, at: before(60) })),
        ("incident_refused_open", refuse(Refusal::Open { number: 12 })),
    ]
}

pub fn forms(outside: &Outside) -> Vec<(&'static str, Value)> {
    let incident = open(outside);
    assert_eq!(incident.roles.of(Role::Commander), Some(&user("U0ANN")));
    vec![
        ("modal_incident", declare_form(&outside.summary, Some(17)).0),
        ("modal_incident_update", update_form(&incident).0),
        ("modal_incident_roles", roles_form(&incident).0),
        ("modal_incident_resolve", resolve_form(&incident, &[]).0),
        ("modal_incident_resolve_firing", resolve_form(&incident, &[17, 18]).0),
    ]
}
