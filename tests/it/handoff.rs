//! The watch changes hands: from data, accepted by whoever comes in, kept by whoever had it until then.

mod keepers;
mod parts;
mod trouble;

use std::time::Duration;

use serde_json::{Value, json};
use watchkeeper::clock::Clock;
use watchkeeper::config::Config;
use watchkeeper::config::oncall::{Digest, OnCall};
use watchkeeper::core::escalation::{Policy, Step, Target};
use watchkeeper::core::ids::{ChannelId, UserId};
use watchkeeper::core::time::{Span, Timestamp};
use watchkeeper::sim::slack::{Failure, Faults, Workspace};

use super::support::{Bot, Database, databases};

const DIRECT: &str = "@watchkeeper";
/// The stories begin on Tuesday, 24 November 2026, 12:00 UTC; Alice hands over on Monday, 30 November, 9:00 in Berlin.
const MONDAY: &str = "2026-11-30T08:00:00Z";

fn primary() -> Value {
    json!({
        "name": "primary", "channel": "C0OPS", "handoff": {"policy": "watch"},
        "layers": [{"users": ["U0ALICE", "U0BOB"], "start": "2026-01-05", "time_zone": "Europe/Berlin"}],
    })
}

/// Carol is told when nobody accepts.
fn policy() -> Policy {
    let carol = Step { targets: vec![Target::User(UserId::new("U0CAROL"))], wait: Span::from_secs(300) };
    Policy { name: "watch".to_owned(), after: Span::default(), steps: vec![carol], repeat: 0 }
}

async fn on(database: Database, schedules: Value, change: impl FnOnce(&mut Config)) -> Bot {
    let bot = Bot::with(database, |config| {
        config.oncall = OnCall { schedules: serde_json::from_value(schedules).unwrap(), ..OnCall::default() };
        config.escalation.policies = vec![policy()];
        change(config);
    })
    .await;
    bot.flow.refresh_directory().await;
    look(&bot).await;
    bot
}

async fn bot() -> Bot {
    on(Database::sqlite(), json!([primary()]), |_| {}).await
}

async fn look(bot: &Bot) {
    bot.flow.keep_handoffs().await.unwrap();
    bot.settle().await;
}

/// To this time, in one leap; what is due then is done.
async fn at(bot: &Bot, time: &str) {
    let time = Timestamp::from_millis(time.parse::<jiff::Timestamp>().unwrap().as_millisecond());
    bot.leap(time.since(bot.clock.now())).await;
    look(bot).await;
}

async fn after(bot: &Bot, mins: u64) {
    bot.leap(Duration::from_mins(mins)).await;
    look(bot).await;
}

/// After a leap the feeds publish as they did before, until their rhythm is known again.
async fn warm(bot: &Bot) {
    bot.feeds(&["Crypto.BTC/USD", "Crypto.ETH/USD", "Crypto.SOL/USD"]).await;
    bot.advance(150).await;
}

fn handoffs(bot: &Bot) -> Vec<Value> {
    let messages = bot.slack.messages("ops").into_iter();
    messages.filter(|m| m["blocks"][0]["text"]["text"].as_str().is_some_and(|t| t.contains("Handoff #"))).collect()
}

/// The only handoff, as people read it.
fn shown(bot: &Bot) -> String {
    let all = handoffs(bot);
    assert_eq!(all.len(), 1, "{all:#?}");
    Workspace::render(&all[0])
}

/// The latest, as people read it.
fn last(bot: &Bot) -> String {
    Workspace::render(handoffs(bot).last().unwrap())
}

fn answerable(bot: &Bot, schedule: &str) -> Vec<String> {
    bot.flow.answerable(schedule).iter().map(ToString::to_string).collect()
}

fn thread(bot: &Bot) -> String {
    let ts = handoffs(bot)[0]["ts"].as_str().unwrap().to_owned();
    bot.slack.thread("ops", &ts).iter().skip(1).map(Workspace::render).collect::<Vec<_>>().join("\n")
}

async fn press(bot: &Bot, user: &str, button: &str) {
    let ts = handoffs(bot).last().unwrap()["ts"].as_str().unwrap().to_owned();
    let seen = bot.slack.click(user, "ops", &ts, button).await;
    assert!(seen.ok(), "{seen:?}");
    bot.settle().await;
}

fn direct(bot: &Bot, user: &str) -> Vec<String> {
    let messages = bot.slack.seen_by(user, DIRECT).into_iter();
    messages.filter(|m| m["user"] == "U0WATCH").map(|m| Workspace::render(&m)).collect()
}

