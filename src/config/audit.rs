//! Where signed checkpoints of the audit log go, in `watchkeeper.yaml`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::ids::ChannelId;
use crate::core::time::Span;

/// Checkpoints: signed notes of where the audit log stands, kept outside the database, so that a log that was cut short or
/// rewritten as a whole shows. They want a key in WATCHKEEPER_AUDIT_KEY; `watchkeeper audit keygen` makes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// How often one is made, if anything was recorded meanwhile; one more is made when the bot stops.
    pub every: Span,
    /// Where they are posted: a channel that nobody can delete messages in.
    pub channel: Option<ChannelId>,
    /// Where they are appended, a line each; best on a disk that the database's keepers cannot write to.
    pub file: Option<PathBuf>,
}

impl Default for Audit {
    fn default() -> Self {
        Self { every: Span::from_secs(3600), channel: None, file: None }
    }
}

impl Audit {
    /// Whether they go anywhere.
    #[must_use]
    pub const fn published(&self) -> bool {
        self.channel.is_some() || self.file.is_some()
    }
}

pub(super) fn check(audit: &Audit, say: &mut impl FnMut(&str, String)) {
    if audit.every.duration().is_zero() {
        say("audit.every", "must be longer than nothing, e.g. 1h".to_owned());
    }
}
