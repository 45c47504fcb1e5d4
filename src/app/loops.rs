//! The loops of a running bot. Each takes no input but the clock and a bell, looks at what is, and acts on the difference.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::sections::Mode;
use crate::core::backoff::Backoff;
use crate::core::feed::Observation;
use crate::flow::lead::{LEASE_ASKED, LEASE_EVERY};
use crate::flow::look::Link;
use crate::flow::receive::Ack;
use crate::flow::{Flow, Home};
use crate::metrics::SourceTotals;
use crate::slack::inbound::Envelope;
use crate::slack::socket::{self, SocketSettings, SocketStatus};
use crate::store::jobs;
use crate::{jobs as worker, web};

use super::{App, SourceCounters};

const TICK: Duration = Duration::from_secs(1);
const SWEEP: Duration = Duration::from_secs(1);
const MEASURE: Duration = Duration::from_secs(5);
const PRUNE: Duration = Duration::from_hours(1);
/// Observations waiting for the flow; a burst of every feed at once fits.
const OBSERVATIONS: usize = 8192;
/// Slack waits three seconds for an envelope's acknowledgement.
const ACK_WITHIN: Duration = Duration::from_millis(2400);
/// A wall clock that goes back by more than this was set, not slewed.
const STEP_BACK: Duration = Duration::from_secs(5);

impl App {
    /// Starts everything. `deciding` are the loops whose end the lease waits for.
    pub(super) fn spawn(
        self,
        tasks: &TaskTracker,
        deciding: &TaskTracker,
        stop: &CancellationToken,
        late: &CancellationToken,
    ) {
        let Self { flow, config, listener, metrics_listener, verifier, senders, sources, counters, .. } = self;
        let Self { socket_status, heartbeat, checkpoints, schedules, chains, seed, .. } = self;
        let router = web::router(Arc::clone(&flow), verifier, senders, config.http.body_limit);
        tasks.spawn(serve(listener, router, late.clone()));
        if let Some(listener) = metrics_listener {
            tasks.spawn(serve(listener, web::metrics_router(Arc::clone(&flow.metrics)), late.clone()));
        }
        tasks.spawn(worker::run(Arc::clone(&flow), late.clone()));
        tasks.spawn(keep_lease(Arc::clone(&flow), stop.clone(), late.clone()));
        deciding.spawn(tick(Arc::clone(&flow), stop.clone()));
        deciding.spawn(sweep(Arc::clone(&flow), stop.clone()));
        deciding.spawn(act(Arc::clone(&flow), stop.clone()));
        tasks.spawn(every(&flow, MEASURE, stop.clone(), measure));
        tasks.spawn(every(&flow, MEASURE, stop.clone(), move |flow| {
            count(&flow, &counters);
            std::future::ready(())
        }));
        let retention = config.database.retention.duration();
        tasks.spawn(every(&flow, PRUNE, stop.clone(), move |flow| prune(flow, retention)));
        tasks.spawn(watch_clock(Arc::clone(&flow), stop.clone()));
        tasks.spawn(identify(Arc::clone(&flow), stop.clone()));
        if config.slack.mode == Mode::Socket {
            let connections = u32::try_from(config.slack.connections).unwrap_or(2);
            let settings = SocketSettings { connections, ..SocketSettings::default() };
            tasks.spawn(listen(Arc::clone(&flow), settings, Arc::clone(&socket_status), stop.clone()));
            tasks.spawn(every(&flow, TICK, stop.clone(), move |flow| {
                follow_socket(&flow, &socket_status);
                std::future::ready(())
            }));
        }
        let (out, observations) = mpsc::channel(OBSERVATIONS);
        super::shards::spawn(&flow, tasks, stop);
        let parts = super::shards::parts(&flow, tasks, stop);
        for source in sources {
            tasks.spawn(source.run_parts(out.clone(), parts.clone(), stop.clone()));
        }
        super::clusters::spawn(&flow, seed, tasks, stop);
        super::gitops::spawn(&flow, seed, tasks, stop);
        super::references::spawn(&flow, &config, out, seed, tasks, stop);
        super::balances::spawn(&flow, chains, seed, tasks, stop);
        deciding.spawn(observe(Arc::clone(&flow), observations, stop.clone()));
        super::oncall::spawn(&flow, schedules, tasks, stop);
        super::prometheus::spawn(&flow, tasks, stop);
        super::audit::spawn(&flow, checkpoints, tasks, stop);
        super::liveness::spawn(&flow, &config, heartbeat, tasks, stop);
    }
}

