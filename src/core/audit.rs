//! The audit chain's arithmetic: what an entry says and how each carries the hash of the one before.

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

/// The hash an entry must carry. Every field is length-prefixed, so no two different entries share their bytes.
#[must_use]
pub fn entry_hash(seq: i64, prev: &str, record: &Record) -> String {
    let Record { at, actor, action, subject, detail } = record;
    let mut hash = Sha256::new();
    hash.update(b"watchkeeper-audit-v1");
    for field in [&seq.to_string(), prev, &at.as_millis().to_string(), &actor_text(actor), action, subject, detail] {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field.as_bytes());
    }
    hex::encode(hash.finalize())
}

/// The actor as stored: JSON, so that user and team stay apart.
#[must_use]
pub fn actor_text(actor: &Actor) -> String {
    match actor {
        Actor::System => r#"{"kind":"system"}"#.to_owned(),
        Actor::Person { .. } => serde_json::to_string(actor).unwrap_or_default(),
    }
}
