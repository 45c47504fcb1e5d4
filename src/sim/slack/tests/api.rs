//! Web API: arguments, refusals, history.

use serde_json::json;

use super::super::AppConfig;
use super::{Bench, texts};

#[tokio::test]
async fn a_form_and_json_say_the_same() {
    let bench = Bench::open().await;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("token", &AppConfig::default().bot_token)
        .append_pair("channel", "#ops")
        .append_pair("blocks", r#"[{"type":"divider"}]"#)
        .append_pair("text", "by form")
        .finish();
    let request = bench.http.post(format!("{}/chat.postMessage", bench.slack.api_url())).body(form);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(request.send().await.unwrap().status(), 200);
    bench
        .call("chat.postMessage", json!({"channel": "C0OPS", "blocks": [{"type": "divider"}], "text": "by JSON"}))
        .await;
    let messages = bench.slack.messages("#ops");
    assert_eq!(texts(&messages), ["by form", "by JSON"]);
    assert_eq!(messages[0]["blocks"][0]["type"], messages[1]["blocks"][0]["type"]);
}

#[tokio::test]
async fn tokens_and_scopes_are_checked_in_slacks_order() {
    let bench = Bench::with(|config| {
        let scopes = vec!["channels:read".to_owned()];
        config.app = Some(AppConfig { scopes, ..AppConfig::default() });
    })
    .await;
    let app = AppConfig::default();
    let error = async |method: &str, token: &str| {
        let answer: serde_json::Value = bench.send(method, token, &json!({})).await.json().await.unwrap();
        answer["error"].clone()
    };
    assert_eq!(error("auth.test", "").await, "not_authed");
    assert_eq!(error("auth.test", "xoxb-other").await, "invalid_auth");
    assert_eq!(error("auth.test", &app.app_token).await, "not_allowed_token_type");
    assert_eq!(error("apps.connections.open", &app.bot_token).await, "not_allowed_token_type");
    assert_eq!(error("chat.nonsense", &app.bot_token).await, "unknown_method");
    let refused = bench.call("chat.postMessage", json!({"channel": "C0OPS", "text": "hi"})).await;
    assert_eq!(
        refused,
        json!({"ok": false, "error": "missing_scope", "needed": "chat:write", "provided": "channels:read"})
    );
}

#[tokio::test]
async fn auth_test_names_the_granted_scopes() {
    let bench = Bench::open().await;
    let app = AppConfig::default();
    let response = bench.send("auth.test", &app.bot_token, &json!({})).await;
    assert_eq!(response.headers()["x-oauth-scopes"], app.scopes.join(","));
}

#[tokio::test]
async fn posting_is_refused_with_slacks_own_words() {
    let bench = Bench::with(|config| {
        let mut app = AppConfig::default();
        app.scopes.retain(|scope| scope != "chat:write.public");
        config.app = Some(app);
    })
    .await;
    let error = |args| bench.error("chat.postMessage", args);
    assert_eq!(error(json!({"channel": "C0NOWHERE", "text": "hi"})).await, "channel_not_found");
    assert_eq!(error(json!({"channel": "#random", "text": "hi"})).await, "not_in_channel");
    assert_eq!(error(json!({"channel": "#ops"})).await, "no_text");
    assert_eq!(error(json!({"channel": "#ops", "text": "x".repeat(40_001)})).await, "msg_too_long");
    assert_eq!(error(json!({"channel": "#ops", "text": "x", "metadata": {"a": 1}})).await, "invalid_metadata_format");
    assert_eq!(error(json!({"channel": "#ops", "text": "x", "thread_ts": "1.0"})).await, "cannot_reply_to_message");
    bench.slack.archive("#ops", true);
    assert_eq!(error(json!({"channel": "#ops", "text": "hi"})).await, "is_archived");
}

#[tokio::test]
async fn only_the_bots_own_messages_can_be_edited() {
    let bench = Bench::open().await;
    let alices = bench.slack.say("alice", "#ops", "mine").await.unwrap();
    let update = |ts: &str| json!({"channel": "C0OPS", "ts": ts, "text": "changed"});
    assert_eq!(bench.error("chat.update", update(&alices)).await, "cant_update_message");
    assert_eq!(bench.error("chat.update", update("1.000000")).await, "message_not_found");
    let ts = bench.post("before").await;
    bench.call("chat.update", update(&ts)).await;
    let message = bench.slack.messages("#ops").pop().unwrap();
    assert_eq!((&message["text"], &message["edited"]["user"]), (&json!("changed"), &json!("U0WATCHBOT")));
}

#[tokio::test]
async fn an_edit_with_a_text_alone_removes_the_blocks() {
    let bench = Bench::open().await;
    let args = json!({"channel": "C0OPS", "text": "a", "blocks": [{"type": "divider"}]});
    let ts = bench.call("chat.postMessage", args).await["ts"].clone();
    bench.call("chat.update", json!({"channel": "C0OPS", "ts": ts, "text": "b"})).await;
    assert_eq!(bench.slack.messages("#ops")[0].get("blocks"), None);
}

#[tokio::test]
async fn an_ephemeral_message_cannot_be_edited_or_found() {
    let bench = Bench::open().await;
    let args = json!({"channel": "C0OPS", "user": "U0ALICE", "text": "psst"});
    let ts = bench.call("chat.postEphemeral", args).await["message_ts"].clone();
    let edit = json!({"channel": "C0OPS", "ts": ts, "text": "b"});
    assert_eq!(bench.error("chat.update", edit).await, "message_not_found");
    assert_eq!(bench.call("conversations.history", json!({"channel": "C0OPS"})).await["messages"], json!([]));
    assert_eq!(texts(&bench.slack.ephemerals("alice")), ["psst"]);
    assert_eq!(texts(&bench.slack.ephemerals("bob")), Vec::<&str>::new());
}

#[tokio::test]
async fn timestamps_are_unique_in_their_channel_only() {
    let bench = Bench::open().await;
    let (first, second) = (bench.post("a").await, bench.post("b").await);
    assert!(first < second, "{first} {second}");
    let elsewhere = bench.call("chat.postMessage", json!({"channel": "C0ALERTS", "text": "c"})).await;
    assert_eq!(elsewhere["ts"], first.as_str());
}

#[tokio::test]
async fn history_comes_newest_first_in_pages_without_replies() {
    let bench = Bench::open().await;
    let parent = bench.post("one").await;
    bench.post("two").await;
    bench.call("chat.postMessage", json!({"channel": "C0OPS", "text": "reply", "thread_ts": parent})).await;
    let page = bench.call("conversations.history", json!({"channel": "C0OPS", "limit": 1})).await;
    assert_eq!((texts(page["messages"].as_array().unwrap()), &page["has_more"]), (vec!["two"], &json!(true)));
    let cursor = &page["response_metadata"]["next_cursor"];
    let page = bench.call("conversations.history", json!({"channel": "C0OPS", "limit": 1, "cursor": cursor})).await;
    assert_eq!(page["messages"][0]["reply_count"], 1);
    assert_eq!((&page["has_more"], &page["response_metadata"]["next_cursor"]), (&json!(false), &json!("")));
    let thread = bench.call("conversations.replies", json!({"channel": "C0OPS", "ts": parent})).await;
    assert_eq!(texts(thread["messages"].as_array().unwrap()), ["one", "reply"]);
}

#[tokio::test]
async fn metadata_is_given_to_those_who_ask() {
    let bench = Bench::open().await;
    let metadata = json!({"event_type": "alert", "event_payload": {"job": "01J"}});
    bench.call("chat.postMessage", json!({"channel": "C0OPS", "text": "a", "metadata": metadata})).await;
    let plain = bench.call("conversations.history", json!({"channel": "C0OPS"})).await;
    assert_eq!(plain["messages"][0].get("metadata"), None);
    let all = json!({"channel": "C0OPS", "include_all_metadata": true});
    assert_eq!(bench.call("conversations.history", all).await["messages"][0]["metadata"], metadata);
}

#[tokio::test]
async fn a_user_group_cannot_be_emptied_or_given_bots_and_strangers() {
    let bench = Bench::open().await;
    let set = |users: &str| json!({"usergroup": "S0ONCALL", "users": users});
    assert_eq!(bench.error("usergroups.users.update", set("")).await, "no_users_provided");
    assert_eq!(bench.error("usergroups.users.update", set("U0WATCHBOT")).await, "invalid_users");
    assert_eq!(bench.error("usergroups.users.update", set("U0ERIN")).await, "invalid_users");
    let changed = bench.call("usergroups.users.update", set("U0BOB,U0CAROL")).await;
    assert_eq!(changed["usergroup"]["users"], json!(["U0BOB", "U0CAROL"]));
}

#[tokio::test]
async fn someone_from_another_company_can_be_told_by_team() {
    let bench = Bench::open().await;
    let erin = bench.call("users.info", json!({"user": "U0ERIN"})).await;
    assert_eq!((&erin["user"]["team_id"], &erin["user"]["is_stranger"]), (&json!("T0PARTNER"), &json!(false)));
    assert_eq!(bench.slack.say("erin", "#ops", "let me in").await.unwrap_err(), "#ops is no channel this user is in");
}
