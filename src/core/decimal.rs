//! Exact decimal numbers as price feeds publish them: an integer mantissa and a power of ten.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `mantissa × 10^expo`, exactly. Pyth publishes price and confidence this way (`expo` is usually -8 or -5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decimal {
    pub mantissa: i64,
    pub expo: i32,
}

impl Decimal {
    #[must_use]
    pub const fn new(mantissa: i64, expo: i32) -> Self {
        Self { mantissa, expo }
    }

    /// For statistics and charts only; what people read is printed from the integers.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "statistics need 15 digits at most")]
    pub fn to_f64(self) -> f64 {
        self.mantissa as f64 * 10f64.powi(self.expo)
    }
}

impl fmt::Display for Decimal {
    /// Plain digits without an exponent and without trailing zeros after the point.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs().to_string();
        if self.expo >= 0 {
            let zeros = if self.mantissa == 0 { 0 } else { usize::try_from(self.expo).unwrap_or(0).min(40) };
            return write!(f, "{sign}{digits}{}", "0".repeat(zeros));
        }
        let places = usize::try_from(self.expo.unsigned_abs()).unwrap_or(40).min(40);
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{fraction}") }
    }
}
