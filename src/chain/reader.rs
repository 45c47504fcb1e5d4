//! One round over a chain: every endpoint is asked at once, the answers are judged, and nobody is waited for who hangs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tracing::{debug, warn};

use super::http::Http;
use super::{BalanceSource, ChainSettings, EndpointSettings, Hosts, aptos, cosmos, evm, near, solana, sui};
use crate::clock::SharedClock;
use crate::core::wallet::{
    Account, Answer, Book, ChainKind, EndpointVerdict, Refusal, Round, RoundOutcome, Tolerance, Why,
};
use crate::metrics::Metrics;

/// Reads the accounts of one chain.
pub struct ChainReader {
    name: String,
    identity: String,
    tolerance: Tolerance,
    grace: Duration,
    endpoints: Vec<Endpoint>,
    clock: SharedClock,
    metrics: Arc<Metrics>,
}

struct Endpoint {
    name: String,
    http: Http,
    source: Box<dyn BalanceSource>,
    /// It said that it is of the right chain, and has not failed since.
    verified: AtomicBool,
    patience: Duration,
}

impl ChainReader {
    #[must_use]
    pub fn new(settings: ChainSettings, hosts: &Hosts, clock: SharedClock, metrics: Arc<Metrics>) -> Self {
        let ChainSettings { name, kind, identity, native, endpoints, tolerance, timeout, grace } = settings;
        let endpoint = |EndpointSettings { name, url }: EndpointSettings| {
            let http = hosts.at(&url, timeout);
            let source: Box<dyn BalanceSource> = match kind {
                ChainKind::Solana => Box::new(solana::Solana::new(http.clone(), native.clone())),
                ChainKind::Evm => Box::new(evm::Evm::new(http.clone(), native.clone())),
                ChainKind::Aptos => Box::new(aptos::Aptos::new(http.clone(), native.clone())),
                ChainKind::Sui => Box::new(sui::Sui::new(http.clone(), native.clone())),
                ChainKind::Near => Box::new(near::Near::new(http.clone(), native.clone())),
                ChainKind::Cosmos => Box::new(cosmos::Cosmos::new(http.clone())),
            };
            Endpoint { name, http, source, verified: AtomicBool::new(false), patience: timeout * 3 }
        };
        let endpoints = endpoints.into_iter().map(endpoint).collect();
        Self { name, identity, tolerance, grace, endpoints, clock, metrics }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks every endpoint for all accounts and judges what comes. Takes as long as the slowest endpoint needed for a
    /// result, and `grace` more.
    pub async fn round(&self, accounts: &[Account], book: Book) -> (Book, Round) {
        let since = book.position();
        let mut asked: FuturesUnordered<_> =
            self.endpoints.iter().map(|endpoint| endpoint.ask(&self.identity, accounts, since)).collect();
        let mut answers: Vec<Answer> = Vec::new();
        loop {
            let next = if self.settled(&book, accounts, &answers) {
                let Ok(next) = tokio::time::timeout(self.grace, asked.next()).await else { break };
                next
            } else {
                asked.next().await
            };
            let Some(answer) = next else { break };
            answers.push(answer);
        }
        drop(asked);
        let (book, round) = self.judge(book, accounts, &answers);
        for Endpoint { name, http, .. } in &self.endpoints {
            let Some(verdict) = round.endpoints.get(name) else { continue };
            self.metrics.chain_endpoint(&self.name, name, http.calls(), verdict.as_str());
            match verdict {
                EndpointVerdict::Agreed => {}
                EndpointVerdict::Lagging { .. } | EndpointVerdict::Failed { .. } => {
                    debug!(chain = self.name, endpoint = name, "{verdict}");
                }
                EndpointVerdict::Lying { .. } | EndpointVerdict::WrongChain { .. } => {
                    warn!(chain = self.name, endpoint = name, "{verdict}");
                }
            }
        }
        (book, round)
    }

    /// Whether more answers could change no outcome but only delay it.
    fn settled(&self, book: &Book, accounts: &[Account], answers: &[Answer]) -> bool {
        if answers.len() * 2 <= self.endpoints.len() {
            return false;
        }
        let (_, round) = self.judge(book.clone(), accounts, answers);
        round.accounts.values().all(|outcome| match outcome {
            RoundOutcome::Ok(_) => true,
            RoundOutcome::Unreliable { why, .. } => !matches!(why, Why::TooFew { .. } | Why::Disagree { .. }),
        })
    }

    /// Those that did not answer count as failed.
    fn judge(&self, book: Book, accounts: &[Account], answers: &[Answer]) -> (Book, Round) {
        let answer = |endpoint: &Endpoint| {
            let given = answers.iter().find(|answer| answer.endpoint == endpoint.name).cloned();
            given.unwrap_or_else(|| Answer {
                endpoint: endpoint.name.clone(),
                said: Err(Refusal::Failed("no answer, long after the others".to_owned())),
            })
        };
        let answers: Vec<_> = self.endpoints.iter().map(answer).collect();
        book.judge(self.tolerance, accounts, &answers, self.clock.now())
    }
}

impl Endpoint {
    async fn ask(&self, identity: &str, accounts: &[Account], since: Option<u64>) -> Answer {
        let said = match tokio::time::timeout(self.patience, self.read(identity, accounts, since)).await {
            Ok(said) => said,
            Err(_) => Err(Refusal::Failed(format!("not done after {} s", self.patience.as_secs()))),
        };
        // After a failure it may be another node behind the same name.
        self.verified.store(said.is_ok(), Relaxed);
        Answer { endpoint: self.name.clone(), said }
    }

    async fn read(&self, identity: &str, accounts: &[Account], since: Option<u64>) -> Result<super::Balances, Refusal> {
        let failed = |error: super::CallError| Refusal::Failed(self.http.hide(&error.to_string()));
        if !self.verified.load(Relaxed) {
            let found = self.source.identity().await.map_err(failed)?;
            if found != identity {
                return Err(Refusal::WrongChain {
                    expected: identity.to_owned(),
                    found: found.chars().take(80).collect(),
                });
            }
        }
        let balances = self.source.read(accounts, since).await.map_err(failed)?;
        Ok(balances.into_iter().map(|(key, said)| (key, said.map_err(|why| self.http.hide(&why)))).collect())
    }
}
