//! The section `prometheus`: who may post alerts, and the queries that people can ask for as pictures.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;
use crate::core::graph::Graph;
use crate::core::time::Span;

/// Alertmanager, and what speaks like it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prometheus {
    /// Who posts alerts: Alertmanagers and Grafanas.
    pub alertmanagers: Vec<Alertmanager>,
    /// Where graphs come from.
    pub server: Option<Server>,
    /// Queries that people can ask for by name.
    pub graphs: Vec<Graph>,
}

/// A Prometheus to ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub url: String,
    /// The environment variable that holds the bearer token to send (or NAME_FILE, a path); none is sent when absent.
    #[serde(default)]
    pub token_env: Option<String>,
}

/// Somebody who posts alerts to /webhooks/alertmanager/NAME.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alertmanager {
    /// The last part of the path, and the `source` label of its alerts.
    pub name: String,
    /// The environment variable that holds the bearer token it sends (or NAME_FILE, a path).
    pub token_env: String,
    /// An alert that it has not spoken of for this long has ended. Longer than its repeat_interval.
    #[serde(default = "five_hours")]
    pub resolve_after: Span,
    /// Its own address, so that silences made here hold there, too, and an alert that is silenced there does not end here.
    /// Not for Grafana.
    #[serde(default)]
    pub url: Option<String>,
    /// The environment variable that holds the bearer token to send there (or NAME_FILE, a path); none is sent when absent.
    #[serde(default)]
    pub url_token_env: Option<String>,
}

/// Alertmanager repeats every four hours unless told otherwise.
const fn five_hours() -> Span {
    Span::from_secs(5 * 3600)
}

pub(super) fn check(config: &Config, say: &mut impl FnMut(&str, String)) {
    let mut names: BTreeSet<&str> = config.sources.iter().map(|source| source.name.as_str()).collect();
    for (index, Alertmanager { name, token_env, resolve_after, url, url_token_env }) in
        config.prometheus.alertmanagers.iter().enumerate()
    {
        let key = format!("prometheus.alertmanagers[{index}]");
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(plain) {
            say(
                &format!("{key}.name"),
                format!("`{name}` is part of an address; use lower case letters, digits and -"),
            );
        }
        if !names.insert(name) {
            say(&format!("{key}.name"), format!("`{name}` names two sources of alerts; give each its own name"));
        }
        if !super::check::is_variable(token_env) {
            let message =
                format!("`{token_env}` is no name of an environment variable; the token itself does not belong here");
            say(&format!("{key}.token_env"), message);
        }
        if let Some(url) = url {
            super::check::web_address(&format!("{key}.url"), url, say);
        }
        if let Some(variable) = url_token_env {
            if !super::check::is_variable(variable) {
                let message =
                    format!("`{variable}` is no name of an environment variable; the token does not belong here");
                say(&format!("{key}.url_token_env"), message);
            }
            if url.is_none() {
                say(&format!("{key}.url_token_env"), "there is no url to send it to".to_owned());
            }
        }
        if resolve_after.duration().as_secs() < 60 {
            say(
                &format!("{key}.resolve_after"),
                "is shorter than 1m; alerts would end between two repetitions".to_owned(),
            );
        }
    }
    let Prometheus { server, graphs, .. } = &config.prometheus;
    if let Some(server) = server {
        super::check::web_address("prometheus.server.url", &server.url, say);
        if let Some(name) = server.token_env.as_ref().filter(|name| !super::check::is_variable(name)) {
            let message =
                format!("`{name}` is no name of an environment variable; the token itself does not belong here");
            say("prometheus.server.token_env", message);
        }
    } else if !graphs.is_empty() {
        say("prometheus.graphs", "there is no Prometheus to ask; add its address as prometheus.server.url".to_owned());
    }
    let mut names = BTreeSet::new();
    for (index, graph) in graphs.iter().enumerate() {
        let key = format!("prometheus.graphs[{index}]");
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if graph.name.is_empty() || !graph.name.chars().all(plain) {
            say(
                &format!("{key}.name"),
                format!("`{}` cannot be typed as one word; use letters, digits, - and _", graph.name),
            );
        }
        if !names.insert(&graph.name) {
            say(&format!("{key}.name"), format!("`{}` names two graphs; give each its own name", graph.name));
        }
        if let Some(unfit) = graph.unfit() {
            say(&format!("{key}.query"), unfit.to_string());
        }
    }
}
