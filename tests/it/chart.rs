//! The chart says the same as the program: the role it grants, the configuration it brings, the metrics its alerts look at.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use watchkeeper::config;
use watchkeeper::core::action::kind::Kind as Action;
use watchkeeper::core::action::rbac::rules as rules_for;
use watchkeeper::core::gitops;
use watchkeeper::core::rbac::{self, Needs};
use watchkeeper::core::workload::Kind;
use watchkeeper::metrics::Metrics;

fn chart(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("helm/watchkeeper").join(file)
}

/// The rules of the role for everything that can be watched, as they stand under `rules:`.
fn rules() -> String {
    let watched = Kind::ALL.map(|kind| (rbac::group(kind).to_owned(), kind.plural().to_owned()));
    let declared = gitops::Kind::ALL.map(|kind| (kind.group().to_owned(), kind.plural().to_owned()));
    let watched = [watched.as_slice(), declared.as_slice()].concat();
    printed(&Needs { watched, ..Needs::default() })
}

/// The rules of one action, which a configuration that has it adds.
fn rules_of(action: Action) -> String {
    printed(&Needs { acts: BTreeSet::from([action]), ..Needs::default() })
}

fn printed(needs: &Needs) -> String {
    let printed = rbac::yaml(needs, "watchkeeper");
    let (_, rest) = printed.split_once("rules:\n").unwrap();
    let (rules, _) = rest.split_once("---").unwrap();
    let lines: Vec<_> = rules.lines().map(|line| line.strip_prefix("  ").unwrap()).collect();
    lines.join("\n") + "\n"
}

#[test]
fn the_charts_role_is_the_one_the_program_prints() {
    let file = chart("files/rules.yaml");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, rules()).unwrap();
    }
    let again = "UPDATE=1 cargo test the_charts_role writes it anew";
    assert_eq!(fs::read_to_string(&file).unwrap(), rules(), "{again}");
    // What is done elsewhere than in a cluster has no file, and adds nothing.
    for action in Action::ALL.into_iter().filter(|action| !rules_for(*action).is_empty()) {
        let file = chart(&format!("files/actions/{}.yaml", action.as_str()));
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, rules_of(action)).unwrap();
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), rules_of(action), "{again}");
    }
}

#[test]
fn both_profiles_bring_a_configuration_that_is_accepted() {
    for profile in ["ci/socket-sqlite-values.yaml", "ci/http-postgres-values.yaml"] {
        let values: Value = serde_saphyr::from_str(&fs::read_to_string(chart(profile)).unwrap()).unwrap();
        // JSON is YAML.
        let accepted = config::parse(Path::new(profile), &values["config"].to_string());
        assert!(accepted.is_ok(), "{profile}: {accepted:?}");
    }
}

#[test]
fn every_alert_on_the_bot_looks_at_a_metric_that_is_there_and_has_a_runbook() {
    let alerts = fs::read_to_string(chart("templates/prometheusrule.yaml")).unwrap();
    let runbooks = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/OPERATIONS.md")).unwrap();
    let exposed = Metrics::default().text();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let named = alerts.match_indices("watchkeeper_").map(|(at, _)| alerts[at..].split(|c| !is_name(c)).next().unwrap());
    let metrics: Vec<_> = named.map(|name| name.trim_end_matches("_total")).collect();
    assert!(metrics.len() >= 5, "{metrics:?}");
    for metric in metrics {
        assert!(exposed.contains(&format!("# HELP {metric} ")), "{metric} is not among the metrics");
    }
    let rules: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(rules.len() >= 5, "{rules:?}");
    for name in rules {
        assert!(runbooks.contains(&format!("### {name}\n")), "docs/OPERATIONS.md has no runbook for {name}");
        assert!(alerts.contains(&format!("#{}\n", name.to_lowercase())), "{name} does not link to its runbook");
    }
}
