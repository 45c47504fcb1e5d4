//! What is counted of wallets.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::watched::Watched;
use super::{Labels, Metrics, Seconds};

#[derive(Debug, Default)]
pub(super) struct WalletMetrics {
    balance: Watched<Seconds>,
    runway: Watched<Seconds>,
    wallets: Watched<Gauge>,
    rounds: Family<Labels, Counter>,
}

impl WalletMetrics {
    pub fn register(&self, registry: &mut Registry) {
        self.balance.register(registry, "balance", "What a wallet holds, in whole coins");
        self.runway.register(
            registry,
            "runway_seconds",
            "Until a wallet is empty at its present pace; absent while it does not get less",
        );
        self.wallets.register(registry, "wallets", "Wallets of a chain, by whether they are known");
        registry.register("balance_rounds", "Rounds over a chain's wallets, by outcome", self.rounds.clone());
    }
}

impl Metrics {
    /// It is another replica's to read now.
    pub fn forget_chain(&self, chain: &str) {
        self.wallets.balance.forget("chain", chain);
        self.wallets.runway.forget("chain", chain);
        self.wallets.wallets.forget("chain", chain);
    }

    /// Another replica reads all chains now.
    pub fn forget_chains(&self) {
        self.wallets.balance.clear();
        self.wallets.runway.clear();
        self.wallets.wallets.clear();
    }

    pub fn balance(&self, account: &str, chain: &str, asset: &str, amount: f64, left: Option<Duration>) {
        let of = |name, value: &str| (name, value.to_owned());
        let labels = vec![of("account", account), of("chain", chain), of("asset", asset)];
        match left {
            Some(left) => self.wallets.runway.set(labels.clone(), left.as_secs_f64()),
            None => self.wallets.runway.remove(&labels),
        }
        self.wallets.balance.set(labels, amount);
    }

    /// A round over a chain: how many of its wallets nothing is known of.
    pub fn balance_round(&self, chain: &str, unknown: usize, wallets: usize) {
        let label = |name, value: &str| vec![("chain", chain.to_owned()), (name, value.to_owned())];
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.wallets.wallets.set(label("state", "unknown"), count(unknown));
        self.wallets.wallets.set(label("state", "known"), count(wallets.saturating_sub(unknown)));
        let outcome = if unknown == 0 { "ok" } else { "unreliable" };
        self.wallets.rounds.get_or_create(&label("outcome", outcome)).inc();
    }
}
