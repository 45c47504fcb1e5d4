//! Transfers on Solana: SOL by the system program, tokens by the token programs.
//! Sources: <https://solana.com/docs/rpc>; spl-token's and the associated token program's instructions.

mod observe;
mod transaction;

use base64::Engine as _;
use ed25519_dalek::{Signer as _, SigningKey};
use serde::Deserialize;
use serde_json::{Value, json};
use solana_message::{Hash, Message};

pub(super) use self::observe::{observe, settled};
use self::transaction::{Paid, instructions, wire};
use super::nodes::{NoAnswer, Nodes};
use super::plan::{Ask, Found, dearer, own};
use super::{Chain, Route, Signed, Transfer, Tried};
use crate::chain::solana::token::TokenHead;
use crate::core::action::found::CannotPlan;
use crate::core::action::journal::Lasts;
use crate::core::action::plan::Preview;
use crate::core::wallet::{Account, Address, Amount, Asset, SolanaKey, TokenAccount, TokenProgram, base58};

/// What a signature costs, in lamports.
const A_SIGNATURE: u64 = 5000;
const SYSTEM: &str = "11111111111111111111111111111111";
/// A token account of SPL Token; Token-2022's own have five bytes more that say who may not take it over.
const TOKEN_ACCOUNT: usize = 165;
const TOKEN_2022_ACCOUNT: usize = 170;

/// What lies at an address; the parts that decide.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Stored {
    owner: String,
    executable: bool,
}

