//! Whether an API server answers at all, asked every few seconds: a watch that is cut without a word would not notice for
//! minutes.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::DATE;
use kube::client::Body;
use tokio_util::sync::CancellationToken;

use super::watch::Outlet;
use super::{ClusterError, Connection, within};
use crate::clock::SharedClock;
use crate::core::time::Timestamp;
use crate::core::workload::News;

const EVERY: Duration = Duration::from_secs(10);
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

pub(super) async fn run(connection: Arc<Connection>, outlet: Outlet, clock: SharedClock, stop: CancellationToken) {
    loop {
        let news = match ask(&connection, &clock).await {
            Ok((version, skew_millis)) => News::Reached { version, skew_millis },
            Err(error) => News::Unreached { error: error.to_string() },
        };
        outlet.send(news).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep(EVERY) => {}
        }
    }
}

/// The server's version, and its clock less ours in milliseconds.
async fn ask(connection: &Connection, clock: &SharedClock) -> Result<(String, i64), ClusterError> {
    let client = connection.client().await?;
    let request = hyper::Request::get("/version").body(Body::empty());
    let request = request.map_err(|error| ClusterError::Unreachable(error.to_string()))?;
    let asked_at = clock.now();
    let answer = within(ANSWERS_WITHIN, client.send(request)).await?;
    let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok()).and_then(http_date);
    // The header has whole seconds; half of one is nearer on average.
    let skew = date.map_or(0, |date| date.as_millis() + 500 - asked_at.as_millis());
    let code = answer.status().as_u16();
    match code {
        200 => {}
        401 => return Err(ClusterError::Unauthorized("GET /version".to_owned())),
        // Whether the version may be read says nothing of the rest.
        403 | 404 => return Ok((String::new(), skew)),
        429 => return Err(ClusterError::Busy { message: "GET /version".to_owned(), retry_after: None }),
        code => return Err(ClusterError::Refused { code, message: "GET /version".to_owned() }),
    }
    let body = within(ANSWERS_WITHIN, answer.into_body().collect_bytes()).await?;
    let version: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    Ok((version["gitVersion"].as_str().unwrap_or_default().to_owned(), skew))
}

/// `Sun, 29 Nov 2026 12:00:00 GMT`
fn http_date(text: &str) -> Option<Timestamp> {
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read() {
        assert_eq!(http_date("Tue, 24 Nov 2026 12:00:00 GMT"), Some(Timestamp::from_secs(1_795_521_600)));
        assert_eq!(http_date("yesterday"), None);
    }
}
