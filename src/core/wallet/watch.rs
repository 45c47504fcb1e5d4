//! The watch over all wallets: rounds over chains in, signals out. Pure.
//!
//! Labels of wallet rules are `alertname account chain group asset` and those configured; of a chain's rules `alertname
//! chain`. What cannot be read says nothing about a wallet: its alerts stay as they are.

mod setup;
mod wallet;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::history::{History, Point};
use super::packed::Packed;
use super::runway::{WINDOW, outlook};
use super::{Account, EndpointVerdict, Reading, Round, RoundOutcome, verdicts};
use crate::core::decimal::Decimal;
use crate::core::ids::AccountKey;
use crate::core::label::{ALERTNAME, Labels, Matcher, SEVERITY};
use crate::core::route::InhibitRule;
use crate::core::severity::Severity;
use crate::core::signal::{Condition, Signal};
use crate::core::time::{Span, Timestamp};

pub use setup::{Arrival, Chain, Heard, Kept, Setup, Watched};
pub use wallet::Wallet;

/// The rules of this watch, as `alertname` says them.
pub const BALANCE_LOW: &str = "BalanceLow";
pub const RUNWAY_SHORT: &str = "RunwayShort";
/// Of a whole chain: nothing can be said about most of its wallets.
pub const BALANCE_UNRELIABLE: &str = "BalanceUnreliable";
/// Of a chain: balances are known, but an endpoint or a few wallets are in trouble.
pub const RPC_DEGRADED: &str = "RpcDegraded";
pub const RULES: [&str; 4] = [BALANCE_LOW, RUNWAY_SHORT, BALANCE_UNRELIABLE, RPC_DEGRADED];

/// A little more of the past than forecasts look at.
const IN_MEMORY: Duration = Duration::from_secs(WINDOW.as_secs() + 86_400);
/// A chain that answers again is believed after this long.
const SETTLES: Span = Span::from_secs(60);

/// The dollar price of a feed symbol, when it is known and fresh.
pub type Prices<'a> = &'a dyn Fn(&str) -> Option<Decimal>;

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
    configured: Vec<Chain>,
    known: BTreeMap<AccountKey, Wallet>,
    chains: BTreeMap<String, ChainState>,
}

impl Wallets {
    /// Takes a configuration over. A wallet that is the same keeps its past; alerts of what is gone end.
    pub fn configure(&mut self, setup: Setup) -> Vec<Signal> {
        let mut old = std::mem::take(&mut self.known);
        let mut ended = Vec::new();
        for watched in setup.wallets {
            let key = watched.account.key.clone();
            let known = old.remove(&key);
            let wallet = match known {
                Some(known) if known.watched.identity() == watched.identity() => {
                    let (low, short) = if known.watched.labels(BALANCE_LOW) == watched.labels(BALANCE_LOW) {
                        (known.low, known.short)
                    } else {
                        ended.extend(known.end());
                        (None, None)
                    };
                    Wallet { watched, low, short, ..known }
                }
                Some(known) => {
                    ended.extend(known.end());
                    Wallet::new(watched)
                }
                None => Wallet::new(watched),
            };
            self.known.insert(key, wallet);
        }
        ended.extend(old.values().flat_map(Wallet::end));
        let names: BTreeSet<&str> = setup.chains.iter().map(|chain| chain.name.as_str()).collect();
        let gone: Vec<String> = self.chains.keys().filter(|name| !names.contains(name.as_str())).cloned().collect();
        for name in gone {
            self.chains.remove(&name);
            ended.extend([BALANCE_UNRELIABLE, RPC_DEGRADED].map(|rule| over(chain_labels(rule, &name))));
        }
        self.configured = setup.chains;
        ended
    }

    /// What the store has of the past, newest readings included.
    pub fn restore(&mut self, mut rows: BTreeMap<String, Vec<Kept>>) {
        for wallet in self.known.values_mut() {
            let Some(rows) = rows.remove(&wallet.watched.identity()) else { continue };
            let Some(latest) = rows.iter().max_by_key(|row| row.at) else { continue };
            // What was seen since is newer and finer than what was stored.
            if wallet.last().is_some_and(|last| last.at >= latest.at) {
                continue;
            }
            let decimals = latest.amount.decimals();
            wallet.decimals = Some(decimals);
            wallet.position = latest.position;
            // Of another scale means of another token at the same place: that past is not its own.
            let same = rows.iter().filter(|row| row.amount.decimals() == decimals);
            let mut history = History::of(same.map(|row| Point { at: row.at, units: row.amount.units() }).collect());
            wallet.stored = history.last();
            history.thin(IN_MEMORY, latest.at);
            wallet.outlook = outlook(&history);
            wallet.past = Packed::of(&history);
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
                    self.configured.iter().find(|known| known.name == chain).map(drop)
                }
                _ => Some(()),
            };
            if ours.is_none() {
                ended.push(over(labels.clone()));
            }
        }
        ended
    }

    /// Another replica reads `chain` from now on: its alerts are that one's to end.
    pub fn release(&mut self, chain: &str) {
        self.chains.remove(chain);
        for wallet in self.known.values_mut().filter(|wallet| wallet.watched.chain == chain) {
            (wallet.low, wallet.short, wallet.unknown) = (None, None, None);
        }
    }

    /// Takes a round over `chain` in.
    pub fn round(&mut self, chain: &str, round: &Round, prices: Prices<'_>, now: Timestamp) -> Heard {
        let mut heard = Heard::default();
        let Some(setup) = self.configured.iter().find(|known| known.name == chain) else { return heard };
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
            let at = wallet.last()?.at;
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
        self.configured.iter().map(|chain| (chain, self.chains.get(&chain.name)))
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
