//! The catalogue: every operation there is, with its parameters. There is no shell, no exec and no free patch among them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::plan::Risk;
use super::target::Sort;
use crate::core::time::Span;
use crate::core::wallet::Amount;

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
    Sync,
    Refresh,
    RollbackApp,
    Promote,
    Abort,
    Retry,
    Reconcile,
    SuspendReconcile,
    ResumeReconcile,
    Dispatch,
    TopUp,
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
    /// Argo CD applies the commit it compared with last. `prune`: what Git no longer declares is deleted.
    Sync {
        prune: bool,
    },
    /// Argo CD compares with Git again; `hard`: without what it has cached of the manifests.
    Refresh {
        hard: bool,
    },
    /// Argo CD applies what it applied before; the one before the present when no history id is named.
    RollbackApp {
        id: Option<i64>,
    },
    /// Argo Rollouts goes on to the next step; `full`: past all steps and analyses.
    Promote {
        full: bool,
    },
    /// Argo Rollouts goes back to the stable version.
    Abort,
    /// Argo Rollouts tries an aborted update again.
    Retry,
    /// Flux applies its source now, and not at the next interval.
    Reconcile,
    /// Flux leaves it alone; `back_after`: it resumes by itself after this long.
    SuspendReconcile {
        back_after: Option<Span>,
    },
    ResumeReconcile,
    /// GitHub Actions runs a workflow, with these of its inputs.
    Dispatch {
        inputs: BTreeMap<String, String>,
    },
    /// Another action while Flux leaves alone what it keeps; after this long Flux takes care of it again.
    WhileSuspended {
        action: Box<Self>,
        lasts: Span,
    },
    /// A hot wallet pays a wallet under watch, in the asset that is counted there. The amount has as many decimals as were
    /// written; those of the asset are the plan's.
    TopUp {
        amount: Amount,
    },
}

impl Kind {
    pub const ALL: [Self; 23] = [
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
        Self::Sync,
        Self::Refresh,
        Self::RollbackApp,
        Self::Promote,
        Self::Abort,
        Self::Retry,
        Self::Reconcile,
        Self::SuspendReconcile,
        Self::ResumeReconcile,
        Self::Dispatch,
        Self::TopUp,
    ];

