//! Block elements: buttons, menus, pickers and inputs.

use serde_json::Value;

use super::Surface;
use super::check::{Check, Field, Rule, may, must};
use super::objects;

/// What an element is, as far as the rules differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Button,
    WorkflowButton,
    Overflow,
    Select(Source),
    Multi(Source),
    Choices,
    Picker,
    TextInput,
    NumberInput,
    RichTextInput,
    FileInput,
    Feedback,
    Icon,
    Image,
}

/// Where a menu's choices come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Static,
    External,
    Users,
    Conversations,
    Channels,
}

/// What the element calls itself; none when Slack has no such element.
pub fn kind(element: &Value) -> Option<Kind> {
    Some(match element["type"].as_str()? {
        "button" => Kind::Button,
        "workflow_button" => Kind::WorkflowButton,
        "overflow" => Kind::Overflow,
        "static_select" => Kind::Select(Source::Static),
        "external_select" => Kind::Select(Source::External),
        "users_select" => Kind::Select(Source::Users),
        "conversations_select" => Kind::Select(Source::Conversations),
        "channels_select" => Kind::Select(Source::Channels),
        "multi_static_select" => Kind::Multi(Source::Static),
        "multi_external_select" => Kind::Multi(Source::External),
        "multi_users_select" => Kind::Multi(Source::Users),
        "multi_conversations_select" => Kind::Multi(Source::Conversations),
        "multi_channels_select" => Kind::Multi(Source::Channels),
        "checkboxes" | "radio_buttons" => Kind::Choices,
        "datepicker" | "timepicker" | "datetimepicker" => Kind::Picker,
        "plain_text_input" | "email_text_input" | "url_text_input" => Kind::TextInput,
        "number_input" => Kind::NumberInput,
        "rich_text_input" => Kind::RichTextInput,
        "file_input" => Kind::FileInput,
        "feedback_buttons" => Kind::Feedback,
        "icon_button" => Kind::Icon,
        "image" => Kind::Image,
        _ => return None,
    })
}

/// Where an element stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Actions,
    Accessory,
    Input,
    ContextActions,
}

fn fits(kind: Kind, place: Place) -> bool {
    match kind {
        Kind::Button | Kind::WorkflowButton | Kind::Overflow => matches!(place, Place::Actions | Place::Accessory),
        Kind::Select(_) | Kind::Choices | Kind::Picker => place != Place::ContextActions,
        Kind::Multi(_) => matches!(place, Place::Accessory | Place::Input),
        Kind::TextInput | Kind::NumberInput | Kind::RichTextInput | Kind::FileInput => place == Place::Input,
        Kind::Feedback | Kind::Icon => place == Place::ContextActions,
        Kind::Image => place == Place::Accessory,
    }
}

pub fn element(check: &mut Check, value: &Value, place: Place) {
    let Some(object) = check.object(value) else { return };
    let name = object.get("type").and_then(Value::as_str).unwrap_or_default();
    let Some(kind) = kind(value).filter(|kind| fits(*kind, place)) else {
        return check.at("type", |check| check.fault(format!("unsupported type: {name}")));
    };
    if kind == Kind::FileInput && check.surface != Surface::Modal {
        check.fault("file_input is allowed in modals only");
    }
    let mut fields = fields(kind, name);
    if !matches!(kind, Kind::Image) {
        fields.push(may("action_id", Rule::Str(1, 255)));
    }
    check.fields(object, &fields);
    if matches!(kind, Kind::Select(Source::Static) | Kind::Multi(Source::Static)) {
        objects::options_or_groups(check, value, false);
    }
}

