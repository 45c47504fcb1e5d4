use std::time::Duration;

use proptest::prelude::*;

use super::testing::{SOURCE, active, catalogue, feed, price, quote};
use super::*;
use crate::core::decimal::Decimal;
use crate::core::feed::SourceStatus;
use crate::core::market::MarketHours;

/// A watch over some feeds of one source, and all it said.
struct World {
    watch: Watch,
    feeds: Vec<Feed>,
    now: Timestamp,
    said: Vec<Signal>,
}

impl World {
    fn with(feeds: Vec<Feed>) -> Self {
        let now = Timestamp::from_secs(1_796_000_000);
        let mut world = Self { watch: Watch::new(Rules::default()), feeds, now, said: Vec::new() };
        world.see(&catalogue(&world.feeds.clone()));
        world
    }

    /// Three crypto feeds that have published once a second for five minutes.
    fn warm() -> Self {
        let mut world =
            Self::with(["Crypto.SOL/USD", "Crypto.BTC/USD", "Crypto.ETH/USD"].map(|s| feed(s, "crypto")).into());
        world.run(300, &[0, 1, 2]);
        assert_eq!(world.said, []);
        world
    }

    fn see(&mut self, observation: &Observation) {
        let said = self.watch.handle(observation, self.now);
        self.said.extend(said);
    }

    /// Seconds pass; the feeds named publish in each.
    fn run(&mut self, secs: u32, publishing: &[usize]) {
        for _ in 0..secs {
            self.now = self.now.plus(Duration::from_secs(1));
            for index in publishing {
                self.publish(*index, "143.2");
            }
            let said = self.watch.tick(self.now);
            self.said.extend(said);
        }
    }

    fn publish(&mut self, index: usize, value: &str) {
        let observation = price(self.feeds[index].id, value.parse().unwrap(), self.now);
        self.see(&observation);
    }

    fn reference(&mut self, venue: &str, value: &str) {
        let observation = Observation::Reference(quote(self.feeds[0].id, venue, value.parse().unwrap(), self.now));
        self.see(&observation);
    }

    fn status(&mut self, status: SourceStatus) {
        self.see(&Observation::Source { source: SOURCE.to_owned(), status });
    }

    /// What was said since the last call: alertname and severity, or `-` for an end.
    fn news(&mut self) -> Vec<(String, &'static str)> {
        let said = std::mem::take(&mut self.said);
        let mut news: Vec<_> = said
            .iter()
            .map(|signal| {
                let word = match signal.condition {
                    Condition::Active(_) => signal.severity.as_str(),
                    Condition::Inactive => "-",
                };
                (signal.labels.get(ALERTNAME).unwrap_or_default().to_owned(), word)
            })
            .collect();
        news.dedup();
        news
    }
}

fn news(pairs: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    pairs.iter().map(|(name, word)| ((*name).to_owned(), *word)).collect()
}

#[test]
fn a_feed_that_stops_is_stale_by_its_own_rhythm_then_critical_then_well_again() {
    let mut world = World::warm();
    world.run(29, &[1, 2]);
    assert_eq!(world.news(), []);
    world.run(1, &[1, 2]);
    let evidence = active(&world.said, "FeedStale").unwrap();
    assert_eq!(evidence.summary, "SOL/USD has had no new price for 30 s");
    assert_eq!(evidence.threshold, "30 s (usually within 1 s)");
    world.run(90, &[1, 2]);
    world.run(1, &[0, 1, 2]);
    assert_eq!(world.news(), news(&[("FeedStale", "warning"), ("FeedStale", "critical"), ("FeedStale", "-")]));
}

#[test]
fn an_alert_keeps_its_labels_when_it_turns_critical() {
    let mut world = World::warm();
    world.run(130, &[1, 2]);
    let fingerprints: BTreeSet<_> = world.said.iter().map(|signal| signal.labels.fingerprint()).collect();
    let severities: BTreeSet<_> = world.said.iter().map(|signal| signal.severity).collect();
    assert_eq!((fingerprints.len(), severities.len()), (1, 2));
    let names: Vec<_> = world.said[0].labels.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["alertname", "asset_class", "feed", "source", "symbol"]);
}

