//! The workspace's centre: the locked state, the clock, and the ways out (the page's sockets and the app's deliveries).

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::{broadcast, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::Timing;
use super::deliver::events;
use super::state::{Out, State};
use crate::clock::SharedClock;
use crate::core::time::Timestamp;

/// Pushes a slow page may lag behind before it is told to load everything again.
const LIVE_BACKLOG: usize = 1024;

#[derive(Debug)]
pub struct Hub {
    state: Mutex<State>,
    pub clock: SharedClock,
    pub timing: Timing,
    /// `http://127.0.0.1:port`
    pub base: String,
    pub http: reqwest::Client,
    pub live: broadcast::Sender<Live>,
    /// Counts changes, for those who wait for one.
    pub changes: watch::Sender<u64>,
    pub stop: CancellationToken,
}

/// One push to the page, and who may see it (none: everyone).
#[derive(Clone, Debug)]
pub struct Live {
    pub to: Option<Arc<Vec<String>>>,
    pub push: Arc<Value>,
}

/// Completes when the first attempt to deliver an event has been answered or missed.
pub type Delivered = oneshot::Receiver<()>;

impl Hub {
    pub fn new(state: State, clock: SharedClock, timing: Timing, base: String, http: reqwest::Client) -> Self {
        Self {
            state: Mutex::new(state),
            clock,
            timing,
            base,
            http,
            live: broadcast::Sender::new(LIVE_BACKLOG),
            changes: watch::Sender::new(0),
            stop: CancellationToken::new(),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Looks without changing anything.
    pub fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state, then sends what came of it.
    pub fn with<R>(self: &Arc<Self>, act: impl FnOnce(&mut State) -> R) -> R {
        self.with_deliveries(act).0
    }

    /// As [`Self::with`], and gives the event deliveries it started to those who want to wait for them.
    pub fn with_deliveries<R>(self: &Arc<Self>, act: impl FnOnce(&mut State) -> R) -> (R, Vec<Delivered>) {
        let (result, out) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let result = act(&mut state);
            (result, std::mem::take(&mut state.out))
        };
        let mut deliveries = Vec::new();
        for one in out {
            match one {
                // Nobody looking at the page is fine.
                Out::Live { to, push } => {
                    let _ = self.live.send(Live { to: to.map(Arc::new), push: Arc::new(push) });
                }
                Out::Event { event, is_ext_shared } => deliveries.extend(events::send(self, &event, is_ext_shared)),
            }
        }
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
        (result, deliveries)
    }
}

/// Waits until the app has seen each of these events once, or missed it.
pub async fn settled(deliveries: Vec<Delivered>) {
    for delivery in deliveries {
        let _ = delivery.await;
    }
}
