//! A message or view as plain text, for snapshots and for reading a test's failure.

use serde_json::Value;

/// Text, blocks and attachments; buttons as `[Acknowledge]`, menus as `[Silence v: 1 h | 4 h]`, inputs as `<Reason>`.
pub fn message(message: &Value) -> String {
    let mut lines = Vec::new();
    let blocks = blocks(&message["blocks"]);
    if blocks.is_empty() {
        lines.extend(text_of(&message["text"]).lines().map(str::to_owned));
    }
    lines.extend(blocks);
    for attachment in message["attachments"].as_array().into_iter().flatten() {
        let inner = self::blocks(&attachment["blocks"]);
        let plain = [&attachment["title"], &attachment["text"]].map(text_of);
        let shown =
            if inner.is_empty() { plain.iter().flat_map(|t| t.lines()).map(str::to_owned).collect() } else { inner };
        let color = attachment["color"].as_str().unwrap_or_default();
        lines.extend(shown.into_iter().map(|line| format!("|{color}| {line}")));
    }
    for file in message["files"].as_array().into_iter().flatten() {
        lines.push(format!("(file {})", text_of(&file["name"])));
    }
    lines.join("\n")
}

/// A modal or home tab: title, blocks, and its submit and close buttons.
pub fn view(view: &Value) -> String {
    let mut lines = Vec::new();
    if !view["title"].is_null() {
        lines.push(format!("== {} ==", text_of(&view["title"])));
    }
    lines.extend(blocks(&view["blocks"]));
    let buttons: Vec<String> = [&view["close"], &view["submit"]]
        .into_iter()
        .filter(|button| !button.is_null())
        .map(|button| format!("[{}]", text_of(button)))
        .collect();
    if !buttons.is_empty() {
        lines.push(buttons.join(" "));
    }
    lines.join("\n")
}

fn blocks(blocks: &Value) -> Vec<String> {
    blocks.as_array().into_iter().flatten().flat_map(block).collect()
}

fn block(block: &Value) -> Vec<String> {
    let several = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    match block["type"].as_str().unwrap_or_default() {
        "divider" => vec!["---".to_owned()],
        "header" => vec![format!("# {}", text_of(&block["text"]))],
        "section" => {
            let mut lines = several(text_of(&block["text"]));
            let fields = block["fields"].as_array().into_iter().flatten();
            lines.extend(fields.map(|field| format!("  {}", text_of(field).replace('\n', " "))));
            if !block["accessory"].is_null() {
                let accessory = element(&block["accessory"]);
                match lines.last_mut() {
                    Some(last) => {
                        last.push(' ');
                        last.push_str(&accessory);
                    }
                    None => lines.push(accessory),
                }
            }
            lines
        }
        "context" => {
            let parts: Vec<String> = block["elements"].as_array().into_iter().flatten().map(element).collect();
            vec![format!("({})", parts.join(" · "))]
        }
        "actions" | "context_actions" => {
            let parts: Vec<String> = block["elements"].as_array().into_iter().flatten().map(element).collect();
            vec![parts.join(" ")]
        }
        "image" => vec![format!("(image: {})", text_of(&block["alt_text"]))],
        "input" => {
            let optional = if block["optional"] == true { " (optional)" } else { "" };
            vec![format!("{}{optional}: {}", text_of(&block["label"]), element(&block["element"]))]
        }
        "markdown" => several(text_of(&block["text"])),
        "rich_text" => several(rich(&block["elements"])),
        "table" => {
            let row = |row: &Value| {
                let cells: Vec<String> = row.as_array().into_iter().flatten().map(cell).collect();
                format!("| {} |", cells.join(" | "))
            };
            block["rows"].as_array().into_iter().flatten().map(row).collect()
        }
        other => vec![format!("({other})")],
    }
}

fn cell(cell: &Value) -> String {
    if cell["elements"].is_array() { rich(&cell["elements"]) } else { text_of(&cell["text"]) }
}

fn rich(elements: &Value) -> String {
    let one = |element: &Value| match element["type"].as_str().unwrap_or_default() {
        "rich_text_section" | "rich_text_preformatted" | "rich_text_quote" => rich(&element["elements"]) + "\n",
        "rich_text_list" => {
            let items = element["elements"].as_array().into_iter().flatten();
            items.map(|item| "- ".to_owned() + &rich(&item["elements"]) + "\n").collect::<Vec<_>>().concat()
        }
        "link" => format!("<{}>", text_of(&element["url"])),
        "user" => format!("<@{}>", text_of(&element["user_id"])),
        "emoji" => format!(":{}:", text_of(&element["name"])),
        "date" => text_of(&element["fallback"]),
        _ => text_of(&element["text"]),
    };
    elements.as_array().into_iter().flatten().map(one).collect()
}

fn element(element: &Value) -> String {
    let kind = element["type"].as_str().unwrap_or_default();
    let options = || {
        let grouped = element["option_groups"].as_array().into_iter().flatten().filter_map(|g| g["options"].as_array());
        let all = element["options"].as_array().into_iter().chain(grouped).flatten();
        all.map(|option| text_of(&option["text"])).collect::<Vec<_>>().join(" | ")
    };
    match kind {
        "button" | "workflow_button" | "icon_button" => format!("[{}]", text_of(&element["text"])),
        "overflow" => format!("[... {}]", options()),
        "image" => format!("(image: {})", text_of(&element["alt_text"])),
        "plain_text" | "mrkdwn" => text_of(element),
        "checkboxes" | "radio_buttons" => format!("[{}]", options()),
        _ if kind.ends_with("static_select") => format!("[{} v: {}]", text_of(&element["placeholder"]), options()),
        _ if kind.ends_with("select") || kind.ends_with("picker") => {
            format!("[{} v]", text_of(&element["placeholder"]))
        }
        _ => format!("<{}>", text_of(&element["placeholder"])),
    }
}

/// A string, or the text of a text object.
fn text_of(value: &Value) -> String {
    value.as_str().or_else(|| value["text"].as_str()).unwrap_or_default().to_owned()
}