    /// What it takes at least, whatever a rule says.
    #[must_use]
    pub const fn least_risk(self) -> Risk {
        match self {
            Self::TopUp => Risk::R3,
            _ => Risk::R1,
        }
    }

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
            Self::Sync => "sync",
            Self::Refresh => "refresh",
            Self::RollbackApp => "rollback-app",
            Self::Promote => "promote",
            Self::Abort => "abort",
            Self::Retry => "retry",
            Self::Reconcile => "reconcile",
            Self::SuspendReconcile => "suspend-reconcile",
            Self::ResumeReconcile => "resume-reconcile",
            Self::Dispatch => "dispatch",
            Self::TopUp => "top-up",
        }
    }

    /// As a sentence begins with it: "Restart Deployment feeds/pusher".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Restart => "Restart",
            Self::Scale => "Scale",
            Self::Rollback | Self::RollbackApp => "Roll back",
            Self::PauseRollout => "Pause the rollout of",
            Self::ResumeRollout => "Resume the rollout of",
            Self::DeletePod => "Delete",
            Self::RunJob | Self::Dispatch => "Run",
            Self::SuspendCronjob | Self::SuspendReconcile => "Suspend",
            Self::ResumeCronjob | Self::ResumeReconcile => "Resume",
            Self::Cordon => "Cordon",
            Self::Uncordon => "Uncordon",
            Self::Drain => "Drain",
            Self::Sync => "Sync",
            Self::Refresh => "Refresh",
            Self::Promote => "Promote",
            Self::Abort => "Abort the update of",
            Self::Retry => "Retry the update of",
            Self::Reconcile => "Reconcile",
            Self::TopUp => "Top up",
        }
    }

    /// With what is meant when no parameter is named; `None` when one must be.
    #[must_use]
    pub const fn plain(self) -> Option<Action> {
        Some(match self {
            Self::Scale | Self::TopUp => return None,
            Self::Restart => Action::Restart,
            Self::Rollback => Action::Rollback { revision: None },
            Self::PauseRollout => Action::PauseRollout,
            Self::ResumeRollout => Action::ResumeRollout,
            Self::DeletePod => Action::DeletePod,
            Self::RunJob => Action::RunJob,
            Self::SuspendCronjob => Action::SuspendCronjob,
            Self::ResumeCronjob => Action::ResumeCronjob,
            Self::Cordon => Action::Cordon,
            Self::Uncordon => Action::Uncordon,
            Self::Drain => Action::Drain { delete_empty_dir: false },
            Self::Sync => Action::Sync { prune: false },
            Self::Refresh => Action::Refresh { hard: false },
            Self::RollbackApp => Action::RollbackApp { id: None },
            Self::Promote => Action::Promote { full: false },
            Self::Abort => Action::Abort,
            Self::Retry => Action::Retry,
            Self::Reconcile => Action::Reconcile,
            Self::SuspendReconcile => Action::SuspendReconcile { back_after: None },
            Self::ResumeReconcile => Action::ResumeReconcile,
            Self::Dispatch => Action::Dispatch { inputs: BTreeMap::new() },
        })
    }

    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether whatever keeps the target in Git undoes it: it changes what Git declares.
    #[must_use]
    pub const fn undone_by_git(self) -> bool {
        matches!(
            self,
            Self::Scale
                | Self::Rollback
                | Self::PauseRollout
                | Self::ResumeRollout
                | Self::SuspendCronjob
                | Self::ResumeCronjob
        )
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
            Self::Sync | Self::Refresh | Self::RollbackApp => &[Sort::Application],
            Self::Promote | Self::Abort | Self::Retry => &[Sort::Rollout],
            Self::Reconcile | Self::SuspendReconcile | Self::ResumeReconcile => &Sort::FLUX,
            Self::Dispatch => &[Sort::Workflow],
            Self::TopUp => &[Sort::Wallet],
        }
    }
}

impl Action {
    /// Itself, or what is done while Flux is suspended.
    #[must_use]
    pub fn inner(&self) -> &Self {
        match self {
            Self::WhileSuspended { action, .. } => action.inner(),
            action => action,
        }
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
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
            Self::Sync { .. } => Kind::Sync,
            Self::Refresh { .. } => Kind::Refresh,
            Self::RollbackApp { .. } => Kind::RollbackApp,
            Self::Promote { .. } => Kind::Promote,
            Self::Abort => Kind::Abort,
            Self::Retry => Kind::Retry,
            Self::Reconcile => Kind::Reconcile,
            Self::SuspendReconcile { .. } => Kind::SuspendReconcile,
            Self::ResumeReconcile => Kind::ResumeReconcile,
            Self::Dispatch { .. } => Kind::Dispatch,
            Self::WhileSuspended { action, .. } => action.kind(),
            Self::TopUp { .. } => Kind::TopUp,
        }
    }

    /// Its parameters by name, in a fixed order: what the digest covers and the audit log shows.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Scale { replicas, back_after } => {
                vec![("replicas", replicas.to_string()), ("back_after", or(back_after.as_ref(), "never"))]
            }
            Self::Rollback { revision } => vec![("revision", or(revision.as_ref(), "previous"))],
            Self::Drain { delete_empty_dir } => vec![("delete_empty_dir", delete_empty_dir.to_string())],
            Self::Sync { prune } => vec![("prune", prune.to_string())],
            Self::Refresh { hard } => vec![("hard", hard.to_string())],
            Self::RollbackApp { id } => vec![("id", or(id.as_ref(), "previous"))],
            Self::Promote { full } => vec![("full", full.to_string())],
            Self::SuspendReconcile { back_after } => vec![("back_after", or(back_after.as_ref(), "never"))],
            // Quoted, so that a value cannot look like another input.
            Self::Dispatch { inputs } => vec![("inputs", serde_json::to_string(inputs).unwrap_or_default())],
            Self::WhileSuspended { action, lasts } => {
                let mut parameters = action.parameters();
                parameters.push(("suspended_for", lasts.to_string()));
                parameters
            }
            Self::TopUp { amount } => vec![("amount", amount.to_string())],
            Self::Restart
            | Self::PauseRollout
            | Self::ResumeRollout
            | Self::DeletePod
            | Self::RunJob
            | Self::SuspendCronjob
            | Self::ResumeCronjob
            | Self::Cordon
            | Self::Uncordon
            | Self::Abort
            | Self::Retry
            | Self::Reconcile
            | Self::ResumeReconcile => Vec::new(),
        }
    }
}

