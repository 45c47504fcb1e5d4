//! What the types cannot say: contradictions, names that lead nowhere, values that make no sense together.

mod balances;

use std::collections::BTreeSet;

use url::Url;

use super::sections::Mode;
use super::shape::nearest;
use super::sources::References;
use super::{Config, clusters, gitops};
use crate::core::label::{ALERTNAME, Matcher, SEVERITY};
use crate::core::route::Route;

/// What alerts of feeds and clusters carry and can be matched, grouped and compared by.
const LABELS: [&str; 22] = [
    ALERTNAME,
    "symbol",
    "feed",
    "asset_class",
    "source",
    "cluster",
    "namespace",
    "node",
    "pod",
    "container",
    "condition",
    "deployment",
    "statefulset",
    "daemonset",
    "job_name",
    "horizontalpodautoscaler",
    "poddisruptionbudget",
    "persistentvolumeclaim",
    "certificate",
    "kind",
    "app",
    "gitops_source",
];

/// Every label that some alert can have.
fn label_names(config: &Config) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let names = LABELS.into_iter().chain(balances::LABELS).chain(config.balances.label_names());
    names.filter(|name| seen.insert(*name)).collect()
}

/// Every contradiction: (key path, what is wrong and what to do).
pub fn contradictions(config: &Config) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut say = |key: &str, message: String| found.push((key.to_owned(), message));
    slack(config, &mut say);
    http(config, &mut say);
    database(&config.database.url, &mut say);
    if !(1..=256).contains(&config.replicas.feed_parts) {
        say("replicas.feed_parts", "must be 1 to 256; 16 is enough for sixteen replicas".to_owned());
    }
    sources(config, &mut say);
    clusters::check(&config.clusters, &mut say);
    gitops::check(&config.gitops, &mut say);
    super::audit::check(&config.audit, &mut say);
    // Alerts of others carry whatever labels their senders gave them.
    let foreign = !config.prometheus.alertmanagers.is_empty();
    receivers(config, &mut |key, message| {
        if !(foreign && message.starts_with(NO_SUCH_LABEL)) {
            say(key, message);
        }
    });
    for problem in config.alerting.validate() {
        say(&format!("alerting.{}", problem.key), problem.message);
    }
    rules(config, &mut say);
    super::escalation::check(config, &mut say);
    super::paging::check(config, &mut say);
    super::prometheus::check(config, &mut say);
    balances::check(config, &mut say);
    liveness(config, &mut say);
    super::oncall::contradictions(config, &mut say);
    super::actions::contradictions(config, &mut say);
    if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(&config.log.filter) {
        say("log.filter", format!("{error}; write it like info or info,watchkeeper=debug"));
    }
    found
}

fn rules(config: &Config, say: &mut impl FnMut(&str, String)) {
    let mut backwards = false;
    for problem in config.rules.validate() {
        let (key, message) = problem.split_once(": ").unwrap_or(("rules", &problem));
        // The same mistake shows again in every class that it reaches.
        let again = message.contains("is longer than stale_max") && std::mem::replace(&mut backwards, true);
        if !again {
            say(key, message.to_owned());
        }
    }
}

fn slack(config: &Config, say: &mut impl FnMut(&str, String)) {
    let slack = &config.slack;
    web_address("slack.api_url", &slack.api_url, say);
    if let Some(url) = &slack.public_url {
        web_address("slack.public_url", url, say);
    }
    if slack.mode == Mode::Socket && !(2..=10).contains(&slack.connections) {
        say(
            "slack.connections",
            "must be 2 to 10: two so that one can be replaced without a gap, ten is Slack's limit".to_owned(),
        );
    }
}

fn http(config: &Config, say: &mut impl FnMut(&str, String)) {
    if config.http.metrics_listen == Some(config.http.listen) && config.http.listen.port() != 0 {
        say("http.metrics_listen", "is the address of http.listen; give the metrics a port of their own".to_owned());
    }
    if !(1024..=16 << 20).contains(&config.http.body_limit) {
        say(
            "http.body_limit",
            "must be between 1024 bytes and 16 MiB; Slack's largest payloads are about 200 KiB".to_owned(),
        );
    }
}

fn database(url: &str, say: &mut impl FnMut(&str, String)) {
    if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) {
        say(
            "database.url",
            format!("`{url}` is no database; write sqlite:watchkeeper.sqlite or postgres://user@host/name"),
        );
    }
    if Url::parse(url).is_ok_and(|url| url.password().is_some()) {
        say("database.url", "holds a password; put the whole address into DATABASE_URL instead".to_owned());
    }
}

fn liveness(config: &Config, say: &mut impl FnMut(&str, String)) {
    let too_short = |every: crate::core::time::Span| every.duration().as_secs() < 10;
    if let Some(heartbeat) = &config.heartbeat {
        if let Some(url) = &heartbeat.url {
            web_address("heartbeat.url", url, say);
        }
        if too_short(heartbeat.every) {
            say("heartbeat.every", "is shorter than 10s; a heartbeat once a minute is enough".to_owned());
        }
    }
    if let Some(canary) = &config.canary {
        channel("canary.channel", canary.channel.as_str(), say);
        if too_short(canary.every) {
            say("canary.every", "is shorter than 10s; Slack limits how often a channel is posted to".to_owned());
        }
    }
}

