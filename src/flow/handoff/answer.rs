//! `/wk handoff`: the shift so far, or one that was handed over, whole or a part of it.

use crate::core::command::handoff::{Ask, Which};
use crate::core::handoff::Section;
use crate::core::oncall::Schedule;
use crate::slack::blocks::handoff::{HandoffView, PartView, handoff, no_handoff, no_such_handoff, part, shift};
use crate::slack::blocks::oncall::no_such_schedule;
use crate::slack::blocks::replies;
use crate::slack::message::Message;
use crate::store::{StoreError, handoffs};

use super::super::act::{Caller, Plan};
use super::{Flow, named};

impl Flow {
    pub(in crate::flow) async fn plan_handoff(&self, ask: Ask, caller: &Caller) -> Plan {
        match ask {
            Ask::Note(text) => self.plan_note(&text, caller).await,
            Ask::Show { which, section, page } => {
                let answer = match which {
                    Which::Number(number) => self.show_handoff(number, section, page).await,
                    Which::Own => self.show_shift(None, section, page, caller).await,
                    Which::Schedule(name) => self.show_shift(Some(&name), section, page, caller).await,
                };
                Plan::Answer(answer.unwrap_or_else(|error| {
                    tracing::warn!(error = %error, "a handoff could not be shown");
                    replies::unavailable()
                }))
            }
        }
    }

    async fn show_handoff(&self, number: u64, section: Option<Section>, page: u32) -> Result<Message, StoreError> {
        let Some(stored) = handoffs::by_number(&self.store, number).await? else { return Ok(no_such_handoff(number)) };
        let of = stored.handoff;
        let report = handoffs::report(&self.store, &of.id).await?.unwrap_or_default();
        self.know_all(named(&of)).await;
        let (people, now) = (self.people(), self.now());
        Ok(match section {
            None => handoff(&HandoffView { handoff: &of, report: &report, rings: false, people: &people, now }),
            Some(section) => {
                let (report, schedule, number) = (&report, of.schedule.as_str(), Some(of.number));
                part(&PartView { report, section, page, schedule, number, people: &people, now })
            }
        })
    }

    async fn show_shift(
        &self,
        wanted: Option<&str>,
        section: Option<Section>,
        page: u32,
        caller: &Caller,
    ) -> Result<Message, StoreError> {
        let schedules = self.schedules();
        let schedule = if let Some(name) = wanted {
            schedules.iter().find(|known| known.name == name).cloned()
        } else {
            let handed: Vec<Schedule> = schedules.iter().filter(|one| one.hands_over().is_some()).cloned().collect();
            let own = self.own_schedule(&caller.user, &handed);
            let own = own.or_else(|| self.own_schedule(&caller.user, &schedules));
            own.or_else(|| handed.first().cloned()).or_else(|| schedules.first().cloned())
        };
        let Some(schedule) = schedule else {
            let known: Vec<&str> = schedules.iter().map(|known| known.name.as_str()).collect();
            return Ok(wanted.map_or_else(no_handoff, |name| no_such_schedule(name, &known)));
        };
        let now = self.now();
        let from = self.shift_since(&schedule.name).await?.unwrap_or(now);
        let until = self.next_handover(&schedule.name).map(|(at, _)| at);
        let report = self.shift_report(&schedule, from, until).await?;
        let waiting = self.open_handoff(&schedule.name);
        self.know_all(waiting.as_ref().map(named).unwrap_or_default()).await;
        let people = self.people();
        Ok(match section {
            None => shift(&schedule.name, &report, waiting.as_ref(), &people, now),
            Some(section) => {
                let (report, schedule) = (&report, schedule.name.as_str());
                part(&PartView { report, section, page, schedule, number: None, people: &people, now })
            }
        })
    }
}
