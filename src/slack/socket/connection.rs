//! One websocket: reads envelopes, hands each to a task of its own, writes the acknowledgements, watches for signs of life.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::{Ack, Shared};
use crate::slack::inbound::{Envelope, Frame, parse_frame};
use crate::slack::message::Rendered;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A peer that takes no bytes for this long is dead.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// For the other side's half of the closing handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Slack's largest payloads are views of about 250 kB.
const MAX_FRAME: usize = 4 * 1024 * 1024;
/// More at once means that storing has come to a halt; Slack keeps what we do not acknowledge.
const MAX_AT_WORK: usize = 1000;

/// What a connection tells its slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Hello,
    /// Slack is about to close it: open another.
    Renew,
    TooMany,
    LinkDisabled,
    Lost(String),
}

/// A served connection. Dropping it closes it without waiting.
pub(super) struct Connection {
    signals: mpsc::Receiver<Signal>,
    retire: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    _abandon: DropGuard,
}

/// Connects to an address from `apps.connections.open`; errors do not name it, for it holds a ticket.
pub(super) async fn dial(url: &str) -> Result<Socket, String> {
    let config = WebSocketConfig::default().max_message_size(Some(MAX_FRAME)).max_frame_size(Some(MAX_FRAME));
    let connected = tokio_tungstenite::connect_async_with_config(url, Some(config), true).await;
    connected.map(|(socket, _)| socket).map_err(|error| format!("cannot connect the websocket: {error}"))
}

impl Connection {
    pub(super) fn serve(shared: Arc<Shared>, socket: Socket) -> Self {
        let (signal, signals) = mpsc::channel(8);
        let (retire, abandon) = (CancellationToken::new(), CancellationToken::new());
        let serving = Serving::new(shared, socket, signal);
        let task = {
            let (retire, abandon) = (retire.clone(), abandon.clone());
            tokio::spawn(async move {
                let _ = abandon.run_until_cancelled(serving.run(retire)).await;
            })
        };
        Self { signals, retire, task, _abandon: abandon.drop_guard() }
    }

    pub(super) async fn signal(&mut self) -> Signal {
        self.signals.recv().await.unwrap_or_else(|| Signal::Lost("closed".to_owned()))
    }

    /// Lets envelopes in work be acknowledged, then closes.
    pub(super) async fn retire(self) {
        self.retire.cancel();
        if let Err(crash) = self.task.await {
            tracing::error!("a Socket Mode connection crashed: {crash}");
        }
    }
}

/// Counts a connection as up from hello to its end, however it ends.
struct Up(Arc<Shared>);

impl Up {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.status.up();
        Self(Arc::clone(shared))
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.0.status.down();
    }
}

struct Serving {
    shared: Arc<Shared>,
    sink: SplitSink<Socket, Message>,
    stream: SplitStream<Socket>,
    signal: mpsc::Sender<Signal>,
    acks: mpsc::Sender<String>,
    to_write: mpsc::Receiver<String>,
    /// Envelopes of this connection that are not acknowledged yet.
    in_flight: TaskTracker,
    up: Option<Up>,
}

impl Serving {
    fn new(shared: Arc<Shared>, socket: Socket, signal: mpsc::Sender<Signal>) -> Self {
        let (sink, stream) = socket.split();
        let (acks, to_write) = mpsc::channel(MAX_AT_WORK);
        let in_flight = TaskTracker::new();
        // Closed from the start, so that `wait` means "nothing in flight at this moment".
        in_flight.close();
        Self { shared, sink, stream, signal, acks, to_write, in_flight, up: None }
    }

    async fn run(mut self, retire: CancellationToken) {
        match self.listen(retire).await {
            Ok(()) => self.close().await,
            Err(reason) => {
                // Counted as down before anyone hears of it.
                self.up = None;
                let _ = self.signal.try_send(Signal::Lost(reason));
            }
        }
    }

