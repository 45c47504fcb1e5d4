//! Who people are right now: members of user groups, who is on call, who has left. Looked up afresh for every decision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;

use crate::core::access::Denied;
use crate::core::action::policy::{Person, Roster};
use crate::core::ids::{UserGroupId, UserId};
use crate::core::oncall::Schedule;
use crate::slack::api::{ApiError, Standing};

use super::super::Flow;
use super::super::act::Caller;

/// What somebody counts as, by what Slack says of them now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    Whole,
    Guest,
    Gone,
}

impl Flow {
    /// # Errors
    /// Slack does not say at the moment; nothing may be decided on half of it.
    pub(super) async fn action_roster(&self, people: &[&Person]) -> Result<Roster, ApiError> {
        let settings = self.settings();
        let groups = settings.actions.policy.groups();
        let groups = join_all(groups.into_iter().map(|group| self.members_of(group)));
        let people: BTreeSet<&Person> = people.iter().copied().collect();
        let people =
            people.into_iter().map(|person| async { Ok((person.user.clone(), self.counts_as(person).await?)) });
        let (groups, people) = tokio::join!(groups, join_all(people));
        let groups = groups.into_iter().collect::<Result<Vec<_>, _>>()?;
        let people = people.into_iter().collect::<Result<Vec<_>, ApiError>>()?;
        let counted = |wanted: Counts| people.iter().filter(move |(_, as_what)| *as_what == wanted);
        let all = |wanted: Counts| counted(wanted).map(|(user, _)| user.clone()).collect();
        let on_call = self.vouched_on_call();
        let now_held = self.overrides_at(self.now()).into_iter().map(|(_, over)| over);
        let self_made = now_held.filter(|over| over.by.as_ref() == Some(&over.user)).map(|over| over.user);
        Ok(Roster {
            home: self.home().team,
            groups: groups.into_iter().flatten().collect::<BTreeMap<_, _>>(),
            self_made: self_made.filter(|user| !on_call.contains(user)).collect(),
            on_call,
            guests: all(Counts::Guest),
            gone: all(Counts::Gone),
        })
    }

    /// Who has a say as somebody on call: by the schedule, or as somebody else said, and who keeps such a watch until it is
    /// accepted. Anybody may put themselves on call, which is good for being called and for nothing else.
    pub(super) fn vouched_on_call(&self) -> BTreeSet<UserId> {
        const JUST_BEFORE: Duration = Duration::from_millis(1);
        let vouched = |schedule: &str, at| self.with_roster(schedule, |roster| roster.vouched(at)).unwrap_or_default();
        let of = |schedule: Schedule| {
            let mut people = vouched(&schedule.name, self.now());
            if let Some(handoff) = self.open_handoff(&schedule.name) {
                let had_it = vouched(&schedule.name, handoff.at.minus(JUST_BEFORE));
                people.extend(self.keepers(&handoff).into_iter().filter(|keeper| had_it.contains(keeper)));
            }
            people
        };
        self.schedules().into_iter().flat_map(of).collect()
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
    async fn counts_as(&self, person: &Person) -> Result<Counts, ApiError> {
        match self.api.users_info(&person.user).await {
            Ok(found) => {
                let home = self.home();
                let claims = home.team.as_ref() == Some(&person.team);
                let strange = home.team.as_ref().is_some_and(|team| found.elsewhere(team, home.enterprise.as_ref()));
                {
                    let mut people = self.people.write().unwrap_or_else(PoisonError::into_inner);
                    Arc::make_mut(&mut people).insert(person.user.clone(), found.name);
                }
                Ok(match found.standing {
                    Standing::Deactivated | Standing::Bot => Counts::Gone,
                    Standing::Stranger | Standing::Member | Standing::Guest if claims && strange => Counts::Gone,
                    Standing::Guest => Counts::Guest,
                    Standing::Stranger | Standing::Member => Counts::Whole,
                })
            }
            Err(error) if error.retryable() || error.auth_lost() => Err(error),
            Err(error) => {
                tracing::warn!(user = %person.user, error = %error, "somebody who decides about actions is not known to Slack");
                Ok(Counts::Gone)
            }
        }
    }

    /// Plans and their targets are for people of the workspace.
    pub(super) fn may_look(&self, caller: &Caller) -> Result<(), Denied> {
        self.settings().access.colleague(caller.team.as_ref(), self.home().team.as_ref())
    }
}
