//! Escalation: every decision keeps each group's escalation in step with the group, and takes the steps that are due. What
//! follows is committed with the decision.

mod missed;
mod reach;
mod tell;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use serde_json::json;

use crate::core::audit::Record;
use crate::core::engine;
use crate::core::escalation::{self, Escalation, Plan, Run, Stage, Standing, Stop, Target, Turn};
use crate::core::group::{Group, GroupState};
use crate::core::ids::{Actor, GroupId, UserId};
use crate::core::silence::Silence;
use crate::core::time::Timestamp;
use crate::paging::Action;
use crate::slack::blocks::page::{self, EscalationView, StepView, Told, Why};
use crate::store::{StoreError, Tx, escalations};

use super::Flow;
use super::act::{Caller, Plan as Answered};
use super::effect::{CALL, Effect, group_key, priority};
use super::page::Page;
use super::render::Scene;

pub use missed::Missed;
pub(super) use reach::people_told;
use tell::Sent;

/// Right after a start, a step waits this long for who is on call to be known before it takes a schedule for empty.
const KNOWN_WITHIN: Duration = Duration::from_mins(2);

/// Where the groups' escalations stand, as committed, and who can be reached.
#[derive(Debug, Default)]
pub(super) struct Escalations {
    runs: RwLock<Arc<BTreeMap<GroupId, Run>>>,
    /// When somebody was looked up in Slack, and whether they had left.
    looked_up: Mutex<BTreeMap<UserId, (Timestamp, bool)>>,
    /// Whether every page that could not be delivered was heard of; not so at a start.
    heard: AtomicBool,
}

/// Somebody asks for the next step now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub group: GroupId,
    pub by: Actor,
}

/// What one decision changes about escalations.
#[derive(Debug, Default)]
pub(super) struct Escalated {
    pub runs: BTreeMap<GroupId, Run>,
    pub forgotten: BTreeSet<GroupId>,
    pub effects: Vec<(Effect, i64)>,
    pub records: Vec<Record>,
}

impl Escalated {
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.forgotten.is_empty()
    }
}

pub(super) async fn save(tx: &mut Tx, escalated: &Escalated) -> Result<(), StoreError> {
    for run in escalated.runs.values() {
        escalations::save(tx, run).await?;
    }
    for group in &escalated.forgotten {
        escalations::forget(tx, group).await?;
    }
    Ok(())
}

/// What is new about one group's escalation.
struct News<'a> {
    asked: Option<&'a Asked>,
    missed: Vec<&'a Missed>,
}

/// One step being taken.
struct Taking<'a> {
    scene: &'a Scene<'a>,
    group: &'a Group,
    plan: Plan<'a>,
    turn: &'a Turn,
    asked_by: Option<&'a Actor>,
}

