//! Swaps: a question to a colleague by direct message, the answer, and the way back.

use std::time::Duration;

use serde_json::json;

use crate::core::audit::Record;
use crate::core::ids::{Actor, SwapId, UserId};
use crate::core::oncall::{Exchange, Schedule, Stint, Swap, SwapRefusal};
use crate::core::time::Timestamp;
use crate::slack::blocks::oncall::{
    Press, SwapForm, SwapOption, SwapRequest, SwapView, no_shift_to_swap, swap_announced, swap_asked, swap_form,
    swap_gone, swap_refused, swap_told, wrong_colleague, wrong_shift,
};
use crate::slack::message::Message;
use crate::store::StoreError;
use crate::store::oncall::{self, Change};

use super::super::Flow;
use super::super::act::{Caller, FieldErrors, Plan};
use super::super::effect::{ANSWER, Effect};
use super::super::step::{Extra, StepError};
use super::ask::OWN;
use super::change::direct;

impl Flow {
    pub(super) fn plan_swap_form(&self, caller: &Caller) -> Plan {
        let schedules = self.schedules();
        let option = |(name, stint): (String, Stint)| {
            let zone = schedules.iter().find(|known| known.name == name).map(Schedule::zone).unwrap_or_default();
            let text = format!("{name}: {} – {}", zone.shown(stint.from), zone.shown(stint.to));
            SwapOption { schedule: name, stint, text }
        };
        let own = schedules.iter().flat_map(|schedule| {
            self.whole_shifts(&schedule.name, &caller.user).into_iter().map(|stint| (schedule.name.clone(), stint))
        });
        let mut ahead: Vec<(String, Stint)> = own.collect();
        ahead.sort_by_key(|(_, stint)| stint.from);
        let shifts: Vec<SwapOption> = ahead.into_iter().map(option).collect();
        if shifts.is_empty() {
            return Plan::Answer(no_shift_to_swap());
        }
        Plan::Open(swap_form(&SwapForm { shifts: &shifts }))
    }

    /// The swap that a submitted form asks for.
    pub(super) fn plan_swap(&self, request: SwapRequest, caller: &Caller) -> Result<Swap, FieldErrors> {
        let SwapRequest { schedule, gives, asked, takes_next } = request;
        let now = self.now();
        if !self.has_all(&schedule, &caller.user, gives) || gives.from <= now {
            return Err(wrong_shift("This shift is no longer yours to give away; open the form again."));
        }
        let takes = if takes_next {
            let apart = |stint: &Stint| stint.to <= gives.from || gives.to <= stint.from;
            let next = self.whole_shifts(&schedule, &asked).into_iter().find(apart);
            Some(next.ok_or_else(|| wrong_colleague("They have no shift in the next 60 days that you could take."))?)
        } else {
            None
        };
        let exchange = Exchange { schedule, asks: caller.user.clone(), asked, gives, takes };
        Ok(Swap::ask(SwapId::new(self.ids.next(now)), exchange, now))
    }

    /// The shifts of somebody that are still to begin and whose end is known: what a form offers must be whole.
    fn whole_shifts(&self, schedule: &str, user: &UserId) -> Vec<Stint> {
        let now = self.now();
        let horizon = now.plus(OWN);
        let (from, to) = (now.minus(Duration::from_millis(1)), horizon.plus(OWN));
        let shifts = self.with_roster(schedule, |roster| roster.shifts_of(user, from, to)).unwrap_or_default();
        let whole = shifts.into_iter().filter(|shift| shift.from > now && shift.from < horizon && shift.to < to);
        whole.map(|shift| Stint { from: shift.from, to: shift.to }).collect()
    }

    /// Whether somebody has the watch for all of `stint`.
    fn has_all(&self, schedule: &str, user: &UserId, stint: Stint) -> bool {
        let shifts = self.with_roster(schedule, |roster| roster.shifts_of(user, stint.from, stint.to));
        matches!(shifts.as_deref(), Some([shift]) if shift.from == stint.from && shift.to == stint.to)
    }

    /// Asks the colleague, and tells whoever asked that it is under way. `Err`: the colleague cannot be written to.
    pub(super) async fn ask_swap(&self, swap: Swap, caller: &Caller) -> Result<Extra, FieldErrors> {
        for user in [&swap.exchange.asks, &swap.exchange.asked] {
            self.know(user).await;
        }
        let now = self.now();
        self.api.conversations_open(&swap.exchange.asked).await.map_err(|error| {
            tracing::warn!(error = %error, "a swap could not be asked for");
            wrong_colleague("I cannot send them a direct message. Choose somebody else.")
        })?;
        let people = self.people();
        let view = SwapView { swap: &swap, people: &people, now };
        let question = direct(&swap.exchange.asked, Some(key(&swap.id)), swap_asked(&view));
        let effects = vec![question, direct(&caller.user, None, swap_told(&view))];
        let record = swap_record(&swap, &caller.actor(), "oncall.swap_asked", now);
        Ok(Extra { effects, records: vec![record], oncall: vec![Change::Swap(swap)], ..Extra::default() })
    }

