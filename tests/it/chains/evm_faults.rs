//! One of three endpoints misbehaves, before real nodes: the balance is right all the same, and the endpoint is named.

use std::time::Duration;

use serde_json::{Value, json};
use watchkeeper::core::wallet::{Account, Asset, ChainKind, EndpointVerdict, Why};

use super::evm::{CHAIN, OWNER, node};
use super::{Chain, account};
use crate::support::nodes::{Node, Proxy, Said};
use crate::support::process::LIMIT;

const BALANCE: &str = "1.25";

/// Three endpoints of a node with a balance of 1.25; what `b` says goes through `meddle`.
async fn with_one(meddle: impl Fn(&str, Value) -> Said + Send + Sync + 'static) -> (Chain, Account, Node) {
    waiting(LIMIT, meddle).await
}

/// The same, waiting this long for whoever is last.
async fn waiting(
    grace: Duration,
    meddle: impl Fn(&str, Value) -> Said + Send + Sync + 'static,
) -> (Chain, Account, Node) {
    let node = node("0x1158e460913d0000").await;
    let proxy = Proxy::start(&node, meddle).await;
    let endpoints = [&node.url, &proxy.url, &node.url];
    let chain = Chain::with(ChainKind::Evm, &CHAIN.to_string(), &endpoints, |chain| chain.grace = grace);
    (chain, account(ChainKind::Evm, OWNER, Asset::Native), node)
}

/// Every balance in a batch's reply.
fn balances(mut reply: Value, wei: &str) -> Value {
    for answer in reply.as_array_mut().into_iter().flatten() {
        answer["result"] = json!(wei);
    }
    reply
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn one_that_says_zero_is_outvoted_and_named() {
    let (mut chain, payer, _node) = with_one(|_, reply| Said::Json(balances(reply, "0x0"))).await;
    let (amount, verdict) = chain.read(&payer).await;
    assert_eq!(amount, Ok(BALANCE.to_owned()));
    let EndpointVerdict::Lying { said } = &verdict else { panic!("{verdict:?}") };
    assert_eq!((said.said.amount.to_string().as_str(), said.others.amount.to_string().as_str()), ("0", BALANCE));
    assert!(chain.metrics.text().contains(r#"endpoint="b",verdict="lying"} 1"#), "{}", chain.metrics.text());
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn one_that_says_too_much_is_outvoted_and_named() {
    let (mut chain, payer, _node) = with_one(|_, reply| Said::Json(balances(reply, "0xffffffffffffffff"))).await;
    let (amount, verdict) = chain.read(&payer).await;
    assert_eq!(amount, Ok(BALANCE.to_owned()));
    assert!(matches!(verdict, EndpointVerdict::Lying { .. }), "{verdict:?}");
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn one_that_hangs_does_not_hold_up_the_round() {
    let (mut chain, payer, _node) = waiting(Duration::from_millis(20), |_, _| Said::Nothing).await;
    let (amount, verdict) = chain.read(&payer).await;
    assert_eq!(amount, Ok(BALANCE.to_owned()));
    assert_eq!(verdict, EndpointVerdict::Failed { error: "no answer, long after the others".to_owned() });
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn one_that_sends_garbage_is_named_and_ignored() {
    let (mut chain, payer, _node) = with_one(|_, _| Said::Raw("<html>welcome</html>")).await;
    let (amount, verdict) = chain.read(&payer).await;
    assert_eq!(amount, Ok(BALANCE.to_owned()));
    assert!(verdict.to_string().starts_with("sent something else than was asked for"), "{verdict}");
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn one_at_an_old_block_is_said_to_lag() {
    let (mut chain, payer, node) = with_one(|method, mut reply| {
        if method == "eth_blockNumber" {
            reply["result"] = json!("0x2");
        }
        Said::Json(reply)
    })
    .await;
    node.call("anvil_mine", json!(["0x64"])).await;
    let (amount, verdict) = chain.read(&payer).await;
    assert_eq!((amount, verdict), (Ok(BALANCE.to_owned()), EndpointVerdict::Lagging { by: 98 }));
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn one_that_answers_for_another_chain_is_refused() {
    let (mut chain, payer, _node) = with_one(|method, mut reply| {
        if method == "eth_chainId" {
            reply["result"] = json!("0x5");
        }
        Said::Json(reply)
    })
    .await;
    let (amount, verdict) = chain.read(&payer).await;
    assert_eq!(amount, Ok(BALANCE.to_owned()));
    assert_eq!(verdict, EndpointVerdict::WrongChain { expected: CHAIN.to_string(), found: "5".to_owned() });
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn two_that_contradict_each_other_are_unreliable_which_is_not_low() {
    let node = node("0x1158e460913d0000").await;
    let proxy = Proxy::start(&node, |_, reply| Said::Json(balances(reply, "0x0"))).await;
    let mut chain = Chain::new(ChainKind::Evm, &CHAIN.to_string(), &[&node.url, &proxy.url]);
    let payer = account(ChainKind::Evm, OWNER, Asset::Native);
    assert_eq!(chain.read(&payer).await.0, Err(Why::Disagree { needed: 2 }));
}
