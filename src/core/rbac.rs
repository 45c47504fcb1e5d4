//! What the bot must be allowed to do in a cluster, and nothing more: never Secrets, ConfigMaps, exec or other people's
//! rights. Written out as YAML for `kubectl apply`, and held against what a cluster says it allows.

use std::fmt::Write;

use super::workload::Kind;

/// One rule of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Empty text is the core group.
    pub groups: Vec<String>,
    /// `pods`, `pods/log`, `*`
    pub resources: Vec<String>,
    /// Only these objects; any when empty.
    pub names: Vec<String>,
    pub verbs: Vec<String>,
}

/// What is switched on, as far as it needs rights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Watched kinds, as (group, plural).
    pub watched: Vec<(String, String)>,
    /// Namespaces; the whole cluster when empty.
    pub namespaces: Vec<String>,
}

/// A rule and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reasoned {
    pub rule: Rule,
    pub reason: &'static str,
    /// Of objects that belong to no namespace.
    pub cluster_wide: bool,
}

const READ: [&str; 3] = ["get", "list", "watch"];

fn rule(reason: &'static str, group: &str, resources: &[&str], verbs: &[&str]) -> Reasoned {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let rule =
        Rule { groups: vec![group.to_owned()], resources: owned(resources), names: Vec::new(), verbs: owned(verbs) };
    Reasoned { rule, reason, cluster_wide: false }
}

/// The rules for what is switched on.
#[must_use]
pub fn needed(needs: &Needs) -> Vec<Reasoned> {
    let mut rules = Vec::new();
    let mut groups: Vec<&str> = needs.watched.iter().map(|(group, _)| group.as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    for group in groups {
        let of_group = needs.watched.iter().filter(|(it, _)| it == group);
        let (wide, narrow): (Vec<&str>, Vec<&str>) =
            of_group.map(|(_, plural)| plural.as_str()).partition(|plural| *plural == "nodes");
        if !narrow.is_empty() {
            rules.push(rule("watch what runs and how it is", group, &narrow, &READ));
        }
        if !wide.is_empty() {
            rules.push(Reasoned { cluster_wide: true, ..rule("watch the nodes", group, &wide, &READ) });
        }
    }
    if needs.watched.is_empty() {
        return rules;
    }
    rules.push(rule("warnings on cards and in causes", "", &["events"], &["get", "list"]));
    rules.push(rule("logs, redacted, for responders", "", &["pods/log"], &["get"]));
    rules.push(rule("revisions of StatefulSets and DaemonSets", "apps", &["controllerrevisions"], &["get", "list"]));
    rules
}

/// What of `needed` the rules a cluster grants do not cover: each a rule to add.
#[must_use]
pub fn missing(needed: &[Reasoned], granted: &[Rule]) -> Vec<Reasoned> {
    let mut missing = Vec::new();
    for needed in needed {
        let Rule { groups, resources, verbs, .. } = &needed.rule;
        for resource in resources {
            let allows =
                |verb: &&String| groups.iter().all(|group| granted.iter().any(|it| covers(it, group, resource, verb)));
            let lacking: Vec<String> = verbs.iter().filter(|verb| !allows(verb)).cloned().collect();
            if !lacking.is_empty() {
                let rule = Rule { resources: vec![resource.clone()], verbs: lacking, ..needed.rule.clone() };
                missing.push(Reasoned { rule, ..needed.clone() });
            }
        }
    }
    missing
}

/// A rule for named objects only does not cover the kind.
fn covers(granted: &Rule, group: &str, resource: &str, verb: &str) -> bool {
    let has = |words: &[String], word: &str| words.iter().any(|it| it == "*" || it == word);
    // `*/scale` covers that subresource of everything.
    let sub = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    let resource_covered = has(&granted.resources, resource) || sub.is_some_and(|sub| granted.resources.contains(&sub));
    granted.names.is_empty() && has(&granted.groups, group) && resource_covered && has(&granted.verbs, verb)
}

/// Rights that no feature here needs and that would be dangerous to have.
#[must_use]
pub fn too_much(granted: &[Rule]) -> Vec<&'static str> {
    let allowed = |group: &str, resource: &str, verb: &str| granted.iter().any(|it| covers(it, group, resource, verb));
    let mut found = Vec::new();
    if ["get", "list", "watch"].iter().any(|verb| allowed("", "secrets", verb)) {
        found.push("it may read Secrets");
    }
    if allowed("", "pods/exec", "create") || allowed("", "pods/exec", "get") {
        found.push("it may run commands in pods");
    }
    if allowed("rbac.authorization.k8s.io", "clusterroles", "escalate")
        || allowed("rbac.authorization.k8s.io", "clusterrolebindings", "create")
    {
        found.push("it may give itself more rights");
    }
    found
}

/// The API group of a watched kind.
#[must_use]
pub const fn group(kind: Kind) -> &'static str {
    match kind {
        Kind::Node | Kind::Pod | Kind::PersistentVolumeClaim => "",
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet => "apps",
        Kind::Job | Kind::CronJob => "batch",
        Kind::HorizontalPodAutoscaler => "autoscaling",
        Kind::PodDisruptionBudget => "policy",
        Kind::Certificate => "cert-manager.io",
    }
}

