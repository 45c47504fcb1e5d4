//! The reference client against the local exchanges over loopback.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use watchkeeper::clock::{SharedClock, SystemClock};
use watchkeeper::core::feed::{Feed, Observation, ReferencePrice};
use watchkeeper::feeds::reference::{self, Settings, VenueKind, VenueSettings};
use watchkeeper::sim::hermes::{self, Config};
use watchkeeper::sim::venues::{self, Fault};

/// Polls every 15 s on a clock that runs 300 times as fast.
const SPEED: u32 = 300;
const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    hermes: hermes::Handle,
    venues: venues::Handle,
    feeds: watch::Sender<Vec<Feed>>,
    inbox: mpsc::Receiver<Observation>,
    _stop: DropGuard,
}

async fn world(symbols: &[&str]) -> World {
    world_with(symbols, |_| ()).await
}

async fn world_with(symbols: &[&str], change: impl FnOnce(&mut Settings)) -> World {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock: SharedClock = Arc::new(SystemClock::new(SPEED));
    let hermes = hermes::start(Config::by_hand(clock.clone(), 7)).await.unwrap();
    let venues = venues::start(0, hermes.market()).await.unwrap();
    let compared = hermes.feeds().into_iter().filter(|feed| symbols.contains(&feed.short_symbol())).collect();
    let (feeds, receiver) = watch::channel(compared);
    let (out, inbox) = mpsc::channel(64);
    let cancel = CancellationToken::new();
    let mut settings =
        Settings::new(VenueKind::ALL.map(|kind| VenueSettings::new(kind, venues.base_url(kind))).to_vec());
    change(&mut settings);
    tokio::spawn(reference::run(settings, receiver, clock, 1, out, cancel.clone()));
    World { hermes, venues, feeds, inbox, _stop: cancel.drop_guard() }
}

impl World {
    async fn next(&mut self) -> ReferencePrice {
        match tokio::time::timeout(PATIENCE, self.inbox.recv()).await.unwrap().unwrap() {
            Observation::Reference(reference) => reference,
            other => panic!("{other:?}"),
        }
    }

    /// How many basis points beside the true price of `symbol` each exchange is, once `count` of them have quoted.
    async fn beside(&mut self, symbol: &str, count: usize) -> BTreeMap<String, u64> {
        let truth = self.hermes.true_price(symbol).unwrap();
        let mut beside = BTreeMap::new();
        while beside.len() < count {
            let reference = self.next().await;
            beside.insert(reference.venue, reference.price.distance_bps(truth).unwrap());
        }
        beside
    }

    /// Which exchanges have quoted, once one of them has quoted `times` times.
    async fn quoting(&mut self, times: usize) -> BTreeSet<String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let count = counts.entry(self.next().await.venue).or_default();
            *count += 1;
            if *count == times {
                return counts.into_keys().collect();
            }
        }
    }
}

fn all() -> BTreeSet<String> {
    VenueKind::ALL.map(|venue| venue.as_str().to_owned()).into()
}

#[tokio::test]
async fn four_exchanges_quote_close_to_the_true_price() {
    for symbol in ["BTC/USD", "DOGE/USD", "SOL/USD"] {
        let mut world = world(&[symbol]).await;
        let beside = world.beside(symbol, 4).await;
        assert_eq!(beside.keys().cloned().collect::<BTreeSet<_>>(), all());
        assert!(beside.values().all(|bps| *bps <= 2), "{beside:?}");
    }
}

#[tokio::test]
async fn a_pair_one_exchange_lacks_does_not_cost_its_other_pairs() {
    let mut world = world(&["BNB/USD", "JTO/USD", "PYTH/USD", "SOL/USD"]).await;
    let sol = world.feeds.borrow().iter().find(|feed| feed.short_symbol() == "SOL/USD").unwrap().id;
    let mut with_sol = BTreeSet::new();
    let mut seen = 0;
    while with_sol != all() {
        let reference = world.next().await;
        seen += 1;
        if reference.feed == sol {
            with_sol.insert(reference.venue);
        }
        assert!(seen < 200, "only {with_sol:?}");
    }
}

#[tokio::test]
async fn exchanges_that_fail_do_not_stop_the_others_and_come_back() {
    let mut world = world(&["SOL/USD"]).await;
    assert_eq!(world.beside("SOL/USD", 4).await.len(), 4);
    world.venues.set_fault(VenueKind::Kraken, Fault::Down);
    world.venues.set_fault(VenueKind::Binance, Fault::TooMany { retry_after: 45 });
    world.quoting(3).await;
    let quoting = world.quoting(3).await;
    assert_eq!(quoting, BTreeSet::from(["coinbase".to_owned(), "coingecko".to_owned()]));
    world.venues.heal_all();
    let mut back = BTreeSet::new();
    while back != all() {
        back.insert(world.next().await.venue);
    }
}

#[tokio::test]
async fn a_lying_exchange_is_passed_on_as_it_is() {
    let mut world = world(&["SOL/USD"]).await;
    world.venues.set_fault(VenueKind::Coinbase, Fault::Lies { per_mille: 1100 });
    let mut beside = world.beside("SOL/USD", 4).await;
    while beside["coinbase"] < 900 {
        beside.extend(world.beside("SOL/USD", 1).await);
    }
    assert!(beside["kraken"] <= 2 && beside["binance"] <= 2, "{beside:?}");
}

#[tokio::test]
async fn a_listing_can_be_named_otherwise_or_left_out() {
    let mut world = world_with(&["SOL/USD"], |settings| {
        settings.venues[0].listings.insert("SOL/USD".to_owned(), None);
        settings.venues[1].listings.insert("SOL/USD".to_owned(), Some("XBTUSD".to_owned()));
    })
    .await;
    world.quoting(2).await;
    let beside = world.beside("SOL/USD", 3).await;
    assert!(!beside.contains_key("coinbase") && beside["kraken"] > 10_000, "{beside:?}");
}

#[tokio::test]
async fn feeds_added_later_are_asked_for_at_once() {
    let mut world = world(&[]).await;
    let sol = world.hermes.feeds().into_iter().filter(|feed| feed.short_symbol() == "SOL/USD").collect();
    world.feeds.send(sol).unwrap();
    assert_eq!(world.beside("SOL/USD", 4).await.len(), 4);
}
