//! Kubernetes: one [`Clusters`] for all clusters of the configuration, each with its own connection and its own status.
//!
//! Reading: [`Clusters::watch`] runs a watch for every kind and sends [`News`](crate::core::workload::News), each object
//! made slim while it is read ([`wire`]); the use cases put them into `core::workload::Clusters`
//! (`flow.with_clusters(|clusters| …)`). An unreachable cluster, a kind without RBAC, or an odd object is that cluster's,
//! that kind's, that object's trouble alone.
//!
//! Whatever else talks to a cluster stands in a module of this directory, is a method of [`Clusters`], takes the
//! cluster's name, and begins with `self.client(name).await?`: the one place where a `kube::Client` is had. That client
//! never repeats a request by itself (a blocked eviction must say so, a create must not happen twice); every call is
//! bounded with [`within`]. The use cases have the handle as `flow.clusters`.

mod connect;
mod error;
mod evidence;
mod gitops;
mod probe;
pub mod read;
mod selector;
mod watch;
mod wire;
pub mod write;

use std::sync::Arc;

use tokio::sync::{OnceCell, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SharedClock;
use crate::core::workload::{Kind, Name, News};

pub use connect::Access;
pub use error::ClusterError;
use error::within;

/// One cluster, as configured.
#[derive(Clone, Debug)]
pub struct Settings {
    pub name: Name,
    pub access: Access,
    /// Only these namespaces; empty: all.
    pub include: Vec<String>,
    /// Never these.
    pub exclude: Vec<String>,
    /// The label that says whose an object is.
    pub owner_label: String,
    pub kinds: Vec<Kind>,
    /// Whether logs and events may be asked for.
    pub logs: bool,
    pub events: bool,
}

/// News of one cluster.
#[derive(Clone, Debug)]
pub struct Update {
    pub cluster: Name,
    pub news: News,
}

/// The connections to all clusters.
#[derive(Clone, Debug, Default)]
pub struct Clusters {
    clusters: Vec<Arc<Connection>>,
}

#[derive(Debug)]
struct Connection {
    settings: Settings,
    /// Made when first needed; a kubeconfig that cannot be read is read again the next time.
    client: OnceCell<ClientOf>,
}

/// A client; it prints nothing of itself, it knows credentials.
#[derive(Clone)]
struct ClientOf(kube::Client);

impl std::fmt::Debug for ClientOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl Clusters {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(settings: Vec<Settings>) -> Self {
        let connection = |settings| Arc::new(Connection { settings, client: OnceCell::new() });
        Self { clusters: settings.into_iter().map(connection).collect() }
    }

    /// In the configuration's order.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.clusters.iter().map(|connection| &connection.settings.name)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clusters.is_empty()
    }

    /// Watches every cluster until `stop`. `out` is waited for when it is full: the API servers hold back what is not
    /// taken.
    pub fn watch(
        &self,
        out: &mpsc::Sender<Update>,
        clock: &SharedClock,
        seed: u64,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        for name in self.names() {
            self.watch_one(name, out, clock, seed, tasks, stop);
        }
    }

    /// As [`Self::watch`], for one cluster.
    pub fn watch_one(
        &self,
        cluster: &str,
        out: &mpsc::Sender<Update>,
        clock: &SharedClock,
        seed: u64,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        for connection in self.clusters.iter().filter(|connection| &*connection.settings.name == cluster) {
            watch::spawn(connection, out, clock, seed, tasks, stop);
        }
    }

    /// Whether logs and events of this cluster may be asked for.
    #[must_use]
    pub fn tells(&self, cluster: &str) -> (bool, bool) {
        let known = self.clusters.iter().find(|connection| &*connection.settings.name == cluster);
        known.map_or((false, false), |connection| (connection.settings.logs, connection.settings.events))
    }

    /// The client for `cluster`.
    ///
    /// # Errors
    /// No such cluster, or its kubeconfig cannot be used.
    async fn client(&self, cluster: &str) -> Result<kube::Client, ClusterError> {
        let connection = self.clusters.iter().find(|connection| &*connection.settings.name == cluster);
        connection.ok_or_else(|| ClusterError::Unknown { cluster: cluster.to_owned() })?.client().await
    }
}

impl Connection {
    async fn client(&self) -> Result<kube::Client, ClusterError> {
        let made = self.client.get_or_try_init(|| async { connect::client(&self.settings.access).await.map(ClientOf) });
        Ok(made.await?.0.clone())
    }
}

/// An object of every kind that is watched, for `fuzz/`.
#[cfg(fuzzing)]
pub fn read_anything(json: &[u8]) {
    fn read<W: wire::Wire>(json: &[u8]) {
        let _slim = serde_json::from_slice::<wire::Item<W>>(json).ok().and_then(|item| item.object("team"));
    }
    read::<wire::Nodes>(json);
    read::<wire::Pods>(json);
    read::<wire::Deployments>(json);
    read::<wire::ReplicaSets>(json);
    read::<wire::StatefulSets>(json);
    read::<wire::DaemonSets>(json);
    read::<wire::Jobs>(json);
    read::<wire::CronJobs>(json);
    read::<wire::Autoscalers>(json);
    read::<wire::Budgets>(json);
    read::<wire::Certificates>(json);
    read::<wire::Claims>(json);
}
