//! Short answers to what somebody typed or pressed: done, refused, late, not understood. Every click gets one.

use super::kit;
use super::people::People;
use super::words::{bold, code, count, moment, said};
use crate::core::access::Denied;
use crate::core::command::{Unreadable, Verb};
use crate::core::engine::{Outcome, Refusal};
use crate::core::time::Timestamp;
use crate::slack::message::Message;

/// A text that is no command: what was wrong, what was probably meant, how it is written.
#[must_use]
pub fn unreadable(unreadable: &Unreadable) -> Message {
    let Unreadable { problem, suggestion, verb } = unreadable;
    let mut lines = vec![said(problem, 500)];
    if let Some(topic) = verb.map(Verb::topic) {
        lines.push(format!("Usage: {}", code(&topic.line())));
        lines.push(format!("Example: {}", code(&format!("/wk {}", topic.example))));
    }
    match suggestion {
        Some(command) => lines.push(format!("Did you mean {}?", code(&format!("/wk {command}")))),
        None if verb.is_none() => lines.push("`/wk help` lists what I understand.".to_owned()),
        None => {}
    }
    let text = lines.join("\n");
    let button = suggestion.clone().and_then(|command| kit::run("Yes, do that", command));
    kit::message(&text, &[kit::section_with(&text, button)], None)
}

/// No feed is called `asked`; `nearest` are symbols that look like it, best first.
#[must_use]
pub fn no_such_feed(asked: &str, nearest: &[&str]) -> Message {
    let text = format!("I watch no feed called {}.", bold(asked));
    let [best, others @ ..] = nearest else {
        return kit::line(&format!("{text}\n`/wk feeds` lists those I do."));
    };
    let others: Vec<_> = others.iter().take(4).map(|symbol| code(symbol)).collect();
    let others = if others.is_empty() { String::new() } else { format!(" Or {}?", others.join(", ")) };
    let text = format!("{text}\nDid you mean {}?{others}", code(best));
    let button = kit::run("Show it", format!("feed {best}"));
    kit::message(&text, &[kit::section_with(&text, button)], None)
}

/// Several feeds fit `asked`.
#[must_use]
pub fn which_feed(asked: &str, candidates: &[&str]) -> Message {
    let shown: Vec<_> = candidates.iter().take(8).map(|symbol| code(symbol)).collect();
    kit::line(&format!("{} fits {}: {}", bold(asked), count(candidates.len(), "feed"), shown.join(", ")))
}

#[must_use]
pub fn no_such_alert(number: u64) -> Message {
    kit::line(&format!("There is no alert #{number}. `/wk alerts all` lists those there are."))
}

#[must_use]
pub fn no_such_silence(number: u64) -> Message {
    kit::line(&format!("There is no silence {number}. `/wk silences` lists those there are."))
}

#[must_use]
pub fn denied(denied: &Denied) -> Message {
    match denied {
        Denied::Stranger => kit::line("🚫 Only people of this workspace can do that."),
        Denied::HomeUnknown => {
            kit::line("⏳ I have just started and do not know my own workspace yet. Please try again in a moment.")
        }
        Denied::NotResponder => {
            kit::line("🚫 Only responders can do that. Ask a team lead to add you to `access.responders`.")
        }
    }
}

/// What somebody wanted did not happen, since things are not as they thought.
#[must_use]
pub fn refused(refusal: &Refusal, people: &People, now: Timestamp) -> Message {
    let text = match refusal {
        Refusal::NoSuchGroup(_) => {
            "This belongs to an alert I no longer keep. `/wk alerts` lists those that are open.".to_owned()
        }
        Refusal::Closed { number, at } => {
            format!("Too late: this belongs to alert #{number}, which was resolved at {}.", moment(*at, now))
        }
        Refusal::AlreadyAcknowledged { number, by, at } => {
            format!("#{number} is already acknowledged, by {} at {}.", people.name(by), moment(*at, now))
        }
        Refusal::NotAcknowledged { number } => format!("Nobody has acknowledged #{number}."),
        Refusal::NoSuchSilence(_) => "That silence ended long ago. `/wk silences` lists those there are.".to_owned(),
        Refusal::SilenceEnded { number, at } => {
            format!("Silence {number} has already ended, at {}.", moment(*at, now))
        }
        Refusal::EndsTooEarly => "A silence has to end after it starts and after now; choose a later end.".to_owned(),
        Refusal::MatchesEverything => {
            "These matchers would silence every alert. Name at least one label value, such as `symbol=\"…\"`."
                .to_owned()
        }
    };
    kit::line(&text)
}

/// What somebody wanted has happened. `until` is a new silence's end.
#[must_use]
pub fn done(outcome: &Outcome, until: Option<Timestamp>, now: Timestamp) -> Message {
    let text = match outcome {
        Outcome::Taken => "Done.".to_owned(),
        Outcome::Acknowledged { number } => format!("👀 You have acknowledged #{number}; reminders stop."),
        Outcome::Unacknowledged { number } => format!("#{number} is no longer acknowledged; reminders go on."),
        Outcome::Silenced { number, firing, .. } => {
            let until = until.map_or_else(String::new, |until| format!(" until {}", moment(until, now)));
            let covers = match firing {
                0 => "Nothing it covers is firing now".to_owned(),
                firing => format!("It covers {} firing now", count(*firing, "alert")),
            };
            format!("🔕 Silence {number} holds{until}. {covers}. `/wk unsilence {number}` ends it.")
        }
        Outcome::Unsilenced { number, firing: 0 } => format!("🔔 Silence {number} has ended."),
        Outcome::Unsilenced { number, firing } => {
            format!("🔔 Silence {number} has ended; {} of it still firing.", count(*firing, "alert"))
        }
    };
    kit::line(&text)
}

/// A press on a button of a build or an alert that is gone.
#[must_use]
pub fn unknown_button() -> Message {
    kit::line("This button is too old for me to know what it did. `/wk alerts` lists what is open.")
}

/// An input that was long under way before it reached us: acting on it now could surprise.
#[must_use]
pub fn too_late(pressed_at: Timestamp, now: Timestamp) -> Message {
    kit::line(&format!(
        "What you asked for at {} reached me only now, so I have not done it. Please ask again.",
        moment(pressed_at, now)
    ))
}

/// `what` as a sentence without a full stop: "Looking at SOL/USD".
#[must_use]
pub fn working(what: &str) -> Message {
    kit::line(&format!("⏳ {} …", said(what, 200)))
}

/// Our fault, not theirs; `reference` finds it in the logs.
#[must_use]
pub fn failed(reference: &str) -> Message {
    kit::line(&format!(
        "Something went wrong on my side, and nothing was changed. Please try again; if it stays, \
         reference {} finds it in the logs.",
        code(reference)
    ))
}

/// The store cannot be reached.
#[must_use]
pub fn unavailable() -> Message {
    kit::line(
        "I cannot reach my database, so I can neither look that up nor change anything. Alerts are still watched; \
         please try again in a minute.",
    )
}
