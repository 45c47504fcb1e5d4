//! Exact amounts: whole numbers of the smallest unit, and how many decimals people see. Never a float.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The largest power of ten that fits in 128 bits, so that every scale up to it is exact.
const MOST_DECIMALS: u8 = 38;

/// An amount in the smallest unit (lamports, wei): `units / 10^decimals`. Equality and order are by value.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Amount {
    units: u128,
    decimals: u8,
}

/// What an amount is counted in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    /// As people write it: `SOL`.
    pub symbol: String,
    pub decimals: u8,
}

/// What was written or sent where an amount belongs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    #[error("`{0}` is not an amount; write it like 1.25, without a sign and without thousands separators")]
    Unreadable(String),
    #[error("`{text}` has {found} decimals; there are {decimals}")]
    TooFine { text: String, found: usize, decimals: u8 },
    #[error("`{0}` is too large to be counted (more than 128 bits)")]
    TooLarge(String),
    #[error("{0} decimals are more than can be counted (38)")]
    Decimals(u8),
    #[error("`{found}` is not counted here; write the amount in {wanted}")]
    Symbol { found: String, wanted: String },
}

impl Amount {
    /// # Errors
    /// When `decimals` is larger than 38.
    pub const fn new(units: u128, decimals: u8) -> Result<Self, InvalidAmount> {
        if decimals > MOST_DECIMALS {
            return Err(InvalidAmount::Decimals(decimals));
        }
        Ok(Self { units, decimals })
    }

    /// Smallest units in decimal digits, as REST interfaces send them.
    ///
    /// # Errors
    /// When it is no whole number, or one of more than 128 bits.
    pub fn from_units(digits: &str, decimals: u8) -> Result<Self, InvalidAmount> {
        let shortened = || digits.chars().take(60).collect::<String>();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidAmount::Unreadable(shortened()));
        }
        Self::new(digits.parse().map_err(|_| InvalidAmount::TooLarge(shortened()))?, decimals)
    }

    /// `1.25`, exactly.
    ///
    /// # Errors
    /// When it is no such number, finer than the decimals, or does not fit.
    pub fn parse(text: &str, decimals: u8) -> Result<Self, InvalidAmount> {
        let shortened = || text.chars().take(60).collect::<String>();
        let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !fraction.is_none_or(digits) {
            return Err(InvalidAmount::Unreadable(shortened()));
        }
        let fraction = fraction.unwrap_or_default().trim_end_matches('0');
        if fraction.len() > usize::from(decimals) {
            return Err(InvalidAmount::TooFine { text: shortened(), found: fraction.len(), decimals });
        }
        let units = format!("{whole}{fraction:0<width$}", width = usize::from(decimals));
        Self::new(units.parse().map_err(|_| InvalidAmount::TooLarge(shortened()))?, decimals)
    }

    /// The same amount counted with other decimals; `None` when it is finer than those, or does not fit.
    #[must_use]
    pub fn rescaled(self, decimals: u8) -> Option<Self> {
        if decimals > MOST_DECIMALS {
            return None;
        }
        let power = 10u128.pow(u32::from(decimals.abs_diff(self.decimals)));
        let units = if decimals >= self.decimals {
            self.units.checked_mul(power)?
        } else {
            self.units.is_multiple_of(power).then_some(self.units / power)?
        };
        Some(Self { units, decimals })
    }

    /// The sum by value, with the finer decimals of both; `None` when it does not fit.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let decimals = self.decimals.max(other.decimals);
        self.rescaled(decimals)?.checked_add(other.rescaled(decimals)?)
    }

    #[must_use]
    pub const fn units(self) -> u128 {
        self.units
    }

    #[must_use]
    pub const fn decimals(self) -> u8 {
        self.decimals
    }

    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.units == 0
    }

    /// What is left after taking `other` away; `None` when it is more, or counted with other decimals.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let units = self.same_scale(other)?.units.checked_sub(other.units)?;
        Some(Self { units, ..self })
    }

    /// `None` when the sum does not fit, or the decimals differ.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let units = self.same_scale(other)?.units.checked_add(other.units)?;
        Some(Self { units, ..self })
    }

    /// How far two amounts lie apart. `None` when the decimals differ.
    #[must_use]
    pub fn distance(self, other: Self) -> Option<Self> {
        Some(Self { units: self.same_scale(other)?.units.abs_diff(other.units), ..self })
    }

    /// Cut (never rounded up: nobody shall read of money that is not there) to six significant digits, but never in
    /// front of the point: `1234567.8912` → `1234567`, `0.0001234567` → `0.000123456`.
    #[must_use]
    pub fn short(self) -> Self {
        let places = self.units.checked_ilog10().unwrap_or(0) + 1;
        let cut = places.saturating_sub(6).min(u32::from(self.decimals));
        let step = 10u128.pow(cut);
        Self { units: self.units / step * step, ..self }
    }

    /// For charts only; what people read is printed from the whole numbers.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a chart needs 15 digits at most")]
    pub fn to_f64(self) -> f64 {
        self.units as f64 / 10f64.powi(i32::from(self.decimals))
    }

    fn same_scale(self, other: Self) -> Option<Self> {
        (self.decimals == other.decimals).then_some(self)
    }

    /// Before and after the point, the latter in 38 digits.
    const fn split(self) -> (u128, u128) {
        let one = 10u128.pow(self.decimals as u32);
        (self.units / one, self.units % one * 10u128.pow((MOST_DECIMALS - self.decimals) as u32))
    }
}

