//! What can be pressed about on call.

use crate::core::ids::{OverrideId, SwapId};

/// A button about on call; see [`super::super::actions::Press`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Press {
    OverrideForm,
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
            Self::OverrideForm => "oncall.override",
            Self::SwapForm => "oncall.swap",
            Self::EndOverride(_) => "oncall.end",
            Self::Accept(_) => "oncall.accept",
            Self::Decline(_) => "oncall.decline",
            Self::UndoSwap(_) => "oncall.undo",
        }
    }

    pub(in crate::slack::blocks) fn value(&self) -> String {
        match self {
            Self::OverrideForm | Self::SwapForm => "form".to_owned(),
            Self::EndOverride(id) => id.to_string(),
            Self::Accept(id) | Self::Decline(id) | Self::UndoSwap(id) => id.to_string(),
        }
    }

    pub(in crate::slack::blocks) fn read(verb: &str, value: &str) -> Option<Self> {
        let swap = || SwapId::new(value);
        Some(match verb {
            "oncall.override" => Self::OverrideForm,
            "oncall.swap" => Self::SwapForm,
            "oncall.end" => Self::EndOverride(OverrideId::new(value)),
            "oncall.accept" => Self::Accept(swap()),
            "oncall.decline" => Self::Decline(swap()),
            "oncall.undo" => Self::UndoSwap(swap()),
            _ => return None,
        })
    }
}
