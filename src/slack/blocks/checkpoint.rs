//! A checkpoint of the audit log, as it is kept in a channel.

use super::kit;
use super::words::code;
use crate::core::audit::checkpoint::Checkpoint;
use crate::slack::message::Message;

/// For people in a line, for `audit verify --checkpoints` in a block of its own.
#[must_use]
pub fn checkpoint(checkpoint: &Checkpoint) -> Message {
    let said = format!("🔏 The audit log stands at entry {}, signed by key {}.", checkpoint.seq, code(&checkpoint.key));
    // Digits and quotes only, all of them ours.
    let line = serde_json::to_string(checkpoint).unwrap_or_default();
    let kept = format!("{said}\n```{line}```");
    kit::message(&said, &[kit::section(&kept)], None)
}
