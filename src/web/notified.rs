//! Alertmanager's and Grafana's notifications: known by their token, bounded, stored before they are acknowledged.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::flow::Flow;
use crate::prometheus::Notification;

use super::body::{Room, Unread};
use super::seats::Seat;

/// Where each sender posts, by its configured name.
pub const PATH: &str = "/webhooks/alertmanager/{name}";

/// Thousands of alerts with long annotations in one group; who sends them is known by the token.
pub(super) const BODY_LIMIT: usize = 8 << 20;

/// Who may post under which name.
#[derive(Clone, Debug, Default)]
pub struct Senders(pub Vec<(String, SecretString)>);

impl Senders {
    fn token(&self, name: &str) -> Option<&SecretString> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, token)| token)
    }
}

#[derive(Clone)]
pub(super) struct Door {
    pub flow: Arc<Flow>,
    pub senders: Senders,
    pub room: Room,
}

/// Nothing of a body is read before its sender has shown the token. Alertmanager tries again after 5xx and drops what gets 4xx, so 4xx is for what can never work.
pub(super) async fn take(
    State(Door { flow, senders, room }): State<Door>,
    Path(name): Path<String>,
    seat: Option<Extension<Arc<Seat>>>,
    headers: HeaderMap,
    body: Body,
) -> (StatusCode, String) {
    let Some(token) = senders.token(&name) else {
        flow.metrics.refused("sender");
        return (StatusCode::NOT_FOUND, "no sender of that name is configured\n".to_owned());
    };
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !same(given.strip_prefix("Bearer ").unwrap_or_default(), token.expose_secret()) {
        flow.metrics.refused("token");
        tracing::warn!(sender = name, "refused a notification without the sender's token");
        return (StatusCode::UNAUTHORIZED, "the bearer token is not this sender's\n".to_owned());
    }
    let _at_work = seat.map(|Extension(seat)| seat.work());
    let body = match room.read_from_known(&headers, body, BODY_LIMIT).await {
        Ok(body) => body,
        Err(Unread::Full) => {
            flow.metrics.refused("busy");
            tracing::warn!(sender = name, "many large notifications at once; this one shall come again");
            return (Unread::Full.status(), "many large notifications at once; send it again\n".to_owned());
        }
        Err(unread @ (Unread::TooLarge | Unread::BrokeOff)) => {
            flow.metrics.refused("body");
            tracing::warn!(
                sender = name,
                limit = BODY_LIMIT,
                "a notification is too large; set max_alerts in Alertmanager"
            );
            return (unread.status(), "the body is too large or broke off; set max_alerts\n".to_owned());
        }
    };
    match Notification::read(&name, &body.bytes) {
        Ok(notification) => {
            if flow.take_notification(notification).await {
                (StatusCode::OK, "stored\n".to_owned())
            } else {
                (StatusCode::SERVICE_UNAVAILABLE, "nothing was stored; send it again\n".to_owned())
            }
        }
        Err(malformed) => {
            flow.metrics.refused("notification");
            tracing::warn!(sender = name, error = %malformed, "refused a notification");
            (StatusCode::BAD_REQUEST, format!("{malformed}\n"))
        }
    }
}

/// Compares digests, so that how long it takes says nothing about the token.
fn same(given: &str, token: &str) -> bool {
    !token.is_empty() && Sha256::digest(given.as_bytes()) == Sha256::digest(token.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_counts_and_an_empty_one_never() {
        assert!(same("secret", "secret"));
        for (given, token) in [("", "secret"), ("secre", "secret"), ("Secret", "secret"), ("", "")] {
            assert!(!same(given, token), "{given} {token}");
        }
    }
}
