//! Wallets: one loop a chain asks its endpoints and gives what came of it to the use cases; a slow one posts the summary.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::chain::{ChainReader, ChainSettings, EndpointSettings, Hosts};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::config::balances::{Balances, Chain, Endpoint};
use crate::config::secrets::Environment;
use crate::core::wallet::Book;
use crate::flow::Flow;
use crate::flow::funding::Plan;
use crate::metrics::Metrics;

use super::StartError;
use super::loops::every;

/// A summary may be so late.
const SUMMARY: Duration = Duration::from_secs(15);

/// One chain to be read: how, how often, and what was read before.
pub struct ChainLoop {
    reader: Arc<ChainReader>,
    every: Duration,
    book: Option<Book>,
}

impl ChainLoop {
    /// Asks every endpoint once. A replica that is not to read the chain asks nobody.
    pub async fn round(&mut self, flow: &Flow) {
        let chain = self.reader.name().to_owned();
        if !flow.reads_chain(&chain) {
            // Another replica reads on; what it read is taken over with the lease.
            self.book = None;
            return;
        }
        let accounts = flow.wallet_accounts(&chain);
        if accounts.is_empty() {
            return;
        }
        let book = self.book.take().unwrap_or_else(|| Book::resume(flow.wallet_readings(&chain)));
        let (book, round) = self.reader.round(&accounts, book).await;
        self.book = Some(book);
        flow.balances(&chain, &round).await;
    }
}

/// Every configured chain and what reads it.
pub(super) struct Chains {
    pub hosts: Hosts,
    pub all: Vec<(ChainSettings, Arc<ChainReader>)>,
}

/// Connects to nothing yet.
///
/// # Errors
/// A secret that is missing or given twice, or an address that is none.
pub(super) fn chains(
    config: &Config,
    environment: &Environment,
    clock: &SharedClock,
    metrics: &Arc<Metrics>,
) -> Result<Chains, StartError> {
    let hosts = Hosts::new(clock.clone()).map_err(|error| StartError::Chain {
        chain: config.balances.chains.iter().map(|chain| chain.name.as_str()).collect::<Vec<_>>().join(", "),
        error: error.to_string(),
    })?;
    let chain = |chain: &Chain| -> Result<_, StartError> {
        let failed = |error: String| StartError::Chain { chain: chain.name.clone(), error };
        let settings = settings(chain, environment).map_err(failed)?;
        let reader = ChainReader::new(settings.clone(), &hosts, clock.clone(), Arc::clone(metrics));
        Ok((settings, Arc::new(reader)))
    };
    let all = config.balances.chains.iter().map(chain).collect::<Result<_, _>>()?;
    Ok(Chains { hosts, all })
}

/// A loop for every chain.
pub(super) fn loops(config: &Config, chains: &Chains) -> Vec<ChainLoop> {
    let all = config.balances.chains.iter().zip(&chains.all);
    all.map(|(chain, (_, reader))| ChainLoop { reader: Arc::clone(reader), every: chain.every.duration(), book: None })
        .collect()
}

/// A chain as its client takes it.
///
/// # Errors
/// A secret that is missing or given twice, or an address that is none.
pub fn settings(chain: &Chain, environment: &Environment) -> Result<ChainSettings, String> {
    let endpoints: Result<Vec<_>, String> = chain.endpoints.iter().map(|one| endpoint(one, environment)).collect();
    Ok(ChainSettings {
        native: Balances::unit(chain),
        endpoints: endpoints?,
        ..ChainSettings::new(&chain.name, chain.kind, &chain.identity)
    })
}

fn endpoint(endpoint: &Endpoint, environment: &Environment) -> Result<EndpointSettings, String> {
    let name = endpoint.name();
    let address = match (&endpoint.url, &endpoint.url_env) {
        (Some(url), _) => Url::parse(url).map_err(|error| format!("{name}: {error}"))?,
        (None, Some(variable)) => {
            let secret = environment.secret(variable).map_err(|error| error.to_string())?;
            let secret = secret.ok_or_else(|| format!("{variable} is not set; it holds the address of {name}"))?;
            // The parser's complaint says nothing of the address itself.
            Url::parse(secret.expose_secret()).map_err(|error| format!("{variable} holds no address: {error}"))?
        }
        (None, None) => return Err(format!("{name} has no address")),
    };
    Ok(EndpointSettings { name, url: address })
}

/// Tells the use cases what is watched, and who hears of the funding.
pub(super) async fn watch(flow: &Flow, config: &Config) {
    let summary = config.balances.summary.as_ref().map(|summary| Plan {
        schedule: summary.schedule.clone(),
        receiver: summary.receiver.clone(),
        reach: summary.reach.duration(),
    });
    flow.watch_wallets(config.balances.setup(), summary).await;
}

pub(super) fn spawn(
    flow: &Arc<Flow>,
    chains: Vec<ChainLoop>,
    seed: u64,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    for (chain, nth) in chains.into_iter().zip(0u64..) {
        let rng = fastrand::Rng::with_seed(seed.wrapping_add(nth));
        tasks.spawn(read(Arc::clone(flow), chain, rng, stop.clone()));
    }
    tasks.spawn(every(flow, SUMMARY, stop.clone(), post_summary));
}

/// Chains are asked a little apart from each other, and never at the same second of every minute.
async fn read(flow: Arc<Flow>, mut chain: ChainLoop, mut rng: fastrand::Rng, stop: CancellationToken) {
    while !stop.is_cancelled() {
        chain.round(&flow).await;
        let pause = chain.every.mul_f64(0.9 + 0.2 * rng.f64());
        tokio::select! {
            () = stop.cancelled() => {}
            () = flow.clock.sleep(pause) => {}
        }
    }
}

async fn post_summary(flow: Arc<Flow>) {
    if let Err(error) = flow.post_funding().await {
        tracing::warn!(error = %error, "the funding summary could not be posted; trying again");
    }
}
