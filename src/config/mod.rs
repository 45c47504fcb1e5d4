//! `watchkeeper.yaml`: one strict file. An unknown key, a contradiction or a bad value is refused with file, line, key
//! and what to do about it.

pub mod actions;
pub mod audit;
pub mod balances;
mod check;
pub mod clusters;
mod escalation;
mod gitops;
mod money;
pub mod oncall;
pub mod paging;
pub mod places;
pub mod prometheus;
pub mod secrets;
pub mod sections;
mod shape;
pub mod sources;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::access::Access;
use crate::core::detect::Rules;
use crate::core::engine::Policy;
use crate::core::escalation::Escalation;
use crate::core::gitops::rules::GitOps;
use crate::core::incident;
use crate::core::receiver::Receiver;
use crate::core::time::Timestamp;

use actions::Actions;
use audit::Audit;
use balances::Balances;
use clusters::Cluster;
use oncall::OnCall;
use paging::Paging;
use places::Places;
use prometheus::Prometheus;
use sections::{Canary, Database, Heartbeat, Http, Log, Replicas, Slack};
use sources::{HermesSource, References};

/// Everything that is configured. Secrets are not: see `.env.example`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "watchkeeper.yaml")]
pub struct Config {
    pub slack: Slack,
    pub http: Http,
    pub database: Database,
    pub replicas: Replicas,
    /// Hermes sources; at least one to watch feeds.
    pub sources: Vec<HermesSource>,
    pub references: References,
    /// Kubernetes clusters to watch.
    pub clusters: Vec<Cluster>,
    /// When a feed is in trouble: thresholds by class and feed.
    pub rules: Rules,
    /// Argo CD, Flux and Argo Rollouts in the clusters: what is reported, and from when on.
    pub gitops: GitOps,
    /// Who hears of it and when: routes, inhibition, mute intervals, flap damping.
    pub alerting: Policy,
    pub receivers: Vec<Receiver>,
    /// Who is told when nobody acknowledges.
    pub escalation: Escalation,
    pub paging: Paging,
    pub prometheus: Prometheus,
    pub access: Access,
    /// Operations in the clusters: who may ask for what, who may approve it.
    pub actions: Actions,
    /// Who has the watch: schedules, and who their people are in Slack.
    pub oncall: OnCall,
    /// Where the human work on trouble takes place.
    pub incidents: incident::Settings,
    /// Wallets under watch: balances, how long they last, who tops them up.
    pub balances: Balances,
    pub audit: Audit,
    pub heartbeat: Option<Heartbeat>,
    pub canary: Option<Canary>,
    pub log: Log,
}

/// One thing wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub file: PathBuf,
    pub line: Option<usize>,
    /// Path of the key: `receivers[1].channel`; empty when it is about the file.
    pub key: String,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Reads and checks a file.
///
/// # Errors
/// Every problem found; a file that is not the right shape gives one, a file that is gives all contradictions in it.
pub fn load(file: &Path) -> Result<Config, Vec<Problem>> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let message = format!("cannot be read: {error}; give its path with --config or WATCHKEEPER_CONFIG");
        vec![Problem { file: file.to_owned(), line: None, key: String::new(), message }]
    })?;
    parse(file, &text)
}

/// As [`load`], from its text; `file` is for the messages.
///
/// # Errors
/// As [`load`].
pub fn parse(file: &Path, text: &str) -> Result<Config, Vec<Problem>> {
    let places = Places::of(text);
    let config: Config = serde_saphyr::from_str(text).map_err(|error| vec![shape::problem(file, &places, &error)])?;
    let problems: Vec<Problem> = check::contradictions(&config)
        .into_iter()
        .map(|(key, message)| Problem { file: file.to_owned(), line: places.line(&key), key, message })
        .collect();
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// What is not wrong and still surprises, as [`Problem`]s to be read.
#[must_use]
pub fn warnings(file: &Path, text: &str, config: &Config, now: Timestamp) -> Vec<Problem> {
    let places = Places::of(text);
    let found = oncall::warnings(config, now).into_iter();
    found.map(|(key, message)| Problem { file: file.to_owned(), line: places.line(&key), key, message }).collect()
}

/// The JSON Schema of the file, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Config).to_value()
}
