//! Nobody acknowledges: who is told next, when it stops, and that nothing is forgotten on the way.

use std::time::Duration;

use serde_json::{Value, json};
use watchkeeper::config::Config;
use watchkeeper::config::oncall::OnCall;
use watchkeeper::core::escalation::{Escalation, Policy, Rule, Step, Target};
use watchkeeper::core::ids::UserId;
use watchkeeper::core::severity::Severity;
use watchkeeper::core::time::Span;
use watchkeeper::oncall::Feed;
use watchkeeper::sim::slack::{Failure, Faults, Workspace};

use super::oncall::{Elsewhere, calendar, client, shift};
use super::support::{Bot, Database, databases};

const DIRECT: &str = "@watchkeeper";

fn user(id: &str) -> Target {
    Target::User(UserId::new(id))
}

fn step(targets: Vec<Target>) -> Step {
    Step { targets, wait: Span::from_secs(300) }
}

/// Alice first, Bob and a mention after five minutes; once more after that.
fn policy() -> Policy {
    let steps = vec![step(vec![user("U0ALICE")]), step(vec![user("U0BOB"), Target::Channel("here".to_owned())])];
    Policy { name: "feeds".to_owned(), after: Span::from_secs(60), steps, repeat: 1 }
}

fn rule() -> Rule {
    Rule { receivers: Vec::new(), severities: Vec::new(), policy: "feeds".to_owned(), hours: None }
}

async fn bot(database: Database, change: impl FnOnce(&mut Escalation)) -> Bot {
    let mut escalation = Escalation { policies: vec![policy()], rules: vec![rule()] };
    change(&mut escalation);
    let bot = Bot::with(database, |config: &mut Config| {
        config.escalation = escalation;
        // A warning stays one: what gets worse is another story.
        config.rules.classes.entry("crypto".to_owned()).or_default().stale_max = Some(Span::from_secs(86_400));
    })
    .await;
    bot.stop("Crypto.SOL/USD");
    bot
}

/// Up to and including the first message.
async fn until_posted(bot: &Bot) {
    for _ in 0..120 {
        if !bot.posted().is_empty() {
            return;
        }
        bot.advance(1).await;
    }
    panic!("nothing was posted");
}

/// What somebody was told directly, as they read it.
fn pages(bot: &Bot, user: &str) -> Vec<String> {
    let messages = bot.slack.seen_by(user, DIRECT).into_iter();
    messages.filter(|m| m["user"] == "U0WATCH").map(|m| Workspace::render(&m)).collect()
}

