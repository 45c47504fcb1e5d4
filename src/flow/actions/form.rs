//! Submitted forms. What they are about came back through the client, so it is looked up and judged like anything typed.

use crate::slack::blocks::action::{REJECT_FORM, REQUEST_FORM, read_rejection, read_request, rejected_plan, subject};
use crate::slack::blocks::replies;
use crate::slack::inbound::ViewSubmission;

use super::super::Flow;
use super::super::act::{Caller, Plan, Way};
use super::super::receive::Ack;
use super::super::step::StepError;
use super::{Decision, Deed, Wanted};

/// Whether a form is about an operation.
pub(in crate::flow) fn ours(callback_id: &str) -> bool {
    [REQUEST_FORM, REJECT_FORM].contains(&callback_id)
}

impl Flow {
    pub(in crate::flow) async fn submit_action(
        &self,
        key: &str,
        submission: &ViewSubmission,
        way: Way,
    ) -> Result<Ack, StepError> {
        let caller = Caller::of(&submission.user, submission.user_team.as_ref(), None);
        let field = |id: &str| submission.view.element(id)?.value().map(str::to_owned);
        let metadata = &submission.view.private_metadata;
        let deed = if submission.view.callback_id == REJECT_FORM {
            rejected_plan(metadata).map(|(id, digest)| {
                read_rejection(field).map(|reason| Deed::Decide(Decision::Reject(id, digest, reason)))
            })
        } else {
            subject(metadata).map(|about| {
                let settings = self.settings();
                let inputs = settings.actions.workflow(&about.target.name).map_or(&[][..], |workflow| &workflow.ask);
                read_request(&about, inputs, field).map(|wanted| {
                    Deed::Request(Box::new(Wanted {
                        action: wanted.action,
                        reason: wanted.reason,
                        target: about.target,
                        alert: about.alert,
                        undoes: about.undoes,
                        break_glass: about.break_glass,
                        git: wanted.git,
                    }))
                })
            })
        };
        let plan = match deed {
            None => Plan::Answer(replies::unknown_button()),
            Some(Ok(deed)) => Plan::Act(deed),
            Some(Err(errors)) => return self.refuse_form(key, errors, way).await,
        };
        self.know(&caller.user).await;
        let place = self.direct(&submission.user).await;
        self.carry_out(key, plan, &caller, place, None).await?;
        Ok(Ack::Empty)
    }
}
