//! Transfers on EVM chains: the native coin, and ERC-20's `transfer`. The nonce is chosen once and never again for the same
//! step, so that of all that was ever signed one transaction can be in a block.
//! Sources: <https://ethereum.org/developers/docs/apis/json-rpc>, EIP-1559, EIP-155, EIP-20.

mod observe;
mod transaction;

use alloy::primitives::{Address as Place, Bytes, U256};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall as _;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) use self::observe::{observe, settled};
use self::transaction::{Made, Price, made};
use super::nodes::{NoAnswer, Nodes};
use super::plan::{Ask, Found, dearer};
use super::{Chain, Route, Signed, Transfer, Tried};
use crate::core::action::found::CannotPlan;
use crate::core::action::journal::Lasts;
use crate::core::action::plan::Preview;
use crate::core::wallet::{Account, Address, Amount, Asset};

alloy::sol! {
    function transfer(address to, uint256 amount) external returns (bool);
}

/// What a transaction needs at most beyond what the estimate says, in percent: state moves between now and then.
const MORE_GAS: u64 = 20;
/// How an account that has handed its code to a contract begins (EIP-7702).
const DELEGATED: &str = "0xef0100";

/// A number as these interfaces write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Hex(u128);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let number = text.strip_prefix("0x").and_then(|digits| u128::from_str_radix(digits, 16).ok());
        number.map(Self).ok_or_else(|| serde::de::Error::custom("no number of 128 bits in hex"))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    /// Absent before EIP-1559.
    base_fee_per_gas: Option<Hex>,
}

/// What is called: whom, with how much of the native coin, and what is said.
struct Call {
    from: Place,
    to: Place,
    value: U256,
    data: Bytes,
}

impl Call {
    fn of(from: &Address, account: &Account, amount: Amount) -> Result<Self, String> {
        let (Address::Evm(from), Address::Evm(to)) = (from, &account.address) else {
            return Err("both must be addresses of EVM".to_owned());
        };
        if from == to {
            return Err("it would be paid by itself".to_owned());
        }
        let (from, to, units) = (Place::from(*from), Place::from(*to), U256::from(amount.units()));
        match &account.asset {
            Asset::Native => Ok(Self { from, to, value: units, data: Bytes::new() }),
            Asset::Erc20 { contract } => {
                let data = transferCall { to, amount: units }.abi_encode().into();
                Ok(Self { from, to: Place::from(*contract), value: U256::ZERO, data })
            }
            other @ (Asset::Spl { .. } | Asset::Coin { .. }) => Err(format!("{other} is not on EVM")),
        }
    }

    fn json(&self) -> Value {
        let Self { from, to, value, data } = self;
        json!({ "from": from, "to": to, "value": value, "data": data })
    }
}

pub(super) async fn preview(ask: &Ask<'_>) -> Result<Preview, CannotPlan> {
    let nodes = &ask.chain.nodes;
    let silent = |error: NoAnswer| ask.chain.unreachable(&error);
    let held = ask.held().await?;
    let amount = ask.units(&held)?;
    let account = &ask.route.to.account;
    let call = Call::of(&ask.from, account, amount).map_err(CannotPlan::NotPossible)?;
    nonce(nodes, &ask.from).await?;
    let mut warnings = Vec::new();
    let code: String =
        nodes.agreed("eth_getCode", &json!([account.address.to_string(), "latest"])).await.map_err(silent)?;
    if code.to_lowercase().starts_with(DELEGATED) {
        warnings.push(
            "the account acts through a contract (EIP-7702): that decides what becomes of what arrives".to_owned(),
        );
    } else if code != "0x" {
        warnings.push("a contract lives at that address: it decides what becomes of what arrives".to_owned());
    }
    let gas = simulate(nodes, &call).await?;
    let price = price(nodes).await.map_err(silent)?.to_approve();
    let fee = fee(gas, &price, ask.coin()?.decimals).map_err(CannotPlan::NotPossible)?;
    let besides = Amount::new(0, fee.decimals()).map_err(|error| CannotPlan::NotPossible(error.to_string()))?;
    ask.preview(&held, Found { amount, fee, besides, simulated: format!("at most {gas} gas"), warnings })
}

pub(super) async fn sign(
    chain: &Chain,
    key: &PrivateKeySigner,
    transfer: &Transfer,
    route: &Route,
    step: usize,
) -> Result<Signed, Tried> {
    let failed = |why: String| Tried::Failed { why };
    let blocked = |why: String| Tried::Blocked { why };
    let tried = |cannot: CannotPlan| match cannot {
        CannotPlan::NotPossible(why) => Tried::Failed { why },
        other => Tried::Blocked { why: other.to_string() },
    };
    let nodes = &chain.nodes;
    let from = Address::Evm(key.address().into());
    let call = Call::of(&from, &route.to.account, transfer.amount).map_err(failed)?;
    let nonce = nonce(nodes, &from).await.map_err(tried)?;
    let gas = simulate(nodes, &call).await.map_err(tried)?;
    let price = price(nodes).await.map_err(|error| blocked(error.to_string()))?;
    let price = price.within(transfer.seen.fee.units() / u128::from(gas.max(1))).map_err(|least| {
        let fee = fee(gas, &least, transfer.seen.fee.decimals());
        fee.map_or_else(failed, |costs| dearer(costs, transfer))
    })?;
    if let (Some(most), Some(coin)) = (route.hot.max_fee, &chain.native) {
        let fee = fee(gas, &price, coin.decimals).map_err(failed)?;
        if fee > most {
            return Err(blocked(format!("the fee may come to {fee} {}, and at most {most} are paid", coin.symbol)));
        }
    }
    let chain_id = nodes.identity().parse().map_err(|_| failed("the chain's identity is no number".to_owned()))?;
    let Call { to, value, data, .. } = call;
    let Made { hash, bytes } = made(key, chain_id, nonce, gas, &price, to, value, data).map_err(failed)?;
    Ok(Signed { step, id: hash, bytes: hex::encode(bytes), lasts: Lasts::UntilNonce { from: from.to_string(), nonce } })
}

