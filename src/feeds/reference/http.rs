//! Requests to an exchange's public API, and its answers as exact numbers.
#![cfg_attr(fuzzing, expect(dead_code, unused_imports, reason = "a fuzz target answers in place of the network"))]

use std::time::Duration;

use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use url::Url;

use crate::body;
use crate::core::decimal::Decimal;

/// Every ticker of Binance at once is about 200 KB.
const REPLY_LIMIT: usize = 4 << 20;
/// When an exchange says "too many" and names no time.
const HOLD: Duration = Duration::from_mins(1);

/// Why an exchange gave no prices.
#[derive(Debug, thiserror::Error)]
pub enum VenueError {
    #[error("too many requests; asking again in {} s", .hold.as_secs())]
    TooMany { hold: Duration },
    #[error("answered {code}: {text}")]
    Status { code: u16, text: String },
    #[error("{0}")]
    Transport(String),
    #[error("sent something else than prices: {0}")]
    Malformed(String),
}

impl VenueError {
    /// The exchange does not have what was asked for (a pair it does not list), rather than trouble.
    pub(super) fn is_about_the_pair(&self) -> bool {
        matches!(self, Self::Status { code: 400 | 404, .. })
    }
}

pub(super) struct Http {
    client: reqwest::Client,
    base: String,
}

impl Http {
    pub fn new(base: &Url, timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            // Coinbase and CoinGecko refuse requests without one.
            .user_agent(concat!("watchkeeper/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, base: base.as_str().trim_end_matches('/').to_owned() })
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, VenueError> {
        let bytes = self.answer(path).await?;
        serde_json::from_slice(&bytes).map_err(|error| VenueError::Malformed(error.to_string()))
    }

    #[cfg(fuzzing)]
    async fn answer(&self, _: &str) -> Result<Vec<u8>, VenueError> {
        Ok(super::ANSWER.with_borrow(Clone::clone))
    }

    #[cfg(not(fuzzing))]
    async fn answer(&self, path: &str) -> Result<Vec<u8>, VenueError> {
        let transport = |error: &reqwest::Error| VenueError::Transport(body::one_line(error));
        let response = self.client.get(format!("{}{path}", self.base)).send().await.map_err(|e| transport(&e))?;
        let (status, hold) = (response.status(), body::retry_after(&response));
        // 418 is Binance's way to say that it banned the address for a while.
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::IM_A_TEAPOT) {
            return Err(VenueError::TooMany { hold: hold.unwrap_or(HOLD).min(HOLD * 60) });
        }
        let bytes =
            body::read(response, REPLY_LIMIT).await.map_err(|error| VenueError::Transport(error.to_string()))?;
        if !status.is_success() {
            return Err(VenueError::Status { code: status.as_u16(), text: body::first_line(&bytes) });
        }
        Ok(bytes)
    }
}

/// A price written as a JSON string or number, exactly. Zero and less are no price of a trade.
pub(super) fn price(raw: &RawValue) -> Option<Decimal> {
    raw.get().trim_matches('"').parse::<Decimal>().ok().filter(|price| price.is_positive())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Decimal> {
        price(&RawValue::from_string(json.to_owned()).unwrap())
    }

    #[test]
    fn prices_are_exact_whether_strings_or_numbers() {
        assert_eq!(read("\"0.10000000\""), Some(Decimal::new(1, -1)));
        assert_eq!(read("0.1"), Some(Decimal::new(1, -1)));
        assert_eq!(read("1.234e-05"), Some(Decimal::new(1234, -8)));
        assert_eq!(read("91250"), Some(Decimal::new(91_250, 0)));
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for json in ["null", "\"\"", "0", "-1", "[]", "\"abc\"", "true"] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
