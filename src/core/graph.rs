//! Named PromQL queries: parameters are values of labels and nothing else, whatever somebody types.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::Span;

/// A query that people can ask for by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// As people ask for it: `/wk graph NAME`.
    pub name: String,
    /// PromQL. `$word` inside double quotes is a parameter: rate(errors{feed="$feed"}[5m]).
    pub query: String,
    /// Above the picture; the name when absent.
    #[serde(default)]
    pub title: Option<String>,
    /// How far back, when nobody says otherwise.
    #[serde(default = "hour")]
    pub range: Span,
}

const fn hour() -> Span {
    Span::from_secs(3600)
}

/// What somebody asked for, not yet looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Absent: which there are.
    pub name: Option<String>,
    pub range: Option<Span>,
    pub parameters: BTreeMap<String, String>,
}

/// Why a query cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("needs {0}=…; write it after the name")]
    Missing(String),
    #[error("takes no parameter {0}")]
    Unknown(String),
    #[error("has `${0}` outside double quotes; a parameter stands for a label's value")]
    Unquoted(String),
    #[error("goes back 1m to 31d")]
    Range,
}

/// The longest value of a parameter, in characters.
const LONGEST: usize = 200;

/// A piece of a query.
enum Piece<'a> {
    Text(&'a str),
    Parameter { name: &'a str, quoted: bool },
}

impl Graph {
    fn pieces(&self) -> Vec<Piece<'_>> {
        let query = self.query.as_str();
        let (mut pieces, mut from, mut quoted, mut at) = (Vec::new(), 0, false, 0);
        let bytes = query.as_bytes();
        while at < bytes.len() {
            match bytes[at] {
                b'\\' if quoted => at += 1,
                b'"' => quoted = !quoted,
                b'$' => {
                    let rest = &query[at + 1..];
                    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                    // `"$"` is the end of a regular expression.
                    if end > 0 {
                        pieces.push(Piece::Text(&query[from..at]));
                        pieces.push(Piece::Parameter { name: &rest[..end], quoted });
                        at += end;
                        from = at + 1;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        pieces.push(Piece::Text(&query[from..]));
        pieces
    }

    #[must_use]
    pub fn parameters(&self) -> BTreeSet<&str> {
        let name = |piece| match piece {
            Piece::Parameter { name, .. } => Some(name),
            Piece::Text(_) => None,
        };
        self.pieces().into_iter().filter_map(name).collect()
    }

    /// A mistake in the query that would let a parameter be more than a value.
    #[must_use]
    pub fn unfit(&self) -> Option<Unfit> {
        self.pieces().into_iter().find_map(|piece| match piece {
            Piece::Parameter { name, quoted: false } => Some(Unfit::Unquoted(name.to_owned())),
            Piece::Parameter { .. } | Piece::Text(_) => None,
        })
    }

    /// The query with its parameters filled in, and how far back it goes.
    ///
    /// # Errors
    /// What is missing or too much.
    pub fn filled(&self, ask: &Ask) -> Result<(String, Span), Unfit> {
        let known = self.parameters();
        if let Some(unknown) = ask.parameters.keys().find(|name| !known.contains(name.as_str())) {
            return Err(Unfit::Unknown(unknown.clone()));
        }
        let range = ask.range.unwrap_or(self.range);
        if !(60..=31 * 86_400).contains(&range.duration().as_secs()) {
            return Err(Unfit::Range);
        }
        let mut query = String::new();
        for piece in self.pieces() {
            match piece {
                Piece::Text(text) => query.push_str(text),
                Piece::Parameter { name, .. } => {
                    let value = ask.parameters.get(name).ok_or_else(|| Unfit::Missing(name.to_owned()))?;
                    query.push_str(&escaped(value));
                }
            }
        }
        Ok((query, range))
    }
}

/// As the inside of a PromQL string.
fn escaped(value: &str) -> String {
    let mut out = String::new();
    for c in value.chars().filter(|c| !c.is_control()).take(LONGEST) {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(query: &str) -> Graph {
        Graph { name: "lag".to_owned(), query: query.to_owned(), title: None, range: Span::from_secs(3600) }
    }

    fn ask(parameters: &[(&str, &str)]) -> Ask {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ask { name: Some("lag".to_owned()), range: None, parameters }
    }

    #[test]
    fn a_parameter_stays_a_value_whatever_is_typed() {
        let lag = graph(r#"lag{feed="$feed", env=~"a|b$"}"#);
        let filled = |value| lag.filled(&ask(&[("feed", value)])).unwrap().0;
        assert_eq!(filled("sol"), r#"lag{feed="sol", env=~"a|b$"}"#);
        assert_eq!(filled(r#"x"} or up{a=""#), r#"lag{feed="x\"} or up{a=\"", env=~"a|b$"}"#);
        assert_eq!(filled("x\\"), r#"lag{feed="x\\", env=~"a|b$"}"#);
    }

    #[test]
    fn what_is_missing_or_too_much_is_named() {
        let lag = graph(r#"lag{feed="$feed"}"#);
        assert_eq!(lag.filled(&ask(&[])), Err(Unfit::Missing("feed".to_owned())));
        assert_eq!(lag.filled(&ask(&[("feed", "a"), ("pod", "b")])), Err(Unfit::Unknown("pod".to_owned())));
        let long = Ask { range: Some(Span::from_secs(32 * 86_400)), ..ask(&[("feed", "a")]) };
        assert_eq!(lag.filled(&long), Err(Unfit::Range));
        assert_eq!(graph("rate(lag[$window])").unfit(), Some(Unfit::Unquoted("window".to_owned())));
        assert_eq!(lag.unfit(), None);
    }
}
