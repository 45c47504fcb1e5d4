//! One shift change from its report to its acceptance.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Change, Settings};
use crate::core::escalation::{Policy, Position, Service, Turn};
use crate::core::ids::{ChannelId, HandoffId, UserId};
use crate::core::oncall::Person;
use crate::core::time::Timestamp;

/// Who hands the watch to whom, and where that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handoff {
    pub id: HandoffId,
    /// What people type: `/wk handoff 12`.
    pub number: u64,
    pub schedule: String,
    pub channel: ChannelId,
    /// They keep the watch until it is accepted. Empty: nobody had it.
    pub outgoing: Vec<UserId>,
    /// Who is asked to take it. Empty: nobody has to, or nobody can be reached.
    pub incoming: Vec<UserId>,
    /// Who has it now and had it before.
    #[serde(default)]
    pub staying: Vec<UserId>,
    /// Who should have it now and cannot be reached; empty while anybody else has it.
    #[serde(default)]
    pub unreachable: Vec<Person>,
    /// When the shift changed.
    pub at: Timestamp,
    /// When it changes again, as far as that was known.
    pub until: Option<Timestamp>,
    /// Who has a direct message about it.
    pub told: BTreeSet<UserId>,
    /// Which services outside were told that nobody accepts.
    pub services: BTreeSet<Service>,
    pub state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    Offered {
        remind_at: Timestamp,
        escalate_at: Timestamp,
        reminded: u32,
    },
    /// Nobody accepted in time; `next` is due at `due_at`.
    Escalating {
        next: Position,
        due_at: Timestamp,
    },
    /// There is nobody left to tell.
    Unanswered {
        at: Timestamp,
    },
    Accepted {
        by: UserId,
        at: Timestamp,
    },
    /// By the schedule nobody has the watch now, so there is nobody to accept it.
    Unwatched,
    /// The watch changed hands again before anybody accepted.
    Superseded {
        at: Timestamp,
    },
}

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Counted from 1.
    Remind {
        nth: u32,
        due_at: Timestamp,
    },
    Escalate(Turn),
    /// There is no policy, or every step of it was taken.
    Unanswered {
        due_at: Timestamp,
    },
}

/// Why nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the watch is for {0:?} to accept")]
    NotYours(Vec<UserId>),
    #[error("{by} has accepted already")]
    Accepted { by: UserId, at: Timestamp },
    #[error("the watch has changed hands again")]
    Over,
    #[error("nobody has this shift")]
    Unwatched,
}

impl State {
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Offered { .. } => "offered",
            Self::Escalating { .. } => "escalating",
            Self::Unanswered { .. } => "unanswered",
            Self::Accepted { .. } => "accepted",
            Self::Unwatched => "unwatched",
            Self::Superseded { .. } => "superseded",
        }
    }

    /// Somebody is still to accept.
    #[must_use]
    pub const fn open(&self) -> bool {
        matches!(self, Self::Offered { .. } | Self::Escalating { .. } | Self::Unanswered { .. })
    }
}

impl Handoff {
    /// Offers the watch to whoever comes in. They have their time from `now` on, however late that is. Where nobody comes in
    /// who should, others are told at once; who has kept the watch since an earlier change has accepted it with that.
    #[must_use]
    pub fn offer(
        id: HandoffId,
        number: u64,
        schedule: &str,
        channel: ChannelId,
        change: Change,
        settings: &Settings,
        now: Timestamp,
    ) -> Self {
        let Change { outgoing, incoming, people, unreachable, at, until } = change;
        let staying: Vec<UserId> = people.into_iter().filter(|user| !incoming.contains(user)).collect();
        let state = match (incoming.is_empty(), staying.first()) {
            (true, Some(kept)) => State::Accepted { by: kept.clone(), at: now },
            (true, None) if unreachable.is_empty() => State::Unwatched,
            (true, None) => State::Offered { remind_at: now, escalate_at: now, reminded: 0 },
            (false, _) => State::Offered {
                remind_at: now.plus(settings.remind.duration()),
                escalate_at: now.plus(settings.accept_within.duration()),
                reminded: 0,
            },
        };
        Self {
            id,
            number,
            schedule: schedule.to_owned(),
            channel,
            told: incoming.iter().cloned().collect(),
            outgoing,
            incoming,
            staying,
            unreachable,
            at,
            until,
            services: BTreeSet::new(),
            state,
        }
    }

    /// Whether nobody was asked, as whoever has it now kept it before.
    #[must_use]
    pub fn kept(&self) -> bool {
        self.incoming.is_empty() && matches!(&self.state, State::Accepted { by, .. } if self.staying.contains(by))
    }

    /// Who is answerable although their shift is over.
    #[must_use]
    pub fn keepers(&self) -> &[UserId] {
        if self.state.open() { &self.outgoing } else { &[] }
    }

