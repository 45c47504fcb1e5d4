//! Whom a step reaches: who has the watch, who has left Slack, who is on it already.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::future::join_all;

use crate::core::escalation::{Service, Target};
use crate::core::ids::{GroupId, UserId};
use crate::core::time::Timestamp;
use crate::slack::api;
use crate::slack::blocks::page::Told;

use super::super::Flow;

/// People rarely leave; whoever is about to be paged is looked up again after this.
const LOOK_AGAIN: Duration = Duration::from_mins(10);

impl Flow {
    /// Whoever a step that is due may tell is looked up first: a person who has left is not waited for.
    pub(in crate::flow) async fn look_up_targets(&self, also: Option<&GroupId>) {
        let (now, settings) = (self.now(), self.settings());
        let runs = self.runs();
        let due = runs.values().filter(|run| run.due_at().is_some_and(|at| at <= now) || also == Some(&run.group));
        let policies: BTreeSet<&str> = due.map(|run| run.policy.as_str()).collect();
        let asked = also.and_then(|id| self.with_engine(|engine, _, _| engine.group(id).cloned()));
        let asked = asked.and_then(|group| settings.escalation.plan(&group).map(|plan| plan.policy));
        let policies = policies.into_iter().filter_map(|name| settings.escalation.policy(name)).chain(asked);
        let targets = policies.flat_map(|policy| &policy.steps).flat_map(|step| &step.targets);
        let people: BTreeSet<UserId> = targets.flat_map(|target| self.people_of(target)).collect();
        self.look_up_people(people).await;
    }

    /// Learns whether somebody has left, unless that was asked lately.
    pub(in crate::flow) async fn look_up_people(&self, people: BTreeSet<UserId>) {
        let now = self.now();
        let unknown: Vec<UserId> = {
            let looked_up = self.escalations.looked_up.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = |at: Timestamp| at <= now && now.since(at) < LOOK_AGAIN;
            people.into_iter().filter(|user| !looked_up.get(user).is_some_and(|(at, _)| fresh(*at))).collect()
        };
        join_all(unknown.iter().map(|user| self.look_up(user, now))).await;
    }

    async fn look_up(&self, user: &UserId, now: Timestamp) {
        let left = match tokio::time::timeout(self.waits.name, self.api.users_info(user)).await {
            Ok(Ok(person)) => {
                self.remember_name(&person);
                person.standing == api::Standing::Deactivated
            }
            Ok(Err(error)) if error.code() == Some("user_not_found") => true,
            // Slack is away: what was known holds, and a page to somebody of whom nothing was waits for it.
            Ok(Err(_)) | Err(_) => return,
        };
        self.escalations.looked_up.lock().unwrap_or_else(PoisonError::into_inner).insert(user.clone(), (now, left));
    }

    pub(in crate::flow) fn has_left(&self, user: &UserId) -> bool {
        let looked_up = self.escalations.looked_up.lock().unwrap_or_else(PoisonError::into_inner);
        looked_up.get(user).is_some_and(|(_, left)| *left)
    }

    /// Whom a target may call.
    pub(in crate::flow) fn people_of(&self, target: &Target) -> Vec<UserId> {
        match target {
            Target::User(user) => vec![user.clone()],
            Target::Schedule(schedule) => self.answerable(schedule),
            Target::Channel(_) | Target::UserGroup(_) | Target::Pagerduty(_) | Target::Webhook(_) => Vec::new(),
        }
    }

    /// Everybody whom the targets of a step reach, each once, and why some are not. Those in `on_it` need not be told.
    pub(in crate::flow) fn whom(&self, targets: &[Target], on_it: &[&UserId]) -> Vec<Told> {
        let mut told: Vec<Told> = Vec::new();
        for target in targets {
            match target {
                Target::Channel(whom) | Target::UserGroup(whom) => told.push(Told::Mention(whom.clone())),
                Target::User(user) => told.push(self.told(user, on_it)),
                Target::Schedule(schedule) => match self.answerable(schedule).as_slice() {
                    [] => told.push(Told::NobodyOnCall { schedule: schedule.clone() }),
                    people => told.extend(people.iter().map(|user| self.told(user, on_it))),
                },
                Target::Pagerduty(name) => told.push(Told::Service(Service::Pagerduty(name.clone()))),
                Target::Webhook(name) => told.push(Told::Service(Service::Webhook(name.clone()))),
            }
        }
        let mut seen = BTreeSet::new();
        told.retain(|told| seen.insert(told.clone()));
        told
    }

    /// Whoever is on it already, or asks for others, is not called.
    fn told(&self, user: &UserId, on_it: &[&UserId]) -> Told {
        if on_it.contains(&user) {
            Told::OnIt { user: user.clone() }
        } else if self.has_left(user) {
            Told::Left { user: user.clone() }
        } else {
            Told::Person { user: user.clone() }
        }
    }
}

/// Whoever gets a direct message.
pub(in crate::flow) fn people_told(told: &[Told]) -> Vec<UserId> {
    let person = |told: &'_ Told| match told {
        Told::Person { user } => Some(user.clone()),
        Told::Mention(_) | Told::OnIt { .. } | Told::Left { .. } | Told::NobodyOnCall { .. } | Told::Service(_) => None,
    };
    told.iter().filter_map(person).collect()
}
