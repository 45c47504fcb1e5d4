//! What goes wrong at a shift change: Slack is away, the bot is away, the configuration changes.

use std::time::Duration;

use serde_json::json;
use watchkeeper::sim::slack::{Failure, Faults};

use super::super::support::Database;
use super::{MONDAY, after, answerable, at, audited, bot, direct, handoffs, look, on, primary, shown, thread};

#[tokio::test(flavor = "multi_thread")]
async fn while_slack_is_away_at_the_shift_change_nothing_is_lost_and_all_of_it_says_how_late_it_comes() {
    let bot = bot().await;
    at(&bot, "2026-11-30T07:59:00Z").await;
    bot.slack.faults(|faults| {
        faults.next("chat.postMessage", 100_000, Failure::Status(503));
    });
    at(&bot, MONDAY).await;
    for _ in 0..4 {
        after(&bot, 10).await;
    }
    assert_eq!(handoffs(&bot).len(), 0);
    assert_eq!(answerable(&bot, "primary"), ["U0ALICE", "U0BOB"], "what Slack does not hear holds all the same");
    bot.slack.faults(Faults::clear_calls);
    bot.advance(180).await;
    look(&bot).await;
    assert!(shown(&bot).contains("late: it was due at"), "{}", shown(&bot));
    for user in ["alice", "bob", "carol"] {
        let told = direct(&bot, user);
        assert_eq!(told.len(), 1, "{user}: {told:?}");
        assert!(told[0].contains("late: it was due at"), "{user}: {told:?}");
    }
    let thread = thread(&bot);
    assert_eq!(thread.matches("step 1 of 1").count(), 1, "{thread}");
    assert_eq!(
        thread.matches("late: it was due at").count(),
        4,
        "two reminders, the step, and that nobody came: {thread}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shift_change_while_the_bot_is_away_is_made_up_for_and_says_how_late_it_is() {
    let bot = bot().await;
    at(&bot, "2026-11-30T07:58:00Z").await;
    let bot = bot.restart().await;
    bot.clock.advance(Duration::from_mins(22));
    bot.lead().await;
    bot.flow.refresh_directory().await;
    look(&bot).await;
    assert!(shown(&bot).contains("20 min late: it was due at"), "{}", shown(&bot));
    assert!(direct(&bot, "bob")[0].contains("20 min late"), "{:?}", direct(&bot, "bob"));
    after(&bot, 9).await;
    assert!(!thread(&bot).contains('⏰'), "they have their time from now on: {}", thread(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_no_longer_hands_it_over_ends_what_is_open() {
    let mut bot = on(Database::sqlite(), json!([primary()]), |_| {}).await;
    at(&bot, MONDAY).await;
    bot.config.oncall.schedules[0].handoff = None;
    let bot = bot.restart().await;
    bot.flow.refresh_directory().await;
    after(&bot, 1).await;
    assert!(shown(&bot).contains("changed hands again") && !shown(&bot).contains("[Accept]"), "{}", shown(&bot));
    assert_eq!(answerable(&bot, "primary"), ["U0BOB"]);
    assert!(audited(&bot).await.contains(&"watchkeeper handoff.superseded handoff/1".to_owned()));
}
