//! A feed's limits: built in by asset class, and what configuration changes about them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::market::Schedule;
use crate::core::time::Span;

use super::rules::RuleName;

/// Every limit of one feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Never stale before this age.
    pub stale_min: Span,
    /// Always stale, and critical, from this age on.
    pub stale_max: Span,
    /// Between the two: this many times the age at which new prices usually have come (99.5 % of them).
    pub stale_factor: u32,
    /// Half the confidence interval, in basis points of the price.
    pub confidence_bps: u32,
    /// The least move, within ten seconds, that can be a jump.
    pub jump_bps: u32,
    /// A jump is shown at least this long.
    pub jump_hold: Span,
    /// The least distance from the venues' median, which grows with their own spread and the feed's confidence.
    pub deviation_bps: u32,
    /// A venue's price that is older has no say.
    pub reference_max_age: Span,
    /// After the market opens, this long nothing is held against the feed.
    pub open_grace: Span,
    /// Whether zero and negative prices are legal.
    pub negative_prices: bool,
    /// Market hours in place of the catalogue's.
    pub hours: Option<Schedule>,
    pub disabled: Vec<RuleName>,
}

/// What configuration changes about a feed's limits; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Overrides {
    /// Never stale before this age.
    pub stale_min: Option<Span>,
    /// Always stale, and critical, from this age on.
    pub stale_max: Option<Span>,
    /// Between the two: this many times the age at which new prices usually have come.
    pub stale_factor: Option<u32>,
    /// Confidence (half the interval) in basis points of the price; 100 is 1 %.
    pub confidence_bps: Option<u32>,
    /// The least move within ten seconds that can be a jump, in basis points.
    pub jump_bps: Option<u32>,
    /// A jump is shown at least this long.
    pub jump_hold: Option<Span>,
    /// The least distance from the venues' median, in basis points.
    pub deviation_bps: Option<u32>,
    /// A venue's price that is older has no say.
    pub reference_max_age: Option<Span>,
    /// After the market opens, this long nothing is held against the feed.
    pub open_grace: Option<Span>,
    /// Whether zero and negative prices are legal.
    pub negative_prices: Option<bool>,
    /// Market hours in place of the catalogue's, in Pyth's format.
    pub hours: Option<Schedule>,
    /// Rules that are off for these feeds.
    pub disabled: Vec<RuleName>,
}

impl Thresholds {
    /// Asset classes with limits of their own.
    pub(super) const CLASSES: [&str; 6] = ["crypto", "fx", "equity", "metal", "commodities", "rates"];

    /// Limits by asset class: first age warning and critical (s), then confidence, jump and deviation (bps), then
    /// the grace after the market opens (s).
    pub(super) fn built_in(class: &str) -> Self {
        let (stale_min, stale_max, confidence_bps, jump_bps, deviation_bps, open_grace) = match class {
            "crypto" => (30, 120, 200, 300, 100, 60),
            "fx" => (60, 300, 25, 50, 30, 300),
            "equity" => (60, 300, 100, 200, 100, 120),
            "metal" => (60, 300, 50, 100, 75, 300),
            "commodities" | "commodity" => (120, 900, 100, 200, 100, 300),
            "rates" => (600, 3600, 500, 500, 200, 300),
            _ => (120, 900, 500, 500, 200, 300),
        };
        Self {
            stale_min: Span::from_secs(stale_min),
            stale_max: Span::from_secs(stale_max),
            stale_factor: 5,
            confidence_bps,
            jump_bps,
            jump_hold: Span::from_secs(60),
            deviation_bps,
            reference_max_age: Span::from_secs(60),
            open_grace: Span::from_secs(open_grace),
            // WTI settled at -37.63 USD on 2020-04-20; rates, spreads and economic data go below zero at any time.
            negative_prices: !matches!(class, "crypto" | "equity" | "fx" | "metal"),
            hours: None,
            disabled: Vec::new(),
        }
    }

    pub(super) fn apply(&mut self, overrides: &Overrides) {
        let Overrides {
            stale_min,
            stale_max,
            stale_factor,
            confidence_bps,
            jump_bps,
            jump_hold,
            deviation_bps,
            reference_max_age,
            open_grace,
            negative_prices,
            hours,
            disabled,
        } = overrides;
        set(&mut self.stale_min, *stale_min);
        set(&mut self.stale_max, *stale_max);
        set(&mut self.stale_factor, *stale_factor);
        set(&mut self.confidence_bps, *confidence_bps);
        set(&mut self.jump_bps, *jump_bps);
        set(&mut self.jump_hold, *jump_hold);
        set(&mut self.deviation_bps, *deviation_bps);
        set(&mut self.reference_max_age, *reference_max_age);
        set(&mut self.open_grace, *open_grace);
        set(&mut self.negative_prices, *negative_prices);
        if hours.is_some() {
            self.hours.clone_from(hours);
        }
        self.disabled.extend(disabled);
    }

    /// What contradicts itself once everything is applied to a class.
    pub(super) fn contradiction(&self, class: &str) -> Option<String> {
        let (min, max) = (self.stale_min, self.stale_max);
        let text = || {
            format!("rules.classes.{class}.stale_min: {min} is longer than stale_max {max}; set both for this class")
        };
        (min > max).then(text)
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

impl Overrides {
    /// Values that can never be meant.
    pub(super) fn problems(&self, key: &str) -> Vec<String> {
        let counts = [
            ("stale_factor", self.stale_factor),
            ("confidence_bps", self.confidence_bps),
            ("jump_bps", self.jump_bps),
            ("deviation_bps", self.deviation_bps),
        ];
        let spans = [
            ("stale_min", self.stale_min),
            ("stale_max", self.stale_max),
            ("jump_hold", self.jump_hold),
            ("reference_max_age", self.reference_max_age),
        ];
        let zero =
            |name: &str| format!("{key}.{name}: must be more than zero; to switch a rule off name it in `disabled`");
        let counts = counts.iter().filter(|(_, value)| *value == Some(0)).map(|(name, _)| zero(name));
        let spans =
            spans.iter().filter(|(_, value)| value.is_some_and(|v| v.duration().is_zero())).map(|(name, _)| zero(name));
        let backwards = match (self.stale_min, self.stale_max) {
            (Some(min), Some(max)) if min > max => {
                Some(format!("{key}.stale_min: {min} is longer than stale_max {max}"))
            }
            _ => None,
        };
        let source = self.disabled.contains(&RuleName::FeedSourceDown).then(|| {
            format!("{key}.disabled: FeedSourceDown belongs to a source, not to a feed; set rules.source_down.enabled: false")
        });
        counts.chain(spans).chain(backwards).chain(source).collect()
    }
}
