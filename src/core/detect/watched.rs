//! One feed under watch: what is known of it. Its rules' verdicts are in `verdicts`.

use std::time::Duration;

use crate::core::feed::{Feed, PriceUpdate, ReferencePrice};
use crate::core::label::{ALERTNAME, Labels};
use crate::core::market::MarketHours;
use crate::core::signal::{Condition, Evidence, Signal};
use crate::core::time::Timestamp;

use super::gaps::Gaps;
use super::history::{History, Sample};
use super::jump::{self, Jump};
use super::rules::{RuleName, RuleSettings, Rules};
use super::session::Session;
use super::slot::{News, Slot, Verdict};
use super::source::Source;
use super::thresholds::Thresholds;
use super::venues::Venues;
use super::{Ignored, signal};

#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) feed: Feed,
    /// Index of its source.
    pub(super) source: usize,
    pub(super) thresholds: Thresholds,
    pub(super) session: Session,
    pub(super) latest: Option<Latest>,
    pub(super) history: History,
    pub(super) venues: Venues,
    pub(super) slots: [Slot; RULES.len()],
    pub(super) since: Timestamp,
    pub(super) gaps: Gaps,
    pub(super) jump: Jump,
    /// As another replica told: to be looked at, never to be judged.
    pub(super) copied: bool,
}

/// The rules that a feed has slots for, in their order.
pub(super) const RULES: [RuleName; 4] =
    [RuleName::FeedStale, RuleName::FeedConfidenceWide, RuleName::FeedPriceJump, RuleName::FeedDeviation];
pub(super) const STALE: usize = 0;
pub(super) const WIDE: usize = 1;
pub(super) const JUMP: usize = 2;
pub(super) const DEVIATION: usize = 3;

#[derive(Clone, Copy, Debug)]
pub(super) struct Latest {
    pub(super) update: PriceUpdate,
    pub(super) came_at: Timestamp,
    /// When an update with a new publish time last came.
    pub(super) fresh_at: Timestamp,
}

/// What a feed's verdicts depend on beside itself.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) rules: &'a Rules,
    pub(super) source: &'a Source,
    pub(super) now: Timestamp,
}

/// Of this many thousandths of all gaps the learned limit is a multiple.
const USUAL: u32 = 995;
/// A publish time further ahead than this is a broken clock, not a late update's successor.
const AHEAD: Duration = Duration::from_secs(10);

impl Watched {
    pub(super) fn new(feed: Feed, source: usize, rules: &Rules, now: Timestamp) -> Self {
        let thresholds = rules.thresholds(&feed);
        let session = Session::new(hours(&feed, &thresholds), now);
        Self {
            feed,
            source,
            thresholds,
            session,
            latest: None,
            history: History::default(),
            venues: Venues::default(),
            slots: [Slot::default(); RULES.len()],
            since: now,
            gaps: Gaps::default(),
            jump: Jump::default(),
            copied: false,
        }
    }

    /// A newer catalogue entry. Alerts under another name are other alerts, so those under the old one end.
    pub(super) fn rename(&mut self, feed: Feed, context: Context, out: &mut Vec<Signal>) {
        if (&feed.symbol, &feed.asset_class) != (&self.feed.symbol, &self.feed.asset_class) {
            self.end(context, out);
        }
        self.redefine(feed, context.rules, context.now);
    }

    /// A newer catalogue entry, or newer rules.
    pub(super) fn redefine(&mut self, feed: Feed, rules: &Rules, now: Timestamp) {
        self.thresholds = rules.thresholds(&feed);
        self.feed = feed;
        if self.session.set_hours(hours(&self.feed, &self.thresholds), now) {
            self.jump.forget_price();
        }
    }

    pub(super) fn price(&mut self, update: &PriceUpdate, context: Context, out: &mut Vec<Signal>) -> Option<Ignored> {
        let now = context.now;
        self.refresh_session(now);
        let fresh = match self.freshness(update, now) {
            Ok(fresh) => fresh,
            Err(ignored) => return Some(ignored),
        };
        if fresh {
            self.learn_gap(context);
        }
        let fresh_at = self.latest.filter(|_| !fresh).map_or(now, |latest| latest.fresh_at);
        self.latest = Some(Latest { update: *update, came_at: now, fresh_at });
        let limits = self.jump_limits(now);
        let notable = self.session.open && self.jump.observe(update.price, update.publish_time, now, limits);
        self.history.record(Sample { at: now, price: update.price, conf: update.conf }, notable);
        if self.slots[STALE].is_active() {
            self.stale(context, None, out);
        }
        self.wide(context, out);
        self.jump(context, out);
        self.deviation(context, out);
        None
    }

    pub(super) fn reference(
        &mut self,
        quote: &ReferencePrice,
        context: Context,
        out: &mut Vec<Signal>,
    ) -> Option<Ignored> {
        self.refresh_session(context.now);
        if !self.venues.insert(quote, context.now) {
            return Some(Ignored::BadReference);
        }
        self.deviation(context, out);
        None
    }

    /// What time alone changes. `peers`: how many feeds of its class are stale as well, and of how many.
    pub(super) fn tick(&mut self, context: Context, peers: Option<(usize, usize)>, out: &mut Vec<Signal>) {
        // After the clock went back, an age that counts from the future would hide a dead feed until then.
        if let Some(latest) = &mut self.latest {
            latest.fresh_at = latest.fresh_at.min(context.now);
        }
        self.refresh_session(context.now);
        self.stale(context, peers, out);
        if self.slots[WIDE].is_active() {
            self.wide(context, out);
        }
        self.jump(context, out);
        self.deviation(context, out);
    }

