//! Notes for the next shift: typed, or made of a message by its shortcut.

use serde_json::json;

use crate::core::audit::Record;
use crate::core::handoff::Note;
use crate::core::ids::NoteId;
use crate::core::oncall::Schedule;
use crate::slack::blocks::handoff::{
    note_added, note_empty, note_without_schedule, notes_waiting, nothing_handed_over,
};
use crate::slack::blocks::replies;
use crate::slack::inbound::MessageAction;
use crate::store::handoffs::{self, Change};

use super::super::act::{Caller, Plan};
use super::super::step::Extra;
use super::Flow;

/// Longer notes are cut: a handoff is read on a phone.
const LONGEST: usize = 1000;

impl Flow {
    /// `[schedule] <text>`; without a text the notes that wait.
    pub(super) async fn plan_note(&self, typed: &str, caller: &Caller) -> Plan {
        let all = self.schedules();
        let handed: Vec<Schedule> = all.iter().filter(|one| one.hands_over().is_some()).cloned().collect();
        let (first, rest) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
        let named = |among: &[Schedule]| among.iter().find(|known| known.name == first.to_lowercase()).cloned();
        let (schedule, text) = match (named(&handed), named(&all)) {
            (Some(schedule), _) => (Some(schedule), rest.trim()),
            (None, Some(other)) => return Plan::Answer(nothing_handed_over(&other.name)),
            (None, None) => (self.note_schedule(&handed, caller), typed),
        };
        let Some(schedule) = schedule else {
            let there: Vec<&str> = handed.iter().map(|known| known.name.as_str()).collect();
            return Plan::Answer(note_without_schedule(&there));
        };
        if text.is_empty() {
            return match handoffs::notes(&self.store, &schedule.name).await {
                Ok(notes) => {
                    self.know_all(notes.iter().map(|note| note.by.clone()).collect()).await;
                    Plan::Answer(notes_waiting(&schedule.name, &notes, &self.people(), self.now()))
                }
                Err(error) => {
                    tracing::warn!(error = %error, "notes could not be read");
                    Plan::Answer(replies::unavailable())
                }
            };
        }
        self.noted(&schedule, text, None, caller)
    }

    /// The message becomes a note, with a link back to it.
    pub(in crate::flow) async fn plan_note_of(&self, action: &MessageAction, caller: &Caller) -> Plan {
        if let Err(why) = self.may_respond(caller) {
            return Plan::Denied { why, action: "note" };
        }
        let handed: Vec<Schedule> = self.schedules().into_iter().filter(|one| one.hands_over().is_some()).collect();
        // A shortcut cannot ask which; the answer says which it was.
        let Some(schedule) = self.note_schedule(&handed, caller).or_else(|| handed.first().cloned()) else {
            return Plan::Answer(note_without_schedule(&[]));
        };
        let text = action.text.trim();
        if text.is_empty() {
            return Plan::Answer(note_empty());
        }
        let link = self.api.chat_get_permalink(&action.channel, &action.message_ts).await;
        let link = link.inspect_err(|error| tracing::debug!(error = %error, "a note goes without a link")).ok();
        self.noted(&schedule, text, link, caller)
    }

    /// The schedule that can only be meant.
    fn note_schedule(&self, handed: &[Schedule], caller: &Caller) -> Option<Schedule> {
        match handed {
            [only] => Some(only.clone()),
            several => self.own_schedule(&caller.user, several),
        }
    }

    fn noted(&self, schedule: &Schedule, text: &str, link: Option<String>, caller: &Caller) -> Plan {
        let now = self.now();
        let text: String = text.chars().take(LONGEST).collect();
        let note = Note { id: NoteId::new(self.ids.next(now)), at: now, by: caller.user.clone(), text, link };
        let record = Record {
            at: now,
            actor: caller.actor(),
            action: "handoff.noted".to_owned(),
            subject: format!("schedule/{}", schedule.name),
            detail: json!({ "note": note.id, "text": note.text }).to_string(),
        };
        let message = note_added(&schedule.name, &note);
        let handoffs = vec![Change::Noted { schedule: schedule.name.clone(), note }];
        Plan::Record { extra: Box::new(Extra { records: vec![record], handoffs, ..Extra::default() }), message }
    }
}
