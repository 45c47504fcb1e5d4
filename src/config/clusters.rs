//! Which Kubernetes clusters are watched, in `watchkeeper.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::detect::RuleConfig;
use crate::core::workload::Kind;
use crate::core::workload::rules::{Limits, RuleName, Rules};

/// A Kubernetes cluster under watch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// The `cluster` label of its alerts, and its name in commands.
    pub name: String,
    /// Path of a kubeconfig file. This or `in_cluster`.
    #[serde(default)]
    pub kubeconfig: Option<PathBuf>,
    /// Which of the kubeconfig's contexts; its current one when absent.
    #[serde(default)]
    pub context: Option<String>,
    /// The cluster the bot itself runs in, with its pod's service account.
    #[serde(default)]
    pub in_cluster: bool,
    #[serde(default)]
    pub namespaces: Namespaces,
    /// The label that says which team an object belongs to; looked for on the object, then on what controls it.
    #[serde(default = "team")]
    pub owner_label: String,
    /// Value of that label → Slack user id (U…) or user group id (S…) that is pinged.
    #[serde(default)]
    pub owners: BTreeMap<String, String>,
    /// Rules by name, as in kubernetes-mixin; what is absent keeps the built-in values.
    #[serde(default)]
    pub rules: BTreeMap<RuleName, RuleConfig>,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub features: Features,
}

/// What is asked of a cluster beside the watches; each wants its own permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Features {
    /// The last log lines of what fails, without secrets: pods/log get.
    pub logs: bool,
    /// Events about what fails: events list.
    pub events: bool,
    /// cert-manager's Certificates.
    pub certificates: bool,
}

impl Default for Features {
    fn default() -> Self {
        Self { logs: true, events: true, certificates: true }
    }
}

/// Which namespaces are watched: all when `include` is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Namespaces {
    /// Only these; each is watched by itself, so that a Role in each is enough.
    pub include: Vec<String>,
    /// Never these.
    pub exclude: Vec<String>,
}

impl Cluster {
    /// Everything of the cluster that a kubeconfig's current context names, with the built-in rules.
    #[must_use]
    pub fn by_kubeconfig(name: &str, kubeconfig: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            kubeconfig: Some(kubeconfig),
            context: None,
            in_cluster: false,
            namespaces: Namespaces::default(),
            owner_label: team(),
            owners: BTreeMap::new(),
            rules: BTreeMap::new(),
            limits: Limits::default(),
            features: Features::default(),
        }
    }

    /// What is watched in it.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        let wanted = |kind: &Kind| *kind != Kind::Certificate || self.features.certificates;
        Kind::ALL.into_iter().filter(wanted).collect()
    }

    /// Its rules, as the watch takes them.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules { changes: self.rules.clone(), limits: self.limits }
    }

    /// Without what a running bot takes over.
    #[must_use]
    pub fn fixed(&self) -> Self {
        let (owners, rules, limits) = (BTreeMap::new(), BTreeMap::new(), Limits::default());
        Self { owners, rules, limits, ..self.clone() }
    }
}

fn team() -> String {
    "team".to_owned()
}

/// Contradictions among `clusters`.
pub(super) fn check(clusters: &[Cluster], say: &mut impl FnMut(&str, String)) {
    let mut names = BTreeSet::new();
    for (index, cluster) in clusters.iter().enumerate() {
        let key = format!("clusters[{index}]");
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if cluster.name.is_empty() || !cluster.name.chars().all(plain) {
            say(&format!("{key}.name"), format!("`{}` is no name to type; use letters, digits, - _ .", cluster.name));
        }
        if !names.insert(cluster.name.as_str()) {
            say(&format!("{key}.name"), format!("`{}` names two clusters; give each its own name", cluster.name));
        }
        match (&cluster.kubeconfig, cluster.in_cluster) {
            (None, false) => {
                say(&key, "does not say how it is reached; give `kubeconfig` or set `in_cluster: true`".to_owned());
            }
            (Some(_), true) => say(
                &format!("{key}.in_cluster"),
                "is set beside `kubeconfig`; keep the one by which it is reached".to_owned(),
            ),
            (Some(_), false) | (None, true) => {}
        }
        if cluster.context.is_some() && cluster.kubeconfig.is_none() {
            say(&format!("{key}.context"), "is a kubeconfig's; give the file in `kubeconfig` too".to_owned());
        }
        for (team, whom) in &cluster.owners {
            let id =
                whom.starts_with(['U', 'W', 'S']) && whom.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
            if !id {
                let key = format!("{key}.owners.{team}");
                say(&key, format!("`{whom}` cannot be pinged; write a user id (U…) or a user group id (S…)"));
            }
        }
        if cluster.limits.certificate_critical > cluster.limits.certificate_warning {
            let key = format!("{key}.limits.certificate_critical");
            say(&key, format!("is longer than certificate_warning {}; swap them", cluster.limits.certificate_warning));
        }
        let Namespaces { include, exclude } = &cluster.namespaces;
        if !include.is_empty() && !exclude.is_empty() {
            say(&format!("{key}.namespaces"), "has both `include` and `exclude`; one of them is enough".to_owned());
        }
        for (list, name) in [("include", include), ("exclude", exclude)] {
            for (nth, namespace) in name.iter().enumerate().filter(|(_, name)| !is_label(name)) {
                let key = format!("{key}.namespaces.{list}[{nth}]");
                say(&key, format!("`{namespace}` is not a namespace; write its whole name, in lower case"));
            }
        }
    }
}

/// An RFC 1123 label, as namespaces are.
fn is_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(plain) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(yaml: &str) -> Vec<String> {
        let clusters: Vec<Cluster> = serde_saphyr::from_str(yaml).unwrap();
        let mut found = Vec::new();
        check(&clusters, &mut |key, message| found.push(format!("{key}: {message}")));
        found
    }

    #[test]
    fn a_cluster_by_kubeconfig_or_from_within_is_sound() {
        let yaml = "[{name: prod, kubeconfig: /etc/kube, context: prod}, {name: own, in_cluster: true}]";
        assert_eq!(problems(yaml), Vec::<String>::new());
    }

    #[test]
    fn contradictions_name_their_key() {
        let yaml = "[{name: a}, {name: a, kubeconfig: k, in_cluster: true}, {name: 'b c', in_cluster: true, context: x, \
                    namespaces: {include: [Prices], exclude: [kube-*]}, owners: {oracle: ann}, \
                    limits: {certificate_critical: 30d}}]";
        let found = problems(yaml);
        for key in [
            "clusters[0]: does not say",
            "clusters[1].name: `a` names two",
            "clusters[1].in_cluster:",
            "clusters[2].name:",
            "clusters[2].context:",
            "clusters[2].namespaces: has both",
            "clusters[2].owners.oracle:",
            "clusters[2].limits.certificate_critical:",
            "clusters[2].namespaces.include[0]:",
            "clusters[2].namespaces.exclude[0]:",
        ] {
            assert!(found.iter().any(|problem| problem.starts_with(key)), "{key} {found:#?}");
        }
    }
}
