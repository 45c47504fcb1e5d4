//! What both kinds of chain have in common about a plan: who holds how much, whether it suffices, and the plan itself.

use std::collections::BTreeMap;

use super::Chain;
use crate::core::action::found::CannotPlan;
use crate::core::action::journal::Tried;
use crate::core::action::money::{Party, Payment, Route, Transfer};
use crate::core::action::plan::{Blast, Change, Object, Preview, Risk, Undo, Write};
use crate::core::action::target::Target;
use crate::core::ids::AccountKey;
use crate::core::wallet::{Account, Address, Amount, Asset, Book, RoundOutcome, TokenAccount, Unit};

/// What a plan rests on, by name: the chain's identity, and the asset with its place.
pub(super) const CHAIN: &str = "chain";
pub(super) const ASSET: &str = "asset";

/// What is asked for.
pub(super) struct Ask<'a> {
    pub chain: &'a Chain,
    pub route: &'a Route,
    pub target: &'a Target,
    pub from: Address,
    /// As it was written.
    pub amount: Amount,
}

/// Who holds how much, as enough endpoints say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Of the asset.
    pub from: Amount,
    pub to: Amount,
    /// The hot wallet's native coin, which pays the fee.
    pub coin: Amount,
}

/// What was found out besides.
pub(super) struct Found {
    pub amount: Amount,
    /// At most.
    pub fee: Amount,
    /// What else leaves the hot wallet in its coin: rent.
    pub besides: Amount,
    pub simulated: String,
    pub warnings: Vec<String>,
}

