//! The human work on trouble: declared, worked on in a channel of its own, told of on a cadence, written down by itself.

use std::time::Duration;

use serde_json::{Value, json};
use watchkeeper::config::oncall::OnCall;
use watchkeeper::core::ids::ChannelId;
use watchkeeper::sim::slack::{Failure, Workspace};

use super::support::bot::ALERTS;
use super::support::{Bot, Database, databases};

/// The channel of the first incident that is called so.
const ROOM: &str = "inc-1-sol-usd-is-stale";

fn announced(bot: &Bot) -> Value {
    let messages = bot.slack.messages(ALERTS).into_iter();
    let mut found = messages.filter(|m| {
        m["blocks"].to_string().contains("Incident #1") && m.get("thread_ts").is_none_or(|ts| *ts == m["ts"])
    });
    found.next().unwrap_or_else(|| panic!("nothing was announced: {:#?}", bot.alerts()))
}

/// In no order: the topic is set and the card posted at the same time.
fn in_room(bot: &Bot) -> Vec<String> {
    let said = bot.slack.messages(ROOM).into_iter().filter(|m| m["user"] == "U0WATCH");
    let mut said: Vec<String> = said.map(|message| Workspace::render(&message)).collect();
    said.sort();
    said
}

async fn press(bot: &Bot, user: &str, button: &str) {
    let card = bot.slack.messages(ROOM).into_iter().find(|m| m["blocks"].to_string().contains("Timeline")).unwrap();
    let seen = bot.slack.click(user, ROOM, card["ts"].as_str().unwrap(), button).await;
    assert!(seen.ok(), "{seen:?}");
    bot.settle().await;
}

async fn submit(bot: &Bot, user: &str, values: Value) {
    let view = bot.slack.views(user).pop().unwrap();
    let done = bot.slack.submit_view(user, view["id"].as_str().unwrap(), values).await;
    assert!(done.ok(), "{done:?}");
    bot.settle().await;
}

