//! Overrides: somebody takes the watch for a while. Made by command or form, told to whom it concerns, taken back by button.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::json;

use crate::core::audit::Record;
use crate::core::command::oncall::Ask;
use crate::core::ids::{OverrideId, UserId};
use crate::core::oncall::{Override, Schedule, Stint, when};
use crate::core::time::Timestamp;
use crate::slack::blocks::oncall::{
    OverrideForm, OverrideRequest, OverrideView, Press, no_such_schedule, override_ended, override_form, override_gone,
    override_made, override_told, override_usage,
};
use crate::slack::message::Message;
use crate::store::oncall::Change;

use super::super::Flow;
use super::super::act::{Caller, Plan};
use super::super::effect::{ANSWER, Effect};
use super::super::step::Extra;

/// What the form starts with: an hour is what people stand in for most.
const AN_HOUR: Duration = Duration::from_hours(1);
/// An override for longer is a slip; the schedule itself should change.
const LONGEST: Duration = Duration::from_hours(60 * 24);

impl Flow {
    pub(in crate::flow) async fn plan_on_call(&self, ask: Ask, caller: &Caller) -> Plan {
        match ask {
            Ask::Who(words) => Plan::Answer(self.who(&words).await),
            Ask::Calendar => self.plan_calendar(caller).await,
            Ask::Override(words) if words.is_empty() => self.plan_override_form(caller),
            Ask::Override(words) => match self.read_override(&words, caller) {
                Ok(request) => self.plan_override(request, caller).await,
                Err(message) => Plan::Answer(message),
            },
            Ask::Swap => self.plan_swap_form(caller),
        }
    }

    pub(in crate::flow) async fn plan_on_call_press(&self, press: &Press, caller: &Caller) -> Plan {
        match press {
            Press::OverrideForm => self.plan_override_form(caller),
            Press::SwapForm => self.plan_swap_form(caller),
            Press::EndOverride(id) => self.plan_end_override(id, caller),
            Press::Accept(id) | Press::Decline(id) | Press::UndoSwap(id) => {
                self.plan_swap_press(press, id, caller).await
            }
        }
    }

    fn plan_override_form(&self, caller: &Caller) -> Plan {
        let schedules = self.schedules();
        let names: Vec<&str> = schedules.iter().map(|schedule| schedule.name.as_str()).collect();
        if names.is_empty() {
            return Plan::Answer(no_such_schedule("to override", &names));
        }
        // Pickers show whole minutes.
        let now = Timestamp::from_secs(self.now().as_secs().div_euclid(60) * 60);
        let stint = Stint { from: now, to: now.plus(AN_HOUR) };
        Plan::Open(override_form(&OverrideForm { schedules: &names, user: &caller.user, stint }))
    }

    /// `[schedule] <who> <from> <to>`
    fn read_override(&self, words: &[String], caller: &Caller) -> Result<OverrideRequest, Message> {
        let schedules = self.schedules();
        let known: Vec<&str> = schedules.iter().map(|schedule| schedule.name.as_str()).collect();
        let named = words.first().and_then(|word| schedules.iter().find(|known| known.name == word.to_lowercase()));
        let (schedule, rest) = match (named, schedules.as_slice(), words.first()) {
            (Some(schedule), _, _) => (schedule, &words[1..]),
            (None, [only], Some(word)) if word.starts_with('@') || word == "me" => (only, words),
            _ => return Err(no_such_schedule(words.first().map_or("", String::as_str), &known)),
        };
        let (who, range) = rest.split_first().ok_or_else(|| override_usage("Who takes the watch?"))?;
        let user = match who.strip_prefix('@') {
            Some(id) if is_user(id) => UserId::new(id),
            None if who.eq_ignore_ascii_case("me") => caller.user.clone(),
            _ => {
                return Err(override_usage(&format!(
                    "{who} is nobody I can find; choose a person from Slack's list after @."
                )));
            }
        };
        let range = range.join(" ");
        let Some((from, to)) = when::read_range(&range, &schedule.zone(), self.now()) else {
            return Err(override_usage(&format!("“{range}” is no time from and to.")));
        };
        Ok(OverrideRequest { schedule: schedule.name.clone(), user, stint: Stint { from, to } })
    }

