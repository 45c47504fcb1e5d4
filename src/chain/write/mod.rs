//! The hands that pay: one transfer on a chain, exactly as approved. [`Hands::preview`] looks, simulates and plans,
//! [`Hands::sign`] makes the transaction, [`Hands::send`] sends its bytes, [`Hands::observe`] finds out what came of them,
//! [`Hands::settled`] whether it can still go away.
//!
//! A transaction is signed once and written down before it is sent. Until it cannot come into a block any more nothing but
//! those bytes is sent, however often: a chain takes them once. Only here are crates named that sign.

mod evm;
#[cfg(fuzzing)]
mod fuzzing;
mod key;
mod nodes;
mod plan;
mod solana;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::nodes::{NoAnswer, Nodes};
use super::{ChainReader, ChainSettings, Hosts};
use crate::core::action::approval::Approved;
use crate::core::action::found::{CannotPlan, Settled};
use crate::core::action::journal::{Signed, Tried};
use crate::core::action::kind::Action;
use crate::core::action::money::{Route, Transfer};
use crate::core::action::plan::{Plan, Preview};
use crate::core::action::target::Target;
use crate::core::wallet::{Address, ChainKind, Unit};

#[cfg(fuzzing)]
pub use self::fuzzing::pay_anything;
pub use self::key::{BadKey, Key};

/// A hot wallet's name and what signs for it.
#[derive(Clone, Debug)]
pub struct Purse {
    pub name: String,
    pub chain: String,
    pub key: Key,
}

/// How a transaction is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// How long ago it was tried.
    pub since: Duration,
    /// On EVM: how many blocks deep something must be before it is believed for good.
    pub confirmations: u64,
    /// Whether its bytes are sent again while they may still come into a block.
    pub resend: bool,
}

/// What looking for a transaction shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    Told(Tried),
    /// In no block that enough endpoints know; it may still come. What else is seen, if anything.
    Nowhere {
        note: Option<String>,
    },
    /// Something is there, and not for so long that it is believed.
    Shallow(String),
}

/// Pays on the configured chains. Cheap to clone.
#[derive(Clone, Default)]
pub struct Hands(Arc<Inner>);

#[derive(Default)]
struct Inner {
    chains: BTreeMap<String, Chain>,
    purses: BTreeMap<String, Purse>,
}

/// A chain that can be paid on.
struct Chain {
    name: String,
    kind: ChainKind,
    native: Option<Unit>,
    nodes: Nodes,
    reader: Arc<ChainReader>,
}

impl fmt::Debug for Hands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hands").field(&self.0.purses.values()).finish()
    }
}

impl Hands {
    /// Connects to nothing yet. Chains that nothing can be paid on are left out.
    #[must_use]
    pub fn new(chains: Vec<(ChainSettings, Arc<ChainReader>)>, purses: Vec<Purse>, hosts: &Hosts) -> Self {
        let payable = chains.into_iter().filter(|(chain, _)| payable(chain.kind));
        let chain = |(settings, reader): (ChainSettings, Arc<ChainReader>)| {
            let nodes = Nodes::new(&settings, hosts);
            let ChainSettings { name, kind, native, .. } = settings;
            (name.clone(), Chain { name, kind, native, nodes, reader })
        };
        let purses = purses.into_iter().map(|purse| (purse.name.clone(), purse));
        Self(Arc::new(Inner { chains: payable.map(chain).collect(), purses: purses.collect() }))
    }

    /// The hot wallets and their addresses.
    pub fn purses(&self) -> impl Iterator<Item = &Purse> {
        self.0.purses.values()
    }

    /// What a top-up would come to as the chain is now. It is simulated: what the chain would refuse is refused here. Limits
    /// are not looked at.
    ///
    /// # Errors
    /// There is nothing to plan; the error says why, in words.
    pub async fn preview(&self, action: &Action, target: &Target, route: &Route) -> Result<Preview, CannotPlan> {
        let Action::TopUp { amount } = action else {
            let why = format!("{} cannot be done to a wallet", action.kind().as_str());
            return Err(CannotPlan::NotPossible(why));
        };
        let (chain, key) = self.parts(route)?;
        let ask = plan::Ask { chain, route, target, from: key.address(), amount: *amount };
        match chain.kind {
            ChainKind::Solana => solana::preview(&ask).await,
            _ => evm::preview(&ask).await,
        }
    }

    /// Makes the transaction of one step, after a last simulation; sends nothing. `route` is who may pay whom now.
    ///
    /// # Errors
    /// [`Tried::Failed`] when what was approved cannot be done any more, [`Tried::Blocked`] when it cannot be done now.
    pub async fn sign(&self, plan: &Approved<Plan>, step: usize, route: &Route) -> Result<Signed, Tried> {
        let failed = |why: String| Tried::Failed { why };
        let Some(transfer) = plan.preview.changes.get(step).and_then(|change| change.transfer()) else {
            return Err(failed(format!("step {step} of the plan is no transfer")));
        };
        let (chain, key) = self.parts(route).map_err(|cannot| failed(cannot.to_string()))?;
        still(plan, transfer, route, &key.address()).map_err(failed)?;
        if !chain.same(plan) {
            return Err(failed(format!("{} is another chain since it was approved", chain.name)));
        }
        match key {
            Key::Solana(key) => solana::sign(chain, key, transfer, route, step).await,
            Key::Evm(key) => evm::sign(chain, key, transfer, route, step).await,
        }
    }

    /// Sends a signed transaction to every endpoint. What came of it is told by [`Self::observe`].
    pub async fn send(&self, plan: &Approved<Plan>, signed: &Signed) {
        if let Some(chain) = self.0.chains.get(&plan.target.cluster) {
            chain.send(signed).await;
        }
    }

