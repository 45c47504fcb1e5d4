//! GitHub's REST API: paths, statuses and messages as it documents them.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{GitHub, Hold, LOGIN, REPOSITORY, Run, State, WORKFLOW};
use crate::core::time::Timestamp;

/// Of the workflow.
const ID: u64 = 161_335;
const LARGEST_BODY: usize = 1 << 20;

pub(super) async fn serve(listener: TcpListener, github: Arc<GitHub>, stop: CancellationToken) -> io::Result<()> {
    let router = Router::new().fallback(answer).with_state(github);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

struct Refusal(u16, String);

fn not_found() -> Refusal {
    Refusal(404, "Not Found".to_owned())
}

async fn answer(Shared(github): Shared<Arc<GitHub>>, request: Request) -> Response {
    let mut response = routed(&github, request).await;
    let now = github.now(&github.state());
    let date = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
    let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::try_from(date) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

async fn routed(github: &Arc<GitHub>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    github.state().asked.push(format!("{} {path}", parts.method));
    let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if bearer != format!("Bearer {}", github.token) {
        return refuse(&Refusal(401, "Bad credentials".to_owned()));
    }
    if github.state().faults.limited {
        let mut response = refuse(&Refusal(403, format!("API rate limit exceeded for {LOGIN}.")));
        response.headers_mut().insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
        return response;
    }
    let body = axum::body::to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    let Some(path) = path.strip_prefix("/api/v3/") else { return refuse(&not_found()) };
    let segments: Vec<&str> = path.split('/').collect();
    let answer = match (parts.method.as_str(), segments.as_slice()) {
        ("GET", ["user"]) => Ok(json!({ "login": LOGIN })),
        (method, ["repos", owner, name, rest @ ..]) if format!("{owner}/{name}") == REPOSITORY => {
            let posts = method == "POST";
            if posts {
                hold(github, Hold::Before).await;
            }
            let done = repository(github, method, rest, &body);
            if posts && done.is_ok() {
                hold(github, Hold::After).await;
                if std::mem::take(&mut github.state().faults.lose_answer) {
                    return cut();
                }
            }
            done
        }
        _ => Err(not_found()),
    };
    match answer {
        Ok(Value::Null) => StatusCode::NO_CONTENT.into_response(),
        Ok(value) => Json(value).into_response(),
        Err(refusal) => refuse(&refusal),
    }
}

fn repository(github: &GitHub, method: &str, rest: &[&str], body: &Bytes) -> Result<Value, Refusal> {
    let mut state = github.state();
    let now = github.now(&state);
    let id = ID.to_string();
    let ours = |file: &&str| *file == WORKFLOW || *file == id;
    match (method, rest) {
        ("GET", ["commits", reference @ ..]) => commit(&state, &reference.join("/")),
        ("GET", ["actions", "workflows", file]) if ours(file) => {
            Ok(json!({ "id": ID, "path": format!(".github/workflows/{WORKFLOW}"), "state": state.workflow.state }))
        }
        ("GET", ["actions", "workflows", file, "runs"]) if ours(file) => {
            let listed = if state.faults.unlisted { &[][..] } else { &state.runs };
            let runs: Vec<Value> = listed.iter().rev().map(run).collect();
            Ok(json!({ "total_count": runs.len(), "workflow_runs": runs }))
        }
        ("POST", ["actions", "workflows", file, "dispatches"]) if ours(file) => dispatch(&mut state, body, now),
        ("GET", ["actions", "runs", id]) => {
            state.runs.iter().find(|run| run.id.to_string() == *id).map(run).ok_or_else(not_found)
        }
        ("POST", ["actions", "runs", id, "cancel"]) => {
            let run = state.runs.iter_mut().find(|run| run.id.to_string() == *id).ok_or_else(not_found)?;
            if run.status == "completed" {
                let why = "Cannot cancel a workflow run that is completed.";
                return Err(Refusal(409, why.to_owned()));
            }
            "completed".clone_into(&mut run.status);
            run.conclusion = Some("cancelled".to_owned());
            Ok(json!({}))
        }
        _ => Err(not_found()),
    }
}

fn commit(state: &State, reference: &str) -> Result<Value, Refusal> {
    let Some(commit) = state.commits.get(reference) else {
        return Err(Refusal(422, format!("No commit found for SHA: {reference}")));
    };
    Ok(json!({
        "sha": commit.sha,
        "html_url": format!("https://github.com/{REPOSITORY}/commit/{}", commit.sha),
        "commit": { "message": commit.message, "author": { "name": "Ann", "date": "2026-11-29T10:00:00Z" } },
        "author": { "login": "ann" },
    }))
}

fn run(run: &Run) -> Value {
    let created = jiff::Timestamp::from_second(run.created_at.as_secs()).unwrap_or_default();
    json!({
        "id": run.id,
        "head_sha": run.head_sha,
        "status": run.status,
        "conclusion": run.conclusion,
        "html_url": page(run.id),
        "created_at": created.to_string(),
        "display_title": run.title,
        "event": "workflow_dispatch",
        "actor": { "login": run.actor },
    })
}

fn page(id: u64) -> String {
    format!("https://github.com/{REPOSITORY}/actions/runs/{id}")
}

fn dispatch(state: &mut State, body: &Bytes, now: Timestamp) -> Result<Value, Refusal> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if state.faults.old && body.get("return_run_details").is_some() {
        return Err(Refusal(400, "Invalid request. \"return_run_details\" is not a permitted key.".to_owned()));
    }
    let reference = body["ref"].as_str().unwrap_or_default().to_owned();
    if let Some(sha) = state.faults.moves_to.take()
        && let Some(commit) = state.commits.get_mut(&reference)
    {
        commit.sha = sha;
    }
    let Some(sha) = state.commits.get(&reference).map(|commit| commit.sha.clone()) else {
        return Err(Refusal(422, format!("No ref found for: {reference}")));
    };
    let inputs: BTreeMap<String, String> = serde_json::from_value(body["inputs"].clone()).unwrap_or_default();
    let strange: Vec<&String> = inputs.keys().filter(|name| !state.workflow.inputs.contains(name)).collect();
    if !strange.is_empty() {
        return Err(Refusal(422, format!("Unexpected inputs provided: {strange:?}")));
    }
    let id = state.begin(LOGIN, &sha, inputs, now);
    state.dispatched += 1;
    if body["return_run_details"] == true {
        let url = format!("https://api.github.com/repos/{REPOSITORY}/actions/runs/{id}");
        return Ok(json!({ "workflow_run_id": id, "run_url": url, "html_url": page(id) }));
    }
    Ok(Value::Null)
}

async fn hold(github: &GitHub, when: Hold) {
    let held = {
        let mut state = github.state();
        let held = state.faults.hold == Some(when);
        state.faults.hold = state.faults.hold.filter(|_| !held);
        held
    };
    if held {
        github.held.send_modify(|held| *held += 1);
        std::future::pending::<()>().await;
    }
}

fn refuse(refusal: &Refusal) -> Response {
    let Refusal(code, message) = refusal;
    let body =
        json!({ "message": message, "documentation_url": "https://docs.github.com/rest", "status": code.to_string() });
    (StatusCode::from_u16(*code).unwrap_or_default(), Json(body)).into_response()
}

/// An answer that breaks off before it says anything.
fn cut() -> Response {
    let broken = stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
    (StatusCode::OK, Body::from_stream(broken)).into_response()
}
