//! The watch divided among replicas: each thing is watched by one of them, said once, taken over and asked for everywhere.

use std::collections::BTreeSet;
use std::time::Duration;

use watchkeeper::clock::Clock;
use watchkeeper::config::Config;
use watchkeeper::config::sources::{HermesSource, Selection};
use watchkeeper::core::feed::{Observation, SourceStatus};
use watchkeeper::core::shard::Shards;
use watchkeeper::flow::Flow;
use watchkeeper::jobs;
use watchkeeper::store::signals;

use super::support::{Bot, Database, Replica};

mod clusters;
mod wallets;

const FEEDS: usize = 24;

fn symbols() -> Vec<String> {
    (0..FEEDS).map(|n| format!("Crypto.T{n:02}/USD")).collect()
}

/// The first process, and others beside it on one Postgres database. None: there is no server here.
struct Divided {
    bot: Bot,
    others: Vec<Replica>,
}

/// Divides what there is, with feeds or without.
fn divide(config: &mut Config, feeds: bool) {
    config.replicas.divide = true;
    config.replicas.feed_parts = 8;
    if feeds {
        // Stories tell the feeds by hand; that there are some is what counts.
        let endpoints = vec!["http://127.0.0.1:9".to_owned()];
        let (name, token_env) = ("hermes".to_owned(), "HERMES_TOKEN".to_owned());
        config.sources = vec![HermesSource { name, endpoints, token_env, feeds: Selection::default() }];
    }
}

/// They tell whoever asks what they watch, for as long as this is waited for.
async fn answering(flows: &[&Flow]) {
    loop {
        for flow in flows {
            flow.publish_views().await.unwrap();
        }
        tokio::task::yield_now().await;
    }
}

impl Divided {
    async fn start(others: usize) -> Option<Self> {
        let bot = Bot::with(Database::postgres()?, |config| divide(config, true)).await;
        let mut world = Self { bot, others: Vec::new() };
        for _ in 0..others {
            world.join().await;
        }
        let symbols = symbols();
        world.bot.feeds(&symbols.iter().map(String::as_str).collect::<Vec<_>>()).await;
        world.advance(150).await;
        Some(world)
    }

    async fn join(&mut self) {
        self.others.push(self.bot.replica().await.unwrap());
    }

    fn flows(&self) -> Vec<&Flow> {
        std::iter::once(&*self.bot.flow).chain(self.others.iter().map(|other| &*other.flow)).collect()
    }

    /// As [`Bot::advance`], on every replica.
    async fn advance(&self, secs: u64) {
        for _ in 0..secs {
            self.bot.clock.advance(Duration::from_secs(1));
            let (catalogue, prices) = (self.bot.listed(), self.bot.prices());
            for flow in self.flows() {
                let _lease = flow.keep_lease().await;
                let before = flow.shards().borrow().clone();
                flow.keep_shards().await.unwrap();
                // A source's client asks for the catalogue when its parts change.
                if *flow.shards().borrow() != before {
                    flow.observe(&catalogue).await;
                }
                flow.observe(&prices).await;
                flow.tick().await;
            }
            self.settle().await;
        }
    }

    async fn settle(&self) {
        let mut done = 1;
        while done > 0 {
            done = 0;
            for flow in self.flows() {
                done += flow.sweep().await.unwrap() + jobs::run_due(flow).await.unwrap();
            }
        }
    }

    /// Every replica's client of the source says so.
    async fn source(&self, status: &SourceStatus) {
        for flow in self.flows() {
            flow.observe(&[Observation::Source { source: "hermes".to_owned(), status: status.clone() }]).await;
        }
    }

    fn watched(flow: &Flow) -> BTreeSet<String> {
        flow.feeds().into_iter().map(|feed| feed.symbol).collect()
    }

    fn owner(&self, symbol: &str) -> usize {
        let owners: Vec<usize> =
            (0..self.flows().len()).filter(|nth| Self::watched(self.flows()[*nth]).contains(symbol)).collect();
        assert_eq!(owners.len(), 1, "{symbol} is watched by {owners:?}");
        owners[0]
    }

