//! The watch over all wallets: rounds over chains in, signals out. Pure.
//!
//! Labels of wallet rules are `alertname account chain group asset` and those configured; of a chain's rules `alertname
//! chain`. What cannot be read says nothing about a wallet: its alerts stay as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::history::{History, Point, TopUp};
use super::limits::Limits;
use super::runway::{Outlook, WINDOW, outlook};
use super::{Account, Amount, ChainKind, EndpointVerdict, Reading, Round, RoundOutcome, verdicts};
use crate::core::decimal::Decimal;
use crate::core::ids::AccountKey;
use crate::core::label::{ALERTNAME, Labels, Matcher, SEVERITY};
use crate::core::route::InhibitRule;
use crate::core::severity::Severity;
use crate::core::signal::{Condition, Signal};
use crate::core::time::{Span, Timestamp};

/// The rules of this watch, as `alertname` says them.
pub const BALANCE_LOW: &str = "BalanceLow";
pub const RUNWAY_SHORT: &str = "RunwayShort";
/// Of a whole chain: nothing can be said about most of its wallets.
pub const BALANCE_UNRELIABLE: &str = "BalanceUnreliable";
/// Of a chain: balances are known, but an endpoint or a few wallets are in trouble.
pub const RPC_DEGRADED: &str = "RpcDegraded";
pub const RULES: [&str; 4] = [BALANCE_LOW, RUNWAY_SHORT, BALANCE_UNRELIABLE, RPC_DEGRADED];

/// A balance that does not change is stored this often.
const STORE_EVERY: Duration = Duration::from_mins(15);
/// A little more of the past than forecasts look at.
const IN_MEMORY: Duration = Duration::from_secs(WINDOW.as_secs() + 86_400);
/// A chain that answers again is believed after this long.
const SETTLES: Span = Span::from_secs(60);

/// An account under watch, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Its key is its name.
    pub account: Account,
    /// The chain's name.
    pub chain: String,
    /// What the asset is called: `SOL`.
    pub symbol: String,
    pub group: Option<String>,
    /// Labels of its alerts besides the usual ones.
    pub labels: BTreeMap<String, String>,
    /// A Slack user or user group id.
    pub owner: Option<String>,
    pub limits: Limits,
    /// Its page on an explorer.
    pub explorer: Option<String>,
    /// The feed that tells what it is worth: `Crypto.SOL/USD`.
    pub price: Option<String>,
}

impl Watched {
    /// What its past is stored under: a name may come to mean another address.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("{}/{}/{}", self.chain, self.account.address, self.account.asset)
    }

    fn labels(&self, rule: &str) -> Labels {
        let mut labels: Labels = self.labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        labels.set(ALERTNAME, rule);
        labels.set("account", self.account.key.as_str());
        labels.set("chain", self.chain.as_str());
        labels.set("asset", self.symbol.as_str());
        if let Some(group) = &self.group {
            labels.set("group", group.as_str());
        }
        labels
    }
}

/// A chain under watch, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub name: String,
    pub kind: ChainKind,
    /// How long trouble lasts before somebody hears of it.
    pub patience: Span,
}

/// Everything under watch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    pub chains: Vec<Chain>,
    pub wallets: Vec<Watched>,
}

/// One balance to be stored, or as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// [`Watched::identity`]
    pub wallet: String,
    pub at: Timestamp,
    pub amount: Amount,
    pub position: u64,
}

/// Money that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub account: AccountKey,
    pub top_up: TopUp,
}

/// What follows from a round.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    pub signals: Vec<Signal>,
    pub keep: Vec<Kept>,
    pub arrivals: Vec<Arrival>,
}

/// The dollar price of a feed symbol, when it is known and fresh.
pub type Prices<'a> = &'a dyn Fn(&str) -> Option<Decimal>;

/// One wallet and what is known of it.
#[derive(Clone, Debug)]
pub struct Wallet {
    watched: Watched,
    history: History,
    decimals: Option<u8>,
    position: u64,
    outlook: Outlook,
    low: Option<Severity>,
    short: Option<Severity>,
    /// Why the last round says nothing about it.
    unknown: Option<String>,
    stored: Option<Point>,
}

/// How a chain's endpoints did in its last round.
#[derive(Clone, Debug, Default)]
pub struct ChainState {
    pub endpoints: BTreeMap<String, EndpointVerdict>,
    pub last_round: Option<Timestamp>,
    /// Wallets that the last round says nothing about, of all.
    pub unknown: usize,
    pub wallets: usize,
}

/// All wallets under watch.
#[derive(Clone, Debug, Default)]
pub struct Wallets {
    setup: Setup,
    known: BTreeMap<AccountKey, Wallet>,
    chains: BTreeMap<String, ChainState>,
}

