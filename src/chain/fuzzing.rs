//! Nodes that answer with anything, for `fuzz/`: no network, the replies come from what was fed.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::Runtime;

use super::http::{CallError, Reply};
use super::{BalanceSource, Hosts, aptos, cosmos, evm, near, solana, sui};
use crate::clock::{SharedClock, SystemClock};
use crate::core::ids::AccountKey;
use crate::core::wallet::{Account, Address, Asset, ChainKind, SolanaKey, TokenAccount, TokenProgram};

thread_local! {
    static REPLIES: RefCell<VecDeque<Vec<u8>>> = const { RefCell::new(VecDeque::new()) };
}

/// The next reply; there is a ledger version in its header, as Aptos has one.
pub(super) fn reply() -> Result<Reply, CallError> {
    let body = REPLIES.with_borrow_mut(VecDeque::pop_front);
    let body = body.ok_or_else(|| CallError::Transport("no more replies".to_owned()))?;
    let headers =
        HeaderMap::from_iter([(HeaderName::from_static(aptos::LEDGER_VERSION), HeaderValue::from_static("1"))]);
    Ok(Reply { headers, body })
}

/// Where nodes are called, without a network.
pub(super) struct Place {
    pub hosts: Hosts,
    pub runtime: Runtime,
    pub clock: SharedClock,
}

/// The first line of what was fed; each line after it is what a node answers with, in turn.
pub(super) fn feed(bytes: &[u8]) -> Option<(String, &'static Place)> {
    static PLACE: OnceLock<Place> = OnceLock::new();
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
    let first = String::from_utf8(lines.next()?).ok()?;
    REPLIES.set(lines.collect());
    let place = PLACE.get_or_init(|| {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let clock: SharedClock = Arc::new(SystemClock::new(1));
        Place { hosts: Hosts::new(Arc::clone(&clock)).expect("a client"), runtime, clock }
    });
    Some((first, place))
}

/// The first line names a kind of chain; its node is asked who it is, and then for a round of balances.
pub fn read_anything(bytes: &[u8]) {
    let Some((named, Place { hosts, runtime, .. })) = feed(bytes) else { return };
    let Some(kind) = ChainKind::ALL.into_iter().find(|kind| kind.as_str() == named) else { return };
    let http = hosts.at(&"http://node.invalid".parse().expect("a URL"), Duration::from_secs(1));
    let unit = kind.usual_unit();
    let source: Box<dyn BalanceSource> = match kind {
        ChainKind::Solana => Box::new(solana::Solana::new(http, unit)),
        ChainKind::Evm => Box::new(evm::Evm::new(http, unit)),
        ChainKind::Aptos => Box::new(aptos::Aptos::new(http, unit)),
        ChainKind::Sui => Box::new(sui::Sui::new(http, unit)),
        ChainKind::Near => Box::new(near::Near::new(http, unit)),
        ChainKind::Cosmos => Box::new(cosmos::Cosmos::new(http)),
    };
    let accounts = accounts(kind);
    runtime.block_on(async {
        let _who = source.identity().await;
        let _balances = source.read(&accounts, None).await;
    });
}

/// The chain's coin and a token, where it has them.
fn accounts(kind: ChainKind) -> Vec<Account> {
    let key = SolanaKey([7; 32]);
    let spl = |account| Asset::Spl { mint: SolanaKey([9; 32]), program: TokenProgram::Token, account };
    let coin = || Asset::coin("uosmo", 6).expect("a name");
    let (address, assets) = match kind {
        ChainKind::Solana => {
            let assets = vec![Asset::Native, spl(TokenAccount::Associated), spl(TokenAccount::At(SolanaKey([8; 32])))];
            (key.to_string(), assets)
        }
        ChainKind::Evm => (format!("0x{}", "07".repeat(20)), vec![Asset::Native, Asset::Erc20 { contract: [9; 20] }]),
        ChainKind::Aptos | ChainKind::Sui => ("0x7".to_owned(), vec![Asset::Native, coin()]),
        ChainKind::Near => ("payer.near".to_owned(), vec![Asset::Native]),
        ChainKind::Cosmos => ("cosmos1jv65s3grqf6v6jl3dp4t6c9t9rk99cd88lyufl".to_owned(), vec![coin()]),
    };
    let address = Address::parse(kind, &address).expect("an address");
    let account = |(nth, asset)| Account { key: AccountKey::new(format!("a{nth}")), address: address.clone(), asset };
    assets.into_iter().enumerate().map(account).collect()
}