/// One rule in a line: `apps deployments/scale: get, patch`.
#[must_use]
pub fn line(rule: &Rule) -> String {
    let group = rule.groups.iter().map(|group| if group.is_empty() { "core" } else { group.as_str() });
    let group: Vec<_> = group.collect();
    format!("{} {}: {}", group.join(","), rule.resources.join(","), rule.verbs.join(", "))
}

/// Everything to apply: ServiceAccount, roles and bindings.
#[must_use]
pub fn yaml(needs: &Needs, namespace: &str) -> String {
    let rules = needed(needs);
    let (wide, narrow): (Vec<_>, Vec<_>) = rules.iter().partition(|it| needs.namespaces.is_empty() || it.cluster_wide);
    let mut out =
        format!("apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: watchkeeper\n  namespace: {namespace}\n");
    if !wide.is_empty() {
        role(&mut out, "ClusterRole", None, &wide, namespace);
    }
    for place in needs.namespaces.iter().filter(|_| !narrow.is_empty()) {
        role(&mut out, "Role", Some(place), &narrow, namespace);
    }
    out
}

fn role(out: &mut String, kind: &str, place: Option<&str>, rules: &[&Reasoned], namespace: &str) {
    let place = place.map_or_else(String::new, |place| format!("  namespace: {place}\n"));
    let mut text = format!(
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: watchkeeper\n{place}rules:\n"
    );
    for Reasoned { rule, reason, .. } in rules {
        let quoted = |words: &[String]| words.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>().join(", ");
        // Writing into a text does not fail.
        let _infallible = write!(
            text,
            "  # {reason}\n  - apiGroups: [{}]\n    resources: [{}]\n    verbs: [{}]\n",
            quoted(&rule.groups),
            quoted(&rule.resources),
            quoted(&rule.verbs),
        );
    }
    let _infallible = write!(
        text,
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}Binding\nmetadata:\n  name: watchkeeper\n{place}roleRef:\n  \
         apiGroup: rbac.authorization.k8s.io\n  kind: {kind}\n  name: watchkeeper\nsubjects:\n  - kind: ServiceAccount\n    \
         name: watchkeeper\n    namespace: {namespace}\n"
    );
    out.push_str(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watching() -> Needs {
        let kinds = [("", "pods"), ("", "nodes"), ("apps", "deployments"), ("apps", "replicasets")];
        Needs { watched: kinds.map(|(group, plural)| (group.to_owned(), plural.to_owned())).into(), ..Needs::default() }
    }

    fn granted(needs: &Needs) -> Vec<Rule> {
        needed(needs).into_iter().map(|it| it.rule).collect()
    }

    #[test]
    fn watching_needs_reading_only_and_never_secrets() {
        let text = yaml(&watching(), "watchkeeper");
        for never in ["secrets", "configmaps", "exec", "\"*\"", "attach", "portforward", "impersonate", "escalate"] {
            assert!(!text.contains(never), "{never}");
        }
        let verbs: Vec<String> = granted(&watching()).into_iter().flat_map(|it| it.verbs).collect();
        assert!(verbs.iter().all(|verb| READ.contains(&verb.as_str())), "{verbs:?}");
        assert!(needed(&Needs::default()).is_empty());
    }

    #[test]
    fn what_a_cluster_does_not_grant_is_named_to_the_verb() {
        let needs = watching();
        let needed = needed(&needs);
        assert!(missing(&needed, &granted(&needs)).is_empty());
        let star = Rule {
            groups: vec!["*".to_owned()],
            resources: vec!["*".to_owned()],
            names: vec![],
            verbs: vec!["*".to_owned()],
        };
        assert!(missing(&needed, &[star]).is_empty());
        let mut less = granted(&needs);
        less.retain(|rule| rule.resources != ["pods/log"]);
        less[0].verbs.retain(|verb| verb != "watch");
        let lines: Vec<String> = missing(&needed, &less).iter().map(|it| line(&it.rule)).collect();
        assert_eq!(lines, ["core pods: watch", "core pods/log: get"]);
        let mut named = granted(&needs);
        for rule in &mut named {
            rule.names = vec!["hermes".to_owned()];
        }
        assert!(!missing(&needed, &named).is_empty(), "a rule for one object does not cover the kind");
    }

    #[test]
    fn rights_that_nothing_here_needs_are_pointed_out() {
        assert!(too_much(&granted(&watching())).is_empty());
        let star = Rule {
            groups: vec!["*".to_owned()],
            resources: vec!["*".to_owned()],
            names: vec![],
            verbs: vec!["*".to_owned()],
        };
        assert_eq!(too_much(&[star]).len(), 3);
    }

    #[test]
    fn the_yaml_is_as_reviewed() {
        insta::assert_snapshot!("rbac_watching", yaml(&watching(), "watchkeeper"));
        let two = Needs { namespaces: vec!["feeds".to_owned(), "platform".to_owned()], ..watching() };
        insta::assert_snapshot!("rbac_namespaces", yaml(&two, "ops"));
    }
}
