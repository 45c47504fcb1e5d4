//! Asking each endpoint once whether it would do, for `doctor`.

use std::time::Duration;

use super::endpoint::Endpoints;
use super::{Counters, Settings, wire};
use crate::clock::SharedClock;

/// Each endpoint with the number of feeds it lists, or why it gave none.
pub async fn probe(settings: &Settings, clock: &SharedClock, within: Duration) -> Vec<(String, Result<usize, String>)> {
    let mut answers = Vec::new();
    for base in &settings.endpoints {
        let one = std::slice::from_ref(base);
        let token = (settings.token.clone(), settings.token_env.clone());
        let answer = match Endpoints::new(one, token, clock.clone(), settings.timeouts) {
            Ok(endpoints) => tokio::time::timeout(within, ask(&endpoints))
                .await
                .unwrap_or_else(|_| Err(format!("no answer within {} s", within.as_secs()))),
            Err(error) => Err(error.to_string()),
        };
        answers.push((base.host_str().unwrap_or("?").to_owned(), answer));
    }
    answers
}

async fn ask(endpoints: &Endpoints) -> Result<usize, String> {
    let endpoint = endpoints.next().await.ok_or("no address is configured")?;
    let body = endpoints.get(endpoint, "/v2/price_feeds").await.map_err(|error| error.to_string())?;
    let feeds = wire::catalogue(&body, &Counters::default()).ok_or("its catalogue cannot be read")?;
    Ok(feeds.len())
}
