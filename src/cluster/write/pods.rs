//! The pods an action touches, and the disruption budgets over them.

use std::collections::BTreeMap;

use kube::api::ListParams;

use super::live::{Live, count, plural};
use super::{AUTOSCALERS, BUDGETS, Hands, PODS, READ_WITHIN};
use crate::cluster::selector::selects;
use crate::cluster::{ClusterError, within};
use crate::core::action::target::Target;

/// More pods than this are counted and not named.
const NAMED: usize = 8;

impl Hands {
    /// All pods on a node.
    pub(super) async fn pods_on(&self, cluster: &str, node: &str) -> Result<Vec<Live>, ClusterError> {
        let pods = self.others(cluster, &PODS, "").await?;
        let params = ListParams::default().fields(&format!("spec.nodeName={node}"));
        let listed = within(READ_WITHIN, pods.list(&params)).await?;
        Ok(listed.items.into_iter().map(Live).collect())
    }

    /// The budgets of a namespace, or of all.
    pub(super) async fn budgets(&self, cluster: &str, namespace: &str) -> Result<Vec<Live>, ClusterError> {
        let budgets = self.others(cluster, &BUDGETS, namespace).await?;
        let listed = within(READ_WITHIN, budgets.list(&ListParams::default())).await?;
        Ok(listed.items.into_iter().map(Live).collect())
    }

    /// The autoscaler that sets this workload's replicas, if there is one.
    pub(super) async fn autoscaler(&self, target: &Target) -> Result<Option<Live>, ClusterError> {
        let autoscalers = self.others(&target.cluster, &AUTOSCALERS, &target.namespace).await?;
        let listed = match within(READ_WITHIN, autoscalers.list(&ListParams::default())).await {
            Ok(listed) => listed,
            Err(ClusterError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mine = |it: &Live| {
            it.text("/spec/scaleTargetRef/kind") == target.sort.as_str()
                && it.text("/spec/scaleTargetRef/name") == target.name
        };
        Ok(listed.items.into_iter().map(Live).find(mine))
    }
}

/// Budgets that cover a pod with these labels.
pub(super) fn covering<'a>(
    budgets: &'a [Live],
    namespace: &'a str,
    labels: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = &'a Live> {
    budgets.iter().filter(move |it| it.namespace() == namespace && selects(it.at("/spec/selector"), labels))
}

/// `hermes: 1 of 3 may be down now`
pub(super) fn budget_words(budget: &Live) -> String {
    let allowed = budget.number("/status/disruptionsAllowed").map_or(0, count);
    let expected = budget.number("/status/expectedPods").map_or(0, count);
    match allowed {
        0 => format!("{}: none of {expected} may be down now", budget.name()),
        allowed => format!("{}: {allowed} of {expected} may be down now", budget.name()),
    }
}

pub(super) fn finished(pod: &Live) -> bool {
    matches!(pod.text("/status/phase"), "Succeeded" | "Failed")
}

pub(super) fn ready(pod: &Live) -> bool {
    pod.condition("Ready").is_some_and(|(status, ..)| status == "True")
}

/// The kubelet's own: deleting it changes nothing.
pub(super) fn mirror(pod: &Live) -> bool {
    pod.annotation("kubernetes.io/config.mirror").is_some()
}

/// `3 pods: a, b, c`
pub(super) fn named(pods: &[&Live]) -> String {
    let mut names: Vec<String> =
        pods.iter().take(NAMED).map(|pod| format!("{}/{}", pod.namespace(), pod.name())).collect();
    if pods.len() > NAMED {
        names.push(format!("{} more", pods.len() - NAMED));
    }
    format!("{}: {}", plural(pods.len(), "pod"), names.join(", "))
}
