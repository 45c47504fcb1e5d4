//! Socket Mode: up to ten websockets, each payload to one of them, replaced before they grow old.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{self, WebSocket};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::super::hub::Hub;
use super::super::state::State;
use super::{Kind, Missed, Reply, Retry};

const MOST_CONNECTIONS: usize = 10;
/// Slack warns about this long before it closes a socket.
const WARNING: Duration = Duration::from_secs(10);
/// The official clients give up on a socket that has not pinged for 30 s.
const PING_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub struct Sockets {
    connections: Vec<Connection>,
    next: usize,
    pending: HashMap<String, Pending>,
    tickets: Vec<String>,
}

#[derive(Debug)]
struct Connection {
    id: u64,
    orders: mpsc::UnboundedSender<Order>,
}

#[derive(Debug)]
struct Pending {
    connection: u64,
    acked: oneshot::Sender<Reply>,
}

#[derive(Debug)]
enum Order {
    Send(String),
    /// Sends, then drops the connection without a goodbye.
    SendAndCut(String),
    Cut,
    /// Warns, and closes ten seconds later.
    Refresh,
}

impl Sockets {
    pub fn count(&self) -> usize {
        self.connections.len()
    }

    /// Keeps a ticket for one connection.
    pub fn issue(&mut self, ticket: String) {
        self.tickets.push(ticket);
    }

    /// Takes the ticket; it cannot be used again.
    pub fn admit(&mut self, ticket: &str) -> bool {
        let at = self.tickets.iter().position(|t| t == ticket);
        at.map(|at| self.tickets.swap_remove(at)).is_some()
    }

    pub fn cut_all(&self) {
        self.order_all(|| Order::Cut);
    }

    pub fn refresh_all(&self) {
        self.order_all(|| Order::Refresh);
    }

    fn order_all(&self, order: impl Fn() -> Order) {
        for connection in &self.connections {
            let _ = connection.orders.send(order());
        }
    }

    fn leave(&mut self, id: u64) {
        self.connections.retain(|c| c.id != id);
        // Dropping the sender tells the waiting delivery that its socket is gone.
        self.pending.retain(|_, pending| pending.connection != id);
    }
}

/// Sends one envelope down the next socket and waits for its acknowledgement.
pub(super) async fn send(hub: &Arc<Hub>, kind: Kind, payload: &Value, retry: Option<&Retry>) -> Result<Reply, Missed> {
    let (envelope_id, acked) = hub.with(|state| hand_over(state, kind, payload, retry)).ok_or(Missed::Unreachable)?;
    match tokio::time::timeout(hub.timing.ack_within, acked).await {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(_)) => Err(Missed::ConnectionFailed),
        Err(_) => {
            hub.with(|state| state.sockets.pending.remove(&envelope_id));
            Err(Missed::Timeout)
        }
    }
}

fn hand_over(
    state: &mut State,
    kind: Kind,
    payload: &Value,
    retry: Option<&Retry>,
) -> Option<(String, oneshot::Receiver<Reply>)> {
    let envelope_id = uuid_like(&state.mint_hex(16));
    let cut = state.sockets.count() > 0 && state.faults.take_cut();
    let text = envelope(&envelope_id, kind, payload, retry).to_string();
    let sockets = &mut state.sockets;
    let connection = sockets.connections.get(sockets.next % sockets.connections.len().max(1))?;
    sockets.next = sockets.next.wrapping_add(1);
    let order = if cut { Order::SendAndCut(text) } else { Order::Send(text) };
    connection.orders.send(order).ok()?;
    let (acked, answer) = oneshot::channel();
    sockets.pending.insert(envelope_id.clone(), Pending { connection: connection.id, acked });
    Some((envelope_id, answer))
}

fn envelope(id: &str, kind: Kind, payload: &Value, retry: Option<&Retry>) -> Value {
    let (name, accepts) = match kind {
        Kind::Event => ("events_api", false),
        Kind::Command => ("slash_commands", true),
        Kind::Interaction => ("interactive", true),
    };
    let mut envelope =
        json!({"envelope_id": id, "type": name, "payload": payload, "accepts_response_payload": accepts});
    if kind == Kind::Event {
        envelope["retry_attempt"] = json!(retry.map_or(0, |r| r.number));
        envelope["retry_reason"] =
            json!(retry.map_or("", |r| if r.reason == "http_timeout" { "timeout" } else { r.reason }));
    }
    envelope
}

