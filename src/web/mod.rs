//! The HTTP surface: Slack's requests (HTTP mode), health for the orchestrator, metrics for Prometheus.

mod health;
mod slack;

use std::sync::Arc;
use std::time::Duration;

pub use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::flow::Flow;
use crate::metrics::Metrics;
use crate::slack::manifest::REQUEST_PATH;
use crate::slack::signature::Verifier;

/// One slow request must not hold a connection for ever; Slack gives up after three seconds anyway.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// Everything served on the main address. Without `verifier` (Socket Mode) Slack's routes are not there at all.
pub fn router(flow: Arc<Flow>, verifier: Option<Verifier>, body_limit: usize) -> Router {
    let health = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(Arc::clone(&flow));
    let slack = verifier.map(|verifier| {
        Router::new()
            .route(REQUEST_PATH, post(slack::take))
            .layer(DefaultBodyLimit::max(body_limit))
            .with_state(slack::Door { flow, verifier })
    });
    let router = match slack {
        Some(slack) => health.merge(slack),
        None => health,
    };
    router.layer(axum::middleware::map_response(guarded)).layer(axum::middleware::from_fn(limited))
}

/// `/metrics`, on an address of its own since it is not for the public.
pub fn metrics_router(metrics: Arc<Metrics>) -> Router {
    Router::new().route("/metrics", get(health::metrics)).with_state(metrics)
}

/// Serves until `stop`, then lets requests under way finish.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> std::io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// Nothing here is for a browser: no caching, no sniffing, no framing, no scripts.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let policy = HeaderName::from_static("content-security-policy");
    headers.insert(policy, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}

async fn limited(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let answered = tokio::time::timeout(REQUEST_LIMIT, next.run(request)).await;
    answered.unwrap_or_else(|_| (StatusCode::REQUEST_TIMEOUT, "too slow\n").into_response())
}
