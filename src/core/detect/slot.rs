//! What was last said about one rule on one target, so that only news is said.

use std::time::Duration;

use crate::core::severity::Severity;
use crate::core::time::Timestamp;

/// An alert that stays active is brought up again this often, with fresh evidence.
const REFRESH: Duration = Duration::from_secs(5);

/// One rule on one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Slot {
    #[default]
    Quiet,
    Active(Said),
}

/// The last thing said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) since: Timestamp,
    pub(super) severity: Severity,
    at: Timestamp,
}

/// What a rule finds at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Active(Severity),
    Inactive,
    /// Nothing can be said now; what was said before stands.
    Unknown,
}

/// Something that must be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Active(Severity),
    Inactive,
}

impl Slot {
    /// An alert that was active before the watch began (restored from the store) and whose end is still to be said.
    pub(super) const fn resumed(severity: Severity, now: Timestamp) -> Self {
        Self::Active(Said { since: now, severity, at: now })
    }

    /// Takes a verdict in; gives what is news about it: a beginning, an end, a changed severity, or a refresh that is due.
    pub(super) fn news(&mut self, verdict: Verdict, now: Timestamp) -> Option<News> {
        match (*self, verdict) {
            (_, Verdict::Unknown) | (Self::Quiet, Verdict::Inactive) => None,
            (Self::Active(_), Verdict::Inactive) => {
                *self = Self::Quiet;
                Some(News::Inactive)
            }
            (Self::Quiet, Verdict::Active(severity)) => {
                *self = Self::Active(Said { since: now, severity, at: now });
                Some(News::Active(severity))
            }
            (Self::Active(said), Verdict::Active(severity)) => {
                // A clock that went back must not keep evidence from being refreshed.
                let due = now < said.at || now.since(said.at) >= REFRESH || said.severity != severity;
                due.then(|| {
                    *self = Self::Active(Said { severity, at: now, ..said });
                    News::Active(severity)
                })
            }
        }
    }

    pub(super) const fn said(self) -> Option<Said> {
        match self {
            Self::Active(said) => Some(said),
            Self::Quiet => None,
        }
    }

    pub(super) const fn is_active(self) -> bool {
        matches!(self, Self::Active(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_news_is_said() {
        let mut slot = Slot::default();
        let mut say = |verdict, secs| slot.news(verdict, Timestamp::from_secs(secs));
        let (warning, critical) = (Verdict::Active(Severity::Warning), Verdict::Active(Severity::Critical));
        assert_eq!(say(Verdict::Inactive, 0), None);
        assert_eq!(say(warning, 1), Some(News::Active(Severity::Warning)));
        assert_eq!(say(warning, 2), None);
        assert_eq!(say(critical, 3), Some(News::Active(Severity::Critical)));
        assert_eq!(say(Verdict::Unknown, 60), None);
        assert_eq!(say(critical, 61), Some(News::Active(Severity::Critical)));
        assert_eq!(say(Verdict::Inactive, 62), Some(News::Inactive));
        assert_eq!(say(Verdict::Inactive, 63), None);
    }
}
