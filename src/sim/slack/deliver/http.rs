//! Signed HTTP deliveries: JSON events, form-encoded commands, and interactions as a form's `payload`.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::super::app::AppConfig;
use super::super::hub::Hub;
use super::{Kind, Missed, Reply, Retry};

const FORM: &str = "application/x-www-form-urlencoded";

/// `X-Slack-Signature` for these exact bytes at this time. <https://docs.slack.dev/authentication/verifying-requests-from-slack>
pub fn signature(secret: &str, timestamp: i64, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

/// The body as Slack would send it, and its content type.
pub fn encode(kind: Kind, payload: &Value) -> (String, &'static str) {
    match kind {
        Kind::Event => (payload.to_string(), "application/json"),
        Kind::Interaction => (
            form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish(),
            FORM,
        ),
        Kind::Command => {
            let mut form = form_urlencoded::Serializer::new(String::new());
            for (name, value) in payload.as_object().into_iter().flatten() {
                form.append_pair(name, value.as_str().unwrap_or_default());
            }
            (form.finish(), FORM)
        }
    }
}

pub(super) async fn post(
    hub: &Hub,
    app: &AppConfig,
    url: &str,
    kind: Kind,
    payload: &Value,
    retry: Option<&Retry>,
) -> Result<Reply, Missed> {
    let (body, content_type) = encode(kind, payload);
    let timestamp = hub.now().as_secs();
    let mut request = hub
        .http
        .post(url)
        .timeout(hub.timing.ack_within)
        .header("content-type", content_type)
        .header("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
        .header("x-slack-request-timestamp", timestamp)
        .header("x-slack-signature", signature(&app.signing_secret, timestamp, &body));
    if let Some(retry) = retry {
        request = request.header("x-slack-retry-num", retry.number).header("x-slack-retry-reason", retry.reason);
    }
    let response = request.body(body).send().await.map_err(|error| missed(&error))?;
    let status = response.status();
    let no_retry = response.headers().get("x-slack-no-retry").is_some_and(|value| value == "1");
    if !status.is_success() {
        return Err(Missed::Http { status: status.as_u16(), no_retry });
    }
    let text = response.text().await.map_err(|error| missed(&error))?;
    Ok(reply(text))
}

fn reply(text: String) -> Reply {
    if text.trim().is_empty() {
        return Reply::Empty;
    }
    match serde_json::from_str::<Value>(&text) {
        Ok(json) if json.is_object() => Reply::Json(json),
        _ => Reply::Text(text),
    }
}

fn missed(error: &reqwest::Error) -> Missed {
    if error.is_timeout() {
        Missed::Timeout
    } else if error.is_redirect() {
        Missed::TooManyRedirects
    } else {
        Missed::ConnectionFailed
    }
}
