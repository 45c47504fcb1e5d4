//! On call: who has the watch, overrides, swaps and gaps.

mod forms;
mod press;

pub use forms::{
    OVERRIDE_FORM, OverrideForm, OverrideRequest, SWAP_FORM, SwapForm, SwapOption, SwapRequest, misfit, override_form,
    read_override, read_swap, swap_form, wrong_colleague, wrong_shift,
};
pub use press::{Prefill, Press};

use slack_morphism::prelude::SlackBlock;

use super::actions;
use super::kit;
use super::people::People;
use super::words::{ago, bold, code, count, fitting, moment, said};
use crate::core::handoff::Handoff;
use crate::core::ids::{Actor, OverrideId, UserId};
use crate::core::oncall::{
    Duty, Exchange, Gap, Origin, Override, Shift, Skipped, Standing, Stint, Swap, SwapRefusal, SwapState,
};
use crate::core::time::{Timestamp, spoken};
use crate::slack::message::Message;

/// What the answer to `/wk oncall` is made from.
#[derive(Clone, Copy, Debug)]
pub struct WhoView<'a> {
    pub schedules: &'a [ScheduleView<'a>],
    /// Those that hold or are coming, the next first, each with its schedule.
    pub overrides: &'a [(String, Override)],
    pub people: &'a People,
    pub now: Timestamp,
}

/// One schedule at the moment, or on the day, that was asked about.
#[derive(Clone, Copy, Debug)]
pub struct ScheduleView<'a> {
    pub name: &'a str,
    pub watch: WatchView<'a>,
    /// Its shifts are from a copy this old, since the calendar or PagerDuty cannot be read: when, and why.
    pub stale: Option<(Timestamp, &'a str)>,
    /// Events of its calendar that cannot be used, each with why.
    pub unused: &'a [String],
}

#[derive(Clone, Copy, Debug)]
pub enum WatchView<'a> {
    Moment {
        at: Timestamp,
        duty: &'a Duty,
        /// When others take over, and who: empty is nobody.
        next: Option<(Timestamp, &'a [UserId])>,
        /// The shift change that brought them in, while nobody has accepted it.
        waiting: Option<&'a Handoff>,
    },
    Day {
        shifts: &'a [Shift],
        gaps: &'a [Gap],
    },
    /// Its shifts are kept elsewhere, and were read for this time only.
    Unknown {
        from: Timestamp,
        to: Timestamp,
    },
}

/// Schedules one answer shows.
const SHOWN: usize = 12;
const SHIFTS: usize = 12;
/// Overrides that one answer lists.
const OVERRIDES: usize = 5;
const ALL_OVERRIDES: usize = 20;
/// Names in one list.
const NAMES: usize = 4;

#[must_use]
pub fn who(view: &WhoView) -> Message {
    let WhoView { schedules, overrides, people, now } = view;
    if schedules.is_empty() {
        return kit::line("No schedule is configured: `oncall.schedules` in watchkeeper.yaml.");
    }
    let shown = schedules.iter().take(SHOWN);
    let lines: Vec<String> = shown.map(|schedule| schedule_lines(schedule, people, *now)).collect();
    let mut blocks: Vec<_> = lines.iter().map(|line| kit::section(line)).collect();
    if schedules.len() > SHOWN {
        blocks.push(kit::context(&format!("and {} more: `/wk oncall primary` shows one", schedules.len() - SHOWN)));
    }
    blocks.extend(overrides.iter().take(OVERRIDES).map(|(schedule, over)| override_line(schedule, over, people, *now)));
    if overrides.len() > OVERRIDES {
        let more = count(overrides.len() - OVERRIDES, "override");
        blocks.push(kit::context(&format!("and {more} more: `/wk override primary` lists those of one schedule")));
    }
    let press = |press| actions::Press::OnCall(press);
    let prefill = match schedules {
        [only] => Prefill::of(only.name, None),
        _ => Prefill::default(),
    };
    blocks.push(kit::row(vec![
        kit::button("Override…", &press(Press::OverrideForm(prefill))).into(),
        kit::button("Swap…", &press(Press::SwapForm)).into(),
    ]));
    let text = lines.first().and_then(|line| line.lines().next()).unwrap_or_default();
    kit::message(&format!("On call: {text}"), &blocks, None)
}

