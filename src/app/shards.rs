//! What runs only while its shard is this replica's: started when the shard comes, stopped when it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::core::shard::{Parts, Shard, Shards};
use crate::flow::Flow;

use super::loops::every;

/// Shards are renewed, given and taken this often.
const KEEP: Duration = Duration::from_secs(1);
/// Others who ask wait for little more than a second.
const PUBLISH: Duration = Duration::from_millis(250);

/// What `config` wants divided; `None`: nothing.
pub(super) fn divided(config: &Config) -> Option<Shards> {
    let replicas = &config.replicas;
    let clusters: Vec<String> = config.clusters.iter().map(|cluster| cluster.name.clone()).collect();
    let chains: Vec<String> = config.balances.chains.iter().map(|chain| chain.name.clone()).collect();
    let parts = if config.sources.is_empty() { 0 } else { replicas.feed_parts };
    replicas.divide.then(|| Shards::new(parts, &clusters, &chains))
}

pub(super) fn spawn(flow: &Arc<Flow>, tasks: &TaskTracker, stop: &CancellationToken) {
    if flow.divides().is_none() {
        return;
    }
    tasks.spawn(every(flow, KEEP, stop.clone(), keep));
    tasks.spawn(every(flow, PUBLISH, stop.clone(), publish));
}

async fn keep(flow: Arc<Flow>) {
    if let Err(error) = flow.keep_shards().await {
        flow.metrics.store_failed();
        tracing::error!(error = %error, "could not renew the leases of shards");
    }
}

async fn publish(flow: Arc<Flow>) {
    if let Err(error) = flow.publish_views().await {
        flow.metrics.store_failed();
        tracing::warn!(error = %error, "could not tell other replicas what they asked about");
    }
}

/// The parts of the feeds that are to be followed, now and whenever that changes.
pub(super) fn parts(flow: &Arc<Flow>, tasks: &TaskTracker, stop: &CancellationToken) -> watch::Receiver<Parts> {
    let Some(shards) = flow.divides() else { return watch::channel(Parts::all()).1 };
    let (tell, parts) = watch::channel(Parts::none());
    let (shards, mut held, stop) = (shards.clone(), flow.shards(), stop.clone());
    tasks.spawn(async move {
        loop {
            let now = shards.parts(&held.borrow_and_update());
            tell.send_if_modified(|before| std::mem::replace(before, now.clone()) != now);
            if !changed(&mut held, &stop).await {
                return;
            }
        }
    });
    parts
}

/// Calls `start` for each cluster that comes, with what stops it when the cluster goes.
pub(super) fn follow_clusters(
    flow: &Arc<Flow>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
    mut start: impl FnMut(&Flow, &str, &TaskTracker, &CancellationToken) + Send + 'static,
) {
    let (watching, its) = (Arc::clone(flow), tasks.clone());
    follow(flow, tasks, stop, move |shard, stop| {
        if let Shard::Cluster(name) = shard {
            start(&watching, name, &its, stop);
        }
    });
}

/// Calls `start` for each shard that comes, with what stops it when the shard goes.
fn follow(
    flow: &Arc<Flow>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
    mut start: impl FnMut(&Shard, &CancellationToken) + Send + 'static,
) {
    let (mut held, stop) = (flow.shards(), stop.clone());
    tasks.spawn(async move {
        let mut running: BTreeMap<Shard, CancellationToken> = BTreeMap::new();
        loop {
            let now: BTreeSet<Shard> = held.borrow_and_update().clone();
            running.retain(|shard, token| {
                let stays = now.contains(shard);
                if !stays {
                    token.cancel();
                }
                stays
            });
            for shard in now {
                running.entry(shard).or_insert_with_key(|shard| {
                    let token = stop.child_token();
                    start(shard, &token);
                    token
                });
            }
            if !changed(&mut held, &stop).await {
                return;
            }
        }
    });
}

/// False: it is over.
async fn changed(held: &mut watch::Receiver<BTreeSet<Shard>>, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        changed = held.changed() => changed.is_ok(),
    }
}
