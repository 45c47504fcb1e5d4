//! Who has the watch: asked, changed, swapped, fetched from elsewhere, and kept in step with Slack.

mod elsewhere;
mod swaps;

use std::time::Duration;

use serde_json::{Value, json};
use watchkeeper::clock::Clock;
use watchkeeper::config::oncall::OnCall;
use watchkeeper::core::ids::UserId;
use watchkeeper::sim::slack::{Failure, Workspace};

pub use elsewhere::{Elsewhere, calendar, client, shift};

use super::support::{Bot, Database};

/// The channel of the bot's direct messages, as its people see them.
const DIRECT: &str = "@watchkeeper";

/// Alice, then Bob, a week each from Monday, 9:00 in Berlin. The stories begin on Tuesday, 24 November 2026, 12:00 UTC:
/// week 47 since 5 January, an even one.
fn primary() -> Value {
    json!({
        "name": "primary", "channel": "C0OPS", "user_group": "S0ONCALL",
        "layers": [{"users": ["U0ALICE", "U0BOB"], "start": "2026-01-05", "time_zone": "Europe/Berlin"}],
    })
}

async fn bot(schedules: Value) -> Bot {
    on(Database::sqlite(), schedules).await
}

async fn on(database: Database, schedules: Value) -> Bot {
    let bot = Bot::with(database, |config| {
        config.oncall = OnCall { schedules: serde_json::from_value(schedules).unwrap(), ..OnCall::default() };
        config.slack.public_url = Some("https://wk.example.com/".to_owned());
    })
    .await;
    bot.flow.refresh_directory().await;
    bot
}

fn names(users: &[UserId]) -> Vec<&str> {
    users.iter().map(UserId::as_str).collect()
}

fn on_call(bot: &Bot, schedule: &str, hours: u64) -> String {
    let at = bot.clock.now().plus(Duration::from_hours(hours));
    names(&bot.flow.on_call(schedule, at)).join("+")
}

/// Hours from the beginning of the stories to Alice's next shift (7 December) and Bob's (30 November).
const ALICES: u64 = 24 * 14;
const BOBS: u64 = 24 * 7;

/// Presses a button on the latest message of a person's direct messages with the bot that has it.
async fn press(bot: &Bot, user: &str, button: &str) {
    let messages = bot.slack.seen_by(user, DIRECT);
    let message = messages.iter().rev().find(|message| message["blocks"].to_string().contains(button));
    let ts = message.unwrap_or_else(|| panic!("no {button} for {user}"))["ts"].as_str().unwrap().to_owned();
    assert!(bot.slack.click(user, DIRECT, &ts, button).await.ok());
    bot.settle().await;
}

/// What somebody reads in the direct messages with the bot, oldest first.
fn direct(bot: &Bot, user: &str) -> Vec<String> {
    bot.slack.seen_by(user, DIRECT).iter().map(Workspace::render).collect()
}

