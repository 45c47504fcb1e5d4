//! What the clusters say: news into the index, and from the index what people and metrics are told.

use std::sync::PoisonError;

use crate::cluster::Update;
use crate::core::workload::{Clusters, Reach};
use crate::metrics::ClusterFigures;

use super::Flow;

impl Flow {
    /// Looks at all clusters as they are known now. Not for long: their news waits meanwhile.
    pub fn with_clusters<T>(&self, look: impl FnOnce(&Clusters) -> T) -> T {
        look(&self.workloads.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes news of clusters in, in order.
    pub fn observe_clusters(&self, updates: Vec<Update>) {
        let now = self.now();
        let mut clusters = self.workloads.lock().unwrap_or_else(PoisonError::into_inner);
        for Update { cluster, news } in updates {
            self.metrics.cluster_news(&cluster);
            clusters.apply(&cluster, news, now);
        }
    }

    /// Figures of each cluster, for the metrics.
    pub fn measure_clusters(&self) {
        let clusters = self.workloads.lock().unwrap_or_else(PoisonError::into_inner);
        for cluster in clusters.iter() {
            let skew_millis = match cluster.index.reach() {
                Reach::Up { skew_millis, .. } => *skew_millis,
                Reach::Unknown | Reach::Down { .. } => 0,
            };
            self.metrics.cluster(
                &cluster.name,
                &ClusterFigures {
                    status: cluster.index.status().name(),
                    skew_millis,
                    objects: cluster.index.counts().map(|(kind, count)| (kind.as_str(), count)).to_vec(),
                    unreadable: cluster.index.unreadable().iter().map(|(kind, n)| (kind.as_str(), *n)).collect(),
                },
            );
        }
    }
}
