//! What can be pressed about on call.

use super::super::form::OPTION_TEXT;
use crate::core::ids::{OverrideId, SwapId};
use crate::core::oncall::Stint;
use crate::core::time::Timestamp;

/// What an override's form starts with, where a button stands by a schedule or a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefill {
    pub schedule: Option<String>,
    pub stint: Option<Stint>,
}

/// A form that starts with nothing, as for a name that its menu could not show.
const BARE: &str = "form";

impl Prefill {
    #[must_use]
    pub fn of(schedule: &str, stint: Option<Stint>) -> Self {
        Self { schedule: Some(schedule.to_owned()), stint }
    }

    fn value(&self) -> String {
        match (&self.schedule, self.stint) {
            (None, _) => BARE.to_owned(),
            (Some(schedule), _) if schedule.is_empty() || schedule.len() > OPTION_TEXT => BARE.to_owned(),
            (Some(schedule), None) => schedule.clone(),
            (Some(schedule), Some(Stint { from, to })) => {
                format!("{schedule} {} {}", from.as_millis(), to.as_millis())
            }
        }
    }

    /// The bare form's value is a schedule's name, too: one that is not there is left out when it is opened.
    fn read(value: &str) -> Self {
        let mut parts = value.split(' ');
        let schedule = parts.next().filter(|name| !name.is_empty() && *name != BARE).map(str::to_owned);
        let mut at = || parts.next()?.parse().ok().map(Timestamp::from_millis);
        let stint = at().zip(at()).map(|(from, to)| Stint { from, to });
        Self { schedule, stint }
    }
}

/// A button about on call; see [`super::super::actions::Press`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Press {
    OverrideForm(Prefill),
    SwapForm,
    EndOverride(OverrideId),
    Accept(SwapId),
    Decline(SwapId),
    UndoSwap(SwapId),
}

impl Press {
    /// With the prefix that makes it ours.
    pub(in crate::slack::blocks) const fn verb(&self) -> &'static str {
        match self {
            Self::OverrideForm(_) => "oncall.override",
            Self::SwapForm => "oncall.swap",
            Self::EndOverride(_) => "oncall.end",
            Self::Accept(_) => "oncall.accept",
            Self::Decline(_) => "oncall.decline",
            Self::UndoSwap(_) => "oncall.undo",
        }
    }

    pub(in crate::slack::blocks) fn value(&self) -> String {
        match self {
            Self::OverrideForm(prefill) => prefill.value(),
            Self::SwapForm => BARE.to_owned(),
            Self::EndOverride(id) => id.to_string(),
            Self::Accept(id) | Self::Decline(id) | Self::UndoSwap(id) => id.to_string(),
        }
    }

    pub(in crate::slack::blocks) fn read(verb: &str, value: &str) -> Option<Self> {
        let swap = || SwapId::new(value);
        Some(match verb {
            "oncall.override" => Self::OverrideForm(Prefill::read(value)),
            "oncall.swap" => Self::SwapForm,
            "oncall.end" => Self::EndOverride(OverrideId::new(value)),
            "oncall.accept" => Self::Accept(swap()),
            "oncall.decline" => Self::Decline(swap()),
            "oncall.undo" => Self::UndoSwap(swap()),
            _ => return None,
        })
    }
}
