//! Identifiers as types, and the source they come from (passed in, so that a test or a replay sees the same ids).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// Where new ids come from. Production gives ULIDs; tests give the same ones every run.
pub trait Ids: Send + Sync {
    /// A new id, unique and sortable by `now`.
    fn next(&self, now: Timestamp) -> String;

    /// Whatever is given out from now on sorts behind `id`, which another process gave out.
    fn go_on_after(&self, _id: &str) {}
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            #[must_use]
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(/// An alert group's id (ULID): one episode of trouble, one living message.
    GroupId);
id!(/// A silence's id (ULID).
    SilenceId);
id!(/// An action request (ULID).
    RequestId);
id!(/// A row in the outbox (ULID).
    JobId);
id!(/// A watched account: one address, on one chain, of one asset. Its name in the configuration.
    AccountKey);
id!(/// A Slack channel id, `C…`, `G…` or `D…`.
    ChannelId);
id!(/// A Slack user id, `U…` or `W…`.
    UserId);
id!(/// A Slack user group id, `S…`.
    UserGroupId);
id!(/// An override's id (ULID).
    OverrideId);
id!(/// A swap's id (ULID).
    SwapId);
id!(/// A handoff's id (ULID): one shift change.
    HandoffId);
id!(/// An incident's id (ULID).
    IncidentId);
id!(/// A handoff note's id (ULID).
    NoteId);
id!(/// A Slack workspace id, `T…`; an enterprise id `E…` stands in for it on org-wide installs.
    TeamId);
id!(/// A Slack message timestamp such as `1718000000.000100`: unique in its channel only, never a number.
    MessageTs);

/// Who did something: a person in Slack, named by workspace as well (a user id alone does not tell a stranger
/// in a shared channel from a colleague), or watchkeeper itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    Person { user: UserId, team: Option<TeamId> },
    System,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { user, team: Some(team) } => write!(f, "{team}/{user}"),
            Self::Person { user, team: None } => write!(f, "{user}"),
            Self::System => f.write_str("watchkeeper"),
        }
    }
}
