//! Feeds, prices and venues for the detectors' tests.

use crate::core::decimal::Decimal;
use crate::core::feed::{Feed, FeedId, Observation, PriceUpdate, ReferencePrice};
use crate::core::market::MarketHours;
use crate::core::signal::{Condition, Evidence, Signal};
use crate::core::time::Timestamp;

pub(super) const SOURCE: &str = "hermes";

/// Its id is made from its symbol.
pub(super) fn feed(symbol: &str, class: &str) -> Feed {
    let hex = hex::encode(symbol) + &"0".repeat(64);
    Feed {
        id: hex[..64].parse().unwrap(),
        symbol: symbol.to_owned(),
        asset_class: class.to_owned(),
        description: String::new(),
        hours: MarketHours::Always,
    }
}

pub(super) fn quote(feed: FeedId, venue: &str, price: Decimal, observed_at: Timestamp) -> ReferencePrice {
    ReferencePrice { feed, venue: venue.to_owned(), price, observed_at }
}

pub(super) fn catalogue(feeds: &[Feed]) -> Observation {
    Observation::Catalogue { source: SOURCE.to_owned(), feeds: feeds.to_vec() }
}

/// A price published now with a confidence of one basis point.
pub(super) fn price(feed: FeedId, price: Decimal, now: Timestamp) -> Observation {
    let conf = Decimal::new(price.mantissa / 10_000, price.expo);
    Observation::Price { source: SOURCE.to_owned(), update: PriceUpdate { feed, price, conf, publish_time: now } }
}

pub(super) fn active(signals: &[Signal], alertname: &str) -> Option<Evidence> {
    signals.iter().rev().find(|s| s.labels.get("alertname") == Some(alertname)).and_then(|s| match &s.condition {
        Condition::Active(evidence) => Some(evidence.clone()),
        Condition::Inactive => None,
    })
}
