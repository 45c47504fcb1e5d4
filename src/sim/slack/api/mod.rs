//! The Web API: `POST {base}/api/{method}` with a form or JSON, a token in the header or the body.

pub mod args;
pub mod chat;
mod conversations;
mod files;
mod identity;
mod marks;
mod people;
mod usergroups;
mod views;

pub use views::checked as views_checked;

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::app::AppConfig;
use super::faults::Failure;
use super::hub::Hub;
use super::limits::Tier;
use super::state::{Call, State};
use crate::core::time::Timestamp;
use args::Args;

/// One Web API method.
pub struct Method {
    name: &'static str,
    /// Any of these suffices; none needed when empty.
    scopes: &'static [&'static str],
    tier: Tier,
    run: fn(&mut Ask) -> Answer,
}

impl Method {
    const fn new(name: &'static str, scopes: &'static [&'static str], tier: Tier, run: fn(&mut Ask) -> Answer) -> Self {
        Self { name, scopes, tier, run }
    }
}

/// A call that got past the door.
pub struct Ask<'a> {
    pub state: &'a mut State,
    pub args: &'a Args,
    pub app: AppConfig,
    pub base: &'a str,
    pub now: Timestamp,
}

/// What is added to `"ok": true`, or why not.
pub type Answer = Result<Value, Refusal>;

/// `"ok": false` and the rest of Slack's error shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    error: String,
    more: Map<String, Value>,
}

impl Refusal {
    pub fn new(error: impl Into<String>) -> Self {
        Self { error: error.into(), more: Map::new() }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// `invalid_arguments`, naming them.
    pub fn arguments(message: &str) -> Self {
        Self::new("invalid_arguments").with("response_metadata", json!({"messages": [format!("[ERROR] {message}")]}))
    }

    pub fn error(&self) -> &str {
        &self.error
    }

    pub fn body(self) -> Value {
        let mut body = Map::from_iter([("ok".to_owned(), json!(false)), ("error".to_owned(), json!(self.error))]);
        body.extend(self.more);
        Value::Object(body)
    }
}

impl From<&str> for Refusal {
    fn from(error: &str) -> Self {
        Self::new(error)
    }
}

fn method(name: &str) -> Option<&'static Method> {
    let families: [&[Method]; 8] = [
        identity::METHODS,
        chat::METHODS,
        conversations::METHODS,
        people::METHODS,
        usergroups::METHODS,
        views::METHODS,
        files::METHODS,
        marks::METHODS,
    ];
    families.into_iter().flatten().find(|method| method.name == name)
}

/// An answer on its way out.
struct Out {
    status: u16,
    body: Value,
    retry_after: Option<u64>,
    scopes: Option<String>,
}

impl Out {
    fn new(status: u16, body: Value) -> Self {
        Self { status, body, retry_after: None, scopes: None }
    }
}

/// Receives a call, lets the fault switches have their way, and answers.
pub async fn call(hub: Arc<Hub>, name: String, headers: HeaderMap, query: Option<String>, body: Bytes) -> Response {
    let args = match Args::read(&headers, query.as_deref(), &body) {
        Ok(args) => args,
        Err(refusal) => return respond(Out::new(200, refusal.body())),
    };
    let now = hub.now();
    let failure = hub.with(|state| state.faults.take(&name));
    let effective = matches!(failure, None | Some(Failure::AcceptedThen(_) | Failure::AcceptedThenHang));
    let honest = if effective {
        hub.with(|state| answer(state, &name, &args, &hub.base, now))
    } else {
        Out::new(200, Value::Null)
    };
    let out = match &failure {
        None => honest,
        Some(Failure::RateLimited { retry_after }) => limited(*retry_after),
        Some(Failure::Status(status) | Failure::AcceptedThen(status)) => Out::new(*status, Value::Null),
        Some(Failure::Error(error)) => Out::new(200, Refusal::new(error.as_str()).body()),
        Some(Failure::Hang | Failure::AcceptedThenHang) => Out::new(0, Value::Null),
        Some(Failure::Garbage) => Out::new(200, json!("<html>upstream connect error")),
    };
    hub.with(|state| {
        let call = Call { method: name, args: args.logged(), status: out.status, answer: out.body.clone(), at: now };
        state.log(call);
    });
    if out.status == 0 {
        hub.stop.cancelled().await;
    }
    respond(out)
}

fn answer(state: &mut State, name: &str, args: &Args, base: &str, now: Timestamp) -> Out {
    let Some(method) = method(name) else {
        return Out::new(200, Refusal::new("unknown_method").with("req_method", json!(name)).body());
    };
    let app = match admit(state, method, args) {
        Ok(app) => app,
        Err(refusal) => return Out::new(200, refusal.body()),
    };
    if state.faults.rate_limits
        && let Err(retry_after) = state.limits.admit(name, args.str("channel"), method.tier, now)
    {
        return limited(retry_after);
    }
    let scopes = app.scopes.join(",");
    let mut ask = Ask { state, args, app, base, now };
    let mut out = match (method.run)(&mut ask) {
        Ok(mut more) => {
            let mut body = json!({"ok": true});
            if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object_mut()) {
                body.append(more);
            }
            Out::new(200, body)
        }
        Err(refusal) => Out::new(200, refusal.body()),
    };
    out.scopes = Some(scopes);
    out
}

/// Token, token type and scope, in the order Slack looks at them.
fn admit(state: &State, method: &Method, args: &Args) -> Result<AppConfig, Refusal> {
    let installed = state.app.clone();
    if method.name == "api.test" {
        return Ok(installed.unwrap_or_default());
    }
    let token = args.token().ok_or("not_authed")?;
    let app = installed.ok_or("invalid_auth")?;
    let app_level = method.name == "apps.connections.open";
    let (right, wrong) = if app_level { (&app.app_token, &app.bot_token) } else { (&app.bot_token, &app.app_token) };
    if token == *wrong {
        return Err("not_allowed_token_type".into());
    }
    if token != *right {
        return Err("invalid_auth".into());
    }
    let granted = |scope: &&'static str| app.scopes.iter().any(|s| s == scope);
    if !method.scopes.is_empty() && !method.scopes.iter().any(granted) {
        return Err(Refusal::new("missing_scope")
            .with("needed", json!(method.scopes.first()))
            .with("provided", json!(app.scopes.join(","))));
    }
    Ok(app)
}

fn limited(retry_after: u64) -> Out {
    Out { retry_after: Some(retry_after), ..Out::new(429, Refusal::new("ratelimited").body()) }
}

fn respond(out: Out) -> Response {
    let status = StatusCode::from_u16(out.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // A plain string is a broken gateway's page, and nothing at all is a broken gateway without one.
    let body = match out.body {
        Value::Null => String::new(),
        Value::String(page) => page,
        json => json.to_string(),
    };
    let mut response = (status, [("content-type", "application/json; charset=utf-8")], body).into_response();
    let mut header = |name: &'static str, value: String| {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    };
    if let Some(seconds) = out.retry_after {
        header("retry-after", seconds.to_string());
    }
    if let Some(scopes) = out.scopes {
        header("x-oauth-scopes", scopes);
    }
    response
}
