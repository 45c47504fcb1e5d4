//! A watch over some of the feeds, while other replicas watch the rest: feeds come and go without a word about them, and
//! what another replica knows can be looked at.

use serde::{Deserialize, Serialize};

use crate::core::feed::{Feed, FeedId, PriceUpdate, ReferencePrice, SourceStatus};
use crate::core::severity::Severity;
use crate::core::signal::Signal;
use crate::core::time::Timestamp;

use super::gaps::Gaps;
use super::history::Sample;
use super::slot::Slot;
use super::watched::{Latest, RULES, Watched};
use super::{FeedView, Watch};

/// What a replica tells of a feed, for others to answer from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FeedCopy {
    pub feed: Feed,
    pub source: String,
    /// The price, when it came, and when the last new one did.
    latest: Option<(PriceUpdate, Timestamp, Timestamp)>,
    gaps: Gaps,
    quotes: Vec<ReferencePrice>,
    /// By the rule's place among a feed's rules.
    active: Vec<(usize, Severity, Timestamp)>,
    /// Only of feeds in trouble: theirs is drawn.
    history: Vec<Sample>,
}

/// What a replica tells of a source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourceCopy {
    pub name: String,
    pub status: Option<SourceStatus>,
}

impl Watch {
    /// As a catalogue, of which only `feeds` are watched here; none may be.
    pub fn catalogue_part(&mut self, source: &str, feeds: &[Feed], now: Timestamp) -> Vec<Signal> {
        let mut out = Vec::new();
        self.listed(source, feeds, now, &mut out);
        out
    }

    /// Whether this watch says when a source as a whole is down.
    pub fn speak_of_sources(&mut self, speaks: bool) {
        self.mute_about_sources = !speaks;
        if !speaks {
            self.sources.iter_mut().for_each(|source| source.slot = Slot::default());
        }
    }

    /// Lets go of what `goes` names, copies too, and says nothing of it: its alerts are another's to end.
    pub fn release(&mut self, goes: impl Fn(&FeedId) -> bool) {
        self.feeds.retain(|id, _| !goes(id));
        self.resumed.retain(|(labels, _)| {
            let id = labels.get("feed").and_then(|id| id.parse().ok());
            id.is_none_or(|id| !goes(&id))
        });
        if self.own_feeds().next().is_none() {
            // A client that is started again says anew how its source is.
            self.sources.iter_mut().for_each(|source| (source.status, source.recovered_at) = (None, None));
        }
    }

