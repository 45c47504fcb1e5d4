//! The post-mortem as Markdown: what is known is filled in, what only people know is asked for.

use std::fmt::Write;

use super::{Entry, Figures, Incident, Role, State};
use crate::core::engine::mute::Location;
use crate::core::ids::{Actor, UserId};
use crate::core::time::spoken;

/// What a post-mortem is written from.
pub struct Postmortem<'a> {
    pub incident: &'a Incident,
    /// In order.
    pub timeline: &'a [Entry],
    pub figures: Figures,
    pub charts: &'a [Chart],
    /// Display names by Slack id.
    pub name: &'a dyn Fn(&UserId) -> String,
    /// Whose clock times are written on.
    pub zone: &'a Location,
}

/// What an alert looked like: where its picture is, and what was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chart {
    pub alert: u64,
    /// The alert's message, in which the picture is.
    pub link: Option<String>,
    /// Slack's id of the picture.
    pub file: Option<String>,
    /// `SOL/USD: 95 s (limit 60 s)`, one for each member.
    pub measured: Vec<String>,
}

/// What only people know.
const QUESTIONS: [(&str, &str); 5] = [
    ("Impact", "Who noticed, and what could they not do?"),
    ("Root cause", "What broke, and why was that possible?"),
    ("What went well", ""),
    ("What went badly", ""),
    ("Follow-ups", "- [ ] What, who, until when"),
];

#[must_use]
pub fn postmortem(of: &Postmortem) -> String {
    let Postmortem { incident, timeline, figures, charts, name, zone } = of;
    let mut text = String::new();
    let _ = writeln!(text, "# Incident {}: {}\n", incident.number, line(&incident.title));
    let _ = writeln!(text, "| | |\n|---|---|");
    let _ = writeln!(text, "| Severity | {} |", incident.severity.as_str().to_uppercase());
    if let Some(at) = figures.fired_at {
        let _ = writeln!(text, "| First alert | {} |", zone.shown(at));
    }
    let _ = writeln!(text, "| Declared | {} by {} |", zone.shown(incident.opened_at), cell(&name(&incident.opened_by)));
    if let State::Resolved { by, at, .. } = &incident.state {
        let _ = writeln!(text, "| Resolved | {} by {} |", zone.shown(*at), cell(&name(by)));
        let _ = writeln!(text, "| Duration | {} |", spoken(at.since(incident.opened_at)));
    }
    let spans = [("Acknowledged", figures.to_acknowledge()), ("Resolved", figures.to_resolve(incident))];
    for (what, span) in spans {
        if let Some(span) = span {
            let _ = writeln!(text, "| {what} after | {} |", spoken(span));
        }
    }
    for role in Role::ALL {
        if let Some(user) = incident.roles.of(role) {
            let _ = writeln!(text, "| {} | {} |", capital(role.as_str()), cell(&name(user)));
        }
    }
    if !incident.alerts.is_empty() {
        let alerts: Vec<String> = incident.alerts.iter().map(|number| format!("#{number}")).collect();
        let _ = writeln!(text, "| Alerts | {} |", alerts.join(", "));
    }
    if !incident.actions.is_empty() {
        let actions: Vec<String> = incident.actions.iter().map(u64::to_string).collect();
        let _ = writeln!(text, "| Actions | {} |", actions.join(", "));
    }
    let summary = match &incident.state {
        State::Resolved { summary, .. } => summary.trim(),
        State::Open { .. } => "",
    };
    let summary = if summary.is_empty() { "_Not written yet._".to_owned() } else { escaped(summary) };
    let _ = writeln!(text, "\n## Summary\n\n{summary}");
    for (title, hint) in QUESTIONS {
        let hint = if hint.is_empty() || hint.starts_with('-') { hint.to_owned() } else { format!("_{hint}_") };
        let _ = writeln!(text, "\n## {title}\n\n{hint}");
    }
    let _ = writeln!(text, "\n## Timeline\n\n| When | Who | What |\n|---|---|---|");
    for entry in *timeline {
        let who = match &entry.by {
            Actor::Person { user, .. } => name(user),
            Actor::System => "watchkeeper".to_owned(),
        };
        let link = entry.link.as_ref().map(|link| format!(" ([message]({link}))")).unwrap_or_default();
        let what = format!("{}: {}{link}", entry.kind.as_str(), cell(&entry.text));
        let _ = writeln!(text, "| {} | {} | {what} |", zone.shown(entry.at), cell(&who));
    }
    if !charts.is_empty() {
        let _ = writeln!(text, "\n## Charts\n\n| Alert | Picture | Measured |\n|---|---|---|");
        for Chart { alert, link, file, measured } in *charts {
            let file =
                file.as_deref().map_or_else(|| "no picture".to_owned(), |file| format!("picture {}", cell(file)));
            let picture = link.as_ref().map_or_else(|| file.clone(), |link| format!("[{file}]({link})"));
            let measured: Vec<String> = measured.iter().map(|line| cell(line)).collect();
            let _ = writeln!(text, "| #{alert} | {picture} | {} |", measured.join("<br>"));
        }
    }
    text
}

/// Text in one line that begins no Markdown of its own.
fn line(text: &str) -> String {
    escaped(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// In a table a bar would end the cell.
fn cell(text: &str) -> String {
    line(text).replace('|', "\\|")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
