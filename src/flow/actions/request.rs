//! From what somebody asks for to a card: who may is looked up, the plan is made with a dry run, and all is committed together.

use serde_json::json;

use crate::core::action::policy::{Denied, Person};
use crate::core::action::request::{Asked, Draft, Request, State};
use crate::core::audit::Record;
use crate::core::ids::{ChannelId, RequestId};
use crate::slack::blocks::action as blocks;
use crate::slack::message::Message;
use crate::store::StoreError;
use crate::store::actions::{self, Change, Stored};

use super::super::Flow;
use super::super::act::{Caller, Place};
use super::super::effect::{ANSWER, CALL, Effect};
use super::super::receive::finish;
use super::super::step::{Extra, StepError};
use super::Wanted;
use super::card::rival_count;
use super::record::{counted, record, requested};

/// Requests of one person that wait to be approved: every round looks at all that do.
const MOST_OPEN: usize = 30;

impl Flow {
    pub(super) async fn ask_for_action(
        &self,
        key: &str,
        wanted: &Wanted,
        caller: &Caller,
        place: Place,
    ) -> Result<Option<Message>, StepError> {
        let settings = self.settings();
        let (true, Some(channel)) = (settings.actions.enabled, settings.actions.channel.clone()) else {
            return self.say(key, blocks::switched_off(), Vec::new(), place).await;
        };
        let Some(by) = Person::of(&caller.actor()) else {
            return self.refuse_action(key, wanted, caller, &Denied::Unknown, place).await;
        };
        let Ok(roster) = self.action_roster(&[&by]).await else {
            return self.say(key, blocks::no_slack(), Vec::new(), place).await;
        };
        let (kind, target) = (wanted.action.kind(), &wanted.target);
        let policy = &settings.actions.policy;
        let allowed = policy.may_request(&roster, &by, kind, target).and_then(|rule| {
            if (rule.reason || wanted.break_glass) && wanted.reason.trim().is_empty() {
                return Err(Denied::ReasonMissing(rule.name.clone()));
            }
            if wanted.break_glass {
                policy.may_break_glass(&roster, &by, rule.risk_of(kind.least_risk()))?;
            }
            Ok(rule)
        });
        let rule = match allowed {
            Ok(rule) => rule,
            Err(denied) => return self.refuse_action(key, wanted, caller, &denied, place).await,
        };
        let open = self.open_of(&by).await?;
        // An emergency waits for nobody.
        if open >= MOST_OPEN && !wanted.break_glass {
            return self.refuse_action(key, wanted, caller, &Denied::TooMany(open), place).await;
        }
        if let Some(question) = self.left_to_git(wanted).await {
            return self.say(key, question, Vec::new(), place).await;
        }
        let (now, action) = (self.now(), wanted.whole());
        let preview = match self.preview(&settings.actions, &action, target, now).await {
            Ok(preview) => preview,
            Err(cannot) => {
                let why = cannot.to_string();
                let detail = json!({ "action": kind.as_str(), "why": why });
                let record = self.about_target(wanted, caller, "not_planned", &detail);
                return self.say(key, blocks::cannot_plan(kind, target, &why), vec![record], place).await;
            }
        };
        let now = self.now();
        let approve_by = now.plus(rule.approve_within.duration());
        let plan = rule.plan(policy, action, target.clone(), preview, approve_by);
        if let Err(denied) = policy.may_request_all(&roster, &by, &plan) {
            return self.refuse_action(key, wanted, caller, &denied, place).await;
        }
        let asked = Asked {
            on_call: roster.on_call.contains(&by.user),
            by,
            at: now,
            reason: wanted.reason.trim().to_owned(),
            alert: wanted.alert.clone(),
            undoes: wanted.undoes,
        };
        let draft = Draft { id: RequestId::new(self.ids.next(now)), plan, asked };
        let number = self.next_action_number().await?;
        if wanted.break_glass {
            return match draft.break_glass(number, policy, &roster) {
                Ok(request) => self.put_request(key, request, &channel, caller, place).await,
                Err(denied) => self.refuse_action(key, wanted, caller, &denied, place).await,
            };
        }
        self.put_request(key, draft.open(number), &channel, caller, place).await
    }

