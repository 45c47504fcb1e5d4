//! Labels, matchers and fingerprints, in Alertmanager's sense and syntax.
//! Source: Prometheus Alertmanager documentation, "matcher".

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub const ALERTNAME: &str = "alertname";
pub const SEVERITY: &str = "severity";
/// Another system's own word for its severity, where that is no level's name.
pub const EXPORTED_SEVERITY: &str = "exported_severity";

/// Name → value, sorted; what identifies an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    #[must_use]
    pub fn iter(&self) -> btree_map::Iter<'_, String, String> {
        self.0.iter()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The labels named, those that are there: what a route groups by.
    #[must_use]
    pub fn only(&self, names: &[String]) -> Self {
        Self(names.iter().filter_map(|n| self.0.get_key_value(n)).map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    /// FNV-1a over the sorted pairs, so the same labels have the same fingerprint on every machine and release.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = Fnv::new();
        for (name, value) in &self.0 {
            hash.write(name.as_bytes());
            hash.write(&[0xff]);
            hash.write(value.as_bytes());
            hash.write(&[0xff]);
        }
        Fingerprint(hash.0)
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a String, &'a String);
    type IntoIter = btree_map::Iter<'a, String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Labels {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(pairs: T) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

impl fmt::Display for Labels {
    /// `{alertname="FeedStale", symbol="Crypto.SOL/USD"}`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={}", quoted(value))?;
        }
        f.write_str("}")
    }
}

/// In double quotes with JSON's escapes, which is what the matcher grammar reads back.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A name that needs no quotes.
fn plain(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(word) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// What matchers can be held against: labels, or an alert, which lends its severity as one more.
pub trait Labelled {
    fn label(&self, name: &str) -> Option<&str>;
}

impl Labelled for Labels {
    fn label(&self, name: &str) -> Option<&str> {
        self.get(name)
    }
}

struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Identifies an alert by its labels; 16 hex digits in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

/// What was written where a fingerprint belongs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an alert fingerprint (16 hex digits)")]
pub struct InvalidFingerprint(pub String);

impl TryFrom<String> for Fingerprint {
    type Error = InvalidFingerprint;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ok = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        ok.then(|| u64::from_str_radix(text, 16).ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| InvalidFingerprint(text.to_owned()))
    }
}

/// One condition on a label: `severity="critical"`, `symbol=~"Crypto\\..*"`. A label that is absent counts as empty.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Matcher {
    pub name: String,
    pub op: MatchOp,
    pub value: String,
    /// Anchored at both ends, as in Alertmanager; present exactly when `op` is a regex one.
    pattern: Option<regex::Regex>,
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl Eq for Matcher {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchOp {
    Equal,
    NotEqual,
    Regex,
    NotRegex,
}

impl MatchOp {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// Why a matcher could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMatcher {
    #[error("`{0}` is not a matcher; write it like symbol=\"Crypto.SOL/USD\" or severity=~\"warning|critical\"")]
    Shape(String),
    #[error("the regular expression in `{0}` is not valid: {1}")]
    Pattern(String, String),
}

impl Matcher {
    /// # Errors
    /// When `op` is a regex one and `value` is no regular expression.
    pub fn new(name: impl Into<String>, op: MatchOp, value: impl Into<String>) -> Result<Self, InvalidMatcher> {
        let (name, value) = (name.into(), value.into());
        let pattern = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => {
                let anchored = format!("^(?:{value})$");
                let pattern = regex::RegexBuilder::new(&anchored).size_limit(1 << 20).build();
                Some(pattern.map_err(|e| InvalidMatcher::Pattern(value.clone(), e.to_string()))?)
            }
        };
        Ok(Self { name, op, value, pattern })
    }

    #[must_use]
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), op: MatchOp::Equal, value: value.into(), pattern: None }
    }

    #[must_use]
    pub fn matches(&self, on: &impl Labelled) -> bool {
        let value = on.label(&self.name).unwrap_or("");
        let found = self.pattern.as_ref().map_or(value == self.value, |p| p.is_match(value));
        match self.op {
            MatchOp::Equal | MatchOp::Regex => found,
            MatchOp::NotEqual | MatchOp::NotRegex => !found,
        }
    }
}

