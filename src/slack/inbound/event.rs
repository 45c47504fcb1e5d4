//! Events API payloads (<https://docs.slack.dev/apis/events-api>).

use serde_json::Value;

use super::pick::{first, flag, id, ignored, list, moment, owned, text, unescaped};
use super::{Input, Reaction, Said};
use crate::core::ids::{ChannelId, MessageTs, TeamId, UserId};
use crate::core::time::Timestamp;

/// The input in an `event_callback`, with the key that Slack repeats on every retry.
pub(super) fn event(payload: &Value) -> (Option<String>, Input) {
    let key = owned(payload, "/event_id").map(|event_id| format!("event:{event_id}"));
    let event = payload.get("event").unwrap_or(&Value::Null);
    let input = match text(event, "/type") {
        Some("app_mention") => mention(payload, event),
        Some("message") => message(payload, event),
        Some("reaction_added") => pinned(payload, event),
        Some("app_home_opened") => home_opened(event),
        Some("tokens_revoked") => {
            Input::TokensRevoked { bot_users: users(event, "/tokens/bot"), users: users(event, "/tokens/oauth") }
        }
        Some("app_uninstalled") => Input::AppUninstalled,
        Some(other) => ignored(other, "not an event watchkeeper uses"),
        None => ignored("event", "without a type"),
    };
    (key, input)
}

pub(super) fn occurred_at(payload: &Value) -> Option<Timestamp> {
    moment(payload, "/event_time").or_else(|| moment(payload, "/event/event_ts"))
}

/// `app_rate_limited` stands beside `event_callback`, not inside it.
pub(super) fn rate_limited(payload: &Value) -> (Option<String>, Input) {
    let minute = payload.get("minute_rate_limited").and_then(Value::as_i64).unwrap_or(0);
    let team = text(payload, "/team_id").unwrap_or_default();
    (Some(format!("app_rate_limited:{team}:{minute}")), Input::AppRateLimited { minute })
}

fn mention(payload: &Value, event: &Value) -> Input {
    if is_from_a_bot(payload, event) {
        return ignored("app_mention", "from a bot");
    }
    if event.get("edited").is_some_and(Value::is_object) {
        return ignored("app_mention", "an edit of what was already said");
    }
    said(payload, event).map_or_else(|| ignored("app_mention", "without user, channel or ts"), Input::Mention)
}

fn message(payload: &Value, event: &Value) -> Input {
    let channel = text(event, "/channel").unwrap_or_default();
    let direct = text(event, "/channel_type").map_or(channel.starts_with('D'), |kind| kind == "im");
    if !direct {
        return ignored("message", "not addressed to watchkeeper");
    }
    match text(event, "/subtype") {
        None | Some("file_share") => {}
        Some("message_changed" | "message_deleted") => return ignored("message", "an edit of what was already said"),
        Some(_) => return ignored("message", "not something a person said"),
    }
    if is_from_a_bot(payload, event) {
        return ignored("message", "from a bot");
    }
    said(payload, event).map_or_else(|| ignored("message", "without user, channel or ts"), Input::DirectMessage)
}

/// Of all reactions only the one that marks a message for a timeline.
fn pinned(payload: &Value, event: &Value) -> Input {
    const MARK: &str = "pushpin";
    if text(event, "/reaction") != Some(MARK) || text(event, "/item/type") != Some("message") {
        return ignored("reaction_added", "not the one watchkeeper uses");
    }
    if text(event, "/user") == our_user(payload) {
        return ignored("reaction_added", "from a bot");
    }
    let reaction = || {
        Some(Reaction {
            user: id(event, &["/user"], UserId::new)?,
            user_team: id(event, &["/user_team", "/team"], TeamId::new),
            channel: id(event, &["/item/channel"], ChannelId::new)?,
            ts: id(event, &["/item/ts"], MessageTs::new)?,
        })
    };
    reaction().map_or_else(|| ignored("reaction_added", "without user, channel or ts"), Input::Pinned)
}

/// Answering bots, ourselves above all, makes loops.
fn is_from_a_bot(payload: &Value, event: &Value) -> bool {
    let speaker = text(event, "/user");
    let ourselves = speaker.is_some() && speaker == our_user(payload);
    ourselves || text(event, "/bot_id").is_some() || event.get("bot_profile").is_some_and(Value::is_object)
}

fn our_user(payload: &Value) -> Option<&str> {
    list(payload, "/authorizations").find(|one| flag(one, "/is_bot")).and_then(|one| text(one, "/user_id"))
}

fn said(payload: &Value, event: &Value) -> Option<Said> {
    let spoken = event.get("text").and_then(Value::as_str).unwrap_or_default();
    Some(Said {
        user: id(event, &["/user"], UserId::new)?,
        user_team: id(event, &["/user_team", "/source_team", "/team"], TeamId::new),
        channel: id(event, &["/channel"], ChannelId::new)?,
        ts: id(event, &["/ts"], MessageTs::new)?,
        thread_ts: id(event, &["/thread_ts"], MessageTs::new),
        text: unescaped(addressed(spoken, our_user(payload))),
    })
}

/// The words meant for us: what follows our mention, or what stands before it when nothing follows.
fn addressed<'a>(spoken: &'a str, us: Option<&str>) -> &'a str {
    let named = us.and_then(|us| spoken.find(&format!("<@{us}")));
    // In a direct message only a leading mention is an address; a later one is a word like any other.
    let leading = spoken.trim_start().starts_with("<@").then(|| spoken.find("<@")).flatten();
    let Some(start) = named.or(leading) else { return spoken.trim() };
    let (before, mention) = spoken.split_at_checked(start).unwrap_or((spoken, ""));
    let after = mention.split_once('>').map_or("", |(_, after)| after.trim_start_matches([',', ':', ' ']).trim());
    if after.is_empty() { before.trim() } else { after }
}

fn home_opened(event: &Value) -> Input {
    let tab = first(event, &["/tab", "/view/type"]).unwrap_or("home").to_owned();
    id(event, &["/user"], UserId::new)
        .map_or_else(|| ignored("app_home_opened", "without a user"), |user| Input::HomeOpened { user, tab })
}

fn users(event: &Value, pointer: &str) -> Vec<UserId> {
    list(event, pointer).filter_map(Value::as_str).map(UserId::new).collect()
}
