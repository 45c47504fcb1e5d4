//! `watchkeeper policy`: why somebody may or may not do something, from the configuration alone.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, Subcommand};

use crate::config::Config;
use crate::core::action::kind::Kind;
use crate::core::action::policy::{Explanation, Needs, Person, Roster, Who};
use crate::core::action::target::Target;
use crate::core::ids::TeamId;

use super::{Failure, say};

#[derive(Subcommand)]
pub(super) enum PolicyCommand {
    /// Says whether somebody may ask for an action on a target, whether they may approve it, and what it takes.
    Explain(ExplainArguments),
}

#[derive(Args)]
pub(super) struct ExplainArguments {
    /// A Slack user id: U…, or T…/U… for somebody of another workspace.
    user: String,
    /// restart, scale, rollback, …
    action: String,
    /// prod/feeds/Deployment/pusher, or prod/Node/node-1
    target: String,
    /// As if they were on call.
    #[arg(long)]
    on_call: bool,
    /// As if they were in this user group (S…); may be given several times.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
}

/// Stands for the bot's own workspace, which the configuration does not name.
const HOME: &str = "T-home";

pub(super) fn run(command: &PolicyCommand, config: &Config) -> Result<(), Failure> {
    let PolicyCommand::Explain(arguments) = command;
    for line in explain(arguments, config)? {
        say(&line)?;
    }
    Ok(())
}

fn explain(arguments: &ExplainArguments, config: &Config) -> Result<Vec<String>, Failure> {
    let ExplainArguments { user, action, target, on_call, groups } = arguments;
    let Who::User { team, user: id } = user.parse::<Who>()? else {
        return Err(format!("`{user}` is not one person; write a Slack user id (U…)").into());
    };
    let kind = Kind::named(action).ok_or_else(|| {
        let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("`{action}` is no action; there are: {}", known.join(", "))
    })?;
    let target: Target = target.parse()?;
    let person = Person { user: id.clone(), team: team.unwrap_or_else(|| TeamId::new(HOME)) };
    let policy = config.actions.policy();
    let members = |group: &String| (group.clone(), BTreeSet::from([id.clone()]));
    let roster = Roster {
        home: Some(TeamId::new(HOME)),
        groups: groups.iter().map(members).collect::<BTreeMap<_, _>>(),
        on_call: on_call.then(|| id.clone()).into_iter().collect(),
        ..Roster::default()
    };
    let told = policy.explain(&roster, &person, kind, &target);
    let mut lines = vec![format!("{user}: {} on {target}", kind.as_str())];
    if !config.actions.enabled {
        lines.push("actions are switched off (actions.enabled is false): nobody may ask for anything".to_owned());
    }
    lines.extend(verdicts(&told));
    let unsaid: Vec<&str> = policy.groups().into_iter().filter(|group| !groups.iter().any(|it| it == group)).collect();
    if !unsaid.is_empty() {
        let groups = unsaid.join(", ");
        lines.push(format!("note: taken as no member of {groups}; members count at once: --group {groups}"));
    }
    Ok(lines)
}

