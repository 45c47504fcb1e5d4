//! Money: which hot wallet may pay whom how much, what a payment comes to, and what has been paid lately.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::journal::Step;
use super::request::{Request, State};
use crate::core::decimal::Decimal;
use crate::core::wallet::Amount;
use crate::core::wallet::watch::Watched;
use crate::core::wallet::worth::Dollars;

/// What [`HotWallet::per_day`] looks back on.
pub const DAY: Duration = Duration::from_hours(24);

/// A wallet the bot holds the key of, and what it may do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotWallet {
    pub name: String,
    pub chain: String,
    /// Names of the accounts it may pay.
    pub to: BTreeSet<String>,
    /// By symbol: the most that one transfer may be.
    pub per_transfer: BTreeMap<String, Amount>,
    /// By symbol: the most that may leave within [`DAY`].
    pub per_day: BTreeMap<String, Amount>,
    /// The most that the fee of one transfer may be, in the chain's coin.
    pub max_fee: Option<Amount>,
    /// On EVM: how many blocks a transfer must be deep, its own counted.
    pub confirmations: u64,
}

/// Who would pay, who would be paid, and what the asset is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub hot: HotWallet,
    pub to: Watched,
    /// Dollars for one coin.
    pub price: Option<Decimal>,
}

/// One transaction, as it is approved: addresses and asset as their chain writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The hot wallet's name.
    pub wallet: String,
    pub from: String,
    pub to: String,
    pub asset: String,
    pub symbol: String,
    /// With the asset's own decimals: its units are what the transaction carries.
    pub amount: Amount,
    /// Not in the digest: all of it moves by itself.
    pub seen: Payment,
}

/// Whose money it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    pub name: String,
    /// Shortened.
    pub address: String,
    /// Its page on an explorer.
    pub explorer: Option<String>,
    pub before: Amount,
    pub after: Amount,
}

/// What a transfer comes to, as it looked when it was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Whole cents, in digits.
    pub worth: Option<String>,
    pub from: Party,
    pub to: Party,
    /// At most, in the coin that fees are paid in. What is approved: it is carried through to the signature.
    pub fee: Amount,
    pub fee_symbol: String,
    /// What the simulation said: `450 compute units`.
    pub simulated: String,
    /// What has left within [`DAY`] before it.
    pub spent: Amount,
    pub per_transfer: Amount,
    pub per_day: Amount,
    /// On EVM: how many blocks deep it must be.
    #[serde(default = "safe_depth")]
    pub confirmations: u64,
}

/// For payments from before it was written down.
const fn safe_depth() -> u64 {
    12
}

/// Why a hot wallet does not pay that much, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OverCap(String);

impl HotWallet {
    /// What one transfer and one day may come to.
    ///
    /// # Errors
    /// No amount of this symbol is configured.
    pub fn caps(&self, symbol: &str) -> Result<(Amount, Amount), OverCap> {
        let caps = self.per_transfer.get(symbol).zip(self.per_day.get(symbol));
        let name = &self.name;
        let none =
            || OverCap(format!("`{name}` may not pay {symbol}: `per_transfer` and `per_day` name no amount of it"));
        caps.map(|(transfer, day)| (*transfer, *day)).ok_or_else(none)
    }

    /// Whether `amount` may leave it, when `spent` has left it or is leaving it within the last day.
    ///
    /// # Errors
    /// Naming the cap.
    pub fn allows(&self, symbol: &str, amount: Amount, spent: Amount) -> Result<(), OverCap> {
        let (transfer, day) = self.caps(symbol)?;
        let name = &self.name;
        if amount > transfer {
            let most = format!("the {transfer} {symbol} that `{name}` may pay in one transfer");
            return Err(OverCap(format!("{amount} {symbol} is more than {most}")));
        }
        // A sum that cannot be counted is more than any cap.
        if spent.plus(amount).is_none_or(|sum| sum > day) {
            let gone = format!("{spent} {symbol} left `{name}` or are leaving it within 24 hours");
            let most = format!("{amount} {symbol} more would pass its limit of {day} {symbol} a day");
            return Err(OverCap(format!("{gone}; {most}")));
        }
        Ok(())
    }
}

impl Route {
    /// What `amount` is worth in whole cents, in digits.
    #[must_use]
    pub fn worth(&self, amount: Amount) -> Option<String> {
        self.price.and_then(|price| Dollars::of(amount, price)).map(|Dollars(cents)| cents.to_string())
    }
}

