//! The local cluster: a Kubernetes API server on loopback with a small price-feed installation in it. Its controllers
//! really do what is asked for (restart, scale, roll back, drain), and things go wrong in it on request.

mod access;
mod controllers;
mod faults;
mod json;
mod kinds;
mod logs;
mod objects;
mod patch;
mod refusal;
mod route;
mod script;
mod seed;
mod select;
mod server;
#[cfg(test)]
mod tests;
mod watch;
mod writes;

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

pub use self::access::{Rule, everything};
use self::controllers::Kubelets;
pub use self::controllers::kubelet::{Crash, Pace};
pub use self::faults::{Failure, Faults, Hold};
use self::json::put;
use self::kinds::{DEPLOYMENTS, NODES, Resource};
use self::objects::Objects;
pub use self::script::Incident;
use crate::clock::SharedClock;
use crate::core::time::Timestamp;
use crate::sim::script::Script;

/// How the local cluster runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// 0 takes any free port.
    pub port: u16,
    pub clock: SharedClock,
    pub pace: Pace,
    /// How often the controllers look by themselves; `None` leaves it to [`Handle::tick`] and to every change.
    pub every: Option<Duration>,
    pub script: Option<Script<Incident>>,
}

impl Config {
    /// The demo's: alive, with things going wrong by themselves.
    #[must_use]
    pub fn demo(clock: SharedClock) -> Self {
        let every = Some(Duration::from_secs(1));
        Self { port: 0, clock, pace: Pace::DEMO, every, script: Some(script::demo()) }
    }

    /// A test's: nothing happens by itself, and whatever is asked for is done at once.
    #[must_use]
    pub fn by_hand(clock: SharedClock) -> Self {
        Self { port: 0, clock, pace: Pace::AT_ONCE, every: None, script: None }
    }
}

/// A request that came, in RBAC's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub verb: &'static str,
    /// `pods`, `pods/log`
    pub resource: String,
}

#[derive(Debug)]
struct State {
    objects: Objects,
    kubelets: Kubelets,
    role: Vec<Rule>,
    faults: Faults,
    asked: Vec<Asked>,
    /// What was done, dry runs left out.
    written: Vec<Asked>,
}

impl State {
    fn settle(&mut self, now: Timestamp) {
        controllers::settle(&mut self.objects, &mut self.kubelets, now);
    }
}

/// What the server, the controllers and the handle share.
#[derive(Debug)]
struct Cluster {
    state: Mutex<State>,
    clock: SharedClock,
    token: String,
    /// The newest revision; watches wake by it.
    changed: tokio::sync::watch::Sender<u64>,
    /// Writes that were held so far.
    held: tokio::sync::watch::Sender<u64>,
    /// Raised to end all open watches.
    cut: tokio::sync::watch::Sender<u64>,
    open: AtomicUsize,
}

/// An open watch, counted as long as it is there.
#[derive(Debug)]
struct Open(Arc<Cluster>);