fn schedule_lines(schedule: &ScheduleView, people: &People, now: Timestamp) -> String {
    let name = bold(schedule.name);
    let mut lines = match schedule.watch {
        WatchView::Moment { at, duty, next, waiting } => {
            let mut lines = moment_lines(&name, at, duty, next, people, now);
            lines.extend(waiting.map(|handoff| waiting_line(handoff, people)));
            lines
        }
        WatchView::Day { shifts, gaps } => day_lines(&name, shifts, gaps, people, now),
        WatchView::Unknown { from, to } => vec![format!(
            "{name}: not known for that time; its shifts are read from {} to {}",
            moment(from, now),
            moment(to, now)
        )],
    };
    if let Some((at, error)) = schedule.stale {
        lines.push(format!("_⚠️ a copy from {}: {}_", ago(at, now), said(error, 200)));
    }
    if let Some(first) = schedule.unused.first() {
        let more = rest_of(schedule.unused.len(), 1);
        lines.push(format!("_⚠️ not used of its calendar: {}{more}_", said(first, 200)));
    }
    lines.join("\n")
}

/// Who is answerable while nobody has accepted a watch.
fn waiting_line(handoff: &Handoff, people: &People) -> String {
    let (waits, number) = (names(&handoff.incoming, people), handoff.number);
    let keeps = match handoff.keepers() {
        [] => "nobody keeps the watch".to_owned(),
        keepers => format!("{} keeps the watch", names(keepers, people)),
    };
    format!("⏳ {waits} has not accepted it yet; until then {keeps} (`/wk handoff {number}`)")
}

fn moment_lines(
    name: &str,
    at: Timestamp,
    duty: &Duty,
    next: Option<(Timestamp, &[UserId])>,
    people: &People,
    now: Timestamp,
) -> Vec<String> {
    let when = if at == now { String::new() } else { format!(" at {}", moment(at, now)) };
    let who = if duty.on_call.is_empty() { "⚠️ nobody".to_owned() } else { names(&duty.on_call, people) };
    let until = match next {
        Some((until, then)) => {
            let then = if then.is_empty() { "nobody ⚠️".to_owned() } else { names(then, people) };
            format!(" until {} ({}), then {then}", moment(until, now), spoken(until.since(at)))
        }
        None => String::new(),
    };
    let by = if matches!(duty.origin, Some(Origin::Override(_))) { " · override" } else { "" };
    let mut lines = vec![format!("{name}{when}: {who}{until}{by}")];
    lines.extend(skipped(&duty.skipped));
    lines
}

fn day_lines(name: &str, shifts: &[Shift], gaps: &[Gap], people: &People, now: Timestamp) -> Vec<String> {
    let range = |from: Timestamp, to: Timestamp| format!("{} – {}", moment(from, now), moment(to, now));
    let shift = |shift: &Shift| {
        let by = if matches!(shift.origin, Origin::Override(_)) { " · override" } else { "" };
        (shift.from, format!("{}: {}{by}", range(shift.from, shift.to), names(&shift.people, people)))
    };
    let gap = |gap: &Gap| (gap.from, format!("{}: ⚠️ nobody", range(gap.from, gap.to)));
    let mut parts: Vec<_> = shifts.iter().take(SHIFTS).map(shift).chain(gaps.iter().take(SHIFTS).map(gap)).collect();
    parts.sort_by_key(|(from, _)| *from);
    let (mut lines, _) = fitting(parts.into_iter().map(|(_, line)| line), SHIFTS, 2500);
    let more = (shifts.len() + gaps.len()).saturating_sub(lines.len());
    if more > 0 {
        lines.push(format!("_and {more} more_"));
    }
    lines.insert(0, format!("{name}:"));
    lines
}

