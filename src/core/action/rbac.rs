//! What each action needs of Kubernetes' RBAC. A dry run needs the same verb as the write it tries.
//! Source: kubectl's and kube's requests for the same operations.

use super::kind::Kind;
use super::target::Sort;

/// One rule of a Role or ClusterRole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The API group; empty for core.
    pub group: &'static str,
    pub resources: &'static [&'static str],
    pub verbs: &'static [&'static str],
}

const fn rule(group: &'static str, resources: &'static [&'static str], verbs: &'static [&'static str]) -> Rule {
    Rule { group, resources, verbs }
}

/// The disruption budgets that a preview shows.
const BUDGETS: Rule = rule("policy", &["poddisruptionbudgets"], &["list"]);

/// The rules for `kind`, none when it is done elsewhere: what its preview and its check afterwards read, then what it writes.
/// `list` is for the names that are suggested when there is no such object.
#[must_use]
pub fn rules(kind: Kind) -> Vec<Rule> {
    match kind {
        // Of no cluster.
        Kind::Dispatch | Kind::TopUp => Vec::new(),
        Kind::Restart => {
            vec![rule("apps", &["deployments", "statefulsets", "daemonsets"], &["get", "list", "patch"]), BUDGETS]
        }
        Kind::Scale => vec![
            rule("apps", &["deployments", "statefulsets"], &["get", "list"]),
            rule("autoscaling", &["horizontalpodautoscalers"], &["list"]),
            BUDGETS,
            rule("apps", &["deployments/scale", "statefulsets/scale"], &["patch"]),
        ],
        Kind::Rollback => vec![
            rule("apps", &["replicasets"], &["get", "list"]),
            BUDGETS,
            rule("apps", &["deployments"], &["get", "list", "patch"]),
        ],
        Kind::PauseRollout | Kind::ResumeRollout => {
            vec![BUDGETS, rule("apps", &["deployments"], &["get", "list", "patch"])]
        }
        Kind::DeletePod => vec![
            rule("apps", &["replicasets", "statefulsets", "daemonsets"], &["get"]),
            BUDGETS,
            rule("", &["pods"], &["get", "list", "delete"]),
        ],
        Kind::RunJob => {
            vec![rule("batch", &["cronjobs"], &["get", "list"]), rule("batch", &["jobs"], &["get", "list", "create"])]
        }
        Kind::SuspendCronjob | Kind::ResumeCronjob => vec![rule("batch", &["cronjobs"], &["get", "list", "patch"])],
        Kind::Cordon | Kind::Uncordon => {
            vec![rule("", &["pods"], &["list"]), rule("", &["nodes"], &["get", "list", "patch"])]
        }
        Kind::Drain => vec![
            rule("", &["pods"], &["get", "list"]),
            BUDGETS,
            rule("", &["nodes"], &["get", "list", "patch"]),
            rule("", &["pods/eviction"], &["create"]),
        ],
        Kind::Sync | Kind::Refresh | Kind::RollbackApp => {
            vec![rule("argoproj.io", &["applications"], &["get", "list", "patch"])]
        }
        Kind::Promote | Kind::Abort | Kind::Retry => vec![
            rule("argoproj.io", &["rollouts"], &["get", "list"]),
            rule("argoproj.io", &["rollouts/status"], &["patch"]),
        ],
        Kind::Reconcile | Kind::SuspendReconcile | Kind::ResumeReconcile => vec![
            rule("kustomize.toolkit.fluxcd.io", &["kustomizations"], &["get", "list", "patch"]),
            rule("helm.toolkit.fluxcd.io", &["helmreleases"], &["get", "list", "patch"]),
            rule(
                "source.toolkit.fluxcd.io",
                &["gitrepositories", "ocirepositories", "helmrepositories", "helmcharts", "buckets"],
                &["get", "list", "patch"],
            ),
        ],
    }
}

/// Whether it is done to what belongs to no namespace, and so reads and writes in all of them.
#[must_use]
pub fn everywhere(kind: Kind) -> bool {
    kind.sorts().contains(&Sort::Node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_action_may_read_secrets_or_run_anything() {
        for rule in Kind::ALL.into_iter().flat_map(rules) {
            for resource in rule.resources {
                assert!(!["secrets", "configmaps", "pods/exec", "pods/attach", "*"].contains(resource), "{rule:?}");
            }
            assert!(!rule.verbs.contains(&"*") && !rule.verbs.contains(&"escalate"), "{rule:?}");
        }
    }

    #[test]
    fn every_action_writes_something() {
        for kind in Kind::ALL.into_iter().filter(|kind| kind.sorts()[0].in_cluster()) {
            let writes = |rule: &Rule| rule.verbs.iter().any(|verb| ["patch", "create", "delete"].contains(verb));
            assert!(rules(kind).iter().any(writes), "{kind:?}");
        }
    }

    #[test]
    fn what_is_done_to_nodes_reaches_everywhere_and_nothing_else_does() {
        let reaching: Vec<&str> = Kind::ALL.into_iter().filter(|kind| everywhere(*kind)).map(Kind::as_str).collect();
        assert_eq!(reaching, ["cordon", "uncordon", "drain"]);
    }

    #[test]
    fn what_is_done_elsewhere_needs_nothing_of_a_cluster() {
        let elsewhere: Vec<&str> =
            Kind::ALL.into_iter().filter(|kind| rules(*kind).is_empty()).map(Kind::as_str).collect();
        assert_eq!(elsewhere, ["dispatch", "top-up"]);
    }
}
