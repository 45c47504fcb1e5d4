//! Why a feed has no alert: each rule's measure beside its limit.

use std::sync::PoisonError;

use crate::core::detect::{FeedView, RuleName};
use crate::core::feed::Feed;
use crate::core::time::{Timestamp, spoken};
use crate::slack::blocks::why::{Check, why_quiet};
use crate::slack::message::Message;

use super::Flow;

impl Flow {
    pub(super) fn why_quiet(&self, feed: &Feed) -> Message {
        let now = self.now();
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let measured = watch.feed(&feed.id).map(|view| measured(&view, now)).unwrap_or_default();
        let checks: Vec<Check> =
            measured.iter().map(|(rule, value, limit)| Check { rule: rule.as_str(), value, limit }).collect();
        why_quiet(feed.short_symbol(), &checks)
    }
}

/// The rules that hold for the feed: what is measured (empty when nothing can be) and the limit.
fn measured(view: &FeedView, now: Timestamp) -> Vec<(RuleName, String, String)> {
    let limits = view.thresholds();
    let age = match view.age(now) {
        _ if !view.market_open() => "market closed".to_owned(),
        Some(age) => format!("{} old", spoken(age)),
        None => String::new(),
    };
    let median = view.reference_median(now);
    let distance = view.price().zip(median).and_then(|(price, median)| price.price.distance_bps(median));
    let percent_of = |bps: Option<u64>| bps.map(percent).unwrap_or_default();
    let all = [
        (RuleName::FeedStale, age, spoken(view.stale_limit())),
        (RuleName::FeedConfidenceWide, percent_of(view.confidence_bps()), percent(limits.confidence_bps.into())),
        (RuleName::FeedPriceJump, "no jump".to_owned(), percent(limits.jump_bps.into())),
        (RuleName::FeedDeviation, percent_of(distance), percent(limits.deviation_bps.into())),
    ];
    all.into_iter().filter(|(rule, _, _)| !limits.disabled.contains(rule)).collect()
}

fn percent(bps: u64) -> String {
    format!("{}.{:02} %", bps / 100, bps % 100)
}
