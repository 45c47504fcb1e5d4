//! The workspace's HTTP server on loopback, and the handle that keeps it open.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{DefaultBodyLimit, Path, Query, RawQuery, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::app::AppConfig;
use super::deliver::{events, socket};
use super::hub::Hub;
use super::state::State;
use super::{Config, api, client, response_url};

/// Uploads can be large; a real workspace takes up to a gigabyte, a local one need not.
const LARGEST_BODY: usize = 32 * 1024 * 1024;

/// The running workspace. Clones share it; it closes when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub(super) hub: Arc<Hub>,
    address: SocketAddr,
    _open: Arc<DropGuard>,
}

pub async fn start(config: Config) -> io::Result<Workspace> {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
    let address = listener.local_addr()?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::limited(2))
        .build()
        .map_err(io::Error::other)?;
    let mut state = State::new(config.world, config.seed, config.rate_limits);
    if let Some(app) = config.app {
        state.install(app);
        state.out.clear();
    }
    let hub = Arc::new(Hub::new(state, config.clock, config.timing, format!("http://{address}"), http));
    let stop = hub.stop.clone();
    let app = router(Arc::clone(&hub));
    tokio::spawn(async move {
        let closing = stop.clone().cancelled_owned();
        if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(closing).await {
            tracing::error!(%error, "the local workspace stopped");
        }
    });
    Ok(Workspace { address, _open: Arc::new(hub.stop.clone().drop_guard()), hub })
}

fn router(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/api/{method}", any(call))
        .route("/commands/{team}/{r}/{id}", post(respond))
        .route("/actions/{team}/{r}/{id}", post(respond))
        .route("/upload/v1/{id}", any(upload))
        .route("/files/{id}", get(file))
        .route("/link/", get(link))
        .merge(client::router())
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(hub)
        .merge(crate::sim::page::router())
}

async fn call(
    Shared(hub): Shared<Arc<Hub>>,
    Path(method): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    api::call(hub, method, headers, query, body).await
}

async fn respond(Shared(hub): Shared<Arc<Hub>>, uri: axum::http::Uri, body: Bytes) -> Response {
    let Ok(json) = serde_json::from_slice(&body) else {
        return (StatusCode::BAD_REQUEST, "invalid_payload").into_response();
    };
    match response_url::respond(&hub, uri.path(), &json) {
        Ok(()) => "ok".into_response(),
        Err((status, answer)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            (status, axum::Json(answer)).into_response()
        }
    }
}

async fn upload(Shared(hub): Shared<Arc<Hub>>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let content_type = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let bytes = match content_type.split_once("boundary=") {
        Some((_, boundary)) => part(&body, boundary.trim_matches('"')).unwrap_or_default(),
        None => &body,
    };
    match hub.with(|state| state.receive_file(&id, bytes)) {
        Ok(length) => format!("OK - {length}").into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, error).into_response(),
    }
}

/// The first part of a multipart body.
fn part<'a>(body: &'a [u8], boundary: &str) -> Option<&'a [u8]> {
    let find = |haystack: &[u8], needle: &[u8]| haystack.windows(needle.len()).position(|window| window == needle);
    let start = find(body, b"\r\n\r\n")?.checked_add(4)?;
    let rest = body.get(start..)?;
    let end = find(rest, format!("\r\n--{boundary}").as_bytes())?;
    rest.get(..end)
}

async fn file(Shared(hub): Shared<Arc<Hub>>, Path(id): Path<String>) -> Response {
    let found = hub.read(|state| state.files.get(&id).map(|f| (f.mimetype.clone(), f.bytes.clone())));
    match found {
        Some((mimetype, bytes)) => {
            // What an app uploads must not run as a page of this origin.
            let sandbox = ("content-security-policy", "sandbox".to_owned());
            let no_sniff = ("x-content-type-options", "nosniff".to_owned());
            ([("content-type", mimetype), sandbox, no_sniff], bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[derive(Deserialize)]
struct Link {
    ticket: String,
}

async fn link(
    Shared(hub): Shared<Arc<Hub>>,
    Query(Link { ticket }): Query<Link>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !hub.with(|state| state.sockets.admit(&ticket)) {
        return (StatusCode::FORBIDDEN, axum::Json(json!({"ok": false, "error": "invalid_auth"}))).into_response();
    }
    upgrade.on_upgrade(move |socket| socket::serve(hub, socket))
}

impl Workspace {
    /// `http://127.0.0.1:port`, where the page is.
    pub fn url(&self) -> &str {
        &self.hub.base
    }

    /// The base of the Web API: `{url}/api`.
    pub fn api_url(&self) -> String {
        format!("{}/api", self.hub.base)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cancelled when the workspace closes.
    pub fn closed(&self) -> CancellationToken {
        self.hub.stop.clone()
    }

    /// Installs the app, or a new version of it. An HTTP app must be up: its events URL is verified as Slack does.
    pub async fn install(&self, app: AppConfig) -> Result<(), String> {
        events::verify_url(&self.hub, &app).await?;
        self.hub.with(|state| state.install(app));
        Ok(())
    }
}
