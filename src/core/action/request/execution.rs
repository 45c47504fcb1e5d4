//! A request being carried out: what its journal wants next, and what came of it.

use super::super::journal::{End, Next, Signed, Tried};
use super::{Request, State};
use crate::core::ids::Actor;
use crate::core::time::{Span, Timestamp};

impl Request {
    /// It cannot be begun any more: what it is about is gone, or so already.
    #[must_use]
    pub fn void(mut self, why: &str, now: Timestamp) -> Self {
        if matches!(self.state, State::Open { .. } | State::Approved { .. }) {
            self.state = State::Cancelled { by: Actor::System, why: why.to_owned(), journal: None, at: now };
        }
        self
    }

    /// What an execution that is under way wants next.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Next> {
        match &self.state {
            State::Executing { journal, .. } => Some(journal.next(&self.plan, now)),
            _ => None,
        }
    }

    #[must_use]
    pub fn intend(mut self, step: usize, now: Timestamp) -> Self {
        if let State::Executing { journal, .. } = &mut self.state {
            journal.intend(step, now);
        }
        self
    }

    #[must_use]
    pub fn attempt(mut self, step: usize, signed: Option<Signed>, now: Timestamp) -> Self {
        if let State::Executing { journal, .. } = &mut self.state {
            journal.attempt(step, signed, now);
        }
        self
    }

    #[must_use]
    pub fn settle(mut self, step: usize, tried: Tried, now: Timestamp) -> Self {
        if let State::Executing { journal, .. } = &mut self.state {
            journal.settle(step, tried, now);
        }
        self.close(now)
    }

    #[must_use]
    pub fn progress(mut self, seen: &str) -> Self {
        if let State::Executing { journal, .. } = &mut self.state {
            seen.clone_into(&mut journal.progress);
        }
        self
    }

    /// What was changed has settled, or did not (`why`).
    #[must_use]
    pub fn verified(mut self, failed: Option<String>, now: Timestamp) -> Self {
        if let Some(why) = failed {
            return self.unsettled(why, now);
        }
        if let State::Executing { journal, .. } = &mut self.state {
            journal.verified_at = Some(now);
        }
        self.close(now)
    }

    /// It was seen to be done and may be gone again: how it ended is not known.
    #[must_use]
    pub fn lost(mut self, why: &str, now: Timestamp) -> Self {
        if let State::Executing { journal, .. } = &mut self.state {
            journal.lose(why);
        }
        self.close(now)
    }

    /// It fails, and first takes back what it has to.
    pub(super) fn unsettled(mut self, why: String, now: Timestamp) -> Self {
        if let State::Executing { journal, .. } = &mut self.state {
            journal.unsettled = Some(why);
        }
        self.close(now)
    }

    /// Over when the journal is.
    fn close(mut self, now: Timestamp) -> Self {
        let State::Executing { proof, journal, started_at } = &self.state else { return self };
        if journal.next(&self.plan, now) != Next::Over {
            return self;
        }
        let (proof, journal, started_at) = (proof.clone(), journal.clone(), *started_at);
        self.state = match journal.end() {
            End::Succeeded => State::Succeeded { proof, journal, started_at, at: now },
            End::Failed(why) => State::Failed { proof, journal, started_at, at: now, why },
            End::Unknown(why) => State::Unknown { proof, journal, started_at, at: now, why },
        };
        self
    }

    /// Until when what was done holds before it goes back by itself.
    #[must_use]
    pub fn holds_until(&self) -> Option<Timestamp> {
        match &self.state {
            State::Executing { journal, .. } => journal.holds_until(&self.plan),
            _ => None,
        }
    }

    /// How long it took.
    #[must_use]
    pub fn took(&self) -> Option<Span> {
        match &self.state {
            State::Succeeded { started_at, at, .. }
            | State::Failed { started_at, at, .. }
            | State::Unknown { started_at, at, .. } => Some(at.since(*started_at).into()),
            _ => None,
        }
    }
}
