//! Axes people can read: times at round UTC minutes, prices with as many digits as the scale needs.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// Milliseconds since the epoch along the bottom, marked at round UTC times.
#[derive(Clone)]
pub(super) struct TimeAxis(pub Range<i64>);

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// More marks than this and a phone shows them run together.
const TIME_MARKS: i64 = 5;
const PRICE_MARKS: f64 = 4.0;

const STEPS: [i64; 16] = [
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
];

impl TimeAxis {
    fn step(&self) -> i64 {
        let span = self.0.end.saturating_sub(self.0.start);
        STEPS.into_iter().find(|step| span / step < TIME_MARKS).unwrap_or(span / TIME_MARKS)
    }

    /// `14:05`, `14:05:30` when marks are seconds apart, `29 Nov` when they are days apart.
    pub fn label(&self, millis: i64) -> String {
        let step = self.step();
        let pattern = if step < MINUTE {
            "%H:%M:%S"
        } else if step < DAY {
            "%H:%M"
        } else {
            "%-d %b"
        };
        utc(millis, pattern)
    }

    /// `14:05`, whatever the scale.
    pub fn minute(&self, millis: i64) -> String {
        utc(millis, if self.step() < DAY { "%H:%M" } else { "%-d %b %H:%M" })
    }
}

fn utc(millis: i64, pattern: &str) -> String {
    jiff::Timestamp::from_millisecond(millis).map_or_else(|_| String::new(), |at| at.strftime(pattern).to_string())
}

impl Ranged for TimeAxis {
    type FormatOption = DefaultFormatting;
    type ValueType = i64;

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "pixels are far coarser")]
    fn map(&self, value: &i64, limit: (i32, i32)) -> i32 {
        let along = value.saturating_sub(self.0.start) as f64 / self.0.end.saturating_sub(self.0.start).max(1) as f64;
        limit.0 + (f64::from(limit.1 - limit.0) * along).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<i64> {
        let step = self.step().max(1);
        let first = self.0.start.div_euclid(step).saturating_add(1).saturating_mul(step);
        (0..=TIME_MARKS)
            .map(|nth| first.saturating_add(nth.saturating_mul(step)))
            .take_while(|at| *at < self.0.end)
            .collect()
    }

    fn range(&self) -> Range<i64> {
        self.0.clone()
    }
}

/// Prices up the side, marked at round numbers.
#[derive(Clone)]
pub(super) struct PriceAxis(pub Range<f64>);

impl PriceAxis {
    /// 1, 2 or 5 times a power of ten.
    fn step(&self) -> f64 {
        let rough = (self.0.end - self.0.start) / PRICE_MARKS;
        let power = 10f64.powf(rough.log10().floor());
        [1.0, 2.0, 5.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough).unwrap_or(10.0 * power)
    }

    pub fn label(&self, price: f64) -> String {
        number(price, self.step())
    }

    /// The widest of the marks' labels, in characters.
    pub fn widest_label(&self) -> usize {
        self.marks().into_iter().map(|price| self.label(price).chars().count()).max().unwrap_or(0)
    }

    fn marks(&self) -> Vec<f64> {
        let step = self.step();
        let first = (self.0.start / step).ceil();
        (0u8..12).map(|nth| (first + f64::from(nth)) * step).take_while(|price| *price <= self.0.end).collect()
    }
}

impl Ranged for PriceAxis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    #[expect(clippy::cast_possible_truncation, reason = "clamped to the drawing's pixels first")]
    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let along = ((value - self.0.start) / (self.0.end - self.0.start)).clamp(-2.0, 3.0);
        limit.0 + (f64::from(limit.1 - limit.0) * along).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.marks()
    }

    fn range(&self) -> Range<f64> {
        self.0.clone()
    }
}

/// `67,150`, `1.0842`, `0.00001234`, `2.5e12`: the digits that differ when the value moves by `step`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 12")]
pub(super) fn number(value: f64, step: f64) -> String {
    const BIGGEST: f64 = 1e9;
    if value.abs() >= BIGGEST {
        // Enough digits that neighbouring marks differ.
        let digits = (value.abs().log10() - step.abs().log10()).ceil().clamp(1.0, 12.0) as usize;
        return format!("{value:.digits$e}");
    }
    let digits = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    let text = format!("{value:.digits$}");
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |text| ("-", text));
    let (whole, fraction) = text.split_once('.').map_or((text, ""), |(whole, fraction)| (whole, fraction));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { format!("{sign}{grouped}") } else { format!("{sign}{grouped}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use plotters::coord::ranged1d::LightPoints;

    use super::*;

    fn times(from: i64, to: i64) -> Vec<String> {
        let axis = TimeAxis(from..to);
        axis.key_points(LightPoints::new(9, 9)).into_iter().map(|at| axis.label(at)).collect()
    }

    fn prices(from: f64, to: f64) -> Vec<String> {
        let axis = PriceAxis(from..to);
        axis.marks().into_iter().map(|price| axis.label(price)).collect()
    }

    #[test]
    fn time_marks_are_round_and_few() {
        assert_eq!(times(100 * SECOND, 31 * MINUTE), ["00:10", "00:20", "00:30"]);
        assert_eq!(times(0, 100 * SECOND), ["00:00:30", "00:01:00", "00:01:30"]);
        assert_eq!(times(0, 4 * DAY), ["2 Jan", "3 Jan", "4 Jan"]);
        assert!(times(i64::MIN, i64::MAX).len() <= 6);
    }

    #[test]
    fn price_marks_show_the_digits_that_differ() {
        assert_eq!(prices(67_012.0, 67_391.0), ["67,100", "67,200", "67,300"]);
        assert_eq!(prices(1.08415, 1.08431), ["1.08415", "1.08420", "1.08425", "1.08430"]);
        assert_eq!(prices(-0.5, 1.2), ["-0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(
            prices(0.0, 4.1e12),
            ["0", "2e12", "4e12"].map(|s| if s == "0" { "0".to_owned() } else { s.replace('e', ".0e") })
        );
    }
}
