//! Price jumps: moves far beyond what this feed does by itself, decimal slips, and prices that cannot be.

use std::time::Duration;

use crate::core::decimal::Decimal;
use crate::core::signal::Evidence;
use crate::core::time::{Timestamp, spoken};

use super::words::{percent, price as say};

/// Streaming state: a robust scale of the feed's own log returns, and the jump that is being shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Jump {
    last: Option<Mark>,
    /// The price at most ten seconds ago, so that a jump spread over several quick updates is one too.
    anchor: Option<Mark>,
    /// Mean absolute log return over the square root of seconds, outliers clipped.
    scale: f64,
    seen: u32,
    pub(super) shown: Option<Shown>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    ln: f64,
    price: Decimal,
    at: Timestamp,
}

/// A jump from when it happened until it is no longer shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) kind: Kind,
    pub(super) before: Decimal,
    pub(super) after: Decimal,
    limit_bps: u64,
    since: Timestamp,
    until: Timestamp,
    /// When the price came back to what it was before.
    back_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Move,
    /// By about this power of ten: the mark of a wrong exponent.
    Slip(i32),
    /// Zero or less where that cannot be.
    NotPositive,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) floor_bps: u32,
    pub(super) hold: Duration,
    pub(super) negative_prices: bool,
    /// False for a while after the market opened: moves are expected then, slips are not.
    pub(super) moves: bool,
}

/// Returns needed before a move can be judged; a slip needs one price only.
const WARM: u32 = 50;
/// How many times its usual return (scaled to the time passed) a feed must move; heavy tails reach 10.
const TIMES_SCALE: f64 = 15.0;
const MEMORY: f64 = 1.0 / 128.0;
const WINDOW: Duration = Duration::from_secs(10);
/// After a gap like this a move says nothing about how it came about.
const LONG_GAP: Duration = Duration::from_mins(5);
/// A price within 10 % of a power of ten times the last one slipped.
const SLIP_TOLERANCE: f64 = 0.1;
/// A price that stays at another scale for so long is there on purpose.
const SLIP_SHOWN_AT_MOST: Duration = Duration::from_mins(15);

impl Jump {
    /// Takes a price in; true when it begins or renews a jump.
    pub(super) fn observe(&mut self, price: Decimal, at: Timestamp, now: Timestamp, limits: Limits) -> bool {
        if !price.is_positive() {
            return self.not_positive(price, now, limits);
        }
        let mark = Mark { ln: price.to_f64().ln(), price, at };
        let Some(last) = self.last.replace(mark) else {
            self.anchor = Some(mark);
            return false;
        };
        let anchor = match self.anchor {
            Some(anchor) if at.since(anchor.at) < WINDOW => anchor,
            Some(_) | None => last,
        };
        self.anchor = Some(anchor);
        if self.came_back(mark, now, limits) {
            self.anchor = Some(mark);
            return false;
        }
        if let Some(power) = slip(mark.ln - last.ln) {
            self.anchor = Some(mark);
            self.show(Kind::Slip(power), last.price, price, limits.floor_bps.into(), now, limits);
            return true;
        }
        let moved = [last, anchor].into_iter().find_map(|from| Some((from, self.exceeds(from, mark, limits)?)));
        self.learn(last, mark, limits);
        if let Some((from, limit_bps)) = moved {
            self.anchor = Some(mark);
            self.show(Kind::Move, from.price, price, limit_bps, now, limits);
        }
        moved.is_some()
    }

    /// The market closed or opened: what was before is no measure for what comes.
    pub(super) const fn forget_price(&mut self) {
        self.last = None;
        self.anchor = None;
        self.shown = None;
    }

    /// The jump to show at this moment.
    pub(super) fn showing(&mut self, now: Timestamp, hold: Duration) -> Option<Shown> {
        let shown = self.shown.as_mut()?;
        // A clock that went back must not stretch it.
        shown.until = shown.until.min(now.plus(hold));
        if shown.until <= now {
            self.shown = None;
        }
        self.shown
    }

    fn not_positive(&mut self, price: Decimal, now: Timestamp, limits: Limits) -> bool {
        if limits.negative_prices {
            // No logarithm: judging goes on from the next positive price.
            self.last = None;
            self.anchor = None;
            return false;
        }
        let began = self.shown.is_none_or(|shown| shown.kind != Kind::NotPositive);
        self.show(Kind::NotPositive, self.last.map_or(price, |last| last.price), price, 0, now, limits);
        began
    }

