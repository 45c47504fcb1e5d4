//! Wallets under watch, in `watchkeeper.yaml`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::core::cron::Cron;
use crate::core::ids::AccountKey;
use crate::core::time::Span;
use crate::core::wallet::limits::{Levels, Limits};
use crate::core::wallet::watch::{Chain as WatchedChain, Setup, Watched};
use crate::core::wallet::{
    Account as Read, Address, Amount, Asset, ChainKind, SolanaKey, TokenAccount, TokenProgram, Unit,
};

/// Balances of wallets on several chains, and how long they last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Balances {
    pub chains: Vec<Chain>,
    /// What the accounts of a group have in common, by the group's name; each account may say otherwise.
    pub groups: BTreeMap<String, Common>,
    pub accounts: Vec<Account>,
    /// Who needs how much, posted on a schedule.
    pub summary: Option<Summary>,
}

/// One chain and the endpoints that are asked about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// The `chain` label of its alerts: solana, base, arbitrum …
    pub name: String,
    pub kind: ChainKind,
    /// With several, more than half must agree on a balance.
    pub endpoints: Vec<Endpoint>,
    /// What its nodes must say they are of: the genesis hash on Solana, the chain id on EVM and Aptos (in digits), the chain
    /// identifier on Sui, the chain's name on NEAR and Cosmos. A node of another chain is not believed.
    pub identity: String,
    /// False where fees are not paid in a coin of the chain (Tempo).
    #[serde(default = "yes")]
    pub native: bool,
    /// An account's page, with `{address}` in the place of the address.
    #[serde(default)]
    pub explorer: Option<String>,
    /// What the native coin is called; that of the kind when absent.
    #[serde(default)]
    pub symbol: Option<String>,
    /// Decimals of the native coin; those of the kind when absent.
    #[serde(default)]
    pub decimals: Option<u8>,
    /// The feed that tells what the native coin is worth in dollars, e.g. `Crypto.SOL/USD`.
    #[serde(default)]
    pub price: Option<String>,
    /// How often it is asked.
    #[serde(default = "minute")]
    pub every: Span,
    /// How long balances are unknown, or an endpoint is in trouble, before somebody hears of it.
    #[serde(default = "five_minutes")]
    pub unreliable_after: Span,
}

/// Where a chain's node answers. One of `url` and `url_env`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// What messages call it; the host of `url`, or `url_env`, when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// An address without secrets in it.
    #[serde(default)]
    pub url: Option<String>,
    /// The environment variable that holds the address (NAME_FILE works as well), for one with an API key in it.
    #[serde(default)]
    pub url_env: Option<String>,
}

impl Endpoint {
    /// What messages call it. Never more of an address than its host.
    #[must_use]
    pub fn name(&self) -> String {
        let host = || Url::parse(self.url.as_deref()?).ok()?.host_str().map(str::to_owned);
        self.name.clone().or_else(host).or_else(|| self.url_env.clone()).unwrap_or_default()
    }
}

/// When an account is too empty, and whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Common {
    pub warning: Limit,
    pub critical: Limit,
    /// Who is pinged: a user id (U…) or a user group id (S…).
    pub owner: Option<String>,
    /// Labels of the alerts, besides account, chain, group and asset.
    pub labels: BTreeMap<String, String>,
}

/// From which point on; either is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limit {
    /// At this amount or less, in whole coins: "0.5".
    pub amount: Option<String>,
    /// With this much time left at the present pace, or less: 12h, 3d.
    pub runway: Option<Span>,
}

