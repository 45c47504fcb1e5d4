//! Payments on a real Solana endpoint.

use serde_json::{Value, json};
use watchkeeper::core::action::found::{CannotPlan, Settled};
use watchkeeper::core::action::journal::{Lasts, Signed, Tried};
use watchkeeper::core::wallet::{Asset, ChainKind, SolanaKey, TokenAccount, TokenProgram};

use super::account;
use crate::support::ledger::{solana_hot, solana_secret};
use crate::support::nodes::Node;
use crate::support::payer::{Payer, seen};

const OWNER: &str = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM";
const MINT: &str = "92hQkq8kBgCUcF9yWN8URZB9RTmA4mZpDGtbiAWA74Z8";

/// A node where the hot wallet has this many lamports.
async fn node(lamports: u64) -> (Node, String) {
    let node = Node::surfnet();
    node.call("surfnet_setAccount", json!([solana_hot(), {"lamports": lamports}])).await;
    let genesis = node.call("getGenesisHash", json!([])).await.as_str().unwrap().to_owned();
    (node, genesis)
}

fn payer((node, genesis): &(Node, String), asset: Asset) -> Payer {
    let to = account(ChainKind::Solana, OWNER, asset);
    Payer::new(ChainKind::Solana, genesis, &[&node.url], &solana_secret(), to)
}

/// A mint with 6 decimals, of which the hot wallet holds this many units in its associated account.
async fn token(node: &Node, program: TokenProgram, units: u64) -> Asset {
    let mint = SolanaKey::parse(MINT).unwrap();
    let mut data = [0; 82];
    (data[44], data[45]) = (6, 1);
    data[36..44].copy_from_slice(&units.to_le_bytes());
    let id = program.id().to_string();
    let stored = json!({"lamports": 1_461_600, "data": hex::encode(data), "owner": id});
    node.call("surfnet_setAccount", json!([MINT, stored])).await;
    node.call("surfnet_setTokenAccount", json!([solana_hot(), MINT, {"amount": units}, id])).await;
    Asset::Spl { mint, program, account: TokenAccount::Associated }
}

async fn lamports(node: &Node, address: &str) -> u64 {
    node.call("getBalance", json!([address, {"commitment": "confirmed"}])).await["value"].as_u64().unwrap()
}

async fn tokens(node: &Node, owner: &str) -> Value {
    let found = node.call("getTokenAccountsByOwner", json!([owner, {"mint": MINT}, {"encoding": "jsonParsed"}])).await;
    found["value"][0]["account"]["data"]["parsed"]["info"]["tokenAmount"]["amount"].clone()
}

#[tokio::test]
#[ignore = "needs surfnet: run scripts/test"]
async fn a_coin_is_paid_once_however_often_it_is_sent() {
    let world = node(5_000_000_000).await;
    let payer = payer(&world, Asset::Native);
    let preview = payer.preview("1.000000001").await.unwrap();
    let shown = seen(&preview);
    assert_eq!(
        (shown.from.after.to_string(), shown.to.after.to_string()),
        ("3.999994999".into(), "1.000000001".into())
    );
    assert!(preview.warnings[0].contains("does not exist yet"), "{:?}", preview.warnings);
    let plan = payer.plan("1.000000001").await;
    let signed = payer.sign(&plan).await.unwrap();
    assert!(matches!(signed.lasts, Lasts::UntilHeight { .. }));
    for _ in 0..3 {
        payer.send(&plan, &signed).await;
    }
    let tried = payer.outcome(&plan, &signed).await;
    assert_eq!(tried, Tried::Succeeded { note: format!("transaction {}", signed.id) });
    payer.send(&plan, &signed).await;
    let settled = async { while !matches!(payer.settled(&plan, &signed).await, Settled::Done { .. }) {} };
    tokio::time::timeout(crate::support::process::LIMIT, settled).await.expect("it becomes final");
    let (node, _) = &world;
    assert_eq!((lamports(node, OWNER).await, lamports(node, &solana_hot()).await), (1_000_000_001, 3_999_994_999));
}

#[tokio::test]
#[ignore = "needs surfnet: run scripts/test"]
async fn tokens_of_both_programs_are_paid_and_the_account_is_made() {
    for program in [TokenProgram::Token, TokenProgram::Token2022] {
        let world = node(1_000_000_000).await;
        let asset = token(&world.0, program, 5_000_000).await;
        let payer = payer(&world, asset);
        let preview = payer.preview("2.000001").await.unwrap();
        assert!(preview.warnings.iter().any(|it| it.contains("token account does not exist yet")), "{preview:?}");
        let plan = payer.plan("2.000001").await;
        let signed = payer.sign(&plan).await.unwrap();
        payer.send(&plan, &signed).await;
        let tried = payer.outcome(&plan, &signed).await;
        assert!(matches!(tried, Tried::Succeeded { .. }), "{program:?}: {tried:?}");
        assert_eq!(
            (tokens(&world.0, OWNER).await, tokens(&world.0, &solana_hot()).await),
            (json!("2000001"), json!("2999999"))
        );
        // The second time it is there already.
        let again = payer.preview("1").await.unwrap();
        assert!(again.warnings.is_empty(), "{:?}", again.warnings);
        let much = payer.preview("3").await.unwrap_err();
        assert!(matches!(much, CannotPlan::NotPossible(_)), "{much}");
    }
}

#[tokio::test]
#[ignore = "needs surfnet: run scripts/test"]
async fn what_is_not_known_to_the_chain_may_come_until_it_has_expired() {
    let world = node(5_000_000_000).await;
    let payer = payer(&world, Asset::Native);
    let plan = payer.plan("1").await;
    let signed = payer.sign(&plan).await.unwrap();
    assert_eq!(payer.observe(&plan, &signed, false).await, Tried::Unclear, "it was never sent, and may be");
    let expired = Signed { lasts: Lasts::UntilHeight { last_valid_block_height: 0 }, ..signed };
    let height = async {
        while world.0.call("getBlockHeight", json!([{"commitment": "finalized"}])).await.as_u64().unwrap() == 0 {}
    };
    tokio::time::timeout(crate::support::process::LIMIT, height).await.expect("blocks come");
    let tried = payer.observe(&plan, &expired, true).await;
    assert!(matches!(&tried, Tried::Blocked { why } if why.contains("expired")), "{tried:?}");
    assert_eq!(lamports(&world.0, OWNER).await, 0, "and it is not sent any more");
}

#[tokio::test]
#[ignore = "needs surfnet: run scripts/test"]
async fn what_is_too_little_for_the_fee_or_the_rent_is_refused() {
    let world = node(1_000_000_000).await;
    let payer = payer(&world, Asset::Native);
    for (amount, said) in [("1", "for the fee"), ("0.9995", "must keep"), ("0.0001", "lasts only from")] {
        let refused = payer.preview(amount).await.unwrap_err().to_string();
        assert!(refused.contains(said), "{amount}: {refused}");
    }
}
