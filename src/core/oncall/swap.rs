//! Swaps: somebody asks a colleague to take a shift, perhaps for one of theirs; it holds once the colleague has agreed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Override;
use crate::core::ids::{Ids, OverrideId, SwapId, UserId};
use crate::core::time::Timestamp;

/// A part of a schedule's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stint {
    pub from: Timestamp,
    pub to: Timestamp,
}

/// Who would take what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    pub schedule: String,
    pub asks: UserId,
    pub asked: UserId,
    /// What `asked` would take.
    pub gives: Stint,
    /// What `asks` would take in return.
    pub takes: Option<Stint>,
}

/// A swap from its question to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    pub id: SwapId,
    pub exchange: Exchange,
    pub asked_at: Timestamp,
    /// No answer by then is a no.
    pub expires_at: Timestamp,
    pub state: SwapState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SwapState {
    Asked,
    Accepted { at: Timestamp, overrides: Vec<OverrideId> },
    Declined { at: Timestamp },
    Expired { at: Timestamp },
    Undone { at: Timestamp, by: UserId },
}

impl SwapState {
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Accepted { .. } => "accepted",
            Self::Declined { .. } => "declined",
            Self::Expired { .. } => "expired",
            Self::Undone { .. } => "undone",
        }
    }

    /// The state it comes from; a question comes from none.
    #[must_use]
    pub const fn before(&self) -> Option<&'static str> {
        match self {
            Self::Asked => None,
            Self::Accepted { .. } | Self::Declined { .. } | Self::Expired { .. } => Some("asked"),
            Self::Undone { .. } => Some("accepted"),
        }
    }
}

/// Why a swap is not answered or undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SwapRefusal {
    #[error("this question is for somebody else")]
    NotYours,
    #[error("this swap was answered already")]
    Answered,
    #[error("this question has expired")]
    Expired,
    #[error("the shift has begun; make an override instead")]
    Begun,
    #[error("the schedule has changed since the question")]
    Changed,
    #[error("only a swap that holds can be undone")]
    NotHeld,
}

/// How long a colleague has for the answer, unless the shift begins before.
pub const ANSWER_WITHIN: Duration = Duration::from_hours(24);

impl Swap {
    #[must_use]
    pub fn ask(id: SwapId, exchange: Exchange, now: Timestamp) -> Self {
        let expires_at = now.plus(ANSWER_WITHIN).min(exchange.begins());
        Self { id, exchange, asked_at: now, expires_at, state: SwapState::Asked }
    }

    #[must_use]
    pub const fn open(&self) -> bool {
        matches!(self.state, SwapState::Asked)
    }

    /// The swap as it holds, and the overrides that make it hold.
    pub fn accept(self, by: &UserId, now: Timestamp, ids: &dyn Ids) -> Result<(Self, Vec<Override>), SwapRefusal> {
        self.answerable(by, now)?;
        let Exchange { asks, asked, gives, takes, .. } = &self.exchange;
        let parts = [Some((asked, asks, gives)), takes.as_ref().map(|takes| (asks, asked, takes))];
        let over = |(user, by, stint): (&UserId, &UserId, &Stint)| Override {
            id: OverrideId::new(ids.next(now)),
            user: user.clone(),
            from: stint.from,
            to: stint.to,
            by: Some(by.clone()),
        };
        let overrides: Vec<Override> = parts.into_iter().flatten().map(over).collect();
        let state = SwapState::Accepted { at: now, overrides: overrides.iter().map(|over| over.id.clone()).collect() };
        Ok((Self { state, ..self }, overrides))
    }

    pub fn decline(self, by: &UserId, now: Timestamp) -> Result<Self, SwapRefusal> {
        self.answerable(by, now)?;
        Ok(Self { state: SwapState::Declined { at: now }, ..self })
    }

    pub fn expire(self, now: Timestamp) -> Result<Self, SwapRefusal> {
        match self.state {
            SwapState::Asked if now >= self.expires_at => Ok(Self { state: SwapState::Expired { at: now }, ..self }),
            SwapState::Asked => Err(SwapRefusal::NotHeld),
            _ => Err(SwapRefusal::Answered),
        }
    }

