//! What people want, whichever way they say it: a plan is an answer, a change for the engine, or a refusal. Carrying it
//! out commits the change, the answer and the audit record together.

use serde_json::{Map, Value, json};

use crate::core::access::Denied;
use crate::core::audit::Record;
use crate::core::engine::{self, Outcome, Refusal};
use crate::core::ids::{Actor, ChannelId, MessageTs, TeamId, UserId};
use crate::slack::blocks::actions::Press;
use crate::slack::blocks::{graph, help, modals, notes, replies};
use crate::slack::inbound::{
    BlockAction, Container, Input, MessageAction, Said, Shortcut, SlashCommand, ViewSubmission,
};
use crate::slack::manifest;
use crate::slack::message::{Message, Rendered, View};

use super::Flow;
use super::actions::Deed;
use super::effect::{ANSWER, Effect};
use super::escalate::Asked;
use super::graph::{Drawing, Picture};
use super::receive::{Ack, finish};
use super::step::{Extra, StepError};
use super::workload_logs::LogRequest;

/// Who asks, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub user: UserId,
    pub team: Option<TeamId>,
    pub channel: Option<ChannelId>,
}

impl Caller {
    pub fn of(user: &UserId, team: Option<&TeamId>, channel: Option<&ChannelId>) -> Self {
        Self { user: user.clone(), team: team.cloned(), channel: channel.cloned() }
    }

    pub fn actor(&self) -> Actor {
        Actor::Person { user: self.user.clone(), team: self.team.clone() }
    }
}

/// Whether the answer still fits into Slack's acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Ack,
    Later,
}

/// A form's errors, each under the field it names.
pub(super) type FieldErrors = Vec<(&'static str, String)>;

/// Says how a change went, from the engine's outcomes.
pub(super) type Report = Box<dyn FnOnce(&[Result<Outcome, Refusal>]) -> Message + Send>;

/// What is to be done about what somebody asked for.
pub(super) enum Plan {
    /// Nothing changes.
    Answer(Message),
    /// For the engine; `silent` when the living message itself shows that it worked.
    Change {
        inputs: Vec<engine::Input>,
        report: Report,
        silent: bool,
    },
    /// Changes what needs no decision of the engine; committed with its answer.
    Record {
        extra: Box<Extra>,
        message: Message,
    },
    /// Not allowed; goes into the audit log.
    Denied {
        why: Denied,
        action: &'static str,
    },
    /// The next step of a group's escalation; `silent` when its thread says enough.
    Escalate {
        asked: Asked,
        said: Message,
        silent: bool,
    },
    /// A log is read by the worker; who asked for it goes into the audit log, `now` is said meanwhile.
    ReadLog {
        request: Box<LogRequest>,
        record: Record,
        now: Message,
    },
    /// About an operation: looked up, decided and committed by its own part.
    Act(Deed),
    /// A picture, where it was asked for.
    Draw(Drawing),
    /// A form, while Slack still takes the trigger.
    Open(View),
    Nothing,
}

/// Where an answer goes that no acknowledgement can carry.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Nowhere,
    /// In the acknowledgement; what is known later goes to the place in it.
    Acknowledgement(Box<Self>),
    Url(String),
    Ephemeral {
        channel: ChannelId,
        user: UserId,
        thread_ts: Option<MessageTs>,
    },
    Message {
        channel: ChannelId,
        thread_ts: Option<MessageTs>,
    },
}

impl Place {
    fn thread(&self) -> Option<&MessageTs> {
        match self {
            Self::Nowhere | Self::Url(_) => None,
            Self::Acknowledgement(later) => later.thread(),
            Self::Ephemeral { thread_ts, .. } | Self::Message { thread_ts, .. } => thread_ts.as_ref(),
        }
    }

    pub fn effect(self, message: Message) -> Option<(Effect, i64)> {
        let effect = match self {
            Self::Nowhere | Self::Acknowledgement(_) => return None,
            Self::Url(url) => Effect::Respond { url, message },
            Self::Ephemeral { channel, user, thread_ts } => Effect::Ephemeral { channel, user, thread_ts, message },
            Self::Message { channel, thread_ts } => Effect::Post { channel, thread_ts, fallback: None, message },
        };
        Some((effect, ANSWER))
    }

    /// Where an answer goes that takes longer than an acknowledgement may.
    fn later(self) -> Self {
        match self {
            Self::Acknowledgement(later) => *later,
            place => place,
        }
    }
}

impl Flow {
    pub(super) async fn run_command(&self, key: &str, command: &SlashCommand, way: Way) -> Result<Ack, StepError> {
        let caller = Caller::of(&command.user, command.user_team.as_ref(), Some(&command.channel));
        self.know(&caller.user).await;
        let plan = self.plan(&command.text, &caller).await;
        let later = match &command.response_url {
            Some(url) => Place::Url(url.expose().to_owned()),
            None => Place::Ephemeral { channel: command.channel.clone(), user: command.user.clone(), thread_ts: None },
        };
        let place = match way {
            Way::Ack => Place::Acknowledgement(Box::new(later)),
            Way::Later => later,
        };
        let said = self.carry_out(key, plan, &caller, place, command.trigger_id.as_deref()).await?;
        Ok(match (way, said) {
            (Way::Ack, Some(message)) => Ack::Body(super::receive::answer_body(&message)),
            (Way::Ack, None) | (Way::Later, _) => Ack::Empty,
        })
    }