impl Flow {
    pub(super) fn runs(&self) -> Arc<BTreeMap<GroupId, Run>> {
        Arc::clone(&self.escalations.runs.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// As the store has them.
    pub(super) fn replace_runs(&self, runs: Vec<Run>) {
        let runs = runs.into_iter().map(|run| (run.group.clone(), run)).collect();
        *self.escalations.runs.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(runs);
    }

    pub(super) fn keep_runs(&self, escalated: Escalated) {
        if escalated.is_empty() {
            return;
        }
        let mut runs = self.escalations.runs.write().unwrap_or_else(PoisonError::into_inner);
        let runs = Arc::make_mut(&mut runs);
        runs.extend(escalated.runs);
        runs.retain(|group, _| !escalated.forgotten.contains(group));
    }

    /// When the next step is due; only the holder of the lease takes one.
    pub(super) fn next_step(&self) -> Option<Timestamp> {
        self.lease()?;
        self.runs().values().filter(|run| !self.waits_for_watch(run)).filter_map(Run::due_at).min()
    }

    /// Whether a step is due that calls a schedule of which is not known yet who has its watch: calling the next instead would
    /// wake the wrong people.
    fn waits_for_watch(&self, run: &Run) -> bool {
        let now = self.now();
        let Some(due_at) = run.due_at().filter(|at| *at <= now) else { return false };
        if now.since(due_at.max(self.started_at)) >= KNOWN_WITHIN {
            return false;
        }
        let settings = self.settings();
        let Some(policy) = settings.escalation.policy(&run.policy) else { return false };
        let targets = policy.steps.get(run.next().within(policy).step).map(|step| step.targets.as_slice());
        targets.unwrap_or_default().iter().any(|target| match target {
            Target::Schedule(schedule) => !self.knows_watch(schedule),
            Target::User(_) | Target::Channel(_) | Target::UserGroup(_) | Target::Pagerduty(_) | Target::Webhook(_) => {
                false
            }
        })
    }

    /// What becomes of every escalation under the decision in `scene`.
    pub(super) fn escalate(&self, scene: &Scene, asked: Option<&Asked>, missed: &[Missed]) -> Escalated {
        let (settings, known) = (self.settings(), self.runs());
        let mut escalated = Escalated::default();
        if settings.escalation.rules.is_empty() && known.is_empty() {
            return escalated;
        }
        let silences = scene.silences();
        let open = scene.engine.open_groups().map(|group| &group.id);
        let ids: BTreeSet<&GroupId> = open.chain(scene.changes.groups.keys()).chain(known.keys()).collect();
        for id in ids {
            let group = scene.group(id).filter(|_| !scene.changes.removed_groups.contains(id));
            let Some(group) = group else {
                if known.contains_key(id) {
                    escalated.forgotten.insert(id.clone());
                }
                continue;
            };
            let news = News {
                asked: asked.filter(|asked| asked.group == *id),
                missed: missed.iter().filter(|missed| missed.group == *id).collect(),
            };
            self.escalate_group(scene, group, &silences, known.get(id), &news, &mut escalated);
        }
        escalated
    }

    fn escalate_group(
        &self,
        scene: &Scene,
        group: &Group,
        silences: &[&Silence],
        known: Option<&Run>,
        News { asked, missed }: &News,
        escalated: &mut Escalated,
    ) {
        let (settings, now) = (self.settings(), scene.now);
        let plan = settings.escalation.plan(group);
        let Some(standing) = standing(scene, group, silences) else { return };
        let mut run = match (known, plan) {
            (Some(known), plan) => known.clone().follow(group, &standing, plan, now),
            (None, Some(plan)) if standing == Standing::Unattended => Run::begin(group, plan, now),
            (None, Some(plan)) if asked.is_some() => {
                Run::begin(group, plan, now).follow(group, &standing, Some(plan), now)
            }
            (None, _) => return,
        };
        // Before any step: what is closed outside must not be what the step opens.
        if let Some(known) = known.filter(|known| reads(known) != reads(&run)) {
            self.retell(scene, group, known, &mut run, escalated);
        }
        if let Some(plan) = plan {
            for Missed { user, at, .. } in missed {
                run = run.missed(user, *at, plan.policy, now);
            }
            let asked = asked.filter(|_| standing != Standing::Resolved);
            if let Some(Asked { by, .. }) = asked {
                let (next, turn) = run.hurry(plan, now);
                let taking = Taking { scene, group, plan, turn: &turn, asked_by: Some(by) };
                run = self.take_step(&taking, next, escalated);
            }
            // At most once round: a step that reached nobody is followed at once.
            for _ in 0..plan.policy.steps.len() {
                if self.waits_for_watch(&run) {
                    break;
                }
                let (next, turn) = run.take(plan, now);
                run = next;
                let Some(turn) = turn else { break };
                let taking = Taking { scene, group, plan, turn: &turn, asked_by: None };
                run = self.take_step(&taking, run, escalated);
            }
        }
        if known == Some(&run) {
            return;
        }
        if matches!(run.stage, Stage::Exhausted { .. }) && known.is_none_or(|known| known.stage != run.stage) {
            Self::say_exhausted(scene, group, &run, escalated);
        }
        escalated.runs.insert(group.id.clone(), run);
    }

    /// Tells everybody of one step. What reached nobody says so, and the next step is due at once.
    fn take_step(&self, taking: &Taking, mut run: Run, escalated: &mut Escalated) -> Run {
        let Taking { scene, group, plan, turn, asked_by } = taking;
        let now = scene.now;
        let targets = plan.policy.steps.get(turn.position.step).map(|step| step.targets.as_slice()).unwrap_or_default();
        let on_it = group.acknowledged.as_ref().map(|ack| &ack.by).into_iter().chain(*asked_by);
        let on_it: Vec<&UserId> = on_it.filter_map(person).collect();
        let told = self.whom(targets, &on_it);
        for one in &told {
            if let Told::Service(service) = one {
                let open = !run.pages.insert(escalation::Page::Service(service.clone()));
                // Somebody who is on it asks for more: what is acknowledged outside rings only when it is opened anew.
                if open && matches!(run.stage, Stage::Stopped { .. }) {
                    escalated.effects.extend(Self::service_page(scene, group, service, Action::Resolve));
                }
                escalated.effects.extend(Self::service_page(scene, group, service, Action::Trigger));
            }
            if let Told::Person { user } = one {
                let page = escalation::Page::Person { user: user.clone(), at: now };
                let why = asked_by.map_or(Why::Unattended, |by| Why::Asked { by });
                let sent = Sent { why, due_at: turn.due_at };
                let effect = self.person_page(scene, group, user, now, &sent);
                escalated.effects.push((effect, CALL));
                run.pages.insert(page);
            }
        }
        let reached = told.iter().any(Told::reached);
        let run = if reached { run } else { run.unreached(now) };
        let people = self.people();
        let line = page::step(&StepView {
            position: turn.position,
            steps: plan.policy.steps.len(),
            told: &told,
            asked_by: *asked_by,
            next: run.due_at(),
            people: &people,
            now,
        });
        if let Some(receiver) = scene.receiver(group) {
            let thread = Page::Thread {
                key: group_key(&group.id),
                channel: receiver.channel,
                message: line,
                due_at: turn.due_at,
            };
            escalated.effects.push((Effect::Page(thread), priority(group.severity)));
        }
        let detail = json!({
            "late_s": now.since(turn.due_at).as_secs(),
            "policy": plan.policy.name,
            "round": turn.position.round + 1,
            "step": turn.position.step + 1,
            "targets": targets,
            "told": people_told(&told),
        });
        let actor = asked_by.cloned().unwrap_or(Actor::System);
        escalated.records.push(record(now, actor, "alert.escalated", group, detail.to_string()));
        run
    }

    /// The command and the button do the same.
    pub(super) fn plan_escalate(&self, id: &GroupId, caller: &Caller, silent: bool) -> Answered {
        let settings = self.settings();
        let group = self.with_engine(|engine, _, _| engine.group(id).filter(|group| group.open()).cloned());
        let Some(group) = group else { return Answered::Answer(self.gone(id)) };
        let Some(plan) = settings.escalation.plan(&group) else {
            return Answered::Answer(page::not_ruled(group.number));
        };
        if let GroupState::Waiting { .. } = group.state {
            return Answered::Answer(page::not_posted(group.number));
        }
        let next = self.runs().get(id).map_or(0, |run| run.next().step);
        let said = page::hurried(group.number, next + 1, plan.policy.steps.len());
        Answered::Escalate { asked: Asked { group: id.clone(), by: caller.actor() }, said, silent }
    }

    /// What `/wk why` and the living message say of a run.
    pub(super) fn escalation_view<'a>(rules: &'a Escalation, run: &'a Run, group: &Group) -> EscalationView<'a> {
        let plan = rules.plan(group);
        EscalationView {
            run,
            steps: plan.map_or(0, |plan| plan.policy.steps.len()),
            repeat: plan.map_or(0, |plan| plan.policy.repeat),
            hours: plan.and_then(|plan| plan.hours),
        }
    }
}

fn person(actor: &Actor) -> Option<&UserId> {
    match actor {
        Actor::Person { user, .. } => Some(user),
        Actor::System => None,
    }
}

/// What decides how a page reads.
fn reads(run: &Run) -> Option<&Stop> {
    match &run.stage {
        Stage::Running { .. } | Stage::Exhausted { .. } => None,
        Stage::Stopped { why, .. } => Some(why),
    }
}

/// How the engine sees the group after the decision; `None` while nothing is posted.
fn standing(scene: &Scene, group: &Group, silences: &[&Silence]) -> Option<Standing> {
    match group.state {
        GroupState::Waiting { .. } => return None,
        GroupState::Closed { .. } => return Some(Standing::Resolved),
        GroupState::Notified { .. } => {}
    }
    if let Some(ack) = &group.acknowledged {
        return Some(Standing::Acknowledged { by: ack.by.clone() });
    }
    let members = scene.members(group);
    let mut firing = members.iter().filter(|alert| alert.firing()).peekable();
    if firing.peek().is_none() {
        return Some(Standing::Resolved);
    }
    let suppressed = firing.all(|alert| {
        silences.iter().any(|silence| silence.silences(*alert, scene.now))
            || scene.engine.suppression(alert).inhibited_by.is_some()
    });
    if suppressed {
        return Some(Standing::Suppressed);
    }
    let muted = scene.engine.muted(group, scene.now).is_some();
    Some(if muted { Standing::Muted } else { Standing::Unattended })
}

fn record(at: Timestamp, actor: Actor, action: &str, group: &Group, detail: String) -> Record {
    Record { at, actor, action: action.to_owned(), subject: format!("alert/{}", group.number), detail }
}

impl Scene<'_> {
    /// Living messages that say where their escalation stands, when nothing else shows them anew. One that shares a digest
    /// has none.
    pub fn escalated_looks(&self, decided: &[engine::Effect]) -> Vec<(Effect, i64)> {
        let shown = |id: &GroupId| {
            decided.iter().any(|effect| matches!(effect, engine::Effect::Show { group, .. } if group == id))
        };
        let alone = self.runs.keys().filter(|id| !shown(id) && !self.flow.digested(id));
        let open = alone.filter_map(|id| self.group(id)).filter(|group| group.open());
        open.filter_map(|group| self.look(group, false)).collect()
    }
}