async fn serve(listener: tokio::net::TcpListener, router: web::Router, stop: CancellationToken) {
    if let Err(error) = web::serve(listener, router, stop).await {
        tracing::error!(error = %error, "the HTTP server ended");
    }
}

/// Calls `act` at once and then every `length` until `stop`.
pub(super) fn every<F>(
    flow: &Arc<Flow>,
    length: Duration,
    stop: CancellationToken,
    act: impl Fn(Arc<Flow>) -> F + Send + 'static,
) -> impl Future<Output = ()> + Send + 'static
where
    F: Future<Output = ()> + Send,
{
    let flow = Arc::clone(flow);
    async move {
        while !stop.is_cancelled() {
            act(Arc::clone(&flow)).await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = flow.clock.sleep(length) => {}
            }
        }
    }
}

/// Once a second, and sooner when the engine has something due.
async fn tick(flow: Arc<Flow>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        flow.tick().await;
        flow.looked();
        // What is due is the decider's to do: one that only follows it would turn here without a rest.
        let deadline = flow.next_deadline().filter(|_| flow.lease().is_some());
        let due = deadline.map_or(TICK, |at| at.since(flow.now()));
        tokio::select! {
            () = stop.cancelled() => {}
            () = flow.engine_bell.notified() => {}
            () = flow.clock.sleep(due.clamp(Duration::from_millis(5), TICK)) => {}
        }
    }
}

/// Once a second, and sooner when somebody has decided about an action. What was written is written down before this ends.
async fn act(flow: Arc<Flow>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match flow.drive_actions().await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => {
                flow.metrics.store_failed();
                tracing::error!(error = %error, "actions wait: the database does not answer");
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = flow.action_bell.notified() => {}
            () = flow.clock.sleep(TICK) => {}
        }
    }
}

/// Puts what comes next, at most `most` of it, into `batch` in place of what is there. False: `stop`, or nobody sends any more.
pub(super) async fn next_batch<T>(
    news: &mut mpsc::Receiver<T>,
    batch: &mut Vec<T>,
    most: usize,
    stop: &CancellationToken,
) -> bool {
    batch.clear();
    tokio::select! {
        () = stop.cancelled() => false,
        received = news.recv_many(batch, most) => received > 0,
    }
}

async fn observe(flow: Arc<Flow>, mut observations: mpsc::Receiver<Observation>, stop: CancellationToken) {
    let mut batch = Vec::new();
    while next_batch(&mut observations, &mut batch, 1024, &stop).await {
        flow.observe(&batch).await;
    }
}

/// Asks for the lease until `stop`, and keeps it until it is given back or `late`.
async fn keep_lease(flow: Arc<Flow>, stop: CancellationToken, late: CancellationToken) {
    while !late.is_cancelled() && (!stop.is_cancelled() || flow.lease().is_some()) {
        if let Err(error) = flow.keep_lease().await {
            flow.metrics.store_failed();
            tracing::error!(error = %error, "could not take or renew the lease");
        }
        let next = if flow.lease().is_some() { LEASE_EVERY } else { LEASE_ASKED };
        tokio::select! {
            () = late.cancelled() => {}
            () = flow.clock.sleep(next) => {}
        }
    }
}

/// Once a second, and at once with the lease: what the last holder left waits for it.
async fn sweep(flow: Arc<Flow>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = flow.sweep().await {
            flow.metrics.store_failed();
            tracing::warn!(error = %error, "stored inputs wait: the database does not answer");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = flow.sweep_bell.notified() => {}
            () = flow.clock.sleep(SWEEP) => {}
        }
    }
}

async fn measure(flow: Arc<Flow>) {
    flow.measure();
    for part in flow.readiness().await {
        flow.metrics.ready(part.name, part.problem.is_none());
    }
    flow.metrics.tasks(tokio::runtime::Handle::current().metrics().num_alive_tasks());
    if let Ok(Some(ahead)) = flow.clock_ahead().await {
        flow.metrics.clock_ahead(ahead);
    }
    if let Ok(depth) = jobs::depth(&flow.store).await {
        let oldest = depth.oldest().map(|at| flow.now().since(at)).unwrap_or_default();
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        flow.metrics.outbox(count(depth.queued()), oldest, count(depth.dead));
    }
}

