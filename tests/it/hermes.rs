//! The Hermes client against the local Hermes over loopback: what breaks, and what still arrives.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;
use watchkeeper::clock::{SharedClock, SystemClock};
use watchkeeper::core::decimal::Decimal;
use watchkeeper::core::feed::{Observation, SourceStatus};
use watchkeeper::core::market::MarketHours;
use watchkeeper::core::shard::{Parts, Shards};
use watchkeeper::feeds::hermes::{Counters, Hermes, Settings, Skipped};
use watchkeeper::sim::hermes::{self, Config, Feeds, Handle};

use crate::support::clock::TestClock;

const SOL: &str = "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d";
/// A test that waits longer than this has failed; nothing here takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(20);

struct Watch {
    inbox: mpsc::Receiver<Observation>,
    counters: Arc<Counters>,
    _stop: DropGuard,
}

fn clock() -> SharedClock {
    Arc::new(SystemClock::new(1))
}

async fn local_hermes() -> Handle {
    hermes::start(Config::by_hand(clock(), 7)).await.unwrap()
}

fn settings(endpoints: Vec<Url>) -> Settings {
    let mut settings = Settings::new("hermes", endpoints);
    settings.backoff.base = Duration::from_millis(10);
    settings
}

fn watch(settings: Settings, clock: SharedClock) -> Watch {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (out, inbox) = mpsc::channel(4096);
    let (counters, cancel) = (Arc::new(Counters::default()), CancellationToken::new());
    let hermes = Hermes::new(settings, clock, 1, counters.clone()).unwrap();
    tokio::spawn(hermes.run(out, cancel.clone()));
    Watch { inbox, counters, _stop: cancel.drop_guard() }
}

