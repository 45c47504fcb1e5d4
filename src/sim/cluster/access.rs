//! RBAC: what the token may do, and the reviews by which it can ask.

use serde_json::{Value, json};

use super::json::text;
use super::refusal::Refusal;
use super::route::Route;

/// Whom the token belongs to.
pub const USER: &str = "system:serviceaccount:watchkeeper:watchkeeper";

/// One rule of a role, as in a ClusterRole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub groups: Vec<String>,
    /// `pods`, `pods/log`, `*`
    pub resources: Vec<String>,
    pub verbs: Vec<String>,
    /// Any when empty.
    pub names: Vec<String>,
}

impl Rule {
    #[must_use]
    pub fn new(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Self {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self { groups: owned(groups), resources: owned(resources), verbs: owned(verbs), names: Vec::new() }
    }

    fn allows(&self, group: &str, resource: &str, verb: &str, name: &str) -> bool {
        let has = |words: &[String], word: &str| words.iter().any(|it| it == "*" || it == word);
        has(&self.groups, group)
            && has(&self.resources, resource)
            && has(&self.verbs, verb)
            && (self.names.is_empty() || self.names.iter().any(|it| it == name))
    }
}

/// Everything but Secrets, which nobody here is allowed to read.
#[must_use]
pub fn everything() -> Vec<Rule> {
    let resources: Vec<&str> = super::kinds::RESOURCES
        .iter()
        .filter(|it| it.plural != "secrets")
        .map(|it| it.plural)
        .chain(["pods/log", "pods/eviction", "deployments/scale", "statefulsets/scale", "replicasets/scale"])
        .chain(["rollouts/status", "kustomizations/status", "helmreleases/status"])
        .chain(["selfsubjectaccessreviews", "selfsubjectrulesreviews"])
        .collect();
    vec![Rule::new(&["*"], &resources, &["*"])]
}

pub(super) fn check(role: &[Rule], route: &Route, verb: &str) -> Result<(), Refusal> {
    let (resource, group) = (route.rule_resource(), route.resource.group);
    let name = route.name.as_deref().unwrap_or_default();
    if role.iter().any(|rule| rule.allows(group, &resource, verb, name)) {
        return Ok(());
    }
    Err(forbidden(route, verb))
}

pub(super) fn forbidden(route: &Route, verb: &str) -> Refusal {
    let (resource, group) = (route.rule_resource(), route.resource.group);
    let thing = match &route.name {
        Some(name) => format!("{resource} \"{name}\""),
        None => resource.clone(),
    };
    let scope = match &route.namespace {
        Some(namespace) => format!("in the namespace \"{namespace}\""),
        None => "at the cluster scope".to_owned(),
    };
    let message = format!(
        "{thing} is forbidden: User \"{USER}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {scope}"
    );
    Refusal::new(403, "Forbidden", message)
}

/// The answer to a `SelfSubjectRulesReview`.
pub(super) fn rules_review(role: &[Rule], asked: &Value) -> Value {
    let rules: Vec<Value> = role
        .iter()
        .map(|rule| {
            let mut it = json!({"apiGroups": rule.groups, "resources": rule.resources, "verbs": rule.verbs});
            if !rule.names.is_empty() {
                it["resourceNames"] = json!(rule.names);
            }
            it
        })
        .collect();
    json!({
        "kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": asked["spec"],
        "status": {"resourceRules": rules, "nonResourceRules": [], "incomplete": false},
    })
}

/// The answer to a `SelfSubjectAccessReview`.
pub(super) fn access_review(role: &[Rule], asked: &Value) -> Value {
    let about = &asked["spec"]["resourceAttributes"];
    let resource = match text(about, "/subresource") {
        "" => text(about, "/resource").to_owned(),
        subresource => format!("{}/{subresource}", text(about, "/resource")),
    };
    let (group, verb, name) = (text(about, "/group"), text(about, "/verb"), text(about, "/name"));
    let allowed = role.iter().any(|rule| rule.allows(group, &resource, verb, name));
    json!({
        "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": asked["spec"],
        "status": {"allowed": allowed},
    })
}
