//! From a kubeconfig, or from inside the cluster, to a client.

use std::path::PathBuf;
use std::time::Duration;

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};

use super::ClusterError;

/// How a cluster is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    Kubeconfig {
        path: PathBuf,
        /// The file's current context when absent.
        context: Option<String>,
    },
    /// With the service account of the pod the bot runs in.
    InCluster,
}

const CONNECT: Duration = Duration::from_secs(5);
const WRITE: Duration = Duration::from_secs(30);
/// Longer than a watch lasts; a server that accepts a request and never answers is given up.
const READ: Duration = Duration::from_mins(5);

pub(super) async fn client(access: &Access) -> Result<kube::Client, ClusterError> {
    let mut config = match access {
        Access::InCluster => Config::incluster().map_err(|error| ClusterError::Access(error.to_string()))?,
        Access::Kubeconfig { path, context } => {
            let failed = |error: &dyn std::fmt::Display| {
                ClusterError::Access(format!("the kubeconfig {} cannot be used: {error}", path.display()))
            };
            let file = Kubeconfig::read_from(path).map_err(|error| failed(&error))?;
            let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
            Config::from_custom_kubeconfig(file, &options).await.map_err(|error| failed(&error))?
        }
    };
    config.connect_timeout = Some(CONNECT);
    config.write_timeout = Some(WRITE);
    config.read_timeout = Some(READ);
    config.reset_reader_on_write = true;
    // Who repeats what, and when, is decided by whoever calls.
    config.default_retry = false;
    kube::Client::try_from(config).map_err(|error| ClusterError::Access(error.to_string()))
}