    /// Either of the two takes it back; `Ok` names the overrides that end with it.
    pub fn undo(self, by: &UserId, now: Timestamp) -> Result<(Self, Vec<OverrideId>), SwapRefusal> {
        if ![&self.exchange.asks, &self.exchange.asked].contains(&by) {
            return Err(SwapRefusal::NotYours);
        }
        let SwapState::Accepted { overrides, .. } = &self.state else { return Err(SwapRefusal::NotHeld) };
        if self.exchange.begins() <= now {
            return Err(SwapRefusal::Begun);
        }
        let overrides = overrides.clone();
        Ok((Self { state: SwapState::Undone { at: now, by: by.clone() }, ..self }, overrides))
    }

    fn answerable(&self, by: &UserId, now: Timestamp) -> Result<(), SwapRefusal> {
        match &self.state {
            _ if *by != self.exchange.asked => Err(SwapRefusal::NotYours),
            SwapState::Expired { .. } => Err(SwapRefusal::Expired),
            SwapState::Asked if now >= self.expires_at => Err(SwapRefusal::Expired),
            SwapState::Asked => Ok(()),
            _ => Err(SwapRefusal::Answered),
        }
    }
}

impl Exchange {
    /// When the first of its shifts begins.
    #[must_use]
    pub fn begins(&self) -> Timestamp {
        self.takes.map_or(self.gives.from, |takes| self.gives.from.min(takes.from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counted(std::sync::atomic::AtomicU32);

    impl Ids for Counted {
        fn next(&self, _: Timestamp) -> String {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string()
        }
    }

    fn hours(hours: u64) -> Timestamp {
        Timestamp::from_secs(0).plus(Duration::from_hours(hours))
    }

    fn asked(begins: u64) -> Swap {
        let gives = Stint { from: hours(begins), to: hours(begins + 8) };
        let takes = Some(Stint { from: hours(begins + 24), to: hours(begins + 32) });
        let (asks, asked) = (UserId::new("UANN"), UserId::new("UBOB"));
        let exchange = Exchange { schedule: "primary".to_owned(), asks, asked, gives, takes };
        Swap::ask(SwapId::new("1"), exchange, hours(0))
    }

    #[test]
    fn an_accepted_swap_is_an_override_for_each_shift_and_undoing_it_ends_both() {
        let ids = Counted(std::sync::atomic::AtomicU32::new(0));
        let (swap, overrides) = asked(48).accept(&UserId::new("UBOB"), hours(1), &ids).unwrap();
        let made: Vec<_> = overrides.iter().map(|over| (over.user.as_str(), over.from)).collect();
        assert_eq!(made, [("UBOB", hours(48)), ("UANN", hours(72))]);
        assert!(overrides.iter().all(Override::vouched), "the other one agreed");
        assert_eq!(swap.clone().accept(&UserId::new("UBOB"), hours(2), &ids), Err(SwapRefusal::Answered));
        assert_eq!(swap.clone().undo(&UserId::new("UANN"), hours(48)), Err(SwapRefusal::Begun));
        assert_eq!(swap.clone().undo(&UserId::new("UCAT"), hours(3)), Err(SwapRefusal::NotYours));
        let (undone, ended) = swap.undo(&UserId::new("UANN"), hours(3)).unwrap();
        assert_eq!(ended.len(), 2);
        assert_eq!(undone.undo(&UserId::new("UANN"), hours(4)), Err(SwapRefusal::NotHeld));
    }

    #[test]
    fn only_the_one_who_was_asked_answers_and_only_in_time() {
        let (ann, bob) = (UserId::new("UANN"), UserId::new("UBOB"));
        assert_eq!(asked(48).decline(&ann, hours(1)), Err(SwapRefusal::NotYours));
        assert_eq!(asked(48).decline(&bob, hours(24)), Err(SwapRefusal::Expired));
        assert_eq!(asked(2).expires_at, hours(2), "not after the shift has begun");
        let declined = asked(48).decline(&bob, hours(23)).unwrap();
        assert_eq!(declined.expire(hours(30)), Err(SwapRefusal::Answered));
        assert!(asked(48).expire(hours(24)).is_ok());
    }
}
