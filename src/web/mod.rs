//! The HTTP surface: Slack's requests (HTTP mode), health for the orchestrator, metrics for Prometheus.

mod body;
mod calendar;
mod health;
pub mod notified;
mod seats;
mod slack;

use std::sync::Arc;
use std::time::Duration;

pub use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::flow::Flow;
use crate::metrics::Metrics;
use crate::slack::manifest::REQUEST_PATH;
use crate::slack::signature::Verifier;

use body::Room;
use notified::Senders;
use seats::{Seat, Seated, Seats};

/// One slow request must not hold a connection for ever; Slack gives up after three seconds anyway.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// For the head of a request, and between two requests on one connection; longer than load balancers and kubelets pause.
const HEAD_LIMIT: Duration = Duration::from_secs(75);
/// What a connection has read and nobody has looked at yet; a request's head must fit.
const UNREAD_LIMIT: usize = 64 << 10;
/// Large bodies of Slack's that are not known to be Slack's yet, all together.
const SLACK_ROOM: usize = 16 << 20;
/// Large bodies of senders that have shown their token.
const NOTIFIED_ROOM: usize = 32 << 20;
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Everything served on the main address. Without `verifier` (Socket Mode) Slack's routes are not there at all.
pub fn router(flow: Arc<Flow>, verifier: Option<Verifier>, senders: Senders, body_limit: usize) -> Router {
    let health = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/readyz/traffic", get(health::ready_for_traffic))
        .route("/calendar/{file}", get(calendar::take))
        .with_state(Arc::clone(&flow));
    let health = if senders.0.is_empty() {
        health
    } else {
        let door = notified::Door { flow: Arc::clone(&flow), senders, room: Room::of(NOTIFIED_ROOM) };
        health.merge(Router::new().route(notified::PATH, post(notified::take)).with_state(door))
    };
    let slack = verifier.map(|verifier| {
        let room = Room::of(SLACK_ROOM.max(body_limit));
        let door = slack::Door { flow, verifier, room, body_limit };
        Router::new().route(REQUEST_PATH, post(slack::take)).with_state(door)
    });
    let router = match slack {
        Some(slack) => health.merge(slack),
        None => health,
    };
    router.layer(axum::middleware::map_response(guarded)).layer(axum::middleware::from_fn(limited))
}

/// `/metrics`, on an address of its own since it is not for the public.
pub fn metrics_router(metrics: Arc<Metrics>) -> Router {
    let router = Router::new().route("/metrics", get(health::metrics)).with_state(metrics);
    router.layer(axum::middleware::map_response(guarded)).layer(axum::middleware::from_fn(limited))
}

/// Serves until `stop`, then lets requests under way finish. Not `axum::serve`, which waits for a request's head for ever.
///
/// # Errors
/// None so far; a connection that cannot be accepted is tried again.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> std::io::Result<()> {
    let (connections, seats) = (TaskTracker::new(), Seats::default());
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(converse(stream, router.clone(), seats.take(), stop.clone()));
            }
            Err(error) => {
                // Out of file descriptors, or a peer that left at once; a moment later there may be room.
                tracing::warn!(error = %error, "a connection was not accepted");
                let _pause = tokio::time::timeout(ACCEPT_AGAIN, stop.cancelled()).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
    Ok(())
}

async fn converse(stream: TcpStream, router: Router, seat: Arc<Seat>, stop: CancellationToken) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT).max_buf_size(UNREAD_LIMIT);
    let connection = http.serve_connection(TokioIo::new(stream), Seated::new(router, Arc::clone(&seat)));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = seat.lost() => return,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection ended early");
    }
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