    /// Whether a shown jump is undone by this price; also keeps a slip shown while the price is still off.
    fn came_back(&mut self, mark: Mark, now: Timestamp, limits: Limits) -> bool {
        let Some(shown) = self.shown.as_mut() else { return false };
        let distance = mark.ln - shown.before.to_f64().ln();
        if shown.back_at.is_none() && distance.abs() < fraction(limits.floor_bps).max(SLIP_TOLERANCE) {
            let undone = match shown.kind {
                Kind::Slip(_) | Kind::NotPositive => true,
                Kind::Move => distance.abs() < fraction(limits.floor_bps) / 2.0,
            };
            if undone {
                shown.back_at = Some(now);
                shown.until = now.plus(limits.hold);
            }
            return undone;
        }
        let still_off = matches!(shown.kind, Kind::Slip(_)) && shown.back_at.is_none() && slip(distance).is_some();
        if still_off && now.since(shown.since) < SLIP_SHOWN_AT_MOST {
            shown.until = now.plus(limits.hold);
        }
        false
    }

    /// The limit in basis points that a move went beyond, if it did.
    fn exceeds(&self, from: Mark, to: Mark, limits: Limits) -> Option<u64> {
        let passed = to.at.since(from.at);
        if !limits.moves || self.seen < WARM || passed > LONG_GAP {
            return None;
        }
        let usual = TIMES_SCALE * self.scale * root_seconds(passed);
        let limit = usual.max(fraction(limits.floor_bps));
        ((to.ln - from.ln).abs() > limit).then(|| in_bps(limit))
    }

    fn learn(&mut self, from: Mark, to: Mark, limits: Limits) {
        let passed = to.at.since(from.at);
        if passed > LONG_GAP {
            return;
        }
        let size = (to.ln - from.ln).abs() / root_seconds(passed);
        let (clip, weight) = if self.seen < WARM {
            (fraction(limits.floor_bps), 1.0 / f64::from(self.seen + 1))
        } else {
            ((4.0 * self.scale).max(fraction(1)), MEMORY)
        };
        self.scale += weight * (size.min(clip) - self.scale);
        self.seen = self.seen.saturating_add(1);
    }

    fn show(&mut self, kind: Kind, before: Decimal, after: Decimal, limit_bps: u64, now: Timestamp, limits: Limits) {
        let fresh = Shown { kind, before, after, limit_bps, since: now, until: now.plus(limits.hold), back_at: None };
        // A jump within a jump is the same trouble: its beginning and the sound price before it stay.
        self.shown = Some(match self.shown {
            Some(shown) if shown.back_at.is_none() => {
                let kind = if kind == Kind::Move { shown.kind } else { kind };
                Shown { kind, before: shown.before, since: shown.since, ..fresh }
            }
            Some(_) | None => fresh,
        });
    }
}

impl Shown {
    /// `symbol` as people say it; `elsewhere`, what venues say about it.
    pub(super) fn evidence(&self, symbol: &str, elsewhere: Option<String>) -> Evidence {
        let (before, after) = (say(self.before), say(self.after));
        let back = self.back_at.map(|at| format!("back after {}", spoken(at.since(self.since))));
        let join = |first: String| back.iter().fold(first, |text, back| format!("{text}, {back}"));
        match self.kind {
            Kind::Move => {
                let sign = if self.after < self.before { '-' } else { '+' };
                let size = percent(self.after.distance_bps(self.before).unwrap_or(u64::MAX));
                Evidence {
                    summary: format!("{symbol} jumped {sign}{size}: {before} -> {after}"),
                    value: format!("{sign}{size}"),
                    threshold: percent(self.limit_bps),
                    cause: back.or(elsewhere),
                    ..Evidence::default()
                }
            }
            Kind::Slip(power) => {
                let sign = if power < 0 { '÷' } else { 'x' };
                let factor = format!("{sign}1{}", "0".repeat(usize::try_from(power.unsigned_abs()).unwrap_or(0)));
                Evidence {
                    summary: format!("{symbol} slipped {factor}: {before} -> {after}"),
                    value: after,
                    threshold: format!("{before} before"),
                    cause: Some(join(format!("decimal slip ({factor})"))),
                    ..Evidence::default()
                }
            }
            Kind::NotPositive => Evidence {
                summary: format!("{symbol} published {after}"),
                value: after,
                threshold: "above zero".to_owned(),
                cause: Some(join(format!("last sound price {before}"))).filter(|_| self.before.is_positive()),
                ..Evidence::default()
            },
        }
    }
}

/// The power of ten nearest to a log return, when it is near enough.
#[expect(clippy::cast_possible_truncation, reason = "the logarithm of a finite f64 is below 1000")]
fn slip(ln_return: f64) -> Option<i32> {
    let power = (ln_return / std::f64::consts::LN_10).round();
    let near = (ln_return - power * std::f64::consts::LN_10).abs() < SLIP_TOLERANCE;
    (near && power != 0.0).then_some(power as i32)
}

fn fraction(bps: u32) -> f64 {
    f64::from(bps) / 10_000.0
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a limit for people to read; `as` saturates"
)]
fn in_bps(fraction: f64) -> u64 {
    (fraction * 10_000.0).round() as u64
}

/// Less than a second counts as one: publish times are whole seconds.
fn root_seconds(passed: Duration) -> f64 {
    passed.as_secs_f64().max(1.0).sqrt()
}

#[cfg(test)]
mod tests;
