//! Every message as it reads, inside Slack's limits, and unable to ping whoever it was not meant to.

mod action;
mod gitops;
mod handoff;
mod incident;
mod limits;
mod oncall;
mod render;
mod workloads;
mod world;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;

use limits::faults;
use render::read;
use world::{Outside, messages};

#[test]
fn every_message_reads_as_reviewed() {
    for (name, message) in messages(&Outside::ordinary(), 3) {
        let json = serde_json::to_string_pretty(&message).unwrap();
        insta::assert_snapshot!(name, format!("{}\n\n{}\n{json}", read(&message), "=".repeat(40)));
    }
}

#[test]
fn one_or_hundreds_of_members_read_as_reviewed() {
    for members in [1, 3, 500] {
        let (_, message) =
            messages(&Outside::ordinary(), members).into_iter().find(|(n, _)| *n == "living_firing").unwrap();
        insta::assert_snapshot!(format!("members_{members}"), read(&message));
    }
}

#[test]
fn every_message_is_inside_slacks_limits() {
    for outside in
        [Outside::ordinary(), Outside::endless("&"), Outside::endless("<!channel> `*~|ż\n"), Outside::empty()]
    {
        for members in [0, 1, 3, 500] {
            for (name, message) in messages(&outside, members) {
                assert_eq!(faults(&message), Vec::<String>::new(), "{name} with {members} members");
            }
        }
    }
}

/// What Slack would act on in text: pings, channels, links. Dates, our channel and our permalinks are meant to be there.
fn acted_on(message: &Value) -> BTreeSet<String> {
    let ours = ["<!date^", "<#C0ALERTS>", "<https://example.slack.com/archives/"];
    let mut found = BTreeSet::new();
    for text in texts(message) {
        let marks = text.match_indices('<').map(|(at, _)| &text[at..]);
        let foreign = marks.filter(|mark| !ours.iter().any(|ours| mark.starts_with(ours)));
        found.extend(foreign.map(|mark| mark.split_inclusive('>').next().unwrap_or_default().to_owned()));
    }
    found
}

/// Every text that is shown; what buttons carry and fields hold is not.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => {
            let shown = fields.iter().filter(|(key, _)| !matches!(key.as_str(), "value" | "initial_value"));
            shown.flat_map(|(_, value)| texts(value)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => vec![],
    }
}

/// Whom a message may ping.
fn expected(name: &str, members: usize) -> BTreeSet<String> {
    let ping = match name {
        "living_ping" | "note_worse" | "step" => Some("<!here>"),
        "action_called" => Some("<!subteam^S0OPS>"),
        "action_glass_note" => Some("<!channel>"),
        "living_told" if members > 0 => Some("<@U0OWNER>"),
        "handoff_rings" | "handoff_reminder" => Some("<@U0BOB>"),
        "incident_due" | "handoff_nobody" | "handoff_question" | "handoff_step" | "handoff_thread_accepted" => {
            Some("<@U0ANN>")
        }
        _ => None,
    };
    ping.map(str::to_owned).into_iter().collect()
}

#[test]
fn nobody_is_pinged_but_owners_and_whom_the_receiver_names() {
    for (name, message) in messages(&Outside::endless("<!channel> <@U1> <#C1> <http://x|y> "), 3) {
        assert_eq!(acted_on(&message), expected(name, 3), "{name}");
    }
}

#[test]
fn a_receiver_can_ping_people_and_groups_and_nothing_else() {
    use super::alert::ping;
    assert_eq!(ping("here").as_deref(), Some("<!here>"));
    assert_eq!(ping("U024BE7LH").as_deref(), Some("<@U024BE7LH>"));
    assert_eq!(ping("S024BE7LH").as_deref(), Some("<!subteam^S024BE7LH>"));
    for not in ["", "everyone", "U1> <!channel", "ann"] {
        assert_eq!(ping(not), None, "{not}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_comes_from_outside_stays_text_inside_the_limits(
        texts in prop::collection::vec("([<>!@#&|^*~`_ \n]|channel|here|\\PC){0,120}", 8),
        members in 0usize..8,
    ) {
        for (name, message) in messages(&Outside::of(&texts), members) {
            prop_assert_eq!(faults(&message), Vec::<String>::new(), "{}", name);
            prop_assert_eq!(acted_on(&message), expected(name, members), "{}", name);
        }
    }
}
