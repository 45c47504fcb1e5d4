//! Payments on a real EVM node.

use serde_json::json;
use watchkeeper::chain::write::Sight;
use watchkeeper::core::action::found::{CannotPlan, Settled};
use watchkeeper::core::action::journal::{Lasts, Tried};
use watchkeeper::core::wallet::{Asset, ChainKind};

use super::account;
use super::evm::{CHAIN, OWNER};
use crate::support::ledger::{EVM_HOT, EVM_KEY};
use crate::support::nodes::Node;
use crate::support::payer::{Payer, seen};
use crate::support::process::LIMIT;

const TOKEN: &str = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359";
/// `transfer`, `decimals()` is 6, and `balanceOf`; a balance is the storage word at its owner.
const TOKEN_CODE: &str = "0x5f3560e01c8063a9059cbb14602b5763313ce56714602257600435545f5260205ff35b60065f5260205ff35b60\
                          24353354818110604d57819003335560043580548201905560015f5260205ff35b5f5ffd";

async fn node() -> Node {
    let node = Node::anvil(CHAIN);
    node.call("anvil_setBalance", json!([OWNER, "0x0"])).await;
    node
}

fn payer(node: &Node, asset: Asset) -> Payer {
    Payer::new(ChainKind::Evm, &CHAIN.to_string(), &[&node.url], EVM_KEY, account(ChainKind::Evm, OWNER, asset))
}

