//! What people ask the watch: one feed, feeds by name, sources, the recent past.

use std::time::Duration;

use crate::core::decimal::Decimal;
use crate::core::feed::{Feed, FeedId, PriceUpdate, ReferencePrice, SourceStatus};
use crate::core::severity::Severity;
use crate::core::time::Timestamp;

use super::Watch;
use super::history::Sample;
use super::rules::RuleName;
use super::source::{Source, Tally};
use super::thresholds::Thresholds;
use super::watched::{RULES, Watched};

/// One feed as it stands.
#[derive(Clone, Copy)]
pub struct FeedView<'a> {
    watched: &'a Watched,
    source: &'a Source,
}

/// A rule whose condition holds for a feed or source (it may not have fired yet).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveRule {
    pub rule: RuleName,
    pub severity: Severity,
    pub since: Timestamp,
}

/// One source as it stood at the last tick.
#[derive(Clone, Copy, Debug)]
pub struct SourceView<'a> {
    pub name: &'a str,
    /// `None` until the source said anything.
    pub status: Option<&'a SourceStatus>,
    pub tally: Tally,
    pub active: Option<ActiveRule>,
}

impl<'a> FeedView<'a> {
    #[must_use]
    pub const fn feed(&self) -> &'a Feed {
        &self.watched.feed
    }

    #[must_use]
    pub fn source(&self) -> &'a str {
        &self.source.name
    }

    /// The last price, if one ever came.
    #[must_use]
    pub fn price(&self) -> Option<PriceUpdate> {
        self.watched.latest.map(|latest| latest.update)
    }

    /// How old the last price is.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.watched.latest.map(|_| self.watched.age(now))
    }

    /// From this age on the feed is stale: its own rhythm within its thresholds.
    #[must_use]
    pub fn stale_limit(&self) -> Duration {
        self.watched.stale_limit()
    }

    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.watched.is_stale(now)
    }

    /// As of the last price or tick.
    #[must_use]
    pub const fn market_open(&self) -> bool {
        self.watched.session.open
    }

    /// When the market next opens or closes, if it does and that is known.
    #[must_use]
    pub const fn market_changes_at(&self) -> Option<Timestamp> {
        self.watched.session.next_change
    }

    /// Half the confidence interval in basis points of the price; `None` without a price other than zero.
    #[must_use]
    pub fn confidence_bps(&self) -> Option<u64> {
        let update = self.price()?;
        update.conf.bps_of(update.price)
    }

    #[must_use]
    pub const fn thresholds(&self) -> &'a Thresholds {
        &self.watched.thresholds
    }

    /// The last price of each venue, fresh or not.
    #[must_use]
    pub fn references(&self) -> &'a [ReferencePrice] {
        &self.watched.venues.quotes
    }

    /// The middle of the fresh reference prices; `None` while fewer than three are fresh.
    #[must_use]
    pub fn reference_median(&self, now: Timestamp) -> Option<Decimal> {
        self.watched.consensus(now).map(|consensus| consensus.median)
    }

    pub fn active(&self) -> impl Iterator<Item = ActiveRule> + use<'a> {
        let said = RULES.into_iter().zip(&self.watched.slots);
        said.filter_map(|(rule, slot)| {
            slot.said().map(|said| ActiveRule { rule, severity: said.severity, since: said.since })
        })
    }

    /// Price and confidence of about the last hour, oldest first, at most 121 samples; the last is the latest price.
    #[must_use]
    pub fn history(&self) -> Vec<Sample> {
        let mut samples: Vec<Sample> = self.watched.history.samples().collect();
        if let Some(latest) = self.watched.latest {
            let update = latest.update;
            let newest = Sample { at: latest.came_at, price: update.price, conf: update.conf };
            if samples.last() != Some(&newest) {
                samples.push(newest);
            }
        }
        samples
    }
}

