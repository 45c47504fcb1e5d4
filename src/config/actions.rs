//! Operations, in `watchkeeper.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;
use super::check::channel;
use crate::core::action::kind::Kind;
use crate::core::action::policy::{Policy, Rule, Who};
use crate::core::action::workflow::{GITHUB, MOST_INPUTS, Workflow, is_input};
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
    /// GitHub, for the workflows below.
    pub github: Option<GitHub>,
    /// Workflows of GitHub Actions that can be run: these, and no others.
    pub workflows: Vec<Workflow>,
    /// Wallets whose keys the bot holds, to top others up.
    pub hot_wallets: Vec<HotWallet>,
}

/// Where workflows are run, and who the bot is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GitHub {
    /// The API's address; of an Enterprise Server it is https://HOST/api/v3.
    pub url: String,
    /// The environment variable that holds the token (or NAME_FILE, a path): of the repositories below, with Actions read
    /// and write, Contents read.
    pub token_env: String,
}

impl Default for GitHub {
    fn default() -> Self {
        Self { url: "https://api.github.com".to_owned(), token_env: "GITHUB_TOKEN".to_owned() }
    }
}

/// A wallet whose key the bot holds. What it holds is what can be lost: keep little in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HotWallet {
    /// What cards call it.
    pub name: String,
    /// A name of `balances.chains`, of kind solana or evm.
    pub chain: String,
    /// The environment variable that holds its key (NAME_FILE works as well): for Solana what solana-keygen writes, or the
    /// same 64 bytes in base58; for EVM 0x and 64 hex digits.
    #[serde(default)]
    pub key_env: Option<String>,
    /// The file that holds its key, in place of `key_env`.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// Whom it may pay: names of `balances.accounts` or of `balances.groups`, on its chain.
    pub to: Vec<String>,
    /// The most that one transfer may be, by symbol, in whole coins: {SOL: "2.5"}.
    pub per_transfer: BTreeMap<String, String>,
    /// The most that may leave it within 24 hours, by symbol.
    pub per_day: BTreeMap<String, String>,
    /// The most that the fee of one transfer may come to, in the chain's coin; what waits for less waits.
    #[serde(default)]
    pub max_fee: Option<String>,
    /// On EVM: how many blocks deep a transfer must be before it is done. On Solana it must be finalized.
    #[serde(default = "twelve")]
    pub confirmations: u64,
}

const fn twelve() -> u64 {
    12
}

impl Actions {
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy { rules: self.rules.clone(), break_glass: self.break_glass.clone(), unfreeze: self.unfreeze.clone() }
    }
}

/// Slack shows no more of a choice.
const LONGEST_CHOICE: usize = 75;
/// Approvals that nobody has the time to give.
const SHORTEST: Span = Span::from_secs(60);
/// A plan that is approved days later is about another cluster.
const LONGEST: Span = Span::from_secs(24 * 3600);

pub(super) fn contradictions(config: &Config, say: &mut impl FnMut(&str, String)) {
    let Actions { enabled, channel: told, rules, break_glass: _, unfreeze, github: _, workflows: _, hot_wallets: _ } =
        &config.actions;
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
    workflows(config, say);
    super::money::contradictions(config, say);
}