fn skipped(skipped: &[Skipped]) -> Option<String> {
    let one = |skip: &Skipped| {
        let why = match skip.why {
            Standing::Deactivated => "deactivated in Slack",
            Standing::Bot => "a bot",
            Standing::Unknown | Standing::Active(_) => "unknown to Slack",
        };
        format!("{} ({why})", code(&skip.person.to_string()))
    };
    let shown: Vec<_> = skipped.iter().take(NAMES).map(one).collect();
    (!skipped.is_empty()).then(|| format!("_passed over: {}{}_", shown.join(", "), rest(skipped.len())))
}

fn names(users: &[UserId], people: &People) -> String {
    let shown: Vec<_> = users.iter().take(NAMES).map(|user| name(user, people)).collect();
    format!("{}{}", shown.join(", "), rest(users.len()))
}

/// What is left of a list of which [`NAMES`] are shown.
fn rest(all: usize) -> String {
    rest_of(all, NAMES)
}

fn rest_of(all: usize, shown: usize) -> String {
    if all > shown { format!(" and {} more", all - shown) } else { String::new() }
}

fn name(user: &UserId, people: &People) -> String {
    people.name(&Actor::Person { user: user.clone(), team: None })
}

/// Text from `at` to `to`, as a shift is written in a sentence.
fn stint(stint: Stint, now: Timestamp) -> String {
    format!("{} – {}", moment(stint.from, now), moment(stint.to, now))
}

/// What is said about an override.
#[derive(Clone, Copy, Debug)]
pub struct OverrideView<'a> {
    pub schedule: &'a str,
    pub user: &'a UserId,
    pub stint: Stint,
    pub by: &'a UserId,
    pub people: &'a People,
    pub now: Timestamp,
}

/// To whoever made it; the button takes it back.
#[must_use]
pub fn override_made(view: &OverrideView, id: &OverrideId) -> Message {
    let text = format!(
        "✅ {} has the watch of {}: {}",
        name(view.user, view.people),
        bold(view.schedule),
        stint(view.stint, view.now)
    );
    let undo = kit::button("Undo", &actions::Press::OnCall(Press::EndOverride(id.clone())));
    kit::message(&text, &[kit::section_with(&text, undo)], None)
}

/// To the channel of the schedule and to whoever has the watch now.
#[must_use]
pub fn override_told(view: &OverrideView) -> Message {
    let by = if view.by == view.user { String::new() } else { format!(", says {}", name(view.by, view.people)) };
    kit::line(&format!(
        "🔁 {} takes {}: {}{by}",
        name(view.user, view.people),
        bold(view.schedule),
        stint(view.stint, view.now)
    ))
}

/// To the same when it is taken back before its end.
#[must_use]
pub fn override_withdrawn(view: &OverrideView) -> Message {
    kit::line(&format!(
        "↩️ {} took back the override of {}: {} does not have the watch {}; the schedule holds again",
        name(view.by, view.people),
        bold(view.schedule),
        name(view.user, view.people),
        stint(view.stint, view.now)
    ))
}

/// An override that holds or is coming; the button takes it back.
fn override_line(schedule: &str, over: &Override, people: &People, now: Timestamp) -> SlackBlock {
    let Override { id, user, from, to, by: _ } = over;
    let when = stint(Stint { from: *from, to: *to }, now);
    let end = kit::button("End", &actions::Press::OnCall(Press::EndOverride(id.clone())));
    kit::section_with(&format!("🔁 {}: {} {when}", bold(schedule), name(user, people)), end)
}

/// Every override of one schedule that holds or is coming.
#[must_use]
pub fn overrides(schedule: &str, overrides: &[Override], people: &People, now: Timestamp) -> Message {
    let text = match overrides.len() {
        0 => format!("{} has no override now and none coming", bold(schedule)),
        some => format!("{} has {}", bold(schedule), count(some, "override")),
    };
    let fill = actions::Press::OnCall(Press::OverrideForm(Prefill::of(schedule, None)));
    let mut blocks = vec![kit::section_with(&text, kit::button("Override…", &fill))];
    let shown = overrides.iter().take(ALL_OVERRIDES);
    blocks.extend(shown.map(|over| override_line(schedule, over, people, now)));
    if overrides.len() > ALL_OVERRIDES {
        blocks.push(kit::context(&format!("and {} more", overrides.len() - ALL_OVERRIDES)));
    }
    kit::message(&text, &blocks, None)
}

