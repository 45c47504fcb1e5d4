//! From bytes on the wire to an answer or an [`ApiError`].

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::ApiError;

/// A page of 200 messages with blocks is below 2 MB.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// Slack always says how long; a proxy in between may not.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(30);
/// No limit of Slack's lasts longer; a larger number is a mistake that would silence us.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

pub(super) struct Raw {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Sends, and reads the whole answer. Rate limits and server faults are errors here already.
pub(super) async fn receive(request: reqwest::RequestBuilder) -> Result<Raw, ApiError> {
    let mut response = request.send().await.map_err(lost)?;
    let status = response.status();
    let headers = response.headers().clone();
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(ApiError::RateLimited { retry_after: retry_after(&headers) });
    }
    if status.is_server_error() {
        return Err(ApiError::Unknown { reason: format!("HTTP {status}") });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if body.len().saturating_add(chunk.len()) > MAX_BODY {
            return Err(ApiError::Unknown { reason: format!("the answer is larger than {MAX_BODY} bytes") });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Raw { status, headers, body })
}

/// The JSON of a method's answer.
pub(super) fn read(raw: &Raw) -> Result<Value, ApiError> {
    let body = serde_json::from_slice::<Value>(&raw.body).unwrap_or(Value::Null);
    match body.get("ok").and_then(Value::as_bool) {
        Some(true) if raw.status.is_success() => Ok(body),
        Some(false) => Err(refused(&raw.headers, &body)),
        Some(true) | None if raw.status.is_success() => {
            Err(ApiError::Unknown { reason: "the answer is not Slack's JSON".to_owned() })
        }
        Some(true) | None if too_large(raw.status) => Err(http_refused(raw.status)),
        // Slack refuses in its JSON. A proxy on the way did this, and may think better of it.
        Some(true) | None => {
            Err(ApiError::NotSent { reason: format!("HTTP {}, and not from Slack: is it a proxy?", raw.status) })
        }
    }
}

/// What is too large now is too large for ever.
fn too_large(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::URI_TOO_LONG | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    )
}

/// A refusal by something that is not a Web API method: a proxy, an upload address, a response URL.
pub(super) fn http_refused(status: StatusCode) -> ApiError {
    ApiError::Refused { code: format!("http_{}", status.as_u16()), messages: Vec::new() }
}

pub(super) fn refused(headers: &HeaderMap, body: &Value) -> ApiError {
    let code = body.get("error").and_then(Value::as_str).unwrap_or("no_error_code");
    match code {
        "ratelimited" | "rate_limited" => ApiError::RateLimited { retry_after: retry_after(headers) },
        // Documented as "some aspect of the operation may have succeeded".
        "internal_error" | "fatal_error" => ApiError::Unknown { reason: code.to_owned() },
        code => ApiError::Refused { code: code.to_owned(), messages: messages(body) },
    }
}

fn messages(body: &Value) -> Vec<String> {
    let listed = ["/response_metadata/messages", "/errors"];
    let all = listed.iter().filter_map(|pointer| body.pointer(pointer).and_then(Value::as_array)).flatten();
    let mut messages: Vec<String> =
        all.map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).take(20).collect();
    if let Some(needed) = body.get("needed").and_then(Value::as_str) {
        messages.push(format!("needs scope {needed}"));
    }
    messages
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let secs = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    secs.map_or(DEFAULT_RETRY_AFTER, Duration::from_secs).min(MAX_RETRY_AFTER)
}

fn lost(error: reqwest::Error) -> ApiError {
    let never_sent = error.is_connect() || error.is_builder();
    // URLs can carry secrets (response URLs, upload tickets).
    let error = error.without_url();
    let reason = if error.is_timeout() { "timed out".to_owned() } else { chain(&error) };
    if never_sent { ApiError::NotSent { reason } } else { ApiError::Unknown { reason } }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