    /// The feed is no longer watched: what was active is so no more.
    pub(super) fn end(&mut self, context: Context, out: &mut Vec<Signal>) {
        for index in 0..RULES.len() {
            self.say(index, Verdict::Inactive, context, out, |_| Evidence::default());
        }
    }

    fn refresh_session(&mut self, now: Timestamp) {
        if self.session.refresh(now) {
            self.jump.forget_price();
        }
    }

    /// Whether the update is newer than the last (a changed price with the same publish time is not, but counts).
    fn freshness(&self, update: &PriceUpdate, now: Timestamp) -> Result<bool, Ignored> {
        let Some(latest) = self.latest else { return Ok(true) };
        let last = latest.update;
        if update.publish_time > last.publish_time || last.publish_time > now.plus(AHEAD) {
            return if *update == last { Err(Ignored::Duplicate) } else { Ok(true) };
        }
        if update.publish_time < last.publish_time {
            return Err(Ignored::OutOfOrder);
        }
        if (update.price, update.conf) == (last.price, last.conf) { Err(Ignored::Duplicate) } else { Ok(false) }
    }

    /// The rhythm is learned from gaps that the market and the source had no part in, and that began with a price
    /// which was news when it came (a snapshot's may be days old).
    fn learn_gap(&mut self, context: Context) {
        let Some(latest) = self.latest else { return };
        if latest.fresh_at.since(latest.published()) >= self.thresholds.stale_min.duration() {
            return;
        }
        let undisturbed = |since: Option<Timestamp>| since.is_none_or(|at| at < latest.fresh_at);
        let source_was_up = undisturbed(context.source.recovered_at) && !context.source.is_down();
        if self.session.open && undisturbed(self.session.opened_at) && source_was_up {
            let age = context.now.since(latest.published());
            self.gaps.learn(age.min(self.thresholds.stale_max.duration()));
        }
    }

    fn jump_limits(&self, now: Timestamp) -> jump::Limits {
        jump::Limits {
            floor_bps: self.thresholds.jump_bps,
            hold: self.thresholds.jump_hold.duration(),
            negative_prices: self.thresholds.negative_prices,
            moves: self.settled(now),
        }
    }

    /// Whether anything can be held against the feed: its market is open, and the grace after opening is over.
    pub(super) fn settled(&self, now: Timestamp) -> bool {
        self.session.settled(self.thresholds.open_grace.duration(), now)
    }

    /// How old its price is; since when it is watched, if there was none.
    pub(super) fn age(&self, now: Timestamp) -> Duration {
        now.since(self.latest.map_or(self.since, Latest::published))
    }

    /// From this age on it is stale.
    pub(super) fn stale_limit(&self) -> Duration {
        let (min, max) = (self.thresholds.stale_min.duration(), self.thresholds.stale_max.duration());
        let learned = self.usual_gap().map_or(max, |usual| usual * self.thresholds.stale_factor);
        if self.latest.is_none() { max } else { learned.max(min).min(max) }
    }

    pub(super) fn usual_gap(&self) -> Option<Duration> {
        self.gaps.quantile(USUAL)
    }

    pub(super) fn is_stale(&self, now: Timestamp) -> bool {
        self.settled(now) && self.age(now) >= self.stale_limit()
    }

    /// Nothing new for longer than two usual gaps, and than `silent_after`.
    pub(super) fn is_silent(&self, silent_after: Duration, now: Timestamp) -> bool {
        let usual = self.usual_gap().map_or(self.thresholds.stale_min.duration(), |usual| usual * 2);
        let heard_at = self.latest.map_or(self.since, |latest| latest.fresh_at);
        now.since(heard_at) >= silent_after.max(usual)
    }

    /// Takes a rule's verdict in and puts a signal out if there is news.
    pub(super) fn say(
        &mut self,
        index: usize,
        verdict: Verdict,
        context: Context,
        out: &mut Vec<Signal>,
        evidence: impl FnOnce(&Self) -> Evidence,
    ) {
        if verdict == Verdict::Inactive && !self.slots[index].is_active() {
            return;
        }
        let rule = RULES[index];
        let settings = context.rules.settings(rule);
        let on = settings.enabled && !self.thresholds.disabled.contains(&rule);
        let verdict = if on { verdict } else { Verdict::Inactive };
        match self.slots[index].news(verdict, context.now) {
            Some(News::Active(severity)) => {
                let found = Condition::Active(evidence(self));
                out.push(signal(self.labels(rule, context.source), RuleSettings { severity, ..settings }, found));
            }
            Some(News::Inactive) => {
                out.push(signal(self.labels(rule, context.source), settings, Condition::Inactive));
            }
            None => {}
        }
    }

    fn labels(&self, rule: RuleName, source: &Source) -> Labels {
        let id = self.feed.id.to_string();
        let pairs = [
            (ALERTNAME, rule.as_str()),
            ("symbol", &self.feed.symbol),
            ("feed", &id),
            ("asset_class", &self.feed.asset_class),
            ("source", &source.name),
        ];
        pairs.into_iter().collect()
    }

    /// Whether an alert of before is still about this feed by the same name.
    pub(super) fn has_labels(&self, labels: &Labels) -> bool {
        let same = |name: &str, value: &str| labels.get(name) == Some(value);
        same("symbol", &self.feed.symbol) && same("asset_class", &self.feed.asset_class)
    }
}

impl Latest {
    /// When the price was published; not after it came, whatever the publisher's clock says.
    fn published(self) -> Timestamp {
        self.update.publish_time.min(self.fresh_at)
    }
}

fn hours(feed: &Feed, thresholds: &Thresholds) -> MarketHours {
    let own = thresholds.hours.clone().map(|schedule| MarketHours::Schedule { schedule });
    own.unwrap_or_else(|| feed.hours.clone())
}
