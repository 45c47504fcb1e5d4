//! Block Kit pieces that keep Slack's limits by themselves.
//! Source: Slack, "Block Kit reference"; the figures are those of `@slack/types` 3.2 and `slack_sdk` 3.47.

use serde_json::Value;
use slack_morphism::prelude::*;
use url::Url;

use super::actions::{self, Press};
use super::words::{clamp, plain};
use crate::slack::message::Message;

pub(super) const MESSAGE_BLOCKS: usize = 50;
pub(super) const VIEW_BLOCKS: usize = 100;
pub(super) const SECTION_TEXT: usize = 3000;
const FIELD_TEXT: usize = 2000;
const FIELDS: usize = 10;
pub(super) const HEADER_TEXT: usize = 150;
const CONTEXT_ELEMENTS: usize = 10;
const ACTION_ELEMENTS: usize = 25;
const BUTTON_TEXT: usize = 75;
const VALUE: usize = 2000;
const ALT_TEXT: usize = 2000;
const OVERFLOW_OPTIONS: usize = 5;
/// Slack takes far more, but a notification shows far less.
const FALLBACK_TEXT: usize = 600;

/// The colour of the bar: what state things are in (Grafana OnCall's colours).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accent {
    Firing,
    Acknowledged,
    Silenced,
    Resolved,
}

impl Accent {
    const fn colour(self) -> &'static str {
        match self {
            Self::Firing => "#a30200",
            Self::Acknowledged => "#daa038",
            Self::Silenced => "#dddddd",
            Self::Resolved => "#2eb886",
        }
    }
}

pub(super) fn message(text: &str, blocks: &[SlackBlock], accent: Option<Accent>) -> Message {
    Message {
        text: shortened(text, FALLBACK_TEXT),
        blocks: values(blocks, MESSAGE_BLOCKS),
        accent: accent.map(|accent| accent.colour().to_owned()),
        broadcast: false,
    }
}

/// A message that is one section.
pub(super) fn line(text: &str) -> Message {
    message(text, &[section(text)], None)
}

pub(super) fn values(blocks: &[SlackBlock], most: usize) -> Vec<Value> {
    let mut values: Vec<_> = blocks.iter().filter_map(|block| serde_json::to_value(block).ok()).collect();
    if values.len() > most {
        values.truncate(most - 1);
        values.extend(serde_json::to_value(context("… cut here: more than one message can hold")));
    }
    values
}

/// Cuts marked-up text to `most` characters without leaving half an entity or half a `<…>` behind. A last resort: text
/// that may grow is kept short where it is made.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most - 1).collect();
    if let Some(open) = cut.rfind('<').filter(|open| !cut[*open..].contains('>')) {
        cut.truncate(open);
    }
    if let Some(open) = cut.rfind('&').filter(|open| !cut[*open..].contains(';')) {
        cut.truncate(open);
    }
    cut.push('…');
    cut
}

/// `verbatim`, so that Slack makes links, channels and mentions of nothing that is not marked up.
fn marked(text: &str, most: usize) -> SlackBlockMarkDownText {
    // Slack refuses empty text.
    let text = if text.trim().is_empty() { "—".to_owned() } else { shortened(text, most) };
    SlackBlockMarkDownText::new(text).with_verbatim(true)
}

fn plain_text(text: &str, most: usize) -> SlackBlockPlainTextOnly {
    let text = plain(text, most);
    let text = if text.is_empty() { "—".to_owned() } else { text };
    SlackBlockPlainText::new(text).with_emoji(true).into()
}

/// Takes outside text as it is.
pub(super) fn header(text: &str) -> SlackBlock {
    SlackHeaderBlock::new(plain_text(text, HEADER_TEXT)).into()
}

pub(super) fn section(text: &str) -> SlackBlock {
    SlackSectionBlock::new().with_text(marked(text, SECTION_TEXT).into()).into()
}

/// Label and value pairs, two beside each other on a wide screen.
pub(super) fn fields(pairs: &[(&str, String)]) -> SlackBlock {
    let texts =
        pairs.iter().take(FIELDS).map(|(label, value)| marked(&format!("*{label}*\n{value}"), FIELD_TEXT).into());
    SlackSectionBlock::new().with_fields(texts.collect()).into()
}

pub(super) fn section_with(text: &str, button: impl Into<Option<SlackBlockButtonElement>>) -> SlackBlock {
    let section = SlackSectionBlock::new().with_text(marked(text, SECTION_TEXT).into());
    section.opt_accessory(button.into().map(Into::into)).into()
}

/// Small grey text.
pub(super) fn context(text: &str) -> SlackBlock {
    contexts(&[text.to_owned()])
}

pub(super) fn contexts(texts: &[String]) -> SlackBlock {
    let elements = texts.iter().take(CONTEXT_ELEMENTS).map(|text| marked(text, FIELD_TEXT).into());
    SlackContextBlock::new(elements.collect()).into()
}

pub(super) fn divider() -> SlackBlock {
    SlackDividerBlock::new().into()
}

/// A picture that was uploaded before.
pub(super) fn picture(file: &str, alt: &str) -> SlackBlock {
    let file = SlackImageUrlOrFile::SlackFile { slack_file: SlackFileIdOrUrl::Id { id: file.to_owned().into() } };
    SlackImageBlock::new(file, plain(alt, ALT_TEXT)).into()
}

