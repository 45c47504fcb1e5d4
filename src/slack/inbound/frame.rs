//! Inputs that come over Socket Mode (<https://docs.slack.dev/apis/events-api/using-socket-mode>).

use serde_json::Value;

use super::http::from_payload;
use super::pick::{flag, owned, text, unreadable};
use super::{Delivery, Retry};

/// One text frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// The connection is up; `connections` is how many this app has now.
    Hello {
        connections: u64,
    },
    /// Slack is about to close this connection, or has a reason not to keep it.
    Disconnect {
        reason: String,
    },
    Envelope(Box<Envelope>),
    /// Not for us, e.g. Slack's textual pings.
    Other,
}

/// A payload that wants an acknowledgement naming its `envelope_id` within three seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    pub envelope_id: String,
    /// `events_api`, `slash_commands`, `interactive`, or what Slack adds next.
    pub kind: String,
    pub accepts_response_payload: bool,
    pub delivery: Delivery,
}

#[must_use]
pub fn parse_frame(frame: &str) -> Frame {
    let Ok(value) = serde_json::from_str::<Value>(frame) else { return Frame::Other };
    match text(&value, "/type") {
        Some("hello") => {
            Frame::Hello { connections: value.get("num_connections").and_then(Value::as_u64).unwrap_or(1) }
        }
        Some("disconnect") => Frame::Disconnect { reason: owned(&value, "/reason").unwrap_or_default() },
        Some(_) | None => parse_envelope(&value).map_or(Frame::Other, |envelope| Frame::Envelope(Box::new(envelope))),
    }
}

/// The envelope in a frame; `None` when there is no id to acknowledge.
#[must_use]
pub fn parse_envelope(frame: &Value) -> Option<Envelope> {
    let envelope_id = owned(frame, "/envelope_id")?;
    let kind = owned(frame, "/type").unwrap_or_default();
    let fallback_key = || format!("envelope:{envelope_id}");
    let mut delivery = match frame.get("payload") {
        Some(payload) => from_payload(payload, fallback_key),
        None => Delivery { key: fallback_key(), ..unreadable(&[], "envelope without a payload") },
    };
    delivery.retry = retry(frame);
    let accepts_response_payload = flag(frame, "/accepts_response_payload");
    Some(Envelope { envelope_id, kind, accepts_response_payload, delivery })
}

fn retry(frame: &Value) -> Option<Retry> {
    let number = frame.get("retry_attempt").and_then(Value::as_u64).filter(|number| *number > 0)?;
    Some(Retry { number: u32::try_from(number).unwrap_or(u32::MAX), reason: owned(frame, "/retry_reason") })
}
