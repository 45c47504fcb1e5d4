//! The messages and forms about on call.

use serde_json::Value;

use super::world::{NOW, Outside, after, before, people};
use crate::core::ids::{OverrideId, SwapId, UserId};
use crate::core::oncall::{
    Duty, Exchange, Gap, Origin, Override, Person, Shift, Skipped, Standing, Stint, Swap, SwapRefusal, SwapState,
};
use crate::slack::blocks::oncall::{
    OverrideForm, OverrideView, ScheduleView, SwapForm, SwapOption, SwapView, WatchView, WhoView, calendar_made,
    gap_coming, no_calendar, no_shift_to_swap, no_such_schedule, no_such_time, override_ended, override_form,
    override_gone, override_made, override_told, override_usage, override_withdrawn, overrides, swap_announced,
    swap_asked, swap_form, swap_gone, swap_refused, swap_told, who,
};
use crate::slack::message::Message;

fn user(id: &str) -> UserId {
    UserId::new(id)
}

/// `size` is how much there is of everything.
pub fn messages(outside: &Outside, size: usize) -> Vec<(&'static str, Message)> {
    let size = size.min(30);
    let people = people(outside);
    let (ann, bob) = (user("U0ANN"), user("U0BOB"));
    let day = 86_400;
    let stint = Stint { from: after(day), to: after(8 * day) };
    let shift = Shift {
        people: vec![ann.clone(); size.max(1)],
        origin: Origin::Override(OverrideId::new("01R")),
        from: stint.from,
        to: stint.to,
    };
    let skip = Skipped { person: Person::from(outside.symbol.clone()), why: Standing::Unknown };
    let held =
        Duty { on_call: shift.people.clone(), origin: Some(shift.origin.clone()), skipped: vec![skip.clone(); size] };
    let nobody = Duty { skipped: vec![Skipped { why: Standing::Deactivated, ..skip }], ..Duty::default() };
    let line = |name, watch| ScheduleView { name, watch, stale: None, unused: &[] };
    let unused = vec![format!("{}: it has no end", outside.symbol); size];
    let next = [bob.clone()];
    let moment = |duty, next| WatchView::Moment { at: NOW, duty, next, waiting: None };
    let shifts = vec![shift; size];
    let gaps = [Gap { from: after(9 * day), to: after(10 * day) }];
    let lines = [
        line(outside.name.as_str(), moment(&held, Some((after(day), &next)))),
        line("secondary", moment(&nobody, Some((after(3600), &[])))),
        ScheduleView {
            stale: Some((before(7200), &outside.error)),
            unused: &unused,
            ..line("later", WatchView::Moment { at: after(day), duty: &held, next: None, waiting: None })
        },
    ];
    let coming = |nth: usize| Override {
        id: OverrideId::new(format!("01R{nth}")),
        user: bob.clone(),
        from: after(day),
        to: after(2 * day),
        by: None,
    };
    let coming: Vec<Override> = (0..size).map(coming).collect();
    let listed: Vec<(String, Override)> = coming.iter().map(|over| (outside.name.clone(), over.clone())).collect();
    let who_with = |schedules: &[ScheduleView], overrides: &[(String, Override)]| {
        who(&WhoView { schedules, overrides, people: &people, now: NOW })
    };
    let who_of = |schedules: &[ScheduleView]| who_with(schedules, &[]);
    let over = OverrideView { schedule: &outside.name, user: &bob, stint, by: &ann, people: &people, now: NOW };
    let exchange = Exchange {
        schedule: outside.name.clone(),
        asks: ann.clone(),
        asked: bob.clone(),
        gives: stint,
        takes: Some(Stint { from: after(9 * day), to: after(16 * day) }),
    };
    let asked = Swap::ask(SwapId::new("01S"), exchange, NOW);
    let swap = |state: SwapState| {
        let swap = Swap { state, ..asked.clone() };
        swap_told(&SwapView { swap: &swap, people: &people, now: NOW })
    };
    let accepted = Swap { state: SwapState::Accepted { at: NOW, overrides: vec![] }, ..asked.clone() };
    let view = SwapView { swap: &asked, people: &people, now: NOW };
    vec![
        ("oncall_who", who_of(&lines)),
        ("oncall_who_none", who_of(&[])),
        ("oncall_who_many", who_of(&[lines[0]; 40])),
        ("oncall_day", who_of(&[line("primary", WatchView::Day { shifts: &shifts, gaps: &gaps })])),
        ("oncall_unknown", who_of(&[line("primary", WatchView::Unknown { from: before(day), to: after(80 * day) })])),
        ("oncall_who_overrides", who_with(&lines[..1], &listed)),
        ("oncall_overrides", overrides(&outside.name, &coming, &people, NOW)),
        ("oncall_overrides_none", overrides(&outside.name, &[], &people, NOW)),
        ("oncall_override_withdrawn", override_withdrawn(&over)),
        ("oncall_no_such_schedule", no_such_schedule(&outside.comment, &["primary", "secondary"])),
        ("oncall_no_such_time", no_such_time(&outside.comment)),
        ("oncall_override_made", override_made(&over, &OverrideId::new("01R"))),
        ("oncall_override_told", override_told(&over)),
        ("oncall_override_ended", override_ended(&outside.name)),
        ("oncall_override_gone", override_gone()),
        ("oncall_override_usage", override_usage(&outside.comment, Some("primary"))),
        ("oncall_no_shift", no_shift_to_swap()),
        ("oncall_swap_asked", swap_asked(&view)),
        ("oncall_swap_told", swap(SwapState::Asked)),
        ("oncall_swap_accepted", swap(SwapState::Accepted { at: NOW, overrides: vec![] })),
        ("oncall_swap_announced", swap_announced(&SwapView { swap: &accepted, ..view })),
        ("oncall_swap_declined", swap(SwapState::Declined { at: NOW })),
        ("oncall_swap_expired", swap(SwapState::Expired { at: NOW })),
        ("oncall_swap_undone", swap(SwapState::Undone { at: NOW, by: ann })),
        ("oncall_swap_changed", swap_refused(SwapRefusal::Changed)),
        ("oncall_swap_begun", swap_refused(SwapRefusal::Begun)),
        ("oncall_swap_gone", swap_gone()),
        ("oncall_gap", gap_coming(&outside.name, gaps[0], NOW)),
        ("oncall_gap_now", gap_coming(&outside.name, Gap { from: NOW, to: after(3600) }, NOW)),
        ("oncall_calendar", calendar_made("https://wk.example.com/calendar/0123.ics")),
        ("oncall_no_calendar", no_calendar()),
    ]
}

pub fn forms(outside: &Outside, size: usize) -> Vec<(&'static str, Value)> {
    let stint = Stint { from: NOW, to: after(3600) };
    let option = SwapOption { schedule: "primary".to_owned(), stint, text: format!("primary: {}", outside.comment) };
    let names = vec!["primary"; size.max(1)];
    let over = override_form(&OverrideForm { schedules: &names, chosen: "primary", user: &user("U0ANN"), stint });
    let swap = swap_form(&SwapForm { shifts: &vec![option; size.max(1)] });
    vec![("modal_override", over.0), ("modal_swap", swap.0)]
}
