//! A forecast is held against wallets whose pace is known.

use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3600;
const SOL: u128 = 1_000_000_000;

/// A reading every `every` seconds for `hours`, of a wallet that `units` describes by the second.
fn wallet(hours: i64, every: i64, units: impl Fn(i64) -> u128) -> History {
    let secs = (0..=hours * HOUR / every).map(|nth| nth * every);
    History::of(secs.map(|secs| Point { at: Timestamp::from_secs(secs), units: units(secs) }).collect())
}

fn runway(history: &History) -> Runway {
    *outlook(history).runway().unwrap_or_else(|| panic!("{:?}", outlook(history)))
}

fn hours(length: Duration) -> u64 {
    length.as_secs() / 3600
}

/// What is left of `start` after spending `per_hour` for `secs`.
fn spending(start: u128, per_hour: u128, secs: i64) -> u128 {
    start.saturating_sub(per_hour * u128::from(secs.unsigned_abs()) / 3600)
}

#[test]
fn a_steady_keeper_is_told_to_the_hour() {
    let seen = runway(&wallet(72, 60, |secs| spending(100 * SOL, SOL / 2, secs)));
    assert_eq!((hours(seen.left), seen.per_day / (SOL / 100)), (128, 1200));
    assert_eq!((seen.confidence, seen.at_most), (Confidence::High, Some(seen.left)));
    assert!(seen.believable());
}

#[test]
fn top_ups_do_not_pass_for_a_slower_pace() {
    let seen = runway(&wallet(72, 60, |secs| spending(10 * SOL, SOL, secs % (9 * HOUR))));
    // A minute of spending is lost in every top-up.
    assert!((239..=240).contains(&(seen.per_day / (SOL / 10))), "{seen:?}");
}

#[test]
fn one_burst_does_not_pass_for_the_usual_pace() {
    let burst = |secs: i64| spending(400 * SOL, SOL, secs) - if secs > 30 * HOUR { 200 * SOL } else { 0 };
    let seen = runway(&wallet(72, 60, burst));
    assert_eq!(seen.per_day / (SOL / 10), 240);
}

#[test]
fn a_pace_that_doubled_yesterday_counts_and_is_less_certain() {
    let doubled = |secs: i64| spending(1000 * SOL, SOL, secs + (secs - 72 * HOUR).max(0));
    let seen = runway(&wallet(96, 60, doubled));
    assert_eq!(seen.per_day / (SOL / 10), 480);
    assert_eq!(seen.confidence, Confidence::Medium);
    assert!(seen.at_most.unwrap() > seen.left);
}

#[test]
fn a_batch_once_a_day_is_a_pace_too() {
    let daily = |secs: i64| 100 * SOL - u128::from(secs.unsigned_abs() / 86_400) * SOL;
    let seen = runway(&wallet(7 * 24, 300, daily));
    let per_day = seen.per_day * 100 / SOL;
    assert!((80..=120).contains(&per_day), "{per_day}");
}

#[test]
fn a_few_minutes_reach_a_few_minutes_far() {
    let draining = |hours_left: u128| {
        let start = SOL * hours_left;
        History::of(
            (0..=12).map(|n| Point { at: Timestamp::from_secs(n * 10), units: spending(start, SOL, n * 10) }).collect(),
        )
    };
    let soon = runway(&draining(1).clone());
    assert!(!soon.believable(), "an hour is too far for two minutes: {soon:?}");
    let now = runway(&History::of(
        (0..=12).map(|n| Point { at: Timestamp::from_secs(n * 10), units: spending(SOL / 5, SOL, n * 10) }).collect(),
    ));
    assert!(now.believable() && now.confidence == Confidence::Low, "{now:?}");
}

#[test]
fn a_wallet_that_earns_or_rests_does_not_run_dry() {
    let rests = outlook(&wallet(24, 60, |_| 5 * SOL));
    assert!(matches!(rests, Outlook::Steady { .. }), "{rests:?}");
    let earns = outlook(&wallet(24, 60, |secs| 5 * SOL + u128::from(secs.unsigned_abs())));
    assert!(matches!(earns, Outlook::Steady { .. }), "{earns:?}");
    assert_eq!(outlook(&History::default()), Outlook::Unknown { seen: Duration::ZERO });
}

