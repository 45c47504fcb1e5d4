//! Escalation: every decision keeps each group's escalation in step with the group, and takes the steps that are due. What
//! follows is committed with the decision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::core::audit::Record;
use crate::core::engine;
use crate::core::escalation::{self, Escalation, Plan, Run, Service, Stage, Standing, Stop, Target, Turn};
use crate::core::group::{Group, GroupState};
use crate::core::ids::{Actor, GroupId, UserId};
use crate::core::silence::Silence;
use crate::core::time::Timestamp;
use crate::paging::Action;
use crate::slack::api;
use crate::slack::blocks::page::{self, EscalationView, PageView, StepView, Told, Why};
use crate::store::{StoreError, Tx, escalations, facts};

use super::Flow;
use super::act::Caller;
use super::effect::{CALL, Effect, group_key, priority};
use super::page::Page;
use super::render::Scene;
use super::step::{Extra, StepError};

/// People rarely leave; whoever is about to be paged is looked up again after this.
const LOOK_AGAIN: Duration = Duration::from_mins(10);

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

/// A direct message of an escalation step that cannot be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    pub group: GroupId,
    pub user: UserId,
    /// When it was decided.
    pub at: Timestamp,
    /// Whoever it is for is not in Slack any more.
    pub gone: bool,
}

/// Facts: pages that could not be delivered, until the holder of the lease has heard of them.
const MISSED: &str = "escalation.missed:";

impl Missed {
    /// The fact that keeps it.
    pub(super) fn fact(&self) -> (String, String) {
        let Self { group, user, at, .. } = self;
        let key = format!("{MISSED}{group}:{user}:{}", at.as_millis());
        (key, serde_json::to_string(self).unwrap_or_default())
    }
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

/// Why a page is sent, or edited, and when its step was due.
struct Sent<'a> {
    why: Why<'a>,
    due_at: Timestamp,
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

    /// Takes the next step where a direct message could not be delivered and nobody else was told.
    pub(super) async fn hear_missed(&self) {
        if self.lease().is_none() || self.escalations.heard.swap(true, Ordering::Relaxed) {
            return;
        }
        let heard = async {
            let stored = facts::list(&self.store, MISSED).await.map_err(StepError::Store)?;
            let forgotten = stored.iter().map(|(key, _)| key.clone()).collect();
            let missed: Vec<Missed> = stored.iter().filter_map(|(_, text)| serde_json::from_str(text).ok()).collect();
            if stored.is_empty() {
                return Ok(());
            }
            let now = self.now();
            {
                let mut looked_up = self.escalations.looked_up.lock().unwrap_or_else(PoisonError::into_inner);
                looked_up.extend(missed.iter().filter(|one| one.gone).map(|one| (one.user.clone(), (now, true))));
            }
            self.step(Vec::new(), |_| Extra { missed, forgotten, ..Extra::default() }).await.map(drop)
        };
        if let Err(error) = heard.await {
            tracing::warn!(error = %error, "pages that could not be delivered are heard of at the next look");
            self.listen_for_missed();
        }
    }

    /// Another replica may have given one up.
    pub fn listen_for_missed(&self) {
        self.escalations.heard.store(false, Ordering::Relaxed);
    }

    /// Whoever a step that is due may tell is looked up first: a person who has left is not waited for.
    pub(super) async fn look_up_targets(&self, also: Option<&GroupId>) {
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
    pub(super) async fn look_up_people(&self, people: BTreeSet<UserId>) {
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

    pub(super) fn has_left(&self, user: &UserId) -> bool {
        let looked_up = self.escalations.looked_up.lock().unwrap_or_else(PoisonError::into_inner);
        looked_up.get(user).is_some_and(|(_, left)| *left)
    }

    /// Whom a target may call.
    pub(super) fn people_of(&self, target: &Target) -> Vec<UserId> {
        match target {
            Target::User(user) => vec![user.clone()],
            Target::Schedule(schedule) => self.answerable(schedule),
            Target::Channel(_) | Target::UserGroup(_) | Target::Pagerduty(_) | Target::Webhook(_) => Vec::new(),
        }
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

    /// Everybody whom the targets of a step reach, each once, and why some are not. Those in `on_it` need not be told.
    pub(super) fn whom(&self, targets: &[Target], on_it: &[&UserId]) -> Vec<Told> {
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

    fn person_page(&self, scene: &Scene, group: &Group, user: &UserId, at: Timestamp, sent: &Sent) -> Effect {
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

    fn service_page(scene: &Scene, group: &Group, service: &Service, action: Action) -> Option<(Effect, i64)> {
        let channel = scene.receiver(group)?.channel;
        let members = scene.members(group);
        let event = super::page::event(group, &members, action, scene.now);
        let page = Page::Service { service: service.clone(), event, key: group_key(&group.id), channel };
        Some((Effect::Page(page), CALL))
    }

    /// The group is attended to, or no longer: whoever was told sees it.
    fn retell(&self, scene: &Scene, group: &Group, known: &Run, run: &mut Run, escalated: &mut Escalated) {
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

    fn say_exhausted(scene: &Scene, group: &Group, run: &Run, escalated: &mut Escalated) {
        let Some(receiver) = scene.receiver(group) else { return };
        let message = page::exhausted(&run.policy);
        let thread = Page::Thread { key: group_key(&group.id), channel: receiver.channel, message, due_at: scene.now };
        escalated.effects.push((Effect::Page(thread), priority(group.severity)));
        let detail = json!({ "policy": run.policy }).to_string();
        escalated.records.push(record(scene.now, Actor::System, "escalation.exhausted", group, detail));
    }

    /// The command and the button do the same.
    pub(super) fn plan_escalate(&self, id: &GroupId, caller: &Caller, silent: bool) -> super::act::Plan {
        use super::act::Plan;
        let settings = self.settings();
        let group = self.with_engine(|engine, _, _| engine.group(id).filter(|group| group.open()).cloned());
        let Some(group) = group else { return Plan::Answer(self.gone(id)) };
        let Some(plan) = settings.escalation.plan(&group) else { return Plan::Answer(page::not_ruled(group.number)) };
        if let GroupState::Waiting { .. } = group.state {
            return Plan::Answer(page::not_posted(group.number));
        }
        let next = self.runs().get(id).map_or(0, |run| run.next().step);
        let said = page::hurried(group.number, next + 1, plan.policy.steps.len());
        Plan::Escalate { asked: Asked { group: id.clone(), by: caller.actor() }, said, silent }
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

/// Whoever gets a direct message.
pub(super) fn people_told(told: &[Told]) -> Vec<UserId> {
    let person = |told: &'_ Told| match told {
        Told::Person { user } => Some(user.clone()),
        Told::Mention(_) | Told::OnIt { .. } | Told::Left { .. } | Told::NobodyOnCall { .. } | Told::Service(_) => None,
    };
    told.iter().filter_map(person).collect()
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
