//! An app over HTTP that keeps what it is sent and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::sync::watch;

use super::super::{AppConfig, Delivery};
use super::SOON;

#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
    url: String,
}

struct Inner {
    received: watch::Sender<Vec<Received>>,
    answers: Mutex<VecDeque<Answer>>,
}

#[derive(Clone, Debug)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: String,
}

pub enum Answer {
    Say(u16, String),
    Never,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The event, the interaction's payload, or the command's fields.
    pub fn json(&self) -> Value {
        if let Ok(json) = serde_json::from_str(&self.body) {
            return json;
        }
        let fields = form_urlencoded::parse(self.body.as_bytes()).into_owned();
        let fields: Vec<(String, String)> = fields.collect();
        match fields.as_slice() {
            [(name, payload)] if name == "payload" => serde_json::from_str(payload).unwrap(),
            fields => fields.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect(),
        }
    }
}

impl App {
    pub async fn start() -> Self {
        let inner = Arc::new(Inner { received: watch::Sender::new(Vec::new()), answers: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/slack", listener.local_addr().unwrap());
        let router = Router::new().fallback(receive).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { inner, url }
    }

    pub fn config(&self) -> AppConfig {
        AppConfig { delivery: Delivery::http(&self.url), ..AppConfig::default() }
    }

    /// The next delivery is answered like this; without an answer it is a plain 200.
    pub fn answer(&self, body: &str) {
        self.answer_with(Answer::Say(200, body.to_owned()));
    }

    pub fn answer_with(&self, answer: Answer) {
        self.inner.answers.lock().unwrap().push_back(answer);
    }

    pub fn received(&self) -> Vec<Received> {
        self.inner.received.borrow().clone()
    }

    pub fn last(&self) -> Value {
        self.received().last().expect("a delivery").json()
    }

    /// The events received, by type.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        self.received().iter().map(Received::json).filter(|body| body["event"]["type"] == kind).collect()
    }

    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut received = self.inner.received.subscribe();
        let enough = received.wait_for(|list| list.len() >= count);
        tokio::time::timeout(SOON, enough).await.expect("more deliveries").unwrap().clone()
    }

    pub fn forget(&self) {
        self.inner.received.send_modify(Vec::clear);
    }
}

async fn receive(State(app): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let body = String::from_utf8(body.to_vec()).unwrap();
    let json: Value = serde_json::from_str(&body).unwrap_or_default();
    app.received.send_modify(|list| list.push(Received { headers, body }));
    if json["type"] == "url_verification" {
        return json["challenge"].as_str().unwrap().to_owned().into_response();
    }
    let answer = app.answers.lock().unwrap().pop_front();
    match answer {
        None => StatusCode::OK.into_response(),
        Some(Answer::Say(status, body)) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Some(Answer::Never) => std::future::pending().await,
    }
}
