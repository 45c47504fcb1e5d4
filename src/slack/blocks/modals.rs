//! Forms: silencing with matchers, a length and a reason.

use serde_json::json;
use sha2::{Digest, Sha256};
use slack_morphism::prelude::SlackBlock;

use super::actions::SILENCE_FORM;
use super::kit::{self, Field};
use super::words::{bold, count, plain, said};
use crate::core::command::MAX_SILENCE;
use crate::core::ids::GroupId;
use crate::core::label::{Labels, Matcher};
use crate::core::time::Span;
use crate::slack::message::View;

/// What the silence form starts with.
#[derive(Clone, Copy, Debug)]
pub struct SilenceForm<'a> {
    /// Comes back with the submission; `None` when the form was not opened from an alert.
    pub group: Option<&'a GroupId>,
    pub matchers: &'a [Matcher],
    /// Alerts that the matchers cover now, and what the first few are about.
    pub firing: usize,
    pub first: &'a [String],
    pub length: Span,
    pub comment: &'a str,
    /// Alertmanagers in which it will hold too, and which of their active alerts it matches, when they say.
    pub outside: &'a [(String, Option<Covered>)],
}

/// What matchers cover in an Alertmanager.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    pub count: usize,
    pub first: Vec<String>,
}

/// `block_id` of each field; errors are shown under the field they name.
pub const MATCHERS: &str = "matchers";
pub const LENGTH: &str = "length";
pub const COMMENT: &str = "comment";

/// What somebody wants silenced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SilenceRequest {
    pub matchers: Vec<Matcher>,
    pub length: Span,
    pub comment: String,
}

/// Shown at once, since Slack's trigger lasts three seconds, and replaced by the form.
#[must_use]
pub fn loading() -> View {
    modal("Silence", None, "", &[kit::section("⏳ One moment …")])
}

#[must_use]
pub fn silence_form(form: &SilenceForm) -> View {
    let matchers: Vec<_> = form.matchers.iter().map(Matcher::to_string).collect();
    let blocks = [
        Field {
            block_id: MATCHERS,
            label: "What to silence",
            hint: "One matcher a line; all must match. Like symbol=\"Crypto.SOL/USD\" or severity=~\"info|warning\"",
            value: &matchers.join("\n"),
            multiline: true,
            optional: false,
            most: 2000,
        }
        .block(),
        Field {
            block_id: LENGTH,
            label: "For how long",
            hint: "Like 30m, 2h or 1d; at most 30d. You are told before it ends.",
            value: &form.length.to_string(),
            multiline: false,
            optional: false,
            most: 20,
        }
        .block(),
        Field {
            block_id: COMMENT,
            label: "Why",
            hint: "Whoever sees a silence wants to know",
            value: form.comment,
            multiline: false,
            optional: true,
            most: 500,
        }
        .block(),
        kit::context(&covered(form)),
    ];
    let metadata = format!("{} {}", mark_of(form.matchers), form.group.map_or("", GroupId::as_str));
    modal("Silence", Some("Silence"), &metadata, &blocks)
}

/// Whether a form with this metadata showed what these matchers cover; and the group it was opened from.
#[must_use]
pub fn shown(metadata: &str, matchers: &[Matcher]) -> (bool, Option<GroupId>) {
    let (mark, group) = metadata.split_once(' ').unwrap_or(("", metadata));
    (mark == mark_of(matchers), (!group.is_empty()).then(|| GroupId::new(group)))
}

/// The same for the same matchers, in whatever order.
fn mark_of(matchers: &[Matcher]) -> String {
    let mut texts: Vec<String> = matchers.iter().map(Matcher::to_string).collect();
    texts.sort();
    hex::encode(&Sha256::digest(texts.join("\n").as_bytes())[..8])
}

/// What the matchers cover now, here and in Alertmanagers.
fn covered(form: &SilenceForm) -> String {
    let here =
        format!("These matchers cover {} firing now{}", count(form.firing, "alert"), first(form.first, form.firing));
    let mut lines = vec![here];
    lines.extend(form.outside.iter().take(5).map(|(name, matching)| {
        let name = bold(&plain(name, 60));
        match matching {
            Some(Covered { count: all, first: names }) => {
                format!("In Alertmanager {name} they match {}{}", count(*all, "active alert"), first(names, *all))
            }
            None => format!("Alertmanager {name} does not say how many of its alerts they match."),
        }
    }));
    lines.join("\n")
}

/// `: FeedLag sol, FeedLag eth and 3 more.`, or the end of the sentence.
fn first(names: &[String], all: usize) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| bold(&plain(name, 80))).collect();
    match all.saturating_sub(shown.len()) {
        _ if shown.is_empty() => ".".to_owned(),
        0 => format!(": {}.", shown.join(", ")),
        more => format!(": {} and {more} more.", shown.join(", ")),
    }
}

