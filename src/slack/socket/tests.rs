//! The loop against a small websocket server that does what each test needs.

use std::sync::Mutex;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Json, State};
use axum::response::Response;
use axum::routing::{get, post};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::clock::SystemClock;
use crate::slack::api::ApiSettings;
use crate::slack::inbound::Input;

/// Slack's side: each websocket that is opened comes out of `sockets`.
struct Slack {
    sockets: mpsc::Receiver<WebSocket>,
    status: Arc<SocketStatus>,
    stop: CancellationToken,
    outcome: tokio::task::JoinHandle<Result<(), Stopped>>,
}

#[derive(Clone)]
struct Door {
    answer: Value,
    sockets: mpsc::Sender<WebSocket>,
}

/// Short waits; the clock runs a thousand times as fast, so backoffs take milliseconds.
fn settings() -> SocketSettings {
    SocketSettings { connections: 1, ack_within: Duration::from_millis(50), ..SocketSettings::default() }
}

impl Slack {
    async fn start<F>(settings: SocketSettings, handler: impl Fn(Envelope) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Ack> + Send + 'static,
    {
        Self::start_answering(None, settings, handler).await
    }

    /// `answer` instead of an address when a connection is asked for.
    async fn start_answering<F>(
        answer: Option<Value>,
        settings: SocketSettings,
        handler: impl Fn(Envelope) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Ack> + Send + 'static,
    {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, sockets) = mpsc::channel(16);
        let door = Door {
            answer: answer.unwrap_or_else(|| json!({"ok": true, "url": format!("ws://{address}/link?ticket=1")})),
            sockets: sender,
        };
        let router = Router::new()
            .route("/api/apps.connections.open", post(async |State(door): State<Door>| Json(door.answer)))
            .route("/link", get(upgrade))
            .with_state(door);
        tokio::spawn(async move { axum::serve(listener, router).await });

        let mut api = ApiSettings::new(SecretString::from("xoxb-1"));
        api.base_url = format!("http://{address}/api");
        api.app_token = Some(SecretString::from("xapp-1"));
        let (status, stop) = (Arc::new(SocketStatus::default()), CancellationToken::new());
        let clock: SharedClock = Arc::new(SystemClock::new(1000));
        let run = run(settings, WebApi::new(&api).unwrap(), clock, Arc::clone(&status), handler, stop.clone());
        Self { sockets, status, stop, outcome: tokio::spawn(run) }
    }

    /// The next connection, greeted.
    async fn connection(&mut self) -> Peer {
        let mut peer = self.ungreeted().await;
        peer.send(json!({"type": "hello", "num_connections": 1})).await;
        peer
    }

    async fn ungreeted(&mut self) -> Peer {
        Peer(in_time(self.sockets.recv()).await.unwrap())
    }

    async fn outcome(self) -> Result<(), Stopped> {
        in_time(self.outcome).await.unwrap()
    }
}

async fn upgrade(State(door): State<Door>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |socket| door.sockets.send(socket).await.unwrap())
}

/// Fails a test that would hang.
async fn in_time<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("nothing happened for 20 s")
}

struct Peer(WebSocket);

impl Peer {
    async fn send(&mut self, frame: Value) {
        self.0.send(Message::Text(frame.to_string().into())).await.unwrap();
    }

    async fn event(&mut self, envelope_id: &str) {
        let payload = json!({"type": "event_callback", "event_id": envelope_id, "event": {"type": "app_uninstalled"}});
        self.send(json!({"envelope_id": envelope_id, "type": "events_api", "payload": payload})).await;
    }

    async fn command(&mut self, envelope_id: &str) {
        let payload = json!({"command": "/wk", "user_id": "U1", "channel_id": "C1", "text": "help"});
        let frame = json!({"envelope_id": envelope_id, "type": "slash_commands", "accepts_response_payload": true,
                           "payload": payload});
        self.send(frame).await;
    }

    async fn disconnect(&mut self, reason: &str) {
        self.send(json!({"type": "disconnect", "reason": reason})).await;
    }

