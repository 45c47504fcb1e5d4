//! The Hermes source: catalogue, snapshot and stream, over several endpoints, for as long as the process lives.

mod budget;
mod counters;
mod endpoint;
mod outlet;
mod probe;
pub mod sse;
mod status;
mod stream;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::mpsc::Sender;
use tokio::sync::watch::{self, Receiver};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

pub use self::counters::{Counters, Skipped};
use self::endpoint::{Endpoints, FetchError};
use self::outlet::Outlet;
pub use self::probe::probe;
use self::status::Tracker;
use crate::clock::SharedClock;
use crate::core::backoff::Backoff;
use crate::core::feed::{Feed, FeedId, Observation};
use crate::core::shard::Parts;

/// Where a Hermes source is and what is wanted of it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The source's name in observations and labels.
    pub name: String,
    /// Base URLs in order of preference, e.g. `https://hermes.pyth.network`; the next is used when one fails.
    pub endpoints: Vec<Url>,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<SecretString>,
    /// The environment variable that a refused token's error names.
    pub token_env: String,
    pub wanted: Wanted,
    pub backoff: Backoff,
    pub timeouts: Timeouts,
    /// How often the catalogue is read again; Hermes' own copy is refreshed every 10 minutes.
    pub catalogue_every: Duration,
}

impl Settings {
    /// The usual timings for these endpoints.
    #[must_use]
    pub fn new(name: impl Into<String>, endpoints: Vec<Url>) -> Self {
        Self {
            name: name.into(),
            endpoints,
            token: None,
            token_env: "HERMES_TOKEN".to_owned(),
            wanted: Wanted::default(),
            backoff: Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(30) },
            timeouts: Timeouts::default(),
            catalogue_every: Duration::from_mins(10),
        }
    }
}

/// Network timeouts, in real time.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub connect: Duration,
    /// For the head of a stream and for a whole reply otherwise.
    pub request: Duration,
    /// A stream without a byte for this long is given up. Hermes sends a comment every 15 s when it has nothing else.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), request: Duration::from_secs(10), idle: Duration::from_secs(20) }
    }
}

/// Which feeds of the catalogue to follow: those that any of these names. Nothing given means every feed.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub ids: Vec<FeedId>,
    /// Parts of a symbol, case-insensitive, as Hermes' own `query`.
    pub symbols: Vec<String>,
    /// `crypto`, `equity`, `fx` …
    pub asset_classes: Vec<String>,
}

impl Wanted {
    fn matches(&self, feed: &Feed) -> bool {
        let Self { ids, symbols, asset_classes } = self;
        if ids.is_empty() && symbols.is_empty() && asset_classes.is_empty() {
            return true;
        }
        let symbol = feed.symbol.to_lowercase();
        ids.contains(&feed.id)
            || asset_classes.contains(&feed.asset_class)
            || symbols.iter().any(|part| symbol.contains(&part.to_lowercase()))
    }
}

/// A Hermes source, ready to run.
#[derive(Debug)]
pub struct Hermes {
    name: String,
    wanted: Wanted,
    backoff: Backoff,
    idle: Duration,
    catalogue_every: Duration,
    clock: SharedClock,
    endpoints: Endpoints,
    counters: Arc<Counters>,
    rng: Mutex<fastrand::Rng>,
    tracker: Mutex<Tracker>,
}

impl Hermes {
    /// `seed` is for the jitter of reconnects. Fails when no TLS provider or root certificates can be had.
    pub fn new(
        settings: Settings,
        clock: SharedClock,
        seed: u64,
        counters: Arc<Counters>,
    ) -> Result<Self, reqwest::Error> {
        let Settings { name, endpoints, token, token_env, wanted, backoff, timeouts, catalogue_every } = settings;
        let endpoints = Endpoints::new(&endpoints, (token, token_env), clock.clone(), timeouts)?;
        let rng = Mutex::new(fastrand::Rng::with_seed(seed));
        let (idle, tracker) = (timeouts.idle, Mutex::default());
        Ok(Self { name, wanted, backoff, idle, catalogue_every, clock, endpoints, counters, rng, tracker })
    }

    /// Runs until `cancel` or until nobody receives any more.
    pub async fn run(self, out: Sender<Observation>, cancel: CancellationToken) {
        let (_whole, parts) = watch::channel(Parts::all());
        self.run_parts(out, parts, cancel).await;
    }

    /// As [`Self::run`], for the feeds of some parts only; the catalogue is passed on whole. Nobody is asked while there are none.
    pub async fn run_parts(self, out: Sender<Observation>, mut parts: Receiver<Parts>, cancel: CancellationToken) {
        let hermes = Arc::new(self);
        let outlet = Arc::new(Outlet::new(hermes.name.clone(), out));
        tokio::select! {
            () = cancel.cancelled() => {}
            () = outlet.forward() => {}
            () = follow(&hermes, &outlet, &mut parts) => {}
        }
    }

