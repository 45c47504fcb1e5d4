//! The watch over all feeds: observations in, signals out. Pure and streaming; nothing is allocated for an ordinary price.
//!
//! Labels of feed rules are `alertname symbol feed asset_class source`, of `FeedSourceDown` `alertname source`.
//! Severity is not among them: an alert that turns critical stays the same alert. So that routes and silences can match
//! on `severity`, whoever matches must add that label from the alert's severity at match time, and never to its identity.

mod divide;
mod gaps;
mod history;
mod jump;
mod rules;
mod session;
mod slot;
mod source;
#[cfg(test)]
mod testing;
mod thresholds;
mod venues;
mod verdicts;
mod view;
mod watched;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use super::feed::{Feed, FeedId, Observation, PriceUpdate, ReferencePrice};
use super::label::{ALERTNAME, Labels, MatchOp, Matcher};
use super::route::InhibitRule;
use super::severity::Severity;
use super::signal::{Condition, Signal};
use super::time::Timestamp;

pub use divide::{FeedCopy, SourceCopy};
pub use history::Sample;
pub use rules::{FeedOverrides, RuleConfig, RuleName, RuleSettings, Rules};
pub use source::Tally;
pub use thresholds::{Overrides, Thresholds};
pub use view::{ActiveRule, FeedView, SourceView};

use slot::{News, Slot, Verdict};
use source::Source;
use watched::{Context, Watched};

/// All feeds under watch. A feed belongs to the source that catalogued it first.
#[derive(Clone, Debug)]
pub struct Watch {
    rules: Rules,
    feeds: BTreeMap<FeedId, Watched>,
    sources: Vec<Source>,
    /// Alerts that were active before this watch began, until their source's catalogue comes.
    resumed: Vec<(Labels, Severity)>,
    ignored: IgnoredCounts,
    /// Another replica speaks of the sources as such.
    mute_about_sources: bool,
}

/// Why an observation changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ignored {
    /// No catalogue names the feed.
    UnknownFeed,
    /// The feed belongs to another source.
    OtherSource,
    /// Nothing in it is new.
    Duplicate,
    /// Its publish time lies before the last one's.
    OutOfOrder,
    /// A reference price that is not positive, older than the last, or of a ninth venue.
    BadReference,
    /// A catalogue without a feed: more likely a broken answer than the end of all feeds.
    EmptyCatalogue,
}

/// How many observations were ignored, by reason.
pub type IgnoredCounts = BTreeMap<Ignored, u64>;

/// Stale feeds and feeds of one class of one source.
type Peers = BTreeMap<(usize, String), (usize, usize)>;

impl Watch {
    #[must_use]
    pub const fn new(rules: Rules) -> Self {
        Self {
            rules,
            feeds: BTreeMap::new(),
            sources: Vec::new(),
            resumed: Vec::new(),
            ignored: BTreeMap::new(),
            mute_about_sources: false,
        }
    }

    /// New rules hold from the next observation or tick on.
    pub fn set_rules(&mut self, rules: Rules, now: Timestamp) {
        self.rules = rules;
        for watched in self.feeds.values_mut() {
            watched.redefine(watched.feed.clone(), &self.rules, now);
        }
    }

    /// Alerts that were active when the watch last ended (from the store), so that their end is said as well.
    /// Labels that are not a detector's are left alone.
    pub fn resume(&mut self, open: impl IntoIterator<Item = (Labels, Severity)>, now: Timestamp) {
        for (labels, severity) in open {
            if labels.get(ALERTNAME) == Some(RuleName::FeedSourceDown.as_str()) {
                let index = self.source(labels.get("source").unwrap_or_default());
                self.sources[index].slot = Slot::resumed(severity, now);
            } else if let Some(rule) = rule_of(&labels) {
                let here = self.watched(&labels).filter(|watched| !watched.copied);
                match here.map(|watched| &mut watched.slots[rule]) {
                    // What was found here meanwhile is newer.
                    Some(Slot::Active(_)) => {}
                    Some(slot) => *slot = Slot::resumed(severity, now),
                    // It waits for the catalogue that names its feed.
                    None => self.resumed.push((labels, severity)),
                }
            }
        }
    }

    /// The feed that an alert is about, as it is known here.
    fn watched(&mut self, labels: &Labels) -> Option<&mut Watched> {
        let id: FeedId = labels.get("feed")?.parse().ok()?;
        self.feeds.get_mut(&id).filter(|watched| watched.has_labels(labels))
    }

