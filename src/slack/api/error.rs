//! What can go wrong with a call, sorted by what the caller may do next.

use std::time::Duration;

/// How a call to Slack failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// Nothing was done; the same call may be made again after `retry_after`.
    #[error("rate limited by Slack for {} s", retry_after.as_secs())]
    RateLimited { retry_after: Duration },
    /// Slack never saw the call.
    #[error("Slack could not be reached: {reason}")]
    NotSent { reason: String },
    /// Sent, but the answer was lost: it may have been done. Look before doing it again.
    #[error("Slack's answer was lost, it may have been done: {reason}")]
    Unknown { reason: String },
    /// Slack said no, with its own error code (listed on each method's page at <https://docs.slack.dev/reference/methods>).
    #[error("Slack refused: {code}{}", details(messages))]
    Refused { code: String, messages: Vec<String> },
}

fn details(messages: &[String]) -> String {
    if messages.is_empty() { String::new() } else { format!(" ({})", messages.join("; ")) }
}

impl ApiError {
    /// Another attempt may succeed. After [`ApiError::Unknown`] look first whether the first one did.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::NotSent { .. } | Self::Unknown { .. } => true,
            Self::Refused { code, .. } => {
                // A workspace or a channel that is being moved is back by itself.
                const PASSING: [&str; 5] = [
                    "service_unavailable",
                    "request_timeout",
                    "team_added_to_org",
                    "org_login_required",
                    "external_channel_migrating",
                ];
                PASSING.contains(&code.as_str())
            }
        }
    }

    /// The same call will never succeed.
    #[must_use]
    pub fn fatal(&self) -> bool {
        !self.retryable()
    }

    /// The token is no longer good: every call will fail until somebody installs the app again.
    #[must_use]
    pub fn auth_lost(&self) -> bool {
        self.is_one_of(&["invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"])
    }

    /// Nothing can be posted in this channel; try another.
    #[must_use]
    pub fn channel_gone(&self) -> bool {
        self.is_one_of(&["channel_not_found", "is_archived", "not_in_channel"])
            // Also in a channel that is read by everybody and written to by few: `restricted_action_read_only_channel`.
            || self.code().is_some_and(|code| code.starts_with("restricted_action"))
    }

    /// The message can no longer be changed, or take lines in its thread; post a new one.
    #[must_use]
    pub fn message_gone(&self) -> bool {
        self.is_one_of(&[
            "message_not_found",
            "cant_update_message",
            "edit_window_closed",
            "thread_not_found",
            "restricted_action_thread_locked",
            "restricted_action_non_threadable_channel",
        ])
    }

    /// Slack's error code, when it gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::RateLimited { .. } | Self::NotSent { .. } | Self::Unknown { .. } => None,
        }
    }

    fn is_one_of(&self, codes: &[&str]) -> bool {
        self.code().is_some_and(|code| codes.contains(&code))
    }

    /// For calls with nothing to see before a later one succeeds: a lost answer is as good as a call not made.
    pub(super) fn without_effect(self) -> Self {
        match self {
            Self::Unknown { reason } => Self::NotSent { reason },
            other @ (Self::RateLimited { .. } | Self::NotSent { .. } | Self::Refused { .. }) => other,
        }
    }
}