    /// Looks what came of the transactions signed for a step, the latest last. While it may still come, its bytes are sent
    /// again if that is wanted. [`Tried::Blocked`]: it did not happen and cannot any more.
    pub async fn observe(&self, plan: &Approved<Plan>, signed: &[Signed], look: Look) -> Sight {
        let Some(latest) = signed.last() else {
            return Sight::Told(Tried::Blocked { why: "nothing was signed, so nothing was sent".to_owned() });
        };
        let Some(chain) = self.0.chains.get(&plan.target.cluster) else {
            let why = format!("{} is not configured any more; look for {} there", plan.target.cluster, latest.id);
            return Sight::Told(Tried::Unknown { why });
        };
        if !chain.same(plan) {
            let why = format!(
                "{} is another chain in the configuration now; look for {} on the former",
                chain.name, latest.id
            );
            return Sight::Told(Tried::Unknown { why });
        }
        let sight = match chain.kind {
            ChainKind::Solana => solana::observe(&chain.nodes, signed, look.since).await,
            _ => evm::observe(&chain.nodes, signed, look.confirmations).await,
        };
        if look.resend && matches!(sight, Sight::Nowhere { .. }) {
            chain.send(latest).await;
        }
        sight
    }

    /// Whether another transaction may be signed for a step that these were signed for before: only when it is found once
    /// more, right before, that none of them came or can come.
    ///
    /// # Errors
    /// What is known of them instead.
    pub async fn may_sign(&self, plan: &Approved<Plan>, earlier: &[Signed]) -> Result<(), Tried> {
        if earlier.is_empty() {
            return Ok(());
        }
        let look = Look { since: Duration::MAX, confirmations: u64::MAX, resend: false };
        match self.observe(plan, earlier, look).await {
            Sight::Told(Tried::Blocked { .. }) => Ok(()),
            Sight::Told(tried) => Err(tried),
            Sight::Nowhere { .. } | Sight::Shallow(_) => Err(Tried::Unclear),
        }
    }

    /// Whether the transaction can still go away again. `confirmations`: how deep it must be on EVM. Where it is in no block
    /// its bytes are sent again if `resend`: it may have been in one that was dropped.
    pub async fn settled(&self, plan: &Approved<Plan>, signed: &Signed, confirmations: u64, resend: bool) -> Settled {
        let Some(chain) = self.0.chains.get(&plan.target.cluster).filter(|chain| chain.same(plan)) else {
            return Settled::Progress { text: format!("{} is not configured any more", plan.target.cluster) };
        };
        let settled = match chain.kind {
            ChainKind::Solana => solana::settled(&chain.nodes, signed).await,
            _ => evm::settled(&chain.nodes, signed, confirmations).await,
        };
        if settled.is_none() && resend {
            chain.send(signed).await;
        }
        let text = || "too few endpoints have the transaction in a block".to_owned();
        settled.unwrap_or_else(|| Settled::Progress { text: text() })
    }

    fn parts(&self, route: &Route) -> Result<(&Chain, &Key), CannotPlan> {
        let Route { hot, .. } = route;
        let chain = self.0.chains.get(&hot.chain);
        let purse = self.0.purses.get(&hot.name).filter(|purse| purse.chain == hot.chain);
        chain.zip(purse).map(|(chain, purse)| (chain, &purse.key)).ok_or_else(|| {
            CannotPlan::NotPossible(format!(
                "the key of `{}` was not read; it takes effect at the next start",
                hot.name
            ))
        })
    }
}

impl Chain {
    async fn send(&self, signed: &Signed) {
        let Ok(bytes) = hex::decode(&signed.bytes) else { return };
        let errors = match self.kind {
            ChainKind::Solana => solana::send(&self.nodes, &bytes).await,
            _ => evm::send(&self.nodes, &bytes).await,
        };
        // Nodes that have it already say so in as many ways as there are; looking tells.
        for error in errors {
            tracing::debug!(
                chain = self.name,
                transaction = signed.id,
                error,
                "an endpoint did not take a transaction"
            );
        }
    }

    /// Whether it is the chain that the plan is about: a name may come to mean another.
    fn same(&self, plan: &Plan) -> bool {
        plan.preview.rests_on.get(plan::CHAIN).is_some_and(|identity| identity == self.nodes.identity())
    }

    fn unreachable(&self, why: &NoAnswer) -> CannotPlan {
        CannotPlan::Unreachable { cluster: self.name.clone(), why: why.to_string() }
    }
}

const fn payable(kind: ChainKind) -> bool {
    matches!(kind, ChainKind::Solana | ChainKind::Evm)
}

/// Whether the configuration still says what was approved.
fn still(plan: &Plan, transfer: &Transfer, route: &Route, from: &Address) -> Result<(), String> {
    let Transfer { wallet, from: payer, to, asset, symbol, amount, seen: _ } = transfer;
    let account = &route.to.account;
    let changed = |what: &str| Err(format!("{what} in the configuration since it was approved"));
    if *wallet != route.hot.name || *payer != from.to_string() {
        return changed("the hot wallet was changed");
    }
    if *to != account.address.to_string() {
        return changed("the address was changed");
    }
    let place = plan.preview.rests_on.get(plan::ASSET);
    let same = *asset == account.asset.to_string() && place == Some(&plan::place(&account.asset));
    if !same || *symbol != route.to.symbol {
        return changed("the asset was changed");
    }
    // The day's limit was checked as it began.
    let nothing = crate::core::wallet::Amount::new(0, amount.decimals()).map_err(|error| error.to_string())?;
    route.hot.allows(symbol, *amount, nothing).map_err(|over| over.to_string())
}

#[cfg(test)]
mod tests;
