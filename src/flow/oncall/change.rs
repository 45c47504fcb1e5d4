//! Overrides: somebody takes the watch for a while. Made by command or form, told to whom it concerns, taken back by button.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use crate::core::audit::Record;
use crate::core::command::oncall::Ask;
use crate::core::ids::{OverrideId, UserId};
use crate::core::oncall::{Override, Roster, Schedule, Stint, when};
use crate::core::time::Timestamp;
use crate::slack::api::Standing as SlackStanding;
use crate::slack::blocks::oncall::{
    OverrideForm, OverrideRequest, OverrideView, Prefill, Press, misfit, no_such_schedule, override_ended,
    override_form, override_gone, override_made, override_told, override_usage, override_withdrawn, overrides,
};
use crate::slack::message::Message;
use crate::store::oncall::Change;

use super::super::Flow;
use super::super::act::{Caller, Plan};
use super::super::effect::{ANSWER, CALL, Effect};
use super::super::page::Page;
use super::super::step::Extra;

/// What the form starts with: an hour is what people stand in for most.
const AN_HOUR: Duration = Duration::from_hours(1);

impl Flow {
    pub(in crate::flow) async fn plan_on_call(&self, ask: Ask, caller: &Caller) -> Plan {
        match ask {
            Ask::Who(words) => Plan::Answer(self.who(&words).await),
            Ask::Calendar => self.plan_calendar(caller).await,
            Ask::Override(words) if words.is_empty() => self.plan_override_form(&Prefill::default(), caller),
            Ask::Override(words) => match self.lists_overrides(&words) {
                Some(schedule) => Plan::Answer(self.list_overrides(&schedule).await),
                None => match self.read_override(&words, caller) {
                    Ok(request) => self.plan_override(request, caller).await,
                    Err(message) => Plan::Answer(message),
                },
            },
            Ask::Swap => self.plan_swap_form(caller),
        }
    }

    pub(in crate::flow) async fn plan_on_call_press(&self, press: &Press, caller: &Caller) -> Plan {
        match press {
            Press::OverrideForm(prefill) => self.plan_override_form(prefill, caller),
            Press::SwapForm => self.plan_swap_form(caller),
            Press::EndOverride(id) => self.plan_end_override(id, caller).await,
            Press::Accept(id) | Press::Decline(id) | Press::UndoSwap(id) => {
                self.plan_swap_press(press, id, caller).await
            }
        }
    }

    fn plan_override_form(&self, prefill: &Prefill, caller: &Caller) -> Plan {
        let schedules = self.schedules();
        let names: Vec<&str> = schedules.iter().map(|schedule| schedule.name.as_str()).collect();
        if names.is_empty() {
            return Plan::Answer(no_such_schedule("to override", &names));
        }
        // Pickers show whole minutes.
        let now = Timestamp::from_secs(self.now().as_secs().div_euclid(60) * 60);
        let ahead = prefill.stint.map(|stint| Stint { from: stint.from.max(now), ..stint });
        let stint = ahead.filter(|stint| stint.from < stint.to).unwrap_or(Stint { from: now, to: now.plus(AN_HOUR) });
        let chosen = prefill.schedule.as_deref().unwrap_or_default();
        Plan::Open(override_form(&OverrideForm { schedules: &names, chosen, user: &caller.user, stint }))
    }

    /// A schedule's name alone asks for its overrides.
    fn lists_overrides(&self, words: &[String]) -> Option<String> {
        let [word] = words else { return None };
        self.schedules().into_iter().map(|schedule| schedule.name).find(|name| *name == word.to_lowercase())
    }

    async fn list_overrides(&self, schedule: &str) -> Message {
        let coming: Vec<Override> = self.coming_overrides(&[schedule]).into_iter().map(|(_, over)| over).collect();
        for over in &coming {
            self.know(&over.user).await;
        }
        overrides(schedule, &coming, &self.people(), self.now())
    }

    /// The overrides of `schedules` that hold or are coming, the next first.
    pub(super) fn coming_overrides(&self, schedules: &[&str]) -> Vec<(String, Override)> {
        let now = self.now();
        let all = self.desk.overrides.read().unwrap_or_else(PoisonError::into_inner);
        let of = schedules.iter().filter_map(|name| all.get_key_value(*name));
        let coming = of.flat_map(|(name, all)| all.iter().map(move |over| (name.clone(), over.clone())));
        let mut coming: Vec<_> = coming.filter(|(_, over)| over.to > now).collect();
        coming.sort_by(|(one, a), (other, b)| (a.from, one, &a.id).cmp(&(b.from, other, &b.id)));
        coming
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
        let wrong = |why: &str| override_usage(why, Some(&schedule.name));
        let (who, range) = rest.split_first().ok_or_else(|| wrong("Who takes the watch?"))?;
        let user = match who.strip_prefix('@') {
            Some(id) if is_user(id) => UserId::new(id),
            None if who.eq_ignore_ascii_case("me") => caller.user.clone(),
            _ => {
                return Err(wrong(&format!("{who} is nobody I can find; choose a person from Slack's list after @.")));
            }
        };
        let range = range.join(" ");
        let Some((from, to)) = when::read_range(&range, &schedule.zone(), self.now()) else {
            return Err(wrong(&format!("“{range}” is no time from and to.")));
        };
        Ok(OverrideRequest { schedule: schedule.name.clone(), user, stint: Stint { from, to } })
    }

