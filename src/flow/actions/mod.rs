//! Operations with approval, from what somebody asks for to its outcome.
//!
//! [`request`] makes a plan and puts its card before those who may approve it, [`decide`] takes what they press, [`drive`]
//! carries out what was approved: one move at a time, each written down before and after. Any replica takes requests and
//! approvals; only the holder of the lease drives. Whoever decides at the same moment as somebody else decides again on what
//! the other has made of it.

mod card;
mod decide;
mod drive;
mod form;
mod freeze;
mod git;
mod hands;
mod look;
mod offer;
mod pay;
mod record;
mod request;
mod roster;
mod step;
mod target;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::core::action::digest::Digest;
use crate::core::action::kind::{Action, Kind};
use crate::core::action::money::HotWallet;
use crate::core::action::policy::Policy;
use crate::core::action::target::Target;
use crate::core::action::workflow::Workflow;
use crate::core::command::action::{Ask, Git, Wish};
use crate::core::ids::{ChannelId, GroupId, RequestId};
use crate::core::time::Timestamp;
use crate::slack::blocks::action::{self as blocks, Form, Press, Subject};
use crate::slack::blocks::replies;
use crate::slack::message::Message;

use super::Flow;
use super::act::{Caller, Place, Plan};
use super::step::StepError;

pub(super) use form::ours;
pub(super) use hands::Hands;

/// What configuration says about operations.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// When not, nothing can be asked for and nothing begins; what has begun is watched to its end.
    pub enabled: bool,
    /// Where the cards are.
    pub channel: Option<ChannelId>,
    pub policy: Policy,
    /// What GitHub Actions may run.
    pub workflows: Vec<Workflow>,
    pub hot_wallets: Vec<HotWallet>,
}

impl Settings {
    fn workflow(&self, name: &str) -> Option<&Workflow> {
        self.workflows.iter().find(|workflow| workflow.name == name)
    }
}

/// What is known of requests besides the store.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// Decisions of this process follow one another.
    deciding: tokio::sync::Mutex<()>,
    /// One round at a time.
    driving: tokio::sync::Mutex<()>,
    waits: Mutex<BTreeMap<RequestId, Wait>>,
    /// When the cards that count down were last edited.
    counted: Mutex<BTreeMap<RequestId, Timestamp>>,
}

/// Why a request does not go on, and when it is looked at again.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wait {
    why: String,
    until: Option<Timestamp>,
}

/// What somebody wants done about operations.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Deed {
    Request(Box<Wanted>),
    Decide(Decision),
    Freeze { reason: String },
    Unfreeze,
}

/// An operation on one object, with everything said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub action: Action,
    pub target: Target,
    pub reason: String,
    pub alert: Option<GroupId>,
    pub undoes: Option<u64>,
    pub break_glass: bool,
    pub git: Option<Git>,
}

impl Wanted {
    /// With what is to become of it in Git.
    fn whole(&self) -> Action {
        match self.git {
            Some(Git::Suspend(lasts)) => {
                Action::WhileSuspended { action: Box::new(self.action.inner().clone()), lasts }
            }
            Some(Git::PullRequest | Git::Direct) | None => self.action.clone(),
        }
    }
}

/// What somebody says about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Approve(RequestId, Digest),
    Reject(RequestId, Digest, String),
    Withdraw(RequestId),
    Cancel(RequestId),
    BackNow(RequestId),
    Review(RequestId),
    View(RequestId),
}

impl Flow {
    pub(super) async fn plan_act(&self, ask: Ask, caller: &Caller) -> Plan {
        // In a channel shared with another company, what is asked for here is not for its people to read.
        if matches!(ask, Ask::List | Ask::One { .. } | Ask::Audit(_))
            && let Err(why) = self.may_look(caller)
        {
            return Plan::Denied { why, action: "action" };
        }
        let mut request = match ask {
            Ask::List => return Plan::Answer(self.action_list().await),
            Ask::One { number } => return Plan::Answer(self.action_history(number).await),
            Ask::Audit(words) => return Plan::Answer(self.audit_search(&words).await),
            Ask::Freeze { reason } => return Plan::Act(Deed::Freeze { reason }),
            Ask::Unfreeze => return Plan::Act(Deed::Unfreeze),
            Ask::Request(request) => request,
        };
        if !self.settings().actions.enabled {
            return Plan::Answer(blocks::switched_off());
        }
        let kind = request.action.kind();
        let target = match self.action_target(&request) {
            Ok(target) => target,
            Err(message) => return Plan::Answer(message),
        };
        if let Err(message) = self.drop_symbol(&mut request, &target) {
            return Plan::Answer(message);
        }
        let wants_reason = self.wants_reason(&request.action, &target) || request.break_glass;
        match request.action {
            Wish::Whole(action) if !request.reason.is_empty() || !wants_reason => {
                Plan::Act(Deed::Request(Box::new(Wanted {
                    action,
                    target,
                    reason: request.reason,
                    alert: None,
                    undoes: None,
                    break_glass: request.break_glass,
                    git: request.git,
                })))
            }
            wish => {
                let action = if let Wish::Whole(action) = wish { Some(action) } else { None };
                let subject = Subject { kind, target, alert: None, undoes: None, break_glass: request.break_glass };
                self.action_form(&subject, action.as_ref(), request.git, &request.reason, caller).await
            }
        }
    }

