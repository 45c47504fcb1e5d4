//! What the engine can be told, and what it answers to each.

use crate::core::ids::{Actor, GroupId, SilenceId};
use crate::core::label::Matcher;
use crate::core::signal::Signal;
use crate::core::time::Timestamp;

#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A rule's verdict on one target.
    Signal(Signal),
    /// Time has passed; every decision first does what is due, so this alone does nothing else.
    Tick,
    Acknowledge {
        group: GroupId,
        by: Actor,
        /// What they said with it; may be empty.
        comment: String,
    },
    Unacknowledge {
        group: GroupId,
        by: Actor,
    },
    Silence {
        matchers: Vec<Matcher>,
        /// At once when absent.
        starts_at: Option<Timestamp>,
        ends_at: Timestamp,
        by: Actor,
        comment: String,
    },
    Unsilence {
        silence: SilenceId,
        by: Actor,
    },
}

/// What came of one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A signal or tick was taken into account.
    Taken,
    Acknowledged {
        number: u64,
    },
    Unacknowledged {
        number: u64,
    },
    /// `firing` alerts match it now.
    Silenced {
        silence: SilenceId,
        number: u64,
        firing: usize,
    },
    /// `firing` alerts that it kept quiet still fire.
    Unsilenced {
        number: u64,
        firing: usize,
    },
}

/// Why a person's input changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no open alert {0}; `/wk alerts` lists those there are")]
    NoSuchGroup(GroupId),
    #[error("alert {number} has already resolved")]
    Closed { number: u64, at: Timestamp },
    #[error("alert {number} is already acknowledged by {by}")]
    AlreadyAcknowledged { number: u64, by: Actor, at: Timestamp },
    #[error("alert {number} is not acknowledged")]
    NotAcknowledged { number: u64 },
    #[error("there is no silence {0}; it may have ended long ago")]
    NoSuchSilence(SilenceId),
    #[error("silence {number} has already ended")]
    SilenceEnded { number: u64, at: Timestamp },
    #[error("a silence has to end after it starts and after now; choose a later end")]
    EndsTooEarly,
    #[error("these matchers would silence every alert; name at least one label value")]
    MatchesEverything,
}