fn sources(config: &Config, say: &mut impl FnMut(&str, String)) {
    let mut names = BTreeSet::new();
    for (index, source) in config.sources.iter().enumerate() {
        let key = format!("sources[{index}]");
        if source.endpoints.is_empty() {
            say(&format!("{key}.endpoints"), "names no address; give at least one base URL".to_owned());
        }
        for (nth, endpoint) in source.endpoints.iter().enumerate() {
            web_address(&format!("{key}.endpoints[{nth}]"), endpoint, say);
        }
        if !names.insert(&source.name) {
            say(&format!("{key}.name"), format!("`{}` names two sources; give each its own name", source.name));
        }
    }
    let References { coinbase, kraken, binance, coingecko, symbols, .. } = &config.references;
    let venues = [("coinbase", coinbase), ("kraken", kraken), ("binance", binance), ("coingecko", coingecko)];
    for (name, venue) in venues {
        if let Some(url) = &venue.url {
            web_address(&format!("references.{name}.url"), url, say);
        }
    }
    if !symbols.is_empty() && venues.iter().filter(|(_, venue)| venue.enabled).count() < 3 {
        say("references", "a comparison needs three venues, so that one that lies is outvoted; enable more".to_owned());
    }
}

fn receivers(config: &Config, say: &mut impl FnMut(&str, String)) {
    let mut names = BTreeSet::new();
    for (index, receiver) in config.receivers.iter().enumerate() {
        let key = format!("receivers[{index}]");
        if !names.insert(receiver.name.as_str()) {
            say(&format!("{key}.name"), format!("`{}` names two receivers; give each its own name", receiver.name));
        }
        channel(&format!("{key}.channel"), receiver.channel.as_str(), say);
        if let Some(fallback) = &receiver.fallback_channel {
            channel(&format!("{key}.fallback_channel"), fallback.as_str(), say);
        }
        for (severity, whom) in &receiver.mention {
            let id = whom.starts_with(['U', 'W', 'S']) && is_id(whom);
            if !id && !matches!(whom.as_str(), "here" | "channel") {
                let key = format!("{key}.mention.{severity}");
                say(
                    &key,
                    format!(
                        "`{whom}` cannot be mentioned; write here, channel, a user id (U…) or a user group id (S…)"
                    ),
                );
            }
        }
    }
    if config.receivers.is_empty() {
        say("receivers", "nobody would hear of an alert; add one with a name and a Slack channel id".to_owned());
    }
    let known = label_names(config);
    // The severity is no label, since it changes while an alert lives; matchers and groups see it as one.
    let mut with_severity = known.clone();
    with_severity.insert(1, SEVERITY);
    routes(&config.alerting.root, "alerting.root", &names, &with_severity, say);
    for (index, rule) in config.alerting.inhibit.iter().enumerate() {
        let key = format!("alerting.inhibit[{index}]");
        matchers(&rule.source_matchers, &with_severity, &format!("{key}.source_matchers"), say);
        matchers(&rule.target_matchers, &with_severity, &format!("{key}.target_matchers"), say);
        labels(rule.equal.iter().map(String::as_str), &known, &format!("{key}.equal"), say);
    }
}

fn routes(route: &Route, key: &str, receivers: &BTreeSet<&str>, known: &[&str], say: &mut impl FnMut(&str, String)) {
    // Without any receiver that was said already.
    if let Some(receiver) = route.receiver.as_deref().filter(|_| !receivers.is_empty()) {
        let receivers: Vec<&str> = receivers.iter().copied().collect();
        known_name(&format!("{key}.receiver"), "receiver", receiver, &receivers, say);
    }
    matchers(&route.matchers, known, &format!("{key}.matchers"), say);
    let grouped = route.group_by.iter().flatten().map(String::as_str).filter(|name| *name != "...");
    labels(grouped, known, &format!("{key}.group_by"), say);
    for (index, child) in route.routes.iter().enumerate() {
        routes(child, &format!("{key}.routes[{index}]"), receivers, known, say);
    }
}

/// A name that must be one of `known`.
pub(super) fn known_name(key: &str, what: &str, name: &str, known: &[&str], say: &mut impl FnMut(&str, String)) {
    if known.contains(&name) {
        return;
    }
    let fix = match (nearest(name, known), known) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, []) => "there is none".to_owned(),
        (None, known) => format!("there are: {}", known.join(", ")),
    };
    say(key, format!("no {what} is named `{name}`; {fix}"));
}

fn matchers(matchers: &[Matcher], known: &[&str], key: &str, say: &mut impl FnMut(&str, String)) {
    labels(matchers.iter().map(|matcher| matcher.name.as_str()), known, key, say);
}

const NO_SUCH_LABEL: &str = "no alert has the label";

/// A label that no alert has would send alerts somewhere else without a word.
fn labels<'a>(names: impl Iterator<Item = &'a str>, known: &[&str], key: &str, say: &mut impl FnMut(&str, String)) {
    for (index, name) in names.enumerate().filter(|(_, name)| !known.contains(name)) {
        let fix = match nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", known.join(", ")),
        };
        say(&format!("{key}[{index}]"), format!("{NO_SUCH_LABEL} `{name}` here; {fix}"));
    }
}

pub(super) fn web_address(key: &str, text: &str, say: &mut impl FnMut(&str, String)) {
    let fine = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    if !fine {
        say(key, format!("`{text}` is not a web address; write it like https://hermes.pyth.network"));
    }
}

pub(super) fn channel(key: &str, text: &str, say: &mut impl FnMut(&str, String)) {
    if !(text.starts_with(['C', 'G', 'D']) && is_id(text)) {
        say(key, format!("`{text}` is not a channel id; in Slack open the channel's details and copy the id (C…)"));
    }
}

/// What a shell takes as a variable's name; a key put there by mistake mostly is none.
pub(super) fn is_variable(text: &str) -> bool {
    let word = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    !text.is_empty() && text.chars().all(word) && !text.starts_with(|c: char| c.is_ascii_digit())
}

pub(super) fn is_id(text: &str) -> bool {
    text.len() >= 2 && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}
