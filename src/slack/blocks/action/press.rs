//! What can be pressed about an operation.

use crate::core::action::digest::Digest;
use crate::core::action::kind::Kind;
use crate::core::action::offer::Offer;
use crate::core::ids::{GroupId, RequestId};

/// A button about an operation; see [`super::super::actions::Press`]. What decides is bound to the plan that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Press {
    Approve(RequestId, Digest),
    /// Opens the form that asks why.
    Reject(RequestId, Digest),
    Withdraw(RequestId),
    /// Stop what is under way.
    Cancel(RequestId),
    /// The way back now and not at its time.
    BackNow(RequestId),
    /// The whole plan, for the person who asks.
    Details(RequestId),
    /// Opens the form that asks for the way back.
    Undo(RequestId),
    /// Opens the form that asks for the same again.
    Again(RequestId),
    /// What was done without approval was looked at.
    Review(RequestId),
    /// Opens the form, filled in for an alert.
    Offer(GroupId, Offer),
}

impl Press {
    /// With the prefix that makes it ours.
    pub(in crate::slack::blocks) const fn verb(&self) -> &'static str {
        match self {
            Self::Approve(..) => "action.approve",
            Self::Reject(..) => "action.reject",
            Self::Withdraw(_) => "action.withdraw",
            Self::Cancel(_) => "action.cancel",
            Self::BackNow(_) => "action.back",
            Self::Details(_) => "action.details",
            Self::Undo(_) => "action.undo",
            Self::Again(_) => "action.again",
            Self::Review(_) => "action.review",
            Self::Offer(..) => "action.offer",
        }
    }

    pub(in crate::slack::blocks) fn value(&self) -> String {
        match self {
            Self::Approve(id, digest) | Self::Reject(id, digest) => format!("{id} {digest}"),
            Self::Withdraw(id)
            | Self::Cancel(id)
            | Self::BackNow(id)
            | Self::Details(id)
            | Self::Undo(id)
            | Self::Again(id)
            | Self::Review(id) => id.to_string(),
            Self::Offer(group, Offer { kind, target }) => format!("{group} {} {target}", kind.as_str()),
        }
    }

    pub(in crate::slack::blocks) fn read(verb: &str, value: &str) -> Option<Self> {
        // The name of a wallet, which comes last, may have spaces in it.
        let parts: Vec<&str> = value.splitn(3, ' ').collect();
        Some(match (verb, parts.as_slice()) {
            ("action.approve", [id, digest]) => Self::Approve(RequestId::new(*id), Digest::claimed(digest)),
            ("action.reject", [id, digest]) => Self::Reject(RequestId::new(*id), Digest::claimed(digest)),
            ("action.withdraw", [id]) => Self::Withdraw(RequestId::new(*id)),
            ("action.cancel", [id]) => Self::Cancel(RequestId::new(*id)),
            ("action.back", [id]) => Self::BackNow(RequestId::new(*id)),
            ("action.details", [id]) => Self::Details(RequestId::new(*id)),
            ("action.undo", [id]) => Self::Undo(RequestId::new(*id)),
            ("action.again", [id]) => Self::Again(RequestId::new(*id)),
            ("action.review", [id]) => Self::Review(RequestId::new(*id)),
            ("action.offer", [group, kind, target]) => {
                let offer = Offer { kind: Kind::named(kind)?, target: target.parse().ok()? };
                Self::Offer(GroupId::new(*group), offer)
            }
            _ => return None,
        })
    }
}
