//! Real nodes on loopback, and a proxy before them that alters what they say.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

/// A node in a process of its own, until dropped.
pub struct Node {
    pub url: Url,
    process: Child,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _it_ended_by_itself = self.process.kill();
        let _not_left_as_a_zombie = self.process.wait();
    }
}

impl Node {
    /// An EVM node of this chain id.
    pub fn anvil(chain: u64) -> Self {
        let mut command = Command::new(binary("WATCHKEEPER_TEST_ANVIL"));
        command.args(["--port", "0", "--chain-id", &chain.to_string()]);
        Self::start(command, |line| Some(format!("http://{}", line.strip_prefix("Listening on ")?)))
    }

    /// A Solana RPC endpoint over an empty ledger.
    pub fn surfnet() -> Self {
        Self::start(Command::new(binary("WATCHKEEPER_TEST_SURFNET")), |line| {
            line.starts_with("http://").then(|| line.to_owned())
        })
    }

    fn start(mut command: Command, url: impl Fn(&str) -> Option<String>) -> Self {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = lines.find_map(|line| url(&line.unwrap())).expect("it says where it listens");
        // What it goes on to print must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { url: url.parse().unwrap(), process }
    }

    /// One JSON-RPC call that must succeed.
    pub async fn call(&self, method: &str, params: Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let reply: Value = serde_json::from_slice(&forward(&self.url, request.to_string().into()).await).unwrap();
        assert!(reply["error"].is_null(), "{method}: {reply}");
        reply["result"].clone()
    }
}

fn binary(variable: &str) -> String {
    std::env::vars().find(|(name, _)| name == variable).map(|(_, value)| value).expect("run by scripts/test")
}

/// What becomes of a node's answer, by the request's method.
pub type Meddle = Box<dyn Fn(&str, Value) -> Said + Send + Sync>;

pub enum Said {
    Json(Value),
    Raw(&'static str),
    Nothing,
}

struct Before {
    node: Url,
    meddle: Meddle,
    requests: Mutex<usize>,
}

/// A proxy before a node.
#[derive(Clone)]
pub struct Proxy {
    pub url: Url,
    before: Arc<Before>,
}

impl Proxy {
    pub async fn start(node: &Node, meddle: impl Fn(&str, Value) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let before = Before { node: node.url.clone(), meddle: Box::new(meddle), requests: Mutex::default() };
        let before = Arc::new(before);
        let router = Router::new().fallback(pass).with_state(before.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, before }
    }

    /// One that only counts.
    pub async fn honest(node: &Node) -> Self {
        Self::start(node, |_, reply| Said::Json(reply)).await
    }

    pub fn requests(&self) -> usize {
        *self.before.requests.lock().unwrap()
    }
}

async fn pass(State(before): State<Arc<Before>>, body: Bytes) -> String {
    *before.requests.lock().unwrap() += 1;
    let request: Value = serde_json::from_slice(&body).unwrap();
    let method = request["method"].as_str().unwrap_or("batch").to_owned();
    let reply = serde_json::from_slice(&forward(&before.node, body).await).unwrap();
    match (before.meddle)(&method, reply) {
        Said::Json(reply) => reply.to_string(),
        Said::Raw(text) => text.to_owned(),
        Said::Nothing => std::future::pending().await,
    }
}

async fn forward(node: &Url, body: Bytes) -> Bytes {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
    let request = client.post(node.clone()).header("content-type", "application/json").body(body);
    request.send().await.unwrap().bytes().await.unwrap()
}
