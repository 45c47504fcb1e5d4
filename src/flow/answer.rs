//! What a command comes to: looked up for a question, made into inputs for a change.

use std::sync::PoisonError;

use crate::core::access::Denied;
use crate::core::alert::Alert;
use crate::core::command::{self, Command, SilenceTarget, WhyTarget};
use crate::core::engine::{Engine, Input, Outcome, Refusal, Target};
use crate::core::feed::Feed;
use crate::core::group::{Group, GroupState};
use crate::core::ids::GroupId;
use crate::core::label::Matcher;
use crate::core::silence::Silence;
use crate::core::time::{Span, Timestamp};
use crate::slack::blocks::actions::Press;
use crate::slack::blocks::modals::{self, Covered, SilenceRequest};
use crate::slack::blocks::people::People;
use crate::slack::blocks::why::Posted;
use crate::slack::blocks::words::subject;
use crate::slack::blocks::{help, lists, replies, why};
use crate::slack::message::{Message, View};
use crate::store::messages;

use super::Flow;
use super::act::{Caller, Plan, Report};
use super::effect::group_key;

/// What the silence form starts with.
const AN_HOUR: Span = Span::from_secs(3600);

impl Flow {
    pub(super) async fn plan(&self, text: &str, caller: &Caller) -> Plan {
        match command::parse(text) {
            Ok(command) => self.plan_command(command, caller).await,
            Err(unreadable) => Plan::Answer(replies::unreadable(&unreadable)),
        }
    }

    async fn plan_command(&self, command: Command, caller: &Caller) -> Plan {
        let verb = command.verb();
        if !command.reads_only()
            && !command.ruled_by_policy()
            && let Err(why) = self.may_respond(caller)
        {
            return Plan::Denied { why, action: verb.topic().name };
        }
        self.follow().await;
        if matches!(command, Command::OnCall(_) | Command::Handoff(_) | Command::Escalate { .. }) {
            self.recall_watch().await;
        }
        self.consult_for(&command).await;
        match command {
            Command::OnCall(ask) => self.plan_on_call(ask, caller).await,
            Command::Act(ask) => self.plan_act(ask, caller).await,
            Command::Handoff(ask) => self.plan_handoff(ask, caller).await,
            Command::Incident(ask) => Box::pin(self.plan_incident(ask, caller)).await,
            Command::Help { topic } => Plan::Answer(help::help(topic)),
            Command::Status => Plan::Answer(self.status().await),
            Command::Feed { feed } => Plan::Answer(self.doubted(self.feed_card(&feed))),
            Command::Feeds { filter, page } => Plan::Answer(self.doubted(self.feed_list(filter.as_deref(), page))),
            Command::Balance(ask) => Plan::Answer(self.balance(&ask).await),
            Command::Alerts { which } => Plan::Answer(self.alert_list(&which)),
            Command::Silences => Plan::Answer(self.with_engine(|engine, people, now| {
                let mut silences = engine.silences(now);
                silences.sort_by_key(|silence| silence.ends_at);
                lists::silences(&lists::SilencesView { silences: &silences, people, now })
            })),
            Command::Workload(ask) => self.plan_workload(ask, caller).await,
            Command::GitOps(ask) => Plan::Answer(self.answer_gitops(&ask)),
            Command::Why { target } => Plan::Answer(self.why(&target).await),
            Command::Ack { number, comment } => self.for_group(number, |group| {
                let comment = comment.unwrap_or_default();
                change(Input::Acknowledge { group, by: caller.actor(), comment }, self.report(None))
            }),
            Command::Unack { number } => self.for_group(number, |group| {
                change(Input::Unacknowledge { group, by: caller.actor() }, self.report(None))
            }),
            Command::Graph(ask) => self.plan_graph(&ask),
            Command::Escalate { number } => self.for_group(number, |group| self.plan_escalate(&group, caller, false)),
            Command::Silence { target, length, comment } => {
                let comment = comment.unwrap_or_default();
                match self.matchers_of(target) {
                    Ok(matchers) => self.plan_silence_shown(None, matchers, length, comment, caller).await,
                    Err(message) => Plan::Answer(message),
                }
            }
            Command::Unsilence { number } => {
                let silence = self.with_engine(|engine, _, _| engine.silence_by_number(number).map(|s| s.id.clone()));
                match silence {
                    Some(silence) => change(Input::Unsilence { silence, by: caller.actor() }, self.report(None)),
                    None => Plan::Answer(replies::no_such_silence(number)),
                }
            }
        }
    }

