//! Socket Mode, from the app's end of the wire.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::super::AppConfig;
use super::{Bench, SOON, texts};

struct Socket(WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>);

impl Socket {
    /// The next message that is JSON; none when the socket is closed or cut.
    async fn next(&mut self) -> Option<Value> {
        loop {
            match tokio::time::timeout(SOON, self.0.next()).await.expect("something on the socket") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    async fn ack(&mut self, envelope: &Value, payload: Value) {
        let ack = json!({"envelope_id": envelope["envelope_id"], "payload": payload});
        self.0.send(Message::text(ack.to_string())).await.unwrap();
    }
}

async fn ticket(bench: &Bench) -> String {
    let token = AppConfig::default().app_token;
    let answer: Value = bench.send("apps.connections.open", &token, &json!({})).await.json().await.unwrap();
    answer["url"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// Connects; gives the socket and its first message.
async fn connect(bench: &Bench) -> (Socket, Value) {
    let mut socket = Socket(tokio_tungstenite::connect_async(ticket(bench).await).await.unwrap().0);
    let first = socket.next().await.unwrap();
    (socket, first)
}

#[tokio::test]
async fn a_ticket_admits_one_connection() {
    let bench = Bench::open().await;
    let url = ticket(&bench).await;
    let (_open, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    assert!(tokio_tungstenite::connect_async(&url).await.is_err());
}

#[tokio::test]
async fn hello_counts_the_connections_and_the_eleventh_is_sent_away() {
    let bench = Bench::open().await;
    bench.slack.faults(|f| f.rate_limits = false);
    let mut open = Vec::new();
    for n in 1..=10 {
        let (socket, hello) = connect(&bench).await;
        assert_eq!((&hello["type"], &hello["num_connections"]), (&json!("hello"), &json!(n)));
        open.push(socket);
    }
    assert_eq!(connect(&bench).await.1["reason"], "too_many_websockets");
}

#[tokio::test]
async fn a_commands_acknowledgement_may_carry_the_answer() {
    let bench = Bench::open().await;
    let (mut socket, _) = connect(&bench).await;
    let app = async {
        let envelope = socket.next().await.unwrap();
        assert_eq!(
            (&envelope["type"], &envelope["accepts_response_payload"]),
            (&json!("slash_commands"), &json!(true))
        );
        let text = format!("you said {}", envelope["payload"]["text"].as_str().unwrap());
        socket.ack(&envelope, json!({"text": text})).await;
    };
    let (seen, ()) = tokio::join!(bench.slack.slash("alice", "#ops", "/wk hi"), app);
    assert_eq!(seen.text, "you said hi");
}

#[tokio::test]
async fn each_envelope_goes_to_one_connection_in_turn() {
    let bench = Bench::open().await;
    let ((mut one, _), (mut other, _)) = (connect(&bench).await, connect(&bench).await);
    let app = async {
        let mut said = Vec::new();
        for socket in [&mut one, &mut other] {
            let envelope = socket.next().await.unwrap();
            said.push(envelope["payload"]["event"]["text"].clone());
            socket.ack(&envelope, json!({})).await;
        }
        said
    };
    let people = async {
        bench.slack.say("alice", "#ops", "first").await.unwrap();
        bench.slack.say("alice", "#ops", "second").await.unwrap();
    };
    assert_eq!(tokio::join!(people, app).1, ["first", "second"]);
}

#[tokio::test]
async fn an_event_lost_with_its_socket_comes_again_on_another() {
    let bench = Bench::open().await;
    let ((mut one, _), (mut other, _)) = (connect(&bench).await, connect(&bench).await);
    bench.slack.faults(|f| f.cut_sockets = 1);
    bench.slack.say("alice", "#ops", "hello").await.unwrap();
    let lost = one.next().await.unwrap();
    assert_eq!(one.next().await, None);
    let again = other.next().await.unwrap();
    assert_eq!((&again["retry_attempt"], &again["payload"]), (&json!(1), &lost["payload"]));
    assert_ne!(again["envelope_id"], lost["envelope_id"]);
}

#[tokio::test]
async fn a_socket_is_warned_ten_seconds_before_it_is_replaced() {
    let bench = Bench::open().await;
    let (mut socket, _) = connect(&bench).await;
    bench.slack.refresh_sockets();
    assert_eq!(socket.next().await.unwrap()["reason"], "warning");
    bench.clock.advance(Duration::from_secs(10));
    assert_eq!(socket.next().await.unwrap()["reason"], "refresh_requested");
    assert_eq!(socket.next().await, None);
}

#[tokio::test]
async fn a_click_nobody_is_connected_for_is_answered_with_an_error() {
    let bench = Bench::open().await;
    let button = json!({"type": "button", "action_id": "ack", "text": {"type": "plain_text", "text": "Acknowledge"}});
    let args = json!({"channel": "C0OPS", "text": "a", "blocks": [{"type": "actions", "elements": [button]}]});
    let ts = bench.call("chat.postMessage", args).await["ts"].as_str().unwrap().to_owned();
    let seen = bench.slack.click("alice", "#ops", &ts, "ack").await;
    assert_eq!(seen.error.as_deref(), Some("app could not be reached"));
    assert_eq!(texts(&bench.slack.messages("#ops")), ["a"]);
}
