//! What is said beside the living messages: lines in their threads, digests, reminders, and why a message is elsewhere.

use slack_morphism::prelude::SlackBlockButtonElement;

use super::actions::Press;
use super::alert::ping;
use super::kit::{self, Accent};
use super::members::Members;
use super::people::People;
use super::words::{ago, bold, code, count, fitting, moment, said, severity_emoji, subject};
use crate::core::alert::Alert;
use crate::core::command::{Command, SilenceTarget, parse};
use crate::core::engine::Note;
use crate::core::group::Group;
use crate::core::ids::ChannelId;
use crate::core::label::Matcher;
use crate::core::silence::Silence;
use crate::core::time::{Timestamp, spoken};
use crate::slack::message::Message;

/// What a line in a living message's thread is made from.
#[derive(Clone, Copy, Debug)]
pub struct NoteView<'a> {
    pub note: &'a Note,
    /// The alert the note names, when it names one and it is still known.
    pub alert: Option<&'a Alert>,
    pub people: &'a People,
    pub now: Timestamp,
    /// Whom to ping: an edited message pings nobody, so what needs attention again does it here.
    pub mention: Option<&'a str>,
}

/// A line of history in the thread of the living message.
#[must_use]
pub fn note(view: &NoteView) -> Message {
    let line = note_line(view);
    match view.mention.and_then(ping) {
        Some(ping) => kit::line(&format!("{line} {ping}")),
        None => kit::line(&line),
    }
}

fn note_line(view: &NoteView) -> String {
    let NoteView { note, alert, people, now, .. } = view;
    let alert = || alert.map_or_else(|| "An alert".to_owned(), |alert| bold(&subject(&alert.labels)));
    match note {
        Note::Opened { members } => format!("Opened with {}", count(*members, "alert")),
        Note::Joined { members } => format!("{} began to fire", count(*members, "more alert")),
        Note::Left { members } => format!("{} resolved, others still fire", count(*members, "alert")),
        Note::Worse { severity, unacknowledged } => {
            let emoji = severity_emoji(*severity);
            match unacknowledged {
                Some(by) => {
                    format!("{emoji} Now *{severity}*, so the acknowledgement by {} no longer counts", people.name(by))
                }
                None => format!("{emoji} Now *{severity}*"),
            }
        }
        Note::Repeated { firing_for } => {
            format!("⏰ Still firing after {}, and nobody has acknowledged it", spoken(firing_for.duration()))
        }
        Note::Acknowledged { by, comment } if comment.trim().is_empty() => {
            format!("👀 {} acknowledged it", people.name(by))
        }
        Note::Acknowledged { by, comment } => format!("👀 {} acknowledged it: {}", people.name(by), said(comment, 500)),
        Note::Unacknowledged { by } => format!("{} took the acknowledgement back", people.name(by)),
        Note::Silenced { number, by, until, comment, .. } => {
            let line = format!("🔕 {} silenced it until {} (silence {number})", people.name(by), moment(*until, *now));
            if comment.trim().is_empty() { line } else { format!("{line}: {}", said(comment, 500)) }
        }
        Note::Unsilenced { number, by: Some(by), .. } => format!("🔔 {} ended silence {number}", people.name(by)),
        Note::Unsilenced { number, by: None, .. } => format!("🔔 Silence {number} has ended"),
        Note::Flapping { .. } => {
            format!("〰️ {} comes and goes too often: it stays open until it has been quiet for a while", alert())
        }
        Note::Steady { .. } => format!("{} has been steady for a while and counts as usual again", alert()),
        Note::Resolved { duration } => format!("✅ Resolved after {}", spoken(duration.duration())),
    }
}

/// One group in a digest.
#[derive(Clone, Copy, Debug)]
pub struct DigestItem<'a> {
    pub group: &'a Group,
    pub alerts: &'a [&'a Alert],
}

/// Many groups in one message, when their own messages would flood the channel. `items` worst first.
#[must_use]
pub fn digest(items: &[DigestItem], now: Timestamp) -> Message {
    const LINES: usize = 12;
    let heading = format!("{} at once", count(items.len(), "alert group"));
    let worst = items.iter().map(|item| item.group.severity).max();
    let emoji = worst.map_or("", severity_emoji);
    let lines = items.iter().map(|item| {
        let Group { severity, number, opened_at, .. } = item.group;
        let what = said(&Members::of(item.alerts.iter().copied()).headline(), 140);
        format!("{} #{number} {what} · {}", severity_emoji(*severity), ago(*opened_at, now))
    });
    let (mut lines, more) = fitting(lines, LINES, kit::SECTION_TEXT - 100);
    if more > 0 {
        lines.push(format!("_… and {more} more_"));
    }
    let blocks = [
        kit::header(&format!("{emoji} {heading}")),
        kit::section(&lines.join("\n")),
        kit::context("Too many for a message each: this one stands for all. `/wk alerts` lists them."),
        kit::row(vec![kit::button("List all", &Press::Run("alerts".to_owned())).into()]),
    ];
    kit::message(&format!("{emoji} {heading}"), &blocks, Some(Accent::Firing))
}

