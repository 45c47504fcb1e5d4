//! Local chains: a Solana and an EVM node, several endpoints each, on loopback, with wallets that spend and are topped up.

mod multicall;
mod rpc;
mod script;

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

pub use self::script::{DEMO, Purse, Script};
use crate::clock::SharedClock;
use crate::core::time::Timestamp;
use crate::core::wallet::ChainKind;

/// What every local Solana node says it is of.
pub const SOLANA: &str = "4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi";
/// The chain id of the local EVM chain.
pub const EVM: u64 = 31_337;
/// How many endpoints each chain has.
pub const ENDPOINTS: usize = 3;

/// What is wrong with an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// 503 to everything.
    Down,
    /// So many slots or blocks behind.
    Lags { positions: u64 },
    /// Every balance is this many thousandths of the true one.
    Lies { per_mille: u128 },
    /// It is a node of another chain.
    WrongChain,
}

/// A wallet's balance over time: it spends evenly.
#[derive(Clone, Copy, Debug)]
struct Spending {
    /// Base units at `since`.
    units: u128,
    per_hour: u128,
    since: Timestamp,
}

impl Spending {
    fn at(&self, now: Timestamp) -> u128 {
        let millis = now.since(self.since).as_millis();
        self.units.saturating_sub(self.per_hour.saturating_mul(millis) / 3_600_000)
    }
}

/// The wallets of both chains and the endpoints that tell of them.
#[derive(Debug)]
pub struct World {
    clock: SharedClock,
    /// By address as its chain writes it, EVM in small letters.
    wallets: Mutex<BTreeMap<String, Spending>>,
    faults: Mutex<BTreeMap<(ChainKind, usize), Fault>>,
}

impl World {
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, wallets: Mutex::default(), faults: Mutex::default() }
    }

    /// From now on the wallet holds `units` and spends `per_hour`.
    pub fn set(&self, address: &str, units: u128, per_hour: u128) {
        let since = self.clock.now();
        self.wallets().insert(address.to_lowercase(), Spending { units, per_hour, since });
    }

    /// `units` come in.
    pub fn top_up(&self, address: &str, units: u128) {
        let now = self.clock.now();
        if let Some(wallet) = self.wallets().get_mut(&address.to_lowercase()) {
            *wallet = Spending { units: wallet.at(now).saturating_add(units), since: now, ..*wallet };
        }
    }

    /// What it holds now; nothing is known of a wallet that was never set.
    #[must_use]
    pub fn holds(&self, address: &str) -> Option<u128> {
        self.wallets().get(&address.to_lowercase()).map(|wallet| wallet.at(self.clock.now()))
    }

    /// What it held when `position` began: the same from every endpoint, whenever it is asked.
    fn held(&self, address: &str, kind: ChainKind, position: u64) -> Option<u128> {
        let millis = i64::try_from(position.saturating_mul(period(kind))).unwrap_or(i64::MAX);
        self.wallets().get(&address.to_lowercase()).map(|wallet| wallet.at(Timestamp::from_millis(millis)))
    }

    /// Counted from 0.
    pub fn set_fault(&self, kind: ChainKind, endpoint: usize, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).insert((kind, endpoint), fault);
    }

    pub fn heal_all(&self) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn fault(&self, kind: ChainKind, endpoint: usize) -> Fault {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.get(&(kind, endpoint)).copied().unwrap_or_default()
    }

    fn position(&self, kind: ChainKind) -> u64 {
        self.clock.now().as_millis().unsigned_abs() / period(kind)
    }

    fn wallets(&self) -> MutexGuard<'_, BTreeMap<String, Spending>> {
        self.wallets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Milliseconds a slot or a block takes.
const fn period(kind: ChainKind) -> u64 {
    match kind {
        ChainKind::Solana => 400,
        _ => 2000,
    }
}

/// Running local chains and their switches (those of [`World`]). The last clone that is dropped stops them.
#[derive(Clone, Debug)]
pub struct Handle {
    world: Arc<World>,
    base_url: Url,
    _stop: Arc<DropGuard>,
}

impl Handle {
    /// The endpoints of a chain, as an operator would configure them.
    #[must_use]
    pub fn endpoints(&self, kind: ChainKind) -> Vec<Url> {
        let at = |nth: usize| {
            let mut url = self.base_url.clone();
            url.set_path(&format!("{}/{nth}", kind.as_str()));
            url
        };
        (0..ENDPOINTS).map(at).collect()
    }

    /// Where a POST tops up the wallet that runs dry in the demo.
    #[must_use]
    pub fn top_up_url(&self) -> Url {
        let mut url = self.base_url.clone();
        url.set_path("top-up");
        url
    }
}

impl Deref for Handle {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

/// Starts both chains on one port of 127.0.0.1; 0 takes any free one.
pub async fn start(port: u16, clock: SharedClock, script: Option<Script>) -> io::Result<Handle> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let base_url = Url::parse(&format!("http://{}", listener.local_addr()?)).map_err(io::Error::other)?;
    let world = Arc::new(World::new(clock));
    let stop = CancellationToken::new();
    let server = axum::serve(listener, rpc::router(Arc::clone(&world)));
    let server = server.with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!("the local chains stopped: {error}");
        }
    });
    for Purse { address, units, per_hour, .. } in DEMO {
        if script.is_some() {
            world.set(address, *units, *per_hour);
        }
    }
    if let Some(script) = script {
        let (world, stop) = (Arc::clone(&world), stop.clone());
        tokio::spawn(async move { stop.run_until_cancelled(script::play(&world, script)).await });
    }
    Ok(Handle { world, base_url, _stop: Arc::new(stop.drop_guard()) })
}

/// Long enough for everybody to have read the alert.
const WAITS: Duration = Duration::from_mins(7);
