//! Layout blocks.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::Surface;
use super::check::{Check, Rule, may, must};
use super::elements::{self, Place};
use super::objects;

pub fn block(check: &mut Check, value: &Value) {
    let Some(object) = check.object(value) else { return };
    let name = object.get("type").and_then(Value::as_str).unwrap_or_default();
    let id = || may("block_id", Rule::Str(1, 255));
    match name {
        "divider" => check.fields(object, &[id()]),
        "header" => check.fields(object, &[id(), must("text", Rule::Plain(150)), may("level", Rule::Int(1, 6))]),
        "section" => section(check, object),
        "context" => check.fields(object, &[id(), must("elements", Rule::With(context_elements))]),
        "actions" => check.fields(object, &[id(), must("elements", Rule::With(actions))]),
        "context_actions" => check.fields(object, &[id(), must("elements", Rule::With(context_actions))]),
        "image" => image(check, object),
        "input" => input(check, object),
        "markdown" => check.fields(object, &[id(), must("text", Rule::Str(1, 12_000))]),
        "rich_text" => check.fields(object, &[id(), must("elements", Rule::With(rich_text))]),
        "video" => video(check, object),
        "table" if check.surface == Surface::Message => {
            let rows = |check: &mut Check, rows: &Value| {
                check.each(rows, 1, 100, |check, row| {
                    check.list(row, 1, 20);
                });
            };
            let settings = |check: &mut Check, value: &Value| {
                check.list(value, 0, 20);
            };
            check.fields(object, &[id(), must("rows", Rule::With(rows)), may("column_settings", Rule::With(settings))]);
        }
        "file" if check.surface == Surface::Message => {
            check.fields(
                object,
                &[id(), must("external_id", Rule::Str(1, 255)), must("source", Rule::OneOf(&["remote"]))],
            );
        }
        "alert" if check.surface == Surface::Modal => {
            check.fields(object, &[id(), must("text", Rule::Text(200)), may("level", Rule::Str(1, 20))]);
        }
        // Known to Slack and newer than the rules we could check: the type is enough.
        "card" | "carousel" | "container" | "plan" | "task_card" | "data_table" | "data_visualization" | "layout" => {}
        other => check.at("type", |check| check.fault(format!("unsupported type: {other}"))),
    }
}

fn section(check: &mut Check, object: &Map<String, Value>) {
    let fields =
        |check: &mut Check, value: &Value| check.each(value, 1, 10, |check, text| check.text(text, 2000, false));
    let accessory = |check: &mut Check, value: &Value| elements::element(check, value, Place::Accessory);
    check.fields(
        object,
        &[
            may("block_id", Rule::Str(1, 255)),
            may("text", Rule::Text(3000)),
            may("fields", Rule::With(fields)),
            may("accessory", Rule::With(accessory)),
            may("expand", Rule::Bool),
        ],
    );
    if !object.contains_key("text") && !object.contains_key("fields") {
        check.fault("missing required field: text");
    }
}

fn context_elements(check: &mut Check, value: &Value) {
    check.each(value, 1, 10, |check, element| match element["type"].as_str() {
        Some("image") => elements::element(check, element, Place::Accessory),
        _ => check.text(element, 3000, false),
    });
}

fn actions(check: &mut Check, value: &Value) {
    check.each(value, 1, 25, |check, element| elements::element(check, element, Place::Actions));
    unique_actions(check, value);
}

fn context_actions(check: &mut Check, value: &Value) {
    check.each(value, 1, 5, |check, element| elements::element(check, element, Place::ContextActions));
    unique_actions(check, value);
}

fn unique_actions(check: &mut Check, elements: &Value) {
    let mut seen = HashSet::new();
    for (index, element) in elements.as_array().into_iter().flatten().enumerate() {
        if let Some(id) = element["action_id"].as_str()
            && !seen.insert(id)
        {
            let message = format!("`action_id` value \"{id}\" is already in use");
            check.at(index, |check| check.at("action_id", |check| check.fault(message)));
        }
    }
}

fn image(check: &mut Check, object: &Map<String, Value>) {
    check.fields(
        object,
        &[
            may("block_id", Rule::Str(1, 255)),
            may("image_url", Rule::Str(1, 3000)),
            may("slack_file", Rule::With(objects::slack_file)),
            must("alt_text", Rule::Str(1, 2000)),
            may("title", Rule::Plain(2000)),
        ],
    );
    if object.contains_key("image_url") == object.contains_key("slack_file") {
        check.fault("exactly one of image_url and slack_file is required");
    }
}

fn input(check: &mut Check, object: &Map<String, Value>) {
    let element = |check: &mut Check, value: &Value| elements::element(check, value, Place::Input);
    check.fields(
        object,
        &[
            may("block_id", Rule::Str(1, 255)),
            must("label", Rule::Plain(2000)),
            must("element", Rule::With(element)),
            may("hint", Rule::Plain(2000)),
            may("optional", Rule::Bool),
            may("dispatch_action", Rule::Bool),
        ],
    );
}

fn rich_text(check: &mut Check, value: &Value) {
    check.each(value, 0, 1000, |check, element| {
        let kind = element["type"].as_str().unwrap_or_default();
        let known = ["rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"];
        if !known.contains(&kind) {
            return check.at("type", |check| check.fault(format!("unsupported type: {kind}")));
        }
        if !element["elements"].is_array() {
            check.fault("missing required field: elements");
        }
    });
}

fn video(check: &mut Check, object: &Map<String, Value>) {
    check.fields(
        object,
        &[
            may("block_id", Rule::Str(1, 255)),
            must("alt_text", Rule::Str(1, 2000)),
            must("title", Rule::Plain(200)),
            must("thumbnail_url", Rule::Str(1, 3000)),
            must("video_url", Rule::Str(1, 3000)),
            may("title_url", Rule::Str(1, 3000)),
            may("description", Rule::Plain(200)),
            may("author_name", Rule::Str(1, 50)),
            may("provider_name", Rule::Str(1, 50)),
            may("provider_icon_url", Rule::Str(1, 3000)),
        ],
    );
}
