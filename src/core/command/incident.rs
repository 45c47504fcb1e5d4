//! What can be asked about incidents. Which one is meant, and who, is found out where that is known.

use super::words::Word;
use super::{Topic, Verb};
use crate::core::incident::{Role, Severity, Stage};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The form for a new one.
    Form,
    New {
        title: String,
        severity: Option<Severity>,
    },
    /// `None` for the number: the one of the channel, or the only open one.
    About {
        number: Option<u64>,
        what: What,
    },
    /// Those that are open, or all.
    List {
        all: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Show,
    Update {
        stage: Option<Stage>,
        text: String,
    },
    NextStep(String),
    Resolve(String),
    Reopen,
    Grade(Severity),
    /// A person as `@` and their Slack id, `me`, or nobody.
    Assign {
        role: Role,
        who: Option<String>,
    },
    Link(u64),
    LinkAction(u64),
    Timeline {
        page: u32,
    },
    Export,
}

impl Ask {
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Form | Self::New { .. } | Self::About { .. } => Verb::Incident,
            Self::List { .. } => Verb::Incidents,
        }
    }

    #[must_use]
    pub const fn reads_only(&self) -> bool {
        match self {
            Self::List { .. } => true,
            Self::About { what, .. } => matches!(what, What::Show | What::Timeline { .. }),
            Self::Form | Self::New { .. } => false,
        }
    }
}

/// `words` are of `text`, in which people stand as `@` and their Slack id.
///
/// # Errors
/// What cannot be read, as a sentence.
pub(super) fn read(text: &str, words: &[Word]) -> Result<Ask, String> {
    let Some(first) = words.first() else { return Ok(Ask::Form) };
    let number = first.text.strip_prefix('#').unwrap_or(first.text).parse().ok();
    let rest = if number.is_some() { words.get(1..).unwrap_or_default() } else { words };
    let (what, number) = match (what(text, rest)?, number) {
        (Some(what), number) => (what, number),
        (None, None) => {
            // `sev1 SOL/USD is stale`; a title that begins like something to do begins with its severity, too.
            let severity = Severity::named(first.text);
            let begin =
                if severity.is_some() { words.get(1).map_or(text.len(), |word| word.start) } else { first.start };
            return Ok(Ask::New { title: text.get(begin..).unwrap_or_default().trim().to_owned(), severity });
        }
        (None, Some(_)) => {
            let word = rest.first().map(|word| word.text).unwrap_or_default();
            return Err(format!(
                "“{word}” is nothing to do with an incident; there are update, next, resolve, reopen, sev1 to sev3, \
                 commander, communications, scribe, link, timeline and export. A title that begins with a number follows \
                 its severity: sev2 3 validators are down."
            ));
        }
    };
    Ok(Ask::About { number, what })
}

/// `None`: the words begin with nothing that can be done.
fn what(text: &str, words: &[Word]) -> Result<Option<What>, String> {
    let Some((verb, rest)) = words.split_first() else { return Ok(Some(What::Show)) };
    let said = || rest.first().and_then(|word| text.get(word.start..)).unwrap_or_default().trim().to_owned();
    let alone = |what| if rest.is_empty() { Some(what) } else { None };
    let verb = verb.text.to_lowercase();
    if let Some(severity) = Severity::named(&verb) {
        return Ok(alone(What::Grade(severity)));
    }
    if let Some(role) = Role::named(&verb) {
        return Ok(match rest {
            [] => Some(What::Assign { role, who: Some("me".to_owned()) }),
            [nobody] if matches!(nobody.text, "-" | "nobody" | "none") => Some(What::Assign { role, who: None }),
            [who] => Some(What::Assign { role, who: Some(who.text.to_owned()) }),
            _ => None,
        });
    }
    Ok(match verb.as_str() {
        "update" | "status" => {
            let stage = rest.first().and_then(|word| Stage::named(word.text));
            let text = if stage.is_some() {
                rest.get(1).and_then(|word| text.get(word.start..)).unwrap_or_default().trim().to_owned()
            } else {
                said()
            };
            Some(What::Update { stage, text })
        }
        "next" => Some(What::NextStep(said())),
        "resolve" | "resolved" | "close" => Some(What::Resolve(said())),
        "reopen" => alone(What::Reopen),
        "link" => match rest {
            [alert] => {
                let number = alert.text.strip_prefix('#').unwrap_or(alert.text).parse();
                let number = number.map_err(|_| format!("“{}” is no alert's number.", alert.text))?;
                Some(What::Link(number))
            }
            [action, number] if action.text.eq_ignore_ascii_case("action") => {
                let parsed = number.text.strip_prefix('#').unwrap_or(number.text).parse();
                Some(What::LinkAction(parsed.map_err(|_| format!("“{}” is no action's number.", number.text))?))
            }
            _ => None,
        },
        "timeline" => match rest {
            [] => Some(What::Timeline { page: 1 }),
            [page, number] if page.text == "page" => {
                let page = number.text.parse().map_err(|_| "A page is a number from 1.".to_owned())?;
                Some(What::Timeline { page })
            }
            _ => None,
        },
        "export" | "postmortem" => alone(What::Export),
        _ => None,
    })
}

pub(super) const fn topic(verb: Verb) -> Topic {
    let (name, usage, what, example) = match verb {
        Verb::Incidents => {
            ("incidents", "[all]", "Lists open incidents; `all` adds those resolved lately", "incidents")
        }
        _ => (
            "incident",
            "<title> | [n] [what to do]",
            "Declares an incident, shows one, or does something about it",
            "incident SOL/USD is stale everywhere",
        ),
    };
    Topic { verb, name, usage, what, example }
}