impl Wallets {
    /// Takes a configuration over. A wallet that is the same keeps its past; alerts of what is gone end.
    pub fn configure(&mut self, setup: Setup) -> Vec<Signal> {
        let mut old = std::mem::take(&mut self.known);
        let mut ended = Vec::new();
        for watched in &setup.wallets {
            let known = old.remove(&watched.account.key);
            let wallet = match known {
                Some(known) if known.watched.identity() == watched.identity() => {
                    let (low, short) = if known.watched.labels(BALANCE_LOW) == watched.labels(BALANCE_LOW) {
                        (known.low, known.short)
                    } else {
                        ended.extend(known.end());
                        (None, None)
                    };
                    Wallet { watched: watched.clone(), low, short, ..known }
                }
                Some(known) => {
                    ended.extend(known.end());
                    Wallet::new(watched.clone())
                }
                None => Wallet::new(watched.clone()),
            };
            self.known.insert(watched.account.key.clone(), wallet);
        }
        ended.extend(old.values().flat_map(Wallet::end));
        let names: BTreeSet<&str> = setup.chains.iter().map(|chain| chain.name.as_str()).collect();
        let gone: Vec<String> = self.chains.keys().filter(|name| !names.contains(name.as_str())).cloned().collect();
        for name in gone {
            self.chains.remove(&name);
            ended.extend([BALANCE_UNRELIABLE, RPC_DEGRADED].map(|rule| over(chain_labels(rule, &name))));
        }
        self.setup = setup;
        ended
    }

    /// What the store has of the past, newest readings included.
    pub fn restore(&mut self, mut rows: BTreeMap<String, Vec<Kept>>) {
        for wallet in self.known.values_mut() {
            let Some(rows) = rows.remove(&wallet.watched.identity()) else { continue };
            let Some(latest) = rows.iter().max_by_key(|row| row.at) else { continue };
            // What was seen since is newer and finer than what was stored.
            if wallet.history.last().is_some_and(|last| last.at >= latest.at) {
                continue;
            }
            let decimals = latest.amount.decimals();
            wallet.decimals = Some(decimals);
            wallet.position = latest.position;
            // Of another scale means of another token at the same place: that past is not its own.
            let same = rows.iter().filter(|row| row.amount.decimals() == decimals);
            wallet.history = History::of(same.map(|row| Point { at: row.at, units: row.amount.units() }).collect());
            wallet.stored = wallet.history.last();
            wallet.history.thin(IN_MEMORY, latest.at);
            wallet.outlook = outlook(&wallet.history);
        }
    }

    /// Alerts that were active before this watch began: they go on, or end when nothing here is theirs.
    pub fn resume<'a>(&mut self, live: impl IntoIterator<Item = (&'a Labels, Severity)>) -> Vec<Signal> {
        let mut ended = Vec::new();
        for (labels, severity) in live {
            let rule = labels.get(ALERTNAME).unwrap_or_default();
            let ours = match rule {
                BALANCE_LOW | RUNWAY_SHORT => {
                    let key = AccountKey::new(labels.get("account").unwrap_or_default());
                    let wallet = self.known.get_mut(&key).filter(|wallet| wallet.watched.labels(rule) == *labels);
                    wallet.map(|wallet| {
                        *(if rule == BALANCE_LOW { &mut wallet.low } else { &mut wallet.short }) = Some(severity);
                    })
                }
                BALANCE_UNRELIABLE | RPC_DEGRADED => {
                    let chain = labels.get("chain").unwrap_or_default();
                    self.setup.chains.iter().find(|known| known.name == chain).map(drop)
                }
                _ => Some(()),
            };
            if ours.is_none() {
                ended.push(over(labels.clone()));
            }
        }
        ended
    }

    /// Takes a round over `chain` in.
    pub fn round(&mut self, chain: &str, round: &Round, prices: Prices<'_>, now: Timestamp) -> Heard {
        let mut heard = Heard::default();
        let Some(setup) = self.setup.chains.iter().find(|known| known.name == chain) else { return heard };
        let mut unknown = Vec::new();
        let mut wallets = 0;
        for (key, outcome) in &round.accounts {
            let Some(wallet) = self.known.get_mut(key).filter(|wallet| wallet.watched.chain == chain) else {
                continue;
            };
            wallets += 1;
            let why = match outcome {
                RoundOutcome::Ok(reading) => wallet.take(reading, prices, now, &mut heard),
                RoundOutcome::Unreliable { why, .. } => Some(why.to_string()),
            };
            if let Some(why) = &why {
                unknown.push((key.clone(), why.clone()));
            }
            wallet.unknown = why;
        }
        let state =
            ChainState { endpoints: round.endpoints.clone(), last_round: Some(now), unknown: unknown.len(), wallets };
        heard.signals.extend(chain_signals(setup, &state, &unknown));
        self.chains.insert(chain.to_owned(), state);
        heard
    }

    /// The last readings of a chain's wallets, against which the next ones are judged after a restart.
    #[must_use]
    pub fn readings(&self, chain: &str) -> Vec<Reading> {
        let of_chain = self.known.values().filter(|wallet| wallet.watched.chain == chain);
        let reading = |wallet: &Wallet| {
            let at = wallet.history.last()?.at;
            let account = wallet.watched.account.key.clone();
            Some(Reading { account, amount: wallet.amount()?, position: wallet.position, observed_at: at })
        };
        of_chain.filter_map(reading).collect()
    }

    /// What is to be read on a chain.
    #[must_use]
    pub fn accounts(&self, chain: &str) -> Vec<Account> {
        let of_chain = self.known.values().filter(|wallet| wallet.watched.chain == chain);
        of_chain.map(|wallet| wallet.watched.account.clone()).collect()
    }

    #[must_use]
    pub fn wallet(&self, key: &AccountKey) -> Option<&Wallet> {
        self.known.get(key)
    }

    /// All, by name.
    pub fn wallets(&self) -> impl ExactSizeIterator<Item = &Wallet> {
        self.known.values()
    }

    /// Every chain with how its last round went, if there was one.
    pub fn chains(&self) -> impl Iterator<Item = (&Chain, Option<&ChainState>)> {
        self.setup.chains.iter().map(|chain| (chain, self.chains.get(&chain.name)))
    }
}

