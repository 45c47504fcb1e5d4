//! What each action needs of Kubernetes' RBAC. A dry run needs the same verb as the write it tries.
//! Source: kubectl's and kube's requests for the same operations.

use super::kind::Kind;

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

/// What any preview reads.
const LOOK: [Rule; 3] = [
    rule("apps", &["deployments", "statefulsets", "daemonsets", "replicasets"], &["get", "list"]),
    rule("", &["pods"], &["get", "list"]),
    rule("policy", &["poddisruptionbudgets"], &["list"]),
];

/// The rules for `kind`: what its preview reads, then what it writes.
#[must_use]
pub fn rules(kind: Kind) -> Vec<Rule> {
    let mut rules = LOOK.to_vec();
    rules.extend(match kind {
        Kind::Restart => vec![rule("apps", &["deployments", "statefulsets", "daemonsets"], &["patch"])],
        Kind::Scale => vec![
            rule("apps", &["deployments/scale", "statefulsets/scale"], &["get", "patch"]),
            rule("autoscaling", &["horizontalpodautoscalers"], &["list"]),
        ],
        Kind::Rollback | Kind::PauseRollout | Kind::ResumeRollout => vec![rule("apps", &["deployments"], &["patch"])],
        Kind::DeletePod => vec![rule("", &["pods"], &["delete"])],
        Kind::RunJob => vec![rule("batch", &["cronjobs"], &["get"]), rule("batch", &["jobs"], &["get", "create"])],
        Kind::SuspendCronjob | Kind::ResumeCronjob => vec![rule("batch", &["cronjobs"], &["get", "patch"])],
        Kind::Cordon | Kind::Uncordon => vec![rule("", &["nodes"], &["get", "patch"])],
        Kind::Drain => vec![rule("", &["nodes"], &["get", "patch"]), rule("", &["pods/eviction"], &["create"])],
    });
    rules
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
        for kind in Kind::ALL {
            let writes = |rule: &Rule| rule.verbs.iter().any(|verb| ["patch", "create", "delete"].contains(verb));
            assert!(rules(kind).iter().any(writes), "{kind:?}");
        }
    }
}