    pub(super) async fn plan_swap_press(&self, press: &Press, id: &SwapId, caller: &Caller) -> Plan {
        let swap = match oncall::swap(&self.store, id).await {
            Ok(Some(swap)) => swap,
            Ok(None) => return Plan::Answer(swap_gone()),
            Err(error) => {
                tracing::warn!(error = %error, "a swap could not be read");
                return Plan::Answer(crate::slack::blocks::replies::unavailable());
            }
        };
        let now = self.now();
        let answered = match press {
            Press::Accept(_) => self.still_holds(&swap).and_then(|()| {
                let (swap, overrides) = swap.accept(&caller.user, now, self.ids.as_ref())?;
                let schedule = &swap.exchange.schedule;
                let changes =
                    overrides.into_iter().map(|over| Change::Override { schedule: schedule.clone(), over }).collect();
                Ok((swap, changes, "oncall.swap_accepted"))
            }),
            Press::UndoSwap(_) => swap.undo(&caller.user, now).map(|(swap, overrides)| {
                (swap, overrides.into_iter().map(Change::RemoveOverride).collect(), "oncall.swap_undone")
            }),
            _ => swap.decline(&caller.user, now).map(|swap| (swap, Vec::new(), "oncall.swap_declined")),
        };
        match answered {
            Ok((swap, changes, action)) => {
                let (extra, message) = self.swap_settled(swap, changes, &caller.actor(), action);
                Plan::Record { extra: Box::new(extra), message }
            }
            Err(refusal) => Plan::Answer(swap_refused(refusal)),
        }
    }

    /// An override or another schedule since the question would make a swap of something else.
    fn still_holds(&self, swap: &Swap) -> Result<(), SwapRefusal> {
        let Exchange { schedule, asks, asked, gives, takes } = &swap.exchange;
        let has = |user: &UserId, stint: Stint| self.has_all(schedule, user, stint);
        let held = !swap.open() || (has(asks, *gives) && takes.is_none_or(|takes| has(asked, takes)));
        if held { Ok(()) } else { Err(SwapRefusal::Changed) }
    }

    /// Edits the question and tells both; the message is for whoever pressed.
    fn swap_settled(&self, swap: Swap, mut changes: Vec<Change>, by: &Actor, action: &str) -> (Extra, Message) {
        let now = self.now();
        let people = self.people();
        let message = swap_told(&SwapView { swap: &swap, people: &people, now });
        let Exchange { asks, asked, schedule, .. } = &swap.exchange;
        let mut effects = vec![direct(asked, Some(key(&swap.id)), message.clone())];
        let pressed = |user: &UserId| matches!(by, Actor::Person { user: presser, .. } if presser == user);
        for user in [asks, asked].into_iter().filter(|user| !pressed(user)) {
            // Whoever was asked reads the edited question; an edit rings no bell, so an end they did not cause is told.
            if user == asks || action == "oncall.swap_undone" {
                effects.push(direct(user, None, message.clone()));
            }
        }
        let told = self.schedules().into_iter().find(|known| known.name == *schedule).and_then(|known| known.channel);
        if let (Some(channel), false) = (told, changes.is_empty()) {
            let message = swap_announced(&SwapView { swap: &swap, people: &people, now });
            effects.push((Effect::Post { channel, thread_ts: None, fallback: None, message }, ANSWER));
        }
        let record = swap_record(&swap, by, action, now);
        changes.push(Change::Swap(swap));
        (Extra { effects, records: vec![record], oncall: changes, ..Extra::default() }, message)
    }

    /// Ends the questions that were not answered in time.
    ///
    /// # Errors
    /// The store did not answer; they are ended at the next try.
    pub async fn expire_swaps(&self) -> Result<(), StoreError> {
        if self.lease().is_none() || self.schedules().is_empty() {
            return Ok(());
        }
        for swap in oncall::expired(&self.store, self.now()).await? {
            let Ok(swap) = swap.expire(self.now()) else { continue };
            let (extra, _) = self.swap_settled(swap, Vec::new(), &Actor::System, "oncall.swap_expired");
            match self.commit_extra(extra).await {
                Ok(()) | Err(StepError::AlreadyDone | StepError::NotLeader) => {}
                Err(StepError::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The living message of a swap's question.
fn key(id: &SwapId) -> String {
    format!("swap:{id}")
}

fn swap_record(swap: &Swap, by: &Actor, action: &str, now: Timestamp) -> Record {
    let Exchange { schedule, asks, asked, gives, takes } = &swap.exchange;
    let stint = |stint: &Stint| json!({ "from": stint.from.to_string(), "to": stint.to.to_string() });
    let detail = json!({
        "asked": asked, "asks": asks, "gives": stint(gives), "swap": swap.id, "takes": takes.as_ref().map(stint),
    });
    Record {
        at: now,
        actor: by.clone(),
        action: action.to_owned(),
        subject: format!("schedule/{schedule}"),
        detail: detail.to_string(),
    }
}
