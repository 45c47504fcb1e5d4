//! Submitted forms: Slack shows what is wrong under the field it names, as long as it comes with the acknowledgement.

use crate::slack::blocks::oncall::{OVERRIDE_FORM, SWAP_FORM, read_override, read_swap, wrong_colleague};
use crate::slack::inbound::ViewSubmission;

use super::super::Flow;
use super::super::act::{Caller, Plan, Way};
use super::super::receive::{Ack, finish};
use super::super::step::{Extra, StepError};

/// Whether a form is about on call.
pub(in crate::flow) fn ours(callback_id: &str) -> bool {
    [OVERRIDE_FORM, SWAP_FORM].contains(&callback_id)
}

impl Flow {
    pub(in crate::flow) async fn submit_on_call(
        &self,
        key: &str,
        submission: &ViewSubmission,
        way: Way,
    ) -> Result<Ack, StepError> {
        let caller = Caller::of(&submission.user, submission.user_team.as_ref(), None);
        let place = self.direct(&submission.user).await;
        if let Err(why) = self.may_respond(&caller) {
            let plan = Plan::Denied { why, action: "oncall" };
            return self.carry_out(key, plan, &caller, place, None).await.map(|_| Ack::Empty);
        }
        let field = |id: &str| submission.view.element(id)?.value().map(str::to_owned);
        self.know(&caller.user).await;
        if submission.view.callback_id == SWAP_FORM {
            let swap = match read_swap(field, &caller.user) {
                Ok(request) => match self.unreachable(&request.asked).await {
                    Some(why) => Err(wrong_colleague(why)),
                    None => self.plan_swap(request, &caller),
                },
                Err(errors) => Err(errors),
            };
            let extra = match swap {
                Ok(swap) => self.ask_swap(swap, &caller).await,
                Err(errors) => Err(errors),
            };
            return match extra {
                Ok(extra) => {
                    self.commit_extra(Extra { finish: finish(key, "swap asked").finish, ..extra }).await?;
                    Ok(Ack::Empty)
                }
                Err(errors) => self.refuse_form(key, errors, way).await,
            };
        }
        let request = match read_override(field, self.now()) {
            Ok(request) => match self.unreachable(&request.user).await {
                Some(why) => Err(wrong_colleague(why)),
                None => Ok(request),
            },
            Err(errors) => Err(errors),
        };
        match request {
            Ok(request) => {
                let plan = self.plan_override(request, &caller).await;
                self.carry_out(key, plan, &caller, place, None).await.map(|_| Ack::Empty)
            }
            Err(errors) => self.refuse_form(key, errors, way).await,
        }
    }
}
