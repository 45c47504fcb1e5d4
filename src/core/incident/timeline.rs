//! What happened, in order: what was written down for the incident, and what the audit log has about its alerts and about the
//! actions that are its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::audit::Record;
use crate::core::ids::{Actor, ChannelId};
use crate::core::time::Timestamp;

use super::{Incident, Place, State};

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

/// `own` was written down for the incident; `records` are of the audit log, oldest first, from any time; `others` are incidents
/// that were open at the same time.
#[must_use]
pub fn timeline(incident: &Incident, own: Vec<Entry>, records: &[Record], others: &[Incident]) -> Vec<Entry> {
    let until = incident.over_at();
    let actions = actions(records);
    let mut entries = own;
    entries.extend(records.iter().filter_map(|record| {
        // What happened after its end belongs to no incident.
        if until.is_some_and(|until| record.at > until) {
            return None;
        }
        let (what, number) = record.subject.split_once('/')?;
        let number: u64 = number.parse().ok()?;
        match what {
            // It may well be older than the incident.
            "alert" if incident.alerts.contains(&number) => Some(entry(record, Kind::Alert, "")),
            "action" => {
                let action = actions.get(&number)?;
                belongs(incident, number, action, others).then(|| entry(record, Kind::Action, &action.what))
            }
            _ => None,
        }
    }));
    entries.sort_by_key(|entry| (entry.at, entry.kind));
    entries
}

/// What the audit log tells of a request for an action.
struct Action {
    /// When it is first spoken of.
    asked_at: Timestamp,
    asked_in: Option<ChannelId>,
    /// ` (scale prod/feeds/Deployment/pusher)`; empty when its request is not among the records.
    what: String,
}

fn actions(records: &[Record]) -> BTreeMap<u64, Action> {
    let mut actions = BTreeMap::new();
    for record in records {
        let number = record.subject.strip_prefix("action/").and_then(|number| number.parse().ok());
        let Some(number) = number.filter(|number| !actions.contains_key(number)) else { continue };
        let detail: Value = serde_json::from_str(&record.detail).unwrap_or_default();
        let text = |name: &str| detail.get(name).and_then(Value::as_str);
        let what = match (text("action"), text("target")) {
            (Some(action), Some(target)) => format!(" ({action} {target})"),
            _ => String::new(),
        };
        let asked_in = text("channel").map(ChannelId::new);
        actions.insert(number, Action { asked_at: record.at, asked_in, what });
    }
    actions
}

/// An action is of the incidents it was linked to; else of the one whose channel it was asked for in; else of the only one that
/// was open then.
fn belongs(incident: &Incident, number: u64, action: &Action, others: &[Incident]) -> bool {
    if incident.actions.contains(&number) {
        return true;
    }
    let asked_in = |one: &Incident| match &one.place {
        Place::Channel { channel } => action.asked_in.as_ref() == Some(channel),
        Place::Opening | Place::Thread { .. } => false,
    };
    let was_open =
        |one: &Incident| one.opened_at <= action.asked_at && one.over_at().is_none_or(|until| action.asked_at <= until);
    if others.iter().any(|other| other.actions.contains(&number)) || !was_open(incident) {
        return false;
    }
    asked_in(incident) || !others.iter().any(|other| asked_in(other) || was_open(other))
}

/// `alert/17` and `alert.fired` become `alert 17: fired`.
fn entry(record: &Record, kind: Kind, what: &str) -> Entry {
    let verb = record.action.split_once('.').map_or(record.action.as_str(), |(_, verb)| verb).replace(['.', '_'], " ");
    let text = format!("{}{what}: {verb}", record.subject.replace('/', " "));
    Entry { at: record.at, by: record.actor.clone(), kind, text, link: None }
}

impl Incident {
    /// When it was resolved.
    #[must_use]
    pub const fn over_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Open { .. } => None,
            State::Resolved { at, .. } => Some(at),
        }
    }
}
