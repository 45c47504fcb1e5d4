//! Exact decimal numbers as price feeds publish them: an integer mantissa and a power of ten.
//! Equality, order and hash are by value: 1.50 is 1.5.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One hundred percent, in basis points.
const WHOLE_BPS: u64 = 10_000;

/// `mantissa × 10^expo`, exactly. Pyth publishes price and confidence this way (`expo` is usually -8 or -5).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Decimal {
    pub mantissa: i64,
    pub expo: i32,
}

/// What was written where a decimal number belongs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a number that fits; write it like 123.45, at most 18 digits before the point")]
pub struct InvalidDecimal(pub String);

impl Decimal {
    #[must_use]
    pub const fn new(mantissa: i64, expo: i32) -> Self {
        Self { mantissa, expo }
    }

    /// A mantissa in text, as Hermes sends it: `"14320000000"`, -8.
    ///
    /// # Errors
    /// When the text is no integer of 64 bits.
    pub fn from_mantissa(mantissa: &str, expo: i32) -> Result<Self, InvalidDecimal> {
        let parsed = mantissa.parse().map_err(|_| InvalidDecimal(mantissa.to_owned()))?;
        Ok(Self::new(parsed, expo))
    }

    /// For statistics and charts only; what people read is printed from the integers. Always finite.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "statistics need 15 digits at most")]
    pub fn to_f64(self) -> f64 {
        if self.mantissa == 0 {
            return 0.0;
        }
        (self.mantissa as f64 * 10f64.powi(self.expo)).clamp(f64::MIN, f64::MAX)
    }

    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.mantissa > 0
    }

    /// `|self| / |whole|` in basis points, rounded down, so that `>= n` is exact. `None` when `whole` is zero;
    /// `u64::MAX` when it does not fit.
    #[must_use]
    pub fn bps_of(self, whole: Self) -> Option<u64> {
        ratio_bps(self, whole).map(|(bps, _)| bps)
    }

    /// How far `self` lies from `reference`, `|self - reference| / |reference|`, in basis points rounded down.
    /// `None` when `reference` is zero; `u64::MAX` when it does not fit.
    #[must_use]
    pub fn distance_bps(self, reference: Self) -> Option<u64> {
        let (ratio, exact) = ratio_bps(self, reference)?;
        if self.mantissa.signum() == -reference.mantissa.signum() {
            return Some(ratio.saturating_add(WHOLE_BPS));
        }
        Some(match ratio.checked_sub(WHOLE_BPS) {
            Some(_) if ratio == u64::MAX => ratio,
            Some(above) => above,
            None => WHOLE_BPS - ratio - u64::from(!exact),
        })
    }

    /// The mantissa this value has at another exponent, cut towards zero, and kept within 64 bits.
    #[must_use]
    pub fn at_expo(self, expo: i32) -> i64 {
        let mantissa = i128::from(self.mantissa);
        let power = 10i128.saturating_pow(self.expo.abs_diff(expo).min(38));
        let scaled = if self.expo >= expo { mantissa.saturating_mul(power) } else { mantissa / power };
        i64::try_from(scaled).unwrap_or(if scaled < 0 { i64::MIN } else { i64::MAX })
    }

    /// Rounded, half away from zero, to this many significant digits: enough for reading, not for deciding.
    #[must_use]
    pub fn rounded(self, significant: u32) -> Self {
        let cut = digits(self.mantissa.unsigned_abs()).saturating_sub(significant.max(1));
        let Some(step) = 10i64.checked_pow(cut) else { return self };
        let half = i128::from(step / 2) * i128::from(self.mantissa.signum());
        let rounded = (i128::from(self.mantissa) + half) / i128::from(step);
        match (i64::try_from(rounded), i32::try_from(cut).ok().and_then(|cut| self.expo.checked_add(cut))) {
            (Ok(mantissa), Some(expo)) => Self { mantissa, expo },
            _ => self,
        }
    }

    /// The same value with no trailing zeros in the mantissa, so that equal values have equal parts.
    fn normal(self) -> Self {
        if self.mantissa == 0 {
            return Self::new(0, 0);
        }
        let mut normal = self;
        while normal.mantissa % 10 == 0 && normal.expo < i32::MAX {
            normal = Self::new(normal.mantissa / 10, normal.expo + 1);
        }
        normal
    }

    fn cmp_magnitude(self, other: Self) -> Ordering {
        let (a, b) = (self.mantissa.unsigned_abs(), other.mantissa.unsigned_abs());
        if a == 0 || b == 0 || self.expo == other.expo {
            return a.cmp(&b);
        }
        let order = |m: u64, expo: i32| i64::from(digits(m)) + i64::from(expo);
        order(a, self.expo).cmp(&order(b, other.expo)).then_with(|| {
            // The same order of magnitude: the exponents differ by 19 at most, and 20 digits times 10^18 fit in 128 bits.
            let gap = self.expo.abs_diff(other.expo);
            let scaled = |m: u64| u128::from(m).saturating_mul(10u128.saturating_pow(gap));
            if self.expo > other.expo { scaled(a).cmp(&u128::from(b)) } else { u128::from(a).cmp(&scaled(b)) }
        })
    }
}