impl Watch {
    async fn until<T>(&mut self, mut wanted: impl FnMut(Observation) -> Option<T>) -> T {
        let found = async {
            loop {
                if let Some(found) = wanted(self.inbox.recv().await.unwrap()) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap()
    }

    async fn sol(&mut self, price: &str) {
        let price: Decimal = price.parse().unwrap();
        self.until(|seen| match seen {
            Observation::Price { update, .. } => {
                (update.feed.to_string() == SOL && update.price == price).then_some(())
            }
            _ => None,
        })
        .await;
    }

    async fn up(&mut self) -> String {
        self.until(|seen| match seen {
            Observation::Source { status: SourceStatus::Up { endpoint, .. }, .. } => Some(endpoint),
            _ => None,
        })
        .await
    }

    async fn down(&mut self) -> String {
        self.until(|seen| match seen {
            Observation::Source { status: SourceStatus::Down { error, .. }, .. } => Some(error),
            _ => None,
        })
        .await
    }

    /// The same, while time goes on by itself.
    async fn priced_while(&mut self, count: usize, clock: &TestClock) {
        let mut ticks = tokio::time::interval(Duration::from_millis(2));
        let time = async {
            loop {
                ticks.tick().await;
                clock.advance(Duration::from_millis(500));
            }
        };
        tokio::select! { () = self.priced(count) => {}, () = time => {} }
    }

    /// Completes when `count` different feeds have had a price.
    async fn priced(&mut self, count: usize) {
        let mut feeds = HashSet::new();
        self.until(|seen| {
            if let Observation::Price { update, .. } = seen {
                feeds.insert(update.feed);
            }
            (feeds.len() == count).then_some(())
        })
        .await;
    }
}

/// Publishes a price for SOL/USD a second after the last one, whatever second that was.
fn publish_sol(hermes: &Handle, price: &str, seconds: u64) {
    let at = clock().now().plus(Duration::from_secs(seconds));
    hermes.publish("SOL/USD", price.parse().unwrap(), "0.05".parse().unwrap(), at).unwrap();
}

fn address(hermes: &Handle) -> String {
    format!("127.0.0.1:{}", hermes.base_url().port().unwrap())
}

#[tokio::test]
async fn the_catalogue_comes_first_and_every_price_follows() {
    let hermes = local_hermes().await;
    let mut watch = watch(settings(vec![hermes.base_url()]), clock());
    let feeds = watch
        .until(|seen| match seen {
            Observation::Catalogue { feeds, .. } => Some(feeds),
            other => panic!("{other:?} before the catalogue"),
        })
        .await;
    assert_eq!(feeds.len(), 43);
    let hours = |symbol: &str| &feeds.iter().find(|feed| feed.short_symbol() == symbol).unwrap().hours;
    assert_eq!(hours("SOL/USD"), &MarketHours::Always);
    assert!(matches!(hours("AAPL/USD"), MarketHours::Catalogue { .. }));
    watch.priced(43).await;
    hermes.has_streams(1).await;
    publish_sol(&hermes, "143.21", 1);
    watch.sol("143.21").await;
}

#[tokio::test]
async fn only_wanted_feeds_are_followed() {
    let hermes = local_hermes().await;
    let mut settings = settings(vec![hermes.base_url()]);
    settings.wanted.ids = vec![SOL.parse().unwrap()];
    settings.wanted.symbols = vec!["xau".to_owned()];
    let mut watch = watch(settings, clock());
    watch.priced(2).await;
    hermes.has_streams(1).await;
    hermes.step();
    publish_sol(&hermes, "150", 2);
    watch.sol("150").await;
    assert_eq!(watch.counters.skipped(Skipped::Unasked), 0);
}

#[tokio::test]
async fn an_empty_catalogue_is_not_taken_at_its_word() {
    let empty = hermes::start(Config { feeds: Feeds::Synthetic(0), ..Config::by_hand(clock(), 7) }).await.unwrap();
    let works = local_hermes().await;
    watch(settings(vec![empty.base_url(), works.base_url()]), clock()).priced(43).await;
}

#[tokio::test]
async fn a_dead_first_endpoint_is_left_for_the_next() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hermes = local_hermes().await;
    let dead = Url::parse(&format!("http://{gone}")).unwrap();
    let mut watch = watch(settings(vec![dead, hermes.base_url()]), clock());
    assert_eq!(watch.up().await, address(&hermes));
    hermes.has_streams(1).await;
    publish_sol(&hermes, "152", 1);
    watch.sol("152").await;
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_left_for_the_next_endpoint() {
    let (hangs, works) = (local_hermes().await, local_hermes().await);
    hangs.silent(true);
    let mut settings = settings(vec![hangs.base_url(), works.base_url()]);
    settings.timeouts.idle = Duration::from_millis(100);
    let mut watch = watch(settings, clock());
    assert_eq!(watch.up().await, address(&hangs));
    works.has_streams(1).await;
    publish_sol(&works, "151", 5);
    assert_eq!(watch.up().await, address(&works));
}

#[tokio::test]
async fn garbage_is_counted_and_the_next_price_arrives() {
    let hermes = local_hermes().await;
    let mut watch = watch(settings(vec![hermes.base_url()]), clock());
    hermes.has_streams(1).await;
    watch.priced(43).await;
    hermes.garbage_next(4);
    for _ in 0..4 {
        hermes.step();
    }
    publish_sol(&hermes, "144.5", 2);
    watch.sol("144.5").await;
    let counters = &watch.counters;
    let skipped = [Skipped::Malformed, Skipped::BadUpdate, Skipped::ErrorEvent].map(|reason| counters.skipped(reason));
    assert_eq!((skipped, counters.reconnects()), ([1, 1, 1], 0));
}

#[tokio::test]
async fn a_price_published_while_the_stream_was_cut_is_not_missed() {
    let hermes = local_hermes().await;
    let mut watch = watch(settings(vec![hermes.base_url()]), clock());
    hermes.has_streams(1).await;
    watch.priced(43).await;
    hermes.half_event();
    // The streams have ended with the half event, so this one reaches nobody until the next snapshot.
    publish_sol(&hermes, "145.25", 2);
    watch.sol("145.25").await;
    assert_eq!((watch.counters.skipped(Skipped::HalfEvent), watch.counters.reconnects()), (1, 1));
}

#[tokio::test]
async fn an_outage_is_told_once_and_its_end_too() {
    let hermes = local_hermes().await;
    let mut watch = watch(settings(vec![hermes.base_url()]), clock());
    watch.up().await;
    hermes.outage(true);
    let error = watch.down().await;
    assert!(error.starts_with("127.0.0.1:"), "{error}");
    publish_sol(&hermes, "146", 2);
    hermes.outage(false);
    let recovered = watch
        .until(|seen| match seen {
            Observation::Source { status, .. } => Some(status),
            _ => None,
        })
        .await;
    assert!(matches!(recovered, SourceStatus::Up { .. }), "{recovered:?}");
    hermes.has_streams(1).await;
    publish_sol(&hermes, "147", 3);
    watch.sol("147").await;
}

#[tokio::test]
async fn a_feed_hermes_does_not_know_does_not_cost_the_others() {
    let hermes = local_hermes().await;
    hermes.delist("DOGE/USD").unwrap();
    let mut settings = settings(vec![hermes.base_url()]);
    settings.wanted.ids = hermes.feeds().iter().map(|feed| feed.id).collect();
    settings.wanted.ids.push("ab".repeat(32).parse().unwrap());
    let mut watch = watch(settings, clock());
    watch.priced(42).await;
    hermes.has_streams(1).await;
    publish_sol(&hermes, "148", 1);
    watch.sol("148").await;
    assert_eq!(watch.counters.reconnects(), 0);
}

#[tokio::test]
async fn too_many_requests_waits_and_then_goes_on() {
    let clock = TestClock::new();
    let hermes = hermes::start(Config::by_hand(clock.clone(), 7)).await.unwrap();
    hermes.rate_limit(true);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let other = reqwest::Client::builder().build().unwrap();
    while other.get(hermes.base_url()).send().await.unwrap().status() != 429 {}
    let mut watch = watch(settings(vec![hermes.base_url()]), clock.clone());
    let error = watch.down().await;
    assert!(error.ends_with("got too many requests; asking again in 60 s"), "{error}");
    watch.priced_while(43, &clock).await;
}

#[tokio::test]
async fn more_streams_than_the_limit_allows_at_once_are_all_opened() {
    let clock = TestClock::new();
    let config = Config { feeds: Feeds::Synthetic(1200), ..Config::by_hand(clock.clone(), 7) };
    let hermes = hermes::start(config).await.unwrap();
    hermes.rate_limit(true);
    let mut watch = watch(settings(vec![hermes.base_url()]), clock.clone());
    watch.priced_while(1200, &clock).await;
    hermes.has_streams(12).await;
}

#[tokio::test]
async fn a_refused_token_says_what_to_set_and_the_right_one_gets_prices() {
    let hermes = local_hermes().await;
    hermes.require_token(Some("s3cret"));
    let mut without = watch(settings(vec![hermes.base_url()]), clock());
    let error = without.down().await;
    assert_eq!(error, format!("{} refused the token (401): set HERMES_TOKEN", address(&hermes)));
    let mut settings = settings(vec![hermes.base_url()]);
    settings.token = Some("s3cret".to_owned().into());
    watch(settings, clock()).priced(43).await;
}

#[tokio::test]
async fn the_local_hermes_refuses_in_the_real_ones_words() {
    let hermes = local_hermes().await;
    publish_sol(&hermes, "150", 0);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().build().unwrap();
    let ask = async |path: &str| {
        let reply = client.get(format!("{}v2/updates/price/{path}", hermes.base_url())).send().await.unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap())
    };
    let missing = "ab".repeat(32);
    assert_eq!(
        ask(&format!("latest?ids[]={missing}&ids[]={SOL}")).await,
        (404, format!("Price ids not found: {missing}"))
    );
    assert_eq!(ask("latest?ids[]=zz").await.0, 400);
    assert_eq!(ask("latest").await.0, 400);
    assert_eq!(ask(&format!("1000?ids[]={SOL}")).await, (404, "Update data not found".to_owned()));
    let lenient = ask(&format!("latest?ids[]={missing}&ids[]={SOL}&ignore_invalid_price_ids=true&parsed=false")).await;
    assert!(lenient.0 == 200 && lenient.1.contains("\"binary\"") && !lenient.1.contains("parsed"), "{lenient:?}");
}

#[tokio::test]
async fn parts_of_the_feeds_are_followed_and_may_change_while_it_runs() {
    let local = local_hermes().await;
    let shards = Shards::new(4, &[], &[]);
    let sol = SOL.parse().unwrap();
    let with_sol = shards.parts(&shards.of_feed(&sol).into_iter().collect());
    let without: BTreeSet<_> =
        shards.all().iter().filter(|shard| Some(*shard) != shards.of_feed(&sol).as_ref()).cloned().collect();
    let without = shards.parts(&without);
    let (tell, parts) = tokio::sync::watch::channel(Parts::none());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (out, inbox) = mpsc::channel(4096);
    let (counters, cancel) = (Arc::new(Counters::default()), CancellationToken::new());
    let hermes = Hermes::new(settings(vec![local.base_url()]), clock(), 1, counters.clone()).unwrap();
    tokio::spawn(hermes.run_parts(out, parts, cancel.clone()));
    let mut watch = Watch { inbox, counters, _stop: cancel.drop_guard() };
    let catalogue = |seen| match seen {
        Observation::Catalogue { feeds, .. } => Some(feeds.len()),
        _ => None,
    };
    let nothing = tokio::time::timeout(Duration::from_millis(300), watch.inbox.recv()).await;
    assert!(nothing.is_err(), "without a part nobody is asked: {nothing:?}");

    tell.send_replace(with_sol.clone());
    let whole = watch.until(catalogue).await;
    assert!(whole > 1, "the catalogue is passed on whole");
    publish_sol(&local, "150", 5);
    watch.sol("150").await;

    tell.send_replace(without);
    assert_eq!(watch.until(catalogue).await, whole);
    watch.up().await;
    publish_sol(&local, "151", 10);
    let seen = tokio::time::timeout(Duration::from_millis(500), watch.sol("151")).await;
    assert!(seen.is_err(), "it is of a part that went");

    tell.send_replace(with_sol);
    watch.sol("151").await;
}
