//! What an action would do to its target as it is now.

mod argo;
mod flux;
mod job;
mod node;
mod pod;
mod rollback;
mod suspended;
mod workload;

use kube::api::ListParams;

use super::answer::cannot;
use super::asks::ELSEWHERE;
use super::live::Live;
use super::pods::{budget_words, covering};
use super::{CannotPlan, Hands, READ_WITHIN, step};
use crate::cluster::{ClusterError, within};
use crate::core::action::kind::Action;
use crate::core::action::plan::{Change, Preview, Write};
use crate::core::action::target::Target;
use crate::core::gitops::manager::Reverts;
use crate::core::time::Timestamp;

/// What a preview is made from.
struct Look<'a> {
    hands: &'a Hands,
    target: &'a Target,
    live: Live,
    now: Timestamp,
}

/// A preview, and what its first write is tried with.
struct Draft {
    preview: Preview,
    /// The object of the first change, when it is not the target.
    first: Option<Live>,
    /// What its template comes from.
    source: Option<Live>,
}

impl Draft {
    const fn of(preview: Preview) -> Self {
        Self { preview, first: None, source: None }
    }
}

pub(super) async fn preview(
    hands: &Hands,
    action: &Action,
    target: &Target,
    now: Timestamp,
) -> Result<Preview, CannotPlan> {
    let kind = action.kind();
    if !kind.sorts().contains(&target.sort) {
        let sorts: Vec<_> = kind.sorts().iter().map(|sort| sort.as_str()).collect();
        let (what, of) = (kind.as_str(), sorts.join(", "));
        return Err(CannotPlan::NotPossible(format!("{what} is not for a {}; it is for: {of}", target.sort)));
    }
    let live = read(hands, target).await?;
    if live.deleting() {
        return Err(CannotPlan::NothingToDo(format!("{target} is being deleted already")));
    }
    let look = Look { hands, target, live, now };
    let Draft { mut preview, first, source } = match action.inner() {
        Action::Restart => workload::restart(&look).await?,
        Action::Scale { replicas, back_after } => workload::scale(&look, *replicas, *back_after).await?,
        Action::PauseRollout => workload::pause(&look, true).await?,
        Action::ResumeRollout => workload::pause(&look, false).await?,
        Action::Rollback { revision } => rollback::rollback(&look, *revision).await?,
        Action::DeletePod => pod::delete(&look).await?,
        Action::RunJob => job::run(&look)?,
        Action::SuspendCronjob => job::suspend(&look, true)?,
        Action::ResumeCronjob => job::suspend(&look, false)?,
        Action::Cordon => node::cordon(&look, true).await?,
        Action::Uncordon => node::cordon(&look, false).await?,
        Action::Drain { delete_empty_dir } => node::drain(&look, *delete_empty_dir).await?,
        Action::Sync { prune } => argo::sync(&look, *prune)?,
        Action::Refresh { hard } => argo::refresh(&look, *hard),
        Action::RollbackApp { id } => argo::rollback(&look, *id)?,
        Action::Promote { full } => argo::promote(&look, *full)?,
        Action::Abort => argo::abort(&look, true)?,
        Action::Retry => argo::abort(&look, false)?,
        Action::Reconcile => flux::reconcile(&look)?,
        Action::SuspendReconcile { back_after } => flux::suspend(&look, *back_after)?,
        Action::ResumeReconcile => flux::resume(&look)?,
        Action::Dispatch { .. } | Action::WhileSuspended { .. } => {
            return Err(CannotPlan::NotPossible(ELSEWHERE.to_owned()));
        }
        Action::TopUp { .. } => return Err(CannotPlan::NotPossible("no object of a cluster can be paid".to_owned())),
    };
    if let Some(change) = preview.changes.first() {
        let live = first.as_ref().unwrap_or(&look.live);
        let tried = step::rehearse(hands, &change.object.target, &change.write, live, source.as_ref(), now).await;
        match tried {
            Ok(()) => {}
            // A budget that says no now may say yes later, and is waited for.
            Err(ClusterError::Busy { message, .. }) if change.write == Write::Evict => preview.warnings.push(message),
            Err(error) => return Err(cannot(error, target)),
        }
    }
    if let Action::WhileSuspended { lasts, .. } = action {
        return suspended::around(&look, preview, *lasts).await;
    }
    preview.warnings.extend(kept(&look));
    Ok(preview)
}

