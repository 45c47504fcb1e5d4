//! A very small API server: lists and watches what a story puts into it, and fails when told to. No more of Kubernetes
//! than the watching side meets.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use watchkeeper::clock::SharedClock;

pub struct ApiServer {
    world: Arc<World>,
    address: SocketAddr,
    running: Mutex<CancellationToken>,
    files: tempfile::TempDir,
}

struct World {
    state: Mutex<Objects>,
    /// Moves when anything changes.
    moved: watch::Sender<u64>,
}

#[derive(Default)]
struct Objects {
    version: u64,
    /// Path of the collection, `pods` or `deployments`, then namespace and name.
    held: BTreeMap<(String, String, String), Value>,
    /// (version, plural, event)
    log: Vec<(u64, String, Value)>,
    /// Changes up to here are no longer to be had.
    compacted: u64,
    faults: BTreeSet<Fault>,
    /// What containers have printed.
    log_lines: String,
    clock: Option<(SharedClock, i64)>,
    /// What was asked, as path and query.
    asked: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// RBAC: 403 for this plural.
    Forbidden(&'static str),
    /// 404, as for a kind that is not installed.
    Missing(&'static str),
    /// 429 with Retry-After for this plural.
    Busy(&'static str),
    /// Every watch is refused with 410.
    Gone,
    /// Does not know `sendInitialEvents`.
    NoStreaming,
}

type Asked = Query<BTreeMap<String, String>>;

impl ApiServer {
    pub async fn start() -> Self {
        let world = Arc::new(World { state: Mutex::default(), moved: watch::channel(0).0 });
        let files = tempfile::tempdir().unwrap();
        let (address, running) = serve(&world, SocketAddr::from(([127, 0, 0, 1], 0))).await;
        Self { world, address, running: Mutex::new(running), files }
    }

    /// A kubeconfig file that leads here.
    pub fn kubeconfig(&self) -> PathBuf {
        let path = self.files.path().join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: it\n\
             contexts: [{{name: it, context: {{cluster: it, user: it}}}}]\n\
             clusters: [{{name: it, cluster: {{server: 'http://{}'}}}}]\nusers: [{{name: it, user: {{}}}}]\n",
            self.address
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Creates or replaces an object; `plural` as in its path.
    pub fn put(&self, plural: &str, mut object: Value) {
        let mut state = self.world.state.lock().unwrap();
        let key = key(plural, &object);
        state.version += 1;
        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
        let kind = if state.held.contains_key(&key) { "MODIFIED" } else { "ADDED" };
        state.held.insert(key, object.clone());
        self.record(state, plural, kind, &object);
    }

    pub fn delete(&self, plural: &str, namespace: &str, name: &str) {
        let mut state = self.world.state.lock().unwrap();
        let Some(mut object) = state.held.remove(&(plural.into(), namespace.into(), name.into())) else { return };
        state.version += 1;
        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
        self.record(state, plural, "DELETED", &object);
    }

    fn record(&self, mut state: std::sync::MutexGuard<Objects>, plural: &str, kind: &str, object: &Value) {
        let version = state.version;
        state.log.push((version, plural.to_owned(), json!({ "type": kind, "object": object })));
        drop(state);
        self.world.moved.send_replace(version);
    }

    pub fn fail(&self, fault: Fault) {
        self.world.state.lock().unwrap().faults.insert(fault);
        self.cut();
    }

    pub fn heal(&self) {
        self.world.state.lock().unwrap().faults.clear();
    }

    /// History up to now can no longer be watched from; open watches are told so.
    pub fn compact(&self) {
        let mut state = self.world.state.lock().unwrap();
        state.version += 1;
        state.compacted = state.version;
        state.log.clear();
        let version = state.version;
        drop(state);
        self.world.moved.send_replace(version);
    }

    /// Ends open watches.
    fn cut(&self) {
        self.world.moved.send_replace(u64::MAX);
    }

    /// Nobody listens at the address any more.
    pub async fn stop(&self) {
        self.running.lock().unwrap().cancel();
        self.cut();
        while tokio::net::TcpStream::connect(self.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    /// Listens again, with what it had.
    pub async fn start_again(&self) {
        let (_, running) = serve(&self.world, self.address).await;
        *self.running.lock().unwrap() = running;
    }

    /// What every container's log says.
    pub fn print(&self, lines: &str) {
        lines.clone_into(&mut self.world.state.lock().unwrap().log_lines);
    }

    /// Its clock, so many seconds ahead of `clock`.
    pub fn set_clock(&self, clock: SharedClock, ahead: i64) {
        self.world.state.lock().unwrap().clock = Some((clock, ahead));
    }

    pub fn asked(&self) -> Vec<String> {
        self.world.state.lock().unwrap().asked.clone()
    }
}

fn key(plural: &str, object: &Value) -> (String, String, String) {
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    (plural.to_owned(), text("namespace"), text("name"))
}

async fn serve(world: &Arc<World>, address: SocketAddr) -> (SocketAddr, CancellationToken) {
    let listener = loop {
        // The one before may not have let go of the port yet.
        match tokio::net::TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let address = listener.local_addr().unwrap();
    let running = CancellationToken::new();
    let stop = running.clone();
    let router = Router::new().fallback(answer).with_state(Arc::clone(world));
    tokio::spawn(async move {
        // Dropped with the loop, and every connection with it: a process that dies closes them all.
        let mut connections = JoinSet::new();
        loop {
            let stream = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted.unwrap().0,
            };
            let service = TowerToHyperService::new(router.clone());
            connections.spawn(async move {
                // A client that goes away is its own affair.
                let _gone = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (address, running)
}

async fn answer(State(world): State<Arc<World>>, uri: Uri, Query(query): Asked) -> Response {
    let path = uri.path();
    if path == "/version" {
        let clock = world.state.lock().unwrap().clock.clone();
        let date = clock.map_or(jiff::Timestamp::UNIX_EPOCH, |(clock, ahead)| {
            jiff::Timestamp::from_millisecond(clock.now().as_millis() + ahead * 1000).unwrap()
        });
        let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let version = json!({ "gitVersion": "v1.34.1", "major": "1", "minor": "34" });
        return ([("date", date)], axum::Json(version)).into_response();
    }
    if path.ends_with("/log") {
        let mut state = world.state.lock().unwrap();
        state.asked.push(uri.to_string());
        return state.log_lines.clone().into_response();
    }
    let (plural, namespace) = collection(path);
    let mut state = world.state.lock().unwrap();
    state.asked.push(uri.to_string());
    let plain = |wanted: &Fault| state.faults.contains(wanted);
    let named = |make: fn(&'static str) -> Fault| {
        state.faults.iter().any(|fault| match fault {
            Fault::Forbidden(p) | Fault::Missing(p) | Fault::Busy(p) => *fault == make(p) && *p == plural,
            Fault::Gone | Fault::NoStreaming => false,
        })
    };
    if named(Fault::Forbidden) {
        return status(403, "Forbidden", &format!("{plural} is forbidden: User \"bot\" cannot list resource"), 0);
    }
    if named(Fault::Missing) {
        return status(404, "NotFound", "the server could not find the requested resource", 0);
    }
    if named(Fault::Busy) {
        return status(429, "TooManyRequests", "too many requests", 3);
    }
    let of = |object: &Value| namespace.is_empty() || object["metadata"]["namespace"] == namespace;
    if query.get("watch").map(String::as_str) != Some("true") {
        let found = state.held.iter().filter(|((p, ..), object)| *p == plural && of(object));
        let items: Vec<Value> = found.map(|(_, object)| object.clone()).collect();
        let metadata = json!({ "resourceVersion": state.version.to_string() });
        return axum::Json(json!({ "kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items }))
            .into_response();
    }
    let streaming = query.get("sendInitialEvents").map(String::as_str) == Some("true");
    if streaming && plain(&Fault::NoStreaming) {
        return status(422, "Invalid", "sendInitialEvents is forbidden for watch unless WatchList is enabled", 0);
    }
    let mut from: u64 = query.get("resourceVersion").and_then(|version| version.parse().ok()).unwrap_or(0);
    let mut first = String::new();
    if streaming {
        let found = state.held.iter().filter(|((p, ..), object)| *p == plural && of(object));
        for (_, object) in found {
            first.push_str(&line(&json!({ "type": "ADDED", "object": object })));
        }
        from = state.version;
        let annotations = json!({ "k8s.io/initial-events-end": "true" });
        let metadata = json!({ "resourceVersion": from.to_string(), "annotations": annotations });
        let bookmark = json!({ "kind": "Pod", "apiVersion": "v1", "metadata": metadata });
        first.push_str(&line(&json!({ "type": "BOOKMARK", "object": bookmark })));
    } else if plain(&Fault::Gone) || from < state.compacted {
        return status(410, "Expired", "too old resource version", 0);
    }
    drop(state);
    Body::from_stream(events(world, plural, namespace, from, first)).into_response_as_json()
}

/// What happened after `from`, for as long as the watch is open.
fn events(
    world: Arc<World>,
    plural: String,
    namespace: String,
    from: u64,
    first: String,
) -> impl futures_util::Stream<Item = Result<String, Infallible>> {
    let moved = world.moved.subscribe();
    let rest = stream::unfold((world, moved, from, false), move |(world, mut moved, from, ended)| {
        let (plural, namespace) = (plural.clone(), namespace.clone());
        async move {
            if ended {
                return None;
            }
            loop {
                let seen = *moved.borrow_and_update();
                let mut text = String::new();
                let (mut last, mut over) = (from, seen == u64::MAX);
                {
                    let state = world.state.lock().unwrap();
                    if from < state.compacted {
                        let gone = json!({ "kind": "Status", "code": 410, "reason": "Expired", "message": "too old" });
                        text = line(&json!({ "type": "ERROR", "object": gone }));
                        over = true;
                    }
                    let start = state.log.partition_point(|(version, ..)| *version <= from);
                    for (version, of, event) in &state.log[start..] {
                        let within = namespace.is_empty() || event["object"]["metadata"]["namespace"] == namespace;
                        if *of == plural && within {
                            text.push_str(&line(event));
                        }
                        last = last.max(*version);
                    }
                }
                if !text.is_empty() || over {
                    return Some((Ok(text), (world, moved, last, over)));
                }
                if moved.changed().await.is_err() {
                    return None;
                }
            }
        }
    });
    stream::once(async move { Ok(first) }).chain(rest)
}

/// `/api/v1/namespaces/prices/pods` → (`pods`, `prices`)
fn collection(path: &str) -> (String, String) {
    let parts: Vec<&str> = path.split('/').collect();
    let plural = (*parts.last().unwrap()).to_owned();
    let namespace = parts.iter().position(|part| *part == "namespaces").and_then(|at| parts.get(at + 1));
    (plural, namespace.map(|namespace| (*namespace).to_owned()).unwrap_or_default())
}

fn status(code: u16, reason: &str, message: &str, retry_after: u32) -> Response {
    let details = json!({ "retryAfterSeconds": retry_after });
    let body = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": message, "details": details });
    (StatusCode::from_u16(code).unwrap(), axum::Json(body)).into_response()
}

fn line(event: &Value) -> String {
    format!("{event}\n")
}

trait AsJson {
    fn into_response_as_json(self) -> Response;
}

impl AsJson for Body {
    fn into_response_as_json(self) -> Response {
        ([("content-type", "application/json")], self).into_response()
    }
}
