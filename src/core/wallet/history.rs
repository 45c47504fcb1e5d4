//! What a wallet held over time: exact base units, thinned with age.

use std::time::Duration;

use crate::core::time::Timestamp;

/// One observed balance, in base units (lamports, wei).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    pub at: Timestamp,
    pub units: u128,
}

/// A wallet was given money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopUp {
    pub at: Timestamp,
    pub added: u128,
    /// What it held then.
    pub after: u128,
}

impl TopUp {
    /// An increase of at least a tenth, or one that stands out from `usual`, what the wallet usually loses from one reading
    /// to the next. What is less is income on the way and counts against the spending.
    #[must_use]
    pub fn between(before: Point, after: Point, usual: Option<u128>) -> Option<Self> {
        const STANDS_OUT: u128 = 16;
        let tenth = (before.units / 10).max(1);
        let least = usual.map_or(tenth, |usual| tenth.min(usual.saturating_mul(STANDS_OUT)));
        let added = after.units.checked_sub(before.units).filter(|added| *added >= least)?;
        Some(Self { at: after.at, added, after: after.units })
    }
}

/// Balances, oldest first, each at a later time than the one before. Of a run of equal ones only the ends are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History(Vec<Point>);

/// Everything is stored this long, then one an hour.
pub const RAW: Duration = Duration::from_hours(48);
/// One an hour is stored this long, then one a day.
pub const HOURLY: Duration = Duration::from_hours(30 * 24);
/// One a day is stored this long.
pub const DAILY: Duration = Duration::from_hours(2 * 365 * 24);

impl History {
    /// From rows of the store, in any order.
    #[must_use]
    pub fn of(mut points: Vec<Point>) -> Self {
        points.sort_by_key(|point| point.at);
        let mut history = Self::default();
        for point in points {
            history.push(point);
        }
        history
    }

    /// False when it is not later than the last: a clock that went back, or the same reading again.
    pub fn push(&mut self, point: Point) -> bool {
        match self.0.as_mut_slice() {
            [.., last] if point.at <= last.at => return false,
            [.., before, last] if before.units == last.units && last.units == point.units => last.at = point.at,
            _ => {
                self.0.push(point);
            }
        }
        true
    }

    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.0
    }

    #[must_use]
    pub fn last(&self) -> Option<Point> {
        self.0.last().copied()
    }

    /// The median of what it lost from one point to the next; `None` while it never did.
    #[must_use]
    pub fn usual_fall(&self) -> Option<u128> {
        let falls = self.0.windows(2).map(|pair| pair[0].units.saturating_sub(pair[1].units));
        let mut falls: Vec<u128> = falls.filter(|fall| *fall > 0).collect();
        let middle = falls.len() / 2;
        falls.get(middle)?;
        Some(*falls.select_nth_unstable(middle).1)
    }

    /// The latest time it was given money, and how much.
    #[must_use]
    pub fn last_top_up(&self) -> Option<TopUp> {
        let usual = self.usual_fall();
        self.0.windows(2).rev().find_map(|pair| TopUp::between(pair[0], pair[1], usual))
    }

    /// Everything spent since `from`: all decreases, whatever came in between them.
    #[must_use]
    pub fn spent_since(&self, from: Timestamp) -> u128 {
        let steps = self.0.windows(2).filter(|pair| pair[1].at > from);
        steps.fold(0, |sum: u128, pair| sum.saturating_add(pair[0].units.saturating_sub(pair[1].units)))
    }

    /// Forgets what is older than `keep`, and of what is in one [`slot`] all but the first; the latest stays.
    pub fn thin(&mut self, keep: Duration, now: Timestamp) {
        let (oldest, latest) = (now.minus(keep), self.last());
        let mut before = None;
        self.0.retain(|point| {
            if point.at < oldest {
                return false;
            }
            let slot = slot(point.at, now);
            let covered = slot.is_some() && slot == before;
            before = slot;
            !covered || Some(*point) == latest
        });
    }
}

/// What a forecast tells apart: everything in the latest hour, a quarter of an hour in the latest day, hours before that. Its
/// width and number; `None` for what is told apart anyway. A thousand wallets that change every minute would fill 100 MB
/// otherwise.
#[must_use]
pub fn slot(at: Timestamp, now: Timestamp) -> Option<(i64, i64)> {
    let width = SLOTS.iter().find(|(age, _)| at < now.minus(*age)).map(|(_, width)| *width)?;
    let width = i64::try_from(width.as_millis()).unwrap_or(i64::MAX);
    Some((width, at.as_millis().div_euclid(width)))
}

