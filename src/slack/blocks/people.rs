//! People by the names Slack gave for them: naming somebody must not ping them.

use std::collections::BTreeMap;

use super::words::{bold, code};
use crate::core::ids::{Actor, UserId};

/// Display names by user id. Who is missing here is shown by id; nobody is ever mentioned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People(BTreeMap<UserId, String>);

impl People {
    pub fn insert(&mut self, user: UserId, name: impl Into<String>) {
        self.0.insert(user, name.into());
    }

    #[must_use]
    pub fn contains(&self, user: &UserId) -> bool {
        self.0.contains_key(user)
    }

    /// The name, or the id of who has none here; not escaped.
    #[must_use]
    pub fn plain(&self, user: &UserId) -> String {
        let name = self.0.get(user).filter(|name| !name.trim().is_empty());
        name.map_or_else(|| user.as_str(), String::as_str).to_owned()
    }

    /// The person's name in bold, escaped.
    #[must_use]
    pub fn name(&self, actor: &Actor) -> String {
        match actor {
            Actor::System => "watchkeeper".to_owned(),
            Actor::Person { user, .. } => match self.0.get(user).filter(|name| !name.trim().is_empty()) {
                Some(name) => bold(name),
                None => code(user.as_str()),
            },
        }
    }
}

impl FromIterator<(UserId, String)> for People {
    fn from_iter<T: IntoIterator<Item = (UserId, String)>>(names: T) -> Self {
        Self(names.into_iter().collect())
    }
}
