//! Argo CD, Flux and Argo Rollouts in the clusters: their objects are followed without their types, and read into
//! [`App`](crate::core::gitops::App)s. A cluster without a tool is asked now and then whether it has it by now.

mod argo;
mod flux;
mod read;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIGroup;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::runtime::watcher::{self, Event as Seen, watcher};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{ClusterError, Clusters, Connection, Settings, within};
use crate::clock::SharedClock;
use crate::core::backoff::Backoff;
use crate::core::gitops::apps::{Event, Reach, Scope};
use crate::core::gitops::{App, Kind};

use read::Object;

const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// A watch ends by itself after this long and goes on where it was; one that was cut without a word is noticed by then.
const WATCH_SECS: u32 = 120;
/// Applications can be large: a page of them is not to be.
const PAGE: u32 = 100;
const AGAIN: Backoff = Backoff { base: Duration::from_millis(800), cap: Duration::from_secs(30) };
/// RBAC is mended by people.
const ALLOWED_AGAIN: Duration = Duration::from_mins(1);
/// A tool may be installed later.
const THERE_AGAIN: Duration = Duration::from_mins(5);
/// No complaint for this long means that a watch that was lost is open again.
const HOLDS: Duration = Duration::from_secs(8);

impl Clusters {
    /// Everything that [`Self::watch_gitops`] follows.
    #[must_use]
    pub fn gitops_scopes(&self) -> Vec<Scope> {
        self.clusters.iter().flat_map(|connection| scopes(&connection.settings)).collect()
    }

    /// Follows the tools' objects in every cluster until `stop`. `out` is waited for when it is full.
    pub fn watch_gitops(
        &self,
        out: &mpsc::Sender<Event>,
        clock: &SharedClock,
        seed: u64,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        for (nth, connection) in (0..).zip(&self.clusters) {
            self.watch_gitops_of(&connection.settings.name, out, clock, seed.wrapping_add(nth), tasks, stop);
        }
    }

    /// As [`Self::watch_gitops`], for one cluster.
    pub fn watch_gitops_of(
        &self,
        cluster: &str,
        out: &mpsc::Sender<Event>,
        clock: &SharedClock,
        seed: u64,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let mut rng = fastrand::Rng::with_seed(seed);
        for connection in self.clusters.iter().filter(|connection| &*connection.settings.name == cluster) {
            for scope in scopes(&connection.settings) {
                let follower = Follower {
                    connection: Arc::clone(connection),
                    scope,
                    out: out.clone(),
                    clock: clock.clone(),
                    rng: rng.fork(),
                    failures: 0,
                };
                tasks.spawn(follower.run(stop.clone()));
            }
        }
    }
}

fn scopes(settings: &Settings) -> Vec<Scope> {
    let namespaces: Vec<Option<String>> = match settings.include.as_slice() {
        [] => vec![None],
        some => some.iter().cloned().map(Some).collect(),
    };
    let of = |kind: Kind| {
        let cluster = settings.name.to_string();
        namespaces.iter().map(move |namespace| Scope { cluster: cluster.clone(), kind, namespace: namespace.clone() })
    };
    Kind::ALL.into_iter().flat_map(of).collect()
}

fn app(scope: &Scope, owner_label: &str, object: &DynamicObject) -> App {
    let object = Object::of(&scope.cluster, scope.kind, owner_label, object);
    match scope.kind {
        Kind::Application => argo::application(object),
        Kind::Rollout => argo::rollout(object),
        Kind::Kustomization => flux::kustomization(object),
        Kind::HelmRelease => flux::helm_release(object),
        Kind::GitRepository | Kind::OciRepository | Kind::HelmRepository | Kind::HelmChart | Kind::Bucket => {
            flux::source(object)
        }
    }
}

/// Follows one scope.
struct Follower {
    connection: Arc<Connection>,
    scope: Scope,
    out: mpsc::Sender<Event>,
    clock: SharedClock,
    rng: fastrand::Rng,
    failures: u32,
}

