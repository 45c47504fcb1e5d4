//! One watch for every kind (and namespace, when only some are wanted), each on its own: what one is refused or loses
//! holds no other up.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use kube::Api;
use kube::runtime::watcher::{self, Event, InitialListStrategy, watcher};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::wire::{
    Autoscalers, Budgets, Certificates, Claims, CronJobs, DaemonSets, Deployments, Item, Jobs, Nodes, Pods,
    ReplicaSets, StatefulSets, Wire,
};
use super::{ClusterError, Connection, Update, probe};
use crate::clock::SharedClock;
use crate::core::backoff::Backoff;
use crate::core::workload::{Id, Kind, Name, News, Scope};

/// A watch ends by itself after this long and goes on where it was; one that was cut without a word is noticed by then.
const WATCH_SECS: u32 = 120;
/// A page is in memory as a whole, as text and as objects: half of kubectl's 500.
const PAGE: u32 = 250;
const AGAIN: Backoff = Backoff { base: Duration::from_millis(800), cap: Duration::from_secs(30) };
/// RBAC is mended by people.
const ALLOWED_AGAIN: Duration = Duration::from_mins(1);
/// A custom resource may be installed later.
const THERE_AGAIN: Duration = Duration::from_mins(5);
/// After a retry, no complaint for this long means that the watch is open: it is longer than a connection may take.
const HOLDS: Duration = Duration::from_secs(8);
/// A server that does not know streaming lists may say so by saying nothing.
const SILENT: Duration = Duration::from_secs(10);

/// Where news of one cluster goes.
#[derive(Clone, Debug)]
pub(super) struct Outlet {
    cluster: Name,
    out: mpsc::Sender<Update>,
}

impl Outlet {
    pub async fn send(&self, news: News) {
        // Nobody listens any more only while the bot stops.
        let _stopping = self.out.send(Update { cluster: Name::clone(&self.cluster), news }).await;
    }
}

/// One watch's surroundings.
struct Watch {
    connection: Arc<Connection>,
    scope: Scope,
    outlet: Outlet,
    clock: SharedClock,
    rng: fastrand::Rng,
}

pub(super) fn spawn(
    connection: &Arc<Connection>,
    out: &mpsc::Sender<Update>,
    clock: &SharedClock,
    seed: u64,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let settings = &connection.settings;
    let outlet = Outlet { cluster: Name::clone(&settings.name), out: out.clone() };
    tasks.spawn(probe::run(Arc::clone(connection), outlet.clone(), clock.clone(), stop.clone()));
    let mut rng = fastrand::Rng::with_seed(seed);
    for kind in settings.kinds.iter().copied() {
        let scopes: Vec<Scope> = if kind.namespaced() && !settings.include.is_empty() {
            settings.include.iter().map(|name| Scope { kind, namespace: Some(name.as_str().into()) }).collect()
        } else {
            vec![Scope::all(kind)]
        };
        for scope in scopes {
            let watch = Watch {
                connection: Arc::clone(connection),
                scope,
                outlet: outlet.clone(),
                clock: clock.clone(),
                rng: rng.fork(),
            };
            let stop = stop.clone();
            match kind {
                Kind::Node => tasks.spawn(watch.run::<Nodes>(stop)),
                Kind::Pod => tasks.spawn(watch.run::<Pods>(stop)),
                Kind::Deployment => tasks.spawn(watch.run::<Deployments>(stop)),
                Kind::ReplicaSet => tasks.spawn(watch.run::<ReplicaSets>(stop)),
                Kind::StatefulSet => tasks.spawn(watch.run::<StatefulSets>(stop)),
                Kind::DaemonSet => tasks.spawn(watch.run::<DaemonSets>(stop)),
                Kind::Job => tasks.spawn(watch.run::<Jobs>(stop)),
                Kind::CronJob => tasks.spawn(watch.run::<CronJobs>(stop)),
                Kind::HorizontalPodAutoscaler => tasks.spawn(watch.run::<Autoscalers>(stop)),
                Kind::PodDisruptionBudget => tasks.spawn(watch.run::<Budgets>(stop)),
                Kind::PersistentVolumeClaim => tasks.spawn(watch.run::<Claims>(stop)),
                Kind::Certificate => tasks.spawn(watch.run::<Certificates>(stop)),
            };
        }
    }
}

