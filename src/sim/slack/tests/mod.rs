//! The workspace against its own claims, with a clock the tests move and a small app that answers as it is told.

mod api;
mod app;
mod blocks;
mod deliveries;
mod faults;
mod files;
mod people;
mod sockets;
mod views;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{AppConfig, Config, Timing, Workspace, start};
use crate::clock::Clock;
use crate::core::time::Timestamp;
use app::App;

/// For what must come soon on the machine's clock; nothing waits this long when all is well.
const SOON: Duration = Duration::from_secs(20);

/// Stands still until it is moved.
#[derive(Clone, Debug)]
struct HandClock(Arc<watch::Sender<Timestamp>>);

impl HandClock {
    fn advance(&self, length: Duration) {
        self.0.send_modify(|now| *now = now.plus(length));
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn sleep(&self, length: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (mut time, until) = (self.0.subscribe(), self.now().plus(length));
        Box::pin(async move {
            let _ = time.wait_for(|now| *now >= until).await;
        })
    }
}

/// A workspace, the clock it goes by, and a plain HTTP client.
struct Bench {
    slack: Workspace,
    clock: HandClock,
    http: reqwest::Client,
}

impl Bench {
    /// With the app installed for Socket Mode and nobody connected.
    async fn open() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(set: impl FnOnce(&mut Config)) -> Self {
        let clock = HandClock(Arc::new(watch::Sender::new(Timestamp::from_secs(1_796_000_000))));
        let mut config = Config::new(Arc::new(clock.clone()));
        config.app = Some(AppConfig::default());
        config.timing = Timing { ack_within: Duration::from_millis(500), ..Timing::default() };
        set(&mut config);
        let slack = start(config).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(SOON).build().unwrap();
        Self { slack, clock, http }
    }

    /// With an app over HTTP that keeps what it is sent.
    async fn with_app() -> (Self, App) {
        let bench = Self::open().await;
        let app = App::start().await;
        bench.slack.install(app.config()).await.unwrap();
        app.forget();
        (bench, app)
    }

    /// Calls a method with the bot's token and JSON.
    async fn call(&self, method: &str, args: Value) -> Value {
        let token = AppConfig::default().bot_token;
        self.send(method, &token, &args).await.json().await.unwrap()
    }

    async fn send(&self, method: &str, token: &str, args: &Value) -> reqwest::Response {
        let url = format!("{}/{method}", self.slack.api_url());
        self.http.post(url).bearer_auth(token).json(args).send().await.unwrap()
    }

    async fn post(&self, text: &str) -> String {
        let answer = self.call("chat.postMessage", json!({"channel": "C0OPS", "text": text})).await;
        answer["ts"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    async fn error(&self, method: &str, args: Value) -> String {
        let answer = self.call(method, args).await;
        answer["error"].as_str().unwrap_or_else(|| panic!("{method} was not refused: {answer}")).to_owned()
    }
}

fn texts(messages: &[Value]) -> Vec<&str> {
    messages.iter().filter_map(|m| m["text"].as_str()).collect()
}
