//! The way out: passes observations on in order and, while the receiver is busy, keeps the latest of each feed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use super::counters::{Counters, Skipped};
use super::wire::Received;
use crate::core::feed::{Feed, FeedId, Observation, PriceUpdate, SourceStatus};
use crate::core::time::Timestamp;

/// A publish time further ahead than this is not held against later updates: one bad stamp must not mute its feed.
const AHEAD: Duration = Duration::from_mins(1);

/// Never blocks the stream readers: Hermes drops slow consumers.
#[derive(Debug)]
pub(super) struct Outlet {
    source: String,
    out: Sender<Observation>,
    state: Mutex<State>,
    waiting: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The last update passed on, for every feed that was asked for.
    seen: HashMap<FeedId, Option<Received>>,
    catalogue: Option<Vec<Feed>>,
    status: Option<SourceStatus>,
    /// Prices the receiver had no room for, in the order their feeds got into the queue.
    queue: VecDeque<FeedId>,
    latest: HashMap<FeedId, PriceUpdate>,
}

impl Outlet {
    pub fn new(source: String, out: Sender<Observation>) -> Self {
        Self { source, out, state: Mutex::default(), waiting: Notify::new() }
    }

    /// Sets which feeds are passed on; what was seen of them before still counts.
    pub fn expect(&self, ids: &[FeedId]) {
        let mut state = self.lock();
        let wanted: HashSet<_> = ids.iter().copied().collect();
        state.seen.retain(|id, _| wanted.contains(id));
        for id in wanted {
            state.seen.entry(id).or_default();
        }
    }

    pub fn catalogue(&self, feeds: Vec<Feed>) {
        self.lock().catalogue = Some(feeds);
        self.waiting.notify_one();
    }

    pub fn status(&self, status: SourceStatus) {
        self.lock().status = Some(status);
        self.waiting.notify_one();
    }

    /// Passes a price on unless it says nothing new; true when it was news.
    pub fn price(&self, received: Received, now: Timestamp, counters: &Counters) -> bool {
        let mut state = self.lock();
        let Some(seen) = state.seen.get_mut(&received.update.feed) else {
            counters.skip(Skipped::Unasked);
            return false;
        };
        if seen.is_some_and(|seen| !is_newer(&received, &seen, now)) {
            counters.skip(Skipped::NotNewer);
            return false;
        }
        *seen = Some(received);
        counters.update();
        let update = received.update;
        if state.is_idle() {
            match self.out.try_send(self.observation(update)) {
                Ok(()) | Err(TrySendError::Closed(_)) => return true,
                Err(TrySendError::Full(_)) => {}
            }
        }
        if state.latest.insert(update.feed, update).is_none() {
            state.queue.push_back(update.feed);
        }
        drop(state);
        self.waiting.notify_one();
        true
    }

    /// Hands over what waits whenever the receiver has room; ends when the receiver is gone.
    pub async fn forward(&self) {
        loop {
            self.waiting.notified().await;
            loop {
                // The slot comes first: what is taken is the latest at the moment it is handed over.
                let Ok(permit) = self.out.reserve().await else {
                    return;
                };
                let mut state = self.lock();
                match self.next(&mut state) {
                    Some(observation) => permit.send(observation),
                    None => break,
                }
            }
        }
    }

    fn next(&self, state: &mut State) -> Option<Observation> {
        let source = || self.source.clone();
        if let Some(feeds) = state.catalogue.take() {
            return Some(Observation::Catalogue { source: source(), feeds });
        }
        if let Some(status) = state.status.take() {
            return Some(Observation::Source { source: source(), status });
        }
        let feed = state.queue.pop_front()?;
        state.latest.remove(&feed).map(|update| self.observation(update))
    }

    fn observation(&self, update: PriceUpdate) -> Observation {
        Observation::Price { source: self.source.clone(), update }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.catalogue.is_none() && self.status.is_none() && self.queue.is_empty()
    }
}

fn is_newer(fresh: &Received, seen: &Received, now: Timestamp) -> bool {
    let (at, seen_at) = (fresh.update.publish_time, seen.update.publish_time);
    if at != seen_at {
        return at > seen_at || seen_at > now.plus(AHEAD);
    }
    match (fresh.slot, seen.slot) {
        (Some(slot), Some(seen_slot)) if slot < seen_slot => false,
        // A stream event repeats every feed it was asked for, also those that did not move.
        _ => fresh.update != seen.update,
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::core::decimal::Decimal;

    const NOW: Timestamp = Timestamp::from_secs(1000);

    fn received(feed: u8, price: i64, publish_time: i64, slot: u64) -> Received {
        let feed = hex::encode([feed; 32]).parse().unwrap();
        let (price, conf) = (Decimal::new(price, -2), Decimal::new(1, -2));
        Received {
            update: PriceUpdate { feed, price, conf, publish_time: Timestamp::from_secs(publish_time) },
            slot: Some(slot),
        }
    }

    fn outlet(room: usize, feeds: &[u8]) -> (Outlet, mpsc::Receiver<Observation>) {
        let (out, inbox) = mpsc::channel(room);
        let outlet = Outlet::new("hermes".to_owned(), out);
        outlet.expect(&feeds.iter().map(|feed| received(*feed, 1, 1, 1).update.feed).collect::<Vec<_>>());
        (outlet, inbox)
    }

    fn price_of(observation: Option<Observation>) -> i64 {
        match observation {
            Some(Observation::Price { update, .. }) => update.price.mantissa,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_news_is_passed_on() {
        let (outlet, _inbox) = outlet(16, &[1]);
        let counters = Counters::default();
        let given = [(10, 900, 5), (10, 900, 6), (11, 900, 6), (12, 900, 5), (13, 899, 9), (14, 901, 7)];
        let news = given.map(|(price, at, slot)| outlet.price(received(1, price, at, slot), NOW, &counters));
        assert_eq!(news, [true, false, true, false, false, true]);
        assert!(!outlet.price(received(2, 1, 950, 9), NOW, &counters));
        assert_eq!((counters.skipped(Skipped::NotNewer), counters.skipped(Skipped::Unasked)), (3, 1));
    }

    #[test]
    fn a_stamp_from_the_far_future_does_not_mute_its_feed() {
        let (outlet, _inbox) = outlet(16, &[1]);
        let counters = Counters::default();
        assert!(outlet.price(received(1, 10, 99_999, 1), NOW, &counters));
        assert!(outlet.price(received(1, 11, 1000, 2), NOW, &counters));
        assert!(!outlet.price(received(1, 12, 999, 3), NOW, &counters));
    }

    #[tokio::test]
    async fn a_slow_receiver_gets_the_latest_of_every_feed() {
        let (outlet, mut inbox) = outlet(1, &[1, 2]);
        let counters = Counters::default();
        for (feed, price, at) in [(1, 10, 900), (1, 11, 901), (2, 20, 901), (1, 12, 902), (2, 21, 902)] {
            outlet.price(received(feed, price, at, 1), NOW, &counters);
        }
        let got = async {
            let mut got = Vec::new();
            for _ in 0..3 {
                got.push(price_of(inbox.recv().await));
            }
            got
        };
        let got = tokio::select! { () = outlet.forward() => panic!("ended"), got = got => got };
        assert_eq!(got, [10, 12, 21]);
        assert!(inbox.try_recv().is_err());
    }
}
