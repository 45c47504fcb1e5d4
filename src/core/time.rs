//! Points in time and lengths of time: UTC milliseconds, and spans written the way people write them (`30s`, `5m`, `1h30m`).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC. Stored as `BIGINT`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down: what Slack's `<!date^…>` and Pyth's `publish_time` use.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long ago `earlier` was; zero when it lies in the future (clocks jump both ways).
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    #[must_use]
    pub fn plus(self, length: Duration) -> Self {
        Self(self.0.saturating_add(millis(length)))
    }

    #[must_use]
    pub fn minus(self, length: Duration) -> Self {
        Self(self.0.saturating_sub(millis(length)))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds, e.g. `2026-11-29T08:04:16.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => write!(f, "{at:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

/// A length of time in configuration and messages: `500ms`, `30s`, `5m`, `1h30m`, `2d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

impl Span {
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Span {
    fn from(length: Duration) -> Self {
        Self(length)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl TryFrom<String> for Span {
    type Error = InvalidSpan;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl schemars::JsonSchema for Span {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": r"^([0-9]+(ms|s|m|h|d|w))+$",
            "examples": ["30s", "5m", "1h30m"],
        })
    }
}

/// What was written where a length of time belongs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time; write it like 30s, 5m, 1h30m or 2d")]
pub struct InvalidSpan(pub String);

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidSpan(text.to_owned());
        let mut rest = text.trim();
        let mut total: u64 = 0;
        if rest.is_empty() {
            return Err(invalid());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
            let count: u64 = rest[..digits].parse().map_err(|_| invalid())?;
            rest = &rest[digits..];
            let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let unit: u64 = match &rest[..letters] {
                "ms" => 1,
                "s" => 1000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                "w" => 604_800_000,
                _ => return Err(invalid()),
            };
            total = count.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(invalid)?;
            rest = &rest[letters..];
        }
        Ok(Self(Duration::from_millis(total)))
    }
}

impl fmt::Display for Span {
    /// The shortest form that parses back: `1h30m`, `45s`, `1500ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.as_millis();
        if total == 0 {
            return f.write_str("0s");
        }
        if !total.is_multiple_of(1000) {
            return write!(f, "{total}ms");
        }
        let mut secs = total / 1000;
        for (unit, length) in [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)] {
            if secs >= length {
                write!(f, "{}{unit}", secs / length)?;
                secs %= length;
            }
        }
        Ok(())
    }
}

/// A length of time as read by a person: at most two units, no fractions (`3 min`, `1 h 20 min`, `2 d 4 h`).
#[must_use]
pub fn spoken(length: Duration) -> String {
    let secs = length.as_secs();
    let parts = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let Some(first) = parts.iter().position(|(unit, _)| secs >= *unit) else {
        return "0 s".to_owned();
    };
    let (unit, name) = parts[first];
    let head = format!("{} {name}", secs / unit);
    // Seconds beside minutes still matter at 3 am; seconds beside hours do not.
    match parts.get(first + 1) {
        Some((small, small_name)) if secs % unit >= *small => {
            format!("{head} {} {small_name}", secs % unit / small)
        }
        _ => head,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_prints_what_it_parses() {
        for text in ["500ms", "30s", "5m", "1h30m", "2d", "1d1h1m1s"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_span_that_is_no_length_of_time_says_how_to_write_one() {
        for text in ["", "5", "m", "5 m", "5x", "-5m", "99999999999999999999s", "9999999999999999w"] {
            let error = text.parse::<Span>().unwrap_err().to_string();
            assert!(error.contains("write it like 30s"), "{text}: {error}");
        }
    }

    #[test]
    fn a_clock_that_jumped_back_gives_no_negative_age() {
        let now = Timestamp::from_secs(100);
        assert_eq!(now.since(Timestamp::from_secs(160)), Duration::ZERO);
        assert_eq!(now.since(Timestamp::from_secs(40)), Duration::from_mins(1));
    }

    #[test]
    fn people_read_two_units_at_most() {
        let said: Vec<_> = [0, 45, 60, 95, 3600, 4800, 187_200].map(|s| spoken(Duration::from_secs(s))).into();
        assert_eq!(said, ["0 s", "45 s", "1 min", "1 min 35 s", "1 h", "1 h 20 min", "2 d 4 h"]);
    }

    #[test]
    fn a_timestamp_prints_in_utc() {
        assert_eq!(Timestamp::from_secs(1_796_000_000).to_string(), "2026-11-30T00:53:20.000Z");
    }
}
