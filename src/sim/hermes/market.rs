//! The state of the local Hermes and every switch on it: prices, incidents, refusals.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{broadcast, watch};

use super::listing::Listing;
use super::quote::{Faults, Quote};
use crate::clock::SharedClock;
use crate::core::decimal::Decimal;
use crate::core::feed::{Feed, FeedId};
use crate::core::market::MarketHours;
use crate::core::time::Timestamp;

/// Rounds kept for `/v2/updates/price/{publish_time}`: a minute at the usual pace.
const HISTORY: usize = 150;
/// Measuring runs with more feeds than this keep no history.
const HISTORY_FEEDS: usize = 100;

/// All feeds' updates as of one slot, in the order of the listing.
pub(super) type Round = Arc<[Arc<str>]>;

/// What the open streams are told.
#[derive(Clone, Debug)]
pub(super) enum Told {
    Round(Round),
    /// Written as it is, in place of an event.
    Garbage(&'static str),
    /// The connection breaks; `half` first sends the beginning of an event.
    Cut {
        half: bool,
    },
}

/// A symbol that the local Hermes does not list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the local Hermes has no feed {0}; write it like SOL/USD or Crypto.SOL/USD")]
pub struct UnknownSymbol(pub String);

/// How the server treats requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate {
    /// Connections are dropped, requests on open ones get 503.
    pub outage: bool,
    /// Streams stay open and say nothing.
    pub silent: bool,
    pub rate_limit: bool,
    pub token: Option<String>,
    pub requests: VecDeque<Timestamp>,
    pub banned_until: Option<Timestamp>,
}

/// The local Hermes' prices and switches; shared with the exchanges, which quote the same true prices.
#[derive(Debug)]
pub struct Market {
    pub(super) clock: SharedClock,
    state: Mutex<State>,
    pub(super) told: broadcast::Sender<Told>,
    pub(super) streams: watch::Sender<usize>,
}

#[derive(Debug)]
struct State {
    quotes: Vec<Quote>,
    by_symbol: HashMap<String, usize>,
    by_id: HashMap<FeedId, usize>,
    rng: fastrand::Rng,
    slot: u64,
    history: VecDeque<(i64, Round)>,
    garbage: u32,
    gate: Gate,
}

impl Market {
    pub(super) fn new(listings: Vec<Listing>, clock: SharedClock, seed: u64) -> Self {
        let now = clock.now();
        let slot = 230_000_000;
        let quotes: Vec<_> = listings.into_iter().map(|listing| Quote::new(listing, now, slot)).collect();
        let mut by_symbol = HashMap::new();
        for (index, quote) in quotes.iter().enumerate() {
            let symbol = &quote.listing.symbol;
            by_symbol.insert(symbol.clone(), index);
            by_symbol.insert(symbol.rsplit('.').next().unwrap_or(symbol).to_owned(), index);
        }
        let by_id = quotes.iter().enumerate().map(|(index, quote)| (quote.listing.id, index)).collect();
        let (rng, history, gate) = (fastrand::Rng::with_seed(seed), VecDeque::new(), Gate::default());
        let state = State { quotes, by_symbol, by_id, rng, slot, history, garbage: 0, gate };
        let told = broadcast::Sender::new(64);
        Self { clock, state: Mutex::new(state), told, streams: watch::Sender::new(0) }
    }

    /// One round of updates at the clock's time.
    pub fn step(&self) {
        let now = self.clock.now();
        let mut state = self.state();
        let State { quotes, rng, slot, .. } = &mut *state;
        *slot += 1;
        for quote in quotes {
            quote.step(now, *slot, rng);
        }
        state.tell(&self.told, now);
    }

