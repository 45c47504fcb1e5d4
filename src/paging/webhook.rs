//! A signed webhook, for paging services without an API of their own here. Form and signature: docs/WEBHOOKS.md.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use serde_json::json;
use sha2::Sha256;

use super::{Event, Webhook};
use crate::core::time::Timestamp;

/// Unix seconds; part of what is signed, so that an old request cannot be played again.
pub const TIMESTAMP_HEADER: &str = "x-watchkeeper-timestamp";
/// `v1=` and the hex HMAC-SHA256 of `v1:<timestamp>:<body>`.
pub const SIGNATURE_HEADER: &str = "x-watchkeeper-signature";
/// The same for every attempt at one delivery.
pub const DELIVERY_HEADER: &str = "x-watchkeeper-delivery";

pub(super) fn request(
    http: &reqwest::Client,
    webhook: Option<&Webhook>,
    event: &Event,
    delivery: &str,
    now: Timestamp,
) -> Option<reqwest::RequestBuilder> {
    let Webhook { url, secret } = webhook?;
    let body = body(event);
    let signature = sign(secret.expose_secret(), now, body.as_bytes())?;
    let request = http.post(url.clone()).header(reqwest::header::CONTENT_TYPE, "application/json");
    let request = request.header(TIMESTAMP_HEADER, now.as_secs()).header(SIGNATURE_HEADER, signature);
    Some(request.header(DELIVERY_HEADER, delivery).body(body))
}

pub(super) fn body(event: &Event) -> String {
    let Event { action, dedup_key, number, summary, severity, labels, at, details, links } = event;
    let links: Vec<_> = links.iter().map(|link| json!({ "label": link.label, "url": link.url })).collect();
    json!({
        "version": "1",
        "action": action,
        "dedup_key": dedup_key,
        "alert": number,
        "summary": summary,
        "severity": severity,
        "labels": labels,
        "at": at.to_string(),
        "details": details,
        "links": links,
    })
    .to_string()
}

/// The signature of `body` sent at `at`; `None` for an empty secret, which would let anyone sign.
#[must_use]
pub fn sign(secret: &str, at: Timestamp, body: &[u8]) -> Option<String> {
    if secret.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(format!("v1:{}:", at.as_secs()).as_bytes());
    mac.update(body);
    Some(format!("v1={}", hex::encode(mac.finalize().into_bytes())))
}
