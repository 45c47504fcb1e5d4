//! Escalation's messages, and those of graphs.

use super::*;
use crate::core::escalation::{Position, Run, Service, Stage, Stop, Taken};
use crate::core::graph::{Graph, Unfit};
use crate::slack::blocks::graph::{self, Line};
use crate::slack::blocks::notes::silenced_outside;
use crate::slack::blocks::page::{
    EscalationView, PageView, StepView, Told, Why, exhausted, hurried, late, not_posted, not_ruled, page,
    person_failed, service_failed, step,
};

fn run(stage: Stage, outside: &Outside) -> Run {
    let taken = |step, secs| Taken { position: Position { round: 0, step }, at: before(secs) };
    Run {
        group: GroupId::new("01JD0000000000000000000017"),
        policy: outside.name.clone(),
        severity: Severity::Warning,
        stage,
        taken: vec![taken(0, 40), taken(1, 10)],
        pages: BTreeSet::new(),
    }
}

pub fn page_messages(outside: &Outside, members: usize) -> Named {
    let people = people(outside);
    let alerts: Vec<_> = (0..members).map(|index| told(&firing(outside, index), outside)).collect();
    let refs: Vec<_> = alerts.iter().collect();
    let (open, channel, ann) = (group(&alerts), ChannelId::new("C0ALERTS"), ann());
    let view = PageView {
        group: &open,
        members: &refs,
        channel: Some(&channel),
        why: Why::Unattended,
        people: &people,
        now: NOW,
    };
    let acknowledged = Stop::Acknowledged { by: ann.clone() };
    let over = |why| page(&PageView { why: Why::Over { why, at: before(30) }, ..view });
    let everybody = [
        Told::Person { user: UserId::new("U0ANN") },
        Told::Person { user: UserId::new("U0BOB") },
        Told::Mention("here".to_owned()),
        Told::Service(Service::Pagerduty(outside.name.clone())),
        Told::Service(Service::Webhook(outside.comment.clone())),
    ];
    let nobody = [
        Told::NobodyOnCall { schedule: outside.name.clone() },
        Told::OnIt { user: UserId::new("U0ANN") },
        Told::Left { user: UserId::new("U0BOB") },
    ];
    let position = Position { round: 0, step: 1 };
    let steps = StepView {
        position,
        steps: 3,
        told: &everybody,
        asked_by: None,
        next: Some(after(300)),
        people: &people,
        now: NOW,
    };
    let again = StepView { position: Position { round: 1, step: 2 }, asked_by: Some(&ann), next: None, ..steps };
    vec![
        ("page", page(&view)),
        ("page_asked", page(&PageView { why: Why::Asked { by: &ann }, ..view })),
        ("page_acknowledged", over(&acknowledged)),
        ("page_resolved", over(&Stop::Resolved)),
        ("page_suppressed", over(&Stop::Suppressed)),
        ("page_muted", over(&Stop::Muted)),
        ("page_unruled", over(&Stop::Unruled)),
        ("page_late", late(page(&view), before(1500), NOW)),
        ("step", step(&steps)),
        ("step_asked", step(&StepView { told: &everybody[..1], ..again })),
        ("step_nobody", step(&StepView { told: &nobody, next: Some(NOW), ..steps })),
        ("escalation_exhausted", exhausted(&outside.name)),
        ("page_person_failed", person_failed(&UserId::new("U0ANN"), &outside.error, &people)),
        ("service_failed", service_failed(&Service::Pagerduty(outside.name.clone()), &outside.error)),
        ("silenced_outside", silenced_outside(&outside.name, 3, Some(2))),
        ("silenced_inside", silenced_outside(&outside.name, 3, Some(0))),
        ("silenced_too_wide", silenced_outside(&outside.name, 3, None)),
        ("hurried", hurried(17, 2, 3)),
        ("not_ruled", not_ruled(17)),
        ("not_posted", not_posted(17)),
    ]
}

/// The living message, and why it is where it is, at every stage of an escalation.
pub fn escalating_messages(outside: &Outside, members: usize) -> Named {
    let people = people(outside);
    let alerts: Vec<_> = (0..members).map(|index| firing(outside, index)).collect();
    let loud: Vec<_> = alerts.iter().map(Member::loud).collect();
    let open = group(&alerts);
    let next = Position { round: 1, step: 0 };
    let hours = "UTC;C,0900-1700,C,C,C,C,C".parse().unwrap();
    let running = run(Stage::Running { next, wanted_at: after(240), due_at: after(240) }, outside);
    let exhausted = run(Stage::Exhausted { next, at: before(5) }, outside);
    let stopped = run(Stage::Stopped { next, at: before(5), why: Stop::Acknowledged { by: ann() } }, outside);
    let view = |run| EscalationView { run, steps: 3, repeat: 1, hours: None };
    let living = |escalation| {
        living(&AlertView {
            group: &open,
            members: &loud,
            people: &people,
            now: NOW,
            chart: None,
            mention: None,
            ring_owners: false,
            escalation: Some(escalation),
            offers: &[],
        })
    };
    let explained = GroupExplanation {
        group: open.clone(),
        group_wait: Span::from_secs(10),
        group_interval: Span::from_secs(60),
        repeat_interval: Span::from_secs(4 * 3600),
        muted_by: None,
        next_at: None,
    };
    let told = Explanation { alerts: vec![], groups: vec![explained] };
    let because = |escalation| {
        why(&WhyView {
            explanation: &told,
            silences: &[],
            inhibitors: &[],
            posted: None,
            escalation: Some(escalation),
            people: &people,
            now: NOW,
        })
    };
    vec![
        ("living_escalating", living(view(&running))),
        ("living_last_step", living(EscalationView { repeat: 0, ..view(&running) })),
        ("living_exhausted", living(view(&exhausted))),
        ("why_escalating", because(EscalationView { hours: Some(&hours), ..view(&running) })),
        ("why_exhausted", because(view(&exhausted))),
        ("why_stopped", because(view(&stopped))),
    ]
}

pub fn graph_messages(outside: &Outside) -> Named {
    let named = |name: &str, query: &str| Graph {
        name: name.to_owned(),
        query: query.to_owned(),
        title: Some(outside.summary.clone()),
        range: Span::from_secs(3600),
    };
    let graphs = [named("lag", r#"lag{feed="$feed"}"#), named(&outside.name, "up")];
    let line = |name: &str, last| Line { name: name.to_owned(), colour: "blue", last, min: 0.000_01, max: 1.5e12 };
    let lines = [line("feed=sol", 95.25), line(&outside.symbol, 1234.5)];
    let picture = graph::figures(&outside.summary, Span::from_secs(3600), &lines, 7);
    vec![
        ("graph_figures", crate::slack::message::Message::text(picture)),
        ("graph_list", graph::list(&graphs)),
        ("graph_none", graph::list(&[])),
        ("graph_unknown", graph::no_such_graph(&outside.comment, &graphs)),
        ("graph_unfit", graph::unfit(&graphs[0], &Unfit::Unknown(outside.comment.clone()))),
        ("graph_drawing", graph::drawing(&outside.summary)),
        ("graph_failed", graph::failed(&outside.summary, &outside.error)),
    ]
}
