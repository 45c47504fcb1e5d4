//! What the parser says about a file of the wrong shape, in words that name the key and the fix.

use std::path::Path;

use serde_saphyr::Error;

use super::Problem;
use super::places::Places;

/// The one thing that kept the file from being read.
pub(super) fn problem(file: &Path, places: &Places, error: &Error) -> Problem {
    let error = error.without_snippet();
    let at = error.location().and_then(|at| usize::try_from(at.line()).ok()).filter(|line| *line > 0);
    let at_line = at.and_then(|line| places.key_at(line)).unwrap_or_default();
    let column = error.location().and_then(|at| usize::try_from(at.column()).ok()).unwrap_or_default();
    let value = at.and_then(|line| places.value_at(line, column)).unwrap_or(at_line);
    let (key, message) = match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            (places.named(field, at).unwrap_or(at_line), unknown("is not a key that belongs here", field, expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            (at_line, unknown(&format!("`{variant}` is not a value that belongs here"), variant, expected))
        }
        Error::SerdeMissingField { field, .. } => (parent(at_line), format!("`{field}` is missing; add it")),
        Error::DuplicateMappingKey { .. } => (at_line, "is there twice; keep one".to_owned()),
        Error::InvalidScalar { ty, .. } => (at_line, format!("is not {}", wanted(ty))),
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            (at_line, format!("is {unexpected}; write {expected}"))
        }
        Error::NullIntoString { .. } => (at_line, "is empty; write a text, or leave the key out".to_owned()),
        Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. } => {
            (value, "is not of the right kind; write one word".to_owned())
        }
        Error::Unexpected { expected, .. } => (value, format!("is not of the right kind; write {}", wanted(expected))),
        Error::Message { msg, .. } if msg.contains("socket address") => {
            (at_line, "is not an address to listen on; write it like 0.0.0.0:8080 or 127.0.0.1:9090".to_owned())
        }
        Error::Message { msg, .. } => (at_line, one_line(msg)),
        other => (at_line, plainly(&other.to_string())),
    };
    let line = places.line(key).filter(|_| !key.is_empty()).or(at);
    Problem { file: file.to_owned(), line, key: key.to_owned(), message }
}

fn unknown(what: &str, written: &str, known: &[&str]) -> String {
    match nearest(written, known) {
        Some(near) => format!("{what}; did you mean `{near}`?"),
        None => format!("{what}; there are: {}", known.join(", ")),
    }
}

/// The known word that was probably meant.
pub(super) fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = written.to_lowercase();
    let alike = |word: &str| {
        let word = word.to_lowercase();
        (strsim::jaro_winkler(&lower, &word), strsim::damerau_levenshtein(&lower, &word))
    };
    let scored = known.iter().map(|word| (alike(word), *word));
    let near = scored.filter(|((alike, edits), _)| *alike > 0.85 || *edits <= 2);
    near.max_by(|((a, _), _), ((b, _), _)| a.total_cmp(b)).map(|(_, word)| word)
}

/// The parser's names for what belongs somewhere, in words.
fn wanted(kind: &str) -> String {
    match kind {
        "string scalar" | "string" => "one text or number".to_owned(),
        "mapping start" => "keys with values, indented below".to_owned(),
        "sequence start" => "a list: [a, b], or one `- ` line for each".to_owned(),
        "bool" | "boolean" => "true or false".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, zero or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        other => other.to_owned(),
    }
}

fn parent(key: &str) -> &str {
    key.rfind('.').and_then(|at| key.get(..at)).unwrap_or(key)
}

/// A regular expression's complaint draws the place with lines of its own; the first and the last say it.
fn one_line(message: &str) -> String {
    let mut lines = message.lines();
    let first = lines.next().unwrap_or(message);
    match lines.next_back() {
        Some(last) => format!("{first} {}", last.trim_start_matches("error: ")),
        None => first.to_owned(),
    }
}

/// The parser's message without its own location and snippet, in one line.
fn plainly(message: &str) -> String {
    let line = message.lines().next().unwrap_or(message);
    let line = line.split(" at line ").next().unwrap_or(line);
    let line = line.strip_prefix("error: ").unwrap_or(line);
    line.trim().to_owned()
}
