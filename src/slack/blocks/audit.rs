//! The audit log as people read it.

use serde_json::Value;

use super::kit;
use super::people::People;
use super::words::{bold, clamp, code, fitting, moment, said};
use crate::core::audit::{Entry, Record};
use crate::core::time::Timestamp;
use crate::slack::message::Message;

/// What a search is answered with.
#[derive(Clone, Copy, Debug)]
pub struct AuditView<'a> {
    /// What was searched for, as typed.
    pub asked: &'a str,
    /// Newest first.
    pub entries: &'a [Entry],
    /// There are older ones that fit.
    pub more: bool,
    pub people: &'a People,
    pub now: Timestamp,
}

const SHOWN: usize = 25;

#[must_use]
pub fn audit(view: &AuditView) -> Message {
    let AuditView { asked, entries, more, people, now } = view;
    let of = if asked.is_empty() { String::new() } else { format!(" for {}", bold(asked)) };
    if entries.is_empty() {
        return kit::line(&format!("The audit log has nothing{of}."));
    }
    let heading = format!("Audit log{of}, newest first");
    let (lines, left_out) = fitting(rows(entries, people, *now), SHOWN, 2900 * 3);
    let mut blocks = vec![kit::section(&heading)];
    blocks.extend(lines.chunks(10).map(|lines| kit::section(&lines.join("\n"))));
    if *more || left_out > 0 {
        let oldest = entries.get(lines.len().saturating_sub(1)).map_or(0, |entry| entry.seq);
        blocks
            .push(kit::context(&format!("there is more before entry {oldest}; narrow it: `/wk audit @ann action 2d`")));
    }
    kit::message(&heading, &blocks, None)
}

/// `#12` the subject, what happened, by whom and when; one line each.
pub(super) fn rows(entries: &[Entry], people: &People, now: Timestamp) -> Vec<String> {
    entries.iter().map(|entry| row(entry, people, now)).collect()
}

fn row(entry: &Entry, people: &People, now: Timestamp) -> String {
    let Record { at, actor, action, subject, detail } = &entry.record;
    let details = serde_json::from_str::<Value>(detail).map(|detail| told(&detail)).unwrap_or_default();
    let details = if details.is_empty() { details } else { format!(" · {details}") };
    let (at, who) = (moment(*at, now), people.name(actor));
    format!(
        "{} {at} {who} {} {}{details}",
        code(&entry.seq.to_string()),
        bold(&words(action)),
        code(&clamp(subject, 80))
    )
}

/// `alert.acknowledged` → `acknowledged`, `oncall.swap_asked` → `swap asked`
fn words(action: &str) -> String {
    let (_, verb) = action.split_once('.').unwrap_or(("", action));
    verb.replace('_', " ")
}

/// Values that a reader understands: short texts, numbers and yes or no, by their names.
fn told(detail: &Value) -> String {
    let Some(fields) = detail.as_object() else { return String::new() };
    let shown = fields.iter().filter_map(|(name, value)| {
        let value = match value {
            // A digest or a commit: its beginning tells it apart, and a phone has 40 characters a line.
            Value::String(text) if is_digest(text) => format!("{}…", &text[..12]),
            Value::String(text) if !text.is_empty() => said(text, 120),
            Value::Number(number) => number.to_string(),
            Value::Bool(yes) => yes.to_string(),
            _ => return None,
        };
        Some(format!("{} {value}", said(&name.replace('_', " "), 40)))
    });
    shown.take(6).collect::<Vec<_>>().join(", ")
}

fn is_digest(text: &str) -> bool {
    text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::Actor;

    #[test]
    fn a_row_says_who_did_what_to_what_and_how() {
        let record = Record {
            at: Timestamp::from_secs(1_796_000_000),
            actor: Actor::System,
            action: "action.step_succeeded".to_owned(),
            subject: "action/7".to_owned(),
            detail:
                r#"{"note":"3 pods <!here>","nested":{},"sha256":"72a4da1d403c9a3f1bdf4a9cf8277c78a683bb37","step":1}"#
                    .to_owned(),
        };
        let entry = Entry { seq: 12, record, prev: String::new(), hash: String::new() };
        let row = row(&entry, &People::default(), Timestamp::from_secs(1_796_000_060));
        assert!(row.starts_with("`12` <!date^1796000000"), "{row}");
        assert!(
            row.ends_with(
                "watchkeeper *step succeeded* `action/7` · note 3 pods &lt;!here&gt;, sha256 72a4da1d403c…, step 1"
            ),
            "{row}"
        );
    }
}
