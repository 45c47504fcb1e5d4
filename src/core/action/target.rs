//! What an action is done to, named in full: an object of a cluster, a workflow, or a wallet on a chain.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::gitops;

/// The kinds of objects that actions know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Sort {
    Deployment,
    StatefulSet,
    DaemonSet,
    Pod,
    Job,
    CronJob,
    Node,
    /// Argo CD's.
    Application,
    /// Argo Rollouts'.
    Rollout,
    /// This and the rest: Flux's.
    Kustomization,
    HelmRelease,
    GitRepository,
    #[serde(rename = "OCIRepository")]
    OciRepository,
    HelmRepository,
    HelmChart,
    Bucket,
    /// A workflow of GitHub Actions, by the name that configuration gives it.
    Workflow,
    /// An account of `balances`, on the chain that stands in the place of a cluster.
    Wallet,
}

impl Sort {
    pub const ALL: [Self; 18] = [
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Pod,
        Self::Job,
        Self::CronJob,
        Self::Node,
        Self::Application,
        Self::Rollout,
        Self::Kustomization,
        Self::HelmRelease,
        Self::GitRepository,
        Self::OciRepository,
        Self::HelmRepository,
        Self::HelmChart,
        Self::Bucket,
        Self::Workflow,
        Self::Wallet,
    ];
    pub const FLUX: [Self; 7] = [
        Self::Kustomization,
        Self::HelmRelease,
        Self::GitRepository,
        Self::OciRepository,
        Self::HelmRepository,
        Self::HelmChart,
        Self::Bucket,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Pod => "Pod",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::Node => "Node",
            Self::Application => "Application",
            Self::Rollout => "Rollout",
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
            Self::GitRepository => "GitRepository",
            Self::OciRepository => "OCIRepository",
            Self::HelmRepository => "HelmRepository",
            Self::HelmChart => "HelmChart",
            Self::Bucket => "Bucket",
            Self::Workflow => "Workflow",
            Self::Wallet => "Wallet",
        }
    }

    /// The API group; empty for core, and for what is in no cluster.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::Pod | Self::Node | Self::Workflow | Self::Wallet => "",
            Self::Deployment | Self::StatefulSet | Self::DaemonSet => "apps",
            Self::Job | Self::CronJob => "batch",
            Self::Application | Self::Rollout => "argoproj.io",
            Self::Kustomization => "kustomize.toolkit.fluxcd.io",
            Self::HelmRelease => "helm.toolkit.fluxcd.io",
            Self::GitRepository | Self::OciRepository | Self::HelmRepository | Self::HelmChart | Self::Bucket => {
                "source.toolkit.fluxcd.io"
            }
        }
    }

    /// As in an API path and in RBAC rules.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::Pod => "pods",
            Self::Job => "jobs",
            Self::CronJob => "cronjobs",
            Self::Node => "nodes",
            Self::Application => "applications",
            Self::Rollout => "rollouts",
            Self::Kustomization => "kustomizations",
            Self::HelmRelease => "helmreleases",
            Self::GitRepository => "gitrepositories",
            Self::OciRepository => "ocirepositories",
            Self::HelmRepository => "helmrepositories",
            Self::HelmChart => "helmcharts",
            Self::Bucket => "buckets",
            Self::Workflow => "workflows",
            Self::Wallet => "wallets",
        }
    }

    /// As the list of what Git declares knows it.
    #[must_use]
    pub const fn declared(self) -> Option<gitops::Kind> {
        match self {
            Self::Application => Some(gitops::Kind::Application),
            Self::Rollout => Some(gitops::Kind::Rollout),
            Self::Kustomization => Some(gitops::Kind::Kustomization),
            Self::HelmRelease => Some(gitops::Kind::HelmRelease),
            Self::GitRepository => Some(gitops::Kind::GitRepository),
            Self::OciRepository => Some(gitops::Kind::OciRepository),
            Self::HelmRepository => Some(gitops::Kind::HelmRepository),
            Self::HelmChart => Some(gitops::Kind::HelmChart),
            Self::Bucket => Some(gitops::Kind::Bucket),
            Self::Deployment
            | Self::StatefulSet
            | Self::DaemonSet
            | Self::Pod
            | Self::Job
            | Self::CronJob
            | Self::Node
            | Self::Workflow
            | Self::Wallet => None,
        }
    }

    /// Whether it is an object of a cluster.
    #[must_use]
    pub const fn in_cluster(self) -> bool {
        !matches!(self, Self::Workflow | Self::Wallet)
    }

    #[must_use]
    pub const fn namespaced(self) -> bool {
        !matches!(self, Self::Node | Self::Workflow | Self::Wallet)
    }

    /// As kubectl takes it: `deploy`, `deployments`, `Deployment`.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        let word = word.to_lowercase();
        let word = word.split_once('.').map_or(word.as_str(), |(kind, _group)| kind);
        Some(match word {
            "deploy" | "deployment" | "deployments" => Self::Deployment,
            "sts" | "statefulset" | "statefulsets" => Self::StatefulSet,
            "ds" | "daemonset" | "daemonsets" => Self::DaemonSet,
            "po" | "pod" | "pods" => Self::Pod,
            "job" | "jobs" => Self::Job,
            "cj" | "cronjob" | "cronjobs" => Self::CronJob,
            "no" | "node" | "nodes" => Self::Node,
            "app" | "application" | "applications" => Self::Application,
            "ro" | "rollout" | "rollouts" => Self::Rollout,
            "ks" | "kustomization" | "kustomizations" => Self::Kustomization,
            "hr" | "helmrelease" | "helmreleases" => Self::HelmRelease,
            "gitrepo" | "gitrepository" | "gitrepositories" => Self::GitRepository,
            "ocirepo" | "ocirepository" | "ocirepositories" => Self::OciRepository,
            "helmrepo" | "helmrepository" | "helmrepositories" => Self::HelmRepository,
            "hc" | "helmchart" | "helmcharts" => Self::HelmChart,
            "bucket" | "buckets" => Self::Bucket,
            "workflow" | "workflows" => Self::Workflow,
            "wallet" | "wallets" => Self::Wallet,
            _ => return None,
        })
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One object. Its uid is part of a plan: the same name may be another object tomorrow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The cluster's name in `watchkeeper.yaml`; the chain's for a wallet.
    pub cluster: String,
    /// Empty for what lives in no namespace.
    pub namespace: String,
    pub sort: Sort,
    pub name: String,
}

