//! Block Kit's rules.

use serde_json::{Value, json};

use super::super::validate::{self, Fault};
use super::Bench;

fn faults(block: &Value) -> Vec<String> {
    let found = validate::message(&json!([block]), &|file| file == "F0KNOWN");
    found.iter().map(|fault| fault.text().replace("[json-pointer:/blocks/0", "[")).collect()
}

fn view_faults(view: &Value) -> Vec<String> {
    validate::view(view, &|_| false).iter().map(Fault::text).collect()
}

fn button(id: &str) -> Value {
    json!({"type": "button", "action_id": id, "text": {"type": "plain_text", "text": "Go"}})
}

fn options(count: usize) -> Vec<Value> {
    (0..count).map(|n| json!({"text": {"type": "plain_text", "text": "o"}, "value": n.to_string()})).collect()
}

#[test]
fn what_watchkeeper_would_send_is_accepted() {
    let menu = json!({"type": "static_select", "action_id": "s", "options": options(3),
                      "placeholder": {"type": "plain_text", "text": "Silence"}});
    let blocks = json!([
        {"type": "header", "text": {"type": "plain_text", "text": "SOL/USD is stale", "emoji": true}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*42 s*"}, "fields": [{"type": "mrkdwn", "text": "a"}], "accessory": button("x")},
        {"type": "image", "slack_file": {"id": "F0KNOWN"}, "alt_text": "price"},
        {"type": "actions", "elements": [button("ack"), menu, {"type": "overflow", "options": options(2)}]},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "since 08:00"}]},
        {"type": "divider"},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "a"}]}]},
    ]);
    assert_eq!(validate::message(&blocks, &|file| file == "F0KNOWN"), []);
}

#[test]
fn each_broken_rule_is_named_with_its_place() {
    let text = |kind: &str, length: usize| json!({"type": kind, "text": "x".repeat(length)});
    let select =
        |options: Vec<Value>| json!({"type": "actions", "elements": [{"type": "static_select", "options": options}]});
    let cases = [
        (json!({"type": "nonsense"}), "unsupported type: nonsense [/type]"),
        (json!({"type": "section"}), "missing required field: text []"),
        (json!({"type": "divider", "colour": 1}), "invalid additional property: colour []"),
        (json!({"type": "header", "text": text("mrkdwn", 3)}), "must be one of: plain_text [/text/type]"),
        (json!({"type": "header", "text": text("plain_text", 151)}), "must be less than 151 characters [/text/text]"),
        (json!({"type": "section", "text": text("mrkdwn", 3001)}), "must be less than 3001 characters [/text/text]"),
        (json!({"type": "section", "text": text("mrkdwn", 0)}), "must be more than 0 characters [/text/text]"),
        (json!({"type": "section", "fields": vec![text("mrkdwn", 1); 11]}), "no more than 10 items allowed [/fields]"),
        (
            json!({"type": "section", "fields": [text("mrkdwn", 2001)]}),
            "must be less than 2001 characters [/fields/0/text]",
        ),
        (json!({"type": "context", "elements": []}), "no fewer than 1 items allowed [/elements]"),
        (
            json!({"type": "context", "elements": vec![text("mrkdwn", 1); 11]}),
            "no more than 10 items allowed [/elements]",
        ),
        (
            json!({"type": "actions", "elements": (0..26).map(|n| button(&n.to_string())).collect::<Vec<_>>()}),
            "no more than 25 items allowed [/elements]",
        ),
        (
            json!({"type": "actions", "elements": [button("a"), button("a")]}),
            "`action_id` value \"a\" is already in use [/elements/1/action_id]",
        ),
        (
            json!({"type": "actions", "elements": [button(&"a".repeat(256))]}),
            "must be less than 256 characters [/elements/0/action_id]",
        ),
        (
            json!({"type": "actions", "elements": [{"type": "plain_text_input"}]}),
            "unsupported type: plain_text_input [/elements/0/type]",
        ),
        (
            json!({"type": "actions", "elements": [{"type": "button", "text": text("plain_text", 76)}]}),
            "must be less than 76 characters [/elements/0/text/text]",
        ),
        (select(options(101)), "no more than 100 items allowed [/elements/0/options]"),
        (
            select(vec![options(1)[0].clone(), options(1)[0].clone()]),
            "option value \"0\" is already in use [/elements/0/options]",
        ),
        (select(vec![]), "no fewer than 1 items allowed [/elements/0/options]"),
        (
            json!({"type": "image", "alt_text": "a", "slack_file": {"id": "F0OTHER"}}),
            "invalid slack file [/slack_file]",
        ),
        (json!({"type": "image", "alt_text": "a"}), "exactly one of image_url and slack_file is required []"),
        (json!({"type": "alert", "text": text("plain_text", 3)}), "unsupported type: alert [/type]"),
        (json!("text"), "must be an object []"),
    ];
    for (block, fault) in cases {
        assert_eq!(faults(&block), [fault], "{block}");
    }
}

#[test]
fn a_message_takes_fifty_blocks_and_each_id_once() {
    let many = |count: usize| Value::from(vec![json!({"type": "divider"}); count]);
    assert_eq!(validate::message(&many(50), &|_| false), []);
    assert_eq!(
        validate::message(&many(51), &|_| false)[0].text(),
        "no more than 50 items allowed [json-pointer:/blocks]"
    );
    let twice = json!([{"type": "divider", "block_id": "b"}, {"type": "divider", "block_id": "b"}]);
    let fault = &validate::message(&twice, &|_| false)[0];
    assert_eq!(fault.text(), "`block_id` value \"b\" is already in use [json-pointer:/blocks/1/block_id]");
}

#[test]
fn a_modal_needs_a_short_title_and_a_submit_for_its_inputs() {
    let title = |length: usize| json!({"type": "plain_text", "text": "t".repeat(length)});
    let input = json!({"type": "input", "label": title(3), "element": {"type": "plain_text_input"}});
    let modal = |title: Value, blocks: Value| json!({"type": "modal", "title": title, "blocks": blocks});
    assert_eq!(view_faults(&modal(title(24), json!([]))), Vec::<String>::new());
    assert_eq!(
        view_faults(&modal(title(25), json!([]))),
        ["must be less than 25 characters [json-pointer:/view/title/text]"]
    );
    assert_eq!(view_faults(&modal(title(3), json!([input]))), ["missing required field: submit [json-pointer:/view]"]);
    assert_eq!(
        view_faults(&json!({"type": "home", "blocks": [], "title": title(3)})),
        ["invalid additional property: title [json-pointer:/view]"]
    );
}

#[tokio::test]
async fn invalid_blocks_are_explained_twice_as_slack_does() {
    let bench = Bench::open().await;
    let args = json!({"channel": "C0OPS", "text": "a", "blocks": [{"type": "nonsense"}]});
    let error = "unsupported type: nonsense [json-pointer:/blocks/0/type]";
    assert_eq!(
        bench.call("chat.postMessage", args).await,
        json!({"ok": false, "error": "invalid_blocks", "errors": [error],
               "response_metadata": {"messages": [format!("[ERROR] {error}")]}})
    );
    assert_eq!(
        bench.error("chat.postMessage", json!({"channel": "C0OPS", "blocks": {"a": 1}})).await,
        "invalid_blocks_format"
    );
}
