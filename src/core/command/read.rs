//! Reading a command: forgiving about spaces, case and typography, exact about meaning.

use std::collections::BTreeMap;
use std::time::Duration;

use super::balance;
use super::oncall::{self, Ask};
use super::words::{Word, plain, split, with_ids};
use super::{Command, SilenceTarget, Unreadable, Verb, Which, WhyTarget, catalogue};
use super::{action, gitops, handoff, incident, workload};
use crate::core::graph;
use crate::core::label::{InvalidMatcher, Matcher};
use crate::core::time::Span;

/// The longest silence one command makes: a silence that outlives its reason hides the next real alert.
pub const MAX_SILENCE: Duration = Duration::from_hours(30 * 24);

/// Reads what was typed after `/wk` (or after the mention), as Slack delivers it.
///
/// # Errors
/// What was wrong with the text, and what was probably meant.
pub fn parse(typed: &str) -> Result<Command, Unreadable> {
    let text = plain(typed);
    let text = without_slash(&text);
    let words = split(text);
    let Some((first, words)) = words.split_first() else {
        return Ok(Command::Help { topic: None });
    };
    let verb = verb(first.text).ok_or_else(|| unknown(first.text, text))?;
    let arguments = Arguments { verb, text, words };
    match verb {
        Verb::Help => arguments.help(),
        Verb::Status => arguments.nothing_more(0).map(|()| Command::Status),
        Verb::Feed => arguments.all("the feed's symbol or id").map(|feed| Command::Feed { feed }),
        Verb::Feeds => arguments.list().map(|(filter, page)| Command::Feeds { filter, page }),
        Verb::Balance => arguments.list().map(|(filter, page)| Command::Balance(balance::Ask { filter, page })),
        Verb::Graph => arguments.graph().map(Command::Graph),
        Verb::Alerts => Ok(arguments.alerts()),
        Verb::Ack => {
            let number = arguments.number(ALERT_NUMBER)?;
            Ok(Command::Ack { number, comment: arguments.comment(1) })
        }
        Verb::Unack => arguments.only_number(ALERT_NUMBER).map(|number| Command::Unack { number }),
        Verb::Escalate => arguments.only_number(ALERT_NUMBER).map(|number| Command::Escalate { number }),
        Verb::Silence => arguments.silence(),
        Verb::OnCall => Ok(Command::OnCall(oncall::who(words))),
        Verb::Override => {
            // People are told apart by id, which the plain text does not keep.
            let text = with_ids(typed);
            Ok(Command::OnCall(Ask::Override(oncall::typed(split(without_slash(&text)).get(1..).unwrap_or_default()))))
        }
        Verb::Incident => {
            // People are told apart by id, which the plain text does not keep.
            let text = with_ids(typed);
            let text = without_slash(&text);
            let ask = incident::read(text, split(text).get(1..).unwrap_or_default());
            ask.map(Command::Incident).map_err(|problem| arguments.unreadable(problem))
        }
        Verb::Incidents => match words {
            [] => Ok(Command::Incident(incident::Ask::List { all: false })),
            [word] if word.text.eq_ignore_ascii_case("all") => Ok(Command::Incident(incident::Ask::List { all: true })),
            _ => arguments.nothing_more(0).map(|()| Command::Incident(incident::Ask::List { all: false })),
        },
        Verb::Handoff => arguments.read_by(handoff::show).map(Command::Handoff),
        Verb::Note => Ok(Command::Handoff(handoff::Ask::Note(arguments.comment(0).unwrap_or_default()))),
        Verb::Swap => arguments.nothing_more(0).map(|()| Command::OnCall(Ask::Swap)),
        Verb::Silences => arguments.nothing_more(0).map(|()| Command::Silences),
        Verb::Unsilence => arguments.only_number(SILENCE_NUMBER).map(|number| Command::Unsilence { number }),
        Verb::Cluster | Verb::Workload | Verb::Pods | Verb::Logs | Verb::Rollout | Verb::Nodes => {
            workload::read(verb, words).map(Command::Workload).map_err(|problem| arguments.unreadable(problem))
        }
        Verb::Act(kind) => {
            let request = action::request(kind, words, text).map_err(|problem| arguments.unreadable(problem))?;
            Ok(Command::Act(action::Ask::Request(request)))
        }
        Verb::Freeze => Ok(Command::Act(action::Ask::Freeze { reason: arguments.comment(0).unwrap_or_default() })),
        Verb::Unfreeze => arguments.nothing_more(0).map(|()| Command::Act(action::Ask::Unfreeze)),
        Verb::Actions => arguments.nothing_more(0).map(|()| Command::Act(action::Ask::List)),
        Verb::Action => arguments.only_number(ACTION_NUMBER).map(|number| Command::Act(action::Ask::One { number })),
        Verb::Audit => {
            let text = with_ids(typed);
            let words = oncall::typed(split(without_slash(&text)).get(1..).unwrap_or_default());
            Ok(Command::Act(action::Ask::Audit(words)))
        }
        Verb::Apps => arguments.read_by(gitops::apps).map(Command::GitOps),
        Verb::App => arguments.read_by(gitops::app).map(Command::GitOps),
        Verb::Why => {
            let target = arguments.all("an alert's number or a feed's symbol")?;
            let target = number(&target).map_or(WhyTarget::Feed(target), WhyTarget::Group);
            Ok(Command::Why { target })
        }
    }
}

