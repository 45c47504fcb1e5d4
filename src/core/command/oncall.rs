//! What can be asked about on call. Schedules and times are looked up where the configuration and the clock are known.

use super::words::Word;
use super::{Topic, Verb};

/// Read, but not yet looked up: each word as it was typed; people as `@` and their Slack id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `[schedule] [when]`
    Who(Vec<String>),
    /// An address for one's own shifts as a calendar.
    Calendar,
    /// `<schedule> <who> <from> <to>`; a schedule alone asks for its overrides; the form when empty.
    Override(Vec<String>),
    /// The form.
    Swap,
}

impl Ask {
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Who(_) | Self::Calendar => Verb::OnCall,
            Self::Override(_) => Verb::Override,
            Self::Swap => Verb::Swap,
        }
    }

    #[must_use]
    pub const fn reads_only(&self) -> bool {
        match self {
            Self::Who(_) | Self::Calendar => true,
            Self::Override(_) | Self::Swap => false,
        }
    }
}

pub(super) fn who(words: &[Word]) -> Ask {
    match words {
        [word] if word.text.eq_ignore_ascii_case("calendar") => Ask::Calendar,
        words => Ask::Who(typed(words)),
    }
}

pub(super) fn typed(words: &[Word]) -> Vec<String> {
    words.iter().map(|word| word.text.to_owned()).collect()
}

pub(super) const fn topic(verb: Verb) -> Topic {
    let (name, usage, what, example) = match verb {
        Verb::Override => (
            "override",
            "[<schedule> [<who> <from> <to>]]",
            "Gives somebody the watch for a while, whatever the schedule says",
            "override primary @ann sat 10:00 to sun 10:00",
        ),
        Verb::Swap => ("swap", "", "Asks a colleague to take one of your shifts, perhaps for one of theirs", "swap"),
        _ => (
            "oncall",
            "[schedule] [when] | calendar",
            "Who has the watch, now or at another time",
            "oncall primary tomorrow 9:00",
        ),
    };
    Topic { verb, name, usage, what, example }
}