    /// The feeds that are watched here, by id.
    pub fn own_feeds(&self) -> impl Iterator<Item = FeedView<'_>> {
        let own = self.feeds.values().filter(|watched| !watched.copied);
        own.map(|watched| self.view(watched))
    }

    /// What is known of the feeds that `of` names, for another replica.
    #[must_use]
    pub fn copy(&self, of: impl Fn(&FeedId) -> bool) -> (Vec<FeedCopy>, Vec<SourceCopy>) {
        let feeds = self.feeds.values().filter(|watched| !watched.copied && of(&watched.feed.id));
        let feed = |watched: &Watched| {
            let said = watched.slots.iter().enumerate();
            let active = said.filter_map(|(rule, slot)| slot.said().map(|said| (rule, said.severity, said.since)));
            let active: Vec<_> = active.collect();
            FeedCopy {
                feed: watched.feed.clone(),
                source: self.sources[watched.source].name.clone(),
                latest: watched.latest.map(|latest| (latest.update, latest.came_at, latest.fresh_at)),
                gaps: watched.gaps.clone(),
                quotes: watched.venues.quotes.clone(),
                history: if active.is_empty() { Vec::new() } else { watched.history.samples().collect() },
                active,
            }
        };
        let source =
            |source: &super::source::Source| SourceCopy { name: source.name.clone(), status: source.status.clone() };
        (feeds.map(feed).collect(), self.sources.iter().map(source).collect())
    }

    /// Puts what another replica told in place of what it told before of the feeds that `of` names. What is watched here
    /// stays as it is.
    pub fn paste(
        &mut self,
        of: impl Fn(&FeedId) -> bool,
        (feeds, sources): (Vec<FeedCopy>, Vec<SourceCopy>),
        now: Timestamp,
    ) {
        self.feeds.retain(|id, watched| !watched.copied || !of(id));
        let watches_some = self.own_feeds().next().is_some();
        for SourceCopy { name, status } in sources {
            let index = self.source(&name);
            if !watches_some {
                self.sources[index].status = status;
            }
        }
        for copy in feeds {
            let FeedCopy { feed, source, latest, gaps, quotes, active, history } = copy;
            let index = self.source(&source);
            let mut watched = Watched::new(feed, index, &self.rules, now);
            watched.copied = true;
            watched.latest = latest.map(|(update, came_at, fresh_at)| Latest { update, came_at, fresh_at });
            watched.gaps = gaps;
            watched.venues.quotes = quotes;
            for (rule, severity, since) in active.into_iter().filter(|(rule, ..)| *rule < RULES.len()) {
                watched.slots[rule] = Slot::resumed(severity, since);
            }
            for sample in history {
                watched.history.record(sample, true);
            }
            self.feeds.entry(watched.feed.id).or_insert(watched);
        }
    }

    /// Forgets what other replicas told.
    pub fn drop_copies(&mut self) {
        self.feeds.retain(|_, watched| !watched.copied);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{SOURCE, active, catalogue, feed, price};
    use super::super::{Observation, Rules};
    use super::*;
    use crate::core::decimal::Decimal;
    use crate::core::signal::Condition;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn at(secs: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(secs))
    }

    fn pair() -> (Feed, Feed) {
        (feed("Crypto.SOL/USD", "crypto"), feed("Crypto.BTC/USD", "crypto"))
    }

    /// Two feeds that are silent from the first minute on; SOL is stale by now.
    fn watch() -> Watch {
        let (sol, btc) = pair();
        let mut watch = Watch::new(Rules::default());
        watch.handle(&catalogue(&[sol.clone(), btc.clone()]), NOW);
        for secs in 0..60 {
            watch.handle(&price(sol.id, Decimal::new(14_320 + i64::try_from(secs).unwrap(), -2), at(secs)), at(secs));
            watch.tick(at(secs));
        }
        let said = (60..400).flat_map(|secs| watch.tick(at(secs))).collect::<Vec<_>>();
        assert!(active(&said, "FeedStale").is_some());
        watch
    }

    #[test]
    fn what_is_given_away_leaves_without_a_word() {
        let ((sol, btc), mut watch) = (pair(), watch());
        watch.release(|id| *id == sol.id);
        let said = watch.catalogue_part(SOURCE, std::slice::from_ref(&btc), at(401));
        assert_eq!(said, []);
        assert_eq!(watch.own_feeds().map(|view| view.feed().id).collect::<Vec<_>>(), [btc.id]);
        let said: Vec<_> = (401..500).flat_map(|secs| watch.tick(at(secs))).collect();
        assert!(said.iter().all(|signal| signal.labels.get("feed") != Some(&*sol.id.to_string())), "{said:?}");
    }

    #[test]
    fn what_is_taken_over_goes_on_and_its_end_is_said() {
        let (sol, _) = pair();
        let mut from = watch();
        let labels =
            from.tick(at(410)).into_iter().find(|signal| signal.labels.get("feed") == Some(&*sol.id.to_string()));
        let labels = labels.unwrap().labels;
        let mut to = Watch::new(Rules::default());
        to.resume([(labels.clone(), Severity::Warning)], at(411));
        assert_eq!(
            to.catalogue_part(SOURCE, std::slice::from_ref(&sol), at(412)),
            [],
            "nothing is known of its price yet"
        );
        let said = to.handle(&price(sol.id, Decimal::new(14_400, -2), at(413)), at(413));
        assert!(
            said.iter().any(|signal| signal.labels == labels && signal.condition == Condition::Inactive),
            "{said:?}"
        );
    }

    #[test]
    fn an_alert_of_a_part_without_feeds_ends_when_the_part_is_listed() {
        let (sol, _) = pair();
        let labels = [("alertname", "FeedStale"), ("feed", &*sol.id.to_string()), ("source", SOURCE)];
        let mut to = Watch::new(Rules::default());
        to.resume([(labels.into_iter().collect(), Severity::Warning)], NOW);
        assert_eq!(to.catalogue_part(SOURCE, &[], NOW).len(), 1);
    }

    #[test]
    fn one_speaks_of_the_sources_and_the_others_do_not() {
        let mut watch = watch();
        let status = SourceStatus::Down { since: at(400), error: "refused".to_owned() };
        let down = Observation::Source { source: SOURCE.to_owned(), status };
        watch.speak_of_sources(false);
        assert_eq!(watch.handle(&down, at(400)), []);
        watch.speak_of_sources(true);
        assert!(active(&watch.tick(at(401)), "FeedSourceDown").is_some());
    }

    #[test]
    fn a_copy_answers_as_the_original_does_and_is_never_judged() {
        let ((sol, _), from) = (pair(), watch());
        let copied = from.copy(|id| *id == sol.id);
        let through = serde_json::from_str(&serde_json::to_string(&copied).unwrap()).unwrap();
        let mut to = Watch::new(Rules::default());
        to.paste(|_| true, through, at(400));
        let (copy, own) = (to.named("sol").ok().unwrap(), from.named("sol").ok().unwrap());
        assert_eq!((copy.price(), copy.stale_limit(), copy.source()), (own.price(), own.stale_limit(), own.source()));
        assert_eq!((copy.history(), copy.active().count()), (own.history(), own.active().count()));
        assert_eq!(to.own_feeds().count(), 0);
        assert_eq!((401..900).flat_map(|secs| to.tick(at(secs))).collect::<Vec<_>>(), []);
        assert_eq!(to.handle(&price(sol.id, Decimal::new(1, -2), at(900)), at(900)), []);
        assert_eq!(to.named("sol").ok().unwrap().price(), own.price(), "what comes of it is not for this watch");
        // What it is told later takes the place of that.
        to.paste(|_| true, (Vec::new(), Vec::new()), at(901));
        assert_eq!(to.feeds().len(), 0);
    }

    #[test]
    fn a_copy_does_not_take_the_place_of_what_is_watched_here() {
        let ((sol, btc), mut watch) = (pair(), watch());
        let copied = watch.copy(|_| true);
        watch.paste(|_| true, copied, at(400));
        assert_eq!(watch.own_feeds().count(), 2);
        watch.release(|id| *id == sol.id);
        let copied = self::watch().copy(|id| *id == sol.id);
        watch.paste(|id| *id == sol.id, copied, at(400));
        assert_eq!((watch.feeds().len(), watch.own_feeds().count()), (2, 1));
        watch.catalogue_part(SOURCE, std::slice::from_ref(&btc), at(401));
        assert_eq!(watch.feeds().len(), 2, "a catalogue is not about copies");
        watch.drop_copies();
        assert_eq!(watch.feeds().len(), 1);
    }
}