/// One asset at one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// What people call it; the `account` label of its alerts.
    pub name: String,
    /// A name of `chains`.
    pub chain: String,
    pub address: String,
    /// pusher, keeper, fee payer, treasury, or any other word; takes over what `groups` says of it.
    #[serde(default)]
    pub group: Option<String>,
    /// An SPL token by its mint, in place of the native coin (Solana).
    #[serde(default)]
    pub mint: Option<String>,
    /// The program of the mint.
    #[serde(default)]
    #[schemars(with = "Option<TokenProgram>")]
    pub token_program: Option<Program>,
    /// The token account that holds it; the associated one when absent.
    #[serde(default)]
    pub token_account: Option<String>,
    /// An ERC-20 token by its contract, in place of the native coin (EVM).
    #[serde(default)]
    pub contract: Option<String>,
    /// A coin type or denom (Aptos, Sui, Cosmos), in place of the native coin; wants `decimals`.
    #[serde(default)]
    pub coin: Option<String>,
    #[serde(default)]
    pub decimals: Option<u8>,
    /// What the asset is called; the chain's native symbol when absent.
    #[serde(default)]
    pub symbol: Option<String>,
    /// The feed that tells what it is worth in dollars; the chain's when it is the native coin.
    #[serde(default)]
    pub price: Option<String>,
    #[serde(default)]
    pub warning: Limit,
    #[serde(default)]
    pub critical: Limit,
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// The program that owns a mint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Program {
    #[serde(rename = "token")]
    Token,
    #[serde(rename = "token-2022")]
    Token2022,
}

/// A message that says who needs how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// When: five fields and a time zone, e.g. `0 9 * * MON Europe/Paris`.
    #[schemars(with = "String")]
    pub schedule: Cron,
    /// A name of `receivers`.
    pub receiver: String,
    /// How long every wallet shall last.
    #[serde(default = "two_weeks")]
    pub reach: Span,
}

const fn yes() -> bool {
    true
}

const fn minute() -> Span {
    Span::from_secs(60)
}

const fn five_minutes() -> Span {
    Span::from_secs(300)
}

const fn two_weeks() -> Span {
    Span::from_secs(14 * 86_400)
}

/// The finest amount of a limit: what it is counted in is known only when the asset was read.
const FINEST: u8 = 24;

impl Balances {
    #[must_use]
    pub fn chain(&self, name: &str) -> Option<&Chain> {
        self.chains.iter().find(|chain| chain.name == name)
    }

    /// The native coin of a chain; `None` where it has none.
    #[must_use]
    pub fn unit(chain: &Chain) -> Option<Unit> {
        let usual = chain.kind.usual_unit();
        let symbol = chain.symbol.clone().or_else(|| usual.as_ref().map(|unit| unit.symbol.clone()))?;
        let decimals = chain.decimals.or_else(|| usual.map(|unit| unit.decimals))?;
        Unit::new(symbol, decimals).ok().filter(|_| chain.native)
    }

    /// What is under watch. Whatever is wrong was said by the check and is left out here.
    #[must_use]
    pub fn setup(&self) -> Setup {
        let chain = |chain: &Chain| WatchedChain {
            name: chain.name.clone(),
            kind: chain.kind,
            patience: chain.unreliable_after,
        };
        let wallets = self.accounts.iter().filter_map(|account| account.watched(self).ok());
        Setup { chains: self.chains.iter().map(chain).collect(), wallets: wallets.collect() }
    }

    /// Names of labels that only these alerts have.
    pub fn label_names(&self) -> impl Iterator<Item = &str> {
        let of_groups = self.groups.values().flat_map(|group| group.labels.keys());
        of_groups.chain(self.accounts.iter().flat_map(|account| account.labels.keys())).map(String::as_str)
    }
}

