//! Whether what the index holds can be believed: the state of each watch, and of a cluster as a whole.

use serde::{Deserialize, Serialize};

use super::{Kind, Name};
use crate::core::time::Timestamp;

/// What one watch covers: a kind, in one namespace or in all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    pub kind: Kind,
    pub namespace: Option<Name>,
}

impl Scope {
    #[must_use]
    pub const fn all(kind: Kind) -> Self {
        Self { kind, namespace: None }
    }
}

/// How one watch stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sync {
    /// Being listed; what is missing may still come.
    Listing,
    /// The index has what the API server has.
    Live { since: Timestamp },
    /// The watch broke and is tried again; the index has what was last known.
    Lost { since: Timestamp, error: String },
    /// RBAC does not allow it; asked again now and then.
    Forbidden { since: Timestamp, error: String },
    /// The cluster does not have the kind.
    Absent,
}

/// Whether the API server answers at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// Not asked yet.
    #[default]
    Unknown,
    Up {
        since: Timestamp,
        /// As `/version` gives it: `v1.34.1`.
        version: String,
        /// The cluster's clock less ours, in milliseconds.
        skew_millis: i64,
    },
    Down {
        since: Timestamp,
        error: String,
    },
}

/// A cluster's own status, as people are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Still listing for the first time.
    Connecting,
    Healthy {
        since: Timestamp,
    },
    Degraded {
        what: Trouble,
        since: Timestamp,
        error: String,
    },
}

/// What of a cluster is not watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing of it: the API server does not answer.
    Unreachable,
    /// These kinds; the rest is.
    Kinds(Vec<Kind>),
}

impl Status {
    #[must_use]
    pub const fn unreachable(&self) -> bool {
        matches!(self, Self::Degraded { what: Trouble::Unreachable, .. })
    }

    /// As in the metric's `status` label.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Healthy { .. } => "healthy",
            Self::Degraded { what: Trouble::Unreachable, .. } => "unreachable",
            Self::Degraded { what: Trouble::Kinds(_), .. } => "degraded",
        }
    }
}

/// What is true of a cluster whose API server and watches stand like this.
pub(super) fn status<'a>(reach: &Reach, syncs: impl Iterator<Item = (&'a Scope, &'a Sync)> + Clone) -> Status {
    if let Reach::Down { since, error } = reach {
        return Status::Degraded { what: Trouble::Unreachable, since: *since, error: error.clone() };
    }
    let broken = syncs.clone().filter_map(|(scope, sync)| match sync {
        Sync::Lost { since, error } | Sync::Forbidden { since, error } => Some((scope.kind, *since, error)),
        Sync::Listing | Sync::Live { .. } | Sync::Absent => None,
    });
    let mut kinds: Vec<Kind> = broken.clone().map(|(kind, ..)| kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if let Some((_, since, error)) = broken.min_by_key(|(_, since, _)| *since) {
        return Status::Degraded { what: Trouble::Kinds(kinds), since, error: error.clone() };
    }
    let Reach::Up { since, .. } = reach else { return Status::Connecting };
    let mut live_since = *since;
    let mut any = false;
    for (_, sync) in syncs {
        match sync {
            Sync::Listing => return Status::Connecting,
            Sync::Live { since } => (live_since, any) = (live_since.max(*since), true),
            Sync::Lost { .. } | Sync::Forbidden { .. } | Sync::Absent => {}
        }
    }
    if any { Status::Healthy { since: live_since } } else { Status::Connecting }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn up() -> Reach {
        Reach::Up { since: at(1), version: "v1.34.1".to_owned(), skew_millis: 0 }
    }

    fn of(reach: &Reach, syncs: &[(Scope, Sync)]) -> Status {
        status(reach, syncs.iter().map(|(scope, sync)| (scope, sync)))
    }

    #[test]
    fn a_cluster_is_healthy_when_every_kind_it_has_is_live() {
        let pods = (Scope::all(Kind::Pod), Sync::Live { since: at(5) });
        let absent = (Scope::all(Kind::Certificate), Sync::Absent);
        assert_eq!(of(&up(), &[pods.clone(), absent]), Status::Healthy { since: at(5) });
        let listing = (Scope::all(Kind::Node), Sync::Listing);
        assert_eq!(of(&up(), &[pods, listing]), Status::Connecting);
        assert_eq!(of(&up(), &[]), Status::Connecting);
    }

    #[test]
    fn kinds_that_are_forbidden_or_lost_are_named_and_the_oldest_trouble_leads() {
        let lost = (Scope::all(Kind::Pod), Sync::Lost { since: at(9), error: "cut".to_owned() });
        let forbidden = (Scope::all(Kind::Node), Sync::Forbidden { since: at(3), error: "no".to_owned() });
        let what = Trouble::Kinds(vec![Kind::Node, Kind::Pod]);
        assert_eq!(of(&up(), &[lost, forbidden]), Status::Degraded { what, since: at(3), error: "no".to_owned() });
    }

    #[test]
    fn an_api_server_that_does_not_answer_is_all_that_counts() {
        let down = Reach::Down { since: at(2), error: "refused".to_owned() };
        let status = of(&down, &[(Scope::all(Kind::Pod), Sync::Live { since: at(1) })]);
        assert!(status.unreachable());
        assert_eq!(status.name(), "unreachable");
    }
}
