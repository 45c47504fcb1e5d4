//! What people press about a handoff: accept it, take it in somebody's place, ask first.

use serde_json::json;

use crate::core::access::Denied;
use crate::core::handoff::{Handoff, Refusal};
use crate::core::ids::{HandoffId, NoteId, OverrideId, UserId};
use crate::core::oncall::{Override, Schedule};
use crate::core::time::Timestamp;
use crate::slack::blocks::handoff::{
    ASK_FORM, Press, accepted, accepted_told, ask_form, asked_told, handoff_gone, note_removed, question,
    read_question, refused, stood_in_told,
};
use crate::slack::blocks::replies;
use crate::slack::inbound::ViewSubmission;
use crate::slack::message::Message;
use crate::store::handoffs::{self, Change, Stored};
use crate::store::oncall;

use super::super::act::{Caller, Plan, Way};
use super::super::receive::Ack;
use super::super::step::{Extra, StepError};
use super::keep::record;
use super::show::thread;
use super::{Flow, named};

/// A shift that ends nobody knows when is taken for so long.
const A_DAY: std::time::Duration = std::time::Duration::from_hours(24);

/// Whether a form is about a handoff.
pub(in crate::flow) fn ours(callback_id: &str) -> bool {
    callback_id == ASK_FORM
}

impl Flow {
    pub(in crate::flow) async fn plan_handoff_press(&self, press: &Press, caller: &Caller) -> Plan {
        let id = match press {
            Press::Accept(id) | Press::StandIn(id) | Press::Ask(id) => id,
            Press::RemoveNote(id) => {
                return match self.may_respond(caller) {
                    Ok(()) => self.plan_remove_note(id, caller),
                    Err(why) => Plan::Denied { why, action: "button" },
                };
            }
        };
        let stored = match self.stored_handoff(id).await {
            Ok(stored) => stored,
            Err(message) => return Plan::Answer(message),
        };
        if let Err(why) = self.may_answer(&stored.handoff, caller) {
            return Plan::Denied { why, action: "button" };
        }
        let own = stored.handoff.incoming.contains(&caller.user);
        match press {
            Press::Ask(_) => Plan::Open(ask_form(&stored.handoff)),
            Press::StandIn(_) if !own => self.plan_stand_in(stored, caller).await,
            _ => self.plan_accept(stored, caller).await,
        }
    }

    /// Whoever may respond, and whose watch it is to accept: the schedule names them.
    fn may_answer(&self, handoff: &Handoff, caller: &Caller) -> Result<(), Denied> {
        match self.may_respond(caller) {
            Err(Denied::NotResponder) if handoff.incoming.contains(&caller.user) => Ok(()),
            other => other,
        }
    }

    async fn plan_accept(&self, before: Stored, caller: &Caller) -> Plan {
        let now = self.now();
        match before.handoff.clone().accept(&caller.user, now) {
            Ok(after) => {
                let message = accepted_told(&after, now);
                self.plan_settled(before, after, caller, "handoff.accepted", message, Extra::default()).await
            }
            Err(refusal) => Plan::Answer(self.refuse(&refusal, &before.handoff, now)),
        }
    }

    /// Somebody else takes the watch: an override to the end of the shift says so to everybody.
    async fn plan_stand_in(&self, before: Stored, caller: &Caller) -> Plan {
        let now = self.now();
        let after = match before.handoff.clone().stand_in(&caller.user, now) {
            Ok(after) => after,
            Err(refusal) => return Plan::Answer(self.refuse(&refusal, &before.handoff, now)),
        };
        let schedule = after.schedule.clone();
        let to = after.until.filter(|until| *until > now).unwrap_or_else(|| now.plus(A_DAY));
        let user = caller.user.clone();
        let over =
            Override { id: OverrideId::new(self.ids.next(now)), user: user.clone(), from: now, to, by: Some(user) };
        let message = stood_in_told(&after, now);
        let extra = Extra {
            // Their coming in is no shift change of its own: the shift is the one they take.
            facts: vec![self.seen_fact(&schedule, vec![caller.user.clone()], after.at)],
            records: vec![self.override_record(caller, "oncall.override_created", &schedule, &over)],
            oncall: vec![oncall::Change::Override { schedule, over }],
            ..Extra::default()
        };
        self.plan_settled(before, after, caller, "handoff.stood_in", message, extra).await
    }

