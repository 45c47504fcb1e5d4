//! Schedules that are kept elsewhere: calendars over HTTP (RFC 5545) and PagerDuty's REST API. What is fetched is a body
//! that can be kept, and read again later for another range of time.

mod http;
pub mod ical;
pub mod pagerduty;

pub use http::{FetchError, Fetched};

use std::time::Duration;

use secrecy::SecretString;

use crate::core::oncall::Entry;
use crate::core::time::Timestamp;

/// How far back and ahead a calendar's shifts are read.
pub const BACK: Duration = Duration::from_hours(8 * 24);
pub const AHEAD: Duration = Duration::from_hours(100 * 24);

/// Where one schedule is fetched from.
#[derive(Clone, Debug)]
pub enum Feed {
    /// The address is a secret: whoever has it can read the calendar.
    Ical {
        url: SecretString,
    },
    PagerDuty {
        base: url::Url,
        token: SecretString,
        schedule: String,
    },
}

/// What a body says about a range of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    pub entries: Vec<Entry>,
    /// Events that could not be used, each with why; never a secret.
    pub skipped: Vec<String>,
}

impl Feed {
    /// For metrics and messages.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ical { .. } => "ical",
            Self::PagerDuty { .. } => "pagerduty",
        }
    }

    /// Fetches the schedule; `etag` is that of the copy that is kept, if any.
    pub async fn fetch(&self, client: &Client, etag: Option<&str>, now: Timestamp) -> Result<Fetched, FetchError> {
        match self {
            Self::Ical { url } => client.0.calendar(url, etag).await,
            Self::PagerDuty { base, token, schedule } => {
                let range = self.range(now, now);
                let entries = pagerduty::entries(&client.0, base, token, schedule, range).await?;
                let body = serde_json::to_string(&entries).unwrap_or_default();
                Ok(Fetched::New { body, etag: None })
            }
        }
    }

    /// The time about which something is known at `now`, when what is there was fetched at `fetched_at`.
    #[must_use]
    pub fn range(&self, now: Timestamp, fetched_at: Timestamp) -> (Timestamp, Timestamp) {
        match self {
            Self::Ical { .. } => (now.minus(BACK), now.plus(AHEAD)),
            Self::PagerDuty { .. } => (fetched_at.minus(pagerduty::BACK), fetched_at.plus(pagerduty::AHEAD)),
        }
    }

    /// Reads what was fetched.
    ///
    /// # Errors
    /// It is no calendar at all.
    pub fn read(&self, body: &str, from: Timestamp, to: Timestamp) -> Result<Read, FetchError> {
        match self {
            Self::Ical { .. } => ical::read(body, from, to),
            Self::PagerDuty { .. } => {
                let entries = serde_json::from_str(body).map_err(|error| FetchError::Malformed(error.to_string()))?;
                Ok(Read { entries, skipped: Vec::new() })
            }
        }
    }
}

/// The HTTP client for feeds.
#[derive(Clone, Debug)]
pub struct Client(http::Http);

impl Client {
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(timeout: Duration) -> Result<Self, FetchError> {
        http::Http::new(timeout).map(Self)
    }
}
