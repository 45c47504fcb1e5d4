//! What the four feed rules say about a feed at one moment, and the evidence for it.

use std::time::Duration;

use crate::core::feed::PriceUpdate;
use crate::core::severity::Severity;
use crate::core::signal::{Evidence, Signal};
use crate::core::time::{Timestamp, spoken};

use super::jump;
use super::rules::RuleName;
use super::slot::Verdict;
use super::venues::Consensus;
use super::watched::{Context, DEVIATION, JUMP, Latest, STALE, WIDE, Watched};
use super::words::{percent, price as say};

/// An alert clears below this share (in percent) of the threshold that raised it.
const CLEARS_AT: u64 = 80;
/// A price this many times the limit away from the venues is critical.
const FAR_OFF: u64 = 4;
/// Without venues to judge by, what was said of the deviation stands for so long.
const NO_VERDICT_STANDS: Duration = Duration::from_mins(5);
/// Reconnects and openings are named as a cause for so long.
const RECENT: Duration = Duration::from_mins(10);

impl Watched {
    pub(super) fn stale(&mut self, context: Context, peers: Option<(usize, usize)>, out: &mut Vec<Signal>) {
        let (now, settings) = (context.now, context.rules.settings(RuleName::FeedStale));
        let verdict = if self.latest.is_none() && self.session.open && !self.is_stale(now) {
            // Right after a start nobody knows its age: what was said before stands until a price comes.
            Verdict::Unknown
        } else if !self.is_stale(now) {
            Verdict::Inactive
        } else if self.age(now) >= self.thresholds.stale_max.duration() {
            Verdict::Active(Severity::Critical)
        } else {
            Verdict::Active(settings.severity)
        };
        self.say(STALE, verdict, context, out, |it| it.stale_evidence(context, peers));
    }

    fn stale_evidence(&self, context: Context, peers: Option<(usize, usize)>) -> Evidence {
        let (symbol, age) = (self.feed.short_symbol(), spoken(self.age(context.now)));
        let summary = match self.latest {
            Some(_) => format!("{symbol} has had no new price for {age}"),
            None => format!("{symbol} has had no price since the watch began {age} ago"),
        };
        let limit = self.stale_limit();
        let threshold = match self.usual_gap() {
            Some(usual) if limit < self.thresholds.stale_max.duration() => {
                format!("{} (usually within {})", spoken(limit), spoken(usual.max(Duration::from_secs(1))))
            }
            Some(_) | None => spoken(limit),
        };
        let with_peers = || {
            let (stale, of) = peers.filter(|(stale, _)| *stale > 2)?;
            Some(format!("{stale} of {of} {} feeds are stale", self.feed.asset_class))
        };
        Evidence {
            summary,
            value: format!("{age} old"),
            threshold,
            cause: self.circumstance(context).or_else(with_peers),
            ..Evidence::default()
        }
    }

    /// What happened around the feed lately that may explain its trouble.
    fn circumstance(&self, context: Context) -> Option<String> {
        let name = &context.source.name;
        if context.source.is_down() {
            return Some(format!("source {name} is down"));
        }
        let recent = |at: &Timestamp| *at <= context.now && context.now.since(*at) <= RECENT;
        let ago = |at: Timestamp| spoken(context.now.since(at));
        let opened = self.session.opened_at.filter(recent).map(|at| format!("market opened {} ago", ago(at)));
        let back = context.source.recovered_at.filter(recent);
        opened.or_else(|| back.map(|at| format!("source {name} reconnected {} ago", ago(at))))
    }

    pub(super) fn wide(&mut self, context: Context, out: &mut Vec<Signal>) {
        let Some(Latest { update, .. }) = self.latest else { return };
        let settings = context.rules.settings(RuleName::FeedConfidenceWide);
        let verdict = match update.conf.bps_of(update.price) {
            _ if !self.settled(context.now) => Verdict::Inactive,
            None => Verdict::Unknown,
            Some(bps) if bps >= 10_000 && !self.thresholds.negative_prices => Verdict::Active(Severity::Critical),
            Some(bps) if self.beyond(WIDE, bps, self.thresholds.confidence_bps.into()) => {
                Verdict::Active(settings.severity)
            }
            Some(_) => Verdict::Inactive,
        };
        self.say(WIDE, verdict, context, out, |it| {
            let (symbol, bps) = (it.feed.short_symbol(), update.conf.bps_of(update.price).unwrap_or(u64::MAX));
            Evidence {
                summary: format!("{symbol} confidence is ±{} of the price", percent(bps)),
                value: format!("{} ± {}", say(update.price), say(update.conf)),
                threshold: format!("±{}", percent(it.thresholds.confidence_bps.into())),
                cause: it.circumstance(context),
                ..Evidence::default()
            }
        });
    }

