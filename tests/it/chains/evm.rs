use alloy::providers::bindings::IMulticall3;
use serde_json::json;
use watchkeeper::core::wallet::{Account, Asset, ChainKind, EndpointVerdict, RoundOutcome, Why};

use super::{Chain, account};
use crate::support::nodes::{Node, Proxy, Said};

pub const CHAIN: u64 = 8453;
pub const OWNER: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const TOKEN: &str = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359";
const MULTICALL: &str = "0xcA11bde05977b3631167028862bE2a173976CA11";

/// `decimals()` is 6; `balanceOf(owner)` is the storage word at the owner.
const TOKEN_CODE: &str = "0x5f3560e01c63313ce56714601857600435545f5260205ff35b60065f5260205ff3";

/// A node where the owner has this much wei (in hex).
pub async fn node(wei: &str) -> Node {
    let node = Node::anvil(CHAIN);
    node.call("anvil_setBalance", json!([OWNER, wei])).await;
    node
}

async fn with_multicall(node: &Node) {
    // What its constructor would have stored: all behind the 32 bytes that copy it.
    let code = format!("0x{}", hex::encode(&IMulticall3::BYTECODE[32..]));
    node.call("anvil_setCode", json!([MULTICALL, code])).await;
}

async fn token(node: &Node, owner: &str, word: &str) -> Asset {
    node.call("anvil_setCode", json!([TOKEN, TOKEN_CODE])).await;
    let slot = format!("0x{:0>64}", owner[2..].to_lowercase());
    node.call("anvil_setStorageAt", json!([TOKEN, slot, format!("0x{word:0>64}")])).await;
    Asset::erc20(TOKEN).unwrap()
}

fn native() -> Account {
    account(ChainKind::Evm, OWNER, Asset::Native)
}

fn chain(node: &Node) -> Chain {
    Chain::new(ChainKind::Evm, &CHAIN.to_string(), &[&node.url])
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn a_funded_account_reads_back_to_the_last_wei() {
    let node = node("0x1158e460913d0001").await;
    assert_eq!(chain(&node).read(&native()).await.0, Ok("1.250000000000000001".to_owned()));
    with_multicall(&node).await;
    assert_eq!(chain(&node).read(&native()).await.0, Ok("1.250000000000000001".to_owned()));
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn a_token_reads_back_by_its_own_decimals_with_multicall_and_without() {
    let node = node("0x0").await;
    let tokens = account(ChainKind::Evm, OWNER, token(&node, OWNER, "1312d1").await);
    assert_eq!(chain(&node).read(&tokens).await.0, Ok("1.250001".to_owned()));
    with_multicall(&node).await;
    assert_eq!(chain(&node).read(&tokens).await.0, Ok("1.250001".to_owned()));
    // Where there is no native coin, nothing else is different.
    let mut chain = Chain::with(ChainKind::Evm, &CHAIN.to_string(), &[&node.url], |chain| chain.native = None);
    assert_eq!(chain.read(&tokens).await.0, Ok("1.250001".to_owned()));
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn more_than_can_be_counted_and_no_token_at_all_are_errors_not_amounts() {
    let node = node("0x0").await;
    with_multicall(&node).await;
    let huge = account(ChainKind::Evm, OWNER, token(&node, OWNER, &"f".repeat(64)).await);
    let why = chain(&node).read(&huge).await.0.unwrap_err();
    assert_eq!(why, Why::Unreadable { error: "the balance has more than 128 bits".to_owned() });
    let nobody = account(ChainKind::Evm, OWNER, Asset::erc20(OWNER).unwrap());
    let why = chain(&node).read(&nobody).await.0.unwrap_err();
    assert_eq!(why, Why::Unreadable { error: format!("{OWNER} does not answer like a token contract") });
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn a_node_of_another_chain_is_refused() {
    let (right, wrong) = (node("0x1").await, Node::anvil(1));
    let mut chain = Chain::new(ChainKind::Evm, &CHAIN.to_string(), &[&right.url, &wrong.url, &right.url]);
    let (amount, verdict) = chain.read(&native()).await;
    assert_eq!(amount, Ok("0.000000000000000001".to_owned()));
    assert_eq!(verdict, EndpointVerdict::WrongChain { expected: CHAIN.to_string(), found: "1".to_owned() });
    let mut alone = Chain::new(ChainKind::Evm, &CHAIN.to_string(), &[&wrong.url]);
    assert_eq!(alone.read(&native()).await.0, Err(Why::TooFew { answered: 0, needed: 1 }));
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn a_thousand_addresses_are_two_calls() {
    let node = node("0x5").await;
    with_multicall(&node).await;
    let proxy = Proxy::honest(&node).await;
    let mut chain = Chain::new(ChainKind::Evm, &CHAIN.to_string(), &[&proxy.url]);
    let mut accounts: Vec<_> =
        (1..1000).map(|number| account(ChainKind::Evm, &format!("0x{number:040x}"), Asset::Native)).collect();
    accounts.push(native());
    chain.round(&accounts).await;
    let before = proxy.requests();
    let round = chain.round(&accounts).await;
    assert_eq!(proxy.requests() - before, 2);
    assert_eq!(round.accounts.len(), 1000);
    assert!(round.accounts.values().all(|outcome| matches!(outcome, RoundOutcome::Ok(_))));
    let counted = format!("watchkeeper_chain_calls_total{{chain=\"evm\",endpoint=\"a\"}} {}", proxy.requests());
    assert!(chain.metrics.text().contains(&counted), "{}", chain.metrics.text());
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn a_spent_balance_is_seen_in_the_next_round_and_a_sudden_zero_in_the_one_after() {
    let node = node("0x1158e460913d0000").await;
    let mut chain = chain(&node);
    assert_eq!(chain.read(&native()).await.0, Ok("1.25".to_owned()));
    node.call("anvil_setBalance", json!([OWNER, "0x1"])).await;
    assert_eq!(chain.read(&native()).await.0, Ok("0.000000000000000001".to_owned()));
    node.call("anvil_setBalance", json!([OWNER, "0x0"])).await;
    assert_eq!(chain.read(&native()).await.0, Err(Why::ZeroUnconfirmed));
    assert_eq!(chain.read(&native()).await.0, Ok("0".to_owned()));
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn a_block_from_before_is_refused() {
    let node = node("0x7").await;
    node.call("anvil_mine", json!(["0x64"])).await;
    let mut chain = chain(&node);
    assert_eq!(chain.read(&native()).await.0, Ok("0.000000000000000007".to_owned()));
    let old = Proxy::start(&node, |method, mut reply| {
        if method == "eth_blockNumber" {
            reply["result"] = json!("0x2");
        }
        Said::Json(reply)
    })
    .await;
    let mut stale = Chain::new(ChainKind::Evm, &CHAIN.to_string(), &[&old.url]);
    stale.book = chain.book;
    assert_eq!(stale.read(&native()).await.0, Err(Why::OldPosition { position: 2, known: 100 }));
}
