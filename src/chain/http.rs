//! Calls to nodes of strangers: a timeout on each, replies bounded in size, few at a time to one host, and a host that
//! asks for quiet gets it.
#![cfg_attr(fuzzing, expect(dead_code, unused_imports, reason = "a fuzz target answers in place of the network"))]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use url::Url;

use super::hide::Hidden;
use crate::body;
use crate::clock::SharedClock;
use crate::core::time::Timestamp;

/// A thousand balances through Multicall3 are about 400 KB.
const REPLY_LIMIT: usize = 8 << 20;
/// Calls under way to one host.
const AT_ONCE: usize = 4;
/// When a host says "too many" and names no time.
const HOLD: Duration = Duration::from_secs(15);
const LONGEST_HOLD: Duration = Duration::from_mins(10);

/// Why a call gave nothing. One line, no URLs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("asked for quiet; asking again in {} s", .hold.as_secs().max(1))]
    Held { hold: Duration },
    #[error("answered {code}: {text}")]
    Status { code: u16, text: String },
    #[error("{0}")]
    Transport(String),
    /// The node understood and refused (JSON-RPC, GraphQL).
    #[error("refused: {message} ({code})")]
    Refused { code: i64, message: String },
    #[error("sent something else than was asked for: {0}")]
    Malformed(String),
}

/// Shared by all chains: one client, and per host who may call when.
#[derive(Debug)]
pub struct Hosts {
    client: reqwest::Client,
    gates: Mutex<HashMap<String, Arc<Gate>>>,
    clock: SharedClock,
}

#[derive(Debug)]
struct Gate {
    permits: Semaphore,
    quiet_until: Mutex<Timestamp>,
}

impl Hosts {
    /// # Errors
    /// When no TLS provider or root certificates can be had.
    pub fn new(clock: SharedClock) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("watchkeeper/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(5))
            // A redirected POST would become a GET, and a key would be carried elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { client, gates: Mutex::default(), clock })
    }

    pub(super) fn at(&self, url: &Url, timeout: Duration) -> Http {
        let host = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0));
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Arc::new(Gate { permits: Semaphore::new(AT_ONCE), quiet_until: Mutex::default() });
        let gate = gates.entry(host).or_insert_with(fresh).clone();
        let (client, clock) = (self.client.clone(), self.clock.clone());
        let hidden = Hidden::of(url);
        Http(Arc::new(Inner { client, url: url.clone(), hidden, gate, clock, timeout, calls: AtomicU64::new(0) }))
    }
}

/// One endpoint to call. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Http(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: reqwest::Client,
    url: Url,
    hidden: Hidden,
    gate: Arc<Gate>,
    clock: SharedClock,
    timeout: Duration,
    calls: AtomicU64,
}

/// A reply with a success status.
#[derive(Debug)]
pub(super) struct Reply {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        read_json(&self.body)
    }

    /// A number in a header, as some nodes tell their position.
    pub fn number(&self, header: &str) -> Result<u64, CallError> {
        let value = self.headers.get(header).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        value.ok_or_else(|| CallError::Malformed(format!("no number in the header {header}")))
    }
}

pub(super) fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, CallError> {
    serde_json::from_slice(body).map_err(|error| CallError::Malformed(error.to_string()))
}

