//! A round over 1,000 accounts on four chains, each on a real node of this machine: Solana, and three EVM chains.

use std::sync::Arc;

use alloy::providers::bindings::IMulticall3;
use serde_json::json;
use tokio::runtime::Runtime;
use watchkeeper::chain::{ChainReader, ChainSettings, EndpointSettings, Hosts};
use watchkeeper::clock::{SharedClock, SystemClock};
use watchkeeper::core::ids::AccountKey;
use watchkeeper::core::wallet::{Account, Address, Asset, Book, ChainKind, RoundOutcome, SolanaKey};
use watchkeeper::metrics::Metrics;

use crate::nodes::Node;
use crate::{spread, start};

const ROUNDS: usize = 50;
pub const ACCOUNTS_PER_CHAIN: u16 = 250;
const MULTICALL: &str = "0xcA11bde05977b3631167028862bE2a173976CA11";

pub fn measure(runtime: &Runtime) {
    runtime.block_on(async {
        let clock: SharedClock = Arc::new(SystemClock::new(1));
        let hosts = Hosts::new(clock.clone()).unwrap();
        let metrics = Arc::new(Metrics::default());
        let nodes = nodes().await;
        let reader = |local: &Local| {
            let mut settings = ChainSettings::new(local.name.clone(), local.kind, local.identity.clone());
            settings.endpoints = vec![EndpointSettings { name: "local".to_owned(), url: local.node.url.clone() }];
            let reader = ChainReader::new(settings, &hosts, clock.clone(), metrics.clone());
            (reader, accounts(local.kind), Book::default())
        };
        let mut chains: Vec<_> = nodes.iter().map(reader).collect();
        let mut millis = Vec::new();
        for _ in 0..ROUNDS {
            let started = start();
            let rounds = chains.into_iter().map(|(reader, accounts, book)| async move {
                let (book, round) = reader.round(&accounts, book).await;
                assert!(round.accounts.values().all(|outcome| matches!(outcome, RoundOutcome::Ok(_))), "{round:?}");
                (reader, accounts, book)
            });
            chains = futures_util::future::join_all(rounds).await;
            millis.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        println!(
            "1,000 accounts on four chains, one round against nodes of this machine: {}",
            spread("ms", &mut millis)
        );
    });
}

/// A chain with one node of this machine.
pub struct Local {
    pub name: String,
    pub kind: ChainKind,
    pub identity: String,
    pub node: Node,
}

/// Solana, and three EVM chains with Multicall3.
pub async fn nodes() -> Vec<Local> {
    let mut nodes = Vec::new();
    for number in 0..4u64 {
        let (kind, node, identity) = if number == 0 {
            let node = Node::surfnet();
            let genesis = node.call("getGenesisHash", json!([])).await.as_str().unwrap().to_owned();
            (ChainKind::Solana, node, genesis)
        } else {
            let node = Node::anvil(number);
            let code = format!("0x{}", hex::encode(&IMulticall3::BYTECODE[32..]));
            node.call("anvil_setCode", json!([MULTICALL, code])).await;
            (ChainKind::Evm, node, number.to_string())
        };
        nodes.push(Local { name: format!("chain-{number}"), kind, identity, node });
    }
    nodes
}

pub fn address(kind: ChainKind, number: u16) -> String {
    match kind {
        ChainKind::Solana => {
            let mut bytes = [7; 32];
            bytes[..2].copy_from_slice(&number.to_be_bytes());
            SolanaKey(bytes).to_string()
        }
        _ => format!("0x{number:040x}"),
    }
}

fn accounts(kind: ChainKind) -> Vec<Account> {
    let account = |number: u16| Account {
        key: AccountKey::new(number.to_string()),
        address: Address::parse(kind, &address(kind, number)).unwrap(),
        asset: Asset::Native,
    };
    (1..=ACCOUNTS_PER_CHAIN).map(account).collect()
}