async fn declared() -> Bot {
    let bot = Bot::with(Database::sqlite(), |config| {
        let primary = json!([{"name": "primary", "layers": [{"users": ["U0BOB"], "start": "2026-01-05"}]}]);
        config.oncall = OnCall { schedules: serde_json::from_value(primary).unwrap(), ..OnCall::default() };
        config.incidents.invite = vec!["primary".to_owned()];
    })
    .await;
    let answer = bot.type_in("alice", "/wk incident SOL/USD is stale").await;
    assert!(answer.contains("Incident #1 is declared; you lead it"), "{answer}");
    bot
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_gets_a_channel_with_topic_people_and_card() {
    let bot = declared().await;
    insta::assert_snapshot!("incident_announced", Workspace::render(&announced(&bot)));
    insta::assert_snapshot!("incident_card", in_room(&bot).join("\n\n"));
    let topic = &bot.slack.calls("conversations.setTopic")[0];
    assert_eq!(topic.args["topic"], "SEV2 · incident 1: SOL/USD is stale");
    let mut invited: Vec<_> =
        bot.slack.calls("conversations.invite").iter().map(|call| call.args["users"].clone()).collect();
    invited.sort_by_key(Value::to_string);
    assert_eq!(invited, [json!("U0ALICE"), json!("U0BOB")], "who declared it, and who has the watch");
    assert!(bot.audit().await.contains(&"T0WKLABS/U0ALICE incident.declared incident/1".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_severity_and_next_step_change_by_command_and_form() {
    let bot = declared().await;
    for (line, expected) in [
        ("/wk incident 1 scribe @bob", "scribe: bob"),
        ("/wk incident sev1", "SEV1"),
        ("/wk incident next fail over to Frankfurt", "fail over to Frankfurt"),
    ] {
        let answer = bot.type_in("alice", line).await;
        assert!(answer.contains("Done"), "{line}: {answer}");
        bot.advance(3).await;
        assert!(in_room(&bot).iter().any(|text| text.contains(expected)), "{line}: {:?}", in_room(&bot));
    }
    press(&bot, "bob", "Roles…").await;
    submit(&bot, "bob", json!({"communications": {"communications": "U0BOB"}})).await;
    let card = in_room(&bot).into_iter().find(|text| text.contains("Incident #1")).unwrap();
    assert!(card.contains("SEV1") && card.contains("fail over"), "{card}");
    let topic = bot.slack.calls("conversations.setTopic").last().unwrap().args["topic"].clone();
    assert_eq!(topic, "SEV1 · incident 1: SOL/USD is stale");
    let unclear = bot.type_in("alice", "/wk incident 1 whatever").await;
    assert!(unclear.contains("nothing to do with an incident"), "{unclear}");
    let nobody = bot.type_in("alice", "/wk incident 7").await;
    assert!(nobody.contains("no incident #7"), "{nobody}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_writes_itself_and_ends_in_a_post_mortem() {
    let bot = Bot::with(Database::sqlite(), |config| {
        config.incidents.channel = Some(ChannelId::new("C0OPS"));
    })
    .await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(120).await;
    let overflow = bot.the_alert();
    let value = overflow["attachments"].to_string() + &overflow["blocks"].to_string();
    let entry = value.split("incident.declare ").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let entry = entry.trim_end_matches('\\').to_owned();
    let ts = overflow["ts"].as_str().unwrap().to_owned();
    let chosen = bot.slack.choose("alice", ALERTS, &ts, "wk.more", format!("incident.declare {entry}")).await;
    assert!(chosen.ok(), "{chosen:?}");
    bot.settle().await;
    submit(&bot, "alice", json!({"title": {"title": "SOL/USD is stale"}})).await;
    bot.click("bob", "Acknowledge").await;
    bot.advance(60).await;
    let said = bot.slack.say("alice", ROOM, "it is the <publisher> node").await.unwrap();
    for _ in 0..2 {
        bot.slack.react("alice", ROOM, &said, "pushpin").await;
        bot.slack.react("alice", ROOM, &said, "eyes").await;
    }
    bot.settle().await;
    let marked = bot.slack.shortcut("alice", ROOM, &said, "Add to incident").await;
    assert!(marked.ok(), "{marked:?}");
    bot.settle().await;
    bot.advance(60).await;
    press(&bot, "alice", "Update…").await;
    submit(&bot, "alice", json!({"text": {"text": "failing over"}, "next": {"next": "watch it"}})).await;
    bot.heal();
    bot.advance(120).await;
    press(&bot, "alice", "Resolve…").await;
    submit(&bot, "alice", json!({"text": {"text": "The publisher's node was slow"}})).await;
    let timeline = bot.type_in("alice", "/wk incident 1 timeline").await;
    assert!(timeline.to_lowercase().contains("timeline"), "{timeline}");
    press(&bot, "alice", "Post-mortem").await;
    let (_, text) = bot.slack.files().into_iter().find(|(file, _)| file["name"] == "incident-1.md").unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("SOL/USD is stale") && text.contains("The publisher's node was slow"), "{text}");
    let beside = bot.slack.messages(ROOM).into_iter().find(|m| m["text"].to_string().contains("looked like")).unwrap();
    let drawn = &bot.the_alert()["attachments"].to_string();
    let picture = beside["blocks"][2]["slack_file"]["id"].as_str().unwrap();
    assert!(drawn.contains(picture), "the picture that the alert had: {picture} in {drawn}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_channel_may_be_opened_the_thread_is_used() {
    let bot = Bot::start().await;
    bot.slack.faults(|faults| {
        faults.next("conversations.create", 1, Failure::Error("missing_scope".to_owned()));
    });
    bot.type_in("alice", "/wk incident SOL/USD is stale").await;
    let card = Workspace::render(&announced(&bot));
    assert!(card.contains("worked on in this thread") && card.contains("missing_scope"), "{card}");
    bot.type_in("alice", "/wk incident update it is the node").await;
    let ts = announced(&bot)["ts"].as_str().unwrap().to_owned();
    let thread: Vec<String> = bot.slack.thread(ALERTS, &ts).iter().skip(1).map(Workspace::render).collect();
    assert!(thread.last().unwrap().contains("it is the node"), "{thread:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_whose_opening_was_not_answered_is_found_and_not_opened_twice() {
    let bot = Bot::start().await;
    bot.slack.faults(|faults| {
        faults.next("conversations.create", 1, Failure::AcceptedThen(503));
    });
    bot.type_in("alice", "/wk incident SOL/USD is stale").await;
    bot.advance(30).await;
    assert_eq!(bot.slack.calls("conversations.create").len(), 1);
    assert_eq!(in_room(&bot).iter().filter(|text| text.contains("Incident #1")).count(), 1, "{:?}", in_room(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_due_update_is_asked_for_also_over_a_restart() {
    for database in databases() {
        let bot = Bot::on(database).await;
        bot.type_in("alice", "/wk incident SOL/USD is stale").await;
        let due = |bot: &Bot| in_room(bot).iter().filter(|text| text.contains("is due")).count();
        bot.leap(Duration::from_mins(59)).await;
        bot.flow.keep_incidents().await.unwrap();
        let bot = bot.restart().await;
        bot.leap(Duration::from_mins(1)).await;
        bot.flow.keep_incidents().await.unwrap();
        bot.flow.keep_incidents().await.unwrap();
        bot.settle().await;
        assert_eq!(due(&bot), 1, "{:?}", in_room(&bot));
        let asks = |text: &String| text.contains("is due") && text.contains("<@U0ALICE>");
        assert!(in_room(&bot).iter().any(asks), "{:?}", in_room(&bot));
        bot.type_in("alice", "/wk incident 1 update nothing new").await;
        bot.leap(Duration::from_mins(59)).await;
        bot.flow.keep_incidents().await.unwrap();
        bot.settle().await;
        assert_eq!(due(&bot), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_resolved_is_refused_until_it_is_reopened_and_lists_show_both() {
    let bot = declared().await;
    bot.type_in("alice", "/wk incident 1 resolve a node was slow").await;
    let refused = bot.type_in("bob", "/wk incident 1 update more").await;
    assert!(refused.contains("was resolved"), "{refused}");
    assert!(bot.type_in("bob", "/wk incidents").await.contains("No incident is open"));
    assert!(bot.type_in("bob", "/wk incidents all").await.contains("SOL/USD is stale"));
    bot.type_in("bob", "/wk incident 1 reopen").await;
    assert!(bot.type_in("bob", "/wk incidents").await.contains("1 incident open"));
}
