//! On-call schedules: who has the watch, when it is handed over, and where nobody has it.

mod export;
mod layer;
mod roster;
mod schedule;
mod swap;
#[cfg(test)]
mod tests;
pub mod when;

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{OverrideId, UserId};
use super::time::Timestamp;

pub use export::calendar;
pub use layer::{Layer, Restriction, SHORTEST_SHIFT, StartDate};
pub use roster::Roster;
pub use schedule::{Calendar, Schedule};
pub use swap::{ANSWER_WITHIN, Exchange, Stint, Swap, SwapRefusal, SwapState};

/// Somebody as a schedule names them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Person {
    Slack(UserId),
    /// In lower case.
    Email(String),
    /// As a calendar or PagerDuty has it; `oncall.people` says who that is.
    Name(String),
}

impl From<String> for Person {
    fn from(text: String) -> Self {
        let text = text.trim();
        let id = text.len() >= 3
            && text.starts_with(['U', 'W'])
            && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        if id {
            Self::Slack(UserId::new(text))
        } else if text.contains('@') && !text.contains(' ') {
            Self::Email(text.to_lowercase())
        } else {
            Self::Name(text.to_owned())
        }
    }
}

impl From<Person> for String {
    fn from(person: Person) -> Self {
        person.to_string()
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slack(user) => f.write_str(user.as_str()),
            Self::Email(text) | Self::Name(text) => f.write_str(text),
        }
    }
}

impl JsonSchema for Person {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Person".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "examples": ["U024BE7LH", "ann@example.com"] })
    }
}

/// Whether somebody can be reached in Slack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Active(UserId),
    Deactivated,
    Bot,
    /// Slack knows nobody by that address, or the name is not in `oncall.people`.
    Unknown,
}

/// Who the people of schedules are in Slack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory(BTreeMap<Person, Standing>);

impl Directory {
    pub fn insert(&mut self, person: Person, standing: Standing) {
        self.0.insert(person, standing);
    }

    /// Takes everybody in `schedules` for reachable: for judging the schedules alone.
    #[must_use]
    pub fn trusting(schedules: &[Schedule]) -> Self {
        let people = schedules.iter().flat_map(Schedule::people);
        Self(people.map(|person| (person.clone(), Standing::Active(UserId::new(person.to_string())))).collect())
    }

    /// Whether somebody was looked up, or needs not be.
    #[must_use]
    pub fn knows(&self, person: &Person) -> bool {
        self.0.contains_key(person) || matches!(person, Person::Slack(_))
    }

    /// A Slack user id stands for itself until it is known to be deactivated.
    #[must_use]
    pub fn look(&self, person: &Person) -> Standing {
        match (self.0.get(person), person) {
            (Some(standing), _) => standing.clone(),
            (None, Person::Slack(user)) => Standing::Active(user.clone()),
            (None, Person::Email(_) | Person::Name(_)) => Standing::Unknown,
        }
    }
}

/// A shift that was made elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub person: Person,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// Somebody takes the watch for a while, whatever the schedule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    pub id: OverrideId,
    pub user: UserId,
    pub from: Timestamp,
    pub to: Timestamp,
    /// Who made it or, of a swap, who gave the shift away. `None`: made before that was kept.
    #[serde(default)]
    pub by: Option<UserId>,
}

impl Override {
    /// Somebody else than who has the watch by it said so.
    #[must_use]
    pub fn vouched(&self) -> bool {
        self.by.as_ref().is_some_and(|by| *by != self.user)
    }
}

/// Who is on call at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duty {
    /// Empty: nobody. Several only where shifts are imported.
    pub on_call: Vec<UserId>,
    pub origin: Option<Origin>,
    /// Who would have had the watch and cannot be reached.
    pub skipped: Vec<Skipped>,
}

/// What put somebody on call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Counted from 0.
    Layer(usize),
    Imported,
    Override(OverrideId),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub person: Person,
    pub why: Standing,
}

/// A time during which the same people are on call; never nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    pub people: Vec<UserId>,
    /// Of its beginning.
    pub origin: Origin,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// A time during which nobody is on call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub from: Timestamp,
    pub to: Timestamp,
}
