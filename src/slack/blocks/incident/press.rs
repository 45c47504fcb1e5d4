//! What can be pressed about an incident.

use crate::core::ids::{GroupId, IncidentId};

/// A button about an incident; see [`super::super::actions::Press`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Press {
    /// Opens the form for a new one, about this alert group.
    Declare(GroupId),
    Update(IncidentId),
    Roles(IncidentId),
    Resolve(IncidentId),
    Reopen(IncidentId),
    Export(IncidentId),
}

impl Press {
    /// With the prefix that makes it ours.
    pub(in crate::slack::blocks) const fn verb(&self) -> &'static str {
        match self {
            Self::Declare(_) => "incident.declare",
            Self::Update(_) => "incident.update",
            Self::Roles(_) => "incident.roles",
            Self::Resolve(_) => "incident.resolve",
            Self::Reopen(_) => "incident.reopen",
            Self::Export(_) => "incident.export",
        }
    }

    pub(in crate::slack::blocks) fn value(&self) -> String {
        match self {
            Self::Declare(group) => group.to_string(),
            Self::Update(id) | Self::Roles(id) | Self::Resolve(id) | Self::Reopen(id) | Self::Export(id) => {
                id.to_string()
            }
        }
    }

    pub(in crate::slack::blocks) fn read(verb: &str, value: &str) -> Option<Self> {
        let id = || IncidentId::new(value);
        Some(match verb {
            "incident.declare" => Self::Declare(GroupId::new(value)),
            "incident.update" => Self::Update(id()),
            "incident.roles" => Self::Roles(id()),
            "incident.resolve" => Self::Resolve(id()),
            "incident.reopen" => Self::Reopen(id()),
            "incident.export" => Self::Export(id()),
            _ => return None,
        })
    }
}
