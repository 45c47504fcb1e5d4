//! How long a wallet lasts. Integers all the way: what is spent is the median of all slopes of the recent past (Theil and
//! Sen), so that neither a top-up nor a burst passes for the usual pace.
//! Source: P. K. Sen, "Estimates of the Regression Coefficient Based on Kendall's Tau", 1968.

use std::cmp::Ordering;
use std::time::Duration;

use super::history::{History, Point, TopUp};
use crate::core::time::Timestamp;

/// The past that a forecast is made from.
pub const WINDOW: Duration = Duration::from_hours(7 * 24);
/// The last day alone; when more was spent in it than usual, that counts.
const RECENT: Duration = Duration::from_hours(24);
/// The curve is looked at in so many steps; every pair of them is one slope.
const CELLS: u32 = 96;
/// Fewer decreases than these are no pace.
const FALLS: usize = 3;
/// A forecast reaches at most so many times as far as the past it is made from.
const REACH: u32 = 8;
const DAY_MILLIS: u64 = 86_400_000;

/// What is to be expected of a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Not enough was seen to say anything.
    Unknown {
        seen: Duration,
    },
    /// It does not get less; `seen` is how much of the past says so.
    Steady {
        seen: Duration,
    },
    Falling(Runway),
}

/// Until when a wallet lasts at its present pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runway {
    /// Base units a day, by the faster of the usual and the latest pace.
    pub per_day: u128,
    /// Until it is empty at that pace.
    pub left: Duration,
    /// Until it is empty at the slower of both; `None` when that one does not empty it.
    pub at_most: Option<Duration>,
    /// How much of the past it is made from.
    pub seen: Duration,
    /// How often it was seen to get less.
    pub falls: usize,
    pub confidence: Confidence,
}

/// How much a runway is to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Seen for minutes or a few hours only, or it reaches far beyond what was seen.
    Low,
    /// Hours, or days of uneven spending.
    Medium,
    /// Two days or more, and the last day was like the ones before.
    High,
}

impl Confidence {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl Outlook {
    #[must_use]
    pub const fn runway(&self) -> Option<&Runway> {
        match self {
            Self::Falling(runway) => Some(runway),
            Self::Unknown { .. } | Self::Steady { .. } => None,
        }
    }
}

impl Runway {
    /// Whether enough was seen to wake somebody for it.
    #[must_use]
    pub fn believable(&self) -> bool {
        self.falls >= FALLS && self.seen.saturating_mul(REACH) >= self.left
    }

    /// What has to be added to `units` so that it lasts for `length` from now on.
    #[must_use]
    pub fn missing(&self, units: u128, length: Duration) -> u128 {
        mul_div(self.per_day, millis(length), DAY_MILLIS.into()).saturating_sub(units)
    }

    /// The line to draw from `last` on: to the moment it is empty, or to `until` when that is sooner.
    #[must_use]
    pub fn forecast(&self, last: Point, until: Timestamp) -> [Point; 2] {
        let empty = last.at.plus(self.left);
        let end = if empty <= until {
            Point { at: empty, units: 0 }
        } else {
            let spent = mul_div(self.per_day, millis(until.since(last.at)), DAY_MILLIS.into());
            Point { at: until.max(last.at), units: last.units.saturating_sub(spent) }
        };
        [last, end]
    }
}

/// What `history` lets expect. Looks at the last [`WINDOW`] before its latest point.
#[must_use]
pub fn outlook(history: &History) -> Outlook {
    /// Less than this is one reading, not a past.
    const LEAST: Duration = Duration::from_secs(20);
    let Some(last) = history.last() else { return Outlook::Unknown { seen: Duration::ZERO } };
    let spending = Spending::of(history, last.at.minus(WINDOW));
    let seen = last.at.since(spending.begins());
    if seen < LEAST {
        return Outlook::Unknown { seen };
    }
    let usual = spending.pace(spending.begins(), last.at);
    let latest = (seen >= RECENT * 3 / 2).then(|| spending.pace(last.at.minus(RECENT), last.at));
    let (fast, slow) = match latest {
        Some(latest) if latest.cmp(&usual) == Ordering::Greater => (latest, usual),
        Some(latest) => (usual, latest),
        None => (usual, usual),
    };
    if last.units == 0 && spending.falls > 0 {
        return Outlook::Falling(Runway {
            per_day: fast.per_day(),
            left: Duration::ZERO,
            at_most: Some(Duration::ZERO),
            seen,
            falls: spending.falls.max(FALLS),
            confidence: Confidence::High,
        });
    }
    match fast.lasts(last.units) {
        None => Outlook::Steady { seen },
        Some(left) => Outlook::Falling(Runway {
            per_day: fast.per_day(),
            left,
            at_most: slow.lasts(last.units),
            seen,
            falls: spending.falls,
            confidence: confidence(seen, left, spending.falls, latest.is_some() && fast.is_like(slow)),
        }),
    }
}

fn confidence(seen: Duration, left: Duration, falls: usize, like_before: bool) -> Confidence {
    const DAYS: Duration = Duration::from_hours(48);
    const HOURS: Duration = Duration::from_hours(6);
    if falls < FALLS || seen.saturating_mul(REACH) < left {
        Confidence::Low
    } else if seen >= DAYS && like_before && falls >= 4 * FALLS {
        Confidence::High
    } else if seen >= HOURS {
        Confidence::Medium
    } else {
        Confidence::Low
    }
}

/// How much was spent in total by when: the balance turned round, without what topped it up.
struct Spending {
    curve: Vec<(i64, i128)>,
    falls: usize,
}

impl Spending {
    fn of(history: &History, from: Timestamp) -> Self {
        let (points, usual) = (history.points(), history.usual_fall());
        // The last point before the window tells what was there when it began.
        let first = points.partition_point(|point| point.at < from).saturating_sub(1);
        let points = points.get(first..).unwrap_or_default();
        let (mut spent, mut falls) = (0i128, 0);
        let mut curve: Vec<(i64, i128)> = Vec::with_capacity(points.len());
        curve.extend(points.first().map(|point| (point.at.max(from).as_millis(), 0)));
        for pair in points.windows(2) {
            let [before, after] = pair else { continue };
            if TopUp::between(*before, *after, usual).is_none() {
                spent = spent.saturating_add(signed(before.units)).saturating_sub(signed(after.units));
                falls += usize::from(after.units < before.units);
            }
            curve.push((after.at.as_millis(), spent));
        }
        Self { curve, falls }
    }

