//! A wallet's past in a few bytes: there are hundreds of points for each of a thousand wallets, and one differs little from
//! the next.

use std::fmt;

use super::history::{History, Point};
use crate::core::time::Timestamp;

/// A [`History`] at rest. Times and amounts as differences from the point before, zigzag and LEB128 (Protocol Buffers,
/// "Encoding"): about seven bytes for a point instead of thirty-two.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Packed {
    bytes: Box<[u8]>,
    last: Option<Point>,
}

impl Packed {
    #[must_use]
    pub fn of(history: &History) -> Self {
        let mut bytes = Vec::new();
        let (mut at, mut units) = (0, 0);
        for point in history.points() {
            let millis = point.at.as_millis();
            write(i128::from(millis.wrapping_sub(at)), &mut bytes);
            write(point.units.wrapping_sub(units).cast_signed(), &mut bytes);
            (at, units) = (millis, point.units);
        }
        Self { bytes: bytes.into_boxed_slice(), last: history.last() }
    }

    #[must_use]
    pub fn history(&self) -> History {
        let mut bytes = self.bytes.iter().copied();
        let (mut at, mut units) = (0i64, 0u128);
        let points = std::iter::from_fn(|| {
            let (later, more) = (read(&mut bytes)?, read(&mut bytes)?);
            // What was written was the difference of two such numbers.
            at = at.wrapping_add(i64::try_from(later).ok()?);
            units = units.wrapping_add(more.cast_unsigned());
            Some(Point { at: Timestamp::from_millis(at), units })
        });
        History::of(points.collect())
    }

    #[must_use]
    pub const fn last(&self) -> Option<Point> {
        self.last
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.history().fmt(f)
    }
}

fn write(number: i128, out: &mut Vec<u8>) {
    let mut rest = (number << 1 ^ number >> 127).cast_unsigned();
    loop {
        let low = u8::try_from(rest & 0x7f).unwrap_or(0x7f);
        rest >>= 7;
        if rest == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// `None` at the end.
fn read(bytes: &mut impl Iterator<Item = u8>) -> Option<i128> {
    let mut number = 0u128;
    for shift in (0..u128::BITS).step_by(7) {
        let byte = bytes.next()?;
        number |= u128::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_point_like_the_one_before_takes_a_few_bytes() {
        let minute = |nth: i64| Point {
            at: Timestamp::from_millis(1_800_000_000_000 + nth * 60_000),
            units: 5_000_000_000_000_000_000 - u128::from(nth.unsigned_abs()) * 21_000_000_000,
        };
        let history = History::of((0..300).map(minute).collect());
        let packed = Packed::of(&history);
        assert_eq!((packed.history(), packed.last()), (history, Some(minute(299))));
        assert!(packed.bytes.len() < 300 * 9 + 16, "{} bytes", packed.bytes.len());
        assert_eq!(Packed::default().history(), History::default());
    }

    proptest! {
        #[test]
        fn nothing_is_lost(
            times in prop::collection::btree_set(any::<i64>(), 0..40),
            units in prop::collection::vec(prop_oneof![any::<u128>(), 0..10u128, Just(0), Just(u128::MAX)], 40),
        ) {
            let points = times.into_iter().map(Timestamp::from_millis).zip(units);
            let history = History::of(points.map(|(at, units)| Point { at, units }).collect());
            let packed = Packed::of(&history);
            prop_assert_eq!(packed.last(), history.last());
            prop_assert_eq!(packed.history(), history);
        }
    }
}
