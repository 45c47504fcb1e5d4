use serde_json::{Value as Json, json};

use super::*;
use crate::chain::testing::{Script, account, double};
use crate::core::ids::AccountKey;

const OWNER: &str = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM";
const MINT: &str = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v";
const ELSEWHERE: &str = "92hQkq8kBgCUcF9yWN8URZB9RTmA4mZpDGtbiAWA74Z8";

fn key(text: &str) -> SolanaKey {
    SolanaKey::parse(text).unwrap()
}

fn token(program: TokenProgram, account: TokenAccount) -> Asset {
    Asset::Spl { mint: key(MINT), program, account }
}

fn stored(lamports: u64, owner: &str, data: &[u8]) -> Json {
    let data = base64::engine::general_purpose::STANDARD.encode(data);
    json!({"lamports": lamports, "owner": owner, "data": [data, "base64"], "executable": false, "rentEpoch": 0})
}

/// At slot 200: the owner has 1.25 SOL and 3.5 tokens in its associated account; the token has 6 decimals. A token account
/// of somebody else lies at `ELSEWHERE`.
fn node(request: &Json) -> Json {
    let result = match request["method"].as_str().unwrap() {
        "getGenesisHash" => json!("5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"),
        "getMultipleAccounts" => {
            let options = &request["params"][1];
            assert_eq!((&options["commitment"], &options["encoding"]), (&json!("confirmed"), &json!("base64")));
            if options["minContextSlot"].as_u64().is_some_and(|slot| slot > 200) {
                let error = json!({"code": -32016, "message": "Minimum context slot has not been reached"});
                return json!({"jsonrpc": "2.0", "id": request["id"], "error": error});
            }
            let program = TokenProgram::Token.id().to_string();
            let holding =
                |owner: &str, amount: u64| [key(MINT).0.as_slice(), &key(owner).0, &amount.to_le_bytes()].concat();
            let associated = token::associated_account(key(OWNER), TokenProgram::Token, key(MINT)).unwrap().to_string();
            let value = |name: &Json| match name.as_str().unwrap() {
                OWNER => stored(1_250_000_000, "11111111111111111111111111111111", &[]),
                MINT => {
                    let mut mint = [0; 72];
                    (mint[44], mint[45]) = (6, 1);
                    stored(1, &program, &mint)
                }
                ELSEWHERE => stored(1, &program, &holding(MINT, 9)),
                other if other == associated => stored(1, &program, &holding(OWNER, 3_500_000)),
                _ => Json::Null,
            };
            let values: Vec<_> = request["params"][0].as_array().unwrap().iter().map(value).collect();
            assert!(values.len() <= KEYS_PER_CALL);
            json!({"context": {"slot": 200, "apiVersion": "4.2.2"}, "value": values})
        }
        other => panic!("{other}"),
    };
    json!({"jsonrpc": "2.0", "id": request["id"], "result": result})
}

fn said(balances: &Balances, name: &str) -> Result<(String, u64), String> {
    let balance = balances[&AccountKey::new(name)].clone();
    balance.map(|balance| (balance.amount.to_string(), balance.position))
}

#[tokio::test]
async fn coins_and_tokens_of_both_programs_are_read_together() {
    let double = double(Script::Body(Box::new(node))).await;
    let solana = Solana::new(double.http(), ChainKind::Solana.usual_unit());
    let at = TokenAccount::At(key(ELSEWHERE));
    let accounts = [
        account("coin", ChainKind::Solana, OWNER, Asset::Native),
        account("token", ChainKind::Solana, OWNER, token(TokenProgram::Token, TokenAccount::Associated)),
        account("never made", ChainKind::Solana, ELSEWHERE, token(TokenProgram::Token, TokenAccount::Associated)),
        account("of another", ChainKind::Solana, OWNER, token(TokenProgram::Token, at)),
        account("empty", ChainKind::Solana, "SUrFPooLSUrFPooLSUrFPooLSUrFPooLSUrFPooLSUr", Asset::Native),
    ];
    let balances = solana.read(&accounts, Some(150)).await.unwrap();
    assert_eq!(said(&balances, "coin"), Ok(("1.25".to_owned(), 200)));
    assert_eq!(said(&balances, "token"), Ok(("3.5".to_owned(), 200)));
    assert_eq!(said(&balances, "never made"), Ok(("0".to_owned(), 200)));
    assert_eq!(said(&balances, "of another"), Err(format!("{ELSEWHERE} belongs to {MINT}, not to {OWNER}")));
    assert_eq!(said(&balances, "empty"), Ok(("0".to_owned(), 200)));
    assert_eq!(double.requests(), 1);
}

#[tokio::test]
async fn a_mint_of_the_other_token_program_is_no_zero() {
    let double = double(Script::Body(Box::new(node))).await;
    let solana = Solana::new(double.http(), ChainKind::Solana.usual_unit());
    let asset = token(TokenProgram::Token2022, TokenAccount::Associated);
    let balances = solana.read(&[account("token", ChainKind::Solana, OWNER, asset)], None).await.unwrap();
    let why = said(&balances, "token").unwrap_err();
    assert!(why.starts_with(&format!("{MINT} is no mint of the token program Tokenz")), "{why}");
}

#[tokio::test]
async fn a_thousand_addresses_are_ten_calls() {
    let double = double(Script::Body(Box::new(node))).await;
    let solana = Solana::new(double.http(), ChainKind::Solana.usual_unit());
    let address = |number: u16| {
        let mut bytes = [7; 32];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        SolanaKey(bytes).to_string()
    };
    let accounts: Vec<_> = (0..1000)
        .map(|number| account(&number.to_string(), ChainKind::Solana, &address(number), Asset::Native))
        .collect();
    assert_eq!(solana.read(&accounts, None).await.unwrap().len(), 1000);
    assert_eq!(double.requests(), 10);
}

#[tokio::test]
async fn a_node_that_is_behind_tells_how_far() {
    let double = double(Script::Body(Box::new(node))).await;
    let solana = Solana::new(double.http(), ChainKind::Solana.usual_unit());
    let balances = solana.read(&[account("coin", ChainKind::Solana, OWNER, Asset::Native)], Some(900)).await.unwrap();
    assert_eq!(said(&balances, "coin"), Ok(("1.25".to_owned(), 200)));
    assert_eq!(double.requests(), 2);
}

#[tokio::test]
async fn the_chain_is_known_by_its_genesis() {
    let double = double(Script::Body(Box::new(node))).await;
    let solana = Solana::new(double.http(), None);
    assert_eq!(solana.identity().await, Ok("5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d".to_owned()));
}

#[tokio::test]
async fn garbage_is_no_balance() {
    for garbage in ["<html>", "[]", "{}", r#"{"result": {"context": {"slot": 1}, "value": []}}"#] {
        let double = double(Script::Always(200, Vec::new(), garbage)).await;
        let solana = Solana::new(double.http(), None);
        let asked = solana.read(&[account("coin", ChainKind::Solana, OWNER, Asset::Native)], None).await;
        assert!(matches!(asked, Err(CallError::Malformed(_) | CallError::Transport(_))), "{garbage}: {asked:?}");
    }
}
