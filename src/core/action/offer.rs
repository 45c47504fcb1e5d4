//! Which action fits an alert: what a person who knew the runbook would reach for, and nothing that could make it worse.

use serde::{Deserialize, Serialize};

use super::kind::Kind;
use super::target::{Sort, Target};
use crate::core::label::{ALERTNAME, Labels};
use crate::core::wallet::watch::{BALANCE_LOW, RUNWAY_SHORT};
use crate::core::workload;
use crate::core::workload::rules::RuleName;

/// An action on a target that an alert suggests; its parameters are for the person to fill in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Offer {
    pub kind: Kind,
    pub target: Target,
}

/// What fits one alert, the most fitting first. `workload` names the workload that a pod belongs to.
#[must_use]
pub fn offers(labels: &Labels, workload: impl Fn(&str, &str, &str) -> Option<(workload::Kind, String)>) -> Vec<Offer> {
    let text = |name: &str| labels.get(name).map(str::to_owned);
    let declared = declared(labels);
    if !declared.is_empty() {
        return declared;
    }
    if let Some(offer) = top_up(labels) {
        return vec![offer];
    }
    let (Some(rule), Some(cluster)) = (labels.get(ALERTNAME).and_then(RuleName::named), text("cluster")) else {
        return Vec::new();
    };
    let namespace = text("namespace").unwrap_or_default();
    let named = |sort: Sort, label: &str| {
        let (cluster, namespace) = (cluster.clone(), namespace.clone());
        text(label).map(|name| Target { cluster, namespace, sort, name })
    };
    let owner = || {
        let (kind, name) = workload(&cluster, &namespace, labels.get("pod")?)?;
        let sort = match kind {
            workload::Kind::Deployment => Sort::Deployment,
            workload::Kind::StatefulSet => Sort::StatefulSet,
            workload::Kind::DaemonSet => Sort::DaemonSet,
            _ => return None,
        };
        Some(Target { cluster: cluster.clone(), namespace: namespace.clone(), sort, name })
    };
    let (target, kinds): (Option<Target>, &[Kind]) = match rule {
        RuleName::KubePodCrashLooping | RuleName::KubeContainerOomKilled => (owner(), &[Kind::Restart, Kind::Rollback]),
        RuleName::KubePodNotReady => (owner(), &[Kind::Restart]),
        RuleName::KubeImagePullFailing => (owner(), &[Kind::Rollback]),
        RuleName::KubeDeploymentRolloutStuck | RuleName::KubeDeploymentReplicasMismatch => {
            (named(Sort::Deployment, "deployment"), &[Kind::Rollback, Kind::Restart])
        }
        RuleName::KubeStatefulSetReplicasMismatch | RuleName::KubeStatefulSetUpdateNotRolledOut => {
            (named(Sort::StatefulSet, "statefulset"), &[Kind::Restart])
        }
        RuleName::KubeDaemonSetRolloutStuck => (named(Sort::DaemonSet, "daemonset"), &[Kind::Restart]),
        RuleName::KubeNodePressure
        | RuleName::KubeNodeNotReady
        | RuleName::KubeNodeUnreachable
        | RuleName::KubeNodeReadinessFlapping => (named(Sort::Node, "node"), &[Kind::Cordon]),
        RuleName::KubeHpaMaxedOut
        | RuleName::ClusterUnreachable
        | RuleName::KubeNodeEviction
        | RuleName::KubeContainerWaiting
        | RuleName::KubeDeploymentGenerationMismatch
        | RuleName::KubeStatefulSetGenerationMismatch
        | RuleName::KubeDaemonSetNotScheduled
        | RuleName::KubeDaemonSetMisScheduled
        | RuleName::KubeJobNotCompleted
        | RuleName::KubeHpaReplicasMismatch
        | RuleName::KubePdbNotEnoughHealthyPods
        | RuleName::KubePersistentVolumeClaimPending
        | RuleName::CertManagerCertExpirySoon => (None, &[]),
        RuleName::KubeJobFailed => (named(Sort::Job, "job_name"), &[Kind::RunJob]),
    };
    let Some(target) = target else { return Vec::new() };
    let fits = kinds.iter().filter(|kind| kind.sorts().contains(&target.sort));
    fits.map(|kind| Offer { kind: *kind, target: target.clone() }).collect()
}

/// For a wallet that runs dry.
fn top_up(labels: &Labels) -> Option<Offer> {
    let low = labels.get(ALERTNAME).is_some_and(|rule| [BALANCE_LOW, RUNWAY_SHORT].contains(&rule));
    let (chain, account) = labels.get("chain").zip(labels.get("account")).filter(|_| low)?;
    let target =
        Target { cluster: chain.to_owned(), namespace: String::new(), sort: Sort::Wallet, name: account.to_owned() };
    Some(Offer { kind: Kind::TopUp, target })
}

