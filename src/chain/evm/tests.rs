use serde_json::Value;

use super::*;
use crate::chain::testing::{Script, account, double};

const OWNER: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const TOKEN: &str = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359";

/// A node without Multicall3, where the token has 6 decimals and everybody has 1.25 of everything.
fn plain(request: &Value) -> Value {
    let one = |request: &Value| {
        let result = match request["method"].as_str().unwrap() {
            "eth_chainId" => "0x1".to_owned(),
            "eth_blockNumber" => "0x64".to_owned(),
            "eth_getCode" => "0x".to_owned(),
            "eth_getBalance" => "0x1158e460913d0000".to_owned(),
            "eth_call" if request["params"][0]["to"] != TOKEN.to_lowercase() => "0x".to_owned(),
            "eth_call" if request["params"][0]["data"].as_str().unwrap().starts_with("0x313ce567") => word(6),
            "eth_call" => word(1_250_000),
            other => panic!("{other}"),
        };
        serde_json::json!({"jsonrpc": "2.0", "id": request["id"], "result": result})
    };
    match request {
        Value::Array(batch) => batch.iter().map(one).collect(),
        single => one(single),
    }
}

fn word(number: u128) -> String {
    format!("0x{number:064x}")
}

fn said(balances: &Balances, key: &str) -> Result<(String, u64), String> {
    let balance = balances[&crate::core::ids::AccountKey::new(key)].clone();
    balance.map(|balance| (balance.amount.to_string(), balance.position))
}

#[tokio::test]
async fn without_multicall_plain_calls_travel_in_one_batch() {
    let double = double(Script::Body(Box::new(plain))).await;
    let evm = Evm::new(double.http(), ChainKind::Evm.usual_unit());
    assert_eq!(evm.identity().await, Ok("1".to_owned()));
    let missing = Asset::erc20(OWNER).unwrap();
    let accounts = [
        account("native", ChainKind::Evm, OWNER, Asset::Native),
        account("token", ChainKind::Evm, OWNER, Asset::erc20(TOKEN).unwrap()),
        account("missing", ChainKind::Evm, OWNER, missing),
    ];
    let balances = evm.read(&accounts).await.unwrap();
    assert_eq!(said(&balances, "native"), Ok(("1.25".to_owned(), 100)));
    assert_eq!(said(&balances, "token"), Ok(("1.25".to_owned(), 100)));
    assert_eq!(said(&balances, "missing"), Err(format!("{OWNER} does not answer like a token contract")));
    // The chain id, the block, whether Multicall3 is there, the batch.
    assert_eq!(double.requests(), 4);
    evm.read(&accounts[..2]).await.unwrap();
    assert_eq!(double.requests(), 6);
    let batch: Value = serde_json::from_str(double.bodies().last().unwrap()).unwrap();
    assert_eq!(batch.as_array().unwrap().len(), 2, "decimals are asked for once");
}

#[tokio::test]
async fn a_chain_without_a_native_coin_is_never_asked_for_native_balances() {
    let double = double(Script::Body(Box::new(plain))).await;
    let evm = Evm::new(double.http(), None);
    let accounts = [account("token", ChainKind::Evm, OWNER, Asset::erc20(TOKEN).unwrap())];
    let balances = evm.read(&accounts).await.unwrap();
    assert_eq!(said(&balances, "token"), Ok(("1.25".to_owned(), 100)));
    assert!(double.bodies().iter().all(|body| !body.contains("eth_getBalance")));
}

#[tokio::test]
async fn what_a_node_refuses_is_said_in_its_words() {
    let refuse = |request: &Value| serde_json::json!({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32005, "message": "limit exceeded"}});
    let double = double(Script::Body(Box::new(refuse))).await;
    let error = Evm::new(double.http(), None).identity().await.unwrap_err();
    assert_eq!(error.to_string(), "refused: limit exceeded (-32005)");
}

#[tokio::test]
async fn garbage_is_no_balance() {
    let double = double(Script::Always(200, Vec::new(), "<html>welcome</html>")).await;
    let error = Evm::new(double.http(), None).identity().await.unwrap_err();
    assert!(matches!(error, CallError::Malformed(_)), "{error}");
}

#[test]
fn more_than_128_bits_are_an_error_and_no_other_number() {
    let evm_word = [0xff; 32];
    let question = Question::Token { contract: [1; 20], owner: [2; 20] };
    let units = question.number(&evm_word).unwrap();
    assert!(u128::try_from(units).is_err());
    assert_eq!(question.number(&[]), Err(question.no_answer()));
    assert_eq!(question.number(&[0; 33]), Err(question.no_answer()));
    assert_eq!(bytes("0x1f3"), Some(vec![0x01, 0xf3]));
    assert_eq!(bytes("1f3"), None);
}
