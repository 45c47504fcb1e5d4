//! Every recorded payload has an expectation; whatever else may come, nothing panics.

mod keys;
mod picked;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use proptest::prelude::*;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::*;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn headers(content_type: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))])
}

fn from_json(payload: &Value) -> Delivery {
    parse_http(&headers(JSON), payload.to_string().as_bytes())
}

fn from_form(fields: &[(&str, &str)]) -> Delivery {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    parse_http(&headers(FORM), body.as_bytes())
}

fn from_interaction(payload: &Value) -> Delivery {
    from_form(&[("payload", &payload.to_string())])
}

fn event(event: &Value) -> Delivery {
    from_json(&json!({
        "type": "event_callback", "event_id": "Ev1", "event_time": 1_700_000_000, "team_id": "T1", "event": event,
        "authorizations": [{"team_id": "T1", "user_id": "UBOT", "is_bot": true, "is_enterprise_install": false}],
    }))
}

fn reason(delivery: &Delivery) -> &str {
    match &delivery.input {
        Input::Ignored { reason, .. } => reason,
        other => panic!("acted on: {other:?}"),
    }
}

/// File name and payload of each recording; empty, and said so, without the shared data.
fn recordings() -> BTreeMap<String, Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/slack");
    let Ok(files) = std::fs::read_dir(folder) else {
        println!("skipped: shared data not present");
        return BTreeMap::new();
    };
    let read = |path: PathBuf| {
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (stem, serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()).unwrap())
    };
    files.map(|file| read(file.unwrap().path())).collect()
}

/// Parses a recording the way it would arrive.
fn arrive(recording: &Value) -> Frame {
    let payload = &recording["payload"];
    let kind = recording["_kind"].as_str().unwrap();
    if kind.starts_with("socket:") {
        return parse_frame(&payload.to_string());
    }
    let is_event = ["event_callback", "url_verification", "app_rate_limited"].iter().any(|one| kind.starts_with(one));
    let delivery = if is_event { from_json(payload) } else { from_interaction(payload) };
    let envelope =
        Envelope { envelope_id: String::new(), kind: String::new(), accepts_response_payload: false, delivery };
    Frame::Envelope(Box::new(envelope))
}

fn summary(frame: &Frame) -> String {
    let envelope = match frame {
        Frame::Hello { connections } => return format!("hello {connections}"),
        Frame::Disconnect { reason } => return format!("disconnect {reason}"),
        Frame::Other => return "other".to_owned(),
        Frame::Envelope(envelope) => envelope,
    };
    let Delivery { key, input, .. } = &envelope.delivery;
    let said = match input {
        Input::Ignored { what, reason } => format!("{what}: {reason}"),
        Input::Mention(said) | Input::DirectMessage(said) => format!("{} {} {:?}", said.user, said.channel, said.text),
        Input::Command(command) => format!("{} {} {}", command.command, command.user, command.channel),
        Input::Action(action) => format!("{} {:?} {:?}", action.user, action.container, action.actions),
        Input::ViewSubmission(submission) => format!("{} {:?}", submission.user, submission.view.state),
        Input::ViewClosed(closed) => format!("{} cleared={}", closed.user, closed.is_cleared),
        Input::Shortcut(shortcut) => format!("{} {}", shortcut.user, shortcut.callback_id),
        Input::BlockSuggestion(asked) => format!("{} {} {}", asked.user, asked.action_id, asked.value),
        Input::HomeOpened { user, tab } => format!("{user} {tab}"),
        Input::AppRateLimited { minute } => minute.to_string(),
        Input::UrlVerification { challenge } => challenge.clone(),
        other => format!("{other:?}"),
    };
    let key = key.strip_prefix("sha256:").map_or(key.as_str(), |_| "sha256");
    format!("{key} | {} {said}", input.name())
}

#[test]
fn every_recorded_payload_is_used_or_ignored_for_a_reason() {
    let recordings = recordings();
    if recordings.is_empty() {
        return;
    }
    let lines: Vec<_> = recordings.iter().map(|(name, one)| format!("{name}: {}", summary(&arrive(one)))).collect();
    let expected: Vec<_> = include_str!("recorded.txt").lines().collect();
    for (line, expected) in lines.iter().zip(&expected) {
        assert_eq!(line, expected);
    }
    assert_eq!(lines.len(), expected.len(), "a recording without an expectation, or the other way round");
}

#[test]
fn a_command_says_who_where_and_what() {
    let delivery = from_form(&[
        ("command", "/wk"),
        ("text", " silence price &gt; 3 &amp;amp; "),
        ("team_id", "T1"),
        ("enterprise_id", "E1"),
        ("is_enterprise_install", "true"),
        ("channel_id", "C1"),
        ("user_id", "U1"),
        ("trigger_id", "1.2.x"),
        ("response_url", "https://hooks.slack.com/commands/1"),
    ]);
    let Input::Command(command) = &delivery.input else { panic!("{delivery:?}") };
    assert_eq!((command.user.as_str(), command.channel.as_str()), ("U1", "C1"));
    assert_eq!(command.text, "silence price > 3 &amp;");
    assert_eq!(delivery.key, "command:1.2.x");
    assert!(delivery.origin.is_enterprise_install);
    assert!(!format!("{delivery:?}").contains("hooks.slack.com"), "a response URL is a secret");
}