#[must_use]
pub fn override_ended(schedule: &str) -> Message {
    kit::line(&format!("The override of {} is taken back; the schedule holds again.", bold(schedule)))
}

#[must_use]
pub fn override_gone() -> Message {
    kit::line("That override is over or was taken back already. `/wk oncall` shows who has the watch.")
}

/// No schedule of that name; `known` are those there are.
#[must_use]
pub fn no_such_schedule(asked: &str, known: &[&str]) -> Message {
    let (known, more) = fitting(known.iter().map(|name| code(name)), 12, 800);
    let more = if more > 0 { " …" } else { "" };
    let there = if known.is_empty() { "none is configured".to_owned() } else { format!("{}{more}", known.join(", ")) };
    kit::line(&format!("There is no schedule {}; there are: {there}.", bold(asked)))
}

/// A time that cannot be read.
#[must_use]
pub fn no_such_time(asked: &str) -> Message {
    kit::line(&format!(
        "I cannot read the time {}. Write it like {}.",
        bold(asked),
        crate::core::oncall::when::EXAMPLES
    ))
}

/// An override as it must be written. `schedule` is whose it was to be, as far as that was understood.
#[must_use]
pub fn override_usage(problem: &str, schedule: Option<&str>) -> Message {
    let text = format!(
        "{}\nExample: `/wk override primary @ann sat 10:00 to sun 10:00`. From and to are like {}.",
        said(problem, 300),
        crate::core::oncall::when::EXAMPLES
    );
    let prefill = schedule.map(|schedule| Prefill::of(schedule, None)).unwrap_or_default();
    let form = kit::button("Use a form", &actions::Press::OnCall(Press::OverrideForm(prefill)));
    kit::message(&text, &[kit::section_with(&text, form)], None)
}

#[must_use]
pub fn no_shift_to_swap() -> Message {
    kit::line("You have no shift in the next 60 days that could be swapped. `/wk oncall` shows who has the watch.")
}

/// What is said about a swap, to one of the two.
#[derive(Clone, Copy, Debug)]
pub struct SwapView<'a> {
    pub swap: &'a Swap,
    pub people: &'a People,
    pub now: Timestamp,
}

/// The question to the colleague.
#[must_use]
pub fn swap_asked(view: &SwapView) -> Message {
    let SwapView { swap, people, now } = view;
    let Exchange { schedule, asks, gives, takes, .. } = &swap.exchange;
    let return_of =
        takes.map_or_else(String::new, |takes| format!("\nIn return they take yours: {}", stint(takes, *now)));
    let heading = format!("🔁 {} asks you to take {}: {}", name(asks, people), bold(schedule), stint(*gives, *now));
    let press = |press: fn(_) -> Press| actions::Press::OnCall(press(swap.id.clone()));
    let blocks = [
        kit::section(&format!("{heading}{return_of}")),
        kit::row(vec![
            kit::primary(kit::button("Accept", &press(Press::Accept))).into(),
            kit::button("Decline", &press(Press::Decline)).into(),
        ]),
        kit::context(&format!(
            "Nothing changes until you accept. The question ends at {}.",
            moment(swap.expires_at, *now)
        )),
    ];
    kit::message(&heading, &blocks, None)
}

/// What became of it, to both; while it holds, either may undo it.
#[must_use]
pub fn swap_told(view: &SwapView) -> Message {
    let text = swap_text(view);
    match view.swap.state {
        SwapState::Accepted { .. } => {
            let undo = kit::button("Undo", &actions::Press::OnCall(Press::UndoSwap(view.swap.id.clone())));
            kit::message(&text, &[kit::section_with(&text, undo)], None)
        }
        _ => kit::line(&text),
    }
}

