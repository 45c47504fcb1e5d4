//! What is kept in step without anybody asking: who people are in Slack, user groups, and warnings of gaps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::json;

use crate::core::audit::Record;
use crate::core::ids::{Actor, UserGroupId, UserId};
use crate::core::oncall::{Gap, Person, Schedule, Standing};
use crate::core::time::Timestamp;
use crate::slack::api::{ApiError, Standing as SlackStanding};
use crate::slack::blocks::oncall::gap_coming;
use crate::store::{StoreError, facts};

use super::super::Flow;
use super::super::effect::Effect;
use super::super::step::{Extra, StepError};

/// Facts: an address and the user id that Slack knew for it.
const ADDRESS: &str = "oncall.address:";
/// Facts: a gap that was announced, by schedule and end.
const GAP: &str = "oncall.gap:";
/// Far enough to see where a gap that begins soon ends.
const GAP_ENDS_WITHIN: Duration = Duration::from_hours(30 * 24);
/// Right after the first start not everybody has been looked up; whoever is unknown for longer can be told by nobody.
const STRANGERS_UNTIL: Duration = Duration::from_mins(15);
/// As urgent as a warning.
const GAP_PRIORITY: i64 = 20;
/// A workspace that forbids it is asked again this much later.
const GROUP_AGAIN: Duration = Duration::from_hours(1);
/// Somebody may change the group by hand.
const GROUP_LOOK: Duration = Duration::from_mins(10);

/// What is known of a user group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    members: BTreeSet<UserId>,
    /// Not looked at before.
    next: Option<Timestamp>,
}

impl Flow {
    /// Asks Slack who the people of all schedules are. Who cannot be looked up now stays as known.
    pub async fn refresh_directory(&self) {
        self.look_up_in_directory(self.everybody()).await;
    }

    /// As [`Self::refresh_directory`], for those who were never looked up: a calendar or a reload names somebody new.
    pub async fn look_up_strangers(&self) {
        let strangers = {
            let directory = self.desk.directory.read().unwrap_or_else(PoisonError::into_inner);
            self.everybody().into_iter().filter(|person| !directory.knows(person)).collect()
        };
        self.look_up_in_directory(strangers).await;
    }

    async fn look_up_in_directory(&self, people: BTreeSet<Person>) {
        for person in people {
            if let Some(standing) = self.standing(&self.stands_for(&person)).await {
                let mut directory = self.desk.directory.write().unwrap_or_else(PoisonError::into_inner);
                directory.insert(person, standing);
            }
        }
    }

    /// Whom `oncall.people` says a name stands for.
    fn stands_for(&self, person: &Person) -> Person {
        let Person::Name(name) = person else { return person.clone() };
        let settings = self.settings();
        let alike = settings.oncall.people.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        alike.map_or(person, |(_, person)| person).clone()
    }