#[test]
fn the_words_meant_for_us_are_what_stands_beside_our_name() {
    let heard = |text: &str| {
        let event = event(&json!({"type": "app_mention", "user": "U1", "channel": "C1", "ts": "1.2", "text": text}));
        let Input::Mention(said) = event.input else { panic!("{event:?}") };
        said.text
    };
    assert_eq!(heard("<@UBOT> feeds SOL"), "feeds SOL");
    assert_eq!(heard("hey <@UBOT|wk>, status"), "status");
    assert_eq!(heard("status <@UBOT>"), "status");
    assert_eq!(heard("ack for <@UALICE> <@UBOT>"), "ack for <@UALICE>");
    assert_eq!(heard("<@UALICE> look: <@UBOT> alerts"), "alerts");
    assert_eq!(heard("<@UBOT"), "");
}

#[test]
fn bots_edits_and_talk_among_people_are_not_for_us() {
    let say = |extra: Value| {
        let mut said = json!({"type": "message", "channel_type": "im", "user": "U1", "channel": "D1", "ts": "1.2"});
        said.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        event(&said)
    };
    assert!(matches!(say(json!({"text": "status"})).input, Input::DirectMessage(_)));
    assert!(matches!(say(json!({"text": "look", "subtype": "file_share"})).input, Input::DirectMessage(_)));
    assert_eq!(reason(&say(json!({"bot_id": "B1"}))), "from a bot");
    assert_eq!(reason(&say(json!({"user": "UBOT"}))), "from a bot");
    assert_eq!(reason(&say(json!({"subtype": "message_changed"}))), "an edit of what was already said");
    assert_eq!(reason(&say(json!({"subtype": "channel_join"}))), "not something a person said");
    assert_eq!(reason(&say(json!({"channel_type": "channel"}))), "not addressed to watchkeeper");
}

#[test]
fn a_click_by_a_stranger_in_a_shared_channel_can_be_told() {
    let delivery = from_interaction(&json!({
        "type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U9", "team_id": "T9"}, "trigger_id": "7",
        "container": {"type": "message_attachment", "message_ts": "5.6", "channel_id": "C1", "is_ephemeral": true},
        "message": {"ts": "5.6", "thread_ts": "5.5", "metadata": {"event_type": "x", "event_payload": {"n": 1}}},
        "actions": [{"type": "static_select", "action_id": "silence", "block_id": "b", "action_ts": "1700000000.250000",
                     "selected_option": {"value": "1h"}}],
    }));
    let Input::Action(action) = &delivery.input else { panic!("{delivery:?}") };
    assert_eq!(action.user_team.as_ref().unwrap().as_str(), "T9");
    assert_ne!(action.user_team, delivery.origin.team);
    assert_eq!(action.container, Container::Message { ephemeral: true });
    assert_eq!(action.thread_ts.as_ref().unwrap().as_str(), "5.5");
    assert_eq!(action.actions[0].value(), Some("1h"));
    assert_eq!(delivery.occurred_at, Some(Timestamp::from_millis(1_700_000_000_250)));
}

#[test]
fn org_wide_installs_have_no_team() {
    let delivery = from_interaction(&json!({
        "type": "shortcut", "team": null, "enterprise": {"id": "E1"}, "is_enterprise_install": true,
        "user": {"id": "U1", "team_id": "T1"}, "callback_id": "open", "trigger_id": "1.2", "action_ts": "5.5",
    }));
    assert!(matches!(delivery.input, Input::Shortcut(_)));
    assert_eq!(delivery.origin.team, None);
    assert_eq!(delivery.origin.enterprise.unwrap().as_str(), "E1");
}

#[test]
fn an_element_holds_strings_whatever_its_type() {
    let held = [
        (json!({"type": "button", "value": "go"}), vec!["go"]),
        (json!({"type": "overflow", "selected_option": {"value": "why"}}), vec!["why"]),
        (json!({"type": "checkboxes", "selected_options": [{"value": "a"}, {"value": "b"}]}), vec!["a", "b"]),
        (json!({"type": "multi_users_select", "selected_users": ["U1", "U2"]}), vec!["U1", "U2"]),
        (json!({"type": "conversations_select", "selected_conversation": "C1"}), vec!["C1"]),
        (json!({"type": "datetimepicker", "selected_date_time": 1_700_000_000}), vec!["1700000000"]),
        (json!({"type": "timepicker", "selected_time": "12:00"}), vec!["12:00"]),
        (json!({"type": "file_input", "files": [{"id": "F1"}]}), vec!["F1"]),
        (json!({"type": "static_select", "selected_option": null}), vec![]),
    ];
    for (held, expected) in held {
        assert_eq!(pick::element("b", "a", &held).values, expected, "{held}");
    }
}

