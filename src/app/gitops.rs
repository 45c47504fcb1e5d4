//! What follows the clusters' GitOps objects, and the loop that takes in what it finds.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cluster::Clusters;
use crate::config::Config;
use crate::core::gitops::apps::{Apps, Event};
use crate::flow::Flow;

use super::loops::next_batch;
use super::shards;

/// News waiting for the flow; when it is full, the API servers wait.
const NEWS: usize = 256;

/// The apps of these clusters, none of them known yet.
pub(super) fn apps(config: &Config, clusters: &Clusters) -> Apps {
    Apps::new(config.gitops.clone(), clusters.gitops_scopes())
}

pub(super) fn spawn(flow: &Arc<Flow>, seed: u64, tasks: &TaskTracker, stop: &CancellationToken) {
    if flow.clusters.is_empty() {
        return;
    }
    let (out, news) = mpsc::channel(NEWS);
    if flow.divides().is_some() {
        // Clusters that come together try again at different times.
        let mut seeds = fastrand::Rng::with_seed(seed);
        shards::follow_clusters(flow, tasks, stop, move |flow, cluster, tasks, stop| {
            let seed = seeds.u64(..);
            flow.clusters.watch_gitops_of(cluster, &out, &flow.clock, seed, tasks, stop);
        });
    } else {
        flow.clusters.watch_gitops(&out, &flow.clock, seed, tasks, stop);
    }
    tasks.spawn(observe(Arc::clone(flow), news, stop.clone()));
}

async fn observe(flow: Arc<Flow>, mut news: mpsc::Receiver<Event>, stop: CancellationToken) {
    let mut batch = Vec::new();
    while next_batch(&mut news, &mut batch, NEWS, &stop).await {
        flow.observe_gitops(std::mem::take(&mut batch));
    }
}
