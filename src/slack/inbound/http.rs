//! Inputs that come over HTTP: one request URL serves events, commands and interactions, as Slack's own Bolt does.

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Map, Value};

use super::pick::{body_key, flag, ignored, origin, owned, text, unreadable};
use super::{Delivery, Input, Retry, event, interaction};

/// Parses a body whose signature was verified. Every body gives a delivery.
#[must_use]
pub fn parse_http(headers: &HeaderMap, body: &[u8]) -> Delivery {
    let is_form = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded"));
    let mut delivery = if is_form { form(body) } else { json(body) };
    delivery.retry = retry(headers);
    delivery
}

fn json(body: &[u8]) -> Delivery {
    match serde_json::from_slice::<Value>(body) {
        Ok(payload) if payload.is_object() => from_payload(&payload, || body_key(body)),
        Ok(_) => unreadable(body, "JSON, but not an object"),
        Err(_) => unreadable(body, "not JSON"),
    }
}

fn form(body: &[u8]) -> Delivery {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        fields.entry(name).or_insert_with(|| Value::String(value.into_owned()));
    }
    let fields = Value::Object(fields);
    match fields.get("payload").and_then(Value::as_str) {
        Some(payload) => json(payload.as_bytes()),
        None => from_payload(&fields, || body_key(body)),
    }
}

/// The delivery in a payload that is an object; `fallback_key` is for payloads without a key of their own.
pub(super) fn from_payload(payload: &Value, fallback_key: impl FnOnce() -> String) -> Delivery {
    let (key, input) = read(payload);
    Delivery {
        key: key.unwrap_or_else(fallback_key),
        input,
        origin: origin(payload),
        occurred_at: event::occurred_at(payload).or_else(|| interaction::occurred_at(payload)),
        retry: None,
    }
}

fn read(payload: &Value) -> (Option<String>, Input) {
    match text(payload, "/type") {
        Some("event_callback") => event::event(payload),
        Some("app_rate_limited") => event::rate_limited(payload),
        Some("url_verification") => match owned(payload, "/challenge") {
            Some(challenge) => (None, Input::UrlVerification { challenge }),
            None => (None, ignored("url_verification", "without a challenge")),
        },
        Some(_) => interaction::interaction(payload),
        None if flag(payload, "/ssl_check") => (None, Input::SslCheck),
        None if payload.get("command").is_some() => interaction::command(payload),
        None => (None, ignored("payload", "neither type nor command")),
    }
}

fn retry(headers: &HeaderMap) -> Option<Retry> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let number = header("x-slack-retry-num")?.parse().ok()?;
    Some(Retry { number, reason: header("x-slack-retry-reason").map(str::to_owned) })
}
