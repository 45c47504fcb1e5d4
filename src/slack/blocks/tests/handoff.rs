//! The messages about handoffs.

use serde_json::Value;

use super::world::{NOW, Outside, after, before, people};
use crate::core::escalation::{Policy, Position, Service, Step};
use crate::core::handoff::{
    AlertLine, Before, Change, Deed, FeedLine, Handoff, Load, Noise, Note, Numbers, Refusal, Report, RequestLine,
    RequestState, Rule, Section, Settings, SilenceLine, State, Suggestion, Temporary, Upcoming, WalletLine, Weekly,
    What,
};
use crate::core::ids::{Actor, ChannelId, HandoffId, NoteId, UserId};
use crate::core::label::{ALERTNAME, Labels};
use crate::core::severity::Severity;
use crate::core::time::{Span, Timestamp};
use crate::slack::blocks::handoff::{
    HandoffView, PartView, To, WeekView, accepted, accepted_told, ask_form, asked_told, direct, handoff, handoff_gone,
    no_handoff, no_such_handoff, note_added, note_empty, note_removed, note_without_schedule, notes_waiting,
    nothing_handed_over, part, question, refused, reminder, shift, step, stood_in_told, unanswered, week,
};
use crate::slack::blocks::page::Told;
use crate::slack::message::Message;

fn user(id: &str) -> UserId {
    UserId::new(id)
}

fn ann() -> Actor {
    Actor::Person { user: user("U0ANN"), team: None }
}

fn labels(outside: &Outside) -> Labels {
    [(ALERTNAME, "FeedStale"), ("symbol", outside.symbol.as_str())].into_iter().collect()
}