/// For what Git declares.
fn declared(labels: &Labels) -> Vec<Offer> {
    use crate::core::gitops::rules::RuleName as Rule;
    let target = || {
        let text = |name: &str| labels.get(name).map(str::to_owned);
        let kind = text("kind")?;
        let sort = Sort::ALL.into_iter().find(|sort| sort.declared().is_some_and(|it| it.as_str() == kind))?;
        Some(Target { cluster: text("cluster")?, namespace: text("namespace")?, sort, name: text("app")? })
    };
    let kinds: &[Kind] = match Rule::of(labels) {
        Some(Rule::GitOpsSyncFailed | Rule::GitOpsOutOfSync) => &[Kind::Sync, Kind::RollbackApp, Kind::Reconcile],
        Some(Rule::GitOpsSourceFailed) => &[Kind::Reconcile],
        Some(Rule::GitOpsDegraded) => &[Kind::RollbackApp],
        Some(Rule::GitOpsSuspendedTooLong) => &[Kind::ResumeReconcile],
        Some(Rule::RolloutDegraded) => &[Kind::Abort, Kind::Retry],
        Some(Rule::RolloutPausedTooLong) => &[Kind::Promote, Kind::Abort],
        None => return Vec::new(),
    };
    let Some(target) = target() else { return Vec::new() };
    let fits = kinds.iter().filter(|kind| kind.sorts().contains(&target.sort));
    fits.map(|kind| Offer { kind: *kind, target: target.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(pairs: &[(&str, &str)]) -> Vec<String> {
        let labels: Labels = pairs.iter().copied().collect();
        let owner = |_: &str, _: &str, pod: &str| {
            let (name, sign) = pod.rsplit_once('-')?;
            let kind = match sign {
                "0" => workload::Kind::StatefulSet,
                "x" => workload::Kind::Deployment,
                "d" => workload::Kind::DaemonSet,
                "j" => workload::Kind::Job,
                _ => return None,
            };
            Some((kind, name.to_owned()))
        };
        offers(&labels, owner).iter().map(|offer| format!("{} {}", offer.kind.as_str(), offer.target)).collect()
    }

    #[test]
    fn a_crashing_pod_offers_what_helps_its_workload() {
        let crash = [("alertname", "KubePodCrashLooping"), ("cluster", "prod"), ("namespace", "feeds")];
        let of = |pod| offered(&[crash.as_slice(), &[("pod", pod)]].concat());
        assert_eq!(of("pusher-x"), ["restart prod/feeds/Deployment/pusher", "rollback prod/feeds/Deployment/pusher"]);
        assert_eq!(of("db-0"), ["restart prod/feeds/StatefulSet/db"], "no rollback of what has none");
        assert_eq!(of("agent-d"), ["restart prod/feeds/DaemonSet/agent"]);
        assert!(of("once-j").is_empty(), "a Job's pod is not restarted");
        assert!(of("alone").is_empty());
    }

    #[test]
    fn what_git_declares_is_offered_to_its_own_tool() {
        let of = |rule, kind| {
            offered(&[
                ("alertname", rule),
                ("cluster", "prod"),
                ("namespace", "feeds"),
                ("kind", kind),
                ("app", "prices"),
            ])
        };
        assert_eq!(of("GitOpsOutOfSync", "Application")[0], "sync prod/feeds/Application/prices");
        assert_eq!(of("GitOpsOutOfSync", "Kustomization"), ["reconcile prod/feeds/Kustomization/prices"]);
        assert_eq!(of("RolloutPausedTooLong", "Rollout")[0], "promote prod/feeds/Rollout/prices");
    }

    #[test]
    fn a_wallet_that_runs_dry_is_topped_up() {
        for rule in ["BalanceLow", "RunwayShort"] {
            let low = [("alertname", rule), ("chain", "solana"), ("account", "pusher"), ("asset", "SOL")];
            assert_eq!(offered(&low), ["top-up solana/Wallet/pusher"]);
        }
        assert!(offered(&[("alertname", "RpcDegraded"), ("chain", "solana")]).is_empty());
    }

    #[test]
    fn a_stuck_rollout_offers_the_way_back_and_a_node_is_only_cordoned() {
        let stuck = [
            ("alertname", "KubeDeploymentRolloutStuck"),
            ("cluster", "prod"),
            ("namespace", "feeds"),
            ("deployment", "keeper"),
        ];
        assert_eq!(offered(&stuck)[0], "rollback prod/feeds/Deployment/keeper");
        let node = [("alertname", "KubeNodePressure"), ("cluster", "prod"), ("node", "worker-1")];
        assert_eq!(offered(&node), ["cordon prod/Node/worker-1"]);
        assert!(offered(&[("alertname", "FeedStale"), ("symbol", "SOL/USD")]).is_empty());
        assert!(offered(&[("alertname", "KubeNodePressure"), ("node", "worker-1")]).is_empty(), "no cluster named");
    }
}
