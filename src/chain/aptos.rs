//! Aptos and Movement over their REST interface (<https://aptos.dev/build/apis/fullnode-rest-api>): one call an account; each
//! reply's header tells the ledger version it was true at.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::http::{CallError, Http, Reply};
use super::{BalanceSource, Balances, few_at_once, misplaced};
use crate::core::ids::AccountKey;
use crate::core::wallet::{Account, Address, Amount, Asset, Balance, ChainKind, Unit};

const NATIVE: &str = "0x1::aptos_coin::AptosCoin";
pub(super) const LEDGER_VERSION: &str = "x-aptos-ledger-version";

pub(super) struct Aptos {
    http: Http,
    unit: Option<Unit>,
}

#[derive(Deserialize)]
struct Ledger {
    chain_id: u64,
}

impl Aptos {
    pub const fn new(http: Http, unit: Option<Unit>) -> Self {
        Self { http, unit }
    }

    async fn identity(&self) -> Result<String, CallError> {
        let ledger: Ledger = self.http.get(&["v1"], &[], &[]).await?.json()?;
        Ok(ledger.chain_id.to_string())
    }

    async fn read(&self, accounts: &[Account]) -> Result<Balances, CallError> {
        let calls = accounts.iter().map(|account| self.balance(account)).collect();
        Ok(few_at_once(calls).await?.into_iter().collect())
    }

    async fn balance(&self, account: &Account) -> Result<(AccountKey, Result<Balance, String>), CallError> {
        let key = account.key.clone();
        let Address::Aptos(_) = account.address else { return Ok((key, Err(misplaced(account, ChainKind::Aptos)))) };
        let (coin, decimals) = match (&account.asset, &self.unit) {
            (Asset::Native, Some(unit)) => (NATIVE, unit.decimals),
            (Asset::Coin { name, decimals }, _) => (name.as_str(), *decimals),
            _ => return Ok((key, Err(misplaced(account, ChainKind::Aptos)))),
        };
        let address = account.address.to_string();
        let reply = self.http.get(&["v1", "accounts", &address, "balance", coin], &[], &[]).await?;
        Ok((key, balance(&reply, decimals)?))
    }
}

/// The body is a bare number.
fn balance(reply: &Reply, decimals: u8) -> Result<Result<Balance, String>, CallError> {
    let position = reply.number(LEDGER_VERSION)?;
    let units: Box<RawValue> = reply.json()?;
    let amount = Amount::from_units(units.get().trim_matches('"'), decimals);
    Ok(amount.map(|amount| Balance { amount, position }).map_err(|error| error.to_string()))
}

impl BalanceSource for Aptos {
    fn identity(&self) -> BoxFuture<'_, Result<String, CallError>> {
        Box::pin(self.identity())
    }

    fn read<'a>(&'a self, accounts: &'a [Account], _since: Option<u64>) -> BoxFuture<'a, Result<Balances, CallError>> {
        Box::pin(self.read(accounts))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{Script, account, double};
    use super::*;

    #[tokio::test]
    async fn a_balance_is_true_at_its_ledger_version() {
        let header = vec![(LEDGER_VERSION, "2873451209".to_owned())];
        let double = double(Script::Paths(vec![
            ("/v1/accounts/", header.clone(), json!(125_000_000)),
            ("/v1", header, json!({"chain_id": 1, "ledger_version": "2873451209", "node_role": "full_node"})),
        ]))
        .await;
        let aptos = Aptos::new(double.http(), ChainKind::Aptos.usual_unit());
        assert_eq!(aptos.identity().await, Ok("1".to_owned()));
        let accounts = [account("payer", ChainKind::Aptos, "0xA", Asset::Native)];
        let balances = aptos.read(&accounts).await.unwrap();
        let balance = balances[&accounts[0].key].clone().unwrap();
        assert_eq!((balance.amount.to_string().as_str(), balance.position), ("1.25", 2_873_451_209));
        let path = format!("/v1/accounts/0x{}a/balance/0x1::aptos_coin::AptosCoin", "0".repeat(63));
        assert_eq!(double.paths().last(), Some(&path));
    }

    #[tokio::test]
    async fn a_reply_without_its_version_is_not_believed() {
        let double = double(Script::Paths(vec![("/v1", Vec::new(), json!(125_000_000))])).await;
        let aptos = Aptos::new(double.http(), ChainKind::Aptos.usual_unit());
        let accounts = [account("payer", ChainKind::Aptos, "0xA", Asset::Native)];
        let error = aptos.read(&accounts).await.unwrap_err().to_string();
        assert!(error.contains(LEDGER_VERSION), "{error}");
    }
}