    fn begins(&self) -> Timestamp {
        Timestamp::from_millis(self.curve.first().map_or(0, |(at, _)| *at))
    }

    /// What was spent at `at`, on a straight line between what was seen.
    fn at(&self, at: i64) -> i128 {
        let next = self.curve.partition_point(|(seen, _)| *seen <= at);
        let before = next.checked_sub(1).and_then(|index| self.curve.get(index));
        match (before, self.curve.get(next)) {
            (Some((from, low)), Some((to, high))) => {
                let rise = high.saturating_sub(*low);
                let part = mul_div(rise.unsigned_abs(), at.abs_diff(*from), u128::from(to.abs_diff(*from)).max(1));
                let part = signed(part);
                low.saturating_add(if rise < 0 { -part } else { part })
            }
            (Some((_, spent)), None) | (None, Some((_, spent))) => *spent,
            (None, None) => 0,
        }
    }

    /// The median slope between every two of the steps from `from` to `to`.
    fn pace(&self, from: Timestamp, to: Timestamp) -> Pace {
        let step = (millis(to.since(from)) / u64::from(CELLS)).max(1);
        let start = from.as_millis();
        let spent: Vec<i128> =
            (0..=CELLS).map(|nth| self.at(start.saturating_add_unsigned(step * u64::from(nth)))).collect();
        let mut slopes = Vec::with_capacity(spent.len() * spent.len() / 2);
        for (nth, early) in spent.iter().enumerate() {
            let later = spent.iter().skip(nth + 1).zip(1u64..);
            slopes.extend(
                later.map(|(late, steps)| Pace { spent: late.saturating_sub(*early), in_millis: step * steps }),
            );
        }
        let middle = slopes.len() / 2;
        let (_, median, _) = slopes.select_nth_unstable_by(middle, Pace::cmp);
        *median
    }
}

/// Base units in a time, as it was seen: no rounding before the end. Negative when more came in than was spent.
#[derive(Clone, Copy, Debug)]
struct Pace {
    spent: i128,
    in_millis: u64,
}

impl Pace {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = self.spent.saturating_mul(other.in_millis.into());
        left.cmp(&other.spent.saturating_mul(self.in_millis.into()))
    }

    fn per_day(self) -> u128 {
        u128::try_from(self.spent).map_or(0, |spent| mul_div(spent, DAY_MILLIS, self.in_millis.into()))
    }

    /// Until `units` is spent; `None` when it never is.
    fn lasts(self, units: u128) -> Option<Duration> {
        let spent = u128::try_from(self.spent).ok().filter(|spent| *spent > 0)?;
        let left = mul_div(units, self.in_millis, spent);
        Some(Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX)))
    }

    /// Not more than half as fast again.
    fn is_like(self, slower: Self) -> bool {
        slower.spent > 0
            && self.spent.saturating_mul(2).saturating_mul(slower.in_millis.into())
                <= slower.spent.saturating_mul(3).saturating_mul(self.in_millis.into())
    }
}

fn signed(units: u128) -> i128 {
    i128::try_from(units).unwrap_or(i128::MAX)
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// `a × b / c` rounded down, exactly, whatever the product; the greatest number when the result does not fit.
pub(super) fn mul_div(a: u128, b: u64, c: u128) -> u128 {
    if let Some(product) = a.checked_mul(b.into()) {
        return product.checked_div(c).unwrap_or(u128::MAX);
    }
    if c == 0 || c > u128::MAX / 4 {
        return u128::MAX;
    }
    let (whole, rest) = (a / c, a % c);
    let (mut quotient, mut remainder) = (0u128, 0u128);
    for bit in (0..u64::BITS).rev() {
        let add = b >> bit & 1 == 1;
        (quotient, remainder) = (quotient.saturating_mul(2), remainder * 2);
        if add {
            (quotient, remainder) = (quotient.saturating_add(whole), remainder + rest);
        }
        quotient = quotient.saturating_add(remainder / c);
        remainder %= c;
    }
    quotient
}

#[cfg(test)]
mod tests;
