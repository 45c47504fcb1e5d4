//! The `rules:` section of the configuration: what is noteworthy, how long it must last, and how bad it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::feed::Feed;
use crate::core::severity::Severity;
use crate::core::time::Span;

use super::thresholds::{Overrides, Thresholds};

/// A rule's name as it stands in the label `alertname`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RuleName {
    /// No new price for longer than the feed's own rhythm allows. Critical past its hard limit.
    FeedStale,
    /// The confidence interval is too wide for the price. Critical when it is as wide as the price itself.
    FeedConfidenceWide,
    /// The price moved further at once than it ever does. Critical when it slipped by a power of ten or is not positive.
    FeedPriceJump,
    /// The price is off the median of at least three venues. Critical far off.
    FeedDeviation,
    /// A whole source gives nothing. Inhibits the other four for its feeds.
    FeedSourceDown,
}

impl RuleName {
    pub const ALL: [Self; 5] =
        [Self::FeedStale, Self::FeedConfidenceWide, Self::FeedPriceJump, Self::FeedDeviation, Self::FeedSourceDown];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FeedStale => "FeedStale",
            Self::FeedConfidenceWide => "FeedConfidenceWide",
            Self::FeedPriceJump => "FeedPriceJump",
            Self::FeedDeviation => "FeedDeviation",
            Self::FeedSourceDown => "FeedSourceDown",
        }
    }

    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text)
    }

    /// Its key in the `rules:` section.
    const fn key(self) -> &'static str {
        match self {
            Self::FeedStale => "stale",
            Self::FeedConfidenceWide => "confidence_wide",
            Self::FeedPriceJump => "price_jump",
            Self::FeedDeviation => "deviation",
            Self::FeedSourceDown => "source_down",
        }
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the watch looks for. Thresholds are built in for each asset class; `defaults` changes them for every feed,
/// `classes` for one asset class, `feeds` for single feeds, the later over the earlier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    pub stale: RuleConfig,
    pub confidence_wide: RuleConfig,
    pub price_jump: RuleConfig,
    pub deviation: RuleConfig,
    pub source_down: RuleConfig,
    /// A connected source is down when more than half of its open feeds gave nothing new for this long. Default 15s.
    pub silent_after: Span,
    pub defaults: Overrides,
    /// By asset class as Hermes spells it: `crypto`, `fx`, `equity`, `metal`, `rates`, `commodities` …
    pub classes: BTreeMap<String, Overrides>,
    /// In order; every entry that matches a feed applies.
    pub feeds: Vec<FeedOverrides>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            stale: RuleConfig::default(),
            confidence_wide: RuleConfig::default(),
            price_jump: RuleConfig::default(),
            deviation: RuleConfig::default(),
            source_down: RuleConfig::default(),
            silent_after: Span::from_secs(15),
            defaults: Overrides::default(),
            classes: BTreeMap::new(),
            feeds: Vec::new(),
        }
    }
}

/// One rule's behaviour; what is absent keeps the built-in value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RuleConfig {
    /// Off when false. Default true.
    pub enabled: Option<bool>,
    /// The least severity; a worse case is raised to critical by itself.
    pub severity: Option<Severity>,
    /// The condition must hold this long before the alert fires.
    pub pending_for: Option<Span>,
    /// The alert goes on this long after the condition ended.
    pub keep_firing_for: Option<Span>,
}

/// Thresholds of the feeds whose symbol matches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedOverrides {
    /// Full symbols, `*` for anything, case ignored: `Crypto.BTC/USD`, `Equity.US.*`.
    pub symbols: Vec<String>,
    pub thresholds: Overrides,
}

/// One rule's behaviour with every value present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleSettings {
    pub enabled: bool,
    pub severity: Severity,
    pub pending_for: Span,
    pub keep_firing_for: Span,
}

impl Rules {
    const fn config(&self, rule: RuleName) -> &RuleConfig {
        match rule {
            RuleName::FeedStale => &self.stale,
            RuleName::FeedConfidenceWide => &self.confidence_wide,
            RuleName::FeedPriceJump => &self.price_jump,
            RuleName::FeedDeviation => &self.deviation,
            RuleName::FeedSourceDown => &self.source_down,
        }
    }

    #[must_use]
    pub fn settings(&self, rule: RuleName) -> RuleSettings {
        // A source is called down before its feeds can be called stale, so that a total outage is one alert; and it
        // lets go after they recover, so that none of them shows up for a moment at the end.
        let (severity, pending, keep) = match rule {
            RuleName::FeedStale => (Severity::Warning, 10, 10),
            RuleName::FeedConfidenceWide => (Severity::Warning, 15, 30),
            RuleName::FeedPriceJump => (Severity::Warning, 0, 0),
            RuleName::FeedDeviation => (Severity::Warning, 10, 30),
            RuleName::FeedSourceDown => (Severity::Critical, 5, 20),
        };
        let config = self.config(rule);
        RuleSettings {
            enabled: config.enabled.unwrap_or(true),
            severity: config.severity.unwrap_or(severity),
            pending_for: config.pending_for.unwrap_or(Span::from_secs(pending)),
            keep_firing_for: config.keep_firing_for.unwrap_or(Span::from_secs(keep)),
        }
    }

    /// The thresholds that hold for this feed.
    #[must_use]
    pub fn thresholds(&self, feed: &Feed) -> Thresholds {
        let mut thresholds = self.class_thresholds(&feed.asset_class);
        let for_it = |entry: &&FeedOverrides| entry.symbols.iter().any(|glob| glob_matches(glob, &feed.symbol));
        for entry in self.feeds.iter().filter(for_it) {
            thresholds.apply(&entry.thresholds);
        }
        thresholds
    }

