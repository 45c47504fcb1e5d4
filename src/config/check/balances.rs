//! What is wrong with the wallets: addresses that are none, names that lead nowhere, limits the wrong way round.

use std::collections::BTreeSet;

use super::{known_name, web_address};
use crate::config::Config;
use crate::config::balances::{Account, Balances, Chain};
use crate::core::label::{ALERTNAME, SEVERITY};

/// Labels every wallet alert has; nobody may give them another meaning.
pub(super) const LABELS: [&str; 4] = ["account", "chain", "group", "asset"];

pub(super) fn check(config: &Config, say: &mut impl FnMut(&str, String)) {
    let all = &config.balances;
    let mut names = BTreeSet::new();
    for (index, chain) in all.chains.iter().enumerate() {
        let key = format!("balances.chains[{index}]");
        if !names.insert(chain.name.as_str()) {
            say(&format!("{key}.name"), format!("`{}` names two chains; give each its own name", chain.name));
        }
        check_chain(chain, &key, say);
    }
    for (name, group) in &all.groups {
        let key = format!("balances.groups.{name}");
        owner(group.owner.as_deref(), &key, say);
        labels(group.labels.keys(), &key, say);
    }
    let mut accounts = BTreeSet::new();
    for (index, account) in all.accounts.iter().enumerate() {
        let key = format!("balances.accounts[{index}]");
        if !accounts.insert(account.name.to_lowercase()) {
            say(&format!("{key}.name"), format!("`{}` names two accounts; give each its own name", account.name));
        }
        check_account(account, all, &names, &key, say);
    }
    if let Some(summary) = &all.summary {
        let receivers: Vec<&str> = config.receivers.iter().map(|receiver| receiver.name.as_str()).collect();
        known_name("balances.summary.receiver", "receiver", &summary.receiver, &receivers, say);
    }
}

fn check_chain(chain: &Chain, key: &str, say: &mut impl FnMut(&str, String)) {
    if chain.endpoints.is_empty() {
        say(&format!("{key}.endpoints"), "names no address; give at least one, better three".to_owned());
    }
    let mut names = BTreeSet::new();
    for (nth, endpoint) in chain.endpoints.iter().enumerate() {
        let key = format!("{key}.endpoints[{nth}]");
        match (&endpoint.url, &endpoint.url_env) {
            (Some(url), None) => web_address(&format!("{key}.url"), url, say),
            (None, Some(_)) => {}
            (None, None) => {
                say(&key, "has no address; write `url`, or `url_env` for one with a secret in it".to_owned());
            }
            (Some(_), Some(_)) => say(&key, "has both `url` and `url_env`; keep one".to_owned()),
        }
        if !names.insert(endpoint.name()) {
            say(&key, format!("two endpoints are called `{}`; give each a `name`", endpoint.name()));
        }
    }
    if let Some(explorer) = &chain.explorer {
        let key = format!("{key}.explorer");
        web_address(&key, &explorer.replace("{address}", "x"), say);
        if !explorer.contains("{address}") {
            say(&key, "has no `{address}` in it; write it like https://solscan.io/account/{address}".to_owned());
        }
    }
    if chain.identity.trim().is_empty() {
        say(
            &format!("{key}.identity"),
            "is empty; write the chain id or genesis hash its nodes must answer with".to_owned(),
        );
    }
    if let Some(decimals) = chain.decimals.filter(|decimals| *decimals > 38) {
        say(&format!("{key}.decimals"), format!("{decimals} decimals are more than can be counted (38)"));
    }
    if chain.every.duration().as_secs() < 5 {
        say(&format!("{key}.every"), "is shorter than 5s; providers limit how often they are asked".to_owned());
    }
}

fn check_account(
    account: &Account,
    all: &Balances,
    chains: &BTreeSet<&str>,
    key: &str,
    say: &mut impl FnMut(&str, String),
) {
    if all.chain(&account.chain).is_none() {
        let chains: Vec<&str> = chains.iter().copied().collect();
        known_name(&format!("{key}.chain"), "chain", &account.chain, &chains, say);
    } else if let Err((part, message)) = account.watched(all) {
        say(&format!("{key}.{part}"), message);
    } else if let Ok(watched) = account.watched(all) {
        let limits = watched.limits;
        let backwards =
            |part| (format!("{key}.critical.{part}"), "is above the warning; a critical limit is lower".to_owned());
        if let (Some(warning), Some(critical)) = (limits.amount.warning, limits.amount.critical)
            && critical > warning
        {
            let (key, message) = backwards("amount");
            say(&key, message);
        }
        if let (Some(warning), Some(critical)) = (limits.runway.warning, limits.runway.critical)
            && critical > warning
        {
            let (key, message) = backwards("runway");
            say(&key, message);
        }
    }
    owner(account.owner.as_deref(), key, say);
    labels(account.labels.keys(), key, say);
}

fn owner(owner: Option<&str>, key: &str, say: &mut impl FnMut(&str, String)) {
    let id = |text: &str| {
        text.len() >= 2
            && text.starts_with(['U', 'W', 'S'])
            && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    if let Some(owner) = owner.filter(|owner| !id(owner)) {
        say(
            &format!("{key}.owner"),
            format!("`{owner}` cannot be pinged; write a user id (U…) or a user group id (S…)"),
        );
    }
}

fn labels<'a>(names: impl Iterator<Item = &'a String>, key: &str, say: &mut impl FnMut(&str, String)) {
    let plain = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    for name in names {
        let key = format!("{key}.labels.{name}");
        if LABELS.contains(&name.as_str()) || [ALERTNAME, SEVERITY].contains(&name.as_str()) {
            say(&key, "is a label these alerts have already; take another name".to_owned());
        } else if !plain(name) {
            say(&key, format!("`{name}` is no name of a label; use letters, digits and _"));
        }
    }
}
