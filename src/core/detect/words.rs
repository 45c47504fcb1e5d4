//! Numbers as the detectors' evidence says them: short enough for a phone.

use crate::core::decimal::Decimal;

/// Seven significant digits tell neighbours apart and still fit a line: `143.2013`, `109845.2`.
pub(super) fn price(price: Decimal) -> String {
    price.rounded(7).to_string()
}

/// Basis points as percent: 35 is `0.35 %`.
pub(super) fn percent(bps: u64) -> String {
    if bps >= 1_000_000 {
        return "over 10000 %".to_owned();
    }
    format!("{} %", Decimal::new(i64::try_from(bps).unwrap_or(i64::MAX), -2))
}
