//! What people do in Slack's client and what their doing sends to the app: commands, clicks, modals, the Home tab.
//!
//! Errors are texts for the person, as Slack's client would show them.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::channel::ChannelKind;
use super::deliver::{self, Kind, Missed, Reply};
use super::elements;
use super::hub::{Hub, settled};
use super::message::Content;
use super::response_url;
use super::state::{SLACKBOT, State};
use super::validate;
use crate::core::time::Timestamp;

/// Where an interaction happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Container {
    Message { channel: String, ts: String },
    View { view_id: String },
}

impl Container {
    /// `{"type":"message","channel":..,"ts":..}` or `{"type":"view","view_id":..}`
    pub fn parse(json: &Value) -> Result<Self, String> {
        let text = |name: &str| json[name].as_str().map(str::to_owned).ok_or(format!("container needs {name}"));
        match json["type"].as_str() {
            Some("message") => Ok(Self::Message { channel: text("channel")?, ts: text("ts")? }),
            Some("view") => Ok(Self::View { view_id: text("view_id")? }),
            _ => Err("container needs a type: message or view".to_owned()),
        }
    }
}

pub(super) const NOT_RESPONDING: &str = "app did not respond in time";

pub(super) fn missed(missed: &Missed) -> String {
    match missed {
        Missed::Timeout => NOT_RESPONDING.to_owned(),
        Missed::Unreachable | Missed::ConnectionFailed | Missed::TooManyRedirects => {
            "app could not be reached".to_owned()
        }
        Missed::Http { status, .. } => format!("app answered with an error ({status})"),
    }
}

pub(super) fn user_id(state: &State, who: &str) -> Result<String, String> {
    state.user(who).map(|u| u.id.clone()).ok_or_else(|| format!("nobody here is called {who}"))
}

/// A channel this user can see, by id or name.
pub(super) fn channel_id(state: &State, which: &str, user: &str) -> Result<String, String> {
    let channel = state.find_channel(which, user).filter(|c| c.has(user));
    channel.map(|c| c.id.clone()).ok_or_else(|| format!("{which} is no channel this user is in"))
}

/// Posts as a person; returns when the app has had its first chance to react. Gives the message's `ts`.
pub async fn say(
    hub: &Arc<Hub>,
    user: &str,
    channel: &str,
    text: &str,
    thread_ts: Option<&str>,
) -> Result<String, String> {
    let now = hub.now();
    let (ts, deliveries) = hub.with_deliveries(|state| {
        let user = user_id(state, user)?;
        let channel = channel_id(state, channel, &user)?;
        let content = Content::text(typed(state, text)).in_thread(thread_ts.map(str::to_owned));
        state.post(&channel, &user, false, content, now).ok_or_else(|| "the channel is gone".to_owned())
    });
    settled(deliveries).await;
    ts
}