/// A digest of which every group has resolved.
#[must_use]
pub fn digest_over(groups: usize) -> Message {
    let heading = format!("✅ Resolved: {} of a digest", count(groups, "alert group"));
    kit::message(&heading, &[kit::section(&bold(&heading))], Some(Accent::Resolved))
}

/// What a reminder that a silence is about to end is made from.
#[derive(Clone, Copy, Debug)]
pub struct SilenceEndingView<'a> {
    pub silence: &'a Silence,
    /// Alerts it covers that fire now.
    pub firing: &'a [&'a Alert],
    pub people: &'a People,
    pub now: Timestamp,
}

/// A forgotten silence either hides a real alert or ends in the middle of the work: say it before it ends.
#[must_use]
pub fn silence_ending(view: &SilenceEndingView) -> Message {
    let SilenceEndingView { silence, firing, people, now } = view;
    let left = spoken(silence.ends_at.since(*now));
    let heading = format!("🔕 Silence {} ends in {left}", silence.number);
    let still = if firing.is_empty() {
        "Nothing it covers is firing now.".to_owned()
    } else {
        let members = Members::of(firing.iter().copied());
        format!("{} it covers still firing: {}", count(firing.len(), "alert"), said(&members.subjects(5), 300))
    };
    let text = format!(
        "*{heading}*, at {}\n{} · by {}\n{still}",
        moment(silence.ends_at, *now),
        matchers(&silence.matchers),
        people.name(&silence.created_by)
    );
    let section = kit::section_with(&text, another_hour(silence));
    kit::message(&format!("{heading}. {still}"), &[section], Some(Accent::Silenced))
}

/// A button that makes the same silence again; `None` when its matchers cannot be typed.
fn another_hour(silence: &Silence) -> Option<SlackBlockButtonElement> {
    let written: Vec<_> = silence.matchers.iter().map(Matcher::to_string).collect();
    let command = format!("silence {} 1h {}", written.join(" "), silence.comment);
    let same = matches!(
        parse(&command),
        Ok(Command::Silence { target: SilenceTarget::Matchers(read), .. }) if read == silence.matchers
    );
    kit::run("One more hour", command).filter(|_| same)
}

/// A silence's matchers as code, as many as a line takes.
pub(super) fn matchers(matchers: &[Matcher]) -> String {
    let (shown, more) = fitting(matchers.iter().map(|matcher| code(&matcher.to_string())), 4, 1200);
    let shown = shown.join(" ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// Whether a silence holds in the Alertmanager that the alerts came from; `count` is how many active alerts match there.
#[must_use]
pub fn silenced_outside(source: &str, number: u64, count: Option<usize>) -> Message {
    let source = bold(source);
    kit::line(&match count {
        Some(0) => format!("Silence {number} matches no active alert in Alertmanager {source}, so it holds here only."),
        Some(count) => {
            format!(
                "🔕 Silence {number} holds in Alertmanager {source}, too: it covers {} there",
                super::words::count(count, "active alert")
            )
        }
        None => {
            format!("Silence {number} names no label of Alertmanager {source} but its severity, so it holds here only.")
        }
    })
}

/// Matchers that reach an Alertmanager were changed, and what they cover there could not be shown in time.
#[must_use]
pub fn not_silenced() -> Message {
    kit::line(
        "Nothing is silenced: the matchers were changed, and I could not show what they cover. Fill the form in again.",
    )
}

/// Why a message is in the fallback channel and not in its own.
#[must_use]
pub fn moved(meant_for: &ChannelId, reason: &str) -> Message {
    let id = meant_for.as_str();
    let channel = if id.chars().all(|c| c.is_ascii_alphanumeric()) { format!("<#{id}>") } else { code(id) };
    kit::line(&format!("⚠️ Meant for {channel}, which cannot be reached: {}. Invite the bot there.", said(reason, 200)))
}
