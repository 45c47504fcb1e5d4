//! Hides secrets in what machines print, before people, Slack or the store see it: logs, events, error texts.
//!
//! On the safe side: what looks like a secret is hidden, and now and then something harmless is. What cannot be told
//! from public data is kept: 32-byte hex (feed ids, transaction hashes) unless its name says that it is a key.

mod rules;

use rules::{BEGIN, END, Rule};

/// Stands where a secret was.
pub const HIDDEN: &str = "[hidden]";

/// A text fit to be shown, and how many secrets it had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redacted {
    pub text: String,
    pub hidden: usize,
}

/// [`redacted`] without the count.
#[must_use]
pub fn redact(text: &str) -> String {
    redacted(text).text
}

/// `text` without secrets, terminal colours and control characters (but line ends and tabs). Redacting twice is
/// redacting once. Give it the whole text: a secret that was cut in two cannot be recognised.
#[must_use]
pub fn redacted(text: &str) -> Redacted {
    let Some(rules) = rules::all() else {
        return Redacted { text: HIDDEN.to_owned(), hidden: 1 };
    };
    let Redacted { text, mut hidden } = private_keys(&plain(text));
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let mut line = line.to_owned();
        for rule in rules {
            hidden += apply(rule, &mut line);
        }
        out.push_str(&line);
    }
    Redacted { text: out, hidden }
}

/// Hides every match of one rule in a line; how many.
fn apply(rule: &Rule, line: &mut String) -> usize {
    if !rule.may_match(line) {
        return 0;
    }
    let before: Vec<usize> = line.match_indices(HIDDEN).map(|(at, _)| at).collect();
    let (mut out, mut done, mut hidden) = (String::new(), 0, 0);
    for found in rule.pattern.captures_iter(line) {
        let Some(secret) = found.name("secret") else { continue };
        if (rule.keep)(&line[..secret.start()], secret.as_str()) {
            continue;
        }
        // What other rules hid of it goes in one.
        let touched = before.iter().filter(|at| **at < secret.end() && **at + HIDDEN.len() > secret.start());
        let (start, end) = touched
            .fold((secret.start(), secret.end()), |(start, end), at| (start.min(*at), end.max(at + HIDDEN.len())));
        let nothing_left = !line[start..end].replace(HIDDEN, "").contains(char::is_alphanumeric);
        if start < done || nothing_left && line[start..end].contains(HIDDEN) {
            continue;
        }
        out.push_str(&line[done..start]);
        out.push_str(HIDDEN);
        done = end;
        hidden += 1;
    }
    if hidden > 0 {
        out.push_str(&line[done..]);
        *line = out;
    }
    hidden
}

/// PEM blocks run over many lines, and a tail of a log may begin or end inside of one.
fn private_keys(text: &str) -> Redacted {
    let (mut out, mut rest, mut hidden) = (String::with_capacity(text.len()), text, 0);
    loop {
        let (begin, end) = (marker(rest, BEGIN), marker(rest, END));
        let (from, to) = match (begin, end) {
            (Some((begin, _)), Some((end, after))) if begin < end => (begin, after),
            (_, Some((end, after))) => (key_body(&rest[..end]), after),
            // Without an end, everything after may be key.
            (Some((begin, _)), None) => (begin, rest.len()),
            (None, None) => {
                out.push_str(rest);
                return Redacted { text: out, hidden };
            }
        };
        out.push_str(&rest[..from]);
        out.push_str(HIDDEN);
        rest = &rest[to..];
        hidden += 1;
    }
}

/// Where the next `-----BEGIN … PRIVATE KEY-----` (or END) starts and stops.
fn marker(text: &str, word: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(at) = text[from..].find(word).map(|at| from + at) {
        let inside = &text[at + word.len()..];
        let close = inside.find("-----")?;
        if close <= 40 && inside[..close].contains("PRIVATE KEY") {
            return Some((at, at + word.len() + close + "-----".len()));
        }
        from = at + word.len();
    }
    None
}

/// Where the lines of base64 begin that `text` ends with.
fn key_body(text: &str) -> usize {
    let (mut start, mut shortest) = (text.len(), 1);
    for line in text.split_inclusive('\n').rev() {
        let last = line.split_whitespace().next_back().unwrap_or_default();
        let base64 = last.chars().all(|c| c.is_ascii_alphanumeric() || "+/=\\".contains(c));
        if !last.is_empty() {
            if !base64 || last.len() < shortest {
                break;
            }
            // Only the last line of a key may be as short as a word.
            shortest = 32;
        }
        start -= line.len();
    }
    start
}

/// Terminal sequences stand between a name and its value, and would hide one from the other.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' if chars.next_if_eq(&'[').is_some() => {
                // Control sequence: parameters, then one final byte.
                for c in chars.by_ref() {
                    if ('\u{40}'..='\u{7e}').contains(&c) {
                        break;
                    }
                }
            }
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
