//! The API server's HTTP interface, as far as clients of a bot's kind use it: discovery, reading, watching, patching,
//! scaling, evicting, logs and reviews. Source: kubernetes.io/docs/reference/using-api/api-concepts.

use std::io;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::faults::{self, Failure, Hold};
use super::refusal::Refusal;
use super::route::Route;
use super::select::Selection;
use super::watch::{self, View};
use super::{Asked, Cluster, access, kinds, logs, writes};
use crate::core::time::Timestamp;
use crate::sim::outage::Dropping;

/// Bodies of patches and new objects are small.
const LARGEST_BODY: usize = 3 << 20;

/// Serves until `stop`.
pub(super) async fn serve(listener: TcpListener, cluster: Arc<Cluster>, stop: CancellationToken) -> io::Result<()> {
    let router = Router::new().fallback(answer).with_state(cluster.clone());
    let away = move || cluster.state().faults.outage;
    axum::serve(Dropping { listener, away }, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// The parameters after the question mark.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    fn of(text: &str) -> Self {
        Self(
            form_urlencoded::parse(text.as_bytes())
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value)
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name).parse().ok()
    }

    pub fn flag(&self, name: &str) -> bool {
        matches!(self.text(name), "true" | "1" | "True")
    }
}

/// One request, taken apart.
pub(super) struct Call {
    pub route: Route,
    pub query: Query,
    pub content_type: String,
    pub body: Value,
    pub now: Timestamp,
}

async fn answer(State(cluster): State<Arc<Cluster>>, request: Request) -> Response {
    let now = cluster.clock.now();
    let mut response = route_and_answer(cluster, request).await;
    // By its own clock, as everything else it says; clients tell their skew by it.
    if let Some(date) = http_date(now) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

fn http_date(at: Timestamp) -> Option<HeaderValue> {
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    HeaderValue::try_from(at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
}

async fn route_and_answer(cluster: Arc<Cluster>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header(header::AUTHORIZATION) != format!("Bearer {}", cluster.token) {
        return Refusal::new(401, "Unauthorized", "Unauthorized").into_response();
    }
    let path = parts.uri.path();
    let route = Route::of(path);
    let plural = route.as_ref().map_or("", |route| route.resource.plural);
    if let Some(response) = fail(&cluster, plural).await {
        return response;
    }
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return Refusal::new(413, "RequestEntityTooLarge", "the request is too large").into_response();
    };
    let query = Query::of(parts.uri.query().unwrap_or_default());
    let outcome = match route {
        Some(route) => {
            let content_type = header(header::CONTENT_TYPE).to_owned();
            let view = View::of(header(header::ACCEPT));
            match read_body(&body) {
                Ok(body) => {
                    let call = Call { route, query, content_type, body, now: cluster.clock.now() };
                    held_resource(&cluster, &parts.method, &call, view).await
                }
                Err(refusal) => Err(refusal),
            }
        }
        None => other(&cluster, &parts.method, path, &body),
    };
    outcome.unwrap_or_else(IntoResponse::into_response)
}

/// As [`resource`]; a write may be held as it comes or when it is done.
async fn held_resource(cluster: &Arc<Cluster>, method: &Method, call: &Call, view: View) -> Result<Response, Refusal> {
    if !writes::lasting(method, call) {
        return resource(cluster, method, call, view);
    }
    hold(cluster, Hold::Before).await;
    let answer = resource(cluster, method, call, view)?;
    let asked = Asked { verb: call.route.verb(method.as_str(), false), resource: call.route.rule_resource() };
    cluster.state().written.push(asked);
    hold(cluster, Hold::After).await;
    Ok(answer)
}

async fn hold(cluster: &Cluster, when: Hold) {
    let held = {
        let mut state = cluster.state();
        let held = state.faults.hold == Some(when);
        state.faults.hold = state.faults.hold.filter(|_| !held);
        held
    };
    if held {
        cluster.held.send_modify(|held| *held += 1);
        std::future::pending::<()>().await;
    }
}

fn read_body(body: &Bytes) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|error| Refusal::bad_request(format!("the body is no JSON: {error}")))
}

/// What the fault switches say about this request.
async fn fail(cluster: &Cluster, plural: &str) -> Option<Response> {
    let (outage, failure) = {
        let mut state = cluster.state();
        (state.faults.outage, state.faults.take(plural))
    };
    if outage {
        return Some(cut());
    }
    match failure? {
        Failure::TooMany { retry_after } => Some(Refusal::too_many(retry_after).into_response()),
        Failure::Status(code) => Some(faults::refusal(code).into_response()),
        Failure::Disconnect => Some(cut()),
        Failure::Hang => std::future::pending().await,
        Failure::Forbidden => {
            let message =
                format!("{plural} is forbidden: User \"{}\" cannot access resource \"{plural}\"", access::USER);
            Some(Refusal::new(403, "Forbidden", message).into_response())
        }
    }
}

/// An answer that breaks off before it says anything.
fn cut() -> Response {
    let broken = stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
    (StatusCode::OK, Body::from_stream(broken)).into_response()
}

