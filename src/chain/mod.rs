//! Balances on several kinds of chain, read from several endpoints each. One trait, one file or directory a kind; what the
//! endpoints say is judged in `core::wallet`.

mod aptos;
mod cosmos;
mod evm;
#[cfg(fuzzing)]
mod fuzzing;
mod hide;
mod http;
mod near;
mod reader;
mod solana;
mod sui;
#[cfg(test)]
mod testing;
pub mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use url::Url;

#[cfg(fuzzing)]
pub use self::fuzzing::read_anything;
pub use self::http::{CallError, Hosts};
pub use self::reader::ChainReader;
use crate::core::ids::AccountKey;
use crate::core::wallet::{Account, Amount, Asset, Balance, ChainKind, InvalidAsset, Tolerance, Unit};

/// One chain and where it is read.
#[derive(Clone, Debug)]
pub struct ChainSettings {
    /// Its name in the configuration.
    pub name: String,
    pub kind: ChainKind,
    /// What its nodes must say they are of: the genesis hash on Solana, the chain id on EVM and Aptos (in digits), the
    /// chain identifier on Sui, the chain's name on NEAR and Cosmos.
    pub identity: String,
    /// What fees are paid in; `None` where there is no native coin (Tempo, every chain of the Cosmos SDK).
    pub native: Option<Unit>,
    pub endpoints: Vec<EndpointSettings>,
    pub tolerance: Tolerance,
    /// For one call, in real time. All calls of a round to one endpoint may take three times as long.
    pub timeout: Duration,
    /// How long a round waits for the rest once enough endpoints agree.
    pub grace: Duration,
}

impl ChainSettings {
    /// With the usual tolerance and timings.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: ChainKind, identity: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind,
            identity: identity.into(),
            native: kind.usual_unit(),
            endpoints: Vec::new(),
            tolerance: Tolerance::usual(kind),
            timeout: Duration::from_secs(10),
            grace: Duration::from_secs(2),
        }
    }

    /// Whether the asset can be read on this chain.
    ///
    /// # Errors
    /// Naming what can.
    pub fn check(&self, asset: &Asset) -> Result<(), InvalidAsset> {
        asset.check(self.kind)?;
        match asset {
            Asset::Native if self.native.is_none() => Err(InvalidAsset::NoNative { chain: self.name.clone() }),
            Asset::Native | Asset::Spl { .. } | Asset::Erc20 { .. } | Asset::Coin { .. } => Ok(()),
        }
    }
}

/// One endpoint of a chain.
#[derive(Clone)]
pub struct EndpointSettings {
    /// As people read it, in messages and metrics.
    pub name: String,
    /// Often carries a key in its path or query.
    pub url: Url,
}

impl fmt::Debug for EndpointSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        f.debug_struct("EndpointSettings").field("name", &self.name).field("host", &host).finish_non_exhaustive()
    }
}

/// What an endpoint says of a batch: by account, a balance or why it cannot be read.
type Balances = BTreeMap<AccountKey, Result<Balance, String>>;

/// One endpoint of one chain.
trait BalanceSource: Send + Sync {
    /// Which chain the node says it is of, as `ChainSettings::identity` is written.
    fn identity(&self) -> BoxFuture<'_, Result<String, CallError>>;

    /// The balances of all accounts. `since`: nodes that have not reached this position may refuse.
    fn read<'a>(&'a self, accounts: &'a [Account], since: Option<u64>) -> BoxFuture<'a, Result<Balances, CallError>>;
}

/// Calls of one round to one endpoint that are under way together.
const CALLS_AT_ONCE: usize = 4;

/// Makes the calls, a few at a time; the first error ends them all.
async fn few_at_once<T, F>(calls: Vec<F>) -> Result<Vec<T>, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    stream::iter(calls).buffer_unordered(CALLS_AT_ONCE).try_collect().await
}

/// What an account that cannot be on this kind of chain gets; configuration refuses it before.
fn misplaced(account: &Account, kind: ChainKind) -> String {
    format!("{} of {} cannot be read on a chain of kind {}", account.asset, account.address, kind.as_str())
}

/// The native amount in the chain's unit.
fn native(units: u128, unit: Option<&Unit>) -> Result<Amount, String> {
    let Some(unit) = unit else { return Err("this chain has no native coin".to_owned()) };
    Amount::new(units, unit.decimals).map_err(|error| error.to_string())
}
