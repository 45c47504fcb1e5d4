//! Picks values out of loose JSON: absent, null and of the wrong type are all the same "not there".

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Delivery, Element, Input, Origin};
use crate::core::ids::TeamId;
use crate::core::time::Timestamp;

/// What is at a JSON pointer (RFC 6901) without escapes, which none of Slack's names need. [`Value::pointer`] copies every
/// name of it to unescape it, a hundred times for one request.
pub(super) fn at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    let mut names = pointer.split('/').skip(1);
    names.try_fold(value, |value, name| match value {
        Value::Object(fields) => fields.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    })
}

/// The non-empty string at a JSON pointer.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    at(value, pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The first of several places that has a non-empty string.
pub(super) fn first<'a>(value: &'a Value, pointers: &[&str]) -> Option<&'a str> {
    pointers.iter().find_map(|pointer| text(value, pointer))
}

pub(super) fn owned(value: &Value, pointer: &str) -> Option<String> {
    text(value, pointer).map(str::to_owned)
}

pub(super) fn id<T>(value: &Value, pointers: &[&str], make: impl FnOnce(String) -> T) -> Option<T> {
    first(value, pointers).map(|text| make(text.to_owned()))
}

/// `true` in JSON, or `"true"`, as form fields have it.
pub(super) fn flag(value: &Value, pointer: &str) -> bool {
    match at(value, pointer) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text == "true" || text == "1",
        _ => false,
    }
}

pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    at(value, pointer).and_then(Value::as_array).into_iter().flatten()
}

/// Slack's `1610241741.000200`, or whole seconds as a number.
pub(super) fn moment(value: &Value, pointer: &str) -> Option<Timestamp> {
    match at(value, pointer)? {
        Value::Number(secs) => secs.as_i64().filter(|secs| *secs > 0).map(Timestamp::from_secs),
        Value::String(ts) => {
            let (secs, fraction) = ts.split_once('.').unwrap_or((ts, "0"));
            let secs: i64 = secs.parse().ok().filter(|secs| *secs > 0)?;
            let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
            Some(Timestamp::from_millis(secs.checked_mul(1000)?.checked_add(millis)?))
        }
        _ => None,
    }
}

/// Slack escapes exactly these three in text (<https://docs.slack.dev/messaging/formatting-message-text>).
pub(super) fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Everything an element holds, whatever its type calls it.
pub(super) fn element(block_id: &str, action_id: &str, held: &Value) -> Element {
    const ONE: [&str; 8] = [
        "/selected_option/value",
        "/selected_user",
        "/selected_conversation",
        "/selected_channel",
        "/selected_date",
        "/selected_time",
        "/value",
        "/selected_date_time",
    ];
    const MANY: [(&str, &str); 5] = [
        ("/selected_options", "/value"),
        ("/selected_users", ""),
        ("/selected_conversations", ""),
        ("/selected_channels", ""),
        ("/files", "/id"),
    ];
    let one = ONE.iter().filter_map(|pointer| at(held, pointer));
    let many = MANY.iter().flat_map(|(all, each)| list(held, all).filter_map(|item| at(item, each)));
    let rich = held.get("rich_text_value").filter(|rich| rich.is_object()).map(Value::to_string);
    let values = one.chain(many).filter_map(scalar).chain(rich).collect();
    Element { block_id: block_id.to_owned(), action_id: action_id.to_owned(), values }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// `{"values": {block_id: {action_id: element}}}`, flattened.
pub(super) fn state(value: &Value, pointer: &str) -> Vec<Element> {
    let blocks = at(value, pointer).and_then(|state| state.get("values")).and_then(Value::as_object);
    let mut elements = Vec::new();
    for (block_id, actions) in blocks.into_iter().flatten() {
        for (action_id, held) in actions.as_object().into_iter().flatten() {
            elements.push(element(block_id, action_id, held));
        }
    }
    elements
}

/// Where a payload comes from; the places differ between events, commands and interactions.
pub(super) fn origin(payload: &Value) -> Origin {
    Origin {
        team: id(
            payload,
            &["/team/id", "/team_id", "/context_team_id", "/authorizations/0/team_id", "/view/app_installed_team_id"],
            TeamId::new,
        ),
        enterprise: id(
            payload,
            &[
                "/enterprise/id",
                "/enterprise_id",
                "/team/enterprise_id",
                "/context_enterprise_id",
                "/authorizations/0/enterprise_id",
            ],
            TeamId::new,
        ),
        is_enterprise_install: flag(payload, "/is_enterprise_install")
            || flag(payload, "/authorizations/0/is_enterprise_install"),
        api_app_id: owned(payload, "/api_app_id"),
        is_ext_shared_channel: flag(payload, "/is_ext_shared_channel"),
    }
}

pub(super) fn ignored(what: &str, reason: &str) -> Input {
    // The type comes from outside and ends up in logs.
    Input::Ignored { what: what.chars().take(80).collect(), reason: reason.to_owned() }
}

/// The key of last resort: the same bytes are the same input.
pub(super) fn body_key(body: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(body)))
}

pub(super) fn unreadable(body: &[u8], reason: &str) -> Delivery {
    Delivery {
        key: body_key(body),
        input: ignored("body", reason),
        origin: Origin::default(),
        occurred_at: None,
        retry: None,
    }
}
