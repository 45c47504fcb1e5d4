//! Why a cluster did not do what it was asked, in words for the people who keep it.

use std::time::Duration;

use kube::runtime::watcher;

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    #[error("no cluster is named `{cluster}` in the configuration")]
    Unknown { cluster: String },
    /// The kubeconfig or the service account cannot be used.
    #[error("{0}")]
    Access(String),
    #[error("not allowed: {0}; grant it in the bot's Role or ClusterRole")]
    Forbidden(String),
    #[error("the credentials are not accepted: {0}")]
    Unauthorized(String),
    #[error("not found: {0}")]
    NotFound(String),
    /// Too many requests; with how long to wait when the server says so.
    #[error("the API server asks to wait: {message}")]
    Busy { message: String, retry_after: Option<Duration> },
    /// The resource version is too old; what was missed can only be listed.
    #[error("the API server no longer has the changes since then: {0}")]
    Gone(String),
    /// The server understood and refused, with its code.
    #[error("refused ({code}): {message}")]
    Refused { code: u16, message: String },
    #[error("no answer within {} s", .0.as_secs())]
    Late(Duration),
    /// Nothing came back, or nothing that could be read.
    #[error("{0}")]
    Unreachable(String),
}

impl From<kube::core::Status> for ClusterError {
    fn from(status: kube::core::Status) -> Self {
        let message = if status.message.is_empty() { status.reason.clone() } else { status.message.clone() };
        let wait = status.details.as_ref().map(|details| u64::from(details.retry_after_seconds));
        match status.code {
            401 => Self::Unauthorized(message),
            429 => Self::Busy { message, retry_after: wait.filter(|secs| *secs > 0).map(Duration::from_secs) },
            // A server that does not know the group says so in plain text, without a reason.
            404 => Self::NotFound(message),
            410 => Self::Gone(message),
            _ if status.is_forbidden() => Self::Forbidden(message),
            code => Self::Refused { code, message },
        }
    }
}

impl From<kube::Error> for ClusterError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::from(*status),
            other => Self::Unreachable(Self::innermost(&other)),
        }
    }
}

impl From<watcher::Error> for ClusterError {
    fn from(error: watcher::Error) -> Self {
        match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => Self::from(error),
            watcher::Error::WatchError(status) => Self::from(*status),
            watcher::Error::NoResourceVersion => Self::Unreachable(error.to_string()),
        }
    }
}

impl ClusterError {
    /// The source of it all, which says most: `Connection refused (os error 111)`. The outer ones repeat one another.
    pub(super) fn innermost(error: &dyn std::error::Error) -> String {
        let mut inner = error;
        while let Some(source) = inner.source() {
            inner = source;
        }
        inner.to_string()
    }
}

/// What `call` gives, when it gives it in time.
pub(super) async fn within<T, E: Into<ClusterError>>(
    limit: Duration,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, ClusterError> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(ClusterError::Late(limit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, reason: &str) -> kube::core::Status {
        kube::core::Status::failure("pods is forbidden", reason).with_code(code)
    }

    #[test]
    fn answers_are_told_apart_by_code() {
        let kind = |code, reason| ClusterError::from(kube::Error::Api(status(code, reason).boxed()));
        assert!(matches!(kind(403, "Forbidden"), ClusterError::Forbidden(_)));
        assert!(matches!(kind(404, "NotFound"), ClusterError::NotFound(_)));
        assert!(matches!(kind(404, ""), ClusterError::NotFound(_)), "plain text from a server without the group");
        assert!(matches!(kind(401, "Unauthorized"), ClusterError::Unauthorized(_)));
        assert!(matches!(kind(410, "Expired"), ClusterError::Gone(_)));
        assert!(matches!(kind(429, "TooManyRequests"), ClusterError::Busy { retry_after: None, .. }));
        assert!(matches!(kind(422, "Invalid"), ClusterError::Refused { code: 422, .. }));
    }

    #[test]
    fn a_watch_that_is_told_to_wait_knows_how_long() {
        let text = r#"{"status":"Failure","code":429,"message":"too many requests","reason":"TooManyRequests",
            "details":{"retryAfterSeconds":7}}"#;
        let status: kube::core::Status = serde_json::from_str(text).unwrap();
        let error = ClusterError::from(watcher::Error::WatchError(status.boxed()));
        let retry_after = Some(Duration::from_secs(7));
        assert_eq!(error, ClusterError::Busy { message: "too many requests".to_owned(), retry_after });
    }
}
