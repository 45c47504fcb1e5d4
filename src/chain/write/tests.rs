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

const NOWHERE: Sight = Sight::Nowhere { note: None };

async fn on_solana(says: &[Says]) -> Sight {
    after(60, says).await
}

/// So many seconds after it was tried.
async fn after(secs: u64, says: &[Says]) -> Sight {
    let (nodes, _doubles) = endpoints(ChainKind::Solana, says).await;
    solana::observe(&nodes, &until_height(400), Duration::from_secs(secs)).await
}

async fn on_evm(says: &[Says]) -> Sight {
    let (nodes, _doubles) = endpoints(ChainKind::Evm, says).await;
    evm::observe(&nodes, &until_nonce(), 12).await
}

#[tokio::test]
async fn it_happened_when_more_than_half_say_so() {
    assert!(matches!(on_solana(&[landed, landed, silent]).await, Sight::Told(Tried::Succeeded { .. })));
    assert!(matches!(on_evm(&[landed, silent, landed]).await, Sight::Told(Tried::Succeeded { .. })));
    for says in [[landed, silent, silent], [landed, early, early], [landed, absent, absent]] {
        assert_eq!(on_solana(&says).await, NOWHERE);
        assert_eq!(on_evm(&says).await, NOWHERE);
    }
}

#[tokio::test]
async fn it_did_not_happen_only_when_two_who_must_know_do_not_and_nobody_does() {
    for says in [&[absent, absent, silent][..], &[absent, absent]] {
        assert!(matches!(on_solana(says).await, Sight::Told(Tried::Blocked { .. })));
        let Sight::Nowhere { note: Some(note) } = on_evm(says).await else { panic!() };
        assert!(note.contains("seems to have its nonce 7"), "who counts may not be who is asked: {note}");
    }
    for says in [[absent, silent, silent], [absent, early, early], [absent, early, silent], [early, early, early]] {
        assert_eq!(on_solana(&says).await, NOWHERE, "it may still come");
        assert_eq!(on_evm(&says).await, NOWHERE, "it may still come");
    }
    assert_eq!(on_solana(&[absent, silent]).await, NOWHERE, "of two, both must say so");
}

#[tokio::test]
async fn nothing_expires_faster_than_blocks_pass() {
    assert_eq!(after(59, &[absent, absent, absent]).await, NOWHERE);
    assert!(matches!(after(60, &[absent, absent, absent]).await, Sight::Told(Tried::Blocked { .. })));
}

#[tokio::test]
async fn a_blockhash_lasts_as_long_as_anybody_says() {
    fn says(method: &str, height: u64) -> Option<Value> {
        let value = json!({"value": {"blockhash": "hash", "lastValidBlockHeight": height}});
        (method == "getLatestBlockhash").then_some(value)
    }
    let says: [Says; 3] = [|method| says(method, 1), |method| says(method, 400), silent];
    let (nodes, _doubles) = endpoints(ChainKind::Solana, &says).await;
    assert_eq!(solana::fresh(&nodes).await.unwrap().last_valid_block_height, 400);
}

#[tokio::test]
async fn after_an_earlier_one_that_somebody_knows_the_latest_is_not_sent_again() {
    fn knows_the_first(method: &str) -> Option<Value> {
        match method {
            "getSignatureStatuses" => {
                Some(json!({"value": [{"slot": 1, "err": null, "confirmationStatus": "processed"}, null]}))
            }
            other => landed(other),
        }
    }
    fn none_of_two(method: &str) -> Option<Value> {
        if method == "getSignatureStatuses" { Some(json!({"value": [null, null]})) } else { landed(method) }
    }
    let both = [until_height(600), until_height(400)].concat();
    let (nodes, _doubles) = endpoints(ChainKind::Solana, &[knows_the_first, none_of_two, none_of_two]).await;
    assert!(matches!(solana::observe(&nodes, &both, Duration::MAX).await, Sight::Shallow(_)));
    let (nodes, _doubles) = endpoints(ChainKind::Solana, &[none_of_two, none_of_two]).await;
    assert_eq!(solana::observe(&nodes, &both, Duration::MAX).await, NOWHERE, "the first lasts longer than the latest");
}

#[tokio::test]
async fn what_is_reverted_in_a_block_that_may_be_dropped_has_not_failed() {
    fn reverted(method: &str) -> Option<Value> {
        match method {
            "eth_getTransactionReceipt" => Some(json!({"status": "0x0", "blockNumber": "0x1c"})),
            other => landed(other),
        }
    }
    let (nodes, _doubles) = endpoints(ChainKind::Evm, &[reverted, reverted, silent]).await;
    let seen = async |deep| evm::observe(&nodes, &until_nonce(), deep).await;
    assert_eq!(seen(5).await, Sight::Shallow("the chain reverted it, 4 of 5 blocks deep".to_owned()));
    assert!(matches!(seen(4).await, Sight::Told(Tried::Failed { .. })));
    let settled = evm::settled(&nodes, &until_nonce()[0], 4).await;
    assert!(matches!(settled, Some(Settled::Failed { .. })), "also when it was seen to go through before");
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
    assert_eq!(on_solana(&says).await, NOWHERE);
    assert_eq!(on_evm(&says).await, NOWHERE);
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
    assert_eq!(evm::settled(&nodes, signed, 16).await, Some(Settled::Done { note: "16 blocks deep".to_owned() }));
    let seventeen = Settled::Progress { text: "16 of 17 blocks deep".to_owned() };
    assert_eq!(evm::settled(&nodes, signed, 17).await, Some(seventeen));
    let (nodes, _doubles) = endpoints(ChainKind::Evm, &[landed, silent, silent]).await;
    assert_eq!(evm::settled(&nodes, signed, 1).await, None);
}
