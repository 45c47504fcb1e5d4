//! What the bot must be allowed to do in a cluster, and nothing more: never Secrets, ConfigMaps, exec or other people's
//! rights. Written out as YAML for `kubectl apply`, and held against what a cluster says it allows.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::action::kind::Kind as Action;
use super::action::rbac as action;
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
    /// What may be asked for and approved.
    pub acts: BTreeSet<Action>,
}

/// A rule and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reasoned {
    pub rule: Rule,
    pub reason: Cow<'static, str>,
    /// Of objects that belong to no namespace.
    pub cluster_wide: bool,
}

const READ: [&str; 3] = ["get", "list", "watch"];

fn rule(reason: impl Into<Cow<'static, str>>, group: &str, resources: &[&str], verbs: &[&str]) -> Reasoned {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let rule =
        Rule { groups: vec![group.to_owned()], resources: owned(resources), names: Vec::new(), verbs: owned(verbs) };
    Reasoned { rule, reason: reason.into(), cluster_wide: false }
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
    if !needs.watched.is_empty() {
        rules.extend(looked_up());
    }
    let had: Vec<Rule> = rules.iter().map(|it| it.rule.clone()).collect();
    let wide = needs.namespaces.is_empty();
    rules.extend(acted(&needs.acts).into_iter().filter_map(|it| {
        // What watching grants in some namespaces is not granted in all.
        let had: &[Rule] = if it.cluster_wide && !wide { &[] } else { &had };
        let verbs: Vec<String> =
            it.rule.verbs.iter().filter(|verb| !had.iter().any(|rule| grants(rule, &it.rule, verb))).cloned().collect();
        (!verbs.is_empty()).then(|| Reasoned { rule: Rule { verbs, ..it.rule.clone() }, ..it })
    }));
    rules
}

/// Whether `rule` grants `verb` on the one thing that `asked` is about.
fn grants(rule: &Rule, asked: &Rule, verb: &str) -> bool {
    asked.groups.iter().all(|group| asked.resources.iter().all(|resource| covers(rule, group, resource, verb)))
}

/// The rules of the actions: one for each thing they touch, with everything that any of them does to it.
fn acted(actions: &BTreeSet<Action>) -> Vec<Reasoned> {
    /// Verbs, and the actions that need them.
    type Used = (BTreeSet<&'static str>, BTreeSet<Action>);
    let mut verbs: BTreeMap<(bool, &str, &str), Used> = BTreeMap::new();
    for kind in actions {
        for rule in action::rules(*kind) {
            for resource in rule.resources.iter().copied() {
                let wide = action::everywhere(*kind);
                let (had, whom) = verbs.entry((wide, rule.group, resource)).or_default();
                had.extend(rule.verbs);
                whom.insert(*kind);
            }
        }
    }
    let reasoned = |((cluster_wide, group, resource), (verbs, whom)): (_, Used)| {
        let whom: Vec<&str> = whom.iter().map(|kind| kind.as_str()).collect();
        let verbs: Vec<&str> = verbs.into_iter().collect();
        Reasoned { cluster_wide, ..rule(format!("actions: {}", whom.join(", ")), group, &[resource], &verbs) }
    };
    verbs.into_iter().map(reasoned).collect()
}

/// What is asked for when somebody wants to know.
fn looked_up() -> Vec<Reasoned> {
    vec![
        rule("warnings on cards and in causes", "", &["events"], &["get", "list"]),
        rule("logs, redacted, for responders", "", &["pods/log"], &["get"]),
        rule("revisions of StatefulSets and DaemonSets", "apps", &["controllerrevisions"], &["get", "list"]),
    ]
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
    fn actions_add_what_watching_does_not_grant_and_nothing_else() {
        let quiet = Needs { acts: BTreeSet::from([Action::Restart, Action::Rollback]), ..watching() };
        let lines: Vec<String> = needed(&quiet)[needed(&watching()).len()..].iter().map(|it| line(&it.rule)).collect();
        assert_eq!(
            lines,
            [
                "apps daemonsets: get, list, patch",
                "apps deployments: patch",
                "apps statefulsets: get, list, patch",
                "policy poddisruptionbudgets: list",
            ]
        );
        let text = yaml(&Needs { acts: Action::ALL.into(), ..watching() }, "watchkeeper");
        for never in ["secrets", "configmaps", "exec", "\"*\"", "attach", "portforward", "impersonate", "escalate"] {
            assert!(!text.contains(never), "{never}");
        }
    }

    #[test]
    fn what_is_done_to_nodes_is_granted_everywhere_also_when_only_some_namespaces_are_watched() {
        let some = Needs {
            namespaces: vec!["feeds".to_owned()],
            acts: BTreeSet::from([Action::Drain, Action::Scale]),
            ..watching()
        };
        let wide: Vec<String> = needed(&some).iter().filter(|it| it.cluster_wide).map(|it| line(&it.rule)).collect();
        let evicting = "core pods/eviction: create".to_owned();
        assert!(wide.contains(&evicting) && wide.contains(&"core pods: get, list".to_owned()), "{wide:?}");
        assert!(!wide.iter().any(|line| line.contains("scale")), "{wide:?}");
    }

    #[test]
    fn the_yaml_is_as_reviewed() {
        insta::assert_snapshot!("rbac_watching", yaml(&watching(), "watchkeeper"));
        let two = Needs { namespaces: vec!["feeds".to_owned(), "platform".to_owned()], ..watching() };
        insta::assert_snapshot!("rbac_namespaces", yaml(&two, "ops"));
        let acting = BTreeSet::from([Action::Restart, Action::Scale, Action::Drain]);
        insta::assert_snapshot!("rbac_actions", yaml(&Needs { acts: acting, ..two }, "ops"));
    }
}
