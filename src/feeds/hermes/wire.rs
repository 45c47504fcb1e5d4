//! Hermes' JSON, read fast when it is well-formed and leniently when it is not.
//! Shapes: <https://hermes.pyth.network/docs>, `PriceUpdate` and `PriceFeedMetadata`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::counters::{Counters, Skipped};
use crate::core::decimal::Decimal;
use crate::core::feed::{Feed, FeedId, PriceUpdate};
use crate::core::market::MarketHours;
use crate::core::time::Timestamp;

/// 9999-12-31: later is no date of a price.
const LAST_SECOND: i64 = 253_402_300_799;

/// A price and its place in the order of updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Received {
    pub update: PriceUpdate,
    /// Two updates can share a second; the slot (absent on old servers) tells which came later.
    pub slot: Option<u64>,
}

/// `binary` is skipped: the signed proof is for contracts.
#[derive(Deserialize)]
struct Strict<'a> {
    #[serde(borrow)]
    parsed: Vec<WireUpdate<'a>>,
}

#[derive(Deserialize)]
struct Lenient<'a> {
    #[serde(borrow)]
    parsed: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireUpdate<'a> {
    id: &'a str,
    #[serde(borrow)]
    price: WirePrice<'a>,
    metadata: Option<WireMetadata>,
}

#[derive(Deserialize)]
struct WirePrice<'a> {
    price: &'a str,
    conf: &'a str,
    expo: i32,
    publish_time: i64,
}

#[derive(Deserialize)]
struct WireMetadata {
    slot: Option<u64>,
}

/// Every readable price in a reply or stream event; the others are counted.
pub(super) fn prices(json: &[u8], counters: &Counters, mut each: impl FnMut(Received)) {
    if let Ok(strict) = serde_json::from_slice::<Strict<'_>>(json) {
        for update in &strict.parsed {
            take(update, counters, &mut each);
        }
        return;
    }
    // One bad update must not cost the others in the same event.
    let Ok(lenient) = serde_json::from_slice::<Lenient<'_>>(json) else {
        counters.skip(Skipped::Malformed);
        return;
    };
    for raw in lenient.parsed {
        match serde_json::from_str::<WireUpdate<'_>>(raw.get()) {
            Ok(update) => take(&update, counters, &mut each),
            Err(_) => counters.skip(Skipped::BadUpdate),
        }
    }
}

fn take(wire: &WireUpdate<'_>, counters: &Counters, each: &mut impl FnMut(Received)) {
    let Ok(feed) = wire.id.parse() else {
        counters.skip(Skipped::BadUpdate);
        return;
    };
    match price(feed, &wire.price) {
        Some(update) => each(Received { update, slot: wire.metadata.as_ref().and_then(|metadata| metadata.slot) }),
        None => counters.skip(Skipped::OutOfRange),
    }
}

fn price(feed: FeedId, wire: &WirePrice<'_>) -> Option<PriceUpdate> {
    let WirePrice { price, conf, expo, publish_time } = *wire;
    let conf: i64 = conf.parse().ok()?;
    if conf < 0 || !(-30..=12).contains(&expo) || !(1..=LAST_SECOND).contains(&publish_time) {
        return None;
    }
    Some(PriceUpdate {
        feed,
        price: Decimal::new(price.parse().ok()?, expo),
        conf: Decimal::new(conf, expo),
        publish_time: Timestamp::from_secs(publish_time),
    })
}

#[derive(Deserialize)]
struct WireFeed {
    id: FeedId,
    #[serde(default)]
    attributes: BTreeMap<String, Option<String>>,
    market_hours: Option<WireHours>,
}

#[derive(Deserialize)]
struct WireHours {
    is_open: bool,
    next_open: Option<i64>,
    next_close: Option<i64>,
}

/// The catalogue (`/v2/price_feeds`); `None` when it is no list at all. Unreadable entries are counted.
pub(super) fn catalogue(json: &[u8], counters: &Counters) -> Option<Vec<Feed>> {
    let entries: Vec<&RawValue> = serde_json::from_slice(json).ok()?;
    let feeds = entries.into_iter().filter_map(|entry| {
        let feed = serde_json::from_str::<WireFeed>(entry.get()).ok().and_then(feed);
        if feed.is_none() {
            counters.skip(Skipped::BadFeed);
        }
        feed
    });
    Some(feeds.collect())
}

fn feed(wire: WireFeed) -> Option<Feed> {
    let WireFeed { id, mut attributes, market_hours } = wire;
    let mut attribute = |name: &str| attributes.remove(name).flatten();
    let symbol = attribute("symbol")?;
    // Old servers write "Crypto Redemption Rate" where new ones write "crypto_redemption_rate".
    let asset_class = attribute("asset_type").unwrap_or_default().to_lowercase().replace(' ', "_");
    let at = |secs: i64| (1..=LAST_SECOND).contains(&secs).then(|| Timestamp::from_secs(secs));
    let hours = match market_hours {
        Some(WireHours { is_open: true, next_open: None, next_close: None }) => MarketHours::Always,
        Some(WireHours { is_open, next_open, next_close }) => MarketHours::Catalogue {
            open: is_open,
            next_open: next_open.and_then(at),
            next_close: next_close.and_then(at),
        },
        // Before August 2026 servers gave the weekly schedule only.
        None => match attribute("schedule").and_then(|text| text.parse().ok()) {
            Some(schedule) => MarketHours::Schedule { schedule },
            None => MarketHours::Always,
        },
    };
    Some(Feed { id, symbol, asset_class, description: attribute("description").unwrap_or_default(), hours })
}

