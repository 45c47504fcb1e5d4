//! One stream of prices: opened, topped up with a snapshot, read until it ends, and opened again.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::pin;
use std::sync::Arc;

use tracing::warn;

use super::counters::Skipped;
use super::endpoint::{Endpoint, FetchError};
use super::outlet::Outlet;
use super::sse::{Decoder, Item};
use super::{Hermes, wire};
use crate::body;
use crate::core::feed::FeedId;

/// 71 bytes each keep the URL under 8 KB, the common limit of proxies.
pub(super) const IDS_PER_URL: usize = 100;

/// An event of 100 feeds is about 60 KB; more than this is no price update.
const EVENT_LIMIT: usize = 4 << 20;

/// Follows `ids` until aborted, or until Hermes knows none of them.
pub(super) async fn follow(hermes: Arc<Hermes>, outlet: Arc<Outlet>, number: usize, ids: Vec<FeedId>) {
    let mut reader = Reader { hermes: &hermes, outlet: &outlet, number, ids, failures: 0 };
    while !reader.ids.is_empty() {
        let Some(endpoint) = hermes.endpoints.next().await else {
            return;
        };
        let error = reader.read(endpoint).await;
        if reader.drop_missing(&error) {
            continue;
        }
        reader.failures += 1;
        hermes.counters.reconnect();
        hermes.endpoints.fail_over(endpoint);
        hermes.failed(number, reader.failures, &error, &outlet);
        hermes.pause(reader.failures).await;
    }
}

struct Reader<'a> {
    hermes: &'a Hermes,
    outlet: &'a Outlet,
    number: usize,
    ids: Vec<FeedId>,
    /// In a row, since anything was delivered.
    failures: u32,
}

impl Reader<'_> {
    /// Reads one connection to its end; says why it ended.
    async fn read(&mut self, endpoint: &Endpoint) -> FetchError {
        match self.connection(endpoint).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn connection(&mut self, endpoint: &Endpoint) -> Result<Infallible, FetchError> {
        let endpoints = &self.hermes.endpoints;
        // The stream is opened before the snapshot is read, so that no update can fall between them.
        let mut stream = endpoints.open(endpoint, &self.path("stream")).await?;
        let latest = self.path("latest");
        let mut snapshot = pin!(async {
            loop {
                endpoints.again(endpoint).await;
                // The stream works; a full budget only makes the snapshot late.
                match endpoints.get(endpoint, &latest).await {
                    Err(FetchError::TooMany { .. }) => {}
                    reply => return reply,
                }
            }
        });
        let mut has_snapshot = false;
        let mut decoder = Decoder::new(EVENT_LIMIT);
        loop {
            let chunk = tokio::select! {
                reply = &mut snapshot, if !has_snapshot => {
                    has_snapshot = true;
                    if self.take(&reply?) {
                        self.delivered(endpoint);
                    }
                    continue;
                }
                chunk = tokio::time::timeout(self.hermes.idle, stream.chunk()) => chunk,
            };
            let why = match chunk {
                Ok(Ok(Some(chunk))) => {
                    self.delivered(endpoint);
                    decoder.push(&chunk, |item| self.event(item));
                    continue;
                }
                Ok(Ok(None)) => "stream ended".to_owned(),
                Ok(Err(error)) => body::one_line(&error),
                Err(_) => format!("stream was silent for {:?}", self.hermes.idle),
            };
            if decoder.has_half_event() {
                self.hermes.counters.skip(Skipped::HalfEvent);
            }
            return Err(endpoint.broken(why));
        }
    }

    fn event(&self, item: Item<'_>) {
        let counters = &self.hermes.counters;
        counters.event();
        match item {
            Item::Oversize => counters.skip(Skipped::Oversize),
            Item::Event { name: b"" | b"message", data } => {
                self.take(data);
            }
            Item::Event { data, .. } => {
                counters.skip(Skipped::ErrorEvent);
                warn!(source = %self.hermes.name, "Hermes says: {}", body::first_line(data));
            }
        }
    }

    /// Passes on the prices of a reply or event; true when there was news among them.
    fn take(&self, json: &[u8]) -> bool {
        let now = self.hermes.clock.now();
        let mut news = false;
        wire::prices(json, &self.hermes.counters, |received| {
            news |= self.outlet.price(received, now, &self.hermes.counters);
        });
        news
    }

    fn delivered(&mut self, endpoint: &Endpoint) {
        self.failures = 0;
        self.hermes.delivered(self.number, &endpoint.host, self.outlet);
    }

    /// Goes on without the feeds Hermes does not know; false when the error is another one.
    fn drop_missing(&mut self, error: &FetchError) -> bool {
        let FetchError::Missing { ids: missing, .. } = error else {
            return false;
        };
        let before = self.ids.len();
        self.ids.retain(|id| !missing.contains(id));
        for id in missing {
            warn!(source = %self.hermes.name, feed.id = %id, "Hermes does not know this price feed; check its id");
        }
        self.ids.len() < before
    }

    fn path(&self, what: &str) -> String {
        let mut path = format!("/v2/updates/price/{what}?parsed=true&encoding=base64");
        for id in &self.ids {
            let _ = write!(path, "&ids[]={id}");
        }
        path
    }
}
