//! The local exchanges: the public tickers of four, quoting close to the local Hermes' true prices, with faults.

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, extract::MatchedPath};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::hermes::Market;
use crate::core::decimal::Decimal;
use crate::feeds::reference::VenueKind;

/// What is wrong with an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Fault {
    #[default]
    None,
    /// Every price is this many thousandths of the true one.
    Lies { per_mille: i64 },
    /// 503 to everything.
    Down,
    /// 429 to everything, asking for this many seconds of quiet.
    TooMany { retry_after: u32 },
}

/// Running exchanges. The last clone that is dropped stops them.
#[derive(Clone, Debug)]
pub struct Handle {
    exchanges: Arc<Exchanges>,
    base_url: Url,
    _stop: Arc<DropGuard>,
}

impl Handle {
    /// Where one exchange's API is, as an operator would configure it.
    #[must_use]
    pub fn base_url(&self, venue: VenueKind) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(venue.as_str());
        url
    }

    pub fn set_fault(&self, venue: VenueKind, fault: Fault) {
        self.exchanges.faults().insert(venue.as_str(), fault);
    }

    pub fn heal_all(&self) {
        self.exchanges.faults().clear();
    }
}

#[derive(Debug)]
struct Exchanges {
    market: Arc<Market>,
    faults: Mutex<HashMap<&'static str, Fault>>,
}

/// Starts all four on one port of 127.0.0.1; 0 takes any free one.
pub async fn start(port: u16, market: Arc<Market>) -> io::Result<Handle> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let base_url = Url::parse(&format!("http://{}", listener.local_addr()?)).map_err(io::Error::other)?;
    let exchanges = Arc::new(Exchanges { market, faults: Mutex::default() });
    let stop = CancellationToken::new();
    let router = Router::new()
        .route("/coinbase/products/{product}/ticker", get(coinbase))
        .route("/kraken/0/public/Ticker", get(kraken))
        .route("/binance/api/v3/ticker/price", get(binance))
        .route("/coingecko/api/v3/simple/price", get(coingecko))
        .layer(middleware::from_fn_with_state(exchanges.clone(), faulty))
        .with_state(exchanges.clone());
    let server = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!("the local exchanges stopped: {error}");
        }
    });
    Ok(Handle { exchanges, base_url, _stop: Arc::new(stop.drop_guard()) })
}

/// One coin each that an exchange does not have, as none lists everything.
const LACKS: [(VenueKind, &str); 4] = [
    (VenueKind::Coinbase, "BNB"),
    (VenueKind::Kraken, "JTO"),
    (VenueKind::Binance, "PYTH"),
    (VenueKind::Coingecko, "WIF"),
];

impl Exchanges {
    fn faults(&self) -> MutexGuard<'_, HashMap<&'static str, Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self, venue: VenueKind) -> Fault {
        self.faults().get(venue.as_str()).copied().unwrap_or_default()
    }

    /// The exchange's price of `base` in dollars: a basis point or two beside the true one.
    fn price(&self, venue: VenueKind, base: &str) -> Option<Decimal> {
        if LACKS.contains(&(venue, base)) {
            return None;
        }
        let Decimal { mantissa, expo } = self.market.true_price(&format!("Crypto.{base}/USD"))?;
        let beside = match venue {
            VenueKind::Coinbase => 1,
            VenueKind::Kraken => -1,
            VenueKind::Binance => 2,
            VenueKind::Coingecko => -2,
        };
        let per_mille = match self.fault(venue) {
            Fault::Lies { per_mille } => per_mille,
            Fault::None | Fault::Down | Fault::TooMany { .. } => 1000,
        };
        let quoted = i128::from(mantissa) * i128::from(10_000 + beside) / 10_000 * i128::from(per_mille) / 1000;
        Some(Decimal::new(i64::try_from(quoted).ok()?, expo))
    }

    /// Every coin the exchange has, with its price.
    fn all(&self, venue: VenueKind) -> Vec<(String, Decimal)> {
        let feeds = self.market.feeds();
        let bases = feeds.iter().filter_map(|feed| feed.symbol.strip_prefix("Crypto.")?.strip_suffix("/USD"));
        bases.filter_map(|base| Some((base.to_owned(), self.price(venue, base)?))).collect()
    }
}

async fn faulty(State(exchanges): State<Arc<Exchanges>>, path: MatchedPath, request: Request, next: Next) -> Response {
    let venue = VenueKind::ALL.into_iter().find(|venue| path.as_str().split('/').nth(1) == Some(venue.as_str()));
    match venue.map(|venue| exchanges.fault(venue)).unwrap_or_default() {
        Fault::None | Fault::Lies { .. } => next.run(request).await,
        Fault::Down => (StatusCode::SERVICE_UNAVAILABLE, "service unavailable").into_response(),
        Fault::TooMany { retry_after } => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, retry_after.to_string())], "slow down")
                .into_response()
        }
    }
}

fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    form_urlencoded::parse(query?.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn coinbase(State(exchanges): State<Arc<Exchanges>>, Path(product): Path<String>) -> Response {
    let price = product.strip_suffix("-USD").and_then(|base| exchanges.price(VenueKind::Coinbase, base));
    let Some(price) = price else {
        return (StatusCode::NOT_FOUND, Json(json!({ "message": "NotFound" }))).into_response();
    };
    let price = price.to_string();
    let time = exchanges.market.now().to_string();
    Json(json!({ "ask": price, "bid": price, "price": price, "size": "0.01", "time": time, "trade_id": 1, "volume": "1000" }))
        .into_response()
}

/// Kraken's old names: letters for classes before the first coins, and its own codes for two of them.
fn kraken_name(base: &str) -> (String, String) {
    let code = match base {
        "BTC" => "XBT",
        "DOGE" => "XDG",
        other => other,
    };
    let asked = format!("{code}USD");
    let answered = if matches!(base, "BTC" | "ETH" | "LTC" | "XRP") { format!("X{code}ZUSD") } else { asked.clone() };
    (asked, answered)
}

async fn kraken(State(exchanges): State<Arc<Exchanges>>, RawQuery(query): RawQuery) -> Json<Value> {
    let mut all: HashMap<String, (String, Decimal)> = HashMap::new();
    for (base, price) in exchanges.all(VenueKind::Kraken) {
        let (asked, answered) = kraken_name(&base);
        all.insert(asked, (answered, price));
    }
    let wanted = match parameter(query.as_deref(), "pair") {
        Some(pairs) => pairs.split(',').map(str::to_owned).collect(),
        None => all.keys().cloned().collect::<Vec<_>>(),
    };
    let mut result = Map::new();
    for pair in wanted {
        let Some((name, price)) = all.get(&pair) else {
            return Json(json!({ "error": ["EQuery:Unknown asset pair"] }));
        };
        let price = price.to_string();
        result.insert(
            name.clone(),
            json!({ "a": [price, "1", "1.000"], "b": [price, "1", "1.000"], "c": [price, "0.01"] }),
        );
    }
    Json(json!({ "error": [], "result": result }))
}

async fn binance(State(exchanges): State<Arc<Exchanges>>, RawQuery(query): RawQuery) -> Response {
    let all: HashMap<_, _> = exchanges
        .all(VenueKind::Binance)
        .into_iter()
        .map(|(base, price)| (format!("{base}USDT"), price.to_string()))
        .collect();
    let wanted = match parameter(query.as_deref(), "symbols") {
        Some(list) => serde_json::from_str::<Vec<String>>(&list).unwrap_or_default(),
        None => all.keys().cloned().collect(),
    };
    let mut tickers = Vec::new();
    for symbol in wanted {
        let Some(price) = all.get(&symbol) else {
            return (StatusCode::BAD_REQUEST, Json(json!({ "code": -1121, "msg": "Invalid symbol." }))).into_response();
        };
        tickers.push(json!({ "symbol": symbol, "price": price }));
    }
    Json(tickers).into_response()
}

/// CoinGecko's ids of a few coins; the real ones.
const COINS: &[(&str, &str)] = &[
    ("bitcoin", "BTC"),
    ("ethereum", "ETH"),
    ("solana", "SOL"),
    ("binancecoin", "BNB"),
    ("ripple", "XRP"),
    ("dogecoin", "DOGE"),
    ("cardano", "ADA"),
    ("avalanche-2", "AVAX"),
    ("chainlink", "LINK"),
    ("pyth-network", "PYTH"),
    ("usd-coin", "USDC"),
    ("tether", "USDT"),
];

async fn coingecko(State(exchanges): State<Arc<Exchanges>>, RawQuery(query): RawQuery) -> Json<Value> {
    let ids = parameter(query.as_deref(), "ids").unwrap_or_default();
    let at = exchanges.market.now().as_secs();
    let mut coins = Map::new();
    for id in ids.split(',') {
        let base = COINS.iter().find(|(coin, _)| *coin == id).map(|(_, base)| *base);
        let price = base.and_then(|base| exchanges.price(VenueKind::Coingecko, base));
        // CoinGecko writes numbers where the others write strings.
        let number = price.and_then(|price| serde_json::from_str::<Value>(&price.to_string()).ok());
        if let Some(usd) = number {
            coins.insert(id.to_owned(), json!({ "usd": usd, "last_updated_at": at }));
        }
    }
    Json(Value::Object(coins))
}
