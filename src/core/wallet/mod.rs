//! Wallets as several chains have them: addresses, assets, exact amounts, and what endpoints say about them.
//! One endpoint is never believed on its own where there are more: see [`vote`].

mod address;
mod amount;
mod asset;
pub mod base58;
mod bech32;
pub mod funding;
pub mod history;
pub mod limits;
mod packed;
mod round;
pub mod runway;
pub mod verdicts;
mod vote;
pub mod watch;
pub mod worth;

use std::fmt;

pub use self::address::{Address, InvalidAddress, SolanaKey};
pub use self::amount::{Amount, InvalidAmount, Shown, Unit};
pub use self::asset::{Asset, InvalidAsset, TokenAccount, TokenProgram};
pub use self::round::{Account, Answer, Balance, EndpointVerdict, Reading, Refusal, Round, RoundOutcome, Why};
pub use self::vote::{Book, Tolerance};

/// How a chain is spoken to and what its addresses look like. Many chains share a kind (89 EVM main networks).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ChainKind {
    /// Solana and chains that run its virtual machine.
    Solana,
    /// Ethereum and everything that speaks its JSON-RPC.
    Evm,
    /// Aptos and Movement.
    Aptos,
    Sui,
    Near,
    /// Chains of the Cosmos SDK, read through their REST endpoint (LCD).
    Cosmos,
}

impl ChainKind {
    pub const ALL: [Self; 6] = [Self::Solana, Self::Evm, Self::Aptos, Self::Sui, Self::Near, Self::Cosmos];

    /// As written in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Solana => "solana",
            Self::Evm => "evm",
            Self::Aptos => "aptos",
            Self::Sui => "sui",
            Self::Near => "near",
            Self::Cosmos => "cosmos",
        }
    }

    /// What its nodes count by, in the singular: a balance is true at one of these.
    #[must_use]
    pub const fn position_word(self) -> &'static str {
        match self {
            Self::Solana => "slot",
            Self::Aptos => "ledger version",
            Self::Sui => "checkpoint",
            Self::Evm | Self::Near | Self::Cosmos => "block",
        }
    }

    /// The unit of its native asset, where nearly all chains of the kind have the same one. Others are configured.
    #[must_use]
    pub fn usual_unit(self) -> Option<Unit> {
        let (symbol, decimals) = match self {
            Self::Solana => ("SOL", 9),
            Self::Evm => ("ETH", 18),
            Self::Aptos => ("APT", 8),
            Self::Sui => ("SUI", 9),
            Self::Near => ("NEAR", 24),
            Self::Cosmos => return None,
        };
        Some(Unit { symbol: symbol.to_owned(), decimals })
    }
}

impl fmt::Display for ChainKind {
    /// As people write it in a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Solana => "Solana",
            Self::Evm => "EVM",
            Self::Aptos => "Aptos",
            Self::Sui => "Sui",
            Self::Near => "NEAR",
            Self::Cosmos => "Cosmos",
        })
    }
}