/// Everything that is no resource: discovery, health and reviews.
fn other(cluster: &Cluster, method: &Method, path: &str, body: &Bytes) -> Result<Response, Refusal> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let found = match (method.as_str(), parts.as_slice()) {
        ("GET", ["version"]) => json!({
            "major": "1", "minor": "34", "gitVersion": "v1.34.2", "gitCommit": "local", "gitTreeState": "clean",
            "buildDate": "2026-11-01T00:00:00Z", "goVersion": "go1.24", "compiler": "gc", "platform": "linux/amd64",
        }),
        ("GET", ["healthz" | "livez" | "readyz"]) => return Ok("ok".into_response()),
        ("GET", ["api"]) => json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
        ("GET", ["apis"]) => kinds::group_list(),
        ("GET", ["apis", group]) => kinds::group(group).ok_or_else(Refusal::no_such_path)?,
        ("GET", ["api", version]) => kinds::resource_list("", version).ok_or_else(Refusal::no_such_path)?,
        ("GET", ["apis", group, version]) => kinds::resource_list(group, version).ok_or_else(Refusal::no_such_path)?,
        ("POST", ["apis", "authorization.k8s.io", "v1", review]) => {
            let asked = read_body(body)?;
            let state = cluster.state();
            let answer = match *review {
                "selfsubjectrulesreviews" => access::rules_review(&state.role, &asked),
                "selfsubjectaccessreviews" => access::access_review(&state.role, &asked),
                _ => return Err(Refusal::no_such_path()),
            };
            return Ok((StatusCode::CREATED, Json(answer)).into_response());
        }
        _ => return Err(Refusal::no_such_path()),
    };
    Ok(Json(found).into_response())
}

fn resource(cluster: &Arc<Cluster>, method: &Method, call: &Call, view: View) -> Result<Response, Refusal> {
    let watching = call.query.flag("watch");
    let verb = call.route.verb(method.as_str(), watching);
    {
        let mut state = cluster.state();
        state.asked.push(Asked { verb, resource: call.route.rule_resource() });
        if call.route.resource.plural == "secrets" {
            return Err(access::forbidden(&call.route, verb));
        }
        access::check(&state.role, &call.route, verb)?;
    }
    let Route { resource, namespace, name, subresource } = &call.route;
    let named = name.as_deref().unwrap_or_default();
    let space = namespace.as_deref().unwrap_or_default();
    match (verb, subresource.as_deref()) {
        ("list" | "watch", None) => {
            let selection = Selection::new(
                namespace.as_deref(),
                call.query.text("labelSelector"),
                call.query.text("fieldSelector"),
            )?;
            if watching {
                return watch::watch(cluster.clone(), resource, selection, &call.query, view);
            }
            watch::list(cluster, resource, &selection, &call.query, view).map(|list| Json(list).into_response())
        }
        ("get", None | Some("status")) => {
            let state = cluster.state();
            let object = state.objects.get(resource.plural, space, named);
            object
                .map(|object| Json(view.show(object)).into_response())
                .ok_or_else(|| Refusal::not_found(resource, named))
        }
        ("get", Some("log")) => log(cluster, call, space, named),
        ("get", Some("scale")) => {
            let state = cluster.state();
            let object = state.objects.get(resource.plural, space, named);
            object
                .map(|it| Json(writes::scale_of(it)).into_response())
                .ok_or_else(|| Refusal::not_found(resource, named))
        }
        _ => {
            let (code, answer) = writes::write(cluster, verb, call)?;
            Ok((code, Json(answer)).into_response())
        }
    }
}

fn log(cluster: &Cluster, call: &Call, namespace: &str, name: &str) -> Result<Response, Refusal> {
    let state = cluster.state();
    let pod = state.objects.get("pods", namespace, name).ok_or_else(|| Refusal::not_found(kinds::PODS, name))?;
    let node = super::json::text(pod, "/spec/nodeName");
    if state.objects.get("nodes", "", node).is_some_and(|node| !super::controllers::is_ready(node)) {
        let message = format!("Get \"https://{node}:10250/containerLogs/{namespace}/{name}\": dial tcp: i/o timeout");
        return Err(Refusal::new(500, "InternalError", message));
    }
    let size = |name| call.query.number(name).and_then(|it| usize::try_from(it).ok());
    let seconds = call.query.number("sinceSeconds").and_then(|it| u64::try_from(it).ok());
    let wanted = logs::Wanted {
        container: Some(call.query.text("container").to_owned()).filter(|it| !it.is_empty()),
        previous: call.query.flag("previous"),
        timestamps: call.query.flag("timestamps"),
        tail_lines: size("tailLines"),
        since: seconds.map(|seconds| call.now.minus(std::time::Duration::from_secs(seconds))),
        limit_bytes: size("limitBytes"),
    };
    let text = logs::read(&state.kubelets, pod, &wanted, call.now)?;
    Ok(([(header::CONTENT_TYPE, "text/plain")], text).into_response())
}
