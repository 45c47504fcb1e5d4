//! The clusters' watches, and the loop that takes in what they say.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cluster::{Access, Clusters, Settings, Update};
use crate::config::Config;
use crate::config::clusters::Cluster;
use crate::core::workload;
use crate::core::workload::Name;
use crate::flow::Flow;

use super::loops::{every, next_batch};
use super::shards;

/// News waiting for the flow; when it is full, the API servers wait.
const NEWS: usize = 1024;
const MEASURE: Duration = Duration::from_secs(5);
const JUDGE: Duration = Duration::from_secs(1);

/// The connections that `config` asks for; nothing is connected to yet.
pub(crate) fn connections(config: &Config) -> Clusters {
    Clusters::new(config.clusters.iter().map(settings).collect())
}

fn settings(cluster: &Cluster) -> Settings {
    let access = match &cluster.kubeconfig {
        Some(path) => Access::Kubeconfig { path: path.clone(), context: cluster.context.clone() },
        // The configuration was checked: it is one or the other.
        None => Access::InCluster,
    };
    Settings {
        name: cluster.name.as_str().into(),
        access,
        include: cluster.namespaces.include.clone(),
        exclude: cluster.namespaces.exclude.clone(),
        owner_label: cluster.owner_label.clone(),
        kinds: cluster.kinds(),
        logs: cluster.features.logs,
        events: cluster.features.events,
    }
}

/// What the rules of each cluster are.
pub(super) fn rules(config: &Config) -> Vec<(Name, workload::Settings)> {
    let of = |cluster: &Cluster| {
        let settings = workload::Settings { rules: cluster.rules(), owners: cluster.owners.clone() };
        (cluster.name.as_str().into(), settings)
    };
    config.clusters.iter().map(of).collect()
}

pub(super) fn spawn(flow: &Arc<Flow>, seed: u64, tasks: &TaskTracker, stop: &CancellationToken) {
    if flow.clusters.is_empty() {
        return;
    }
    let (out, news) = mpsc::channel(NEWS);
    if flow.divides().is_some() {
        shards::follow_clusters(flow, tasks, stop, move |flow, cluster, tasks, stop| {
            flow.clusters.watch_one(cluster, &out, &flow.clock, seed, tasks, stop);
        });
    } else {
        flow.clusters.watch(&out, &flow.clock, seed, tasks, stop);
    }
    tasks.spawn(observe(Arc::clone(flow), news, stop.clone()));
    tasks.spawn(every(flow, JUDGE, stop.clone(), |flow| async move { flow.judge_clusters().await }));
    tasks.spawn(every(flow, JUDGE, stop.clone(), |flow| async move { flow.enquire_clusters().await }));
    tasks.spawn(every(flow, MEASURE, stop.clone(), |flow| {
        flow.measure_clusters();
        std::future::ready(())
    }));
}

async fn observe(flow: Arc<Flow>, mut news: mpsc::Receiver<Update>, stop: CancellationToken) {
    let mut batch = Vec::new();
    while next_batch(&mut news, &mut batch, NEWS, &stop).await {
        flow.observe_clusters(std::mem::take(&mut batch));
    }
}
