//! Health: `/healthz` says that the process runs, `/readyz` that it can do its work, each part by name, `/readyz/traffic` that
//! it can take requests.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::flow::Flow;
use crate::flow::look::Part;
use crate::metrics::Metrics;

pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// 200 when every part works, else 503; the body names each part and what is wrong with it.
pub(super) async fn ready(State(flow): State<Arc<Flow>>) -> Response {
    said(flow.readiness().await)
}

/// As [`ready`], of what requests need: Alertmanager's come while Slack is away, too.
pub(super) async fn ready_for_traffic(State(flow): State<Arc<Flow>>) -> Response {
    said(flow.traffic_readiness().await)
}

fn said(parts: Vec<Part>) -> Response {
    let ready = parts.iter().all(|part| part.problem.is_none());
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let said: serde_json::Map<String, serde_json::Value> = parts
        .into_iter()
        .map(|part| (part.name.to_owned(), json!(part.problem.unwrap_or_else(|| "ok".to_owned()))))
        .collect();
    (status, Json(json!({ "ready": ready, "parts": said }))).into_response()
}

pub(super) async fn metrics(State(metrics): State<Arc<Metrics>>) -> Response {
    let mut response = metrics.text().into_response();
    let text = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}