    /// Publishes exactly this for one feed, at once.
    pub fn publish(
        &self,
        symbol: &str,
        price: Decimal,
        conf: Decimal,
        publish_time: Timestamp,
    ) -> Result<(), UnknownSymbol> {
        let mut state = self.state();
        state.slot += 1;
        let slot = state.slot;
        let quote = state.quote(symbol)?;
        quote.publish(quote.mantissa(price), quote.mantissa(conf), publish_time.as_secs(), slot);
        state.tell(&self.told, self.clock.now());
        Ok(())
    }

    /// The feed is no longer published.
    pub fn stale(&self, symbol: &str) -> Result<(), UnknownSymbol> {
        self.faulty(symbol, |faults| faults.stale = true)
    }

    /// The published price is wrong by `factor`, usually a power of ten; the exchanges still quote the true one.
    pub fn decimal_slip(&self, symbol: &str, factor: f64) -> Result<(), UnknownSymbol> {
        self.faulty(symbol, |faults| faults.price_factor = factor)
    }

    /// The confidence interval is `factor` times as wide as usual.
    pub fn wide(&self, symbol: &str, factor: f64) -> Result<(), UnknownSymbol> {
        self.faulty(symbol, |faults| faults.conf_factor = factor)
    }

    /// The market itself moves by `percent`, at the exchanges too. Nothing to heal: it stays there.
    pub fn jump(&self, symbol: &str, percent: f64) -> Result<(), UnknownSymbol> {
        self.state().quote(symbol)?.jump(percent);
        Ok(())
    }

    /// Still in the catalogue, but the price endpoints answer 404 for it.
    pub fn delist(&self, symbol: &str) -> Result<(), UnknownSymbol> {
        self.state().quote(symbol)?.delisted = true;
        Ok(())
    }

    /// Ends every incident of one feed.
    pub fn heal(&self, symbol: &str) -> Result<(), UnknownSymbol> {
        let mut state = self.state();
        let quote = state.quote(symbol)?;
        (quote.faults, quote.delisted) = (Faults::NONE, false);
        Ok(())
    }

    /// Ends every incident, the refusals too.
    pub fn heal_all(&self) {
        let mut state = self.state();
        for quote in &mut state.quotes {
            (quote.faults, quote.delisted) = (Faults::NONE, false);
        }
        (state.garbage, state.gate) = (0, Gate::default());
    }

    /// Begins or ends a total outage: streams break, new connections are dropped, requests on open ones get 503.
    pub fn outage(&self, begins: bool) {
        self.state().gate.outage = begins;
        if begins {
            let _ = self.told.send(Told::Cut { half: false });
        }
    }

    /// Streams stay open without a byte, as behind a hanging proxy.
    pub fn silent(&self, begins: bool) {
        self.state().gate.silent = begins;
    }

    /// The next `count` rounds reach the streams as garbage.
    pub fn garbage_next(&self, count: u32) {
        self.state().garbage = count;
    }

    /// Every open stream breaks in the middle of an event.
    pub fn half_event(&self) {
        let _ = self.told.send(Told::Cut { half: true });
    }

    /// Hermes' public limit: 10 requests in 10 s, then 429 for 60 s.
    pub fn rate_limit(&self, on: bool) {
        self.state().gate.rate_limit = on;
    }

    /// Requests without this bearer token get 401.
    pub fn require_token(&self, token: Option<&str>) {
        self.state().gate.token = token.map(str::to_owned);
    }

    /// Completes when at least `count` streams are open.
    pub async fn has_streams(&self, count: usize) {
        let mut streams = self.streams.subscribe();
        let _ = streams.wait_for(|open| *open >= count).await;
    }

    /// The price as it is, before any incident: what the exchanges quote.
    pub fn true_price(&self, symbol: &str) -> Option<Decimal> {
        self.state().quote(symbol).ok().map(|quote| quote.true_price())
    }

    /// What time it is in the local world.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The catalogue as of now.
    pub fn feeds(&self) -> Vec<Feed> {
        let now = self.clock.now();
        self.state().quotes.iter().map(|quote| feed(&quote.listing, now)).collect()
    }

