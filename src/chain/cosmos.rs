//! Chains of the Cosmos SDK over their REST endpoint (LCD): one call an account, all of them at the block that was the
//! newest when the round began.

use futures_util::future::BoxFuture;
use serde::Deserialize;

use super::http::{CallError, Http};
use super::{BalanceSource, Balances, few_at_once, misplaced};
use crate::core::ids::AccountKey;
use crate::core::wallet::{Account, Address, Amount, Asset, Balance, ChainKind};

/// Asks for the state at a block (Cosmos SDK, `grpctypes.GRPCBlockHeightHeader`).
const AT_HEIGHT: &str = "x-cosmos-block-height";

pub(super) struct Cosmos {
    http: Http,
}

#[derive(Deserialize)]
struct Latest {
    block: Block,
}

#[derive(Deserialize)]
struct Block {
    header: Header,
}

#[derive(Deserialize)]
struct Header {
    chain_id: String,
    height: String,
}

#[derive(Deserialize)]
struct ByDenom {
    balance: Coin,
}

#[derive(Deserialize)]
struct Coin {
    denom: String,
    amount: String,
}

impl Cosmos {
    pub const fn new(http: Http) -> Self {
        Self { http }
    }

    async fn latest(&self) -> Result<Header, CallError> {
        let path = ["cosmos", "base", "tendermint", "v1beta1", "blocks", "latest"];
        let latest: Latest = self.http.get(&path, &[], &[]).await?.json()?;
        Ok(latest.block.header)
    }

    async fn read(&self, accounts: &[Account]) -> Result<Balances, CallError> {
        let Header { height, .. } = self.latest().await?;
        let position = height.parse().map_err(|_| CallError::Malformed("a height that is no number".to_owned()))?;
        let calls = accounts.iter().map(|account| self.balance(account, position)).collect();
        Ok(few_at_once(calls).await?.into_iter().collect())
    }

    async fn balance(
        &self,
        account: &Account,
        position: u64,
    ) -> Result<(AccountKey, Result<Balance, String>), CallError> {
        let key = account.key.clone();
        let (Address::Cosmos { text, .. }, Asset::Coin { name, decimals }) = (&account.address, &account.asset) else {
            return Ok((key, Err(misplaced(account, ChainKind::Cosmos))));
        };
        let path = ["cosmos", "bank", "v1beta1", "balances", text, "by_denom"];
        let reply = self.http.get(&path, &[("denom", name)], &[(AT_HEIGHT, position.to_string())]).await?;
        let ByDenom { balance: Coin { denom, amount } } = reply.json()?;
        if denom != *name {
            return Err(CallError::Malformed(format!("a balance of {denom}, not of {name}")));
        }
        let amount = Amount::from_units(&amount, *decimals).map_err(|error| error.to_string());
        Ok((key, amount.map(|amount| Balance { amount, position })))
    }
}

impl BalanceSource for Cosmos {
    fn identity(&self) -> BoxFuture<'_, Result<String, CallError>> {
        Box::pin(async { Ok(self.latest().await?.chain_id) })
    }

    fn read<'a>(&'a self, accounts: &'a [Account], _since: Option<u64>) -> BoxFuture<'a, Result<Balances, CallError>> {
        Box::pin(self.read(accounts))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{Script, account, double};
    use super::*;

    const PAYER: &str = "cosmos1jv65s3grqf6v6jl3dp4t6c9t9rk99cd88lyufl";

    fn latest() -> (&'static str, Vec<(&'static str, String)>, Value) {
        let header = json!({"version": {"block": "11"}, "chain_id": "cosmoshub-4", "height": "23456789"});
        ("/cosmos/base/", Vec::new(), json!({"block_id": {}, "block": {"header": header}}))
    }

    #[tokio::test]
    async fn every_account_is_read_at_the_same_block() {
        let balance = json!({"balance": {"denom": "uatom", "amount": "1250000"}});
        let double = double(Script::Paths(vec![latest(), ("/cosmos/bank/", Vec::new(), balance)])).await;
        let cosmos = Cosmos::new(double.http());
        assert_eq!(BalanceSource::identity(&cosmos).await, Ok("cosmoshub-4".to_owned()));
        let accounts = [account("payer", ChainKind::Cosmos, PAYER, Asset::coin("uatom", 6).unwrap())];
        let balance = cosmos.read(&accounts).await.unwrap()[&accounts[0].key].clone().unwrap();
        assert_eq!((balance.amount.to_string().as_str(), balance.position), ("1.25", 23_456_789));
        let path = format!("/cosmos/bank/v1beta1/balances/{PAYER}/by_denom?denom=uatom");
        assert_eq!(double.paths().last(), Some(&path));
        assert_eq!(double.header(AT_HEIGHT), Some("23456789".to_owned()));
    }

    #[tokio::test]
    async fn a_balance_of_another_denom_is_refused() {
        let balance = json!({"balance": {"denom": "uosmo", "amount": "1250000"}});
        let double = double(Script::Paths(vec![latest(), ("/cosmos/bank/", Vec::new(), balance)])).await;
        let accounts = [account("payer", ChainKind::Cosmos, PAYER, Asset::coin("uatom", 6).unwrap())];
        let error = Cosmos::new(double.http()).read(&accounts).await.unwrap_err();
        assert_eq!(error, CallError::Malformed("a balance of uosmo, not of uatom".to_owned()));
    }
}
