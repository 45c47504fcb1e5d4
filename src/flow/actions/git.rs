//! What Git declares: who keeps a target, and what whoever asks wants to become of a change that would be undone.

use crate::core::action::kind::Kind;
use crate::core::action::target::Target;
use crate::core::command::action::Git;
use crate::core::gitops::apps::{Apps, View};
use crate::core::gitops::manager::{Manager, Reverts};
use crate::core::workload;
use crate::slack::blocks::action::{self as blocks, InGit};
use crate::slack::message::Message;

use super::super::Flow;
use super::Wanted;
use super::target::rest;

impl Flow {
    /// What would undo this; `None` when nothing would, or when it cannot be said now.
    pub(super) async fn keeper(&self, kind: Kind, target: &Target) -> Option<Manager> {
        if !kind.undone_by_git() {
            return None;
        }
        let sort = workload::Kind::named(target.sort.as_str())?;
        let asked = self.clusters.manager(&target.cluster, sort, &target.namespace, &target.name);
        let found = tokio::time::timeout(self.waits.look, asked).await.ok()?.ok()?;
        found.filter(|manager| manager.reverts != Reverts::Never)
    }

    /// What to answer instead of asking for it: which way, when that was not said, or where it belongs.
    pub(super) async fn left_to_git(&self, wanted: &Wanted) -> Option<Message> {
        let kind = wanted.action.kind();
        if matches!(wanted.git, Some(Git::Direct | Git::Suspend(_))) {
            return None;
        }
        let keeper = self.keeper(kind, &wanted.target).await?;
        let Wanted { action, target, reason, break_glass, .. } = wanted;
        Some(self.with_apps(|apps| {
            let view = InGit { kind, target, keeper: &keeper, app: declaring(apps, target, &keeper) };
            if wanted.git == Some(Git::PullRequest) {
                return blocks::in_git(&view);
            }
            let command =
                |way: &str| format!("{} {target}{}", kind.as_str(), rest(Some(action), way, *break_glass, reason));
            blocks::which_way(&view, &command(" --suspend 1h"), &command(" --direct"))
        }))
    }
}

fn declaring<'a>(apps: &'a Apps, target: &Target, keeper: &Manager) -> Option<View<'a>> {
    let (kind, namespace, name) = keeper.by.declared()?;
    let is = |view: &View| {
        let id = &view.app.id;
        let here = id.cluster == target.cluster && id.kind == kind && id.name == name;
        here && namespace.is_none_or(|namespace| namespace == id.namespace)
    };
    apps.views().find(is)
}