/// Gives the errors, one an endpoint.
pub(super) async fn send(nodes: &Nodes, bytes: &[u8]) -> Vec<String> {
    let sent = nodes.ask::<Value>("eth_sendRawTransaction", &json!([format!("0x{}", hex::encode(bytes))])).await;
    sent.into_iter().filter_map(|answer| answer.err().map(|error| error.to_string())).collect()
}

/// The sender's next nonce. Not while something of theirs waits to come into a block: it might be meant to be replaced, and
/// what is signed behind it might come never, or years later.
async fn nonce(nodes: &Nodes, from: &Address) -> Result<u64, CannotPlan> {
    let count = async |at: &str| {
        let found = nodes.agreed::<Hex>("eth_getTransactionCount", &json!([from.to_string(), at])).await;
        found.map_err(|error| CannotPlan::NotNow(error.to_string()))
    };
    let (Hex(mined), Hex(pending)) = (count("latest").await?, count("pending").await?);
    if pending > mined {
        let why = format!("a transaction of the hot wallet with nonce {mined} waits to come into a block");
        return Err(CannotPlan::NotNow(why));
    }
    u64::try_from(mined).map_err(|_| CannotPlan::NotPossible("the nonce is no number of 64 bits".to_owned()))
}

/// Whether it would go through, as enough endpoints say; the gas to give it.
async fn simulate(nodes: &Nodes, call: &Call) -> Result<u64, CannotPlan> {
    use crate::chain::http::CallError;
    let method = "eth_call";
    let answers = nodes.ask::<String>(method, &json!([call.json(), "latest"])).await;
    let refused = answers.iter().filter_map(|answer| match answer {
        Err(CallError::Refused { message, .. }) => Some(message),
        _ => None,
    });
    let refused: Vec<&String> = refused.collect();
    if let Some(message) = refused.first().filter(|_| refused.len() >= nodes.needed()) {
        return Err(CannotPlan::NotPossible(format!("the simulation failed: {message}")));
    }
    // Old tokens give nothing back; others say whether they have done it.
    let yes = |text: &str| text == "0x" || call.data.is_empty() || text.trim_start_matches("0x").ends_with('1');
    let told: Vec<&String> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    let well = told.iter().filter(|text| yes(text)).count();
    if well < nodes.needed() {
        if told.len() >= nodes.needed() {
            return Err(CannotPlan::NotPossible("the token says that it would not do it".to_owned()));
        }
        return Err(CannotPlan::NotNow(nodes.no_answer(method, &answers).to_string()));
    }
    let gas = nodes.middle::<Hex, _>("eth_estimateGas", &json!([call.json()]), |gas| u64::try_from(gas.0).ok()).await;
    let gas = gas.map_err(|error| CannotPlan::NotNow(error.to_string()))?;
    // Sending coins to an account without code costs exactly this.
    Ok(if gas == 21_000 { gas } else { gas.saturating_add(gas / 100 * MORE_GAS) })
}

async fn price(nodes: &Nodes) -> Result<Price, NoAnswer> {
    let latest = json!(["latest", false]);
    // A chain without a base fee has 0 here, and is offered what it asks for.
    let base = nodes
        .middle::<Block, _>("eth_getBlockByNumber", &latest, |block| {
            Some(block.base_fee_per_gas.map_or(0, |fee| fee.0))
        })
        .await?;
    if base == 0 {
        let each = nodes.middle::<Hex, _>("eth_gasPrice", &json!([]), |price| Some(price.0)).await?;
        return Ok(Price::Legacy { each });
    }
    let offered = nodes.middle::<Hex, _>("eth_maxPriorityFeePerGas", &json!([]), |tip| Some(tip.0)).await;
    let tip = if let Ok(tip) = offered {
        tip
    } else {
        // Not every node has that method; the price that all have is the base fee and a tip.
        let each = nodes.middle::<Hex, _>("eth_gasPrice", &json!([]), |price| Some(price.0)).await?;
        each.saturating_sub(base)
    };
    // Six full blocks in a row before it is too little.
    Ok(Price::Eip1559 { base, most: base.saturating_mul(2).saturating_add(tip), tip })
}

fn fee(gas: u64, price: &Price, decimals: u8) -> Result<Amount, String> {
    let units = price.most().checked_mul(gas.into()).ok_or("the fee is too large to be counted")?;
    Amount::new(units, decimals).map_err(|error| error.to_string())
}