impl Follower {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            let wait = tokio::select! {
                () = stop.cancelled() => return,
                wait = self.once() => wait,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(wait) => {}
            }
        }
    }

    /// Follows until it must begin anew; gives how long to wait before.
    async fn once(&mut self) -> Duration {
        let found = match self.connection.client().await {
            Ok(client) => find(&client, self.scope.kind).await.map(|resource| (client, resource)),
            Err(error) => Err(error),
        };
        match found {
            Ok((client, Some(resource))) => self.follow(client, &resource).await,
            Ok((_, None)) => {
                self.reach(Reach::Absent).await;
                self.failures = 0;
                THERE_AGAIN
            }
            Err(error) => self.complain(error).await,
        }
    }

    async fn follow(&mut self, client: kube::Client, resource: &ApiResource) -> Duration {
        let api: Api<DynamicObject> = match &self.scope.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, resource),
            None => Api::all_with(client, resource),
        };
        let mut events = pin!(watcher(api, self.config()));
        let mut listing: Option<Vec<App>> = None;
        let mut lost = false;
        loop {
            let event = tokio::select! {
                biased;
                event = events.next() => event,
                () = self.clock.sleep(HOLDS), if lost && listing.is_none() => {
                    (lost, self.failures) = (false, 0);
                    self.reach(Reach::Watched).await;
                    continue;
                }
            };
            match event {
                None => return AGAIN.wait(0, self.rng.f64()),
                Some(Ok(Seen::Init)) => listing = Some(Vec::new()),
                Some(Ok(Seen::InitApply(object))) => {
                    let app = self.app(&object);
                    listing.get_or_insert_default().extend(app);
                }
                Some(Ok(Seen::InitDone)) => {
                    let apps = listing.take().unwrap_or_default();
                    (lost, self.failures) = (false, 0);
                    self.send(Event::Listed { scope: self.scope.clone(), apps }).await;
                }
                Some(Ok(Seen::Apply(object))) => {
                    if let Some(app) = self.app(&object) {
                        self.send(Event::Changed(Box::new(app))).await;
                    }
                }
                Some(Ok(Seen::Delete(object))) => {
                    if let Some(app) = self.app(&object) {
                        self.send(Event::Gone(app.id)).await;
                    }
                }
                Some(Err(error)) => {
                    let error = ClusterError::from(error);
                    let unseen =
                        listing.is_some() || matches!(error, ClusterError::NotFound(_) | ClusterError::Forbidden(_));
                    if matches!(error, ClusterError::Gone(_)) {
                        continue;
                    }
                    let wait = self.complain(error).await;
                    if unseen {
                        return wait;
                    }
                    lost = true;
                    self.clock.sleep(wait).await;
                }
            }
        }
    }

    /// `None` for one that is to be left out.
    fn app(&self, object: &DynamicObject) -> Option<App> {
        let settings = &self.connection.settings;
        let app = app(&self.scope, &settings.owner_label, object);
        (!settings.exclude.contains(&app.id.namespace)).then_some(app)
    }

    fn config(&self) -> watcher::Config {
        let exclude = &self.connection.settings.exclude;
        let not = exclude.iter().map(|namespace| format!("metadata.namespace!={namespace}"));
        let everywhere = self.scope.namespace.is_none() && !exclude.is_empty();
        watcher::Config {
            field_selector: everywhere.then(|| not.collect::<Vec<_>>().join(",")),
            timeout: Some(WATCH_SECS),
            page_size: Some(PAGE),
            ..watcher::Config::default()
        }
    }

    /// Says what is wrong; gives how long to wait before the next try.
    async fn complain(&mut self, error: ClusterError) -> Duration {
        let backoff = AGAIN.wait(self.failures, self.rng.f64());
        self.failures = self.failures.saturating_add(1);
        let message = error.to_string();
        let (reach, wait) = match error {
            ClusterError::NotFound(_) => (Reach::Absent, THERE_AGAIN),
            ClusterError::Forbidden(_) => (Reach::Denied { message }, ALLOWED_AGAIN),
            ClusterError::Busy { retry_after, .. } => {
                (Reach::Lost { message }, backoff.max(retry_after.unwrap_or_default()))
            }
            ClusterError::Unknown { .. }
            | ClusterError::Access(_)
            | ClusterError::Unauthorized(_)
            | ClusterError::Gone(_)
            | ClusterError::Refused { .. }
            | ClusterError::Late(_)
            | ClusterError::Unreachable(_) => (Reach::Lost { message }, backoff),
        };
        self.reach(reach).await;
        wait
    }

    async fn reach(&self, reach: Reach) {
        self.send(Event::Reach { scope: self.scope.clone(), reach }).await;
    }

    async fn send(&self, event: Event) {
        // Nobody listens any more only while the bot stops.
        let _stopping = self.out.send(event).await;
    }
}

/// The kind as this server has it, in the version it prefers; `None` when it has none.
pub(super) async fn find(client: &kube::Client, kind: Kind) -> Result<Option<ApiResource>, ClusterError> {
    let group = kind.group();
    let request = hyper::Request::get(format!("/apis/{group}")).body(Vec::new());
    let request = request.map_err(|error| ClusterError::Unreachable(error.to_string()))?;
    let found: APIGroup = match within(ANSWERS_WITHIN, client.request(request)).await {
        Ok(found) => found,
        Err(ClusterError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let preferred = found.preferred_version.iter().chain(&found.versions);
    for version in preferred {
        let listed = within(ANSWERS_WITHIN, client.list_api_group_resources(&version.group_version)).await?;
        let named = listed
            .resources
            .into_iter()
            .find(|resource| resource.kind == kind.as_str() && !resource.name.contains('/'));
        if let Some(resource) = named {
            return Ok(Some(ApiResource {
                group: group.to_owned(),
                version: version.version.clone(),
                api_version: version.group_version.clone(),
                kind: kind.as_str().to_owned(),
                plural: resource.name,
            }));
        }
    }
    Ok(None)
}
