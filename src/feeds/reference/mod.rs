//! Reference prices: what exchanges say the same thing costs. Each is polled alone; one that fails stops no other.

mod binance;
mod coinbase;
mod coingecko;
mod http;
mod kraken;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::mpsc::Sender;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use url::Url;

use self::http::Http;
pub use self::http::VenueError;
use crate::clock::SharedClock;
use crate::core::backoff::Backoff;
use crate::core::decimal::Decimal;
use crate::core::feed::{Feed, FeedId, Observation, ReferencePrice};
use crate::core::time::Timestamp;

/// Which exchanges to ask and how often.
#[derive(Clone, Debug)]
pub struct Settings {
    pub venues: Vec<VenueSettings>,
    /// How often each exchange is asked.
    pub every: Duration,
    /// For one request, in real time.
    pub timeout: Duration,
    /// After failures, on top of `every`.
    pub backoff: Backoff,
}

impl Settings {
    /// The usual timings for these exchanges.
    #[must_use]
    pub fn new(venues: Vec<VenueSettings>) -> Self {
        Self {
            venues,
            every: Duration::from_secs(15),
            timeout: Duration::from_secs(10),
            backoff: Backoff { base: Duration::from_secs(5), cap: Duration::from_mins(10) },
        }
    }
}

/// One exchange.
#[derive(Clone, Debug)]
pub struct VenueSettings {
    pub kind: VenueKind,
    pub base_url: Url,
    /// Short symbol (`SOL/USD`) → the exchange's own name where the derived one is wrong; `None` is not asked for.
    pub listings: BTreeMap<String, Option<String>>,
}

impl VenueSettings {
    /// With names derived from the symbols.
    #[must_use]
    pub fn new(kind: VenueKind, base_url: Url) -> Self {
        Self { kind, base_url, listings: BTreeMap::new() }
    }
}

/// The exchanges there are adapters for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VenueKind {
    Coinbase,
    Kraken,
    Binance,
    Coingecko,
}

impl VenueKind {
    pub const ALL: [Self; 4] = [Self::Coinbase, Self::Kraken, Self::Binance, Self::Coingecko];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Coinbase => coinbase::Coinbase::NAME,
            Self::Kraken => kraken::Kraken::NAME,
            Self::Binance => binance::Binance::NAME,
            Self::Coingecko => coingecko::Coingecko::NAME,
        }
    }

    /// The exchange's own base URL.
    #[must_use]
    pub const fn default_url(self) -> &'static str {
        match self {
            Self::Coinbase => "https://api.exchange.coinbase.com",
            Self::Kraken => "https://api.kraken.com",
            Self::Binance => "https://api.binance.com",
            Self::Coingecko => "https://api.coingecko.com",
        }
    }
}

/// A feed under the name an exchange has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pair {
    feed: FeedId,
    listing: String,
}

/// What one round of questions brought.
#[derive(Debug, Default)]
struct Fetched {
    /// With the exchange's own time where it gives one.
    prices: Vec<(FeedId, Decimal, Option<Timestamp>)>,
    /// Pairs the exchange does not list; they are not asked for again.
    unlisted: Vec<FeedId>,
    /// Prices that are no number above zero.
    unreadable: usize,
}

impl Fetched {
    fn price(&mut self, pair: &Pair, raw: &RawValue, at: Option<Timestamp>) {
        match http::price(raw) {
            Some(price) => self.prices.push((pair.feed, price, at)),
            None => self.unreadable += 1,
        }
    }

    fn unlisted(&mut self, pair: &Pair) {
        self.unlisted.push(pair.feed);
    }
}

/// An exchange's public ticker.
trait Venue: Send + Sync {
    const NAME: &'static str;

    /// The exchange's name for `base` in US dollars, `None` when none can be derived.
    fn listing(base: &str) -> Option<String>;

    /// Asks for all pairs; what came before an error counts.
    fn fetch(http: &Http, pairs: &[Pair], fetched: &mut Fetched)
    -> impl Future<Output = Result<(), VenueError>> + Send;
}