#[test]
fn a_slow_feed_may_take_the_time_it_always_takes() {
    let mut world = World::warm();
    for _ in 0..70 {
        world.run(19, &[1, 2]);
        world.run(1, &[0, 1, 2]);
    }
    world.news();
    world.run(60, &[1, 2]);
    assert_eq!(world.news(), []);
    world.run(70, &[1, 2]);
    assert_eq!(world.news(), news(&[("FeedStale", "critical")]));
}

#[test]
fn a_total_outage_is_a_source_alert_before_any_feed_alert_can_fire() {
    let mut world = World::warm();
    let fires_at = |said: &[(Timestamp, Signal)], name: &str| {
        let first = said.iter().find(|(_, signal)| signal.labels.get(ALERTNAME) == Some(name));
        first.map(|(at, signal)| at.plus(signal.pending_for.duration())).unwrap()
    };
    let mut said = Vec::new();
    for _ in 0..60 {
        world.run(1, &[]);
        said.extend(world.said.drain(..).map(|signal| (world.now, signal)));
    }
    assert!(fires_at(&said, "FeedSourceDown") < fires_at(&said, "FeedStale"));
    let evidence = active(&[said[0].1.clone()], "FeedSourceDown").unwrap();
    assert_eq!(evidence.value, "3 of 3 feeds silent");
}

#[test]
fn the_default_inhibition_covers_the_feeds_of_the_same_source_and_not_the_source_itself() {
    let mut world = World::warm();
    world.run(60, &[]);
    let rules = default_inhibitions();
    assert_eq!(rules.len(), 1);
    for signal in &world.said {
        let is_source = signal.labels.get(ALERTNAME) == Some("FeedSourceDown");
        assert_eq!(rules[0].source_matchers.iter().all(|m| m.matches(&signal.labels)), is_source);
        assert_eq!(rules[0].target_matchers.iter().all(|m| m.matches(&signal.labels)), !is_source);
    }
}

#[test]
fn a_source_that_says_it_is_down_is_believed_at_once_and_up_again_when_it_delivers() {
    let mut world = World::warm();
    world.status(SourceStatus::Down { since: world.now, error: "connection refused".to_owned() });
    let evidence = active(&world.said, "FeedSourceDown").unwrap();
    assert_eq!(evidence.cause.as_deref(), Some("connection refused"));
    world.run(20, &[]);
    world.status(SourceStatus::Up { since: world.now, endpoint: "https://hermes".to_owned() });
    world.run(2, &[]);
    assert_eq!(world.news(), news(&[("FeedSourceDown", "critical")]));
    world.run(1, &[0, 1, 2]);
    assert_eq!(world.news(), news(&[("FeedSourceDown", "-")]));
    world.run(40, &[1, 2]);
    let cause = active(&world.said, "FeedStale").unwrap().cause.unwrap();
    assert!(cause.starts_with("source hermes reconnected "), "{cause}");
}

#[test]
fn wide_confidence_clears_only_well_below_its_limit() {
    let mut world = World::warm();
    for (conf, expected) in
        [(199, None), (200, Some("warning")), (170, None), (159, Some("-")), (10_000, Some("critical"))]
    {
        world.now = world.now.plus(Duration::from_secs(1));
        let update = PriceUpdate {
            feed: world.feeds[0].id,
            price: Decimal::new(10_000, 0),
            conf: Decimal::new(conf, 0),
            publish_time: world.now,
        };
        world.see(&Observation::Price { source: SOURCE.to_owned(), update });
        world.said.retain(|signal| signal.labels.get(ALERTNAME) == Some("FeedConfidenceWide"));
        let said = world.news().first().map(|(_, word)| *word);
        assert_eq!(said, expected, "{conf}");
    }
}

#[test]
fn a_decimal_slip_is_critical_with_its_first_price_and_says_what_venues_say() {
    let mut world = World::warm();
    for (venue, value) in [("coinbase", "143.21"), ("kraken", "143.19"), ("binance", "143.2")] {
        world.reference(venue, value);
    }
    world.now = world.now.plus(Duration::from_secs(1));
    world.publish(0, "14320");
    let said = active(&world.said, "FeedPriceJump").unwrap();
    assert_eq!(said.summary, "SOL/USD slipped x100: 143.2 -> 14320");
    assert_eq!(said.cause.as_deref(), Some("decimal slip (x100)"));
    let off = active(&world.said, "FeedDeviation").unwrap();
    assert_eq!(
        off.cause.as_deref(),
        Some("3 of 3 venues agree at 143.2: coinbase 143.21, kraken 143.19, binance 143.2")
    );
    assert!(world.said.iter().all(|signal| signal.severity == Severity::Critical));
}