#[test]
fn an_empty_wallet_has_no_time_left() {
    let empty = runway(&wallet(3, 60, |secs| spending(SOL, SOL, secs)));
    assert_eq!(empty.left, Duration::ZERO);
    assert!(empty.believable());
}

#[test]
fn what_is_missing_and_the_line_to_draw() {
    let seen = runway(&wallet(72, 60, |secs| spending(100 * SOL, SOL, secs)));
    let week = Duration::from_hours(7 * 24);
    assert_eq!(seen.missing(28 * SOL, week) / SOL, 140);
    assert_eq!(seen.missing(1000 * SOL, week), 0);
    let last = Point { at: Timestamp::from_secs(72 * HOUR), units: 28 * SOL };
    let [_, empty] = seen.forecast(last, last.at.plus(week));
    assert_eq!((hours(empty.at.since(last.at)), empty.units), (28, 0));
    let [_, later] = seen.forecast(last, last.at.plus(Duration::from_hours(14)));
    assert_eq!(later.units / SOL, 14);
}

#[test]
fn the_smallest_wallet_and_the_largest_amounts_do_not_overflow() {
    let near = 10u128.pow(24) * 1_000_000;
    let seen = runway(&wallet(72, 600, |secs| spending(100 * near, near, secs)));
    assert_eq!(hours(seen.left), 28);
    let huge = outlook(&wallet(72, 600, |secs| u128::MAX - u128::from(secs.unsigned_abs())));
    assert!(matches!(huge, Outlook::Steady { .. } | Outlook::Falling(_)));
}

proptest! {
    #[test]
    fn products_are_exact(a in any::<u128>(), b in any::<u64>(), c in 1u128..u128::MAX / 4) {
        let found = mul_div(a, b, c);
        // a × b in two halves of base 2^64, divided by c the long way, one bit after the other.
        let (high, low) = (a >> 64, a & u128::from(u64::MAX));
        let (low, carry) = (low * u128::from(b), 0u128);
        let top = high * u128::from(b) + (low >> 64) + carry;
        let limbs = [top >> 64, top & u128::from(u64::MAX), low & u128::from(u64::MAX)];
        let (mut rest, mut quotient, mut over) = (0u128, 0u128, false);
        for limb in limbs {
            for bit in (0..64).rev() {
                rest = rest * 2 + (limb >> bit & 1);
                over |= quotient > u128::MAX / 2;
                quotient = quotient.wrapping_mul(2);
                if rest >= c { rest -= c; quotient += 1; }
            }
        }
        prop_assert_eq!(found, if over { u128::MAX } else { quotient });
    }

    /// Readings may come in any rhythm, with top-ups and noise: the pace is found within a tenth.
    #[test]
    fn the_pace_is_found_whatever_happens_on_the_way(
        per_hour in 1_000u128..1_000_000,
        top_up_every in 5i64..40,
        every in prop::sample::select(vec![60i64, 300, 900]),
        noise in prop::collection::vec(0u128..20, 16),
    ) {
        let full = per_hour * 200;
        let units = |secs: i64| {
            let jitter = noise[usize::try_from(secs / every).unwrap() % noise.len()] * per_hour / 1000;
            spending(full, per_hour, secs % (top_up_every * HOUR)) - jitter
        };
        let seen = runway(&wallet(96, every, units));
        let (found, true_pace) = (seen.per_day, per_hour * 24);
        prop_assert!(found * 10 >= true_pace * 9 && found * 10 <= true_pace * 11, "{found} for {true_pace}");
    }

    /// More spending never lasts longer; more money never less.
    #[test]
    fn a_runway_is_monotonic(per_hour in 10u128..10_000, more in 1u128..1000, start in 10_000_000u128..20_000_000) {
        let left = |start: u128, per_hour: u128| runway(&wallet(48, 600, |secs| spending(start, per_hour, secs))).left;
        prop_assert!(left(start, per_hour + more) <= left(start, per_hour));
        prop_assert!(left(start + more * 1000, per_hour) >= left(start, per_hour));
    }
}