pub(super) fn row(mut elements: Vec<SlackActionBlockElement>) -> SlackBlock {
    elements.truncate(ACTION_ELEMENTS);
    SlackActionsBlock::new(elements).into()
}

pub(super) fn button(text: &str, press: &Press) -> SlackBlockButtonElement {
    SlackBlockButtonElement::new(plain_text(text, BUTTON_TEXT))
        .with_action_id(press.action_id().into())
        .with_value(press.value())
}

/// A button that runs a command made of outside text; `None` when the command is longer than a button carries.
pub(super) fn run(text: &str, command: String) -> Option<SlackBlockButtonElement> {
    (command.chars().count() <= VALUE).then(|| button(text, &Press::Run(command)))
}

pub(super) fn primary(button: SlackBlockButtonElement) -> SlackBlockButtonElement {
    button.with_style(SlackBlockButtonStyle::Primary)
}

/// The `nth` button of its kind in a message.
pub(super) fn nth(button: SlackBlockButtonElement, nth: usize) -> SlackBlockButtonElement {
    let id = button.action_id.as_ref().map(|id| format!("{}.{nth}", id.0)).unwrap_or_default();
    button.with_action_id(id.into())
}

/// A button that opens `url`; `None` when that is no web address.
pub(super) fn link(text: &str, url: &str, index: usize) -> Option<SlackBlockButtonElement> {
    let url =
        Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.as_str().len() <= 3000)?;
    Some(nth(button(text, &Press::Link), index).with_url(url))
}

/// The silence select: each option silences `group` for that long.
pub(super) fn silence_select(group: &crate::core::ids::GroupId) -> SlackBlockStaticSelectElement {
    let options = actions::LENGTHS.iter().map(|(name, length)| {
        SlackBlockChoiceItem::new(plain_text(name, BUTTON_TEXT), Press::Silence(group.clone(), *length).value())
    });
    SlackBlockStaticSelectElement::new()
        .with_action_id(actions::SILENCE.into())
        .with_placeholder(plain_text("Silence…", BUTTON_TEXT))
        .with_options(options.collect())
}

/// Slack's limit for what an option carries.
const OPTION_VALUE: usize = 150;
/// More than these nobody chooses between on a phone.
const OFFERS: usize = 8;

/// The select of actions that fit an alert; each opens a form. Nothing when there is none.
pub(super) fn act_select(
    group: &crate::core::ids::GroupId,
    offers: &[crate::core::action::offer::Offer],
) -> Option<SlackBlockStaticSelectElement> {
    let option = |offer: &crate::core::action::offer::Offer| {
        let name = format!("{} {}", offer.kind.words(), offer.target.short());
        let value = Press::Act(super::action::Press::Offer(group.clone(), offer.clone())).value();
        (value.len() <= OPTION_VALUE).then(|| SlackBlockChoiceItem::new(plain_text(&name, BUTTON_TEXT), value))
    };
    let options: Vec<_> = offers.iter().filter_map(option).take(OFFERS).collect();
    let select = SlackBlockStaticSelectElement::new()
        .with_action_id(actions::ACT.into())
        .with_placeholder(plain_text("Act…", BUTTON_TEXT));
    (!options.is_empty()).then(|| select.with_options(options))
}

pub(super) fn overflow(entries: &[(&str, Press)]) -> SlackBlockOverflowElement {
    let options = entries
        .iter()
        .take(OVERFLOW_OPTIONS)
        .map(|(name, press)| SlackBlockChoiceItem::new(plain_text(name, BUTTON_TEXT), press.entry_value()));
    SlackBlockOverflowElement::new(options.collect()).with_action_id(actions::MORE.into())
}

/// A text field of a form. `most` is the longest text it takes.
pub(super) struct Field<'a> {
    pub block_id: &'a str,
    pub label: &'a str,
    pub hint: &'a str,
    pub value: &'a str,
    pub multiline: bool,
    pub optional: bool,
    pub most: u16,
}

impl Field<'_> {
    pub fn block(&self) -> SlackBlock {
        let mut element = SlackBlockPlainTextInputElement::new()
            .with_action_id(self.block_id.into())
            .with_multiline(self.multiline)
            .with_max_length(u64::from(self.most));
        if !self.value.is_empty() {
            element = element.with_initial_value(clamp(self.value, usize::from(self.most)));
        }
        SlackInputBlock::new(plain_text(self.label, HEADER_TEXT), element.into())
            .with_block_id(self.block_id.into())
            .with_hint(plain_text(self.hint, HEADER_TEXT))
            .with_optional(self.optional)
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_leaves_no_half_markup() {
        let text = "since <!date^1796000000^{time}|2026-11-30> & so on";
        for most in 1..60 {
            let cut = shortened(text, most);
            assert_eq!(cut.matches('<').count(), cut.matches('>').count(), "{cut}");
            assert!(cut.chars().count() <= most);
        }
        assert_eq!(shortened("a &amp;&amp; b", 10), "a &amp;…");
    }

    #[test]
    fn a_link_is_a_web_address_or_no_button() {
        assert!(link("Runbook", "https://example.com/runbook", 0).is_some());
        assert!(link("Runbook", "javascript:alert(1)", 0).is_none());
        assert!(link("Runbook", "runbook", 0).is_none());
    }
}
