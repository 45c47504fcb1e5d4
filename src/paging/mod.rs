//! Paging services outside: PagerDuty's Events API v2 and a signed webhook for everything else. One call, no retries: the
//! outbox decides those.

mod pagerduty;
#[cfg(test)]
mod tests;
mod webhook;

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::core::escalation::Service;
use crate::core::label::Labels;
use crate::core::severity::Severity;
use crate::core::signal::Link;
use crate::core::time::Timestamp;

pub use pagerduty::DEFAULT_URL as PAGERDUTY;
pub use webhook::{DELIVERY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};

/// For a whole call; a page may wait for the next attempt, not for a hung connection.
const TIMEOUT: Duration = Duration::from_secs(10);
/// When a service says "too many" and names no time.
const HOLD: Duration = Duration::from_secs(30);
const LONGEST_HOLD: Duration = Duration::from_hours(1);

/// What a service is told of an alert group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub action: Action,
    /// The same for everything about one group: repeating an event changes nothing.
    pub dedup_key: String,
    pub number: u64,
    pub summary: String,
    pub severity: Severity,
    /// The labels the group shares.
    pub labels: Labels,
    pub at: Timestamp,
    /// One line each: what is measured against which limit, and the likely cause.
    pub details: BTreeMap<String, String>,
    pub links: Vec<Link>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Trigger,
    Acknowledge,
    Resolve,
}

/// How a call failed, by what may be done next. Every event may be repeated, since its key makes it the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PagingError {
    #[error("takes no more for {} s", hold.as_secs())]
    TooMany { hold: Duration },
    #[error("could not be reached: {reason}")]
    Unavailable { reason: String },
    #[error("refused the event: HTTP {status}{}", said(text))]
    Refused { status: u16, text: String },
    #[error("is not configured any more under this name")]
    Unknown,
}

fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// One PagerDuty service to page.
#[derive(Clone, Debug)]
pub struct Pagerduty {
    /// Base address; another one for the EU, or a test.
    pub url: Url,
    /// The service's integration key.
    pub routing_key: SecretString,
}

/// One address to post signed events to.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub url: Url,
    pub secret: SecretString,
}

/// Every configured service, by its name.
#[derive(Clone, Debug, Default)]
pub struct Paging {
    http: Option<reqwest::Client>,
    pagerduty: BTreeMap<String, Pagerduty>,
    webhooks: BTreeMap<String, Webhook>,
}

impl Paging {
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(
        pagerduty: BTreeMap<String, Pagerduty>,
        webhooks: BTreeMap<String, Webhook>,
    ) -> Result<Self, reqwest::Error> {
        // The app installs one at its start; a second time is refused, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("watchkeeper/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http: Some(http), pagerduty, webhooks })
    }

    /// Sends one event. `delivery` is the same for every attempt.
    pub async fn send(
        &self,
        service: &Service,
        event: &Event,
        delivery: &str,
        now: Timestamp,
    ) -> Result<(), PagingError> {
        let http = self.http.as_ref().ok_or(PagingError::Unknown)?;
        let request = match service {
            Service::Pagerduty(name) => pagerduty::request(http, self.pagerduty.get(name), event),
            Service::Webhook(name) => webhook::request(http, self.webhooks.get(name), event, delivery, now),
        };
        call(request.ok_or(PagingError::Unknown)?).await
    }
}

async fn call(request: reqwest::RequestBuilder) -> Result<(), PagingError> {
    let mut response = request.send().await.map_err(|error| unavailable(&error.without_url()))?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        let hold = response.headers().get(reqwest::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let hold = hold.and_then(|text| text.trim().parse().ok()).map_or(HOLD, Duration::from_secs);
        return Err(PagingError::TooMany { hold: hold.min(LONGEST_HOLD) });
    }
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return Err(PagingError::Unavailable { reason: format!("HTTP {}", status.as_u16()) });
    }
    // A few hundred bytes say what was wrong with the event.
    let said = response.chunk().await.ok().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&said).chars().take(300).collect::<String>();
    Err(PagingError::Refused { status: status.as_u16(), text: text.split_whitespace().collect::<Vec<_>>().join(" ") })
}

fn unavailable(error: &reqwest::Error) -> PagingError {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let reason = match (error.is_timeout(), causes.last()) {
        (true, _) => "timed out".to_owned(),
        (false, Some(cause)) => cause.to_string(),
        (false, None) => error.to_string(),
    };
    PagingError::Unavailable { reason }
}

/// At most `most` bytes, cut between characters.
fn cut(text: &str, most: usize) -> String {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default().to_owned()
}