#[test]
fn a_real_move_is_told_as_one_that_venues_went_along_with() {
    let mut world = World::warm();
    for venue in ["coinbase", "kraken", "binance"] {
        world.reference(venue, "161");
    }
    world.said.clear();
    world.now = world.now.plus(Duration::from_secs(1));
    world.publish(0, "161");
    let said = active(&world.said, "FeedPriceJump").unwrap();
    assert_eq!(said.summary, "SOL/USD jumped +12.43 %: 143.2 -> 161");
    assert_eq!(said.cause.as_deref(), Some("market moved: 3 of 3 venues agree at 161"));
}

#[test]
fn a_deviation_needs_three_venues_and_outlasts_a_pause_of_theirs() {
    let mut world = World::warm();
    world.reference("coinbase", "150");
    world.reference("kraken", "150");
    assert_eq!(world.news(), []);
    world.reference("binance", "150");
    assert_eq!(world.news(), news(&[("FeedDeviation", "critical")]));
    world.run(120, &[0, 1, 2]);
    assert!(!world.news().contains(&("FeedDeviation".to_owned(), "-")));
    world.run(300, &[0, 1, 2]);
    assert_eq!(world.news(), news(&[("FeedDeviation", "-")]));
}

fn nights(symbol: &str, class: &str, open: &str, close: &str) -> Feed {
    let week = [format!("{open}-{close}").as_str(); 7].join(",");
    let schedule = format!("UTC;{week};").parse().unwrap();
    Feed { hours: MarketHours::Schedule { schedule }, ..feed(symbol, class) }
}

#[test]
fn after_the_opening_a_gap_is_no_jump_and_silence_is_forgiven_for_the_grace() {
    // 2026-11-30T00:53:20Z; it opens ten minutes later.
    let mut world = World::with(vec![nights("Equity.US.AAPL/USD", "equity", "0103", "2000")]);
    world.publish(0, "100");
    world.run(580, &[]);
    world.run(1, &[]);
    world.publish(0, "140");
    world.run(119, &[]);
    assert_eq!(world.news(), []);
    world.run(301, &[]);
    let cause = active(&world.said, "FeedStale").unwrap().cause.unwrap();
    assert!(cause.starts_with("market opened 7 min"), "{cause}");
}

#[test]
fn a_market_that_closes_ends_its_alerts() {
    let mut world = World::with(vec![nights("Equity.US.AAPL/USD", "equity", "0000", "0103")]);
    world.publish(0, "100");
    world.run(570, &[]);
    assert_eq!(world.news(), news(&[("FeedStale", "critical")]));
    world.run(20, &[]);
    assert_eq!(world.news().last(), Some(&("FeedStale".to_owned(), "-")));
}

#[test]
fn hours_from_the_configuration_stand_in_for_the_catalogues() {
    let rules = serde_json::json!({
        "feeds": [{ "symbols": ["crypto.sol/*"], "thresholds": { "hours": "UTC;C,C,C,C,C,C,C;" } }],
    });
    let mut world = World::warm();
    world.watch.set_rules(serde_json::from_value(rules).unwrap(), world.now);
    world.run(300, &[1, 2]);
    assert_eq!(world.news(), []);
    assert!(!world.watch.find("sol")[0].market_open());
}

#[test]
fn an_old_price_of_the_first_snapshot_is_no_part_of_the_rhythm() {
    let mut world = World::with(vec![feed("Crypto.SOL/USD", "crypto")]);
    let old = PriceUpdate {
        feed: world.feeds[0].id,
        price: Decimal::new(1432, -1),
        conf: Decimal::new(1, -2),
        publish_time: world.now.minus(Duration::from_hours(40)),
    };
    world.see(&Observation::Price { source: SOURCE.to_owned(), update: old });
    world.run(70, &[0]);
    assert_eq!(world.watch.find("sol")[0].stale_limit(), Duration::from_secs(30));
}

