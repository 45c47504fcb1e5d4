//! The chart says the same as the program: the role it grants, the configuration it brings, the metrics its alerts look at.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use watchkeeper::config;
use watchkeeper::config::sections::Slack;
use watchkeeper::core::action::kind::Kind as Action;
use watchkeeper::core::action::rbac::rules as rules_for;
use watchkeeper::core::gitops;
use watchkeeper::core::rbac::{self, Needs};
use watchkeeper::core::workload::Kind;
use watchkeeper::metrics::Metrics;

fn chart(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("helm/watchkeeper").join(file)
}

fn text(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
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
fn the_chart_names_the_image_that_a_release_pushes() {
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    let about: Value = serde_saphyr::from_str(&text("helm/watchkeeper/Chart.yaml")).unwrap();
    assert_eq!((about["version"].as_str(), about["appVersion"].as_str()), (Some(VERSION), Some(VERSION)));
    let release = text(".github/workflows/release.yaml");
    for step in [
        "version=\"${GITHUB_REF_NAME#v}\"",
        "imagetools create --tag \"$IMAGE:$VERSION\"",
        "--version \"$VERSION\" --app-version \"$VERSION\"",
    ] {
        assert!(release.contains(step), "the release has no `{step}`");
    }
    let install = text("docs/INSTALL.md");
    for named in [format!("/watchkeeper:{VERSION} "), format!("/charts/watchkeeper --version {VERSION} ")] {
        assert!(install.contains(&named), "docs/INSTALL.md does not name `{named}`");
    }
}

/// A block without the indent of the step that it stands in.
fn outdented(block: &str) -> String {
    let indent = &block[..block.len() - block.trim_start().len()];
    block.lines().map(|line| line.strip_prefix(indent).unwrap_or(line).to_owned() + "\n").collect()
}

#[test]
fn the_configurations_of_the_installation_are_accepted() {
    let install = text("docs/INSTALL.md");
    let blocks = install.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let blocks: Vec<String> = blocks.map(outdented).collect();
    let [alone, values, first_alert] = blocks.as_slice() else { panic!("{blocks:#?}") };
    let values: Value = serde_saphyr::from_str(values).unwrap();
    for text in [alone.clone(), values["config"].to_string(), format!("{alone}\n{first_alert}")] {
        let accepted = config::parse(Path::new("INSTALL.md"), &text);
        assert!(accepted.is_ok(), "{text}: {accepted:?}");
    }
}

#[test]
fn the_chart_counts_the_connections_that_the_program_opens() {
    let counted = format!("default {} $slack.connections", Slack::default().connections);
    assert!(text("helm/watchkeeper/templates/_check.tpl").contains(&counted), "no `{counted}`");
}

#[test]
fn every_alert_on_the_bot_looks_at_a_metric_that_is_there_and_has_a_runbook() {
    let alerts = text("helm/watchkeeper/templates/prometheusrule.yaml");
    let runbooks = text("docs/OPERATIONS.md");
    let metrics = Metrics::default();
    metrics.ready("store", true);
    let exposed = metrics.text();
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