fn fields(kind: Kind, name: &str) -> Vec<Field> {
    let confirm = || may("confirm", Rule::With(objects::confirm));
    let placeholder = || may("placeholder", Rule::Plain(150));
    let focus = || may("focus_on_load", Rule::Bool);
    match kind {
        Kind::Button => vec![
            must("text", Rule::Plain(75)),
            may("url", Rule::Str(1, 3000)),
            may("value", Rule::Str(1, 2000)),
            may("style", Rule::OneOf(&["primary", "danger"])),
            may("accessibility_label", Rule::Str(1, 75)),
            confirm(),
        ],
        Kind::WorkflowButton => vec![
            must("text", Rule::Plain(75)),
            must("workflow", Rule::Anything),
            may("style", Rule::OneOf(&["primary", "danger"])),
            may("accessibility_label", Rule::Str(1, 75)),
        ],
        Kind::Overflow => {
            let options = |check: &mut Check, value: &Value| check.each(value, 1, 5, objects::overflow_option);
            vec![must("options", Rule::With(options)), confirm()]
        }
        Kind::Select(source) => {
            let mut fields = vec![placeholder(), confirm(), focus()];
            fields.extend(source_fields(source, false));
            fields
        }
        Kind::Multi(source) => {
            let mut fields = vec![placeholder(), confirm(), focus(), may("max_selected_items", Rule::Int(1, 100))];
            fields.extend(source_fields(source, true));
            fields
        }
        Kind::Choices => {
            let options = |check: &mut Check, value: &Value| check.each(value, 1, 10, objects::rich_option);
            let initial = if name == "checkboxes" {
                may("initial_options", Rule::With(options))
            } else {
                may("initial_option", Rule::With(objects::rich_option))
            };
            vec![must("options", Rule::With(options)), initial, confirm(), focus()]
        }
        Kind::Picker => picker_fields(name),
        Kind::TextInput => {
            let mut fields = vec![may("initial_value", Rule::Str(0, 3000)), placeholder(), focus()];
            fields.push(may("dispatch_action_config", Rule::With(objects::dispatch_config)));
            if name == "plain_text_input" {
                fields.push(may("multiline", Rule::Bool));
                fields.push(may("min_length", Rule::Int(0, 3000)));
                fields.push(may("max_length", Rule::Int(1, 3000)));
            }
            fields
        }
        Kind::NumberInput => vec![
            must("is_decimal_allowed", Rule::Bool),
            may("initial_value", Rule::Anything),
            may("min_value", Rule::Anything),
            may("max_value", Rule::Anything),
            may("dispatch_action_config", Rule::With(objects::dispatch_config)),
            placeholder(),
            focus(),
        ],
        Kind::RichTextInput => vec![
            may("initial_value", Rule::Anything),
            may("dispatch_action_config", Rule::With(objects::dispatch_config)),
            placeholder(),
            focus(),
        ],
        Kind::FileInput => vec![may("filetypes", Rule::Anything), may("max_files", Rule::Int(1, 10))],
        Kind::Feedback => vec![must("positive_button", Rule::Anything), must("negative_button", Rule::Anything)],
        Kind::Icon => vec![
            must("icon", Rule::OneOf(&["trash"])),
            must("text", Rule::Plain(75)),
            may("value", Rule::Str(1, 2000)),
            may("accessibility_label", Rule::Str(1, 75)),
            may("visible_to_user_ids", Rule::Anything),
            confirm(),
        ],
        Kind::Image => vec![
            may("image_url", Rule::Str(1, 3000)),
            may("slack_file", Rule::With(objects::slack_file)),
            must("alt_text", Rule::Str(1, 2000)),
        ],
    }
}

fn source_fields(source: Source, multi: bool) -> Vec<Field> {
    let initial = |one: &'static str, many: &'static str, rule: Rule| may(if multi { many } else { one }, rule);
    let option = || {
        let options = |check: &mut Check, value: &Value| check.each(value, 1, 100, objects::option);
        if multi { Rule::With(options) } else { Rule::With(objects::option) }
    };
    match source {
        Source::Static => vec![
            may("options", Rule::Anything),
            may("option_groups", Rule::Anything),
            initial("initial_option", "initial_options", option()),
        ],
        Source::External => {
            vec![may("min_query_length", Rule::Int(0, 1000)), initial("initial_option", "initial_options", option())]
        }
        Source::Users => vec![initial("initial_user", "initial_users", Rule::Anything)],
        Source::Conversations => vec![
            initial("initial_conversation", "initial_conversations", Rule::Anything),
            may("default_to_current_conversation", Rule::Bool),
            may("response_url_enabled", Rule::Bool),
            may("filter", Rule::With(objects::conversation_filter)),
        ],
        Source::Channels => vec![
            initial("initial_channel", "initial_channels", Rule::Anything),
            may("response_url_enabled", Rule::Bool),
        ],
    }
}

fn picker_fields(name: &str) -> Vec<Field> {
    let mut fields = vec![may("confirm", Rule::With(objects::confirm)), may("focus_on_load", Rule::Bool)];
    match name {
        "datepicker" => {
            fields.push(may("initial_date", Rule::Str(10, 10)));
            fields.push(may("placeholder", Rule::Plain(150)));
        }
        "timepicker" => {
            fields.push(may("initial_time", Rule::Str(5, 5)));
            fields.push(may("timezone", Rule::Str(1, 100)));
            fields.push(may("placeholder", Rule::Plain(150)));
        }
        _ => fields.push(may("initial_date_time", Rule::Int(1_000_000_000, 9_999_999_999))),
    }
    fields
}