/// Why a watcher was given up for a new one.
enum Ended {
    /// The server does not stream lists.
    Unstreamed,
    /// Tried again after this long.
    Failed(Duration),
}

/// Where one watcher stands.
#[derive(Default)]
struct Course {
    /// A listing was begun and nothing of it has come.
    unopened: bool,
    /// Being listed: changes seen now are part of it.
    listing: bool,
    /// Something was complained about since the index was last up to date.
    lost: bool,
}

impl Watch {
    async fn run<W: Wire>(mut self, stop: CancellationToken) {
        self.outlet.send(News::Listing(self.scope.clone())).await;
        let mut strategy = InitialListStrategy::StreamingList;
        let mut failures = 0;
        loop {
            let ended = tokio::select! {
                () = stop.cancelled() => return,
                ended = self.follow::<W>(strategy.clone(), &mut failures) => ended,
            };
            let wait = match ended {
                Ended::Unstreamed => {
                    strategy = InitialListStrategy::ListWatch;
                    continue;
                }
                Ended::Failed(wait) => wait,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(wait) => {}
            }
        }
    }

    /// Follows one watcher until it has to be replaced. What a watcher recovers from by itself stays in here.
    async fn follow<W: Wire>(&mut self, strategy: InitialListStrategy, failures: &mut u32) -> Ended {
        let client = match self.connection.client().await {
            Ok(client) => client,
            Err(error) => return Ended::Failed(self.complain(error, failures).await),
        };
        let api: Api<Item<W>> = match &self.scope.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &()),
            None => Api::all_with(client, &()),
        };
        let streaming = strategy == InitialListStrategy::StreamingList;
        let mut events = pin!(watcher(api, self.config(strategy)));
        let mut course = Course::default();
        loop {
            let event = match self.next(&mut events, &course, streaming).await {
                Next::Event(event) => event,
                Next::Silent => return Ended::Unstreamed,
                Next::Holds => {
                    (course.lost, *failures) = (false, 0);
                    self.outlet.send(News::Live(self.scope.clone())).await;
                    continue;
                }
            };
            let error = match event {
                Ok(event) => {
                    self.pass_on(event, &mut course, failures).await;
                    continue;
                }
                Err(error) => error,
            };
            let refused = matches!(&error, watcher::Error::WatchStartFailed(kube::Error::Api(status))
                if matches!(status.code, 400 | 422));
            if streaming && refused && !course.listing {
                return Ended::Unstreamed;
            }
            let error = ClusterError::from(error);
            let starts_over = matches!(error, ClusterError::Gone(_));
            let wait = self.complain(error, failures).await;
            // A listing that broke is begun anew. So is a watch whose past is gone: a watcher that is told so when it
            // opens one asks for the same past for ever.
            if starts_over || course.listing || course.unopened {
                return Ended::Failed(wait);
            }
            course.lost = true;
            self.clock.sleep(wait).await;
        }
    }

    fn config(&self, initial_list_strategy: InitialListStrategy) -> watcher::Config {
        let exclude = &self.connection.settings.exclude;
        let everywhere = self.scope.kind.namespaced() && self.scope.namespace.is_none();
        let not = exclude.iter().map(|namespace| format!("metadata.namespace!={namespace}"));
        let field_selector = (everywhere && !exclude.is_empty()).then(|| not.collect::<Vec<_>>().join(","));
        watcher::Config {
            field_selector,
            timeout: Some(WATCH_SECS),
            page_size: Some(PAGE),
            initial_list_strategy,
            ..watcher::Config::default()
        }
    }

    /// The watcher's next word, or what its silence means.
    async fn next<W>(
        &self,
        events: &mut (impl futures_util::Stream<Item = watcher::Result<Event<Item<W>>>> + Unpin),
        course: &Course,
        streaming: bool,
    ) -> Next<W> {
        let waiting_for_list = streaming && (course.unopened || course.listing);
        tokio::select! {
            biased;
            event = events.next() => match event {
                Some(event) => Next::Event(event),
                None => Next::Silent,
            },
            // A limit of the network, hence not the clock's.
            () = silence(), if waiting_for_list => Next::Silent,
            () = self.clock.sleep(HOLDS), if course.lost && !course.unopened && !course.listing => Next::Holds,
        }
    }

    async fn pass_on<W: Wire>(&self, event: Event<Item<W>>, course: &mut Course, failures: &mut u32) {
        match event {
            // Said with the first object: the watcher speaks of a listing before it knows whether it may.
            Event::Init => (course.unopened, course.listing) = (true, false),
            Event::InitApply(item) => {
                self.open(course).await;
                self.put(item).await;
            }
            Event::InitDone => {
                self.open(course).await;
                (course.listing, course.lost, *failures) = (false, false, 0);
                self.outlet.send(News::Live(self.scope.clone())).await;
            }
            Event::Apply(item) => {
                self.holds(course, failures).await;
                self.put(item).await;
            }
            Event::Delete(item) => {
                self.holds(course, failures).await;
                let id = item.name().map(|(namespace, name)| Id::new(self.scope.kind, namespace, name));
                self.outlet.send(id.map_or(News::Unreadable { scope: self.scope.clone() }, News::Deleted)).await;
            }
        }
    }

    async fn open(&self, course: &mut Course) {
        if std::mem::take(&mut course.unopened) {
            course.listing = true;
            self.outlet.send(News::Listing(self.scope.clone())).await;
        }
    }

    /// A change came: a watch that was lost goes on.
    async fn holds(&self, course: &mut Course, failures: &mut u32) {
        if std::mem::take(&mut course.lost) {
            *failures = 0;
            self.outlet.send(News::Live(self.scope.clone())).await;
        }
    }

    async fn put<W: Wire>(&self, item: Item<W>) {
        let settings = &self.connection.settings;
        let excluded = |namespace: &str| settings.exclude.iter().any(|name| name == namespace);
        match item.object(&settings.owner_label) {
            Some(object) if excluded(&object.meta().namespace) => {}
            Some(object) => self.outlet.send(News::Applied(self.scope.clone(), Box::new(object))).await,
            None => self.outlet.send(News::Unreadable { scope: self.scope.clone() }).await,
        }
    }

    /// Says what is wrong; gives how long to wait before the next try.
    async fn complain(&mut self, error: ClusterError, failures: &mut u32) -> Duration {
        let backoff = AGAIN.wait(*failures, self.rng.f64());
        *failures = failures.saturating_add(1);
        let scope = self.scope.clone();
        let text = error.to_string();
        tracing::debug!(cluster = %self.outlet.cluster, kind = %scope.kind, error = text, "a watch complains");
        let (news, wait) = match error {
            // It is listed anew at once, as it should be.
            ClusterError::Gone(_) => return backoff,
            ClusterError::Forbidden(_) => (News::Forbidden { scope, error: text }, ALLOWED_AGAIN),
            ClusterError::NotFound(_) => (News::Absent(scope), THERE_AGAIN),
            ClusterError::Busy { retry_after, .. } => {
                (News::Lost { scope, error: text }, backoff.max(retry_after.unwrap_or_default()))
            }
            ClusterError::Unknown { .. }
            | ClusterError::Access(_)
            | ClusterError::Unauthorized(_)
            | ClusterError::Refused { .. }
            | ClusterError::Late(_)
            | ClusterError::Unreachable(_) => (News::Lost { scope, error: text }, backoff),
        };
        self.outlet.send(news).await;
        wait
    }
}

#[expect(clippy::large_enum_variant, reason = "one at a time, on its way through")]
enum Next<W> {
    Event(watcher::Result<Event<Item<W>>>),
    /// Nothing came of a listing for [`SILENT`].
    Silent,
    /// Nothing was complained about for [`HOLDS`].
    Holds,
}

#[expect(clippy::disallowed_methods, reason = "a limit of the network, not of people")]
async fn silence() {
    tokio::time::sleep(SILENT).await;
}
