//! A signed note of where the chain stands. Kept outside the database, it shows what the chain alone cannot: that it was
//! cut short together with its head, or written anew as a whole.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::core::time::Timestamp;

/// Where the chain stood, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The last entry; since the chain has no gaps, also how many there were.
    pub seq: i64,
    /// That entry's hash: 64 hex digits.
    pub hash: String,
    pub at: Timestamp,
    /// Which key signed: [`Public::id`].
    pub key: String,
    /// Ed25519, 128 hex digits.
    pub signature: String,
}

/// The secret half. It prints nothing of itself but which key it is.
#[derive(Clone)]
pub struct Signer(SigningKey);

/// The half that verifies; not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Public(VerifyingKey);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error("is no audit key; `watchkeeper audit keygen` makes one (64 hex digits)")]
    Secret,
    #[error("is no public audit key; `watchkeeper audit keygen` prints it beside the secret one (64 hex digits)")]
    Public,
}

impl Signer {
    /// From 32 bytes of a good random source.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// # Errors
    /// It is not 64 hex digits.
    pub fn from_secret(text: &str) -> Result<Self, InvalidKey> {
        bytes(text).map(Self::from_seed).ok_or(InvalidKey::Secret)
    }

    #[must_use]
    pub fn public(&self) -> Public {
        Public(self.0.verifying_key())
    }

    /// Says that the chain stood at this entry with this hash.
    #[must_use]
    pub fn sign(&self, seq: i64, hash: &str, at: Timestamp) -> Checkpoint {
        let key = self.public().id();
        let signature = self.0.sign(&message(seq, hash, at, &key));
        Checkpoint { seq, hash: hash.to_owned(), at, key, signature: hex::encode(signature.to_bytes()) }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public().id())
    }
}

impl Public {
    /// The first 16 hex digits of the key's SHA-256: enough to tell keys apart.
    #[must_use]
    pub fn id(&self) -> String {
        let digest = hex::encode(Sha256::digest(self.0.as_bytes()));
        digest.get(..16).unwrap_or(&digest).to_owned()
    }

    /// Whether this key signed exactly this.
    #[must_use]
    pub fn signed(&self, checkpoint: &Checkpoint) -> bool {
        let Checkpoint { seq, hash, at, key, signature } = checkpoint;
        let mut bytes = [0; 64];
        // Upper case would be another spelling of the same signature.
        let spelled = signature.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        spelled
            && *key == self.id()
            && hex::decode_to_slice(signature, &mut bytes).is_ok()
            && self.0.verify_strict(&message(*seq, hash, *at, key), &Signature::from_bytes(&bytes)).is_ok()
    }
}

/// 64 hex digits.
impl fmt::Display for Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.as_bytes()))
    }
}

impl FromStr for Public {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let bytes = bytes(text).ok_or(InvalidKey::Public)?;
        VerifyingKey::from_bytes(&bytes).map(Self).map_err(|_| InvalidKey::Public)
    }
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
    Some(bytes)
}

fn message(seq: i64, hash: &str, at: Timestamp, key: &str) -> Vec<u8> {
    let mut message = b"watchkeeper-checkpoint-v1".to_vec();
    for part in [seq.to_string().as_str(), hash, &at.as_millis().to_string(), key] {
        message.extend((part.len() as u64).to_be_bytes());
        message.extend(part.as_bytes());
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn signer() -> Signer {
        Signer::from_secret(&"07".repeat(32)).unwrap()
    }

    #[test]
    fn only_what_was_signed_is_believed() {
        type Change = fn(&mut Checkpoint);
        let public = signer().public();
        let noted = signer().sign(42, &"ab".repeat(32), NOW);
        assert!(public.signed(&noted));
        assert_eq!(public.to_string().parse::<Public>().unwrap(), public);
        let changes: [Change; 6] = [
            |it| it.seq += 1,
            |it| it.hash = "cd".repeat(32),
            |it| it.at = NOW.plus(std::time::Duration::from_secs(1)),
            |it| it.key = "0".repeat(16),
            |it| it.signature = it.signature.to_uppercase(),
            |it| it.signature.truncate(10),
        ];
        for change in changes {
            let mut forged = noted.clone();
            change(&mut forged);
            assert!(!public.signed(&forged), "{forged:?}");
        }
        let other = Signer::from_secret(&"08".repeat(32)).unwrap();
        assert!(!other.public().signed(&noted));
    }

    #[test]
    fn a_checkpoint_is_one_line_that_reads_back() {
        let noted = signer().sign(42, &"ab".repeat(32), NOW);
        let line = serde_json::to_string(&noted).unwrap();
        assert_eq!(line.lines().count(), 1);
        assert_eq!(serde_json::from_str::<Checkpoint>(&line).unwrap(), noted);
    }

    #[test]
    fn a_key_says_what_it_is_not_and_never_prints_itself() {
        assert_eq!(Signer::from_secret("x").unwrap_err(), InvalidKey::Secret);
        assert_eq!("x".parse::<Public>().unwrap_err(), InvalidKey::Public);
        assert!(!format!("{:?}", signer()).contains("0707"));
    }
}
