//! Answers to a response URL: five within thirty minutes, also where the app is no member
//! (<https://docs.slack.dev/interactivity/handling-user-interaction#message_responses>).

use serde_json::{Value, json};

use super::chat::arranged;
use super::{ApiError, WebApi, reply};
use crate::core::ids::MessageTs;
use crate::slack::inbound::ResponseUrl;
use crate::slack::message::Message;

/// What becomes of the message that an answer belongs to, and who sees the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A new message, seen by the person who asked.
    Ephemeral,
    /// A new message, seen by everyone in the channel.
    InChannel,
    /// The message that was clicked becomes this one; the only way to change an ephemeral one.
    ReplaceOriginal,
}

impl WebApi {
    pub async fn respond(
        &self,
        url: &ResponseUrl,
        message: &Message,
        answer: Answer,
        thread_ts: Option<&MessageTs>,
    ) -> Result<(), ApiError> {
        let (blocks, attachments) = arranged(message);
        let mut body = json!({
            "text": message.text,
            "blocks": blocks,
            "attachments": attachments,
            "replace_original": answer == Answer::ReplaceOriginal,
        });
        match answer {
            Answer::Ephemeral => body["response_type"] = json!("ephemeral"),
            Answer::InChannel => body["response_type"] = json!("in_channel"),
            Answer::ReplaceOriginal => {}
        }
        if let Some(thread_ts) = thread_ts {
            body["thread_ts"] = json!(thread_ts);
        }
        self.post_answer(url, &body).await
    }

    /// Takes the clicked message away.
    pub async fn delete_original(&self, url: &ResponseUrl) -> Result<(), ApiError> {
        self.post_answer(url, &json!({"delete_original": true})).await
    }

    async fn post_answer(&self, url: &ResponseUrl, body: &Value) -> Result<(), ApiError> {
        if !self.is_slacks(url) {
            let messages = vec!["the response URL is not an address of Slack's".to_owned()];
            return Err(ApiError::Refused { code: "foreign_response_url".to_owned(), messages });
        }
        let raw = reply::receive(self.http.post(url.expose()).json(body)).await?;
        let answer = serde_json::from_slice::<Value>(&raw.body).unwrap_or(Value::Null);
        match answer.get("ok").and_then(Value::as_bool) {
            Some(false) => Err(reply::refused(&raw.headers, &answer)),
            // The usual answer is the text `ok`.
            Some(true) | None if raw.status.is_success() => Ok(()),
            Some(true) | None => Err(plain_refusal(&raw)),
        }
    }

    /// The URL came from outside; we call only Slack and whatever host the API is configured to be on.
    fn is_slacks(&self, url: &ResponseUrl) -> bool {
        let Ok(url) = url::Url::parse(url.expose()) else { return false };
        let Some(host) = url.host_str() else { return false };
        let is_slack_host = [".slack.com", ".slack-gov.com"].iter().any(|domain| host.ends_with(domain));
        (url.scheme() == "https" && is_slack_host) || self.base.host_str() == Some(host)
    }
}

/// Errors come as a bare word: `used_url`, `expired_url`, `no_text`.
fn plain_refusal(raw: &reply::Raw) -> ApiError {
    let text = std::str::from_utf8(&raw.body).unwrap_or_default().trim();
    let is_code = (1..60).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
    if is_code {
        ApiError::Refused { code: text.to_owned(), messages: Vec::new() }
    } else {
        reply::http_refused(raw.status)
    }
}