fn without_slash(text: &str) -> &str {
    text.strip_prefix("/wk").filter(|rest| rest.is_empty() || rest.starts_with(' ')).unwrap_or(text).trim()
}

const ALERT_NUMBER: &str = "the alert's number, as `alerts` shows it";
const ACTION_NUMBER: &str = "the action's number, as `actions` shows it";
const SILENCE_NUMBER: &str = "the silence's number, as `silences` shows it";

fn verb(word: &str) -> Option<Verb> {
    let word = word.to_lowercase();
    match word.as_str() {
        "?" => Some(Verb::Help),
        "acknowledge" => Some(Verb::Ack),
        "mute" => Some(Verb::Silence),
        "clusters" => Some(Verb::Cluster),
        "deployment" | "deploy" => Some(Verb::Workload),
        "pod" => Some(Verb::Pods),
        "log" => Some(Verb::Logs),
        "node" => Some(Verb::Nodes),
        "balances" | "wallets" | "runway" => Some(Verb::Balance),
        _ => catalogue().iter().find(|topic| topic.name == word).map(|topic| topic.verb),
    }
}

/// The command a slip of the finger or two away from `word`; one slip in a word of three letters or fewer.
fn nearest(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    let slips = if word.chars().count() <= 3 { 1 } else { 2 };
    let distance = |name: &str| strsim::osa_distance(&word, name);
    let name = catalogue().iter().map(|topic| topic.name).min_by_key(|name| distance(name))?;
    (distance(name) <= slips).then_some(name)
}

fn unknown(word: &str, text: &str) -> Unreadable {
    let rest = text.get(word.len()..).unwrap_or("");
    let suggestion = match nearest(word) {
        // Nothing else people type has a slash in it: they named a feed and forgot the word before it.
        _ if word.contains('/') => Some(format!("feed {text}")),
        Some(name) => Some(format!("{name}{rest}")),
        None => None,
    };
    Unreadable { problem: format!("I do not know the word “{}”.", short(word)), suggestion, verb: None }
}

/// What was typed, cut to what a sentence can carry.
fn short(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        text.to_owned()
    } else {
        text.chars().take(LONGEST - 1).chain(['…']).collect()
    }
}

fn number(word: &str) -> Option<u64> {
    let digits = word.strip_prefix('#').unwrap_or(word);
    // `+5` parses as a number, but nobody means that.
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

fn unquoted(word: &str) -> &str {
    word.strip_prefix('"').and_then(|word| word.strip_suffix('"')).unwrap_or(word)
}

/// What follows the verb.
struct Arguments<'a> {
    verb: Verb,
    text: &'a str,
    words: &'a [Word<'a>],
}

