//! Incidents: the human work on trouble. Who leads it, how bad it is, what is told and when, and what happened.

mod figures;
mod postmortem;
mod timeline;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{ChannelId, IncidentId, UserId};
use super::time::{Span, Timestamp};

pub use figures::{Figures, Means};
pub use postmortem::{Chart, Postmortem, postmortem};
pub use timeline::{Entry, Kind, timeline};

/// What configuration says about incidents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Incidents")]
pub struct Settings {
    /// Where incidents are announced; the first receiver's channel when absent. Where the bot may not open channels they are
    /// worked on in the announcement's thread.
    pub channel: Option<ChannelId>,
    /// Whether each gets a channel of its own.
    pub own_channel: bool,
    /// How their channels' names begin: `inc` makes `inc-12-sol-usd-is-stale`.
    pub prefix: String,
    /// Whoever has the watch of these schedules is invited.
    pub invite: Vec<String>,
    /// How often people are told how it goes.
    pub updates: Updates,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            channel: None,
            own_channel: true,
            prefix: "inc".to_owned(),
            invite: Vec::new(),
            updates: Updates::default(),
        }
    }
}

/// The time between two status updates, by severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Updates {
    pub sev1: Span,
    pub sev2: Span,
    pub sev3: Span,
}

impl Default for Updates {
    fn default() -> Self {
        Self { sev1: Span::from_secs(1800), sev2: Span::from_secs(3600), sev3: Span::from_secs(4 * 3600) }
    }
}

impl Updates {
    #[must_use]
    pub const fn every(&self, severity: Severity) -> Duration {
        match severity {
            Severity::Sev1 => self.sev1.duration(),
            Severity::Sev2 => self.sev2.duration(),
            Severity::Sev3 => self.sev3.duration(),
        }
    }
}

/// How bad it is for customers; `Sev1` is the worst and the least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Sev1,
    #[default]
    Sev2,
    Sev3,
}

impl Severity {
    pub const ALL: [Self; 3] = [Self::Sev1, Self::Sev2, Self::Sev3];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sev1 => "sev1",
            Self::Sev2 => "sev2",
            Self::Sev3 => "sev3",
        }
    }

    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.as_str().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Decides.
    Commander,
    /// Tells everybody else.
    Communications,
    /// Writes down.
    Scribe,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Commander, Self::Communications, Self::Scribe];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commander => "commander",
            Self::Communications => "communications",
            Self::Scribe => "scribe",
        }
    }

    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        match word.to_lowercase().as_str() {
            "comms" => Some(Self::Communications),
            "lead" => Some(Self::Commander),
            word => Self::ALL.into_iter().find(|role| role.as_str() == word),
        }
    }
}

/// Who has which part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Roles {
    pub commander: Option<UserId>,
    pub communications: Option<UserId>,
    pub scribe: Option<UserId>,
}

impl Roles {
    #[must_use]
    pub const fn of(&self, role: Role) -> Option<&UserId> {
        match role {
            Role::Commander => self.commander.as_ref(),
            Role::Communications => self.communications.as_ref(),
            Role::Scribe => self.scribe.as_ref(),
        }
    }

    const fn slot(&mut self, role: Role) -> &mut Option<UserId> {
        match role {
            Role::Commander => &mut self.commander,
            Role::Communications => &mut self.communications,
            Role::Scribe => &mut self.scribe,
        }
    }
}

/// How far the work is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    #[default]
    Investigating,
    /// The cause is known.
    Identified,
    /// Mended, and watched.
    Monitoring,
}

impl Stage {
    pub const ALL: [Self; 3] = [Self::Investigating, Self::Identified, Self::Monitoring];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Investigating => "investigating",
            Self::Identified => "identified",
            Self::Monitoring => "monitoring",
        }
    }

    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str().eq_ignore_ascii_case(word))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// `update_at` is when people next want to hear how it goes; `reminded` how often the commander was told since; `calm`
    /// whether they were told that all its alerts are over.
    Open {
        stage: Stage,
        update_at: Timestamp,
        reminded: u32,
        #[serde(default)]
        calm: bool,
    },
    Resolved {
        by: UserId,
        at: Timestamp,
        summary: String,
    },
}

/// Where it is worked on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "place", rename_all = "snake_case")]
pub enum Place {
    /// A channel is being opened.
    Opening,
    Channel {
        channel: ChannelId,
    },
    /// In the thread of its announcement: the bot may not, or shall not, open channels.
    Thread {
        why: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    pub id: IncidentId,
    /// What people type: `/wk incident 12`.
    pub number: u64,
    pub title: String,
    pub severity: Severity,
    pub opened_by: UserId,
    pub opened_at: Timestamp,
    pub roles: Roles,
    /// What somebody is about to do.
    pub next_step: Option<String>,
    /// Numbers of the alert groups it is about.
    pub alerts: BTreeSet<u64>,
    /// Numbers of actions that somebody linked; which others are its own, its timeline tells.
    #[serde(default)]
    pub actions: BTreeSet<u64>,
    /// Where it was announced.
    pub announced_in: ChannelId,
    pub place: Place,
    pub state: State,
}

/// What somebody declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    pub title: String,
    pub severity: Severity,
    pub by: UserId,
    pub announced_in: ChannelId,
}

/// Why nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("incident {number} was resolved already")]
    Resolved { number: u64, at: Timestamp },
    #[error("incident {number} is open")]
    Open { number: u64 },
}

/// Longer titles fit no header.
pub const TITLE: usize = 120;

