//! Where prices come from, in `watchkeeper.yaml`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::feed::FeedId;
use crate::core::time::Span;

/// A Hermes (Pyth) source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HermesSource {
    /// The `source` label of its alerts.
    #[serde(default = "hermes")]
    pub name: String,
    /// Base URLs, tried in this order; the next takes over when one fails.
    pub endpoints: Vec<String>,
    /// The environment variable that holds the API key (NAME_FILE works as well).
    #[serde(default = "hermes_token")]
    pub token_env: String,
    /// Which feeds to watch; all of the catalogue when empty.
    #[serde(default)]
    pub feeds: Selection,
}

/// A feed is watched when any of these names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// Price feed ids, 64 hex digits.
    #[schemars(with = "Vec<String>")]
    pub ids: Vec<FeedId>,
    /// Parts of a symbol, e.g. `SOL/USD` or `Crypto.`.
    pub symbols: Vec<String>,
    /// crypto, equity, fx, metal, rates, commodities …
    pub asset_classes: Vec<String>,
}

/// Reference prices from exchanges, to hold feeds against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct References {
    /// Symbols to compare, e.g. `Crypto.BTC/USD`. None: no comparison.
    pub symbols: Vec<String>,
    /// How often each venue is asked.
    pub every: Span,
    pub coinbase: Venue,
    pub kraken: Venue,
    pub binance: Venue,
    pub coingecko: Venue,
}

impl Default for References {
    fn default() -> Self {
        Self {
            symbols: Vec::new(),
            every: Span::from_secs(15),
            coinbase: Venue::default(),
            kraken: Venue::default(),
            binance: Venue::default(),
            coingecko: Venue::default(),
        }
    }
}

/// One exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Venue {
    pub enabled: bool,
    /// Base URL; the exchange's own when absent.
    pub url: Option<String>,
}

impl Default for Venue {
    fn default() -> Self {
        Self { enabled: true, url: None }
    }
}

fn hermes() -> String {
    "hermes".to_owned()
}

fn hermes_token() -> String {
    "HERMES_TOKEN".to_owned()
}