    /// A press does what the same command would; the living message shows that it worked, so only a refusal is said.
    pub(super) async fn plan_press(&self, press: &Press, caller: &Caller) -> Plan {
        let changes = matches!(
            press,
            Press::Acknowledge(_)
                | Press::Unacknowledge(_)
                | Press::Silence(..)
                | Press::SilenceForm(_)
                | Press::Unsilence(_)
                | Press::Escalate(_)
                | Press::OnCall(_)
                | Press::Incident(_)
        );
        if let (true, Err(why)) = (changes, self.may_respond(caller)) {
            return Plan::Denied { why, action: "button" };
        }
        self.follow().await;
        if matches!(press, Press::OnCall(_) | Press::Handoff(_) | Press::Escalate(_)) {
            self.recall_watch().await;
        }
        self.consult_for_press(press).await;
        let by = caller.actor();
        match press {
            Press::Acknowledge(group) => {
                let input = Input::Acknowledge { group: group.clone(), by, comment: String::new() };
                quietly(input, self.report(None))
            }
            Press::Unacknowledge(group) => {
                quietly(Input::Unacknowledge { group: group.clone(), by }, self.report(None))
            }
            Press::Silence(group, length) => match self.group_matchers(group) {
                Some(matchers) => self.plan_silence_shown(Some(group), matchers, *length, String::new(), caller).await,
                None => Plan::Answer(self.gone(group)),
            },
            Press::SilenceForm(group) => match self.group_matchers(group) {
                Some(matchers) => {
                    let outside = self.matched_outside(&matchers).await;
                    Plan::Open(self.silence_view(Some(group), &matchers, AN_HOUR, "", &outside))
                }
                None => Plan::Answer(self.gone(group)),
            },
            Press::Unsilence(group) => self.end_silences(group, caller),
            Press::Escalate(group) => self.plan_escalate(group, caller, true),
            Press::Why(group) => {
                let explained = self.explain(&Target::Group(group.clone())).await;
                Plan::Answer(explained.unwrap_or_else(|| self.gone(group)))
            }
            Press::Details(group) => Plan::Answer(self.group_details(group).unwrap_or_else(|| self.gone(group))),
            Press::Run(text) => Box::pin(self.plan(text, caller)).await,
            Press::OnCall(press) => self.plan_on_call_press(press, caller).await,
            Press::Act(press) => self.plan_act_press(press, caller).await,
            Press::Handoff(press) => self.plan_handoff_press(press, caller).await,
            Press::Incident(press) => Box::pin(self.plan_incident_press(press, caller)).await,
            Press::Link => Plan::Nothing,
        }
    }

    /// What reaches further than this bot is shown before it is done.
    async fn plan_silence_shown(
        &self,
        group: Option<&GroupId>,
        matchers: Vec<Matcher>,
        length: Span,
        comment: String,
        caller: &Caller,
    ) -> Plan {
        let outside = self.matched_outside(&matchers).await;
        if outside.is_empty() {
            return self.plan_silence(matchers, length, comment, caller);
        }
        Plan::Open(self.silence_view(group, &matchers, length, &comment, &outside))
    }

    fn silence_view(
        &self,
        group: Option<&GroupId>,
        matchers: &[Matcher],
        length: Span,
        comment: &str,
        outside: &[(String, Option<Covered>)],
    ) -> View {
        let (firing, first) = self.with_engine(|engine, _, _| firing_under(engine, matchers));
        let first = first.as_slice();
        modals::silence_form(&modals::SilenceForm { group, matchers, firing, first, length, comment, outside })
    }

    /// The form anew, when its matchers were changed and reach further than this bot: what they cover was not seen yet.
    pub(super) async fn silence_unseen(&self, metadata: &str, form: &SilenceRequest) -> Option<View> {
        let (shown, group) = modals::shown(metadata, &form.matchers);
        if shown {
            return None;
        }
        let outside = self.matched_outside(&form.matchers).await;
        let view = || self.silence_view(group.as_ref(), &form.matchers, form.length, &form.comment, &outside);
        (!outside.is_empty()).then(view)
    }