#[test]
fn times_that_cannot_be_do_not_blind_the_watch() {
    let mut world = World::warm();
    let id = world.feeds[0].id;
    let at = |world: &World, publish_time| {
        let price = Decimal::new(1432, -1);
        let update = PriceUpdate { feed: id, price, conf: Decimal::new(1, -2), publish_time };
        (Observation::Price { source: SOURCE.to_owned(), update }, world.now)
    };
    // Far in the future, then normal again: taken. Back in time: not taken. The same once more: not taken.
    for publish_time in
        [Timestamp::from_secs(9_999_999_999), world.now, world.now.minus(Duration::from_secs(9)), world.now]
    {
        let (observation, now) = at(&world, publish_time);
        world.watch.handle(&observation, now);
    }
    assert_eq!(world.watch.feed(&id).unwrap().price().unwrap().publish_time, world.now);
    assert_eq!(world.watch.ignored()[&Ignored::OutOfOrder], 1);
    assert!(world.watch.ignored()[&Ignored::Duplicate] >= 1);
    // A stopped feed is stale although its last publish time lies in the future.
    let (observation, now) = at(&world, world.now.plus(Duration::from_hours(5)));
    world.watch.handle(&observation, now);
    world.run(31, &[1, 2]);
    assert_eq!(world.news(), news(&[("FeedStale", "warning")]));
}

#[test]
fn alerts_of_before_a_restart_go_on_or_end() {
    let mut world = World::warm();
    world.run(40, &[]);
    let open: Vec<_> = world.said.iter().map(|signal| (signal.labels.clone(), signal.severity)).collect();
    let names: BTreeSet<_> = open.iter().map(|(labels, _)| labels.fingerprint()).collect();
    let gone = open.iter().find(|(labels, _)| labels.get("symbol") == Some("Crypto.SOL/USD")).cloned().unwrap();
    let mut watch = Watch::new(Rules::default());
    watch.resume(open, world.now);
    let mut said = watch.handle(&catalogue(&world.feeds[1..]), world.now);
    assert_eq!(said.iter().map(|s| s.labels.clone()).collect::<BTreeSet<_>>(), [gone.0].into());
    for feed in &world.feeds[1..] {
        said.extend(watch.handle(&price(feed.id, Decimal::new(1432, -1), world.now), world.now));
    }
    said.extend(watch.tick(world.now));
    assert!(said.iter().all(|signal| signal.condition == Condition::Inactive));
    assert_eq!(said.iter().map(|signal| signal.labels.fingerprint()).collect::<BTreeSet<_>>(), names);
}

#[test]
fn alerts_that_are_taken_over_by_who_has_the_catalogue_already_end_too() {
    let mut world = World::warm();
    world.run(31, &[1, 2]);
    let open: Vec<_> = world.said.iter().map(|signal| (signal.labels.clone(), signal.severity)).collect();
    // It came up while the feed was silent, and has seen no price of it.
    let mut watch = Watch::new(Rules::default());
    assert_eq!(watch.handle(&catalogue(&world.feeds), world.now), []);
    watch.resume(open.clone(), world.now);
    assert_eq!(watch.tick(world.now), []);
    let said = watch.handle(&price(world.feeds[0].id, Decimal::new(1432, -1), world.now), world.now);
    let ended = said.into_iter().filter(|signal| signal.condition == Condition::Inactive).map(|signal| signal.labels);
    assert_eq!(ended.collect::<Vec<_>>(), [open[0].0.clone()]);
}

#[test]
fn a_feed_that_leaves_the_catalogue_or_a_rule_that_is_switched_off_ends_its_alerts() {
    let mut world = World::warm();
    world.run(31, &[2]);
    let rest = world.feeds[1..].to_vec();
    world.said.clear();
    world.see(&catalogue(&rest));
    assert_eq!(world.news(), news(&[("FeedStale", "-")]));
    let mut rules = Rules::default();
    rules.defaults.disabled = vec![RuleName::FeedStale];
    world.watch.set_rules(rules, world.now);
    world.run(1, &[2]);
    world.said.retain(|signal| signal.labels.get(ALERTNAME) == Some("FeedStale"));
    assert_eq!(world.news(), news(&[("FeedStale", "-")]));
    world.see(&catalogue(&[]));
    assert_eq!(world.watch.feeds().len(), 2);
}

