//! Nobody acknowledges: who is told next, when it stops, and that nothing is forgotten on the way.

use watchkeeper::config::Config;
use watchkeeper::core::escalation::{Escalation, Policy, Rule, Step, Target};
use watchkeeper::core::ids::UserId;
use watchkeeper::core::severity::Severity;
use watchkeeper::core::time::Span;
use watchkeeper::sim::slack::{Failure, Faults, Workspace};

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
