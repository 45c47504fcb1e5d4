//! Solana: `getMultipleAccounts`, a hundred accounts a call, all of them at the slot the reply names.

mod sender;
pub(super) mod token;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;
use solana_client::api::client_error::ErrorKind;
use solana_client::api::request::{RpcError, RpcRequest};
use solana_client::nonblocking::rpc_client::RpcClient;
use solana_client::rpc_client::RpcClientConfig;

use self::sender::Sender;
use self::token::TokenHead;
use super::http::{CallError, Http};
use super::{BalanceSource, Balances, few_at_once, misplaced, native};
use crate::core::wallet::{
    Account, Address, Amount, Asset, Balance, ChainKind, SolanaKey, TokenAccount, TokenProgram, Unit,
};

/// More keys in one call are refused.
const KEYS_PER_CALL: usize = 100;
/// The node has not reached the slot that was asked for (solana-rpc-client-api, `custom_error`).
const SLOT_NOT_REACHED: i64 = -32016;

pub(super) struct Solana {
    client: RpcClient,
    unit: Option<Unit>,
    /// Of mints; they never change.
    decimals: Mutex<BTreeMap<SolanaKey, u8>>,
}

/// What lies at a key; `None` when nothing does.
struct Seen {
    slot: u64,
    account: Option<Stored>,
}

struct Stored {
    lamports: u64,
    program: String,
    head: Vec<u8>,
}

#[derive(Deserialize)]
struct Reply {
    context: Context,
    value: Vec<Option<Value>>,
}

#[derive(Deserialize)]
struct Context {
    slot: u64,
}

#[derive(Deserialize)]
struct Value {
    lamports: u64,
    owner: String,
    /// Base64, and the word `base64`.
    data: (String, String),
}

impl Solana {
    pub fn new(http: Http, unit: Option<Unit>) -> Self {
        let client = RpcClient::new_sender(Sender::new(http), RpcClientConfig::default());
        Self { client, unit, decimals: Mutex::default() }
    }

    async fn identity(&self) -> Result<String, CallError> {
        Ok(self.client.get_genesis_hash().await.map_err(call_error)?.to_string())
    }

    async fn read(&self, accounts: &[Account], since: Option<u64>) -> Result<Balances, CallError> {
        let mut keys: BTreeSet<SolanaKey> = accounts.iter().filter_map(|account| place(account).ok()).collect();
        keys.extend(self.unknown_mints(accounts));
        let keys: Vec<_> = keys.into_iter().collect();
        let seen = self.look_up(&keys, since).await?;
        self.learn_decimals(accounts, &seen);
        Ok(accounts.iter().filter_map(|account| Some((account.key.clone(), self.balance(account, &seen)?))).collect())
    }

    async fn look_up(&self, keys: &[SolanaKey], since: Option<u64>) -> Result<BTreeMap<SolanaKey, Seen>, CallError> {
        let calls = keys.chunks(KEYS_PER_CALL).map(|batch| self.batch(batch, since)).collect();
        Ok(few_at_once(calls).await?.into_iter().flatten().collect())
    }

    async fn batch(&self, keys: &[SolanaKey], since: Option<u64>) -> Result<Vec<(SolanaKey, Seen)>, CallError> {
        let names: Vec<_> = keys.iter().map(ToString::to_string).collect();
        let options = json!({
            "commitment": "confirmed",
            "encoding": "base64",
            "dataSlice": {"offset": 0, "length": token::HEAD},
            "minContextSlot": since,
        });
        let request = RpcRequest::GetMultipleAccounts;
        let reply = match self.client.send(request, json!([names, options])).await.map_err(call_error) {
            // It is behind; how far, the vote shall see.
            Err(CallError::Refused { code: SLOT_NOT_REACHED, .. }) => {
                let mut options = options;
                options["minContextSlot"] = serde_json::Value::Null;
                self.client.send(request, json!([names, options])).await.map_err(call_error)
            }
            reply => reply,
        };
        let Reply { context: Context { slot }, value } = reply?;
        if value.len() != keys.len() {
            return Err(CallError::Malformed(format!("{} accounts for {} keys", value.len(), keys.len())));
        }
        let stored = |value: Value| {
            let head = base64::engine::general_purpose::STANDARD.decode(value.data.0);
            let head = head.map_err(|error| CallError::Malformed(error.to_string()))?;
            Ok(Stored { lamports: value.lamports, program: value.owner, head })
        };
        let seen = |(key, value): (&SolanaKey, Option<Value>)| {
            Ok((*key, Seen { slot, account: value.map(stored).transpose()? }))
        };
        keys.iter().zip(value).map(seen).collect()
    }

