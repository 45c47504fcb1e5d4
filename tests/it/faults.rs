//! Slack and the database at their worst: nothing is lost, nothing is done twice, nothing is silent.

use std::time::Duration;

use watchkeeper::sim::slack::{Failure, Faults, Workspace};
use watchkeeper::store::jobs::dead;

use super::support::{Bot, databases};

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_429_and_5xx_delays_the_message_and_posts_it_once() {
    for database in databases() {
        let bot = Bot::on(database).await;
        bot.slack.faults(|faults| {
            faults.next("chat.postMessage", 3, Failure::RateLimited { retry_after: 20 });
            faults.next("chat.postMessage", 3, Failure::Status(503));
        });
        bot.stop("Crypto.SOL/USD");
        bot.advance(60).await;
        assert!(bot.posted().is_empty(), "{:#?}", bot.alerts());
        bot.advance(300).await;
        assert_eq!(bot.posted().len(), 1, "{:#?}", bot.alerts());
    }
}

/// The first message waits, and newer looks of it, which call nobody by themselves, take its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_critical_message_that_had_to_wait_calls_people_all_the_same() {
    for database in databases() {
        let bot = Bot::on(database).await;
        bot.slack.faults(|faults| {
            faults.next("chat.postMessage", 200, Failure::Status(503));
        });
        bot.stop("Crypto.SOL/USD");
        bot.advance(900).await;
        assert!(bot.posted().is_empty(), "{:#?}", bot.alerts());
        bot.slack.faults(Faults::clear_calls);
        bot.advance(60).await;
        let posted = bot.slack.calls("chat.postMessage").into_iter().find(|call| call.status == 200).unwrap();
        let said = posted.args.to_string();
        assert!(said.contains("<!here>") && said.contains("critical"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_whose_answer_was_lost_is_found_and_not_repeated() {
    for database in databases() {
        let bot = Bot::on(database).await;
        bot.slack.faults(|faults| {
            faults.next("chat.postMessage", 1, Failure::AcceptedThen(500));
        });
        bot.stop("Crypto.SOL/USD");
        bot.advance(120).await;
        assert_eq!(bot.posted().len(), 1, "{:#?}", bot.alerts());
        bot.click("alice", "Acknowledge").await;
        assert!(bot.alerts()[0].contains("Acknowledged"), "the message that was found is the one that is edited");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_commit_and_post_it_posts_once_after_the_restart() {
    for database in databases() {
        let bot = Bot::on(database).await;
        bot.stop("Crypto.SOL/USD");
        // Decided and committed, and nothing delivered: Slack cannot be reached until the process is gone.
        bot.slack.faults(|faults| {
            faults.next("*", 1000, Failure::Status(503));
        });
        bot.advance(55).await;
        assert!(bot.posted().is_empty());
        bot.slack.faults(Faults::clear_calls);
        let bot = bot.restart().await;
        bot.advance(130).await;
        assert_eq!(bot.posted().len(), 1, "{:#?}", bot.alerts());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_post_and_record_it_does_not_post_again() {
    use watchkeeper::clock::Clock;
    use watchkeeper::core::ids::ChannelId;
    use watchkeeper::slack::message::Message;
    use watchkeeper::store::jobs;
    for database in databases() {
        let bot = Bot::on(database).await;
        bot.stop("Crypto.SOL/USD");
        bot.slack.faults(|faults| {
            faults.next("*", 1000, Failure::Status(503));
        });
        bot.advance(55).await;
        bot.slack.faults(Faults::clear_calls);
        // What a worker does up to the moment it dies: it claims, it posts, and records nothing.
        bot.clock.advance(Duration::from_secs(200));
        let claimed = jobs::claim(&bot.flow.store, &bot.flow.holder, bot.clock.now(), Duration::from_secs(45), 1).await;
        let job = &claimed.unwrap()[0];
        assert_eq!(job.kind, "show");
        let message = Message::text("posted by the one who died");
        let channel = ChannelId::new("C0ALERTS");
        bot.flow.api.chat_post_message(&channel, &message, None, job.id.as_str()).await.unwrap();
        let bot = bot.restart().await;
        bot.advance(120).await;
        assert_eq!(bot.posted().len(), 1, "{:#?}", bot.alerts());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_every_deadline_and_the_same_message() {
    for database in databases() {
        let bot = Bot::on(database).await;
        bot.stop("Crypto.SOL/USD");
        bot.advance(90).await;
        let (ts, deadline) = (bot.the_alert()["ts"].clone(), bot.flow.next_deadline());
        bot.flow.release_lease().await;
        let bot = bot.restart().await;
        assert_eq!(bot.flow.next_deadline(), deadline);
        bot.click("alice", "Acknowledge").await;
        bot.heal();
        bot.advance(180).await;
        assert_eq!(bot.the_alert()["ts"], ts);
        assert!(bot.alerts()[0].contains("Resolved"), "{}", bot.alerts()[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_channel_gives_way_to_its_fallback() {
    let bot = Bot::start().await;
    bot.slack.archive("feeds-alerts", true);
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    let moved: Vec<String> = bot.slack.messages("ops").iter().map(Workspace::render).collect();
    assert!(moved.iter().any(|message| message.contains("SOL/USD")), "{moved:#?}");
    assert!(
        moved.iter().any(|message| message.contains("Meant for <#C0ALERTS>, which cannot be reached")),
        "{moved:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_shown_in_status() {
    let no_fallback = |config: &mut watchkeeper::config::Config| config.receivers[0].fallback_channel = None;
    let bot = Bot::with(super::support::Database::sqlite(), no_fallback).await;
    bot.slack.archive("feeds-alerts", true);
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    let status = bot.slack.slash("alice", "ops", "/wk status").await.to_string();
    assert!(status.contains("is_archived"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_turns_readiness_red_and_nothing_is_lost() {
    let bot = Bot::start().await;
    bot.slack.faults(|faults| {
        faults.next("*", 8, Failure::Error("token_revoked".to_owned()));
    });
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    let parts = bot.flow.readiness().await;
    assert!(parts.iter().any(|part| part.name == "token" && part.problem.is_some()), "{parts:?}");
    bot.advance(900).await;
    assert_eq!(bot.posted().len(), 1, "{:#?}", bot.alerts());
    assert!(bot.flow.readiness().await.iter().all(|part| part.problem.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_locked_still_gets_people_an_answer() {
    use sqlx::{Connection, Executor};
    let bot = Bot::start().await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    let url = format!("sqlite:{}", bot.database.file().unwrap().display());
    let mut other = sqlx::SqliteConnection::connect(&url).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let answer = bot.slack.slash("alice", "feeds-alerts", "/wk ack 1").await.to_string();
    assert!(answer.contains("cannot reach my database"), "{answer}");
    other.execute("ROLLBACK").await.unwrap();
    let answer = bot.type_in("alice", "/wk ack 1").await;
    assert!(answer.contains("You have acknowledged #1"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_turns_readiness_red_and_answers_with_regret() {
    for database in databases() {
        let bot = Bot::on(database).await;
        bot.flow.store.close().await;
        let answer = bot.slack.slash("alice", "feeds-alerts", "/wk silence SOL/USD 1h").await.to_string();
        assert!(answer.contains("cannot reach my database"), "{answer}");
        let ready = reqwest::get(format!("http://{}/readyz", bot.address)).await.unwrap();
        assert_eq!(ready.status(), 503);
        let alive = reqwest::get(format!("http://{}/healthz", bot.address)).await.unwrap();
        assert_eq!(alive.status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_of_a_story_verifies() {
    for database in databases() {
        let bot = Bot::on(database).await;
        bot.stop("Crypto.SOL/USD");
        bot.advance(90).await;
        bot.click("alice", "Acknowledge").await;
        bot.type_in("bob", "/wk silence 1 1h").await;
        let report = watchkeeper::store::audit::verify(&bot.flow.store, &[]).await.unwrap();
        assert!(report.first_bad().is_none() && report.rows >= 4, "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_that_slack_fails_with_for_ever_does_not_hold_up_its_channel() {
    let bot = Bot::start().await;
    bot.slack.faults(|faults| {
        faults.next("chat.postMessage", 100_000, Failure::Error("internal_error".to_owned()));
    });
    bot.stop("Crypto.SOL/USD");
    for _ in 0..20 {
        bot.advance(60).await;
        // Slack does other things meanwhile.
        bot.slack.open_home("alice").await;
        bot.settle().await;
    }
    assert!(bot.posted().is_empty());
    assert!(!dead(&bot.flow.store, 9).await.unwrap().is_empty(), "it is not tried for days");
    bot.slack.faults(Faults::clear_calls);
    bot.stop("Crypto.BTC/USD");
    bot.advance(120).await;
    assert!(bot.alerts().iter().any(|said| said.contains("BTC/USD")), "{:#?}", bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_slack_fails_with_everything_nothing_is_given_up() {
    let bot = Bot::start().await;
    bot.slack.faults(|faults| {
        faults.next("*", 100_000, Failure::Error("internal_error".to_owned()));
    });
    bot.stop("Crypto.SOL/USD");
    bot.advance(1800).await;
    bot.slack.faults(Faults::clear_calls);
    bot.advance(60).await;
    assert!(bot.alerts()[0].contains("SOL/USD"), "{:#?}", bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_somebody_deleted_does_not_take_the_buttons_with_it() {
    let bot = Bot::start().await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    assert!(bot.the_alert().to_string().contains("slack_file"), "{:#}", bot.the_alert());
    bot.slack.faults(|faults| {
        faults.next("chat.update", 1, Failure::Error("invalid_blocks".to_owned()));
    });
    bot.click("alice", "Acknowledge").await;
    let shown = bot.the_alert().to_string();
    assert!(!shown.contains("slack_file") && shown.contains("Silence"), "{shown}");
}
