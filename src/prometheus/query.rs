//! Range queries (<https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries>): bounded in time, series and bytes.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::core::label::Labels;
use crate::core::time::{Span, Timestamp};

/// As many points as a picture has use for; Prometheus refuses more than 11 000.
const POINTS: u64 = 250;
/// More lines than this nobody tells apart.
pub const MOST_SERIES: usize = 50;
const TIMEOUT: Duration = Duration::from_secs(10);
const REPLY_LIMIT: usize = 8 << 20;

/// Where to ask.
#[derive(Clone, Debug)]
pub struct Server {
    pub url: Url,
    pub token: Option<SecretString>,
}

/// One line of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub labels: Labels,
    /// In order; what is no number (`NaN`, `+Inf`) is left out.
    pub points: Vec<(Timestamp, f64)>,
}

/// What a query found.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub series: Vec<Series>,
    /// Series beyond the limit.
    pub left_out: usize,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("Prometheus could not be reached: {0}")]
    Unavailable(String),
    /// In its own words.
    #[error("Prometheus says: {0}")]
    Refused(String),
    #[error("Prometheus sent something else than series: {0}")]
    Malformed(String),
    #[error("no Prometheus is configured; add its address as `prometheus.server`")]
    NoServer,
}

#[derive(Deserialize)]
struct Reply {
    status: String,
    data: Option<Data>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: serde_json::Value,
}

#[derive(Deserialize)]
struct Line {
    metric: BTreeMap<String, String>,
    values: Vec<(f64, String)>,
}

/// A client of one Prometheus; none is configured when `server` is absent.
#[derive(Clone, Debug, Default)]
pub struct Client {
    http: Option<reqwest::Client>,
    server: Option<Server>,
}

impl Client {
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(server: Option<Server>) -> Result<Self, reqwest::Error> {
        // The app installs one at its start; a second time is refused, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT + Duration::from_secs(5))
            .user_agent(concat!("watchkeeper/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http: Some(http), server })
    }

    /// Whether it answers at all.
    pub async fn answers(&self) -> Result<(), QueryError> {
        let (status, body) = self.ask("query", "query=1".to_owned()).await?;
        let Ok(Reply { status: said, error, .. }) = serde_json::from_slice(&body) else {
            return Err(QueryError::Unavailable(format!("HTTP {}, and no answer of Prometheus", status.as_u16())));
        };
        if said == "success" { Ok(()) } else { Err(QueryError::Refused(error.unwrap_or(said))) }
    }

    /// The `range` before `end`, in about 250 steps.
    pub async fn query_range(&self, query: &str, range: Span, end: Timestamp) -> Result<Answer, QueryError> {
        let secs = range.duration().as_secs();
        let start = end.minus(range.duration());
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", query)
            .append_pair("start", &format!("{}.{:03}", start.as_secs(), start.as_millis().rem_euclid(1000)))
            .append_pair("end", &format!("{}.{:03}", end.as_secs(), end.as_millis().rem_euclid(1000)))
            .append_pair("step", &secs.div_ceil(POINTS).max(1).to_string())
            .append_pair("timeout", &format!("{}s", TIMEOUT.as_secs()))
            .finish();
        let (status, body) = self.ask("query_range", form).await?;
        read(&body).map_err(|error| match error {
            // A proxy in between answers in HTML.
            QueryError::Malformed(_) if !status.is_success() => {
                QueryError::Unavailable(format!("HTTP {}", status.as_u16()))
            }
            other => other,
        })
    }

    async fn ask(&self, what: &str, form: String) -> Result<(reqwest::StatusCode, Vec<u8>), QueryError> {
        let (Some(http), Some(Server { url, token })) = (&self.http, &self.server) else {
            return Err(QueryError::NoServer);
        };
        let address = format!("{}/api/v1/{what}", url.as_str().trim_end_matches('/'));
        let mut request = http.post(address).body(form);
        request = request.header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        let lost = |error: reqwest::Error| {
            let error = error.without_url();
            let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
            let cause = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
            QueryError::Unavailable(if error.is_timeout() { "timed out".to_owned() } else { cause })
        };
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > REPLY_LIMIT {
                return Err(QueryError::Malformed(format!("more than {REPLY_LIMIT} bytes; narrow the query")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }
}

pub(super) fn read(body: &[u8]) -> Result<Answer, QueryError> {
    let malformed = |error: serde_json::Error| QueryError::Malformed(error.to_string());
    let Reply { status, data, error } = serde_json::from_slice(body).map_err(malformed)?;
    if status != "success" {
        return Err(QueryError::Refused(error.unwrap_or_else(|| "the query failed".to_owned())));
    }
    let data = data.ok_or_else(|| QueryError::Malformed("no data".to_owned()))?;
    if data.result_type != "matrix" {
        return Err(QueryError::Malformed(format!("a {}", data.result_type)));
    }
    let lines: Vec<Line> = serde_json::from_value(data.result).map_err(malformed)?;
    let left_out = lines.len().saturating_sub(MOST_SERIES);
    let series = lines.into_iter().take(MOST_SERIES).map(|Line { metric, values }| Series {
        labels: metric.into_iter().collect(),
        points: values.into_iter().filter_map(point).collect(),
    });
    Ok(Answer { series: series.collect(), left_out })
}

/// `NaN`, `+Inf` and `-Inf` come as text like every value, and are no place in a picture.
#[expect(clippy::cast_possible_truncation, reason = "milliseconds since the epoch fit")]
fn point((secs, value): (f64, String)) -> Option<(Timestamp, f64)> {
    let value: f64 = value.parse().ok()?;
    value.is_finite().then(|| (Timestamp::from_millis((secs * 1000.0).round() as i64), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_left_out() {
        let answer = br#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"feed":"sol"},
            "values":[[1796000000,"1.5"],[1796000015.5,"NaN"],[1796000030,"+Inf"],[1796000045,"-2e3"]]}]}}"#;
        let series = &read(answer).unwrap().series[0];
        assert_eq!(series.labels.get("feed"), Some("sol"));
        let at = Timestamp::from_secs;
        assert_eq!(series.points, [(at(1_796_000_000), 1.5), (at(1_796_000_045), -2000.0)]);
    }

    #[test]
    fn too_many_lines_are_counted_and_errors_are_in_its_own_words() {
        let line = r#"{"metric":{},"values":[[1,"1"]]}"#;
        let many = vec![line; 60].join(",");
        let many = format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{many}]}}}}"#);
        let answer = read(many.as_bytes()).unwrap();
        assert_eq!((answer.series.len(), answer.left_out), (MOST_SERIES, 10));
        let refused = br#"{"status":"error","errorType":"bad_data","error":"parse error: unexpected end of input"}"#;
        let said = read(refused).unwrap_err().to_string();
        assert_eq!(said, "Prometheus says: parse error: unexpected end of input");
        assert!(matches!(read(b"<html>"), Err(QueryError::Malformed(_))));
    }
}