async fn read(hands: &Hands, target: &Target) -> Result<Live, CannotPlan> {
    let objects = match hands.objects(&target.cluster, target.sort, &target.namespace).await {
        Ok(objects) => objects,
        Err(ClusterError::NotFound(why)) => return Err(CannotPlan::NotPossible(why)),
        Err(ClusterError::Unknown { cluster }) => {
            return Err(CannotPlan::NoCluster { cluster, known: hands.names() });
        }
        Err(error) => return Err(cannot(error, target)),
    };
    match within(READ_WITHIN, objects.get(&target.name)).await {
        Ok(object) => Ok(Live(object)),
        Err(ClusterError::NotFound(_)) => {
            let listed = within(READ_WITHIN, objects.list_metadata(&ListParams::default())).await;
            let names = listed.map(|list| list.items.into_iter().filter_map(|it| it.metadata.name).collect());
            let nearest = nearest(&target.name, names.unwrap_or_default());
            Err(CannotPlan::NotFound { target: target.clone(), nearest })
        }
        Err(error) => Err(cannot(error, target)),
    }
}

/// Names that contain what was typed, or are a few slips away from it.
fn nearest(typed: &str, names: Vec<String>) -> Vec<String> {
    let slips = |name: &String| strsim::osa_distance(typed, name);
    let near = |name: &String| name.contains(typed) || slips(name) <= (typed.chars().count() / 3).min(3);
    let mut near: Vec<String> = names.into_iter().filter(near).collect();
    near.sort_by_key(slips);
    near.truncate(3);
    near
}

/// Said when Git decides in the end.
fn kept(look: &Look) -> Option<String> {
    let manager = look.live.kept_by(look.target)?;
    let becomes = match manager.reverts {
        Reverts::Soon => "undoes it within minutes; change Git, or suspend its reconciliation first",
        Reverts::AtSync => "undoes it with the next sync, at once if it heals itself; change Git for what is to last",
        Reverts::AtUpgrade => "undoes it with the next upgrade; change the release for what is to last",
        Reverts::Never => "leaves this object alone, so it stays",
    };
    Some(format!("{} keeps it and {becomes}", manager.by))
}

impl Look<'_> {
    fn cannot(&self, error: ClusterError) -> CannotPlan {
        cannot(error, self.target)
    }

    fn change(&self, write: Write, field: &str, old: impl Into<String>, new: impl Into<String>) -> Change {
        Change {
            object: self.live.object(self.target.clone()),
            write,
            field: field.to_owned(),
            old: old.into(),
            new: new.into(),
            after: None,
            always: false,
        }
    }

    /// The budgets over the pods that the target's template makes, in words; and whether one allows nothing now.
    async fn budgets(&self) -> Result<(Vec<String>, bool), CannotPlan> {
        let budgets = self.hands.budgets(&self.target.cluster, &self.target.namespace).await;
        let budgets = budgets.map_err(|error| self.cannot(error))?;
        let labels = self.live.at("/spec/template/metadata/labels").clone();
        let labels = serde_json::from_value(labels).unwrap_or_default();
        let over: Vec<&Live> = covering(&budgets, &self.target.namespace, &labels).collect();
        let none = over.iter().any(|budget| budget.number("/status/disruptionsAllowed") == Some(0));
        Ok((over.into_iter().map(budget_words).collect(), none))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_were_meant_come_first() {
        let names = || ["hermes", "price-pusher-evm", "price-pusher-solana", "keeper"].map(str::to_owned).to_vec();
        assert_eq!(nearest("hermse", names()), ["hermes"]);
        assert_eq!(nearest("pusher", names()), ["price-pusher-evm", "price-pusher-solana"]);
        assert!(nearest("postgres", names()).is_empty());
    }
}
