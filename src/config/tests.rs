//! Every kind of mistake, as its author reads it.

use super::*;

mod balances;
mod reference;

/// Enough for everything else to be about the mistake.
const RECEIVER: &str = "receivers: [{name: default, channel: C01}]\n";

fn said(text: &str) -> String {
    match parse(Path::new("wk.yaml"), &format!("{text}{RECEIVER}")) {
        Ok(_) => "fine".to_owned(),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

fn check(mistakes: &[(&str, &str)]) {
    for (text, expected) in mistakes {
        assert_eq!(said(text), *expected, "for:\n{text}");
    }
}

#[test]
fn an_unknown_key_names_the_one_that_was_meant() {
    check(&[
        ("slak:\n  mode: socket\n", "wk.yaml:1: slak: is not a key that belongs here; did you mean `slack`?"),
        (
            "slack:\n  mode: socket\n  conections: 3\n",
            "wk.yaml:3: slack.conections: is not a key that belongs here; did you mean `connections`?",
        ),
        (
            "slack: {mode: http, publicurl: x}\n",
            "wk.yaml:1: slack.publicurl: is not a key that belongs here; did you mean `public_url`?",
        ),
        ("log:\n  zzz: 1\n", "wk.yaml:2: log.zzz: is not a key that belongs here; there are: format, filter"),
        (
            "rules:\n  feeds:\n    - symbols: [x]\n      treshold: {}\n",
            "wk.yaml:4: rules.feeds[0].treshold: is not a key that belongs here; did you mean `thresholds`?",
        ),
    ]);
}

#[test]
fn a_value_of_the_wrong_kind_says_what_belongs_there() {
    check(&[
        ("slack:\n  connections: two\n", "wk.yaml:2: slack.connections: is not a whole number, zero or more"),
        ("slack: socket\n", "wk.yaml:1: slack: is not of the right kind; write keys with values, indented below"),
        (
            "sources:\n  name: hermes\n",
            "wk.yaml:1: sources: is not of the right kind; write a list: [a, b], or one `- ` line for each",
        ),
        ("slack:\n  mode: [http]\n", "wk.yaml:2: slack.mode: is not of the right kind; write one word"),
        (
            "slack:\n  mode: sockets\n",
            "wk.yaml:2: slack.mode: `sockets` is not a value that belongs here; did you mean `socket`?",
        ),
        (
            "log:\n  format: xml\n",
            "wk.yaml:2: log.format: `xml` is not a value that belongs here; there are: text, json",
        ),
        ("rules:\n  stale: {enabled: maybe}\n", "wk.yaml:2: rules.stale.enabled: is not true or false"),
        ("database:\n  url: null\n", "wk.yaml:2: database.url: is empty; write a text, or leave the key out"),
        (
            "http:\n  listen: 8080\n",
            "wk.yaml:2: http.listen: is not an address to listen on; write it like 0.0.0.0:8080 or 127.0.0.1:9090",
        ),
        ("canary:\n  every: 5m\n", "wk.yaml:1: canary: `channel` is missing; add it"),
        ("slack:\n  mode: http\n  mode: socket\n", "wk.yaml:3: slack.mode: is there twice; keep one"),
    ]);
}

#[test]
fn a_text_that_cannot_be_read_shows_how_to_write_it() {
    check(&[
        (
            "slack:\n  late_after: 10 minutes\n",
            "wk.yaml:2: slack.late_after: `10 minutes` is not a length of time; write it like 30s, 5m, 1h30m or 2d",
        ),
        (
            "alerting:\n  root:\n    routes:\n      - matchers: ['symbol=~\"(\"']\n",
            "wk.yaml:4: alerting.root.routes[0].matchers[0]: the regular expression in `(` is not valid: regex parse error: unclosed group",
        ),
        (
            "alerting:\n  mute_time_intervals:\n    x:\n      - weekdays: [funday]\n",
            "wk.yaml:4: alerting.mute_time_intervals.x[0].weekdays[0]: `funday` is not a range of weekdays within one week; write it like monday:friday",
        ),
        (
            "rules:\n  defaults: {disabled: [FeedStal]}\n",
            "wk.yaml:2: rules.defaults.disabled[0]: `FeedStal` is not a value that belongs here; did you mean `FeedStale`?",
        ),
        (
            "sources:\n  - endpoints: [https://a.example]\n    feeds: {ids: [12]}\n",
            "wk.yaml:3: sources[0].feeds.ids[0]: `12` is not a price feed id (64 hex digits, with or without 0x)",
        ),
    ]);
    let matcher = said("alerting:\n  root:\n    routes:\n      - matchers:\n          - alertname FeedStale\n");
    let expected =
        "wk.yaml:5: alerting.root.routes[0].matchers[0]: `alertname FeedStale` is not a matcher; write it like ";
    assert!(matcher.starts_with(expected), "{matcher}");
}

#[test]
fn names_that_lead_nowhere_are_found() {
    check(&[
        (
            "replicas:\n  divide: true\n  feed_parts: 0\n",
            "wk.yaml:3: replicas.feed_parts: must be 1 to 256; 16 is enough for sixteen replicas",
        ),
        (
            "alerting:\n  root:\n    receiver: defualt\n",
            "wk.yaml:3: alerting.root.receiver: no receiver is named `defualt`; did you mean `default`?",
        ),
        (
            "alerting:\n  root:\n    receiver: default\n    routes:\n      - receiver: pager\n",
            "wk.yaml:5: alerting.root.routes[0].receiver: no receiver is named `pager`; there are: default",
        ),
        (
            "alerting:\n  root:\n    receiver: default\n    mute_time_intervals: [nights]\n",
            "wk.yaml:4: alerting.root.mute_time_intervals[0]: no mute interval is named `nights`; none is defined",
        ),
        (
            "alerting:\n  root:\n    receiver: default\n    group_by: [alertname, assetclass]\n",
            "wk.yaml:4: alerting.root.group_by[1]: no alert has the label `assetclass` here; did you mean `asset_class`?",
        ),
        (
            "alerting:\n  root:\n    receiver: default\n    routes:\n      - matchers: [team=critical]\n",
            "wk.yaml:5: alerting.root.routes[0].matchers[0]: no alert has the label `team` here; there are: alertname, severity, symbol, feed, asset_class, source, cluster, \
             namespace, node, pod, container, condition, deployment, statefulset, daemonset, job_name, \
             horizontalpodautoscaler, poddisruptionbudget, persistentvolumeclaim, certificate, kind, app, gitops_source, \
             account, chain, group, asset",
        ),
    ]);
}

#[test]
fn values_that_make_no_sense_together_are_found() {
    check(&[
        (
            "database:\n  url: postgres://wk:hunter2@db/wk\n",
            "wk.yaml:2: database.url: holds a password; put the whole address into DATABASE_URL instead",
        ),
        (
            "database:\n  url: mysql://db/wk\n",
            "wk.yaml:2: database.url: `mysql://db/wk` is no database; write sqlite:watchkeeper.sqlite or postgres://user@host/name",
        ),
        (
            "references:\n  symbols: [Crypto.BTC/USD]\n  kraken: {enabled: false}\n  binance: {enabled: false}\n",
            "wk.yaml:1: references: a comparison needs three venues, so that one that lies is outvoted; enable more",
        ),
        (
            "canary:\n  channel: \"#canary\"\n",
            "wk.yaml:2: canary.channel: `#canary` is not a channel id; in Slack open the channel's details and copy the id (C…)",
        ),
        (
            "http:\n  listen: 0.0.0.0:9000\n  metrics_listen: 0.0.0.0:9000\n",
            "wk.yaml:3: http.metrics_listen: is the address of http.listen; give the metrics a port of their own",
        ),
        (
            "rules:\n  defaults:\n    stale_min: 5m\n    stale_max: 1m\n",
            "wk.yaml:3: rules.defaults.stale_min: 5m is longer than stale_max 1m",
        ),
        (
            "heartbeat:\n  every: 1s\n",
            "wk.yaml:2: heartbeat.every: is shorter than 10s; a heartbeat once a minute is enough",
        ),
        (
            "sources: [{name: a, endpoints: [hermes]}]\n",
            "wk.yaml:1: sources[0].endpoints[0]: `hermes` is not a web address; write it like https://hermes.pyth.network",
        ),
    ]);
}

#[test]
fn an_empty_file_says_the_one_thing_that_is_needed() {
    let problems = parse(Path::new("wk.yaml"), "").unwrap_err();
    assert_eq!(
        problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["wk.yaml: receivers: nobody would hear of an alert; add one with a name and a Slack channel id"]
    );
}

#[test]
fn a_file_that_is_not_there_says_how_to_name_it() {
    let problems = load(Path::new("/nowhere/wk.yaml")).unwrap_err();
    let text = problems.iter().map(ToString::to_string).collect::<String>();
    assert!(text.contains("/nowhere/wk.yaml: cannot be read") && text.contains("WATCHKEEPER_CONFIG"), "{text}");
}

const SAMPLE: &str = include_str!("../../watchkeeper.sample.yaml");

#[test]
fn the_sample_is_fine_as_it_is() {
    let problems = parse(Path::new("watchkeeper.sample.yaml"), SAMPLE).err().unwrap_or_default();
    assert_eq!(problems, []);
}

#[test]
fn the_sample_names_every_key() {
    let schema = schema();
    let mut missing = Vec::new();
    let definitions = schema["$defs"].as_object().unwrap().values();
    for object in definitions.chain([&schema]) {
        for key in object["properties"].as_object().into_iter().flat_map(|properties| properties.keys()) {
            let named =
                [format!("{key}:"), format!("{key},"), format!(" {key}\n")].iter().any(|way| SAMPLE.contains(way));
            if !named && !missing.contains(key) {
                missing.push(key.clone());
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn the_samples_sections_with_defaults_are_the_defaults() {
    let sample = parse(Path::new("watchkeeper.sample.yaml"), SAMPLE).unwrap();
    let default = Config::default();
    assert_eq!(sample.slack, default.slack);
    assert_eq!(sample.http, default.http);
    assert_eq!(sample.database, default.database);
    assert_eq!(sample.log, default.log);
    assert_eq!(sample.access, default.access);
    assert_eq!(sample.alerting.flap, default.alerting.flap);
    assert_eq!(sample.alerting.root.group_by, default.alerting.root.group_by);
}

/// `UPDATE=1 cargo test the_schema_in_the_docs` writes it.
#[test]
fn the_schema_in_the_docs_is_the_one_the_program_prints() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/watchkeeper.schema.json");
    let now = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if secrets::Environment::of_process().plain("UPDATE").is_some() {
        std::fs::write(&file, &now).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(there == now, "docs/watchkeeper.schema.json is stale; run UPDATE=1 cargo test the_schema_in_the_docs");
}

#[test]
fn an_escalation_that_reaches_nobody_is_found() {
    check(&[
        (
            "escalation:\n  policies:\n    - name: a\n      steps:\n        - targets: [{user: alice}]\n",
            "wk.yaml:5: escalation.policies[0].steps[0].targets[0]: is no user id; copy it (U…) from the person's Slack profile",
        ),
        (
            "escalation:\n  policies:\n    - name: a\n      steps:\n        - targets: []\n          wait: 5s\n",
            "wk.yaml:5: escalation.policies[0].steps[0].targets: tells nobody; add a target such as `{user: U0123456789}`\n\
             wk.yaml:6: escalation.policies[0].steps[0].wait: is shorter than 30s; nobody reads and acknowledges faster",
        ),
        (
            "escalation:\n  rules:\n    - policy: pagers\n      receivers: [defualt]\n",
            "wk.yaml:3: escalation.rules[0].policy: names no policy of `escalation.policies`\n\
             wk.yaml:4: escalation.rules[0].receivers[0]: no receiver is named `defualt`; did you mean `default`?",
        ),
        (
            "escalation:\n  policies:\n    - name: a\n      steps: [{targets: [{channel: everyone}]}]\n  rules:\n    - policy: a\n      hours: Paris;O\n",
            "wk.yaml:7: escalation.rules[0].hours: `Paris` is not a time zone of the tz database; write it like America/New_York",
        ),
    ]);
}

#[test]
fn paging_services_have_names_addresses_and_variables() {
    check(&[
        (
            "escalation:\n  policies:\n    - name: a\n      steps: [{targets: [{pagerduty: feds}]}]\npaging:\n  pagerduty:\n    - name: feeds\n      routing_key_env: PD_KEY\n",
            "wk.yaml:4: escalation.policies[0].steps[0].targets[0]: nothing in `paging.pagerduty` is named `feds`; did you mean `feeds`?",
        ),
        (
            "paging:\n  webhooks:\n    - name: a\n      url: hooks\n      secret_env: s3cr3t\n",
            "wk.yaml:4: paging.webhooks[0].url: `hooks` is not a web address; write it like https://hermes.pyth.network\n\
             wk.yaml:5: paging.webhooks[0].secret_env: `s3cr3t` is no name of an environment variable; the key itself does not belong here",
        ),
    ]);
}