impl Open {
    fn new(cluster: Arc<Cluster>) -> Self {
        cluster.open.fetch_add(1, Ordering::SeqCst);
        Self(cluster)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Cluster {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.clock.now();
        let (done, revision) = {
            let mut state = self.state();
            let done = change(&mut state, now);
            state.settle(now);
            (done, state.objects.revision)
        };
        self.changed.send_replace(revision);
        done
    }
}

/// A running local cluster and all its switches. The last clone that is dropped stops it.
#[derive(Clone, Debug)]
pub struct Handle {
    cluster: Arc<Cluster>,
    url: Url,
    _stop: Arc<DropGuard>,
}

/// Starts it on 127.0.0.1. Fails when the port is taken.
pub async fn start(config: Config) -> io::Result<Handle> {
    let Config { port, clock, pace, every, script } = config;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let url = Url::parse(&format!("http://{}", listener.local_addr()?)).map_err(io::Error::other)?;
    let mut state = State {
        objects: Objects::default(),
        kubelets: Kubelets::new(Pace::AT_ONCE),
        role: everything(),
        faults: Faults::default(),
        asked: Vec::new(),
        written: Vec::new(),
    };
    seed::plant(&mut state, clock.now());
    state.kubelets.pace = pace;
    let revision = state.objects.revision;
    let cluster = Arc::new(Cluster {
        state: Mutex::new(state),
        clock,
        token: "local-cluster-token".to_owned(),
        changed: tokio::sync::watch::channel(revision).0,
        held: tokio::sync::watch::channel(0).0,
        cut: tokio::sync::watch::channel(0).0,
        open: AtomicUsize::new(0),
    });
    let stop = CancellationToken::new();
    let server = server::serve(listener, cluster.clone(), stop.clone());
    tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!("the local cluster stopped: {error}");
        }
    });
    let handle = Handle { cluster: cluster.clone(), url, _stop: Arc::new(stop.clone().drop_guard()) };
    if let Some(every) = every {
        spawn_until(stop.clone(), async move {
            loop {
                cluster.clock.sleep(every).await;
                cluster.change(|_, _| {});
            }
        });
    }
    if let Some(script) = script {
        spawn_until(stop, script::play(handle.cluster.clone(), script));
    }
    Ok(handle)
}

fn spawn_until(stop: CancellationToken, task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(async move {
        stop.run_until_cancelled(task).await;
    });
}

impl Handle {
    /// `http://127.0.0.1:…`
    #[must_use]
    pub fn url(&self) -> Url {
        self.url.clone()
    }

    /// The bearer token the API server takes.
    #[must_use]
    pub fn token(&self) -> String {
        self.cluster.token.clone()
    }

