//! What configuration says about escalation, in PagerDuty's words: policies of steps, and which alerts use which.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::engine::Problem;
use crate::core::group::Group;
use crate::core::ids::UserId;
use crate::core::market::Schedule;
use crate::core::severity::Severity;
use crate::core::time::{Span, Timestamp};

/// Who is told when nobody acknowledges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Escalation {
    pub policies: Vec<Policy>,
    /// Which alerts use which policy; the first that fits. An alert that none fits does not escalate.
    pub rules: Vec<Rule>,
}

/// Steps, taken one after the other until somebody acknowledges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub name: String,
    /// How long an alert's own message may stay unacknowledged before the first step.
    #[serde(default)]
    pub after: Span,
    pub steps: Vec<Step>,
    /// How often all steps are taken again.
    #[serde(default)]
    pub repeat: u32,
}

/// Everybody who is told at once, and how long they have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub targets: Vec<Target>,
    /// How long until the next step, while nobody acknowledges.
    #[serde(default = "five_minutes")]
    pub wait: Span,
}

const fn five_minutes() -> Span {
    Span::from_secs(300)
}

/// Who or what a step tells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A person, by direct message: a user id (U…).
    User(UserId),
    /// Whoever is on call in this schedule of `oncall.schedules`, by direct message.
    Schedule(String),
    /// The channel of the alert, in the message's thread: `here` or `channel`.
    Channel(String),
    /// A user group (S…), in the message's thread.
    UserGroup(String),
    /// A service of `paging.pagerduty`, by its name.
    Pagerduty(String),
    /// A service of `paging.webhooks`, by its name.
    Webhook(String),
}

impl Target {
    /// Whether it is told without a direct message to anybody.
    #[must_use]
    pub const fn beyond_people(&self) -> bool {
        match self {
            Self::User(_) | Self::Schedule(_) => false,
            Self::Channel(_) | Self::UserGroup(_) | Self::Pagerduty(_) | Self::Webhook(_) => true,
        }
    }
}

/// Which alerts use a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Alerts routed to one of these; all when empty.
    #[serde(default)]
    pub receivers: Vec<String>,
    /// Of one of these severities; all when empty.
    #[serde(default)]
    pub severities: Vec<Severity>,
    pub policy: String,
    /// Working hours, in the format of `rules.feeds[].thresholds.hours`: outside of them steps wait until they begin.
    /// Absent: at any time.
    #[serde(default)]
    pub hours: Option<Schedule>,
}

/// A policy as one alert group meets it.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    pub policy: &'a Policy,
    pub hours: Option<&'a Schedule>,
}

impl Plan<'_> {
    /// `at`, or when working hours begin after it. Hours that never begin hold nothing up.
    #[must_use]
    pub fn held(&self, at: Timestamp) -> Timestamp {
        match self.hours {
            Some(hours) if !hours.is_open(at) => hours.next_change(at).unwrap_or(at),
            Some(_) | None => at,
        }
    }
}

impl Escalation {
    /// How the group escalates; `None`: it does not.
    #[must_use]
    pub fn plan(&self, group: &Group) -> Option<Plan<'_>> {
        let fits = |rule: &&Rule| {
            (rule.receivers.is_empty() || rule.receivers.contains(&group.receiver))
                && (rule.severities.is_empty() || rule.severities.contains(&group.severity))
        };
        let rule = self.rules.iter().find(fits)?;
        let policy = self.policies.iter().find(|policy| policy.name == rule.policy && !policy.steps.is_empty())?;
        Some(Plan { policy, hours: rule.hours.as_ref() })
    }

    #[must_use]
    pub fn policy(&self, name: &str) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.name == name)
    }

    /// What contradicts itself; keys are below `escalation`. Names of receivers are held against each other elsewhere.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut say = |key: String, message: &str| found.push(Problem { key, message: message.to_owned() });
        let mut names = BTreeSet::new();
        for (index, policy) in self.policies.iter().enumerate() {
            let key = format!("policies[{index}]");
            if !names.insert(&policy.name) {
                say(format!("{key}.name"), "names two policies; give each its own name");
            }
            if policy.steps.is_empty() {
                say(format!("{key}.steps"), "has no step; add one with `targets`");
            }
            if policy.repeat > 20 {
                say(format!("{key}.repeat"), "is more than 20; nobody answers to the twenty-first call either");
            }
            for (nth, step) in policy.steps.iter().enumerate() {
                let key = format!("{key}.steps[{nth}]");
                if step.targets.is_empty() {
                    say(format!("{key}.targets"), "tells nobody; add a target such as `{user: U0123456789}`");
                }
                if step.wait.duration() < LEAST_WAIT {
                    say(format!("{key}.wait"), "is shorter than 30s; nobody reads and acknowledges faster");
                }
                for (which, target) in step.targets.iter().enumerate() {
                    if let Some(fix) = misfit(target) {
                        say(format!("{key}.targets[{which}]"), fix);
                    }
                }
            }
        }
        for (index, rule) in self.rules.iter().enumerate() {
            if self.policy(&rule.policy).is_none() {
                say(format!("rules[{index}].policy"), "names no policy of `escalation.policies`");
            }
        }
        found
    }
}

/// Shorter waits would tell everybody at once.
const LEAST_WAIT: std::time::Duration = std::time::Duration::from_secs(30);

/// What to write instead of a target that can reach nobody.
fn misfit(target: &Target) -> Option<&'static str> {
    let id = |text: &str, signs: &[char]| {
        text.len() > 1 && text.starts_with(signs) && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    match target {
        Target::User(user) => {
            (!id(user.as_str(), &['U', 'W'])).then_some("is no user id; copy it (U…) from the person's Slack profile")
        }
        Target::Channel(whom) => (!matches!(whom.as_str(), "here" | "channel"))
            .then_some("is neither `here` nor `channel`; a person is a `user`, a group a `user_group`"),
        Target::UserGroup(group) => {
            (!id(group, &['S'])).then_some("is no user group id; copy it (S…) from the group's page in Slack")
        }
        Target::Schedule(_) | Target::Pagerduty(_) | Target::Webhook(_) => None,
    }
}