    /// A feed that the replica with this number watches.
    fn feed_of(&self, nth: usize) -> String {
        Self::watched(self.flows()[nth]).into_iter().next().unwrap()
    }

    fn assert_divided(&self) {
        for symbol in symbols() {
            self.owner(&symbol);
        }
        let parts: Vec<usize> = self.flows().iter().map(|flow| flow.shards().borrow().len()).collect();
        assert_eq!(parts.iter().sum::<usize>(), 8, "{parts:?}");
        assert!(parts.iter().max().unwrap() - parts.iter().min().unwrap() <= 1, "{parts:?}");
    }

    /// The last replica dies without a word.
    fn kill(&mut self) {
        self.others.pop().unwrap();
    }

    /// Messages about a feed, as people read them.
    fn about(&self, symbol: &str) -> Vec<String> {
        let short = symbol.trim_start_matches("Crypto.");
        self.bot.alerts().into_iter().filter(|message| message.contains(short)).collect()
    }

    /// While somebody asks the replica with this number, the others answer it.
    async fn ask(&self, nth: usize, line: &str) -> String {
        let asked = async {
            let address = if nth == 0 { self.bot.address } else { self.others[nth - 1].address };
            self.bot.ask_at(address, "alice", line).await
        };
        let flows = self.flows();
        tokio::select! { answer = asked => answer, () = answering(&flows) => unreachable!() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_are_divided_between_two_and_each_alerts_once_through_the_one_that_decides() {
    let Some(world) = Divided::start(1).await else { return };
    world.assert_divided();
    let counts: Vec<usize> = world.flows().iter().map(|flow| flow.feeds().len()).collect();
    assert!(counts.iter().all(|count| *count < FEEDS && *count > 0), "{counts:?}");
    assert!(world.bot.flow.lease().is_some() && world.others[0].flow.lease().is_none());
    let (own, others) = (world.feed_of(0), world.feed_of(1));
    world.bot.stop(&own);
    world.bot.stop(&others);
    world.advance(180).await;
    for symbol in [&own, &others] {
        assert_eq!(world.about(symbol).len(), 1, "{symbol}: {:#?}", world.bot.alerts());
    }
    world.bot.heal();
    world.advance(240).await;
    assert_eq!(signals::count(&world.bot.flow.store).await.unwrap(), 0, "what was decided left the mailbox");
    for message in world.bot.alerts() {
        assert!(message.to_lowercase().contains("resolved"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watched_a_feed_in_trouble_dies_and_its_alert_goes_on_and_ends() {
    let Some(mut world) = Divided::start(1).await else { return };
    let symbol = world.feed_of(1);
    world.bot.stop(&symbol);
    world.advance(180).await;
    assert_eq!(world.about(&symbol).len(), 1);
    world.kill();
    let since = world.bot.clock.now();
    while !Divided::watched(&world.bot.flow).contains(&symbol) {
        world.advance(1).await;
        assert!(world.bot.clock.now().since(since) <= Duration::from_secs(10), "nobody takes its feeds over");
    }
    world.advance(60).await;
    assert_eq!(Divided::watched(&world.bot.flow).len(), FEEDS);
    let told = world.about(&symbol);
    assert!(told.len() == 1 && !told[0].to_lowercase().contains("resolved"), "it is silent still: {told:#?}");
    world.bot.go_on(&symbol);
    world.advance(240).await;
    let told = world.about(&symbol);
    assert!(told.len() == 1 && told[0].to_lowercase().contains("resolved"), "{told:#?}");
    assert_eq!(world.bot.posted().len(), 1, "nothing else was said: {:#?}", world.bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_down_is_said_once_though_who_speaks_of_it_goes() {
    let Some(world) = Divided::start(1).await else { return };
    let says = |flow: &&Flow| {
        let source = flow.divides().and_then(Shards::of_sources).unwrap();
        flow.shards().borrow().contains(&source)
    };
    let since = world.bot.clock.now();
    let down = SourceStatus::Down { since, error: "connection refused".to_owned() };
    world.bot.stop_all();
    world.source(&down).await;
    world.advance(90).await;
    let told = world.bot.alerts();
    assert!(told.len() == 1 && told[0].contains("hermes"), "{told:#?}");

    let before = world.flows().into_iter().find(says).unwrap();
    before.release_shards().await;
    world.source(&down).await;
    world.advance(30).await;
    let now = world.flows().into_iter().find(says).unwrap();
    assert!(!std::ptr::eq(before, now), "it was taken over");
    let told = world.bot.alerts();
    assert!(told.len() == 1 && !told[0].contains("Resolved"), "{told:#?}");

    world.bot.heal();
    world.source(&SourceStatus::Up { since: world.bot.clock.now(), endpoint: "local".to_owned() }).await;
    world.advance(300).await;
    let told = world.bot.alerts();
    assert!(told.len() == 1 && told[0].contains("Resolved"), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_join_and_leave_and_nothing_false_or_twice_is_said() {
    let Some(mut world) = Divided::start(1).await else { return };
    let stopped = [world.feed_of(0), world.feed_of(1)];
    for symbol in &stopped {
        world.bot.stop(symbol);
    }
    world.advance(180).await;
    world.join().await;
    world.advance(5).await;
    world.assert_divided();
    world.advance(120).await;
    // In order: its share is free at once.
    world.others[0].flow.release_shards().await;
    world.others.remove(0);
    world.advance(3).await;
    world.assert_divided();
    world.advance(120).await;
    // Both are stale, so they are one group.
    let told = world.bot.alerts();
    assert!(told.len() == 1 && stopped.iter().all(|symbol| world.about(symbol).len() == 1), "{told:#?}");
    assert!(!told[0].to_lowercase().contains("resolved"), "{told:#?}");
    world.bot.heal();
    world.advance(240).await;
    let told = world.bot.alerts();
    assert!(told.len() == 1 && told[0].to_lowercase().contains("resolved"), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_decides_dies_between_the_mailbox_and_the_decision_and_it_is_said_once() {
    let Some(world) = Divided::start(2).await else { return };
    let symbol = world.feed_of(1);
    world.bot.stop(&symbol);
    // The first process, which decides, is gone from here on; nobody has the lease yet.
    let watcher = &world.others[0].flow;
    let mut posted = 0;
    for _ in 0..180 {
        world.bot.clock.advance(Duration::from_secs(1));
        let prices = world.bot.prices();
        for other in &world.others {
            other.flow.keep_shards().await.unwrap();
            other.flow.observe(&prices).await;
            other.flow.tick().await;
        }
        posted = signals::count(&watcher.store).await.unwrap();
        if posted > 0 {
            break;
        }
    }
    assert_eq!(posted, 1, "the verdict waits");
    let mut successor = false;
    for _ in 0..240 {
        world.bot.clock.advance(Duration::from_secs(1));
        let prices = world.bot.prices();
        for other in &world.others {
            successor |= other.flow.keep_lease().await.unwrap();
            let before = other.flow.shards().borrow().clone();
            other.flow.keep_shards().await.unwrap();
            if *other.flow.shards().borrow() != before {
                other.flow.observe(&world.bot.listed()).await;
            }
            other.flow.observe(&prices).await;
            other.flow.tick().await;
            while other.flow.sweep().await.unwrap() + jobs::run_due(&other.flow).await.unwrap() > 0 {}
        }
    }
    assert!(successor);
    assert_eq!(world.about(&symbol).len(), 1, "{:#?}", world.bot.alerts());
    assert_eq!(world.bot.posted().len(), 1, "{:#?}", world.bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_alert_that_was_not_decided_yet_is_said_by_who_takes_its_feed_over() {
    let Some(mut world) = Divided::start(1).await else { return };
    let symbol = world.feed_of(1);
    world.bot.stop(&symbol);
    // It is found and posted, and its watcher dies before the one that decides looks.
    let watcher = std::sync::Arc::clone(&world.others[0].flow);
    while signals::count(&watcher.store).await.unwrap() == 0 {
        world.bot.clock.advance(Duration::from_secs(1));
        let prices = world.bot.prices();
        for flow in world.flows() {
            flow.keep_lease().await.unwrap();
            flow.keep_shards().await.unwrap();
            flow.observe(&prices).await;
        }
        watcher.tick().await;
    }
    world.kill();
    world.bot.go_on(&symbol);
    world.advance(240).await;
    assert_eq!(Divided::watched(&world.bot.flow).len(), FEEDS);
    let open = world.bot.type_in("alice", "/wk status").await;
    world.settle().await;
    let told = world.bot.told("U0ALICE").remove(0);
    assert!(told.contains("no open alert"), "{open} {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_is_told_by_whoever_is_asked() {
    let Some(world) = Divided::start(1).await else { return };
    let (own, others) = (world.feed_of(0), world.feed_of(1));
    for (nth, symbol) in [(0, &own), (0, &others), (1, &own), (1, &others)] {
        let told = world.ask(nth, &format!("/wk feed {}", symbol.trim_start_matches("Crypto."))).await;
        assert!(told.contains("*Price* *100"), "asked of {nth}: {told}");
        assert!(!told.contains("did not answer"), "{told}");
    }
    let listed = world.ask(1, "/wk feeds").await;
    assert!(listed.contains(&format!("{FEEDS}")), "{listed}");
    // What was told is looked at, never judged, and forgotten.
    let mine = |nth: usize| world.flows()[nth].feeds().len();
    assert_eq!(mine(0) + mine(1), FEEDS);
    world.advance(400).await;
    assert!(world.bot.posted().is_empty(), "{:#?}", world.bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_so_when_another_replica_does_not_tell() {
    let Some(world) = Divided::start(1).await else { return };
    let others = world.feed_of(1);
    let line = format!("/wk feed {}", others.trim_start_matches("Crypto."));
    let told = world.ask(0, &line).await;
    assert!(told.contains("*Price* *100"), "{told}");
    world.bot.clock.advance(Duration::from_secs(5));
    let told = world.bot.ask_at(world.bot.address, "alice", &line).await;
    assert!(told.contains("*Price* *100") && told.contains("did not answer in time"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_says_who_watches_what() {
    let Some(world) = Divided::start(1).await else { return };
    world.advance(1).await;
    let told = world.ask(0, "/wk status").await;
    assert!(told.contains("this process watches 4 of 8 parts of the feeds"), "{told}");
    assert!(told.contains(&world.others[0].flow.holder), "{told}");
    let metrics = world.bot.flow.metrics.text();
    assert!(metrics.contains("shards_held{kind=\"feeds\"} 4"), "{metrics}");
    assert!(metrics.contains("shards_unwatched 0"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_there_is_nobody_to_divide_with() {
    let bot = Bot::start().await;
    let mut config = bot.config.clone();
    config.replicas.divide = true;
    let elsewhere = Database::sqlite();
    config.database.url.clone_from(&elsewhere.url);
    let refused = bot.started_with(&config).await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused.contains("replicas.divide"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_it_every_replica_watches_everything() {
    let Some(database) = Database::postgres() else { return };
    let bot = Bot::on(database).await;
    let other = bot.replica().await.unwrap();
    other.flow.observe(&bot.listed()).await;
    for flow in [&bot.flow, &other.flow] {
        flow.keep_shards().await.unwrap();
        assert_eq!((flow.feeds().len(), flow.shards().borrow().len()), (3, 0));
        assert!(flow.divides().is_none());
    }
    assert_eq!(
        watchkeeper::store::shards::held(&bot.flow.store, Duration::from_secs(9), bot.clock.now()).await.unwrap().len(),
        1
    );
}
