//! As much noise as there is trouble: storms, outages, silences, floods.

use std::time::Duration;

use watchkeeper::clock::Clock;

use super::support::Bot;

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_feeds_failing_together_are_one_message() {
    let bot = Bot::start().await;
    let symbols: Vec<String> = (0..500).map(|n| format!("Crypto.T{n}/USD")).collect();
    bot.feeds(&symbols.iter().map(String::as_str).collect::<Vec<_>>()).await;
    bot.advance(150).await;
    // All but a few: a source of which everything is silent is another alert.
    for symbol in &symbols[..240] {
        bot.stop(symbol);
    }
    bot.advance(60).await;
    assert_eq!(bot.posted().len(), 1, "{:#?}", bot.alerts());
    assert!(bot.alerts()[0].contains("240"), "{}", bot.alerts()[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_outage_is_one_alert_and_not_one_for_each_feed() {
    let bot = Bot::start().await;
    bot.stop_all();
    bot.source_down().await;
    bot.advance(240).await;
    assert_eq!(bot.posted().len(), 1, "{:#?}", bot.alerts());
    insta::assert_snapshot!("outage", bot.alerts()[0]);
    bot.heal();
    bot.restore().await;
    bot.advance(180).await;
    assert_eq!(bot.posted().len(), 1, "{:#?}", bot.alerts());
    assert!(bot.alerts()[0].contains("Resolved"), "{}", bot.alerts()[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_keeps_quiet_until_its_end_and_says_so_before() {
    let bot = Bot::start().await;
    let made = bot.type_in("alice", "/wk silence SOL/USD 20m maintenance").await;
    assert!(made.contains("Silence 1 holds"), "{made}");
    bot.stop("Crypto.SOL/USD");
    bot.advance(300).await;
    assert!(bot.posted().is_empty(), "{:#?}", bot.alerts());
    bot.advance(14 * 60).await;
    assert!(bot.alerts().join("\n").contains("ends in"), "{:#?}", bot.alerts());
    bot.advance(2 * 60).await;
    assert!(bot.alerts().join("\n").contains("no new price"), "{:#?}", bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_groups_becomes_a_digest_and_a_critical_does_not_wait_behind_it() {
    let one_per_feed = |config: &mut watchkeeper::config::Config| {
        config.alerting.root.group_by = Some(vec!["alertname".to_owned(), "symbol".to_owned()]);
    };
    let bot = Bot::with(super::support::Database::sqlite(), one_per_feed).await;
    let symbols: Vec<String> = (0..80).map(|n| format!("Crypto.T{n}/USD")).collect();
    bot.feeds(&symbols.iter().map(String::as_str).collect::<Vec<_>>()).await;
    bot.advance(150).await;
    for symbol in &symbols[..35] {
        bot.stop(symbol);
    }
    bot.advance(90).await;
    let posted = bot.alerts();
    assert!(posted.len() <= 12, "{} messages", posted.len());
    assert!(posted.iter().any(|message| message.contains("at once")), "{posted:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_neither_storms_nor_stalls() {
    let bot = Bot::start().await;
    bot.clock.advance(Duration::from_hours(1));
    bot.flow.tick().await;
    bot.advance(60).await;
    assert!(bot.posted().is_empty(), "an hour forward is no outage: {:#?}", bot.alerts());
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    assert_eq!(bot.posted().len(), 1);
    bot.clock.set(bot.clock.now().minus(Duration::from_hours(1)));
    bot.advance(180).await;
    // Ages cannot be known across the step, so the alert may end and begin once; it must be there again, and once only.
    let alerts = bot.alerts();
    assert!(alerts.len() <= 2 && alerts.last().unwrap().contains("Firing"), "{alerts:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_on_severity_takes_what_turns_critical() {
    let pager = |config: &mut watchkeeper::config::Config| {
        let mut second = config.receivers[0].clone();
        second.name = "pager".to_owned();
        second.channel = watchkeeper::core::ids::ChannelId::new("C0OPS");
        config.receivers.push(second);
        config.alerting.root.routes = vec![watchkeeper::core::route::Route {
            matchers: vec!["severity=critical".parse().unwrap()],
            receiver: Some("pager".to_owned()),
            ..Default::default()
        }];
    };
    let bot = Bot::with(super::support::Database::sqlite(), pager).await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    assert!(bot.slack.messages("ops").is_empty(), "a warning does not page");
    bot.advance(90).await;
    assert_eq!(
        bot.slack.messages("ops").iter().filter(|m| m["thread_ts"].is_null() || m["thread_ts"] == m["ts"]).count(),
        1
    );
}
