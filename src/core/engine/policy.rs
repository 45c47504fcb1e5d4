//! What configuration says about notifications: routes, inhibition, mute intervals, flap damping, retention.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mute::MuteInterval;
use crate::core::label::ALERTNAME;
use crate::core::route::{InhibitRule, Route};
use crate::core::time::Span;

pub const DEFAULT_RECEIVER: &str = "default";
pub const DEFAULT_GROUP_WAIT: Span = Span::from_secs(10);
pub const DEFAULT_GROUP_INTERVAL: Span = Span::from_secs(60);
pub const DEFAULT_REPEAT_INTERVAL: Span = Span::from_secs(4 * 3600);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The routing tree; every alert that no child takes stays at the root.
    pub root: Route,
    pub inhibit: Vec<InhibitRule>,
    /// Times of quiet by name; routes refer to them in `mute_time_intervals`.
    pub mute_time_intervals: BTreeMap<String, MuteInterval>,
    pub flap: FlapPolicy,
    /// How long resolved alerts and closed groups stay in memory. Default 1h; at least the flap window counts.
    pub resolved_retention: Span,
    /// The least time between edits that only bring new values. Default 30s.
    pub edit_interval: Span,
}

impl Default for Policy {
    fn default() -> Self {
        let root = Route {
            receiver: Some(DEFAULT_RECEIVER.to_owned()),
            group_by: Some(vec![ALERTNAME.to_owned()]),
            group_wait: Some(DEFAULT_GROUP_WAIT),
            group_interval: Some(DEFAULT_GROUP_INTERVAL),
            repeat_interval: Some(DEFAULT_REPEAT_INTERVAL),
            ..Route::default()
        };
        Self {
            root,
            inhibit: Vec::new(),
            mute_time_intervals: BTreeMap::new(),
            flap: FlapPolicy::default(),
            resolved_retention: Span::from_secs(3600),
            edit_interval: Span::from_secs(30),
        }
    }
}

/// An alert that changes state `changes` times within `window` flaps: it stays firing until quiet for `hold`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FlapPolicy {
    /// Firing and resolving count one each. Default 6; 0 turns damping off.
    pub changes: u32,
    /// Default 30m.
    pub window: Span,
    /// Default 10m.
    pub hold: Span,
}

impl Default for FlapPolicy {
    fn default() -> Self {
        Self { changes: 6, window: Span::from_secs(1800), hold: Span::from_secs(600) }
    }
}

/// What is wrong in a policy: where, and how to put it right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Path of the key inside the policy: `root.routes[1].mute_time_intervals[0]`.
    pub key: String,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

impl Policy {
    /// Everything that would make alerts go nowhere or not as written; empty when the policy is sound.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |key: &str, message: String| problems.push(Problem { key: key.to_owned(), message });
        if self.root.receiver.is_none() {
            say(
                "root.receiver",
                "the root needs a receiver, since every alert that no child takes ends here".to_owned(),
            );
        }
        if !self.root.matchers.is_empty() {
            say("root.matchers", "the root takes every alert; move the matchers to a child route".to_owned());
        }
        self.check_route(&self.root, "root", &mut say);
        for (index, rule) in self.inhibit.iter().enumerate() {
            for (side, matchers) in
                [("source_matchers", &rule.source_matchers), ("target_matchers", &rule.target_matchers)]
            {
                if matchers.is_empty() {
                    say(
                        &format!("inhibit[{index}].{side}"),
                        "needs at least one matcher, or it matches every alert".to_owned(),
                    );
                }
            }
        }
        for (name, interval) in &self.mute_time_intervals {
            if interval.0.is_empty() {
                say(
                    &format!("mute_time_intervals.{name}"),
                    "has no times, so it never mutes; list at least one".to_owned(),
                );
            }
        }
        let FlapPolicy { changes, window, hold } = self.flap;
        if changes == 1 {
            say(
                "flap.changes",
                "1 would call every alert flapping; use 3 or more, or 0 to turn damping off".to_owned(),
            );
        }
        if changes > 0 && (window == Span::default() || hold == Span::default()) {
            say("flap", "window and hold must be longer than zero, or set changes to 0".to_owned());
        }
        problems
    }

    fn check_route(&self, route: &Route, key: &str, say: &mut impl FnMut(&str, String)) {
        for (index, name) in route.mute_time_intervals.iter().enumerate() {
            if !self.mute_time_intervals.contains_key(name) {
                let known: Vec<_> = self.mute_time_intervals.keys().map(String::as_str).collect();
                let known = if known.is_empty() {
                    "none is defined".to_owned()
                } else {
                    format!("there are {}", known.join(", "))
                };
                say(
                    &format!("{key}.mute_time_intervals[{index}]"),
                    format!("no mute interval is named `{name}`; {known}"),
                );
            }
        }
        if route.receiver.as_deref() == Some("") {
            say(&format!("{key}.receiver"), "must not be empty; leave it out to inherit".to_owned());
        }
        if route.repeat_interval.is_some_and(|repeat| repeat < Span::from_secs(60)) {
            say(
                &format!("{key}.repeat_interval"),
                "must be at least 1m, or the channel fills with the same alert".to_owned(),
            );
        }
        for (index, child) in route.routes.iter().enumerate() {
            let key = format!("{key}.routes[{index}]");
            if child.matchers.is_empty() && !child.go_on && index + 1 < route.routes.len() {
                say(
                    &format!("{key}.matchers"),
                    "matches everything, so the routes after it are never reached".to_owned(),
                );
            }
            self.check_route(child, &key, say);
        }
    }

    /// How long things stay in memory after their end; never less than damping looks back.
    #[must_use]
    pub fn retention(&self) -> Duration {
        // A Show is rendered a moment after it was decided, so what it speaks of must outlive the decision.
        const LEAST: Duration = Duration::from_mins(1);
        self.resolved_retention.duration().max(self.flap.window.duration()).max(LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::label::Matcher;

    #[test]
    fn the_default_policy_is_sound() {
        assert_eq!(Policy::default().validate(), []);
    }

    #[test]
    fn a_policy_names_what_is_wrong_and_where() {
        let child = Route { mute_time_intervals: vec!["nights".to_owned()], ..Route::default() };
        let root = Route {
            matchers: vec![Matcher::equal("a", "b")],
            routes: vec![child, Route::default()],
            ..Route::default()
        };
        let policy = Policy {
            root,
            inhibit: vec![InhibitRule {
                source_matchers: vec![],
                target_matchers: vec![Matcher::equal("a", "b")],
                equal: vec![],
            }],
            flap: FlapPolicy { changes: 1, ..FlapPolicy::default() },
            ..Policy::default()
        };
        let keys: Vec<_> = policy.validate().into_iter().map(|problem| problem.key).collect();
        assert_eq!(
            keys,
            [
                "root.receiver",
                "root.matchers",
                "root.routes[0].matchers",
                "root.routes[0].mute_time_intervals[0]",
                "inhibit[0].source_matchers",
                "flap.changes",
            ]
        );
    }
}