impl Http {
    /// Calls made since the start.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Relaxed)
    }

    pub async fn post(&self, body: Vec<u8>) -> Result<Reply, CallError> {
        let request = self.0.client.post(self.0.url.clone());
        self.send(request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body)).await
    }

    /// `path` goes behind the endpoint's own path and before its query; `query` is encoded.
    pub async fn get(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        headers: &[(&'static str, String)],
    ) -> Result<Reply, CallError> {
        let mut url = self.0.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request =
            headers.iter().fold(self.0.client.get(url), |request, (name, value)| request.header(*name, value));
        self.send(request).await
    }

    /// One call of a JSON-RPC 2.0 interface.
    pub async fn rpc<T: DeserializeOwned>(&self, method: &str, params: &Value) -> Result<T, CallError> {
        let request = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let reply = self.post(request.to_string().into_bytes()).await?;
        reply.json::<RpcReply>().and_then(RpcReply::result).map_err(|error| self.without_keys(error))
    }

    /// The error without what it repeats of the endpoint's address.
    pub fn without_keys(&self, error: CallError) -> CallError {
        match error {
            CallError::Held { hold } => CallError::Held { hold },
            CallError::Status { code, text } => CallError::Status { code, text: self.hide(&text) },
            CallError::Transport(text) => CallError::Transport(self.hide(&text)),
            CallError::Refused { code, message } => CallError::Refused { code, message: self.hide(&message) },
            CallError::Malformed(text) => CallError::Malformed(self.hide(&text)),
        }
    }

    pub fn hide(&self, text: &str) -> String {
        self.0.hidden.hide(text)
    }

    #[cfg(fuzzing)]
    async fn send(&self, _: RequestBuilder) -> Result<Reply, CallError> {
        super::fuzzing::reply()
    }

    #[cfg(not(fuzzing))]
    async fn send(&self, request: RequestBuilder) -> Result<Reply, CallError> {
        let Inner { gate, clock, timeout, calls, .. } = &*self.0;
        let Ok(_permit) = gate.permits.acquire().await else {
            return Err(CallError::Transport("the host's gate is closed".to_owned()));
        };
        let quiet_until = *gate.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock.now();
        if now < quiet_until {
            return Err(CallError::Held { hold: quiet_until.since(now) });
        }
        calls.fetch_add(1, Relaxed);
        let transport = |error: &reqwest::Error| CallError::Transport(body::one_line(error));
        let response = request.timeout(*timeout).send().await.map_err(|error| transport(&error))?;
        let (status, hold) = (response.status(), body::retry_after(&response));
        let busy =
            status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE && hold.is_some();
        if busy {
            let hold = hold.unwrap_or(HOLD).min(LONGEST_HOLD);
            *gate.quiet_until.lock().unwrap_or_else(PoisonError::into_inner) = clock.now().plus(hold);
            return Err(CallError::Held { hold });
        }
        let headers = response.headers().clone();
        let body = body::read(response, REPLY_LIMIT).await.map_err(|e| CallError::Transport(e.to_string()))?;
        if !status.is_success() {
            return Err(CallError::Status { code: status.as_u16(), text: self.hide(&body::first_line(&body)) });
        }
        Ok(Reply { headers, body })
    }
}

/// What comes back from a JSON-RPC call.
#[derive(serde::Deserialize)]
pub(super) struct RpcReply {
    result: Option<Box<RawValue>>,
    error: Option<RpcFault>,
}

#[derive(serde::Deserialize)]
struct RpcFault {
    code: i64,
    message: String,
    /// NEAR says what it means here.
    cause: Option<Cause>,
}

#[derive(serde::Deserialize)]
struct Cause {
    name: String,
}

impl RpcReply {
    pub fn result<T: DeserializeOwned>(self) -> Result<T, CallError> {
        match (self.result, self.error) {
            (_, Some(RpcFault { code, message, cause })) => {
                let said = cause.map_or(message, |cause| cause.name);
                Err(CallError::Refused {
                    code,
                    message: said.lines().next().unwrap_or_default().chars().take(200).collect(),
                })
            }
            (Some(result), None) => read_json(result.get().as_bytes()),
            // No result is one where the answer may be nothing: a receipt that is not there yet.
            (None, None) => read_json(b"null").map_err(|_| CallError::Malformed("neither result nor error".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, double};
    use super::*;

    #[tokio::test]
    async fn a_host_that_asks_for_quiet_is_left_alone_for_as_long_by_everybody() {
        let double = double(Script::Always(429, vec![("retry-after", "30".to_owned())], "slow down")).await;
        let (one, other) = (double.http(), double.http());
        assert_eq!(one.post(Vec::new()).await.unwrap_err(), CallError::Held { hold: Duration::from_secs(30) });
        assert_eq!(other.post(Vec::new()).await.unwrap_err(), CallError::Held { hold: Duration::from_secs(30) });
        assert_eq!(double.requests(), 1);
        double.clock.advance(Duration::from_secs(31));
        let _asked_again = one.post(Vec::new()).await;
        assert_eq!(double.requests(), 2);
    }

    #[tokio::test]
    async fn an_endless_reply_is_cut_off() {
        let double = double(Script::Huge).await;
        let error = double.http().post(Vec::new()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("reply is larger than {REPLY_LIMIT} bytes"));
    }

    #[tokio::test]
    async fn a_hanging_call_ends() {
        let double = double(Script::Hang).await;
        let http = double.hosts.at(&double.url, Duration::from_millis(50));
        assert!(http.post(Vec::new()).await.unwrap_err().to_string().starts_with("timed out"));
    }

    #[tokio::test]
    async fn an_error_shows_what_was_said_and_never_the_address() {
        let double = double(Script::Always(403, Vec::new(), "bad key\nmore")).await;
        let error = double.http().get(&["v1", "a/b"], &[("denom", "ibc/1&2")], &[]).await.unwrap_err();
        assert_eq!(error.to_string(), "answered 403: bad key");
        assert_eq!(double.paths(), ["/v1/a%2Fb?denom=ibc%2F1%262"]);
    }

    #[tokio::test]
    async fn a_key_that_an_endpoint_repeats_is_shown_to_nobody() {
        let status = Script::Always(403, Vec::new(), "no access for /v2/0123456789abcdef");
        let refused = Script::Always(200, Vec::new(), r#"{"error":{"code":1,"message":"bad key 0123456789abcdef"}}"#);
        let other = Script::Always(200, Vec::new(), r#"{"result":"0123456789abcdef"}"#);
        for script in [status, refused, other] {
            let double = double(script).await;
            let url = double.url.join("v2/0123456789abcdef").unwrap();
            let http = double.hosts.at(&url, Duration::from_secs(20));
            let error = http.rpc::<u64>("eth_chainId", &Value::Null).await.unwrap_err().to_string();
            assert!(error.contains('…') && !error.contains("0123456789"), "{error}");
        }
    }

    #[test]
    fn a_refusal_is_told_from_rubbish() {
        let read = |json: &str| serde_json::from_str::<RpcReply>(json).unwrap().result::<u64>();
        assert_eq!(read(r#"{"result":7}"#), Ok(7));
        let refused = CallError::Refused { code: -32000, message: "header not found".to_owned() };
        assert_eq!(read(r#"{"error":{"code":-32000,"message":"header not found"}}"#), Err(refused));
        assert!(matches!(read("{}"), Err(CallError::Malformed(_))));
        assert!(matches!(read(r#"{"result":"x"}"#), Err(CallError::Malformed(_))));
    }
}
