//! A schedule as it is configured: where its shifts come from, and what in Slack follows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Layer, Person};
use crate::core::engine::mute::Location;
use crate::core::handoff;
use crate::core::ids::{ChannelId, UserGroupId};
use crate::core::time::Span;

/// A watch that somebody has at any time. Its shifts come from one of `layers`, `ical` and `pagerduty`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// One word, as people type it: primary.
    pub name: String,
    /// People who take turns; a later layer comes before an earlier one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
    /// A calendar (RFC 5545) of shifts, as Google, PagerDuty, Opsgenie and Grafana export it.
    #[serde(default)]
    pub ical: Option<Calendar>,
    /// The id of a PagerDuty schedule, e.g. PI7DH85.
    #[serde(default)]
    pub pagerduty: Option<String>,
    /// Whose clock people mean when they write a time for this schedule; that of the last layer when absent, else UTC.
    #[serde(default)]
    pub time_zone: Option<Location>,
    /// Where a coming gap is announced; when absent, where its watch is handed over.
    #[serde(default)]
    pub channel: Option<ChannelId>,
    /// What happens at a shift change: a report for whoever comes in, who has to accept it. Absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<handoff::Settings>,
    /// The id of a Slack user group (S…) whose members shall be who is on call. Its list is replaced.
    #[serde(default)]
    pub user_group: Option<UserGroupId>,
}

/// Where a calendar is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// The environment variable that holds the calendar's address (NAME_FILE works as well): whoever has it can read it.
    pub url_env: String,
    /// How often it is fetched.
    #[serde(default = "five_minutes")]
    pub every: Span,
}

const fn five_minutes() -> Span {
    Span::from_secs(300)
}

impl Schedule {
    /// Whose clock people mean when they write a time.
    #[must_use]
    pub fn zone(&self) -> Location {
        let last = || self.layers.last().map(|layer| layer.time_zone.clone());
        self.time_zone.clone().or_else(last).unwrap_or_default()
    }

    /// Where and how its watch is handed over; `None` when it is not, or nowhere.
    #[must_use]
    pub fn hands_over(&self) -> Option<(ChannelId, &handoff::Settings)> {
        let settings = self.handoff.as_ref()?;
        let channel = settings.channel.clone().or_else(|| self.channel.clone())?;
        Some((channel, settings))
    }

    /// Where a coming gap is announced; `None`: nowhere.
    #[must_use]
    pub fn warned_in(&self) -> Option<ChannelId> {
        self.channel.clone().or_else(|| self.handoff.as_ref()?.channel.clone())
    }

    /// Whether its shifts are fetched from elsewhere.
    #[must_use]
    pub const fn imported(&self) -> bool {
        self.ical.is_some() || self.pagerduty.is_some()
    }

    /// Everybody it names.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.layers.iter().flat_map(|layer| &layer.users)
    }
}
