//! All clusters under watch.

use super::{Index, Name, News};
use crate::core::time::Timestamp;

/// Every configured cluster, in the configuration's order.
#[derive(Clone, Debug, Default)]
pub struct Clusters {
    clusters: Vec<Cluster>,
}

#[derive(Clone, Debug)]
pub struct Cluster {
    pub name: Name,
    pub index: Index,
}

impl Clusters {
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = Name>) -> Self {
        Self { clusters: names.into_iter().map(|name| Cluster { name, index: Index::default() }).collect() }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Cluster> {
        self.clusters.iter()
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|cluster| &*cluster.name == name)
    }

    /// Takes news of one cluster in; news of one that is not configured is left out.
    pub fn apply(&mut self, cluster: &str, news: News, now: Timestamp) {
        if let Some(cluster) = self.clusters.iter_mut().find(|known| &*known.name == cluster) {
            cluster.index.apply(news, now);
        }
    }
}