    /// The next acknowledgement, or `None` when the other side closes.
    async fn ack(&mut self) -> Option<Value> {
        loop {
            match in_time(self.0.recv()).await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => {}
            }
        }
    }
}

fn ack(envelope_id: &str) -> Value {
    json!({"envelope_id": envelope_id})
}

type Boxed = Pin<Box<dyn Future<Output = Ack> + Send>>;

/// A handler whose first call waits for the returned sender, and which says on the receiver when a call ends.
fn gated() -> (impl Fn(Envelope) -> Boxed + Send + Sync, oneshot::Sender<()>, mpsc::UnboundedReceiver<String>) {
    let (open, gate) = oneshot::channel::<()>();
    let (done, finished) = mpsc::unbounded_channel();
    let gate = Mutex::new(Some(gate));
    let handler = move |envelope: Envelope| {
        let (gate, done) = (gate.lock().unwrap().take(), done.clone());
        let work = async move {
            if let Some(gate) = gate {
                gate.await.unwrap();
            }
            let _ = done.send(envelope.envelope_id);
            Ack::Empty
        };
        Box::pin(work) as Boxed
    };
    (handler, open, finished)
}

#[tokio::test]
async fn an_envelope_is_acknowledged_with_what_the_handler_answers() {
    let mut slack = Slack::start(settings(), async |envelope| match envelope.delivery.input {
        Input::Command(command) => Ack::Payload(Rendered::of(&json!({"text": command.text}))),
        other => panic!("{other:?}"),
    })
    .await;
    let mut peer = slack.connection().await;
    peer.send(json!("Ping from applink-1")).await;
    peer.command("e1").await;
    assert_eq!(peer.ack().await, Some(json!({"envelope_id": "e1", "payload": {"text": "help"}})));
    assert_eq!(slack.status.figures().connected, 1);
}

#[tokio::test]
async fn a_warned_connection_goes_on_listening_until_the_new_one_is_up() {
    let mut slack = Slack::start(settings(), async |_| Ack::Empty).await;
    let mut old = slack.connection().await;
    old.disconnect("warning").await;
    let mut new = slack.ungreeted().await;
    old.event("e1").await;
    assert_eq!(old.ack().await, Some(ack("e1")));
    new.send(json!({"type": "hello", "num_connections": 2})).await;
    assert_eq!(old.ack().await, None, "the old one is closed now");
    new.event("e2").await;
    assert_eq!(new.ack().await, Some(ack("e2")));
}

#[tokio::test]
async fn an_envelope_in_work_is_still_acknowledged_on_the_connection_that_is_renewed() {
    let (handler, open, _finished) = gated();
    let mut slack = Slack::start(settings(), handler).await;
    let mut old = slack.connection().await;
    old.event("e1").await;
    old.disconnect("refresh_requested").await;
    let mut new = slack.connection().await;
    new.event("e2").await;
    assert_eq!(new.ack().await, Some(ack("e2")));
    open.send(()).unwrap();
    assert_eq!(old.ack().await, Some(ack("e1")));
    assert_eq!(old.ack().await, None);
}

#[tokio::test]
async fn an_envelope_cut_off_before_its_acknowledgement_is_taken_again_on_the_next_connection() {
    let (handler, open, mut finished) = gated();
    let mut slack = Slack::start(settings(), handler).await;
    let mut peer = slack.connection().await;
    peer.event("e1").await;
    drop(peer);
    let mut peer = slack.connection().await;
    peer.event("e1").await;
    assert_eq!(peer.ack().await, Some(ack("e1")));
    open.send(()).unwrap();
    assert_eq!(in_time(finished.recv()).await.as_deref(), Some("e1"));
    assert_eq!(in_time(finished.recv()).await.as_deref(), Some("e1"));
    assert_eq!(slack.status.figures().lost, 1);
}

#[tokio::test]
async fn a_slow_command_is_acknowledged_in_time_and_worked_on() {
    let (handler, open, mut finished) = gated();
    let mut slack = Slack::start(settings(), handler).await;
    let mut peer = slack.connection().await;
    peer.command("slow").await;
    assert_eq!(peer.ack().await, Some(ack("slow")));
    assert!(finished.try_recv().is_err(), "acknowledged before it was done");
    open.send(()).unwrap();
    assert_eq!(in_time(finished.recv()).await.as_deref(), Some("slow"));
    assert_eq!(slack.status.figures().acked_early, 1);
}

