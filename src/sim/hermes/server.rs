//! Hermes' HTTP interface: paths, parameters, error texts and limits as the real server has them.
//! Source: pyth-crosschain, apps/hermes/server/src/api/rest.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::listing::Listing;
use super::market::{Gate, Market, hours};
use super::stream::{self, Selection};
use crate::core::feed::FeedId;
use crate::core::market::MarketHours;
use crate::core::time::Timestamp;
use crate::sim::outage::Dropping;

#[derive(Clone)]
struct Server {
    market: Arc<Market>,
    stop: CancellationToken,
}

/// Serves until `stop`.
pub(super) async fn serve(listener: TcpListener, market: Arc<Market>, stop: CancellationToken) -> std::io::Result<()> {
    let server = Server { market: market.clone(), stop: stop.clone() };
    let router = Router::new()
        .route("/v2/price_feeds", get(price_feeds))
        .route("/v2/updates/price/latest", get(latest))
        .route("/v2/updates/price/stream", get(stream))
        .route("/v2/updates/price/{publish_time}", get(at_time))
        .route("/live", get(async || "OK"))
        .route("/ready", get(async || "OK"))
        .layer(middleware::from_fn_with_state(market.clone(), gate))
        .with_state(server);
    let away = move || market.gate(|gate| gate.outage);
    axum::serve(Dropping { listener, away }, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn gate(State(market): State<Arc<Market>>, request: Request, next: Next) -> Response {
    let now = market.clock.now();
    let bearer = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match market.gate(|gate| admit(gate, bearer, now)) {
        Ok(()) => next.run(request).await,
        Err((status, text)) => (status, text).into_response(),
    }
}

fn admit(gate: &mut Gate, bearer: Option<&str>, now: Timestamp) -> Result<(), (StatusCode, &'static str)> {
    const WINDOW: Duration = Duration::from_secs(10);
    if gate.outage {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "upstream connect error"));
    }
    if gate.token.as_deref().is_some_and(|token| bearer.and_then(|value| value.strip_prefix("Bearer ")) != Some(token))
    {
        return Err((StatusCode::UNAUTHORIZED, "missing or invalid API key"));
    }
    if !gate.rate_limit {
        return Ok(());
    }
    while gate.requests.front().is_some_and(|first| now.since(*first) >= WINDOW) {
        gate.requests.pop_front();
    }
    if gate.requests.len() >= 10 && gate.banned_until.is_none_or(|until| until <= now) {
        gate.banned_until = Some(now.plus(Duration::from_mins(1)));
    }
    if gate.banned_until.is_some_and(|until| until > now) {
        return Err((StatusCode::TOO_MANY_REQUESTS, "Too many requests"));
    }
    gate.requests.push_back(now);
    Ok(())
}

async fn price_feeds(State(server): State<Server>, RawQuery(query): RawQuery) -> Json<Vec<Value>> {
    let query = query.unwrap_or_default();
    let mut wanted = (String::new(), String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "query" => wanted.0 = value.to_lowercase(),
            "asset_type" => wanted.1 = value.into_owned(),
            _ => {}
        }
    }
    let now = server.market.clock.now();
    let listings = server.market.listings();
    let matching = listings.iter().filter(|listing| {
        listing.symbol.to_lowercase().contains(&wanted.0) && (wanted.1.is_empty() || wanted.1 == listing.asset_type)
    });
    Json(matching.map(|listing| catalogue_entry(listing, now)).collect())
}

fn catalogue_entry(listing: &Listing, now: Timestamp) -> Value {
    let short = listing.symbol.rsplit('.').next().unwrap_or_default();
    let (base, quote) = short.split_once('/').unwrap_or((short, "USD"));
    let (open, next_open, next_close) = match hours(listing, now) {
        MarketHours::Catalogue { open, next_open, next_close } => (open, next_open, next_close),
        MarketHours::Always | MarketHours::Schedule { .. } => (true, None, None),
    };
    json!({
        "id": listing.id,
        "market_hours": {
            "is_open": open,
            "next_open": next_open.map(Timestamp::as_secs),
            "next_close": next_close.map(Timestamp::as_secs),
        },
        "attributes": {
            "asset_type": listing.asset_type,
            "base": base,
            "description": listing.description,
            "display_symbol": short,
            "generic_symbol": short.replace('/', ""),
            "min_channel": "fixed_rate@200ms",
            "quote_currency": quote,
            "schedule": listing.schedule.as_ref().map_or("America/New_York;O,O,O,O,O,O,O;", |(text, _)| text),
            "symbol": listing.symbol,
        },
    })
}

async fn latest(State(server): State<Server>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let selection = select(&server.market, query.as_deref())?;
    Ok(json_reply(selection.write(&server.market.latest())))
}

async fn at_time(
    State(server): State<Server>,
    Path(publish_time): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let secs = publish_time
        .parse()
        .map_err(|_| Refusal::bad(format!("Invalid URL: Cannot parse `{publish_time}` to a `i64`")))?;
    let selection = select(&server.market, query.as_deref())?;
    let round = server.market.round_at(secs).ok_or_else(|| Refusal::missing("Update data not found"))?;
    Ok(json_reply(selection.write(&round)))
}

async fn stream(State(server): State<Server>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let selection = select(&server.market, query.as_deref())?;
    let body = stream::body(server.market.clone(), server.stop.clone(), selection);
    let event_stream = (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(([event_stream, (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))], body).into_response())
}

fn json_reply(json: String) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response()
}

/// Hermes' errors are plain text.
struct Refusal(StatusCode, String);

impl Refusal {
    fn bad(text: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, text.into())
    }

    fn missing(text: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, text.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

fn select(market: &Market, query: Option<&str>) -> Result<Selection, Refusal> {
    let mut ids: Vec<FeedId> = Vec::new();
    let (mut encoding, mut parsed, mut ignore_invalid) = ("hex", true, false);
    let flag = |name: &str, value: &str| {
        value
            .parse::<bool>()
            .map_err(|_| Refusal::bad(format!("Failed to deserialize query string: {name}: invalid boolean")))
    };
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let name = name.split('[').next().unwrap_or_default();
        match name {
            "ids" => ids.push(value.parse().map_err(|_| {
                Refusal::bad(format!("Failed to deserialize query string: ids: invalid price id {value}"))
            })?),
            "encoding" => match &*value {
                "hex" => encoding = "hex",
                "base64" => encoding = "base64",
                _ => return Err(Refusal::bad("Failed to deserialize query string: unknown encoding")),
            },
            "parsed" => parsed = flag(name, &value)?,
            "ignore_invalid_price_ids" => ignore_invalid = flag(name, &value)?,
            _ => {}
        }
    }
    if ids.is_empty() {
        return Err(Refusal::bad("Failed to deserialize query string: missing field `ids`"));
    }
    let (indexes, missing) = market.find(&ids);
    if missing.is_empty() || ignore_invalid {
        return Ok(Selection { indexes, encoding, parsed });
    }
    let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
    Err(Refusal::missing(format!("Price ids not found: {}", missing.join(", "))))
}
