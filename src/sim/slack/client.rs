//! What Slack's own client would talk to: the JSON and WebSocket endpoints behind the page (`sim/page`).
//!
//! Loopback only: a request whose `Host` (or `Origin`) is not loopback is refused with 403. No token; `user` says who is looking.
//! Every `user` and `channel` may be an id or a name (`alice`, `#ops`). Bodies and answers are JSON.
//!
//! | request | answer |
//! |---|---|
//! | `GET /sim/bootstrap[?user=]` (nobody named: the first person) | `{ok, team:{id,name,domain}, me:User, users:[User], channels:[Channel], commands:[Command], now:seconds, app:App or null, home:View or null, views:[View]}` |
//! | `GET /sim/messages?channel=&user=[&thread_ts=]` | `{ok, channel:Channel, messages:[Message]}` oldest first, this user's ephemerals merged in by `ts`; without `thread_ts` no thread replies (except broadcasts). Marks the channel read |
//! | `GET /sim/live?user=` | WebSocket, see below |
//! | `POST /sim/say {user,channel,text,thread_ts?}` | `{ok, ts?, error?}`; a text starting with `/` runs the slash command instead |
//! | `POST /sim/action {user, container, action, state?}` | `{ok, error?}`; `container` is `{type:"message",channel,ts}` or `{type:"view",view_id}`; `action` is Slack's action object: at least `action_id` and `block_id`, and the choice (`value`, `selected_option`, `selected_options`, `selected_user`, `selected_date`, ...) |
//! | `POST /sim/view/submit {user,view_id,values}` | `{ok, errors?:{block_id:text}, error?}`; `values` is Slack's `state.values` |
//! | `POST /sim/view/close {user,view_id}` | `{ok}`; closes this view and those above it |
//! | `POST /sim/home {user}` | `{ok, error?}`; the user opened the app's Home tab, the `home` push brings the view |
//! | `POST /sim/suggest {user,action_id,block_id,value,container}` | `{ok, options?:[Option], option_groups?:[..], error?}` |
//! | `POST /sim/react {user,channel,ts,name,remove?}` | `{ok, error?}` |
//! | `POST /sim/shortcut {user,channel,ts,callback_id}` | `{ok, error?}`; one of `app.shortcuts` in the menu of a message |
//! | `GET /files/{id}` | the file's bytes; `slack_file: {id}` in an image block is shown from here |
//!
//! `error` is written for people, as Slack's client shows it (`"app did not respond in time"`).
//!
//! Pushes on the WebSocket, only those this user may see:
//! ```json
//! {"type":"message","channel":"C..","message":{}}
//! {"type":"changed","channel":"C..","message":{}}
//! {"type":"deleted","channel":"C..","ts":"..","thread_ts":null}
//! {"type":"ephemeral","channel":"C..","message":{}}
//! {"type":"ephemeral_deleted","channel":"C..","ts":".."}
//! {"type":"view","view":{},"stack":["V.."]}
//! {"type":"view_closed","view_ids":["V.."],"stack":[]}
//! {"type":"home","view":{}}
//! {"type":"channel","channel":{}}
//! {"type":"file","file":{}}
//! {"type":"app","app":{},"commands":[]}
//! ```
//! `changed` also tells of reactions, reply counts and replaced ephemerals (`message.is_ephemeral`). `stack` is the open modals,
//! lowest first; `view` is new or replaces the one with its id. A push with `{"type":"lagged"}` means: load everything again.
//!
//! Shapes (Slack's own, with the fields named here always present):
//! - User `{id, team_id, name, real_name, profile:{display_name, title, real_name, image_72}, is_bot, is_stranger, tz, color}`
//! - Channel `{id, name, is_channel, is_im, is_private, is_ext_shared, is_member, is_archived, topic:{value}, purpose:{value}, num_members,
//!   members:[id], user (the other one, for an im), unread}`
//! - Message `{type:"message", channel, ts, text, user, bot_id?, app_id?, bot_profile?, team, blocks?, attachments?, files?, thread_ts?,
//!   reply_count?, reply_users?, latest_reply?, edited?:{user,ts}, reactions?:[{name,count,users}], subtype?, is_ephemeral?}`
//! - Command `{command, description, usage_hint, completions:["feed <symbol> — One price feed now"]}`: what may follow the
//!   command, where its arguments begin at the first `<` or `[`, and what it does
//! - App `{id, name, bot_user_id, bot_id, delivery:"http"|"socket_mode", shortcuts:[{name, callback_id}]}`
//! - View: Slack's view object `{id, type:"modal"|"home", title, submit, close, blocks, callback_id, private_metadata, hash,
//!   state:{values}, root_view_id, previous_view_id, notify_on_close, clear_on_close, external_id, submit_disabled}`

use std::sync::Arc;

