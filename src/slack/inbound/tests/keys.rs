//! What is the same delivery: by the key that Slack gives it, else by what was done, else by its bytes.

use super::*;

/// A click, with what `extra` adds to it or takes away.
fn click(extra: &Value) -> String {
    let mut payload = json!({
        "type": "block_actions", "user": {"id": "U1"}, "trigger_id": "7.8.x",
        "actions": [{"action_id": "approve", "action_ts": "1700000000.25", "value": "1"}],
    });
    payload.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    from_interaction(&payload).key
}

/// The key of last resort, of a body sent as JSON.
fn by_bytes(payload: &Value) -> String {
    pick::body_key(payload.to_string().as_bytes())
}

#[test]
fn what_slack_numbers_is_known_by_its_number() {
    let mention = event(&json!({"type": "app_mention", "user": "U1", "channel": "C1", "ts": "1.2", "text": "x"}));
    assert_eq!(mention.key, "event:Ev1");
    let limited = json!({"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1_518_467_820});
    let limited = from_json(&limited);
    assert_eq!(limited.key, "app_rate_limited:T1:1518467820");
    assert_eq!(limited.input, Input::AppRateLimited { minute: 1_518_467_820 });
    assert_eq!(click(&json!({})), "action:7.8.x");
    for kind in ["view_submission", "view_closed"] {
        let view = json!({"type": kind, "user": {"id": "U1"}, "trigger_id": "9", "view": {"id": "V1"}});
        assert_eq!(from_interaction(&view).key, format!("{kind}:9"));
    }
}

#[test]
fn a_click_without_a_trigger_is_known_by_who_clicked_what_and_when() {
    let bare = |extra: Value| {
        let mut all = json!({"trigger_id": null});
        all.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        click(&all)
    };
    assert_eq!(bare(json!({})), "action:1700000000.25:U1:approve");
    assert_eq!(bare(json!({"user": {"id": "U2"}})), "action:1700000000.25:U2:approve");
    assert_eq!(bare(json!({"action_ts": "5.5"})), "action:5.5:U1:approve");
    let other = json!({"actions": [{"action_id": "reject", "action_ts": "1700000000.25"}]});
    assert_eq!(bare(other), "action:1700000000.25:U1:reject");
    let shortcut = json!({"type": "shortcut", "user": {"id": "U1"}, "callback_id": "open", "action_ts": "5.5"});
    assert_eq!(from_interaction(&shortcut).key, "action:5.5:U1:open");
    let timeless = json!({"type": "shortcut", "user": {"id": "U1"}, "callback_id": "open"});
    assert_eq!(from_interaction(&timeless).key, by_bytes(&timeless));
}

#[test]
fn a_form_without_a_trigger_is_known_by_its_view_and_what_was_filled_in() {
    let key =
        |view: Value| from_interaction(&json!({"type": "view_submission", "user": {"id": "U1"}, "view": view})).key;
    let filled_in = pick::body_key(br#"{"values":{}}"#);
    let view = |id: &str, hash: &str| json!({"id": id, "hash": hash, "state": {"values": {}}});
    assert_eq!(key(view("V1", "h")), format!("view_submission:V1:h:{filled_in}"));
    assert_eq!(key(view("V2", "h")), format!("view_submission:V2:h:{filled_in}"));
    assert_eq!(key(view("V1", "i")), format!("view_submission:V1:i:{filled_in}"));
}

#[test]
fn what_has_no_key_of_its_own_is_known_by_its_bytes() {
    for payload in [
        json!({"type": "event_callback", "event": {"type": "app_uninstalled"}}),
        json!({"type": "url_verification", "challenge": "c"}),
        json!({"type": "block_suggestion", "user": {"id": "U1"}, "value": "s"}),
        json!({"type": "dialog_suggestion", "user": {"id": "U1"}}),
        json!([1]),
    ] {
        let key = from_json(&payload).key;
        assert_eq!(key, by_bytes(&payload), "{payload}");
        assert_eq!(key.len(), "sha256:".len() + 64);
    }
    assert_ne!(by_bytes(&json!([1])), by_bytes(&json!([2])));
}

#[test]
fn an_envelope_is_known_by_its_payload_and_only_else_by_itself() {
    let key = |frame: Value| parse_envelope(&frame).unwrap().delivery.key;
    assert_eq!(key(json!({"envelope_id": "e1"})), "envelope:e1", "without a payload");
    assert_eq!(key(json!({"envelope_id": "e1", "payload": {}})), "envelope:e1");
    assert_eq!(key(json!({"envelope_id": "e1", "payload": {"command": "/wk", "trigger_id": "7"}})), "command:7");
    assert_eq!(parse_envelope(&json!({"payload": {}})), None, "nothing to acknowledge");
}

#[test]
fn a_first_delivery_is_no_retry() {
    for (attempt, number) in
        [(json!(0), None), (json!(null), None), (json!(1), Some(1)), (json!(u64::MAX), Some(u32::MAX))]
    {
        let frame = json!({"envelope_id": "e", "payload": {}, "retry_attempt": attempt});
        assert_eq!(parse_envelope(&frame).unwrap().delivery.retry.map(|retry| retry.number), number, "{attempt}");
    }
}
