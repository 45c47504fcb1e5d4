//! Where each key of a YAML file stands, so that a complaint about a value can name its line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_saphyr::granit_parser::{Event, Parser};

/// Key path (`slack.mode`, `receivers[1].channel`) → line, counted from 1.
#[derive(Debug, Default)]
pub struct Places {
    lines: BTreeMap<String, usize>,
    /// Line and column (from 1) of each value → its key path.
    values: BTreeMap<(usize, usize), String>,
}

enum Level {
    Map { key: Option<String> },
    List { next: usize },
}

impl Places {
    /// A text that is not YAML gives the places before the fault.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut places = Self::default();
        let mut levels: Vec<Level> = Vec::new();
        for parsed in Parser::new_from_str(text) {
            let Ok((event, span)) = parsed else { break };
            let at = (span.start.line(), span.start.col() + 1);
            match event {
                Event::Scalar(value, ..) => match levels.last_mut() {
                    Some(Level::Map { key: key @ None }) => {
                        *key = Some(value.into_owned());
                        places.lines.insert(path(&levels), at.0);
                    }
                    Some(_) => {
                        places.value(path(&levels), at);
                        finish_value(&mut levels);
                    }
                    None => {}
                },
                Event::Alias(_) => finish_value(&mut levels),
                Event::MappingStart(..) => {
                    places.value(path(&levels), at);
                    levels.push(Level::Map { key: None });
                }
                Event::SequenceStart(..) => {
                    places.value(path(&levels), at);
                    levels.push(Level::List { next: 0 });
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    levels.pop();
                    finish_value(&mut levels);
                }
                _ => {}
            }
        }
        places
    }

    fn value(&mut self, path: String, at: (usize, usize)) {
        self.lines.entry(path.clone()).or_insert(at.0);
        self.values.entry(at).or_insert(path);
    }

    /// The line of `path`, or of the nearest key above it that is in the file.
    #[must_use]
    pub fn line(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Some(*line);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// The key whose value begins here.
    #[must_use]
    pub fn value_at(&self, line: usize, column: usize) -> Option<&str> {
        self.values.get(&(line, column)).map(String::as_str)
    }

    /// The full path of the key called `name` that stands nearest to `line`.
    #[must_use]
    pub fn named(&self, name: &str, line: Option<usize>) -> Option<&str> {
        let is = |path: &str| path.strip_suffix(name).is_some_and(|above| above.is_empty() || above.ends_with('.'));
        let found = self.lines.iter().filter(|(path, _)| is(path));
        found.min_by_key(|(_, at)| line.map_or(0, |line| at.abs_diff(line))).map(|(path, _)| path.as_str())
    }

    /// The deepest key that begins on `line` or before it: what a parser's complaint about that line is about.
    #[must_use]
    pub fn key_at(&self, line: usize) -> Option<&str> {
        let before = self.lines.iter().filter(|(path, at)| **at <= line && !path.is_empty());
        before.max_by_key(|(path, at)| (**at, path.len())).map(|(path, _)| path.as_str())
    }
}

fn finish_value(levels: &mut [Level]) {
    match levels.last_mut() {
        Some(Level::Map { key }) => *key = None,
        Some(Level::List { next }) => *next += 1,
        None => {}
    }
}

fn path(levels: &[Level]) -> String {
    let mut text = String::new();
    for level in levels {
        match level {
            Level::Map { key: Some(key) } => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            Level::Map { key: None } => {}
            Level::List { next } => {
                let _infallible = write!(text, "[{next}]");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "slack:\n  mode: socket\nreceivers:\n  - name: a\n    channel: C1\n  - {name: b, channel: C2}\nlist: [1, 2]\n";

    #[test]
    fn every_key_has_its_line() {
        let places = Places::of(TEXT);
        let lines: Vec<_> = ["slack.mode", "receivers", "receivers[0].channel", "receivers[1].channel", "list[1]"]
            .map(|path| places.line(path))
            .into();
        assert_eq!(lines, [Some(2), Some(3), Some(5), Some(6), Some(7)]);
    }

    #[test]
    fn a_missing_key_points_to_the_nearest_one_above_it() {
        let places = Places::of(TEXT);
        assert_eq!(places.line("slack.signing.secret"), Some(1));
        assert_eq!(places.line("receivers[1].mention.critical"), Some(6));
    }

    #[test]
    fn a_line_tells_its_deepest_key() {
        assert_eq!(Places::of(TEXT).key_at(5), Some("receivers[0].channel"));
    }
}