    async fn plan_settled(
        &self,
        before: Stored,
        after: Handoff,
        caller: &Caller,
        action: &str,
        message: Message,
        mut extra: Extra,
    ) -> Plan {
        let now = self.now();
        match self.ended(&after, action, &caller.actor()).await {
            Ok((effects, record)) => {
                extra.effects.extend(effects);
                extra.effects.push(thread(&after, accepted(&after, &caller.user, &self.people(), now), now));
                extra.records.insert(0, record);
                extra.handoffs.push(Change::Moved { before, after });
                Plan::Record { extra: Box::new(extra), message }
            }
            Err(error) => {
                tracing::warn!(error = %error, "a handoff's report could not be read");
                Plan::Answer(replies::unavailable())
            }
        }
    }

    async fn stored_handoff(&self, id: &HandoffId) -> Result<Stored, Message> {
        match handoffs::get(&self.store, id).await {
            Ok(Some(stored)) => {
                self.know_all(named(&stored.handoff)).await;
                Ok(stored)
            }
            Ok(None) => Err(handoff_gone()),
            Err(error) => {
                tracing::warn!(error = %error, "a handoff could not be read");
                Err(replies::unavailable())
            }
        }
    }

    fn refuse(&self, refusal: &Refusal, handoff: &Handoff, now: Timestamp) -> Message {
        refused(refusal, handoff, &self.people(), now)
    }

    fn plan_remove_note(&self, id: &NoteId, caller: &Caller) -> Plan {
        let record = crate::core::audit::Record {
            at: self.now(),
            actor: caller.actor(),
            action: "handoff.note_removed".to_owned(),
            subject: format!("note/{id}"),
            detail: "{}".to_owned(),
        };
        let handoffs = vec![Change::NoteRemoved(id.clone())];
        let extra = Extra { records: vec![record], handoffs, ..Extra::default() };
        Plan::Record { extra: Box::new(extra), message: note_removed() }
    }

    /// A submitted question.
    pub(in crate::flow) async fn submit_question(
        &self,
        key: &str,
        submission: &ViewSubmission,
        way: Way,
    ) -> Result<Ack, StepError> {
        let caller = Caller::of(&submission.user, submission.user_team.as_ref(), None);
        let place = self.direct(&submission.user).await;
        let field = |id: &str| submission.view.element(id)?.value().map(str::to_owned);
        match read_question(&submission.view.private_metadata, field) {
            Ok((id, text)) => {
                self.know(&caller.user).await;
                let plan = self.plan_question(&id, &text, &caller).await;
                self.carry_out(key, plan, &caller, place, None).await.map(|_| Ack::Empty)
            }
            Err(errors) => self.refuse_form(key, errors, way).await,
        }
    }

    async fn plan_question(&self, id: &HandoffId, text: &str, caller: &Caller) -> Plan {
        let before = match self.stored_handoff(id).await {
            Ok(stored) => stored,
            Err(message) => return Plan::Answer(message),
        };
        if let Err(why) = self.may_answer(&before.handoff, caller) {
            return Plan::Denied { why, action: "handoff" };
        }
        let now = self.now();
        let schedules = self.schedules();
        let settings =
            schedules.iter().find(|known| known.name == before.handoff.schedule).and_then(Schedule::hands_over);
        let settings = settings.map(|(_, settings)| settings.clone()).unwrap_or_default();
        match before.handoff.clone().ask(&caller.user, &settings, now) {
            Ok(after) => {
                let line = question(&after, &caller.user, text, &self.people());
                let message = asked_told(&after);
                let extra = Extra {
                    effects: vec![thread(&after, line, now)],
                    records: vec![record(&after, "handoff.asked", caller.actor(), &json!({ "question": text }), now)],
                    handoffs: vec![Change::Moved { before, after }],
                    ..Extra::default()
                };
                Plan::Record { extra: Box::new(extra), message }
            }
            Err(refusal) => Plan::Answer(self.refuse(&refusal, &before.handoff, now)),
        }
    }

    /// The schedule a person's notes and questions are about when they name none: where they have the watch, else the
    /// first of those that are handed over.
    pub(super) fn own_schedule(&self, user: &UserId, among: &[Schedule]) -> Option<Schedule> {
        let held = |schedule: &&Schedule| self.answerable(&schedule.name).contains(user);
        among.iter().find(held).cloned()
    }
}