impl Arguments<'_> {
    fn unreadable(&self, problem: impl Into<String>) -> Unreadable {
        Unreadable { problem: problem.into(), suggestion: None, verb: Some(self.verb) }
    }

    fn missing(&self, what: &str) -> Unreadable {
        self.unreadable(format!("`{}` needs {what}.", self.verb.topic().name))
    }

    /// By an area's own reader, whose errors are sentences.
    fn read_by<T>(&self, read: impl FnOnce(&[Word]) -> Result<T, String>) -> Result<T, Unreadable> {
        read(self.words).map_err(|problem| self.unreadable(problem))
    }

    /// Everything from the word at `index` on, as typed.
    fn rest(&self, index: usize) -> Option<&str> {
        let start = self.words.get(index)?.start;
        self.text.get(start..)
    }

    fn comment(&self, index: usize) -> Option<String> {
        self.rest(index).map(|text| unquoted(text).trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn nothing_more(&self, index: usize) -> Result<(), Unreadable> {
        let Some(extra) = self.rest(index) else { return Ok(()) };
        let name = self.verb.topic().name;
        Err(self.unreadable(format!("`{name}` does not take “{}”.", short(extra))))
    }

    /// All words as one argument: symbols are often typed with spaces (`sol / usd`).
    fn all(&self, what: &str) -> Result<String, Unreadable> {
        let words: Vec<_> = self.words.iter().map(|word| unquoted(word.text)).collect();
        let joined = words.join(" ").replace(" /", "/").replace("/ ", "/").trim().to_owned();
        if joined.is_empty() { Err(self.missing(what)) } else { Ok(joined) }
    }

    fn number(&self, what: &str) -> Result<u64, Unreadable> {
        let word = self.words.first().ok_or_else(|| self.missing(what))?;
        number(word.text).ok_or_else(|| {
            let typed = short(word.text);
            self.unreadable(format!("“{typed}” is no number; `{}` needs {what}.", self.verb.topic().name))
        })
    }

    fn only_number(&self, what: &str) -> Result<u64, Unreadable> {
        let number = self.number(what)?;
        self.nothing_more(1).map(|()| number)
    }

    fn help(&self) -> Result<Command, Unreadable> {
        let Some(word) = self.words.first() else { return Ok(Command::Help { topic: None }) };
        match verb(word.text) {
            Some(topic) => Ok(Command::Help { topic: Some(topic) }),
            None => Err(Unreadable {
                problem: format!("There is no command “{}” to explain.", short(word.text)),
                suggestion: nearest(word.text).map(|name| format!("help {name}")),
                verb: None,
            }),
        }
    }

    /// A filter and a page.
    fn list(&self) -> Result<(Option<String>, u32), Unreadable> {
        let (filter, page) = match self.words {
            [filter @ .., word, page] if word.text.eq_ignore_ascii_case("page") => {
                let page = page.text.parse().ok().filter(|page| *page > 0);
                (filter, page.ok_or_else(|| self.unreadable("A page is a number from 1."))?)
            }
            filter => (filter, 1),
        };
        let filter: Vec<_> = filter.iter().map(|word| unquoted(word.text)).collect();
        Ok((Some(filter.join(" ")).filter(|filter| !filter.is_empty()), page))
    }

    fn graph(&self) -> Result<graph::Ask, Unreadable> {
        let mut ask = graph::Ask { name: None, range: None, parameters: BTreeMap::new() };
        let Some((name, rest)) = self.words.split_first() else { return Ok(ask) };
        ask.name = Some(unquoted(name.text).to_owned());
        for word in rest {
            match word.text.split_once('=') {
                Some((name, value)) => {
                    ask.parameters.insert(name.to_owned(), unquoted(value).to_owned());
                }
                None => match spelled(word.text).parse() {
                    Ok(range) if ask.range.is_none() => ask.range = Some(range),
                    _ => {
                        let typed = short(word.text);
                        return Err(self.unreadable(format!(
                            "“{typed}” is neither a range such as 6h nor a parameter such as feed=sol."
                        )));
                    }
                },
            }
        }
        Ok(ask)
    }

    fn alerts(&self) -> Command {
        let which = match self.comment(0) {
            None => Which::Open,
            Some(word) if word.eq_ignore_ascii_case("all") => Which::All,
            Some(filter) => Which::Containing(filter),
        };
        Command::Alerts { which }
    }

    fn silence(&self) -> Result<Command, Unreadable> {
        let first = self.words.first().ok_or_else(|| {
            self.missing(
                "an alert's number, a feed's symbol or matchers such as `severity=\"warning\"`, then a duration",
            )
        })?;
        let (target, used) = if let Some(number) = number(first.text) {
            (SilenceTarget::Group(number), 1)
        } else if first.text.contains('=') {
            self.matchers()?
        } else {
            (SilenceTarget::Feed(unquoted(first.text).to_owned()), 1)
        };
        let (length, after) = self.length(used)?;
        if length.duration().is_zero() || length.duration() > MAX_SILENCE {
            let longest = Span::from(MAX_SILENCE);
            return Err(self.unreadable(format!("A silence lasts longer than nothing and at most {longest}.")));
        }
        Ok(Command::Silence { target, length, comment: self.comment(after) })
    }

    fn matchers(&self) -> Result<(SilenceTarget, usize), Unreadable> {
        let written = self.words.iter().take_while(|word| word.text.contains('='));
        let matchers: Result<Vec<Matcher>, InvalidMatcher> =
            written.map(|word| word.text.trim_end_matches(',').parse()).collect();
        let matchers = matchers.map_err(|error| self.unreadable(format!("{}.", short_error(&error))))?;
        let used = matchers.len();
        Ok((SilenceTarget::Matchers(matchers), used))
    }

    /// The duration at word `index`, and the index of what comes after it.
    fn length(&self, index: usize) -> Result<(Span, usize), Unreadable> {
        let name = self.verb.topic().name;
        let word = self
            .words
            .get(index)
            .ok_or_else(|| self.unreadable(format!("`{name}` needs an end: add a duration such as 30m, 2h or 1d.")))?;
        let alone = spelled(word.text);
        if let Ok(length) = alone.parse() {
            return Ok((length, index + 1));
        }
        // `2 hours`
        let pair = self.words.get(index + 1).map(|unit| spelled(&format!("{}{}", word.text, unit.text)));
        match pair.map(|pair| pair.parse()) {
            Some(Ok(length)) => Ok((length, index + 2)),
            Some(Err(_)) | None => Err(self
                .unreadable(format!("“{}” is not a length of time; write it like 30m, 2h or 1d.", short(word.text)))),
        }
    }
}

fn short_error(error: &InvalidMatcher) -> String {
    match error {
        InvalidMatcher::Shape(text) => InvalidMatcher::Shape(short(text)).to_string(),
        InvalidMatcher::Pattern(text, why) => {
            // The regex crate draws the pattern and a caret over several lines; its last line is the sentence.
            let why = why.lines().last().unwrap_or(why).trim_start_matches("error: ");
            InvalidMatcher::Pattern(short(text), short(why)).to_string()
        }
    }
}

/// `2Hours` → `2h`: units as people spell them, to the ones a span has.
fn spelled(text: &str) -> String {
    let text = text.to_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let unit = match unit {
        "sec" | "secs" | "second" | "seconds" => "s",
        "min" | "mins" | "minute" | "minutes" => "m",
        "hr" | "hrs" | "hour" | "hours" => "h",
        "day" | "days" => "d",
        "week" | "weeks" => "w",
        unit => unit,
    };
    format!("{count}{unit}")
}
