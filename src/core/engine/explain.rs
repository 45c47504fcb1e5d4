//! Why an alert or a group is where it is: everything that matched, grouped, held and told it (`/wk why`).

use super::Engine;
use super::deadline::{muted_by, of_alert, of_group};
use super::query::Suppression;
use crate::core::alert::Alert;
use crate::core::group::Group;
use crate::core::ids::GroupId;
use crate::core::label::{Fingerprint, Labels};
use crate::core::time::{Span, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Group(GroupId),
    Alert(Fingerprint),
}

/// An alert with the groups it is in, or a group with the alerts in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Firing ones first.
    pub alerts: Vec<AlertExplanation>,
    pub groups: Vec<GroupExplanation>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlertExplanation {
    /// With labels, evidence, state, transitions and `flapping_since`.
    pub alert: Alert,
    /// The routes it takes now, in order.
    pub routes: Vec<RouteTaken>,
    pub suppression: Suppression,
    /// When it fires, resolves, ceases to flap or is forgotten by itself.
    pub next_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTaken {
    /// The matchers from the root down, one text a node.
    pub path: Vec<String>,
    pub receiver: String,
    pub group_by: Vec<String>,
    /// The labels that make its group.
    pub grouping: Labels,
}

#[derive(Clone, Debug, PartialEq)]
pub struct GroupExplanation {
    /// With state, acknowledgement, what was shown, what holds it, and the history of notifications.
    pub group: Group,
    pub group_wait: Span,
    pub group_interval: Span,
    pub repeat_interval: Span,
    /// The mute interval in force now.
    pub muted_by: Option<String>,
    /// When it is looked at next by itself.
    pub next_at: Option<Timestamp>,
}

impl Engine {
    /// `None` when memory has no such group or alert (any more).
    #[must_use]
    pub fn explain(&self, target: &Target, now: Timestamp) -> Option<Explanation> {
        match target {
            Target::Group(id) => {
                let group = self.groups.get(id)?;
                let alerts = self.members(group).into_iter().map(|alert| self.explain_alert(alert)).collect();
                Some(Explanation { alerts, groups: vec![self.explain_group(group, now)] })
            }
            Target::Alert(fingerprint) => {
                let alert = self.alerts.get(fingerprint)?;
                let groups = self.groups_of(*fingerprint).map(|group| self.explain_group(group, now)).collect();
                Some(Explanation { alerts: vec![self.explain_alert(alert)], groups })
            }
        }
    }

    fn explain_alert(&self, alert: &Alert) -> AlertExplanation {
        let legs = self.routes.matching(alert).into_iter();
        let grouped = self.index.memberships.contains_key(&alert.fingerprint());
        AlertExplanation {
            alert: alert.clone(),
            routes: legs
                .map(|leg| RouteTaken {
                    path: leg.path.clone(),
                    receiver: leg.receiver.clone(),
                    group_by: leg.group_by.clone(),
                    grouping: leg.grouping(&alert.labels, alert.severity),
                })
                .collect(),
            suppression: self.suppression(alert),
            next_at: of_alert(alert, &self.policy, grouped),
        }
    }

    fn explain_group(&self, group: &Group, now: Timestamp) -> GroupExplanation {
        let leg = self.routes.leg(&group.delivery.route);
        GroupExplanation {
            group: group.clone(),
            group_wait: leg.group_wait.into(),
            group_interval: leg.group_interval.into(),
            repeat_interval: leg.repeat_interval.into(),
            muted_by: muted_by(leg, &self.policy, now),
            next_at: of_group(group, leg, &self.policy),
        }
    }
}