    fn unknown_mints(&self, accounts: &[Account]) -> BTreeSet<SolanaKey> {
        let known = self.decimals.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().filter_map(mint).filter(|(mint, _)| !known.contains_key(mint)).map(|(mint, _)| mint).collect()
    }

    fn learn_decimals(&self, accounts: &[Account], seen: &BTreeMap<SolanaKey, Seen>) {
        let mut known = self.decimals.lock().unwrap_or_else(PoisonError::into_inner);
        for (mint, program) in accounts.iter().filter_map(mint) {
            let stored = seen.get(&mint).and_then(|seen| seen.account.as_ref());
            let stored = stored.filter(|stored| stored.program == program.id().to_string());
            if let Some(decimals) = stored.and_then(|stored| token::decimals(&stored.head)) {
                known.insert(mint, decimals);
            }
        }
    }

    fn balance(&self, account: &Account, seen: &BTreeMap<SolanaKey, Seen>) -> Option<Result<Balance, String>> {
        let key = match place(account) {
            Ok(key) => key,
            Err(error) => return Some(Err(error)),
        };
        let Seen { slot, account: stored } = seen.get(&key)?;
        let amount = match account.asset {
            Asset::Native => native(stored.as_ref().map_or(0, |s| s.lamports).into(), self.unit.as_ref()),
            Asset::Spl { mint, program, .. } => self.tokens(account, key, mint, program, stored.as_ref()),
            Asset::Erc20 { .. } | Asset::Coin { .. } => Err(misplaced(account, ChainKind::Solana)),
        };
        Some(amount.map(|amount| Balance { amount, position: *slot }))
    }

    fn tokens(
        &self,
        account: &Account,
        key: SolanaKey,
        mint: SolanaKey,
        program: TokenProgram,
        stored: Option<&Stored>,
    ) -> Result<Amount, String> {
        let known = self.decimals.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(decimals) = known.get(&mint) else {
            return Err(format!("{mint} is no mint of the token program {}", program.id()));
        };
        // An account that was never made, or was closed, holds nothing.
        let Some(stored) = stored else {
            return Amount::new(0, *decimals).map_err(|error| error.to_string());
        };
        let head = TokenHead::read(&stored.head).filter(|_| stored.program == program.id().to_string());
        let Some(head) = head else { return Err(format!("{key} is no account of the token program {}", program.id())) };
        if head.mint != mint {
            return Err(format!("{key} holds tokens of {}, not of {mint}", head.mint));
        }
        if Address::Solana(head.owner) != account.address {
            return Err(format!("{key} belongs to {}, not to {}", head.owner, account.address));
        }
        Amount::new(head.amount.into(), *decimals).map_err(|error| error.to_string())
    }
}

impl BalanceSource for Solana {
    fn identity(&self) -> BoxFuture<'_, Result<String, CallError>> {
        Box::pin(self.identity())
    }

    fn read<'a>(&'a self, accounts: &'a [Account], since: Option<u64>) -> BoxFuture<'a, Result<Balances, CallError>> {
        Box::pin(self.read(accounts, since))
    }
}

const fn mint(account: &Account) -> Option<(SolanaKey, TokenProgram)> {
    match account.asset {
        Asset::Spl { mint, program, .. } => Some((mint, program)),
        Asset::Native | Asset::Erc20 { .. } | Asset::Coin { .. } => None,
    }
}

/// Where on the chain an account's balance is written.
fn place(account: &Account) -> Result<SolanaKey, String> {
    match (&account.address, &account.asset) {
        (Address::Solana(owner), Asset::Native) => Ok(*owner),
        (Address::Solana(_), Asset::Spl { account: TokenAccount::At(key), .. }) => Ok(*key),
        (Address::Solana(owner), Asset::Spl { mint, program, account: TokenAccount::Associated }) => {
            token::associated_account(*owner, *program, *mint)
                .ok_or_else(|| format!("{owner} has no associated token account"))
        }
        _ => Err(misplaced(account, ChainKind::Solana)),
    }
}

fn call_error(error: solana_client::api::client_error::Error) -> CallError {
    match *error.kind {
        ErrorKind::RpcError(RpcError::RpcResponseError { code, message, .. }) => CallError::Refused { code, message },
        ErrorKind::Custom(text) => CallError::Transport(text),
        other => CallError::Malformed(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
