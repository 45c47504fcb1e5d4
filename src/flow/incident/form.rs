//! Submitted forms about incidents.

use crate::core::incident::Kind;
use crate::slack::blocks::incident::{
    DECLARE_FORM, RESOLVE_FORM, ROLES_FORM, RolesGiven, UPDATE_FORM, Updated, forms_metadata, read_declared,
    read_resolved, read_roles, read_updated,
};
use crate::slack::inbound::ViewSubmission;
use crate::store::incidents::Stored;

use super::super::act::{Caller, FieldErrors, Plan, Way};
use super::super::receive::Ack;
use super::super::step::StepError;
use super::{Flow, staged};

/// Whether a form is about an incident.
pub(in crate::flow) fn ours(callback_id: &str) -> bool {
    [DECLARE_FORM, UPDATE_FORM, ROLES_FORM, RESOLVE_FORM].contains(&callback_id)
}

impl Flow {
    pub(in crate::flow) async fn submit_incident(
        &self,
        key: &str,
        submission: &ViewSubmission,
        way: Way,
    ) -> Result<Ack, StepError> {
        let caller = Caller::of(&submission.user, submission.user_team.as_ref(), None);
        let place = self.direct(&submission.user).await;
        if let Err(why) = self.may_respond(&caller) {
            let plan = Plan::Denied { why, action: "incident" };
            return self.carry_out(key, plan, &caller, place, None).await.map(|_| Ack::Empty);
        }
        self.know(&caller.user).await;
        match self.read_form(submission, &caller).await {
            Ok(plan) => self.carry_out(key, plan, &caller, place, None).await.map(|_| Ack::Empty),
            Err(errors) => self.refuse_form(key, errors, way).await,
        }
    }

    async fn read_form(&self, submission: &ViewSubmission, caller: &Caller) -> Result<Plan, FieldErrors> {
        let view = &submission.view;
        let field = |id: &str| view.element(id)?.value().map(str::to_owned);
        if view.callback_id == DECLARE_FORM {
            let declared = read_declared(&view.private_metadata, field)?;
            return Ok(self.plan_declare(declared, caller).await);
        }
        let before = match self.stored_incident(&forms_metadata(&view.private_metadata)).await {
            Ok(stored) => stored,
            Err(message) => return Ok(Plan::Answer(message)),
        };
        Ok(match view.callback_id.as_str() {
            UPDATE_FORM => self.plan_update(before, read_updated(field)?, caller),
            RESOLVE_FORM => self.plan_resolve(before, &read_resolved(field)?, caller),
            _ => self.plan_roles(before, read_roles(field), caller).await,
        })
    }

    fn plan_update(&self, before: Stored, updated: Updated, caller: &Caller) -> Plan {
        let Updated { stage, text, next_step } = updated;
        let settings = self.settings().incidents.clone();
        let text = staged(&before.incident, stage, text);
        let planned = next_step.clone().filter(|next| before.incident.next_step.as_ref() != Some(next));
        let after = before.incident.clone().update(stage, next_step, &settings, self.now());
        let mut what = vec![(Kind::Update, text)];
        what.extend(planned.map(|next| (Kind::NextStep, next)));
        self.plan_changed(before, after, what, caller)
    }

    async fn plan_roles(&self, before: Stored, given: RolesGiven, caller: &Caller) -> Plan {
        let settings = self.settings().incidents.clone();
        let mut after = Ok(before.incident.clone());
        let mut what = Vec::new();
        for (role, user) in given.roles {
            if before.incident.roles.of(role) == user.as_ref() {
                continue;
            }
            what.push((Kind::Role, self.role_text(role, user.as_ref()).await));
            after = after.and_then(|incident| incident.assign(role, user));
        }
        if let Some(severity) = given.severity.filter(|severity| *severity != before.incident.severity) {
            what.push((Kind::Severity, severity.as_str().to_uppercase()));
            after = after.and_then(|incident| incident.grade(severity, &settings, self.now()));
        }
        self.plan_changed(before, after, what, caller)
    }
}