#[test]
fn a_corrected_form_is_a_new_submission_and_the_same_form_is_not() {
    let submit = |filled_in: &str, trigger: Option<&str>| {
        from_interaction(&json!({
            "type": "view_submission", "user": {"id": "U1"}, "trigger_id": trigger,
            "view": {"id": "V1", "hash": "h", "state": {"values": {"b": {"a": {"value": filled_in}}}}},
        }))
        .key
    };
    assert_eq!(submit("x", None), submit("x", None));
    assert_ne!(submit("x", None), submit("y", None));
    assert_ne!(submit("x", Some("1")), submit("x", Some("2")));
}

#[test]
fn slacks_checks_of_our_address_are_told_apart() {
    assert_eq!(from_form(&[("ssl_check", "1"), ("token", "x")]).input, Input::SslCheck);
    assert_eq!(
        from_json(&json!({"type": "url_verification", "challenge": "c"})).input,
        Input::UrlVerification { challenge: "c".to_owned() }
    );
    let revoked = event(&json!({"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": ["UBOT"]}}));
    assert!(matches!(revoked.input, Input::TokensRevoked { bot_users, .. } if bot_users[0].as_str() == "UBOT"));
    assert_eq!(event(&json!({"type": "app_uninstalled"})).input, Input::AppUninstalled);
}

#[test]
fn a_retry_is_noted_over_http_and_over_a_socket() {
    let mut headers = headers(JSON);
    headers.insert("x-slack-retry-num", HeaderValue::from_static("2"));
    headers.insert("x-slack-retry-reason", HeaderValue::from_static("http_timeout"));
    let expected = Some(Retry { number: 2, reason: Some("http_timeout".to_owned()) });
    assert_eq!(parse_http(&headers, b"{}").retry, expected);
    let frame = json!({"envelope_id": "e", "payload": {}, "retry_attempt": 2, "retry_reason": "http_timeout"});
    assert_eq!(parse_envelope(&frame).unwrap().delivery.retry, expected);
}

#[test]
fn the_same_event_has_the_same_key_whichever_way_it_comes() {
    let payload = json!({"type": "event_callback", "event_id": "Ev7", "event": {"type": "app_uninstalled"}});
    let frame = json!({"envelope_id": "e", "type": "events_api", "payload": payload});
    assert_eq!(parse_envelope(&frame).unwrap().delivery.key, from_json(&payload).key);
}

#[test]
fn broken_bodies_are_deliveries_with_a_reason() {
    for body in ["", "{", "[1]", "null", "\u{0}", "{\"type\": 5}", "payload=%7B", "payload="] {
        for content_type in [JSON, FORM, "text/plain"] {
            let delivery = parse_http(&headers(content_type), body.as_bytes());
            assert!(!reason(&delivery).is_empty());
        }
    }
    let deep = "[".repeat(100_000);
    assert_eq!(reason(&parse_http(&headers(JSON), deep.as_bytes())), "not JSON");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("<@U1> é<@")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Each field we pick, so that mutations hit what the parsers read.
fn samples() -> Vec<Value> {
    let mut all: Vec<Value> = recordings().into_values().map(|mut one| one["payload"].take()).collect();
    all.push(
        json!({"type": "event_callback", "event_id": "Ev1", "event_time": 1, "authorizations": [{"user_id": "U"}],
        "event": {"type": "app_mention", "user": "U1", "text": "<@U> x", "channel": "C1", "ts": "1.2"}}),
    );
    all.push(
        json!({"type": "block_actions", "user": {"id": "U1"}, "actions": [{"action_id": "a", "action_ts": "1.2"}],
        "container": {"type": "message"}, "view": {"id": "V", "state": {"values": {"b": {"a": {"value": "x"}}}}}}),
    );
    all
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(fields) => fields.values().map(nodes).sum(),
        _ => 0,
    }
}

/// Puts `new` in the place of the node with number `at`, counted in order of reading.
fn replace(value: &mut Value, at: &mut usize, new: &Value) {
    if *at == 0 {
        *value = new.clone();
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, at, new)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, at, new)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn whatever_slack_changes_in_a_payload_the_input_survives_the_inbox(
        pick in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), new in any_json(),
    ) {
        static SAMPLES: LazyLock<Vec<Value>> = LazyLock::new(samples);
        let samples = &*SAMPLES;
        let mut payload = samples[pick.index(samples.len())].clone();
        let mut at = place.index(nodes(&payload));
        replace(&mut payload, &mut at, &new);
        let mut deliveries = vec![from_json(&payload), from_interaction(&payload)];
        deliveries.extend(parse_envelope(&payload).map(|envelope| envelope.delivery));
        for delivery in deliveries {
            let stored = serde_json::to_string(&delivery).unwrap();
            prop_assert_eq!(serde_json::from_str::<Delivery>(&stored).unwrap(), delivery);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let delivery = parse_http(&headers(FORM), &body);
        prop_assert_eq!(&delivery.key, &parse_http(&headers(FORM), &body).key);
        let _ = parse_http(&headers(JSON), &body);
        let _ = parse_frame(&String::from_utf8_lossy(&body));
    }
}