    /// When something happens by itself.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Offered { remind_at, escalate_at, .. } => Some(remind_at.min(escalate_at)),
            State::Escalating { due_at, .. } => Some(due_at),
            State::Unanswered { .. } | State::Accepted { .. } | State::Unwatched | State::Superseded { .. } => None,
        }
    }

    /// Does the next thing that is due. What was missed does not come all at once: waits are counted from `now`.
    #[must_use]
    pub fn take(self, settings: &Settings, policy: Option<&Policy>, now: Timestamp) -> (Self, Option<Due>) {
        match self.state {
            State::Offered { escalate_at, .. } if escalate_at <= now => {
                self.step(policy, Position::default(), escalate_at, now)
            }
            State::Offered { remind_at, escalate_at, reminded } if remind_at <= now => {
                let (again, nth) = (now.plus(settings.remind.duration()), reminded + 1);
                let state = State::Offered { remind_at: again, escalate_at, reminded: nth };
                (Self { state, ..self }, Some(Due::Remind { nth, due_at: remind_at }))
            }
            State::Escalating { next, due_at } if due_at <= now => self.step(policy, next, due_at, now),
            _ => (self, None),
        }
    }

    fn step(self, policy: Option<&Policy>, next: Position, due_at: Timestamp, now: Timestamp) -> (Self, Option<Due>) {
        let next = policy.map(|policy| (policy, next.within(policy))).filter(|(policy, next)| !next.past(policy));
        let Some((policy, position)) = next else {
            return (Self { state: State::Unanswered { at: now }, ..self }, Some(Due::Unanswered { due_at }));
        };
        let (next, wait) = position.following(policy);
        let state = State::Escalating { next, due_at: now.plus(wait) };
        (Self { state, ..self }, Some(Due::Escalate(Turn { position, due_at })))
    }

    /// The step just taken reached nobody: the next of its round is due at once.
    #[must_use]
    pub fn unreached(self, now: Timestamp) -> Self {
        match self.state {
            State::Escalating { next, .. } if next.step > 0 => {
                Self { state: State::Escalating { next, due_at: now }, ..self }
            }
            _ => self,
        }
    }

    /// Whoever comes in takes the watch.
    pub fn accept(self, by: &UserId, now: Timestamp) -> Result<Self, Refusal> {
        self.acceptable()?;
        if !self.incoming.contains(by) {
            return Err(Refusal::NotYours(self.incoming));
        }
        Ok(self.accepted(by, now))
    }

    /// Somebody else takes the watch in place of whoever does not answer.
    pub fn stand_in(self, by: &UserId, now: Timestamp) -> Result<Self, Refusal> {
        self.acceptable()?;
        Ok(self.accepted(by, now))
    }

    /// Whoever comes in asks something first: they have read it, so they are given their time anew.
    pub fn ask(self, by: &UserId, settings: &Settings, now: Timestamp) -> Result<Self, Refusal> {
        self.acceptable()?;
        let own = self.incoming.contains(by);
        let state = match self.state {
            State::Offered { remind_at, escalate_at, reminded } if own => State::Offered {
                remind_at: remind_at.max(now.plus(settings.remind.duration())),
                escalate_at: escalate_at.max(now.plus(settings.accept_within.duration())),
                reminded,
            },
            state => state,
        };
        Ok(Self { state, ..self })
    }

    /// The watch changes hands again.
    #[must_use]
    pub fn supersede(self, now: Timestamp) -> Self {
        if self.state.open() { Self { state: State::Superseded { at: now }, ..self } } else { self }
    }

    fn accepted(self, by: &UserId, now: Timestamp) -> Self {
        Self { state: State::Accepted { by: by.clone(), at: now }, ..self }
    }

    fn acceptable(&self) -> Result<(), Refusal> {
        match &self.state {
            State::Offered { .. } | State::Escalating { .. } | State::Unanswered { .. } => Ok(()),
            State::Accepted { by, at } => Err(Refusal::Accepted { by: by.clone(), at: *at }),
            State::Unwatched => Err(Refusal::Unwatched),
            State::Superseded { .. } => Err(Refusal::Over),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::escalation::{Step, Target};
    use crate::core::time::Span;

    fn mins(mins: i64) -> Timestamp {
        Timestamp::from_secs(1_796_000_000 + mins * 60)
    }

    fn user(name: &str) -> UserId {
        UserId::new(name)
    }

    fn policy() -> Policy {
        let step = |who: &str| Step { targets: vec![Target::User(user(who))], wait: Span::from_secs(300) };
        let steps = vec![step("ULEAD"), step("UBOSS")];
        Policy { name: "watch".to_owned(), after: Span::from_secs(600), steps, repeat: 0 }
    }

    fn offered() -> Handoff {
        let change = Change {
            outgoing: vec![user("UANN")],
            incoming: vec![user("UBOB")],
            people: vec![user("UBOB")],
            unreachable: Vec::new(),
            at: mins(0),
            until: Some(mins(600)),
        };
        let (id, channel) = (HandoffId::new("H"), ChannelId::new("C0OPS"));
        Handoff::offer(id, 1, "primary", channel, change, &Settings::default(), mins(0))
    }

    /// What happens, minute by minute, until `until`.
    fn story(mut handoff: Handoff, policy: Option<&Policy>, until: i64) -> (Handoff, Vec<String>) {
        let mut said = Vec::new();
        for minute in 0..=until {
            loop {
                let (next, due) = handoff.take(&Settings::default(), policy, mins(minute));
                handoff = next;
                said.extend(due.as_ref().map(|due| match due {
                    Due::Remind { nth, .. } => format!("{minute}: reminder {nth}"),
                    Due::Escalate(turn) => format!("{minute}: step {}", turn.position.step + 1),
                    Due::Unanswered { .. } => format!("{minute}: nobody"),
                }));
                if due.is_none() {
                    break;
                }
            }
        }
        (handoff, said)
    }

    #[test]
    fn not_accepted_in_time_it_reminds_and_then_escalates_and_the_outgoing_one_keeps_the_watch() {
        let (handoff, said) = story(offered(), Some(&policy()), 60);
        assert_eq!(said, ["10: reminder 1", "20: reminder 2", "30: step 1", "35: step 2", "40: nobody"]);
        assert_eq!(handoff.keepers(), [user("UANN")]);
        let accepted = handoff.accept(&user("UBOB"), mins(61)).unwrap();
        assert!(accepted.keepers().is_empty(), "late, and it counts");
        assert_eq!(accepted.due_at(), None);
    }

    #[test]
    fn without_a_policy_it_says_once_that_nobody_has_accepted() {
        assert_eq!(story(offered(), None, 90).1, ["10: reminder 1", "20: reminder 2", "30: nobody"]);
    }

    #[test]
    fn what_came_due_while_nothing_ran_does_not_come_all_at_once() {
        let (handoff, due) = offered().take(&Settings::default(), Some(&policy()), mins(300));
        assert!(matches!(due, Some(Due::Escalate(Turn { due_at, .. })) if due_at == mins(30)), "{due:?}");
        assert_eq!(handoff.due_at(), Some(mins(305)), "the lead has their five minutes");
    }

    #[test]
    fn only_whoever_comes_in_accepts_and_only_once() {
        assert_eq!(offered().accept(&user("UANN"), mins(1)), Err(Refusal::NotYours(vec![user("UBOB")])));
        let accepted = offered().accept(&user("UBOB"), mins(1)).unwrap();
        let again = accepted.clone().accept(&user("UBOB"), mins(2));
        assert_eq!(again, Err(Refusal::Accepted { by: user("UBOB"), at: mins(1) }));
        assert_eq!(accepted.supersede(mins(9)).state.name(), "accepted");
        assert_eq!(offered().supersede(mins(9)).accept(&user("UBOB"), mins(10)), Err(Refusal::Over));
        let stood_in = offered().stand_in(&user("ULEAD"), mins(31)).unwrap();
        assert_eq!(stood_in.state, State::Accepted { by: user("ULEAD"), at: mins(31) });
    }

    #[test]
    fn a_question_of_whoever_comes_in_gives_them_their_time_anew() {
        let asked = offered().ask(&user("UBOB"), &Settings::default(), mins(25)).unwrap();
        assert_eq!(story(asked, None, 90).1, ["35: reminder 1", "45: reminder 2", "55: nobody"]);
        let by_other = offered().ask(&user("UCAT"), &Settings::default(), mins(25)).unwrap();
        assert_eq!(by_other, offered());
    }

    #[test]
    fn nobody_can_accept_a_shift_that_nobody_has() {
        let handoff = nobody_comes_in(&[], &[]);
        assert_eq!(handoff.due_at(), None);
        assert!(handoff.keepers().is_empty(), "office hours are over");
        assert_eq!(handoff.accept(&user("UANN"), mins(1)), Err(Refusal::Unwatched));
    }

    fn nobody_comes_in(people: &[&str], unreachable: &[&str]) -> Handoff {
        let change = Change {
            outgoing: vec![user("UANN")],
            incoming: vec![],
            people: people.iter().map(|name| user(name)).collect(),
            unreachable: unreachable.iter().map(|name| Person::from((*name).to_owned())).collect(),
            at: mins(0),
            until: None,
        };
        let (id, channel) = (HandoffId::new("H"), ChannelId::new("C0OPS"));
        Handoff::offer(id, 1, "office", channel, change, &Settings::default(), mins(0))
    }

    #[test]
    fn where_who_should_come_in_is_gone_others_are_told_at_once_and_the_outgoing_one_keeps_it() {
        let handoff = nobody_comes_in(&[], &["UBOB"]);
        assert_eq!((handoff.keepers(), handoff.state.open()), (&[user("UANN")][..], true));
        let (_, said) = story(handoff.clone(), Some(&policy()), 15);
        assert_eq!(said, ["0: step 1", "5: step 2", "10: nobody"]);
        let taken = handoff.stand_in(&user("ULEAD"), mins(3)).unwrap();
        assert!(taken.keepers().is_empty() && !taken.kept());
    }

    #[test]
    fn who_kept_it_until_their_own_shift_is_asked_nothing() {
        let handoff = nobody_comes_in(&["UCAT"], &[]);
        assert_eq!((handoff.kept(), handoff.due_at(), handoff.keepers().len()), (true, None, 0));
        assert!(!offered().accept(&user("UBOB"), mins(1)).unwrap().kept());
    }
}