    /// A kubeconfig with one context of this name, as `kubectl --kubeconfig` takes it.
    #[must_use]
    pub fn kubeconfig(&self, context: &str) -> String {
        let server = self.url.as_str().trim_end_matches('/');
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": context,
            "clusters": [{"name": context, "cluster": {"server": server}}],
            "users": [{"name": "watchkeeper", "user": {"token": self.cluster.token}}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": "watchkeeper", "namespace": "feeds"}}],
        });
        format!("{config:#}\n")
    }

    pub fn write_kubeconfig(&self, context: &str, path: &Path) -> io::Result<()> {
        std::fs::write(path, self.kubeconfig(context))
    }

    /// Lets the controllers look at what the time is now.
    pub fn tick(&self) {
        self.cluster.change(|_, _| {});
    }

    /// Pods with the label `app` crash from now on, those that run first.
    pub fn crash(&self, namespace: &str, app: &str, crash: Crash) {
        self.cluster.change(|state, _| state.crash(namespace, app, crash));
    }

    /// They start again at once, and stay up.
    pub fn heal(&self, namespace: &str, app: &str) {
        self.cluster.change(|state, now| state.heal(namespace, app, now));
    }

    /// No registry has this image (any more).
    pub fn lose_image(&self, image: &str) {
        self.cluster.change(|state, _| state.kubelets.absent.insert(image.to_owned()));
    }

    /// A rollout of another image by `manager`, as a pipeline starts it.
    pub fn set_image(&self, namespace: &str, deployment: &str, image: &str, manager: &str) {
        self.cluster.change(|state, now| state.set_image(namespace, deployment, image, manager, now));
    }

    /// The kubelet of a node goes away or comes back.
    pub fn set_node_up(&self, node: &str, up: bool) {
        self.cluster.change(|state, now| state.set_node_up(node, up, now));
    }

    /// Changes an object behind the API, as `manager`. Nothing happens when there is none.
    pub fn edit(&self, plural: &str, namespace: &str, name: &str, manager: &str, edit: impl FnOnce(&mut Value)) {
        self.cluster.change(|state, now| {
            let found = state.objects.get(plural, namespace, name).cloned();
            if let (Some(resource), Some(mut object)) = (Resource::named(plural), found) {
                edit(&mut object);
                state.objects.update(resource, object, Some(manager), now);
            }
        });
    }

    /// Adds an object behind the API, as `manager`. Nothing happens when its kind is not known here.
    pub fn create(&self, plural: &str, object: Value, manager: &str) {
        self.cluster.change(|state, now| {
            if let Some(resource) = Resource::named(plural) {
                // One that is there already stays as it is.
                let _made = state.objects.create(resource, object, manager, now);
            }
        });
    }

    /// An object as the API gives it.
    #[must_use]
    pub fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        self.cluster.state().objects.get(plural, namespace, name).cloned()
    }

    #[must_use]
    pub fn objects(&self, plural: &str) -> Vec<Value> {
        self.cluster.state().objects.snapshot(plural)
    }

    /// Sets what the token may do.
    pub fn set_role(&self, role: Vec<Rule>) {
        self.cluster.state().role = role;
    }

    pub fn faults<T>(&self, change: impl FnOnce(&mut Faults) -> T) -> T {
        change(&mut self.cluster.state().faults)
    }

    /// Nothing answers, and what was open breaks; or all is well again.
    pub fn outage(&self, outage: bool) {
        self.faults(|faults| faults.outage = outage);
        if outage {
            self.cut_watches();
        }
    }

    /// Ends all open watches, as a load balancer does.
    pub fn cut_watches(&self) {
        self.cluster.cut.send_modify(|cut| *cut += 1);
    }

    /// Forgets past changes: whoever resumes a watch from before is told 410 Gone.
    pub fn compact(&self) {
        let mut state = self.cluster.state();
        state.objects.compact();
    }

    /// How many watches are open now.
    #[must_use]
    pub fn open_watches(&self) -> usize {
        self.cluster.open.load(Ordering::SeqCst)
    }

    /// What was changed through the API since the start; dry runs and refusals left out.
    #[must_use]
    pub fn written(&self) -> Vec<Asked> {
        self.cluster.state().written.clone()
    }

    /// Holds the next write at this moment; the caller never hears of it.
    pub fn hold_next_write(&self, when: Hold) {
        self.faults(|faults| faults.hold = Some(when));
    }

    /// How many writes were held so far.
    #[must_use]
    pub fn held(&self) -> u64 {
        *self.cluster.held.borrow()
    }

    /// Until more than `before` writes were held.
    pub async fn until_held(&self, before: u64) {
        let mut held = self.cluster.held.subscribe();
        // The sender lives as long as the cluster.
        let _gone = held.wait_for(|held| *held > before).await;
    }

    /// What was asked for since the start, refused or not.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.cluster.state().asked.clone()
    }
}

impl State {
    fn crash(&mut self, namespace: &str, app: &str, crash: Crash) {
        self.kubelets.crashes.insert((namespace.to_owned(), app.to_owned()), crash);
    }

    fn heal(&mut self, namespace: &str, app: &str, now: Timestamp) {
        self.kubelets.crashes.remove(&(namespace.to_owned(), app.to_owned()));
        self.kubelets.end_back_off(&self.objects, namespace, app, now);
    }

    fn set_image(&mut self, namespace: &str, deployment: &str, image: &str, manager: &str, now: Timestamp) {
        let Some(mut found) = self.objects.get(DEPLOYMENTS.plural, namespace, deployment).cloned() else { return };
        let cause = format!("image {image}");
        put(&mut found, &["metadata", "annotations", "kubernetes.io/change-cause"], cause.into());
        if let Some(slot) = found.pointer_mut("/spec/template/spec/containers/0/image") {
            *slot = image.into();
        }
        self.objects.update(DEPLOYMENTS, found, Some(manager), now);
    }

    fn set_node_up(&mut self, node: &str, up: bool, now: Timestamp) {
        let Some(mut found) = self.objects.get(NODES.plural, "", node).cloned() else { return };
        controllers::set_node_condition(&mut found, up, now);
        let taints = if up {
            json!([])
        } else {
            json!([
                {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"},
                {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"},
            ])
        };
        put(&mut found, &["spec", "taints"], taints);
        self.objects.update(NODES, found, None, now);
    }
}
