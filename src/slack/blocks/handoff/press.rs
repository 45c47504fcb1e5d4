//! What can be pressed about a handoff.

use crate::core::ids::{HandoffId, NoteId};

/// A button about a handoff; see [`super::super::actions::Press`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Press {
    Accept(HandoffId),
    /// Somebody else takes the watch.
    StandIn(HandoffId),
    /// Opens the form for a question.
    Ask(HandoffId),
    RemoveNote(NoteId),
}

impl Press {
    /// With the prefix that makes it ours.
    pub(in crate::slack::blocks) const fn verb(&self) -> &'static str {
        match self {
            Self::Accept(_) => "handoff.accept",
            Self::StandIn(_) => "handoff.stand_in",
            Self::Ask(_) => "handoff.ask",
            Self::RemoveNote(_) => "handoff.remove_note",
        }
    }

    pub(in crate::slack::blocks) fn value(&self) -> String {
        match self {
            Self::Accept(id) | Self::StandIn(id) | Self::Ask(id) => id.to_string(),
            Self::RemoveNote(id) => id.to_string(),
        }
    }

    pub(in crate::slack::blocks) fn read(verb: &str, value: &str) -> Option<Self> {
        let id = || HandoffId::new(value);
        Some(match verb {
            "handoff.accept" => Self::Accept(id()),
            "handoff.stand_in" => Self::StandIn(id()),
            "handoff.ask" => Self::Ask(id()),
            "handoff.remove_note" => Self::RemoveNote(NoteId::new(value)),
            _ => return None,
        })
    }
}
