//! What is under watch, as configured, and what a watch says.

use std::collections::BTreeMap;

use crate::core::ids::AccountKey;
use crate::core::label::{ALERTNAME, Labels};
use crate::core::signal::Signal;
use crate::core::time::{Span, Timestamp};
use crate::core::wallet::history::TopUp;
use crate::core::wallet::limits::Limits;
use crate::core::wallet::{Account, Amount, ChainKind};

/// An account under watch, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Its key is its name.
    pub account: Account,
    /// The chain's name.
    pub chain: String,
    /// What the asset is called: `SOL`.
    pub symbol: String,
    pub group: Option<String>,
    /// Labels of its alerts besides the usual ones.
    pub labels: BTreeMap<String, String>,
    /// A Slack user or user group id.
    pub owner: Option<String>,
    pub limits: Limits,
    /// Its page on an explorer.
    pub explorer: Option<String>,
    /// The feed that tells what it is worth: `Crypto.SOL/USD`.
    pub price: Option<String>,
}

impl Watched {
    /// Nobody's, without limits, and with no price.
    #[must_use]
    pub fn new(account: Account, chain: impl Into<String>, symbol: impl Into<String>) -> Self {
        Self {
            account,
            chain: chain.into(),
            symbol: symbol.into(),
            group: None,
            labels: BTreeMap::new(),
            owner: None,
            limits: Limits::default(),
            explorer: None,
            price: None,
        }
    }

    /// What its past is stored under: a name may come to mean another address.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("{}/{}/{}", self.chain, self.account.address, self.account.asset)
    }

    pub(super) fn labels(&self, rule: &str) -> Labels {
        let mut labels: Labels = self.labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        labels.set(ALERTNAME, rule);
        labels.set("account", self.account.key.as_str());
        labels.set("chain", self.chain.as_str());
        labels.set("asset", self.symbol.as_str());
        if let Some(group) = &self.group {
            labels.set("group", group.as_str());
        }
        labels
    }
}

/// A chain under watch, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub name: String,
    pub kind: ChainKind,
    /// How long trouble lasts before somebody hears of it.
    pub patience: Span,
}

/// Everything under watch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    pub chains: Vec<Chain>,
    pub wallets: Vec<Watched>,
}

/// One balance to be stored, or as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// [`Watched::identity`]
    pub wallet: String,
    pub at: Timestamp,
    pub amount: Amount,
    pub position: u64,
}

/// Money that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub account: AccountKey,
    pub top_up: TopUp,
}

/// What follows from a round.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    pub signals: Vec<Signal>,
    pub keep: Vec<Kept>,
    pub arrivals: Vec<Arrival>,
}
