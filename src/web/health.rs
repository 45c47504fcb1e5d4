//! Health: `/healthz` says that the process runs, `/readyz` that it can do its work, each part by name.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::flow::Flow;
use crate::metrics::Metrics;

pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// 200 when every part works, else 503; the body names each part and what is wrong with it.
pub(super) async fn ready(State(flow): State<Arc<Flow>>) -> Response {
    let parts = flow.readiness().await;
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
