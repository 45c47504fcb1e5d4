//! Alertmanagers (API v2): what they still hold, and silences there: counted first, made under a mark that is found again,
//! removed by id.
//! Source: Alertmanager, `api/v2/openapi.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::core::label::{ALERTNAME, EXPORTED_SEVERITY, Fingerprint, MatchOp, Matcher, SEVERITY};
use crate::core::time::Timestamp;

use super::notification::{UNNAMED, labels_of};
use super::severity;

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

/// Where an Alertmanager is, and what it wants to see.
#[derive(Clone, Debug)]
pub struct Address {
    pub url: Url,
    pub token: Option<SecretString>,
}

/// Every Alertmanager whose address is configured, by name.
#[derive(Clone, Debug, Default)]
pub struct Alertmanagers {
    http: Option<reqwest::Client>,
    addresses: BTreeMap<String, Address>,
}

/// What matchers match in an Alertmanager.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    pub count: usize,
    /// The first few: `FeedLag feed=sol severity=critical`.
    pub first: Vec<String>,
}

#[derive(Deserialize)]
struct Held {
    labels: BTreeMap<String, String>,
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
        "exported_source" | EXPORTED_SEVERITY => {
            matcher.to_string().strip_prefix("exported_").and_then(|text| text.parse().ok())
        }
        SEVERITY => severity::theirs(matcher),
        _ => Some(matcher.clone()),
    };
    let matchers: Vec<Matcher> = matchers.iter().filter_map(renamed).collect();
    matchers.iter().any(|matcher| matcher.name != SEVERITY).then_some(matchers)
}

impl Alertmanagers {
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(addresses: BTreeMap<String, Address>) -> Result<Self, reqwest::Error> {
        // The app installs one at its start; a second time is refused, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .user_agent(concat!("watchkeeper/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http: Some(http), addresses })
    }

    /// Which active alerts all `matchers` match.
    pub async fn matching(&self, name: &str, matchers: &[Matcher]) -> Result<Matching, SilenceError> {
        /// More names than this nobody reads in a form.
        const FIRST: usize = 5;
        let alerts = self.alerts(name, false, matchers.iter().map(Matcher::to_string)).await?;
        let first = alerts.iter().take(FIRST).map(|held| called(&held.labels)).collect();
        Ok(Matching { count: alerts.len(), first })
    }

    /// Of the alerts called `names`, those that it holds: also silenced ones, of which it tells nobody.
    pub async fn holds(&self, name: &str, names: &BTreeSet<String>) -> Result<BTreeSet<Fingerprint>, SilenceError> {
        /// A request line has its limits.
        const NAMES: usize = 20;
        let any: Vec<String> = names.iter().map(|name| regex::escape(name)).collect();
        let few = names.len() <= NAMES && !names.contains(UNNAMED);
        let filter = Matcher::new(ALERTNAME, MatchOp::Regex, any.join("|")).ok().filter(|_| few);
        let alerts = self.alerts(name, true, filter.iter().map(Matcher::to_string)).await?;
        Ok(alerts.iter().map(|held| labels_of(name, &held.labels).0.fingerprint()).collect())
    }

    async fn alerts(
        &self,
        name: &str,
        silenced: bool,
        filters: impl Iterator<Item = String>,
    ) -> Result<Vec<Held>, SilenceError> {
        let silenced = if silenced { "true" } else { "false" };
        let known = [("active", "true"), ("silenced", silenced), ("inhibited", "true"), ("unprocessed", "true")];
        let known = known.into_iter().map(|(name, value)| (name, value.to_owned()));
        let pairs = known.chain(filters.map(|filter| ("filter", filter)));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let alerts = self.call(name, reqwest::Method::GET, &format!("/api/v2/alerts?{query}"), None).await?;
        serde_json::from_value(alerts).map_err(|error| SilenceError::Refused(error.to_string()))
    }

    /// Whether it answers, to whoever asks under `name`; its version.
    pub async fn version(&self, name: &str) -> Result<String, SilenceError> {
        let status = self.call(name, reqwest::Method::GET, "/api/v2/status", None).await?;
        let version = status.pointer("/versionInfo/version").and_then(Value::as_str);
        version.map(str::to_owned).ok_or_else(|| SilenceError::Refused("this is no Alertmanager's status".to_owned()))
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
        let (Some(http), Some(Address { url, token })) = (&self.http, self.addresses.get(name)) else {
            return Err(SilenceError::Unknown);
        };
        let mut request = http.request(method, format!("{}{path}", url.as_str().trim_end_matches('/')));
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
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

/// An alert's name and its labels; what is too long is cut off where it is shown.
#[cfg(fuzzing)]
pub(super) fn read_anything(bytes: &[u8]) {
    for Held { labels } in serde_json::from_slice::<Vec<Held>>(bytes).unwrap_or_default() {
        let _name = called(&labels);
        let _labels = labels_of("am", &labels);
    }
    let _silences = serde_json::from_slice::<Vec<Known>>(bytes);
}

fn called(labels: &BTreeMap<String, String>) -> String {
    let name = labels.get(ALERTNAME).map(String::as_str).unwrap_or_default();
    let rest = labels.iter().filter(|(name, _)| *name != ALERTNAME && !name.starts_with("__"));
    let rest: Vec<String> = rest.map(|(name, value)| format!("{name}={value}")).collect();
    format!("{name} {}", rest.join(" ")).trim().to_owned()
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
        assert_eq!(read(&[r#"exported_severity="page""#]), None);
        let page = read(&[r#"exported_severity="page""#, r#"severity="critical""#, r#"pod="x""#]).unwrap();
        assert_eq!((page[0].as_str(), page[2].as_str()), (r#"severity="page""#, r#"pod="x""#));
        assert!(page[1].starts_with(r#"severity=~"(?i:critical|"#), "{}", page[1]);
    }
}
