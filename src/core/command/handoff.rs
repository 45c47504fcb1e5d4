//! What can be asked about handing over. Schedules and numbers are looked up where they are known.

use super::words::Word;
use super::{Topic, Verb};
use crate::core::handoff::Section;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `[schedule|number] [section] [page <n>]`
    Show { which: Which, section: Option<Section>, page: u32 },
    /// `[schedule] <text>`, as it was typed; the notes that wait when empty.
    Note(String),
}

/// Which handoff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The shift of the caller's schedule, as it would be handed over now.
    Own,
    /// The same of this schedule.
    Schedule(String),
    /// One that was posted.
    Number(u64),
}

impl Ask {
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Show { .. } => Verb::Handoff,
            Self::Note(_) => Verb::Note,
        }
    }

    #[must_use]
    pub fn reads_only(&self) -> bool {
        match self {
            Self::Show { .. } => true,
            Self::Note(text) => text.is_empty(),
        }
    }
}

/// # Errors
/// What cannot be read, as a sentence.
pub(super) fn show(words: &[Word]) -> Result<Ask, String> {
    let mut words: Vec<&str> = words.iter().map(|word| word.text).collect();
    let mut page = 1;
    if let [.., word, number] = words.as_slice()
        && word.eq_ignore_ascii_case("page")
    {
        page = number.parse().ok().filter(|page| *page > 0).ok_or_else(|| "A page is a number from 1.".to_owned())?;
        words.truncate(words.len() - 2);
    }
    let section = words.last().and_then(|word| Section::named(word));
    if section.is_some() {
        words.pop();
    }
    let number = |word: &str| word.strip_prefix('#').unwrap_or(word).parse().ok();
    let which = match words.as_slice() {
        [] => Which::Own,
        [word] => number(word).map_or_else(|| Which::Schedule(word.to_lowercase()), Which::Number),
        [_, other, ..] => {
            let known: Vec<&str> = Section::ALL.into_iter().map(Section::word).collect();
            return Err(format!("“{other}” is no part of a handoff; there are {}.", known.join(", ")));
        }
    };
    Ok(Ask::Show { which, section, page })
}

pub(super) const fn topic(verb: Verb) -> Topic {
    let (name, usage, what, example) = match verb {
        Verb::Note => (
            "note",
            "[schedule] [text]",
            "Notes something for the next shift; alone it lists the notes that wait",
            "note the Frankfurt node is slow, ticket INF-12",
        ),
        _ => (
            "handoff",
            "[schedule|n] [part] [page <n>]",
            "What the next shift must know: the shift so far, or one that was handed over",
            "handoff primary",
        ),
    };
    Topic { verb, name, usage, what, example }
}