use axum::extract::ws::{self, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, Request, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::app::AppConfig;
use super::channel::Channel;
use super::hub::{Hub, Live, settled};
use super::interact::{self, Container, channel_id, user_id};
use super::message::Message;
use super::modals::{self, Submitted};
use super::state::State;

pub(super) fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route("/sim/bootstrap", get(bootstrap))
        .route("/sim/messages", get(messages))
        .route("/sim/live", get(live))
        .route("/sim/say", post(say))
        .route("/sim/action", post(action))
        .route("/sim/view/submit", post(submit))
        .route("/sim/view/close", post(close))
        .route("/sim/home", post(home))
        .route("/sim/suggest", post(suggest))
        .route("/sim/react", post(react))
        .route("/sim/shortcut", post(shortcut))
        .layer(middleware::from_fn(loopback_only))
}

/// A page on the internet must not be able to speak as the people in here, neither by rebinding a name to
/// 127.0.0.1 nor by a cross-site request.
async fn loopback_only(request: Request, next: Next) -> Response {
    if is_loopback(request.headers()) { next.run(request).await } else { StatusCode::FORBIDDEN.into_response() }
}

fn is_loopback(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let local = |authority: &str| {
        let host = authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        matches!(host.map_or(authority, |(host, _)| host), "127.0.0.1" | "localhost" | "[::1]")
    };
    let origin = |origin: &str| origin.strip_prefix("http://").is_some_and(local);
    text("host").is_some_and(local) && text("origin").is_none_or(origin)
}

type Answer = Json<Value>;

fn answer(result: Result<Value, String>) -> Answer {
    match result {
        Ok(mut more) => {
            more["ok"] = json!(true);
            Json(more)
        }
        Err(error) => Json(json!({"ok": false, "error": error})),
    }
}

#[derive(Deserialize)]
struct Who {
    user: String,
}

#[derive(Deserialize)]
struct Visitor {
    user: Option<String>,
}

async fn bootstrap(Shared(hub): Shared<Arc<Hub>>, Query(Visitor { user }): Query<Visitor>) -> Answer {
    answer(hub.read(|state| {
        let me = match user {
            Some(user) => user_id(state, &user)?,
            None => state.users.iter().find(|u| !u.is_bot).map(|u| u.id.clone()).ok_or("nobody is here")?,
        };
        let app = state.app.as_ref();
        let open = state.stacks.get(&me).into_iter().flatten();
        Ok(json!({
            "team": {"id": state.team.id, "name": state.team.name, "domain": state.team.domain},
            "me": state.user(&me).map(|u| state.user_json(u)),
            "users": state.users.iter().map(|u| state.user_json(u)).collect::<Vec<_>>(),
            "channels": state.channels.iter().filter(|c| c.has(&me)).map(|c| state.channel_json(c, &me)).collect::<Vec<_>>(),
            "commands": app.map_or(json!([]), AppConfig::commands_json),
            "now": hub.now().as_secs(),
            "app": app.map(AppConfig::json),
            "home": state.homes.get(&me).and_then(|id| state.views.get(id)).map(|v| &v.json),
            "views": open.filter_map(|id| state.views.get(id)).map(|v| &v.json).collect::<Vec<_>>(),
        }))
    }))
}

#[derive(Deserialize)]
struct Where {
    channel: String,
    user: String,
    thread_ts: Option<String>,
}

async fn messages(Shared(hub): Shared<Arc<Hub>>, Query(asked): Query<Where>) -> Answer {
    answer(hub.with(|state| {
        let me = user_id(state, &asked.user)?;
        let id = channel_id(state, &asked.channel, &me)?;
        if asked.thread_ts.is_none()
            && let Some(channel) = state.channel_mut(&id)
            && let Some(newest) = channel.messages.last().map(|m| m.ts.clone())
        {
            channel.read.insert(me.clone(), newest);
        }
        let channel = state.channel(&id).ok_or("the channel is gone")?;
        let shown = visible(state, channel, &me, asked.thread_ts.as_deref());
        Ok(json!({"channel": state.channel_json(channel, &me), "messages": shown}))
    }))
}

/// What one person sees in a channel or thread, oldest first.
pub(super) fn visible(state: &State, channel: &Channel, me: &str, thread_ts: Option<&str>) -> Vec<Value> {
    let here = |m: &&Message| {
        let mine = m.only_for.as_deref().is_none_or(|only| only == me);
        let reply_to = m.content.thread_ts.as_deref().filter(|thread| *thread != m.ts);
        let shown = match thread_ts {
            Some(thread) => m.ts == thread || reply_to == Some(thread),
            None => reply_to.is_none() || m.content.broadcast,
        };
        mine && shown
    };
    channel.messages.iter().filter(here).map(|m| state.message_json(channel, m)).collect()
}