    pub(super) async fn plan_override(&self, request: OverrideRequest, caller: &Caller) -> Plan {
        let OverrideRequest { schedule, user, stint } = request;
        let now = self.now();
        let Some(known) = self.schedules().into_iter().find(|known| known.name == schedule) else {
            return Plan::Answer(no_such_schedule(&schedule, &[]));
        };
        if stint.to <= now {
            return Plan::Answer(override_usage("That time is over."));
        }
        if stint.to.since(stint.from) > LONGEST {
            return Plan::Answer(override_usage("An override lasts 60 days at most; change the schedule itself."));
        }
        self.know(&user).await;
        let over =
            Override { id: OverrideId::new(self.ids.next(now)), user: user.clone(), from: stint.from, to: stint.to };
        let people = self.people();
        let view = OverrideView { schedule: &schedule, user: &user, stint, by: &caller.user, people: &people, now };
        let message = override_made(&view, &over.id);
        let effects = self.tell(&known, &user, caller, &override_told(&view)).await;
        let record = self.override_record(caller, "oncall.override_created", &schedule, &over);
        let changes = vec![Change::Override { schedule: schedule.clone(), over }];
        let extra = Extra { effects, records: vec![record], oncall: changes, ..Extra::default() };
        Plan::Record { extra: Box::new(extra), message }
    }

    /// To the schedule's channel, and to whoever gets the watch without having asked for it.
    async fn tell(&self, schedule: &Schedule, user: &UserId, caller: &Caller, message: &Message) -> Vec<(Effect, i64)> {
        let post = |channel| Effect::Post { channel, thread_ts: None, fallback: None, message: message.clone() };
        let mut effects: Vec<_> = schedule.channel.clone().map(|channel| (post(channel), ANSWER)).into_iter().collect();
        if *user != caller.user {
            effects.extend(self.direct(user).await.effect(message.clone()));
        }
        effects
    }

    fn plan_end_override(&self, id: &OverrideId, caller: &Caller) -> Plan {
        let found = {
            let overrides = self.desk.overrides.read().unwrap_or_else(PoisonError::into_inner);
            let all =
                overrides.iter().flat_map(|(schedule, overrides)| overrides.iter().map(move |over| (schedule, over)));
            all.into_iter().find(|(_, over)| over.id == *id).map(|(schedule, over)| (schedule.clone(), over.clone()))
        };
        let Some((schedule, over)) = found.filter(|(_, over)| over.to > self.now()) else {
            return Plan::Answer(override_gone());
        };
        let record = self.override_record(caller, "oncall.override_removed", &schedule, &over);
        let changes = vec![Change::RemoveOverride(over.id)];
        let extra = Extra { records: vec![record], oncall: changes, ..Extra::default() };
        Plan::Record { extra: Box::new(extra), message: override_ended(&schedule) }
    }

    pub(in crate::flow) fn override_record(
        &self,
        caller: &Caller,
        action: &str,
        schedule: &str,
        over: &Override,
    ) -> Record {
        let Override { id, user, from, to } = over;
        let detail = json!({ "from": from.to_string(), "override": id, "to": to.to_string(), "user": user });
        Record {
            at: self.now(),
            actor: caller.actor(),
            action: action.to_owned(),
            subject: format!("schedule/{schedule}"),
            detail: detail.to_string(),
        }
    }

    /// Takes over into memory what was committed.
    pub(in crate::flow) fn on_call_changed(&self, changes: &[Change]) {
        let mut overrides = self.desk.overrides.write().unwrap_or_else(PoisonError::into_inner);
        let overrides: &mut BTreeMap<String, Vec<Override>> = &mut overrides;
        for change in changes {
            match change {
                Change::Override { schedule, over } => {
                    overrides.entry(schedule.clone()).or_default().push(over.clone());
                }
                Change::RemoveOverride(id) => overrides.values_mut().for_each(|of| of.retain(|over| over.id != *id)),
                Change::Swap(_) => {}
            }
        }
    }
}

fn is_user(id: &str) -> bool {
    id.len() > 2 && id.starts_with(['U', 'W']) && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}
