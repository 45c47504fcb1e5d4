//! What an on-call engineer would doubt: overtaken answers, poisoned inputs, lost commits, channels that vanish half-way.

use std::time::Duration;

use serde_json::{Value, json};
use watchkeeper::clock::Clock;
use watchkeeper::flow::Home;
use watchkeeper::sim::slack::deliver::Kind;
use watchkeeper::sim::slack::{Failure, Workspace};
use watchkeeper::store::intake::{Intake, NewInput};
use watchkeeper::store::{facts, inbox};

use super::support::{Bot, databases};

async fn stored(bot: &Bot, payload: &str) {
    let (key, kind, payload) = ("event:Ev1".to_owned(), "app_mention".to_owned(), payload.to_owned());
    let input = NewInput { key, kind, payload, received_at: bot.clock.now(), done: false };
    Intake::start(bot.flow.store.clone()).receive(input).await.unwrap();
}

async fn event(bot: &Bot, event: &Value) {
    let payload = json!({
        "type": "event_callback", "event_id": format!("Ev{}", event["type"]), "team_id": "T0WKLABS",
        "api_app_id": "A0WATCH", "event_time": bot.clock.now().as_secs(), "event": event,
    });
    bot.slack.deliver(Kind::Event, &payload).await.unwrap();
    bot.settle().await;
}

