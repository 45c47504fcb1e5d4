//! The routing tree with everything inherited filled in, and which of its nodes an alert lands on.

use std::time::Duration;

use super::policy::{DEFAULT_GROUP_INTERVAL, DEFAULT_GROUP_WAIT, DEFAULT_RECEIVER, DEFAULT_REPEAT_INTERVAL};
use crate::core::label::{ALERTNAME, Labelled, Labels, Matcher, SEVERITY, all_match};
use crate::core::route::Route;
use crate::core::severity::Severity;
use crate::core::time::Span;

/// Grouping by this one name means by all labels, as in Alertmanager.
const EVERY_LABEL: &str = "...";

#[derive(Debug)]
pub(super) struct Routes {
    root: Node,
}

#[derive(Debug)]
struct Node {
    matchers: Vec<Matcher>,
    go_on: bool,
    leg: Leg,
    children: Vec<Node>,
}

/// One route as an alert meets it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Leg {
    /// The matchers from the root down, one text a node: `{}`, `{severity="critical"}`.
    pub path: Vec<String>,
    pub receiver: String,
    pub group_by: Vec<String>,
    pub group_wait: Duration,
    pub group_interval: Duration,
    pub repeat_interval: Duration,
    pub mute_time_intervals: Vec<String>,
}

impl Leg {
    /// Stable over reloads as long as the matchers on the way stay the same.
    pub fn key(&self) -> String {
        self.path.join("/")
    }

    /// The labels that an alert shares with the rest of its group.
    pub fn grouping(&self, labels: &Labels, severity: Severity) -> Labels {
        if self.group_by.iter().any(|name| name == EVERY_LABEL) {
            return labels.clone();
        }
        let mut shared = labels.only(&self.group_by);
        if self.group_by.iter().any(|name| name == SEVERITY) {
            shared.set(SEVERITY, labels.get(SEVERITY).unwrap_or(severity.as_str()));
        }
        shared
    }
}

impl Routes {
    pub fn new(root: &Route) -> Self {
        let above = Leg {
            path: Vec::new(),
            receiver: DEFAULT_RECEIVER.to_owned(),
            group_by: vec![ALERTNAME.to_owned()],
            group_wait: DEFAULT_GROUP_WAIT.duration(),
            group_interval: DEFAULT_GROUP_INTERVAL.duration(),
            repeat_interval: DEFAULT_REPEAT_INTERVAL.duration(),
            mute_time_intervals: Vec::new(),
        };
        let mut root = Node::new(root, &above);
        // Matchers on the root would let alerts fall out of the tree unseen; validation reports them.
        root.matchers.clear();
        Self { root }
    }

    /// The deepest matching routes, in order; never empty.
    pub fn matching(&self, alert: &impl Labelled) -> Vec<&Leg> {
        let mut legs = Vec::new();
        self.root.collect(alert, &mut legs);
        legs
    }

    /// The route a group came from, or the root when a reload has taken it away.
    pub fn leg(&self, key: &str) -> &Leg {
        self.root.find(key).unwrap_or(&self.root.leg)
    }
}

impl Node {
    fn new(route: &Route, above: &Leg) -> Self {
        /// Repeating without pause would flood the channel, whatever the configuration says.
        const LEAST_REPEAT: Duration = Duration::from_secs(1);
        let Route { matchers, receiver, group_by, group_wait, group_interval, repeat_interval, .. } = route;
        let texts: Vec<_> = matchers.iter().map(ToString::to_string).collect();
        let or = |own: &Option<Span>, inherited| own.map_or(inherited, Span::duration);
        let leg = Leg {
            path: above.path.iter().cloned().chain([format!("{{{}}}", texts.join(", "))]).collect(),
            receiver: receiver.clone().unwrap_or_else(|| above.receiver.clone()),
            group_by: group_by.clone().unwrap_or_else(|| above.group_by.clone()),
            group_wait: or(group_wait, above.group_wait),
            group_interval: or(group_interval, above.group_interval),
            repeat_interval: or(repeat_interval, above.repeat_interval).max(LEAST_REPEAT),
            // Not inherited, as in Alertmanager.
            mute_time_intervals: route.mute_time_intervals.clone(),
        };
        let children = route.routes.iter().map(|child| Self::new(child, &leg)).collect();
        Self { matchers: matchers.clone(), go_on: route.go_on, leg, children }
    }

    fn collect<'a>(&'a self, alert: &impl Labelled, legs: &mut Vec<&'a Leg>) -> bool {
        if !all_match(&self.matchers, alert) {
            return false;
        }
        let before = legs.len();
        for child in &self.children {
            if child.collect(alert, legs) && !child.go_on {
                break;
            }
        }
        if legs.len() == before {
            legs.push(&self.leg);
        }
        true
    }

    fn find(&self, key: &str) -> Option<&Leg> {
        if self.leg.key() == key {
            return Some(&self.leg);
        }
        self.children.iter().find_map(|child| child.find(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(matcher: &str, receiver: &str) -> Route {
        Route { matchers: vec![matcher.parse().unwrap()], receiver: Some(receiver.to_owned()), ..Route::default() }
    }

    fn receivers(routes: &Routes, labels: &[(&str, &str)]) -> Vec<String> {
        let labels: Labels = labels.iter().copied().collect();
        routes.matching(&labels).into_iter().map(|leg| leg.receiver.clone()).collect()
    }

    #[test]
    fn the_deepest_match_wins_and_continue_goes_on() {
        let page = Route { go_on: true, ..child("severity=critical", "pager") };
        let crypto = Route { routes: vec![child("team=sol", "sol")], ..child("class=crypto", "crypto") };
        let routes = Routes::new(&Route { routes: vec![page, crypto], ..child("x=y", "all") });
        assert_eq!(receivers(&routes, &[]), ["all"]);
        assert_eq!(receivers(&routes, &[("severity", "critical")]), ["pager"]);
        assert_eq!(receivers(&routes, &[("severity", "critical"), ("class", "crypto")]), ["pager", "crypto"]);
        assert_eq!(receivers(&routes, &[("class", "crypto"), ("team", "sol")]), ["sol"]);
    }

    #[test]
    fn children_inherit_what_they_leave_out_except_muting() {
        let root = Route {
            group_wait: Some(Span::from_secs(5)),
            mute_time_intervals: vec!["nights".to_owned()],
            routes: vec![child("a=b", "b")],
            ..Route::default()
        };
        let routes = Routes::new(&root);
        let labels = Labels::default().with("a", "b").with(ALERTNAME, "X");
        let leg = routes.matching(&labels)[0];
        assert_eq!((leg.group_wait, leg.mute_time_intervals.len()), (Duration::from_secs(5), 0));
        assert_eq!(leg.grouping(&labels, Severity::Info), Labels::default().with(ALERTNAME, "X"));
        let by_severity = Leg { group_by: vec![SEVERITY.to_owned()], ..leg.clone() };
        assert_eq!(by_severity.grouping(&labels, Severity::Critical), Labels::default().with(SEVERITY, "critical"));
        assert_eq!(leg.key(), r#"{}/{a="b"}"#);
        assert_eq!(routes.leg(&leg.key()), leg);
        assert_eq!(routes.leg("gone").key(), "{}");
    }
}
