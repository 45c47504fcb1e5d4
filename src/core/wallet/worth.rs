//! What an amount is worth in dollars, by the price of a feed.

use std::fmt;

use super::Amount;
use super::runway::mul_div;
use crate::core::decimal::Decimal;

/// Dollars, in whole cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dollars(pub u128);

impl Dollars {
    /// `amount` at `price` dollars, rounded down; `None` without a positive price.
    #[must_use]
    pub fn of(amount: Amount, price: Decimal) -> Option<Self> {
        let price = price.is_positive().then_some(price)?;
        // Cents are two places, so the product is `units × mantissa × 10^(expo + 2 - decimals)`.
        let mantissa = price.mantissa.unsigned_abs();
        let power = price.expo.checked_add(2)?.checked_sub(i32::from(amount.decimals()))?;
        let ten = |power: u32| 10u128.checked_pow(power);
        if power >= 0 {
            let product = amount.units().checked_mul(mantissa.into())?;
            return product.checked_mul(ten(power.unsigned_abs())?).map(Self);
        }
        Some(ten(power.unsigned_abs()).map_or(Self(0), |divisor| Self(mul_div(amount.units(), mantissa, divisor))))
    }
}

impl fmt::Display for Dollars {
    /// `$0.42`, `$58.12`, `$1,234`: cents matter below a hundred dollars.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, cents) = (self.0 / 100, self.0 % 100);
        if dollars < 100 {
            return write!(f, "${dollars}.{cents:02}");
        }
        let digits = dollars.to_string();
        f.write_str("$")?;
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_is_told_in_dollars() {
        let worth = |amount: &str, decimals, price: &str| {
            let amount = Amount::parse(amount, decimals).unwrap();
            Dollars::of(amount, price.parse().unwrap()).map(|dollars| dollars.to_string())
        };
        assert_eq!(worth("0.42", 9, "143.20").as_deref(), Some("$60.14"));
        assert_eq!(worth("12.5", 18, "3921.77").as_deref(), Some("$49,022"));
        assert_eq!(worth("1000000", 6, "0.99987").as_deref(), Some("$999,870"));
        assert_eq!(worth("0.000001", 18, "0.00001").as_deref(), Some("$0.00"));
        assert_eq!(worth("7", 0, "1e3").as_deref(), Some("$7,000"));
        assert_eq!(worth("1", 9, "0"), None);
        assert_eq!(worth("1", 9, "-1"), None);
    }
}
