//! Slack in trouble for long: half an hour of 429 and 5xx, and a day away. What happened meanwhile is there soon after, as it
//! is by then, and not line by line.

use std::time::Duration;

use watchkeeper::config::Config;
use watchkeeper::sim::slack::{Failure, Faults, Workspace};
use watchkeeper::store::jobs;

use super::support::bot::ALERTS;
use super::support::wire::Wire;
use super::support::{Bot, databases};

const HALF_AN_HOUR: u64 = 1800;
/// How soon after the trouble everything has to be out.
const SOON: u64 = 60;

/// The feeds of the storm, by what becomes of them.
const SEIZED: &str = "Crypto.SEIZED/USD";
const OVER: &str = "Crypto.OVER/USD";
const SEIZED_AND_OVER: &str = "Crypto.BOTH/USD";
const BEGAN: &str = "Crypto.BEGAN/USD";
const BEGAN_AND_OVER: &str = "Crypto.GONE/USD";
const LATE: &str = "Crypto.LATE/USD";
const FEEDS: [&str; 6] = [SEIZED, OVER, SEIZED_AND_OVER, BEGAN, BEGAN_AND_OVER, LATE];
/// So many others are well: a source of which half is silent is another alert.
const WELL: usize = 12;

fn one_message_a_feed(config: &mut Config) {
    config.alerting.root.group_by = Some(vec!["alertname".to_owned(), "symbol".to_owned()]);
}

/// Calls fail in every way that a storm knows; now and then one takes effect all the same.
fn weather(faults: &mut Faults, random: &mut fastrand::Rng) {
    faults.clear_calls();
    for _ in 0..50 {
        let failure = match random.u32(0..20) {
            0..10 => Failure::RateLimited { retry_after: random.u64(1..=30) },
            19 => Failure::AcceptedThen(502),
            _ => Failure::Status([500, 502, 503][random.usize(0..3)]),
        };
        faults.next("*", 1, failure);
    }
}

/// The messages about a feed, as people read them.
fn about(bot: &Bot, symbol: &str) -> Vec<String> {
    let name = symbol.trim_start_matches("Crypto.");
    bot.alerts().into_iter().filter(|message| message.contains(name)).collect()
}

fn ts_about(bot: &Bot, symbol: &str) -> String {
    let name = symbol.trim_start_matches("Crypto.");
    let message = bot.posted().into_iter().find(|message| Workspace::render(message).contains(name)).unwrap();
    message["ts"].as_str().unwrap().to_owned()
}

/// The thread of the message about a feed, in order.
fn lines_about(bot: &Bot, symbol: &str) -> Vec<String> {
    bot.slack.thread(ALERTS, &ts_about(bot, symbol)).iter().skip(1).map(Workspace::render).collect()
}

async fn press(bot: &Bot, user: &str, symbol: &str, button: &str) {
    let pressed = bot.slack.click(user, ALERTS, &ts_about(bot, symbol), button).await;
    assert!(pressed.ok(), "{pressed:?}");
}

async fn command(bot: &Bot, user: &str, verb: &str, symbol: &str) {
    let shown = about(bot, symbol).concat();
    let number: String = shown.split_once("(#").unwrap().1.chars().take_while(char::is_ascii_digit).collect();
    let said = bot.type_in(user, &format!("/wk {verb} {number}")).await;
    assert!(said.contains(&format!("#{number}")), "{said}");
}

/// Time passes, five seconds at a time.
async fn pass(bot: &Bot, secs: u64) {
    for _ in 0..secs / 5 {
        bot.leap(Duration::from_secs(5)).await;
    }
}