/// The slots of what is older than the latest hour, from `from` on: the first reading of each is what [`History::thin`] leaves.
/// Each from its first moment to before the next one's, oldest first.
#[must_use]
pub fn slots(from: Timestamp, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let (mut slots, mut first) = (Vec::new(), from.as_millis());
    for (age, width) in SLOTS {
        let (until, width) = (now.minus(age).as_millis(), i64::try_from(width.as_millis()).unwrap_or(i64::MAX));
        while first < until {
            let next = ((first.div_euclid(width) + 1) * width).min(until);
            slots.push((Timestamp::from_millis(first), Timestamp::from_millis(next)));
            first = next;
        }
    }
    slots
}

/// From what age on how wide, oldest first.
pub const SLOTS: [(Duration, Duration); 2] =
    [(Duration::from_hours(24), Duration::from_hours(1)), (LATEST, Duration::from_mins(15))];
/// So long everything is told apart.
pub const LATEST: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(secs: i64, units: u128) -> Point {
        Point { at: Timestamp::from_secs(secs), units }
    }

    fn history(points: &[(i64, u128)]) -> History {
        History::of(points.iter().map(|(secs, units)| point(*secs, *units)).collect())
    }

    #[test]
    fn a_quiet_wallet_costs_two_points() {
        let quiet: Vec<_> = (0..1000).map(|minute| (minute * 60, 7)).collect();
        assert_eq!(history(&quiet).points(), [point(0, 7), point(999 * 60, 7)]);
        assert!(!history(&[(60, 5)]).push(point(60, 4)), "nothing new at the same time");
    }

    #[test]
    fn a_top_up_is_a_tenth_more_and_less_is_income() {
        let filled = history(&[(0, 100), (60, 90), (120, 95), (180, 1000), (240, 990)]);
        assert_eq!(filled.usual_fall(), Some(10));
        let top_up = filled.last_top_up().unwrap();
        assert_eq!((top_up.at.as_secs(), top_up.added, top_up.after), (180, 905, 1000));
        assert_eq!(history(&[(0, 100), (60, 105)]).last_top_up(), None);
        assert_eq!(history(&[(0, 0), (60, 1)]).last_top_up().unwrap().added, 1);
        let refilled = history(&[(0, 1000), (60, 999), (120, 1019)]);
        assert_eq!(refilled.last_top_up().unwrap().added, 20, "small beside the balance, large beside the spending");
        assert_eq!(filled.spent_since(Timestamp::from_secs(60)), 10);
        assert_eq!(filled.spent_since(Timestamp::from_secs(0)), 20);
    }

    #[test]
    fn slots_leave_nothing_out_before_the_latest_hour() {
        let now = Timestamp::from_secs(1_800_001_234);
        for days in [8, 1, 0] {
            let from = now.minus(Duration::from_hours(days * 24 + 2));
            let slots = slots(from, now);
            assert_eq!((slots[0].0, slots[slots.len() - 1].1), (from, now.minus(Duration::from_hours(1))));
            assert!(slots.windows(2).all(|pair| pair[0].1 == pair[1].0));
            for (first, next) in slots {
                let last = Timestamp::from_millis(next.as_millis() - 1);
                assert_eq!(slot(first, now), slot(last, now), "one of those that thinning tells apart");
                assert!(slot(next, now) != slot(first, now));
            }
        }
        assert_eq!(slots(now, now), []);
    }

    #[test]
    fn what_is_old_keeps_the_first_of_each_slot() {
        let now = Timestamp::from_secs(100 * 3600);
        let mut many =
            History::of((0..=100 * 60).map(|minute| point(minute * 60, minute.unsigned_abs().into())).collect());
        many.thin(Duration::from_hours(96), now);
        let ages = |from: u64, to: u64| {
            let (from, to) = (now.minus(Duration::from_hours(from)), now.minus(Duration::from_hours(to)));
            many.points().iter().filter(move |point| from <= point.at && point.at < to)
        };
        assert_eq!(ages(96, 24).count(), 72);
        assert!(ages(96, 24).all(|point| point.units % 60 == 0), "the first of its hour");
        assert_eq!(ages(24, 1).count(), 23 * 4);
        assert!(ages(24, 1).all(|point| point.units % 15 == 0), "the first of its quarter");
        assert_eq!(ages(1, 0).count(), 60, "the latest hour is as it was read");
        assert_eq!(many.points().len(), 72 + 23 * 4 + 60 + 1);
    }

    proptest! {
        #[test]
        fn thinning_is_idempotent_and_keeps_the_latest(
            points in prop::collection::vec((0i64..400_000, 0u128..1000), 1..200),
        ) {
            let now = Timestamp::from_secs(400_000);
            let mut once = history(&points);
            let last = once.last();
            once.thin(Duration::from_hours(24 * 365), now);
            prop_assert_eq!(once.last(), last);
            let mut twice = once.clone();
            twice.thin(Duration::from_hours(24 * 365), now);
            prop_assert_eq!(once, twice);
        }
    }
}