    pub(super) fn listings(&self) -> Vec<Listing> {
        self.state().quotes.iter().map(|quote| quote.listing.clone()).collect()
    }

    /// Where these ids stand in a round, and which of them are not known.
    pub(super) fn find(&self, ids: &[FeedId]) -> (Vec<usize>, Vec<FeedId>) {
        let state = self.state();
        let (mut known, mut missing) = (Vec::new(), Vec::new());
        for id in ids {
            match state.by_id.get(id) {
                Some(index) if state.quotes.get(*index).is_some_and(|quote| !quote.delisted) => known.push(*index),
                Some(_) | None => missing.push(*id),
            }
        }
        (known, missing)
    }

    pub(super) fn latest(&self) -> Round {
        self.state().round()
    }

    /// The first round at or after a second; `None` when it is not kept.
    pub(super) fn round_at(&self, secs: i64) -> Option<Round> {
        let state = self.state();
        state.history.front().filter(|(oldest, _)| *oldest <= secs)?;
        state.history.iter().find(|(at, _)| *at >= secs).map(|(_, round)| round.clone())
    }

    pub(super) fn gate<T>(&self, with: impl FnOnce(&mut Gate) -> T) -> T {
        with(&mut self.state().gate)
    }

    fn faulty(&self, symbol: &str, set: impl FnOnce(&mut Faults)) -> Result<(), UnknownSymbol> {
        set(&mut self.state().quote(symbol)?.faults);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn quote(&mut self, symbol: &str) -> Result<&mut Quote, UnknownSymbol> {
        let unknown = || UnknownSymbol(symbol.to_owned());
        let index = *self.by_symbol.get(symbol).ok_or_else(unknown)?;
        self.quotes.get_mut(index).ok_or_else(unknown)
    }

    fn round(&self) -> Round {
        self.quotes.iter().map(|quote| quote.json().clone()).collect()
    }

    fn tell(&mut self, told: &broadcast::Sender<Told>, now: Timestamp) {
        let round = self.round();
        if self.quotes.len() <= HISTORY_FEEDS {
            self.history.push_back((now.as_secs(), round.clone()));
            if self.history.len() > HISTORY {
                self.history.pop_front();
            }
        }
        if self.gate.silent || self.gate.outage {
            return;
        }
        // No receiver is no fault: nobody is listening yet.
        if self.garbage == 0 {
            let _ = told.send(Told::Round(round));
        } else {
            self.garbage -= 1;
            let _ = told.send(Told::Garbage(GARBAGE[self.garbage as usize % GARBAGE.len()]));
        }
    }
}

/// What broken servers and proxies have been seen to write.
const GARBAGE: [&str; 4] = [
    "data:{\"binary\":{\"encoding\":\"hex\",\"data\":[\"504e\"]},\"parsed\":[{\"id\":\"zz\",\"price\":null}]}\n\n",
    "data:<html><body><h1>502 Bad Gateway</h1></body></html>\n\n",
    "\u{0}\u{1}\u{fffd}:::\r\r\n\nevent\n\n",
    "event: error\ndata:Error receiving update: Lagged(3)\n\n",
];

/// When a listing's market next opens and closes, as Hermes' `market_hours`.
pub(super) fn hours(listing: &Listing, now: Timestamp) -> MarketHours {
    let Some((_, schedule)) = &listing.schedule else {
        return MarketHours::Always;
    };
    let open = schedule.is_open(now);
    let next = schedule.next_change(now);
    let after = next.and_then(|at| schedule.next_change(at));
    let (next_open, next_close) = if open { (after, next) } else { (next, after) };
    MarketHours::Catalogue { open, next_open, next_close }
}

fn feed(listing: &Listing, now: Timestamp) -> Feed {
    Feed {
        id: listing.id,
        symbol: listing.symbol.clone(),
        asset_class: listing.asset_type.to_owned(),
        description: listing.description.clone(),
        hours: hours(listing, now),
    }
}