    /// Takes an observation in. Gives a signal where a rule's condition begins, ends, changes its severity, or goes on
    /// and its evidence is due to be refreshed (every 5 s); the empty vector is not allocated.
    pub fn handle(&mut self, observation: &Observation, now: Timestamp) -> Vec<Signal> {
        let mut out = Vec::new();
        let ignored = match observation {
            Observation::Catalogue { source, feeds } => self.catalogue(source, feeds, now, &mut out),
            Observation::Price { source, update } => self.price(source, update, now, &mut out),
            Observation::Reference(quote) => self.reference(quote, now, &mut out),
            Observation::Source { source, status } => {
                let index = self.source(source);
                self.sources[index].set_status(status.clone(), now);
                // Whether a source that is back delivers shows at the next tick.
                if self.sources[index].is_down() {
                    self.source_news(index, now, &mut out);
                }
                None
            }
        };
        if let Some(reason) = ignored {
            *self.ignored.entry(reason).or_default() += 1;
        }
        out
    }

    /// What time alone brings about: staleness, silence, markets that open and close. To be called about once a second.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Signal> {
        let mut out = Vec::new();
        let peers = self.count(now);
        for index in 0..self.sources.len() {
            self.source_news(index, now, &mut out);
        }
        for watched in self.feeds.values_mut().filter(|watched| !watched.copied) {
            let context = Context { rules: &self.rules, source: &self.sources[watched.source], now };
            // Few feeds are stale; only theirs is looked up.
            let stale = watched.is_stale(now);
            let key = stale.then(|| (watched.source, watched.feed.asset_class.clone()));
            watched.tick(context, key.and_then(|key| peers.get(&key).copied()), &mut out);
        }
        out
    }

    /// How many observations were ignored since the watch began.
    #[must_use]
    pub const fn ignored(&self) -> &IgnoredCounts {
        &self.ignored
    }

    fn source(&mut self, name: &str) -> usize {
        if let Some(index) = self.sources.iter().position(|source| source.name == name) {
            return index;
        }
        self.sources.push(Source::new(name));
        self.sources.len() - 1
    }

    fn catalogue(&mut self, source: &str, feeds: &[Feed], now: Timestamp, out: &mut Vec<Signal>) -> Option<Ignored> {
        if feeds.is_empty() {
            return Some(Ignored::EmptyCatalogue);
        }
        self.listed(source, feeds, now, out);
        None
    }

    /// These are all the feeds of `source` that are watched here.
    fn listed(&mut self, source: &str, feeds: &[Feed], now: Timestamp, out: &mut Vec<Signal>) {
        let index = self.source(source);
        let context = Context { rules: &self.rules, source: &self.sources[index], now };
        for feed in feeds {
            match self.feeds.get_mut(&feed.id) {
                Some(watched) if watched.source == index => watched.rename(feed.clone(), context, out),
                Some(_) => {}
                None => {
                    self.feeds.insert(feed.id, Watched::new(feed.clone(), index, &self.rules, now));
                }
            }
        }
        let named: BTreeSet<FeedId> = feeds.iter().map(|feed| feed.id).collect();
        self.feeds.retain(|id, watched| {
            let stays = watched.source != index || watched.copied || named.contains(id);
            if !stays {
                watched.end(context, out);
            }
            stays
        });
        self.settle_resumed(source, now, out);
    }

    /// Alerts of before go on under their feed; those whose feed is gone end.
    fn settle_resumed(&mut self, source: &str, now: Timestamp, out: &mut Vec<Signal>) {
        for (labels, severity) in std::mem::take(&mut self.resumed) {
            if labels.get("source") != Some(source) {
                self.resumed.push((labels, severity));
                continue;
            }
            let Some(rule) = rule_of(&labels) else { continue };
            match self.watched(&labels) {
                Some(watched) => watched.slots[rule] = Slot::resumed(severity, now),
                None => out.push(signal(labels, self.rules.settings(watched::RULES[rule]), Condition::Inactive)),
            }
        }
    }

    fn price(&mut self, source: &str, update: &PriceUpdate, now: Timestamp, out: &mut Vec<Signal>) -> Option<Ignored> {
        let Some(watched) = self.feeds.get_mut(&update.feed).filter(|watched| !watched.copied) else {
            return Some(Ignored::UnknownFeed);
        };
        let owner = &self.sources[watched.source];
        if owner.name != source {
            return Some(Ignored::OtherSource);
        }
        watched.price(update, Context { rules: &self.rules, source: owner, now }, out)
    }

    fn reference(&mut self, quote: &ReferencePrice, now: Timestamp, out: &mut Vec<Signal>) -> Option<Ignored> {
        let Some(watched) = self.feeds.get_mut(&quote.feed).filter(|watched| !watched.copied) else {
            return Some(Ignored::UnknownFeed);
        };
        let context = Context { rules: &self.rules, source: &self.sources[watched.source], now };
        watched.reference(quote, context, out)
    }

    /// Counts open and silent feeds of each source, and stale ones of each class.
    fn count(&mut self, now: Timestamp) -> Peers {
        let silent_after = self.rules.silent_after.duration();
        let mut peers = Peers::new();
        self.sources.iter_mut().for_each(|source| source.tally = Tally::default());
        let mut any_stale = false;
        for watched in self.feeds.values().filter(|watched| !watched.copied) {
            let tally = &mut self.sources[watched.source].tally;
            let settled = watched.settled(now);
            tally.feeds += 1;
            tally.open += usize::from(settled);
            tally.silent += usize::from(settled && watched.is_silent(silent_after, now));
            any_stale |= watched.is_stale(now);
        }
        if any_stale {
            for watched in self.feeds.values().filter(|watched| !watched.copied && watched.settled(now)) {
                let (stale, all) = peers.entry((watched.source, watched.feed.asset_class.clone())).or_default();
                *all += 1;
                *stale += usize::from(watched.is_stale(now));
            }
        }
        peers
    }

    fn source_news(&mut self, index: usize, now: Timestamp, out: &mut Vec<Signal>) {
        if self.mute_about_sources {
            return;
        }
        let settings = self.rules.settings(RuleName::FeedSourceDown);
        let source = &self.sources[index];
        let verdict = if settings.enabled { source.verdict(settings.severity) } else { Verdict::Inactive };
        let news = self.sources[index].slot.news(verdict, now);
        let source = &self.sources[index];
        let condition = match news {
            None => return,
            Some(News::Inactive) => Condition::Inactive,
            Some(News::Active(_)) => {
                let silent_after = self.rules.silent_after.duration();
                Condition::Active(source.evidence(silent_after, self.silent_classes(index, now), now))
            }
        };
        let labels = [(ALERTNAME, RuleName::FeedSourceDown.as_str()), ("source", &source.name)].into_iter().collect();
        out.push(signal(labels, settings, condition));
    }

    /// When whole asset classes are silent while others deliver: their names.
    fn silent_classes(&self, source: usize, now: Timestamp) -> Option<String> {
        let silent_after = self.rules.silent_after.duration();
        let mut classes: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for watched in self.feeds.values().filter(|w| !w.copied && w.source == source && w.settled(now)) {
            let (silent, open) = classes.entry(&watched.feed.asset_class).or_default();
            *open += 1;
            *silent += usize::from(watched.is_silent(silent_after, now));
        }
        let (whole, partly): (Vec<_>, Vec<_>) = classes.into_iter().partition(|(_, (silent, open))| silent == open);
        let names: Vec<_> = whole.iter().map(|(class, (_, open))| format!("all {open} {class}")).collect();
        (!names.is_empty() && !partly.is_empty()).then(|| format!("{} feeds; others deliver", names.join(", ")))
    }
}

/// A source that is down is one alert, not one for each of its feeds.
#[must_use]
pub fn default_inhibitions() -> Vec<InhibitRule> {
    let names = watched::RULES.map(RuleName::as_str).join("|");
    let targets = Matcher::new(ALERTNAME, MatchOp::Regex, names);
    targets
        .into_iter()
        .map(|target| InhibitRule {
            source_matchers: vec![Matcher::equal(ALERTNAME, RuleName::FeedSourceDown.as_str())],
            target_matchers: vec![target],
            equal: vec!["source".to_owned()],
        })
        .collect()
}

/// Which of a feed's rules an alert is of.
fn rule_of(labels: &Labels) -> Option<usize> {
    watched::RULES.iter().position(|rule| labels.get(ALERTNAME) == Some(rule.as_str()))
}

fn signal(labels: Labels, settings: RuleSettings, condition: Condition) -> Signal {
    let RuleSettings { enabled: _, severity, pending_for, keep_firing_for } = settings;
    Signal { labels, severity, condition, pending_for, keep_firing_for }
}

#[cfg(test)]
mod tests;
