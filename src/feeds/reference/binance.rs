//! Binance: `GET /api/v3/ticker/price?symbols=[…]`, one request for all pairs. Quoted in USDT, which Binance has in
//! place of dollars.
//! <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#symbol-price-ticker>

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::http::Http;
use super::{Fetched, Pair, Venue, VenueError};

pub(super) struct Binance;

#[derive(Deserialize)]
struct Ticker {
    symbol: String,
    price: Box<RawValue>,
}

impl Venue for Binance {
    const NAME: &'static str = "binance";

    fn listing(base: &str) -> Option<String> {
        // A dollar stablecoin in another one says nothing about dollars.
        (base != "USDT").then(|| format!("{base}USDT"))
    }

    async fn fetch(http: &Http, pairs: &[Pair], fetched: &mut Fetched) -> Result<(), VenueError> {
        let names: Vec<_> = pairs.iter().map(|pair| format!("%22{}%22", pair.listing)).collect();
        let some = http.get::<Vec<Ticker>>(&format!("/api/v3/ticker/price?symbols=%5B{}%5D", names.join(","))).await;
        let tickers = match some {
            // One unknown symbol (-1121) fails the whole list without being named; the full list tells which it was.
            Err(VenueError::Status { code: 400, .. }) => http.get("/api/v3/ticker/price").await?,
            some => some?,
        };
        let prices: HashMap<&str, &RawValue> = tickers.iter().map(|ticker| (&*ticker.symbol, &*ticker.price)).collect();
        for pair in pairs {
            match prices.get(&*pair.listing) {
                Some(raw) => fetched.price(pair, raw, None),
                None => fetched.unlisted(pair),
            }
        }
        Ok(())
    }
}
