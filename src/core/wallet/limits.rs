//! When a wallet is too empty: by amount, by time, or both.

use std::time::Duration;

use super::Amount;
use crate::core::severity::Severity;
use crate::core::time::Span;

/// Where a warning and where a critical alert begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels<T> {
    pub warning: Option<T>,
    pub critical: Option<T>,
}

impl<T> Default for Levels<T> {
    fn default() -> Self {
        Self { warning: None, critical: None }
    }
}

/// What a wallet should hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// At this amount or less.
    pub amount: Levels<Amount>,
    /// With this much time left or less.
    pub runway: Levels<Span>,
}

impl<T: Copy + PartialOrd> Levels<T> {
    /// How bad `value` is. What was bad stays so until it is better than `clear` of its limit.
    fn level(&self, value: T, was: Option<Severity>, clear: impl Fn(T) -> T) -> Option<(Severity, T)> {
        let levels = [(Severity::Critical, self.critical), (Severity::Warning, self.warning)];
        levels.into_iter().find_map(|(severity, limit)| {
            let limit = limit?;
            let held = was.is_some_and(|was| was >= severity) && value < clear(limit);
            (value <= limit || held).then_some((severity, limit))
        })
    }

    #[must_use]
    pub const fn any(&self) -> bool {
        self.warning.is_some() || self.critical.is_some()
    }
}

impl Limits {
    #[must_use]
    pub const fn any(&self) -> bool {
        self.amount.any() || self.runway.any()
    }

    /// The level of an amount, with the limit that says so. Over after a tenth more than the limit.
    pub(super) fn by_amount(&self, amount: Amount, was: Option<Severity>) -> Option<(Severity, Amount)> {
        self.amount.level(amount, was, |limit| {
            let more = limit.units().saturating_add(limit.units() / 10);
            Amount::new(more, limit.decimals()).unwrap_or(limit)
        })
    }

    /// The level of what is left, with the limit that says so. Over after a quarter more than the limit.
    pub(super) fn by_runway(&self, left: Duration, was: Option<Severity>) -> Option<(Severity, Span)> {
        self.runway.level(left.into(), was, |limit| limit.duration().saturating_add(limit.duration() / 4).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sol(text: &str) -> Amount {
        Amount::parse(text, 9).unwrap()
    }

    #[test]
    fn a_level_holds_until_it_is_clearly_left() {
        let levels = Levels { warning: Some(sol("1")), critical: Some(sol("0.5")) };
        let limits = Limits { amount: levels, ..Limits::default() };
        let level = |amount: &str, was| limits.by_amount(sol(amount), was).map(|(severity, _)| severity);
        assert_eq!(level("1.01", None), None);
        assert_eq!(level("1", None), Some(Severity::Warning));
        assert_eq!(level("0.5", Some(Severity::Warning)), Some(Severity::Critical));
        assert_eq!(level("0.54", Some(Severity::Critical)), Some(Severity::Critical));
        assert_eq!(level("0.55", Some(Severity::Critical)), Some(Severity::Warning));
        assert_eq!(level("1.09", Some(Severity::Warning)), Some(Severity::Warning));
        assert_eq!(level("1.1", Some(Severity::Warning)), None);
    }

    #[test]
    fn a_limit_counts_by_value_whatever_its_decimals() {
        let coarse = Amount::parse("0.5", 24).unwrap();
        let limits = Limits { amount: Levels { critical: Some(coarse), ..Levels::default() }, ..Limits::default() };
        assert!(limits.by_amount(Amount::parse("0.5", 18).unwrap(), None).is_some());
        assert!(limits.by_amount(Amount::parse("0.500001", 6).unwrap(), None).is_none());
    }
}
