//! The human work on trouble: declared, worked on in a channel of its own, told of on a cadence, written down by itself.

use std::time::Duration;

use serde_json::{Value, json};
use watchkeeper::config::oncall::OnCall;
use watchkeeper::core::ids::ChannelId;
use watchkeeper::core::label::{ALERTNAME, Labels};
use watchkeeper::core::severity::Severity;
use watchkeeper::core::signal::{Condition, Evidence, Link, Signal};
use watchkeeper::core::time::Span;
use watchkeeper::sim::slack::{Failure, Workspace};

use super::support::acting::Acting;
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

/// Chooses "Declare an incident…" in the menu of the one alert.
async fn declare_from_alert(bot: &Bot) {
    let alert = bot.the_alert();
    let value = alert["attachments"].to_string() + &alert["blocks"].to_string();
    let entry = value.split("incident.declare ").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let entry = entry.trim_end_matches('\\').to_owned();
    let ts = alert["ts"].as_str().unwrap().to_owned();
    let chosen = bot.slack.choose("alice", ALERTS, &ts, "wk.more", format!("incident.declare {entry}")).await;
    assert!(chosen.ok(), "{chosen:?}");
    bot.settle().await;
}

/// The post-mortem of the first incident, as it is now.
async fn exported(bot: &Bot) -> String {
    // So that it is the newest.
    bot.advance(1).await;
    bot.type_in("alice", "/wk incident 1 export").await;
    let files = bot.slack.files().into_iter().filter(|(file, _)| file["name"] == "incident-1.md");
    let (_, text) = files.max_by_key(|(file, _)| file["created"].as_i64()).unwrap();
    String::from_utf8(text).unwrap()
}

/// The lines of the timeline in a post-mortem: `Who | What`.
fn timeline(text: &str) -> Vec<String> {
    let rows = text.split("## Timeline").nth(1).unwrap().split("\n## ").next().unwrap().lines();
    let cells = rows.filter_map(|row| row.strip_prefix("| ")).skip(1);
    cells.filter_map(|row| Some(row.split_once(" | ")?.1.trim_end_matches(" |").to_owned())).collect()
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
    declare_from_alert(&bot).await;
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
    let update = json!({
        "stage": {"stage": "identified"}, "text": {"text": "failing over"}, "next": {"next": "watch it"},
    });
    submit(&bot, "alice", update).await;
    bot.type_in("alice", "/wk incident 1 scribe @bob").await;
    bot.heal();
    bot.advance(120).await;
    press(&bot, "alice", "Resolve…").await;
    submit(&bot, "alice", json!({"text": {"text": "The publisher's node was slow"}})).await;
    let shown = bot.type_in("alice", "/wk incident 1 timeline").await;
    assert!(shown.contains("alert 1: fired") && shown.contains("it is the"), "{shown}");
    press(&bot, "alice", "Post-mortem").await;
    let (_, text) = bot.slack.files().into_iter().find(|(file, _)| file["name"] == "incident-1.md").unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("SOL/USD is stale") && text.contains("The publisher's node was slow"), "{text}");
    let lines = timeline(&text);
    let what = |line: &str| lines.iter().filter(|known| known.contains(line)).count();
    for line in [
        "watchkeeper | alert: alert 1: fired",
        "alice | declared: SOL/USD is stale",
        "bob | alert: alert 1: acknowledged",
        "alice | update: identified: failing over",
        "alice | next step: watch it",
        "alice | role: scribe: bob",
        "alice | message: it is the \\<publisher\\> node ([message](http",
        "watchkeeper | alert: alert 1: resolved",
        "alice | resolved: The publisher's node was slow",
    ] {
        assert_eq!(what(line), 1, "{line} in {lines:#?}");
    }
    for row in ["| First alert |", "| Acknowledged after |", "| Resolved after |"] {
        assert!(text.contains(row), "{row}: {text}");
    }
    let charts = text.split("## Charts").nth(1).unwrap();
    assert!(charts.contains("| #1 | [picture F") && charts.contains("](http"), "{charts}");
    let all = bot.type_in("bob", "/wk incidents all").await;
    assert!(all.contains("to acknowledge (MTTA)") && all.contains("to resolve (MTTR)"), "{all}");
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

