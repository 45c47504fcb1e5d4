//! Which questions are about what other replicas may watch.

use crate::core::command::workload::Ask;
use crate::core::command::{Command, SilenceTarget, WhyTarget};
use crate::slack::blocks::actions::Press;

use super::Flow;
use super::views::About;

impl Flow {
    /// Before a command is answered: asks who watches what it is about.
    pub(in crate::flow) async fn consult_for(&self, command: &Command) {
        let about = match command {
            Command::Feed { .. }
            | Command::Feeds { .. }
            | Command::Balance(_)
            | Command::Why { target: WhyTarget::Feed(_) }
            | Command::Silence { target: SilenceTarget::Feed(_), .. } => About::Feeds,
            Command::Workload(ask) => About::Clusters(cluster(ask)),
            Command::GitOps(_) => About::Clusters(None),
            Command::Act(_) => {
                // What it is done to, and what a payment is worth.
                self.consult(About::Clusters(None)).await;
                About::Feeds
            }
            _ => return,
        };
        self.consult(about).await;
    }

    pub(in crate::flow) async fn consult_for_press(&self, press: &Press) {
        if matches!(press, Press::Act(_)) {
            self.consult(About::Clusters(None)).await;
        }
    }
}

/// The cluster that is asked about, when it is named.
fn cluster(ask: &Ask) -> Option<&str> {
    match ask {
        Ask::Cluster { name } | Ask::Nodes { cluster: name } => name.as_deref(),
        Ask::Pods { place, .. } => place.cluster.as_deref(),
        Ask::Workload(wanted) | Ask::Rollout(wanted) | Ask::Logs { of: wanted, .. } => wanted.place.cluster.as_deref(),
    }
}