/// Decimal digits of `number`; zero has one.
fn digits(number: u64) -> u32 {
    number.checked_ilog10().unwrap_or(0) + 1
}

/// `|part| / |whole| × 10^4` rounded down, and whether nothing was cut off.
fn ratio_bps(part: Decimal, whole: Decimal) -> Option<(u64, bool)> {
    let (part_size, whole_size) = (u128::from(part.mantissa.unsigned_abs()), u128::from(whole.mantissa.unsigned_abs()));
    if whole_size == 0 {
        return None;
    }
    if part_size == 0 {
        return Some((0, true));
    }
    let shift = i64::from(part.expo) - i64::from(whole.expo) + 4;
    // The common case in one division: 20 digits times 10^18 fit.
    if let Some(scaled) =
        u32::try_from(shift).ok().filter(|places| *places <= 18).map(|places| part_size * 10u128.pow(places))
    {
        let bps = u64::try_from(scaled / whole_size).unwrap_or(u64::MAX);
        return Some((bps, scaled.is_multiple_of(whole_size)));
    }
    let (mut quotient, mut rest) = (part_size / whole_size, part_size % whole_size);
    if shift >= 0 {
        for _ in 0..shift {
            quotient = quotient * 10 + rest * 10 / whole_size;
            rest = rest * 10 % whole_size;
            if quotient > u128::from(u64::MAX) {
                return Some((u64::MAX, false));
            }
        }
        return Some((u64::try_from(quotient).unwrap_or(u64::MAX), rest == 0));
    }
    let Some(step) = u32::try_from(-shift).ok().and_then(|places| 10u128.checked_pow(places)) else {
        return Some((0, false));
    };
    let exact = rest == 0 && quotient.is_multiple_of(step);
    Some((u64::try_from(quotient / step).unwrap_or(u64::MAX), exact))
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = self.mantissa.signum();
        sign.cmp(&other.mantissa.signum()).then_with(|| {
            let magnitude = self.cmp_magnitude(*other);
            if sign < 0 { magnitude.reverse() } else { magnitude }
        })
    }
}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let normal = self.normal();
        normal.mantissa.hash(state);
        normal.expo.hash(state);
    }
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    /// `123.45`, `-0.001`, `1.2e-5`. Fraction digits that do not fit are cut off.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidDecimal(text.chars().take(40).collect());
        let (number, power) = match text.split_once(['e', 'E']) {
            Some((number, power)) => (number, power.parse::<i32>().map_err(|_| invalid())?),
            None => (text, 0),
        };
        let (negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        let append = |so_far: i64, digit: u8| so_far.checked_mul(10)?.checked_add(i64::from(digit - b'0'));
        let mut mantissa = whole.bytes().try_fold(0i64, append).ok_or_else(invalid)?;
        let mut expo = power;
        for digit in fraction.bytes() {
            let Some(longer) = append(mantissa, digit) else { break };
            (mantissa, expo) = (longer, expo.checked_sub(1).ok_or_else(invalid)?);
        }
        Ok(Self::new(if negative { -mantissa } else { mantissa }, expo))
    }
}

