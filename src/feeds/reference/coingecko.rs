//! CoinGecko: `GET /api/v3/simple/price`, one request for all coins, by CoinGecko's own coin ids.
//! <https://docs.coingecko.com/reference/simple-price>

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::http::Http;
use super::{Fetched, Pair, Venue, VenueError};
use crate::core::time::Timestamp;

pub(super) struct Coingecko;

#[derive(Deserialize)]
struct Coin {
    usd: Option<Box<RawValue>>,
    last_updated_at: Option<i64>,
}

impl Venue for Coingecko {
    const NAME: &'static str = "coingecko";

    /// Symbols are not unique there, so that only well-known coins have a name by themselves.
    fn listing(base: &str) -> Option<String> {
        let id = match base {
            "BTC" => "bitcoin",
            "ETH" => "ethereum",
            "SOL" => "solana",
            "BNB" => "binancecoin",
            "XRP" => "ripple",
            "DOGE" => "dogecoin",
            "ADA" => "cardano",
            "AVAX" => "avalanche-2",
            "LINK" => "chainlink",
            "DOT" => "polkadot",
            "LTC" => "litecoin",
            "ATOM" => "cosmos",
            "UNI" => "uniswap",
            "AAVE" => "aave",
            "ARB" => "arbitrum",
            "OP" => "optimism",
            "SUI" => "sui",
            "APT" => "aptos",
            "NEAR" => "near",
            "INJ" => "injective-protocol",
            "TIA" => "celestia",
            "JTO" => "jito-governance-token",
            "PYTH" => "pyth-network",
            "USDC" => "usd-coin",
            "USDT" => "tether",
            _ => return None,
        };
        Some(id.to_owned())
    }

    async fn fetch(http: &Http, pairs: &[Pair], fetched: &mut Fetched) -> Result<(), VenueError> {
        let ids: Vec<_> = pairs.iter().map(|pair| &*pair.listing).collect();
        let query = format!("ids={}&vs_currencies=usd&include_last_updated_at=true", ids.join(","));
        let coins: HashMap<String, Coin> = http.get(&format!("/api/v3/simple/price?{query}")).await?;
        for pair in pairs {
            match coins.get(&pair.listing) {
                Some(Coin { usd: Some(raw), last_updated_at }) => {
                    fetched.price(pair, raw, last_updated_at.map(Timestamp::from_secs));
                }
                // The coin exists and has no price just now.
                Some(Coin { usd: None, .. }) => {}
                None => fetched.unlisted(pair),
            }
        }
        Ok(())
    }
}
