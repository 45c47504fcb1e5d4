//! Modals and the Home tab.

use std::time::Duration;

use serde_json::{Value, json};

use super::Bench;
use super::app::App;

fn modal(title: &str) -> Value {
    let text = |text: &str| json!({"type": "plain_text", "text": text});
    let element = json!({"type": "plain_text_input", "action_id": "text", "initial_value": "because"});
    let input = json!({"type": "input", "block_id": "reason", "label": text("Reason"), "element": element});
    json!({"type": "modal", "title": text(title), "submit": text("Send"), "blocks": [input], "notify_on_close": true})
}

/// A fresh trigger, as every command brings one.
async fn trigger(bench: &Bench, app: &App) -> Value {
    bench.slack.slash("alice", "#ops", "/wk silence").await;
    app.last()["trigger_id"].clone()
}

async fn open(bench: &Bench, app: &App) -> String {
    let args = json!({"trigger_id": trigger(bench, app).await, "view": modal("Silence")});
    bench.call("views.open", args).await["view"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_trigger_works_once_and_for_three_seconds() {
    let (bench, app) = Bench::with_app().await;
    let trigger_id = trigger(&bench, &app).await;
    let args = json!({"trigger_id": trigger_id, "view": modal("Silence")});
    assert_eq!(bench.call("views.open", args.clone()).await["ok"], true);
    assert_eq!(bench.error("views.open", args).await, "exchanged_trigger_id");
    let late = json!({"trigger_id": trigger(&bench, &app).await, "view": modal("Silence")});
    bench.clock.advance(Duration::from_secs(3));
    assert_eq!(bench.error("views.open", late).await, "expired_trigger_id");
    assert_eq!(bench.error("views.open", json!({"trigger_id": "1.2", "view": modal("a")})).await, "invalid_trigger_id");
}

#[tokio::test]
async fn an_update_with_an_old_hash_conflicts() {
    let (bench, app) = Bench::with_app().await;
    let id = open(&bench, &app).await;
    let hash = bench.slack.views("alice")[0]["hash"].clone();
    let update = json!({"view_id": id, "hash": hash, "view": modal("Changed")});
    assert_eq!(bench.call("views.update", update.clone()).await["ok"], true);
    assert_eq!(bench.error("views.update", update).await, "hash_conflict");
    assert_eq!(bench.slack.views("alice")[0]["title"]["text"], "Changed");
}

#[tokio::test]
async fn a_view_that_breaks_the_rules_is_explained() {
    let (bench, app) = Bench::with_app().await;
    let view = modal("A title far too long to be shown");
    let refused = bench.call("views.open", json!({"trigger_id": trigger(&bench, &app).await, "view": view})).await;
    let messages = json!(["[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"]);
    assert_eq!(
        (&refused["error"], &refused["response_metadata"]["messages"]),
        (&json!("invalid_arguments"), &messages)
    );
}

#[tokio::test]
async fn a_submission_brings_what_was_typed_and_obeys_the_answer() {
    let (bench, app) = Bench::with_app().await;
    let id = open(&bench, &app).await;
    let typed = json!({"reason": {"text": "maintenance"}});
    app.answer(r#"{"response_action":"errors","errors":{"reason":"say more"}}"#);
    assert_eq!(bench.slack.submit_view("alice", &id, typed.clone()).await.errors, json!({"reason": "say more"}));
    let value = &app.last()["view"]["state"]["values"]["reason"]["text"];
    assert_eq!(*value, json!({"type": "plain_text_input", "value": "maintenance"}));

    app.answer(&json!({"response_action": "push", "view": modal("Sure?")}).to_string());
    assert!(bench.slack.submit_view("alice", &id, typed).await.ok());
    let titles: Vec<Value> = bench.slack.views("alice").iter().map(|v| v["title"]["text"].clone()).collect();
    assert_eq!(titles, ["Silence", "Sure?"]);
    let top = bench.slack.views("alice")[1].clone();
    assert_eq!((&top["root_view_id"], &top["previous_view_id"]), (&json!(id), &json!(id)));

    app.answer(r#"{"response_action":"clear"}"#);
    assert!(bench.slack.submit_view("alice", top["id"].as_str().unwrap(), json!({})).await.ok());
    assert_eq!(app.last()["view"]["state"]["values"]["reason"]["text"]["value"], "because");
    assert_eq!(bench.slack.views("alice"), Vec::<Value>::new());
}

#[tokio::test]
async fn a_required_input_left_empty_never_reaches_the_app() {
    let (bench, app) = Bench::with_app().await;
    let id = open(&bench, &app).await;
    let before = app.received().len();
    let seen = bench.slack.submit_view("alice", &id, json!({"reason": {"text": ""}})).await;
    assert_eq!(seen.errors, json!({"reason": "Please complete this required field."}));
    assert_eq!(app.received().len(), before);
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_leaves_the_modal_open() {
    let (bench, app) = Bench::with_app().await;
    let id = open(&bench, &app).await;
    app.answer(r#"{"response_action":"errors","errors":{"elsewhere":"no"}}"#);
    let seen = bench.slack.submit_view("alice", &id, json!({})).await;
    assert_eq!(seen.error.as_deref(), Some("We had some trouble connecting. Try again?"));
    assert_eq!(bench.slack.views("alice").len(), 1);
}

#[tokio::test]
async fn only_three_modals_stand_on_one_another() {
    let (bench, app) = Bench::with_app().await;
    let mut top = open(&bench, &app).await;
    for title in ["second", "third"] {
        app.answer(&json!({"response_action": "push", "view": modal(title)}).to_string());
        assert!(bench.slack.submit_view("alice", &top, json!({})).await.ok());
        top = bench.slack.views("alice").pop().unwrap()["id"].as_str().unwrap().to_owned();
    }
    app.answer(r#"{"response_action":"update","view":{"type":"modal"}}"#);
    bench.slack.submit_view("alice", &top, json!({})).await;
    let trigger_id = app.last()["trigger_id"].clone();
    let push = json!({"trigger_id": trigger_id, "view": modal("fourth")});
    assert_eq!(bench.error("views.push", push).await, "push_limit_reached");
}

#[tokio::test]
async fn closing_a_modal_is_told_to_the_app_that_asked() {
    let (bench, app) = Bench::with_app().await;
    let id = open(&bench, &app).await;
    assert!(bench.slack.close_view("alice", &id).await.ok());
    assert_eq!((&app.last()["type"], &app.last()["view"]["id"]), (&json!("view_closed"), &json!(id)));
    assert_eq!(bench.error("views.update", json!({"view_id": id, "view": modal("a")})).await, "not_found");
}

#[tokio::test]
async fn the_home_tab_is_published_for_one_user() {
    let (bench, app) = Bench::with_app().await;
    bench.slack.open_home("dave").await;
    assert_eq!((&app.last()["event"]["tab"], app.last()["event"].get("view")), (&json!("home"), None));
    let publish = json!({"user_id": "U0DAVE", "view": {"type": "home", "blocks": [{"type": "divider"}]}});
    bench.call("views.publish", publish).await;
    bench.slack.open_home("dave").await;
    assert_eq!(app.last()["event"]["view"]["id"], bench.slack.home("dave").unwrap()["id"]);
    assert_eq!(bench.slack.home("alice"), None);
}
