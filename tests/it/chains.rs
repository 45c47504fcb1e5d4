//! A team's balances, read from real nodes: exactly, and not from anyone who lies.

mod evm;
mod evm_faults;
mod evm_pay;
mod solana;
mod solana_pay;

use std::sync::Arc;
use url::Url;
use watchkeeper::chain::{ChainReader, ChainSettings, EndpointSettings, Hosts};
use watchkeeper::clock::SharedClock;
use watchkeeper::core::ids::AccountKey;
use watchkeeper::core::wallet::{Account, Address, Asset, Book, ChainKind, EndpointVerdict, Round, RoundOutcome, Why};
use watchkeeper::metrics::Metrics;

use crate::support::TestClock;
use crate::support::process::LIMIT;

/// A chain as configured, and what is known of it.
struct Chain {
    reader: ChainReader,
    book: Book,
    metrics: Arc<Metrics>,
}

impl Chain {
    /// Endpoints are named `a`, `b`, `c` in this order.
    fn new(kind: ChainKind, identity: &str, endpoints: &[&Url]) -> Self {
        Self::with(kind, identity, endpoints, |_| ())
    }

    fn with(kind: ChainKind, identity: &str, endpoints: &[&Url], change: impl FnOnce(&mut ChainSettings)) -> Self {
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let clock: SharedClock = TestClock::new();
        let metrics = Arc::new(Metrics::default());
        let mut settings = ChainSettings::new(kind.as_str(), kind, identity);
        let names = ["a", "b", "c"].into_iter().map(str::to_owned);
        settings.endpoints =
            names.zip(endpoints).map(|(name, url)| EndpointSettings { name, url: (*url).clone() }).collect();
        // A busy machine is no fault of a node's.
        (settings.timeout, settings.grace) = (LIMIT, LIMIT);
        change(&mut settings);
        let hosts = Hosts::new(clock.clone()).unwrap();
        Self { reader: ChainReader::new(settings, &hosts, clock, metrics.clone()), book: Book::default(), metrics }
    }

    async fn round(&mut self, accounts: &[Account]) -> Round {
        let (book, round) = self.reader.round(accounts, std::mem::take(&mut self.book)).await;
        self.book = book;
        round
    }

    /// The amount as people write it, or why there is none; and how endpoint `b` did.
    async fn read(&mut self, account: &Account) -> (Result<String, Why>, EndpointVerdict) {
        let mut round = self.round(std::slice::from_ref(account)).await;
        let amount = match round.accounts.remove(&account.key).unwrap() {
            RoundOutcome::Ok(reading) => Ok(reading.amount.to_string()),
            RoundOutcome::Unreliable { why, .. } => Err(why),
        };
        (amount, round.endpoints.remove("b").unwrap_or(EndpointVerdict::Agreed))
    }
}

fn account(kind: ChainKind, address: &str, asset: Asset) -> Account {
    let address = Address::parse(kind, address).unwrap();
    Account { key: AccountKey::new(format!("{address} {asset}")), address, asset }
}
