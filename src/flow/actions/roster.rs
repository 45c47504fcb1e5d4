//! Who people are right now: members of user groups, who is on call, who has left. Looked up afresh for every decision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use futures_util::future::join_all;

use crate::core::access::Denied;
use crate::core::action::policy::{Person, Roster};
use crate::core::ids::{UserGroupId, UserId};
use crate::slack::api::{ApiError, Standing};

use super::super::Flow;
use super::super::act::Caller;

impl Flow {
    /// # Errors
    /// Slack does not say at the moment; nothing may be decided on half of it.
    pub(super) async fn action_roster(&self, people: &[&Person]) -> Result<Roster, ApiError> {
        let settings = self.settings();
        let groups = settings.actions.policy.groups();
        let groups = join_all(groups.into_iter().map(|group| self.members_of(group)));
        let people: BTreeSet<&Person> = people.iter().copied().collect();
        let people = join_all(people.into_iter().map(|person| self.has_gone(person)));
        let (groups, gone) = tokio::join!(groups, people);
        let groups = groups.into_iter().collect::<Result<Vec<_>, _>>()?;
        let gone = gone.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(Roster {
            home: self.home().team,
            groups: groups.into_iter().flatten().collect::<BTreeMap<_, _>>(),
            on_call: self.everybody_on_call(),
            gone: gone.into_iter().flatten().collect(),
        })
    }

    /// Whoever is to be called, also those who keep a watch until it is accepted.
    pub(super) fn everybody_on_call(&self) -> BTreeSet<UserId> {
        self.schedules().iter().flat_map(|schedule| self.answerable(&schedule.name)).collect()
    }

    /// A group that Slack does not know, or does not let the bot see, has no members here.
    async fn members_of(&self, group: &str) -> Result<Option<(String, BTreeSet<UserId>)>, ApiError> {
        match self.api.usergroups_users_list(&UserGroupId::new(group)).await {
            Ok(members) => Ok(Some((group.to_owned(), members.into_iter().collect()))),
            Err(error) if error.retryable() => Err(error),
            Err(error) => {
                tracing::warn!(group, error = %error, "a user group of `actions` cannot be read; nobody counts as its member");
                Ok(None)
            }
        }
    }

    /// Whoever is deactivated holds no key, nor does somebody of another company who claims to be of this one.
    async fn has_gone(&self, person: &Person) -> Result<Option<UserId>, ApiError> {
        let gone = || Some(person.user.clone());
        match self.api.users_info(&person.user).await {
            Ok(found) => {
                let home = self.home().team.as_ref() == Some(&person.team);
                {
                    let mut people = self.people.write().unwrap_or_else(PoisonError::into_inner);
                    Arc::make_mut(&mut people).insert(person.user.clone(), found.name);
                }
                Ok(match found.standing {
                    Standing::Deactivated | Standing::Bot => gone(),
                    Standing::Stranger if home => gone(),
                    Standing::Stranger | Standing::Member | Standing::Guest => None,
                })
            }
            Err(error) if error.retryable() || error.auth_lost() => Err(error),
            Err(error) => {
                tracing::warn!(user = %person.user, error = %error, "somebody who decides about actions is not known to Slack");
                Ok(gone())
            }
        }
    }

    /// Plans and their targets are for people of the workspace.
    pub(super) fn may_look(&self, caller: &Caller) -> Result<(), Denied> {
        self.settings().access.colleague(caller.team.as_ref(), self.home().team.as_ref())
    }
}
