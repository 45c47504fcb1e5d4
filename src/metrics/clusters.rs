//! What is counted of each cluster.

use std::sync::atomic::Ordering;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::watched::Watched;
use super::{Labels, Metrics, Seconds};

/// A cluster as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterFigures {
    /// `connecting`, `healthy`, `degraded`, `unreachable`
    pub status: &'static str,
    /// The cluster's clock less ours.
    pub skew_millis: i64,
    /// By kind.
    pub objects: Vec<(&'static str, usize)>,
    /// Totals by kind.
    pub unreadable: Vec<(&'static str, u64)>,
}

#[derive(Debug, Default)]
pub(super) struct ClusterMetrics {
    status: Watched<Gauge>,
    skew: Watched<Seconds>,
    objects: Watched<Gauge>,
    unreadable: Family<Labels, Counter>,
    news: Family<Labels, Counter>,
}

impl ClusterMetrics {
    pub fn register(&self, registry: &mut Registry) {
        self.status.register(registry, "cluster_status", "1 for the status a cluster has, 0 for the others");
        self.skew.register(registry, "cluster_clock_skew_seconds", "The cluster's clock less the bot's");
        self.objects.register(registry, "cluster_objects", "Objects in the index by kind");
        registry.register(
            "cluster_unreadable_objects",
            "Objects that came and could not be made out",
            self.unreadable.clone(),
        );
        registry.register("cluster_news", "News taken in from a cluster's watches", self.news.clone());
    }
}

impl Metrics {
    pub fn cluster_news(&self, cluster: &str) {
        self.clusters.news.get_or_create(&vec![("cluster", cluster.to_owned())]).inc();
    }

    pub fn cluster(&self, cluster: &str, figures: &ClusterFigures) {
        let ClusterFigures { status, skew_millis, objects, unreadable } = figures;
        let with = |name, value: &str| vec![("cluster", cluster.to_owned()), (name, value.to_owned())];
        for known in ["connecting", "healthy", "degraded", "unreachable"] {
            self.clusters.status.set(with("status", known), i64::from(known == *status));
        }
        let skew = Duration::from_millis(skew_millis.unsigned_abs()).as_secs_f64();
        let skew = if *skew_millis < 0 { -skew } else { skew };
        self.clusters.skew.set(vec![("cluster", cluster.to_owned())], skew);
        for (kind, count) in objects {
            self.clusters.objects.set(with("kind", kind), i64::try_from(*count).unwrap_or(i64::MAX));
        }
        for (kind, total) in unreadable {
            self.clusters.unreadable.get_or_create(&with("kind", kind)).inner().store(*total, Ordering::Relaxed);
        }
    }

    /// It is another replica's to watch now.
    pub fn forget_cluster(&self, cluster: &str) {
        let ClusterMetrics { status, skew, objects, .. } = &self.clusters;
        status.forget("cluster", cluster);
        skew.forget("cluster", cluster);
        objects.forget("cluster", cluster);
    }
}
