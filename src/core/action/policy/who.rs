//! Whom a rule names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::core::ids::{Actor, TeamId, UserId};

/// A human as Slack vouches for them: user and workspace together. A user id alone could be a stranger's in a shared
/// channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Person {
    pub user: UserId,
    pub team: TeamId,
}

impl Person {
    /// `None` for the bot itself, and for somebody whose workspace Slack did not tell: neither holds a key.
    #[must_use]
    pub fn of(actor: &Actor) -> Option<Self> {
        match actor {
            Actor::Person { user, team: Some(team) } => Some(Self { user: user.clone(), team: team.clone() }),
            Actor::Person { team: None, .. } | Actor::System => None,
        }
    }

    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::Person { user: self.user.clone(), team: Some(self.team.clone()) }
    }
}

/// An entry of a list of people in configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Who {
    /// `U…`: of the bot's own workspace; `T…/U…`: of that one.
    User {
        team: Option<TeamId>,
        user: UserId,
    },
    /// `S…`: the members of a user group.
    Group(String),
    OnCall,
    /// Everyone in the bot's own workspace.
    Everyone,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names nobody; write a user id (U…, or T…/U…), a user group id (S…), on-call or everyone")]
pub struct InvalidWho(pub String);

impl FromStr for Who {
    type Err = InvalidWho;

    fn from_str(text: &str) -> Result<Self, InvalidWho> {
        let id = |text: &str, signs: &[char]| {
            text.len() > 1
                && text.starts_with(signs)
                && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        };
        match text {
            "on-call" => return Ok(Self::OnCall),
            "everyone" => return Ok(Self::Everyone),
            _ => {}
        }
        if id(text, &['S']) {
            return Ok(Self::Group(text.to_owned()));
        }
        let (team, user) = text.split_once('/').map_or((None, text), |(team, user)| (Some(team), user));
        if !id(user, &['U', 'W']) || team.is_some_and(|team| !id(team, &['T', 'E'])) {
            return Err(InvalidWho(text.to_owned()));
        }
        Ok(Self::User { team: team.map(TeamId::new), user: UserId::new(user) })
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { team: Some(team), user } => write!(f, "{team}/{user}"),
            Self::User { team: None, user } => write!(f, "{user}"),
            Self::Group(group) => f.write_str(group),
            Self::OnCall => f.write_str("on-call"),
            Self::Everyone => f.write_str("everyone"),
        }
    }
}

impl TryFrom<String> for Who {
    type Error = InvalidWho;

    fn try_from(text: String) -> Result<Self, InvalidWho> {
        text.parse()
    }
}

impl From<Who> for String {
    fn from(who: Who) -> Self {
        who.to_string()
    }
}

impl schemars::JsonSchema for Who {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Who".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^(([TE][A-Z0-9]+/)?[UW][A-Z0-9]+|S[A-Z0-9]+|on-call|everyone)$",
            "examples": ["U024BE7LH", "S024BE7LH", "on-call"],
        })
    }
}