/// True when every matcher does; an empty list matches everything.
#[must_use]
pub fn all_match(matchers: &[Matcher], on: &impl Labelled) -> bool {
    matchers.iter().all(|matcher| matcher.matches(on))
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (op, value) = (self.op.as_str(), quoted(&self.value));
        if plain(&self.name) {
            write!(f, "{}{op}{value}", self.name)
        } else {
            write!(f, "{}{op}{value}", quoted(&self.name))
        }
    }
}

impl From<Matcher> for String {
    fn from(matcher: Matcher) -> Self {
        matcher.to_string()
    }
}

impl TryFrom<String> for Matcher {
    type Error = InvalidMatcher;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Matcher {
    type Err = InvalidMatcher;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = || InvalidMatcher::Shape(text.to_owned());
        let (name, rest) = split_name(text).ok_or_else(shape)?;
        let (op, rest) =
            [("=~", MatchOp::Regex), ("!~", MatchOp::NotRegex), ("!=", MatchOp::NotEqual), ("=", MatchOp::Equal)]
                .into_iter()
                .find_map(|(sign, op)| rest.strip_prefix(sign).map(|rest| (op, rest.trim())))
                .ok_or_else(shape)?;
        let value = if rest.starts_with('"') {
            serde_json::from_str::<String>(rest).map_err(|_| shape())?
        } else {
            rest.to_owned()
        };
        Self::new(name, op, value)
    }
}

/// The label name and what follows it; a name that is no plain word stands in quotes.
fn split_name(text: &str) -> Option<(String, &str)> {
    let text = text.trim();
    if text.starts_with('"') {
        let mut names = serde_json::Deserializer::from_str(text).into_iter::<String>();
        let name = names.next()?.ok()?;
        return Some((name, text.get(names.byte_offset()..)?.trim_start()));
    }
    let (name, rest) = text.split_at(text.find(['=', '!'])?);
    plain(name.trim()).then(|| (name.trim().to_owned(), rest))
}

impl schemars::JsonSchema for Matcher {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Matcher".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": r#"^\s*([A-Za-z_][A-Za-z0-9_]*|".*")\s*(=~|!~|!=|=).*$"#,
            "examples": ["severity=\"critical\"", "symbol=~\"Crypto\\..*\""],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sol() -> Labels {
        [(ALERTNAME, "FeedStale"), ("symbol", "Crypto.SOL/USD")].into_iter().collect()
    }

    #[test]
    fn the_fingerprint_depends_on_labels_alone() {
        let other: Labels = [("symbol", "Crypto.SOL/USD"), (ALERTNAME, "FeedStale")].into_iter().collect();
        assert_eq!(sol().fingerprint(), other.fingerprint());
        assert_ne!(sol().fingerprint(), sol().with("x", "").fingerprint());
        let text = sol().fingerprint().to_string();
        assert_eq!(text.parse::<Fingerprint>().unwrap(), sol().fingerprint());
    }

    #[test]
    fn matchers_read_alertmanager_syntax() {
        for (text, expected) in [
            ("symbol=\"Crypto.SOL/USD\"", true),
            ("symbol=Crypto.SOL/USD", true),
            ("symbol=~\"Crypto.*\"", true),
            ("symbol=~\"SOL\"", false), // anchored
            ("symbol!~\"FX.*\"", true),
            ("symbol!=\"Crypto.SOL/USD\"", false),
            ("absent=\"\"", true),
            ("absent!=\"\"", false),
        ] {
            let matcher: Matcher = text.parse().unwrap();
            assert_eq!(matcher.matches(&sol()), expected, "{text}");
            assert_eq!(matcher.to_string().parse::<Matcher>().unwrap(), matcher);
        }
    }

    #[test]
    fn whatever_a_matcher_holds_it_reads_back_what_it_writes() {
        for (name, value) in
            [("symbol", "a\"b\\c\u{7f}\u{1b}\n\u{200b}é"), ("k8s.pod/name", "x=y"), ("", ""), ("a\"=", "'")]
        {
            let matcher = Matcher::equal(name, value);
            assert_eq!(matcher.to_string().parse::<Matcher>(), Ok(matcher));
        }
    }

    #[test]
    fn a_broken_matcher_says_how_to_write_one() {
        for text in ["", "symbol", "=x", "1a=b", "a b=c", "x=\"open", "x=~\"(\""] {
            assert!(text.parse::<Matcher>().is_err(), "{text}");
        }
        assert!("symbol".parse::<Matcher>().unwrap_err().to_string().contains("write it like"));
    }
}