#[derive(Deserialize)]
struct Reply<T> {
    value: T,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blockhash {
    blockhash: String,
    pub last_valid_block_height: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Simulated {
    err: Option<Value>,
    logs: Option<Vec<String>>,
    units_consumed: Option<u64>,
    accounts: Option<Vec<Option<After>>>,
}

#[derive(Deserialize)]
struct After {
    lamports: u64,
    /// Base64, and the word `base64`.
    data: (String, String),
}

pub(super) async fn preview(ask: &Ask<'_>) -> Result<Preview, CannotPlan> {
    let chain = ask.chain;
    let held = ask.held().await?;
    let amount = ask.units(&held)?;
    let (coin, silent) = (ask.coin()?, |error: NoAnswer| chain.unreachable(&error));
    let coins = |lamports: u64| {
        Amount::new(lamports.into(), coin.decimals).map_err(|error| CannotPlan::NotPossible(error.to_string()))
    };
    let no = |why: String| Err(CannotPlan::NotPossible(why));
    let paid = Paid::of(&ask.from, &ask.route.to.account, amount).map_err(CannotPlan::NotPossible)?;
    let (person, place) = stored(&chain.nodes, &paid).await.map_err(silent)?;
    let mut warnings = Vec::new();
    match &person {
        Some(Stored { executable: true, .. }) => return no("a program lives at that address".to_owned()),
        Some(Stored { owner, .. }) if owner != SYSTEM => {
            warnings.push(format!("it belongs to the program {owner}: only that program can spend what arrives"));
        }
        _ => {}
    }
    let mut besides = coins(0)?;
    let exempt = rent(&chain.nodes, 0).await.map_err(silent)?;
    if paid.asset == Asset::Native {
        if person.is_none() && amount.units() < exempt.into() {
            let least = coins(exempt)?;
            return no(format!("the account does not exist yet, and lasts only from {least} {} on", coin.symbol));
        }
        if person.is_none() {
            warnings.push("the account does not exist yet: this transfer makes it".to_owned());
        }
    } else if place.is_none() {
        besides = coins(rent(&chain.nodes, paid.token_account_size()).await.map_err(silent)?)?;
        warnings.push(format!(
            "its token account does not exist yet: it is made, and {besides} {} of rent stay in it",
            coin.symbol
        ));
    }
    let message = message(&paid, place.is_none(), Hash::default())?;
    let fee = coins(A_SIGNATURE * u64::from(message.header.num_required_signatures))?;
    // What the hot wallet lacks is said in our words before the chain says it in its own.
    let costs = fee.plus(besides).ok_or_else(|| CannotPlan::NotPossible("the fee is too large".to_owned()))?;
    let left = ask.left(&held, amount, costs)?;
    // An emptied account would be gone, and with it what pays the fees of tokens.
    if paid.asset == Asset::Native && left.units() < exempt.into() {
        let least = coins(exempt)?;
        return no(format!("`{}` must keep {least} {} for its account to last", ask.route.hot.name, coin.symbol));
    }
    let simulated = simulate(&chain.nodes, &paid, &message).await?;
    if let Some(arrives) = simulated.arrives(&paid, held.to).filter(|arrives| *arrives != amount) {
        warnings.push(format!("only {arrives} of {amount} arrive: the token itself takes a part"));
    }
    let simulated = simulated.units_consumed.map_or_else(String::new, |units| format!("{units} compute units"));
    ask.preview(&held, Found { amount, fee, besides, simulated, warnings })
}

pub(super) async fn sign(
    chain: &Chain,
    key: &SigningKey,
    transfer: &Transfer,
    route: &Route,
    step: usize,
) -> Result<Signed, Tried> {
    let failed = |why: String| Tried::Failed { why };
    let blocked = |error: NoAnswer| Tried::Blocked { why: error.to_string() };
    let from = Address::Solana(SolanaKey(key.verifying_key().to_bytes()));
    let paid = Paid::of(&from, &route.to.account, transfer.amount).map_err(failed)?;
    let (_, place) = stored(&chain.nodes, &paid).await.map_err(blocked)?;
    let fresh = fresh(&chain.nodes).await.map_err(blocked)?;
    let hash = fresh.blockhash.parse().map_err(|_| failed("the blockhash is none".to_owned()))?;
    let message = message(&paid, place.is_none(), hash).map_err(|cannot| failed(cannot.to_string()))?;
    match simulate(&chain.nodes, &paid, &message).await {
        Ok(_) => {}
        Err(CannotPlan::NotPossible(why)) => return Err(failed(why)),
        Err(other) => return Err(Tried::Blocked { why: other.to_string() }),
    }
    let signatures = u64::from(message.header.num_required_signatures);
    let made = if place.is_none() && paid.asset != Asset::Native {
        rent(&chain.nodes, paid.token_account_size()).await.map_err(blocked)?
    } else {
        0
    };
    let most = transfer.seen.fee;
    let costs = Amount::new((A_SIGNATURE * signatures).saturating_add(made).into(), most.decimals());
    match costs {
        Ok(costs) if costs <= most => {}
        Ok(costs) => return Err(dearer(costs, transfer)),
        Err(error) => return Err(failed(error.to_string())),
    }
    let bytes = message.serialize();
    let signature = key.sign(&bytes).to_bytes();
    let lasts = Lasts::UntilHeight { last_valid_block_height: fresh.last_valid_block_height };
    Ok(Signed { step, id: base58::encode(&signature), bytes: hex::encode(wire(&signature, &bytes)), lasts })
}

/// Gives the errors, one an endpoint.
pub(super) async fn send(nodes: &Nodes, bytes: &[u8]) -> Vec<String> {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let options = json!({ "encoding": "base64", "preflightCommitment": "confirmed" });
    let sent = nodes.ask::<Value>("sendTransaction", &json!([text, options])).await;
    sent.into_iter().filter_map(|answer| answer.err().map(|error| error.to_string())).collect()
}

fn message(paid: &Paid, make_account: bool, hash: Hash) -> Result<Message, CannotPlan> {
    let instructions = instructions(paid, make_account).map_err(CannotPlan::NotPossible)?;
    Ok(Message::new_with_blockhash(&instructions, Some(&paid.from()), &hash))
}

/// What lies at the recipient's address, and where the asset goes.
async fn stored(nodes: &Nodes, paid: &Paid) -> Result<(Option<Stored>, Option<Stored>), NoAnswer> {
    let keys = [paid.to.to_string(), paid.place.to_string()];
    let options = json!({ "encoding": "base64", "commitment": "confirmed", "dataSlice": {"offset": 0, "length": 0} });
    // Slots differ from endpoint to endpoint; what lies there does not.
    let method = "getMultipleAccounts";
    let answers = nodes.ask::<Reply<Vec<Option<Stored>>>>(method, &json!([keys, options])).await;
    let said: Vec<&Vec<Option<Stored>>> = answers
        .iter()
        .filter_map(|answer| Some(&answer.as_ref().ok()?.value))
        .filter(|value| value.len() == 2)
        .collect();
    let agreed = said.iter().find(|one| said.iter().filter(|other| other == one).count() >= nodes.needed());
    match agreed.map(|value| value.as_slice()) {
        Some([to, place]) => Ok((to.clone(), place.clone())),
        _ => Err(nodes.no_answer(method, &answers)),
    }
}

async fn rent(nodes: &Nodes, size: usize) -> Result<u64, NoAnswer> {
    nodes.agreed("getMinimumBalanceForRentExemption", &json!([size])).await
}

/// A blockhash to sign with, from the endpoint that is furthest back of those that enough have reached: none may not know it.
/// It lasts as long as any of them says: one that says too little would have it signed anew while it may still come.
pub(super) async fn fresh(nodes: &Nodes) -> Result<Blockhash, NoAnswer> {
    let method = "getLatestBlockhash";
    let answers = nodes.ask::<Reply<Blockhash>>(method, &json!([{ "commitment": "confirmed" }])).await;
    let mut said: Vec<&Blockhash> = answers.iter().filter_map(|answer| Some(&answer.as_ref().ok()?.value)).collect();
    said.sort_by_key(|hash| hash.last_valid_block_height);
    let enough = said.len() >= nodes.needed();
    let middle = said.get(said.len().saturating_sub(1) / 2).filter(|_| enough);
    let latest = said.last().map(|hash| hash.last_valid_block_height);
    let fresh = middle.zip(latest).map(|(hash, last_valid_block_height)| Blockhash {
        blockhash: hash.blockhash.clone(),
        last_valid_block_height,
    });
    fresh.ok_or_else(|| nodes.no_answer(method, &answers))
}

/// What would come of it, as enough endpoints say.
async fn simulate(nodes: &Nodes, paid: &Paid, message: &Message) -> Result<Simulated, CannotPlan> {
    let bytes = wire(&[0; 64], &message.serialize());
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let options = json!({
        "encoding": "base64", "sigVerify": false, "replaceRecentBlockhash": true, "commitment": "confirmed",
        "accounts": { "encoding": "base64", "addresses": [paid.place.to_string()] },
    });
    let method = "simulateTransaction";
    let answers = nodes.ask::<Reply<Simulated>>(method, &json!([text, options])).await;
    let good = |it: &Reply<Simulated>| it.value.err.is_none();
    let count = |wanted: bool| answers.iter().filter(|it| it.as_ref().is_ok_and(|it| good(it) == wanted)).count();
    let (well, ill) = (count(true), count(false));
    let no_answer = nodes.no_answer(method, &answers);
    let mut said = answers.into_iter().filter_map(Result::ok).map(|reply| reply.value);
    if well >= nodes.needed() {
        return said.find(|it| it.err.is_none()).ok_or_else(|| CannotPlan::NotNow(no_answer.to_string()));
    }
    match said.find(|it| it.err.is_some()) {
        Some(first) if ill >= nodes.needed() => Err(CannotPlan::NotPossible(first.refusal())),
        _ => Err(CannotPlan::NotNow(no_answer.to_string())),
    }
}

impl Simulated {
    /// The chain's own words: the last line of the log that says something failed, and the error.
    fn refusal(&self) -> String {
        let logs = self.logs.iter().flatten().rev();
        let line = logs.map(String::as_str).find(|line| !line.contains(" consumed ") && !line.contains(" invoke "));
        let error = self.err.as_ref().map(Value::to_string).unwrap_or_default();
        let error: String = error.chars().take(200).collect();
        let line = line.map(|line| line.chars().take(200).collect::<String>());
        line.map_or_else(
            || format!("the simulation failed: {error}"),
            |line| format!("the simulation failed: {line} ({error})"),
        )
    }

    /// How much more is there afterwards.
    fn arrives(&self, paid: &Paid, before: Amount) -> Option<Amount> {
        let after = self.accounts.as_ref()?.first()?.as_ref()?;
        let units = if paid.asset == Asset::Native {
            after.lamports
        } else {
            let data = base64::engine::general_purpose::STANDARD.decode(&after.data.0).ok()?;
            TokenHead::read(&data)?.amount
        };
        Amount::new(units.into(), before.decimals()).ok()?.checked_sub(before)
    }
}

impl Paid {
    fn of(from: &Address, account: &Account, amount: Amount) -> Result<Self, String> {
        let (Address::Solana(from), Address::Solana(to)) = (from, &account.address) else {
            return Err("both must be addresses of Solana".to_owned());
        };
        let units = u64::try_from(amount.units()).map_err(|_| format!("{amount} is more than Solana can count"))?;
        let nowhere = || format!("{to} has no associated token account");
        let at = |owner: SolanaKey, asset: &Asset| match asset {
            Asset::Native => Some(owner),
            Asset::Spl { account: TokenAccount::At(key), .. } => Some(*key),
            Asset::Spl { mint, program, account: TokenAccount::Associated } => {
                crate::chain::solana::token::associated_account(owner, *program, *mint)
            }
            Asset::Erc20 { .. } | Asset::Coin { .. } => None,
        };
        let place = at(*to, &account.asset).ok_or_else(nowhere)?;
        let source = at(*from, &own(&account.asset)).ok_or_else(nowhere)?;
        if source == place {
            return Err("it would be paid by itself".to_owned());
        }
        let asset = account.asset.clone();
        Ok(Self { from: *from, to: *to, source, place, asset, units, decimals: amount.decimals() })
    }

    const fn token_account_size(&self) -> usize {
        match self.asset {
            Asset::Spl { program: TokenProgram::Token2022, .. } => TOKEN_2022_ACCOUNT,
            _ => TOKEN_ACCOUNT,
        }
    }
}
