//! What the nodes answer: the few JSON-RPC methods that balances need, with the real ones' shapes and error codes.
//! Sources: Solana RPC HTTP methods (solana.com/docs/rpc); Ethereum JSON-RPC (ethereum.org/developers/docs/apis/json-rpc).

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

use super::{EVM, Fault, SOLANA, World, multicall, script};
use crate::core::wallet::ChainKind;

pub(super) fn router(world: Arc<World>) -> Router {
    Router::new().route("/{kind}/{endpoint}", post(answer)).route("/top-up", post(top_up)).with_state(world)
}

async fn top_up(State(world): State<Arc<World>>) -> &'static str {
    script::top_up(&world);
    "topped up\n"
}

async fn answer(
    State(world): State<Arc<World>>,
    Path((kind, endpoint)): Path<(String, usize)>,
    Json(body): Json<Value>,
) -> Response {
    let Some(kind) = [ChainKind::Solana, ChainKind::Evm].into_iter().find(|known| known.as_str() == kind) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let node = Node { fault: world.fault(kind, endpoint), world: &world, kind };
    if node.fault == Fault::Down {
        return (StatusCode::SERVICE_UNAVAILABLE, "service unavailable").into_response();
    }
    match body {
        Value::Array(calls) => Json(calls.iter().map(|call| node.reply(call)).collect::<Value>()).into_response(),
        call => Json(node.reply(&call)).into_response(),
    }
}

/// One endpoint of one chain.
struct Node<'a> {
    world: &'a World,
    kind: ChainKind,
    fault: Fault,
}

impl Node<'_> {
    fn reply(&self, call: &Value) -> Value {
        let method = call["method"].as_str().unwrap_or_default();
        let answer = match self.kind {
            ChainKind::Solana => self.solana(method, &call["params"]),
            _ => self.evm(method, &call["params"]),
        };
        match answer {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": call["id"], "result": result }),
            Err((code, message)) => {
                json!({ "jsonrpc": "2.0", "id": call["id"], "error": { "code": code, "message": message } })
            }
        }
    }

    fn solana(&self, method: &str, params: &Value) -> Result<Value, (i64, String)> {
        let slot = self.position();
        match method {
            "getHealth" => Ok(json!("ok")),
            "getVersion" => Ok(json!({ "solana-core": "3.0.0", "feature-set": 0 })),
            "getSlot" => Ok(json!(slot)),
            "getGenesisHash" if self.fault == Fault::WrongChain => {
                Ok(json!("EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"))
            }
            "getGenesisHash" => Ok(json!(SOLANA)),
            "getMultipleAccounts" => {
                if params[1]["minContextSlot"].as_u64().is_some_and(|wanted| wanted > slot) {
                    return Err((-32016, "Minimum context slot has not been reached".to_owned()));
                }
                let keys = params[0].as_array().ok_or_else(|| (-32602, "Invalid params".to_owned()))?;
                let accounts: Vec<Value> = keys.iter().map(|key| self.account(key, slot)).collect();
                Ok(json!({ "context": { "apiVersion": "3.0.0", "slot": slot }, "value": accounts }))
            }
            _ => Err((-32601, "Method not found".to_owned())),
        }
    }

    fn account(&self, key: &Value, slot: u64) -> Value {
        let Some(lamports) = self.holds(key, slot).and_then(|units| u64::try_from(units).ok()) else {
            return Value::Null;
        };
        json!({
            "data": ["", "base64"], "executable": false, "lamports": lamports, "owner": "11111111111111111111111111111111",
            "rentEpoch": u64::MAX, "space": 0,
        })
    }

    fn evm(&self, method: &str, params: &Value) -> Result<Value, (i64, String)> {
        match method {
            "eth_chainId" if self.fault == Fault::WrongChain => Ok(json!("0x1")),
            "eth_chainId" => Ok(json!(format!("{EVM:#x}"))),
            "eth_blockNumber" => Ok(json!(format!("{:#x}", self.position()))),
            "eth_getCode" if params[0].as_str().is_some_and(|at| at.eq_ignore_ascii_case(multicall::ADDRESS)) => {
                Ok(json!("0x6080"))
            }
            "eth_getCode" => Ok(json!("0x")),
            "eth_call" => {
                // Both names are in use for the same thing.
                let data = params[0]["input"].as_str().or_else(|| params[0]["data"].as_str()).unwrap_or_default();
                let data = hex::decode(data.trim_start_matches("0x")).unwrap_or_default();
                let block = self.block(&params[1]);
                let answer = multicall::aggregate3(&data, |owner| self.holds(&json!(owner), block).unwrap_or_default());
                answer
                    .map(|bytes| json!(format!("0x{}", hex::encode(bytes))))
                    .ok_or_else(|| (3, "execution reverted".to_owned()))
            }
            "eth_getBalance" => {
                Ok(json!(format!("{:#x}", self.holds(&params[0], self.block(&params[1])).unwrap_or_default())))
            }
            _ => Err((-32601, format!("the method {method} does not exist/is not available"))),
        }
    }

    /// The block that is asked for: a number, or the newest for a tag.
    fn block(&self, tag: &Value) -> u64 {
        let number = tag.as_str().and_then(|tag| u64::from_str_radix(tag.strip_prefix("0x")?, 16).ok());
        number.unwrap_or_else(|| self.position())
    }

    fn holds(&self, address: &Value, position: u64) -> Option<u128> {
        let units = self.world.held(address.as_str()?, self.kind, position)?;
        Some(if let Fault::Lies { per_mille } = self.fault { units / 1000 * per_mille } else { units })
    }

    fn position(&self) -> u64 {
        let position = self.world.position(self.kind);
        if let Fault::Lags { positions } = self.fault { position.saturating_sub(positions) } else { position }
    }
}
