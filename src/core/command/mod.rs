//! The grammar of `/wk`: one grammar for the slash command, a mention and a direct message.

pub mod action;
pub mod balance;
mod catalogue;
pub mod gitops;
pub mod handoff;
pub mod incident;
pub mod oncall;
mod read;
mod words;
pub mod workload;

use super::action::kind::Kind;
use super::graph;
use super::label::Matcher;
use super::time::Span;

pub use catalogue::{Topic, catalogue};
pub use read::{MAX_SILENCE, parse};

/// The first word of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    Help,
    Status,
    Feed,
    Feeds,
    Graph,
    Alerts,
    Ack,
    Unack,
    Escalate,
    Silence,
    Silences,
    Unsilence,
    Why,
    Cluster,
    Workload,
    Pods,
    Logs,
    Rollout,
    Nodes,
    OnCall,
    Override,
    Swap,
    Handoff,
    Note,
    Incident,
    Incidents,
    Balance,
    Apps,
    App,
    /// One of the operations.
    Act(Kind),
    Actions,
    Action,
    Freeze,
    Unfreeze,
    Audit,
}

/// What somebody asked for, read but not yet looked up: a symbol or a number here may name nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Help {
        topic: Option<Verb>,
    },
    Status,
    /// A symbol in any form (`SOL/USD`, `crypto.sol/usd`) or a price feed id.
    Feed {
        feed: String,
    },
    /// `page` counts from 1.
    Feeds {
        filter: Option<String>,
        page: u32,
    },
    Graph(graph::Ask),
    Alerts {
        which: Which,
    },
    Ack {
        number: u64,
        comment: Option<String>,
    },
    Unack {
        number: u64,
    },
    Escalate {
        number: u64,
    },
    Silence {
        target: SilenceTarget,
        length: Span,
        comment: Option<String>,
    },
    Silences,
    Unsilence {
        number: u64,
    },
    Why {
        target: WhyTarget,
    },
    /// About what runs in the clusters.
    Workload(workload::Ask),
    OnCall(oncall::Ask),
    Handoff(handoff::Ask),
    Incident(incident::Ask),
    Balance(balance::Ask),
    /// About what Git declares.
    GitOps(gitops::Ask),
    /// Operations with approval, and the record of everything.
    Act(action::Ask),
}

/// Which alerts to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    Open,
    /// Resolved ones as well.
    All,
    /// Open ones that have this text in a label.
    Containing(String),
}

/// What a silence is to cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SilenceTarget {
    /// The alert group with this number, by its `group_by` labels.
    Group(u64),
    /// A feed by symbol or id, as written.
    Feed(String),
    /// Never empty.
    Matchers(Vec<Matcher>),
}

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyTarget {
    Group(u64),
    /// A feed by symbol or id, as written.
    Feed(String),
}

impl Command {
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::Help { .. } => Verb::Help,
            Self::Status => Verb::Status,
            Self::Feed { .. } => Verb::Feed,
            Self::Feeds { .. } => Verb::Feeds,
            Self::Graph(_) => Verb::Graph,
            Self::Alerts { .. } => Verb::Alerts,
            Self::Ack { .. } => Verb::Ack,
            Self::Unack { .. } => Verb::Unack,
            Self::Escalate { .. } => Verb::Escalate,
            Self::Silence { .. } => Verb::Silence,
            Self::Silences => Verb::Silences,
            Self::Unsilence { .. } => Verb::Unsilence,
            Self::Why { .. } => Verb::Why,
            Self::Workload(ask) => ask.verb(),
            Self::OnCall(ask) => ask.verb(),
            Self::Handoff(ask) => ask.verb(),
            Self::Incident(ask) => ask.verb(),
            Self::Balance(_) => Verb::Balance,
            Self::GitOps(ask) => ask.verb(),
            Self::Act(ask) => ask.verb(),
        }
    }

    /// Whether it changes nothing: such a command may be answered to anybody who may read the channel.
    #[must_use]
    pub fn reads_only(&self) -> bool {
        match self {
            Self::Help { .. }
            | Self::Status
            | Self::Feed { .. }
            | Self::Feeds { .. }
            | Self::Graph(_)
            | Self::Alerts { .. }
            | Self::Silences
            | Self::Why { .. }
            | Self::Balance(_)
            | Self::GitOps(_) => true,
            Self::OnCall(ask) => ask.reads_only(),
            Self::Handoff(ask) => ask.reads_only(),
            Self::Incident(ask) => ask.reads_only(),
            Self::Ack { .. }
            | Self::Unack { .. }
            | Self::Escalate { .. }
            | Self::Silence { .. }
            | Self::Unsilence { .. } => false,
            Self::Workload(ask) => ask.for_everyone(),
            Self::Act(ask) => ask.reads_only(),
        }
    }

    /// Whether the policy of actions alone says who may.
    #[must_use]
    pub const fn ruled_by_policy(&self) -> bool {
        matches!(self, Self::Act(ask) if ask.ruled_by_policy())
    }
}

/// Why a text is no command, and the way out of it. Its parts quote what was typed: escape before showing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Unreadable {
    /// One sentence: "I do not know the word “fed”."
    pub problem: String,
    /// The whole command as it was probably meant, without `/wk`: `feed SOL/USD`.
    pub suggestion: Option<String>,
    /// The command that was being written, when that much is clear: show its usage.
    pub verb: Option<Verb>,
}

#[cfg(test)]
mod tests;
