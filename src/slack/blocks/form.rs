//! Pieces of forms: an input with its label and hint, menus, the modal around them.

use serde_json::{Value, json};

use super::kit;
use super::words::plain;
use crate::slack::message::View;

/// Slack's limit for the options of one menu.
pub(super) const OPTIONS: usize = 100;
pub(super) const OPTION_TEXT: usize = 75;

pub(super) fn text(text: &str, most: usize) -> Value {
    json!({"type": "plain_text", "text": plain(text, most)})
}

pub(super) fn option(name: &str, value: &str) -> Value {
    json!({"text": text(name, OPTION_TEXT), "value": value})
}

pub(super) fn select(id: &str, options: &[Value], initial: Option<&Value>) -> Value {
    let mut select = json!({
        "type": "static_select", "action_id": id, "placeholder": text("Choose", OPTION_TEXT), "options": options,
    });
    if let Some(initial) = initial {
        select["initial_option"] = initial.clone();
    }
    select
}

pub(super) fn input(id: &str, label: &str, hint: &str, element: &Value) -> Value {
    json!({
        "type": "input", "block_id": id, "label": text(label, kit::HEADER_TEXT), "hint": text(hint, kit::HEADER_TEXT),
        "element": element,
    })
}

/// `metadata` comes back with the submission, through the client: verify what it claims.
pub(super) fn modal(form: &str, title: &str, submit: &str, metadata: &str, blocks: &[Value]) -> View {
    View(json!({
        "type": "modal", "callback_id": form, "title": text(title, 24), "submit": text(submit, 24),
        "close": text("Close", 24), "private_metadata": metadata, "blocks": blocks,
    }))
}
