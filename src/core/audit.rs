//! The audit chain's arithmetic: what an entry says and how each carries the hash of the one before.

pub mod checkpoint;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ids::Actor;
use super::time::Timestamp;

/// What happened, before it has a place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub at: Timestamp,
    pub actor: Actor,
    /// Dotted verb: `alert.acknowledged`, `silence.created`, `config.loaded`, `command.denied`.
    pub action: String,
    /// What it was done to: `alert/17`, `silence/3`, `config`.
    pub subject: String,
    /// Details as a JSON object in canonical (sorted, compact) form; never a secret.
    pub detail: String,
}

/// A record in its place: `hash = SHA-256(seq ‖ prev ‖ record)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// 1, 2, 3 … without gaps.
    pub seq: i64,
    pub record: Record,
    /// 64 hex digits; the genesis entry carries 64 zeros.
    pub prev: String,
    pub hash: String,
}

/// What the first entry carries as the hash before it.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash an entry must carry.
#[must_use]
pub fn entry_hash(seq: i64, prev: &str, record: &Record) -> String {
    let Record { at, actor, action, subject, detail } = record;
    let (seq, at, actor) = (seq.to_string(), at.as_millis().to_string(), actor_text(actor));
    let hash = Content { seq: &seq, prev, at: &at, actor: &actor, action, subject, detail }.hash(&mut Vec::new());
    hash.iter().copied().map(char::from).collect()
}

/// An entry's parts as they are stored; numbers in decimal digits.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    pub seq: &'a str,
    pub prev: &'a str,
    pub at: &'a str,
    pub actor: &'a str,
    pub action: &'a str,
    pub subject: &'a str,
    pub detail: &'a str,
}

impl Content<'_> {
    /// In hex digits. Every part has its length before it, so no two different entries share their bytes. `room` is used
    /// again for the next.
    #[must_use]
    pub fn hash(&self, room: &mut Vec<u8>) -> [u8; 64] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let Self { seq, prev, at, actor, action, subject, detail } = *self;
        room.clear();
        room.extend_from_slice(b"watchkeeper-audit-v1");
        for part in [seq, prev, at, actor, action, subject, detail] {
            room.extend_from_slice(&(part.len() as u64).to_be_bytes());
            room.extend_from_slice(part.as_bytes());
        }
        let mut hex = [0; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(Sha256::digest(&room)) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        hex
    }
}

/// The actor as stored: JSON, so that user and team stay apart.
#[must_use]
pub fn actor_text(actor: &Actor) -> String {
    match actor {
        Actor::System => r#"{"kind":"system"}"#.to_owned(),
        Actor::Person { .. } => serde_json::to_string(actor).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The format is fixed: this is what the first version of it gave.
    #[test]
    fn the_hash_of_an_entry_is_the_same_for_ever() {
        let record = Record {
            at: Timestamp::from_secs(1_800_000_000),
            actor: Actor::System,
            action: "alert.acknowledged".to_owned(),
            subject: "alert/17".to_owned(),
            detail: "{}".to_owned(),
        };
        let mut plain = Sha256::new();
        plain.update(b"watchkeeper-audit-v1");
        for part in ["1", GENESIS, "1800000000000", r#"{"kind":"system"}"#, "alert.acknowledged", "alert/17", "{}"] {
            plain.update((part.len() as u64).to_be_bytes());
            plain.update(part.as_bytes());
        }
        assert_eq!(entry_hash(1, GENESIS, &record), hex::encode(plain.finalize()));
    }
}
