//! Reading replies of strangers: bounded in size, errors in one line without URLs (which may carry keys).

use std::time::Duration;

use reqwest::Response;

/// Why a reply could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("{}", one_line(.0))]
    Transport(reqwest::Error),
    #[error("reply is larger than {limit} bytes")]
    TooLarge { limit: usize },
}

/// The whole body, as long as it stays within `limit` bytes.
///
/// # Errors
/// When it is larger, or the connection broke.
pub async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Transport)? {
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(BodyError::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The error and its causes, innermost last, without the URL.
pub fn one_line(error: &reqwest::Error) -> String {
    // reqwest prints the URL only at the outermost level, and only then says less than its cause does.
    let mut text = match (error.is_timeout(), error.is_connect()) {
        (true, _) => "timed out".to_owned(),
        (false, true) => "could not connect".to_owned(),
        (false, false) => "connection broke".to_owned(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        cause = inner.source();
        if cause.is_none() {
            text = format!("{text}: {inner}");
        }
    }
    text
}

/// `Retry-After` in seconds; the HTTP-date form is not used by the services spoken to here.
pub fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(reqwest::header::RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(value.trim().parse().ok()?))
}

/// The first line of a text, short enough for a message to a person.
pub fn first_line(body: &[u8]) -> String {
    String::from_utf8_lossy(body).lines().next().unwrap_or_default().chars().take(200).collect()
}