fn workflows(config: &Config, say: &mut impl FnMut(&str, String)) {
    let Actions { github, workflows, .. } = &config.actions;
    if let Some(GitHub { url, token_env }) = github {
        super::check::web_address("actions.github.url", url, say);
        if !super::check::is_variable(token_env) {
            let message =
                format!("`{token_env}` is no name of an environment variable; the token itself does not belong here");
            say("actions.github.token_env", message);
        }
    } else if !workflows.is_empty() {
        say("actions.workflows", "`actions.github` is missing; say there which variable holds the token".to_owned());
    }
    let mut names = BTreeSet::new();
    for (index, workflow) in workflows.iter().enumerate() {
        let key = format!("actions.workflows[{index}]");
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name = &workflow.name;
        if name.is_empty() || !name.chars().all(plain) || !names.insert(name.to_lowercase()) {
            let message = format!("`{name}` is empty, no single word, or names two workflows; give each its own name");
            say(&format!("{key}.name"), message);
        }
        let repository = workflow.repository.split('/').collect::<Vec<_>>();
        if !matches!(repository.as_slice(), [owner, name] if !owner.is_empty() && !name.is_empty()) {
            let message = format!("`{}` is no repository; write it like owner/repo", workflow.repository);
            say(&format!("{key}.repository"), message);
        }
        if workflow.workflow.is_empty() || workflow.workflow.contains('/') {
            let message = format!("`{}` is no file in .github/workflows; write it like deploy.yaml", workflow.workflow);
            say(&format!("{key}.workflow"), message);
        }
        if workflow.reference.is_empty() {
            say(&format!("{key}.ref"), "is empty; name a branch or tag".to_owned());
        }
        for input in workflow.twice() {
            say(
                &key,
                format!("`{input}` is filled twice; fill it by one of inputs, ask, sha_input, correlation_input"),
            );
        }
        let ours = [&workflow.sha_input, &workflow.correlation_input].into_iter().flatten().map(String::as_str);
        let asked = workflow.ask.iter().map(|input| input.name.as_str());
        for input in workflow.inputs.keys().map(String::as_str).chain(asked).chain(ours) {
            if !is_input(input) {
                say(&key, format!("`{input}` is no name of an input; it is letters, digits, - and _"));
            }
        }
        for value in workflow.ask.iter().flat_map(|input| &input.values) {
            if value.is_empty() || value.chars().count() > LONGEST_CHOICE {
                say(&key, format!("`{value}` in `values` is empty or longer than {LONGEST_CHOICE} characters"));
            }
        }
        let all = workflow.inputs.len() + workflow.ask.len();
        if all + usize::from(workflow.sha_input.is_some()) + usize::from(workflow.correlation_input.is_some())
            > MOST_INPUTS
        {
            say(&key, format!("has more than {MOST_INPUTS} inputs, which GitHub does not take"));
        }
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
    let pays = rule.actions.contains(&Kind::TopUp);
    let chains = config.balances.chains.iter().map(|chain| chain.name.as_str()).filter(|_| pays);
    let known: Vec<&str> = config.clusters.iter().map(|known| known.name.as_str()).chain(chains).collect();
    for (nth, cluster) in literal {
        if !known.contains(&cluster.as_str()) && cluster != GITHUB {
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
    let called = rule.ping.as_deref().unwrap_or_default();
    on_call(&format!("{key}.ping"), called, !config.oncall.schedules.is_empty(), say);
    if called.contains(&Who::Everyone) {
        say(&format!("{key}.ping"), "calls everyone; name user ids, user groups or on-call".to_owned());
    }
    if pays {
        super::money::rule(rule, key, say);
    }
    if rule.quorum == Some(0) {
        say(
            &format!("{key}.quorum"),
            "is 0; at least one other person approves, so write 1 or leave it out".to_owned(),
        );
    }
    let people = |list: &[Who]| list.iter().all(|who| matches!(who, Who::User { .. }));
    let enough = usize::try_from(rule.quorum.unwrap_or(1)).unwrap_or(usize::MAX).max(if pays { 2 } else { 1 });
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
                rule("      ping: [everyone]\n"),
                "wk.yaml:11: actions.rules[0].ping: calls everyone; name user ids, user groups or on-call",
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

    /// A keeper on Solana, and somebody on NEAR.
    fn money(wallet: &str) -> String {
        let chains = "balances:\n  chains:\n    - {name: solana, kind: solana, identity: g, endpoints: [{url: \"http://a\"}]}\n    \
                      - {name: near, kind: near, identity: mainnet, endpoints: [{url: \"http://b\"}]}\n  accounts:\n    \
                      - {name: keeper, chain: solana, address: 9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM, group: keepers}\n    \
                      - {name: far, chain: near, address: watch.near}\n";
        format!("{chains}actions:\n  hot_wallets:\n    - {wallet}\n")
    }

    #[test]
    fn a_hot_wallet_that_could_not_pay_or_could_pay_anybody_is_refused() {
        let wallet = |change: &dyn Fn(&str) -> String| {
            let fine = "{name: ops, chain: solana, key_env: HOT, to: [keepers], per_transfer: {SOL: \"2\"}, per_day: {SOL: \"5\"}}";
            said(&money(&change(fine)))
        };
        assert_eq!(wallet(&str::to_owned), "fine");
        for (from, to, expected) in [
            ("chain: solana", "chain: solan", "[0].chain: no chain is named `solan`; did you mean `solana`?"),
            ("chain: solana", "chain: near", "[0].chain: is of kind near; nothing can be paid there"),
            ("key_env: HOT,", "", "[0]: has no key; write `key_env` or `key_file`"),
            ("key_env: HOT,", "key_env: HOT, key_file: /k,", "[0]: has both `key_env` and `key_file`"),
            ("key_env: HOT,", "key_env: 0xac0974,", "[0].key_env: is no name of a variable"),
            ("[keepers]", "[keeper, kepers]", "[0].to[1]: no account or group on solana is named `kepers`"),
            ("[keepers]", "[far]", "[0].to[0]: far is on near, and this hot wallet on solana"),
            ("[keepers]", "[]", "[0].to: names nobody"),
            ("per_day: {SOL: \"5\"}", "per_day: {}", "[0].per_day: says nothing of SOL"),
            ("per_day: {SOL: \"5\"}", "per_day: {SOL: \"1\"}", "[0].per_transfer.SOL: is more than `per_day`"),
            (
                "per_day: {SOL: \"5\"}",
                "per_day: {SOL: \"5\", USDC: \"1\"}",
                "[0].per_day.USDC: nobody it may pay holds USDC",
            ),
            ("per_day: {SOL: \"5\"}", "per_day: {SOL: \"5 SOL\"}", "[0].per_day.SOL: `5 SOL` is not an amount"),
        ] {
            let found = wallet(&|fine| fine.replace(from, to));
            assert!(found.contains(&format!("actions.hot_wallets{expected}")), "{to}: {found}");
            assert!(!found.contains("0xac0974"), "a key is not repeated: {found}");
        }
        let twice = wallet(&|fine| format!("{fine}\n    - {}", fine.replace("name: ops", "name: other")));
        assert!(twice.contains("keeper is paid by `ops` already"), "{twice}");
        let rule = rule("      quorum: 1\n")
            .replace("[restart]", "[top-up]")
            .replace("approve: [U01, U02]", "approve: [everyone, on-call]");
        let rule = said(&rule);
        for part in ["quorum: is less than 2", "approve: names everyone", "approve: names on-call, which responders"] {
            assert!(rule.contains(part), "{part}: {rule}");
        }
    }

    #[test]
    fn a_workflow_that_could_never_run_is_named_with_its_place() {
        let with = |more: &str| said(&rule(&format!("  workflows:\n    - {more}\n")));
        let github = |more: &str| said(&rule(&format!("  github: {{}}\n  workflows:\n    - {more}\n")));
        let fine =
            "{name: deploy, repository: acme/infra, workflow: deploy.yaml, ask: [{name: network}], sha_input: sha}";
        assert_eq!(github(fine), "fine");
        assert!(with(fine).contains("actions.workflows: `actions.github` is missing"), "{}", with(fine));
        for (changed, expected) in [
            (fine.replace("acme/infra", "infra"), "[0].repository: `infra` is no repository"),
            (fine.replace("deploy.yaml", "x/deploy.yaml"), "[0].workflow: `x/deploy.yaml` is no file"),
            (fine.replace("sha_input: sha", "sha_input: network"), "[0]: `network` is filled twice"),
            (fine.replace("name: network", "name: 'a b'"), "[0]: `a b` is no name of an input"),
            (fine.replace("name: deploy,", "name: 'a b',"), "[0].name: `a b` is empty, no single word"),
            (fine.replace("sha_input", "sha"), "[0].sha: is not a key that belongs here"),
        ] {
            assert!(github(&changed).contains(expected), "{changed}: {}", github(&changed));
        }
        let secret = said(&rule("  github: {token_env: ghp_x}\n"));
        assert!(secret.contains("actions.github.token_env: `ghp_x` is no name"), "{secret}");
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