/// The same to the channel of the schedule.
#[must_use]
pub fn swap_announced(view: &SwapView) -> Message {
    kit::line(&swap_text(view))
}

fn swap_text(view: &SwapView) -> String {
    let SwapView { swap, people, now } = view;
    let Exchange { schedule, asks, asked, gives, takes } = &swap.exchange;
    let (ann, bob) = (name(asks, people), name(asked, people));
    let what = format!("{} {}", bold(schedule), stint(*gives, *now));
    match &swap.state {
        SwapState::Asked => format!("❔ {ann} has asked {bob} to take {what}. You will be told the answer."),
        SwapState::Accepted { .. } => {
            let return_of = takes.map_or_else(String::new, |takes| format!(", {ann} takes {}", stint(takes, *now)));
            format!("✅ Swapped: {bob} takes {what}{return_of}.")
        }
        SwapState::Declined { .. } => format!("{bob} declined to take {what}; {ann} keeps it."),
        SwapState::Expired { .. } => format!("⌛ {bob} has not answered whether to take {what}; {ann} keeps it."),
        SwapState::Undone { by, .. } => format!("↩️ {} took the swap back: {ann} has {what} again.", name(by, people)),
    }
}

#[must_use]
pub fn swap_refused(refusal: SwapRefusal) -> Message {
    let text = match refusal {
        SwapRefusal::NotYours => "This is between two others.",
        SwapRefusal::Answered => "This was answered already. `/wk oncall` shows who has the watch.",
        SwapRefusal::Expired => "Too late: the question has expired, and nothing changed.",
        SwapRefusal::Begun => "Too late: the first of the shifts has begun. `/wk override` changes what is left of it.",
        SwapRefusal::Changed => {
            "The schedule has changed since the question, so nothing was swapped. Ask again with `/wk swap`."
        }
        SwapRefusal::NotHeld => "This swap does not hold any more, so there is nothing to undo.",
    };
    kit::line(text)
}

#[must_use]
pub fn swap_gone() -> Message {
    kit::line("I no longer know this swap. `/wk oncall` shows who has the watch.")
}

/// Told ahead in the schedule's channel.
#[must_use]
pub fn gap_coming(schedule: &str, gap: Gap, now: Timestamp) -> Message {
    let text = if gap.from <= now {
        format!("⚠️ Nobody is on call in {} until {}", bold(schedule), moment(gap.to, now))
    } else {
        format!(
            "⚠️ Nobody is on call in {} from {} to {} ({})",
            bold(schedule),
            moment(gap.from, now),
            moment(gap.to, now),
            spoken(gap.to.since(gap.from))
        )
    };
    let prefill = Prefill::of(schedule, Some(Stint { from: gap.from, to: gap.to }));
    let fill = kit::button("Override…", &actions::Press::OnCall(Press::OverrideForm(prefill)));
    kit::message(&text, &[kit::section_with(&text, fill)], None)
}

/// Where somebody's own calendar is. Whoever has the address can read it.
#[must_use]
pub fn calendar_made(address: &str) -> Message {
    kit::line(&format!(
        "📅 Your shifts as a calendar: {}\nKeep it to yourself. It replaces the address before, which no longer works.",
        code(address)
    ))
}

#[must_use]
pub fn no_calendar() -> Message {
    kit::line("I cannot be reached from outside: `slack.public_url` is not set, so there is no address for a calendar.")
}

/// One person's next shifts, for App Home: schedule and shift, the next first.
#[must_use]
pub(super) fn own_shifts(shifts: &[(String, Shift)], now: Timestamp) -> String {
    let line = |(schedule, shift): &(String, Shift)| {
        let on = if shift.from <= now { "🟢 now" } else { "•" };
        format!("{on} {}: {}", bold(schedule), stint(Stint { from: shift.from, to: shift.to }, now))
    };
    let (lines, more) = fitting(shifts.iter().map(line), 5, 1500);
    let more = if more > 0 { format!("\nand {} more", count(more, "shift")) } else { String::new() };
    format!("*Your next shifts*\n{}{more}", lines.join("\n"))
}