impl Payment {
    #[must_use]
    pub fn dollars(&self) -> Option<Dollars> {
        self.worth.as_deref().and_then(|cents| cents.parse().ok()).map(Dollars)
    }
}

impl Transfer {
    /// Whether `other` takes from the same place: the same money, as far as a limit is concerned.
    fn draws_on(&self, other: &Self) -> bool {
        self.from == other.from && (self.symbol == other.symbol || self.asset == other.asset)
    }
}

/// What has left or may have left the hot wallet of `transfer` in its asset, by what `begun` came to: requests that began and
/// are under way, or ended within the last day. What did certainly not happen does not count. `None`: more than can be
/// counted.
#[must_use]
pub fn spent<'a>(transfer: &Transfer, begun: impl IntoIterator<Item = &'a Request>) -> Option<Amount> {
    let counted = begun.into_iter().filter(|request| may_have_paid(request)).filter_map(|it| it.plan.transfer());
    let nothing = Amount::new(0, transfer.amount.decimals()).ok()?;
    counted.filter(|other| other.draws_on(transfer)).try_fold(nothing, |sum, other| sum.plus(other.amount))
}

/// The request under way that keeps another transfer of the same hot wallet from beginning: transactions of one sender follow
/// one another.
#[must_use]
pub fn busy<'a>(transfer: &Transfer, begun: impl IntoIterator<Item = &'a Request>) -> Option<u64> {
    let under_way = |request: &&Request| matches!(request.state, State::Executing { .. });
    let same = |request: &&Request| request.plan.transfer().is_some_and(|other| other.from == transfer.from);
    begun.into_iter().filter(under_way).find(same).map(|request| request.number)
}