fn in_ops(bot: &Bot) -> Vec<String> {
    bot.slack.messages("ops").iter().map(Workspace::render).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_watch_is_answered_for_now_and_for_any_other_time() {
    let secondary = json!({
        "name": "secondary",
        "layers": [{"users": ["U0CAROL"], "start": "2026-01-05", "restrictions": [{"weekdays": ["monday:friday"]}]}],
    });
    let bot = bot(json!([primary(), secondary])).await;
    let mut said = Vec::new();
    for line in [
        "/wk oncall",
        "/wk oncall primary",
        "/wk oncall primary wed 10:00",
        "/wk oncall secondary sat",
        "/wk oncall fri",
        "/wk oncall primary whenever",
        "/wk oncall tertiary",
        "/wk help oncall",
        "/wk help override",
    ] {
        said.push(format!("> {line}\n{}", bot.type_in("dave", line).await));
    }
    insta::assert_snapshot!("oncall_questions", said.join("\n\n"));
    assert_eq!(on_call(&bot, "primary", 0), "U0ALICE");
    let (at, then) = bot.flow.next_handover("primary").unwrap();
    assert_eq!((at.to_string().as_str(), names(&then)), ("2026-11-30T08:00:00.000Z", vec!["U0BOB"]));
    assert_eq!(on_call(&bot, "none", 0), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_comes_before_the_schedule_survives_a_restart_and_is_taken_back() {
    let bot = bot(json!([primary()])).await;
    let seen = bot.slack.slash("carol", "feeds-alerts", "/wk override primary @bob in 1h for 4h").await;
    bot.settle().await;
    assert!(seen.text.contains("bob* has the watch of *primary*"), "{seen}");
    assert_eq!([0, 2, 6].map(|hours| on_call(&bot, "primary", hours)), ["U0ALICE", "U0BOB", "U0ALICE"]);
    assert!(direct(&bot, "bob").last().unwrap().contains("*bob* takes *primary*"), "{:?}", direct(&bot, "bob"));
    assert!(in_ops(&bot).last().unwrap().contains("*bob* takes *primary*"), "{:?}", in_ops(&bot));
    let bot = bot.restart().await;
    bot.advance(2).await;
    assert_eq!(on_call(&bot, "primary", 2), "U0BOB");
    let ts = seen.message.unwrap()["ts"].as_str().unwrap().to_owned();
    assert!(bot.slack.click("carol", "feeds-alerts", &ts, "Undo").await.ok());
    bot.settle().await;
    assert_eq!(on_call(&bot, "primary", 2), "U0ALICE");
    bot.slack.click("carol", "feeds-alerts", &ts, "Undo").await;
    bot.settle().await;
    assert!(bot.told("carol").concat().contains("taken back already"), "{:?}", bot.told("carol"));
    let audit = bot.audit().await;
    let about: Vec<_> = audit.iter().filter(|line| line.contains("oncall.")).collect();
    assert_eq!(
        about,
        [
            "T0WKLABS/U0CAROL oncall.override_created schedule/primary",
            "T0WKLABS/U0CAROL oncall.override_removed schedule/primary"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_that_cannot_be_read_says_how_to_write_one() {
    let bot = bot(json!([primary()])).await;
    bot.slack.deactivate("dave");
    for (typed, expected) in [
        ("/wk override primary @dave sat sun", "deactivated in Slack"),
        ("/wk override primary <@U0WATCH> sat sun", "That is a bot"),
        ("/wk override primary <@U0NOBODY> sat sun", "Slack knows nobody"),
        ("/wk override primary bob sat sun", "choose a person"),
        ("/wk override primary @bob sometime", "no time from and to"),
        ("/wk override primary", "has no override now"),
        ("/wk override tertiary @bob sat sun", "no schedule *tertiary*"),
        ("/wk override @bob 2026-01-01 2026-01-02", "Is over already"),
        ("/wk override @bob now for 90d", "60 days at most"),
    ] {
        let answer = bot.type_in("alice", typed).await;
        assert!(answer.contains(expected), "{typed} → {answer}");
    }
    let answer = bot.type_in("alice", "/wk override me now for 1h").await;
    assert!(answer.contains("alice* has the watch"), "{answer}");
    assert_eq!(bot.slack.seen_by("alice", DIRECT).len(), 0, "nobody is told what they did themselves");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_responders_change_the_watch() {
    let bot = Bot::with(Database::sqlite(), |config| {
        config.oncall.schedules = serde_json::from_value(json!([primary()])).unwrap();
        config.access.responders = vec![UserId::new("U0ALICE")];
    })
    .await;
    for line in ["/wk override primary @bob now for 1h", "/wk override", "/wk swap"] {
        let answer = bot.type_in("dave", line).await;
        assert!(answer.contains("Only responders"), "{line}: {answer}");
    }
    assert!(bot.type_in("dave", "/wk oncall").await.contains("alice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_override_form_takes_times_and_shows_what_is_wrong_in_it() {
    let bot = bot(json!([primary()])).await;
    bot.type_in("alice", "/wk override").await;
    let view = bot.slack.views("alice").pop().unwrap();
    let id = view["id"].as_str().unwrap();
    let now = bot.clock.now().as_secs();
    let values =
        |from: i64, to: i64| json!({"who": {"who": "U0CAROL"}, "from": {"from": now + from}, "to": {"to": now + to}});
    let wrong = bot.slack.submit_view("alice", id, values(7200, 3600)).await;
    assert_eq!(wrong.errors["to"], "Must be after the beginning.", "{wrong:?}");
    let long = bot.slack.submit_view("alice", id, values(0, 61 * 86_400)).await;
    assert!(long.errors["to"].to_string().contains("60 days at most"), "{long:?}");
    bot.slack.deactivate("dave");
    let mut gone = values(3600, 7200);
    gone["who"] = json!({"who": "U0DAVE"});
    let gone = bot.slack.submit_view("alice", id, gone).await;
    assert!(gone.errors["who"].to_string().contains("deactivated in Slack"), "{gone:?}");
    let done = bot.slack.submit_view("alice", id, values(3600, 7200)).await;
    assert!(done.ok(), "{done:?}");
    bot.settle().await;
    assert_eq!([0, 1, 2].map(|hours| on_call(&bot, "primary", hours)), ["U0ALICE", "U0CAROL", "U0ALICE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_taken_back_is_told_to_whoever_loses_it_and_whoever_has_it_again() {
    let bot = bot(json!([primary()])).await;
    bot.type_in("carol", "/wk override primary @bob in 1h for 4h").await;
    bot.type_in("carol", "/wk override primary @bob sat sun").await;
    let listed = bot.type_in("dave", "/wk override primary").await;
    assert_eq!(listed.matches("[End]").count(), 2, "{listed}");
    let seen = bot.slack.slash("dave", "feeds-alerts", "/wk oncall primary").await;
    assert_eq!(seen.to_string().matches("[End]").count(), 2, "{seen}");
    let ts = seen.message.unwrap()["ts"].as_str().unwrap().to_owned();
    assert!(bot.slack.click("dave", "feeds-alerts", &ts, "End").await.ok());
    bot.settle().await;
    assert_eq!(on_call(&bot, "primary", 2), "U0ALICE");
    for user in ["alice", "bob"] {
        let told = direct(&bot, user);
        assert!(told.last().unwrap().contains("*dave* took back the override of *primary*"), "{user}: {told:?}");
    }
    assert!(in_ops(&bot).last().unwrap().contains("*dave* took back"), "{:?}", in_ops(&bot));
    let listed = bot.type_in("dave", "/wk override primary").await;
    assert_eq!(listed.matches("[End]").count(), 1, "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_opened_where_a_gap_is_announced_starts_with_that_gap() {
    let office = json!({
        "name": "office", "channel": "C0OPS",
        "layers": [{"users": ["U0ALICE"], "start": "2026-01-05", "restrictions": [{"weekdays": ["monday:friday"]}]}],
    });
    let bot = bot(json!([primary(), office])).await;
    bot.leap(Duration::from_hours(24)).await;
    bot.flow.warn_of_gaps().await.unwrap();
    bot.settle().await;
    let told = bot.slack.messages("ops").pop().unwrap();
    assert!(bot.slack.click("carol", "ops", told["ts"].as_str().unwrap(), "Override…").await.ok());
    bot.settle().await;
    let form = bot.slack.views("carol").pop().unwrap().to_string();
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    let (from, to) = (at("2026-11-28T00:00:00Z"), at("2026-11-30T00:00:00Z"));
    assert!(form.contains(&format!("\"initial_date_time\":{from}")) && form.contains(&to.to_string()), "{form}");
    assert!(form.contains(r#""initial_option":{"text":{"text":"office""#), "{form}");
    let usage = bot.slack.slash("carol", "feeds-alerts", "/wk override office @bob whenever").await;
    let ts = usage.message.unwrap()["ts"].as_str().unwrap().to_owned();
    assert!(bot.slack.click("carol", "feeds-alerts", &ts, "Use a form").await.ok());
    bot.settle().await;
    let form = bot.slack.views("carol").pop().unwrap().to_string();
    assert!(form.contains(r#""initial_option":{"text":{"text":"office""#), "{form}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_told_again_after_it_was_filled_and_not_while_people_are_not_known() {
    let office = json!({
        "name": "office", "handoff": {"channel": "C0OPS"},
        "layers": [{"users": ["alice@example.com"], "start": "2026-01-05", "restrictions": [{"weekdays": ["monday:friday"]}]}],
    });
    let bot = Bot::with(Database::sqlite(), |config| {
        config.oncall.schedules = serde_json::from_value(json!([office])).unwrap();
    })
    .await;
    let announce = async || {
        bot.flow.warn_of_gaps().await.unwrap();
        bot.settle().await;
        in_ops(&bot).iter().filter(|text| text.contains("Nobody is on call")).count()
    };
    assert_eq!(announce().await, 0, "at the first start nobody has been looked up");
    bot.flow.refresh_directory().await;
    bot.leap(Duration::from_hours(24)).await;
    assert_eq!(announce().await, 1, "where its watch is handed over");
    let filled = bot.slack.slash("carol", "feeds-alerts", "/wk override office @bob 2026-11-28 2026-11-29").await;
    bot.settle().await;
    assert_eq!(announce().await, 1, "filled");
    let ts = filled.message.unwrap()["ts"].as_str().unwrap().to_owned();
    assert!(bot.slack.click("carol", "feeds-alerts", &ts, "Undo").await.ok());
    bot.settle().await;
    assert_eq!(announce().await, 2, "and empty again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coming_time_without_anybody_is_announced_once() {
    let office = json!({
        "name": "office", "channel": "C0OPS",
        "layers": [{"users": ["U0ALICE"], "start": "2026-01-05", "restrictions": [{"weekdays": ["monday:friday"]}]}],
    });
    let bot = bot(json!([office])).await;
    let announce = || async {
        bot.flow.warn_of_gaps().await.unwrap();
        bot.settle().await;
        in_ops(&bot).iter().filter(|text| text.contains("Nobody is on call")).count()
    };
    assert_eq!(announce().await, 0, "Saturday is more than three days away");
    bot.clock.advance(Duration::from_hours(13));
    bot.advance(2).await;
    assert_eq!(announce().await, 1);
    bot.clock.advance(Duration::from_hours(90));
    bot.advance(2).await;
    assert_eq!(announce().await, 1, "not again once it has begun");
    assert!(in_ops(&bot).last().unwrap().contains("*office*"), "{:?}", in_ops(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_group_says_who_is_on_call_and_is_never_emptied() {
    let mut schedule = primary();
    schedule["layers"][0]["users"] = json!(["U0BOB"]);
    let bot = bot(json!([schedule])).await;
    bot.flow.keep_user_groups().await;
    assert_eq!(bot.slack.user_group("oncall"), ["U0BOB"]);
    bot.flow.keep_user_groups().await;
    assert_eq!(bot.slack.calls("usergroups.users.update").len(), 1, "what is right is not written again");
    bot.slack.deactivate("bob");
    bot.flow.refresh_directory().await;
    assert_eq!(on_call(&bot, "primary", 0), "");
    bot.flow.keep_user_groups().await;
    assert_eq!(bot.slack.user_group("oncall"), ["U0BOB"]);
    let answer = bot.type_in("dave", "/wk oncall").await;
    assert!(answer.contains("nobody") && answer.contains("deactivated in Slack"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_keeps_groups_from_apps_is_not_asked_all_the_time() {
    let mut schedule = primary();
    schedule["layers"][0]["users"] = json!(["U0BOB"]);
    let bot = bot(json!([schedule])).await;
    bot.slack.faults(|f| {
        f.next("usergroups.users.update", 1, Failure::Error("permission_denied".to_owned()));
    });
    for _ in 0..3 {
        bot.flow.keep_user_groups().await;
    }
    assert_eq!(bot.slack.calls("usergroups.users.update").len(), 1);
    bot.clock.advance(Duration::from_hours(1));
    bot.advance(2).await;
    bot.flow.keep_user_groups().await;
    assert_eq!(bot.slack.user_group("oncall"), ["U0BOB"], "asked again after an hour");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_asked_of_slack_and_remembered_while_slack_is_away() {
    let mut schedule = primary();
    schedule["layers"][0]["users"] = json!(["Carol@Example.com", "nobody@example.com"]);
    let bot = bot(json!([schedule])).await;
    assert_eq!(on_call(&bot, "primary", 0), "U0CAROL");
    let answer = bot.type_in("dave", "/wk oncall primary 2026-12-01 10:00").await;
    assert!(answer.contains("nobody@example.com") && answer.contains("unknown to Slack"), "{answer}");
    let bot = bot.restart().await;
    bot.slack.faults(|f| {
        f.next("users.lookupByEmail", 9, Failure::Status(503));
    });
    bot.flow.refresh_directory().await;
    assert_eq!(on_call(&bot, "primary", 0), "U0CAROL");
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_shifts_are_in_app_home_and_in_a_calendar_of_ones_own() {
    let bot = bot(json!([primary()])).await;
    bot.slack.open_home("bob").await;
    bot.settle().await;
    let home = bot.slack.home("bob").unwrap().to_string();
    assert!(home.contains("Your next shifts") && home.contains("*primary*"), "{home}");
    let address = |answer: &str| {
        let start = answer.find("https://").unwrap();
        answer[start..].split(['`', ' ', '\n']).next().unwrap().to_owned()
    };
    let first = address(&bot.type_in("bob", "/wk oncall calendar").await);
    let fetch = |address: &str| {
        let path = address.strip_prefix("https://wk.example.com").unwrap();
        let url = format!("http://{}{path}", bot.address);
        async move { reqwest::get(url).await.unwrap() }
    };
    let calendar = fetch(&first).await;
    assert_eq!(calendar.headers()["content-type"], "text/calendar; charset=utf-8");
    let text = calendar.text().await.unwrap();
    assert!(text.contains("DTSTART:20261130T080000Z\r\nDTEND:20261207T080000Z"), "{text}");
    bot.leap(Duration::from_hours(9 * 24 + 5)).await;
    let later = fetch(&first).await.text().await.unwrap();
    let event = "UID:primary-1796025600@watchkeeper";
    assert!(text.contains(event) && later.contains(event), "its own shift goes on and is still the same: {later}");
    assert!(later.contains("DTSTART:20261130T080000Z\r\nDTEND:20261207T080000Z"), "{later}");
    bot.leap(Duration::from_hours(10 * 24)).await;
    let over = fetch(&first).await.text().await.unwrap();
    assert!(over.contains(event), "it ended less than a week ago: {over}");
    let second = address(&bot.type_in("bob", "/wk oncall calendar").await);
    assert_eq!(fetch(&first).await.status(), 404, "a new address ends the one before");
    assert_eq!(fetch(&second).await.status(), 200);
    assert_eq!(fetch("https://wk.example.com/calendar/x.ics").await.status(), 404);
    let stored = watchkeeper::store::facts::list(&bot.flow.store, "oncall.calendar").await.unwrap();
    let token = second.rsplit('/').next().unwrap().trim_end_matches(".ics");
    assert!(!format!("{stored:?}").contains(token), "only its hash is kept");
    bot.slack.deactivate("bob");
    bot.leap(Duration::from_mins(11)).await;
    assert_eq!(fetch(&second).await.status(), 404, "of somebody who has left");
}