#[cfg(fuzzing)]
thread_local! {
    static ANSWER: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Every exchange answers every question with this, for `fuzz/`; what is taken for a price is above zero.
#[cfg(fuzzing)]
pub fn read_anything(bytes: &[u8]) {
    use futures_util::FutureExt as _;

    async fn ask<V: Venue>(http: &Http) -> Fetched {
        let mut fetched = Fetched::default();
        let feed: FeedId = "07".repeat(32).parse().expect("an id");
        let pair = |base| Some(Pair { feed, listing: V::listing(base)? });
        let pairs: Vec<Pair> = ["BTC", "SOL"].into_iter().filter_map(pair).collect();
        let _outcome = V::fetch(http, &pairs, &mut fetched).await;
        fetched
    }
    thread_local! {
        static HTTP: Http = {
            let _installed = rustls::crypto::ring::default_provider().install_default();
            let base = "http://venue.invalid".parse().expect("a URL");
            Http::new(&base, Duration::from_secs(1)).expect("a client")
        };
    }
    ANSWER.set(bytes.to_vec());
    HTTP.with(|http| {
        let all = async {
            [
                ask::<binance::Binance>(http).await,
                ask::<coinbase::Coinbase>(http).await,
                ask::<coingecko::Coingecko>(http).await,
                ask::<kraken::Kraken>(http).await,
            ]
        };
        let all = all.now_or_never().expect("there is nothing to wait for");
        assert!(all.iter().flat_map(|fetched| &fetched.prices).all(|(_, price, _)| price.is_positive()));
    });
}

/// Polls every exchange for the feeds in `feeds` (those to compare, changed at will) until `cancel` or until nobody
/// receives any more. `seed` is for the jitter. Fails at once when no TLS provider or root certificates can be had.
pub async fn run(
    settings: Settings,
    feeds: watch::Receiver<Vec<Feed>>,
    clock: SharedClock,
    seed: u64,
    out: Sender<Observation>,
    cancel: CancellationToken,
) -> Result<(), reqwest::Error> {
    let Settings { venues, every, timeout, backoff } = settings;
    let rng = Mutex::new(fastrand::Rng::with_seed(seed));
    let mut polls = futures_util::stream::FuturesUnordered::new();
    for VenueSettings { kind, base_url, listings } in venues {
        let http = Http::new(&base_url, timeout)?;
        let feeds = feeds.clone();
        let poll = Poll { http, listings, feeds, clock: clock.clone(), every, backoff, rng: &rng, out: out.clone() };
        polls.push(async move {
            match kind {
                VenueKind::Coinbase => poll.run::<coinbase::Coinbase>().await,
                VenueKind::Kraken => poll.run::<kraken::Kraken>().await,
                VenueKind::Binance => poll.run::<binance::Binance>().await,
                VenueKind::Coingecko => poll.run::<coingecko::Coingecko>().await,
            }
        });
    }
    let all = async { while futures_util::StreamExt::next(&mut polls).await.is_some() {} };
    cancel.run_until_cancelled(all).await;
    Ok(())
}

/// The polling of one exchange.
struct Poll<'a> {
    http: Http,
    listings: BTreeMap<String, Option<String>>,
    feeds: watch::Receiver<Vec<Feed>>,
    clock: SharedClock,
    every: Duration,
    backoff: Backoff,
    rng: &'a Mutex<fastrand::Rng>,
    out: Sender<Observation>,
}

impl Poll<'_> {
    /// Ends when nobody receives any more.
    async fn run<V: Venue>(mut self) {
        let mut unlisted = HashSet::new();
        let mut failures = 0;
        while !self.out.is_closed() {
            let pairs = self.pairs::<V>(&unlisted);
            let mut fetched = Fetched::default();
            let asked = if pairs.is_empty() { Ok(()) } else { V::fetch(&self.http, &pairs, &mut fetched).await };
            self.pass_on::<V>(fetched, &pairs, &mut unlisted).await;
            let wait = match asked {
                Ok(()) => {
                    failures = 0;
                    self.every
                }
                Err(error) => {
                    // One missed poll is weather; it becomes news when it lasts.
                    if failures == 2 {
                        warn!(venue = V::NAME, "no reference prices: {error}");
                    } else {
                        debug!(venue = V::NAME, failures, "no reference prices: {error}");
                    }
                    let wait = self.backoff.wait(failures, self.roll());
                    failures = failures.saturating_add(1);
                    match error {
                        VenueError::TooMany { hold } => wait.max(hold),
                        VenueError::Status { .. } | VenueError::Transport(_) | VenueError::Malformed(_) => wait,
                    }
                }
            };
            tokio::select! {
                () = self.out.closed() => {}
                () = self.clock.sleep(wait) => {}
                // New feeds are asked for at once, but no sooner than a failing exchange allows.
                Ok(()) = self.feeds.changed(), if failures == 0 => unlisted.clear(),
            }
        }
    }

    fn pairs<V: Venue>(&mut self, unlisted: &HashSet<FeedId>) -> Vec<Pair> {
        let listings = &self.listings;
        let listing = |feed: &Feed| match listings.get(feed.short_symbol()) {
            Some(configured) => configured.clone(),
            None if feed.asset_class == "crypto" => derived::<V>(feed.short_symbol()),
            None => None,
        };
        let feeds = self.feeds.borrow_and_update();
        let asked = feeds.iter().filter(|feed| !unlisted.contains(&feed.id));
        asked.filter_map(|feed| listing(feed).map(|listing| Pair { feed: feed.id, listing })).collect()
    }

    async fn pass_on<V: Venue>(&self, fetched: Fetched, pairs: &[Pair], unlisted: &mut HashSet<FeedId>) {
        let now = self.clock.now();
        if fetched.unreadable > 0 {
            warn!(venue = V::NAME, "sent {} prices that are no number above zero", fetched.unreadable);
        }
        for (feed, price, at) in fetched.prices {
            // A price from the future would look fresh for as long as it is ahead.
            let observed_at = at.unwrap_or(now).min(now);
            let reference = ReferencePrice { feed, venue: V::NAME.to_owned(), price, observed_at };
            if self.out.send(Observation::Reference(reference)).await.is_err() {
                return;
            }
        }
        for pair in pairs.iter().filter(|pair| fetched.unlisted.contains(&pair.feed)) {
            info!(venue = V::NAME, "does not list {}; it is not asked for again", pair.listing);
            unlisted.insert(pair.feed);
        }
    }

    fn roll(&self) -> f64 {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }
}

/// Only plain names are derived: the symbol comes from outside and goes into a URL.
fn derived<V: Venue>(short_symbol: &str) -> Option<String> {
    let base = short_symbol.strip_suffix("/USD")?;
    if base.bytes().all(|byte| byte.is_ascii_alphanumeric()) { V::listing(base) } else { None }
}