impl Wallet {
    fn new(watched: Watched) -> Self {
        Self {
            watched,
            history: History::default(),
            decimals: None,
            position: 0,
            outlook: Outlook::Unknown { seen: Duration::ZERO },
            low: None,
            short: None,
            unknown: None,
            stored: None,
        }
    }

    #[must_use]
    pub const fn watched(&self) -> &Watched {
        &self.watched
    }

    #[must_use]
    pub fn name(&self) -> &str {
        self.watched.account.key.as_str()
    }

    /// About the last eight days.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    #[must_use]
    pub const fn outlook(&self) -> &Outlook {
        &self.outlook
    }

    /// What it held when it was last read.
    #[must_use]
    pub fn amount(&self) -> Option<Amount> {
        self.of_units(self.history.last()?.units)
    }

    /// Base units as an amount of this wallet's asset.
    #[must_use]
    pub fn of_units(&self, units: u128) -> Option<Amount> {
        Amount::new(units, self.decimals?).ok()
    }

    /// Why its balance is not known at present.
    #[must_use]
    pub fn unknown(&self) -> Option<&str> {
        self.unknown.as_deref()
    }

    /// The worst of what its rules say.
    #[must_use]
    pub fn level(&self) -> Option<Severity> {
        self.low.max(self.short)
    }

    /// The labels of the alerts it can have.
    #[must_use]
    pub fn alert_labels(&self) -> [Labels; 2] {
        [BALANCE_LOW, RUNWAY_SHORT].map(|rule| self.watched.labels(rule))
    }

    /// Says why when the reading cannot be used.
    fn take(&mut self, reading: &Reading, prices: Prices<'_>, now: Timestamp, heard: &mut Heard) -> Option<String> {
        let Reading { amount, position, observed_at, .. } = reading;
        if self.decimals.is_some_and(|known| known != amount.decimals()) {
            return Some(format!("it is counted with {} decimals now; is it another token?", amount.decimals()));
        }
        self.decimals = Some(amount.decimals());
        let before = self.history.last();
        let point = Point { at: *observed_at, units: amount.units() };
        if !self.history.push(point) {
            return None;
        }
        self.position = *position;
        self.history.thin(IN_MEMORY, now);
        self.outlook = outlook(&self.history);
        let usual = self.history.usual_fall();
        if let Some(top_up) = before.and_then(|before| TopUp::between(before, point, usual)) {
            heard.arrivals.push(Arrival { account: self.watched.account.key.clone(), top_up });
        }
        let news = self.stored.is_none_or(|stored| {
            stored.units != point.units || point.at.since(stored.at) >= STORE_EVERY || point.at < stored.at
        });
        if news {
            self.stored = Some(point);
            let wallet = self.watched.identity();
            heard.keep.push(Kept { wallet, at: point.at, amount: *amount, position: *position });
        }
        self.judge(*amount, prices, &mut heard.signals);
        None
    }

