use serde_json::{Value, json};
use watchkeeper::core::wallet::{
    Account, Asset, ChainKind, EndpointVerdict, RoundOutcome, SolanaKey, TokenAccount, TokenProgram,
};

use super::{Chain, account};
use crate::support::nodes::{Node, Proxy, Said};

const OWNER: &str = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM";
const MINT: &str = "92hQkq8kBgCUcF9yWN8URZB9RTmA4mZpDGtbiAWA74Z8";

/// A node where the owner has this many lamports.
async fn node(lamports: u64) -> Node {
    let node = Node::surfnet();
    node.call("surfnet_setAccount", json!([OWNER, {"lamports": lamports}])).await;
    node
}

async fn genesis(node: &Node) -> String {
    node.call("getGenesisHash", json!([])).await.as_str().unwrap().to_owned()
}

/// A mint with 6 decimals, of which the owner holds this many units in its associated account.
async fn token(node: &Node, program: TokenProgram, units: u64) -> Asset {
    let mint = SolanaKey::parse(MINT).unwrap();
    let mut data = [0; 82];
    (data[44], data[45]) = (6, 1);
    let program_id = program.id().to_string();
    let stored = json!({"lamports": 1_461_600, "data": hex::encode(data), "owner": program_id});
    node.call("surfnet_setAccount", json!([MINT, stored])).await;
    node.call("surfnet_setTokenAccount", json!([OWNER, MINT, {"amount": units}, program_id])).await;
    Asset::Spl { mint, program, account: TokenAccount::Associated }
}

fn native() -> Account {
    account(ChainKind::Solana, OWNER, Asset::Native)
}

#[tokio::test]
#[ignore = "needs surfnet: run scripts/test"]
async fn a_funded_account_reads_back_to_the_last_lamport() {
    let node = node(1_250_000_001).await;
    let mut chain = Chain::new(ChainKind::Solana, &genesis(&node).await, &[&node.url]);
    assert_eq!(chain.read(&native()).await.0, Ok("1.250000001".to_owned()));
    let stranger = account(ChainKind::Solana, MINT, Asset::Native);
    assert_eq!(chain.read(&stranger).await.0, Ok("0".to_owned()));
}

#[tokio::test]
#[ignore = "needs surfnet: run scripts/test"]
async fn tokens_of_both_programs_are_found_by_their_owner() {
    for program in [TokenProgram::Token, TokenProgram::Token2022] {
        let node = node(1_000_000_000).await;
        let tokens = account(ChainKind::Solana, OWNER, token(&node, program, 3_500_001).await);
        let mut chain = Chain::new(ChainKind::Solana, &genesis(&node).await, &[&node.url]);
        assert_eq!(chain.read(&tokens).await.0, Ok("3.500001".to_owned()), "{program:?}");
    }
}

#[tokio::test]
#[ignore = "needs surfnet: run scripts/test"]
async fn a_thousand_addresses_are_ten_calls() {
    let node = node(5).await;
    let proxy = Proxy::honest(&node).await;
    let mut chain = Chain::new(ChainKind::Solana, &genesis(&node).await, &[&proxy.url]);
    let address = |number: u16| {
        let mut bytes = [7; 32];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        SolanaKey(bytes).to_string()
    };
    let accounts: Vec<_> =
        (0..1000).map(|number| account(ChainKind::Solana, &address(number), Asset::Native)).collect();
    chain.round(&accounts[..1]).await;
    let before = proxy.requests();
    let round = chain.round(&accounts).await;
    assert_eq!(proxy.requests() - before, 10);
    assert!(round.accounts.values().all(|outcome| matches!(outcome, RoundOutcome::Ok(_))));
}

/// What `b` of three endpoints comes to when its answers go through `meddle`; the balance must be right all the same.
async fn verdict_on(meddle: impl Fn(&str, Value) -> Said + Send + Sync + 'static) -> EndpointVerdict {
    let node = node(1_250_000_000).await;
    // All answer from the same slot.
    node.call("surfnet_pauseClock", json!([])).await;
    let proxy = Proxy::start(&node, meddle).await;
    let genesis = genesis(&node).await;
    let mut chain = Chain::new(ChainKind::Solana, &genesis, &[&node.url, &proxy.url, &node.url]);
    // The slot that was under way when the clock stopped may still have ended between two answers of the first round.
    let _first = chain.read(&native()).await;
    let (amount, verdict) = chain.read(&native()).await;
    assert_eq!(amount, Ok("1.25".to_owned()));
    verdict
}

#[tokio::test]
#[ignore = "needs surfnet: run scripts/test"]
async fn another_chains_genesis_is_refused() {
    let devnet = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG";
    let verdict = verdict_on(move |method, mut reply| {
        if method == "getGenesisHash" {
            reply["result"] = json!(devnet);
        }
        Said::Json(reply)
    })
    .await;
    assert!(matches!(&verdict, EndpointVerdict::WrongChain { found, .. } if found == devnet), "{verdict}");
}

#[tokio::test]
#[ignore = "needs surfnet: run scripts/test"]
async fn an_old_slot_is_said_to_lag() {
    let node = node(1_250_000_000).await;
    let ahead = |method: &str, mut reply: Value| {
        if method == "getMultipleAccounts" {
            let slot = reply["result"]["context"]["slot"].as_u64().unwrap();
            reply["result"]["context"]["slot"] = json!(slot + 100_000);
        }
        Said::Json(reply)
    };
    // Two that are far on make the third one late.
    let (one, other) = (Proxy::start(&node, ahead).await, Proxy::start(&node, ahead).await);
    let mut chain = Chain::new(ChainKind::Solana, &genesis(&node).await, &[&one.url, &node.url, &other.url]);
    let (amount, verdict) = chain.read(&native()).await;
    assert_eq!(amount, Ok("1.25".to_owned()));
    assert!(matches!(verdict, EndpointVerdict::Lagging { by } if by > 90_000), "{verdict}");
}

#[tokio::test]
#[ignore = "needs surfnet: run scripts/test"]
async fn one_that_says_the_account_is_empty_is_outvoted_and_named() {
    let verdict = verdict_on(|method, mut reply| {
        if method == "getMultipleAccounts" {
            reply["result"]["value"] = json!([null]);
        }
        Said::Json(reply)
    })
    .await;
    let EndpointVerdict::Lying { said } = &verdict else { panic!("{verdict:?}") };
    assert_eq!((said.said.amount.to_string().as_str(), said.others.amount.to_string().as_str()), ("0", "1.25"));
}