async fn audited(bot: &Bot) -> Vec<String> {
    bot.audit().await.into_iter().filter(|line| line.contains(" handoff.")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shift_change_is_posted_from_data_and_accepted() {
    let bot = bot().await;
    at(&bot, "2026-11-30T07:30:00Z").await;
    bot.type_in("alice", "/wk note primary the Frankfurt node is slow").await;
    warm(&bot).await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(150).await;
    assert_eq!(handoffs(&bot).len(), 0);
    at(&bot, MONDAY).await;
    assert!(shown(&bot).contains("SOL/USD") && shown(&bot).contains("nobody is on it"), "{}", shown(&bot));
    insta::assert_snapshot!("handoff_offered", shown(&bot));
    assert!(handoffs(&bot)[0]["blocks"].to_string().contains("<@U0BOB>"), "whoever comes in is pinged");
    insta::assert_snapshot!("handoff_direct", direct(&bot, "bob").join("\n\n"));
    let kept = direct(&bot, "alice");
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(kept[0].contains("You keep the watch until *bob* accepts it."), "{kept:?}");
    let answer = bot.type_in("dave", "/wk oncall").await;
    assert!(answer.contains("until then *alice* keeps the watch"), "{answer}");
    press(&bot, "alice", "Accept").await;
    assert!(bot.slack.ephemerals("alice").iter().any(|m| m.to_string().contains("is for *bob* to accept")));
    after(&bot, 4).await;
    press(&bot, "bob", "Accept").await;
    insta::assert_snapshot!("handoff_accepted", shown(&bot));
    assert!(!direct(&bot, "bob")[0].contains("[Accept]"), "{:?}", direct(&bot, "bob"));
    assert!(direct(&bot, "alice")[0].contains("You are released."), "{:?}", direct(&bot, "alice"));
    assert!(thread(&bot).contains("<@U0ALICE> you are released"), "{}", thread(&bot));
    let answer = bot.type_in("dave", "/wk oncall").await;
    assert!(!answer.contains("keeps the watch"), "{answer}");
    assert_eq!(
        audited(&bot).await,
        [
            "T0WKLABS/U0ALICE handoff.noted schedule/primary",
            "watchkeeper handoff.offered handoff/1",
            "T0WKLABS/U0BOB handoff.accepted handoff/1"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn not_accepted_it_reminds_and_escalates_once_also_over_a_restart() {
    for database in databases() {
        let bot = on(database, json!([primary()]), |_| {}).await;
        at(&bot, MONDAY).await;
        after(&bot, 10).await;
        assert_eq!(thread(&bot).matches('⏰').count(), 1, "{}", thread(&bot));
        let bot = bot.restart().await;
        bot.flow.refresh_directory().await;
        after(&bot, 10).await;
        let bot = bot.restart().await;
        bot.flow.refresh_directory().await;
        look(&bot).await;
        assert_eq!(thread(&bot).matches('⏰').count(), 2, "{}", thread(&bot));
        assert_eq!(direct(&bot, "carol").len(), 0);
        after(&bot, 10).await;
        assert!(direct(&bot, "carol")[0].contains("*bob* has not accepted the watch"), "{:?}", direct(&bot, "carol"));
        let bot = bot.restart().await;
        bot.flow.refresh_directory().await;
        look(&bot).await;
        after(&bot, 4).await;
        assert_eq!(direct(&bot, "carol").len(), 1);
        after(&bot, 1).await;
        assert!(thread(&bot).contains("Nobody has accepted"), "{}", thread(&bot));
        insta::assert_snapshot!("handoff_escalated", format!("{}\n\n{}", shown(&bot), thread(&bot)));
        assert_eq!(answerable(&bot, "primary"), ["U0ALICE", "U0BOB"], "whoever had it keeps it");
        let verbs: Vec<String> = audited(&bot).await;
        let expected = ["offered", "reminded", "reminded", "escalated", "unanswered"];
        assert_eq!(verbs, expected.map(|verb| format!("watchkeeper handoff.{verb} handoff/1")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_takes_the_watch_to_the_end_of_the_shift() {
    let bot = bot().await;
    at(&bot, MONDAY).await;
    bot.type_in("dave", "/wk silence ETH/USD 30m upgrade").await;
    after(&bot, 30).await;
    let told = bot.slack.seen_by("carol", DIRECT).pop().unwrap();
    assert!(bot.slack.click("carol", DIRECT, told["ts"].as_str().unwrap(), "I take it").await.ok());
    bot.settle().await;
    assert!(shown(&bot).contains("*carol* accepted it in place of *bob*"), "{}", shown(&bot));
    assert_eq!(bot.flow.answerable("primary"), [UserId::new("U0CAROL")]);
    after(&bot, 5).await;
    assert_eq!(handoffs(&bot).len(), 1, "her coming in is no shift change of its own");
    assert!(audited(&bot).await.contains(&"T0WKLABS/U0CAROL handoff.stood_in handoff/1".to_owned()));
    at(&bot, "2026-12-07T08:00:00Z").await;
    assert!(last(&bot).contains("*carol* → <@U0ALICE>"), "{}", last(&bot));
    let changes = bot.type_in("alice", "/wk handoff 2 changes").await;
    assert!(changes.contains("silence 1: created"), "what was done before she took it is of her shift: {changes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_goes_to_the_thread_and_gives_time() {
    let bot = bot().await;
    at(&bot, MONDAY).await;
    after(&bot, 9).await;
    press(&bot, "bob", "Ask…").await;
    let view = bot.slack.views("bob").pop().unwrap();
    let empty =
        bot.slack.submit_view("bob", view["id"].as_str().unwrap(), json!({"question": {"question": " "}})).await;
    assert!(!empty.ok(), "{empty:?}");
    let asked = json!({"question": {"question": "is the failover done?"}});
    assert!(bot.slack.submit_view("bob", view["id"].as_str().unwrap(), asked).await.ok());
    bot.settle().await;
    assert!(thread(&bot).contains("*bob* asks <@U0ALICE>: is the failover done?"), "{}", thread(&bot));
    assert!(audited(&bot).await.contains(&"T0WKLABS/U0BOB handoff.asked handoff/1".to_owned()));
    after(&bot, 9).await;
    assert!(!thread(&bot).contains('⏰'), "{}", thread(&bot));
    after(&bot, 1).await;
    assert!(thread(&bot).contains('⏰'), "{}", thread(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_slack_could_not_take_comes_late_and_says_how_late() {
    let bot = bot().await;
    at(&bot, MONDAY).await;
    bot.slack.faults(|faults| {
        faults.next("chat.postMessage", 500, Failure::Status(503));
    });
    after(&bot, 10).await;
    bot.advance(180).await;
    assert!(!thread(&bot).contains('⏰'), "{}", thread(&bot));
    bot.slack.faults(Faults::clear_calls);
    bot.advance(150).await;
    assert!(thread(&bot).contains('⏰') && thread(&bot).contains("late: it was due at"), "{}", thread(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_alerts_in_one_shift_are_one_short_screen_and_pages() {
    let bot = on(Database::sqlite(), json!([primary()]), |config| {
        config.alerting.root.group_by = Some(vec!["alertname".to_owned(), "symbol".to_owned()]);
        config.rules.source_down.enabled = Some(false);
    })
    .await;
    at(&bot, "2026-11-30T07:50:00Z").await;
    let symbols: Vec<String> = (0..200).map(|n| format!("Crypto.C{n}/USD")).collect();
    bot.feeds(&symbols.iter().map(String::as_str).collect::<Vec<_>>()).await;
    bot.advance(120).await;
    bot.stop_all();
    for _ in 0..6 {
        bot.leap(Duration::from_secs(20)).await;
    }
    at(&bot, MONDAY).await;
    let all = handoffs(&bot);
    let message = &all[0];
    let blocks = message["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 6, "{blocks:#?}");
    let text = shown(&bot);
    assert!(text.lines().count() <= 16, "{text}");
    assert!(text.contains("197 more open alerts"), "{text}");
    let page = bot.type_in("bob", "/wk handoff 1 alerts page 17").await;
    assert!(page.contains("Open alerts (200) · page 17 of 17") && page.contains("Previous"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_typed_or_made_of_messages_and_go_with_one_handoff() {
    let bot = bot().await;
    let ts = bot.slack.say("dave", "ops", "Deploy of <hermes> is half done").await.unwrap();
    let seen = bot.slack.shortcut("dave", "ops", &ts, "Add to handoff note").await;
    assert!(seen.ok(), "{seen:?}");
    bot.settle().await;
    assert!(bot.told("dave")[0].contains("Noted for the next shift of *primary*"), "{:?}", bot.told("dave"));
    let added = bot.slack.slash("alice", "ops", "/wk note wrong one").await;
    bot.settle().await;
    let added = added.message.unwrap()["ts"].as_str().unwrap().to_owned();
    assert!(bot.slack.click("alice", "ops", &added, "Remove").await.ok());
    bot.settle().await;
    assert!(audited(&bot).await.iter().any(|line| line.starts_with("T0WKLABS/U0ALICE handoff.note_removed note/")));
    let notes = bot.type_in("alice", "/wk note").await;
    assert!(notes.contains("1 note") && notes.contains("Deploy of"), "{notes}");
    at(&bot, MONDAY).await;
    assert!(shown(&bot).contains("Deploy of") && !shown(&bot).contains("wrong one"), "{}", shown(&bot));
    let link = bot.type_in("bob", "/wk handoff 1 notes").await;
    assert!(link.contains("/archives/C0OPS/p"), "{link}");
    press(&bot, "bob", "Accept").await;
    at(&bot, "2026-12-07T08:00:00Z").await;
    let next = Workspace::render(handoffs(&bot).last().unwrap());
    assert!(!next.contains("Deploy of"), "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_following_is_said_and_nobody_has_to_accept_it() {
    let office = json!({
        "name": "office", "channel": "C0OPS", "handoff": {},
        "layers": [{"users": ["U0ALICE"], "start": "2026-01-05", "restrictions": [{"end_time": "17:00"}]}],
    });
    let nobody = json!({
        "name": "nobody", "channel": "C0OPS", "handoff": {}, "layers": [{"users": [], "start": "2026-01-05"}],
    });
    let bot = on(Database::sqlite(), json!([office, nobody]), |_| {}).await;
    at(&bot, "2026-11-24T17:00:00Z").await;
    assert!(shown(&bot).contains("Nobody has the watch by the schedule"), "{}", shown(&bot));
    assert!(!shown(&bot).contains("[Accept]"), "{}", shown(&bot));
    assert_eq!(bot.flow.answerable("office"), []);
    after(&bot, 90).await;
    assert_eq!(thread(&bot), "");
    let shift = bot.type_in("alice", "/wk handoff nobody").await;
    assert!(shift.contains("*nobody* so far"), "{shift}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_left_slack_hands_nothing_over() {
    let bot = bot().await;
    bot.slack.deactivate("alice");
    bot.flow.refresh_directory().await;
    at(&bot, MONDAY).await;
    let last = last(&bot);
    assert!(last.contains("nobody → <@U0BOB>") && last.contains("Nobody keeps the watch"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn overrides_that_overlap_hand_over_to_whoever_has_it_and_a_change_before_acceptance_ends_the_one_before() {
    let bot = bot().await;
    bot.type_in("carol", "/wk override primary @carol now for 5h").await;
    bot.type_in("dave", "/wk override primary @dave in 1h for 1h").await;
    look(&bot).await;
    after(&bot, 60).await;
    after(&bot, 60).await;
    let all: Vec<String> = handoffs(&bot).iter().map(Workspace::render).collect();
    assert_eq!(all.len(), 3, "{all:#?}");
    assert!(all[0].contains("*alice* → *carol*") && all[0].contains("changed hands again"), "{}", all[0]);
    assert!(all[1].contains("*alice* → *dave*") && all[1].contains("changed hands again"), "{}", all[1]);
    assert!(all[2].contains("*alice* → <@U0CAROL>"), "nobody has taken it from her: {}", all[2]);
    assert_eq!(answerable(&bot, "primary"), ["U0ALICE", "U0CAROL"]);
    assert_eq!(audited(&bot).await.iter().filter(|line| line.contains("superseded")).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn right_after_a_start_nobody_being_known_is_no_shift_change() {
    let mut schedule = primary();
    schedule["layers"][0]["users"] = json!(["alice@example.com", "bob@example.com"]);
    let bot = on(Database::sqlite(), json!([schedule]), |_| {}).await;
    let bot = bot.restart().await;
    look(&bot).await;
    assert_eq!(handoffs(&bot).len(), 0, "Slack has not said yet who they are");
    bot.flow.refresh_directory().await;
    look(&bot).await;
    assert_eq!(handoffs(&bot).len(), 0);
    at(&bot, MONDAY).await;
    assert!(shown(&bot).contains("*alice* → <@U0BOB>"), "{}", shown(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hour_on_the_wall_stays_when_clocks_change_in_each_zone() {
    let schedule = |name: &str, zone: &str| {
        let mut schedule = primary();
        schedule["name"] = json!(name);
        schedule["layers"][0]["time_zone"] = json!(zone);
        schedule
    };
    let zones = json!([
        schedule("berlin", "Europe/Berlin"),
        schedule("newyork", "America/New_York"),
        schedule("lordhowe", "Australia/Lord_Howe"),
        schedule("kolkata", "Asia/Kolkata"),
    ]);
    let bot = on(Database::sqlite(), zones, |_| {}).await;
    // Clocks go forward in New York on 14 March and in Berlin on 28 March, and back on Lord Howe on 4 April.
    for (name, before, after) in [
        ("newyork", "2027-03-08T14:00:00Z", "2027-03-15T13:00:00Z"),
        ("berlin", "2027-03-22T08:00:00Z", "2027-03-29T07:00:00Z"),
        ("kolkata", "2027-03-29T03:30:00Z", "2027-04-05T03:30:00Z"),
        ("lordhowe", "2027-03-28T22:00:00Z", "2027-04-04T22:30:00Z"),
    ] {
        let shifts = |bot: &Bot| {
            let from = Timestamp::from_millis(before.parse::<jiff::Timestamp>().unwrap().as_millisecond());
            let to = Timestamp::from_millis(after.parse::<jiff::Timestamp>().unwrap().as_millisecond());
            let people = |at: Timestamp| bot.flow.on_call(name, at);
            let earlier = Duration::from_secs(1);
            (people(from.minus(earlier)) != people(from), people(to.minus(earlier)) != people(to))
        };
        assert_eq!(shifts(&bot), (true, true), "{name}");
    }
    at(&bot, "2027-03-29T06:59:59Z").await;
    let count = handoffs(&bot).len();
    at(&bot, "2027-03-29T07:00:00Z").await;
    assert_eq!(handoffs(&bot).len(), count + 1, "9:00 in Berlin");
    let last = Workspace::render(handoffs(&bot).last().unwrap());
    assert!(last.contains("berlin"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_week_is_posted_once_with_load_nights_and_advice() {
    let bot = on(Database::sqlite(), json!([primary()]), |config| {
        let channel = ChannelId::new("C0OPS");
        config.oncall.digest = Some(Digest { schedule: "0 9 * * MON Europe/Berlin".parse().unwrap(), channel });
    })
    .await;
    bot.flow.post_week().await.unwrap();
    // Three times in the night from Friday to Saturday, gone by itself each time.
    at(&bot, "2026-11-28T01:00:00Z").await;
    for _ in 0..3 {
        warm(&bot).await;
        bot.stop("Crypto.SOL/USD");
        bot.advance(150).await;
        bot.heal();
        bot.advance(150).await;
        bot.leap(Duration::from_mins(30)).await;
    }
    let weeks = |bot: &Bot| -> Vec<String> {
        let messages = bot.slack.messages("ops").into_iter();
        messages.map(|m| Workspace::render(&m)).filter(|text| text.contains("The week on call")).collect()
    };
    assert_eq!(weeks(&bot).len(), 0);
    bot.leap(Duration::from_hours(55)).await;
    assert!(bot.flow.post_week().await.unwrap());
    bot.settle().await;
    let text = weeks(&bot).join("\n");
    for part in
        ["fired 3 times", "went by itself 3 times", "*1 night disturbed*", "alerts while on call", "→ half are over"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    insta::assert_snapshot!("week", text);
    let bot = bot.restart().await;
    bot.lead().await;
    assert!(!bot.flow.post_week().await.unwrap());
    assert_eq!(weeks(&bot).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_without_the_lease_posts_nothing_and_whoever_has_it_next_posts_once() {
    use watchkeeper::flow::lead::LEASE;
    use watchkeeper::store::lease::acquire;
    for database in databases() {
        let bot = on(database, json!([primary()]), |_| {}).await;
        at(&bot, "2026-11-30T07:59:59Z").await;
        bot.flow.release_lease().await;
        let store = &bot.flow.store;
        acquire(store, LEASE, "another", Duration::from_mins(1), bot.clock.now()).await.unwrap().unwrap();
        bot.clock.advance(Duration::from_secs(1));
        look(&bot).await;
        assert_eq!(handoffs(&bot).len(), 0);
        bot.clock.advance(Duration::from_mins(1));
        bot.lead().await;
        look(&bot).await;
        look(&bot).await;
        assert_eq!(handoffs(&bot).len(), 1);
    }
}
