//! What people and services are sent: a page when they are called, and an edit of it when the group is attended to or no longer.

use serde_json::json;

use crate::core::escalation::{self, Run, Service, Stage, Stop};
use crate::core::group::Group;
use crate::core::ids::{Actor, UserId};
use crate::core::time::Timestamp;
use crate::paging::Action;
use crate::slack::blocks::page::{self, PageView, Why};

use super::super::Flow;
use super::super::effect::{CALL, Effect, group_key, priority};
use super::super::page::{self as pages, Page};
use super::super::render::Scene;
use super::{Escalated, record};

/// Why a page is sent, or edited, and when its step was due.
pub(super) struct Sent<'a> {
    pub why: Why<'a>,
    pub due_at: Timestamp,
}

impl Flow {
    pub(super) fn person_page(
        &self,
        scene: &Scene,
        group: &Group,
        user: &UserId,
        at: Timestamp,
        sent: &Sent,
    ) -> Effect {
        let people = self.people();
        let receiver = scene.receiver(group);
        let members = scene.members(group);
        let message = page::page(&PageView {
            group,
            members: &members,
            channel: receiver.as_ref().map(|receiver| &receiver.channel),
            why: sent.why,
            people: &people,
            now: scene.now,
        });
        let key = format!("page:{}:{user}:{}", group.id, at.as_millis());
        let over = matches!(sent.why, Why::Over { .. });
        let (group, user, channel) = (group.id.clone(), user.clone(), receiver.map(|receiver| receiver.channel));
        Effect::Page(Page::Person { key, group, user, channel, message, sent_at: at, due_at: sent.due_at, over })
    }

    pub(super) fn service_page(
        scene: &Scene,
        group: &Group,
        service: &Service,
        action: Action,
    ) -> Option<(Effect, i64)> {
        let channel = scene.receiver(group)?.channel;
        let members = scene.members(group);
        let event = pages::event(group, &members, action, scene.now);
        let page = Page::Service { service: service.clone(), event, key: group_key(&group.id), channel };
        Some((Effect::Page(page), CALL))
    }

    /// The group is attended to, or no longer: whoever was told sees it.
    pub(super) fn retell(&self, scene: &Scene, group: &Group, known: &Run, run: &mut Run, escalated: &mut Escalated) {
        let why = match &run.stage {
            Stage::Running { .. } | Stage::Exhausted { .. } => Why::Unattended,
            Stage::Stopped { why, at, .. } => Why::Over { why, at: *at },
        };
        for page in &known.pages {
            match page {
                escalation::Page::Person { user, at } => {
                    let effect = self.person_page(scene, group, user, *at, &Sent { why, due_at: *at });
                    escalated.effects.push((effect, CALL));
                }
                escalation::Page::Service(service) => {
                    let action = match &run.stage {
                        Stage::Stopped { why: Stop::Acknowledged { .. }, .. } => Action::Acknowledge,
                        // PagerDuty rings nobody for what is acknowledged. So whatever may fire again, or was let go, is closed:
                        // the next step that names the service opens it anew.
                        Stage::Stopped { .. } | Stage::Running { .. } | Stage::Exhausted { .. } => Action::Resolve,
                    };
                    escalated.effects.extend(Self::service_page(scene, group, service, action));
                    if action == Action::Resolve {
                        run.pages.remove(page);
                    }
                }
            }
        }
        if matches!(run.stage, Stage::Stopped { why: Stop::Resolved, .. }) {
            run.pages.clear();
        }
    }

    pub(super) fn say_exhausted(scene: &Scene, group: &Group, run: &Run, escalated: &mut Escalated) {
        let Some(receiver) = scene.receiver(group) else { return };
        let message = page::exhausted(&run.policy);
        let thread = Page::Thread { key: group_key(&group.id), channel: receiver.channel, message, due_at: scene.now };
        escalated.effects.push((Effect::Page(thread), priority(group.severity)));
        let detail = json!({ "policy": run.policy }).to_string();
        escalated.records.push(record(scene.now, Actor::System, "escalation.exhausted", group, detail));
    }
}