async fn holds(node: &Node, address: &str) -> u128 {
    let text = node.call("eth_getBalance", json!([address, "latest"])).await;
    u128::from_str_radix(text.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

async fn tokens(node: &Node, address: &str) -> u128 {
    let data = format!("0x70a08231{:0>64}", address[2..].to_lowercase());
    let text = node.call("eth_call", json!([{"to": TOKEN, "data": data}, "latest"])).await;
    u128::from_str_radix(text.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn a_coin_is_paid_once_however_often_it_is_sent() {
    let node = node().await;
    let payer = payer(&node, Asset::Native);
    let plan = payer.plan("1.000000000000000001").await;
    let preview = payer.preview("1.000000000000000001").await.unwrap();
    let shown = seen(&preview);
    assert_eq!(
        (shown.from.before.to_string(), shown.to.after.to_string()),
        ("10000".into(), "1.000000000000000001".into())
    );
    node.call("anvil_mine", json!(["0x5"])).await;
    assert_eq!(plan.digest(), {
        let again = payer.plan("1.000000000000000001").await;
        again.digest()
    });
    let signed = payer.sign(&plan).await.unwrap();
    assert!(matches!(&signed.lasts, Lasts::UntilNonce { nonce: 0, from } if from == EVM_HOT), "{signed:?}");
    for _ in 0..3 {
        payer.send(&plan, &signed).await;
    }
    let tried = payer.outcome(&plan, &signed).await;
    assert_eq!(tried, Tried::Succeeded { note: format!("transaction {}", signed.id) });
    payer.send(&plan, &signed).await;
    node.call("anvil_mine", json!(["0x1"])).await;
    assert_eq!(holds(&node, OWNER).await, 1_000_000_000_000_000_001);
    let progress = Settled::Progress { text: "2 of 3 blocks deep".to_owned() };
    assert_eq!(payer.settled(&plan, &signed).await, progress);
    node.call("anvil_mine", json!(["0x1"])).await;
    assert_eq!(payer.settled(&plan, &signed).await, Settled::Done { note: "3 blocks deep".to_owned() });
    let spent = 10_000 * 10u128.pow(18) - holds(&node, EVM_HOT).await - 1_000_000_000_000_000_001;
    assert!(spent > 0 && spent <= shown.fee.units(), "{spent} of at most {}", shown.fee);
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn a_token_is_paid_in_its_own_units() {
    let node = node().await;
    node.call("anvil_setCode", json!([TOKEN, TOKEN_CODE])).await;
    let slot = format!("0x{:0>64}", EVM_HOT[2..].to_lowercase());
    node.call("anvil_setStorageAt", json!([TOKEN, slot, format!("0x{:0>64x}", 5_000_000)])).await;
    let payer = payer(&node, Asset::erc20(TOKEN).unwrap());
    let preview = payer.preview("2.000001").await.unwrap();
    let shown = seen(&preview);
    assert_eq!((shown.from.after.to_string(), shown.to.after.to_string()), ("2.999999".into(), "2.000001".into()));
    let plan = payer.plan("2.000001").await;
    let signed = payer.sign(&plan).await.unwrap();
    payer.send(&plan, &signed).await;
    assert!(matches!(payer.outcome(&plan, &signed).await, Tried::Succeeded { .. }));
    assert_eq!((tokens(&node, OWNER).await, tokens(&node, EVM_HOT).await), (2_000_001, 2_999_999));
    let fine = payer.preview("0.0000001").await.unwrap_err().to_string();
    assert!(fine.contains("which has 6 decimals"), "{fine}");
    let much = payer.preview("3").await.unwrap_err().to_string();
    assert!(much.contains("simulation failed") || much.contains("holds 2.999999"), "{much}");
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn a_nonce_used_by_another_is_seen_as_soon_as_that_is_deep_enough() {
    let node = node().await;
    let payer = payer(&node, Asset::Native);
    let plan = payer.plan("1").await;
    node.call("evm_setAutomine", json!([false])).await;
    let signed = payer.sign(&plan).await.unwrap();
    payer.send(&plan, &signed).await;
    assert_eq!(payer.observe(&plan, &signed, true).await, Tried::Unclear, "it waits");
    let waits = payer.preview("1").await.unwrap_err();
    assert!(matches!(&waits, CannotPlan::NotNow(why) if why.contains("nonce 0 waits")), "{waits}");
    node.call("anvil_dropTransaction", json!([signed.id])).await;
    let other = json!([{"from": EVM_HOT, "to": OWNER, "value": "0x1", "nonce": "0x0"}]);
    node.call("eth_sendTransaction", other).await;
    node.call("anvil_mine", json!(["0x1"])).await;
    let nowhere = Sight::Nowhere { note: None };
    assert_eq!(payer.look(&plan, &signed, false).await, nowhere, "that block may be dropped");
    node.call("anvil_mine", json!(["0x2"])).await;
    let look = async {
        loop {
            if let Sight::Nowhere { note: Some(said) } = payer.look(&plan, &signed, false).await {
                return said;
            }
        }
    };
    let said = tokio::time::timeout(LIMIT, look).await.expect("it is seen in time");
    assert!(said.contains("seems to have its nonce 0"), "{said}");
    payer.send(&plan, &signed).await;
    node.call("anvil_mine", json!(["0x1"])).await;
    assert_eq!(holds(&node, OWNER).await, 1);
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn what_a_contract_refuses_is_refused_before_and_failed_after() {
    let node = node().await;
    let payer = payer(&node, Asset::Native);
    // It takes whatever comes.
    node.call("anvil_setCode", json!([OWNER, "0x00"])).await;
    let preview = payer.preview("1").await.unwrap();
    assert!(preview.warnings[0].contains("a contract lives at that address"), "{:?}", preview.warnings);
    let plan = payer.plan("1").await;
    let signed = payer.sign(&plan).await.unwrap();
    // It takes nothing any more.
    node.call("anvil_setCode", json!([OWNER, "0x5f5ffd"])).await;
    let refused = payer.preview("1").await.unwrap_err();
    assert!(matches!(&refused, CannotPlan::NotPossible(why) if why.contains("simulation failed")), "{refused}");
    assert!(matches!(payer.sign(&plan).await, Err(Tried::Failed { .. })), "nor is it signed");
    payer.send(&plan, &signed).await;
    let look = async { while !matches!(payer.look(&plan, &signed, false).await, Sight::Shallow(_)) {} };
    tokio::time::timeout(LIMIT, look).await.expect("it is in a block in time");
    node.call("anvil_mine", json!(["0x2"])).await;
    let tried = payer.outcome(&plan, &signed).await;
    assert!(matches!(&tried, Tried::Failed { why } if why.contains("reverted")), "{tried:?}");
    assert_eq!(holds(&node, OWNER).await, 0);
}

#[tokio::test]
#[ignore = "needs anvil: run scripts/test"]
async fn a_node_of_another_chain_is_not_asked_and_nothing_is_signed_for_it() {
    let (right, wrong) = (node().await, Node::anvil(1));
    let to = account(ChainKind::Evm, OWNER, Asset::Native);
    let payer = Payer::new(ChainKind::Evm, &CHAIN.to_string(), &[&wrong.url], EVM_KEY, to.clone());
    assert!(matches!(payer.preview("1").await, Err(CannotPlan::Unreachable { .. })));
    // Two of three are right, and that is enough.
    let both = [&right.url, &wrong.url, &right.url];
    let payer = Payer::new(ChainKind::Evm, &CHAIN.to_string(), &both, EVM_KEY, to);
    let plan = payer.plan("1").await;
    let signed = payer.sign(&plan).await.unwrap();
    payer.send(&plan, &signed).await;
    assert!(matches!(payer.outcome(&plan, &signed).await, Tried::Succeeded { .. }));
    assert_eq!(holds(&wrong, OWNER).await, 0);
}
