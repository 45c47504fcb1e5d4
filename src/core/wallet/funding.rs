//! Who needs how much to last for a number of days: what the funding summary is made from.

use std::time::Duration;

use super::Amount;
use super::runway::Outlook;
use super::watch::Prices;
use super::watch::{Wallet, Wallets};
use super::worth::Dollars;
use crate::core::decimal::Decimal;
use crate::core::ids::AccountKey;

/// One wallet that does not last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    pub account: AccountKey,
    pub chain: String,
    pub group: Option<String>,
    pub symbol: String,
    pub holds: Amount,
    pub left: Duration,
    /// What has to come in.
    pub missing: Amount,
    pub worth: Option<Dollars>,
}

/// Who needs what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Funding {
    /// By chain and group, those that run dry first at the top of each.
    pub needs: Vec<Need>,
    /// Wallets that last long enough.
    pub fine: usize,
    /// Wallets of which nothing can be said: too little seen, or not readable.
    pub unknown: Vec<AccountKey>,
}

impl Funding {
    /// What `wallets` need to last for `length` from now on.
    #[must_use]
    pub fn of(wallets: &Wallets, length: Duration, prices: Prices<'_>) -> Self {
        let mut funding = Self::default();
        for wallet in wallets.wallets() {
            let price = wallet.watched().price.as_deref().and_then(prices);
            match (wallet.unknown(), wallet.outlook()) {
                (None, Outlook::Falling(runway)) => match Need::of(wallet, length, price) {
                    Some(need) => funding.needs.push(need),
                    None if runway.left >= length => funding.fine += 1,
                    None => funding.unknown.push(wallet.watched().account.key.clone()),
                },
                (None, Outlook::Steady { .. }) => funding.fine += 1,
                (Some(_), _) | (None, Outlook::Unknown { .. }) => {
                    funding.unknown.push(wallet.watched().account.key.clone());
                }
            }
        }
        let order = |need: &Need| (need.chain.clone(), need.group.clone(), need.left, need.account.clone());
        funding.needs.sort_by_cached_key(order);
        funding
    }
}

impl Need {
    fn of(wallet: &Wallet, length: Duration, price: Option<Decimal>) -> Option<Self> {
        let (runway, holds) = (wallet.outlook().runway()?, wallet.amount()?);
        let missing = wallet.of_units(runway.missing(holds.units(), length)).filter(|missing| !missing.is_zero())?;
        let watched = wallet.watched();
        Some(Self {
            account: watched.account.key.clone(),
            chain: watched.chain.clone(),
            group: watched.group.clone(),
            symbol: watched.symbol.clone(),
            holds,
            left: runway.left,
            missing,
            worth: price.and_then(|price| Dollars::of(missing, price)),
        })
    }
}
