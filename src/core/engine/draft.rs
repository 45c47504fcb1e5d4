//! One decision in the making: the state as changed so far, and what is to be done, written down and looked at again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Engine;
use super::deadline::Subject;
use super::decision::{Decision, Effect, Note};
use super::inhibit::{Bond, source_bonds};
use super::input::{Input, Outcome, Refusal};
use super::overlay::Overlay;
use crate::core::alert::Alert;
use crate::core::audit::Record;
use crate::core::group::{Attention, Group, GroupState};
use crate::core::ids::{Actor, GroupId, Ids};
use crate::core::label::Fingerprint;
use crate::core::time::Timestamp;

pub(super) struct Draft<'a> {
    pub engine: &'a Engine,
    pub state: Overlay<'a>,
    pub now: Timestamp,
    pub ids: &'a dyn Ids,
    effects: Vec<Effect>,
    records: Vec<Record>,
    touched: BTreeMap<GroupId, Touch>,
    /// Bonds of which a source began or ceased to fire: their targets' groups are to be looked at.
    stirred: BTreeSet<Bond>,
}

/// Why a group is to be looked at before the decision is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Touch {
    /// Which members fire, or which of them may notify, can have changed; or its time has come.
    pub members: bool,
    /// Its message reads differently now.
    pub visible: bool,
    /// A person did it and looks at the message: no waiting for the next edit.
    pub urgent: bool,
}

impl Touch {
    pub const DUE: Self = Self { members: true, visible: false, urgent: false };
    pub const MEMBERS: Self = Self { members: true, visible: true, urgent: false };
    pub const VALUE: Self = Self { members: false, visible: true, urgent: false };
    pub const PERSON: Self = Self { members: true, visible: true, urgent: true };
}

impl<'a> Draft<'a> {
    pub fn new(engine: &'a Engine, now: Timestamp, ids: &'a dyn Ids) -> Self {
        Self {
            engine,
            state: Overlay::new(engine),
            now,
            ids,
            effects: Vec::new(),
            records: Vec::new(),
            touched: BTreeMap::new(),
            stirred: BTreeSet::new(),
        }
    }

    /// Does what is due by now.
    pub fn advance(&mut self) {
        for subject in self.engine.index.deadlines.due(self.now) {
            match subject {
                Subject::Silence(id) => self.advance_silence(&id),
                Subject::Alert(fingerprint) => self.advance_alert(fingerprint),
                Subject::Group(id) => self.touch(id, Touch::DUE),
            }
        }
    }

    pub fn take(&mut self, input: Input) -> Result<Outcome, Refusal> {
        match input {
            Input::Signal(signal) => {
                self.take_signal(signal);
                Ok(Outcome::Taken)
            }
            Input::Tick => Ok(Outcome::Taken),
            Input::Acknowledge { group, by, comment } => self.acknowledge(&group, by, comment),
            Input::Unacknowledge { group, by } => self.unacknowledge(&group, &by),
            Input::Silence { matchers, starts_at, ends_at, by, comment } => {
                self.silence(matchers, starts_at, ends_at, by, comment)
            }
            Input::Unsilence { silence, by } => self.unsilence(&silence, by),
        }
    }

    /// Looks once at every group that was touched, and says what readers are to be told.
    pub fn settle(&mut self) {
        for bond in std::mem::take(&mut self.stirred) {
            let targets: Vec<_> = self.state.targets(&bond).collect();
            for target in targets {
                if self.state.alert(target).is_some_and(Alert::firing) {
                    self.touch_groups_of(target, Touch::DUE);
                }
            }
        }
        for (id, touch) in std::mem::take(&mut self.touched) {
            self.look_at(&id, touch);
        }
    }

    pub fn finish(self, outcomes: Vec<Result<Outcome, Refusal>>) -> Decision {
        let mut changes = self.state.into_changes();
        changes.decided_at = self.now;
        Decision { changes, effects: self.effects, records: self.records, outcomes }
    }

    pub fn touch(&mut self, id: GroupId, touch: Touch) {
        let entry = self.touched.entry(id).or_default();
        entry.members |= touch.members;
        entry.visible |= touch.visible;
        entry.urgent |= touch.urgent;
    }

    pub fn touch_groups_of(&mut self, fingerprint: Fingerprint, touch: Touch) {
        for id in self.state.groups_of(fingerprint) {
            self.touch(id, touch);
        }
    }

    /// The alert began or ceased to fire: what it inhibits is to be looked at.
    pub fn stir(&mut self, fingerprint: Fingerprint) {
        if let Some(alert) = self.state.alert(fingerprint) {
            self.stirred.extend(source_bonds(&self.engine.policy.inhibit, &alert.labels));
        }
    }

    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub fn show(&mut self, group: &Group, attention: Attention) {
        self.effect(Effect::Show { group: group.id.clone(), lane: group.severity, attention });
    }

    pub fn note(&mut self, group: &Group, note: Note) {
        self.effect(Effect::Note { group: group.id.clone(), note });
    }

    /// A line in the thread of each message that speaks of the alert; a group without a message has no thread.
    pub fn note_in_groups_of(&mut self, fingerprint: Fingerprint, note: &Note) {
        for id in self.state.groups_of(fingerprint) {
            if self.state.group(&id).is_some_and(has_thread) {
                self.effect(Effect::Note { group: id, note: note.clone() });
            }
        }
    }

    pub fn record(&mut self, actor: Actor, action: &str, subject: String, detail: &BTreeMap<&str, Value>) {
        let detail = json!(detail).to_string();
        self.records.push(Record { at: self.now, actor, action: action.to_owned(), subject, detail });
    }
}

/// A message is out and still edited.
pub(super) fn has_thread(group: &Group) -> bool {
    match group.state {
        GroupState::Notified { .. } => true,
        GroupState::Waiting { .. } | GroupState::Closed { .. } => false,
    }
}
