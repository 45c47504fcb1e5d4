//! A message as text, the way its reader sees it, so that a snapshot can be reviewed.

use serde_json::Value;

pub fn read(message: &Value) -> String {
    let mut lines = Vec::new();
    let text = |key: &str| message[key].as_str().or(message[key]["text"].as_str()).map(str::to_owned);
    lines.extend(text("text").map(|text| format!("({text})")));
    lines.extend(text("title").map(|title| format!("[[ {title} ]]")));
    lines.extend(text("accent").map(|accent| format!("| {accent}")));
    lines.extend(message["blocks"].as_array().into_iter().flatten().map(block));
    lines.extend(text("submit").map(|submit| format!("[[ {submit} ]]")));
    lines.join("\n")
}

fn block(block: &Value) -> String {
    let text = || block["text"]["text"].as_str().unwrap_or("").to_owned();
    match block["type"].as_str() {
        Some("header") => format!("# {}", text()),
        Some("section") => {
            let fields = each(&block["fields"], |field| field["text"].as_str().unwrap_or("").replace('\n', " "));
            let accessory = block.get("accessory").map_or_else(String::new, |button| format!("   {}", element(button)));
            [text(), fields.join(" | ")].concat() + &accessory
        }
        Some("context") => {
            format!("  {}", each(&block["elements"], |e| e["text"].as_str().unwrap_or("").to_owned()).join("  "))
        }
        Some("image") => format!("[picture: {}]", block["alt_text"].as_str().unwrap_or("")),
        Some("actions") => each(&block["elements"], element).join(" "),
        Some("input") => {
            let element = &block["element"];
            let chosen = element["initial_option"]["text"]["text"].as_str().or(element["initial_user"].as_str());
            let value = element["initial_value"].as_str().or(chosen).unwrap_or("");
            let label = block["label"]["text"].as_str().unwrap_or("");
            format!("{label}: [{}]  {}", value.replace('\n', " ⏎ "), block["hint"]["text"].as_str().unwrap_or(""))
        }
        Some("divider") => "---".to_owned(),
        other => format!("{other:?}?"),
    }
}

fn element(element: &Value) -> String {
    let options = || each(&element["options"], |option| option["text"]["text"].as_str().unwrap_or("").to_owned());
    match element["type"].as_str() {
        Some("button") => {
            let style = if element["style"] == "primary" { "!" } else { "" };
            format!("[{}{style}]", element["text"]["text"].as_str().unwrap_or(""))
        }
        Some("static_select") => {
            format!("[{} ▾ {}]", element["placeholder"]["text"].as_str().unwrap_or(""), options().join(", "))
        }
        Some("overflow") => format!("[⋯ {}]", options().join(", ")),
        other => format!("{other:?}?"),
    }
}

fn each(list: &Value, show: impl Fn(&Value) -> String) -> Vec<String> {
    list.as_array().into_iter().flatten().map(show).collect()
}
