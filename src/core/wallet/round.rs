//! One round over a chain's accounts: what each endpoint answered, and what came of it.

use std::collections::BTreeMap;
use std::fmt;

use super::{Address, Amount, Asset};
use crate::core::ids::AccountKey;
use crate::core::time::Timestamp;

/// One thing to read: an asset at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub key: AccountKey,
    pub address: Address,
    pub asset: Asset,
}

/// What one endpoint said in one round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its name in the configuration.
    pub endpoint: String,
    /// By account. An account that could not be read says why; one that is not there was not answered for.
    pub said: Result<BTreeMap<AccountKey, Result<Balance, String>>, Refusal>,
}

/// One balance as one endpoint tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    pub amount: Amount,
    /// Slot, block, ledger version or checkpoint, see `ChainKind::position_word`.
    pub position: u64,
}

/// Why an endpoint's whole answer counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it is a node of chain {found}, not of {expected}")]
    WrongChain { expected: String, found: String },
    /// One line without URLs.
    #[error("{0}")]
    Failed(String),
}

/// A balance that may be acted upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub account: AccountKey,
    pub amount: Amount,
    /// A position at which it was true; at least as many endpoints as had to agree had reached it.
    pub position: u64,
    pub observed_at: Timestamp,
}

/// What a round says about one account. Unreliable is not low: nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoundOutcome {
    Ok(Reading),
    Unreliable {
        why: Why,
        /// Those that kept the others from a result, by name.
        endpoints: Vec<String>,
    },
}

/// Why no balance can be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Too few endpoints answered with something that can be used.
    TooFew { answered: usize, needed: usize },
    /// Enough answered, and not the same.
    Disagree { needed: usize },
    /// They agree that it cannot be read.
    Unreadable { error: String },
    /// A single endpoint says that nothing is left where there was something: believed when it says so again.
    ZeroUnconfirmed,
    /// They are at an older position than was read before.
    OldPosition { position: u64, known: u64 },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFew { answered, needed } => {
                write!(f, "{answered} usable answers, {needed} needed")
            }
            Self::Disagree { needed } => write!(f, "the answers differ, {needed} must agree"),
            Self::Unreadable { error } => f.write_str(error),
            Self::ZeroUnconfirmed => f.write_str("the only endpoint says zero; waiting for it to say so again"),
            Self::OldPosition { position, known } => {
                write!(f, "the answer is old: from {position}, {known} was read before")
            }
        }
    }
}

/// How one endpoint did in a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointVerdict {
    /// It said what the others said, or differs as a change between two positions explains.
    Agreed,
    /// Its positions are this far behind.
    Lagging {
        by: u64,
    },
    /// It contradicts what enough others say of the same position.
    Lying {
        said: Contradiction,
    },
    Failed {
        error: String,
    },
    WrongChain {
        expected: String,
        found: String,
    },
}

/// What a lying endpoint said, and what the others say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    pub account: AccountKey,
    pub said: Balance,
    pub others: Balance,
}

impl EndpointVerdict {
    /// The `verdict` label in metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Lagging { .. } => "lagging",
            Self::Lying { .. } => "lying",
            Self::Failed { .. } => "failed",
            Self::WrongChain { .. } => "wrong_chain",
        }
    }
}

impl fmt::Display for EndpointVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agreed => f.write_str("agrees"),
            Self::Lagging { by } => write!(f, "is {by} behind"),
            Self::Lying { said: Contradiction { account, said, others } } => {
                write!(f, "says {} for {account} at {}, the others {}", said.amount, said.position, others.amount)
            }
            Self::Failed { error } => f.write_str(error),
            Self::WrongChain { expected, found } => write!(f, "is a node of chain {found}, not of {expected}"),
        }
    }
}

/// What came of a round: every account asked for, every endpoint asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    pub accounts: BTreeMap<AccountKey, RoundOutcome>,
    pub endpoints: BTreeMap<String, EndpointVerdict>,
}