    pub(super) fn plan_silence_form(&self, form: SilenceRequest, caller: &Caller) -> Plan {
        if let Err(why) = self.may_respond(caller) {
            return Plan::Denied { why, action: "silence" };
        }
        self.plan_silence(form.matchers, form.length, form.comment, caller)
    }

    fn plan_silence(&self, matchers: Vec<Matcher>, length: Span, comment: String, caller: &Caller) -> Plan {
        let ends_at = self.now().plus(length.duration());
        let input = Input::Silence { matchers, starts_at: None, ends_at, by: caller.actor(), comment };
        change(input, self.report(Some(ends_at)))
    }

    fn end_silences(&self, group: &GroupId, caller: &Caller) -> Plan {
        let inputs: Vec<Input> = self.with_engine(|engine, _, now| {
            let members = engine.group(group).map(|group| engine.members(group)).unwrap_or_default();
            let holds = |silence: &&Silence| members.iter().any(|alert| silence.silences(*alert, now));
            let silences = engine.silences(now).into_iter().filter(holds);
            silences.map(|s| Input::Unsilence { silence: s.id.clone(), by: caller.actor() }).collect()
        });
        if inputs.is_empty() {
            return Plan::Answer(self.gone(group));
        }
        Plan::Change { inputs, report: self.report(None), silent: true }
    }

    pub(super) fn may_respond(&self, caller: &Caller) -> Result<(), Denied> {
        self.settings().access.respond(&caller.user, caller.team.as_ref(), self.home().team.as_ref())
    }

    /// The first outcome in words: a change is one input, or several of a kind.
    fn report(&self, until: Option<Timestamp>) -> Report {
        let (people, now) = (self.people(), self.now());
        Box::new(move |outcomes: &[Result<Outcome, Refusal>]| {
            let refused = outcomes.iter().find_map(|outcome| outcome.as_ref().err());
            match (refused, outcomes.first()) {
                (Some(refusal), _) => replies::refused(refusal, &people, now),
                (None, Some(Ok(outcome))) => replies::done(outcome, until, now),
                (None, _) => replies::done(&Outcome::Taken, until, now),
            }
        })
    }

    fn for_group(&self, number: u64, plan: impl FnOnce(GroupId) -> Plan) -> Plan {
        match self.with_engine(|engine, _, _| engine.group_by_number(number).map(|group| group.id.clone())) {
            Some(group) => plan(group),
            None => Plan::Answer(replies::no_such_alert(number)),
        }
    }

    fn matchers_of(&self, target: SilenceTarget) -> Result<Vec<Matcher>, Message> {
        match target {
            SilenceTarget::Matchers(matchers) => Ok(matchers),
            SilenceTarget::Group(number) => {
                let group =
                    self.with_engine(|engine, _, _| engine.group_by_number(number).map(|group| group.id.clone()));
                group.and_then(|group| self.group_matchers(&group)).ok_or_else(|| replies::no_such_alert(number))
            }
            SilenceTarget::Feed(text) => {
                let feed = self.one_feed(&text)?;
                Ok(vec![Matcher::equal("symbol", feed.symbol)])
            }
        }
    }

    /// What silences a group: the labels its members share by grouping.
    fn group_matchers(&self, group: &GroupId) -> Option<Vec<Matcher>> {
        self.with_engine(|engine, _, _| {
            let group = engine.group(group).filter(|group| group.open())?;
            Some(group.labels.iter().map(|(name, value)| Matcher::equal(name, value)).collect())
        })
    }

    pub(super) fn gone(&self, group: &GroupId) -> Message {
        let closed = self
            .with_engine(|engine, _, _| engine.group(group).and_then(|group| Some((group.number, group.closed_at()?))));
        let refusal = match closed {
            Some((number, at)) => Refusal::Closed { number, at },
            None => Refusal::NoSuchGroup(group.clone()),
        };
        replies::refused(&refusal, &self.people(), self.now())
    }

