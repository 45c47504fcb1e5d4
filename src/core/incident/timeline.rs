//! What happened, in order: what was written down for the incident, and what the audit log has about its alerts and about
//! actions while it was open.

use serde::{Deserialize, Serialize};

use crate::core::audit::Record;
use crate::core::ids::Actor;
use crate::core::time::Timestamp;

use super::{Incident, State};

/// One line of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub at: Timestamp,
    pub by: Actor,
    pub kind: Kind,
    /// What was said or done, as it came from outside.
    pub text: String,
    /// The message it is from.
    #[serde(default)]
    pub link: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Declared,
    Severity,
    Role,
    Update,
    NextStep,
    /// An alert was linked, or something happened to a linked one.
    Alert,
    Action,
    /// A message that somebody marked.
    Message,
    Resolved,
    Reopened,
}

impl Kind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Severity => "severity",
            Self::Role => "role",
            Self::Update => "update",
            Self::NextStep => "next step",
            Self::Alert => "alert",
            Self::Action => "action",
            Self::Message => "message",
            Self::Resolved => "resolved",
            Self::Reopened => "reopened",
        }
    }
}

/// `own` was written down for the incident; `records` are of the audit log, from any time.
#[must_use]
pub fn timeline(incident: &Incident, own: Vec<Entry>, records: &[Record]) -> Vec<Entry> {
    let until = match incident.state {
        State::Open { .. } => None,
        State::Resolved { at, .. } => Some(at),
    };
    let mut entries = own;
    entries.extend(records.iter().filter_map(|record| {
        let kind = kind(incident, record)?;
        // An alert may well be older than the incident; what happened after its end belongs to none.
        let late = until.is_some_and(|until| record.at > until);
        let early = kind == Kind::Action && record.at < incident.opened_at;
        (!late && !early).then(|| entry(record, kind))
    }));
    entries.sort_by_key(|entry| (entry.at, entry.kind));
    entries
}

fn kind(incident: &Incident, record: &Record) -> Option<Kind> {
    let (what, number) = record.subject.split_once('/')?;
    match what {
        "alert" if incident.alerts.contains(&number.parse().ok()?) => Some(Kind::Alert),
        "action" => Some(Kind::Action),
        _ => None,
    }
}

/// `alert/17` and `alert.fired` become `alert 17: fired`.
fn entry(record: &Record, kind: Kind) -> Entry {
    let verb = record.action.split_once('.').map_or(record.action.as_str(), |(_, verb)| verb).replace(['.', '_'], " ");
    let text = format!("{}: {verb}", record.subject.replace('/', " "));
    Entry { at: record.at, by: record.actor.clone(), kind, text, link: None }
}
