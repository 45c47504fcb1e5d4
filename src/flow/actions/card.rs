//! Cards: one living message a request, in the approval channel; a line in the thread of the alert it came from.

use std::sync::PoisonError;

use crate::core::action::policy::Who;
use crate::core::action::request::Request;
use crate::core::ids::RequestId;
use crate::core::severity::Severity;
use crate::slack::blocks::action::{CardView, alert_note, card};
use crate::store::actions::Stored;

use super::super::Flow;
use super::super::effect::{ANSWER, Effect, group_key, priority};

/// The key under which a request's card is known.
fn key(id: &RequestId) -> String {
    format!("action:{id}")
}

impl Flow {
    /// The card as it should look now. `live` are all requests that are not over.
    pub(super) fn action_card(&self, request: &Request, live: &[Stored]) -> Option<(Effect, i64)> {
        let settings = self.settings();
        let channel = settings.actions.channel.clone()?;
        let rivals: Vec<&Request> = rivals(request, live).collect();
        let wait = self.waiting(&request.id).filter(|_| !request.state.over());
        let called = self.called(request);
        let view = CardView {
            request,
            called: &called,
            needs: request.needs(&settings.actions.policy),
            rivals: &rivals,
            waits: wait.as_ref().map(|wait| wait.why.as_str()),
            people: &self.people(),
            now: self.now(),
        };
        let show = Effect::Show { key: key(&request.id), channel, fallback: None, message: card(&view) };
        Some((show, priority(Severity::Critical)))
    }

    /// Whom its rule calls, but who asked.
    fn called(&self, request: &Request) -> Vec<String> {
        let settings = self.settings();
        let Some(rule) = settings.actions.policy.rule_named(&request.plan.rule) else { return Vec::new() };
        let mut called: Vec<String> = Vec::new();
        for who in rule.called() {
            match who {
                Who::User { user, .. } => called.push(user.to_string()),
                Who::Group(group) => called.push(group.clone()),
                Who::OnCall => {
                    // Those of them who may decide, and whoever has the watch.
                    let (say, watch) = (self.vouched_on_call(), self.everybody_on_call());
                    called.extend(say.union(&watch).map(ToString::to_string));
                }
                Who::Everyone => {}
            }
        }
        let mut seen = std::collections::BTreeSet::from([request.asked.by.user.to_string()]);
        called.retain(|id| seen.insert(id.clone()));
        called
    }

    /// The card, and those of others on the same target, which name it.
    pub(super) fn action_cards(&self, request: &Request, live: &[Stored]) -> Vec<(Effect, i64)> {
        let now_live: Vec<Stored> = live
            .iter()
            .filter(|stored| stored.request.id != request.id)
            .cloned()
            .chain((!request.state.over()).then(|| Stored { request: request.clone(), version: 0 }))
            .collect();
        let own = self.action_card(request, &now_live);
        let others = rivals(request, live).filter_map(|other| self.action_card(other, &now_live));
        own.into_iter().chain(others).collect()
    }

    /// A line in the thread of the alert that a request was made from.
    pub(super) fn action_alert_note(&self, request: &Request) -> Option<(Effect, i64)> {
        let id = request.asked.alert.as_ref()?;
        let receiver = self.with_engine(|engine, _, _| engine.group(id).map(|group| group.receiver.clone()))?;
        let channel = self.settings().receivers.get(&receiver).map(|receiver| receiver.channel.clone())?;
        let note = Effect::Note { key: group_key(id), channel, message: alert_note(request, &self.people()) };
        Some((note, ANSWER))
    }

    /// Names for the card.
    pub(super) async fn know_people_of(&self, request: &Request) {
        self.know(&request.asked.by.user).await;
        for approval in request.state.approvals() {
            self.know(&approval.by.user).await;
        }
    }

    /// Says on the card why it does not go on; once for each reason.
    pub(super) fn set_waiting(&self, id: &RequestId, wait: Option<super::Wait>) -> bool {
        let mut waits = self.actions.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match wait {
            Some(wait) => {
                let why = wait.why.clone();
                return waits.insert(id.clone(), wait).is_none_or(|before| before.why != why);
            }
            None => waits.remove(id),
        };
        before.is_some()
    }
}

/// Others that are open on the same target.
fn rivals<'a>(request: &'a Request, live: &'a [Stored]) -> impl Iterator<Item = &'a Request> {
    let same = move |other: &&Request| other.id != request.id && other.plan.target == request.plan.target;
    live.iter().map(|stored| &stored.request).filter(|other| !other.state.over()).filter(same)
}

/// How many there are.
pub(super) fn rival_count(request: &Request, live: &[Stored]) -> usize {
    rivals(request, live).count()
}
