//! Transactions on record, and what is not known of them any more.

use serde::{Deserialize, Serialize};

use super::{Journal, Step};

/// A transaction as it was signed. It is on record before it is sent, and nothing but these bytes is sent while it may still
/// come into a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Of the plan's steps, from 0.
    pub step: usize,
    /// What explorers find it by: Solana's first signature in base58, on EVM the hash as `0x…`.
    pub id: String,
    /// Hex digits of what is sent.
    pub bytes: String,
    pub lasts: Lasts,
}

/// How long a transaction may still come into a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "lasts", rename_all = "snake_case")]
pub enum Lasts {
    /// Solana: in blocks up to this height.
    UntilHeight { last_valid_block_height: u64 },
    /// EVM: until a transaction of the same sender with this nonce is in a block.
    UntilNonce { from: String, nonce: u64 },
}

impl Journal {
    /// The transactions that were signed for a step, oldest first.
    pub fn signed_for(&self, index: usize) -> impl DoubleEndedIterator<Item = &Signed> {
        self.signed.iter().filter(move |signed| signed.step == index)
    }

    /// What was seen to be done may be gone again, and nobody can tell.
    pub fn lose(&mut self, why: &str) {
        for step in &mut self.steps {
            if let Step::Succeeded { at, .. } = step {
                *step = Step::Unknown { at: *at, why: why.to_owned() };
            }
        }
    }
}
