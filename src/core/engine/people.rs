//! What people do: acknowledge, silence, and take it back.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::decision::{Effect, Note};
use super::draft::{Draft, Touch, has_thread};
use super::input::{Outcome, Refusal};
use crate::core::group::{Acknowledgement, Group, GroupState};
use crate::core::ids::{Actor, GroupId, SilenceId};
use crate::core::label::{Fingerprint, Labels, Matcher, all_match};
use crate::core::silence::{Silence, SilencePhase};
use crate::core::time::Timestamp;

impl Draft<'_> {
    pub fn acknowledge(&mut self, id: &GroupId, by: Actor, comment: String) -> Result<Outcome, Refusal> {
        let now = self.now;
        let mut group = self.open_group(id)?;
        let number = group.number;
        if let Some(Acknowledgement { by, at }) = group.acknowledged {
            return Err(Refusal::AlreadyAcknowledged { number, by, at });
        }
        group.acknowledged = Some(Acknowledgement { by: by.clone(), at: now });
        let mut detail = about(&group);
        if !comment.is_empty() {
            detail.insert("comment", json!(comment));
        }
        self.tell(&group, Note::Acknowledged { by: by.clone(), comment });
        self.record(by, "alert.acknowledged", format!("alert/{number}"), &detail);
        self.state.put_group(group);
        Ok(Outcome::Acknowledged { number })
    }

    pub fn unacknowledge(&mut self, id: &GroupId, by: &Actor) -> Result<Outcome, Refusal> {
        let mut group = self.open_group(id)?;
        let number = group.number;
        let Some(before) = group.acknowledged.take() else {
            return Err(Refusal::NotAcknowledged { number });
        };
        // Unattended from now on.
        if let GroupState::Notified { repeat_at, .. } = &mut group.state {
            *repeat_at = self.now.plus(self.engine.routes.leg(&group.delivery.route).repeat_interval);
        }
        self.tell(&group, Note::Unacknowledged { by: by.clone() });
        let mut detail = about(&group);
        detail.insert("acknowledged_by", json!(before.by));
        self.record(by.clone(), "alert.unacknowledged", format!("alert/{number}"), &detail);
        self.state.put_group(group);
        Ok(Outcome::Unacknowledged { number })
    }

    fn open_group(&self, id: &GroupId) -> Result<Group, Refusal> {
        let group = self.state.group(id).ok_or_else(|| Refusal::NoSuchGroup(id.clone()))?;
        match group.state {
            GroupState::Closed { closed_at, .. } => Err(Refusal::Closed { number: group.number, at: closed_at }),
            GroupState::Waiting { .. } | GroupState::Notified { .. } => Ok(group.clone()),
        }
    }

    /// A line in the thread, and the message edited at once.
    fn tell(&mut self, group: &Group, note: Note) {
        if has_thread(group) {
            self.note(group, note);
            self.touch(group.id.clone(), Touch::PERSON);
        }
    }

    pub fn silence(
        &mut self,
        matchers: Vec<Matcher>,
        starts_at: Option<Timestamp>,
        ends_at: Timestamp,
        by: Actor,
        comment: String,
    ) -> Result<Outcome, Refusal> {
        let now = self.now;
        let starts_at = starts_at.unwrap_or(now).max(now);
        if ends_at <= starts_at {
            return Err(Refusal::EndsTooEarly);
        }
        if all_match(&matchers, &Labels::default()) {
            return Err(Refusal::MatchesEverything);
        }
        let (id, number) = (SilenceId::new(self.ids.next(now)), self.state.take_silence_number());
        let silence = Silence {
            id: id.clone(),
            number,
            matchers,
            starts_at,
            ends_at,
            created_by: by.clone(),
            created_at: now,
            comment,
            warned_at: None,
            expired_by: None,
            phase: SilencePhase::Scheduled,
        };
        let firing = self.matching(&silence.matchers).len();
        let detail = BTreeMap::from([
            ("comment", json!(silence.comment)),
            ("ends_at", json!(ends_at.to_string())),
            ("matchers", json!(silence.matchers)),
            ("starts_at", json!(starts_at.to_string())),
        ]);
        self.record(by, "silence.created", format!("silence/{number}"), &detail);
        self.state.put_silence(silence);
        self.advance_silence(&id);
        Ok(Outcome::Silenced { silence: id, number, firing })
    }

    pub fn unsilence(&mut self, id: &SilenceId, by: Actor) -> Result<Outcome, Refusal> {
        let mut silence = self.state.silence(id).cloned().ok_or_else(|| Refusal::NoSuchSilence(id.clone()))?;
        let number = silence.number;
        if let SilencePhase::Ended { at } = silence.phase {
            return Err(Refusal::SilenceEnded { number, at });
        }
        silence.expired_by = Some(by.clone());
        let firing = self.matching(&silence.matchers).len();
        let detail = BTreeMap::from([("matchers", json!(silence.matchers))]);
        self.record(by, "silence.expired", format!("silence/{number}"), &detail);
        self.end_silence(silence);
        Ok(Outcome::Unsilenced { number, firing })
    }

    /// Does what the silence's own times ask for by now.
    pub fn advance_silence(&mut self, id: &SilenceId) {
        let now = self.now;
        let Some(mut silence) = self.state.silence(id).cloned() else { return };
        if let SilencePhase::Ended { at } = silence.phase {
            if at.plus(self.engine.policy.retention()) <= now {
                self.state.remove_silence(id);
            }
            return;
        }
        if silence.ends_at <= now {
            return self.end_silence(silence);
        }
        if silence.phase == SilencePhase::Scheduled && silence.starts_at <= now {
            silence.phase = SilencePhase::Active;
            let (by, comment) = (silence.created_by.clone(), silence.comment.clone());
            let (until, number) = (silence.ends_at, silence.number);
            self.tell_silenced(&silence, &Note::Silenced { silence: id.clone(), number, by, until, comment });
        }
        if silence.phase == SilencePhase::Active && silence.warned_at.is_none() && silence.warn_at() <= now {
            silence.warned_at = Some(now);
            self.effect(Effect::SilenceEnding { silence: id.clone() });
        }
        self.state.put_silence(silence);
    }

    fn end_silence(&mut self, mut silence: Silence) {
        if silence.phase == SilencePhase::Active {
            let (id, number, by) = (silence.id.clone(), silence.number, silence.expired_by.clone());
            self.tell_silenced(&silence, &Note::Unsilenced { silence: id, number, by });
        }
        silence.phase = SilencePhase::Ended { at: self.now };
        self.state.put_silence(silence);
    }

    /// A line in every thread that speaks of what the silence matches, one each, and the messages edited at once.
    fn tell_silenced(&mut self, silence: &Silence, note: &Note) {
        let matching = self.matching(&silence.matchers);
        let groups: std::collections::BTreeSet<_> =
            matching.into_iter().flat_map(|f| self.state.groups_of(f)).collect();
        for id in groups {
            if self.state.group(&id).is_some_and(has_thread) {
                self.effect(Effect::Note { group: id.clone(), note: note.clone() });
            }
            self.touch(id, Touch::PERSON);
        }
    }

    /// The firing alerts that all `matchers` match.
    fn matching(&self, matchers: &[Matcher]) -> Vec<Fingerprint> {
        let firing = self.state.alerts().filter(|(_, alert)| alert.firing());
        firing.filter(|(_, alert)| all_match(matchers, *alert)).map(|(fingerprint, _)| fingerprint).collect()
    }
}

fn about(group: &Group) -> BTreeMap<&'static str, Value> {
    BTreeMap::from([("labels", json!(group.labels)), ("severity", json!(group.severity))])
}
