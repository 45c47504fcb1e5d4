//! The switch that stops everything: kept in the store, and looked at again inside every transaction that would let
//! something begin.

use serde_json::json;

use crate::core::action::policy::{Denied, Freeze, Person};
use crate::core::audit::Record;
use crate::slack::blocks::action as blocks;
use crate::slack::message::Message;
use crate::store::{StoreError, Tx, facts};

use super::super::Flow;
use super::super::act::{Caller, Place};
use super::super::effect::{ANSWER, Effect};
use super::super::receive::finish;
use super::super::step::{Extra, StepError};

/// Facts: the freeze that holds.
const FREEZE: &str = "actions.freeze";

/// What can no longer be read freezes all the same.
fn read(text: &str) -> Freeze {
    serde_json::from_str(text).unwrap_or_else(|_| Freeze {
        by: super::decide::BOT,
        at: crate::core::time::Timestamp::default(),
        reason: "frozen by another version".to_owned(),
    })
}

/// Whether anything may begin, as `tx` sees it.
pub(super) async fn frozen_in(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(facts::read(tx, FREEZE).await?.is_some())
}

impl Flow {
    pub(in crate::flow) async fn frozen(&self) -> Result<Option<Freeze>, StoreError> {
        Ok(facts::get(&self.store, FREEZE).await?.map(|text| read(&text)))
    }

    pub(super) async fn freeze(
        &self,
        key: &str,
        reason: &str,
        caller: &Caller,
        place: Place,
    ) -> Result<Option<Message>, StepError> {
        let now = self.now();
        if let Some(freeze) = self.frozen().await? {
            return self.say(key, blocks::frozen(&freeze, true, &self.people(), now), Vec::new(), place).await;
        }
        let freeze = Freeze { by: caller.actor(), at: now, reason: reason.to_owned() };
        let message = blocks::frozen(&freeze, false, &self.people(), now);
        let mut effects = self.announce(&message);
        effects.extend(place.effect(message.clone()));
        let records = vec![self.freeze_record(caller, "actions.frozen", &json!({ "reason": reason }))];
        let facts = vec![(FREEZE.to_owned(), serde_json::to_string(&freeze).unwrap_or_default())];
        self.commit_extra(Extra { effects, records, facts, ..finish(key, "frozen") }).await?;
        Ok(Some(message))
    }

    pub(super) async fn unfreeze(
        &self,
        key: &str,
        caller: &Caller,
        place: Place,
    ) -> Result<Option<Message>, StepError> {
        let settings = self.settings();
        let denied = match Person::of(&caller.actor()) {
            None => Some(Denied::Unknown),
            Some(by) => match self.action_roster(&[&by]).await {
                Err(_) => return self.say(key, blocks::no_slack(), Vec::new(), place).await,
                Ok(roster) => settings.actions.policy.may_unfreeze(&roster, &by).err(),
            },
        };
        if let Some(denied) = denied {
            let detail = json!({ "reason": denied.to_string(), "wanted": "unfreeze" });
            let record = self.freeze_record(caller, "action.denied", &detail);
            return self.say(key, blocks::denied(&denied), vec![record], place).await;
        }
        let Some(freeze) = self.frozen().await? else {
            return self.say(key, blocks::thawed(None), Vec::new(), place).await;
        };
        let by = self.people().name(&caller.actor());
        let message = blocks::thawed(Some((&freeze, by)));
        let mut effects = self.announce(&message);
        effects.extend(place.effect(message.clone()));
        let records = vec![self.freeze_record(caller, "actions.unfrozen", &json!({ "since": freeze.at.to_string() }))];
        let extra = Extra { effects, records, forgotten: vec![FREEZE.to_owned()], ..finish(key, "unfrozen") };
        self.commit_extra(extra).await?;
        self.action_bell.notify_one();
        Ok(Some(message))
    }

    /// In the approval channel, for all to see.
    fn announce(&self, message: &Message) -> Vec<(Effect, i64)> {
        let channel = self.settings().actions.channel.clone();
        let post = |channel| Effect::Post { channel, thread_ts: None, fallback: None, message: message.clone() };
        channel.map(|channel| (post(channel), ANSWER)).into_iter().collect()
    }

    fn freeze_record(&self, caller: &Caller, action: &str, detail: &serde_json::Value) -> Record {
        Record {
            at: self.now(),
            actor: caller.actor(),
            action: action.to_owned(),
            subject: "actions".to_owned(),
            detail: detail.to_string(),
        }
    }
}