    /// A mention is answered in its thread, a direct message where it was said.
    pub(super) async fn run_said(&self, key: &str, input: &Input, said: &Said) -> Result<Ack, StepError> {
        let caller = Caller::of(&said.user, said.user_team.as_ref(), Some(&said.channel));
        self.know(&caller.user).await;
        let plan = self.plan(&said.text, &caller).await;
        let thread_ts = match input {
            Input::DirectMessage(_) => said.thread_ts.clone(),
            _ => Some(said.thread_ts.clone().unwrap_or_else(|| said.ts.clone())),
        };
        let place = Place::Message { channel: said.channel.clone(), thread_ts };
        self.carry_out(key, plan, &caller, place, None).await?;
        Ok(Ack::Empty)
    }

    pub(super) async fn press(&self, key: &str, action: &BlockAction) -> Result<Ack, StepError> {
        let caller = Caller::of(&action.user, action.user_team.as_ref(), action.channel.as_ref());
        let place = match (&action.response_url, &action.channel, action.container) {
            (Some(url), _, _) => Place::Url(url.expose().to_owned()),
            (None, Some(channel), Container::Message { .. } | Container::Unknown) => Place::Ephemeral {
                channel: channel.clone(),
                user: action.user.clone(),
                thread_ts: action.thread_ts.clone(),
            },
            (None, _, _) => self.direct(&action.user).await,
        };
        let pressed = action.actions.first().and_then(|element| Press::parse(&element.action_id, element.value()?));
        let Some(press) = pressed else {
            return self.answer_only(key, place, replies::unknown_button(), "unknown button").await;
        };
        self.know(&caller.user).await;
        let plan = self.plan_press(&press, &caller).await;
        self.carry_out(key, plan, &caller, place, action.trigger_id.as_deref()).await?;
        Ok(Ack::Empty)
    }

    /// Slack shows errors of a form in the form itself, as long as they come with the acknowledgement.
    pub(super) async fn refuse_form(&self, key: &str, errors: FieldErrors, way: Way) -> Result<Ack, StepError> {
        self.commit_extra(finish(key, "form refused")).await?;
        let errors: Map<String, Value> = errors.into_iter().map(|(id, error)| (id.to_owned(), error.into())).collect();
        Ok(match way {
            Way::Ack => Ack::Body(Rendered::of(&json!({ "response_action": "errors", "errors": errors }))),
            Way::Later => Ack::Empty,
        })
    }

    pub(super) async fn submit_silence(
        &self,
        key: &str,
        submission: &ViewSubmission,
        way: Way,
    ) -> Result<Ack, StepError> {
        let caller = Caller::of(&submission.user, submission.user_team.as_ref(), None);
        let field = |block_id: &str| submission.view.element(block_id)?.value().map(str::to_owned);
        match modals::read_silence(field) {
            Ok(form) => {
                self.know(&caller.user).await;
                let unseen = self.silence_unseen(&submission.view.private_metadata, &form).await;
                if let (Some(view), Way::Ack) = (&unseen, way) {
                    self.commit_extra(finish(key, "form shown anew")).await?;
                    return Ok(Ack::Body(Rendered::of(&json!({ "response_action": "update", "view": view }))));
                }
                let place = self.direct(&submission.user).await;
                let plan = match unseen {
                    None => self.plan_silence_form(form, &caller),
                    // Nobody sees a form that comes after the acknowledgement.
                    Some(_) => Plan::Answer(notes::not_silenced()),
                };
                self.carry_out(key, plan, &caller, place, None).await?;
                Ok(Ack::Empty)
            }
            Err(errors) => self.refuse_form(key, errors, way).await,
        }
    }

    pub(super) async fn shortcut(&self, key: &str, shortcut: &Shortcut) -> Result<Ack, StepError> {
        let place = self.direct(&shortcut.user).await;
        self.answer_only(key, place, help::help(None), "help").await
    }

    pub(super) async fn message_action(&self, key: &str, action: &MessageAction) -> Result<Ack, StepError> {
        let place = action.response_url.as_ref().map_or(Place::Nowhere, |url| Place::Url(url.expose().to_owned()));
        let caller = Caller::of(&action.user, action.user_team.as_ref(), Some(&action.channel));
        let plan = match action.callback_id.as_str() {
            manifest::NOTE_SHORTCUT => self.plan_note_of(action, &caller).await,
            manifest::MARK_SHORTCUT => self.plan_mark(action, &caller).await,
            _ => return self.answer_only(key, place, help::help(None), "help").await,
        };
        self.carry_out(key, plan, &caller, place, action.trigger_id.as_deref()).await?;
        Ok(Ack::Empty)
    }

