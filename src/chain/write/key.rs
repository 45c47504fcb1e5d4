//! Keys of hot wallets. They are read once, sign, and are never shown: not in logs, in messages or in errors.

use std::fmt;

use alloy::signers::local::PrivateKeySigner;
use ed25519_dalek::SigningKey;
use secrecy::{ExposeSecret as _, SecretString};

use crate::core::wallet::{Address, ChainKind, SolanaKey, base58};

/// What can sign for one address.
#[derive(Clone)]
pub enum Key {
    Solana(SigningKey),
    Evm(PrivateKeySigner),
}

/// Why a text is no key. Says nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    #[error("holds no key of Solana: write the 64 numbers of solana-keygen's file, or the same 64 bytes in base58")]
    Solana,
    #[error(
        "holds two halves that do not belong together: the last 32 of the 64 bytes must be the address of the first 32"
    )]
    Halves,
    #[error("holds no key of EVM: write 64 hex digits, with 0x before them")]
    Evm,
    #[error("is of a kind of chain on which nothing can be paid; there are: solana, evm")]
    Kind,
}

impl Key {
    /// A key as its tools write it: for Solana the JSON array of solana-keygen or base58 of 64 bytes, for EVM `0x` and 64 hex
    /// digits.
    ///
    /// # Errors
    /// What it should have been.
    pub fn read(kind: ChainKind, text: &SecretString) -> Result<Self, BadKey> {
        let text = text.expose_secret().trim();
        match kind {
            ChainKind::Solana => solana(text).map(Self::Solana),
            ChainKind::Evm => {
                let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 64).ok_or(BadKey::Evm)?;
                digits.parse().map(Self::Evm).map_err(|_| BadKey::Evm)
            }
            ChainKind::Aptos | ChainKind::Sui | ChainKind::Near | ChainKind::Cosmos => Err(BadKey::Kind),
        }
    }

    /// Whom it signs for.
    #[must_use]
    pub fn address(&self) -> Address {
        match self {
            Self::Solana(key) => Address::Solana(SolanaKey(key.verifying_key().to_bytes())),
            Self::Evm(key) => Address::Evm(key.address().into()),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.address())
    }
}

fn solana(text: &str) -> Result<SigningKey, BadKey> {
    let bytes: Vec<u8> = if text.starts_with('[') {
        serde_json::from_str(text).map_err(|_| BadKey::Solana)?
    } else {
        base58::decode(text).map_err(|_| BadKey::Solana)?
    };
    let pair: [u8; 64] = bytes.try_into().map_err(|_| BadKey::Solana)?;
    SigningKey::from_keypair_bytes(&pair).map_err(|_| BadKey::Halves)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: ChainKind, text: &str) -> Result<String, BadKey> {
        Key::read(kind, &SecretString::from(text.to_owned())).map(|key| key.address().to_string())
    }

    #[test]
    fn a_key_is_read_as_its_tools_write_it_and_tells_its_address() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let address = SolanaKey(key.verifying_key().to_bytes()).to_string();
        let pair = key.to_keypair_bytes();
        let array = serde_json::to_string(&pair.to_vec()).unwrap();
        assert_eq!(read(ChainKind::Solana, &format!("{array}\n")), Ok(address.clone()));
        assert_eq!(read(ChainKind::Solana, &base58::encode(&pair)), Ok(address));
        // The first account of every development node.
        let evm = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
        assert_eq!(read(ChainKind::Evm, evm).as_deref(), Ok("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"));
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        let mut halves = SigningKey::from_bytes(&[7; 32]).to_keypair_bytes();
        halves[63] ^= 1;
        let halves = base58::encode(&halves);
        for (kind, text, said) in [
            (ChainKind::Solana, "hunter2hunter2", BadKey::Solana),
            (ChainKind::Solana, "[1,2,3]", BadKey::Solana),
            (ChainKind::Solana, &halves, BadKey::Halves),
            (ChainKind::Evm, "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80", BadKey::Evm),
            (ChainKind::Evm, &format!("0x{}", "0".repeat(64)), BadKey::Evm),
            (ChainKind::Near, "ed25519:abc", BadKey::Kind),
        ] {
            assert_eq!(read(kind, text), Err(said));
            assert!(!said.to_string().contains(text), "{said}");
        }
        let key = Key::Solana(SigningKey::from_bytes(&[7; 32]));
        assert_eq!(format!("{key:?}"), format!("Key({})", key.address()));
    }
}
