//! One Hermes base URL: requests within its budget, and its refusals in words.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::budget::{Budget, HOLD};
use super::wire;
use crate::body::{self, BodyError};
use crate::clock::SharedClock;
use crate::core::feed::FeedId;

/// The catalogue of 3,000 feeds is about 2 MB.
const REPLY_LIMIT: usize = 32 << 20;

/// Why an endpoint gave nothing. The texts are for people and never hold a URL or a token.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{host} refused the token ({code}): set {token_env}")]
    Refused { host: String, code: u16, token_env: String },
    #[error("{host} got too many requests; asking again in {} s", .hold.as_secs())]
    TooMany { host: String, hold: Duration },
    #[error("{host} does not know {} of the price feeds", .ids.len())]
    Missing { host: String, ids: Vec<FeedId> },
    #[error("{host} answered {code}: {text}")]
    Status { host: String, code: u16, text: String },
    #[error("{host}: {text}")]
    Broken { host: String, text: String },
}

#[derive(Debug)]
pub(super) struct Endpoint {
    base: String,
    pub host: String,
    budget: Mutex<Budget>,
}

impl Endpoint {
    fn new(base: &Url) -> Self {
        let host = match (base.host_str(), base.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or("?").to_owned(),
        };
        let mut base = base.clone();
        base.set_query(None);
        Self { base: base.as_str().trim_end_matches('/').to_owned(), host, budget: Mutex::default() }
    }

    pub fn broken(&self, text: impl Into<String>) -> FetchError {
        FetchError::Broken { host: self.host.clone(), text: text.into() }
    }

    fn budget<T>(&self, with: impl FnOnce(&mut Budget) -> T) -> T {
        with(&mut self.budget.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Every endpoint of one source; all readers move together to the next when the current one fails.
#[derive(Debug)]
pub(super) struct Endpoints {
    client: reqwest::Client,
    token: Option<SecretString>,
    token_env: String,
    clock: SharedClock,
    request_timeout: Duration,
    all: Vec<Endpoint>,
    current: AtomicUsize,
}

impl Endpoints {
    pub fn new(
        bases: &[Url],
        (token, token_env): (Option<SecretString>, String),
        clock: SharedClock,
        timeouts: super::Timeouts,
    ) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(timeouts.connect)
            .user_agent(concat!("watchkeeper/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let all = bases.iter().map(Endpoint::new).collect();
        Ok(Self {
            client,
            token,
            token_env,
            clock,
            request_timeout: timeouts.request,
            all,
            current: AtomicUsize::new(0),
        })
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// The endpoint to ask next, with a request of its budget spent: the current one, or whichever is free first.
    pub async fn next(&self) -> Option<&Endpoint> {
        loop {
            let now = self.clock.now();
            let current = self.current.load(Relaxed);
            let order = (0..self.all.len()).filter_map(|step| self.all.get((current + step) % self.all.len()));
            let waits = order.map(|endpoint| (endpoint.budget(|budget| budget.wait(now)), endpoint));
            let (_, endpoint) = waits.min_by_key(|(wait, _)| *wait)?;
            match endpoint.budget(|budget| budget.spend(now)) {
                Ok(()) => return Some(endpoint),
                Err(wait) => self.clock.sleep(wait).await,
            }
        }
    }

    /// Spends one more request on this endpoint, as soon as its budget allows.
    pub async fn again(&self, endpoint: &Endpoint) {
        while let Err(wait) = endpoint.budget(|budget| budget.spend(self.clock.now())) {
            self.clock.sleep(wait).await;
        }
    }

    /// Moves on from `failed`, unless somebody already did.
    pub fn fail_over(&self, failed: &Endpoint) {
        let current = self.current.load(Relaxed);
        if self.all.get(current).is_some_and(|endpoint| std::ptr::eq(endpoint, failed)) {
            self.current.store((current + 1) % self.all.len(), Relaxed);
        }
    }

    /// A whole reply, by its path and query. The request was spent before.
    pub async fn get(&self, endpoint: &Endpoint, path: &str) -> Result<Vec<u8>, FetchError> {
        let whole = async {
            let response = self.open(endpoint, path).await?;
            body::read(response, REPLY_LIMIT).await.map_err(|error| endpoint.broken(error.to_string()))
        };
        tokio::time::timeout(self.request_timeout, whole).await.unwrap_or_else(|_| Err(endpoint.broken("timed out")))
    }

    /// A reply whose body is still to come. The request was spent before.
    pub async fn open(&self, endpoint: &Endpoint, path: &str) -> Result<Response, FetchError> {
        let mut request = self.client.get(format!("{}{path}", endpoint.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let sent = tokio::time::timeout(self.request_timeout, request.send()).await;
        let response = sent
            .map_err(|_| endpoint.broken("timed out"))?
            .map_err(|error| endpoint.broken(BodyError::Transport(error).to_string()))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(endpoint, response).await) }
    }

    async fn refusal(&self, endpoint: &Endpoint, response: Response) -> FetchError {
        let (host, status, hold) = (endpoint.host.clone(), response.status(), body::retry_after(&response));
        let code = status.as_u16();
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return FetchError::Refused { host, code, token_env: self.token_env.clone() };
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let hold = hold.unwrap_or(HOLD);
                let now = self.clock.now();
                endpoint.budget(|budget| budget.hold(now, hold));
                return FetchError::TooMany { host, hold };
            }
            _ => {}
        }
        let read = tokio::time::timeout(self.request_timeout, body::read(response, 1 << 20)).await;
        let text = read.ok().and_then(Result::ok).unwrap_or_default();
        let ids = wire::missing_ids(&String::from_utf8_lossy(&text));
        if status == StatusCode::NOT_FOUND && !ids.is_empty() {
            return FetchError::Missing { host, ids };
        }
        FetchError::Status { host, code, text: body::first_line(&text) }
    }
}
