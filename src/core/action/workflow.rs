//! Workflows of GitHub Actions that may be run: those that configuration names, with the inputs it allows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::target::{Sort, Target};

/// What stands for the cluster in a workflow's target: `github/Workflow/deploy-pusher`.
pub const GITHUB: &str = "github";
/// GitHub's own limit of a workflow's inputs.
pub const MOST_INPUTS: usize = 25;
/// Characters of a value that somebody types.
const LONGEST_VALUE: usize = 200;

/// A workflow that can be asked for by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// What people and rules call it.
    pub name: String,
    /// `owner/repo`
    pub repository: String,
    /// The file in `.github/workflows`.
    pub workflow: String,
    /// The branch or tag it runs on.
    #[serde(rename = "ref", default = "main")]
    pub reference: String,
    /// Inputs that are always the same.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// Inputs that whoever asks may give.
    #[serde(default)]
    pub ask: Vec<Input>,
    /// The input that takes the commit that was approved.
    #[serde(default)]
    pub sha_input: Option<String>,
    /// The input that takes a mark of the request; the workflow's `run-name` must show it. By it a run is known again
    /// whatever else runs.
    #[serde(default)]
    pub correlation_input: Option<String>,
}

/// An input that whoever asks may give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    pub name: String,
    /// What it may be; empty: any text.
    #[serde(default)]
    pub values: Vec<String>,
}

fn main() -> String {
    "main".to_owned()
}

impl Workflow {
    #[must_use]
    pub fn target(&self) -> Target {
        Target { cluster: GITHUB.to_owned(), namespace: String::new(), sort: Sort::Workflow, name: self.name.clone() }
    }

    /// Every input but the mark: the fixed ones, those that were `asked` for, and the commit.
    ///
    /// # Errors
    /// An input that nobody may give, or a value that is not among those allowed, in words.
    pub fn inputs(&self, asked: &BTreeMap<String, String>, sha: &str) -> Result<BTreeMap<String, String>, String> {
        let mut inputs = self.inputs.clone();
        for (name, value) in asked {
            let Some(input) = self.ask.iter().find(|input| input.name == *name) else {
                let known: Vec<&str> = self.ask.iter().map(|input| input.name.as_str()).collect();
                let known = if known.is_empty() { "nothing can be given".to_owned() } else { known.join(", ") };
                return Err(format!("{} does not take `{name}`; what can be given: {known}", self.name));
            };
            if !input.values.is_empty() && !input.values.contains(value) {
                return Err(format!("`{name}` cannot be `{value}`; it can be: {}", input.values.join(", ")));
            }
            if value.chars().count() > LONGEST_VALUE {
                return Err(format!("`{name}` is longer than {LONGEST_VALUE} characters"));
            }
            inputs.insert(name.clone(), value.clone());
        }
        inputs.extend(self.sha_input.iter().map(|name| (name.clone(), sha.to_owned())));
        Ok(inputs)
    }

    /// Names of inputs that two of the settings would fill.
    #[must_use]
    pub fn twice(&self) -> Vec<&str> {
        let fixed = self.inputs.keys().map(String::as_str);
        let asked = self.ask.iter().map(|input| input.name.as_str());
        let ours = [&self.sha_input, &self.correlation_input].into_iter().flatten().map(String::as_str);
        let mut all: Vec<&str> = fixed.chain(asked).chain(ours).collect();
        all.sort_unstable();
        let mut twice: Vec<&str> = all.windows(2).filter(|two| two[0] == two[1]).map(|two| two[0]).collect();
        twice.dedup();
        twice
    }
}

/// Whether a word names an input, as GitHub lets them be named.
#[must_use]
pub fn is_input(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deploy() -> Workflow {
        let yaml = serde_json::json!({
            "name": "deploy", "repository": "acme/infra", "workflow": "deploy.yaml",
            "inputs": {"service": "pusher"}, "ask": [{"name": "network", "values": ["mainnet", "testnet"]}, {"name": "note"}],
            "sha_input": "sha",
        });
        serde_json::from_value(yaml).unwrap()
    }

    fn asked(pairs: &[(&str, &str)]) -> Result<String, String> {
        let asked = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let inputs = deploy().inputs(&asked, "4f2c");
        inputs.map(|inputs| inputs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn only_what_configuration_allows_is_given() {
        assert_eq!(asked(&[("network", "testnet")]).unwrap(), "network=testnet service=pusher sha=4f2c");
        assert_eq!(asked(&[]).unwrap(), "service=pusher sha=4f2c");
        assert_eq!(asked(&[("network", "x")]).unwrap_err(), "`network` cannot be `x`; it can be: mainnet, testnet");
        for fixed in ["service", "sha"] {
            let refused = asked(&[(fixed, "x")]).unwrap_err();
            assert_eq!(refused, format!("deploy does not take `{fixed}`; what can be given: network, note"));
        }
        assert!(asked(&[("note", &"x".repeat(200))]).is_ok());
        assert!(asked(&[("note", &"x".repeat(201))]).unwrap_err().contains("longer than 200"));
    }

    #[test]
    fn a_workflow_runs_on_main_and_is_known_by_its_name() {
        assert_eq!(deploy().reference, "main");
        assert_eq!(deploy().target().to_string(), "github/Workflow/deploy");
        let fixed = Workflow { ask: Vec::new(), ..deploy() };
        let refused = fixed.inputs(&BTreeMap::from([("note".to_owned(), "x".to_owned())]), "4f2c").unwrap_err();
        assert_eq!(refused, "deploy does not take `note`; what can be given: nothing can be given");
    }

    #[test]
    fn an_input_is_filled_by_one_setting() {
        assert!(deploy().twice().is_empty());
        let twice = Workflow { correlation_input: Some("network".to_owned()), ..deploy() };
        assert_eq!(twice.twice(), ["network"]);
        assert!(is_input("dry-run") && is_input("_x1") && !is_input("1x") && !is_input("") && !is_input("a b"));
    }
}