    /// The catalogue from whichever endpoint gives it.
    async fn catalogue(&self, outlet: &Outlet) -> Option<Vec<Feed>> {
        let mut failures = 0;
        loop {
            let endpoint = self.endpoints.next().await?;
            let reply = self.endpoints.get(endpoint, "/v2/price_feeds").await;
            let feeds = reply.and_then(|json| {
                // An empty list is trouble too: taking it at its word would end the watch without a sound.
                let feeds = wire::catalogue(&json, &self.counters).filter(|feeds| !feeds.is_empty());
                feeds.ok_or_else(|| endpoint.broken("sent no list of price feeds"))
            });
            match feeds {
                Ok(feeds) => return Some(feeds),
                Err(error) => {
                    failures += 1;
                    self.endpoints.fail_over(endpoint);
                    self.failed(CATALOGUE, failures, &error, outlet);
                    self.pause(failures).await;
                }
            }
        }
    }

    /// Records that `reader` failed `failures` times in a row.
    fn failed(&self, reader: usize, failures: u32, error: &FetchError, outlet: &Outlet) {
        warn!(source = %self.name, failures, "{error}");
        let everywhere = usize::try_from(failures).is_ok_and(|count| count >= self.endpoints.len());
        let status = self.tracker().failed(reader, everywhere, &error.to_string(), self.clock.now());
        if let Some(status) = status {
            outlet.status(status);
        }
    }

    fn delivered(&self, reader: usize, endpoint: &str, outlet: &Outlet) {
        let status = self.tracker().delivered(reader, endpoint, self.clock.now());
        if let Some(status) = status {
            info!(source = %self.name, endpoint, "receiving prices");
            outlet.status(status);
        }
    }

    /// Waits before the next attempt: shortly while there are endpoints left to try, then longer and longer.
    async fn pause(&self, failures: u32) {
        let endpoints = u32::try_from(self.endpoints.len()).unwrap_or(1).max(1);
        let roll = self.rng.lock().unwrap_or_else(PoisonError::into_inner).f64();
        self.clock.sleep(self.backoff.wait(failures.saturating_sub(1) / endpoints, roll)).await;
    }

    fn tracker(&self) -> std::sync::MutexGuard<'_, Tracker> {
        self.tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The catalogue's reader number; streams count from 0.
const CATALOGUE: usize = usize::MAX;

/// Keeps the catalogue fresh, and the streams cut to the feeds it names.
async fn follow(hermes: &Arc<Hermes>, outlet: &Arc<Outlet>, parts: &mut Receiver<Parts>) {
    let mut streams = JoinSet::new();
    let mut followed = Vec::new();
    let mut before = Parts::none();
    loop {
        let part = parts.borrow_and_update().clone();
        if part != before {
            // Whoever takes a part over has not heard yet how the source is.
            *hermes.tracker() = Tracker::default();
            before = part.clone();
        }
        if part.is_empty() {
            streams.shutdown().await;
            followed.clear();
            outlet.expect(&[]);
            if parts.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Some(mut feeds) = hermes.catalogue(outlet).await else { return };
        feeds.retain(|feed| hermes.wanted.matches(feed));
        let mut ids: Vec<_> = feeds.iter().map(|feed| feed.id).chain(hermes.wanted.ids.iter().copied()).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() > feeds.len() {
            warn!(source = %hermes.name, "{} configured feed ids are not in the catalogue", ids.len() - feeds.len());
        }
        if ids.is_empty() {
            warn!(source = %hermes.name, "no price feed matches the configured selection; nothing is watched");
        }
        outlet.catalogue(feeds);
        ids.retain(|id| part.contains(id));
        if ids != followed {
            info!(source = %hermes.name, feeds = ids.len(), "following price feeds");
            streams.shutdown().await;
            hermes.tracker().restarted();
            outlet.expect(&ids);
            for (number, chunk) in ids.chunks(stream::IDS_PER_URL).enumerate() {
                streams.spawn(stream::follow(hermes.clone(), outlet.clone(), number, chunk.to_vec()));
            }
            followed = ids;
        }
        tokio::select! {
            () = hermes.clock.sleep(hermes.catalogue_every) => {}
            Ok(()) = parts.changed() => {}
        }
    }
}

/// Everything that Hermes answers with, for `fuzz/`.
#[cfg(fuzzing)]
pub fn read_anything(bytes: &[u8]) {
    let counters = Counters::default();
    wire::prices(bytes, &counters, |_| {});
    let _catalogue = wire::catalogue(bytes, &counters);
    let _named = wire::missing_ids(&String::from_utf8_lossy(bytes));
}
