//! The composition root: from a configuration to a running bot, and from a signal to a clean end.

mod actions;
pub(crate) mod audit;
mod balances;
pub(crate) mod clusters;
mod gitops;
mod liveness;
mod loops;
mod oncall;
mod paging;
mod prometheus;
mod references;
mod reload;
mod shards;
mod start;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::feeds::hermes;
use crate::flow::Flow;
use crate::flow::look::Link;
use crate::slack::signature::Verifier;
use crate::slack::socket::SocketStatus;
use crate::store::Backend;
use crate::web::notified::Senders;

pub use crate::flow::Waits;
pub use actions::github as github_settings;
pub use actions::purses;
pub use balances::{ChainLoop, settings as chain_settings};
pub(crate) use prometheus::{alertmanagers, client as prometheus_client};
pub use reload::{Reload, same_process};
pub use start::{StartError, Wiring, hermes_settings, open_store, store_settings};

/// After the signal requests are still sent here for a moment, until whoever sends them has heard of it.
const LINGER: Duration = Duration::from_secs(5);
/// What is under way gets this long to finish after that; the chart gives forty seconds for all of it.
const DRAIN: Duration = Duration::from_secs(25);

/// What each source's client counts, by the source's name.
type SourceCounters = Vec<(String, Arc<hermes::Counters>)>;

/// A bot that is wired up and not running yet.
pub struct App {
    flow: Arc<Flow>,
    config: Config,
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    /// Present in HTTP mode.
    verifier: Option<Verifier>,
    senders: Senders,
    sources: Vec<hermes::Hermes>,
    counters: SourceCounters,
    socket_status: Arc<SocketStatus>,
    heartbeat: Option<liveness::HeartbeatUrl>,
    checkpoints: Option<Arc<audit::Checkpoints>>,
    schedules: Vec<oncall::Source>,
    chains: Vec<ChainLoop>,
    /// For jitter.
    seed: u64,
}

impl App {
    /// The use cases, for a test that drives them by hand.
    #[must_use]
    pub fn flow(&self) -> Arc<Flow> {
        Arc::clone(&self.flow)
    }

    /// The chains' loops, for a test that drives them by hand.
    pub fn take_chains(&mut self) -> Vec<ChainLoop> {
        std::mem::take(&mut self.chains)
    }

    /// Where it listens; the port is real even when 0 was configured.
    pub fn address(&self) -> std::io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }

    /// Says that it is about to stop and works on for a moment: other replicas can take what is sent to this one. Only where
    /// there may be others, and where Slack sends its requests to an address.
    pub async fn linger(flow: &Flow) {
        flow.stopping();
        if flow.store.backend() == Backend::Postgres && matches!(flow.slack_link(), Link::Http { .. }) {
            tracing::info!(seconds = LINGER.as_secs(), "about to stop: working on until requests go elsewhere");
            flow.clock.sleep(LINGER).await;
        }
    }

    /// Runs until `stop`, then drains: nothing is decided any more, what is under way finishes, the lease is given back, and
    /// what is left in the outbox goes out.
    pub async fn run(self, stop: CancellationToken) {
        let flow = Arc::clone(&self.flow);
        let (tasks, deciding) = (TaskTracker::new(), TaskTracker::new());
        // The worker and the server outlive those who decide, so that what was just taken in can still be answered.
        let late = CancellationToken::new();
        let checkpoints = self.checkpoints.clone();
        self.spawn(&tasks, &deciding, &stop, &late);
        stop.cancelled().await;
        flow.stopping();
        tracing::info!("stopping: finishing what is under way");
        let drained = async {
            deciding.close();
            deciding.wait().await;
            // Watching and deciding have ended; others need not wait for what is still to be delivered.
            flow.release_shards().await;
            if let Some(checkpoints) = checkpoints {
                checkpoints.take(&flow).await;
            }
            flow.release_lease().await;
            loops::drain_outbox(&flow).await;
            late.cancel();
            tasks.close();
            tasks.wait().await;
        };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!("not everything was finished in time; what is stored goes on at the next start");
            flow.release_lease().await;
            late.cancel();
        }
        flow.store.close().await;
        tracing::info!("stopped");
    }

    /// Serves HTTP only, for a test that drives the rest by hand.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve_http(self, stop: CancellationToken) -> std::io::Result<()> {
        let router = crate::web::router(self.flow, self.verifier, self.senders, self.config.http.body_limit);
        crate::web::serve(self.listener, router, stop).await
    }
}
