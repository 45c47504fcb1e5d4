//! Endpoints that lie, lag or are silent, and what is believed then.

use std::sync::Arc;

use serde_json::{Value, json};

use super::nodes::Nodes;
use super::*;
use crate::chain::EndpointSettings;
use crate::chain::testing::{Double, Script, double};
use crate::core::action::journal::Lasts;

const GENESIS: &str = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d";
const FROM: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

/// What an endpoint answers to a method; no answer: an error.
type Says = fn(&str) -> Option<Value>;

async fn endpoints(kind: ChainKind, says: &[Says]) -> (Nodes, Vec<Double>) {
    let mut doubles = Vec::new();
    for said in says.iter().copied() {
        let script = move |request: &Value| {
            let method = request["method"].as_str().unwrap();
            let identity = match method {
                "getGenesisHash" => Some(json!(GENESIS)),
                "eth_chainId" => Some(json!("0x2105")),
                _ => None,
            };
            match said(method).or(identity) {
                Some(result) => json!({"jsonrpc": "2.0", "id": request["id"], "result": result}),
                None => json!({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": "no"}}),
            }
        };
        doubles.push(double(Script::Body(Box::new(script))).await);
    }
    let identity = if kind == ChainKind::Solana { GENESIS } else { "8453" };
    let mut settings = ChainSettings::new("chain", kind, identity);
    let names = doubles.iter().enumerate();
    settings.endpoints =
        names.map(|(nth, it)| EndpointSettings { name: format!("node-{nth}"), url: it.url.clone() }).collect();
    let hosts = Arc::clone(&doubles[0].hosts);
    (Nodes::new(&settings, &hosts), doubles)
}

fn signed(lasts: Lasts) -> Vec<Signed> {
    vec![Signed { step: 0, id: "ID".to_owned(), bytes: "00".to_owned(), lasts }]
}

fn until_height(last_valid_block_height: u64) -> Vec<Signed> {
    signed(Lasts::UntilHeight { last_valid_block_height })
}

fn until_nonce() -> Vec<Signed> {
    signed(Lasts::UntilNonce { from: FROM.to_owned(), nonce: 7 })
}

fn landed(method: &str) -> Option<Value> {
    match method {
        "getBlockHeight" => Some(json!(500)),
        "getSignatureStatuses" => Some(
            json!({"context": {"slot": 1}, "value": [{"slot": 1, "err": null, "confirmationStatus": "finalized"}]}),
        ),
        "eth_getTransactionCount" => Some(json!("0x8")),
        "eth_getTransactionReceipt" => Some(json!({"status": "0x1", "blockNumber": "0x10"})),
        "eth_blockNumber" => Some(json!("0x1f")),
        _ => None,
    }
}

fn absent(method: &str) -> Option<Value> {
    match method {
        "getSignatureStatuses" => Some(json!({"context": {"slot": 1}, "value": [null]})),
        "eth_getTransactionReceipt" => Some(Value::Null),
        other => landed(other),
    }
}

/// Knows of nothing yet.
fn early(method: &str) -> Option<Value> {
    match method {
        "getBlockHeight" => Some(json!(100)),
        "eth_getTransactionCount" => Some(json!("0x7")),
        other => absent(other),
    }
}

fn silent(_: &str) -> Option<Value> {
    None
}

async fn on_solana(says: &[Says]) -> Tried {
    let (nodes, _doubles) = endpoints(ChainKind::Solana, says).await;
    solana::observe(&nodes, &until_height(400)).await
}

async fn on_evm(says: &[Says]) -> Tried {
    let (nodes, _doubles) = endpoints(ChainKind::Evm, says).await;
    evm::observe(&nodes, &until_nonce()).await
}

#[tokio::test]
async fn it_happened_when_more_than_half_say_so() {
    assert!(matches!(on_solana(&[landed, landed, silent]).await, Tried::Succeeded { .. }));
    assert!(matches!(on_evm(&[landed, silent, landed]).await, Tried::Succeeded { .. }));
    for says in [[landed, silent, silent], [landed, early, early], [landed, absent, absent]] {
        assert_eq!(on_solana(&says).await, Tried::Unclear);
        assert_eq!(on_evm(&says).await, Tried::Unclear);
    }
}

#[tokio::test]
async fn it_did_not_happen_only_when_two_who_must_know_do_not_and_nobody_does() {
    assert!(matches!(on_solana(&[absent, absent, silent]).await, Tried::Blocked { .. }));
    assert!(matches!(on_evm(&[absent, absent, silent]).await, Tried::Failed { .. }));
    assert!(matches!(on_solana(&[absent, absent]).await, Tried::Blocked { .. }));
    for says in [[absent, silent, silent], [absent, early, early], [absent, early, silent], [early, early, early]] {
        assert_eq!(on_solana(&says).await, Tried::Unclear, "it may still come");
        assert_eq!(on_evm(&says).await, Tried::Unclear, "it may still come");
    }
    assert_eq!(on_solana(&[absent, silent]).await, Tried::Unclear, "of two, both must say so");
}

#[tokio::test]
async fn who_is_of_another_chain_is_not_asked() {
    fn other(method: &str) -> Option<Value> {
        match method {
            "getGenesisHash" => Some(json!("EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG")),
            "eth_chainId" => Some(json!("0x1")),
            other => landed(other),
        }
    }
    let says: [Says; 3] = [other, other, landed];
    assert_eq!(on_solana(&says).await, Tried::Unclear);
    assert_eq!(on_evm(&says).await, Tried::Unclear);
    let (nodes, doubles) = endpoints(ChainKind::Evm, &says).await;
    let error = nodes.agreed::<String>("eth_getTransactionCount", &json!([FROM, "latest"])).await.unwrap_err();
    assert!(error.to_string().contains("it is a node of chain 1, not of 8453"), "{error}");
    assert!(doubles[0].bodies().iter().all(|body| body.contains("eth_chainId")), "nothing else");
}

#[tokio::test]
async fn a_nonce_that_they_do_not_agree_on_is_none_and_a_fee_of_one_is_not_paid() {
    let price = |text: &'static str| json!(text);
    let says: [Says; 3] = [
        |method| (method == "eth_gasPrice").then(|| json!("0xffffffffff")),
        |method| (method == "eth_gasPrice").then(|| json!("0x10")),
        |method| (method == "eth_gasPrice").then(|| json!("0x12")),
    ];
    let (nodes, _doubles) = endpoints(ChainKind::Evm, &says).await;
    assert!(nodes.agreed::<Value>("eth_gasPrice", &json!([])).await.is_err());
    let number = |text: &String| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    assert_eq!(nodes.middle::<String, u64>("eth_gasPrice", &json!([]), number).await, Ok(0x12));
    let two: [Says; 2] = [says[1], says[1]];
    let (nodes, _doubles) = endpoints(ChainKind::Evm, &two).await;
    assert_eq!(nodes.agreed::<Value>("eth_gasPrice", &json!([])).await, Ok(price("0x10")));
}

#[tokio::test]
async fn how_deep_it_is_is_what_more_than_half_say_at_least() {
    let (nodes, _doubles) = endpoints(ChainKind::Evm, &[landed, landed, silent]).await;
    let signed = &until_nonce()[0];
    assert_eq!(evm::settled(&nodes, signed, 16).await, Settled::Done { note: "16 blocks deep".to_owned() });
    let seventeen = Settled::Progress { text: "16 of 17 blocks deep".to_owned() };
    assert_eq!(evm::settled(&nodes, signed, 17).await, seventeen);
    let (nodes, _doubles) = endpoints(ChainKind::Evm, &[landed, silent, silent]).await;
    assert!(matches!(evm::settled(&nodes, signed, 1).await, Settled::Progress { .. }));
}