/// Shown when the form can no longer be used: `why` in one sentence.
#[must_use]
pub fn closed(why: &str) -> View {
    modal("Silence", None, "", &[kit::section(&said(why, 500))])
}

fn modal(title: &str, submit: Option<&str>, metadata: &str, blocks: &[SlackBlock]) -> View {
    let text = |text: &str| json!({"type": "plain_text", "text": text});
    let mut view = json!({
        "type": "modal",
        "callback_id": SILENCE_FORM,
        "title": text(title),
        "close": text("Close"),
        "private_metadata": metadata,
        "blocks": kit::values(blocks, kit::VIEW_BLOCKS),
    });
    if let (Some(submit), Some(fields)) = (submit, view.as_object_mut()) {
        fields.insert("submit".to_owned(), text(submit));
    }
    View(view)
}

/// Reads a submitted form; `field` gives what a field holds by its `block_id`.
///
/// # Errors
/// What is wrong, by `block_id`: Slack shows each under its field.
pub fn read_silence(field: impl Fn(&str) -> Option<String>) -> Result<SilenceRequest, Vec<(&'static str, String)>> {
    let text = |block_id| field(block_id).unwrap_or_default();
    let (matchers, length) = (read_matchers(&text(MATCHERS)), read_length(&text(LENGTH)));
    match (matchers, length) {
        (Ok(matchers), Ok(length)) => Ok(SilenceRequest { matchers, length, comment: text(COMMENT).trim().to_owned() }),
        (matchers, length) => {
            let wrong = [(MATCHERS, matchers.err()), (LENGTH, length.err())];
            Err(wrong.into_iter().filter_map(|(block_id, error)| Some((block_id, error?))).collect())
        }
    }
}

fn read_matchers(text: &str) -> Result<Vec<Matcher>, String> {
    // Phones turn straight quotes into curly ones.
    let text = text.replace(['“', '”', '„'], "\"");
    let lines = text.lines().map(|line| line.trim().trim_end_matches(',')).filter(|line| !line.is_empty());
    let matchers: Result<Vec<Matcher>, _> = lines.map(str::parse).collect();
    let matchers = matchers.map_err(|error| kit::shortened(&error.to_string(), 300))?;
    // A silence that matches every alert would hide all that goes wrong.
    if matchers.iter().all(|matcher| matcher.matches(&Labels::default())) {
        return Err("Name at least one label value, or everything would be silenced.".to_owned());
    }
    Ok(matchers)
}

fn read_length(text: &str) -> Result<Span, String> {
    let length: Span = text.trim().to_lowercase().parse().map_err(|_| "Write it like 30m, 2h or 1d.".to_owned())?;
    if length.duration().is_zero() || length.duration() > MAX_SILENCE {
        return Err(format!("Longer than nothing and at most {}.", Span::from(MAX_SILENCE)));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(matchers: &str, length: &str) -> Result<SilenceRequest, Vec<(&'static str, String)>> {
        read_silence(|field| match field {
            MATCHERS => Some(matchers.to_owned()),
            LENGTH => Some(length.to_owned()),
            _ => None,
        })
    }

    #[test]
    fn a_filled_form_is_a_request() {
        let request = read("symbol=“Crypto.SOL/USD”,\n\n severity=~\"info|warning\" ", " 2H ").unwrap();
        assert_eq!(request.matchers.len(), 2);
        assert_eq!((request.length, request.comment.as_str()), (Span::from_secs(7200), ""));
    }

    #[test]
    fn a_form_knows_whether_it_showed_what_is_submitted() {
        let matchers = |texts: &[&str]| -> Vec<Matcher> { texts.iter().map(|text| text.parse().unwrap()).collect() };
        let (group, asked) = (GroupId::new("G1"), matchers(&["a=b", "c=d"]));
        let length = Span::from_secs(60);
        let form = SilenceForm {
            group: Some(&group),
            matchers: &asked,
            firing: 0,
            first: &[],
            length,
            comment: "",
            outside: &[],
        };
        let view = silence_form(&form).0;
        let metadata = view["private_metadata"].as_str().unwrap();
        assert_eq!(shown(metadata, &matchers(&["c=d", "a=\"b\""])), (true, Some(group.clone())));
        assert_eq!(shown(metadata, &matchers(&["a=b"])), (false, Some(group)));
        assert_eq!(shown("", &asked), (false, None));
    }

    #[test]
    fn every_wrong_field_is_named() {
        let wrong = read("symbol", "soon").unwrap_err();
        assert_eq!(wrong.iter().map(|(field, _)| *field).collect::<Vec<_>>(), [MATCHERS, LENGTH]);
        assert_eq!(read("", "1h").unwrap_err()[0].1, "Name at least one label value, or everything would be silenced.");
        assert!(read("symbol=~\".*\"", "1h").is_err());
        assert!(read("a=b", "31d").is_err() && read("a=b", "0s").is_err());
    }
}