    fn class_thresholds(&self, class: &str) -> Thresholds {
        let mut thresholds = Thresholds::built_in(class);
        thresholds.apply(&self.defaults);
        if let Some(overrides) = self.classes.get(class) {
            thresholds.apply(overrides);
        }
        thresholds
    }

    /// What is wrong with these rules, each with the key it stands at; empty when they can be used.
    #[must_use]
    pub fn validate(&self) -> Vec<String> {
        let mut problems = self.defaults.problems("rules.defaults");
        for (class, overrides) in &self.classes {
            let key = format!("rules.classes.{class}");
            problems.extend(overrides.problems(&key));
            if class.chars().any(char::is_uppercase) {
                problems.push(format!("{key}: asset classes are lower case; write {}", class.to_lowercase()));
            }
        }
        let classes: BTreeSet<&str> =
            Thresholds::CLASSES.into_iter().chain(self.classes.keys().map(String::as_str)).collect();
        problems.extend(classes.into_iter().filter_map(|class| self.class_thresholds(class).contradiction(class)));
        for (index, entry) in self.feeds.iter().enumerate() {
            let key = format!("rules.feeds[{index}]");
            if entry.symbols.is_empty() || entry.symbols.iter().any(|glob| glob.trim().is_empty()) {
                problems.push(format!("{key}.symbols: name at least one symbol, like Crypto.BTC/USD or Equity.US.*"));
            }
            problems.extend(entry.thresholds.problems(&format!("{key}.thresholds")));
        }
        problems.extend(self.timing_problem());
        problems
    }

    /// A source alert that comes after its feeds' alerts inhibits nothing.
    fn timing_problem(&self) -> Option<String> {
        let (source, stale) = (self.settings(RuleName::FeedSourceDown), self.settings(RuleName::FeedStale));
        let source_fires = self.silent_after.duration() + source.pending_for.duration();
        let classes = self.classes.keys().map(String::as_str).chain(Thresholds::CLASSES);
        let soonest = classes.map(|class| self.class_thresholds(class).stale_min).min()?;
        let feed_fires = soonest.duration() + stale.pending_for.duration();
        let late = source.enabled && stale.enabled && source_fires >= feed_fires;
        late.then(|| {
            format!(
                "rules.silent_after: {} plus rules.{}.pending_for {} must be shorter than the shortest stale_min {soonest} \
                 plus rules.{}.pending_for {}, or an outage is an alert for every feed",
                self.silent_after,
                RuleName::FeedSourceDown.key(),
                source.pending_for,
                RuleName::FeedStale.key(),
                stale.pending_for,
            )
        })
    }
}

/// `*` stands for any run of characters; case is ignored.
fn glob_matches(glob: &str, text: &str) -> bool {
    let (glob, text) = (glob.trim().to_lowercase(), text.to_lowercase());
    let mut parts = glob.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_match_globs_without_regard_to_case() {
        for (glob, matches) in [
            ("Crypto.SOL/USD", true),
            ("crypto.sol/usd", true),
            ("Crypto.*", true),
            ("*SOL*", true),
            ("*", true),
            ("**/USD", true),
            ("C*O*D", true),
            ("Crypto.SOL", false),
            ("SOL/USD", false),
            ("*.SOL/US", false),
            ("Crypto.SOL/USD*D", false),
            ("", false),
        ] {
            assert_eq!(glob_matches(glob, "Crypto.SOL/USD"), matches, "{glob}");
        }
    }

    #[test]
    fn rules_without_a_word_are_valid() {
        assert_eq!(Rules::default().validate(), Vec::<String>::new());
    }

    #[test]
    fn one_changed_value_keeps_the_others() {
        let rules: Rules = serde_json::from_value(serde_json::json!({
            "stale": { "severity": "critical" },
            "classes": { "crypto": { "jump_bps": 700 } },
            "feeds": [{ "symbols": ["Crypto.SOL/*"], "thresholds": { "stale_min": "45s" } }],
        }))
        .unwrap();
        let built_in = Rules::default();
        let stale = rules.settings(RuleName::FeedStale);
        assert_eq!(stale.severity, Severity::Critical);
        assert_eq!(stale.pending_for, built_in.settings(RuleName::FeedStale).pending_for);
        let feed = crate::core::detect::testing::feed("Crypto.SOL/USD", "crypto");
        let thresholds = rules.thresholds(&feed);
        assert_eq!((thresholds.jump_bps, thresholds.stale_min), (700, Span::from_secs(45)));
        assert_eq!(thresholds.confidence_bps, built_in.thresholds(&feed).confidence_bps);
    }

    #[test]
    fn problems_name_their_key() {
        let rules: Rules = serde_json::from_value(serde_json::json!({
            "silent_after": "1m",
            "classes": { "FX": {}, "fx": { "stale_min": "10m", "stale_max": "1m" } },
            "defaults": { "confidence_bps": 0 },
            "feeds": [{ "symbols": [], "thresholds": {} }],
        }))
        .unwrap();
        let problems = rules.validate();
        for key in [
            "rules.defaults.confidence_bps:",
            "rules.classes.FX:",
            "rules.classes.fx.stale_min:",
            "rules.feeds[0].symbols:",
            "rules.silent_after:",
        ] {
            assert!(problems.iter().any(|problem| problem.starts_with(key)), "{key} {problems:#?}");
        }
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        assert!(serde_json::from_value::<Rules>(serde_json::json!({ "stail": {} })).is_err());
        assert!(serde_json::from_value::<Rules>(serde_json::json!({ "defaults": { "jump": 1 } })).is_err());
    }
}
