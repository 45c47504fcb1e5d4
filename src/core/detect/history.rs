//! A feed's recent past for its chart: bounded and thinned.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::decimal::Decimal;
use crate::core::time::Timestamp;

/// Price and confidence at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    pub at: Timestamp,
    pub price: Decimal,
    /// Half-width of the confidence interval.
    pub conf: Decimal,
}

/// At most 120 samples, half a minute apart unless notable: about the last hour.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    kept: VecDeque<Packed>,
}

/// A sample whose confidence shares the price's exponent, as Pyth's does: 32 bytes, so that a full ring stays under 4 KB.
#[derive(Clone, Copy, Debug)]
struct Packed {
    at: Timestamp,
    price: i64,
    conf: i64,
    expo: i32,
}

const CAPACITY: usize = 120;
const SPACING: Duration = Duration::from_secs(30);

impl History {
    /// Keeps the sample when the last one kept is old enough, or when it is `notable`: a slip of one second must
    /// not fall between two samples.
    pub(super) fn record(&mut self, sample: Sample, notable: bool) {
        let due = self.kept.back().is_none_or(|last| sample.at < last.at || sample.at.since(last.at) >= SPACING);
        if !due && !notable {
            return;
        }
        if self.kept.len() == CAPACITY {
            self.kept.pop_front();
        }
        self.kept.push_back(Packed::new(sample));
    }

    /// Oldest first.
    pub(super) fn samples(&self) -> impl Iterator<Item = Sample> + '_ {
        self.kept.iter().map(|packed| packed.sample())
    }
}

impl Packed {
    fn new(Sample { at, price, conf }: Sample) -> Self {
        Self { at, price: price.mantissa, conf: conf.at_expo(price.expo), expo: price.expo }
    }

    const fn sample(self) -> Sample {
        Sample { at: self.at, price: Decimal::new(self.price, self.expo), conf: Decimal::new(self.conf, self.expo) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(secs: i64, price: i64) -> Sample {
        Sample { at: Timestamp::from_secs(secs), price: Decimal::new(price, -2), conf: Decimal::new(1, -2) }
    }

    #[test]
    fn a_busy_feed_keeps_an_hour_in_four_kilobytes() {
        let mut history = History::default();
        (0..20_000).for_each(|s| history.record(sample(s, s), false));
        let kept: Vec<_> = history.samples().collect();
        assert_eq!(kept.len(), CAPACITY);
        assert!(kept.is_sorted_by_key(|s| s.at));
        assert!(kept[0].at <= Timestamp::from_secs(20_000 - 3500));
        assert!(CAPACITY * size_of::<Packed>() <= 4096);
    }

    #[test]
    fn a_notable_sample_is_kept_whenever_it_comes() {
        let mut history = History::default();
        history.record(sample(0, 1), false);
        history.record(sample(1, 2), false);
        history.record(sample(2, 300), true);
        assert_eq!(history.samples().collect::<Vec<_>>(), [sample(0, 1), sample(2, 300)]);
    }

    #[test]
    fn a_confidence_of_another_exponent_keeps_its_value() {
        let mut history = History::default();
        let odd = Sample { conf: Decimal::new(500, -5), ..sample(0, 14_320) };
        history.record(odd, false);
        assert_eq!(history.samples().next().unwrap().conf, Decimal::new(0, 0));
        let fine = Sample { conf: Decimal::new(5, -1), ..sample(0, 14_320) };
        history.record(fine, true);
        assert_eq!(history.samples().last(), Some(fine));
    }
}
