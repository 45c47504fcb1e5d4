//! EVM chains: everything at one block. Where Multicall3 lives, a thousand balances are one `eth_call`; elsewhere they are
//! batches of plain calls.

mod transport;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock, PoisonError};

use alloy::eips::BlockId;
use alloy::network::{Ethereum, Network};
use alloy::primitives::{Address as Contract, Bytes, U256};
use alloy::providers::bindings::IMulticall3::{Call3, aggregate3Call, getEthBalanceCall};
use alloy::providers::{MULTICALL3_ADDRESS, Provider as _, RootProvider};
use alloy::rpc::client::RpcClient;
use alloy::sol_types::SolCall as _;
use alloy::transports::TransportError;
use futures_util::future::{BoxFuture, try_join_all};
use serde_json::json;

use self::transport::{Transport, call_error};
use super::http::{CallError, Http};
use super::{BalanceSource, Balances, misplaced, native};
use crate::core::wallet::{Account, Address, Amount, Asset, Balance, ChainKind, Unit};

/// About 4 million gas; nodes allow 50 million and more in a call.
const CALLS_PER_MULTICALL: usize = 1000;
/// Public nodes refuse longer batches.
const CALLS_PER_BATCH: usize = 100;

alloy::sol! {
    interface IERC20 {
        function balanceOf(address owner) external view returns (uint256);
        function decimals() external view returns (uint8);
    }
}

type Request = <Ethereum as Network>::TransactionRequest;

pub(super) struct Evm {
    client: RpcClient,
    provider: RootProvider,
    unit: Option<Unit>,
    /// Whether Multicall3 is there, once known.
    multicall: OnceLock<bool>,
    /// Of token contracts.
    decimals: Mutex<BTreeMap<[u8; 20], u8>>,
}

/// One number to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Native { owner: [u8; 20] },
    Token { contract: [u8; 20], owner: [u8; 20] },
    Decimals { contract: [u8; 20] },
}

/// The number, or why there is none.
type Told = Result<U256, String>;

impl Evm {
    pub fn new(http: Http, unit: Option<Unit>) -> Self {
        let client = RpcClient::new(Transport(http), false);
        Self {
            provider: RootProvider::new(client.clone()),
            client,
            unit,
            multicall: OnceLock::new(),
            decimals: Mutex::default(),
        }
    }

    async fn identity(&self) -> Result<String, CallError> {
        Ok(self.provider.get_chain_id().await.map_err(|e| call_error(&e))?.to_string())
    }

    async fn read(&self, accounts: &[Account]) -> Result<Balances, CallError> {
        let block = self.provider.get_block_number().await.map_err(|e| call_error(&e))?;
        let unknown: Vec<_> =
            self.unknown_tokens(accounts).into_iter().map(|contract| Question::Decimals { contract }).collect();
        let asked: Vec<_> = accounts.iter().map(question).collect();
        let questions: Vec<_> = unknown.iter().copied().chain(asked.iter().filter_map(|q| q.clone().ok())).collect();
        let mut told = self.ask(&questions, block).await?.into_iter();
        self.learn_decimals(unknown.iter().zip(told.by_ref().take(unknown.len())));
        let mut balances = Balances::new();
        for (account, asked) in accounts.iter().zip(asked) {
            let amount = match asked {
                Ok(_) => match told.next() {
                    Some(told) => told.and_then(|units| self.amount(account, units)),
                    None => return Err(CallError::Malformed("fewer answers than questions".to_owned())),
                },
                Err(error) => Err(error),
            };
            balances.insert(account.key.clone(), amount.map(|amount| Balance { amount, position: block }));
        }
        Ok(balances)
    }

    async fn ask(&self, questions: &[Question], block: u64) -> Result<Vec<Told>, CallError> {
        let told = if self.has_multicall().await? {
            let calls = questions.chunks(CALLS_PER_MULTICALL).map(|part| self.multicall(part, block));
            try_join_all(calls).await
        } else {
            let calls = questions.chunks(CALLS_PER_BATCH).map(|part| self.batch(part, block));
            try_join_all(calls).await
        };
        Ok(told.map_err(|error| call_error(&error))?.concat())
    }

    async fn has_multicall(&self) -> Result<bool, CallError> {
        if let Some(there) = self.multicall.get() {
            return Ok(*there);
        }
        let code = self.provider.get_code_at(MULTICALL3_ADDRESS).await.map_err(|e| call_error(&e))?;
        Ok(*self.multicall.get_or_init(|| !code.is_empty()))
    }

    async fn multicall(&self, questions: &[Question], block: u64) -> Result<Vec<Told>, TransportError> {
        let calls = questions.iter().map(|question| {
            let (target, data) = question.call();
            Call3 { target: target.unwrap_or(MULTICALL3_ADDRESS), allowFailure: true, callData: data }
        });
        let call = aggregate3Call { calls: calls.collect() };
        let request = Request::default().to(MULTICALL3_ADDRESS).input(Bytes::from(call.abi_encode()).into());
        let output = self.provider.call(request).block(BlockId::number(block)).await?;
        let results = aggregate3Call::abi_decode_returns(&output)
            .map_err(|error| alloy::transports::TransportErrorKind::custom_str(&error.to_string()))?;
        if results.len() != questions.len() {
            return Err(alloy::transports::TransportErrorKind::custom_str("fewer answers than questions"));
        }
        let told = |(question, result): (&Question, alloy::providers::bindings::IMulticall3::Result)| {
            if result.success { question.number(&result.returnData) } else { Err(question.no_answer()) }
        };
        Ok(questions.iter().zip(results).map(told).collect())
    }

