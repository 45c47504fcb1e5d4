//! Kraken: `GET /0/public/Ticker?pair=A,B`, one request for all pairs.
//! <https://docs.kraken.com/api/docs/rest-api/get-ticker-information>

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::http::Http;
use super::{Fetched, Pair, Venue, VenueError};

pub(super) struct Kraken;

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    error: Vec<String>,
    /// By Kraken's canonical name, which need not be the one that was asked for.
    #[serde(default)]
    result: HashMap<String, Ticker>,
}

#[derive(Deserialize)]
struct Ticker {
    /// Last trade: price, volume.
    c: Vec<Box<RawValue>>,
}

impl Venue for Kraken {
    const NAME: &'static str = "kraken";

    fn listing(base: &str) -> Option<String> {
        let base = match base {
            "BTC" => "XBT",
            "DOGE" => "XDG",
            other => other,
        };
        Some(format!("{base}USD"))
    }

    async fn fetch(http: &Http, pairs: &[Pair], fetched: &mut Fetched) -> Result<(), VenueError> {
        let names: Vec<_> = pairs.iter().map(|pair| &*pair.listing).collect();
        let mut reply: Reply = http.get(&format!("/0/public/Ticker?pair={}", names.join(","))).await?;
        if reply.error.iter().any(|error| error.contains("Unknown asset pair")) {
            // One unknown pair fails the whole list without being named; the full list tells which it was.
            reply = http.get("/0/public/Ticker").await?;
        }
        if let Some(error) = reply.error.into_iter().next() {
            return Err(refusal(error));
        }
        for pair in pairs {
            match canonical(&pair.listing).iter().find_map(|name| reply.result.get(name)) {
                Some(Ticker { c: last }) => match last.first() {
                    Some(raw) => fetched.price(pair, raw, None),
                    None => fetched.unreadable += 1,
                },
                None => fetched.unlisted(pair),
            }
        }
        Ok(())
    }
}

/// The names under which Kraken may answer for `XBTUSD`: as it is, or with its old class letters (X a coin, Z money).
fn canonical(listing: &str) -> Vec<String> {
    let mut names = vec![listing.to_owned()];
    if let Some((base, quote)) = listing.len().checked_sub(3).and_then(|at| listing.split_at_checked(at)) {
        names.extend(["X", "Z"].map(|class| format!("{class}{base}Z{quote}")));
    }
    names
}

/// Kraken reports its limits in a reply that is otherwise a success.
fn refusal(error: String) -> VenueError {
    if error.contains("Too many requests") || error.contains("Rate limit") {
        VenueError::TooMany { hold: Duration::from_mins(1) }
    } else {
        VenueError::Status { code: 200, text: error }
    }
}
