//! Slack's limits, looked up again and not shared with `kit`, so that a wrong figure there shows here.
//! Source: Slack, "Block Kit reference".

use std::collections::BTreeSet;

use serde_json::Value;

/// What Slack would refuse in a message or view; nothing when it is sound.
pub fn faults(message: &Value) -> Vec<String> {
    let mut faults = Faults(Vec::new());
    let view = message.get("type").is_some();
    let blocks = message["blocks"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !view {
        faults.text("text", &message["text"], 4000);
    }
    if let Some("modal") = message["type"].as_str() {
        for key in ["title", "submit", "close"] {
            message.get(key).inspect(|text| faults.text(key, &text["text"], 24));
        }
        faults.most("private_metadata", message["private_metadata"].as_str().unwrap_or("").len(), 3000);
    }
    faults.most("blocks", blocks.len(), if view { 100 } else { 50 });
    if let Some(accent) = message.get("accent").and_then(Value::as_str) {
        let hex = accent.len() == 7 && accent[1..].chars().all(|c| c.is_ascii_hexdigit());
        faults.check(accent.starts_with('#') && hex, "accent");
    }
    for (index, block) in blocks.iter().enumerate() {
        faults.block(&format!("/blocks/{index}"), block);
    }
    faults.0
}

struct Faults(Vec<String>);

impl Faults {
    fn check(&mut self, sound: bool, what: &str) {
        if !sound {
            self.0.push(what.to_owned());
        }
    }

    fn most(&mut self, what: &str, count: usize, most: usize) {
        self.check(count <= most, &format!("{what}: {count} > {most}"));
    }

    fn text(&mut self, what: &str, text: &Value, most: usize) {
        let text = text.as_str().unwrap_or("");
        self.check(!text.trim().is_empty(), &format!("{what}: empty"));
        self.most(what, text.chars().count(), most);
    }

    fn list<'a>(&mut self, what: &str, list: &'a Value, most: usize) -> &'a [Value] {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        self.check(!list.is_empty(), &format!("{what}: empty"));
        self.most(what, list.len(), most);
        list
    }

    fn block(&mut self, at: &str, block: &Value) {
        match block["type"].as_str() {
            Some("header") => {
                self.check(block["text"]["type"] == "plain_text", at);
                self.text(at, &block["text"]["text"], 150);
            }
            Some("section") => {
                if let Some(text) = block.get("text") {
                    self.text(at, &text["text"], 3000);
                    self.check(text["verbatim"] == true, &format!("{at}: not verbatim"));
                }
                if block.get("fields").is_some() {
                    for field in self.list(at, &block["fields"], 10) {
                        self.text(at, &field["text"], 2000);
                    }
                }
                block.get("accessory").inspect(|element| self.element(at, element));
            }
            Some("context") => {
                for element in self.list(at, &block["elements"], 10) {
                    self.text(at, &element["text"], 3000);
                }
            }
            Some("image") => {
                self.text(at, &block["alt_text"], 2000);
                self.text(at, &block["slack_file"]["id"], 255);
            }
            Some("actions") => {
                let elements = self.list(at, &block["elements"], 25);
                let ids: BTreeSet<_> = elements.iter().map(|element| element["action_id"].as_str()).collect();
                self.check(ids.len() == elements.len(), &format!("{at}: repeated action_id"));
                for element in elements {
                    self.element(at, element);
                }
            }
            Some("input") => {
                self.text(at, &block["label"]["text"], 2000);
                self.text(at, &block["hint"]["text"], 2000);
                self.text(at, &block["block_id"], 255);
                self.element(at, &block["element"]);
            }
            Some("divider") => {}
            other => self.check(false, &format!("{at}: {other:?}")),
        }
    }

    fn element(&mut self, at: &str, element: &Value) {
        self.text(&format!("{at}/action_id"), &element["action_id"], 255);
        match element["type"].as_str() {
            Some("button") => {
                self.text(at, &element["text"]["text"], 75);
                self.text(at, &element["value"], 2000);
                self.most(at, element["url"].as_str().unwrap_or("").len(), 3000);
            }
            Some("static_select") => {
                self.text(at, &element["placeholder"]["text"], 150);
                self.options(at, &element["options"], 100);
            }
            Some("radio_buttons") => self.options(at, &element["options"], 10),
            Some("users_select") => self.text(at, &element["placeholder"]["text"], 150),
            Some("datetimepicker") => {
                let digits = element["initial_date_time"].as_i64().map_or(10, |secs| secs.to_string().len());
                self.most(at, digits, 10);
            }
            Some("overflow") => self.options(at, &element["options"], 5),
            Some("plain_text_input") => {
                let most = element["max_length"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(3000);
                self.most(at, element["initial_value"].as_str().unwrap_or("").chars().count(), most);
            }
            other => self.check(false, &format!("{at}: {other:?}")),
        }
    }

    fn options(&mut self, at: &str, options: &Value, most: usize) {
        for option in self.list(at, options, most) {
            self.text(at, &option["text"]["text"], 75);
            self.text(at, &option["value"], 150);
        }
    }
}

#[test]
fn the_checker_sees_what_slack_would_refuse() {
    let long = "x".repeat(3001);
    for block in [
        serde_json::json!({"type": "section", "text": {"type": "mrkdwn", "text": long, "verbatim": true}}),
        serde_json::json!({"type": "section", "text": {"type": "mrkdwn", "text": " ", "verbatim": true}}),
        serde_json::json!({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}),
        serde_json::json!({"type": "actions", "elements": []}),
        serde_json::json!({"type": "nonsense"}),
    ] {
        let message = serde_json::json!({"text": "x", "blocks": [block]});
        assert_eq!(faults(&message).len(), 1, "{message}");
    }
}