fn uuid_like(hex: &str) -> String {
    let mut id = hex.to_owned();
    for at in [20, 16, 12, 8] {
        if id.len() > at {
            id.insert(at, '-');
        }
    }
    id
}

/// Runs one connection from hello to goodbye.
pub async fn serve(hub: Arc<Hub>, mut socket: WebSocket) {
    let (orders, mut incoming_orders) = mpsc::unbounded_channel();
    let Some((id, hello)) = hub.with(|state| join(state, orders)) else {
        let _ = say(&mut socket, &goodbye("too_many_websockets")).await;
        return;
    };
    if say(&mut socket, &hello).await.is_ok() {
        let stop = hub.stop.clone();
        stop.run_until_cancelled(run(&hub, &mut socket, &mut incoming_orders)).await;
    }
    hub.with(|state| state.sockets.leave(id));
}

fn join(state: &mut State, orders: mpsc::UnboundedSender<Order>) -> Option<(u64, Value)> {
    if state.sockets.count() >= MOST_CONNECTIONS {
        return None;
    }
    let id = u64::from_str_radix(&state.mint_hex(8), 16).unwrap_or_default();
    state.sockets.connections.push(Connection { id, orders });
    let app_id = state.app.as_ref().map(|app| app.app_id.clone());
    let hello = json!({
        "type": "hello",
        "num_connections": state.sockets.count(),
        "debug_info": {"host": "applink-local", "build_number": 1, "approximate_connection_time": 18060},
        "connection_info": {"app_id": app_id},
    });
    Some((id, hello))
}

async fn run(hub: &Arc<Hub>, socket: &mut WebSocket, orders: &mut mpsc::UnboundedReceiver<Order>) {
    let mut ping = tokio::time::interval(PING_EVERY);
    let mut warned = false;
    let mut timer = hub.clock.sleep(hub.timing.socket_life.saturating_sub(WARNING));
    loop {
        let sent = tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Send(text)) => socket.send(ws::Message::text(text)).await,
                Some(Order::SendAndCut(text)) => {
                    let _ = socket.send(ws::Message::text(text)).await;
                    return;
                }
                Some(Order::Refresh) if !warned => {
                    warned = true;
                    timer = hub.clock.sleep(WARNING);
                    say(socket, &goodbye("warning")).await
                }
                Some(Order::Refresh) => Ok(()),
                Some(Order::Cut) | None => return,
            },
            () = &mut timer => {
                if warned {
                    let _ = say(socket, &goodbye("refresh_requested")).await;
                    let _ = socket.send(ws::Message::Close(None)).await;
                    return;
                }
                warned = true;
                timer = hub.clock.sleep(WARNING);
                say(socket, &goodbye("warning")).await
            }
            _ = ping.tick() => socket.send(ws::Message::Ping("Ping from applink-local".into())).await,
            received = socket.recv() => match received {
                Some(Ok(ws::Message::Text(text))) => {
                    acknowledge(hub, &text);
                    Ok(())
                }
                Some(Ok(ws::Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(ws::Message::Ping(_) | ws::Message::Pong(_) | ws::Message::Binary(_))) => Ok(()),
            },
        };
        if sent.is_err() {
            return;
        }
    }
}

/// `{envelope_id, payload?}`; anything else an app sends is ignored, as Slack does.
fn acknowledge(hub: &Arc<Hub>, text: &str) {
    let Ok(ack) = serde_json::from_str::<Value>(text) else { return };
    let reply = match &ack["payload"] {
        Value::String(text) if !text.is_empty() => Reply::Text(text.clone()),
        Value::Object(fields) if !fields.is_empty() => Reply::Json(ack["payload"].clone()),
        _ => Reply::Empty,
    };
    let Some(id) = ack["envelope_id"].as_str() else { return };
    if let Some(pending) = hub.with(|state| state.sockets.pending.remove(id)) {
        let _ = pending.acked.send(reply);
    }
}

fn goodbye(reason: &str) -> Value {
    json!({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-local"}})
}

async fn say(socket: &mut WebSocket, message: &Value) -> Result<(), axum::Error> {
    socket.send(ws::Message::text(message.to_string())).await
}
