//! Modals and home tabs.

use serde_json::Value;

use super::check::{Check, Rule, may, must};
use super::{VIEW_BLOCKS, blocks_of};

pub fn view(check: &mut Check, value: &Value) {
    let Some(object) = check.object(value) else { return };
    let blocks = |check: &mut Check, value: &Value| blocks_of(check, value, VIEW_BLOCKS);
    let mut fields = vec![
        must("blocks", Rule::With(blocks)),
        may("private_metadata", Rule::Str(0, 3000)),
        may("callback_id", Rule::Str(0, 255)),
        may("external_id", Rule::Str(0, 255)),
    ];
    match value["type"].as_str() {
        Some("home") => {}
        Some("modal") => fields.extend([
            must("title", Rule::Plain(24)),
            may("submit", Rule::Plain(24)),
            may("close", Rule::Plain(24)),
            may("clear_on_close", Rule::Bool),
            may("notify_on_close", Rule::Bool),
            may("submit_disabled", Rule::Bool),
        ]),
        other => {
            let message = format!("unsupported type: {}", other.unwrap_or("none"));
            return check.at("type", |check| check.fault(message));
        }
    }
    check.fields(object, &fields);
    let asks = value["blocks"].as_array().into_iter().flatten().any(|b| b["type"] == "input");
    if value["type"] == "modal" && asks && value["submit"].is_null() {
        check.fault("missing required field: submit");
    }
}
