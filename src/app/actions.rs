//! Operations as the use cases take them.

use std::path::Path;

use url::Url;

use crate::chain::write::{Key, Purse};
use crate::ci;
use crate::clock::SharedClock;
use crate::config::actions::HotWallet;
use crate::config::secrets::Environment;
use crate::config::{self, Config};
use crate::flow::actions;

use super::StartError;

pub(super) fn settings(config: &Config) -> actions::Settings {
    actions::Settings {
        enabled: config.actions.enabled,
        channel: config.actions.channel.clone(),
        policy: config.actions.policy(),
        workflows: config.actions.workflows.clone(),
        hot_wallets: config.hot_wallets(),
    }
}

/// Whoever runs workflows.
pub(super) fn ci(config: &Config, environment: &Environment, clock: &SharedClock) -> Result<ci::Hands, StartError> {
    let failed = |error: String| StartError::GitHub(error);
    let settings = match github(config, environment) {
        None => None,
        Some(settings) => Some(settings.map_err(failed)?),
    };
    ci::Hands::new(settings, clock.clone()).map_err(|error| failed(error.to_string()))
}

/// GitHub as configuration and environment name it; `None` when nothing does.
pub fn github(config: &Config, environment: &Environment) -> Option<Result<ci::Settings, String>> {
    let github = config.actions.github.as_ref()?;
    let settings = || {
        let url = Url::parse(&github.url).map_err(|error| error.to_string())?;
        let token = environment.secret(&github.token_env).map_err(|error| error.to_string())?;
        let missing = || format!("{} is not set; give a token there", github.token_env);
        Ok(ci::Settings { url, token: token.ok_or_else(missing)? })
    };
    Some(settings())
}

/// What the keys of hot wallets are read from; a running bot does not read them again.
pub(super) fn keys(config: &Config) -> Vec<(&str, &str, Option<&str>, Option<&Path>)> {
    let wallets = config.actions.hot_wallets.iter();
    wallets.map(|it| (it.name.as_str(), it.chain.as_str(), it.key_env.as_deref(), it.key_file.as_deref())).collect()
}

/// The hot wallets with their keys.
///
/// # Errors
/// By the wallet's name: a key that is missing, none, or of a wallet that it would pay itself.
pub fn purses(config: &Config, environment: &Environment) -> Vec<Result<Purse, (String, String)>> {
    // Who switches actions on later starts again.
    let wanted = config.actions.hot_wallets.iter().filter(|_| config.actions.enabled);
    wanted.map(|wallet| purse(wallet, config, environment)).collect()
}

fn purse(wallet: &HotWallet, config: &Config, environment: &Environment) -> Result<Purse, (String, String)> {
    let wrong = |what: String| (wallet.name.clone(), what);
    let chain = config.balances.chain(&wallet.chain);
    let chain = chain.ok_or_else(|| wrong(format!("no chain is named `{}`", wallet.chain)))?;
    let place = match (&wallet.key_env, &wallet.key_file) {
        (Some(variable), _) => variable.clone(),
        (None, Some(file)) => file.display().to_string(),
        (None, None) => return Err(wrong("it has no `key_env` and no `key_file`".to_owned())),
    };
    let text = match (&wallet.key_env, &wallet.key_file) {
        (None, Some(file)) => Some(config::secrets::file(file).map_err(|error| wrong(error.to_string()))?),
        _ => environment.secret(&place).map_err(|error| wrong(error.to_string()))?,
    };
    let text = text.ok_or_else(|| wrong(format!("{place} is not set; it holds the key")))?;
    let key = Key::read(chain.kind, &text).map_err(|error| wrong(format!("{place} {error}")))?;
    let paid = config.hot_wallets().into_iter().find(|it| it.name == wallet.name).map(|it| it.to).unwrap_or_default();
    let address = key.address();
    let itself = config.balances.setup().wallets.into_iter().find(|watched| {
        watched.account.address == address
            && watched.chain == wallet.chain
            && paid.contains(watched.account.key.as_str())
    });
    if let Some(itself) = itself {
        let name = itself.account.key;
        return Err(wrong(format!(
            "{place} is the key of {name}, which it may pay: take another key, or leave it out of `to`"
        )));
    }
    Ok(Purse { name: wallet.name.clone(), chain: wallet.chain.clone(), key })
}