    async fn answer_only(
        &self,
        key: &str,
        place: Place,
        message: Message,
        outcome: &'static str,
    ) -> Result<Ack, StepError> {
        let effects = place.effect(message).into_iter().collect();
        self.commit_extra(Extra { effects, ..finish(key, outcome) }).await?;
        Ok(Ack::Empty)
    }

    /// Commits `plan` and its answer; gives the answer back when `place` is nowhere.
    pub(super) async fn carry_out(
        &self,
        key: &str,
        plan: Plan,
        caller: &Caller,
        place: Place,
        trigger_id: Option<&str>,
    ) -> Result<Option<Message>, StepError> {
        match plan {
            Plan::Nothing => {
                self.commit_extra(finish(key, "nothing to do")).await?;
                Ok(None)
            }
            Plan::Answer(message) => {
                let effects = place.effect(message.clone()).into_iter().collect();
                self.commit_extra(Extra { effects, ..finish(key, "answered") }).await?;
                Ok(Some(message))
            }
            Plan::Record { extra, message } => {
                let mut extra = Extra { finish: finish(key, "changed").finish, ..*extra };
                extra.effects.extend(place.effect(message.clone()));
                self.commit_extra(extra).await?;
                Ok(Some(message))
            }
            Plan::Denied { why, action } => {
                let message = replies::denied(&why);
                let record = Record {
                    at: self.now(),
                    actor: caller.actor(),
                    action: "command.denied".to_owned(),
                    subject: action.to_owned(),
                    detail: json!({ "reason": why.to_string() }).to_string(),
                };
                let effects = place.effect(message.clone()).into_iter().collect();
                self.commit_extra(Extra { effects, records: vec![record], ..finish(key, "denied") }).await?;
                Ok(Some(message))
            }
            Plan::ReadLog { request, record, now } => {
                let answer = place.later().effect(now.clone()).map(|(effect, _)| Box::new(effect));
                let effects = vec![(Effect::ReadLog { request: *request, answer }, ANSWER)];
                self.commit_extra(Extra { effects, records: vec![record], ..finish(key, "log asked for") }).await?;
                Ok(Some(now))
            }
            Plan::Open(view) => {
                let now = self.now();
                let instead = place.effect(replies::too_late(now, now));
                let effect = match (trigger_id, instead) {
                    (Some(trigger), instead) => Some((
                        Effect::OpenView {
                            trigger_id: trigger.to_owned(),
                            view,
                            user: caller.user.clone(),
                            expires_at: now.plus(super::TRIGGER_LIVES),
                            instead: instead.map(|(effect, _)| Box::new(effect)),
                        },
                        ANSWER,
                    )),
                    (None, instead) => instead,
                };
                let effects = effect.into_iter().collect();
                self.commit_extra(Extra { effects, ..finish(key, "form opened") }).await?;
                Ok(None)
            }
            Plan::Act(deed) => Box::pin(self.carry_out_deed(key, deed, caller, place)).await,
            Plan::Draw(drawing) => {
                let said = graph::drawing(&drawing.title);
                let thread_ts = place.thread().cloned();
                let mut effects: Vec<(Effect, i64)> = place.effect(said.clone()).into_iter().collect();
                let (user, channel) = (caller.user.clone(), caller.channel.clone());
                let picture = channel.map(|channel| Picture { drawing, channel, thread_ts, user });
                effects.extend(picture.map(|picture| (Effect::Graph(picture), ANSWER)));
                self.commit_extra(Extra { effects, ..finish(key, "drawing") }).await?;
                Ok(Some(said))
            }
            Plan::Escalate { asked, said, silent } => {
                self.look_up_targets(Some(&asked.group)).await;
                let effects = if silent { None } else { place.effect(said.clone()) };
                let effects = effects.into_iter().collect();
                self.step(Vec::new(), |_| Extra { effects, escalate: Some(asked), ..finish(key, "escalated") }).await?;
                Ok(Some(said))
            }
            Plan::Change { inputs, report, silent } => {
                let mut said = None;
                self.step(inputs, |outcomes| {
                    let worked = outcomes.iter().all(Result::is_ok);
                    let message = report(outcomes);
                    said = Some(message.clone());
                    let effects = if silent && worked { None } else { place.effect(message) };
                    let outcome = if worked { "changed" } else { "refused" };
                    Extra { effects: effects.into_iter().collect(), ..finish(key, outcome) }
                })
                .await?;
                Ok(said)
            }
        }
    }

    /// Where a person reads what no channel shall hear. Slack opens the conversation if there is none yet.
    pub(super) async fn direct(&self, user: &UserId) -> Place {
        match self.api.conversations_open(user).await {
            Ok(channel) => Place::Message { channel, thread_ts: None },
            Err(error) => {
                tracing::warn!(error = %error, "could not open a direct message");
                Place::Nowhere
            }
        }
    }
}
