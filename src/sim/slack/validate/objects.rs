//! Composition objects: options, confirmations, dispatch and filter settings, Slack files.

use std::collections::HashSet;

use serde_json::Value;

use super::check::{Check, Rule, may, must};

const STYLES: Rule = Rule::OneOf(&["primary", "danger"]);

pub fn confirm(check: &mut Check, value: &Value) {
    let Some(object) = check.object(value) else { return };
    check.fields(
        object,
        &[
            must("title", Rule::Plain(100)),
            must("text", Rule::Text(300)),
            must("confirm", Rule::Plain(30)),
            must("deny", Rule::Plain(30)),
            may("style", STYLES),
        ],
    );
}

/// An option of a select: plain text only.
pub fn option(check: &mut Check, value: &Value) {
    let Some(object) = check.object(value) else { return };
    check.fields(
        object,
        &[must("text", Rule::Plain(75)), must("value", Rule::Str(1, 150)), may("description", Rule::Plain(75))],
    );
}

/// An option of an overflow menu may carry a link.
pub fn overflow_option(check: &mut Check, value: &Value) {
    let Some(object) = check.object(value) else { return };
    check.fields(
        object,
        &[
            must("text", Rule::Plain(75)),
            must("value", Rule::Str(1, 150)),
            may("description", Rule::Plain(75)),
            may("url", Rule::Str(1, 3000)),
        ],
    );
}

/// Radio buttons and checkboxes may use mrkdwn.
pub fn rich_option(check: &mut Check, value: &Value) {
    let Some(object) = check.object(value) else { return };
    check.fields(
        object,
        &[must("text", Rule::Text(75)), must("value", Rule::Str(1, 150)), may("description", Rule::Text(75))],
    );
}

/// A select's choices: `options` or `option_groups`, one of the two, each value once.
pub fn options_or_groups(check: &mut Check, holder: &Value, may_be_empty: bool) {
    let least = usize::from(!may_be_empty);
    let mut values = HashSet::new();
    match (holder.get("options"), holder.get("option_groups")) {
        (Some(_), Some(_)) => check.fault("only one of options and option_groups is allowed"),
        (None, None) => check.fault("missing required field: options"),
        (Some(options), None) => check.at("options", |check| {
            check.each(options, least, 100, option);
            unique_values(check, options, &mut values);
        }),
        (None, Some(groups)) => check.at("option_groups", |check| {
            check.each(groups, least, 100, group);
            for group in groups.as_array().into_iter().flatten() {
                unique_values(check, &group["options"], &mut values);
            }
        }),
    }
}

pub fn group(check: &mut Check, value: &Value) {
    let Some(object) = check.object(value) else { return };
    let options = |check: &mut Check, options: &Value| check.each(options, 1, 100, option);
    check.fields(object, &[must("label", Rule::Plain(75)), must("options", Rule::With(options))]);
}

fn unique_values<'v>(check: &mut Check, options: &'v Value, seen: &mut HashSet<&'v str>) {
    for value in options.as_array().into_iter().flatten().filter_map(|o| o["value"].as_str()) {
        if !seen.insert(value) {
            check.fault(format!("option value \"{value}\" is already in use"));
        }
    }
}

pub fn slack_file(check: &mut Check, value: &Value) {
    let Some(object) = check.object(value) else { return };
    check.fields(object, &[may("id", Rule::Str(1, 255)), may("url", Rule::Str(1, 3000))]);
    let named = object.get("id").or(object.get("url")).and_then(Value::as_str);
    match named {
        None => check.fault("missing required field: id"),
        Some(file) if !(check.file)(file) => check.fault("invalid slack file"),
        Some(_) => {}
    }
}

pub fn dispatch_config(check: &mut Check, value: &Value) {
    let Some(object) = check.object(value) else { return };
    let triggers = |check: &mut Check, value: &Value| {
        check.each(value, 1, 2, |check, one| {
            if !matches!(one.as_str(), Some("on_enter_pressed" | "on_character_entered")) {
                check.fault("must be one of: on_enter_pressed, on_character_entered");
            }
        });
    };
    check.fields(object, &[may("trigger_actions_on", Rule::With(triggers))]);
}

pub fn conversation_filter(check: &mut Check, value: &Value) {
    let Some(object) = check.object(value) else { return };
    check.fields(
        object,
        &[
            may("include", Rule::Anything),
            may("exclude_external_shared_channels", Rule::Bool),
            may("exclude_bot_users", Rule::Bool),
        ],
    );
}
