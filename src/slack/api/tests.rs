//! The client against a small server that answers what each test needs.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use serde_json::json;

use super::*;
use crate::core::ids::{ChannelId, MessageTs, TeamId, UserId};
use crate::core::time::Timestamp;
use crate::slack::inbound::ResponseUrl;
use crate::slack::message::{Message, View};

/// Answers in order, then `{"ok": true}`; `None` never answers.
#[derive(Clone, Default)]
struct Slack {
    answers: Arc<Mutex<VecDeque<Option<Response<String>>>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    address: String,
}

#[derive(Clone, Debug)]
struct Seen {
    path: String,
    token: String,
    body: Vec<u8>,
}

impl Seen {
    fn form(&self) -> HashMap<String, String> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Slack {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let slack = Self { address: listener.local_addr().unwrap().to_string(), ..Self::default() };
        let router = Router::new().fallback(answer).with_state(slack.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        slack
    }

    fn answers(&self, status: u16, headers: &[(&str, &str)], body: &str) {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        self.answers.lock().unwrap().push_back(Some(response.body(body.to_owned()).unwrap()));
    }

    fn says(&self, body: &Value) {
        self.answers(200, &[], &body.to_string());
    }

    fn hangs(&self) {
        self.answers.lock().unwrap().push_back(None);
    }

    fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().unwrap().clone()
    }

    fn api(&self) -> WebApi {
        self.api_within(Duration::from_secs(20))
    }

    fn api_within(&self, timeout: Duration) -> WebApi {
        let mut settings = ApiSettings::new(SecretString::from("xoxb-1"));
        settings.base_url = format!("http://{}/api/", self.address);
        settings.app_token = Some(SecretString::from("xapp-1"));
        settings.timeout = timeout;
        WebApi::new(&settings).unwrap()
    }
}

async fn answer(State(slack): State<Slack>, request: Request<Body>) -> Response<String> {
    let token = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let path = request.uri().path().to_owned();
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap().to_vec();
    slack.seen.lock().unwrap().push(Seen { path, token: token.unwrap_or_default(), body });
    let next = slack.answers.lock().unwrap().pop_front();
    match next {
        Some(Some(response)) => response,
        Some(None) => std::future::pending().await,
        None => Response::new(json!({"ok": true}).to_string()),
    }
}

fn channel() -> ChannelId {
    ChannelId::new("C1")
}

fn ts(text: &str) -> MessageTs {
    MessageTs::new(text)
}

async fn post(slack: &Slack) -> Result<Posted, ApiError> {
    slack.api().chat_post_message(&channel(), &Message::text("hi"), None, "job-1").await
}

fn unknown(error: &ApiError) -> bool {
    matches!(error, ApiError::Unknown { .. })
}