    /// How many requests of one person wait to be approved.
    async fn open_of(&self, by: &Person) -> Result<usize, StoreError> {
        let live = actions::live(&self.store).await?;
        let open = |request: &Request| matches!(request.state, State::Open { .. }) && request.asked.by.user == by.user;
        Ok(live.iter().filter(|stored| open(&stored.request)).count())
    }

    /// A number that is not used in the end is a gap, and nothing else.
    async fn next_action_number(&self) -> Result<u64, StoreError> {
        let mut tx = self.store.begin().await?;
        let number = actions::next_number(&mut tx).await?;
        tx.commit().await?;
        Ok(number)
    }

    async fn put_request(
        &self,
        key: &str,
        request: Request,
        channel: &ChannelId,
        caller: &Caller,
        place: Place,
    ) -> Result<Option<Message>, StepError> {
        let live: Vec<Stored> = actions::live(&self.store).await?;
        let settings = self.settings();
        let (now, needs) = (self.now(), request.needs(&settings.actions.policy));
        self.know_people_of(&request).await;
        let glass = request.state.proof().is_some();
        let said = if glass {
            blocks::broken_glass(&request, channel)
        } else {
            blocks::said_done(&blocks::Asked {
                request: &request,
                needs,
                channel,
                rivals: rival_count(&request, &live),
                frozen: self.frozen().await?.is_some(),
                now,
            })
        };
        let mut effects = self.action_cards(&request, &live);
        effects.extend(self.action_alert_note(&request));
        if glass {
            effects.extend(self.tell_everybody(&request, channel).await);
        }
        effects.extend(place.effect(said.clone()));
        let verb = if glass { "glass_broken" } else { "requested" };
        let mut detail = requested(&request);
        detail["channel"] = json!(caller.channel);
        let records = vec![record(&request, &caller.actor(), verb, &detail, now)];
        let changes = vec![Change::Insert(Box::new(request.clone()))];
        self.commit_extra(Extra { effects, records, actions: changes, ..finish(key, "asked for") }).await?;
        counted(&self.metrics, None, &request);
        self.action_bell.notify_one();
        Ok(Some(said))
    }

    /// Nobody allowed it, so everybody hears of it: the channel, and whoever is on call.
    async fn tell_everybody(&self, request: &Request, channel: &ChannelId) -> Vec<(Effect, i64)> {
        let message = blocks::glass_note(request, &self.people());
        let post =
            |channel: ChannelId| Effect::Post { channel, thread_ts: None, fallback: None, message: message.clone() };
        let mut effects = vec![(post(channel.clone()), CALL)];
        for user in self.everybody_on_call().into_iter().filter(|user| *user != request.asked.by.user) {
            match self.api.conversations_open(&user).await {
                Ok(direct) => effects.push((post(direct), CALL)),
                Err(error) => tracing::warn!(error = %error, "somebody on call is not told of a break-glass directly"),
            }
        }
        effects
    }

    async fn refuse_action(
        &self,
        key: &str,
        wanted: &Wanted,
        caller: &Caller,
        denied: &Denied,
        place: Place,
    ) -> Result<Option<Message>, StepError> {
        let detail = json!({
            "action": wanted.action.kind().as_str(), "break_glass": wanted.break_glass, "reason": denied.to_string(),
        });
        let record = self.about_target(wanted, caller, "denied", &detail);
        self.say(key, blocks::denied(denied), vec![record], place).await
    }

    /// Of what never became a request.
    fn about_target(&self, wanted: &Wanted, caller: &Caller, verb: &str, detail: &serde_json::Value) -> Record {
        Record {
            at: self.now(),
            actor: caller.actor(),
            action: format!("action.{verb}"),
            subject: wanted.target.to_string(),
            detail: detail.to_string(),
        }
    }

    /// Answers, with what goes on record, and finishes the input.
    pub(super) async fn say(
        &self,
        key: &str,
        message: Message,
        records: Vec<Record>,
        place: Place,
    ) -> Result<Option<Message>, StepError> {
        let effects = place.effect(message.clone()).map(|(effect, _)| (effect, ANSWER)).into_iter().collect();
        self.commit_extra(Extra { effects, records, ..finish(key, "answered") }).await?;
        Ok(Some(message))
    }
}