/// `size` of everything.
#[expect(clippy::too_many_lines, reason = "one of everything")]
fn report(outside: &Outside, size: usize) -> Report {
    let alert = |index: usize| AlertLine {
        number: 17 + index as u64,
        severity: if index == 0 { Severity::Critical } else { Severity::Warning },
        labels: labels(outside),
        summary: outside.summary.clone(),
        alerts: 1 + index % 3,
        since: before(5400),
        acknowledged: (index == 1).then(ann),
        flapping: index == 2,
    };
    let silence = SilenceLine {
        number: 3,
        matchers: vec![format!("symbol=\"{}\"", outside.symbol)],
        ends_at: after(7200),
        by: ann(),
        comment: outside.comment.clone(),
        firing: 2,
        worst: Some(Severity::Warning),
    };
    let request = |state| RequestLine {
        number: 7,
        action: "restart".to_owned(),
        target: outside.name.clone(),
        by: user("U0ANN"),
        at: before(600),
        state,
        until: (state == RequestState::Running).then(|| after(1800)),
    };
    let states = [RequestState::Unknown, RequestState::Open, RequestState::Running];
    let noise = Noise { labels: labels(outside), fired: 5, notifications: 7, unattended: 4, flapping: true };
    let deed = Deed {
        at: before(3000),
        by: ann(),
        action: "oncall.override_created".to_owned(),
        subject: format!("schedule/{}", outside.name),
        about: None,
    };
    let acted = Deed {
        action: "action.failed".to_owned(),
        subject: "action/7".to_owned(),
        about: Some(format!("Restart {}", outside.name)),
        ..deed.clone()
    };
    let over = Temporary::Override { schedule: outside.name.clone(), user: user("U0BOB"), until: after(3600) };
    let suspended = Temporary::Suspended {
        kind: "Kustomization".to_owned(),
        app: outside.name.clone(),
        cluster: "eu".to_owned(),
        since: Some(before(90_000)),
        by: Some(outside.comment.clone()),
        until: None,
    };
    let back = Temporary::Suspended {
        kind: "HelmRelease".to_owned(),
        app: outside.name.clone(),
        cluster: "eu".to_owned(),
        since: None,
        by: None,
        until: Some(after(5400)),
    };
    let frozen = Temporary::Frozen { by: ann(), since: before(600), reason: outside.comment.clone() };
    let wallet = WalletLine {
        name: outside.name.clone(),
        chain: "solana".to_owned(),
        holds: "1.2 SOL".to_owned(),
        left: Some(Span::from_secs(200_000)),
        level: Some(Severity::Critical),
        unknown: None,
    };
    let unknown = WalletLine { unknown: Some(outside.error.clone()), level: None, left: None, ..wallet.clone() };
    let feed = FeedLine {
        symbol: outside.symbol.clone(),
        rule: "FeedStale".to_owned(),
        severity: Severity::Warning,
        since: before(95),
    };
    let upcoming = |at: Timestamp, what| Upcoming { at, what };
    let market = What::Market { class: outside.name.clone(), opens: false, feeds: 40 };
    let (namespace, name) = (outside.name.clone(), "tls".to_owned());
    let certificate = What::Certificate { cluster: "eu".to_owned(), namespace, name };
    let gap = What::Gap { schedule: outside.name.clone(), until: after(90_000) };
    let planned = What::Planned { calendar: "releases".to_owned(), title: outside.name.clone(), until: after(18_000) };
    let note = |link: Option<&str>| Note {
        id: NoteId::new("01N"),
        at: before(7200),
        by: user("U0ANN"),
        text: outside.comment.clone(),
        link: link.map(str::to_owned),
    };
    let incident = super::incident::open(outside);
    Report {
        incidents: vec![incident; size],
        from: before(12 * 3600),
        to: NOW,
        until: Some(after(12 * 3600)),
        alerts: (0..size).map(alert).collect(),
        silences: vec![silence; size],
        noise: vec![noise; size],
        requests: states.into_iter().cycle().take(size).map(request).collect(),
        done: [deed, acted].into_iter().cycle().take(size).collect(),
        temporary: [frozen, over, suspended, back].into_iter().cycle().take(size).collect(),
        wallets: [wallet, unknown].into_iter().cycle().take(size).collect(),
        feeds: vec![feed; size],
        upcoming: [
            upcoming(after(3600), market),
            upcoming(after(14_400), planned),
            upcoming(after(80_000), gap),
            upcoming(after(400_000), certificate),
        ]
        .into_iter()
        .cycle()
        .take(size + 1)
        .collect(),
        notes: [note(Some("https://example.slack.com/archives/C0ALERTS/p1")), note(None)]
            .into_iter()
            .cycle()
            .take(size)
            .collect(),
        numbers: Numbers {
            alerts: 12,
            critical: 2,
            notifications: 15,
            pages: 3,
            acknowledged: 9,
            unattended: 3,
            to_acknowledge: Some(Span::from_secs(240)),
            to_resolve: Some(Span::from_secs(2400)),
            incidents: 1,
            incident_resolved: Some(Span::from_secs(5400)),
        },
        before: Some(Before {
            numbers: Numbers { alerts: 9, pages: 1, to_acknowledge: Some(Span::from_secs(360)), ..Numbers::default() },
            lasted: Span::from_secs(24 * 3600),
        }),
    }
    .sorted()
}

fn offered(outside: &Outside) -> Handoff {
    let bob = vec![user("U0BOB")];
    let change = Change {
        outgoing: vec![user("U0ANN")],
        incoming: bob.clone(),
        people: bob,
        unreachable: Vec::new(),
        at: NOW,
        until: Some(after(12 * 3600)),
    };
    let (id, channel) = (HandoffId::new("01H"), ChannelId::new("C0ALERTS"));
    Handoff::offer(id, 12, &outside.name, channel, change, &Settings::default(), NOW)
}

