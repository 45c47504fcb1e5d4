//! What the types cannot say: contradictions, names that lead nowhere, values that make no sense together.

use std::collections::BTreeSet;

use url::Url;

use super::Config;
use super::sections::Mode;
use super::sources::References;

/// Every contradiction: (key path, what is wrong and what to do).
pub fn contradictions(config: &Config) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut say = |key: &str, message: String| found.push((key.to_owned(), message));
    slack(config, &mut say);
    sources(config, &mut say);
    receivers(config, &mut say);
    for problem in config.alerting.validate() {
        say(&format!("alerting.{}", problem.key), problem.message);
    }
    for problem in config.rules.validate() {
        let (key, message) = problem.split_once(": ").unwrap_or(("rules", &problem));
        say(key, message.to_owned());
    }
    if let Some(heartbeat) = &config.heartbeat {
        if let Some(url) = &heartbeat.url {
            web_address("heartbeat.url", url, &mut say);
        }
        if heartbeat.every.duration().as_secs() < 10 {
            say("heartbeat.every", "is shorter than 10s; a heartbeat once a minute is enough".to_owned());
        }
    }
    found
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
    let url = &config.database.url;
    if !url.starts_with("sqlite:") && !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
        say("database.url", format!("`{url}` is neither sqlite:<path> nor postgres://…"));
    }
    if let Ok(url) = Url::parse(url)
        && url.password().is_some()
    {
        say("database.url", "holds a password; put the whole address into DATABASE_URL instead".to_owned());
    }
    if !(1024..=16 << 20).contains(&config.http.body_limit) {
        say(
            "http.body_limit",
            "must be between 1024 bytes and 16 MiB; Slack's largest payloads are about 200 KiB".to_owned(),
        );
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
    }
    if config.receivers.is_empty() {
        say("receivers", "nobody would hear of an alert; add one with a name and a Slack channel id".to_owned());
    }
    if let Some(canary) = &config.canary {
        channel("canary.channel", canary.channel.as_str(), say);
    }
    routes(&config.alerting.root, "alerting.root", &names, say);
}

fn routes(route: &crate::core::route::Route, key: &str, names: &BTreeSet<&str>, say: &mut impl FnMut(&str, String)) {
    if let Some(receiver) = &route.receiver
        && !names.contains(receiver.as_str())
    {
        let known = names.iter().copied().collect::<Vec<_>>().join(", ");
        say(&format!("{key}.receiver"), format!("no receiver is named `{receiver}`; there are: {known}"));
    }
    for (index, child) in route.routes.iter().enumerate() {
        routes(child, &format!("{key}.routes[{index}]"), names, say);
    }
}

fn web_address(key: &str, text: &str, say: &mut impl FnMut(&str, String)) {
    let fine = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    if !fine {
        say(key, format!("`{text}` is not a web address; write it like https://hermes.pyth.network"));
    }
}

fn channel(key: &str, text: &str, say: &mut impl FnMut(&str, String)) {
    let fine = text.len() >= 2
        && text.starts_with(['C', 'G', 'D'])
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if !fine {
        say(key, format!("`{text}` is not a channel id; in Slack open the channel's details and copy the id (C…)"));
    }
}