#[tokio::test]
async fn an_event_is_acknowledged_only_when_it_is_stored() {
    let (handler, open, _finished) = gated();
    let mut slack = Slack::start(settings(), handler).await;
    let mut peer = slack.connection().await;
    peer.event("slow").await;
    peer.command("meanwhile").await;
    assert_eq!(peer.ack().await, Some(ack("meanwhile")));
    open.send(()).unwrap();
    assert_eq!(peer.ack().await, Some(ack("slow")));
    assert_eq!(slack.status.figures().acked_early, 0);
}

#[tokio::test]
async fn what_could_not_be_stored_and_what_crashed_is_left_to_slack() {
    let mut slack = Slack::start(settings(), async |envelope| match envelope.envelope_id.as_str() {
        "locked" => Ack::Withheld,
        "crash" => panic!("a bug"),
        _ => Ack::Empty,
    })
    .await;
    let mut peer = slack.connection().await;
    for envelope in ["locked", "crash", "good"] {
        peer.event(envelope).await;
    }
    assert_eq!(peer.ack().await, Some(ack("good")));
    slack.stop.cancel();
    assert_eq!(peer.ack().await, None);
    assert_eq!(slack.status.figures().withheld, 2);
}

#[tokio::test]
async fn stopping_waits_for_the_acknowledgement_in_work() {
    let (handler, open, _finished) = gated();
    let mut slack = Slack::start(settings(), handler).await;
    let mut peer = slack.connection().await;
    peer.event("e1").await;
    peer.event("e2").await;
    assert_eq!(peer.ack().await, Some(ack("e2")));
    slack.stop.cancel();
    open.send(()).unwrap();
    assert_eq!(peer.ack().await, Some(ack("e1")));
    assert_eq!(peer.ack().await, None);
    assert_eq!(slack.outcome().await, Ok(()));
}

#[tokio::test]
async fn two_connections_are_kept_and_each_is_replaced_when_it_is_lost() {
    let settings = SocketSettings { connections: 2, ..settings() };
    let mut slack = Slack::start(settings, async |_| Ack::Empty).await;
    let first = slack.connection().await;
    let mut second = slack.connection().await;
    drop(first);
    let mut third = slack.connection().await;
    for peer in [&mut second, &mut third] {
        peer.event("e").await;
        assert_eq!(peer.ack().await, Some(ack("e")));
    }
    assert_eq!(slack.status.figures().connected, 2);
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_given_up() {
    let tick = Duration::from_millis(50);
    let settings = SocketSettings { ping_every: tick, dead_after: tick * 3, ..settings() };
    let mut slack = Slack::start(settings, async |_| Ack::Empty).await;
    // Pongs go out when a socket is read; this one never is.
    let _silent = slack.connection().await;
    slack.ungreeted().await;
    assert_eq!(slack.status.figures().lost, 1);
}

#[tokio::test]
async fn too_many_connections_are_not_fought_over() {
    let mut slack = Slack::start(settings(), async |_| Ack::Empty).await;
    let mut peer = slack.connection().await;
    peer.disconnect("too_many_websockets").await;
    assert_eq!(peer.ack().await, None, "closed");
    slack.connection().await;
}

#[tokio::test]
async fn socket_mode_switched_off_stops_the_loop() {
    let mut slack = Slack::start(settings(), async |_| Ack::Empty).await;
    slack.connection().await.disconnect("link_disabled").await;
    assert_eq!(slack.outcome().await, Err(Stopped::LinkDisabled));
}

#[tokio::test]
async fn a_bad_app_token_stops_the_loop_and_says_which() {
    let answer = json!({"ok": false, "error": "invalid_auth"});
    let slack = Slack::start_answering(Some(answer), settings(), async |_| Ack::Empty).await;
    let stopped = slack.outcome().await.unwrap_err().to_string();
    assert!(stopped.contains("invalid_auth") && stopped.contains("xapp-"), "{stopped}");
}
