//! Coinbase Exchange: `GET /products/{BASE-USD}/ticker`, one request a pair.
//! <https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-product-ticker>

use serde::Deserialize;
use serde_json::value::RawValue;

use super::http::Http;
use super::{Fetched, Pair, Venue, VenueError};
use crate::core::time::Timestamp;

pub(super) struct Coinbase;

#[derive(Deserialize)]
struct Ticker {
    price: Box<RawValue>,
    time: Option<String>,
}

impl Venue for Coinbase {
    const NAME: &'static str = "coinbase";

    fn listing(base: &str) -> Option<String> {
        Some(format!("{base}-USD"))
    }

    async fn fetch(http: &Http, pairs: &[Pair], fetched: &mut Fetched) -> Result<(), VenueError> {
        for pair in pairs {
            match http.get::<Ticker>(&format!("/products/{}/ticker", pair.listing)).await {
                Ok(ticker) => fetched.price(pair, &ticker.price, ticker.time.as_deref().and_then(at)),
                Err(error) if error.is_about_the_pair() => fetched.unlisted(pair),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The time of the last trade.
fn at(time: &str) -> Option<Timestamp> {
    Some(Timestamp::from_millis(time.parse::<jiff::Timestamp>().ok()?.as_millisecond()))
}
