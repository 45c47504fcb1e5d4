//! Calls to GitHub: timed out, replies bounded, redirects not followed, nothing repeated.

use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::{Commit, Run, Runs, Settings};
use crate::body;
use crate::core::time::Timestamp;

const TIMEOUT: Duration = Duration::from_secs(15);
/// A page of runs is about 20 KB a run.
const REPLY_LIMIT: usize = 4 << 20;
/// The version of the API that this speaks.
const VERSION: &str = "2022-11-28";

/// Why a call gave nothing: one line, without addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nothing was done, and it may be tried later.
    #[error("{0}")]
    Later(String),
    /// Nothing was done, and will not be.
    #[error("{message}")]
    Refused { code: u16, message: String },
    /// It may have been done.
    #[error("{0}")]
    Unclear(String),
}

#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    settings: Settings,
}

/// An answer with a success status.
#[derive(Debug)]
pub(super) struct Reply {
    /// What time it is for GitHub.
    pub date: Option<Timestamp>,
    body: Vec<u8>,
}

impl Reply {
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| CallError::Unclear(format!("it sent something else than was asked for: {error}")))
    }
}

impl Client {
    pub fn new(settings: Settings) -> Result<Self, reqwest::Error> {
        // The app installs one at its start; a second time is refused, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .user_agent(concat!("watchkeeper/", env!("CARGO_PKG_VERSION")))
            // A redirected POST would become a GET, and the token would be carried elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http, settings })
    }

    /// The commit that a branch or tag is at.
    pub async fn commit(&self, repository: &str, reference: &str) -> Result<Commit, CallError> {
        let path: Vec<&str> = ["commits"].into_iter().chain(reference.split('/')).collect();
        self.get(repository, &path, &[]).await?.read()
    }

    pub async fn run(&self, repository: &str, id: &str) -> Result<Run, CallError> {
        self.get(repository, &["actions", "runs", id], &[]).await?.read()
    }

    /// Runs of a workflow, the newest first, and what time it is there.
    pub async fn runs(
        &self,
        repository: &str,
        workflow: &str,
        query: &[(&str, &str)],
    ) -> Result<(Vec<Run>, Option<Timestamp>), CallError> {
        let reply = self.get(repository, &["actions", "workflows", workflow, "runs"], query).await?;
        let Runs { workflow_runs } = reply.read()?;
        Ok((workflow_runs, reply.date))
    }

    /// Whose token it is; an app's does not say.
    pub async fn login(&self) -> Result<Option<String>, CallError> {
        match self.send(self.http.get(self.url(&["user"], &[]))).await {
            Ok(reply) => reply.read::<super::Account>().map(|account| Some(account.login)),
            Err(CallError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub async fn get(&self, repository: &str, path: &[&str], query: &[(&str, &str)]) -> Result<Reply, CallError> {
        self.send(self.http.get(self.of(repository, path, query))).await
    }

    pub async fn post(&self, repository: &str, path: &[&str], body: &Value) -> Result<Reply, CallError> {
        let request = self.http.request(Method::POST, self.of(repository, path, &[]));
        let request = request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body.to_string());
        self.send(request).await
    }

    fn of(&self, repository: &str, path: &[&str], query: &[(&str, &str)]) -> Url {
        let path: Vec<&str> = ["repos"].into_iter().chain(repository.split('/')).chain(path.iter().copied()).collect();
        self.url(&path, query)
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.settings.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn send(&self, request: RequestBuilder) -> Result<Reply, CallError> {
        let request = request
            .bearer_auth(self.settings.token.expose_secret().trim())
            .header(reqwest::header::ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", VERSION);
        let response = request.send().await.map_err(|error| {
            let why = body::one_line(&error);
            if error.is_connect() { CallError::Later(why) } else { CallError::Unclear(why) }
        })?;
        let (status, limited, date) = (response.status(), limited(&response), date(&response));
        let body = body::read(response, REPLY_LIMIT).await.map_err(|error| CallError::Unclear(error.to_string()))?;
        if status.is_success() {
            return Ok(Reply { date, body });
        }
        let message = serde_json::from_slice::<Value>(&body).ok();
        let message = message.as_ref().and_then(|said| said["message"].as_str());
        let said = message.map_or_else(|| body::first_line(&body), |message| message.chars().take(300).collect());
        let said = format!("GitHub answered {}: {said}", status.as_u16());
        Err(match status {
            _ if limited => CallError::Later(said),
            status if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT => {
                CallError::Refused { code: status.as_u16(), message: said }
            }
            _ => CallError::Unclear(said),
        })
    }
}

/// The limits of so many requests an hour, and of too many at once: both may come as 403.
fn limited(response: &Response) -> bool {
    let none_left = response.headers().get("x-ratelimit-remaining").is_some_and(|left| left == "0");
    let later = none_left || body::retry_after(response).is_some();
    response.status() == StatusCode::TOO_MANY_REQUESTS || response.status() == StatusCode::FORBIDDEN && later
}

fn date(response: &Response) -> Option<Timestamp> {
    let text = response.headers().get(reqwest::header::DATE)?.to_str().ok()?;
    let at = rfc2822::parse(text).ok()?.timestamp();
    Some(Timestamp::from_millis(at.as_millisecond()))
}
