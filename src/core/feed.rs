//! Price feeds and what is observed of them. Words as Pyth uses them: price, conf, expo, publish_time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::decimal::Decimal;
use super::market::MarketHours;
use super::time::Timestamp;

/// A Pyth price feed id: 32 bytes, 64 lower-case hex digits in text, no `0x`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FeedId([u8; 32]);

impl FeedId {
    /// A number that spreads feeds evenly, the same on every machine and release: FNV-1a, whose low bits alone would tell
    /// little, mixed as MurmurHash3 ends.
    #[must_use]
    pub fn spread(&self) -> u64 {
        let bytes = self.0.iter().copied().map(u64::from);
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ byte).wrapping_mul(0x0100_0000_01b3));
        let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^ (hash >> 33)
    }
}

impl fmt::Display for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What was written where a feed id belongs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a price feed id (64 hex digits, with or without 0x)")]
pub struct InvalidFeedId(pub String);

impl FromStr for FeedId {
    type Err = InvalidFeedId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| InvalidFeedId(text.to_owned()))?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for FeedId {
    type Error = InvalidFeedId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<FeedId> for String {
    fn from(id: FeedId) -> Self {
        id.to_string()
    }
}

/// One entry of the feed catalogue (Hermes `/v2/price_feeds`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feed {
    pub id: FeedId,
    /// Full symbol with its class prefix, e.g. `Crypto.SOL/USD`, `Equity.US.AAPL/USD`.
    pub symbol: String,
    /// Lower-case class as Hermes spells it: `crypto`, `equity`, `fx`, `metal`, `rates`, `commodities` …
    pub asset_class: String,
    /// e.g. `SOLANA / US DOLLAR`; empty when the catalogue has none.
    pub description: String,
    /// When its market trades; a closed market is not stale.
    pub hours: MarketHours,
}

impl Feed {
    /// The symbol without its class prefix: `SOL/USD`, and `AAPL/USD.PRE` of `Equity.US.AAPL/USD.PRE`.
    #[must_use]
    pub fn short_symbol(&self) -> &str {
        let base_end = self.symbol.find('/').unwrap_or(self.symbol.len());
        let prefix = self.symbol[..base_end].rfind('.').map_or(0, |dot| dot + 1);
        &self.symbol[prefix..]
    }
}

/// One price as a source published it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriceUpdate {
    pub feed: FeedId,
    pub price: Decimal,
    /// Half-width of the confidence interval, in the price's own unit.
    pub conf: Decimal,
    pub publish_time: Timestamp,
}

/// A price for the same thing from elsewhere (an exchange), in the feed's quote currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferencePrice {
    pub feed: FeedId,
    /// `coinbase`, `kraken`, `binance`, `coingecko`
    pub venue: String,
    pub price: Decimal,
    pub observed_at: Timestamp,
}

/// Whether a source (a Hermes host set) gives anything at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceStatus {
    /// Connected and delivering since.
    Up { since: Timestamp, endpoint: String },
    /// No endpoint of it answers; `error` is one line, safe to show.
    Down { since: Timestamp, error: String },
}

/// What the outside told us about feeds; the only thing detectors see.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    Catalogue { source: String, feeds: Vec<Feed> },
    Price { source: String, update: PriceUpdate },
    Reference(ReferencePrice),
    Source { source: String, status: SourceStatus },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_id_is_64_hex_digits_with_or_without_0x() {
        let digits = "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d";
        let id: FeedId = digits.to_uppercase().parse().unwrap();
        assert_eq!(id.to_string(), digits);
        assert_eq!(format!("0x{digits}").parse::<FeedId>().unwrap(), id);
        assert!(digits[1..].parse::<FeedId>().is_err());
    }

    #[test]
    fn the_short_symbol_drops_the_class_and_keeps_the_session() {
        for (symbol, short) in [
            ("Crypto.SOL/USD", "SOL/USD"),
            ("Equity.US.AAPL/USD.PRE", "AAPL/USD.PRE"),
            ("Rates.US10Y", "US10Y"),
            ("plain", "plain"),
        ] {
            let feed = Feed {
                id: "00".repeat(32).parse().unwrap(),
                symbol: symbol.to_owned(),
                asset_class: String::new(),
                description: String::new(),
                hours: MarketHours::Always,
            };
            assert_eq!(feed.short_symbol(), short);
        }
    }
}
