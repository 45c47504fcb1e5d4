//! `response_url`: answer a command or a click five times within thirty minutes, without being in the channel.
//! <https://docs.slack.dev/interactivity/handling-user-interaction#message_responses>

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::api::chat;
use super::hub::Hub;
use super::message::Content;
use super::state::State;
use super::validate;
use crate::core::time::Timestamp;

const USES: u32 = 5;
const LIFE: Duration = Duration::from_mins(30);

/// Who may be answered, and where.
#[derive(Clone, Debug)]
pub struct ResponseUrl {
    user: String,
    channel: String,
    /// The message that was clicked, when there was one.
    source: Option<String>,
    thread_ts: Option<String>,
    uses_left: u32,
    expires_at: Timestamp,
}

impl State {
    /// The path of a fresh response URL.
    pub fn new_response_url(
        &mut self,
        kind: &str,
        user: &str,
        channel: &str,
        source: Option<&str>,
        now: Timestamp,
    ) -> String {
        let id = format!("{}/{}", self.mint("R"), self.mint_hex(12));
        let thread_ts = source
            .and_then(|ts| self.channel(channel)?.message(ts))
            .and_then(|m| m.content.thread_ts.clone().filter(|thread| *thread != m.ts));
        let url = ResponseUrl {
            user: user.to_owned(),
            channel: channel.to_owned(),
            source: source.map(str::to_owned),
            thread_ts,
            uses_left: USES,
            expires_at: now.plus(LIFE),
        };
        let path = format!("/{kind}/{}/{id}", self.team.id);
        self.response_urls.insert(path.clone(), url);
        path
    }
}

/// Does what the body asks; an error is Slack's word for it and an HTTP status.
pub fn respond(hub: &Arc<Hub>, path: &str, body: &Value) -> Result<(), (u16, Value)> {
    let now = hub.now();
    hub.with(|state| answer(state, path, body, now))
}

fn answer(state: &mut State, path: &str, body: &Value, now: Timestamp) -> Result<(), (u16, Value)> {
    let refuse = |status: u16, error: &str| (status, json!({"ok": false, "error": error}));
    let Some(url) = state.response_urls.get_mut(path) else { return Err(refuse(404, "invalid_url")) };
    if url.expires_at <= now {
        return Err(refuse(404, "expired_url"));
    }
    if url.uses_left == 0 {
        return Err(refuse(404, "used_url"));
    }
    url.uses_left -= 1;
    let url = url.clone();
    if yes(&body["delete_original"]) {
        let deleted = url.source.as_deref().and_then(|ts| state.delete(&url.channel, ts, now));
        return deleted.ok_or_else(|| refuse(404, "message_not_found"));
    }
    let content = content(state, body).map_err(|answer| (400, answer))?;
    publish(state, &url, body, content, now).ok_or_else(|| refuse(404, "message_not_found"))
}

fn publish(state: &mut State, url: &ResponseUrl, body: &Value, content: Content, now: Timestamp) -> Option<()> {
    let bot = state.bot_user()?.to_owned();
    if yes(&body["replace_original"]) {
        return state.edit(&url.channel, url.source.as_deref()?, &bot, content, now);
    }
    let thread_ts = body["thread_ts"].as_str().map(str::to_owned).or(url.thread_ts.clone());
    let content = content.in_thread(thread_ts);
    if body["response_type"] == "in_channel" {
        state.post(&url.channel, &bot, true, content, now)?;
    } else {
        state.post_ephemeral(&url.channel, &bot, &url.user, content, now)?;
    }
    Some(())
}

/// What a command's acknowledgement or a response says.
pub fn content(state: &State, body: &Value) -> Result<Content, Value> {
    let text = body["text"].as_str().unwrap_or_default();
    let (blocks, attachments) = (non_empty(&body["blocks"]), non_empty(&body["attachments"]));
    if text.is_empty() && blocks.is_none() && attachments.is_none() {
        return Err(json!({"ok": false, "error": "no_text"}));
    }
    if let Some(blocks) = &blocks {
        let faults = validate::message(blocks, &|file| state.shows(file));
        if !faults.is_empty() {
            return Err(chat::invalid_blocks(&faults).body());
        }
    }
    Ok(Content { blocks, attachments, ..Content::text(text) })
}

fn non_empty(value: &Value) -> Option<Value> {
    value.as_array().filter(|list| !list.is_empty()).map(|_| value.clone())
}

/// Slack's own examples write these as strings.
fn yes(value: &Value) -> bool {
    value == true || value == "true"
}
