//! Who decides, and what others may do meanwhile: a holder that cannot decide lets go, and nobody works from what was true before.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection as _;
use watchkeeper::clock::Clock;
use watchkeeper::config::Config;
use watchkeeper::core::alert::AlertState;
use watchkeeper::core::ids::JobId;
use watchkeeper::core::time::Timestamp;
use watchkeeper::jobs;
use watchkeeper::sim::slack::Failure;
use watchkeeper::store::jobs::{Dead, NewJob};
use watchkeeper::store::{Store, alerts, jobs as outbox};

use super::notified;
use super::support::{Bot, Database, Replica, databases};

/// As somebody with a database client does.
async fn sql(database: &Database, statement: &str) {
    let mut connection = sqlx::AnyConnection::connect(&database.url).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
}

/// A quarter of an hour, for Slack, with the first message of an alert.
async fn waiting(database: Database) -> (Bot, Replica) {
    let bot = Bot::on(database).await;
    let other = bot.replica().await.unwrap();
    bot.slack.faults(|faults| {
        faults.next("chat.postMessage", 1, Failure::RateLimited { retry_after: 900 });
    });
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    assert!(bot.posted().is_empty(), "it waits");
    (bot, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_waited_says_how_it_is_by_now_whichever_replica_posts_it() {
    if let Some(database) = Database::postgres() {
        let (bot, other) = waiting(database).await;
        // The other replica answers a question, and so knows the alert as it is now.
        let seen = bot.ask_at(other.address, "alice", "/wk alerts").await;
        assert!(seen.contains("SOL/USD"), "{seen}");
        bot.heal();
        bot.advance(180).await;
        assert!(bot.posted().is_empty(), "it still waits");
        bot.clock.advance(Duration::from_mins(15));
        while jobs::run_due(&other.flow).await.unwrap() > 0 {}
        let said = bot.alerts();
        assert!(said.len() == 1 && said[0].contains("Resolved"), "{said:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_critical_message_that_another_replica_posts_calls_people_all_the_same() {
    if let Some(database) = Database::postgres() {
        let (bot, other) = waiting(database).await;
        bot.advance(500).await;
        bot.clock.advance(Duration::from_mins(15));
        while jobs::run_due(&other.flow).await.unwrap() > 0 {}
        let posted = bot.slack.calls("chat.postMessage").into_iter().find(|call| call.status == 200).unwrap();
        assert!(posted.args.to_string().contains("<!here>"), "{}", posted.args);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_read_what_was_committed_leaves_the_lease_to_others() {
    if let Some(database) = Database::postgres() {
        let bot = Bot::on(database).await;
        bot.stop("Crypto.SOL/USD");
        bot.advance(90).await;
        let other = bot.replica().await.unwrap();
        // The holder died, and a version that cannot read its rows is the first to ask.
        bot.clock.advance(Duration::from_secs(10));
        sql(&bot.database, "UPDATE alerts SET body = '?' || body").await;
        assert!(other.flow.keep_lease().await.is_err());
        sql(&bot.database, "UPDATE alerts SET body = substr(body, 2)").await;
        assert!(!other.flow.keep_lease().await.unwrap(), "it does not ask again at once");
        let third = bot.replica().await.unwrap();
        assert!(third.flow.keep_lease().await.unwrap(), "nobody has to wait for it");
        bot.clock.advance(Duration::from_secs(30));
        assert!(other.flow.keep_lease().await.unwrap(), "in the end it asks again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_longer_to_read_than_a_lease_lives_has_it_all_the_same() {
    if let Some(database) = Database::postgres() {
        let bot = Bot::on(database).await;
        let other = bot.replica().await.unwrap();
        bot.clock.advance(Duration::from_secs(1));
        let third = bot.replica().await.unwrap();
        bot.clock.advance(Duration::from_secs(10));
        // Nobody can read the alerts for now.
        let mut connection = sqlx::AnyConnection::connect(&bot.database.url).await.unwrap();
        let mut reading = connection.begin().await.unwrap();
        sqlx::query("LOCK TABLE alerts").execute(&mut *reading).await.unwrap();
        let flow = Arc::clone(&other.flow);
        let taking = tokio::spawn(async move { flow.keep_lease().await });
        for _ in 0..20 {
            let mut lives = async || {
                let select = sqlx::query_scalar("SELECT expires_at FROM leases WHERE name = 'engine'");
                let ends: i64 = select.fetch_one(&mut *reading).await.unwrap();
                ends - bot.clock.now().as_millis()
            };
            while lives().await < 2000 {
                assert!(!taking.is_finished(), "it was not renewed");
            }
            assert!(!third.flow.keep_lease().await.unwrap());
            bot.clock.advance(Duration::from_secs(1));
        }
        assert!(!taking.is_finished());
        reading.rollback().await.unwrap();
        assert!(taking.await.unwrap().unwrap() && other.flow.lease().is_some());
        assert!(!third.flow.keep_lease().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_no_longer_looks_at_the_time_lets_go() {
    for database in databases() {
        let bot = Bot::on(database).await;
        bot.flow.looked();
        for _ in 0..19 {
            bot.clock.advance(Duration::from_secs(3));
            assert!(bot.flow.keep_lease().await.unwrap());
        }
        assert!(bot.flow.is_led().await.unwrap());
        bot.clock.advance(Duration::from_secs(3));
        assert!(!bot.flow.keep_lease().await.unwrap());
        assert!(bot.flow.lease().is_none() && !bot.flow.is_led().await.unwrap(), "another replica may have it");
        bot.clock.advance(Duration::from_secs(20));
        assert!(bot.flow.keep_lease().await.unwrap(), "where there is no other, it tries again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_clock_ahead_put_off_is_not_late_under_its_successor() {
    if let Some(database) = Database::postgres() {
        let bot = Bot::on(database).await;
        let at = bot.clock.now();
        queue(&bot.flow.store, "effect", at.plus(Duration::from_hours(1))).await;
        // A process whose clock is an hour ahead claimed another, and died.
        queue(&bot.flow.store, "claimed", at).await;
        let ahead = at.plus(Duration::from_hours(1));
        outbox::claim(&bot.flow.store, "gone", ahead, Duration::from_secs(45), 1).await.unwrap();
        let other = bot.replica().await.unwrap();
        bot.flow.release_lease().await;
        assert!(other.flow.keep_lease().await.unwrap());
        bot.clock.advance(Duration::from_secs(61));
        let claimed = outbox::claim(&bot.flow.store, "w", bot.clock.now(), Duration::from_secs(45), 9).await.unwrap();
        assert_eq!(claimed.len(), 2, "{claimed:#?}");
    }
}

async fn queue(store: &Store, id: &str, not_before: Timestamp) {
    let job = NewJob {
        id: JobId::new(id),
        lane: id.to_owned(),
        priority: 0,
        kind: "hologram".to_owned(),
        payload: r#"{"hologram":{}}"#.to_owned(),
        not_before,
        coalesce: None,
        thread: None,
        created_at: not_before,
    };
    let mut tx = store.begin().await.unwrap();
    outbox::enqueue(&mut tx, &job).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_of_a_newer_version_waits_for_a_replica_that_knows_it() {
    for database in databases() {
        let bot = Bot::on(database).await;
        queue(&bot.flow.store, "1", bot.clock.now()).await;
        let dead = async || outbox::dead(&bot.flow.store, 9).await.unwrap();
        for _ in 0..10 {
            bot.advance(60).await;
            assert!(dead().await.is_empty(), "perhaps a newer one is starting");
        }
        bot.advance(400).await;
        let given_up: Vec<Dead> = dead().await;
        assert_eq!(given_up.len(), 1, "nobody knows it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_whose_source_was_taken_out_of_the_configuration_ends() {
    for database in databases() {
        let change = |config: &mut Config| config.prometheus.alertmanagers = vec![notified::sender(None)];
        let mut bot = Bot::with(database, change).await;
        let news = notified::notification(&[notified::alert("firing", "publisher-0", "2026-11-24T12:00:00Z")]);
        assert_eq!(notified::post_at(bot.address, "cluster-a", "AM_TOKEN", news.to_string()).await, 200);
        bot.advance(15).await;
        bot.flow.end_silent().await;
        bot.advance(5).await;
        assert!(bot.alerts()[0].contains("Firing"), "{:#?}", bot.alerts());
        bot.config.prometheus.alertmanagers.clear();
        let bot = bot.restart().await;
        // Until the lease of the one before has run out.
        bot.advance(10).await;
        bot.flow.end_silent().await;
        bot.advance(5).await;
        assert!(bot.alerts()[0].contains("Resolved"), "{:#?}", bot.alerts());
    }
}

/// Nothing is configured by the name of what the feeds of these stories come from.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_of_a_feed_whose_source_is_gone_ends_too() {
    let bot = Bot::on(Database::sqlite()).await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    bot.flow.end_silent().await;
    let known = alerts::load(&bot.flow.store).await.unwrap().alerts;
    let ends = |state: &AlertState| matches!(state, AlertState::Firing { clearing_since: Some(_), .. });
    assert!(known.len() == 1 && ends(&known[0].state), "{known:#?}");
}