/// After how many seconds nothing waits any more; never more than [`SOON`].
async fn drained(bot: &Bot) -> u64 {
    let mut depth = jobs::depth(&bot.flow.store).await.unwrap();
    for second in 1..=SOON {
        bot.advance(1).await;
        depth = jobs::depth(&bot.flow.store).await.unwrap();
        if depth.queued() == 0 {
            assert_eq!(depth.dead, 0, "given up");
            return second;
        }
    }
    panic!("after {SOON} s {depth:?} of {:#?}", bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_half_an_hour_of_429_and_5xx_every_message_is_there_once_and_as_new_as_can_be() {
    for database in databases() {
        let bot = Bot::with(database, |config| {
            one_message_a_feed(config);
            // This story follows each message by itself.
            config.slack.digest_after = 100;
        })
        .await;
        let well: Vec<String> = (0..WELL).map(|n| format!("Crypto.WELL{n}/USD")).collect();
        bot.feeds(&FEEDS.into_iter().chain(well.iter().map(String::as_str)).collect::<Vec<_>>()).await;
        bot.advance(150).await;
        for symbol in [SEIZED, OVER, SEIZED_AND_OVER] {
            bot.stop(symbol);
        }
        bot.advance(90).await;
        assert_eq!(bot.posted().len(), 3, "{:#?}", bot.alerts());

        let mut random = fastrand::Rng::with_seed(11);
        for second in (0..HALF_AN_HOUR).step_by(5) {
            bot.slack.faults(|faults| weather(faults, &mut random));
            match second {
                100 => [BEGAN, BEGAN_AND_OVER].iter().for_each(|symbol| bot.stop(symbol)),
                200 => press(&bot, "alice", SEIZED, "Acknowledge").await,
                300 => press(&bot, "bob", SEIZED_AND_OVER, "Acknowledge").await,
                600 => bot.go_on(OVER),
                // Its message may still show the other button.
                700 => command(&bot, "alice", "unack", SEIZED).await,
                900 => bot.go_on(SEIZED_AND_OVER),
                1000 => bot.go_on(BEGAN_AND_OVER),
                1300 => command(&bot, "bob", "ack", SEIZED).await,
                1700 => bot.stop(LATE),
                _ => {}
            }
            bot.leap(Duration::from_secs(5)).await;
        }
        let during = bot.slack.calls("chat.postMessage").len() + bot.slack.calls("chat.update").len();
        bot.slack.faults(Faults::clear_calls);
        let drained = drained(&bot).await;
        eprintln!(
            "{}: {during} posts and edits tried in the storm, all out {drained} s later",
            bot.flow.store.backend()
        );
        assert_eq!(bot.posted().len(), FEEDS.len(), "{:#?}", bot.alerts());
        for (symbol, now) in [
            (SEIZED, "Acknowledged"),
            (OVER, "Resolved"),
            (SEIZED_AND_OVER, "Resolved"),
            (BEGAN, "Firing"),
            (BEGAN_AND_OVER, "Resolved"),
            (LATE, "Firing"),
        ] {
            let shown = about(&bot, symbol);
            assert!(shown.len() == 1 && shown[0].contains(now), "{symbol} is not {now}: {shown:#?}");
        }
        for (symbol, told) in [
            (
                SEIZED,
                &["`U0ALICE` acknowledged", "`U0ALICE` took the acknowledgement back", "`U0BOB` acknowledged"][..],
            ),
            (OVER, &["Resolved"]),
            (SEIZED_AND_OVER, &["`U0BOB` acknowledged", "Resolved"]),
            (BEGAN, &[]),
            (BEGAN_AND_OVER, &["Resolved"]),
            (LATE, &[]),
        ] {
            let lines = lines_about(&bot, symbol);
            let wanted = [&["Opened", "Now *critical*"], told].concat();
            // Whether the late one is critical yet depends on how long the rest took to go out.
            let wanted = if symbol == LATE { &wanted[..lines.len()] } else { &wanted[..] };
            let in_order = lines.iter().zip(wanted).all(|(line, words)| line.contains(words));
            assert!(in_order && lines.len() == wanted.len(), "{symbol}: {lines:#?}, not {wanted:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_day_without_slack_what_holds_is_said_and_not_everything_that_happened() {
    for database in databases() {
        let wire = Wire::lay().await;
        let bot = Bot::with(database, |config| {
            one_message_a_feed(config);
            config.slack.api_url = wire.lead_to(&config.slack.api_url);
        })
        .await;
        let symbols: Vec<String> = (0..60).map(|n| format!("Crypto.D{n:02}/USD")).collect();
        bot.feeds(&symbols.iter().map(String::as_str).collect::<Vec<_>>()).await;
        bot.advance(150).await;
        bot.stop(SEIZED_BEFORE);
        bot.advance(90).await;
        assert_eq!(bot.posted().len(), 1, "{:#?}", bot.alerts());

        wire.refuse().await;
        let still = &symbols[1..4];
        let mut happened = 0;
        for hour in 0..24 {
            // Three stay away from the third hour on; each hour half a dozen others come and go.
            if hour == 3 {
                for symbol in still {
                    bot.stop(symbol);
                }
            }
            let passing = (0..6).map(|n| &symbols[4 + (hour * 6 + n) % 56]);
            passing.clone().for_each(|symbol| bot.stop(symbol));
            pass(&bot, 100).await;
            passing.for_each(|symbol| bot.go_on(symbol));
            happened += 6;
            if hour == 12 {
                bot.go_on(SEIZED_BEFORE);
            }
            pass(&bot, 60).await;
            bot.leap(Duration::from_secs(3440)).await;
        }
        assert_eq!(bot.posted().len(), 1, "Slack is away");
        let (posts, edits) = counts(&bot);
        wire.open().await;
        let drained = drained(&bot).await;
        let (posts, edits) = (counts(&bot).0 - posts, counts(&bot).1 - edits);
        eprintln!(
            "{}: {happened} alerts came and went; {posts} posts, {edits} edits, all out {drained} s after Slack was back",
            bot.flow.store.backend()
        );
        assert!(posts + edits <= 60, "{posts} posts and {edits} edits: {:#?}", bot.alerts());
        assert!(about(&bot, SEIZED_BEFORE)[0].contains("Resolved"), "{:#?}", about(&bot, SEIZED_BEFORE));
        for symbol in still {
            assert!(!about(&bot, symbol).is_empty(), "nobody was told of {symbol}: {:#?}", bot.alerts());
        }
    }
}

const SEIZED_BEFORE: &str = "Crypto.D00/USD";

/// Posts and edits that Slack took.
fn counts(bot: &Bot) -> (usize, usize) {
    let taken = |method| bot.slack.calls(method).iter().filter(|call| call.ok()).count();
    (taken("chat.postMessage"), taken("chat.update"))
}