    fn judge(&mut self, amount: Amount, prices: Prices<'_>, out: &mut Vec<Signal>) {
        let limits = self.watched.limits;
        let worth = self.watched.price.as_deref().and_then(prices);
        // An empty wallet is the end of whatever limit there is.
        let low = if amount.is_zero() && limits.any() {
            Some((Severity::Critical, None))
        } else {
            limits.by_amount(amount, self.low).map(|(severity, limit)| (severity, Some(limit)))
        };
        self.low = low.map(|(severity, _)| severity);
        let condition = low.map(|(_, limit)| Condition::Active(verdicts::low(self, amount, limit, worth)));
        out.push(signal(self.watched.labels(BALANCE_LOW), self.low, condition));
        let short = match self.outlook {
            Outlook::Unknown { .. } => return,
            // The money that is gone was said above.
            _ if amount.is_zero() => None,
            Outlook::Steady { .. } => None,
            Outlook::Falling(runway) => {
                // Too little was seen to begin an alert, or to end one.
                if !runway.believable() && limits.by_runway(runway.left, self.short).is_some() {
                    return;
                }
                limits.by_runway(runway.left, self.short).map(|found| (found, runway))
            }
        };
        self.short = short.map(|((severity, _), _)| severity);
        let condition =
            short.map(|((_, limit), runway)| Condition::Active(verdicts::short(self, amount, &runway, limit, worth)));
        out.push(signal(self.watched.labels(RUNWAY_SHORT), self.short, condition));
    }

    /// The ends of its alerts.
    fn end(&self) -> Vec<Signal> {
        let active = [(BALANCE_LOW, self.low), (RUNWAY_SHORT, self.short)];
        active
            .into_iter()
            .filter(|(_, level)| level.is_some())
            .map(|(rule, _)| over(self.watched.labels(rule)))
            .collect()
    }
}

/// A chain that cannot be read is one alert, not one for each of its wallets; and a wallet has one alert, the worse one.
#[must_use]
pub fn default_inhibitions() -> Vec<InhibitRule> {
    let is = |name: &str, value: &str| Matcher::equal(name, value);
    let alert = |rule: &str| is(ALERTNAME, rule);
    let warning = || is(SEVERITY, Severity::Warning.as_str());
    let rule = |source: Vec<Matcher>, target: Vec<Matcher>, equal: &[&str]| InhibitRule {
        source_matchers: source,
        target_matchers: target,
        equal: equal.iter().map(|name| (*name).to_owned()).collect(),
    };
    let of_chain = [BALANCE_LOW, RUNWAY_SHORT, RPC_DEGRADED];
    let of_chain = of_chain.map(|target| rule(vec![alert(BALANCE_UNRELIABLE)], vec![alert(target)], &["chain"]));
    let wallet = ["account", "chain"];
    let critical = || is(SEVERITY, Severity::Critical.as_str());
    let of_wallet = [
        rule(vec![alert(RUNWAY_SHORT), critical()], vec![alert(BALANCE_LOW)], &wallet),
        rule(vec![alert(RUNWAY_SHORT)], vec![alert(BALANCE_LOW), warning()], &wallet),
        rule(vec![alert(BALANCE_LOW), critical()], vec![alert(RUNWAY_SHORT), warning()], &wallet),
    ];
    of_chain.into_iter().chain(of_wallet).collect()
}

/// One alert for a chain at most: when most of its wallets are unknown, or else when something is amiss.
fn chain_signals(chain: &Chain, state: &ChainState, unknown: &[(AccountKey, String)]) -> [Signal; 2] {
    let blind = state.unknown * 2 > state.wallets || state.wallets > 0 && state.unknown == state.wallets;
    let amiss = state.unknown > 0 || state.endpoints.values().any(|verdict| *verdict != EndpointVerdict::Agreed);
    let lying = state.endpoints.values().any(|verdict| matches!(verdict, EndpointVerdict::Lying { .. }));
    let unreliable = blind.then(|| Condition::Active(verdicts::unreliable(chain, state, unknown)));
    let degraded = (amiss && !blind).then(|| Condition::Active(verdicts::degraded(chain, state, unknown)));
    let severity = if lying || state.unknown > 0 { Severity::Warning } else { Severity::Info };
    [(BALANCE_UNRELIABLE, unreliable, Severity::Warning), (RPC_DEGRADED, degraded, severity)].map(
        |(rule, condition, severity)| Signal {
            labels: chain_labels(rule, &chain.name),
            severity,
            condition: condition.unwrap_or(Condition::Inactive),
            pending_for: chain.patience,
            keep_firing_for: SETTLES,
        },
    )
}

fn chain_labels(rule: &str, chain: &str) -> Labels {
    [(ALERTNAME, rule), ("chain", chain)].into_iter().collect()
}

fn signal(labels: Labels, severity: Option<Severity>, condition: Option<Condition>) -> Signal {
    Signal {
        labels,
        severity: severity.unwrap_or(Severity::Warning),
        condition: condition.unwrap_or(Condition::Inactive),
        pending_for: Span::from_secs(0),
        keep_firing_for: Span::from_secs(0),
    }
}

fn over(labels: Labels) -> Signal {
    signal(labels, None, None)
}

#[cfg(test)]
mod tests;