fn or(value: Option<&impl ToString>, absent: &str) -> String {
    value.map_or_else(|| absent.to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_reads_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str(), "as in configuration");
            assert!(kind.words().starts_with(|c: char| c.is_ascii_uppercase()), "{kind:?}");
        }
        for text in ["", "Restart", "exec", "patch"] {
            assert_eq!(Kind::named(text), None, "{text}");
        }
        assert_eq!(Kind::PauseRollout.words(), "Pause the rollout of");
    }

    #[test]
    fn money_is_of_the_highest_risk_and_nothing_else_is_by_itself() {
        for kind in Kind::ALL {
            assert_eq!(kind.least_risk(), if kind == Kind::TopUp { Risk::R3 } else { Risk::R1 }, "{kind:?}");
        }
    }

    #[test]
    fn what_is_meant_without_parameters_is_of_its_kind_and_the_least_of_it() {
        for kind in Kind::ALL {
            let plain = kind.plain();
            assert_eq!(plain.is_none(), [Kind::Scale, Kind::TopUp].contains(&kind), "{kind:?}");
            let Some(action) = plain else { continue };
            assert_eq!((action.kind(), action.inner()), (kind, &action));
            let values: Vec<String> = action.parameters().into_iter().map(|(_, value)| value).collect();
            assert!(values.iter().all(|value| ["false", "previous", "never", "{}"].contains(&value.as_str())));
        }
    }

    #[test]
    fn what_changes_what_git_declares_is_undone_by_it() {
        let undone: Vec<&str> = Kind::ALL.into_iter().filter(|kind| kind.undone_by_git()).map(Kind::as_str).collect();
        let expected = ["scale", "rollback", "pause-rollout", "resume-rollout", "suspend-cronjob", "resume-cronjob"];
        assert_eq!(undone, expected);
    }

    #[test]
    fn parameters_say_everything_that_was_asked_for() {
        let span = Span::from_secs(3600);
        let scale = || Action::Scale { replicas: 5, back_after: Some(span) };
        let inputs = BTreeMap::from([("a".to_owned(), "b\",\"c".to_owned())]);
        let during = Action::WhileSuspended { action: Box::new(scale()), lasts: span };
        for (action, said) in [
            (Action::Restart, ""),
            (scale(), "replicas=5 back_after=1h"),
            (Action::Rollback { revision: Some(4) }, "revision=4"),
            (Action::Drain { delete_empty_dir: true }, "delete_empty_dir=true"),
            (Action::Sync { prune: true }, "prune=true"),
            (Action::Refresh { hard: true }, "hard=true"),
            (Action::RollbackApp { id: Some(7) }, "id=7"),
            (Action::Promote { full: true }, "full=true"),
            (Action::SuspendReconcile { back_after: Some(span) }, "back_after=1h"),
            (Action::Dispatch { inputs }, r#"inputs={"a":"b\",\"c"}"#),
            (Action::TopUp { amount: Amount::parse("1.5", 9).unwrap() }, "amount=1.5"),
            (during.clone(), "replicas=5 back_after=1h suspended_for=1h"),
        ] {
            let told: Vec<String> =
                action.parameters().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(told.join(" "), said);
        }
        assert_eq!((during.kind(), during.inner()), (Kind::Scale, &scale()));
    }
}