#[expect(clippy::too_many_lines, reason = "one of everything")]
pub fn messages(outside: &Outside, size: usize) -> Vec<(&'static str, Message)> {
    let people = people(outside);
    let (whole, empty) = (report(outside, size), Report { from: before(3600), to: NOW, ..Report::default() });
    let offer = offered(outside);
    let at = |state: State| Handoff { state, at: before(2400), ..offer.clone() };
    let escalating = at(State::Escalating { next: Position { round: 0, step: 1 }, due_at: after(300) });
    let nobody = at(State::Unanswered { at: NOW });
    let done = at(State::Accepted { by: user("U0BOB"), at: NOW });
    let instead = at(State::Accepted { by: user("U0ANN"), at: NOW });
    let view = |handoff| HandoffView { handoff, report: &whole, rings: false, people: &people, now: NOW };
    let open = view(&offer);
    let nobody_left = |state: State| Handoff {
        incoming: Vec::new(),
        unreachable: vec!["U0BOB".to_owned().into(), outside.name.clone().into()],
        ..at(state)
    };
    let unreachable = nobody_left(State::Escalating { next: Position { round: 0, step: 1 }, due_at: after(300) });
    let untaken = nobody_left(State::Unanswered { at: NOW });
    let both = Handoff { outgoing: Vec::new(), staying: vec![user("U0ANN")], ..offer.clone() };
    let kept = Handoff {
        outgoing: Vec::new(),
        incoming: Vec::new(),
        staying: vec![user("U0ANN")],
        ..at(State::Accepted { by: user("U0ANN"), at: before(2400) })
    };
    let third = Handoff { staying: vec![user("U0CAT")], ..offer.clone() };
    let unwatched = Handoff { incoming: Vec::new(), until: None, state: State::Unwatched, ..offer.clone() };
    let show = |section| PartView {
        report: &whole,
        section,
        page: 1,
        schedule: &outside.name,
        number: Some(12),
        people: &people,
        now: NOW,
    };
    let policy = Policy {
        name: "watch".to_owned(),
        after: Span::default(),
        steps: vec![Step { targets: Vec::new(), wait: Span::from_secs(300) }; 2],
        repeat: 0,
    };
    let told = [
        Told::Person { user: user("U0ANN") },
        Told::Service(Service::Webhook(outside.name.clone())),
        Told::NobodyOnCall { schedule: outside.name.clone() },
    ];
    let note =
        Note { id: NoteId::new("01N"), at: before(60), by: user("U0ANN"), text: outside.comment.clone(), link: None };
    let refuse = |refusal: Refusal| refused(&refusal, &offer, &people, NOW);
    let found = weekly(outside, size);
    vec![
        ("handoff", handoff(&open)),
        ("handoff_rings", handoff(&HandoffView { rings: true, ..open })),
        ("handoff_empty", handoff(&HandoffView { report: &empty, ..open })),
        ("handoff_escalating", handoff(&view(&escalating))),
        ("handoff_unanswered", handoff(&view(&nobody))),
        ("handoff_accepted", handoff(&view(&done))),
        ("handoff_stood_in", handoff(&view(&instead))),
        ("handoff_unwatched", handoff(&view(&unwatched))),
        ("handoff_superseded", handoff(&view(&at(State::Superseded { at: NOW })))),
        ("handoff_unreachable", handoff(&view(&unreachable))),
        ("handoff_untaken", handoff(&view(&untaken))),
        ("handoff_joined", handoff(&view(&both))),
        ("handoff_third", handoff(&view(&third))),
        ("handoff_kept", handoff(&view(&kept))),
        ("handoff_direct", direct(&open, To::Incoming)),
        ("handoff_direct_instead", direct(&view(&escalating), To::Instead)),
        ("handoff_direct_unreachable", direct(&view(&unreachable), To::Instead)),
        ("handoff_direct_keeper", direct(&open, To::Keeper)),
        ("handoff_direct_keeper_alone", direct(&view(&unreachable), To::Keeper)),
        ("handoff_direct_released", direct(&view(&done), To::Keeper)),
        ("handoff_direct_over", direct(&view(&done), To::Incoming)),
        ("handoff_shift", shift(&outside.name, &whole, None, &people, NOW)),
        ("handoff_shift_waiting", shift(&outside.name, &whole, Some(&offer), &people, NOW)),
        ("handoff_shift_unreachable", shift(&outside.name, &whole, Some(&unreachable), &people, NOW)),
        ("handoff_alerts", part(&show(Section::Alerts))),
        ("handoff_alerts_last", part(&PartView { page: u32::MAX, ..show(Section::Alerts) })),
        ("handoff_silences", part(&show(Section::Silences))),
        ("handoff_actions", part(&show(Section::Requests))),
        ("handoff_notes", part(&show(Section::Notes))),
        ("handoff_temporary", part(&show(Section::Temporary))),
        ("handoff_wallets", part(&show(Section::Wallets))),
        ("handoff_feeds", part(&show(Section::Feeds))),
        ("handoff_noise", part(&show(Section::Noise))),
        ("handoff_upcoming", part(&PartView { number: None, ..show(Section::Upcoming) })),
        ("handoff_changes", part(&show(Section::Done))),
        ("handoff_part_empty", part(&PartView { report: &empty, ..show(Section::Alerts) })),
        ("handoff_reminder", reminder(&offer, 2, NOW)),
        ("handoff_step", step(&escalating, &policy, Position::default(), &told, &people, NOW)),
        ("handoff_nobody", unanswered(&nobody)),
        ("handoff_thread_accepted", accepted(&done, &user("U0BOB"), &people, NOW)),
        ("handoff_question", question(&offer, &user("U0BOB"), &outside.comment, &people)),
        ("handoff_accepted_told", accepted_told(&offer, NOW)),
        ("handoff_stood_in_told", stood_in_told(&offer, NOW)),
        ("handoff_asked_told", asked_told(&offer)),
        ("handoff_not_yours", refuse(Refusal::NotYours(vec![user("U0BOB"); size]))),
        ("handoff_accepted_already", refuse(Refusal::Accepted { by: user("U0ANN"), at: before(60) })),
        ("handoff_over", refuse(Refusal::Over)),
        ("handoff_nobodys", refuse(Refusal::Unwatched)),
        ("handoff_gone", handoff_gone()),
        ("handoff_none", no_handoff()),
        ("handoff_no_such", no_such_handoff(99)),
        ("handoff_not_handed_over", nothing_handed_over(&outside.name)),
        ("note_which", note_without_schedule(&["primary", "secondary"])),
        ("note_nowhere", note_without_schedule(&[])),
        ("note_empty", note_empty()),
        ("note_added", note_added(&outside.name, &note)),
        ("note_removed", note_removed()),
        ("notes_waiting", notes_waiting(&outside.name, &vec![note; size], &people, NOW)),
        ("week", week(&WeekView { week: &found, people: &people, now: NOW })),
    ]
}

fn weekly(outside: &Outside, size: usize) -> Weekly {
    let load = |index: usize| Load {
        user: if index == 0 { user("U0ANN") } else { user("U0BOB") },
        on_call: Span::from_secs(84 * 3600),
        notifications: 9,
        acknowledged: 7,
        pages: index,
        nights: 2_usize.saturating_sub(index),
    };
    let advice = [Suggestion::FireLater, Suggestion::NobodyCares, Suggestion::RemindLess, Suggestion::KeepFiring];
    let rule = |advice| Rule {
        name: outside.name.clone(),
        fired: 12,
        notifications: 15,
        acknowledged: 0,
        unattended: 11,
        lasted: Span::from_secs(150),
        suggestion: Some(advice),
    };
    let whole = report(outside, 0);
    Weekly {
        from: before(7 * 86_400),
        to: NOW,
        load: (0..size).map(load).collect(),
        rules: advice.into_iter().cycle().take(size).map(rule).collect(),
        numbers: whole.numbers,
        before: whole.before.unwrap_or_default().numbers,
    }
}

pub fn forms(outside: &Outside) -> Vec<(&'static str, Value)> {
    vec![("modal_handoff_question", ask_form(&offered(outside)).0)]
}
