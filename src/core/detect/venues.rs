//! What other venues say a thing costs: the median of at least three, however one of them lies.

use std::time::Duration;

use crate::core::decimal::Decimal;
use crate::core::feed::ReferencePrice;
use crate::core::time::Timestamp;

use super::words::price as say;

/// The last price of each venue for one feed.
#[derive(Clone, Debug, Default)]
pub(super) struct Venues {
    pub(super) quotes: Vec<ReferencePrice>,
    /// Since when there have been too few fresh ones to judge by.
    pub(super) too_few_since: Option<Timestamp>,
}

/// What the fresh venues agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Consensus {
    pub(super) median: Decimal,
    pub(super) fresh: usize,
    /// How many of them lie within the feed's own deviation limit of the median.
    pub(super) agree: usize,
    /// The median distance of the venues from their median.
    pub(super) spread_bps: u64,
}

const ENOUGH: usize = 3;
/// More venues than this make no better median.
const MOST: usize = 8;

impl Venues {
    /// False when the price cannot be used: not positive, or older than what is known.
    pub(super) fn insert(&mut self, quote: &ReferencePrice, now: Timestamp) -> bool {
        if !quote.price.is_positive() {
            return false;
        }
        let quote = ReferencePrice { observed_at: quote.observed_at.min(now), ..quote.clone() };
        let Some(index) = self.quotes.iter().position(|known| known.venue == quote.venue) else {
            if self.quotes.len() < MOST {
                self.quotes.push(quote);
                return true;
            }
            return false;
        };
        let known = &mut self.quotes[index];
        if known.observed_at > quote.observed_at && known.observed_at <= now {
            return false;
        }
        *known = quote;
        true
    }

    /// `near`, the feed's price, decides which of two middle venues is the median: the one that speaks for the feed.
    pub(super) fn consensus(
        &self,
        near: Decimal,
        band_bps: u64,
        max_age: Duration,
        now: Timestamp,
    ) -> Option<Consensus> {
        let mut prices = [near; MOST];
        let mut fresh = 0;
        for (place, quote) in prices.iter_mut().zip(self.fresh(max_age, now)) {
            *place = quote.price;
            fresh += 1;
        }
        if fresh < ENOUGH {
            return None;
        }
        let prices = &mut prices[..fresh];
        prices.sort_unstable();
        let (low, high) = (prices[(fresh - 1) / 2], prices[fresh / 2]);
        let median = if near.distance_bps(low) <= near.distance_bps(high) { low } else { high };
        let mut distances = [0; MOST];
        for (place, price) in distances.iter_mut().zip(prices.iter()) {
            *place = price.distance_bps(median).unwrap_or(u64::MAX);
        }
        let distances = &mut distances[..fresh];
        distances.sort_unstable();
        let agree = distances.iter().filter(|distance| **distance <= band_bps).count();
        Some(Consensus { median, fresh, agree, spread_bps: distances[fresh / 2] })
    }

    fn fresh(&self, max_age: Duration, now: Timestamp) -> impl Iterator<Item = &ReferencePrice> {
        self.quotes.iter().filter(move |quote| now.since(quote.observed_at) <= max_age)
    }

    /// `coinbase 143.21, kraken 143.2, binance 143.18`
    pub(super) fn named(&self, max_age: Duration, now: Timestamp) -> String {
        let named: Vec<_> = self.fresh(max_age, now).map(|q| format!("{} {}", q.venue, say(q.price))).collect();
        named.join(", ")
    }
}

impl Consensus {
    /// `3 of 3 venues agree at 143.2`
    pub(super) fn said(&self) -> String {
        format!("{} of {} venues agree at {}", self.agree, self.fresh, say(self.median))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::detect::testing::{feed, quote};

    const NOW: Timestamp = Timestamp::from_secs(1000);
    const MINUTE: Duration = Duration::from_mins(1);

    fn venues(prices: &[i64]) -> Venues {
        let mut venues = Venues::default();
        let id = feed("Crypto.SOL/USD", "crypto").id;
        for (index, price) in prices.iter().enumerate() {
            venues.insert(&quote(id, &format!("v{index}"), Decimal::new(*price, 0), NOW), NOW);
        }
        venues
    }

    fn median(prices: &[i64], near: i64) -> Option<Decimal> {
        venues(prices).consensus(Decimal::new(near, 0), 100, MINUTE, NOW).map(|c| c.median)
    }

    #[test]
    fn two_venues_give_no_verdict_and_three_do() {
        assert_eq!(median(&[100, 101], 100), None);
        assert_eq!(median(&[100, 101, 102], 100), Some(Decimal::new(101, 0)));
        assert_eq!(median(&[100, 101, 105, 106], 104), Some(Decimal::new(105, 0)));
    }

    #[test]
    fn old_and_impossible_prices_have_no_say() {
        let mut venues = venues(&[100, 101, 102]);
        assert!(venues.consensus(Decimal::new(100, 0), 100, MINUTE, NOW.plus(MINUTE * 2)).is_none());
        let id = venues.quotes[0].feed;
        assert!(!venues.insert(&quote(id, "v0", Decimal::new(0, 0), NOW), NOW));
        assert!(!venues.insert(&quote(id, "v0", Decimal::new(5, 0), NOW.minus(MINUTE)), NOW));
        assert_eq!(venues.named(MINUTE, NOW), "v0 100, v1 101, v2 102");
    }

    proptest! {
        #[test]
        fn one_liar_cannot_leave_the_range_of_the_honest(
            honest in proptest::collection::vec(9_900i64..10_100, 2..7), lie in 1i64..1_000_000_000, near in 9_900i64..10_100,
        ) {
            let mut prices = honest.clone();
            prices.push(lie);
            let said = median(&prices, near).unwrap();
            let (low, high) = (*honest.iter().min().unwrap(), *honest.iter().max().unwrap());
            prop_assert!(Decimal::new(low, 0) <= said && said <= Decimal::new(high, 0));
        }
    }
}
