//! Operations, in `watchkeeper.yaml`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;
use super::check::channel;
use crate::core::action::policy::{Policy, Rule, Who};
use crate::core::ids::ChannelId;
use crate::core::time::Span;

/// Who may ask for which operation, and who has to approve it. Whatever no rule allows is denied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Actions {
    /// Nothing can be asked for while this is false.
    pub enabled: bool,
    /// Where requests are shown to those who approve them; the bot must be a member.
    pub channel: Option<ChannelId>,
    /// The first rule that fits an action and its target decides.
    pub rules: Vec<Rule>,
    /// Who may act without approval when nobody answers: everybody is told, and somebody else reviews it afterwards.
    pub break_glass: Vec<Who>,
    /// Who may lift a freeze; every responder may impose one.
    pub unfreeze: Vec<Who>,
}

impl Actions {
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy { rules: self.rules.clone(), break_glass: self.break_glass.clone(), unfreeze: self.unfreeze.clone() }
    }
}

/// Approvals that nobody has the time to give.
const SHORTEST: Span = Span::from_secs(60);
/// A plan that is approved days later is about another cluster.
const LONGEST: Span = Span::from_secs(24 * 3600);

pub(super) fn contradictions(config: &Config, say: &mut impl FnMut(&str, String)) {
    let Actions { enabled, channel: told, rules, break_glass: _, unfreeze } = &config.actions;
    if let Some(told) = told {
        channel("actions.channel", told.as_str(), say);
    } else if *enabled {
        say("actions", "`channel` is missing; give the id of the channel where requests are approved (C…)".to_owned());
    }
    if *enabled && rules.is_empty() {
        say("actions", "`rules` is missing, so nothing is allowed; add a rule, or write enabled: false".to_owned());
    }
    if *enabled && unfreeze.is_empty() {
        say("actions", "`unfreeze` is missing: once frozen, nobody could lift it; name somebody".to_owned());
    }
    let mut names = BTreeSet::new();
    for (index, rule) in rules.iter().enumerate() {
        let key = format!("actions.rules[{index}]");
        if rule.name.trim().is_empty() || !names.insert(rule.name.as_str()) {
            say(&format!("{key}.name"), format!("`{}` is empty or names two rules; give each its own name", rule.name));
        }
        one(rule, &key, config, say);
    }
    let scheduled = !config.oncall.schedules.is_empty();
    let everyone = [("actions.break_glass", &config.actions.break_glass), ("actions.unfreeze", unfreeze)];
    for (key, list) in everyone {
        on_call(key, list, scheduled, say);
    }
}

fn one(rule: &Rule, key: &str, config: &Config, say: &mut impl FnMut(&str, String)) {
    if rule.actions.is_empty() {
        say(&format!("{key}.actions"), "names no action; write some, such as [restart, scale]".to_owned());
    }
    for (field, list) in [("request", &rule.request), ("approve", &rule.approve)] {
        if list.is_empty() {
            say(&format!("{key}.{field}"), "names nobody; write user ids (U…), user groups (S…) or on-call".to_owned());
        }
        on_call(&format!("{key}.{field}"), list, !config.oncall.schedules.is_empty(), say);
    }
    let literal = rule.clusters.iter().enumerate().filter(|(_, cluster)| !cluster.contains('*'));
    for (nth, cluster) in literal {
        if !config.clusters.iter().any(|known| known.name == *cluster) {
            let known: Vec<&str> = config.clusters.iter().map(|known| known.name.as_str()).collect();
            let fix =
                if known.is_empty() { "there is none".to_owned() } else { format!("there are: {}", known.join(", ")) };
            say(&format!("{key}.clusters[{nth}]"), format!("no cluster is named `{cluster}`; {fix}"));
        }
    }
    for (nth, sort) in rule.kinds.iter().enumerate() {
        if !rule.actions.iter().any(|action| action.sorts().contains(sort)) {
            say(&format!("{key}.kinds[{nth}]"), format!("none of the rule's actions is for a {sort}; leave it out"));
        }
    }
    if rule.quorum == Some(0) {
        say(
            &format!("{key}.quorum"),
            "is 0; at least one other person approves, so write 1 or leave it out".to_owned(),
        );
    }
    let people = |list: &[Who]| list.iter().all(|who| matches!(who, Who::User { .. }));
    let enough = usize::try_from(rule.quorum.unwrap_or(1)).unwrap_or(usize::MAX);
    if people(&rule.approve) && !rule.approve.is_empty() {
        let others = |asks: &Who| rule.approve.iter().filter(|who| *who != asks).count();
        if people(&rule.request) && rule.request.iter().all(|asks| others(asks) < enough) {
            say(
                &format!("{key}.approve"),
                format!("nobody could ever have anything approved: {enough} others are needed; name more people"),
            );
        }
    }
    for (field, span) in [("approve_within", rule.approve_within), ("execute_within", rule.execute_within)] {
        if span < SHORTEST || span > LONGEST {
            say(&format!("{key}.{field}"), format!("`{span}` must be from {SHORTEST} to {LONGEST}; write it like 30m"));
        }
    }
    if rule.rate.is_some_and(|rate| rate.most == 0 || rate.within.duration().is_zero()) {
        say(&format!("{key}.rate"), "lets nothing begin; write it like {most: 5, within: 1h}".to_owned());
    }
}

