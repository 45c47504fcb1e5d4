//! The parts of a card that are about a payment.

use super::super::kit;
use super::super::words::{bold, code, said, struck};
use crate::core::action::money::{Party, Payment, Transfer};
use crate::core::wallet::Amount;
use crate::core::wallet::verdicts::amount_words;
use crate::slack::message::Message;

/// Fields of the card: who pays, who is paid, what it is worth and costs, and the limits it counts against.
pub(super) fn facts(transfer: &Transfer) -> Vec<(&'static str, String)> {
    let Transfer { symbol, amount, seen, .. } = transfer;
    let Payment { from, to, fee, fee_symbol, simulated, spent, per_transfer, per_day, .. } = seen;
    let worth = seen.dollars().map_or_else(String::new, |dollars| format!(" (≈ {dollars})"));
    let day = spent.plus(*amount).unwrap_or(*spent);
    let limits = [
        format!("{amount} of {per_transfer} {symbol} a transfer"),
        format!("{day} of {per_day} {symbol} in 24 hours, with this"),
    ];
    let limits = limits.map(|limit| said(&limit, 150)).join("\n");
    let simulated = if simulated.is_empty() { String::new() } else { format!(" · {}", said(simulated, 100)) };
    vec![
        ("From", party(from)),
        ("To", party(to)),
        ("Amount", bold(&format!("{amount} {symbol}")) + &worth),
        ("Fee", format!("at most {}", said(&amount_words(*fee, fee_symbol), 60))),
        ("Limits", limits),
        ("Simulated", format!("it goes through{simulated}")),
    ]
}

fn party(party: &Party) -> String {
    let Party { name, address, explorer, .. } = party;
    let web = |page: &&String| page.starts_with("http") && !page.contains(['<', '>', '|', ' ']);
    let address = match explorer.as_ref().filter(web) {
        Some(page) => format!("<{page}|{}>", said(address, 40)),
        None => said(address, 80),
    };
    format!("{} {address}", code(name))
}

/// How much both hold, before and after.
pub(super) fn balances(transfer: &Transfer) -> String {
    let Transfer { symbol, seen: Payment { from, to, .. }, .. } = transfer;
    let words = |amount: Amount| amount_words(amount, symbol);
    let line = |Party { name, before, after, .. }: &Party| {
        format!("{} holds {} → {}", code(name), struck(&words(*before)), bold(&words(*after)))
    };
    format!("{}\n{}", line(to), line(from))
}

/// Another coin was named than the wallet holds.
#[must_use]
pub fn other_symbol(wallet: &str, symbol: &str, named: &str) -> Message {
    kit::line(&format!("{} holds {}, not {}. Nothing was asked for.", bold(wallet), bold(symbol), bold(named)))
}
