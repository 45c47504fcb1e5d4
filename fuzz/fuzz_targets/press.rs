#![no_main]
//! Buttons and forms as they come back: a line for the button's id, one for its value, one for the form's metadata, and then
//! `field=value` for what was filled in.

use libfuzzer_sys::fuzz_target;
use watchkeeper::core::ids::UserId;
use watchkeeper::core::time::Timestamp;
use watchkeeper::slack::blocks::actions::Press;
use watchkeeper::slack::blocks::{action, handoff, incident, modals, oncall};

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let [id, value, metadata] = [(); 3].map(|()| lines.next().unwrap_or_default());
    if let Some(press) = Press::parse(id, value) {
        let again = Press::parse(&press.action_id(), &press.value());
        assert!(again.is_some(), "what is a button of ours is one on the next message, too");
    }
    let filled: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once('=')).collect();
    let field = |name: &str| {
        let found = filled.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    if let Ok(silence) = modals::read_silence(field) {
        assert!(!silence.matchers.is_empty());
        let _shown = modals::shown(metadata, &silence.matchers);
    }
    let _override = oncall::read_override(field, Timestamp::from_secs(1_796_000_000));
    let _swap = oncall::read_swap(field, &UserId::new("U0ALICE"));
    let _question = handoff::read_question(metadata, field);
    let _declared = incident::read_declared(metadata, field);
    let _updated = incident::read_updated(field);
    let _roles = incident::read_roles(field);
    let _resolved = incident::read_resolved(field);
    let _rejected = (action::rejected_plan(metadata), action::read_rejection(field));
    if let Some(subject) = action::subject(metadata) {
        let _wanted = action::read_request(&subject, &[], field);
    }
});