/// Takes over what the sources' clients count by themselves.
fn count(flow: &Flow, counters: &SourceCounters) {
    for (source, counters) in counters {
        let totals = SourceTotals {
            events: counters.events(),
            updates: counters.updates(),
            reconnects: counters.reconnects(),
            skipped: counters.all_skipped().map(|(reason, total)| (reason.as_str(), total)).collect(),
        };
        flow.metrics.source_totals(source, &totals);
    }
}

async fn prune(flow: Arc<Flow>, retention: Duration) {
    let before = flow.now().minus(retention);
    if let Err(error) = flow.prune(before).await {
        tracing::warn!(error = %error, "old rows could not be removed; trying again in an hour");
    }
}

/// When the wall clock is set back, what was put off by a minute must not wait for an hour.
async fn watch_clock(flow: Arc<Flow>, stop: CancellationToken) {
    let mut last = flow.now();
    while !stop.is_cancelled() {
        let now = flow.now();
        if now.plus(STEP_BACK) < last {
            tracing::warn!(by_s = last.since(now).as_secs(), "the clock was set back");
            flow.hasten(now.plus(TICK)).await;
        }
        last = now;
        tokio::select! {
            () = stop.cancelled() => {}
            () = flow.clock.sleep(TICK) => {}
        }
    }
}

/// Learns who the bot is; tried until Slack answers.
async fn identify(flow: Arc<Flow>, stop: CancellationToken) {
    const AGAIN: Backoff = Backoff { base: Duration::from_secs(2), cap: Duration::from_mins(5) };
    for attempt in 0.. {
        match flow.api.auth_test().await {
            Ok(identity) => {
                tracing::info!(team = %identity.team, "connected to Slack as {}", identity.bot_user);
                if identity.is_enterprise_install {
                    tracing::error!("the app is installed for a whole organization; install it into one workspace");
                }
                let home = Home {
                    team: Some(identity.team),
                    team_name: identity.team_name.unwrap_or_default(),
                    bot_user: Some(identity.bot_user),
                    enterprise: identity.enterprise,
                    organization_wide: identity.is_enterprise_install,
                };
                flow.learn_home(home).await;
                return;
            }
            Err(error) => {
                tracing::error!(error = %error, "Slack does not say who the bot is; `watchkeeper doctor` tells more");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = flow.clock.sleep(AGAIN.wait(attempt, 0.5)) => {}
        }
    }
}

async fn listen(flow: Arc<Flow>, settings: SocketSettings, status: Arc<SocketStatus>, stop: CancellationToken) {
    let (api, clock) = (flow.api.clone(), flow.clock.clone());
    let handling = Arc::clone(&flow);
    let handler = move |envelope: Envelope| {
        let flow = Arc::clone(&handling);
        async move {
            let came_at = flow.now();
            let ack = Arc::clone(&flow).take(envelope.delivery, ACK_WITHIN).await;
            flow.metrics.acked(flow.now().since(came_at));
            match ack {
                Ack::Empty => socket::Ack::Empty,
                Ack::Body(body) => socket::Ack::Payload(body),
                Ack::Unstored => socket::Ack::Withheld,
            }
        }
    };
    if let Err(stopped) = socket::run(settings, api, clock, status, handler, stop).await {
        tracing::error!(reason = %stopped, "Socket Mode ended; a person has to mend this, then restart");
        flow.set_link(Link::Down { since: flow.now(), error: stopped.to_string() });
    }
}

/// Keeps what `/wk status` and readiness say about the socket true.
fn follow_socket(flow: &Flow, status: &SocketStatus) {
    let connected = usize::try_from(status.figures().connected).unwrap_or(usize::MAX);
    let now = flow.now();
    let link = match (flow.slack_link(), connected) {
        (Link::Down { since, error: known }, 0) => match status.why() {
            Some(error) if error != known => Link::Down { since, error },
            // The same, or something that a person has to mend.
            _ => return,
        },
        (Link::Socket { .. } | Link::Http { .. }, 0) => {
            let error = status.why().unwrap_or_else(|| "no Socket Mode connection is open".to_owned());
            Link::Down { since: now, error }
        }
        (Link::Socket { since, .. }, connections) => Link::Socket { connections, since },
        (Link::Down { .. } | Link::Http { .. }, connections) => Link::Socket { connections, since: Some(now) },
    };
    flow.set_link(link);
}

/// After the signal: what can be delivered now is delivered.
pub(super) async fn drain_outbox(flow: &Flow) {
    while worker::run_due(flow).await.is_ok_and(|done| done > 0) {}
}