impl Watch {
    #[must_use]
    pub fn feed(&self, id: &FeedId) -> Option<FeedView<'_>> {
        self.feeds.get(id).map(|watched| self.view(watched))
    }

    /// All feeds, by id.
    pub fn feeds(&self) -> impl ExactSizeIterator<Item = FeedView<'_>> {
        self.feeds.values().map(|watched| self.view(watched))
    }

    pub fn sources(&self) -> impl ExactSizeIterator<Item = SourceView<'_>> {
        self.sources.iter().map(|source| SourceView {
            name: &source.name,
            status: source.status.as_ref(),
            tally: source.tally,
            active: source.slot.said().map(|said| ActiveRule {
                rule: RuleName::FeedSourceDown,
                severity: said.severity,
                since: said.since,
            }),
        })
    }

    /// The one feed that `text` names: the only one that fits as well as the best does.
    ///
    /// # Errors
    /// Those that fit equally well, best first; empty when none does.
    pub fn named(&self, text: &str) -> Result<FeedView<'_>, Vec<FeedView<'_>>> {
        let wanted = text.trim().to_lowercase();
        let mut found = self.find(text);
        let best = found.first().and_then(|view| rank(view.feed(), &wanted));
        let equals = found.iter().take_while(|view| rank(view.feed(), &wanted) == best).count();
        if equals == 1 { Ok(found.swap_remove(0)) } else { Err(found) }
    }

    /// Symbols that look like `text`, for somebody who mistyped one; most alike first.
    #[must_use]
    pub fn alike(&self, text: &str, most: usize) -> Vec<&str> {
        const ALIKE: f64 = 0.55;
        let wanted = text.trim().to_lowercase();
        let score = |feed: &Feed| {
            let short = feed.short_symbol().to_lowercase();
            let base = short.split('/').next().unwrap_or(&short).to_owned();
            strsim::jaro_winkler(&wanted, &short).max(strsim::jaro_winkler(&wanted, &base))
        };
        let scored = self.feeds.values().map(|watched| (score(&watched.feed), watched.feed.symbol.as_str()));
        let mut alike: Vec<_> = scored.filter(|(score, _)| *score >= ALIKE).collect();
        alike.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        alike.into_iter().take(most).map(|(_, symbol)| symbol).collect()
    }

    /// Empty when the feed is not known.
    #[must_use]
    pub fn history(&self, id: &FeedId) -> Vec<Sample> {
        self.feed(id).map(|view| view.history()).unwrap_or_default()
    }

    /// Feeds by what people type (`sol`, `SOL/USD`, `Crypto.SOL/USD`, `0xef0d…`), best match first, case ignored.
    /// Of an id the first four digits are enough.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<FeedView<'_>> {
        let wanted = text.trim().to_lowercase();
        if wanted.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<_> = self
            .feeds
            .values()
            .filter_map(|watched| Some((rank(&watched.feed, &wanted)?, watched.feed.symbol.as_str(), watched)))
            .collect();
        found.sort_by_key(|(rank, symbol, _)| (*rank, symbol.len(), *symbol));
        found.into_iter().map(|(_, _, watched)| self.view(watched)).collect()
    }

    pub(super) fn view<'a>(&'a self, watched: &'a Watched) -> FeedView<'a> {
        FeedView { watched, source: &self.sources[watched.source] }
    }
}

/// How well a feed fits, best first; `wanted` is lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Symbol,
    ShortSymbol,
    /// The base of a dollar pair: `sol` for `Crypto.SOL/USD`.
    BaseInDollars,
    Base,
    Id,
    Part,
    Description,
}

fn rank(feed: &Feed, wanted: &str) -> Option<Fit> {
    let symbol = feed.symbol.to_lowercase();
    let short = feed.short_symbol().to_lowercase();
    let (base, quote) = short.split_once('/').unwrap_or((&short, ""));
    let hex = wanted.strip_prefix("0x").unwrap_or(wanted);
    if symbol == wanted {
        Some(Fit::Symbol)
    } else if short == wanted {
        Some(Fit::ShortSymbol)
    } else if base == wanted {
        Some(if quote == "usd" { Fit::BaseInDollars } else { Fit::Base })
    } else if hex.len() >= 4 && feed.id.to_string().starts_with(hex) {
        Some(Fit::Id)
    } else if symbol.contains(wanted) || (!quote.is_empty() && wanted == format!("{base}{quote}")) {
        Some(Fit::Part)
    } else {
        feed.description.to_lowercase().contains(wanted).then_some(Fit::Description)
    }
}
