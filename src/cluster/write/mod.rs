//! The hands: what is done to an object of a cluster, exactly as approved. [`Hands::preview`] looks and plans,
//! [`Hands::carry_out`] does one write of an approved plan, [`Hands::observe`] finds out what came of one,
//! [`Hands::settled`] whether what was changed has come to rest.
//!
//! Every write carries the uid and the resource version of an object that was read a moment before and found to be as the
//! plan says. No request is repeated by itself. All writes can be sent twice and take effect once: they set values, carry
//! the plan's own stamp or name, or name the uid of what is to go.

mod answer;
mod asks;
mod differences;
mod drain;
mod gitops;
mod live;
mod pods;
mod preview;
mod settle;
mod step;

use std::time::Duration;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};

use super::{ClusterError, Clusters, within};
use crate::clock::SharedClock;
use crate::core::action::approval::Approved;
use crate::core::action::found::{CannotPlan, Settled};
use crate::core::action::journal::Tried;
use crate::core::action::kind::Action;
use crate::core::action::plan::{Plan, Preview};
use crate::core::action::target::{Sort, Target};
use crate::core::time::Timestamp;
use crate::core::workload::Name;

/// A person or a card waits for it.
const READ_WITHIN: Duration = Duration::from_secs(8);
/// Admission webhooks may take ten seconds each.
const WRITE_WITHIN: Duration = Duration::from_secs(30);
/// Who wrote a field, as the cluster keeps it in `managedFields`.
pub(super) const FIELD_MANAGER: &str = "watchkeeper";

/// Writes to the configured clusters, over the connections of [`Clusters`].
#[derive(Clone, Debug)]
pub struct Hands {
    clusters: Clusters,
    clock: SharedClock,
}

impl Hands {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(clusters: Clusters, clock: SharedClock) -> Self {
        Self { clusters, clock }
    }

    /// What `action` would do to `target` as it is now. The first write is tried as a server-side dry run: what admission
    /// or RBAC would refuse is refused here.
    ///
    /// # Errors
    /// There is nothing to plan; the error says why, in words.
    pub async fn preview(&self, action: &Action, target: &Target, now: Timestamp) -> Result<Preview, CannotPlan> {
        preview::preview(self, action, target, now).await
    }

    /// Does the write of one step. `stamp` is the step's own, the same at every try.
    pub async fn carry_out(&self, plan: &Approved<Plan>, step: usize, stamp: Timestamp) -> Tried {
        step::carry_out(self, plan, step, stamp).await
    }

    /// Looks what came of a write after a crash or an unclear answer; writes nothing. [`Tried::Unclear`] when it cannot be
    /// looked at now, [`Tried::Blocked`] when it did not take effect and may be tried again.
    pub async fn observe(&self, plan: &Approved<Plan>, step: usize, stamp: Timestamp) -> Tried {
        step::observe(self, plan, step, stamp).await
    }

    /// Whether what was written so far has come to rest: up to the first change that waits for its time.
    pub async fn settled(&self, plan: &Approved<Plan>) -> Settled {
        settle::settled(self, plan).await
    }

    /// The objects of a kind, in a namespace or, for what has none, in the cluster.
    async fn objects(&self, cluster: &str, sort: Sort, namespace: &str) -> Result<Api<DynamicObject>, ClusterError> {
        let client = self.clusters.client(cluster).await?;
        let resource = match sort.declared() {
            None => built_in(sort.group(), "v1", sort.as_str(), sort.plural()),
            Some(kind) => super::gitops::find(&client, kind)
                .await?
                .ok_or_else(|| ClusterError::NotFound(format!("{cluster} does not have the kind {sort}")))?,
        };
        Ok(if sort.namespaced() {
            Api::namespaced_with(client, namespace, &resource)
        } else {
            Api::all_with(client, &resource)
        })
    }

    /// As [`Self::objects`], of a kind that no action is done to.
    async fn others(&self, cluster: &str, kind: &Other, namespace: &str) -> Result<Api<DynamicObject>, ClusterError> {
        let client = self.clusters.client(cluster).await?;
        let resource = built_in(kind.group, kind.version, kind.kind, kind.plural);
        Ok(if namespace.is_empty() {
            Api::all_with(client, &resource)
        } else {
            Api::namespaced_with(client, namespace, &resource)
        })
    }

    async fn get(&self, target: &Target) -> Result<live::Live, ClusterError> {
        let objects = self.objects(&target.cluster, target.sort, &target.namespace).await?;
        within(READ_WITHIN, objects.get(&target.name)).await.map(live::Live)
    }

    fn names(&self) -> Vec<String> {
        self.clusters.names().map(Name::to_string).collect()
    }
}

/// A built-in kind that is looked at for the sake of another.
struct Other {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
}

const REPLICA_SETS: Other = Other { group: "apps", version: "v1", kind: "ReplicaSet", plural: "replicasets" };
const BUDGETS: Other =
    Other { group: "policy", version: "v1", kind: "PodDisruptionBudget", plural: "poddisruptionbudgets" };
const AUTOSCALERS: Other =
    Other { group: "autoscaling", version: "v2", kind: "HorizontalPodAutoscaler", plural: "horizontalpodautoscalers" };
const PODS: Other = Other { group: "", version: "v1", kind: "Pod", plural: "pods" };

fn built_in(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

#[cfg(test)]
mod tests;