/// Declared by alice, with a channel; the message that she says there.
async fn said_in_room(text: &str) -> (Bot, String) {
    let bot = Bot::start().await;
    bot.type_in("alice", "/wk incident SOL/USD is stale").await;
    bot.type_in("alice", "/wk incident 1 scribe @bob").await;
    let said = bot.slack.say("bob", ROOM, text).await.unwrap();
    bot.settle().await;
    (bot, said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_on_the_timeline_by_the_shortcut_alone_and_by_the_reaction_alone() {
    let (bot, said) = said_in_room("it is the node").await;
    assert!(bot.slack.shortcut("alice", ROOM, &said, "Add to incident").await.ok());
    bot.settle().await;
    assert_eq!(timeline(&exported(&bot).await).iter().filter(|line| line.contains("it is the node")).count(), 1);
    let (bot, said) = said_in_room("it is the switch").await;
    let other = bot.slack.say("bob", ROOM, "good morning").await.unwrap();
    assert!(bot.slack.react("alice", ROOM, &said, "pushpin").await.ok());
    assert!(bot.slack.react("alice", ROOM, &other, "eyes").await.ok());
    bot.settle().await;
    let lines = timeline(&exported(&bot).await);
    assert!(lines.iter().any(|line| line.starts_with("bob | message: it is the switch ([message](")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("good morning")), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_in_a_thread_is_marked_although_slack_adds_its_parent() {
    let (bot, parent) = said_in_room("what is it?").await;
    bot.advance(2).await;
    let reply = bot.slack.reply("bob", ROOM, &parent, "it is the node").await.unwrap();
    assert!(bot.slack.react("alice", ROOM, &reply, "pushpin").await.ok());
    bot.settle().await;
    let lines = timeline(&exported(&bot).await);
    assert!(lines.iter().any(|line| line.contains("it is the node")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("what is it")), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_waits_for_slack_and_what_cannot_be_marked_is_told() {
    let (bot, said) = said_in_room("it is the node").await;
    bot.slack.faults(|faults| {
        faults.next("conversations.replies", 1, Failure::RateLimited { retry_after: 30 });
    });
    bot.slack.react("alice", ROOM, &said, "pushpin").await;
    bot.settle().await;
    assert!(!timeline(&exported(&bot).await).iter().any(|line| line.contains("it is the node")));
    bot.advance(60).await;
    assert!(timeline(&exported(&bot).await).iter().any(|line| line.contains("it is the node")));
    bot.slack.faults(|faults| {
        faults.next("conversations.replies", 1, Failure::Error("missing_scope".to_owned()));
    });
    let other = bot.slack.say("bob", ROOM, "it is the switch").await.unwrap();
    bot.slack.react("alice", ROOM, &other, "pushpin").await;
    bot.settle().await;
    assert!(bot.told("alice")[0].contains("missing_scope"), "{:?}", bot.told("alice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_thread_messages_are_marked_by_both_ways_too() {
    let bot = Bot::start().await;
    bot.slack.faults(|faults| {
        faults.next("conversations.create", 1, Failure::Error("restricted_action".to_owned()));
    });
    bot.type_in("alice", "/wk incident SOL/USD is stale").await;
    // A second one, in a channel of its own: which is meant, the thread tells.
    bot.type_in("alice", "/wk incident sev3 ETH/USD is slow").await;
    let ts = announced(&bot)["ts"].as_str().unwrap().to_owned();
    bot.advance(2).await;
    let pinned = bot.slack.reply("bob", ALERTS, &ts, "it is the node").await.unwrap();
    let chosen = bot.slack.reply("bob", ALERTS, &ts, "it is the switch").await.unwrap();
    let elsewhere = bot.slack.say("bob", ALERTS, "good morning").await.unwrap();
    for message in [&pinned, &elsewhere] {
        bot.slack.react("alice", ALERTS, message, "pushpin").await;
    }
    assert!(bot.slack.shortcut("alice", ALERTS, &chosen, "Add to incident").await.ok());
    bot.settle().await;
    let lines = timeline(&exported(&bot).await);
    let said: Vec<_> = lines.iter().filter(|line| line.contains("| message: ")).collect();
    assert!(said.len() == 2 && said[0].contains("node") && said[1].contains("switch"), "{lines:#?}");
}

fn alert(name: &str, runbooks: &[&str], firing: bool) -> Signal {
    let link = |url: &&str| Link { label: "Runbook".to_owned(), url: (*url).to_owned() };
    let evidence = Evidence {
        summary: format!("{name} is wrong"),
        value: "95 s".to_owned(),
        threshold: "60 s".to_owned(),
        links: runbooks.iter().map(link).collect(),
        ..Evidence::default()
    };
    let none = Span::default();
    Signal {
        labels: [(ALERTNAME, name), ("symbol", name)].into_iter().collect::<Labels>(),
        severity: Severity::Warning,
        condition: if firing { Condition::Active(evidence) } else { Condition::Inactive },
        pending_for: none,
        keep_firing_for: none,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runbooks_of_its_alerts_are_bookmarks_also_of_those_linked_later() {
    let bot = Bot::start().await;
    let (a, b) = ("https://runbooks.example.com/a", "https://runbooks.example.com/b");
    bot.flow.signals(vec![alert("Disk", &[a], true)]).await;
    bot.flow.signals(vec![alert("Network", &[b, a], true)]).await;
    bot.advance(30).await;
    bot.type_in("alice", "/wk incident the disk is full").await;
    let bookmarks = || -> Vec<String> {
        let calls = bot.slack.calls("bookmarks.add").into_iter();
        calls.map(|call| format!("{} {}", call.args["title"], call.args["link"]).replace('"', "")).collect()
    };
    assert_eq!(bookmarks(), [""; 0]);
    bot.type_in("alice", "/wk incident 1 link 1").await;
    bot.type_in("alice", "/wk incident 1 link 2").await;
    bot.advance(5).await;
    let (first, second) = (format!("Runbook: Disk {a}"), format!("Runbook: Network {b}"));
    assert_eq!(bookmarks(), [first, second], "each address once");
    let exported = exported(&bot).await;
    assert!(exported.contains("| Disk: 95 s (limit 60 s) |") && exported.contains("[no picture](http"), "{exported}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gets_a_role_later_is_invited() {
    let bot = declared().await;
    let invited = || -> Vec<Value> {
        bot.slack.calls("conversations.invite").iter().map(|call| call.args["users"].clone()).collect()
    };
    let before = invited().len();
    bot.type_in("alice", "/wk incident 1 scribe @carol").await;
    press(&bot, "alice", "Roles…").await;
    submit(&bot, "alice", json!({"communications": {"communications": "U0DAVE"}})).await;
    assert_eq!(invited()[before..], [json!("U0CAROL"), json!("U0DAVE")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_and_the_end_are_read_under_the_announcement_too() {
    let bot = declared().await;
    bot.type_in("alice", "/wk incident 1 update identified it is the node").await;
    bot.type_in("alice", "/wk incident 1 update identified it is mended").await;
    bot.type_in("alice", "/wk incident 1 next watch it").await;
    bot.type_in("alice", "/wk incident 1 resolve a node was slow").await;
    bot.advance(10).await;
    let ts = announced(&bot)["ts"].as_str().unwrap().to_owned();
    let thread: Vec<String> = bot.slack.thread(ALERTS, &ts).iter().skip(1).map(Workspace::render).collect();
    assert_eq!(thread.len(), 3, "{thread:#?}");
    assert!(thread[0].contains("identified: it is the node"), "{thread:#?}");
    assert!(thread[1].contains("it is mended") && !thread[1].contains("identified"), "{thread:#?}");
    assert!(thread[2].contains("resolved it: a node was slow"), "{thread:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_still_fires_is_said_at_the_end_and_the_end_of_the_last_alert_is_told_once() {
    let bot = Bot::start().await;
    bot.flow.signals(vec![alert("Disk", &[], true)]).await;
    bot.flow.signals(vec![alert("Network", &[], true)]).await;
    bot.advance(30).await;
    bot.type_in("alice", "/wk incident SOL/USD is stale").await;
    bot.type_in("alice", "/wk incident 1 link 1").await;
    bot.type_in("alice", "/wk incident 1 link 2").await;
    bot.advance(10).await;
    press(&bot, "alice", "Resolve…").await;
    let form = bot.slack.views("alice").pop().unwrap();
    assert!(form["blocks"].to_string().contains("2 linked alerts still fire: #1, #2"), "{form}");
    bot.slack.close_view("alice", form["id"].as_str().unwrap()).await;
    let over = async || {
        for _ in 0..2 {
            bot.flow.keep_incidents().await.unwrap();
            bot.advance(3).await;
        }
        in_room(&bot).iter().filter(|text| text.contains("are over")).count()
    };
    bot.flow.signals(vec![alert("Disk", &[], false)]).await;
    bot.advance(5).await;
    assert_eq!(over().await, 0);
    let answer = bot.type_in("alice", "/wk incident 1 resolve enough").await;
    assert!(answer.contains("A linked alert still fires: #2"), "{answer}");
    bot.type_in("alice", "/wk incident 1 reopen").await;
    bot.flow.signals(vec![alert("Network", &[], false)]).await;
    bot.advance(5).await;
    assert_eq!(over().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_stands_on_the_timeline_by_name_of_the_incident_it_was_asked_for_in() {
    let acting = Acting::with(Database::sqlite(), |config| {
        config.incidents.channel = Some(ChannelId::new("C0ALERTS"));
    })
    .await;
    let bot = &acting.bot;
    bot.type_in("alice", "/wk incident SOL/USD is stale").await;
    bot.type_in("alice", "/wk incident ETH/USD is stale").await;
    bot.slack.slash("alice", ROOM, "/wk scale price-pusher-evm 5 because").await;
    bot.settle().await;
    acting.press("carol", 1, "Approve").await;
    acting.act().await;
    // Asked for elsewhere, while two are open.
    acting.ask("bob", "restart price-pusher-evm").await;
    let lines = timeline(&exported(bot).await);
    let asked =
        lines.iter().filter(|line| line.contains("action: action 1 (scale prod/feeds/Deployment/price-pusher-evm): "));
    let verbs: Vec<&str> = asked.filter_map(|line| line.rsplit(": ").next()).collect();
    assert!(verbs.contains(&"requested") && verbs.contains(&"approved") && verbs.contains(&"succeeded"), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("action 2")), "{lines:#?}");
    let answer = bot.type_in("alice", "/wk incident 1 link action 2").await;
    assert!(answer.contains("Done"), "{answer}");
    let none = bot.type_in("alice", "/wk incident 1 link action 9").await;
    assert!(none.contains('9'), "{none}");
    bot.advance(2).await;
    let lines = timeline(&exported(bot).await);
    let linked = "action 2 (restart prod/feeds/Deployment/price-pusher-evm): ";
    assert!(lines.iter().any(|line| line.contains(linked) && line.ends_with("requested")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains(linked) && line.ends_with("linked")), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_gets_a_tail_and_is_found_by_it_after_a_lost_answer() {
    let bot = Bot::start().await;
    bot.slack.faults(|faults| {
        faults.next("conversations.create", 1, Failure::Error("name_taken".to_owned()));
        faults.next("conversations.create", 1, Failure::AcceptedThen(503));
    });
    bot.type_in("alice", "/wk incident SOL/USD is stale").await;
    bot.advance(30).await;
    let created = bot.slack.calls("conversations.create");
    assert_eq!(created.len(), 2, "{created:#?}");
    let name = created[1].args["name"].as_str().unwrap();
    assert!(name.starts_with(&format!("{ROOM}-")) && name.len() == ROOM.len() + 5, "{name}");
    let card = bot.slack.messages(name).iter().filter(|m| m["blocks"].to_string().contains("Incident #1")).count();
    assert_eq!(card, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_may_begin_with_its_severity_and_an_alert_is_declared_once() {
    let bot = Bot::start().await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(120).await;
    let answer = bot.type_in("alice", "/wk incident sev1 SOL/USD is stale").await;
    assert!(answer.contains("Incident #1 is declared"), "{answer}");
    assert!(Workspace::render(&announced(&bot)).contains("SEV1 · Incident #1: SOL/USD is stale"));
    let unclear = bot.type_in("alice", "/wk incident 3 validators down").await;
    assert!(unclear.contains("sev2 3 validators are down"), "{unclear}");
    let changed = bot.type_in("alice", "/wk incident next fail over").await;
    assert!(changed.contains("incident #1") && changed.contains("SOL/USD is stale"), "{changed}");
    bot.type_in("alice", "/wk incident 1 link 1").await;
    let posted = bot.posted().into_iter().find(|m| m.to_string().contains("incident.declare")).unwrap();
    let value = posted["attachments"].to_string() + &posted["blocks"].to_string();
    let entry = value.split("incident.declare ").nth(1).unwrap().split('"').next().unwrap().trim_end_matches('\\');
    let ts = posted["ts"].as_str().unwrap();
    bot.slack.choose("bob", ALERTS, ts, "wk.more", format!("incident.declare {entry}")).await;
    bot.settle().await;
    assert!(bot.slack.views("bob").is_empty(), "no form");
    assert!(bot.told("bob")[0].contains("is part of incident #1"), "{:?}", bot.told("bob"));
}
