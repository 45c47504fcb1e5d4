//! The local Hermes: Pyth's price service on loopback, with prices that wander and incidents on request.

mod listing;
mod market;
mod quote;
mod script;
mod server;
mod stream;

use std::io;
use std::net::Ipv4Addr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

pub use self::market::{Market, UnknownSymbol};
pub use self::script::{Incident, Trouble};
use crate::clock::SharedClock;
use crate::sim::script::Script;

/// What the local Hermes shows and how it runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// 0 takes any free port.
    pub port: u16,
    pub clock: SharedClock,
    pub seed: u64,
    pub feeds: Feeds,
    /// How often prices are published by themselves; `None` leaves it to [`Market::step`] and [`Market::publish`].
    pub publish_every: Option<Duration>,
    pub script: Option<Script<Trouble>>,
}

/// Which feeds it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feeds {
    /// 43 well-known ones of every class.
    World,
    /// This many that never close, `Crypto.S0000/USD` and on; for measuring.
    Synthetic(usize),
}

impl Config {
    /// The demo's: a round every 400 ms, as Pythnet's slots are, and things going wrong by themselves.
    #[must_use]
    pub fn demo(clock: SharedClock, seed: u64) -> Self {
        let (publish_every, script) = (Some(Duration::from_millis(400)), Some(script::demo()));
        Self { port: 0, clock, seed, feeds: Feeds::World, publish_every, script }
    }

    /// A test's: nothing happens by itself.
    #[must_use]
    pub fn by_hand(clock: SharedClock, seed: u64) -> Self {
        Self { port: 0, clock, seed, feeds: Feeds::World, publish_every: None, script: None }
    }
}

/// A running local Hermes and all its switches (those of [`Market`]). The last clone that is dropped stops it.
#[derive(Clone, Debug)]
pub struct Handle {
    market: Arc<Market>,
    base_url: Url,
    _stop: Arc<DropGuard>,
}

impl Handle {
    /// `http://127.0.0.1:…`
    #[must_use]
    pub fn base_url(&self) -> Url {
        self.base_url.clone()
    }

    /// What the local exchanges quote from.
    #[must_use]
    pub fn market(&self) -> Arc<Market> {
        self.market.clone()
    }
}

impl Deref for Handle {
    type Target = Market;

    fn deref(&self) -> &Market {
        &self.market
    }
}

/// Starts it on 127.0.0.1. Fails when the port is taken.
pub async fn start(config: Config) -> io::Result<Handle> {
    let Config { port, clock, seed, feeds, publish_every, script } = config;
    let listings = match feeds {
        Feeds::World => listing::world(),
        Feeds::Synthetic(count) => listing::synthetic(count),
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let base_url = Url::parse(&format!("http://{}", listener.local_addr()?)).map_err(io::Error::other)?;
    let market = Arc::new(Market::new(listings, clock, seed));
    let stop = CancellationToken::new();
    let server = server::serve(listener, market.clone(), stop.clone());
    tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!("the local Hermes stopped: {error}");
        }
    });
    if let Some(every) = publish_every {
        spawn_until(stop.clone(), publish(market.clone(), every));
    }
    if let Some(script) = script {
        spawn_until(stop.clone(), script::play(market.clone(), script));
    }
    Ok(Handle { market, base_url, _stop: Arc::new(stop.drop_guard()) })
}

fn spawn_until(stop: CancellationToken, task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(async move {
        stop.run_until_cancelled(task).await;
    });
}

async fn publish(market: Arc<Market>, every: Duration) {
    loop {
        market.step();
        market.clock.sleep(every).await;
    }
}
