//! NEAR over its JSON-RPC (<https://docs.near.org/api/rpc/contracts#view-account>): one call an account, at the last final block.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;

use super::http::{CallError, Http};
use super::{BalanceSource, Balances, few_at_once, misplaced, native};
use crate::core::ids::AccountKey;
use crate::core::wallet::{Account, Address, Amount, Asset, Balance, ChainKind, Unit};

/// Yoctonear that an account must keep for each byte it stores (protocol parameter `storage_amount_per_byte`).
const PER_STORED_BYTE: u128 = 10_000_000_000_000_000_000;

pub(super) struct Near {
    http: Http,
    unit: Option<Unit>,
}

#[derive(Deserialize)]
struct Status {
    chain_id: String,
}

#[derive(Deserialize)]
struct View {
    /// Yoctonear, without what is locked for staking.
    amount: String,
    storage_usage: u64,
    block_height: u64,
}

impl Near {
    pub const fn new(http: Http, unit: Option<Unit>) -> Self {
        Self { http, unit }
    }

    async fn identity(&self) -> Result<String, CallError> {
        Ok(self.http.rpc::<Status>("status", &json!([])).await?.chain_id)
    }

    async fn read(&self, accounts: &[Account]) -> Result<Balances, CallError> {
        let calls = accounts.iter().map(|account| self.balance(account)).collect();
        Ok(few_at_once(calls).await?.into_iter().collect())
    }

    async fn balance(&self, account: &Account) -> Result<(AccountKey, Result<Balance, String>), CallError> {
        let key = account.key.clone();
        let (Address::Near(name), Asset::Native) = (&account.address, &account.asset) else {
            return Ok((key, Err(misplaced(account, ChainKind::Near))));
        };
        let query = json!({"request_type": "view_account", "finality": "final", "account_id": name});
        let view: View = match self.http.rpc("query", &query).await {
            Ok(view) => view,
            Err(CallError::Refused { message, .. }) if message == "UNKNOWN_ACCOUNT" => {
                return Ok((key, Err(format!("there is no account {name}"))));
            }
            Err(error) => return Err(error),
        };
        Ok((key, self.spendable(&view)))
    }

    /// What may be spent: not what the account must keep for its storage.
    fn spendable(&self, view: &View) -> Result<Balance, String> {
        let held = Amount::from_units(&view.amount, 0).map_err(|error| error.to_string())?.units();
        let kept = u128::from(view.storage_usage).saturating_mul(PER_STORED_BYTE);
        let amount = native(held.saturating_sub(kept), self.unit.as_ref())?;
        Ok(Balance { amount, position: view.block_height })
    }
}

impl BalanceSource for Near {
    fn identity(&self) -> BoxFuture<'_, Result<String, CallError>> {
        Box::pin(self.identity())
    }

    fn read<'a>(&'a self, accounts: &'a [Account], _since: Option<u64>) -> BoxFuture<'a, Result<Balances, CallError>> {
        Box::pin(self.read(accounts))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, account, double};
    use super::*;

    #[tokio::test]
    async fn what_storage_keeps_is_not_spendable() {
        let view = json!({"jsonrpc": "2.0", "id": 1, "result": {
            "amount": "399992611103597728750000000", "locked": "0", "storage_usage": 642, "storage_paid_at": 0,
            "code_hash": "11111111111111111111111111111111", "block_height": 17_795_474, "block_hash": "9MjpcnwW"}});
        let double = double(Script::Paths(vec![("/", Vec::new(), view)])).await;
        let near = Near::new(double.http(), ChainKind::Near.usual_unit());
        let accounts = [account("payer", ChainKind::Near, "payer.near", Asset::Native)];
        let balance = near.read(&accounts).await.unwrap()[&accounts[0].key].clone().unwrap();
        assert_eq!(balance.amount.to_string(), "399.98619110359772875");
        assert_eq!(balance.position, 17_795_474);
        assert!(double.bodies()[0].contains(r#""account_id":"payer.near""#), "{:?}", double.bodies());
    }

    #[tokio::test]
    async fn an_account_that_is_not_there_is_told_from_an_empty_one() {
        let unknown = json!({"jsonrpc": "2.0", "id": 1, "error": {"name": "HANDLER_ERROR",
            "cause": {"name": "UNKNOWN_ACCOUNT", "info": {"requested_account_id": "payer.near"}},
            "code": -32000, "message": "Server error"}});
        let double = double(Script::Paths(vec![("/", Vec::new(), unknown)])).await;
        let near = Near::new(double.http(), ChainKind::Near.usual_unit());
        let accounts = [account("payer", ChainKind::Near, "payer.near", Asset::Native)];
        let said = near.read(&accounts).await.unwrap()[&accounts[0].key].clone();
        assert_eq!(said, Err("there is no account payer.near".to_owned()));
    }

    #[tokio::test]
    async fn the_chain_says_its_name() {
        let status = json!({"jsonrpc": "2.0", "id": 1, "result": {"chain_id": "mainnet", "protocol_version": 78}});
        let double = double(Script::Paths(vec![("/", Vec::new(), status)])).await;
        assert_eq!(Near::new(double.http(), None).identity().await, Ok("mainnet".to_owned()));
    }
}
