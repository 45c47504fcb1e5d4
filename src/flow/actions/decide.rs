//! What people press on a card: each press is judged on the request as it is in the store at that moment, and committed on
//! exactly that version of it.

use serde_json::{Value, json};

use crate::core::action::kind::Action;
use crate::core::action::plan::Undo;
use crate::core::action::policy::{Denied, Person, Policy, Roster};
use crate::core::action::request::{Refused, Request, State};
use crate::core::command::action::Git;
use crate::core::ids::{Actor, RequestId};
use crate::core::time::Timestamp;
use crate::slack::blocks::action::{self as blocks, HistoryView, Subject};
use crate::slack::message::Message;
use crate::store::StoreError;
use crate::store::actions::{self, Change, Stored};

use super::super::Flow;
use super::super::act::{Caller, Place, Plan};
use super::super::receive::finish;
use super::super::step::{Extra, StepError};
use super::Decision;
use super::record::{counted, record};

/// Others may decide at the same moment, on other replicas; each of them wins at most a few times.
const TRIES: usize = 5;

impl Decision {
    const fn id(&self) -> &RequestId {
        match self {
            Self::Approve(id, _)
            | Self::Reject(id, ..)
            | Self::Withdraw(id)
            | Self::Cancel(id)
            | Self::BackNow(id)
            | Self::Review(id)
            | Self::View(id) => id,
        }
    }

    const fn verb(&self) -> &'static str {
        match self {
            Self::Approve(..) => "approved",
            Self::Reject(..) => "rejected",
            Self::Withdraw(_) => "withdrawn",
            Self::Cancel(_) => "stopped",
            Self::BackNow(_) => "back_now",
            Self::Review(_) => "reviewed",
            Self::View(_) => "viewed",
        }
    }

    fn apply(
        &self,
        request: Request,
        by: &Person,
        policy: &Policy,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<Request, Refused> {
        match self {
            Self::Approve(_, digest) => request.approve(by, digest, policy, roster, now),
            Self::Reject(_, digest, reason) => {
                if *digest != request.plan.digest() {
                    return Err(Refused::Changed);
                }
                request.reject(by, reason, policy, roster, now)
            }
            Self::Withdraw(_) => request.withdraw(by, now),
            Self::Cancel(_) => request.cancel(by, policy, roster, now),
            Self::BackNow(_) => request.back_now(by, policy, roster),
            Self::Review(_) => request.review(by, policy, roster, now),
            Self::View(_) => Ok(request),
        }
    }

    fn detail(&self, request: &Request) -> Value {
        let digest = request.plan.digest();
        match self {
            Self::Approve(_, seen) => {
                let enough = !matches!(request.state, State::Open { .. });
                json!({ "digest": seen, "enough": enough, "so_far": request.state.approvals().len() })
            }
            Self::Reject(_, _, reason) => json!({ "digest": digest, "reason": reason }),
            Self::Withdraw(_) | Self::Cancel(_) | Self::BackNow(_) | Self::Review(_) | Self::View(_) => {
                json!({ "digest": digest })
            }
        }
    }
}

impl Flow {
    pub(super) async fn decide_action(
        &self,
        key: &str,
        decision: &Decision,
        caller: &Caller,
        place: Place,
    ) -> Result<Option<Message>, StepError> {
        let stored = match self.action(decision.id()).await {
            Ok(stored) => stored,
            Err(message) => return self.say(key, message, Vec::new(), place).await,
        };
        if let Decision::View(_) = decision {
            return self.view_action(key, &stored.request, caller, place).await;
        }
        let Some(by) = Person::of(&caller.actor()) else {
            let why = Refused::Denied(Denied::Unknown);
            return self.refuse_decision(key, decision, &stored.request, caller, &why, place).await;
        };
        let Ok(roster) = self.action_roster(&[&by, &stored.request.asked.by]).await else {
            return self.say(key, blocks::no_slack(), Vec::new(), place).await;
        };
        for _ in 0..TRIES {
            let outcome = self.decide_once(key, decision, &by, &roster, caller, place.clone()).await;
            if !matches!(outcome, Err(StepError::Store(StoreError::Lost { .. }))) {
                return outcome;
            }
        }
        // It stays in the inbox and is worked on again.
        Err(StepError::Store(StoreError::Unavailable("others decide about the same action all the time".to_owned())))
    }