#[tokio::test]
async fn a_post_carries_the_token_the_words_and_its_key() {
    let slack = Slack::start().await;
    slack.says(&json!({"ok": true, "channel": "D7", "ts": "1.2"}));
    let message =
        Message { text: "SOL & co".to_owned(), blocks: vec![json!({"type": "divider"})], ..Message::default() };
    let posted = slack.api().chat_post_message(&channel(), &message, Some(&ts("1.1")), "job-1").await.unwrap();
    assert_eq!(posted, Posted { channel: ChannelId::new("D7"), ts: ts("1.2") });
    let seen = slack.last();
    assert_eq!((seen.path.as_str(), seen.token.as_str()), ("/api/chat.postMessage", "Bearer xoxb-1"));
    let form = seen.form();
    assert_eq!((form["text"].as_str(), form["thread_ts"].as_str()), ("SOL & co", "1.1"));
    assert_eq!(form["blocks"], r#"[{"type":"divider"}]"#);
    assert_eq!(form["metadata"], r#"{"event_payload":{"key":"job-1"},"event_type":"watchkeeper"}"#);
}

#[tokio::test]
async fn an_accent_colours_all_but_the_first_block_and_the_text_stays_on_top() {
    let blocks = vec![json!({"type": "header"}), json!({"type": "actions"})];
    let accent = Some("#a30200".to_owned());
    let (outside, attachments) =
        chat::arranged(&Message { text: "x".to_owned(), blocks, accent: accent.clone(), ..Message::default() });
    assert_eq!(outside, json!([{"type": "header"}]));
    assert_eq!(attachments[0]["color"], "#a30200");
    assert_eq!(attachments[0]["blocks"], json!([{"type": "actions"}]));
    let single = Message { blocks: vec![json!({"type": "header"})], accent, ..Message::text("x") };
    assert_eq!(chat::arranged(&single), (json!([{"type": "header"}]), json!([])));
}

#[tokio::test]
async fn too_many_requests_say_how_long_to_wait() {
    let slack = Slack::start().await;
    slack.answers(429, &[("retry-after", "7")], "slow down");
    slack.answers(429, &[], "");
    slack.answers(429, &[("retry-after", "99999999999")], "");
    slack.answers(200, &[("retry-after", "3")], r#"{"ok": false, "error": "ratelimited"}"#);
    for secs in [7, 30, 3600, 3] {
        let limited = ApiError::RateLimited { retry_after: Duration::from_secs(secs) };
        assert_eq!(post(&slack).await, Err(limited));
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_may_mean_that_it_was_done() {
    let slack = Slack::start().await;
    slack.answers(503, &[], "<html>");
    slack.answers(200, &[], "<html>");
    slack.answers(200, &[], "{\"ok\": tr");
    slack.says(&json!({"ok": true}));
    slack.says(&json!({"ok": false, "error": "internal_error"}));
    for _ in 0..5 {
        let error = post(&slack).await.unwrap_err();
        assert!(unknown(&error) && error.retryable(), "{error}");
    }
}

#[tokio::test]
async fn a_slack_that_hangs_is_given_up_and_may_have_done_it() {
    let slack = Slack::start().await;
    slack.hangs();
    let error = slack.api_within(Duration::from_millis(200)).chat_delete(&channel(), &ts("1.1")).await.unwrap_err();
    assert!(unknown(&error) && error.to_string().contains("timed out"), "{error}");
}

#[tokio::test]
async fn a_call_that_never_left_was_certainly_not_done() {
    let mut slack = Slack::start().await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    slack.address = closed.local_addr().unwrap().to_string();
    drop(closed);
    let error = post(&slack).await.unwrap_err();
    assert!(matches!(error, ApiError::NotSent { .. }) && error.retryable(), "{error}");
}

#[tokio::test]
async fn a_refusal_has_slacks_code_and_its_explanations() {
    let slack = Slack::start().await;
    slack.says(&json!({"ok": false, "error": "invalid_blocks",
        "response_metadata": {"messages": ["[ERROR] too long [json-pointer:/blocks/0/text]"]}}));
    slack.says(&json!({"ok": false, "error": "missing_scope", "needed": "chat:write"}));
    let blocks = post(&slack).await.unwrap_err();
    assert_eq!(blocks.code(), Some("invalid_blocks"));
    assert!(blocks.fatal() && blocks.to_string().contains("/blocks/0/text"), "{blocks}");
    assert!(post(&slack).await.unwrap_err().to_string().contains("needs scope chat:write"));
}

#[test]
fn refusals_are_told_apart_by_what_to_do_next() {
    let refused = |code: &str| ApiError::Refused { code: code.to_owned(), messages: Vec::new() };
    assert!(refused("token_revoked").auth_lost() && !refused("token_revoked").channel_gone());
    assert!(refused("is_archived").channel_gone() && !refused("is_archived").retryable());
    assert!(refused("restricted_action_read_only_channel").channel_gone());
    assert!(refused("restricted_action_thread_locked").message_gone());
    assert!(refused("org_login_required").retryable());
    assert!(refused("message_not_found").message_gone());
    assert!(refused("service_unavailable").retryable());
    assert!(!ApiError::NotSent { reason: String::new() }.fatal());
}

#[tokio::test]
async fn what_a_proxy_refuses_is_tried_again_unless_it_is_too_large() {
    let slack = Slack::start().await;
    for (status, body) in [(302, ""), (403, "<html>blocked</html>"), (404, "not here"), (407, "")] {
        slack.answers(status, &[("location", "/elsewhere")], body);
        let error = post(&slack).await.unwrap_err();
        assert!(
            matches!(error, ApiError::NotSent { .. }) && error.to_string().contains(&status.to_string()),
            "{error}"
        );
    }
    slack.answers(413, &[], "too large");
    let error = post(&slack).await.unwrap_err();
    assert!(error.fatal() && error.code() == Some("http_413"), "{error}");
}

#[tokio::test]
async fn a_lost_post_is_found_by_its_key_on_a_later_page() {
    let slack = Slack::start().await;
    let ours = |key: &str| json!({"event_type": "watchkeeper", "event_payload": {"key": key}});
    slack.says(&json!({"ok": true, "messages": [{"ts": "9.1", "metadata": ours("job-2")}, {"ts": "9.0"}],
        "response_metadata": {"next_cursor": "next"}}));
    slack.says(&json!({"ok": true, "messages": [
        {"ts": "8.1", "metadata": {"event_type": "other", "event_payload": {"key": "job-1"}}},
        {"ts": "8.0", "metadata": ours("job-1")}]}));
    let found = slack.api().find_by_metadata(&channel(), None, "job-1", Timestamp::from_secs(7)).await;
    assert_eq!(found, Ok(Some(ts("8.0"))));
    let form = slack.last().form();
    assert_eq!((form["cursor"].as_str(), form["oldest"].as_str()), ("next", "7.000000"));
}

#[tokio::test]
async fn a_post_that_was_not_done_is_not_found_in_its_thread() {
    let slack = Slack::start().await;
    slack.says(&json!({"ok": true, "messages": [{"ts": "1.1"}], "response_metadata": {"next_cursor": ""}}));
    let thread = ts("1.1");
    let found = slack.api().find_by_metadata(&channel(), Some(&thread), "job-1", Timestamp::from_secs(0)).await;
    assert_eq!(found, Ok(None));
    assert_eq!(slack.last().path, "/api/conversations.replies");
}

#[tokio::test]
async fn an_answer_to_a_response_url_says_who_sees_it_and_carries_no_token() {
    let slack = Slack::start().await;
    let url = ResponseUrl::new(format!("http://{}/commands/1", slack.address));
    slack.answers(200, &[], "ok");
    slack.api().respond(&url, &Message::text("hi"), Answer::InChannel, None).await.unwrap();
    assert_eq!(slack.last().json()["response_type"], "in_channel");
    assert_eq!(slack.last().token, "");
    slack.api().respond(&url, &Message::text("hi"), Answer::ReplaceOriginal, None).await.unwrap();
    assert_eq!(slack.last().json()["replace_original"], true);
    slack.api().delete_original(&url).await.unwrap();
    assert_eq!(slack.last().json(), json!({"delete_original": true}));
}

#[tokio::test]
async fn a_response_url_that_is_used_up_or_not_slacks_is_refused() {
    let slack = Slack::start().await;
    let url = ResponseUrl::new(format!("http://{}/commands/1", slack.address));
    slack.answers(404, &[], "used_url");
    slack.answers(404, &[], r#"{"ok": false, "error": "expired_url"}"#);
    for code in ["used_url", "expired_url"] {
        assert_eq!(slack.api().delete_original(&url).await.unwrap_err().code(), Some(code));
    }
    for foreign in ["http://hooks.slack.com/1", "https://slack.com.evil.example/1", "file:///etc/passwd", "", "x"] {
        let error = slack.api().delete_original(&ResponseUrl::new(foreign)).await.unwrap_err();
        assert_eq!(error.code(), Some("foreign_response_url"), "{foreign}");
    }
}

fn chart() -> Upload {
    let text = |text: &str| text.to_owned();
    Upload { filename: text("sol.png"), title: text("SOL/USD"), alt_text: text("a price"), bytes: vec![0xff, 0, 1] }
}

#[tokio::test]
async fn a_file_is_uploaded_in_three_steps() {
    let slack = Slack::start().await;
    slack.says(&json!({"ok": true, "upload_url": format!("http://{}/upload/1", slack.address), "file_id": "F1"}));
    slack.answers(200, &[], "OK - 3");
    let share = Share { channel: channel(), thread_ts: Some(ts("1.1")), comment: None };
    assert_eq!(slack.api().upload_file(&chart(), Some(&share)).await.as_deref(), Ok("F1"));
    let seen = slack.seen.lock().unwrap().clone();
    assert_eq!(seen[0].form()["length"], "3");
    assert_eq!((seen[1].body.as_slice(), seen[1].token.as_str()), ([0xff, 0, 1].as_slice(), ""));
    assert_eq!(seen[2].form()["files"], r#"[{"id":"F1","title":"SOL/USD"}]"#);
    assert_eq!(seen[2].form()["thread_ts"], "1.1");
}

#[tokio::test]
async fn an_upload_that_breaks_off_has_shown_nothing() {
    let slack = Slack::start().await;
    slack.says(&json!({"ok": true, "upload_url": format!("http://{}/upload/1", slack.address), "file_id": "F1"}));
    slack.answers(503, &[], "");
    let error = slack.api().upload_file(&chart(), None).await.unwrap_err();
    assert!(matches!(error, ApiError::NotSent { .. }), "{error}");
}

#[tokio::test]
async fn the_identity_has_the_granted_scopes_and_slacks_clock() {
    let slack = Slack::start().await;
    let headers = [("x-oauth-scopes", "chat:write, commands"), ("date", "Sun, 29 Nov 2026 08:00:00 GMT")];
    slack.answers(200, &headers, r#"{"ok": true, "team_id": "T1", "user_id": "UBOT"}"#);
    let identity = slack.api().auth_test().await.unwrap();
    assert_eq!(identity.scopes, ["chat:write", "commands"]);
    assert_eq!(identity.server_time.unwrap().to_string(), "2026-11-29T08:00:00.000Z");
}

#[tokio::test]
async fn people_are_told_apart_by_their_standing() {
    let slack = Slack::start().await;
    for (field, standing) in [("is_stranger", Standing::Stranger), ("is_ultra_restricted", Standing::Guest)] {
        let mut user = json!({"id": "U1", "name": "al", "profile": {"display_name": ""}, "real_name": "Alice"});
        user[field] = json!(true);
        slack.says(&json!({"ok": true, "user": user}));
        let person = slack.api().users_info(&UserId::new("U1")).await.unwrap();
        assert_eq!((person.standing, person.name.as_str()), (standing, "Alice"));
    }
}

#[tokio::test]
async fn people_of_a_shared_channel_are_told_by_their_workspace_and_siblings_belong_together() {
    let slack = Slack::start().await;
    let (home, ours) = (TeamId::new("T1"), TeamId::new("E1"));
    for (user, elsewhere) in [
        (json!({"team_id": "T1"}), false),
        (json!({"team_id": "T2"}), true),
        (json!({"team_id": "T1", "is_stranger": true}), true),
        (json!({}), true),
        (json!({"team_id": "T2", "enterprise_user": {"enterprise_id": "E1", "teams": ["T2"]}}), false),
        (json!({"team_id": "E2", "enterprise_user": {"enterprise_id": "E2", "teams": ["T2"]}}), true),
        (json!({"team_id": "E2", "enterprise_user": {"enterprise_id": "E2", "teams": ["T2", "T1"]}}), false),
    ] {
        let mut said = json!({"ok": true, "user": {"id": "U1"}});
        said["user"].as_object_mut().unwrap().extend(user.as_object().unwrap().clone());
        slack.says(&said);
        let person = slack.api().users_info(&UserId::new("U1")).await.unwrap();
        assert_eq!(person.elsewhere(&home, Some(&ours)), elsewhere, "{user}");
    }
}

#[tokio::test]
async fn views_go_out_with_their_hash_and_come_back_with_the_next() {
    let slack = Slack::start().await;
    slack.says(&json!({"ok": true, "view": {"id": "V1", "hash": "h2"}}));
    let view = View(json!({"type": "home", "blocks": []}));
    let handle = slack.api().views_publish(&UserId::new("U1"), Some("h1"), &view).await.unwrap();
    assert_eq!(handle, ViewHandle { id: "V1".to_owned(), hash: Some("h2".to_owned()) });
    assert_eq!(slack.last().form()["hash"], "h1");
}

#[tokio::test]
async fn only_the_app_token_opens_connections_and_a_reaction_twice_is_no_error() {
    let slack = Slack::start().await;
    slack.says(&json!({"ok": true, "url": "wss://x/?ticket=1"}));
    assert_eq!(slack.api().apps_connections_open().await.as_deref(), Ok("wss://x/?ticket=1"));
    assert_eq!(slack.last().token, "Bearer xapp-1");
    slack.says(&json!({"ok": false, "error": "already_reacted"}));
    assert_eq!(slack.api().reactions_add(&channel(), &ts("1.1"), "eyes").await, Ok(()));
}

#[test]
fn a_setting_that_cannot_work_is_refused_at_the_start_without_showing_the_token() {
    let mut settings = ApiSettings::new(SecretString::from("xoxb-1\nxoxb-2"));
    assert_eq!(WebApi::new(&settings).err(), Some(SetupError::Token));
    settings.bot_token = SecretString::from("xoxb-secret");
    assert!(!format!("{:?} {settings:?}", WebApi::new(&settings).unwrap()).contains("xoxb-secret"));
    for (bot, app, expected) in [
        (
            "xoxe.xoxb-1-abc",
            "xapp-1",
            "SLACK_BOT_TOKEN holds a token that rotates and expires within hours; rotation cannot",
        ),
        ("xoxp-1", "xapp-1", "SLACK_BOT_TOKEN holds a person's token; copy the Bot User OAuth Token (xoxb-…)"),
        ("xapp-1", "xoxb-1", "SLACK_BOT_TOKEN holds an app-level token; copy the Bot User OAuth Token (xoxb-…)"),
        ("xoxb-1", "xoxb-1", "SLACK_APP_TOKEN holds a bot token; copy the app-level token (xapp-…)"),
    ] {
        let mut swapped = ApiSettings::new(SecretString::from(bot));
        swapped.app_token = Some(SecretString::from(app));
        let said = WebApi::new(&swapped).err().unwrap().to_string();
        assert!(said.starts_with(expected), "{said}");
    }
    settings.base_url = "slack.com/api".to_owned();
    assert!(matches!(WebApi::new(&settings), Err(SetupError::BaseUrl(_))));
}
