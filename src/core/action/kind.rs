//! The catalogue: every operation there is, with its parameters. There is no shell, no exec and no free patch among them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::target::Sort;
use crate::core::time::Span;

/// Which operation, without its parameters: what policies name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Restart,
    Scale,
    Rollback,
    PauseRollout,
    ResumeRollout,
    DeletePod,
    RunJob,
    SuspendCronjob,
    ResumeCronjob,
    Cordon,
    Uncordon,
    Drain,
}

/// An operation with its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Action {
    /// Its pods are replaced one after the other, as `kubectl rollout restart` does.
    Restart,
    /// `back_after`: the former number comes back by itself after this long.
    Scale {
        replicas: u32,
        back_after: Option<Span>,
    },
    /// To an earlier template; the one before the present when no revision is named.
    Rollback {
        revision: Option<i64>,
    },
    PauseRollout,
    ResumeRollout,
    DeletePod,
    /// A Job made from a CronJob's template now, or a failed Job made again.
    RunJob,
    SuspendCronjob,
    ResumeCronjob,
    Cordon,
    Uncordon,
    /// Cordon, then evict every pod that can be evicted. `delete_empty_dir`: also pods whose scratch data is lost by it.
    Drain {
        delete_empty_dir: bool,
    },
}

impl Kind {
    pub const ALL: [Self; 12] = [
        Self::Restart,
        Self::Scale,
        Self::Rollback,
        Self::PauseRollout,
        Self::ResumeRollout,
        Self::DeletePod,
        Self::RunJob,
        Self::SuspendCronjob,
        Self::ResumeCronjob,
        Self::Cordon,
        Self::Uncordon,
        Self::Drain,
    ];

    /// As in configuration, commands and the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Scale => "scale",
            Self::Rollback => "rollback",
            Self::PauseRollout => "pause-rollout",
            Self::ResumeRollout => "resume-rollout",
            Self::DeletePod => "delete-pod",
            Self::RunJob => "run-job",
            Self::SuspendCronjob => "suspend-cronjob",
            Self::ResumeCronjob => "resume-cronjob",
            Self::Cordon => "cordon",
            Self::Uncordon => "uncordon",
            Self::Drain => "drain",
        }
    }

    /// As a sentence begins with it: "Restart Deployment feeds/pusher".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Restart => "Restart",
            Self::Scale => "Scale",
            Self::Rollback => "Roll back",
            Self::PauseRollout => "Pause the rollout of",
            Self::ResumeRollout => "Resume the rollout of",
            Self::DeletePod => "Delete",
            Self::RunJob => "Run",
            Self::SuspendCronjob => "Suspend",
            Self::ResumeCronjob => "Resume",
            Self::Cordon => "Cordon",
            Self::Uncordon => "Uncordon",
            Self::Drain => "Drain",
        }
    }

    /// What it can be done to; the first is meant when a name is typed without its kind.
    #[must_use]
    pub const fn sorts(self) -> &'static [Sort] {
        match self {
            Self::Restart => &[Sort::Deployment, Sort::StatefulSet, Sort::DaemonSet],
            Self::Scale => &[Sort::Deployment, Sort::StatefulSet],
            Self::Rollback | Self::PauseRollout | Self::ResumeRollout => &[Sort::Deployment],
            Self::DeletePod => &[Sort::Pod],
            Self::RunJob => &[Sort::CronJob, Sort::Job],
            Self::SuspendCronjob | Self::ResumeCronjob => &[Sort::CronJob],
            Self::Cordon | Self::Uncordon | Self::Drain => &[Sort::Node],
        }
    }
}

impl Action {
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Restart => Kind::Restart,
            Self::Scale { .. } => Kind::Scale,
            Self::Rollback { .. } => Kind::Rollback,
            Self::PauseRollout => Kind::PauseRollout,
            Self::ResumeRollout => Kind::ResumeRollout,
            Self::DeletePod => Kind::DeletePod,
            Self::RunJob => Kind::RunJob,
            Self::SuspendCronjob => Kind::SuspendCronjob,
            Self::ResumeCronjob => Kind::ResumeCronjob,
            Self::Cordon => Kind::Cordon,
            Self::Uncordon => Kind::Uncordon,
            Self::Drain { .. } => Kind::Drain,
        }
    }

    /// Its parameters by name, in a fixed order: what the digest covers and the audit log shows.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Scale { replicas, back_after } => {
                let back = back_after.map_or_else(|| "never".to_owned(), |span| span.to_string());
                vec![("replicas", replicas.to_string()), ("back_after", back)]
            }
            Self::Rollback { revision } => {
                vec![("revision", revision.map_or_else(|| "previous".to_owned(), |revision| revision.to_string()))]
            }
            Self::Drain { delete_empty_dir } => vec![("delete_empty_dir", delete_empty_dir.to_string())],
            Self::Restart
            | Self::PauseRollout
            | Self::ResumeRollout
            | Self::DeletePod
            | Self::RunJob
            | Self::SuspendCronjob
            | Self::ResumeCronjob
            | Self::Cordon
            | Self::Uncordon => Vec::new(),
        }
    }
}
