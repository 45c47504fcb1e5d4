//! What is counted at an address: the chain's own coin, or a token on it.

use std::fmt;

use super::{Address, ChainKind, InvalidAddress, SolanaKey};

/// One asset of one chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asset {
    /// What the chain's fees are paid in.
    Native,
    /// A token of Solana's token programs. Its decimals are the mint's.
    Spl { mint: SolanaKey, program: TokenProgram, account: TokenAccount },
    /// A token contract on an EVM chain. Its decimals are the contract's.
    Erc20 { contract: [u8; 20] },
    /// A coin type (`0x…::usdc::USDC`) on Aptos or Sui, a denom (`uosmo`, `ibc/…`) on Cosmos: with the decimals given,
    /// as these interfaces tell none with the balance.
    Coin { name: String, decimals: u8 },
}

/// Which program owns a mint; the address of a holder's token account depends on it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum TokenProgram {
    #[default]
    Token,
    #[serde(rename = "token-2022")]
    Token2022,
}

impl TokenProgram {
    #[must_use]
    pub const fn id(self) -> SolanaKey {
        SolanaKey(match self {
            Self::Token => [
                0x06, 0xdd, 0xf6, 0xe1, 0xd7, 0x65, 0xa1, 0x93, 0xd9, 0xcb, 0xe1, 0x46, 0xce, 0xeb, 0x79, 0xac, 0x1c,
                0xb4, 0x85, 0xed, 0x5f, 0x5b, 0x37, 0x91, 0x3a, 0x8c, 0xf5, 0x85, 0x7e, 0xff, 0x00, 0xa9,
            ],
            Self::Token2022 => [
                0x06, 0xdd, 0xf6, 0xe1, 0xee, 0x75, 0x8f, 0xde, 0x18, 0x42, 0x5d, 0xbc, 0xe4, 0x6c, 0xcd, 0xda, 0xb6,
                0x1a, 0xfc, 0x4d, 0x83, 0xb9, 0x0d, 0x27, 0xfe, 0xbd, 0xf9, 0x28, 0xd8, 0xa1, 0x8b, 0xfc,
            ],
        })
    }
}

/// Where an owner's tokens lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenAccount {
    /// In the account that wallets derive from owner, program and mint.
    Associated,
    /// In this one; that it belongs to the owner is checked.
    At(SolanaKey),
}

/// What was written where an asset belongs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAsset {
    #[error(transparent)]
    Address(#[from] InvalidAddress),
    #[error("{kind} has no such asset as {asset}; {kind} knows {known}")]
    NotThere { kind: ChainKind, asset: String, known: &'static str },
    #[error("{chain} has no native coin; name a token")]
    NoNative { chain: String },
    #[error("`{0}` is no name of a coin: it must not be empty, and holds no spaces, quotes or backslashes")]
    Name(String),
}

impl Asset {
    /// A token's contract by its address.
    ///
    /// # Errors
    /// When it is no EVM address.
    pub fn erc20(contract: &str) -> Result<Self, InvalidAsset> {
        match Address::parse(ChainKind::Evm, contract)? {
            Address::Evm(contract) => Ok(Self::Erc20 { contract }),
            other => Err(Self::not_there(ChainKind::Evm, &other.to_string())),
        }
    }

    /// A coin type or denom, as the chain spells it.
    ///
    /// # Errors
    /// When the name could not be one.
    pub fn coin(name: &str, decimals: u8) -> Result<Self, InvalidAsset> {
        // It becomes part of paths and queries.
        let strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\\' | '?' | '#' | '&');
        if name.is_empty() || name.len() > 512 || name.contains(strange) {
            return Err(InvalidAsset::Name(name.chars().take(60).collect()));
        }
        Ok(Self::Coin { name: name.to_owned(), decimals })
    }

    /// Whether chains of this kind have such assets.
    ///
    /// # Errors
    /// Naming those they have.
    pub fn check(&self, kind: ChainKind) -> Result<(), InvalidAsset> {
        let there = match self {
            // Every coin of a Cosmos chain is a denom; which one pays fees is configured.
            Self::Native => kind != ChainKind::Cosmos,
            Self::Spl { .. } => kind == ChainKind::Solana,
            Self::Erc20 { .. } => kind == ChainKind::Evm,
            Self::Coin { .. } => matches!(kind, ChainKind::Aptos | ChainKind::Sui | ChainKind::Cosmos),
        };
        if there { Ok(()) } else { Err(Self::not_there(kind, &self.to_string())) }
    }

    fn not_there(kind: ChainKind, asset: &str) -> InvalidAsset {
        let known = match kind {
            ChainKind::Solana => "its native coin and SPL tokens (a mint)",
            ChainKind::Evm => "its native coin and ERC-20 tokens (a contract)",
            ChainKind::Aptos | ChainKind::Sui => "its native coin and coin types",
            ChainKind::Near => "its native coin",
            ChainKind::Cosmos => "denoms",
        };
        InvalidAsset::NotThere { kind, asset: asset.to_owned(), known }
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native => f.write_str("its native coin"),
            Self::Spl { mint, .. } => write!(f, "the SPL token {mint}"),
            Self::Erc20 { contract } => write!(f, "the ERC-20 token {}", Address::Evm(*contract)),
            Self::Coin { name, .. } => write!(f, "the coin {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_programs_are_the_known_ones() {
        assert_eq!(TokenProgram::Token.id().to_string(), "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
        assert_eq!(TokenProgram::Token2022.id().to_string(), "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
    }

    #[test]
    fn an_asset_of_another_kind_of_chain_is_refused_naming_what_there_is() {
        let token = Asset::erc20("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed").unwrap();
        assert_eq!(token.check(ChainKind::Evm), Ok(()));
        let error = token.check(ChainKind::Solana).unwrap_err().to_string();
        assert!(error.contains("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed") && error.contains("a mint"), "{error}");
        assert!(Asset::Native.check(ChainKind::Cosmos).is_err());
    }

    #[test]
    fn a_coin_name_cannot_change_the_query_it_stands_in() {
        for name in ["", "a b", "a\"}", "a?x=1", "a#", "a&b", "a\\", "a\n"] {
            assert!(Asset::coin(name, 6).is_err(), "{name:?}");
        }
        for name in ["uosmo", "ibc/27394FB092D2ECCD56123C74F36E4C1F", "0x1::aptos_coin::AptosCoin", "factory/osmo1x/y"]
        {
            assert!(Asset::coin(name, 6).is_ok(), "{name}");
        }
    }
}