    /// Over the limit; or, once active, not yet clearly under it.
    fn beyond(&self, slot: usize, measured: u64, limit: u64) -> bool {
        let limit = if self.slots[slot].is_active() { limit.saturating_mul(CLEARS_AT) / 100 } else { limit };
        measured >= limit
    }

    pub(super) fn jump(&mut self, context: Context, out: &mut Vec<Signal>) {
        let Some(shown) = self.jump.showing(context.now, self.thresholds.jump_hold.duration()) else {
            return self.say(JUMP, Verdict::Inactive, context, out, |_| Evidence::default());
        };
        let severity = match shown.kind {
            jump::Kind::Move => context.rules.settings(RuleName::FeedPriceJump).severity,
            jump::Kind::Slip(_) | jump::Kind::NotPositive => Severity::Critical,
        };
        let verdict = if self.session.open { Verdict::Active(severity) } else { Verdict::Inactive };
        self.say(JUMP, verdict, context, out, |it| {
            let elsewhere = it.consensus(context.now).map(|found| it.elsewhere(&found));
            shown.evidence(it.feed.short_symbol(), elsewhere.or_else(|| it.circumstance(context)))
        });
    }

    /// Whether venues went along with a move.
    fn elsewhere(&self, found: &Consensus) -> String {
        let distance =
            self.latest.and_then(|latest| latest.update.price.distance_bps(found.median)).unwrap_or(u64::MAX);
        let moved =
            if distance < self.thresholds.deviation_bps.into() { "market moved" } else { "market did not move" };
        format!("{moved}: {}", found.said())
    }

    pub(super) fn consensus(&self, now: Timestamp) -> Option<Consensus> {
        let (price, limits) = (self.latest?.update.price, &self.thresholds);
        self.venues.consensus(price, limits.deviation_bps.into(), limits.reference_max_age.duration(), now)
    }

    pub(super) fn deviation(&mut self, context: Context, out: &mut Vec<Signal>) {
        let now = context.now;
        if self.venues.quotes.is_empty() && !self.slots[DEVIATION].is_active() {
            return;
        }
        if !self.settled(now) {
            return self.say(DEVIATION, Verdict::Inactive, context, out, |_| Evidence::default());
        }
        let found = self.consensus(now).filter(|_| !self.is_stale(now));
        let measured = found.zip(self.latest).and_then(|(found, Latest { update, .. })| {
            let distance = update.price.distance_bps(found.median)?;
            Some((found, update, distance))
        });
        let Some((found, update, distance)) = measured else {
            let since = *self.venues.too_few_since.get_or_insert(now);
            let stands = now.since(since) < NO_VERDICT_STANDS;
            let verdict = if stands { Verdict::Unknown } else { Verdict::Inactive };
            return self.say(DEVIATION, verdict, context, out, |_| Evidence::default());
        };
        self.venues.too_few_since = None;
        let limit = self.deviation_limit(update, &found);
        let settings = context.rules.settings(RuleName::FeedDeviation);
        let verdict = if distance >= limit.saturating_mul(FAR_OFF) {
            Verdict::Active(Severity::Critical)
        } else if self.beyond(DEVIATION, distance, limit) {
            Verdict::Active(settings.severity)
        } else {
            Verdict::Inactive
        };
        self.say(DEVIATION, verdict, context, out, |it| {
            let side = if update.price < found.median { "below" } else { "above" };
            let off = percent(distance);
            let max_age = it.thresholds.reference_max_age.duration();
            Evidence {
                summary: format!("{} is {off} {side} the median of {} venues", it.feed.short_symbol(), found.fresh),
                value: format!("{} ({off} off)", say(update.price)),
                threshold: format!("{} from {}", percent(limit), say(found.median)),
                cause: Some(format!("{}: {}", found.said(), it.venues.named(max_age, now))),
                ..Evidence::default()
            }
        });
    }

    /// The feed's limit, more when the venues differ among themselves or the feed says it is unsure; but a feed
    /// cannot excuse any distance with any confidence.
    fn deviation_limit(&self, update: PriceUpdate, found: &Consensus) -> u64 {
        let base = u64::from(self.thresholds.deviation_bps);
        let unsure = update.conf.bps_of(update.price).unwrap_or(0).min(base);
        base.saturating_add(unsure).saturating_add(found.spread_bps.saturating_mul(2))
    }
}