    async fn batch(&self, questions: &[Question], block: u64) -> Result<Vec<Told>, TransportError> {
        let at = format!("{block:#x}");
        let mut batch = self.client.new_batch();
        let mut waiting = Vec::with_capacity(questions.len());
        for question in questions {
            let (target, data) = question.call();
            // As text: a balance is a number of any length in hex, a call's result is bytes.
            waiting.push(match (target, question) {
                (None, Question::Native { owner }) => {
                    batch.add_call::<_, String>("eth_getBalance", &json!([Contract::from(*owner), at]))?
                }
                (target, _) => batch.add_call("eth_call", &json!([{"to": target, "data": data}, at]))?,
            });
        }
        batch.send().await?;
        let mut told = Vec::with_capacity(questions.len());
        for (question, waiter) in questions.iter().zip(waiting) {
            told.push(match waiter.await {
                Ok(text) => question.number(&bytes(&text).unwrap_or_default()),
                Err(TransportError::ErrorResp(_)) => Err(question.no_answer()),
                Err(error) => return Err(error),
            });
        }
        Ok(told)
    }

    fn unknown_tokens(&self, accounts: &[Account]) -> BTreeSet<[u8; 20]> {
        let known = self.decimals.lock().unwrap_or_else(PoisonError::into_inner);
        let token = |account: &Account| match account.asset {
            Asset::Erc20 { contract } => Some(contract),
            Asset::Native | Asset::Spl { .. } | Asset::Coin { .. } => None,
        };
        accounts.iter().filter_map(token).filter(|contract| !known.contains_key(contract)).collect()
    }

    fn learn_decimals<'a>(&self, told: impl Iterator<Item = (&'a Question, Told)>) {
        let mut known = self.decimals.lock().unwrap_or_else(PoisonError::into_inner);
        for (question, told) in told {
            if let (Question::Decimals { contract }, Ok(Ok(decimals))) = (question, told.map(u8::try_from)) {
                known.insert(*contract, decimals);
            }
        }
    }

    fn amount(&self, account: &Account, units: U256) -> Result<Amount, String> {
        let units = u128::try_from(units).map_err(|_| "the balance has more than 128 bits".to_owned())?;
        match account.asset {
            Asset::Native => native(units, self.unit.as_ref()),
            Asset::Erc20 { contract } => {
                let known = self.decimals.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(decimals) = known.get(&contract) else {
                    return Err(format!("{} does not say how many decimals it has", Address::Evm(contract)));
                };
                Amount::new(units, *decimals).map_err(|error| error.to_string())
            }
            Asset::Spl { .. } | Asset::Coin { .. } => Err(misplaced(account, ChainKind::Evm)),
        }
    }
}

impl BalanceSource for Evm {
    fn identity(&self) -> BoxFuture<'_, Result<String, CallError>> {
        Box::pin(self.identity())
    }

    fn read<'a>(&'a self, accounts: &'a [Account], _since: Option<u64>) -> BoxFuture<'a, Result<Balances, CallError>> {
        Box::pin(self.read(accounts))
    }
}

fn question(account: &Account) -> Result<Question, String> {
    match (&account.address, &account.asset) {
        (Address::Evm(owner), Asset::Native) => Ok(Question::Native { owner: *owner }),
        (Address::Evm(owner), Asset::Erc20 { contract }) => Ok(Question::Token { contract: *contract, owner: *owner }),
        _ => Err(misplaced(account, ChainKind::Evm)),
    }
}

impl Question {
    /// The contract and what to call on it; no contract stands for Multicall3, which knows native balances.
    fn call(&self) -> (Option<Contract>, Bytes) {
        match self {
            Self::Native { owner } => (None, getEthBalanceCall { addr: (*owner).into() }.abi_encode().into()),
            Self::Token { contract, owner } => {
                (Some((*contract).into()), IERC20::balanceOfCall { owner: (*owner).into() }.abi_encode().into())
            }
            Self::Decimals { contract } => (Some((*contract).into()), IERC20::decimalsCall {}.abi_encode().into()),
        }
    }

    /// A call answers with a word of 32 bytes, `eth_getBalance` with as few as the number needs. No bytes at all come
    /// from an address that is no contract.
    fn number(&self, data: &[u8]) -> Told {
        match (self, data.len()) {
            (Self::Native { .. }, 1..=32) | (_, 32) => Ok(U256::from_be_slice(data)),
            _ => Err(self.no_answer()),
        }
    }

    fn no_answer(&self) -> String {
        match self {
            Self::Native { .. } => "the node does not tell the balance".to_owned(),
            Self::Token { contract, .. } | Self::Decimals { contract } => {
                format!("{} does not answer like a token contract", Address::Evm(*contract))
            }
        }
    }
}

/// The bytes of `0x1f3`, whose first digit may stand alone.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?;
    let even = if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("0{digits}") };
    hex::decode(even).ok()
}

#[cfg(test)]
mod tests;
