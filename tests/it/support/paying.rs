//! A bot that may pay from a hot wallet on each of two local chains.

use serde_json::json;
use watchkeeper::config::Config;
use watchkeeper::config::actions::HotWallet;
use watchkeeper::config::balances::{Account, Balances, Chain, Endpoint};
use watchkeeper::core::time::Span;
use watchkeeper::core::wallet::ChainKind;

use super::Database;
use super::acting::{Acting, allowed, rule};
use super::ledger::{CHAIN_ID, EVM_HOT, GENESIS, Ledger, solana_hot};

pub const KEEPER: &str = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM";
pub const PUSHER: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
pub const SOL: u128 = 1_000_000_000;
pub const ETH: u128 = 1_000_000_000_000_000_000;

pub struct Paying {
    pub acting: Acting,
    pub ledger: Ledger,
}

pub fn chain(ledger: &Ledger, name: &str, kind: ChainKind, identity: &str) -> Chain {
    let endpoint = |(nth, url): (usize, url::Url)| Endpoint {
        name: Some(format!("node-{nth}")),
        url: Some(url.to_string()),
        url_env: None,
    };
    Chain {
        name: name.to_owned(),
        kind,
        endpoints: ledger.endpoints(kind.as_str()).into_iter().enumerate().map(endpoint).collect(),
        identity: identity.to_owned(),
        native: true,
        explorer: Some("https://explorer.example/{address}".to_owned()),
        symbol: None,
        decimals: None,
        price: Some("Crypto.SOL/USD".to_owned()),
        every: Span::from_secs(60),
        unreliable_after: Span::from_secs(300),
    }
}

pub fn hot(name: &str, chain: &str, key: &str, to: &str, symbol: &str) -> HotWallet {
    serde_json::from_value(json!({
        "name": name, "chain": chain, "key_env": key, "to": [to],
        "per_transfer": {symbol: "2"}, "per_day": {symbol: "5"}, "confirmations": 3,
    }))
    .unwrap()
}

fn world(config: &mut Config, ledger: &Ledger) {
    config.balances = Balances {
        chains: vec![
            chain(ledger, "solana", ChainKind::Solana, GENESIS),
            chain(ledger, "base", ChainKind::Evm, &CHAIN_ID.to_string()),
        ],
        accounts: vec![
            Account::native("keeper", "solana", KEEPER, Some("keepers")),
            Account::native("pusher", "base", PUSHER, None),
        ],
        ..Balances::default()
    };
    config.actions = allowed(rule());
    config.actions.hot_wallets = vec![
        hot("ops-solana", "solana", "HOT_SOLANA", "keepers", "SOL"),
        hot("ops-base", "base", "HOT_EVM", "pusher", "ETH"),
    ];
}

impl Paying {
    pub async fn start() -> Self {
        Self::with(Database::sqlite(), |_| {}).await
    }

    pub async fn with(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        let ledger = Ledger::start().await;
        ledger.set(KEEPER, SOL / 2);
        ledger.set(PUSHER, ETH / 4);
        ledger.set(&solana_hot(), 100 * SOL);
        ledger.set(EVM_HOT, 100 * ETH);
        let acting = Acting::with(database, |config| {
            world(config, &ledger);
            change(config);
        })
        .await;
        ledger.follow(acting.bot.clock.clone());
        Self { acting, ledger }
    }

    pub async fn restart(self) -> Self {
        let Self { acting, ledger } = self;
        ledger.release();
        Self { acting: acting.restart().await, ledger }
    }

    /// Asked for by Alice, allowed by Bob and Carol; gives its number.
    pub async fn approved(&self, line: &str) -> u64 {
        let told = self.acting.ask("alice", line).await;
        let number = told.split("*#").nth(1).and_then(|rest| rest.split('*').next()).and_then(|it| it.parse().ok());
        let number: u64 = number.unwrap_or_else(|| panic!("{line}: {told}"));
        for user in ["bob", "carol"] {
            self.acting.press(user, number, "Approve").await;
        }
        number
    }
}