impl Target {
    /// `Deployment feeds/pusher in prod`
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} {} in {}", self.sort, self.short(), self.cluster)
    }

    /// `feeds/pusher`, `node-1`: short, for messages that name the cluster elsewhere.
    #[must_use]
    pub fn short(&self) -> String {
        if self.namespace.is_empty() { self.name.clone() } else { format!("{}/{}", self.namespace, self.name) }
    }
}

/// `prod/feeds/Deployment/pusher`, `prod/Node/node-1`: parses back.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, namespace, sort, name } = self;
        if namespace.is_empty() {
            write!(f, "{cluster}/{sort}/{name}")
        } else {
            write!(f, "{cluster}/{namespace}/{sort}/{name}")
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no target; write it like prod/feeds/Deployment/pusher, or prod/Node/node-1 for what has no namespace"
)]
pub struct InvalidTarget(pub String);

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let invalid = || InvalidTarget(text.to_owned());
        let parts: Vec<&str> = text.split('/').collect();
        let (cluster, namespace, sort, name) = match parts.as_slice() {
            [cluster, sort, name] => (*cluster, "", *sort, *name),
            [cluster, namespace, sort, name] => (*cluster, *namespace, *sort, *name),
            _ => return Err(invalid()),
        };
        let sort = Sort::named(sort).ok_or_else(invalid)?;
        if [cluster, name].iter().any(|part| part.is_empty()) || sort.namespaced() == namespace.is_empty() {
            return Err(invalid());
        }
        Ok(Self { cluster: cluster.to_owned(), namespace: namespace.to_owned(), sort, name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_reads_back_as_written() {
        for text in [
            "prod/feeds/Deployment/pusher",
            "prod/Node/node-1",
            "github/Workflow/deploy-pusher",
            "solana/Wallet/pusher-solana",
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        assert_eq!("p/f/deploy/x".parse::<Target>().unwrap().sort, Sort::Deployment);
        for sort in Sort::ALL {
            assert_eq!(Sort::named(sort.as_str()), Some(sort));
            assert_eq!(Sort::named(sort.plural()), Some(sort));
        }
        for text in ["", "pusher", "prod/feeds/Secret/x", "prod/Deployment/x", "prod/ns/Node/x", "prod/ns/pod/"] {
            assert!(text.parse::<Target>().unwrap_err().to_string().contains("write it like"), "{text}");
        }
    }

    #[test]
    fn each_sort_is_found_where_kubernetes_has_it_or_in_no_cluster() {
        for (sort, group) in [
            (Sort::Pod, ""),
            (Sort::Node, ""),
            (Sort::Deployment, "apps"),
            (Sort::DaemonSet, "apps"),
            (Sort::CronJob, "batch"),
            (Sort::Rollout, "argoproj.io"),
            (Sort::Kustomization, "kustomize.toolkit.fluxcd.io"),
            (Sort::HelmRelease, "helm.toolkit.fluxcd.io"),
            (Sort::Bucket, "source.toolkit.fluxcd.io"),
        ] {
            assert_eq!((sort.group(), sort.in_cluster()), (group, true));
        }
        for sort in [Sort::Workflow, Sort::Wallet] {
            assert_eq!((sort.group(), sort.in_cluster(), sort.namespaced()), ("", false, false));
        }
        for sort in Sort::ALL {
            let git = Sort::FLUX.contains(&sort) || [Sort::Application, Sort::Rollout].contains(&sort);
            assert_eq!(sort.declared().map(gitops::Kind::as_str), git.then(|| sort.as_str()), "{sort}");
        }
    }

    #[test]
    fn a_target_is_told_with_its_namespace_where_it_has_one() {
        let target = |text: &str| text.parse::<Target>().unwrap();
        let pusher = target("prod/feeds/Deployment/pusher");
        assert_eq!((pusher.words(), pusher.short()), ("Deployment feeds/pusher in prod".into(), "feeds/pusher".into()));
        let node = target("prod/Node/node-1");
        assert_eq!((node.words(), node.short()), ("Node node-1 in prod".into(), "node-1".into()));
        for text in ["/Node/n", "prod/Node/", "/feeds/Pod/p", "prod//Pod/p", "prod/feeds/Pod/p/x"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
        assert_eq!(Sort::named("Deployments.apps"), Some(Sort::Deployment), "as kubectl takes it");
    }
}