async fn token_problem(bot: &Bot) -> Option<String> {
    let parts = bot.flow.readiness().await;
    parts.into_iter().find(|part| part.name == "token").unwrap().problem
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_leaves_an_input_to_whoever_took_it_in() {
    let bot = Bot::start().await;
    let payload = json!({
        "key": "event:Ev1", "input": {"kind": "app_uninstalled"}, "retry": null, "occurred_at": null,
        "origin": {"team": null, "enterprise": null, "is_enterprise_install": false, "api_app_id": null,
                   "is_ext_shared_channel": false},
    });
    stored(&bot, &payload.to_string()).await;
    assert_eq!(bot.flow.sweep().await.unwrap(), 0, "it may be worked on at this moment");
    bot.clock.advance(Duration::from_secs(5));
    bot.flow.keep_lease().await.unwrap();
    assert_eq!(bot.flow.sweep().await.unwrap(), 1, "nobody has");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_cannot_be_worked_on_backs_off_and_is_given_up_on_record() {
    for database in databases() {
        let bot = Bot::on(database).await;
        stored(&bot, "{").await;
        bot.advance(10).await;
        let counts = inbox::counts(&bot.flow.store).await.unwrap();
        assert_eq!((counts.waiting, counts.failing), (1, 1), "put off, not tried for ever");
        bot.advance(240).await;
        assert_eq!(inbox::counts(&bot.flow.store).await.unwrap().waiting, 0);
        assert!(bot.audit().await.iter().any(|line| line.contains("input.failed event:Ev1")));
        assert!(bot.flow.metrics.text().contains("outcome=\"failed\"} 1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_commit_memory_is_what_the_store_has() {
    use sqlx::{Connection, Executor};
    let bot = Bot::start().await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(35).await;
    let url = format!("sqlite:{}", bot.database.file().unwrap().display());
    let mut other = sqlx::SqliteConnection::connect(&url).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    // It is time to fire, and the group that it opens cannot be committed.
    bot.clock.advance(Duration::from_secs(6));
    bot.flow.tick().await;
    // As if the commit that seemed to fail had taken place, and used up numbers.
    let taken = "INSERT INTO counters (name, value) VALUES ('next_group', 7)
                 ON CONFLICT (name) DO UPDATE SET value = 7";
    other.execute(taken).await.unwrap();
    other.execute("COMMIT").await.unwrap();
    bot.advance(90).await;
    assert!(bot.alerts()[0].contains("#7"), "{:#?}", bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_the_lease_over_knows_the_charts_of_the_one_before() {
    for database in databases() {
        let bot = Bot::on(database).await;
        bot.stop("Crypto.SOL/USD");
        bot.advance(90).await;
        bot.flow.release_lease().await;
        let mut tx = bot.flow.store.begin().await.unwrap();
        let charts = facts::list(&bot.flow.store, "chart:").await.unwrap();
        facts::put(&mut tx, &charts[0].0, "F0OTHERS", bot.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        bot.flow.keep_lease().await.unwrap();
        let chart = facts::list(&bot.flow.store, "chart:").await.unwrap();
        assert_eq!(chart[0].1, "F0OTHERS");
        bot.slack.faults(|faults| {
            faults.next("chat.update", 1, Failure::Error("invalid_blocks".to_owned()));
        });
        bot.click("alice", "Acknowledge").await;
        let sent = bot.slack.calls("chat.update");
        assert!(sent.iter().any(|call| format!("{call:?}").contains("F0OTHERS")), "{:?}", sent.last());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_lost_half_way_moves_the_living_message_to_its_fallback() {
    let bot = Bot::start().await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    bot.slack.faults(|faults| {
        faults.next("chat.update", 1, Failure::Error("channel_not_found".to_owned()));
    });
    bot.heal();
    bot.advance(180).await;
    let moved: Vec<String> = bot.slack.messages("ops").iter().map(Workspace::render).collect();
    assert!(moved.iter().any(|message| message.contains("Resolved")), "{moved:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_arrangement_slack_refuses_is_sent_as_text() {
    let bot = Bot::start().await;
    bot.slack.faults(|faults| {
        faults.next("chat.postMessage", 1, Failure::Error("invalid_attachments".to_owned()));
    });
    bot.stop("Crypto.SOL/USD");
    bot.advance(60).await;
    assert_eq!(bot.posted().len(), 1, "{:#?}", bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_of_a_person_leaves_the_bot_ready() {
    let bot = Bot::start().await;
    event(&bot, &json!({"type": "tokens_revoked", "tokens": {"oauth": ["U0ALICE"], "bot": []}})).await;
    assert_eq!(token_problem(&bot).await, None);
    event(&bot, &json!({"type": "app_uninstalled"})).await;
    assert!(token_problem(&bot).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wanted_a_form_that_came_too_late_is_told() {
    let bot = Bot::start().await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    bot.slack.faults(|faults| {
        faults.next("views.open", 1, Failure::Error("expired_trigger_id".to_owned()));
    });
    let ts = bot.the_alert()["ts"].as_str().unwrap().to_owned();
    let chosen =
        bot.slack.choose("alice", super::support::bot::ALERTS, &ts, "wk.more", "Silence with a comment…").await;
    bot.settle().await;
    assert!(bot.told("alice").iter().any(|told| told.contains("Please ask again")), "{chosen} {:?}", bot.told("alice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn why_of_a_healthy_feed_tells_how_far_it_is_from_each_limit() {
    let bot = Bot::start().await;
    let why = bot.type_in("alice", "/wk why SOL/USD").await;
    assert!(why.contains("has no alert") && why.matches("against a limit of").count() == 4, "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_without_the_lease_says_who_leads() {
    for database in databases() {
        let bot = Bot::on(database).await;
        bot.flow.release_lease().await;
        let other = watchkeeper::store::lease::acquire(
            &bot.flow.store,
            watchkeeper::flow::lead::LEASE,
            "another",
            Duration::from_secs(9),
            bot.clock.now(),
        );
        other.await.unwrap().unwrap();
        let status = bot.slack.slash("alice", super::support::bot::ALERTS, "/wk status").await.to_string();
        assert!(status.contains("led by `another`"), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_and_old_is_forgotten_and_what_is_open_stays() {
    for database in databases() {
        let bot = Bot::on(database).await;
        bot.stop("Crypto.SOL/USD");
        bot.advance(90).await;
        bot.flow.prune(bot.clock.now().plus(Duration::from_hours(1))).await.unwrap();
        assert_eq!(facts::list(&bot.flow.store, "chart:").await.unwrap().len(), 1);
        bot.heal();
        bot.advance(120).await;
        assert!(bot.alerts()[0].contains("Resolved"), "the message is still known: {:#?}", bot.alerts());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slacks_door_takes_nothing_but_posts() {
    let bot = Bot::start().await;
    let url = format!("http://{}{}", bot.address, watchkeeper::slack::manifest::REQUEST_PATH);
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_may_be_kept_sniffed_framed_or_run() {
    let bot = Bot::start().await;
    for path in ["/healthz", "/readyz", "/calendar/none.ics", "/nothing-here"] {
        let answer = reqwest::get(format!("http://{}{path}", bot.address)).await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_for_a_whole_organization_is_no_working_one() {
    let bot = Bot::start().await;
    assert_eq!(token_problem(&bot).await, None);
    bot.flow.learn_home(Home { organization_wide: true, ..bot.flow.home() }).await;
    let problem = token_problem(&bot).await.unwrap();
    assert!(problem.contains("install it into the one workspace"), "{problem}");
    bot.flow.learn_home(Home { organization_wide: false, ..bot.flow.home() }).await;
    assert_eq!(token_problem(&bot).await, None, "it was installed anew");
}
