//! Payments over an endpoint that answers with anything, for `fuzz/`.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::chain::EndpointSettings;
use crate::chain::fuzzing::{Place, feed};
use crate::core::action::kind::Action;
use crate::core::action::money::HotWallet;
use crate::core::action::target::{Sort, Target};
use crate::core::ids::AccountKey;
use crate::core::wallet::watch::Watched;
use crate::core::wallet::{Account, Amount, Asset, SolanaKey, TokenAccount, TokenProgram};
use crate::metrics::Metrics;

/// The first line names a kind of chain, and `token` behind it pays one; each line after it is what its node answers with, in
/// turn, while one coin is planned, signed, sent, looked for and waited for.
pub fn pay_anything(bytes: &[u8]) {
    let Some((named, place)) = feed(bytes) else { return };
    let (kind, token) = named.strip_suffix(" token").map_or((named.as_str(), false), |kind| (kind, true));
    let Some(kind) = ChainKind::ALL.into_iter().find(|it| payable(*it) && it.as_str() == kind) else { return };
    let (hands, route) = hands(kind, token, place);
    let chain = &hands.0.chains["chain"];
    let key = &hands.0.purses["hot"].key;
    let target = Target { cluster: "chain".into(), namespace: String::new(), sort: Sort::Wallet, name: "to".into() };
    let action = Action::TopUp { amount: Amount::new(1, 0).expect("decimals") };
    place.runtime.block_on(async {
        let Ok(plan) = hands.preview(&action, &target, &route).await else { return };
        let transfer = plan.changes[0].transfer().expect("a transfer");
        let signed = match key {
            Key::Solana(key) => solana::sign(chain, key, transfer, &route, 0).await,
            Key::Evm(key) => evm::sign(chain, key, transfer, &route, 0).await,
        };
        let Ok(signed) = signed else { return };
        assert!(transfer.amount <= transfer.seen.from.before, "more is paid than there is");
        chain.send(&signed).await;
        let (nodes, all) = (&chain.nodes, [signed]);
        match kind {
            ChainKind::Solana => {
                let _sight = solana::observe(nodes, &all, Duration::MAX).await;
                let _settled = solana::settled(nodes, &all[0]).await;
            }
            _ => {
                let _sight = evm::observe(nodes, &all, 12).await;
                let _settled = evm::settled(nodes, &all[0], 12).await;
            }
        }
    });
}

fn hands(kind: ChainKind, token: bool, place: &Place) -> (Hands, Route) {
    let (to, key, identity, asset) = match kind {
        ChainKind::Solana => (
            SolanaKey([7; 32]).to_string(),
            Key::Solana(ed25519_dalek::SigningKey::from_bytes(&[3; 32])),
            "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d",
            Asset::Spl { mint: SolanaKey([9; 32]), program: TokenProgram::Token, account: TokenAccount::Associated },
        ),
        _ => (
            format!("0x{}", "07".repeat(20)),
            Key::Evm(alloy::signers::local::PrivateKeySigner::from_slice(&[3; 32]).expect("a key")),
            "1",
            Asset::Erc20 { contract: [9; 20] },
        ),
    };
    let mut settings = ChainSettings::new("chain", kind, identity);
    settings.endpoints =
        vec![EndpointSettings { name: "node".into(), url: "http://node.invalid".parse().expect("a URL") }];
    let reader = ChainReader::new(settings.clone(), &place.hosts, place.clock.clone(), Arc::new(Metrics::default()));
    let purse = Purse { name: "hot".into(), chain: "chain".into(), key };
    let hands = Hands::new(vec![(settings, Arc::new(reader))], vec![purse], &place.hosts);
    let most = BTreeMap::from([("COIN".to_owned(), Amount::new(1000, 0).expect("decimals"))]);
    let hot = HotWallet {
        name: "hot".into(),
        chain: "chain".into(),
        to: BTreeSet::from(["to".to_owned()]),
        per_transfer: most.clone(),
        per_day: most,
        max_fee: None,
        confirmations: 12,
    };
    let address = Address::parse(kind, &to).expect("an address");
    let asset = if token { asset } else { Asset::Native };
    let to = Watched::new(Account { key: AccountKey::new("to"), address, asset }, "chain", "COIN");
    (hands, Route { hot, to, price: None })
}