impl PartialEq for Amount {
    fn eq(&self, other: &Self) -> bool {
        self.split() == other.split()
    }
}

impl Eq for Amount {}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Amount {
    fn cmp(&self, other: &Self) -> Ordering {
        self.split().cmp(&other.split())
    }
}

/// As many digits behind the point as it has decimals: `2.500000000` is 2.5 counted in billionths.
impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        let digits = format!("{:0>width$}", amount.units, width = usize::from(amount.decimals) + 1);
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(amount.decimals));
        if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
    }
}

impl TryFrom<String> for Amount {
    type Error = InvalidAmount;

    fn try_from(text: String) -> Result<Self, InvalidAmount> {
        text.parse()
    }
}

/// As written, with as many decimals as there are digits behind the point.
impl FromStr for Amount {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        let digits = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let decimals = u8::try_from(digits).unwrap_or(u8::MAX);
        Self::new(0, decimals)?;
        Self::parse(text, decimals)
    }
}

impl fmt::Display for Amount {
    /// `1.25`: all digits, no trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = self.split();
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let fraction = format!("{fraction:038}");
        write!(f, "{whole}.{}", fraction.trim_end_matches('0'))
    }
}

impl Unit {
    /// # Errors
    /// When the decimals are more than can be counted.
    pub fn new(symbol: impl Into<String>, decimals: u8) -> Result<Self, InvalidAmount> {
        Amount::new(0, decimals)?;
        Ok(Self { symbol: symbol.into(), decimals })
    }

    /// `1.25` or `1.25 SOL`, in this unit.
    ///
    /// # Errors
    /// As [`Amount::parse`], and when another unit is named.
    pub fn parse(&self, text: &str) -> Result<Amount, InvalidAmount> {
        let (number, symbol) = text.trim().split_once(' ').unwrap_or((text.trim(), &self.symbol));
        if !symbol.trim().eq_ignore_ascii_case(&self.symbol) {
            let found = symbol.trim().chars().take(20).collect();
            return Err(InvalidAmount::Symbol { found, wanted: self.symbol.clone() });
        }
        Amount::parse(number, self.decimals)
    }

    /// The amount as people read it: `1.25 SOL`.
    #[must_use]
    pub const fn show(&self, amount: Amount) -> Shown<'_> {
        Shown { amount, unit: self }
    }
}

