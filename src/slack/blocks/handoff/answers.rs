//! Short answers to whoever pressed or typed something about a handoff.

use super::super::actions;
use super::super::kit;
use super::super::people::People;
use super::super::words::{bold, code, count, moment, said};
use super::lines::name;
use super::{Press, ways};
use crate::core::handoff::{Handoff, Note, Refusal};
use crate::core::time::{Timestamp, spoken};
use crate::slack::message::Message;

#[must_use]
pub fn accepted_told(handoff: &Handoff, now: Timestamp) -> Message {
    let until = handoff.until.map(|at| format!(" until {}", moment(at, now))).unwrap_or_default();
    kit::line(&format!("✅ You have the watch of {}{until}.", bold(&handoff.schedule)))
}

#[must_use]
pub fn stood_in_told(handoff: &Handoff, now: Timestamp) -> Message {
    let until = handoff.until.map(|at| format!(" until {}", moment(at, now))).unwrap_or_default();
    kit::line(&format!(
        "✅ You have taken the watch of {}{until}. `/wk oncall` shows it; the override there takes it back.",
        bold(&handoff.schedule)
    ))
}

#[must_use]
pub fn asked_told(handoff: &Handoff) -> Message {
    kit::line(&format!("❓ Asked in the thread of handoff #{}. You still have to accept it.", handoff.number))
}

#[must_use]
pub fn refused(refusal: &Refusal, handoff: &Handoff, people: &People, now: Timestamp) -> Message {
    let text = match refusal {
        Refusal::NotYours(users) => {
            let who = ways(users, people);
            format!("This watch is for {who} to accept. `/wk override` gives it to somebody else.")
        }
        Refusal::Accepted { by, at } => {
            format!(
                "{} accepted handoff #{} already, {} ago.",
                name(by, people),
                handoff.number,
                spoken(now.since(*at))
            )
        }
        Refusal::Over => "Too late: the watch has changed hands again. `/wk oncall` shows who has it.".to_owned(),
        Refusal::Unwatched => "Nobody has this shift, so there is nothing to accept.".to_owned(),
    };
    kit::line(&text)
}

#[must_use]
pub fn handoff_gone() -> Message {
    kit::line("I no longer keep this handoff. `/wk oncall` shows who has the watch.")
}

#[must_use]
pub fn no_such_handoff(number: u64) -> Message {
    kit::line(&format!("There is no handoff #{number}. `/wk handoff` shows the shift so far."))
}

/// No schedule at all.
#[must_use]
pub fn no_handoff() -> Message {
    kit::line("No schedule is configured: `oncall.schedules` in watchkeeper.yaml.")
}

/// The schedule's watch is not handed over.
#[must_use]
pub fn nothing_handed_over(schedule: &str) -> Message {
    kit::line(&format!(
        "{} is not handed over, so a note would reach nobody: give it `handoff: {{}}` in `oncall.schedules`.",
        bold(schedule)
    ))
}

/// Which shift it is for cannot be told.
#[must_use]
pub fn note_without_schedule(known: &[&str]) -> Message {
    let known: Vec<_> = known.iter().take(12).map(|name| code(name)).collect();
    if known.is_empty() {
        return kit::line("No schedule is handed over: give one `handoff: {}` in `oncall.schedules`.");
    }
    kit::line(&format!("For which shift? Begin with one of {}, like `/wk note primary …`.", known.join(", ")))
}

#[must_use]
pub fn note_empty() -> Message {
    kit::line("That message has no text to note. Write it yourself: `/wk note …`.")
}

#[must_use]
pub fn note_added(schedule: &str, note: &Note) -> Message {
    let text = format!("📝 Noted for the next shift of {}: {}", bold(schedule), said(&note.text, 300));
    let remove = kit::button("Remove", &actions::Press::Handoff(Press::RemoveNote(note.id.clone())));
    kit::message(&text, &[kit::section_with(&text, remove)], None)
}

#[must_use]
pub fn note_removed() -> Message {
    kit::line("The note is gone, unless it was handed over already.")
}

/// What waits for the next shift, each with a way to remove it.
#[must_use]
pub fn notes_waiting(schedule: &str, notes: &[Note], people: &People, now: Timestamp) -> Message {
    const SHOWN: usize = 20;
    let schedule = bold(schedule);
    if notes.is_empty() {
        return kit::line(&format!("No note waits for the next shift of {schedule}. `/wk note …` adds one."));
    }
    let heading = format!("{} for the next shift of {schedule}", count(notes.len(), "note"));
    let mut blocks = vec![kit::section(&heading)];
    blocks.extend(notes.iter().take(SHOWN).map(|note| {
        let text = format!("📝 {}\n{} at {}", said(&note.text, 300), name(&note.by, people), moment(note.at, now));
        let press = actions::Press::Handoff(Press::RemoveNote(note.id.clone()));
        kit::section_with(&text, kit::button("Remove", &press))
    }));
    if notes.len() > SHOWN {
        blocks.push(kit::context(&format!("and {} more", notes.len() - SHOWN)));
    }
    kit::message(&heading, &blocks, None)
}
