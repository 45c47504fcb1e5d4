//! What the page sees and does.

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::{Bench, SOON, texts};

impl Bench {
    async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}{path}", self.slack.url())).send().await.unwrap().json().await.unwrap()
    }

    async fn page(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.slack.url())).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    }
}

#[tokio::test]
async fn the_page_opens_with_the_channels_of_the_one_who_looks() {
    let bench = Bench::open().await;
    bench.post("news").await;
    let world = bench.get("/sim/bootstrap?user=alice").await;
    let channels = world["channels"].as_array().unwrap();
    let ops = channels.iter().find(|c| c["name"] == "ops").unwrap();
    assert_eq!((&world["me"]["id"], &world["commands"][0]["command"]), (&json!("U0ALICE"), &json!("/wk")));
    assert_eq!(ops["unread"], 1);
    bench.get("/sim/messages?channel=C0OPS&user=alice").await;
    let world = bench.get("/sim/bootstrap?user=alice").await;
    assert!(world["channels"].as_array().unwrap().iter().all(|c| c["unread"] == 0));
    let erins = bench.get("/sim/bootstrap?user=erin").await;
    let names: Vec<_> = erins["channels"].as_array().unwrap().iter().map(|c| c["name"].clone()).collect();
    assert_eq!(names, ["ext-partners"]);
}

#[tokio::test]
async fn an_ephemeral_message_is_shown_to_its_reader_only() {
    let bench = Bench::open().await;
    bench.call("chat.postEphemeral", json!({"channel": "C0OPS", "user": "U0ALICE", "text": "psst"})).await;
    let messages = bench.get("/sim/messages?channel=ops&user=alice").await;
    assert_eq!(messages["messages"][0]["is_ephemeral"], true);
    assert_eq!(bench.get("/sim/messages?channel=ops&user=bob").await["messages"], json!([]));
}

#[tokio::test]
async fn changes_are_pushed_to_those_who_may_see_them() {
    let bench = Bench::open().await;
    let url = format!("ws://{}/sim/live?user=bob", bench.slack.address());
    let (mut live, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    bench.call("chat.postEphemeral", json!({"channel": "C0OPS", "user": "U0ALICE", "text": "psst"})).await;
    let ts = bench.post("for all").await;
    bench.call("chat.update", json!({"channel": "C0OPS", "ts": ts, "text": "edited"})).await;
    let mut pushed = Vec::new();
    for _ in 0..2 {
        let message = tokio::time::timeout(SOON, live.next()).await.unwrap().unwrap().unwrap();
        let push: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        pushed.push((push["type"].clone(), push["message"]["text"].clone()));
    }
    assert_eq!(pushed, [(json!("message"), json!("for all")), (json!("changed"), json!("edited"))]);
}

#[tokio::test]
async fn the_page_says_what_slacks_client_would() {
    let bench = Bench::open().await;
    let said = bench.page("/sim/say", json!({"user": "alice", "channel": "#ops", "text": "/nonsense"})).await;
    assert_eq!(said["ok"], true);
    let complaint = bench.slack.ephemerals("alice").pop().unwrap();
    assert_eq!(complaint["user"], "USLACKBOT");
    let container = json!({"type": "message", "channel": "C0OPS", "ts": "1.0"});
    let act = json!({"user": "alice", "container": container, "action": {"action_id": "x"}});
    assert_eq!(bench.page("/sim/action", act).await, json!({"ok": false, "error": "the message is gone"}));
}

#[tokio::test]
async fn a_page_elsewhere_cannot_speak_for_the_people_here() {
    let bench = Bench::open().await;
    let say = json!({"user": "alice", "channel": "#ops", "text": "hi"});
    for (name, value) in [("host", "rebound.example:80"), ("origin", "https://evil.example"), ("origin", "null")] {
        let request = bench.http.post(format!("{}/sim/say", bench.slack.url())).header(name, value).json(&say);
        assert_eq!(request.send().await.unwrap().status(), 403, "{name}: {value}");
    }
    assert_eq!(texts(&bench.slack.messages("#ops")), Vec::<&str>::new());
}

#[tokio::test]
async fn the_choices_of_an_external_select_come_from_the_app() {
    let (bench, app) = Bench::with_app().await;
    let select = json!({"type": "external_select", "action_id": "feed"});
    let blocks = json!([{"type": "actions", "block_id": "b", "elements": [select]}]);
    let ts =
        bench.call("chat.postMessage", json!({"channel": "C0OPS", "text": "a", "blocks": blocks})).await["ts"].clone();
    let option = json!({"text": {"type": "plain_text", "text": "SOL/USD"}, "value": "sol"});
    app.answer(&json!({"options": [option]}).to_string());
    let container = json!({"type": "message", "channel": "C0OPS", "ts": ts});
    let ask = json!({"user": "alice", "action_id": "feed", "block_id": "b", "value": "so", "container": container});
    assert_eq!(bench.page("/sim/suggest", ask).await, json!({"ok": true, "options": [option]}));
    assert_eq!((&app.last()["type"], &app.last()["value"]), (&json!("block_suggestion"), &json!("so")));
}

#[tokio::test]
async fn a_reaction_is_counted_and_told_to_the_app() {
    let (bench, app) = Bench::with_app().await;
    let ts = bench.post("news").await;
    let react = json!({"user": "alice", "channel": "C0OPS", "ts": ts, "name": "eyes"});
    assert_eq!(bench.page("/sim/react", react.clone()).await["ok"], true);
    assert_eq!(bench.page("/sim/react", react).await["error"], "already_reacted");
    assert_eq!(
        bench.slack.messages("#ops")[0]["reactions"],
        json!([{"name": "eyes", "count": 1, "users": ["U0ALICE"]}])
    );
    assert_eq!(app.events("reaction_added")[0]["event"]["item"]["ts"], ts.as_str());
}
