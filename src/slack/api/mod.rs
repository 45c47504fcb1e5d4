//! Slack's Web API (<https://docs.slack.dev/apis/web-api>): every call has a timeout, and every failure says whether it may
//! have happened. No retries and no waiting here: the outbox decides those.

mod chat;
mod conversations;
mod error;
mod files;
mod people;
mod reply;
mod respond;
#[cfg(test)]
mod tests;
mod usergroups;
mod views;

pub use chat::Posted;
pub use conversations::{Channel, Page};
pub use error::ApiError;
pub use files::{Share, Upload};
pub use people::{Identity, Person, Standing};
pub use respond::Answer;
pub use views::ViewHandle;

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// Slack's own address; tests and the demo have others.
pub const DEFAULT_BASE_URL: &str = "https://slack.com/api";
/// Slack answers within a second or two; after this the answer is taken for lost.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where and as whom to call.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    pub base_url: String,
    /// `xoxb-…`
    pub bot_token: SecretString,
    /// `xapp-…` with `connections:write`, for Socket Mode.
    pub app_token: Option<SecretString>,
    /// For a whole call, from connecting to the last byte of the answer.
    pub timeout: Duration,
}

impl ApiSettings {
    #[must_use]
    pub fn new(bot_token: SecretString) -> Self {
        Self { base_url: DEFAULT_BASE_URL.to_owned(), bot_token, app_token: None, timeout: DEFAULT_TIMEOUT }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error("slack base URL `{0}` is not an http(s) URL; the usual one is {DEFAULT_BASE_URL}")]
    BaseUrl(String),
    #[error("a Slack token has characters that no token has; copy it again, without quotes or line breaks")]
    Token,
    #[error("{variable} holds {what}; {fix}")]
    OtherToken { variable: &'static str, what: &'static str, fix: &'static str },
    #[error("cannot set up the HTTP client for Slack: {0}")]
    Http(String),
}

/// A client for one installation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WebApi {
    http: reqwest::Client,
    base: url::Url,
    bot_token: HeaderValue,
    app_token: Option<HeaderValue>,
    timeout: Duration,
}

/// A good answer, and the headers it came with.
struct Reply {
    body: Value,
    headers: HeaderMap,
}

impl WebApi {
    pub fn new(settings: &ApiSettings) -> Result<Self, SetupError> {
        // The app installs one at its start; a second time is refused, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let base = url::Url::parse(settings.base_url.trim_end_matches('/'))
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| SetupError::BaseUrl(settings.base_url.clone()))?;
        let http = reqwest::Client::builder()
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout)
            // A redirect would turn the POST into a GET, and no method of Slack's redirects.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("watchkeeper/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| SetupError::Http(error.to_string()))?;
        Ok(Self {
            http,
            base,
            bot_token: bearer("SLACK_BOT_TOKEN", &settings.bot_token)?,
            app_token: settings.app_token.as_ref().map(|token| bearer("SLACK_APP_TOKEN", token)).transpose()?,
            timeout: settings.timeout,
        })
    }

    async fn call(&self, method: &str, fields: Fields) -> Result<Reply, ApiError> {
        self.call_as(&self.bot_token, method, fields).await
    }

    /// Form bodies: every method takes them, JSON bodies only some.
    async fn call_as(&self, token: &HeaderValue, method: &str, fields: Fields) -> Result<Reply, ApiError> {
        let url = format!("{}/{method}", self.base.as_str().trim_end_matches('/'));
        let request = self
            .http
            .post(url)
            .header(AUTHORIZATION, token)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
            .body(fields.encoded());
        let raw = reply::receive(request).await?;
        let body = reply::read(&raw)?;
        Ok(Reply { body, headers: raw.headers })
    }
}

fn bearer(variable: &'static str, token: &SecretString) -> Result<HeaderValue, SetupError> {
    let token = token.expose_secret().trim();
    if let Some((what, fix)) = other_kind(variable, token) {
        return Err(SetupError::OtherToken { variable, what, fix });
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| SetupError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a token is by its beginning (<https://docs.slack.dev/authentication/tokens>), when it is none of the kind that is
/// needed, and what to do.
fn other_kind(variable: &str, token: &str) -> Option<(&'static str, &'static str)> {
    const BOT: &str = "copy the Bot User OAuth Token (xoxb-…) from the app's OAuth & Permissions page";
    const APP: &str = "copy the app-level token (xapp-…) from the app's Basic Information page";
    let right = if variable == "SLACK_APP_TOKEN" { APP } else { BOT };
    let kinds = [
        (
            "xoxe",
            "a token that rotates and expires within hours",
            "rotation cannot be switched off again: make the app anew from `watchkeeper manifest`, which leaves it off",
        ),
        ("xoxp-", "a person's token", right),
        ("xoxb-", "a bot token", right),
        ("xapp-", "an app-level token", right),
    ];
    let (prefix, what, fix) = kinds.into_iter().find(|(prefix, ..)| token.starts_with(prefix))?;
    let wanted = if right == APP { "xapp-" } else { "xoxb-" };
    (prefix != wanted).then_some((what, fix))
}

/// What Slack's Web API answers with, and messages of its history, for `fuzz/`.
#[cfg(fuzzing)]
pub fn read_anything(bytes: &[u8]) {
    let raw = reply::Raw { status: reqwest::StatusCode::OK, headers: HeaderMap::new(), body: bytes.to_vec() };
    let Ok(body) = reply::read(&raw) else { return };
    let _posted = chat::posted(&body);
    let _view = views::handle(&body);
    let _person = people::person(&body);
    let messages = body.get("messages").and_then(Value::as_array);
    let _keys: Vec<Option<&str>> = messages.into_iter().flatten().map(conversations::key_of).collect();
}

/// A form body in the making.
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn encoded(self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(self.0).finish()
    }

    fn set(mut self, name: &'static str, value: &str) -> Self {
        self.0.push((name, value.to_owned()));
        self
    }

    fn set_if(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    fn json(self, name: &'static str, value: &Value) -> Self {
        self.set(name, &value.to_string())
    }
}

/// A string that an answer must have; without it the answer is unreadable, though the call may have been done.
fn required<'a>(body: &'a Value, pointer: &str) -> Result<&'a str, ApiError> {
    body.pointer(pointer)
        .and_then(Value::as_str)
        .ok_or_else(|| ApiError::Unknown { reason: format!("the answer has no {pointer}") })
}

fn optional(body: &Value, pointer: &str) -> Option<String> {
    body.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn flag(body: &Value, pointer: &str) -> bool {
    body.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}
