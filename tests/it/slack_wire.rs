//! Our Slack client, parser and Socket Mode loop against the local workspace: both ends of the same protocol.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::SecretString;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use watchkeeper::clock::{SharedClock, SystemClock};
use watchkeeper::core::ids::{ChannelId, MessageTs, UserId};
use watchkeeper::core::time::Timestamp;
use watchkeeper::sim::slack::deliver::Kind;
use watchkeeper::sim::slack::{AppConfig, Config, Failure, Workspace, start};
use watchkeeper::slack::api::{Answer, ApiError, ApiSettings, Share, Upload, WebApi};
use watchkeeper::slack::inbound::{Envelope, Input, parse_http};
use watchkeeper::slack::message::{Message, View};
use watchkeeper::slack::signature::{Claim, Refusal, SIGNATURE_HEADER, TIMESTAMP_HEADER, Verifier};
use watchkeeper::slack::socket::{self, Ack, SocketSettings, SocketStatus};

const LIMIT: Duration = Duration::from_secs(20);

fn clock() -> SharedClock {
    Arc::new(SystemClock::new(1))
}

async fn workspace() -> Workspace {
    start(Config { app: Some(AppConfig::default()), ..Config::new(clock()) }).await.unwrap()
}

fn api(workspace: &Workspace) -> WebApi {
    let app = AppConfig::default();
    let mut settings = ApiSettings::new(SecretString::from(app.bot_token));
    settings.base_url = workspace.api_url();
    settings.app_token = Some(SecretString::from(app.app_token));
    WebApi::new(&settings).unwrap()
}

fn alerts() -> ChannelId {
    ChannelId::new("C0ALERTS")
}

fn alert() -> Message {
    let section = |text: &str| json!({"type": "section", "text": {"type": "mrkdwn", "text": text}});
    Message {
        text: "SOL/USD is stale".to_owned(),
        blocks: vec![section("*SOL/USD* is stale"), section("no price for 3 min")],
        accent: Some("#a30200".to_owned()),
        ..Message::default()
    }
}

#[tokio::test]
async fn a_post_whose_answer_was_lost_is_found_and_edited_in_place() {
    let workspace = workspace().await;
    let api = api(&workspace);
    workspace.faults(|faults| {
        faults.next("chat.postMessage", 1, Failure::AcceptedThen(503));
    });
    let lost = api.chat_post_message(&alerts(), &alert(), None, "job-1").await;
    assert!(matches!(lost, Err(ApiError::Unknown { .. })), "{lost:?}");
    let since = Timestamp::from_secs(0);
    assert_eq!(api.find_by_metadata(&alerts(), None, "job-2", since).await, Ok(None));
    let ts = api.find_by_metadata(&alerts(), None, "job-1", since).await.unwrap().unwrap();
    api.chat_update(&alerts(), &ts, &Message::text("SOL/USD is well")).await.unwrap();
    assert_eq!(api.find_by_metadata(&alerts(), None, "job-1", since).await, Ok(Some(ts)), "the key stays");
    let messages = workspace.messages("#feeds-alerts");
    assert_eq!((messages.len(), &messages[0]["text"]), (1, &json!("SOL/USD is well")));
}

#[tokio::test]
async fn a_reply_is_found_in_its_thread_and_an_unknown_channel_is_gone() {
    let workspace = workspace().await;
    let api = api(&workspace);
    let parent = api.chat_post_message(&alerts(), &alert(), None, "job-1").await.unwrap();
    let reply = api.chat_post_message(&alerts(), &Message::text("acked"), Some(&parent.ts), "job-2").await.unwrap();
    let found = api.find_by_metadata(&alerts(), Some(&parent.ts), "job-2", Timestamp::from_secs(0)).await;
    assert_eq!(found, Ok(Some(reply.ts)));
    let nowhere = api.chat_post_message(&ChannelId::new("C0NOWHERE"), &alert(), None, "job-3").await.unwrap_err();
    assert!(nowhere.channel_gone(), "{nowhere}");
}

#[tokio::test]
async fn a_chart_is_uploaded_into_a_thread() {
    let workspace = workspace().await;
    let api = api(&workspace);
    let parent = api.chat_post_message(&alerts(), &alert(), None, "job-1").await.unwrap();
    let text = |text: &str| text.to_owned();
    let bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let chart = Upload { filename: text("sol.png"), title: text("SOL/USD"), alt_text: text("a price"), bytes };
    let share = Share { channel: alerts(), thread_ts: Some(parent.ts), comment: None };
    let id = api.upload_file(&chart, Some(&share)).await.unwrap();
    let files = workspace.files();
    assert_eq!((&files[0].0["id"], &files[0].1), (&json!(id), &chart.bytes));
}

