//! Why a wallet's or a chain's alert holds, in words.

use std::time::Duration;

use super::history::TopUp;
use super::runway::{Confidence, Outlook, Runway};
use super::watch::{Chain, ChainState, Wallet};
use super::worth::Dollars;
use super::{Amount, EndpointVerdict};
use crate::core::decimal::Decimal;
use crate::core::ids::AccountKey;
use crate::core::signal::{Evidence, Link};
use crate::core::time::{Span, Timestamp, spoken};

/// An amount as people read it: `0.42 SOL`.
#[must_use]
pub fn amount_words(amount: Amount, symbol: &str) -> String {
    format!("{} {symbol}", amount.short())
}

/// The same with what it is worth: `0.42 SOL (≈ $58.12)`.
#[must_use]
pub fn worth_words(amount: Amount, symbol: &str, price: Option<Decimal>) -> String {
    let amount_words = amount_words(amount, symbol);
    match price.and_then(|price| Dollars::of(amount, price)) {
        Some(worth) => format!("{amount_words} (≈ {worth})"),
        None => amount_words,
    }
}

/// `9 h`, `3 d 4 h`, `over a year`.
#[must_use]
pub fn left_words(left: Duration) -> String {
    const YEAR: Duration = Duration::from_hours(365 * 24);
    if left >= YEAR { "over a year".to_owned() } else { spoken(left) }
}

/// `high confidence, seen over 3 d`
#[must_use]
pub fn basis_words(runway: &Runway) -> String {
    let why = match (runway.confidence, runway.at_most) {
        (Confidence::High, _) => "",
        (_, Some(at_most)) if at_most / 2 >= runway.left => ", lately faster",
        (_, None) => ", lately faster",
        (Confidence::Medium | Confidence::Low, Some(_)) => "",
    };
    format!("{} confidence, seen over {}{why}", runway.confidence.as_str(), spoken(runway.seen))
}

pub(super) fn low(wallet: &Wallet, amount: Amount, limit: Option<Amount>, price: Option<Decimal>) -> Evidence {
    let symbol = &wallet.watched().symbol;
    let name = wallet.name();
    let summary = if amount.is_zero() {
        format!("{name} is empty")
    } else {
        format!("{name} holds only {}", worth_words(amount, symbol, price))
    };
    Evidence {
        summary,
        value: worth_words(amount, symbol, price),
        threshold: limit.map_or_else(|| "more than nothing".to_owned(), |limit| amount_words(limit, symbol)),
        ..about(wallet)
    }
}

pub(super) fn short(wallet: &Wallet, amount: Amount, runway: &Runway, limit: Span, price: Option<Decimal>) -> Evidence {
    let left = left_words(runway.left);
    let holds = worth_words(amount, &wallet.watched().symbol, price);
    Evidence {
        summary: format!("{} runs dry in about {left}", wallet.name()),
        value: format!("{left} left of {holds}"),
        threshold: spoken(limit.duration()),
        ..about(wallet)
    }
}

/// What both rules say of a wallet: its pace, its last top-up, where to look.
fn about(wallet: &Wallet) -> Evidence {
    let watched = wallet.watched();
    let amount = |units| wallet.of_units(units).map(|amount| amount_words(amount, &watched.symbol));
    let pace = match wallet.outlook() {
        Outlook::Falling(runway) => amount(runway.per_day).map(|per_day| {
            format!("it spends {per_day} a day, about {} left ({})", left_words(runway.left), basis_words(runway))
        }),
        Outlook::Steady { seen } => Some(format!("it has not got less for {}", spoken(*seen))),
        Outlook::Unknown { .. } => None,
    };
    let last = wallet.last();
    let top_up = wallet.history().last_top_up().zip(last).and_then(|(TopUp { at, added, .. }, last)| {
        Some(format!("last top-up {} {}", amount(added)?, ago(at, last.at)))
    });
    let cause: Vec<String> = pace.into_iter().chain(top_up).collect();
    Evidence {
        cause: Some(cause.join("; ")).filter(|cause| !cause.is_empty()),
        owner: watched.owner.clone(),
        links: watched.explorer.iter().map(|url| Link { label: "Explorer".to_owned(), url: url.clone() }).collect(),
        ..Evidence::default()
    }
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", spoken(now.since(at)))
}

pub(super) fn unreliable(chain: &Chain, state: &ChainState, unknown: &[(AccountKey, String)]) -> Evidence {
    let wallets = of_wallets(state);
    Evidence {
        summary: format!("No balance on {} can be trusted", chain.name),
        value: format!("{wallets} unknown"),
        threshold: format!("for {}", spoken(chain.patience.duration())),
        cause: causes(chain, state, unknown),
        ..Evidence::default()
    }
}

pub(super) fn degraded(chain: &Chain, state: &ChainState, unknown: &[(AccountKey, String)]) -> Evidence {
    let amiss = state.endpoints.values().filter(|verdict| **verdict != EndpointVerdict::Agreed).count();
    let value = if state.unknown > 0 {
        format!("{} unknown", of_wallets(state))
    } else {
        format!("{amiss} of {} endpoints", state.endpoints.len())
    };
    let lies = state.endpoints.iter().find(|(_, verdict)| matches!(verdict, EndpointVerdict::Lying { .. }));
    let summary = match lies {
        Some((endpoint, _)) => format!("{endpoint} tells other balances on {} than the rest", chain.name),
        None => format!("Part of {} cannot be read", chain.name),
    };
    Evidence {
        summary,
        value,
        threshold: format!("for {}", spoken(chain.patience.duration())),
        cause: causes(chain, state, unknown),
        ..Evidence::default()
    }
}

fn of_wallets(state: &ChainState) -> String {
    let wallets = if state.wallets == 1 { "wallet" } else { "wallets" };
    format!("{} of {} {wallets}", state.unknown, state.wallets)
}

/// Which endpoint does what, and which wallets are meant; a few are enough.
fn causes(chain: &Chain, state: &ChainState, unknown: &[(AccountKey, String)]) -> Option<String> {
    const MOST: usize = 4;
    let endpoints = state.endpoints.iter().filter_map(|(endpoint, verdict)| match verdict {
        EndpointVerdict::Agreed => None,
        EndpointVerdict::Lagging { by } => Some(format!("{endpoint} is {by} {}s behind", chain.kind.position_word())),
        EndpointVerdict::Lying { said } => {
            let (claim, others) = (said.said.amount.short(), said.others.amount.short());
            Some(format!("{endpoint} lies: {claim} for {}, the others say {others}", said.account))
        }
        EndpointVerdict::Failed { error } => Some(format!("{endpoint}: {error}")),
        EndpointVerdict::WrongChain { expected, found } => {
            Some(format!("{endpoint} is a node of chain {found}, not of {expected}"))
        }
    });
    let mut said: Vec<String> = endpoints.collect();
    if said.is_empty() || state.unknown < state.wallets {
        said.extend(unknown.iter().map(|(account, why)| format!("{account}: {why}")));
    }
    let more = said.len().saturating_sub(MOST);
    said.truncate(MOST);
    if more > 0 {
        said.push(format!("and {more} more"));
    }
    (!said.is_empty()).then(|| said.join("; "))
}