    /// Until it is retired and nothing is in flight (`Ok`), or lost.
    async fn listen(&mut self, retire: CancellationToken) -> Result<(), String> {
        let settings = self.shared.settings;
        let in_flight = self.in_flight.clone();
        let drained = async move {
            retire.cancelled().await;
            let _ = tokio::time::timeout(settings.drain, in_flight.wait()).await;
        };
        tokio::pin!(drained);
        let mut ping = tokio::time::interval(settings.ping_every);
        ping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut quiet_for = Duration::ZERO;
        loop {
            tokio::select! {
                biased;
                Some(ack) = self.to_write.recv() => self.write(Message::text(ack)).await?,
                frame = self.stream.next() => {
                    quiet_for = Duration::ZERO;
                    self.read(frame)?;
                }
                _ = ping.tick() => {
                    if quiet_for >= settings.dead_after {
                        return Err(format!("no sign of life for {quiet_for:?}"));
                    }
                    quiet_for += settings.ping_every;
                    self.write(Message::Ping(Vec::new().into())).await?;
                }
                () = &mut drained => return Ok(()),
            }
        }
    }

    fn read(&mut self, frame: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) -> Result<(), String> {
        let text = match frame {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(_))) | None => return Err("closed by Slack".to_owned()),
            Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return Ok(()),
            Some(Err(error)) => return Err(error.to_string()),
        };
        let signal = match parse_frame(&text) {
            Frame::Envelope(envelope) => {
                self.accept(*envelope);
                return Ok(());
            }
            Frame::Other => return Ok(()),
            Frame::Hello { connections } => {
                tracing::info!("Socket Mode connection {connections} of this app is up");
                self.up = Some(Up::new(&self.shared));
                Signal::Hello
            }
            Frame::Disconnect { reason } => {
                tracing::info!("Slack announces the end of a Socket Mode connection: {reason}");
                match reason.as_str() {
                    "link_disabled" => Signal::LinkDisabled,
                    "too_many_websockets" => Signal::TooMany,
                    _ => Signal::Renew,
                }
            }
        };
        // Full means that Slack repeats itself; the slot acts on the first.
        let _ = self.signal.try_send(signal);
        Ok(())
    }

    fn accept(&self, envelope: Envelope) {
        let shared = &self.shared;
        shared.status.envelope();
        if shared.work.len() >= MAX_AT_WORK {
            tracing::error!("left a Socket Mode envelope to Slack: {MAX_AT_WORK} are waiting to be stored");
            shared.status.withheld();
            return;
        }
        let Envelope { envelope_id, kind, accepts_response_payload, .. } = &envelope;
        let (id, accepts_payload) = (envelope_id.clone(), *accepts_response_payload);
        // Slack delivers events again, so they can wait until they are stored; people cannot.
        let a_person_waits = kind != "events_api";
        let mut work = shared.work.spawn((shared.handler)(envelope));
        let (shared, acks) = (Arc::clone(shared), self.acks.clone());
        self.in_flight.spawn(async move {
            let done = match tokio::time::timeout(shared.settings.ack_within, &mut work).await {
                Ok(done) => done,
                Err(_) if a_person_waits => {
                    shared.status.acked_early();
                    Ok(Ack::Empty)
                }
                Err(_) => work.await,
            };
            let ack = done.unwrap_or_else(|crash| {
                tracing::error!("handling a Socket Mode envelope crashed: {crash}");
                Ack::Withheld
            });
            match frame(&id, ack, accepts_payload) {
                // Without a connection there is nobody to tell; Slack delivers it again.
                Some(frame) => drop(acks.send(frame).await),
                None => shared.status.withheld(),
            }
        });
    }

    async fn write(&mut self, message: Message) -> Result<(), String> {
        match tokio::time::timeout(WRITE_TIMEOUT, self.sink.send(message)).await {
            Ok(sent) => sent.map_err(|error| error.to_string()),
            Err(_) => Err("Slack takes no more bytes".to_owned()),
        }
    }

    async fn close(mut self) {
        while let Ok(ack) = self.to_write.try_recv() {
            if self.write(Message::text(ack)).await.is_err() {
                return;
            }
        }
        if self.write(Message::Close(None)).await.is_err() {
            return;
        }
        // What was on its way is still handled; unacknowledged it comes again elsewhere, and is known by its key.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, async {
            while let Some(frame) = self.stream.next().await {
                if self.read(Some(frame)).is_err() {
                    return;
                }
            }
        })
        .await;
    }
}

fn frame(envelope_id: &str, ack: Ack, accepts_payload: bool) -> Option<String> {
    #[derive(Serialize)]
    struct Frame<'a> {
        envelope_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Rendered>,
    }
    let payload = match ack {
        Ack::Empty => None,
        Ack::Payload(payload) => Some(payload).filter(|_| accepts_payload),
        Ack::Withheld => return None,
    };
    serde_json::to_string(&Frame { envelope_id, payload }).ok()
}
