//! Hot wallets, as `watchkeeper doctor` looks at them: their keys can be read, and they hold something.

use std::sync::Arc;

use crate::app::{chain_settings, purses};
use crate::chain::write::Purse;
use crate::chain::{ChainReader, Hosts};
use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use crate::config::secrets::Environment;
use crate::core::ids::AccountKey;
use crate::core::wallet::{Account, Asset, Book, RoundOutcome};
use crate::metrics::Metrics;

use super::Failure;
use super::doctor::Findings;

pub(super) async fn check(config: &Config, env: &Environment, findings: &mut Findings) -> Result<(), Failure> {
    for purse in purses(config, env) {
        match purse {
            Ok(purse) => holds(&purse, config, env, findings).await?,
            Err((wallet, error)) => {
                let fix = "give its key in the variable or file that `actions.hot_wallets` names, see .env.example";
                findings.bad(&format!("{wallet}: {error}"), fix)?;
            }
        }
    }
    Ok(())
}

async fn holds(purse: &Purse, config: &Config, env: &Environment, findings: &mut Findings) -> Result<(), Failure> {
    let Purse { name, chain, key } = purse;
    let address = key.address();
    let check = "check the endpoints of the chain under `balances.chains`";
    let Some(chain) = config.balances.chain(chain) else { return Ok(()) };
    if chain.endpoints.len() < 2 {
        let fix =
            "name at least one more of another provider under `balances.chains`, better two: more than half must agree";
        findings.bad(&format!("{name}: one endpoint alone says what came of payments on {}", chain.name), fix)?;
    }
    let settings = match chain_settings(chain, env) {
        Ok(settings) => settings,
        Err(error) => return Ok(findings.bad(&format!("{name}: {error}"), check)?),
    };
    let clock: SharedClock = Arc::new(SystemClock::new(1));
    let hosts = Hosts::new(clock.clone()).map_err(|error| error.to_string())?;
    let symbol = settings.native.as_ref().map(|unit| unit.symbol.clone()).unwrap_or_default();
    let reader = ChainReader::new(settings, &hosts, clock, Arc::new(Metrics::default()));
    let key = AccountKey::new(name);
    let account = Account { key: key.clone(), address: address.clone(), asset: Asset::Native };
    let (_, mut round) = reader.round(&[account], Book::default()).await;
    match round.accounts.remove(&key) {
        Some(RoundOutcome::Ok(reading)) if reading.amount.is_zero() => {
            let fix = format!("send it what it is to pay others from, and {symbol} for the fees");
            findings.bad(&format!("{name}: {address} on {} holds nothing", chain.name), &fix)?;
        }
        Some(RoundOutcome::Ok(reading)) => {
            findings.good(&format!("{name}: {address} on {} holds {} {symbol}", chain.name, reading.amount))?;
        }
        Some(RoundOutcome::Unreliable { why, .. }) => {
            findings.bad(&format!("{name}: what {address} on {} holds is not known: {why}", chain.name), check)?;
        }
        None => {}
    }
    Ok(())
}