/// What Slack's client makes of typed text: `@alice` and `#ops` become links, `&<>` are escaped.
fn typed(state: &State, text: &str) -> String {
    let word = |word: &str| {
        // Slack's own markup passes, so that a test can write a mention by id.
        if ["<@", "<#", "<!"].iter().any(|mark| word.starts_with(mark)) && word.ends_with('>') {
            return word.to_owned();
        }
        let end = word.trim_end_matches([',', '.', ':', '?', '!']).len();
        let (name, rest) = word.split_at(end);
        if let Some(user) = name.strip_prefix('@').and_then(|name| state.users.iter().find(|u| u.name == name)) {
            return format!("<@{}>{rest}", user.id);
        }
        let named = |name: &str| state.channels.iter().find(|c| c.kind != ChannelKind::Im && c.name == name);
        if let Some(channel) = name.strip_prefix('#').and_then(named) {
            return format!("<#{}|{}>{rest}", channel.id, channel.name);
        }
        word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// People in a command as an app that asks for escaping (`should_escape`) gets them.
fn escaped(state: &State, text: &str) -> String {
    let word = |word: &str| {
        let user = word.strip_prefix('@').and_then(|name| state.users.iter().find(|user| user.name == name));
        user.map_or_else(|| word.to_owned(), |user| format!("<@{}|{}>", user.id, user.name))
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Runs a slash command; the app's acknowledgement (or Slack's complaint) appears in the channel.
/// Gives the `ts` of what appeared at once.
pub async fn slash(hub: &Arc<Hub>, user: &str, channel: &str, line: &str) -> Result<Option<String>, String> {
    let now = hub.now();
    let (name, text) = line.split_once(' ').unwrap_or((line, ""));
    let (user, channel, payload) = hub.with(|state| {
        let user = user_id(state, user)?;
        let channel = channel_id(state, channel, &user)?;
        let payload = command(state, hub, name, text.trim(), &user, &channel);
        Ok::<_, String>((user, channel, payload))
    })?;
    let Some(payload) = payload else {
        let complaint = format!(
            "{name} is not a valid command. In Slack, all messages that start with the \"/\" symbol are interpreted as commands."
        );
        return Ok(hub.with(|state| complain(state, &channel, &user, complaint, now)));
    };
    let reply = deliver::deliver(hub, Kind::Command, &payload, None).await;
    let now = hub.now();
    Ok(hub.with(|state| match reply {
        Ok(Reply::Empty) => None,
        Ok(Reply::Text(text)) => show(state, &channel, &user, line, &json!({"text": text}), now),
        Ok(Reply::Json(body)) => show(state, &channel, &user, line, &body, now),
        Err(why) => {
            let code = if why == Missed::Timeout { "operation_timeout" } else { "dispatch_failed" };
            let complaint = format!("{name} failed because the {} ({code})", missed(&why));
            complain(state, &channel, &user, complaint, now)
        }
    }))
}

/// The command as Slack sends it; none when this user has no such command.
fn command(state: &mut State, hub: &Hub, name: &str, text: &str, user: &str, channel: &str) -> Option<Value> {
    let now = hub.now();
    let app = state.app.clone()?;
    let person = state.user(user)?.clone();
    // Commands belong to the user's own workspace, and the app is not installed in a stranger's.
    if person.team != state.team.id || !app.commands.iter().any(|c| c.name == name) {
        return None;
    }
    let path = state.new_response_url("commands", user, channel, None, now);
    let place = state.channel(channel)?;
    let channel_name = if place.kind == ChannelKind::Im { "directmessage".to_owned() } else { place.name.clone() };
    let trigger_id = state.new_trigger(user, now.plus(hub.timing.trigger_life), None);
    Some(json!({
        "token": "local-verification-token", "team_id": state.team.id, "team_domain": state.team.domain,
        "channel_id": channel, "channel_name": channel_name, "user_id": user, "user_name": person.name,
        "command": name, "text": escaped(state, text), "api_app_id": app.app_id, "is_enterprise_install": "false",
        "response_url": format!("{}{path}", hub.base), "trigger_id": trigger_id,
    }))
}

/// Shows a command's acknowledgement, ephemeral unless it asks for the channel.
fn show(state: &mut State, channel: &str, user: &str, line: &str, body: &Value, now: Timestamp) -> Option<String> {
    let bot = state.bot_user()?.to_owned();
    let content = match response_url::content(state, body) {
        Ok(content) => content,
        Err(refusal) => {
            let error = refusal["error"].as_str().unwrap_or_default();
            return match error {
                // An acknowledgement without a text shows nothing.
                "no_text" => None,
                other => complain(state, channel, user, format!("{line} failed with the error \"{other}\""), now),
            };
        }
    };
    if body["response_type"] == "in_channel" {
        state.post(channel, user, false, Content::text(line), now);
        state.post(channel, &bot, true, content, now)
    } else {
        state.post_ephemeral(channel, &bot, user, content, now)
    }
}

/// Slackbot's own words, seen by one person.
fn complain(state: &mut State, channel: &str, user: &str, text: String, now: Timestamp) -> Option<String> {
    state.post_ephemeral(channel, SLACKBOT, user, Content::text(text), now)
}

/// Uses an element of a message or a view: `block_actions`.
pub async fn act(
    hub: &Arc<Hub>,
    user: &str,
    container: &Container,
    action: &Value,
    given: Option<&Value>,
) -> Result<(), String> {
    let payload = hub.with(|state| {
        let user = user_id(state, user)?;
        actions(state, hub, &user, container, action, given)
    })?;
    deliver::deliver(hub, Kind::Interaction, &payload, None).await.map(drop).map_err(|why| missed(&why))
}

fn actions(
    state: &mut State,
    hub: &Hub,
    user: &str,
    container: &Container,
    action: &Value,
    given: Option<&Value>,
) -> Result<Value, String> {
    let now = hub.now();
    let (blocks, view, message) = surface(state, user, container)?;
    let mut pressed = elements::used(&blocks, action)?;
    pressed["action_ts"] = json!(format!("{}.{:06}", now.as_secs(), now.as_millis().rem_euclid(1000) * 1000));
    let from_view =
        view.as_ref().and_then(|v| v["id"].as_str()).filter(|_| view.as_ref().is_some_and(|v| v["type"] == "modal"));
    let trigger_id = state.new_trigger(user, now.plus(hub.timing.trigger_life), from_view.map(str::to_owned));
    let mut payload = common(state, "block_actions", user)?;
    let values = elements::values(&blocks, given.map_or(&Value::Null, |state| &state["values"]))?;
    payload["trigger_id"] = json!(trigger_id);
    payload["actions"] = json!([pressed]);
    match container {
        Container::Message { channel, ts } => {
            let channel = channel_id(state, channel, user)?;
            let name = state.channel(&channel).map(|c| c.name.clone()).filter(|name| !name.is_empty());
            let ephemeral = message["is_ephemeral"] == true;
            payload["container"] =
                json!({"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": ephemeral});
            if let Some(thread) = message["thread_ts"].as_str() {
                payload["container"]["thread_ts"] = json!(thread);
            }
            payload["channel"] = json!({"id": channel, "name": name.unwrap_or_else(|| "directmessage".to_owned())});
            let path = state.new_response_url("actions", user, &channel, Some(ts), now);
            payload["response_url"] = json!(format!("{}{path}", hub.base));
            payload["state"] = json!({"values": values});
            // An ephemeral message is not sent along.
            if !ephemeral {
                payload["message"] = message;
            }
        }
        Container::View { view_id } => {
            let mut view = view.unwrap_or_default();
            view["state"] = json!({"values": values});
            payload["container"] = json!({"type": "view", "view_id": view_id});
            payload["view"] = view;
        }
    }
    Ok(payload)
}

/// The blocks of a container this user can see, with the view or message they are in.
fn surface(state: &State, user: &str, container: &Container) -> Result<(Value, Option<Value>, Value), String> {
    match container {
        Container::Message { channel, ts } => {
            let channel = channel_id(state, channel, user)?;
            let channel = state.channel(&channel).ok_or("the channel is gone")?;
            let message = channel.message(ts).filter(|m| m.only_for.as_deref().is_none_or(|only| only == user));
            let json = state.message_json(channel, message.ok_or("the message is gone")?);
            Ok((elements::blocks_of(&json), None, json))
        }
        Container::View { view_id } => {
            let view = state.views.get(view_id).filter(|v| v.user == user).ok_or("the view is closed")?;
            Ok((view.json["blocks"].clone(), Some(view.json.clone()), Value::Null))
        }
    }
}

/// Chooses one of the app's shortcuts, by name or `callback_id`, in the menu of a message: `message_action`.
pub async fn shortcut(hub: &Arc<Hub>, user: &str, channel: &str, ts: &str, which: &str) -> Result<(), String> {
    let now = hub.now();
    let payload = hub.with(|state| {
        let user = user_id(state, user)?;
        let channel = channel_id(state, channel, &user)?;
        let shortcuts = state.app.as_ref().map(|app| app.shortcuts.clone()).unwrap_or_default();
        let offered = |s: &&super::app::Shortcut| s.name == which || s.callback_id == which;
        let chosen = shortcuts.iter().find(offered).ok_or_else(|| format!("no app offers {which} here"))?;
        let place = state.channel(&channel).ok_or("the channel is gone")?;
        // Ephemeral messages have no such menu.
        let message = place.message(ts).filter(|m| m.only_for.is_none()).ok_or("the message is gone")?;
        let (message, name) = (state.message_json(place, message), place.name.clone());
        let mut payload = common(state, "message_action", &user)?;
        payload["callback_id"] = json!(chosen.callback_id);
        payload["trigger_id"] = json!(state.new_trigger(&user, now.plus(hub.timing.trigger_life), None));
        let path = state.new_response_url("actions", &user, &channel, None, now);
        payload["response_url"] = json!(format!("{}{path}", hub.base));
        payload["action_ts"] = json!(format!("{}.{:06}", now.as_secs(), now.as_millis().rem_euclid(1000) * 1000));
        payload["channel"] =
            json!({"id": channel, "name": if name.is_empty() { "directmessage".to_owned() } else { name }});
        payload["message_ts"] = json!(ts);
        payload["message"] = message;
        Ok::<_, String>(payload)
    })?;
    deliver::deliver(hub, Kind::Interaction, &payload, None).await.map(drop).map_err(|why| missed(&why))
}

/// What every interaction says of its user, team and app.
pub(super) fn common(state: &State, kind: &str, user: &str) -> Result<Value, String> {
    let app = state.app.as_ref().ok_or("no app is installed")?;
    let person = state.user(user).ok_or("nobody here is called that")?;
    Ok(json!({
        "type": kind, "token": "local-verification-token", "api_app_id": app.app_id,
        "team": {"id": state.team.id, "domain": state.team.domain},
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team},
        "enterprise": null, "is_enterprise_install": false,
    }))
}

/// Asks the app for the choices of an external select. Gives `{options}` or `{option_groups}`.
pub async fn suggest(
    hub: &Arc<Hub>,
    user: &str,
    container: &Container,
    asked: &Value,
) -> Result<Map<String, Value>, String> {
    let payload = hub.with(|state| {
        let user = user_id(state, user)?;
        let (_, view, message) = surface(state, &user, container)?;
        let mut payload = common(state, "block_suggestion", &user)?;
        for name in ["action_id", "block_id", "value"] {
            payload[name] = asked[name].clone();
        }
        match container {
            Container::Message { channel, ts } => {
                let channel = channel_id(state, channel, &user)?;
                payload["container"] = json!({"type": "message", "message_ts": ts, "channel_id": channel});
                payload["channel"] = json!({"id": channel});
                payload["message"] = message;
            }
            Container::View { view_id } => {
                payload["container"] = json!({"type": "view", "view_id": view_id});
                payload["view"] = json!(view);
            }
        }
        Ok::<_, String>(payload)
    })?;
    let reply = deliver::deliver(hub, Kind::Interaction, &payload, None).await.map_err(|why| missed(&why))?;
    match reply {
        Reply::Json(answer) if validate::suggestions(&answer).is_empty() => {
            Ok(answer.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect())
        }
        Reply::Json(_) | Reply::Text(_) | Reply::Empty => Err("the app's options could not be shown".to_owned()),
    }
}