impl Ask<'_> {
    pub fn coin(&self) -> Result<&Unit, CannotPlan> {
        let none = || CannotPlan::NotPossible(format!("{} has no coin that fees are paid in", self.chain.name));
        self.chain.native.as_ref().ok_or_else(none)
    }

    /// Reads the balances of both, by the vote that watches them.
    pub async fn held(&self) -> Result<Held, CannotPlan> {
        self.coin()?;
        let to = &self.route.to.account;
        let account = |key: &str, address: &Address, asset: Asset| Account {
            key: AccountKey::new(key),
            address: address.clone(),
            asset,
        };
        let accounts = [
            account("to", &to.address, to.asset.clone()),
            account("from", &self.from, own(&to.asset)),
            account("coin", &self.from, Asset::Native),
        ];
        let (_, round) = self.chain.reader.round(&accounts, Book::default()).await;
        let of = |key: &str| match round.accounts.get(&AccountKey::new(key)) {
            Some(RoundOutcome::Ok(reading)) => Ok(reading.amount),
            Some(RoundOutcome::Unreliable { why, .. }) => {
                Err(CannotPlan::Unreachable { cluster: self.chain.name.clone(), why: why.to_string() })
            }
            None => Err(CannotPlan::NotNow("a balance was not told".to_owned())),
        };
        Ok(Held { to: of("to")?, from: of("from")?, coin: of("coin")? })
    }

    /// The amount in the asset's own units.
    pub fn units(&self, held: &Held) -> Result<Amount, CannotPlan> {
        let (decimals, symbol) = (held.to.decimals(), &self.route.to.symbol);
        let no = |why: String| Err(CannotPlan::NotPossible(why));
        match self.amount.rescaled(decimals) {
            Some(amount) if amount.is_zero() => no("nothing is no amount".to_owned()),
            Some(amount) if held.from < amount => {
                no(format!("`{}` holds {} {symbol}; {amount} are to go", self.route.hot.name, held.from))
            }
            Some(amount) => Ok(amount),
            None => no(format!("{} cannot be counted in {symbol}, which has {decimals} decimals", self.amount)),
        }
    }

    /// What the hot wallet has left of the asset, when what it holds suffices; `costs` are in its coin.
    pub fn left(&self, held: &Held, amount: Amount, costs: Amount) -> Result<Amount, CannotPlan> {
        let (name, symbol) = (&self.route.hot.name, &self.route.to.symbol);
        let no = |why: String| CannotPlan::NotPossible(why);
        let native = self.route.to.account.asset == Asset::Native;
        let leaves = if native { amount.plus(costs) } else { Some(amount) };
        let left = leaves.and_then(|leaves| held.from.checked_sub(leaves)).ok_or_else(|| {
            let with = if native { format!(", and {costs} for the fee") } else { String::new() };
            no(format!("`{name}` holds {} {symbol}; {amount} are to go{with}", held.from))
        })?;
        if !native && held.coin < costs {
            let Unit { symbol: coin, .. } = self.coin()?;
            return Err(no(format!("`{name}` holds {} {coin}, and {costs} are needed for the fee", held.coin)));
        }
        Ok(left)
    }

    /// The plan, when what the hot wallet holds suffices for it.
    pub fn preview(&self, held: &Held, found: Found) -> Result<Preview, CannotPlan> {
        let Self { chain, route, target, from, .. } = self;
        let Found { amount, fee, besides, simulated, warnings } = found;
        let (hot, symbol, coin) = (&route.hot, route.to.symbol.clone(), self.coin()?);
        let no = |why: String| CannotPlan::NotPossible(why);
        if let Some(most) = hot.max_fee.filter(|most| fee > *most) {
            return Err(CannotPlan::NotNow(format!(
                "the fee may come to {fee} {}, and `{}` pays at most {most}",
                coin.symbol, hot.name
            )));
        }
        let costs = fee.plus(besides).ok_or_else(|| no("the fee is too large to be counted".to_owned()))?;
        let after = self.left(held, amount, costs)?;
        let (per_transfer, per_day) = hot.caps(&symbol).map_err(|over| no(over.to_string()))?;
        let party = |name: &str, address: &Address, before, after| Party {
            name: name.to_owned(),
            address: address.short(),
            explorer: explorer(route, address),
            before,
            after,
        };
        let to = &route.to.account;
        let received =
            held.to.checked_add(amount).ok_or_else(|| no("the sum is too large to be counted".to_owned()))?;
        let seen = Payment {
            worth: route.worth(amount),
            from: party(&hot.name, from, held.from, after),
            to: party(to.key.as_str(), &to.address, held.to, received),
            fee: costs,
            fee_symbol: coin.symbol.clone(),
            simulated,
            spent: Amount::new(0, amount.decimals()).map_err(|error| no(error.to_string()))?,
            per_transfer,
            per_day,
            confirmations: hot.confirmations,
        };
        let transfer = Transfer {
            wallet: hot.name.clone(),
            from: from.to_string(),
            to: to.address.to_string(),
            asset: to.asset.to_string(),
            symbol: symbol.clone(),
            amount,
            seen,
        };
        let rests_on = BTreeMap::from([
            (CHAIN.to_owned(), chain.nodes.identity().to_owned()),
            ("hot wallet".to_owned(), transfer.from.clone()),
            ("recipient".to_owned(), transfer.to.clone()),
            (ASSET.to_owned(), place(&to.asset)),
        ]);
        let object = Object { target: (*target).clone(), uid: transfer.to.clone(), resource_version: String::new() };
        let change = Change {
            object,
            field: "transfer".to_owned(),
            old: String::new(),
            new: format!("{amount} {symbol}"),
            write: Write::Transfer(Box::new(transfer)),
            after: None,
            always: false,
        };
        Ok(Preview {
            changes: vec![change],
            rests_on,
            risk: Risk::R3,
            blast: Blast::default(),
            warnings,
            undo: Undo::None { why: "what was paid is in the hands of whoever holds that wallet's key".to_owned() },
        })
    }
}

/// It would cost more than people saw when they approved it; it may again cost less.
pub(super) fn dearer(costs: Amount, transfer: &Transfer) -> Tried {
    let Payment { fee, fee_symbol: coin, .. } = &transfer.seen;
    let why = format!("the fee may come to {costs} {coin} now, and at most {fee} {coin} were approved");
    Tried::Blocked { why }
}

/// The asset as the hot wallet holds it: never in another's token account.
pub(super) fn own(asset: &Asset) -> Asset {
    match asset {
        Asset::Spl { mint, program, .. } => {
            Asset::Spl { mint: *mint, program: *program, account: TokenAccount::Associated }
        }
        other => other.clone(),
    }
}

/// The asset, with the token account that is named for it.
pub(super) fn place(asset: &Asset) -> String {
    match asset {
        Asset::Spl { account: TokenAccount::At(key), .. } => format!("{asset} in {key}"),
        other => other.to_string(),
    }
}

/// The page of an address, by the page of the account that is paid.
fn explorer(route: &Route, address: &Address) -> Option<String> {
    let page = route.to.explorer.as_ref()?;
    Some(page.replace(&route.to.account.address.to_string(), &address.to_string()))
}