async fn live(Shared(hub): Shared<Arc<Hub>>, Query(Who { user }): Query<Who>, upgrade: WebSocketUpgrade) -> Response {
    match hub.read(|state| user_id(state, &user)) {
        Ok(me) => {
            // Before the handshake is answered, so that nothing is missed after it.
            let pushes = hub.live.subscribe();
            upgrade.on_upgrade(move |socket| push_all(hub, me, pushes, socket))
        }
        Err(error) => (StatusCode::NOT_FOUND, error).into_response(),
    }
}

async fn push_all(hub: Arc<Hub>, me: String, mut pushes: Receiver<Live>, mut socket: WebSocket) {
    loop {
        let push = tokio::select! {
            push = pushes.recv() => push,
            () = hub.stop.cancelled() => return,
            received = socket.recv() => match received {
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
        };
        let text = match push {
            Ok(push) if push.to.as_ref().is_none_or(|to| to.contains(&me)) => push.push.to_string(),
            Ok(_) => continue,
            Err(RecvError::Lagged(_)) => json!({"type": "lagged"}).to_string(),
            Err(RecvError::Closed) => return,
        };
        if socket.send(ws::Message::text(text)).await.is_err() {
            return;
        }
    }
}

#[derive(Deserialize)]
struct Say {
    user: String,
    channel: String,
    text: String,
    thread_ts: Option<String>,
}

async fn say(Shared(hub): Shared<Arc<Hub>>, Json(said): Json<Say>) -> Answer {
    let Say { user, channel, text, thread_ts } = said;
    if text.starts_with('/') {
        let ran = interact::slash(&hub, &user, &channel, &text).await;
        return answer(ran.map(|ts| json!({"ts": ts})));
    }
    answer(interact::say(&hub, &user, &channel, &text, thread_ts.as_deref()).await.map(|ts| json!({"ts": ts})))
}

#[derive(Deserialize)]
struct Act {
    user: String,
    container: Value,
    action: Value,
    state: Option<Value>,
}

async fn action(Shared(hub): Shared<Arc<Hub>>, Json(act): Json<Act>) -> Answer {
    let container = match Container::parse(&act.container) {
        Ok(container) => container,
        Err(error) => return answer(Err(error)),
    };
    answer(interact::act(&hub, &act.user, &container, &act.action, act.state.as_ref()).await.map(|()| json!({})))
}

#[derive(Deserialize)]
struct Submit {
    user: String,
    view_id: String,
    #[serde(default)]
    values: Value,
}

async fn submit(Shared(hub): Shared<Arc<Hub>>, Json(form): Json<Submit>) -> Answer {
    match modals::submit(&hub, &form.user, &form.view_id, &form.values).await {
        Ok(Submitted::Done) => answer(Ok(json!({}))),
        Ok(Submitted::Errors(errors)) => Json(json!({"ok": false, "errors": errors})),
        Err(error) => answer(Err(error)),
    }
}

#[derive(Deserialize)]
struct Close {
    user: String,
    view_id: String,
}

async fn close(Shared(hub): Shared<Arc<Hub>>, Json(Close { user, view_id }): Json<Close>) -> Answer {
    answer(modals::close(&hub, &user, &view_id).await.map(|()| json!({})))
}

async fn home(Shared(hub): Shared<Arc<Hub>>, Json(Who { user }): Json<Who>) -> Answer {
    answer(modals::open_home(&hub, &user).await.map(|()| json!({})))
}

async fn suggest(Shared(hub): Shared<Arc<Hub>>, Json(asked): Json<Value>) -> Answer {
    let user = asked["user"].as_str().unwrap_or_default();
    let container = match Container::parse(&asked["container"]) {
        Ok(container) => container,
        Err(error) => return answer(Err(error)),
    };
    answer(interact::suggest(&hub, user, &container, &asked).await.map(Value::Object))
}

#[derive(Deserialize)]
struct React {
    user: String,
    channel: String,
    ts: String,
    name: String,
    #[serde(default)]
    remove: bool,
}

async fn react(Shared(hub): Shared<Arc<Hub>>, Json(asked): Json<React>) -> Answer {
    let now = hub.now();
    let (reacted, deliveries) = hub.with_deliveries(|state| {
        let user = user_id(state, &asked.user)?;
        let channel = channel_id(state, &asked.channel, &user)?;
        let done = state.react(&channel, &asked.ts, &user, asked.name.trim_matches(':'), !asked.remove, now);
        done.map_err(|refusal| refusal.error().to_owned())
    });
    settled(deliveries).await;
    answer(reacted.map(|()| json!({})))
}

#[derive(Deserialize)]
struct Chosen {
    user: String,
    channel: String,
    ts: String,
    callback_id: String,
}

async fn shortcut(Shared(hub): Shared<Arc<Hub>>, Json(chosen): Json<Chosen>) -> Answer {
    let Chosen { user, channel, ts, callback_id } = chosen;
    answer(interact::shortcut(&hub, &user, &channel, &ts, &callback_id).await.map(|()| json!({})))
}