/// An amount with its unit, to be printed.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    amount: Amount,
    unit: &'a Unit,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.unit.symbol)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sol(text: &str) -> Amount {
        Amount::parse(text, 9).unwrap()
    }

    #[test]
    fn an_amount_prints_as_it_was_written() {
        let unit = Unit::new("SOL", 9).unwrap();
        assert_eq!(unit.show(sol("1.25")).to_string(), "1.25 SOL");
        assert_eq!(sol("1.25").units(), 1_250_000_000);
        assert_eq!(sol("0.000000001").to_string(), "0.000000001");
        assert_eq!(sol("7.000").to_string(), "7");
        assert_eq!(unit.parse("1.25 sol"), Ok(sol("1.25")));
        assert_eq!(unit.parse(" 1.25"), Ok(sol("1.25")));
        assert_eq!(Amount::new(u128::MAX, 0).unwrap().to_string(), u128::MAX.to_string());
        assert_eq!(Amount::new(1, 38).unwrap().to_string(), format!("0.{}1", "0".repeat(37)));
    }

    #[test]
    fn what_cannot_be_counted_is_refused_with_its_reason() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,000", "1_0", "NaN", "1.2.3", "١"] {
            assert!(matches!(Amount::parse(text, 9), Err(InvalidAmount::Unreadable(_))), "{text}");
        }
        let fine = Amount::parse("0.1234567891", 9).unwrap_err();
        assert_eq!(fine.to_string(), "`0.1234567891` has 10 decimals; there are 9");
        assert!(matches!(Amount::parse(&u128::MAX.to_string(), 1), Err(InvalidAmount::TooLarge(_))));
        let word = format!("{}0", u128::MAX);
        assert!(matches!(Amount::from_units(&word, 18), Err(InvalidAmount::TooLarge(_))));
        assert!(matches!(Amount::from_units("1.5", 18), Err(InvalidAmount::Unreadable(_))));
        assert_eq!(Amount::new(1, 39), Err(InvalidAmount::Decimals(39)));
        let other = Unit::new("SOL", 9).unwrap().parse("1 ETH").unwrap_err();
        assert_eq!(other.to_string(), "`ETH` is not counted here; write the amount in SOL");
    }

    #[test]
    fn a_short_amount_shows_no_money_that_is_not_there() {
        assert_eq!(sol("1.999999999").short().to_string(), "1.99999");
        assert_eq!(sol("1234567.891").short().to_string(), "1234567");
        assert_eq!(sol("0.000123456").short().to_string(), "0.000123456");
        assert_eq!(Amount::parse("0.000123456789", 18).unwrap().short().to_string(), "0.000123456");
        assert_eq!(sol("0").short(), sol("0"));
    }

    #[test]
    fn sums_that_do_not_fit_and_other_scales_give_nothing() {
        let most = Amount::new(u128::MAX, 9).unwrap();
        assert_eq!(most.checked_add(sol("1")), None);
        assert_eq!(sol("1").checked_sub(sol("2")), None);
        assert_eq!(sol("1").checked_add(Amount::parse("1", 6).unwrap()), None);
        assert_eq!(sol("1").distance(sol("3")), Some(sol("2")));
        assert_eq!(sol("3").checked_sub(sol("1")), Some(sol("2")));
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back_exactly(units: u128, decimals in 0u8..=38) {
            let amount = Amount::new(units, decimals).unwrap();
            let read = Amount::parse(&amount.to_string(), decimals).unwrap();
            prop_assert_eq!(read.units(), units);
            prop_assert!(amount.short() <= amount);
        }

        #[test]
        fn what_is_stored_keeps_its_decimals(units: u128, decimals in 0u8..=38) {
            let amount = Amount::new(units, decimals).unwrap();
            let back: Amount = String::from(amount).parse().unwrap();
            prop_assert_eq!((back.units(), back.decimals()), (units, decimals));
            let coarser = amount.rescaled(decimals.saturating_sub(3));
            prop_assert!(coarser.is_none_or(|coarser| coarser == amount));
        }

        #[test]
        fn order_is_by_value(a in 0u64.., b in 0u64.., more in 0u8..=18) {
            let coarse = Amount::new(a.into(), 3).unwrap();
            let fine = Amount::new(u128::from(b), 3 + more).unwrap();
            let scaled = u128::from(a) * 10u128.pow(more.into());
            prop_assert_eq!(coarse.cmp(&fine), scaled.cmp(&u128::from(b)));
        }

        #[test]
        fn no_text_panics(text in ".{0,60}", decimals: u8) {
            let _ = (Amount::parse(&text, decimals), Amount::from_units(&text, decimals));
        }
    }
}