#[tokio::test]
async fn the_doctors_questions_are_answered() {
    let workspace = workspace().await;
    let api = api(&workspace);
    let identity = api.auth_test().await.unwrap();
    assert_eq!(identity.bot_user, UserId::new("U0WATCHBOT"));
    assert!(identity.scopes.iter().any(|scope| scope == "chat:write"));
    let channel = api.conversations_info(&alerts()).await.unwrap();
    assert!(channel.is_member && !channel.is_archived);
    assert_eq!(api.users_info(&UserId::new("U0ALICE")).await.unwrap().tz.as_deref(), Some("Europe/Paris"));
    let direct = api.conversations_open(&UserId::new("U0ALICE")).await.unwrap();
    api.chat_post_message(&direct, &Message::text("you are on call"), None, "job-1").await.unwrap();
    let home = View(json!({"type": "home", "blocks": []}));
    api.views_publish(&UserId::new("U0ALICE"), None, &home).await.unwrap();
    assert!(workspace.home("alice").is_some());
}

#[tokio::test]
async fn a_request_is_slacks_once_its_signature_is_checked() {
    let workspace = workspace().await;
    let verifier = Verifier::new(&SecretString::from(AppConfig::default().signing_secret)).unwrap();
    let command = json!({"command": "/wk", "text": "help", "user_id": "U0ALICE", "channel_id": "C0OPS"});
    let request = workspace.signed_request(Kind::Command, &command, 1_800_000_000);
    let headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static(request.content_type)),
        (TIMESTAMP_HEADER.parse().unwrap(), request.timestamp.parse().unwrap()),
        (SIGNATURE_HEADER.parse().unwrap(), request.signature.parse().unwrap()),
    ]);
    let verify = |secs| verifier.verify(&Claim::of(&headers, Timestamp::from_secs(secs))?, request.body.as_bytes());
    assert_eq!(verify(1_800_000_000), Ok(()));
    assert_eq!(verify(1_800_000_400), Err(Refusal::Stale(400)));
    assert!(matches!(parse_http(&headers, request.body.as_bytes()).input, Input::Command(_)));
}

/// Runs the Socket Mode loop; every command is answered through its response URL.
async fn listening(workspace: &Workspace) -> (Arc<SocketStatus>, CancellationToken) {
    let (status, stop) = (Arc::new(SocketStatus::default()), CancellationToken::new());
    let settings = SocketSettings { stagger: Duration::ZERO, ..SocketSettings::default() };
    let answering = api(workspace);
    let handler = move |envelope: Envelope| {
        let api = answering.clone();
        async move {
            if let Input::Command(command) = envelope.delivery.input {
                let url = command.response_url.unwrap();
                api.respond(&url, &Message::text(command.text), Answer::Ephemeral, None).await.unwrap();
            }
            Ack::Empty
        }
    };
    let run = socket::run(settings, api(workspace), clock(), Arc::clone(&status), handler, stop.clone());
    tokio::spawn(run);
    let up = workspace.until(LIMIT, |workspace| (workspace.socket_count() == 2).then_some(())).await;
    assert!(up.is_some(), "two sockets come up");
    (status, stop)
}

#[tokio::test]
async fn commands_are_answered_while_slack_renews_every_connection() {
    let workspace = workspace().await;
    let (status, stop) = listening(&workspace).await;
    for round in 0..10 {
        if round == 3 {
            workspace.refresh_sockets();
        }
        let seen = workspace.slash("alice", "#ops", &format!("/wk round {round}")).await;
        assert!(seen.ok(), "round {round}: {seen}");
    }
    assert_eq!(workspace.ephemerals("alice").len(), 10);
    assert_eq!(status.figures().lost, 0);
    stop.cancel();
    let gone = workspace.until(LIMIT, |workspace| (workspace.socket_count() == 0).then_some(())).await;
    assert!(gone.is_some(), "stopping closes the sockets");
}

#[tokio::test]
async fn sockets_that_were_cut_come_back() {
    let workspace = workspace().await;
    // Four addresses within seconds are more than Slack's first tier gives.
    workspace.faults(|faults| faults.rate_limits = false);
    let _listening = listening(&workspace).await;
    workspace.drop_sockets();
    // Each of the two asks for a new address once it knows that it was cut.
    let asked = |workspace: &Workspace| workspace.calls("apps.connections.open").len() >= 4;
    let back = |workspace: &Workspace| (asked(workspace) && workspace.socket_count() == 2).then_some(());
    assert!(workspace.until(LIMIT, back).await.is_some(), "two sockets again");
    assert!(workspace.slash("alice", "#ops", "/wk help").await.ok());
    assert_eq!(workspace.ephemerals("alice").len(), 1);
}

#[tokio::test]
async fn deleting_and_reacting_reach_the_message() {
    let workspace = workspace().await;
    let api = api(&workspace);
    let posted = api.chat_post_message(&alerts(), &alert(), None, "job-1").await.unwrap();
    api.reactions_add(&alerts(), &posted.ts, "eyes").await.unwrap();
    api.reactions_add(&alerts(), &posted.ts, "eyes").await.unwrap();
    api.chat_delete(&alerts(), &posted.ts).await.unwrap();
    let gone = api.chat_update(&alerts(), &MessageTs::new("1.000001"), &alert()).await.unwrap_err();
    assert!(gone.message_gone(), "{gone}");
    assert!(workspace.messages("#feeds-alerts").is_empty());
}
