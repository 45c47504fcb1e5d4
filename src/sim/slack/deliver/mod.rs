//! From the workspace to the app: events, slash commands and interactions, over signed HTTP or Socket Mode.

pub mod events;
pub mod http;
pub mod socket;

use std::sync::Arc;

use serde_json::Value;

use super::app::{AppConfig, Delivery};
use super::hub::Hub;

/// What is being delivered; it decides the URL, the encoding and the envelope type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Event,
    Command,
    Interaction,
}

/// What the app said in its acknowledgement.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Empty,
    Text(String),
    Json(Value),
}

/// Why a delivery was not acknowledged, in the words of `x-slack-retry-reason`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missed {
    /// No app is installed, or it has no way to be reached.
    Unreachable,
    Timeout,
    ConnectionFailed,
    TooManyRedirects,
    /// This HTTP status, and whether the app asked not to be tried again (`x-slack-no-retry: 1`).
    Http {
        status: u16,
        no_retry: bool,
    },
}

impl Missed {
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Timeout => "http_timeout",
            Self::Unreachable | Self::ConnectionFailed => "connection_failed",
            Self::TooManyRedirects => "too_many_redirects",
            Self::Http { .. } => "http_error",
        }
    }
}

/// Which attempt this is, when it is not the first.
#[derive(Clone, Debug)]
pub struct Retry {
    pub number: u32,
    pub reason: &'static str,
}

/// Sends once (and as often again, at the same time, as the duplicates fault says) and gives the first copy's answer.
pub async fn deliver(hub: &Arc<Hub>, kind: Kind, payload: &Value, retry: Option<Retry>) -> Result<Reply, Missed> {
    let (app, down, duplicates) =
        hub.read(|state| (state.app.clone(), state.faults.deliveries_down, state.faults.duplicates));
    let app = app.ok_or(Missed::Unreachable)?;
    if down {
        return Err(Missed::ConnectionFailed);
    }
    let copies = (0..=duplicates).map(|_| once(hub, &app, kind, payload, retry.as_ref()));
    futures_util::future::join_all(copies).await.into_iter().next().unwrap_or(Err(Missed::Unreachable))
}

async fn once(
    hub: &Arc<Hub>,
    app: &AppConfig,
    kind: Kind,
    payload: &Value,
    retry: Option<&Retry>,
) -> Result<Reply, Missed> {
    match &app.delivery {
        Delivery::Http { events_url, commands_url, interactivity_url } => {
            let url = match kind {
                Kind::Event => events_url,
                Kind::Command => commands_url,
                Kind::Interaction => interactivity_url,
            };
            http::post(hub, app, url, kind, payload, retry).await
        }
        Delivery::SocketMode => socket::send(hub, kind, payload, retry).await,
    }
}
