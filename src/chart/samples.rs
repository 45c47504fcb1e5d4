//! From whatever was recorded to what can be drawn: sorted, finite, thinned, split at gaps, with ranges that fit.

use std::ops::Range;

use super::{Marks, Sample};
use crate::core::time::Timestamp;

/// More points than pixels only cost time.
const MOST: usize = 1600;

/// Prices beyond this are a broken feed's, and differences of them would leave f64's range.
const BIGGEST: f64 = 1e30;

/// A silence this many times the usual distance between samples is a gap, not a line.
const GAP: i64 = 6;

/// Sorted by time, without values that cannot be drawn.
pub(super) fn usable(samples: &[Sample]) -> Vec<Sample> {
    let drawable = |value: f64| value.is_finite() && value.abs() < BIGGEST;
    let mut usable: Vec<_> = samples
        .iter()
        .filter(|sample| drawable(sample.price))
        .map(|sample| Sample { conf: if drawable(sample.conf) { sample.conf.abs() } else { 0.0 }, ..*sample })
        .collect();
    usable.sort_by_key(|sample| sample.at);
    thinned(usable)
}

/// Keeps the lowest and the highest of each neighbourhood, so that no spike disappears.
fn thinned(samples: Vec<Sample>) -> Vec<Sample> {
    if samples.len() <= MOST {
        return samples;
    }
    let mut kept = Vec::with_capacity(MOST + 4);
    for near in samples.chunks(samples.len().div_ceil(MOST / 2)) {
        let by_price = |a: &&Sample, b: &&Sample| a.price.total_cmp(&b.price);
        let extremes = [near.iter().min_by(by_price), near.iter().max_by(by_price)];
        let mut extremes: Vec<_> = extremes.into_iter().flatten().copied().collect();
        extremes.sort_by_key(|sample| sample.at);
        kept.extend(extremes);
    }
    kept
}

/// Stretches without gaps.
pub(super) fn runs(samples: &[Sample]) -> impl Iterator<Item = &[Sample]> {
    let millis = |a: &Sample, b: &Sample| b.at.as_millis().saturating_sub(a.at.as_millis());
    let mut steps: Vec<_> = samples.windows(2).map(|pair| millis(&pair[0], &pair[1])).collect();
    steps.sort_unstable();
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(i64::MAX).max(1);
    samples.chunk_by(move |a, b| millis(a, b) <= usual.saturating_mul(GAP))
}

/// The prices with their bands and the thresholds that lie near, and some air around them.
pub(super) fn price_range(samples: &[Sample], marks: &Marks) -> Range<f64> {
    let low = samples.iter().map(|sample| sample.price - sample.conf).fold(f64::INFINITY, f64::min);
    let high = samples.iter().map(|sample| sample.price + sample.conf).fold(f64::NEG_INFINITY, f64::max);
    let span = high - low;
    let near = |price: f64| price.is_finite() && price > low - span && price < high + span;
    let limits = || marks.thresholds.iter().map(|threshold| threshold.price).filter(|price| near(*price));
    let (low, high) = (limits().fold(low, f64::min), limits().fold(high, f64::max));
    // A flat line gets a scale of its own size, so that its axis does not show noise in the last digit.
    let air = ((high - low) * 0.12).max(low.abs().max(high.abs()) * 1e-5).max(1e-9);
    low - air..high + air
}

/// From the first sample to the last or `until`, whichever is later; at least a minute.
pub(super) fn time_range(first: Timestamp, last: Timestamp, marks: &Marks) -> Range<i64> {
    const LEAST: i64 = 60_000;
    let end = marks.until.map_or(last, |until| until.max(last)).as_millis();
    let start = first.as_millis();
    if end.saturating_sub(start) >= LEAST {
        start..end
    } else {
        end.saturating_sub(LEAST)..end.saturating_add(LEAST / 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64, price: f64) -> Sample {
        Sample { at: Timestamp::from_secs(secs), price, conf: 0.1 }
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out_and_the_rest_sorted() {
        let samples = [at(3, 1.0), at(1, f64::NAN), at(2, f64::INFINITY), at(0, 1e300), at(1, 2.0)];
        let kept: Vec<_> = usable(&samples).iter().map(|sample| sample.at.as_secs()).collect();
        assert_eq!(kept, [1, 3]);
    }

    #[test]
    fn thinning_keeps_the_spike() {
        let mut samples: Vec<_> = (0..100_000).map(|second| at(second, 150.0)).collect();
        samples[77_777].price = 1.5;
        let kept = usable(&samples);
        assert!(kept.len() <= MOST + 4);
        assert!(kept.iter().any(|sample| sample.price < 2.0));
    }

    #[test]
    fn a_pause_splits_the_line_and_jitter_does_not() {
        let samples = [0, 1, 2, 4, 5, 95, 96].map(|second| at(second, 1.0));
        let lengths: Vec<_> = runs(&samples).map(<[Sample]>::len).collect();
        assert_eq!(lengths, [5, 2]);
    }

    #[test]
    fn a_far_threshold_does_not_flatten_the_price() {
        let samples = [at(0, 100.0), at(1, 101.0)];
        let marks = |price| Marks {
            thresholds: vec![super::super::Threshold { price, label: String::new() }],
            ..Marks::default()
        };
        assert!(price_range(&samples, &marks(101.5)).contains(&101.5));
        assert!(price_range(&samples, &marks(5000.0)).end < 102.0);
    }
}