    fn wants_reason(&self, wish: &Wish, target: &Target) -> bool {
        let settings = self.settings();
        settings.actions.policy.rule_for(wish.kind(), target).is_ok_and(|rule| rule.reason)
    }

    /// The form that asks for what is missing. Whoever could not ask for it anyway is told so instead.
    async fn action_form(
        &self,
        subject: &Subject,
        action: Option<&Action>,
        git: Option<Git>,
        reason: &str,
        caller: &Caller,
    ) -> Plan {
        let settings = self.settings();
        if !settings.actions.enabled {
            return Plan::Answer(blocks::switched_off());
        }
        if let Err(why) = self.may_look(caller) {
            return Plan::Denied { why, action: "action" };
        }
        let rule = match settings.actions.policy.rule_for(subject.kind, &subject.target) {
            Ok(rule) => rule,
            Err(denied) => return Plan::Answer(blocks::denied(&denied)),
        };
        let inputs = settings.actions.workflow(&subject.target.name).map_or(&[][..], |workflow| &workflow.ask);
        let inputs = if subject.kind == Kind::Dispatch { inputs } else { &[] };
        let keeper = self.keeper(subject.kind, &subject.target).await;
        let (keeper, reason_wanted) = (keeper.as_ref(), rule.reason);
        Plan::Open(blocks::request_form(&Form { subject, action, reason, reason_wanted, inputs, keeper, git }))
    }

    pub(super) async fn plan_act_press(&self, press: &Press, caller: &Caller) -> Plan {
        if matches!(press, Press::Reject(..) | Press::Undo(_) | Press::Again(_))
            && let Err(why) = self.may_look(caller)
        {
            return Plan::Denied { why, action: "action" };
        }
        let decision = match press {
            Press::Approve(id, digest) => Decision::Approve(id.clone(), digest.clone()),
            Press::Withdraw(id) => Decision::Withdraw(id.clone()),
            Press::Cancel(id) => Decision::Cancel(id.clone()),
            Press::BackNow(id) => Decision::BackNow(id.clone()),
            Press::Review(id) => Decision::Review(id.clone()),
            Press::Details(id) => Decision::View(id.clone()),
            Press::Reject(id, digest) => {
                return match self.action(id).await {
                    Ok(stored) => Plan::Open(blocks::reject_form(id, stored.request.number, digest)),
                    Err(message) => Plan::Answer(message),
                };
            }
            Press::Undo(id) => return self.plan_undo(id, caller).await,
            Press::Again(id) => return self.plan_again(id, caller).await,
            Press::Offer(group, offer) => {
                let (kind, target) = (offer.kind, offer.target.clone());
                let subject = Subject { kind, target, alert: Some(group.clone()), undoes: None, break_glass: false };
                return self.action_form(&subject, None, None, &self.reason_of(group), caller).await;
            }
        };
        Plan::Act(Deed::Decide(decision))
    }

    /// What the form says why, when it is opened from an alert.
    fn reason_of(&self, group: &GroupId) -> String {
        self.with_engine(|engine, _, _| {
            let group = engine.group(group)?;
            let members = engine.members(group);
            let worst = members.iter().filter(|alert| alert.firing()).max_by_key(|alert| alert.severity);
            let what = crate::slack::blocks::words::what(worst.or(members.first())?);
            Some(format!("#{}: {what}", group.number))
        })
        .unwrap_or_default()
    }

    /// Does what was planned, with its answer; gives the answer back for the acknowledgement.
    pub(super) async fn carry_out_deed(
        &self,
        key: &str,
        deed: Deed,
        caller: &Caller,
        place: Place,
    ) -> Result<Option<Message>, StepError> {
        match deed {
            Deed::Request(wanted) => self.ask_for_action(key, &wanted, caller, place).await,
            Deed::Decide(decision) => self.decide_action(key, &decision, caller, place).await,
            Deed::Freeze { reason } => self.freeze(key, &reason, caller, place).await,
            Deed::Unfreeze => self.unfreeze(key, caller, place).await,
        }
    }

    /// The request as the store has it, or what to say instead.
    async fn action(&self, id: &RequestId) -> Result<crate::store::actions::Stored, Message> {
        match crate::store::actions::get(&self.store, id).await {
            Ok(Some(stored)) => Ok(stored),
            Ok(None) => Err(blocks::no_such_action(None)),
            Err(error) => {
                self.trouble(&error);
                Err(replies::unavailable())
            }
        }
    }

    fn waiting(&self, id: &RequestId) -> Option<Wait> {
        self.actions.waits.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}
