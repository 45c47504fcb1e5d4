//! Interactivity payloads and slash commands (<https://docs.slack.dev/reference/interaction-payloads>).

use serde_json::Value;

use super::pick::{body_key, element, flag, id, ignored, list, moment, owned, state, text, unescaped};
use super::{
    BlockAction, BlockSuggestion, Container, Element, Input, MessageAction, OpenView, ResponseUrl, Shortcut,
    SlashCommand, ViewClosed, ViewSubmission,
};
use crate::core::ids::{ChannelId, MessageTs, TeamId, UserId};
use crate::core::time::Timestamp;

pub(super) fn command(payload: &Value) -> (Option<String>, Input) {
    let key = trigger(payload).map(|trigger| format!("command:{trigger}"));
    let command = || {
        Some(SlashCommand {
            command: owned(payload, "/command")?,
            text: unescaped(text(payload, "/text").unwrap_or_default().trim()),
            user: id(payload, &["/user_id"], UserId::new)?,
            user_team: id(payload, &["/team_id"], TeamId::new),
            channel: id(payload, &["/channel_id"], ChannelId::new)?,
            channel_name: owned(payload, "/channel_name"),
            trigger_id: trigger(payload),
            response_url: response_url(payload),
        })
    };
    (key, command().map_or_else(|| ignored("slash_command", "without command, user or channel"), Input::Command))
}

/// Any payload of the interactivity request URL. Slack does not retry these, so each has a key of its own.
pub(super) fn interaction(payload: &Value) -> (Option<String>, Input) {
    let kind = text(payload, "/type").unwrap_or_default();
    let Some(user) = id(payload, &["/user/id"], UserId::new) else {
        return (None, ignored(kind, "without a user"));
    };
    let user_team = id(payload, &["/user/team_id"], TeamId::new);
    match kind {
        "block_actions" => (action_key(payload), block_action(payload, user, user_team)),
        "view_submission" => (view_key(payload, kind), view_submission(payload, user, user_team)),
        "view_closed" => {
            let is_cleared = flag(payload, "/is_cleared");
            let closed = ViewClosed { user, user_team, view: open_view(payload).unwrap_or_default(), is_cleared };
            (view_key(payload, kind), Input::ViewClosed(closed))
        }
        "shortcut" => {
            let callback_id = owned(payload, "/callback_id").unwrap_or_default();
            let shortcut = Shortcut { callback_id, user, user_team, trigger_id: trigger(payload) };
            (action_key(payload), Input::Shortcut(shortcut))
        }
        "message_action" => (action_key(payload), message_action(payload, user, user_team)),
        "block_suggestion" => (None, block_suggestion(payload, user, user_team)),
        other => (None, ignored(other, "not an interaction watchkeeper offers")),
    }
}

pub(super) fn occurred_at(payload: &Value) -> Option<Timestamp> {
    moment(payload, "/action_ts").or_else(|| moment(payload, "/actions/0/action_ts"))
}

fn block_action(payload: &Value, user: UserId, user_team: Option<TeamId>) -> Input {
    let actions: Vec<Element> = list(payload, "/actions")
        .filter_map(|action| {
            let action_id = text(action, "/action_id")?;
            Some(element(text(action, "/block_id").unwrap_or_default(), action_id, action))
        })
        .collect();
    if actions.is_empty() {
        return ignored("block_actions", "without an action");
    }
    let view = open_view(payload);
    let state = view.as_ref().map_or_else(|| state(payload, "/state"), |view| view.state.clone());
    Input::Action(BlockAction {
        user,
        user_team,
        container: container(payload),
        channel: id(payload, &["/channel/id", "/container/channel_id"], ChannelId::new),
        message_ts: id(payload, &["/message/ts", "/container/message_ts"], MessageTs::new),
        thread_ts: id(payload, &["/message/thread_ts", "/container/thread_ts"], MessageTs::new),
        actions,
        state,
        trigger_id: trigger(payload),
        response_url: response_url(payload),
        view,
    })
}