    /// Who the people of all schedules were when Slack was last asked, so that a start makes strangers of nobody.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn recall_directory(&self) -> Result<(), StoreError> {
        let known: BTreeMap<String, String> = facts::list(&self.store, ADDRESS).await?.into_iter().collect();
        for person in self.everybody() {
            let user = match self.stands_for(&person) {
                Person::Slack(user) => Some(user),
                Person::Email(address) => known.get(&format!("{ADDRESS}{address}")).map(UserId::new),
                Person::Name(_) => None,
            };
            let mut directory = self.desk.directory.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(user) = user.filter(|_| !matches!(person, Person::Slack(_))) {
                directory.insert(person, Standing::Active(user));
            }
        }
        Ok(())
    }

    fn everybody(&self) -> BTreeSet<Person> {
        let schedules = self.schedules();
        let mut people: BTreeSet<Person> = schedules.iter().flat_map(Schedule::people).cloned().collect();
        let imported = self.desk.imported.read().unwrap_or_else(PoisonError::into_inner);
        people.extend(imported.values().flat_map(|imported| &imported.entries).map(|entry| entry.person.clone()));
        let overrides = self.desk.overrides.read().unwrap_or_else(PoisonError::into_inner);
        people.extend(overrides.values().flatten().map(|over| Person::Slack(over.user.clone())));
        people
    }

    /// `None`: Slack does not say now.
    async fn standing(&self, person: &Person) -> Option<Standing> {
        match person {
            Person::Name(_) => Some(Standing::Unknown),
            Person::Slack(user) => match self.api.users_info(user).await {
                Ok(found) => Some(self.active(&found)),
                Err(error) if error.code() == Some("user_not_found") => Some(Standing::Unknown),
                Err(error) => {
                    tracing::debug!(error = %error, "somebody on call could not be looked up");
                    None
                }
            },
            Person::Email(address) => match self.api.users_lookup_by_email(address).await {
                Ok(found) => {
                    self.remember_address(address, Some(&found.id)).await;
                    Some(self.active(&found))
                }
                Err(error) if error.code() == Some("users_not_found") => {
                    // Whoever has left must not be on call again after a restart.
                    self.remember_address(address, None).await;
                    Some(Standing::Unknown)
                }
                Err(error) => {
                    tracing::warn!(error = %error, "an address of somebody on call could not be looked up");
                    let known = facts::get(&self.store, &format!("{ADDRESS}{address}")).await.ok().flatten();
                    known.map(|user| Standing::Active(UserId::new(user)))
                }
            },
        }
    }

    fn active(&self, person: &crate::slack::api::Person) -> Standing {
        self.remember_name(person);
        match person.standing {
            SlackStanding::Deactivated => Standing::Deactivated,
            // A bot reads no page.
            SlackStanding::Bot => Standing::Bot,
            SlackStanding::Member | SlackStanding::Guest | SlackStanding::Stranger => {
                Standing::Active(person.id.clone())
            }
        }
    }

    /// `None`: nobody has it.
    async fn remember_address(&self, address: &str, user: Option<&UserId>) {
        let key = format!("{ADDRESS}{address}");
        let kept = async {
            if facts::get(&self.store, &key).await?.as_deref() == user.map(UserId::as_str) {
                return Ok(());
            }
            let mut tx = self.store.begin().await?;
            match user {
                Some(user) => facts::put(&mut tx, &key, user.as_str(), self.now()).await?,
                None => drop(facts::forget(&mut tx, &key).await?),
            }
            tx.commit().await
        };
        if let Err(error) = kept.await {
            tracing::debug!(error = %error, "an address will be looked up again after a restart");
        }
    }

    /// Announces each coming time without anybody, once, in the channel of its schedule, or where its watch is handed over.
    ///
    /// # Errors
    /// The store did not answer; it is announced at the next try.
    pub async fn warn_of_gaps(&self) -> Result<(), StoreError> {
        if self.lease().is_none() {
            return Ok(());
        }
        let now = self.now();
        let ahead = now.plus(self.settings().oncall.warn_gaps);
        let mut told: BTreeMap<String, String> = facts::list(&self.store, GAP).await?.into_iter().collect();
        for schedule in self.schedules() {
            let told_of = format!("{GAP}{}:", schedule.name);
            let strangers = !self.knows_everybody(&schedule) && now.since(self.started_at) < STRANGERS_UNTIL;
            let Some(channel) = schedule.warned_in().filter(|_| !strangers) else {
                told.retain(|key, _| !key.starts_with(&told_of));
                continue;
            };
            let until = ahead.plus(GAP_ENDS_WITHIN);
            let gaps = self.with_roster(&schedule.name, |roster| roster.gaps(now, until)).unwrap_or_default();
            for gap in gaps.into_iter().filter(|gap| gap.from <= ahead) {
                // The end of a gap stays while its beginning becomes the present; one without end is one.
                let end = if gap.to < until { gap.to.as_millis().to_string() } else { "open".to_owned() };
                let key = format!("{told_of}{end}");
                // What is left in the end is there no more: filled, or over. Should it come again, it is told again.
                if told.remove(&key).is_some() {
                    continue;
                }
                let message = gap_coming(&schedule.name, gap, now);
                let effect = Effect::Post { channel: channel.clone(), thread_ts: None, fallback: None, message };
                let extra = Extra {
                    effects: vec![(effect, GAP_PRIORITY)],
                    records: vec![gap_record(&schedule.name, gap, now)],
                    facts: vec![(key, now.as_millis().to_string())],
                    ..Extra::default()
                };
                match self.commit_led(extra).await {
                    Ok(()) | Err(StepError::AlreadyDone) => {}
                    // Whoever decides now says it, and knows what was said.
                    Err(StepError::NotLeader) => return Ok(()),
                    Err(StepError::Store(error)) => return Err(error),
                }
            }
        }
        if told.is_empty() {
            return Ok(());
        }
        match self.commit_led(Extra { forgotten: told.into_keys().collect(), ..Extra::default() }).await {
            Ok(()) | Err(StepError::AlreadyDone | StepError::NotLeader) => Ok(()),
            Err(StepError::Store(error)) => Err(error),
        }
    }

    /// Makes each schedule's user group say whom to call: looked at first, written only when it differs, never emptied.
    pub async fn keep_user_groups(&self) {
        if self.lease().is_none() {
            return;
        }
        for schedule in self.schedules() {
            let Some(group) = schedule.user_group.clone() else { continue };
            let wanted: BTreeSet<UserId> = self.answerable(&schedule.name).into_iter().collect();
            if wanted.is_empty() || self.group_agrees(&group, &wanted) {
                continue;
            }
            let outcome = self.write_group(&schedule.name, &group, &wanted).await;
            let (members, wait, word) = match outcome {
                Ok(changed) => (wanted, GROUP_LOOK, if changed { "updated" } else { "unchanged" }),
                Err(ref error) if error.retryable() => (BTreeSet::new(), Duration::from_mins(1), "failed"),
                Err(_) => (BTreeSet::new(), GROUP_AGAIN, "refused"),
            };
            if let Err(error) = outcome {
                tracing::warn!(
                    group = %group, error = %error,
                    "the on-call user group is not kept in step; the workspace may not let apps manage user groups"
                );
            }
            self.metrics.user_group(&schedule.name, word);
            let mut groups = self.desk.groups.lock().unwrap_or_else(PoisonError::into_inner);
            groups.insert(group, Group { members, next: Some(self.now().plus(wait)) });
        }
    }

    /// Nothing to do for now: it was right a moment ago, or must not be tried again yet.
    fn group_agrees(&self, group: &UserGroupId, wanted: &BTreeSet<UserId>) -> bool {
        let groups = self.desk.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = groups.get(group) else { return false };
        let waits = known.next.is_some_and(|next| self.now() < next);
        waits && (known.members == *wanted || known.members.is_empty())
    }

    /// True when it had to be changed.
    async fn write_group(
        &self,
        schedule: &str,
        group: &UserGroupId,
        wanted: &BTreeSet<UserId>,
    ) -> Result<bool, ApiError> {
        let members: BTreeSet<UserId> = self.api.usergroups_users_list(group).await?.into_iter().collect();
        if members == *wanted {
            return Ok(false);
        }
        self.api.usergroups_users_update(group, wanted.iter()).await?;
        let record = Record {
            at: self.now(),
            actor: Actor::System,
            action: "oncall.user_group_updated".to_owned(),
            subject: format!("schedule/{schedule}"),
            detail: json!({ "after": wanted, "before": members, "group": group }).to_string(),
        };
        if let Err(error) = self.commit_extra(Extra { records: vec![record], ..Extra::default() }).await {
            tracing::error!(error = %error, "a change of a user group could not be recorded");
        }
        Ok(true)
    }
}

fn gap_record(schedule: &str, gap: Gap, now: Timestamp) -> Record {
    Record {
        at: now,
        actor: Actor::System,
        action: "oncall.gap_announced".to_owned(),
        subject: format!("schedule/{schedule}"),
        detail: json!({ "from": gap.from.to_string(), "to": gap.to.to_string() }).to_string(),
    }
}
