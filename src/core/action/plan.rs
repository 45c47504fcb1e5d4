//! A plan: everything people approve. Ordered changes from old to new, what they rest on, what they put at risk, and the
//! way back.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::{Action, Kind};
use super::money::Transfer;
use super::target::Target;
use crate::core::time::{Span, Timestamp};

/// How much can go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Risk {
    /// Reads only.
    R0,
    /// One service, and it can be taken back.
    #[default]
    R1,
    /// A service may go down, or more than one is touched.
    R2,
    /// Money or governance.
    R3,
}

impl Risk {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::R0 => "R0",
            Self::R1 => "R1",
            Self::R2 => "R2",
            Self::R3 => "R3",
        }
    }

    /// How many people must approve, never counting who asks.
    #[must_use]
    pub const fn quorum(self) -> u32 {
        match self {
            Self::R0 => 0,
            Self::R1 => 1,
            Self::R2 | Self::R3 => 2,
        }
    }

    /// Whether somebody on call must be among those who ask or approve.
    #[must_use]
    pub const fn on_call(self) -> bool {
        matches!(self, Self::R2)
    }
}

/// An object as it was when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    pub target: Target,
    pub uid: String,
    /// What the write must still find. Not in the digest: every status update moves it, several times a minute on a
    /// workload that crashes; what the plan rests on is in [`Plan::rests_on`].
    pub resource_version: String,
}

/// One write, typed: the adapter makes the request from it, and nothing else can be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "write", rename_all = "snake_case")]
pub enum Write {
    /// The pod template's restart annotation takes the instant of the intent.
    Restart,
    Replicas {
        from: u32,
        to: u32,
    },
    /// The pod template of this revision's ReplicaSet, known by its hash.
    Template {
        revision: i64,
        source: String,
        hash: String,
    },
    Paused {
        paused: bool,
    },
    DeletePod,
    Evict,
    /// A Job from a template known by its hash; its name is this and the beginning of the plan's digest.
    CreateJob {
        name: String,
        hash: String,
    },
    Suspend {
        suspend: bool,
    },
    Unschedulable {
        unschedulable: bool,
    },
    /// Argo CD's `operation`: to the revisions it has compared with, or to those of an entry of its history. `hash` is of
    /// the sync that is asked for.
    Operation {
        revisions: Vec<String>,
        history: Option<i64>,
        prune: bool,
        hash: String,
    },
    /// Argo CD's refresh annotation.
    Refresh {
        hard: bool,
    },
    /// Argo Rollouts: past the pause it is in, or past everything.
    Promote {
        full: bool,
    },
    Abort {
        abort: bool,
    },
    /// Flux' annotation takes the instant of the intent as its token.
    Reconcile,
    /// A workflow is run at a commit. `correlation` names the input that takes the beginning of the plan's digest.
    Dispatch {
        repository: String,
        reference: String,
        sha: String,
        inputs: BTreeMap<String, String>,
        correlation: Option<String>,
        /// Where people look at the commit.
        page: String,
    },
    /// One transaction on a chain.
    Transfer(Box<Transfer>),
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub object: Object,
    pub write: Write,
    /// In words: `replicas`, `image of app`.
    pub field: String,
    pub old: String,
    pub new: String,
    /// This long after the step before it, and not at once.
    pub after: Option<Span>,
    /// Done whatever becomes of the steps before it: it takes one of them back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub always: bool,
}

impl Change {
    #[must_use]
    pub fn transfer(&self) -> Option<&Transfer> {
        match &self.write {
            Write::Transfer(transfer) => Some(&**transfer),
            _ => None,
        }
    }
}

/// What happens to others while it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blast {
    /// In words: `3 pods, one at a time`.
    pub pods: String,
    /// Disruption budgets that cover them, in words.
    pub budgets: Vec<String>,
}

/// How it is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "snake_case")]
pub enum Undo {
    /// By this action on the same target, as a request of its own.
    By { action: Action },
    /// It cannot, or need not: why.
    None { why: String },
}

/// What an adapter found out about a target: the plan without what policy adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    pub changes: Vec<Change>,
    /// What the decision rests on, by name: another value, and it is another plan.
    pub rests_on: BTreeMap<String, String>,
    pub risk: Risk,
    pub blast: Blast,
    pub warnings: Vec<String>,
    pub undo: Undo,
}

/// Exactly what is approved. [`Plan::digest`](super::digest) binds an approval to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub action: Action,
    pub target: Target,
    #[serde(flatten)]
    pub preview: Preview,
    /// The policy rule that allows it, and the version of the whole policy.
    pub rule: String,
    pub policy: String,
    /// Approvals count until then.
    pub approve_by: Timestamp,
    /// How long after the last approval it may begin.
    pub execute_within: Span,
}

impl Plan {
    /// What it does to others than its target that takes a right of its own: whoever asks for it and allows it must be able
    /// to ask for and allow that as well.
    pub fn also(&self) -> impl Iterator<Item = (Kind, &Target)> {
        let others = self.preview.changes.iter().filter(|change| change.object.target != self.target);
        let suspends = others.filter(|change| change.write == Write::Suspend { suspend: true });
        suspends.map(|change| (Kind::SuspendReconcile, &change.object.target))
    }

    /// The transfer it makes, if it makes one.
    #[must_use]
    pub fn transfer(&self) -> Option<&Transfer> {
        self.preview.changes.iter().find_map(Change::transfer)
    }

    /// How long from the first write to the last, when nothing goes wrong and nobody ends it early.
    #[must_use]
    pub fn holds_for(&self) -> Option<Duration> {
        let waits: Duration = self.preview.changes.iter().filter_map(|change| change.after).map(Span::duration).sum();
        (!waits.is_zero()).then_some(waits)
    }
}
