//! The form for a question to whoever hands over.

use serde_json::json;

use super::super::kit::{self, Field};
use super::super::words::plain;
use crate::core::handoff::Handoff;
use crate::core::ids::HandoffId;
use crate::slack::message::View;

/// `callback_id` of the form.
pub const ASK_FORM: &str = "wk.handoff.ask_form";
/// `block_id` of its field.
const QUESTION: &str = "question";

#[must_use]
pub fn ask_form(handoff: &Handoff) -> View {
    let field = Field {
        block_id: QUESTION,
        label: "What do you want to know first?",
        hint: "It goes to the handoff's thread and pings whoever hands over. You get your time to accept anew.",
        value: "",
        multiline: true,
        optional: false,
        most: 2000,
    };
    let text = |text: &str| json!({"type": "plain_text", "text": plain(text, 24)});
    View(json!({
        "type": "modal",
        "callback_id": ASK_FORM,
        "title": text(&format!("Handoff #{}", handoff.number)),
        "submit": text("Ask"),
        "close": text("Close"),
        "private_metadata": handoff.id.as_str(),
        "blocks": kit::values(&[field.block()], kit::VIEW_BLOCKS),
    }))
}

/// Which handoff a submitted form is about, and the question.
///
/// # Errors
/// What is wrong, by `block_id`.
pub fn read_question(
    metadata: &str,
    field: impl Fn(&str) -> Option<String>,
) -> Result<(HandoffId, String), Vec<(&'static str, String)>> {
    let question = field(QUESTION).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match question {
        Some(question) => Ok((HandoffId::new(metadata), question)),
        None => Err(vec![(QUESTION, "Write your question.".to_owned())]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_about_the_handoff_it_was_opened_from_and_is_not_empty() {
        let (id, question) = read_question("01H", |_| Some(" who knows? ".to_owned())).unwrap();
        assert_eq!((id.as_str(), question.as_str()), ("01H", "who knows?"));
        assert_eq!(read_question("01H", |_| Some("  ".to_owned())).unwrap_err()[0].0, QUESTION);
    }
}