fn on_call(key: &str, list: &[Who], scheduled: bool, say: &mut impl FnMut(&str, String)) {
    if list.contains(&Who::OnCall) && !scheduled {
        say(key, "names on-call, and no schedule is configured; add one to `oncall.schedules`".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::parse;

    fn said(actions: &str) -> String {
        let text = format!("receivers: [{{name: default, channel: C01}}]\n{actions}");
        match parse(Path::new("wk.yaml"), &text) {
            Ok(_) => "fine".to_owned(),
            Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        }
    }

    fn rule(more: &str) -> String {
        format!(
            "actions:\n  enabled: true\n  channel: C02\n  unfreeze: [U01]\n  rules:\n    - name: pushers\n      \
             actions: [restart]\n      request: [U01, U02]\n      approve: [U01, U02]\n{more}"
        )
    }

    #[test]
    fn what_could_never_work_is_named_with_its_place() {
        assert_eq!(said(&rule("")), "fine");
        for (text, expected) in [
            (
                "actions: {enabled: true}\n".to_owned(),
                "wk.yaml:2: actions: `channel` is missing; give the id of the channel where requests are approved (C…)\n\
                 wk.yaml:2: actions: `rules` is missing, so nothing is allowed; add a rule, or write enabled: false\n\
                 wk.yaml:2: actions: `unfreeze` is missing: once frozen, nobody could lift it; name somebody",
            ),
            (
                rule("      quorum: 0\n"),
                "wk.yaml:11: actions.rules[0].quorum: is 0; at least one other person approves, so write 1 or leave it out",
            ),
            (
                rule("      quorum: 2\n"),
                "wk.yaml:10: actions.rules[0].approve: nobody could ever have anything approved: 2 others are needed; \
                 name more people",
            ),
            (
                rule("      clusters: [prod]\n"),
                "wk.yaml:11: actions.rules[0].clusters[0]: no cluster is named `prod`; there is none",
            ),
            (
                rule("      kinds: [Deployment, Node]\n"),
                "wk.yaml:11: actions.rules[0].kinds[1]: none of the rule's actions is for a Node; leave it out",
            ),
            (
                rule("      approve_within: 5s\n"),
                "wk.yaml:11: actions.rules[0].approve_within: `5s` must be from 1m to 1d; write it like 30m",
            ),
            (
                rule("  break_glass: [on-call]\n"),
                "wk.yaml:11: actions.break_glass: names on-call, and no schedule is configured; add one to `oncall.schedules`",
            ),
        ] {
            assert_eq!(said(&text), expected, "for:\n{text}");
        }
    }

    #[test]
    fn whom_a_rule_names_is_read_strictly() {
        let wrong = said(&rule("      names: [pusher]\n").replace("[U01, U02]\n      approve", "[ann]\n      approve"));
        assert!(
            wrong.starts_with("wk.yaml:9: actions.rules[0].request") && wrong.contains("`ann` names nobody"),
            "{wrong}"
        );
        let wrong = said(&rule("      action: [scale]\n"));
        assert!(wrong.contains("did you mean `actions`?"), "{wrong}");
    }
}
