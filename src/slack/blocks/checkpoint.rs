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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::audit::checkpoint::Signer;
    use crate::core::time::Timestamp;

    #[test]
    fn what_is_posted_is_what_verify_takes() {
        let noted = Signer::from_seed([7; 32]).sign(1234, &"9f".repeat(32), Timestamp::from_secs(1_800_000_000));
        let said = checkpoint(&noted);
        assert!(said.text.starts_with("🔏 The audit log stands at entry 1234, signed by key `"), "{}", said.text);
        let kept = said.blocks[0]["text"]["text"].as_str().unwrap();
        let line = kept.split("```").nth(1).unwrap();
        assert_eq!(serde_json::from_str::<Checkpoint>(line).unwrap(), noted);
    }
}