/// Which key of an account is wrong, and why.
pub(super) type Wrong = (&'static str, String);

impl Account {
    /// The native coin at an address, with the limits of its group.
    #[must_use]
    pub fn native(name: &str, chain: &str, address: &str, group: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            chain: chain.to_owned(),
            address: address.to_owned(),
            group: group.map(str::to_owned),
            mint: None,
            token_program: None,
            token_account: None,
            contract: None,
            coin: None,
            decimals: None,
            symbol: None,
            price: None,
            warning: Limit::default(),
            critical: Limit::default(),
            owner: None,
            labels: BTreeMap::new(),
        }
    }

    /// The account with everything its chain and its group say of it.
    pub(super) fn watched(&self, all: &Balances) -> Result<Watched, Wrong> {
        let chain = all.chain(&self.chain).ok_or_else(|| ("chain", String::new()))?;
        let address = Address::parse(chain.kind, &self.address).map_err(|error| ("address", error.to_string()))?;
        let (asset, key) = self.asset()?;
        if asset == Asset::Native && !chain.native {
            let message = format!("{} has no native coin; name a token with `contract`, `mint` or `coin`", chain.name);
            return Err(("name", message));
        }
        asset.check(chain.kind).map_err(|error| (key, error.to_string()))?;
        let group = self.group.as_ref().and_then(|name| all.groups.get(name)).cloned().unwrap_or_default();
        let native = asset == Asset::Native;
        let usual = chain.kind.usual_unit().map(|unit| unit.symbol);
        let symbol = self.symbol.clone().or_else(|| if native { chain.symbol.clone().or(usual) } else { None });
        let mut labels = group.labels.clone();
        labels.extend(self.labels.clone());
        let own = (&self.warning, &self.critical);
        Ok(Watched {
            account: Read { key: AccountKey::new(&self.name), address: address.clone(), asset },
            chain: self.chain.clone(),
            symbol: symbol.ok_or_else(|| ("symbol", "is missing; say what the token is called".to_owned()))?,
            group: self.group.clone(),
            labels,
            owner: self.owner.clone().or(group.owner),
            limits: limits(own, (&group.warning, &group.critical))?,
            explorer: chain.explorer.as_ref().map(|url| url.replace("{address}", &address.to_string())),
            price: self.price.clone().or_else(|| chain.price.clone().filter(|_| native)),
        })
    }

    /// What its asset is called.
    pub(super) fn symbol(&self, all: &Balances) -> Option<String> {
        self.watched(all).ok().map(|watched| watched.symbol)
    }

    /// The asset, and the key that names it.
    fn asset(&self) -> Result<(Asset, &'static str), Wrong> {
        let said = |error: &dyn std::fmt::Display, key| (key, error.to_string());
        match (&self.mint, &self.contract, &self.coin) {
            (None, None, None) => Ok((Asset::Native, "address")),
            (Some(mint), None, None) => {
                let mint = SolanaKey::parse(mint).map_err(|error| said(&error, "mint"))?;
                let program = match self.token_program {
                    Some(Program::Token2022) => TokenProgram::Token2022,
                    Some(Program::Token) | None => TokenProgram::Token,
                };
                let account = match &self.token_account {
                    Some(at) => TokenAccount::At(SolanaKey::parse(at).map_err(|error| said(&error, "token_account"))?),
                    None => TokenAccount::Associated,
                };
                Ok((Asset::Spl { mint, program, account }, "mint"))
            }
            (None, Some(contract), None) => {
                Asset::erc20(contract).map(|asset| (asset, "contract")).map_err(|error| said(&error, "contract"))
            }
            (None, None, Some(coin)) => {
                let decimals = self.decimals.ok_or_else(|| ("coin", "wants `decimals` beside it".to_owned()))?;
                Asset::coin(coin, decimals).map(|asset| (asset, "coin")).map_err(|error| said(&error, "coin"))
            }
            _ => Err(("name", "has more than one of mint, contract and coin; write an entry for each".to_owned())),
        }
    }
}

/// An account's own limits before those of its group.
fn limits(own: (&Limit, &Limit), group: (&Limit, &Limit)) -> Result<Limits, Wrong> {
    let amount = |own: &Limit, group: &Limit, key| match own.amount.as_ref().or(group.amount.as_ref()) {
        Some(text) => Amount::parse(text, FINEST).map(Some).map_err(|error| (key, error.to_string())),
        None => Ok(None),
    };
    let runway = |own: &Limit, group: &Limit| own.runway.or(group.runway);
    Ok(Limits {
        amount: Levels {
            warning: amount(own.0, group.0, "warning.amount")?,
            critical: amount(own.1, group.1, "critical.amount")?,
        },
        runway: Levels { warning: runway(own.0, group.0), critical: runway(own.1, group.1) },
    })
}
