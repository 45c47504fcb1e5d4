//! From a price to a message: 500 feeds stream, single ones slip, and then all of them fail together.

use std::time::Duration;

use tokio::runtime::Runtime;
use watchkeeper::config::Config;
use watchkeeper::core::decimal::Decimal;
use watchkeeper::core::route::Route;
use watchkeeper::core::time::{Span, Timestamp};
use watchkeeper::sim::slack::Call;

use crate::bot::{Bot, processor_time};
use crate::world::{CHANNELS, World};
use crate::{spread, wait};

const FEEDS: usize = 500;
const SLIPS: usize = 100;
/// Within Slack's limits: an alert is a message and, over its life, about three edits, of which Slack takes 50 a minute.
const BETWEEN_SLIPS: Duration = Duration::from_millis(3500);
const STORMS: usize = 5;
const STORM_WAIT: Span = Span::from_secs(1);
/// Long enough to see a second message if there were one.
const STORM_WATCH: Duration = Duration::from_secs(12);

pub fn measure(runtime: &Runtime) {
    let world = World::open(runtime, FEEDS);
    let config = config(&world);
    let bot = Bot::spawn(&config);
    bot.ready();
    runtime.block_on(world.hermes.has_streams(1));
    stream(&bot);
    slips(&world);
    let memory = bot.memory();
    println!("{FEEDS} feeds streaming, after {SLIPS} alerts: {:.1} MB resident (peak {:.1})", memory.now, memory.peak);
    // What the slips began is over before the storm.
    wait(Duration::from_secs(65));
    for _ in 0..STORMS {
        storm(&world);
    }
    let memory = bot.memory();
    println!("{FEEDS} feeds streaming, after {STORMS} storms: {:.1} MB resident (peak {:.1})", memory.now, memory.peak);
}

/// A slip is its own message at once, in the channel of its feed's last digit; wide confidence is one message for all.
fn config(world: &World) -> Config {
    let mut config = world.config("alerts");
    config.sources = vec![world.source()];
    let at_once = Some(Span::from_secs(0));
    config.rules.price_jump.pending_for = at_once;
    config.rules.confidence_wide.pending_for = at_once;
    config.rules.confidence_wide.keep_firing_for = at_once;
    config.alerting.flap.changes = 0;
    config.alerting.root.group_wait = Some(STORM_WAIT);
    let slip = |digit: usize| Route {
        matchers: vec![
            "alertname=\"FeedPriceJump\"".parse().unwrap(),
            format!("symbol=~\"Crypto.S...{digit}/USD\"").parse().unwrap(),
        ],
        receiver: Some(format!("bench-{digit}")),
        group_by: Some(vec!["alertname".to_owned(), "symbol".to_owned()]),
        group_wait: at_once,
        ..Route::default()
    };
    config.alerting.root.routes = (0..CHANNELS).map(slip).collect();
    config
}

fn stream(bot: &Bot) {
    let observed = || bot.metric("watchkeeper_observations_total");
    while observed() < FEEDS as u64 * 10 {
        wait(Duration::from_millis(200));
    }
    let (before, busy_before) = (observed(), processor_time(bot.id()));
    let length = Duration::from_mins(1);
    wait(length);
    let rate = (observed() - before) as f64 / length.as_secs_f64();
    let busy = (processor_time(bot.id()).saturating_sub(busy_before)).as_secs_f64() / length.as_secs_f64() * 100.0;
    let memory = bot.memory();
    println!(
        "{FEEDS} feeds streaming, {rate:.0} prices/s for {length:?}: {:.1} MB resident (peak {:.1}), {busy:.1} % of a core",
        memory.now, memory.peak
    );
}

/// A slip decides with the first price: what is measured is from before it is published to its message's arrival.
fn slips(world: &World) {
    let mut published = Vec::new();
    for number in 0..SLIPS {
        // Neighbours in time go to different channels.
        let short = format!("S{:04}/USD", number * 7 % FEEDS);
        let Decimal { mantissa, expo } = world.hermes.true_price(&short).unwrap();
        let conf = Decimal::new(mantissa / 1000, expo + 1);
        let now = world.clock.now();
        world.hermes.publish(&short, Decimal::new(mantissa, expo + 1), conf, now).unwrap();
        published.push((short, now));
        wait(BETWEEN_SLIPS);
    }
    wait(Duration::from_secs(5));
    let posts = posts(world);
    let of = |(short, at): &(String, Timestamp)| {
        let arrived = posts.iter().find(|post| post.at >= *at && said(post).contains(short.as_str()));
        arrived.map(|post| post.at.since(*at).as_secs_f64() * 1000.0)
    };
    let mut millis: Vec<f64> = published.iter().filter_map(of).collect();
    println!("price published -> chat.postMessage arrived: {}; {SLIPS} slips", spread("ms", &mut millis));
    assert_eq!(millis.len(), SLIPS, "a slip without a message");
}

fn storm(world: &World) {
    let began = world.clock.now();
    for number in 0..FEEDS {
        world.hermes.wide(&format!("S{number:04}/USD"), 100.0).unwrap();
    }
    world.hermes.step();
    wait(STORM_WATCH);
    let posts: Vec<Call> = posts(world).into_iter().filter(|post| post.at >= began).collect();
    let all = world.slack.calls("chat.postMessage").into_iter().filter(|call| call.at >= began).count();
    let edits = world.slack.calls("chat.update").into_iter().filter(|call| call.at >= began).count();
    let first = posts.first().unwrap();
    println!(
        "{FEEDS} feeds fail together: first message {} ms after the price that broke them ({STORM_WAIT} of it group_wait); \
         messages in {STORM_WATCH:?}: {}, notes in its thread: {}, edits: {edits}; it says: {}",
        first.at.since(began).as_millis(),
        posts.len(),
        all - posts.len(),
        said(first).lines().next().unwrap_or_default(),
    );
    world.hermes.heal_all();
    wait(Duration::from_secs(10));
}

/// Messages in channels: not those in threads, not those refused.
fn posts(world: &World) -> Vec<Call> {
    let calls = world.slack.calls("chat.postMessage").into_iter();
    calls
        .filter(|call| call.status == 200 && call.args.get("thread_ts").is_none_or(serde_json::Value::is_null))
        .collect()
}

fn said(call: &Call) -> &str {
    call.args["text"].as_str().unwrap_or_default()
}
