//! The section `paging`: services outside that escalation steps can tell. Their keys come from the environment.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;
use super::shape::nearest;
use crate::core::escalation::Target;

/// Services outside that escalation steps can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Paging {
    pub pagerduty: Vec<Pagerduty>,
    pub webhooks: Vec<Webhook>,
}

/// A PagerDuty service, told through its Events API v2 integration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pagerduty {
    /// As targets call it: `{pagerduty: NAME}`.
    pub name: String,
    /// The environment variable that holds the integration's routing key (or NAME_FILE, a path).
    pub routing_key_env: String,
    /// Another address: https://events.eu.pagerduty.com for accounts in the EU.
    #[serde(default = "pagerduty")]
    pub url: String,
}

fn pagerduty() -> String {
    crate::paging::PAGERDUTY.to_owned()
}

/// An address that signed events are posted to; see docs/WEBHOOKS.md.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// As targets call it: `{webhook: NAME}`.
    pub name: String,
    pub url: String,
    /// The environment variable that holds the secret to sign with (or NAME_FILE, a path).
    pub secret_env: String,
}

pub(super) fn check(config: &Config, say: &mut impl FnMut(&str, String)) {
    let Paging { pagerduty, webhooks } = &config.paging;
    let services = pagerduty.iter().map(|one| (&one.name, &one.url, "routing_key_env", &one.routing_key_env));
    services_fit("paging.pagerduty", services, say);
    let services = webhooks.iter().map(|one| (&one.name, &one.url, "secret_env", &one.secret_env));
    services_fit("paging.webhooks", services, say);
    let pagerduty: Vec<&str> = pagerduty.iter().map(|one| one.name.as_str()).collect();
    let webhooks: Vec<&str> = webhooks.iter().map(|one| one.name.as_str()).collect();
    for (index, policy) in config.escalation.policies.iter().enumerate() {
        for (nth, step) in policy.steps.iter().enumerate() {
            for (which, target) in step.targets.iter().enumerate() {
                let (section, name, known) = match target {
                    Target::Pagerduty(name) => ("paging.pagerduty", name, &pagerduty),
                    Target::Webhook(name) => ("paging.webhooks", name, &webhooks),
                    Target::User(_) | Target::Schedule(_) | Target::Channel(_) | Target::UserGroup(_) => continue,
                };
                if known.contains(&name.as_str()) {
                    continue;
                }
                let fix = match nearest(name, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("add it to `{section}`"),
                };
                let key = format!("escalation.policies[{index}].steps[{nth}].targets[{which}]");
                say(&key, format!("nothing in `{section}` is named `{name}`; {fix}"));
            }
        }
    }
}

fn services_fit<'a>(
    section: &str,
    services: impl Iterator<Item = (&'a String, &'a String, &'static str, &'a String)>,
    say: &mut impl FnMut(&str, String),
) {
    let mut names = BTreeSet::new();
    for (index, (name, url, key, variable)) in services.enumerate() {
        let at = format!("{section}[{index}]");
        if !names.insert(name) {
            say(&format!("{at}.name"), format!("`{name}` names two services; give each its own name"));
        }
        super::check::web_address(&format!("{at}.url"), url, say);
        if !super::check::is_variable(variable) {
            let message =
                format!("`{variable}` is no name of an environment variable; the key itself does not belong here");
            say(&format!("{at}.{key}"), message);
        }
    }
}