impl fmt::Display for Decimal {
    /// Plain digits without trailing zeros after the point; beyond 40 places as `5e-90`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs().to_string();
        if self.mantissa == 0 {
            return f.write_str("0");
        }
        let places = match usize::try_from(self.expo.unsigned_abs()) {
            Ok(places) if places <= 40 => places,
            _ => return write!(f, "{sign}{digits}e{}", self.expo),
        };
        if self.expo >= 0 {
            return write!(f, "{sign}{digits}{}", "0".repeat(places));
        }
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{fraction}") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn a_number_prints_as_it_was_written() {
        for text in ["0", "1", "-1", "123.45", "0.00000001", "-0.5", "9223372036854775807", "65000"] {
            assert_eq!(number(text).to_string(), text);
        }
        assert_eq!(number("1.50").to_string(), "1.5");
        assert_eq!(number("1.2e-5").to_string(), "0.000012");
        assert_eq!(Decimal::new(5, -90).to_string(), "5e-90");
    }

    #[test]
    fn fraction_digits_that_do_not_fit_are_cut_off_and_whole_ones_refused() {
        assert_eq!(number("0.12345678901234567890123"), Decimal::new(1_234_567_890_123_456_789, -19));
        assert!("99999999999999999999".parse::<Decimal>().is_err());
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "1.2.3", "+1", "1e", "1e99999999999", "NaN", "inf", "1,5", " 1", "1e-2147483648.5"] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
        assert!(Decimal::from_mantissa("12x", -8).is_err());
        assert_eq!(Decimal::from_mantissa("14320000000", -8).unwrap(), number("143.2"));
    }

    #[test]
    fn reading_precision_rounds_half_away_from_zero() {
        assert_eq!(number("143.20125").rounded(7), number("143.2013"));
        assert_eq!(number("-0.000123456789").rounded(3), number("-0.000123"));
        assert_eq!(number("99.995").rounded(4), number("100"));
        assert_eq!(number("12").rounded(7), number("12"));
    }

    #[test]
    fn ratios_are_exact_at_the_threshold() {
        assert_eq!(number("2").bps_of(number("100")), Some(200));
        assert_eq!(number("1.99999999").bps_of(number("100")), Some(199));
        assert_eq!(number("1").bps_of(number("0")), None);
        assert_eq!(number("98").distance_bps(number("100")), Some(200));
        assert_eq!(number("98.00000001").distance_bps(number("100")), Some(199));
        assert_eq!(number("-1").distance_bps(number("1")), Some(20_000));
        assert_eq!(number("0").distance_bps(number("5")), Some(10_000));
        assert_eq!(Decimal::new(1, i32::MAX).bps_of(Decimal::new(1, i32::MIN)), Some(u64::MAX));
        assert_eq!(Decimal::new(1, i32::MIN).bps_of(Decimal::new(1, i32::MAX)), Some(0));
    }

    /// Both as integers at the lower exponent; only for exponents that are near each other.
    fn aligned(a: Decimal, b: Decimal) -> (i128, i128) {
        let low = a.expo.min(b.expo);
        let raise = |d: Decimal| i128::from(d.mantissa) * 10i128.pow(u32::try_from(d.expo - low).unwrap());
        (raise(a), raise(b))
    }

    proptest! {
        #[test]
        fn order_and_ratios_agree_with_whole_numbers(
            a in -1_000_000_000_000i64..1_000_000_000_000, x in -9i32..9,
            b in -1_000_000_000_000i64..1_000_000_000_000, y in -9i32..9,
        ) {
            let (a, b) = (Decimal::new(a, x), Decimal::new(b, y));
            let (p, q) = aligned(a, b);
            prop_assert_eq!(a.cmp(&b), p.cmp(&q));
            let bps = |part: i128| (q != 0).then(|| u64::try_from(part.abs() * 10_000 / q.abs()).unwrap_or(u64::MAX));
            prop_assert_eq!(a.bps_of(b), bps(p));
            prop_assert_eq!(a.distance_bps(b), bps(p - q));
        }

        #[test]
        fn no_number_panics(a: i64, x: i32, b: i64, y: i32, digits: u32) {
            let (a, b) = (Decimal::new(a, x), Decimal::new(b, y));
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert!(a.to_f64().is_finite());
            let _ = (a.bps_of(b), a.distance_bps(b), a.rounded(digits), a.to_string(), a.normal(), a.at_expo(y));
        }

        #[test]
        fn zeros_after_the_last_digit_change_nothing(mantissa in -1_000_000i64..1_000_000, zeros in 0u32..12) {
            let plain = Decimal::new(mantissa, 0);
            let padded = Decimal::new(mantissa * 10i64.pow(zeros), -i32::try_from(zeros).unwrap());
            prop_assert_eq!(plain, padded);
            prop_assert_eq!((plain.normal().mantissa, plain.normal().expo), (padded.normal().mantissa, padded.normal().expo));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+0-9.eE]{0,40}") {
            let _ = text.parse::<Decimal>();
        }
    }
}
