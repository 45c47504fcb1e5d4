//! What people type and press, and what they read.

use super::support::Bot;

#[tokio::test(flavor = "multi_thread")]
async fn every_question_has_an_answer() {
    let bot = Bot::start().await;
    let mut said = Vec::new();
    for line in [
        "/wk",
        "/wk help silence",
        "/wk status",
        "/wk feed sol",
        "/wk feeds",
        "/wk alerts",
        "/wk silences",
        "/wk why SOL/USD",
    ] {
        said.push(format!("> {line}\n{}", bot.type_in("alice", line).await));
    }
    let said = said.join("\n\n");
    // The only thing that a real clock measures here.
    insta::with_settings!({filters => vec![(r"answered in \d+ m?s", "answered in [time]")]}, {
        insta::assert_snapshot!("questions", said);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_of_the_finger_gets_the_nearest_word() {
    let bot = Bot::start().await;
    for (typed, expected) in [
        ("/wk stauts", "status"),
        ("/wk fede SOL/USD", "feed SOL/USD"),
        ("/wk feed SLO/USD", "SOL/USD"),
        ("/wk ack", "Usage"),
        ("/wk ack 99", "no alert #99"),
        ("/wk unsilence 99", "no silence 99"),
        ("/wk silence SOL/USD forever", "Usage"),
        ("/wk silence severity=~\".*\" 1h", "every alert"),
    ] {
        let answer = bot.type_in("alice", typed).await;
        assert!(answer.contains(expected), "{typed} → {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_words_work_by_mention_and_in_a_direct_message() {
    let bot = Bot::start().await;
    let ts = bot.slack.say("alice", "general", "<@U0WATCH> feed SOL/USD").await.unwrap();
    bot.settle().await;
    let answer = bot.slack.thread("general", &ts);
    assert!(answer[1]["text"].as_str().unwrap().contains("SOL/USD"), "{answer:#?}");
    bot.slack.say("alice", "@watchkeeper", "alerts").await.unwrap();
    bot.settle().await;
    let direct = bot.slack.seen_by("alice", "@watchkeeper");
    assert!(direct.last().unwrap()["text"].as_str().unwrap().contains("No alert"), "{direct:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_is_made_in_a_form_and_its_mistakes_are_shown_there() {
    let bot = Bot::start().await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    let ts = bot.the_alert()["ts"].as_str().unwrap().to_owned();
    let opened = bot.slack.choose("alice", "feeds-alerts", &ts, "wk.more", "Silence with a comment…").await;
    assert!(opened.ok(), "{opened}");
    bot.settle().await;
    let view = bot.slack.views("alice").pop().expect("a form is open");
    let id = view["id"].as_str().unwrap();
    let blocks =
        |matchers: &str| serde_json::json!({"matchers": {"matchers": matchers}, "comment": {"comment": "deploy"}});
    let wrong = bot.slack.submit_view("alice", id, blocks("no matcher")).await;
    assert!(wrong.errors["matchers"].as_str().unwrap().contains("write it like"), "{wrong:?}");
    let right = bot.slack.submit_view("alice", id, blocks("symbol=\"Crypto.SOL/USD\"")).await;
    assert!(right.ok(), "{right:?}");
    bot.settle().await;
    assert!(bot.type_in("bob", "/wk silences").await.contains("deploy"));
    assert!(bot.alerts()[0].contains("Silenced"), "{}", bot.alerts()[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn app_home_shows_what_needs_the_reader_now() {
    let bot = Bot::start().await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    bot.slack.open_home("alice").await;
    bot.settle().await;
    let home = bot.slack.home("alice").expect("a home view").to_string();
    assert!(home.contains("SOL/USD") && home.contains("needs you"), "{home}");
}