/// The ids in Hermes' 404 text, "Price ids not found: 0x…, 0x…".
pub(super) fn missing_ids(text: &str) -> Vec<FeedId> {
    let Some((_, list)) = text.split_once("Price ids not found:") else {
        return Vec::new();
    };
    list.split(',').filter_map(|id| id.trim().trim_end_matches('.').parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BTC: &str = "e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43";

    fn read(json: &str) -> (Vec<Received>, Counters) {
        let counters = Counters::default();
        let mut all = Vec::new();
        prices(json.as_bytes(), &counters, |received| all.push(received));
        (all, counters)
    }

    fn update(price: &str, expo: i64, publish_time: i64) -> String {
        format!(
            r#"{{"id":"{BTC}","price":{{"price":"{price}","conf":"5","expo":{expo},"publish_time":{publish_time}}},"new":1}}"#
        )
    }

    /// pyth-crosschain developer docs, fetch-price-updates.mdx (Apache-2.0).
    #[test]
    fn a_recorded_reply_is_read_exactly() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/pyth/hermes-v2-latest-2024-05-03.json");
        let Ok(json) = std::fs::read_to_string(path) else {
            println!("skipped: shared data not present");
            return;
        };
        let (all, counters) = read(&json);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].update.price, Decimal::new(6_140_993_501_000, -8));
        assert_eq!(all[0].update.conf.to_string(), "32.87868567");
        assert_eq!(all[0].update.publish_time, Timestamp::from_secs(1_714_746_101));
        assert_eq!(all[0].slot, Some(138_881_186));
        assert!(counters.all_skipped().all(|(_, count)| count == 0));
    }

    #[test]
    fn one_bad_update_does_not_cost_its_neighbours() {
        let (good, bad) = (update("100", -2, 1_714_746_101), r#"{"id":7}"#);
        let (all, counters) = read(&format!(r#"{{"binary":{{}},"parsed":[{bad},{good},null]}}"#));
        assert_eq!(all.len(), 1);
        assert_eq!(counters.skipped(Skipped::BadUpdate), 2);
    }

    #[test]
    fn numbers_no_price_can_have_are_counted() {
        let t = 1_714_746_101;
        let odd = [
            update("9223372036854775808", 0, t),
            update("1.5", 0, t),
            update("1", -99, t),
            update("1", 0, -1),
            update("1", 0, i64::MAX),
        ];
        let (all, counters) = read(&format!(r#"{{"parsed":[{}]}}"#, odd.join(",")));
        assert_eq!((all.len(), counters.skipped(Skipped::OutOfRange)), (0, 5));
    }

    #[test]
    fn what_is_no_price_update_is_counted_as_malformed() {
        for json in ["", "hello", "[]", "{}", "{\"parsed\":3}", "{\"parsed\":[", "null"] {
            assert_eq!(read(json).1.skipped(Skipped::Malformed), 1, "{json}");
        }
    }

    #[test]
    fn a_catalogue_entry_carries_its_market_hours() {
        let json = format!(
            r#"[{{"id":"{BTC}","market_hours":{{"is_open":false,"next_open":1796049000,"next_close":null}},
                 "attributes":{{"symbol":"Equity.US.AAPL/USD","asset_type":"Equity","description":"APPLE INC","min_channel":"x"}}}},
                {{"id":"{BTC}","attributes":{{"symbol":"FX.EUR/USD","schedule":"UTC;O,O,O,O,O,C,C;"}}}},
                {{"id":"short"}}, 5]"#
        );
        let counters = Counters::default();
        let feeds = catalogue(json.as_bytes(), &counters).unwrap();
        assert_eq!(feeds.len(), 2);
        assert!(matches!(feeds[1].hours, MarketHours::Schedule { .. }));
        assert_eq!((feeds[0].short_symbol(), feeds[0].asset_class.as_str()), ("AAPL/USD", "equity"));
        let next_open = Some(Timestamp::from_secs(1_796_049_000));
        assert_eq!(feeds[0].hours, MarketHours::Catalogue { open: false, next_open, next_close: None });
        assert_eq!(counters.skipped(Skipped::BadFeed), 2);
    }

    #[test]
    fn the_ids_hermes_misses_are_read_from_its_text() {
        assert_eq!(missing_ids(&format!("Price ids not found: 0x{BTC}, {BTC}")).len(), 2);
        assert_eq!(missing_ids("Update data not found"), []);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prices(&bytes, &Counters::default(), |_| ());
            let _ = catalogue(&bytes, &Counters::default());
        }

        #[test]
        fn no_truncation_or_flip_of_a_reply_panics(at in 0usize..170, byte in any::<u8>(), cut in any::<bool>()) {
            let mut bytes = format!(r#"{{"parsed":[{}]}}"#, update("100", -2, 1_714_746_101)).into_bytes();
            if cut { bytes.truncate(at); } else if let Some(b) = bytes.get_mut(at) { *b = byte; }
            prices(&bytes, &Counters::default(), |_| ());
        }
    }
}
