//! A feed's own rhythm: a streaming quantile of how old its price gets before the next one comes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A histogram of ages in half-octave buckets, the older half forgotten by halving: 32 counters, no allocation.
/// The quantile is right to within one bucket (a factor of 1.5).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Gaps {
    counts: [u16; BUCKETS],
    total: u32,
}

const BUCKETS: usize = 32;
/// Ages below this share the first bucket; half-octaves from here reach over an hour.
const SMALLEST_MILLIS: u64 = 64;
/// Fewer gaps than this say nothing about a rhythm.
const WARM: u32 = 64;
/// At this many, all counts are halved, so that a changed rhythm is learned.
const FORGET_AT: u32 = 2048;

impl Gaps {
    pub(super) fn learn(&mut self, age: Duration) {
        let millis = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get_mut(bucket(millis)) {
            *count += 1;
            self.total += 1;
        }
        if self.total >= FORGET_AT {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().map(|count| u32::from(*count)).sum();
        }
    }

    /// The age that `permille` of all gaps stayed within; `None` until enough is known.
    pub(super) fn quantile(&self, permille: u32) -> Option<Duration> {
        if self.total < WARM {
            return None;
        }
        let wanted = (self.total * permille).div_ceil(1000);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += u32::from(*count);
            seen >= wanted
        });
        found.map(|bucket| Duration::from_millis(upper_edge(bucket)))
    }
}

/// Bucket `2k` holds `[64·2^k, 96·2^k)` ms, `2k+1` the rest of the octave; the first and last take what lies outside.
fn bucket(millis: u64) -> usize {
    let millis = millis.max(SMALLEST_MILLIS);
    let octave = millis.ilog2();
    let upper_half = (millis >> (octave - 1)) & 1;
    let index = u64::from(octave - SMALLEST_MILLIS.ilog2()) * 2 + upper_half;
    usize::try_from(index).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

fn upper_edge(bucket: usize) -> u64 {
    let octave = SMALLEST_MILLIS << (bucket / 2);
    if bucket.is_multiple_of(2) { octave + octave / 2 } else { octave * 2 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_said_before_enough_gaps_were_seen() {
        let mut gaps = Gaps::default();
        (1..WARM).for_each(|_| gaps.learn(Duration::from_secs(1)));
        assert_eq!(gaps.quantile(995), None);
        gaps.learn(Duration::from_secs(1));
        assert!(gaps.quantile(995).is_some());
    }

    #[test]
    fn a_changed_rhythm_is_learned() {
        let mut gaps = Gaps::default();
        (0..5000).for_each(|_| gaps.learn(Duration::from_secs(1)));
        (0..3000).for_each(|_| gaps.learn(Duration::from_secs(30)));
        assert!(gaps.quantile(500).unwrap() >= Duration::from_secs(30));
    }

    proptest! {
        #[test]
        fn the_quantile_is_the_sorted_one_to_within_a_bucket(
            ages in proptest::collection::vec(64u64..3_000_000, 64..2000), permille in 1u32..1000,
        ) {
            let mut gaps = Gaps::default();
            for age in &ages {
                gaps.learn(Duration::from_millis(*age));
            }
            let mut sorted = ages;
            sorted.sort_unstable();
            let rank = (sorted.len() * permille as usize).div_ceil(1000);
            let (exact, learned) = (sorted[rank - 1], gaps.quantile(permille).unwrap().as_millis());
            prop_assert!(u128::from(exact) <= learned && learned <= u128::from(exact) * 3 / 2 + 1, "{exact} {learned}");
        }

        #[test]
        fn any_age_has_a_bucket(millis: u64) {
            prop_assert!(bucket(millis) < BUCKETS);
        }
    }
}