    async fn decide_once(
        &self,
        key: &str,
        decision: &Decision,
        by: &Person,
        roster: &Roster,
        caller: &Caller,
        place: Place,
    ) -> Result<Option<Message>, StepError> {
        let _one_at_a_time = self.actions.deciding.lock().await;
        let Some(before) = actions::get(&self.store, decision.id()).await? else {
            return self.say(key, blocks::no_such_action(None), Vec::new(), place).await;
        };
        let (settings, now) = (self.settings(), self.now());
        let policy = &settings.actions.policy;
        let after = match decision.apply(before.request.clone(), by, policy, roster, now) {
            Ok(after) => after,
            Err(why) => return self.refuse_decision(key, decision, &before.request, caller, &why, place).await,
        };
        self.know_people_of(&after).await;
        let live = actions::live(&self.store).await?;
        let mut effects = self.action_cards(&after, &live);
        if after.state.over() {
            effects.extend(self.action_alert_note(&after));
        }
        // The card shows everything else; whoever approves wants to know what is still missing.
        let said = match decision {
            Decision::Approve(..) => Some(blocks::approved(&after, after.needs(policy), now)),
            _ => None,
        };
        effects.extend(said.clone().and_then(|said| place.effect(said)));
        let records = vec![record(&after, &by.actor(), decision.verb(), &decision.detail(&after), now)];
        let (was, is) = (before.request.clone(), after.clone());
        let changes = vec![Change::Save(Box::new((before, after)))];
        self.commit_extra(Extra { effects, records, actions: changes, ..finish(key, decision.verb()) }).await?;
        counted(&self.metrics, Some(&was), &is);
        self.action_bell.notify_one();
        Ok(said)
    }

    async fn refuse_decision(
        &self,
        key: &str,
        decision: &Decision,
        request: &Request,
        caller: &Caller,
        why: &Refused,
        place: Place,
    ) -> Result<Option<Message>, StepError> {
        let detail = json!({ "reason": why.to_string(), "wanted": decision.verb() });
        let records = vec![record(request, &caller.actor(), "denied", &detail, self.now())];
        self.say(key, blocks::refused(why, request), records, place).await
    }

    /// The whole plan, for one person; that they looked is on record.
    async fn view_action(
        &self,
        key: &str,
        request: &Request,
        caller: &Caller,
        place: Place,
    ) -> Result<Option<Message>, StepError> {
        if let Err(why) = self.may_look(caller) {
            let detail = json!({ "reason": why.to_string(), "wanted": "viewed" });
            let records = vec![record(request, &caller.actor(), "denied", &detail, self.now())];
            return self.say(key, crate::slack::blocks::replies::denied(&why), records, place).await;
        }
        self.know_people_of(request).await;
        let settings = self.settings();
        let message = blocks::details(&HistoryView {
            request,
            needs: request.needs(&settings.actions.policy),
            entries: &[],
            people: &self.people(),
            now: self.now(),
        });
        let detail = json!({ "digest": request.plan.digest() });
        let records = vec![record(request, &caller.actor(), "viewed", &detail, self.now())];
        self.say(key, message, records, place).await
    }

    /// The way back is a request of its own.
    pub(super) async fn plan_undo(&self, id: &RequestId, caller: &Caller) -> Plan {
        let request = match self.action(id).await {
            Ok(Stored { request, .. }) => request,
            Err(message) => return Plan::Answer(message),
        };
        let Undo::By { action } = &request.plan.preview.undo else {
            return Plan::Answer(blocks::not_of_this(&request));
        };
        let subject = Subject {
            kind: action.kind(),
            target: request.plan.target.clone(),
            alert: request.asked.alert.clone(),
            undoes: Some(request.number),
            break_glass: false,
        };
        self.action_form(&subject, Some(action), None, &format!("takes #{} back", request.number), caller).await
    }

    /// The same once more, planned anew.
    pub(super) async fn plan_again(&self, id: &RequestId, caller: &Caller) -> Plan {
        let request = match self.action(id).await {
            Ok(Stored { request, .. }) => request,
            Err(message) => return Plan::Answer(message),
        };
        let subject = Subject {
            kind: request.plan.action.kind(),
            target: request.plan.target.clone(),
            alert: request.asked.alert.clone(),
            undoes: request.asked.undoes,
            break_glass: false,
        };
        let (action, reason) = (&request.plan.action, &request.asked.reason);
        self.action_form(&subject, Some(action), said_of_git(action), reason, caller).await
    }
}

/// What was to become of it in Git; of a change that was asked for directly the form asks again.
const fn said_of_git(action: &Action) -> Option<Git> {
    match action {
        Action::WhileSuspended { lasts, .. } => Some(Git::Suspend(*lasts)),
        _ => None,
    }
}

/// The bot itself.
pub(super) const BOT: Actor = Actor::System;
