//! Socket Mode: Slack's inputs over websockets that we open ourselves, for bots behind a firewall
//! (<https://docs.slack.dev/apis/events-api/using-socket-mode>).
//!
//! At least two connections, opened at different times, so that one can be renewed while the other listens; a new one is up
//! before an old one is closed; nothing is acknowledged before the handler has stored it.

mod connection;
mod slot;
mod status;
#[cfg(test)]
mod tests;

pub use status::{SocketFigures, SocketStatus};

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::slack::message::Rendered;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::api::{ApiError, WebApi};
use super::inbound::Envelope;
use crate::clock::SharedClock;
use crate::core::backoff::Backoff;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketSettings {
    /// How many to keep open. Slack allows ten per app, over all replicas.
    pub connections: u32,
    /// Between the first opening of one connection and the next, so that Slack renews them at different times.
    pub stagger: Duration,
    /// When a person who waits is answered though the handler is not done. Slack gives up after three seconds.
    pub ack_within: Duration,
    pub ping_every: Duration,
    /// A connection without any sign of life for this long is dead.
    pub dead_after: Duration,
    /// For each step of opening: the address, the handshake, Slack's hello.
    pub open_timeout: Duration,
    /// How long work in progress may take when a connection or the whole loop ends.
    pub drain: Duration,
    pub backoff: Backoff,
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self {
            connections: 2,
            stagger: Duration::from_secs(5),
            ack_within: Duration::from_millis(2500),
            ping_every: Duration::from_secs(10),
            dead_after: Duration::from_secs(30),
            open_timeout: Duration::from_secs(10),
            drain: Duration::from_secs(5),
            backoff: Backoff { base: Duration::from_secs(1), cap: Duration::from_mins(1) },
        }
    }
}

/// What the handler made of an envelope.
#[derive(Clone, Debug, PartialEq)]
pub enum Ack {
    /// Stored (or deliberately ignored).
    Empty,
    /// Stored, and this is the answer, e.g. `{"response_action": "errors", …}` or the options of a select.
    Payload(Rendered),
    /// Not stored. Slack delivers an event again, and tells a person that it did not work.
    Withheld,
}

/// Why the loop gave up: only a person can mend these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    #[error("Socket Mode was switched off for this app; switch it on in the app's settings, or configure HTTP")]
    LinkDisabled,
    #[error("{0}; check the app-level token (xapp-…): it needs the scope connections:write")]
    Token(ApiError),
    #[error("the Socket Mode loop crashed: {0}")]
    Crashed(String),
}

type Handler = Box<dyn Fn(Envelope) -> Pin<Box<dyn Future<Output = Ack> + Send>> + Send + Sync>;

/// What all connections have in common.
struct Shared {
    settings: SocketSettings,
    api: WebApi,
    clock: SharedClock,
    status: Arc<SocketStatus>,
    handler: Handler,
    /// Handlers at work, also those whose connection is gone.
    work: TaskTracker,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Listens until `stop`, then lets work in progress finish. `handler` stores an envelope's delivery; the same delivery may
/// come twice.
pub async fn run<H, F>(
    settings: SocketSettings,
    api: WebApi,
    clock: SharedClock,
    status: Arc<SocketStatus>,
    handler: H,
    stop: CancellationToken,
) -> Result<(), Stopped>
where
    H: Fn(Envelope) -> F + Send + Sync + 'static,
    F: Future<Output = Ack> + Send + 'static,
{
    let handler: Handler = Box::new(move |envelope| Box::pin(handler(envelope)));
    let shared = Arc::new(Shared { settings, api, clock, status, handler, work: TaskTracker::new() });
    // What stops one connection for good stops them all.
    let stop = stop.child_token();
    let mut slots = JoinSet::new();
    for index in 0..settings.connections.max(1) {
        slots.spawn(slot::keep(Arc::clone(&shared), index, stop.clone()));
    }
    let mut outcome = Ok(());
    while let Some(ended) = slots.join_next().await {
        let stopped = match ended {
            Ok(Ok(())) => continue,
            Ok(Err(stopped)) => stopped,
            Err(crash) => Stopped::Crashed(crash.to_string()),
        };
        tracing::error!("Socket Mode stopped: {stopped}");
        stop.cancel();
        outcome = Err(stopped);
    }
    shared.work.close();
    if tokio::time::timeout(settings.drain, shared.work.wait()).await.is_err() {
        tracing::warn!("left {} Socket Mode inputs unfinished", shared.work.len());
    }
    outcome
}