    async fn why(&self, target: &WhyTarget) -> Message {
        match target {
            WhyTarget::Group(number) => {
                let group = self.with_engine(|engine, _, _| engine.group_by_number(*number).map(|g| g.id.clone()));
                let explained = match group {
                    Some(id) => self.explain(&Target::Group(id)).await,
                    None => None,
                };
                explained.unwrap_or_else(|| replies::no_such_alert(*number))
            }
            WhyTarget::Feed(text) => match self.one_feed(text) {
                Err(message) => message,
                Ok(feed) => self.why_feed(&feed).await,
            },
        }
    }

    async fn why_feed(&self, feed: &Feed) -> Message {
        let of_feed = self.with_engine(|engine, _, _| {
            let of_feed = engine.alerts().filter(|alert| alert.labels.get("symbol") == Some(&feed.symbol));
            of_feed.max_by_key(|alert| (alert.firing(), alert.since())).map(Alert::fingerprint)
        });
        let explained = match of_feed {
            Some(fingerprint) => self.explain(&Target::Alert(fingerprint)).await,
            None => None,
        };
        explained.unwrap_or_else(|| self.why_quiet(feed))
    }

    async fn explain(&self, target: &Target) -> Option<Message> {
        let explanation = self.with_engine(|engine, _, now| engine.explain(target, now))?;
        let posted = match explanation.groups.first() {
            Some(explained) => self.posted(&explained.group).await,
            None => None,
        };
        Some(self.with_engine(|engine, people, now| {
            let suppressions = || explanation.alerts.iter().map(|alert| &alert.suppression);
            let mut silences: Vec<&Silence> =
                suppressions().flat_map(|s| &s.silenced_by).filter_map(|id| engine.silence(id)).collect();
            silences.sort_by_key(|silence| silence.number);
            silences.dedup_by_key(|silence| silence.number);
            let (settings, runs) = (self.settings(), self.runs());
            let escalation = explanation.groups.first().and_then(|explained| {
                let run = runs.get(&explained.group.id)?;
                Some(Self::escalation_view(&settings.escalation, run, &explained.group))
            });
            let inhibitors: Vec<&Alert> =
                suppressions().filter_map(|s| s.inhibited_by).filter_map(|by| engine.alert(by.alert)).collect();
            why::why(&why::WhyView {
                explanation: &explanation,
                silences: &silences,
                inhibitors: &inhibitors,
                posted,
                escalation,
                people,
                now,
            })
        }))
    }

    /// What became of a group's message.
    async fn posted(&self, group: &Group) -> Option<Posted<'static>> {
        match (messages::get(&self.store, &group_key(&group.id)).await, &group.state) {
            (Ok(Some(_)), _) => Some(Posted::Shown),
            (Ok(None), GroupState::Notified { first_at, .. }) => Some(Posted::Waiting { since: *first_at }),
            (Ok(None), GroupState::Waiting { .. } | GroupState::Closed { .. }) | (Err(_), _) => None,
        }
    }

    pub(super) fn with_engine<T>(&self, look: impl FnOnce(&Engine, &People, Timestamp) -> T) -> T {
        let people = self.people();
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        look(&engine, &people, self.now())
    }

    /// The feed that `text` names, or the message that says which ones it could be.
    pub(super) fn one_feed(&self, text: &str) -> Result<Feed, Message> {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        match watch.named(text) {
            Ok(view) => Ok(view.feed().clone()),
            Err(none) if none.is_empty() => Err(replies::no_such_feed(text, &watch.alike(text, 5))),
            Err(several) => {
                let symbols: Vec<&str> = several.iter().map(|view| view.feed().symbol.as_str()).collect();
                Err(replies::which_feed(text, &symbols))
            }
        }
    }
}

/// How many alerts matchers cover, and what the first few are about.
fn firing_under(engine: &Engine, matchers: &[Matcher]) -> (usize, Vec<String>) {
    const FIRST: usize = 5;
    let covered: Vec<&Alert> =
        engine.alerts().filter(|alert| alert.firing() && crate::core::label::all_match(matchers, *alert)).collect();
    let about = |alert: &&Alert| format!("{} {}", alert.name(), subject(&alert.labels));
    (covered.len(), covered.iter().take(FIRST).map(about).collect())
}

fn change(input: Input, report: Report) -> Plan {
    Plan::Change { inputs: vec![input], report, silent: false }
}

fn quietly(input: Input, report: Report) -> Plan {
    Plan::Change { inputs: vec![input], report, silent: true }
}
