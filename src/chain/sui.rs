//! Sui over its GraphQL interface (its JSON-RPC is switched off since July 2026). One query asks for many accounts and
//! for the checkpoint all of it is true at.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;

use super::http::{CallError, Http};
use super::{BalanceSource, Balances, few_at_once, misplaced};
use crate::core::wallet::{Account, Address, Amount, Asset, Balance, ChainKind, Unit};

const NATIVE: &str = "0x2::sui::SUI";
/// Nodes refuse queries of more than 5,000 bytes or 300 fields (`serviceConfig` of the schema); this many stay well below,
/// with the longest coin types too.
const ACCOUNTS_PER_QUERY: usize = 15;

pub(super) struct Sui {
    http: Http,
    unit: Option<Unit>,
}

#[derive(Deserialize)]
struct Reply {
    data: Option<Data>,
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    chain_identifier: Option<String>,
    checkpoint: Option<Checkpoint>,
    /// `a0`, `a1` …: one for each account asked for.
    #[serde(flatten)]
    owners: BTreeMap<String, Option<Owner>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checkpoint {
    sequence_number: u64,
}

#[derive(Deserialize)]
struct Owner {
    balance: Option<Total>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Total {
    total_balance: Option<String>,
}

impl Sui {
    pub const fn new(http: Http, unit: Option<Unit>) -> Self {
        Self { http, unit }
    }

    async fn query(&self, query: &str) -> Result<Data, CallError> {
        let reply: Reply = self.http.post(json!({"query": query}).to_string().into_bytes()).await?.json()?;
        match (reply.errors.into_iter().next(), reply.data) {
            (Some(Fault { message }), _) => {
                Err(CallError::Refused { code: 0, message: message.lines().next().unwrap_or_default().to_owned() })
            }
            (None, Some(data)) => Ok(data),
            (None, None) => Err(CallError::Malformed("neither data nor errors".to_owned())),
        }
    }

    async fn identity(&self) -> Result<String, CallError> {
        let data = self.query("{ chainIdentifier }").await?;
        data.chain_identifier.ok_or_else(|| CallError::Malformed("no chain identifier".to_owned()))
    }

    async fn read(&self, accounts: &[Account]) -> Result<Balances, CallError> {
        let calls = accounts.chunks(ACCOUNTS_PER_QUERY).map(|batch| self.batch(batch)).collect();
        Ok(few_at_once(calls).await?.into_iter().flatten().collect())
    }

    async fn batch(&self, accounts: &[Account]) -> Result<Balances, CallError> {
        let mut balances = Balances::new();
        let mut query = "{ checkpoint { sequenceNumber }".to_owned();
        for (place, account) in accounts.iter().enumerate() {
            match self.coin(account) {
                Some((coin, _)) => {
                    let Address::Sui(_) = account.address else { continue };
                    let (owner, coin) = (json!(account.address.to_string()), json!(coin));
                    let _infallible = write!(
                        query,
                        " a{place}: address(address: {owner}) {{ balance(coinType: {coin}) {{ totalBalance }} }}"
                    );
                }
                None => {
                    balances.insert(account.key.clone(), Err(misplaced(account, ChainKind::Sui)));
                }
            }
        }
        query.push_str(" }");
        let Data { checkpoint, mut owners, .. } = self.query(&query).await?;
        let Some(Checkpoint { sequence_number: position }) = checkpoint else {
            return Err(CallError::Malformed("no checkpoint".to_owned()));
        };
        for (place, account) in accounts.iter().enumerate() {
            let Some((_, decimals)) = self.coin(account) else { continue };
            let Some(owner) = owners.remove(&format!("a{place}")) else {
                return Err(CallError::Malformed("fewer addresses than were asked for".to_owned()));
            };
            // An address that nobody used yet is null, and one without such coins has no balance.
            let total = owner.and_then(|owner| owner.balance?.total_balance).unwrap_or_else(|| "0".to_owned());
            let amount = Amount::from_units(&total, decimals).map_err(|error| error.to_string());
            balances.insert(account.key.clone(), amount.map(|amount| Balance { amount, position }));
        }
        Ok(balances)
    }

    fn coin<'a>(&'a self, account: &'a Account) -> Option<(&'a str, u8)> {
        match (&account.address, &account.asset, &self.unit) {
            (Address::Sui(_), Asset::Native, Some(unit)) => Some((NATIVE, unit.decimals)),
            (Address::Sui(_), Asset::Coin { name, decimals }, _) => Some((name, *decimals)),
            _ => None,
        }
    }
}

impl BalanceSource for Sui {
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
    async fn one_query_reads_many_accounts_at_one_checkpoint() {
        let data = json!({"data": {"checkpoint": {"sequenceNumber": 214_225_619},
            "a0": {"balance": {"totalBalance": "1250000000"}}, "a1": {"balance": null}, "a2": null}});
        let double = double(Script::Paths(vec![("/", Vec::new(), data)])).await;
        let sui = Sui::new(double.http(), ChainKind::Sui.usual_unit());
        let usdc = Asset::coin("0x5::usdc::USDC", 6).unwrap();
        let accounts = [
            account("a", ChainKind::Sui, "0x1", Asset::Native),
            account("b", ChainKind::Sui, "0x2", usdc),
            account("c", ChainKind::Sui, "0x3", Asset::Native),
        ];
        let read = sui.read(&accounts).await.unwrap();
        let said: Vec<_> = read.values().map(|said| said.clone().unwrap().amount.to_string()).collect();
        assert_eq!(said, ["1.25", "0", "0"]);
        assert_eq!(double.requests(), 1);
        assert!(double.bodies()[0].contains("0x5::usdc::USDC"), "{:?}", double.bodies());
    }

    #[tokio::test]
    async fn what_the_node_refuses_is_said_in_its_words() {
        let refusal = json!({"data": null, "errors": [{"message": "Query payload is too large"}]});
        let double = double(Script::Paths(vec![("/", Vec::new(), refusal)])).await;
        let error = Sui::new(double.http(), None).identity().await.unwrap_err();
        assert_eq!(error.to_string(), "refused: Query payload is too large (0)");
    }

    #[tokio::test]
    async fn an_answer_for_fewer_accounts_is_not_believed() {
        let data = json!({"data": {"checkpoint": {"sequenceNumber": 1}}});
        let double = double(Script::Paths(vec![("/", Vec::new(), data)])).await;
        let sui = Sui::new(double.http(), ChainKind::Sui.usual_unit());
        let accounts = [account("a", ChainKind::Sui, "0x1", Asset::Native)];
        assert!(matches!(sui.read(&accounts).await, Err(CallError::Malformed(_))));
    }

    #[test]
    fn a_full_query_stays_below_what_nodes_take() {
        let longest = format!("0x{}::a_rather_long_module_name::A_RATHER_LONG_COIN_NAME", "f".repeat(64));
        let each =
            " a14: address(address: \"\") { balance(coinType: \"\") { totalBalance } }".len() + 66 + longest.len();
        assert!(ACCOUNTS_PER_QUERY * each < 5000, "{}", ACCOUNTS_PER_QUERY * each);
    }
}