fn thread(bot: &Bot) -> String {
    bot.thread().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_acknowledges_one_after_the_other_is_told() {
    for database in databases() {
        let bot = bot(database, |_| {}).await;
        until_posted(&bot).await;
        insta::assert_snapshot!("escalation_living", bot.alerts()[0]);
        bot.advance(59).await;
        assert_eq!(pages(&bot, "alice").len(), 0);
        bot.advance(1).await;
        assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (1, 0));
        insta::assert_snapshot!("escalation_page", pages(&bot, "alice")[0]);
        bot.advance(300).await;
        assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (1, 1));
        assert!(thread(&bot).contains("<!here>") || thread(&bot).contains("@here"), "{}", thread(&bot));
        bot.advance(300).await;
        assert_eq!(pages(&bot, "alice").len(), 2, "another round rings again");
        bot.advance(900).await;
        assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (2, 2));
        insta::assert_snapshot!("escalation_thread", thread(&bot));
        let audit = bot.audit().await.join("\n");
        assert_eq!(audit.matches("alert.escalated").count(), 4, "{audit}");
        assert!(audit.contains("escalation.exhausted alert/1"), "{audit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledging_in_the_direct_message_stops_it_and_shows_everywhere() {
    let bot = bot(Database::sqlite(), |_| {}).await;
    until_posted(&bot).await;
    bot.advance(60).await;
    let page = bot.slack.seen_by("alice", DIRECT).into_iter().rfind(|m| m["user"] == "U0WATCH").unwrap();
    bot.slack.click("alice", DIRECT, page["ts"].as_str().unwrap(), "Acknowledge").await;
    bot.settle().await;
    assert!(bot.alerts()[0].contains("Acknowledged"), "{}", bot.alerts()[0]);
    assert!(pages(&bot, "alice")[0].contains("acknowledged by"), "{:#?}", pages(&bot, "alice"));
    bot.advance(1200).await;
    assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (1, 0));
    let why = bot.type_in("bob", "/wk why 1").await;
    assert!(why.contains("*Escalates*") && why.contains("acknowledged"), "{why}");
    bot.heal();
    bot.advance(120).await;
    assert!(pages(&bot, "alice")[0].contains("resolved"), "{:#?}", pages(&bot, "alice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn silencing_and_resolving_stop_it_and_letting_go_begins_anew() {
    let bot = bot(Database::sqlite(), |_| {}).await;
    until_posted(&bot).await;
    bot.type_in("bob", "/wk silence SOL/USD 30m deploy").await;
    bot.advance(1200).await;
    assert_eq!(pages(&bot, "alice").len(), 0, "silenced");
    bot.advance(700).await;
    assert_eq!(pages(&bot, "alice").len(), 1, "the silence ended and it still fires");
    bot.type_in("bob", "/wk ack 1").await;
    bot.advance(900).await;
    assert_eq!(pages(&bot, "alice").len(), 1);
    bot.type_in("bob", "/wk unack 1").await;
    bot.advance(61).await;
    assert_eq!(pages(&bot, "alice").len(), 2, "nobody is on it any more");
    bot.heal();
    bot.advance(900).await;
    assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (2, 0), "resolved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_the_deadlines_and_tells_nobody_twice() {
    for database in databases() {
        let bot = bot(database, |_| {}).await;
        until_posted(&bot).await;
        // Early enough for a successor on Postgres to wait for the lease of the dead.
        bot.advance(335).await;
        assert_eq!(pages(&bot, "alice").len(), 1);
        let bot = bot.restart().await;
        bot.advance(24).await;
        assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (1, 0));
        bot.advance(1).await;
        assert_eq!(pages(&bot, "bob").len(), 1, "due as if nothing had happened: {:#?}", bot.alerts());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_slack_could_not_take_comes_late_and_says_how_late() {
    let bot = bot(Database::sqlite(), |_| {}).await;
    until_posted(&bot).await;
    bot.slack.faults(|faults| {
        faults.next("*", 100_000, Failure::Status(503));
    });
    bot.advance(420).await;
    assert_eq!(pages(&bot, "alice").len(), 0);
    bot.slack.faults(Faults::clear_calls);
    bot.advance(150).await;
    assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (1, 1), "{:#?}", pages(&bot, "alice"));
    assert!(pages(&bot, "alice")[0].contains("min") && pages(&bot, "alice")[0].contains("late: it was due"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_meanwhile_rings_nobody_when_slack_is_back() {
    let bot = bot(Database::sqlite(), |_| {}).await;
    until_posted(&bot).await;
    bot.slack.faults(|faults| {
        faults.next("conversations.open", 100_000, Failure::Status(503));
    });
    bot.advance(100).await;
    bot.click("bob", "Acknowledge").await;
    bot.slack.faults(Faults::clear_calls);
    bot.advance(300).await;
    assert!(bot.alerts()[0].contains("Acknowledged"), "{}", bot.alerts()[0]);
    assert_eq!(pages(&bot, "alice"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_has_left_is_not_waited_for() {
    let bot = bot(Database::sqlite(), |_| {}).await;
    bot.slack.deactivate("alice");
    until_posted(&bot).await;
    bot.advance(61).await;
    assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (0, 1));
    assert!(thread(&bot).contains("is deactivated in Slack"), "{}", thread(&bot));
    assert!(thread(&bot).contains("follows at once"), "{}", thread(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_step_can_be_asked_for_and_does_not_call_whoever_is_on_it() {
    let bot = bot(Database::sqlite(), |_| {}).await;
    let none = bot.type_in("bob", "/wk escalate 9").await;
    assert!(none.contains("no alert #9"), "{none}");
    until_posted(&bot).await;
    bot.click("bob", "Escalate").await;
    assert_eq!(pages(&bot, "alice").len(), 1, "before its time");
    assert!(thread(&bot).contains("asked for by"), "{}", thread(&bot));
    bot.click("alice", "Acknowledge").await;
    let asked = bot.type_in("alice", "/wk escalate 1").await;
    assert!(asked.contains("step 2 of 2"), "{asked}");
    assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (1, 1));
    assert!(pages(&bot, "bob")[0].contains("asks you to look"), "{:#?}", pages(&bot, "bob"));
    bot.type_in("alice", "/wk escalate 1").await;
    assert_eq!(pages(&bot, "alice").len(), 1, "she has acknowledged it");
    bot.advance(900).await;
    assert_eq!(pages(&bot, "bob").len(), 1, "and nobody is called by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_waits_for_working_hours() {
    // The story begins on a Tuesday at noon, UTC.
    let bot = bot(Database::sqlite(), |escalation| {
        let hours = "UTC;C,1210-1800,O,O,O,C,C".parse().ok();
        escalation.rules = vec![Rule { severities: vec![Severity::Warning], hours, ..rule() }];
    })
    .await;
    until_posted(&bot).await;
    let why = bot.type_in("bob", "/wk why 1").await;
    assert!(why.contains("when working hours begin"), "{why}");
    bot.advance(75).await;
    assert_eq!(pages(&bot, "alice").len(), 0, "outside working hours");
    bot.advance(700).await;
    assert_eq!(pages(&bot, "bob").len(), 1, "they have begun: {:#?}", bot.alerts());
}

/// Whoever has the watch of `schedule` first, Bob after five minutes.
async fn watched(database: Database, schedule: Value) -> Bot {
    let bot = Bot::with(database, |config: &mut Config| {
        let steps = vec![step(vec![Target::Schedule("primary".to_owned())]), step(vec![user("U0BOB")])];
        let policy = Policy { steps, repeat: 0, ..policy() };
        config.escalation = Escalation { policies: vec![policy], rules: vec![rule()] };
        config.oncall = OnCall { schedules: serde_json::from_value(json!([schedule])).unwrap(), ..OnCall::default() };
        config.rules.classes.entry("crypto".to_owned()).or_default().stale_max = Some(Span::from_secs(86_400));
    })
    .await;
    bot.stop("Crypto.SOL/USD");
    bot
}

fn turns(users: &[&str]) -> Value {
    json!({"name": "primary", "layers": [{"users": users, "start": "2026-01-05"}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_calls_whoever_has_its_watch_and_an_override_takes_the_call() {
    let bot = watched(Database::sqlite(), turns(&["U0ALICE"])).await;
    until_posted(&bot).await;
    bot.advance(61).await;
    assert_eq!((pages(&bot, "alice").len(), pages(&bot, "carol").len()), (1, 0));
    let bot = watched(Database::sqlite(), turns(&["U0ALICE"])).await;
    bot.type_in("dave", "/wk override primary @carol now for 4h").await;
    let told = pages(&bot, "carol").len();
    until_posted(&bot).await;
    bot.advance(61).await;
    assert_eq!((pages(&bot, "alice").len(), pages(&bot, "carol").len() - told), (0, 1));
}

/// The one who decides keeps who is on call in memory, and an override that another replica took is not there yet.
#[tokio::test(flavor = "multi_thread")]
async fn an_override_taken_by_another_replica_a_moment_ago_takes_the_call() {
    if let Some(database) = Database::postgres() {
        let bot = watched(database, turns(&["U0ALICE"])).await;
        until_posted(&bot).await;
        let other = bot.replica().await.unwrap();
        bot.advance(50).await;
        bot.ask_at(other.address, "dave", "/wk override primary @carol now for 4h").await;
        let told = pages(&bot, "carol").len();
        bot.advance(11).await;
        assert_eq!((pages(&bot, "alice").len(), pages(&bot, "carol").len() - told), (0, 1));
        let seen = bot.ask_at(bot.address, "bob", "/wk oncall").await;
        assert!(seen.contains("*carol* until"), "{seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_without_anybody_is_followed_by_the_next_step_at_once() {
    let mut empty = turns(&["U0ALICE"]);
    empty["layers"][0]["start"] = json!("2027-01-04");
    let bot = watched(Database::sqlite(), empty).await;
    until_posted(&bot).await;
    bot.advance(61).await;
    assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (0, 1));
    assert!(thread(&bot).contains("nobody is on call in *primary*"), "{}", thread(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_group_is_mentioned_in_the_thread() {
    let bot = bot(Database::sqlite(), |escalation| {
        escalation.policies[0].steps = vec![step(vec![Target::UserGroup("S0ONCALL".to_owned())])];
    })
    .await;
    until_posted(&bot).await;
    bot.advance(61).await;
    assert!(thread(&bot).contains("<!subteam^S0ONCALL>") || thread(&bot).contains("@oncall"), "{}", thread(&bot));
    let broadcast =
        bot.slack.calls("chat.postMessage").into_iter().rev().find(|call| call.args["reply_broadcast"] == "true");
    assert!(broadcast.is_some(), "a mention that only the thread shows is missed");
}

#[tokio::test(flavor = "multi_thread")]
async fn right_after_a_start_whoever_was_on_call_is_called_and_nobody_else() {
    for database in databases() {
        let bot = watched(database, turns(&["alice@example.com"])).await;
        bot.flow.refresh_directory().await;
        until_posted(&bot).await;
        bot.advance(40).await;
        let bot = bot.restart().await;
        bot.advance(25).await;
        assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (1, 0), "{:#?}", bot.alerts());
    }
    for database in databases() {
        let bot = watched(database, json!({"name": "primary", "ical": {"url_env": "STORY_CALENDAR"}})).await;
        let elsewhere = Elsewhere::default();
        let feed = Feed::Ical { url: format!("{}/basic.ics", elsewhere.start().await).into() };
        let week = shift("alice@example.com", "20261123T080000Z", "20261130T080000Z");
        elsewhere.say("basic.ics", 200, &calendar(&[week]));
        bot.flow.pull_schedule("primary", &feed, &client()).await;
        until_posted(&bot).await;
        bot.advance(40).await;
        let bot = bot.restart().await;
        bot.advance(25).await;
        assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (1, 0), "{:#?}", bot.alerts());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_first_start_a_step_waits_a_little_for_who_is_on_call_to_be_known() {
    let bot = watched(Database::sqlite(), turns(&["alice@example.com"])).await;
    until_posted(&bot).await;
    bot.advance(120).await;
    assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (0, 0), "nobody knows who has the watch");
    bot.flow.refresh_directory().await;
    bot.advance(2).await;
    assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (1, 0));

    let bot = watched(Database::sqlite(), turns(&["alice@example.com"])).await;
    until_posted(&bot).await;
    bot.advance(182).await;
    assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (0, 1), "not for ever");
}

/// The second round is within the ten minutes for which nobody is looked up again.
fn soon_again(escalation: &mut Escalation) {
    escalation.policies[0].steps[1].wait = Span::from_secs(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_be_written_to_is_named_and_the_next_is_called_at_once() {
    let bot = bot(Database::sqlite(), soon_again).await;
    until_posted(&bot).await;
    bot.advance(61).await;
    assert_eq!(pages(&bot, "alice").len(), 1);
    bot.advance(300).await;
    assert_eq!(pages(&bot, "bob").len(), 1);
    bot.slack.deactivate("alice");
    bot.advance(201).await;
    assert!(thread(&bot).contains("alice* was not told"), "{}", thread(&bot));
    assert_eq!(pages(&bot, "bob").len(), 2, "not after her five minutes: {}", thread(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_heard_of_before_a_crash_is_heard_of_after_it() {
    for database in databases() {
        let bot = bot(database, soon_again).await;
        until_posted(&bot).await;
        bot.advance(362).await;
        assert_eq!((pages(&bot, "alice").len(), pages(&bot, "bob").len()), (1, 1));
        bot.advance(190).await;
        bot.slack.deactivate("alice");
        bot.clock.advance(Duration::from_secs(9));
        bot.lead().await;
        bot.flow.tick().await;
        // Her page is refused, and the process dies before the next look.
        while watchkeeper::jobs::run_due(&bot.flow).await.unwrap() > 0 {}
        assert!(thread(&bot).contains("alice* was not told"), "{}", thread(&bot));
        assert_eq!(pages(&bot, "bob").len(), 1);
        let bot = bot.restart().await;
        bot.advance(15).await;
        assert_eq!(pages(&bot, "bob").len(), 2, "{}", thread(&bot));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_known_to_have_left_stays_so_while_slack_does_not_say() {
    let bot = bot(Database::sqlite(), |escalation| {
        escalation.policies[0].steps[1].wait = Span::from_secs(900);
    })
    .await;
    bot.slack.deactivate("alice");
    until_posted(&bot).await;
    bot.advance(61).await;
    assert_eq!(pages(&bot, "bob").len(), 1);
    bot.slack.faults(|faults| {
        faults.next("users.info", 100_000, Failure::Status(503));
    });
    bot.advance(901).await;
    assert_eq!(pages(&bot, "bob").len(), 2, "nobody waits for her in the second round: {}", thread(&bot));
    assert!(!thread(&bot).contains("told *alice*"), "{}", thread(&bot));
}
