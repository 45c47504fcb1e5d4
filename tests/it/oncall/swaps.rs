//! Swaps: asked, answered, taken back, and never of something else than what was asked.

use std::time::Duration;

use serde_json::json;
use watchkeeper::clock::Clock;
use watchkeeper::core::ids::{SwapId, UserId};
use watchkeeper::core::oncall::SwapRefusal;
use watchkeeper::sim::slack::{Failure, Faults};
use watchkeeper::store;

use super::super::support::Bot;
use super::{ALICES, BOBS, DIRECT, bot, direct, in_ops, on_call, press, primary};

/// Alice asks Bob to take her next shift for his.
async fn ask_swap(bot: &Bot) {
    bot.type_in("alice", "/wk swap").await;
    let view = bot.slack.views("alice").pop().unwrap();
    let id = view["id"].as_str().unwrap();
    let asked = bot.slack.submit_view("alice", id, json!({"who": {"who": "U0BOB"}})).await;
    assert!(asked.ok(), "{asked:?}");
    bot.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_holds_once_the_colleague_accepts_and_either_takes_it_back() {
    let bot = bot(json!([primary()])).await;
    ask_swap(&bot).await;
    assert_eq!([BOBS, ALICES].map(|hours| on_call(&bot, "primary", hours)), ["U0BOB", "U0ALICE"], "not before");
    press(&bot, "bob", "Accept").await;
    assert_eq!([BOBS, ALICES].map(|hours| on_call(&bot, "primary", hours)), ["U0ALICE", "U0BOB"]);
    let bot = bot.restart().await;
    bot.advance(2).await;
    press(&bot, "alice", "Undo").await;
    assert_eq!([BOBS, ALICES].map(|hours| on_call(&bot, "primary", hours)), ["U0BOB", "U0ALICE"]);
    assert!(
        direct(&bot, "alice").iter().any(|text| text.contains("Swapped: *bob* takes *primary*")),
        "told the answer"
    );
    let bobs = direct(&bot, "bob");
    assert!(bobs.iter().any(|text| text.contains("*alice* took the swap back")), "{bobs:?}");
    assert!(!bobs.concat().contains("[Accept]"), "the question is no question any more: {bobs:?}");
    assert!(in_ops(&bot).iter().any(|text| text.contains("Swapped: *bob*")), "{:?}", in_ops(&bot));
    let audit = bot.audit().await;
    let about: Vec<_> =
        audit.iter().filter_map(|line| line.split(' ').find(|word| word.starts_with("oncall."))).collect();
    assert_eq!(about, ["oncall.swap_asked", "oncall.swap_accepted", "oncall.swap_undone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_that_nobody_answers_expires_and_one_that_is_declined_changes_nothing() {
    let bot = bot(json!([primary()])).await;
    ask_swap(&bot).await;
    press(&bot, "bob", "Decline").await;
    assert!(direct(&bot, "alice").last().unwrap().contains("declined"), "{:?}", direct(&bot, "alice"));
    ask_swap(&bot).await;
    bot.clock.advance(Duration::from_hours(24));
    bot.advance(2).await;
    bot.flow.expire_swaps().await.unwrap();
    bot.settle().await;
    assert!(direct(&bot, "alice").last().unwrap().contains("has not answered"), "{:?}", direct(&bot, "alice"));
    assert!(!bot.slack.seen_by("bob", DIRECT).last().unwrap().to_string().contains("Accept"), "the buttons are gone");
    assert_eq!(on_call(&bot, "primary", BOBS - 24), "U0BOB");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_a_swap_is_told_also_when_slack_was_away() {
    let bot = bot(json!([primary()])).await;
    ask_swap(&bot).await;
    bot.leap(Duration::from_hours(24)).await;
    bot.slack.faults(|faults| {
        faults.next("conversations.open", 100_000, Failure::Status(503));
    });
    bot.flow.expire_swaps().await.unwrap();
    bot.settle().await;
    assert!(!direct(&bot, "alice").concat().contains("has not answered"));
    bot.slack.faults(Faults::clear_calls);
    bot.advance(60).await;
    assert!(direct(&bot, "alice").last().unwrap().contains("has not answered"), "{:?}", direct(&bot, "alice"));
    assert!(!bot.slack.seen_by("bob", DIRECT).last().unwrap().to_string().contains("Accept"), "the buttons are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_is_asked_of_whoever_can_answer_and_answered_by_nobody_else() {
    let bot = bot(json!([primary()])).await;
    bot.slack.deactivate("carol");
    bot.type_in("alice", "/wk swap").await;
    let view = bot.slack.views("alice").pop().unwrap();
    let id = view["id"].as_str().unwrap();
    let offered = view.to_string();
    // Her last shift that begins within 60 days ends after them: it is offered whole.
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let last = format!("primary {} {}", at("2027-01-18T08:00:00Z"), at("2027-01-25T08:00:00Z"));
    assert!(offered.contains(&last), "{offered}");
    let refused = bot.slack.submit_view("alice", id, json!({"who": {"who": "U0CAROL"}})).await;
    assert!(refused.errors["who"].to_string().contains("deactivated in Slack"), "{refused:?}");
    let asked = bot.slack.submit_view("alice", id, json!({"who": {"who": "U0BOB"}})).await;
    assert!(asked.ok(), "{asked:?}");
    bot.settle().await;
    let question = bot.slack.seen_by("bob", DIRECT).pop().unwrap();
    let pressed = question["blocks"][1]["elements"][0].clone();
    let flow = &bot.flow;
    let swap = SwapId::new(pressed["value"].as_str().unwrap());
    let stored = store::oncall::swap(&flow.store, &swap).await.unwrap().unwrap();
    let accepted = stored.accept(&UserId::new("U0DAVE"), bot.clock.now(), flow.ids.as_ref());
    assert_eq!(accepted.unwrap_err(), SwapRefusal::NotYours);
    press(&bot, "bob", "Accept").await;
    bot.slack.open_home("bob").await;
    bot.settle().await;
    let home = bot.slack.home("bob").unwrap().to_string();
    let next = home.split("Your next shifts").nth(1).unwrap();
    let (alices, bobs) = ("2026-12-07 08:00 UTC", "2026-11-30 08:00 UTC");
    assert!(next.contains(alices) && !next.split("Sources").next().unwrap().contains(bobs), "{home}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_is_refused_when_anything_of_either_shift_has_changed() {
    let bot = bot(json!([primary()])).await;
    ask_swap(&bot).await;
    // In the middle of what Alice would take in return.
    bot.type_in("carol", "/wk override primary @carol 2026-12-02 12:00 2026-12-02 18:00").await;
    press(&bot, "bob", "Accept").await;
    assert_eq!(on_call(&bot, "primary", 24 * 8 + 2), "U0CAROL");
    assert_eq!(on_call(&bot, "primary", BOBS), "U0BOB", "nothing was swapped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_is_refused_when_the_schedule_has_changed_since_the_question() {
    let bot = bot(json!([primary()])).await;
    ask_swap(&bot).await;
    bot.type_in("carol", "/wk override primary @carol 2026-12-01 2026-12-10").await;
    press(&bot, "bob", "Accept").await;
    assert_eq!(on_call(&bot, "primary", ALICES), "U0CAROL");
    assert!(
        bot.told("bob").concat().contains("has changed since")
            || direct(&bot, "bob").concat().contains("has changed since")
    );
}