impl Incident {
    /// Whoever declares it leads it until somebody else does.
    #[must_use]
    pub fn declare(id: IncidentId, number: u64, what: Declaration, settings: &Settings, now: Timestamp) -> Self {
        let Declaration { title, severity, by, announced_in } = what;
        let update_at = now.plus(settings.updates.every(severity));
        let place = if settings.own_channel { Place::Opening } else { Place::Thread { why: None } };
        Self {
            id,
            number,
            title: title.chars().take(TITLE).collect(),
            severity,
            roles: Roles { commander: Some(by.clone()), ..Roles::default() },
            opened_by: by,
            opened_at: now,
            next_step: None,
            alerts: BTreeSet::new(),
            actions: BTreeSet::new(),
            announced_in,
            place,
            state: State::Open { stage: Stage::default(), update_at, reminded: 0, calm: false },
        }
    }

    #[must_use]
    pub const fn open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// How far the work is, while it goes on.
    #[must_use]
    pub const fn stage(&self) -> Option<Stage> {
        match self.state {
            State::Open { stage, .. } => Some(stage),
            State::Resolved { .. } => None,
        }
    }

    #[must_use]
    pub const fn update_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Open { update_at, .. } => Some(update_at),
            State::Resolved { .. } => None,
        }
    }

    /// The name of its channel, as Slack takes it: small letters, digits and dashes, 80 at most.
    #[must_use]
    pub fn channel_name(&self, prefix: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let words: String = self.title.chars().map(plain).collect();
        let words = words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
        let name: String = format!("{prefix}-{}-{words}", self.number).chars().take(60).collect();
        name.trim_matches('-').to_owned()
    }

    /// Somebody takes a part, or lays it down.
    pub fn assign(mut self, role: Role, user: Option<UserId>) -> Result<Self, Refusal> {
        self.still_open()?;
        *self.roles.slot(role) = user;
        Ok(self)
    }

    pub fn grade(self, severity: Severity, settings: &Settings, now: Timestamp) -> Result<Self, Refusal> {
        self.still_open()?;
        let state = match self.state {
            State::Open { stage, update_at, reminded, calm } => {
                // What got worse is told of sooner.
                let update_at = update_at.min(now.plus(settings.updates.every(severity)));
                State::Open { stage, update_at, reminded, calm }
            }
            state @ State::Resolved { .. } => state,
        };
        Ok(Self { severity, state, ..self })
    }

    /// People were told how it goes; the next time counts from now.
    pub fn update(
        self,
        stage: Option<Stage>,
        next_step: Option<String>,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        match self.state {
            State::Open { stage: before, calm, .. } => {
                let update_at = now.plus(settings.updates.every(self.severity));
                let next_step = next_step.or(self.next_step);
                Ok(Self {
                    next_step,
                    state: State::Open { stage: stage.unwrap_or(before), update_at, reminded: 0, calm },
                    ..self
                })
            }
            State::Resolved { at, .. } => Err(Refusal::Resolved { number: self.number, at }),
        }
    }

    /// Somebody is about to do this.
    pub fn plan_next(self, text: &str) -> Result<Self, Refusal> {
        self.still_open()?;
        Ok(Self { next_step: Some(text.to_owned()), ..self })
    }

    pub fn link(mut self, alert: u64) -> Result<Self, Refusal> {
        self.still_open()?;
        self.alerts.insert(alert);
        Ok(self)
    }

    pub fn link_action(mut self, action: u64) -> Result<Self, Refusal> {
        self.still_open()?;
        self.actions.insert(action);
        Ok(self)
    }

    pub fn resolve(self, by: &UserId, summary: &str, now: Timestamp) -> Result<Self, Refusal> {
        self.still_open()?;
        let state = State::Resolved { by: by.clone(), at: now, summary: summary.to_owned() };
        Ok(Self { state, next_step: None, ..self })
    }

    /// It was not over.
    pub fn reopen(self, settings: &Settings, now: Timestamp) -> Result<Self, Refusal> {
        if self.open() {
            return Err(Refusal::Open { number: self.number });
        }
        let update_at = now.plus(settings.updates.every(self.severity));
        Ok(Self { state: State::Open { stage: Stage::default(), update_at, reminded: 0, calm: false }, ..self })
    }

    /// The commander is to be told that an update is due; `Some` is how often that was said. Said again each half of the
    /// cadence.
    #[must_use]
    pub fn remind(self, settings: &Settings, now: Timestamp) -> (Self, Option<u32>) {
        match self.state {
            State::Open { stage, update_at, reminded, calm } if update_at <= now => {
                let again = now.plus(settings.updates.every(self.severity) / 2);
                let state = State::Open { stage, update_at: again, reminded: reminded + 1, calm };
                (Self { state, ..self }, Some(reminded + 1))
            }
            _ => (self, None),
        }
    }

    /// `firing` of its alerts go on. `Some` when that is another answer than before; whether people are to hear that all are over.
    #[must_use]
    pub fn hear_of_alerts(self, firing: usize) -> Option<(Self, bool)> {
        let now = firing == 0 && !self.alerts.is_empty();
        match self.state {
            State::Open { stage, update_at, reminded, calm } if calm != now => {
                let state = State::Open { stage, update_at, reminded, calm: now };
                Some((Self { state, ..self }, now))
            }
            State::Open { .. } | State::Resolved { .. } => None,
        }
    }

    const fn still_open(&self) -> Result<(), Refusal> {
        match self.state {
            State::Open { .. } => Ok(()),
            State::Resolved { at, .. } => Err(Refusal::Resolved { number: self.number, at }),
        }
    }
}

#[cfg(test)]
mod tests;
