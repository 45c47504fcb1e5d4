//! What is picked out of a payload, and what is left.

use super::*;

#[test]
fn a_pin_marks_a_message_and_no_other_reaction_does() {
    let pin = |extra: Value| {
        let mut pin = json!({"type": "reaction_added", "user": "U1", "reaction": "pushpin",
                             "item": {"type": "message", "channel": "C1", "ts": "1.2"}});
        pin.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        event(&pin)
    };
    let Input::Pinned(pinned) = pin(json!({"user_team": "T9"})).input else { panic!() };
    assert_eq!((pinned.user.as_str(), pinned.channel.as_str(), pinned.ts.as_str()), ("U1", "C1", "1.2"));
    assert_eq!(pinned.user_team.unwrap().as_str(), "T9");
    assert_eq!(reason(&pin(json!({"reaction": "eyes"}))), "not the one watchkeeper uses");
    assert_eq!(reason(&pin(json!({"item": {"type": "file"}}))), "not the one watchkeeper uses");
    assert_eq!(reason(&pin(json!({"user": "UBOT"}))), "from a bot");
    assert_eq!(reason(&pin(json!({"item": {"type": "message"}}))), "without user, channel or ts");
}

#[test]
fn a_direct_message_is_known_by_its_channel_when_its_type_is_not_said() {
    let say = |channel: &str| event(&json!({"type": "message", "user": "U1", "channel": channel, "ts": "1.2"}));
    assert!(matches!(say("D1").input, Input::DirectMessage(_)));
    assert_eq!(reason(&say("C1")), "not addressed to watchkeeper");
    let thinks = json!({"type": "message", "user": "U1", "channel": "D1", "ts": "1.2", "bot_profile": {"id": "B"}});
    assert_eq!(reason(&event(&thinks)), "from a bot");
    let edited = json!({"type": "app_mention", "user": "U1", "channel": "C1", "ts": "1.2", "edited": {"ts": "1.3"}});
    assert_eq!(reason(&event(&edited)), "an edit of what was already said");
}

#[test]
fn when_it_happened_is_told_by_slacks_clock_or_not_at_all() {
    let event_time = |time: Value| from_json(&json!({"type": "event_callback", "event_time": time})).occurred_at;
    for (time, millis) in [
        (json!(1_700_000_000), Some(1_700_000_000_000)),
        (json!("1700000000.123456"), Some(1_700_000_000_123)),
        (json!("1700000000.1"), Some(1_700_000_000_100)),
        (json!("1700000000"), Some(1_700_000_000_000)),
        (json!(0), None),
        (json!(-1), None),
        (json!("0.5"), None),
        (json!("-5.5"), None),
        (json!("soon"), None),
        (json!(1.5), None),
        (json!(true), None),
    ] {
        assert_eq!(event_time(time.clone()), millis.map(Timestamp::from_millis), "{time}");
    }
    let inner = json!({"type": "event_callback", "event": {"type": "app_uninstalled", "event_ts": "5.5"}});
    assert_eq!(from_json(&inner).occurred_at, Some(Timestamp::from_millis(5_500)));
}

#[test]
fn a_flag_is_raised_by_what_means_yes_only() {
    for (value, raised) in [
        (json!(true), true),
        (json!("true"), true),
        (json!("1"), true),
        (json!(false), false),
        (json!("false"), false),
        (json!(""), false),
        (json!(1), false),
        (json!(null), false),
    ] {
        assert_eq!(pick::flag(&json!({"is": value.clone()}), "/is"), raised, "{value}");
    }
}

#[test]
fn a_form_holds_what_was_filled_in_by_block() {
    let delivery = from_interaction(&json!({
        "type": "view_submission", "user": {"id": "U1", "team_id": "T1"},
        "response_urls": [{"response_url": "https://hooks.slack.com/1"}],
        "view": {"id": "V1", "root_view_id": "V0", "callback_id": "silence", "private_metadata": "g1", "hash": "h",
                 "state": {"values": {"why": {"text": {"value": "noisy"}}, "long": {"pick": {"selected_date": "2026-12-01"}}}}},
    }));
    assert_eq!(delivery.input.name(), "view_submission");
    let Input::ViewSubmission(form) = delivery.input else { panic!() };
    let values = |block: &str| form.view.element(block).and_then(Element::value);
    assert_eq!((values("why"), values("long"), values("other")), (Some("noisy"), Some("2026-12-01"), None));
    let view = &form.view;
    assert_eq!(
        (view.id.as_deref(), view.root_id.as_deref(), view.hash.as_deref()),
        (Some("V1"), Some("V0"), Some("h"))
    );
    assert_eq!((view.callback_id.as_str(), view.private_metadata.as_str()), ("silence", "g1"));
    let url = form.response_url.unwrap();
    assert_eq!(url.expose(), "https://hooks.slack.com/1");
    assert_eq!(format!("{url:?}"), "ResponseUrl(…)", "a secret");
}

#[test]
fn an_answer_goes_where_slack_says() {
    let delivery = from_form(&[
        ("command", "/wk"),
        ("channel_id", "C1"),
        ("user_id", "U1"),
        ("response_url", "https://hooks.slack.com/commands/1"),
    ]);
    let Input::Command(command) = delivery.input else { panic!() };
    assert_eq!(command.response_url.unwrap().expose(), "https://hooks.slack.com/commands/1");
}

#[test]
fn what_cannot_be_used_says_why() {
    let nobody = json!({"type": "block_actions", "actions": [{"action_id": "a"}]});
    let nothing = json!({"type": "block_actions", "user": {"id": "U1"}});
    for (delivery, why) in [
        (from_json(&json!([1])), "JSON, but not an object"),
        (from_json(&json!({})), "neither type nor command"),
        (from_json(&json!({"command": ""})), "without command, user or channel"),
        (from_interaction(&nobody), "without a user"),
        (from_interaction(&nothing), "without an action"),
        (from_interaction(&json!({"type": "view_submission", "user": {"id": "U1"}})), "without a view"),
    ] {
        assert_eq!(reason(&delivery), why);
        assert_eq!(delivery.input.name(), "ignored");
    }
}