#[test]
fn feeds_are_found_by_what_people_type() {
    let mut pairs: Vec<_> = ["Crypto.SOL/USD", "Crypto.SOL/BTC", "Crypto.MSOL/USD", "Crypto.BTC/USD"]
        .map(|symbol| feed(symbol, "crypto"))
        .into();
    pairs[3].description = "BITCOIN / US DOLLAR".to_owned();
    let world = World::with(pairs);
    let first = |text: &str| world.watch.find(text).first().map(|view| view.feed().symbol.clone()).unwrap_or_default();
    for (typed, symbol) in [
        ("sol", "Crypto.SOL/USD"),
        ("SOL/USD", "Crypto.SOL/USD"),
        ("crypto.sol/btc", "Crypto.SOL/BTC"),
        ("solusd", "Crypto.SOL/USD"),
        ("mso", "Crypto.MSOL/USD"),
        ("bitcoin", "Crypto.BTC/USD"),
        ("nothing", ""),
        ("", ""),
    ] {
        assert_eq!(first(typed), symbol, "{typed}");
    }
    let id = world.feeds[1].id.to_string();
    assert_eq!(world.watch.find(&format!("0x{}", id.to_uppercase()))[0].feed().symbol, "Crypto.SOL/BTC");
    assert_eq!(world.watch.find("sol").len(), 3);
}

#[test]
fn a_view_shows_the_price_its_age_and_the_last_hour() {
    let mut world = World::warm();
    world.run(45, &[1, 2]);
    let view = world.watch.feed(&world.feeds[0].id).unwrap();
    assert_eq!((view.age(world.now), view.is_stale(world.now)), (Some(Duration::from_secs(45)), true));
    assert_eq!(view.active().map(|it| it.rule).collect::<Vec<_>>(), [RuleName::FeedStale]);
    assert_eq!((view.confidence_bps(), view.source(), view.history().len()), (Some(0), SOURCE, 11));
    assert_eq!(view.history().last().unwrap().at, world.now.minus(Duration::from_secs(45)));
    let source = world.watch.sources().next().unwrap();
    assert_eq!((source.tally.feeds, source.tally.silent), (3, 1));
}

proptest! {
    #[test]
    fn a_closed_market_never_gives_a_signal(
        steps in proptest::collection::vec((0u64..4000, -5i64..1_000_000_000, 0i64..1_000_000_000, -20i32..5, -100i64..100), 1..60),
    ) {
        let closed = MarketHours::Catalogue { open: false, next_open: None, next_close: None };
        let mut world = World::with(vec![Feed { hours: closed, ..feed("Equity.US.AAPL/USD", "equity") }]);
        for (secs, price, conf, expo, skew) in steps {
            world.now = world.now.plus(Duration::from_secs(secs));
            let publish_time = Timestamp::from_secs(world.now.as_secs() + skew);
            let (price, conf) = (Decimal::new(price, expo), Decimal::new(conf, expo));
            let update = PriceUpdate { feed: world.feeds[0].id, price, conf, publish_time };
            world.see(&Observation::Price { source: SOURCE.to_owned(), update });
            for venue in ["a", "b", "c"] {
                world.reference(venue, "5");
            }
            world.run(1, &[]);
        }
        prop_assert_eq!(world.news(), []);
    }

    /// Whatever comes, in whatever order of times: no panic, and for each alert beginnings and ends alternate.
    #[test]
    fn every_end_had_a_beginning(
        steps in proptest::collection::vec((-100_000i64..100_000, 0usize..3, any::<i64>(), any::<i64>(), -30i32..10, any::<i64>()), 1..120),
    ) {
        let mut world = World::warm();
        let mut open = BTreeSet::new();
        for (millis, index, price, conf, expo, publish) in steps {
            world.now = Timestamp::from_millis(world.now.as_millis() + millis);
            let (price, conf) = (Decimal::new(price, expo), Decimal::new(conf, expo));
            let publish_time = if publish % 3 == 0 { Timestamp::from_millis(publish) } else { world.now };
            let update = PriceUpdate { feed: world.feeds[index].id, price, conf, publish_time };
            world.see(&Observation::Price { source: SOURCE.to_owned(), update });
            world.reference(["a", "b", "c", "d"][index], "143.2");
            world.run(1, &[]);
            for signal in world.said.drain(..) {
                let print = signal.labels.fingerprint();
                match signal.condition {
                    Condition::Active(evidence) => {
                        open.insert(print);
                        prop_assert!(evidence.summary.chars().count() < 160, "{}", evidence.summary);
                    }
                    Condition::Inactive => prop_assert!(open.remove(&print)),
                }
            }
        }
    }
}
