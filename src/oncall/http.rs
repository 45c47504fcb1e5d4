//! Requests to calendars and PagerDuty: bounded in time and size, errors in one line without addresses (which are secrets).

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, ETAG, HeaderValue, IF_NONE_MATCH, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use url::Url;

/// A year of shifts of a large team is about 300 KB.
const REPLY_LIMIT: usize = 4 << 20;
/// When a service says "too many" and names no time.
const HOLD: Duration = Duration::from_mins(1);
const LONGEST_HOLD: Duration = Duration::from_hours(1);

/// What an address gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The copy that is kept is still what is there.
    Unchanged,
    New {
        body: String,
        etag: Option<String>,
    },
}

/// Why a schedule could not be fetched or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error("the address is no http(s) URL; copy it again from where the calendar is exported")]
    Address,
    #[error("too many requests; asking again in {} s", .hold.as_secs())]
    TooMany { hold: Duration },
    #[error("the key was not accepted (HTTP {0}); give a new one")]
    Refused(u16),
    #[error("there is nothing at this address any more (HTTP {0})")]
    Gone(u16),
    #[error("answered HTTP {code}{text}")]
    Status { code: u16, text: String },
    #[error("{0}")]
    Transport(String),
    #[error("the reply is larger than {} MiB", REPLY_LIMIT >> 20)]
    TooLarge,
    #[error("not a schedule: {0}")]
    Malformed(String),
}

#[derive(Clone, Debug)]
pub(super) struct Http(reqwest::Client);

impl Http {
    pub fn new(timeout: Duration) -> Result<Self, FetchError> {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .user_agent(concat!("watchkeeper/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| transport(&error))?;
        Ok(Self(client))
    }

    /// A calendar. `webcal:` is how some exporters write `https:`.
    pub async fn calendar(&self, url: &SecretString, etag: Option<&str>) -> Result<Fetched, FetchError> {
        let text = url.expose_secret().trim();
        let text = text.strip_prefix("webcal://").map_or_else(|| text.to_owned(), |rest| format!("https://{rest}"));
        let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let mut request = self.0.get(url.ok_or(FetchError::Address)?).header(ACCEPT, "text/calendar, */*;q=0.1");
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let response = request.send().await.map_err(|error| transport(&error))?;
        if response.status() == StatusCode::NOT_MODIFIED && etag.is_some() {
            return Ok(Fetched::Unchanged);
        }
        let response = sound(response).await?;
        let etag = response.headers().get(ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = String::from_utf8_lossy(&read(response).await?).into_owned();
        Ok(Fetched::New { body, etag })
    }

    /// JSON from PagerDuty (<https://developer.pagerduty.com/docs/authentication>).
    pub async fn pagerduty<T: DeserializeOwned>(&self, url: Url, token: &SecretString) -> Result<T, FetchError> {
        let mut key = HeaderValue::from_str(&format!("Token token={}", token.expose_secret().trim()))
            .map_err(|_| FetchError::Refused(401))?;
        key.set_sensitive(true);
        let request =
            self.0.get(url).header(AUTHORIZATION, key).header(ACCEPT, "application/vnd.pagerduty+json;version=2");
        let response = sound(request.send().await.map_err(|error| transport(&error))?).await?;
        serde_json::from_slice(&read(response).await?).map_err(|error| FetchError::Malformed(error.to_string()))
    }
}

async fn sound(response: Response) -> Result<Response, FetchError> {
    let status = response.status();
    let code = status.as_u16();
    match status {
        _ if status.is_success() => Ok(response),
        StatusCode::TOO_MANY_REQUESTS => {
            let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            // PagerDuty's own header counts seconds as well.
            let header = header.or_else(|| response.headers().get("ratelimit-reset").and_then(|v| v.to_str().ok()));
            let hold = header.and_then(|text| text.trim().parse().ok()).map_or(HOLD, Duration::from_secs);
            Err(FetchError::TooMany { hold: hold.min(LONGEST_HOLD) })
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(FetchError::Refused(code)),
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(FetchError::Gone(code)),
        _ => {
            let body = read(response).await.unwrap_or_default();
            let line: String =
                String::from_utf8_lossy(&body).lines().next().unwrap_or_default().chars().take(150).collect();
            let text = if line.trim().is_empty() { line } else { format!(": {}", line.trim()) };
            Err(FetchError::Status { code, text })
        }
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport(&error))? {
        if body.len().saturating_add(chunk.len()) > REPLY_LIMIT {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The innermost cause, which says the most; reqwest prints the address at the outermost level only.
fn transport(error: &reqwest::Error) -> FetchError {
    let what = match (error.is_timeout(), error.is_connect()) {
        (true, _) => "timed out",
        (false, true) => "could not connect",
        (false, false) => "the connection broke",
    };
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let text = causes.last().map_or_else(|| what.to_owned(), |cause| format!("{what}: {cause}"));
    FetchError::Transport(text)
}