    pub(super) async fn plan_override(&self, request: OverrideRequest, caller: &Caller) -> Plan {
        let OverrideRequest { schedule, user, stint } = request;
        let now = self.now();
        let Some(known) = self.schedules().into_iter().find(|known| known.name == schedule) else {
            return Plan::Answer(no_such_schedule(&schedule, &[]));
        };
        if let Some(why) = misfit(stint, now) {
            return Plan::Answer(override_usage(why, Some(&schedule)));
        }
        if let Some(why) = self.unreachable(&user).await {
            return Plan::Answer(override_usage(why, Some(&schedule)));
        }
        let over = Override {
            id: OverrideId::new(self.ids.next(now)),
            user: user.clone(),
            from: stint.from,
            to: stint.to,
            by: Some(caller.user.clone()),
        };
        let people = self.people();
        let view = OverrideView { schedule: &schedule, user: &user, stint, by: &caller.user, people: &people, now };
        let message = override_made(&view, &over.id);
        let effects = tell(&known, &BTreeSet::from([user.clone()]), caller, &override_told(&view));
        let record = self.override_record(caller, "oncall.override_created", &schedule, &over);
        let changes = vec![Change::Override { schedule: schedule.clone(), over }];
        let extra = Extra { effects, records: vec![record], oncall: changes, ..Extra::default() };
        Plan::Record { extra: Box::new(extra), message }
    }

    /// Why somebody can be given no watch: they would never hear of it. `None`: they can, or Slack does not say now.
    pub(super) async fn unreachable(&self, user: &UserId) -> Option<&'static str> {
        match tokio::time::timeout(self.waits.name, self.api.users_info(user)).await {
            Ok(Ok(person)) => {
                self.remember_name(&person);
                match person.standing {
                    SlackStanding::Deactivated => Some("They are deactivated in Slack. Choose somebody else."),
                    SlackStanding::Bot => Some("That is a bot. Choose a person."),
                    SlackStanding::Member | SlackStanding::Guest | SlackStanding::Stranger => None,
                }
            }
            Ok(Err(error)) if error.code() == Some("user_not_found") => {
                Some("Slack knows nobody by that id. Choose somebody from Slack's list.")
            }
            Ok(Err(_)) | Err(_) => None,
        }
    }

    async fn plan_end_override(&self, id: &OverrideId, caller: &Caller) -> Plan {
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
        let mut concerned = self.back_on_call(&schedule, &over);
        concerned.insert(over.user.clone());
        self.know(&over.user).await;
        let people = self.people();
        let (now, stint) = (self.now(), Stint { from: over.from, to: over.to });
        let (user, by) = (&over.user, &caller.user);
        let told = override_withdrawn(&OverrideView { schedule: &schedule, user, stint, by, people: &people, now });
        let known = self.schedules().into_iter().find(|known| known.name == schedule);
        let effects = known.map(|known| tell(&known, &concerned, caller, &told)).unwrap_or_default();
        let changes = vec![Change::RemoveOverride(over.id)];
        let extra = Extra { effects, records: vec![record], oncall: changes, ..Extra::default() };
        Plan::Record { extra: Box::new(extra), message: override_ended(&schedule) }
    }

    /// Who has the watch where `over` begins, or now, once it is gone.
    fn back_on_call(&self, schedule: &str, over: &Override) -> BTreeSet<UserId> {
        let at = over.from.max(self.now());
        let back = self.with_roster(schedule, |roster| {
            let others: Vec<Override> = roster.overrides.iter().filter(|other| other.id != over.id).cloned().collect();
            Roster { overrides: &others, ..*roster }.at(at).on_call
        });
        back.into_iter().flatten().collect()
    }

    pub(in crate::flow) fn override_record(
        &self,
        caller: &Caller,
        action: &str,
        schedule: &str,
        over: &Override,
    ) -> Record {
        let Override { id, user, from, to, by: _ } = over;
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
        self.desk.changes.fetch_add(1, Ordering::Release);
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

/// To the schedule's channel, and to whom it concerns and who has not done it themselves.
fn tell(schedule: &Schedule, users: &BTreeSet<UserId>, caller: &Caller, message: &Message) -> Vec<(Effect, i64)> {
    let post = |channel| Effect::Post { channel, thread_ts: None, fallback: None, message: message.clone() };
    let mut effects: Vec<_> = schedule.channel.clone().map(|channel| (post(channel), ANSWER)).into_iter().collect();
    effects.extend(users.iter().filter(|user| **user != caller.user).map(|user| direct(user, None, message.clone())));
    effects
}

/// A direct message that is worth as long a wait for Slack as a call; with a key it is a living one.
pub(super) fn direct(user: &UserId, key: Option<String>, message: Message) -> (Effect, i64) {
    (Effect::Page(Page::Direct { key, user: user.clone(), message }), CALL)
}

fn is_user(id: &str) -> bool {
    id.len() > 2 && id.starts_with(['U', 'W']) && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}