fn container(payload: &Value) -> Container {
    match text(payload, "/container/type") {
        // Blocks under a colour bar sit in an attachment.
        Some("message" | "message_attachment") => {
            Container::Message { ephemeral: flag(payload, "/container/is_ephemeral") }
        }
        Some("view") => Container::View,
        Some(_) | None => Container::Unknown,
    }
}

fn view_submission(payload: &Value, user: UserId, user_team: Option<TeamId>) -> Input {
    let Some(view) = open_view(payload) else {
        return ignored("view_submission", "without a view");
    };
    let response_url = owned(payload, "/response_urls/0/response_url").map(ResponseUrl::new);
    Input::ViewSubmission(ViewSubmission { user, user_team, view, trigger_id: trigger(payload), response_url })
}

fn message_action(payload: &Value, user: UserId, user_team: Option<TeamId>) -> Input {
    let channel = id(payload, &["/channel/id"], ChannelId::new);
    let message_ts = id(payload, &["/message_ts", "/message/ts"], MessageTs::new);
    let (Some(channel), Some(message_ts)) = (channel, message_ts) else {
        return ignored("message_action", "without channel or message");
    };
    Input::MessageAction(MessageAction {
        callback_id: owned(payload, "/callback_id").unwrap_or_default(),
        user,
        user_team,
        channel,
        message_ts,
        thread_ts: id(payload, &["/message/thread_ts"], MessageTs::new),
        text: unescaped(text(payload, "/message/text").unwrap_or_default().trim()),
        author: id(payload, &["/message/user"], UserId::new),
        trigger_id: trigger(payload),
        response_url: response_url(payload),
    })
}

fn block_suggestion(payload: &Value, user: UserId, user_team: Option<TeamId>) -> Input {
    Input::BlockSuggestion(BlockSuggestion {
        user,
        user_team,
        block_id: owned(payload, "/block_id").unwrap_or_default(),
        action_id: owned(payload, "/action_id").unwrap_or_default(),
        value: owned(payload, "/value").unwrap_or_default(),
        view: open_view(payload),
    })
}

fn open_view(payload: &Value) -> Option<OpenView> {
    let view = payload.get("view").filter(|view| view.is_object())?;
    Some(OpenView {
        id: owned(view, "/id"),
        root_id: owned(view, "/root_view_id"),
        callback_id: owned(view, "/callback_id").unwrap_or_default(),
        private_metadata: owned(view, "/private_metadata").unwrap_or_default(),
        hash: owned(view, "/hash").or_else(|| owned(payload, "/hash")),
        state: state(view, "/state"),
    })
}

fn trigger(payload: &Value) -> Option<String> {
    owned(payload, "/trigger_id")
}

fn response_url(payload: &Value) -> Option<ResponseUrl> {
    owned(payload, "/response_url").map(ResponseUrl::new)
}

fn action_key(payload: &Value) -> Option<String> {
    if let Some(trigger) = trigger(payload) {
        return Some(format!("action:{trigger}"));
    }
    let action_ts = text(payload, "/action_ts").or_else(|| text(payload, "/actions/0/action_ts"))?;
    let user = text(payload, "/user/id")?;
    let action = text(payload, "/actions/0/action_id").or_else(|| text(payload, "/callback_id"))?;
    Some(format!("action:{action_ts}:{user}:{action}"))
}

/// A trigger id belongs to one submission. Without one, id and hash are not enough: they stay the same when a submission
/// was answered with errors and the person corrects the form, so what was filled in counts too.
fn view_key(payload: &Value, kind: &str) -> Option<String> {
    if let Some(trigger) = trigger(payload) {
        return Some(format!("{kind}:{trigger}"));
    }
    let id = text(payload, "/view/id")?;
    let hash = text(payload, "/view/hash").or_else(|| text(payload, "/hash")).unwrap_or_default();
    let filled_in = payload.pointer("/view/state").unwrap_or(&Value::Null).to_string();
    Some(format!("{kind}:{id}:{hash}:{}", body_key(filled_in.as_bytes())))
}
