//! The machine's clock is set by an hour, forwards and back: nothing revives, nothing storms, and nobody waits for the clock to
//! catch up.

use std::time::Duration;

use watchkeeper::clock::Clock;
use watchkeeper::sim::slack::deliver::Kind;

use super::actions_adversarial::{APPROVE, HOME, click, send_to, value};
use super::support::acting::Acting;
use super::support::{Bot, Database, databases};

const HOUR: Duration = Duration::from_hours(1);
const FEEDS: usize = 100;

fn back(bot: &Bot) {
    bot.clock.set(bot.clock.now().minus(HOUR));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_feeds_make_no_alert_of_an_hour_forwards_or_back() {
    for database in databases() {
        let bot = Bot::on(database).await;
        let symbols: Vec<String> = (0..FEEDS).map(|n| format!("Crypto.T{n}/USD")).collect();
        bot.feeds(&symbols.iter().map(String::as_str).collect::<Vec<_>>()).await;
        bot.advance(150).await;
        for forwards in [true, false, true, true, false, false] {
            if forwards {
                bot.clock.advance(HOUR);
            } else {
                back(&bot);
            }
            // Before any price comes in.
            bot.flow.tick().await;
            bot.advance(90).await;
            assert!(bot.posted().is_empty(), "forwards: {forwards}: {:#?}", bot.alerts());
        }
        bot.stop(&symbols[0]);
        bot.advance(90).await;
        assert_eq!(bot.posted().len(), 1, "and it still watches: {:#?}", bot.alerts());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_ends_at_the_time_it_was_made_for_however_the_clock_got_there() {
    let bot = Bot::start().await;
    bot.type_in("alice", "/wk silence SOL/USD 30m maintenance").await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(120).await;
    back(&bot);
    bot.advance(40 * 60).await;
    let told = |bot: &Bot| bot.alerts().into_iter().any(|message| message.contains("no new price"));
    assert!(!told(&bot), "an hour back, its end is an hour farther away: {:#?}", bot.alerts());
    bot.clock.advance(HOUR);
    bot.advance(120).await;
    assert!(told(&bot), "its end has passed: {:#?}", bot.alerts());
    let said = bot.type_in("alice", "/wk silences").await;
    assert!(said.contains("Nothing is silenced"), "{said}");
}

async fn approve(acting: &Acting, number: u64, nth: u32) {
    let card = acting.card(number);
    let approve = value(&card, APPROVE);
    press(acting, &card["ts"], &approve, nth).await;
}

async fn press(acting: &Acting, ts: &serde_json::Value, approve: &str, nth: u32) {
    let pressed = click(acting, ("U0BOB", HOME), ts, (APPROVE, approve), nth);
    let request = acting.bot.slack.signed_request(Kind::Interaction, &pressed, acting.bot.clock.now().as_secs());
    assert_eq!(send_to(acting.bot.address, &request).await, 200);
    acting.bot.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expired_does_not_revive_when_the_clock_goes_back() {
    for database in databases() {
        let acting = Acting::with(database, |_| {}).await;
        acting.ask("alice", "scale price-pusher-evm 5").await;
        let card = acting.card(1);
        let button = value(&card, APPROVE);
        acting.pass(2 * 3600).await;
        assert_eq!(acting.state(1).await, "expired");
        back(&acting.bot);
        back(&acting.bot);
        acting.pass(1).await;
        press(&acting, &card["ts"], &button, 1).await;
        acting.act().await;
        assert_eq!((acting.writes(), acting.state(1).await), (0, "expired"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_was_not_carried_out_in_time_is_not_carried_out_when_the_clock_goes_back() {
    for database in databases() {
        let acting = Acting::with(database, |_| {}).await;
        acting.ask("alice", "scale price-pusher-evm 5").await;
        approve(&acting, 1, 1).await;
        assert_eq!(acting.state(1).await, "approved");
        // Nobody drove it meanwhile.
        acting.bot.clock.advance(HOUR);
        acting.bot.lead().await;
        acting.act().await;
        let state = acting.state(1).await;
        assert_eq!(acting.writes(), 0, "an approval of an hour ago: {state}");
        back(&acting.bot);
        acting.pass(1).await;
        assert_eq!((acting.writes(), acting.state(1).await), (0, state));

        // One that waits while the clock goes back is not lost.
        acting.ask("alice", "restart price-pusher-evm").await;
        back(&acting.bot);
        acting.pass(1).await;
        approve(&acting, 2, 2).await;
        acting.act().await;
        assert_eq!((acting.writes(), acting.state(2).await), (1, "succeeded"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_does_not_wait_an_hour_for_the_lease_of_one_who_died_when_the_clock_went_back() {
    for database in databases() {
        let bot = Bot::on(database).await;
        // It dies before it renews: its lease says an hour from now.
        back(&bot);
        let bot = bot.restart().await;
        bot.advance(30).await;
        assert!(bot.flow.lease().is_some(), "nobody decides");
        bot.stop("Crypto.SOL/USD");
        bot.advance(240).await;
        assert_eq!(bot.posted().len(), 1, "{:#?}", bot.alerts());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_one_decides_whatever_the_clock_does() {
    if let Some(database) = Database::postgres() {
        let bot = Bot::on(database).await;
        let other = bot.replica().await.unwrap();
        let mut random = fastrand::Rng::with_seed(9);
        for round in 0..40 {
            match random.u8(0..3) {
                0 => bot.clock.advance(HOUR),
                1 => back(&bot),
                _ => bot.clock.advance(Duration::from_secs(10)),
            }
            for _ in 0..12 {
                bot.clock.advance(Duration::from_secs(1));
                let (mine, theirs) = (bot.flow.keep_lease().await.unwrap(), other.flow.keep_lease().await.unwrap());
                assert!(!(mine && theirs), "round {round}: both hold it");
            }
            let held = [&bot.flow, &other.flow].into_iter().filter(|flow| flow.lease().is_some()).count();
            assert_eq!(held, 1, "round {round}");
        }
    }
}