fn verdicts(told: &Explanation) -> Vec<String> {
    let Explanation { judged, request, approve, needs, break_glass } = told;
    let mut lines: Vec<String> = judged
        .iter()
        .map(|judged| match &judged.misses {
            Some(why) => format!("  rule {}: {why}", judged.rule),
            None => format!("  rule {}: decides", judged.rule),
        })
        .collect();
    let verdict = |what: &str, outcome: &Result<(), _>| match outcome {
        Ok(()) => format!("{what}: yes"),
        Err(denied) => format!("{what}: no, {denied}"),
    };
    lines.push(verdict("may ask", request));
    lines.push(verdict("may approve what others ask for", approve));
    for (risk, Needs { quorum, on_call }) in needs {
        let people = if *quorum == 1 { "one approval".to_owned() } else { format!("{quorum} approvals") };
        let on_call = if *on_call { ", somebody on call among who asks and approves" } else { "" };
        lines.push(format!("at risk {}: {people} of others{on_call}", risk.as_str()));
    }
    let glass = if *break_glass { "yes; everybody is told, and somebody else reviews it" } else { "no" };
    lines.push(format!("without approval (break-glass): {glass}"));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(user: &str, action: &str, more: &[&str]) -> String {
        let config = Config {
            actions: crate::config::actions::Actions {
                enabled: true,
                rules: serde_json::from_value(serde_json::json!([
                    {"name": "nodes", "actions": ["drain"], "request": ["on-call"], "approve": ["S01"]},
                    {"name": "pushers", "actions": ["restart"], "namespaces": ["feeds*"],
                     "request": ["U01", "on-call"], "approve": ["S01"]},
                ]))
                .unwrap(),
                break_glass: vec!["on-call".parse().unwrap()],
                ..crate::config::actions::Actions::default()
            },
            ..Config::default()
        };
        let arguments = ExplainArguments {
            user: user.to_owned(),
            action: action.to_owned(),
            target: "prod/feeds/Deployment/pusher".to_owned(),
            on_call: more.contains(&"on-call"),
            groups: more.iter().filter(|it| it.starts_with('S')).map(|it| (*it).to_owned()).collect(),
        };
        explain(&arguments, &config).map_or_else(|error| error.to_string(), |lines| lines.join("\n"))
    }

    #[test]
    fn an_explanation_says_which_rule_decides_and_what_it_takes() {
        assert_eq!(
            explained("U01", "restart", &[]),
            "U01: restart on prod/feeds/Deployment/pusher\n  rule nodes: is not about restart\n  rule pushers: decides\n\
             may ask: yes\nmay approve what others ask for: no, the rule `pushers` does not let you approve this\n\
             at risk R1: one approval of others\n\
             at risk R2: 2 approvals of others, somebody on call among who asks and approves\n\
             without approval (break-glass): no\n\
             note: taken as no member of S01; members count at once: --group S01"
        );
        let told = explained("U02", "restart", &["on-call", "S01"]);
        assert!(told.contains("may ask: yes") && told.contains("may approve what others ask for: yes"), "{told}");
        assert!(told.contains("break-glass): yes") && !told.contains("note:"), "{told}");
        let told = explained("TELSE/U01", "restart", &[]);
        assert!(told.contains("may ask: no, the rule `pushers` does not let you ask"), "a stranger: {told}");
        let told = explained("U01", "scale", &[]);
        assert!(told.contains("may ask: no, no rule in `actions.rules` allows scale on"), "{told}");
    }

    #[test]
    fn money_takes_two_whatever_a_rule_says() {
        let mut config = Config::default();
        config.actions.enabled = true;
        config.actions.break_glass = vec!["U01".parse().unwrap()];
        config.actions.rules = serde_json::from_value(serde_json::json!([
            {"name": "money", "actions": ["top-up"], "clusters": ["solana"], "request": ["U01"], "approve": ["U02"], "quorum": 1},
        ]))
        .unwrap();
        let arguments = ExplainArguments {
            user: "U01".to_owned(),
            action: "top-up".to_owned(),
            target: "solana/Wallet/keeper".to_owned(),
            on_call: false,
            groups: Vec::new(),
        };
        let told = explain(&arguments, &config).unwrap().join("\n");
        assert!(told.contains("at risk R3: 2 approvals of others\nwithout approval (break-glass): no"), "{told}");
        let elsewhere = ExplainArguments { target: "base/Wallet/keeper".to_owned(), ..arguments };
        let told = explain(&elsewhere, &config).unwrap().join("\n");
        assert!(told.contains("rule money: is not about chain base"), "{told}");
    }

    #[test]
    fn what_is_misspelled_is_named() {
        assert!(explained("ann", "restart", &[]).contains("names nobody"));
        assert!(explained("on-call", "restart", &[]).contains("not one person"));
        assert!(explained("U01", "reboot", &[]).contains("there are: restart, scale"));
    }
}