fn may_have_paid(request: &Request) -> bool {
    let sent = |step: &Step| matches!(step, Step::Attempted { .. } | Step::Succeeded { .. } | Step::Unknown { .. });
    match &request.state {
        State::Executing { .. } | State::Succeeded { .. } | State::Unknown { .. } => true,
        State::Failed { journal, .. } | State::Cancelled { journal: Some(journal), .. } => {
            journal.steps.iter().any(sent)
        }
        State::Open { .. }
        | State::Approved { .. }
        | State::Stale { .. }
        | State::Rejected { .. }
        | State::Withdrawn { .. }
        | State::Expired { .. }
        | State::Cancelled { journal: None, .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::journal::Journal;
    use super::super::plan::Write;
    use super::super::request::Proof;
    use super::super::testing::{NOW, change, request, sol, transfer};
    use super::*;
    use crate::core::ids::{AccountKey, Actor};
    use crate::core::wallet::{Account, Address, Asset, ChainKind};

    fn wallet() -> HotWallet {
        let cap = |text| BTreeMap::from([("SOL".to_owned(), sol(text))]);
        HotWallet {
            name: "ops".to_owned(),
            chain: "solana".to_owned(),
            to: BTreeSet::from(["pusher".to_owned()]),
            per_transfer: cap("2"),
            per_day: cap("5"),
            max_fee: None,
            confirmations: 1,
        }
    }

    fn requested(amount: &str) -> Request {
        let mut request = request();
        request.plan.preview.changes = vec![change(Write::Transfer(Box::new(transfer(amount))), "", amount)];
        request
    }

    fn proof() -> Proof {
        Proof::Quorum { approvals: Vec::new() }
    }

    #[test]
    fn a_cap_is_reached_and_never_passed() {
        let wallet = wallet();
        assert_eq!(wallet.allows("SOL", sol("2"), sol("3")), Ok(()));
        let one = wallet.allows("SOL", sol("2.000000001"), sol("0")).unwrap_err().to_string();
        assert_eq!(one, "2.000000001 SOL is more than the 2 SOL that `ops` may pay in one transfer");
        let day = wallet.allows("SOL", sol("2"), sol("3.000000001")).unwrap_err();
        assert!(day.to_string().contains("would pass its limit of 5 SOL a day"), "{day}");
        let none = wallet.allows("USDC", sol("0"), sol("0")).unwrap_err();
        assert!(none.to_string().contains("may not pay USDC"), "{none}");
        let most = Amount::new(u128::MAX, 9).unwrap();
        assert!(wallet.allows("SOL", sol("1"), most).is_err(), "what cannot be counted is too much");
    }

    #[test]
    fn what_may_have_happened_counts_and_what_did_not_does_not() {
        let asked = requested("1.5");
        let journal = Journal::of(&asked.plan);
        let with = |state| Request { state, ..asked.clone() };
        let failed = |step| {
            let journal = Journal { steps: vec![step], ..journal.clone() };
            with(State::Failed { proof: proof(), journal, started_at: NOW, at: NOW, why: String::new() })
        };
        let cancelled = |step: Option<Step>| {
            let journal = step.map(|step| Journal { steps: vec![step], ..journal.clone() });
            with(State::Cancelled { by: Actor::System, why: String::new(), journal, at: NOW })
        };
        let executing = with(State::Executing { proof: proof(), journal: journal.clone(), started_at: NOW });
        let unknown = with(State::Unknown {
            proof: proof(),
            journal: journal.clone(),
            started_at: NOW,
            at: NOW,
            why: String::new(),
        });
        let note = String::new;
        for (request, counts) in [
            (asked.clone(), false),
            (executing.clone(), true),
            (unknown, true),
            (failed(Step::Failed { at: NOW, why: note() }), false),
            (failed(Step::Succeeded { at: NOW, done_at: NOW, note: note(), started: None }), true),
            (failed(Step::Unknown { at: NOW, why: note() }), true),
            (failed(Step::Attempted { at: NOW, tried_at: NOW }), true),
            (failed(Step::Intended { at: NOW, blocked: None }), false),
            (cancelled(None), false),
            (cancelled(Some(Step::Skipped { at: NOW, why: note() })), false),
            (cancelled(Some(Step::Succeeded { at: NOW, done_at: NOW, note: note(), started: None })), true),
            (with(State::Expired { at: NOW }), false),
        ] {
            let found = spent(&transfer("1"), [&request]).unwrap();
            assert_eq!(found, if counts { sol("1.5") } else { sol("0") }, "{}", request.state.as_str());
        }
        let elsewhere = Transfer { from: "OTHER".to_owned(), ..transfer("1") };
        assert_eq!(spent(&elsewhere, [&executing]), Some(sol("0")));
        assert_eq!(busy(&transfer("1"), [&asked, &executing]), Some(asked.number));
        assert_eq!(busy(&elsewhere, [&executing]), None);
    }

    #[test]
    fn the_same_money_is_known_by_its_symbol_or_by_its_asset() {
        let paid = requested("1.5");
        let asks = |from: &str, asset: &str, symbol: &str| {
            let (from, asset, symbol) = (from.to_owned(), asset.to_owned(), symbol.to_owned());
            Transfer { from, asset, symbol, ..transfer("1") }
        };
        for (from, asset, symbol, same) in [
            ("HOT", "its native coin", "SOL", true),
            ("HOT", "a token of that symbol", "SOL", true),
            ("HOT", "its native coin", "renamed", true),
            ("HOT", "a token", "USDC", false),
            ("OTHER", "its native coin", "SOL", false),
        ] {
            let executing = Request {
                state: State::Executing { proof: proof(), journal: Journal::of(&paid.plan), started_at: NOW },
                ..paid.clone()
            };
            let counted = spent(&asks(from, asset, symbol), [&executing, &executing]);
            assert_eq!(counted, Some(sol(if same { "3" } else { "0" })), "{from} {asset} {symbol}");
        }
    }

    #[test]
    fn an_amount_is_worth_what_its_price_says() {
        let address = Address::parse(ChainKind::Solana, "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM").unwrap();
        let to =
            Watched::new(Account { key: AccountKey::new("pusher"), address, asset: Asset::Native }, "solana", "SOL");
        let route = |price: Option<&str>| {
            let price = price.map(|price| price.parse().unwrap());
            Route { hot: wallet(), to: to.clone(), price }
        };
        assert_eq!(route(Some("20.5")).worth(sol("1.5")).as_deref(), Some("3075"));
        assert_eq!(route(None).worth(sol("1.5")), None);
        let dollars = |worth: Option<&str>| Payment { worth: worth.map(str::to_owned), ..transfer("1").seen }.dollars();
        assert_eq!(dollars(Some("3075")), Some(Dollars(3075)));
        assert_eq!((dollars(Some("a lot")), dollars(None)), (None, None));
    }
}
