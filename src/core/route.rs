//! Routing, inhibition and mute intervals: what configuration says about notifications, in Alertmanager's words.
//! Source: Prometheus Alertmanager documentation, "route", "inhibit_rule", "time_interval".

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::label::Matcher;
use super::time::Span;

/// A node of the routing tree. The first matching child wins, unless it says `continue`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Route {
    /// All must match; none on the root.
    pub matchers: Vec<Matcher>,
    /// Who is told; inherited when absent.
    pub receiver: Option<String>,
    /// Labels that make one group (one living message); inherited when absent.
    pub group_by: Option<Vec<String>>,
    /// How long a new group waits for company before its first message. Default 10s.
    pub group_wait: Option<Span>,
    /// The least time between messages about new members of a group. Default 1m.
    pub group_interval: Option<Span>,
    /// How long until an unacknowledged, unchanged group is brought up again. Default 4h.
    pub repeat_interval: Option<Span>,
    /// Names of mute intervals during which this route is quiet.
    pub mute_time_intervals: Vec<String>,
    /// Go on to the next sibling after a match.
    #[serde(rename = "continue")]
    pub go_on: bool,
    pub routes: Vec<Route>,
}

/// While a source alert fires, matching target alerts with the same `equal` labels do not notify.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InhibitRule {
    pub source_matchers: Vec<Matcher>,
    pub target_matchers: Vec<Matcher>,
    #[serde(default)]
    pub equal: Vec<String>,
}
