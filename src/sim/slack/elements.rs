//! What people put into elements: the action a click sends, and the values a form is submitted with.

use serde_json::{Map, Value, json};

use super::validate;

/// Every block with its interactive elements.
fn all(blocks: &Value) -> impl Iterator<Item = (&str, &Value)> {
    blocks.as_array().into_iter().flatten().filter_map(Value::as_object).flat_map(|block| {
        let id = block.get("block_id").and_then(Value::as_str).unwrap_or_default();
        validate::interactive(block).map(move |element| (id, element))
    })
}

/// A message's blocks, those beside a colour bar too.
pub fn blocks_of(message: &Value) -> Value {
    let mut blocks = message["blocks"].as_array().cloned().unwrap_or_default();
    for attachment in message["attachments"].as_array().into_iter().flatten() {
        blocks.extend(attachment["blocks"].as_array().cloned().unwrap_or_default());
    }
    Value::Array(blocks)
}

/// An element by its `action_id` or what is written on it; by its block too, when that is named.
pub fn find<'a>(blocks: &'a Value, name: &str, block_id: Option<&str>) -> Option<(&'a str, &'a Value)> {
    let of_block = |(id, _): &(&str, &Value)| block_id.is_none_or(|block| block == *id);
    let called = |(_, element): &(&str, &Value)| element["action_id"] == name;
    let labelled = |(_, element): &(&str, &Value)| element["text"]["text"] == name;
    all(blocks).filter(of_block).find(called).or_else(|| all(blocks).filter(of_block).find(labelled))
}

/// The action object Slack sends: what the element says of itself, with the person's choice.
pub fn used(blocks: &Value, action: &Value) -> Result<Value, String> {
    let name = action["action_id"].as_str().unwrap_or_default();
    let (block_id, element) =
        find(blocks, name, action["block_id"].as_str()).ok_or_else(|| format!("there is no {name} here"))?;
    let kind = element["type"].as_str().unwrap_or_default();
    let mut used = Map::new();
    used.insert("type".to_owned(), json!(kind));
    used.insert("action_id".to_owned(), element["action_id"].clone());
    used.insert("block_id".to_owned(), json!(block_id));
    let copied = ["text", "value", "style", "url", "placeholder", "confirm"];
    for name in copied.into_iter().filter(|name| kind == "button" || *name == "placeholder" || *name == "confirm") {
        if let Some(value) = element.get(name) {
            used.insert(name.to_owned(), value.clone());
        }
    }
    if kind != "button" {
        used.extend(chosen(element, &action_choice(element, action))?);
    }
    Ok(Value::Object(used))
}

/// The person's choice, whichever way it was written.
fn action_choice(element: &Value, action: &Value) -> Value {
    if !action["choice"].is_null() {
        return action["choice"].clone();
    }
    action.get(field(element)).cloned().unwrap_or(Value::Null)
}

/// The name under which an element's value is sent.
fn field(element: &Value) -> &'static str {
    match element["type"].as_str().unwrap_or_default() {
        "static_select" | "external_select" | "radio_buttons" | "overflow" => "selected_option",
        "multi_static_select" | "multi_external_select" | "checkboxes" => "selected_options",
        "users_select" => "selected_user",
        "multi_users_select" => "selected_users",
        "conversations_select" => "selected_conversation",
        "multi_conversations_select" => "selected_conversations",
        "channels_select" => "selected_channel",
        "multi_channels_select" => "selected_channels",
        "datepicker" => "selected_date",
        "timepicker" => "selected_time",
        "datetimepicker" => "selected_date_time",
        "rich_text_input" => "rich_text_value",
        "file_input" => "files",
        _ => "value",
    }
}

/// Completes a choice: an option may be named by its value or its text and is sent whole.
fn chosen(element: &Value, choice: &Value) -> Result<Map<String, Value>, String> {
    let field = field(element);
    let value = match field {
        "selected_option" if !choice.is_null() => option(element, choice)?,
        "selected_options" if !choice.is_null() => {
            let choices = choice.as_array().cloned().unwrap_or_else(|| vec![choice.clone()]);
            Value::Array(choices.iter().map(|one| option(element, one)).collect::<Result<_, _>>()?)
        }
        _ => choice.clone(),
    };
    Ok(Map::from_iter([(field.to_owned(), value)]))
}

fn option(element: &Value, choice: &Value) -> Result<Value, String> {
    let wanted = choice["value"].as_str().or(choice.as_str()).unwrap_or_default();
    if element["type"].as_str().is_some_and(|kind| kind.ends_with("external_select")) {
        // The options came from the app a moment ago; the client sends back the one it was given.
        return Ok(if choice.is_object() {
            choice.clone()
        } else {
            json!({"value": wanted, "text": {"type": "plain_text", "text": wanted}})
        });
    }
    let grouped =
        element["option_groups"].as_array().into_iter().flatten().filter_map(|group| group["options"].as_array());
    let options = element["options"].as_array().into_iter().chain(grouped).flatten();
    let named = |o: &&Value| o["value"] == wanted || o["text"]["text"] == wanted;
    options.clone().find(named).cloned().ok_or_else(|| {
        let values: Vec<&str> = options.filter_map(|o| o["value"].as_str()).collect();
        format!("{wanted} is not among the options: {}", values.join(", "))
    })
}

/// What an element starts with.
fn initial(element: &Value) -> Value {
    let names = [
        "initial_value",
        "initial_option",
        "initial_options",
        "initial_user",
        "initial_users",
        "initial_conversation",
        "initial_conversations",
        "initial_channel",
        "initial_channels",
        "initial_date",
        "initial_time",
        "initial_date_time",
    ];
    names.into_iter().find_map(|name| element.get(name)).cloned().unwrap_or(Value::Null)
}

/// `state.values`: for each element what was given (`{block_id: {action_id: choice or Slack's value object}}`), or what it started with.
pub fn values(blocks: &Value, given: &Value) -> Result<Value, String> {
    let mut values = json!({});
    for (block_id, element) in all(blocks) {
        let (kind, action_id) = (element["type"].as_str(), element["action_id"].as_str());
        let (Some(kind), Some(action_id)) = (kind, action_id) else { continue };
        if matches!(kind, "button" | "workflow_button" | "overflow" | "feedback_buttons" | "icon_button") {
            continue;
        }
        let mut value = Map::from_iter([("type".to_owned(), json!(kind))]);
        let choice = match &given[block_id][action_id] {
            Value::Null => initial(element),
            Value::Object(object) if object.contains_key("type") => {
                object.get(field(element)).cloned().unwrap_or_default()
            }
            other => other.clone(),
        };
        value.extend(chosen(element, &choice)?);
        values[block_id][action_id] = Value::Object(value);
    }
    Ok(values)
}

/// The required inputs that were left empty, as the client marks them before it submits anything.
pub fn missing(blocks: &Value, values: &Value) -> Map<String, Value> {
    let mut missing = Map::new();
    for block in blocks.as_array().into_iter().flatten() {
        if block["type"] != "input" || block["optional"] == true {
            continue;
        }
        let (Some(block_id), Some(action_id)) = (block["block_id"].as_str(), block["element"]["action_id"].as_str())
        else {
            continue;
        };
        let value = &values[block_id][action_id][field(&block["element"])];
        let empty = match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
        };
        if empty {
            missing.insert(block_id.to_owned(), json!("Please complete this required field."));
        }
    }
    missing
}
