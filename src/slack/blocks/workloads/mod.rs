//! What runs in the clusters, as people read it.

mod card;
mod clusters;
mod logs;
mod pods;
mod replies;
mod rollout;

pub use card::{Autoscaling, CardView, Restarts, WarningLine, card};
pub use clusters::{ClusterLine, ClustersView, NodeLine, NodesView, clusters, nodes};
pub use logs::{LogView, Whole, log, log_failed, reading};
pub use pods::{PodLine, PodsView, pods};
pub use replies::{Candidate, no_clusters, no_such_cluster, no_such_workload, not_answering, which_workload};
pub use rollout::{RevisionLine, RolloutView, rollout};

use super::kit;
use super::words::{moment, said};
use crate::core::time::Timestamp;
use crate::core::workload::{Status, Trouble};
use slack_morphism::prelude::SlackBlock;

/// A cluster whose answers may be old or incomplete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    pub cluster: String,
    pub status: Status,
}

impl Doubt {
    /// `None` for a cluster that can be believed.
    #[must_use]
    pub fn of(cluster: &str, status: Status) -> Option<Self> {
        let healthy = matches!(status, Status::Healthy { .. });
        (!healthy).then(|| Self { cluster: cluster.to_owned(), status })
    }

    fn line(&self, now: Timestamp) -> String {
        let cluster = said(&self.cluster, 60);
        match &self.status {
            Status::Healthy { .. } => format!("*{cluster}* is up to date."),
            Status::Connecting => format!("⏳ *{cluster}* is still being read; what is missing here may be there."),
            Status::Degraded { what: Trouble::Unreachable, since, error } => format!(
                "⚠️ *{cluster}* has not answered since {} ({}): this is what was last known.",
                moment(*since, now),
                said(error, 120)
            ),
            Status::Degraded { what: Trouble::Kinds(kinds), since, error } => {
                let kinds: Vec<_> = kinds.iter().map(|kind| kind.plural()).collect();
                format!(
                    "⚠️ *{cluster}*: {} not watched since {} ({}); what is said of them may be old.",
                    kinds.join(", "),
                    moment(*since, now),
                    said(error, 120)
                )
            }
        }
    }
}

/// What to keep in mind about an answer; at its top, where it is read first.
fn doubts(doubts: &[Doubt], now: Timestamp) -> Option<SlackBlock> {
    let lines: Vec<_> = doubts.iter().take(6).map(|doubt| doubt.line(now)).collect();
    (!lines.is_empty()).then(|| kit::section(&lines.join("\n")))
}

/// The part of an image's name that changes: `hermes:v0.10.4`, `grafana@sha256:9b74…`.
fn short_image(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    match last.split_once("@sha256:") {
        Some((name, digest)) => format!("{name}@{}", digest.chars().take(12).collect::<String>()),
        None => last.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_shown_by_what_changes() {
        assert_eq!(short_image("ghcr.io/acme/hermes:v0.10.4"), "hermes:v0.10.4");
        assert_eq!(short_image("registry:5000/a/b@sha256:0123456789abcdef01234567"), "b@0123456789ab");
        assert_eq!(short_image("redis"), "redis");
    }
}
