//! Handing the watch over: a report at each shift change, its acceptance, reminders and escalation, notes, and the week.
//!
//! For others: [`Flow::answerable`] says whom to call for a schedule now.

mod answer;
mod gather;
mod keep;
mod lines;
mod note;
mod press;
mod show;
mod week;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, RwLock};

use crate::core::handoff::{self, Handoff};
use crate::core::ids::UserId;
use crate::core::oncall::Person;
use crate::core::time::Timestamp;
use crate::store::StoreError;
use crate::store::handoffs::{self, Change, Stored};

use super::Flow;
pub(super) use press::ours;

/// Handoffs that somebody is still to accept, as committed, and when each schedule was last looked at.
#[derive(Debug, Default)]
pub(super) struct Desk {
    open: RwLock<BTreeMap<String, Handoff>>,
    looked_at: Mutex<BTreeMap<String, Timestamp>>,
}

impl Flow {
    /// Whom to call for a schedule now: whoever keeps the watch until it is accepted, then whose shift it is. Empty:
    /// nobody, or no such schedule.
    #[must_use]
    pub fn answerable(&self, schedule: &str) -> Vec<UserId> {
        let waiting = self.open_handoff(schedule);
        let mut people: Vec<UserId> = waiting.map(|handoff| self.keepers(&handoff)).unwrap_or_default();
        for user in self.on_call(schedule, self.now()) {
            if !people.contains(&user) {
                people.push(user);
            }
        }
        people
    }

    /// Who keeps the watch until a handoff is accepted, but those who have left Slack since.
    pub(super) fn keepers(&self, of: &Handoff) -> Vec<UserId> {
        let kept = self.with_roster(&of.schedule, |roster| handoff::reachable(roster.directory, of.keepers()));
        kept.unwrap_or_else(|| of.keepers().to_vec())
    }

    /// The handoff of a schedule that nobody has accepted yet.
    pub(super) fn open_handoff(&self, schedule: &str) -> Option<Handoff> {
        self.handoffs.open.read().unwrap_or_else(PoisonError::into_inner).get(schedule).cloned()
    }

    /// Takes over what this or another replica has stored.
    ///
    /// # Errors
    /// The store did not answer; what was known stays.
    pub async fn refresh_handoffs(&self) -> Result<(), StoreError> {
        if self.schedules().is_empty() {
            return Ok(());
        }
        let open = handoffs::open(&self.store).await?.into_iter();
        let open = open.map(|Stored { handoff, .. }| (handoff.schedule.clone(), handoff)).collect();
        *self.handoffs.open.write().unwrap_or_else(PoisonError::into_inner) = open;
        Ok(())
    }

    /// Takes over into memory what was committed.
    pub(super) fn handoffs_changed(&self, changes: &[Change]) {
        for change in changes {
            if let Change::Moved { after, .. } = change {
                self.handoff_changed(after);
            }
        }
    }

    fn handoff_changed(&self, handoff: &Handoff) {
        let mut open = self.handoffs.open.write().unwrap_or_else(PoisonError::into_inner);
        if handoff.state.open() {
            open.insert(handoff.schedule.clone(), handoff.clone());
        } else if open.get(&handoff.schedule).is_some_and(|known| known.id == handoff.id) {
            open.remove(&handoff.schedule);
        }
    }

    /// Learns the names of everybody in `users`.
    async fn know_all(&self, users: Vec<UserId>) {
        for user in users {
            self.know(&user).await;
        }
    }
}

/// Everybody a handoff names.
fn named(handoff: &Handoff) -> Vec<UserId> {
    let gone = handoff.unreachable.iter().filter_map(|person| match person {
        Person::Slack(user) => Some(user),
        Person::Email(_) | Person::Name(_) => None,
    });
    let Handoff { incoming, outgoing, staying, .. } = handoff;
    incoming.iter().chain(outgoing).chain(staying).chain(gone).cloned().collect()
}
