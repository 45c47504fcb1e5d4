//! Whether the endpoints of each chain answer, are of the chain they should be, and agree on the balances.

use std::sync::Arc;

use super::Failure;
use super::doctor::Findings;
use crate::app::chain_settings;
use crate::chain::{ChainReader, Hosts};
use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use crate::config::secrets::Environment;
use crate::core::wallet::{Account, Book, EndpointVerdict, RoundOutcome};
use crate::metrics::Metrics;

/// Reads every account once, as a round of the running bot does.
pub(super) async fn check(config: &Config, env: &Environment, findings: &mut Findings) -> Result<(), Failure> {
    let clock: SharedClock = Arc::new(SystemClock::new(1));
    let hosts = match Hosts::new(clock.clone()) {
        Ok(hosts) => hosts,
        Err(error) => return Ok(findings.bad(&error.to_string(), "check the system's certificates")?),
    };
    let wallets = config.balances.setup().wallets;
    for chain in &config.balances.chains {
        let settings = match chain_settings(chain, env) {
            Ok(settings) => settings,
            Err(error) => {
                findings.bad(&format!("{}: {error}", chain.name), "see .env.example")?;
                continue;
            }
        };
        let own = wallets.iter().filter(|wallet| wallet.chain == chain.name);
        let accounts: Vec<Account> = own.map(|wallet| wallet.account.clone()).collect();
        let reader = ChainReader::new(settings, &hosts, clock.clone(), Arc::new(Metrics::default()));
        let (_, round) = reader.round(&accounts, Book::default()).await;
        for (endpoint, verdict) in &round.endpoints {
            let what = format!("{}: {endpoint} {verdict}", chain.name);
            match verdict {
                EndpointVerdict::Agreed => findings.good(&format!("{}: {endpoint} answers", chain.name))?,
                EndpointVerdict::WrongChain { .. } => {
                    findings.bad(&what, "give the address of a node of this chain, or correct `identity`")?;
                }
                EndpointVerdict::Failed { .. } => {
                    findings.bad(&what, "check the address, its key, and the network to it")?;
                }
                EndpointVerdict::Lagging { .. } | EndpointVerdict::Lying { .. } => {
                    findings.bad(&what, "use another provider, or look again in a minute")?;
                }
            }
        }
        for (account, outcome) in &round.accounts {
            if let RoundOutcome::Unreliable { why, .. } = outcome {
                let what = format!("{}: the balance of {account} is not known: {why}", chain.name);
                findings.bad(&what, "mend the endpoints above; a token needs the right mint or contract")?;
            }
        }
        let known = round.accounts.values().filter(|outcome| matches!(outcome, RoundOutcome::Ok(_))).count();
        if known > 0 {
            findings.good(&format!("{}: {known} of {} balances are known", chain.name, accounts.len()))?;
        }
    }
    Ok(())
}
