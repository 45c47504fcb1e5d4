//! Silences in Alertmanagers (API v2): counted first, made under a mark that is found again, removed by id.
//! Source: Alertmanager, `api/v2/openapi.yaml`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::core::label::{MatchOp, Matcher, SEVERITY};
use crate::core::time::Timestamp;

const TIMEOUT: Duration = Duration::from_secs(10);
const REPLY_LIMIT: usize = 8 << 20;

/// A silence as an Alertmanager is to have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Quiet<'a> {
    pub matchers: &'a [Matcher],
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub created_by: &'a str,
    pub comment: &'a str,
    /// Part of the comment; no other silence has it.
    pub mark: &'a str,
}

/// Why an Alertmanager did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    #[error("could not be reached: {0}")]
    Unavailable(String),
    #[error("says: {0}")]
    Refused(String),
    #[error("has no address in the configuration any more")]
    Unknown,
}

/// Every Alertmanager whose address is configured, by name.
#[derive(Clone, Debug, Default)]
pub struct Alertmanagers {
    http: Option<reqwest::Client>,
    urls: BTreeMap<String, Url>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    id: String,
    comment: String,
    status: Status,
}

#[derive(Deserialize)]
struct Status {
    state: String,
}

/// The matchers as an Alertmanager knows its alerts; `None` when nothing, or nothing but a severity, would be left: that would
/// silence strangers' alerts.
#[must_use]
pub fn theirs(matchers: &[Matcher]) -> Option<Vec<Matcher>> {
    let renamed = |matcher: &Matcher| match matcher.name.as_str() {
        // Ours, not theirs.
        "source" => None,
        "exported_source" => matcher.to_string().strip_prefix("exported_").and_then(|text| text.parse().ok()),
        _ => Some(matcher.clone()),
    };
    let matchers: Vec<Matcher> = matchers.iter().filter_map(renamed).collect();
    matchers.iter().any(|matcher| matcher.name != SEVERITY).then_some(matchers)
}

impl Alertmanagers {
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(urls: BTreeMap<String, Url>) -> Result<Self, reqwest::Error> {
        // The app installs one at its start; a second time is refused, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .user_agent(concat!("watchkeeper/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http: Some(http), urls })
    }

    /// How many active alerts all `matchers` match.
    pub async fn matching(&self, name: &str, matchers: &[Matcher]) -> Result<usize, SilenceError> {
        let known = [("active", "true"), ("silenced", "false"), ("inhibited", "true"), ("unprocessed", "true")];
        let filters = matchers.iter().map(|matcher| ("filter", matcher.to_string()));
        let pairs = known.into_iter().map(|(name, value)| (name, value.to_owned())).chain(filters);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let path = format!("/api/v2/alerts?{query}");
        let alerts = self.call(name, reqwest::Method::GET, &path, None).await?;
        Ok(alerts.as_array().map_or(0, Vec::len))
    }

    /// The id of the new silence.
    pub async fn silence(&self, name: &str, quiet: &Quiet<'_>) -> Result<String, SilenceError> {
        let matcher = |matcher: &Matcher| {
            json!({
                "name": matcher.name,
                "value": matcher.value,
                "isRegex": matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex),
                "isEqual": matches!(matcher.op, MatchOp::Equal | MatchOp::Regex),
            })
        };
        let body = json!({
            "matchers": quiet.matchers.iter().map(matcher).collect::<Vec<_>>(),
            "startsAt": quiet.starts_at.to_string(),
            "endsAt": quiet.ends_at.to_string(),
            "createdBy": quiet.created_by,
            "comment": format!("{} ({})", quiet.comment, quiet.mark).trim_start().to_owned(),
        });
        let made = self.call(name, reqwest::Method::POST, "/api/v2/silences", Some(&body)).await?;
        let id = made.get("silenceID").and_then(Value::as_str);
        id.map(str::to_owned).ok_or_else(|| SilenceError::Refused("no silenceID in the answer".to_owned()))
    }

    /// The silence that an earlier attempt made under `mark`.
    pub async fn find(&self, name: &str, mark: &str) -> Result<Option<String>, SilenceError> {
        let known = self.call(name, reqwest::Method::GET, "/api/v2/silences", None).await?;
        let known: Vec<Known> =
            serde_json::from_value(known).map_err(|error| SilenceError::Refused(error.to_string()))?;
        let ours = |one: &&Known| one.status.state != "expired" && one.comment.contains(mark);
        Ok(known.iter().find(ours).map(|one| one.id.clone()))
    }

    /// Ends a silence; one that is gone has ended.
    pub async fn expire(&self, name: &str, id: &str) -> Result<(), SilenceError> {
        match self.call(name, reqwest::Method::DELETE, &format!("/api/v2/silence/{id}"), None).await {
            Err(SilenceError::Refused(said)) if said.starts_with("HTTP 404") => Ok(()),
            other => other.map(drop),
        }
    }

    async fn call(
        &self,
        name: &str,
        method: reqwest::Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, SilenceError> {
        let (Some(http), Some(url)) = (&self.http, self.urls.get(name)) else { return Err(SilenceError::Unknown) };
        let mut request = http.request(method, format!("{}{path}", url.as_str().trim_end_matches('/')));
        if let Some(body) = body {
            request = request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let lost = |error: reqwest::Error| {
            let error = error.without_url();
            let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
            let cause = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
            SilenceError::Unavailable(if error.is_timeout() { "timed out".to_owned() } else { cause })
        };
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if bytes.len() + chunk.len() > REPLY_LIMIT {
                return Err(SilenceError::Refused(format!("more than {REPLY_LIMIT} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.is_server_error() {
            return Err(SilenceError::Unavailable(format!("HTTP {}", status.as_u16())));
        }
        if !status.is_success() {
            let said: String = String::from_utf8_lossy(&bytes).chars().take(200).collect();
            return Err(SilenceError::Refused(format!("HTTP {} {}", status.as_u16(), said.trim())));
        }
        // A deletion answers with nothing.
        Ok(serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(matchers: &[&str]) -> Option<Vec<String>> {
        let matchers: Vec<Matcher> = matchers.iter().map(|text| text.parse().unwrap()).collect();
        theirs(&matchers).map(|matchers| matchers.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_is_ours_is_left_out_and_a_severity_alone_silences_nothing() {
        let both = read(&[r#"source="cluster-a""#, r#"exported_source=~"kube.*""#, r#"pod!="x""#]);
        assert_eq!(both.unwrap(), [r#"source=~"kube.*""#, r#"pod!="x""#]);
        assert_eq!(read(&[r#"source="cluster-a""#]), None);
        assert_eq!(read(&[r#"source="cluster-a""#, r#"severity="critical""#]), None);
    }
}
