//! What can be asked.

use std::sync::LazyLock;

use super::kit;
use super::words::code;
use crate::core::action::kind::Kind;
use crate::core::command::{Topic, Verb, catalogue};
use crate::slack::message::Message;

/// All commands, or one explained.
#[must_use]
pub fn help(topic: Option<Verb>) -> Message {
    match topic {
        None => ALL.clone(),
        Some(verb) => one(verb),
    }
}

/// Asked for often, and always the same.
static ALL: LazyLock<Message> = LazyLock::new(all);

fn all() -> Message {
    let line = |topic: &Topic| format!("{}  {}", code(&topic.line()), topic.what);
    let lines: Vec<_> = catalogue().iter().map(line).collect();
    let mut blocks = vec![kit::section(
        "*watchkeeper* watches price feeds and what runs behind them. Ask with `/wk`, by mentioning me, or here in a direct message:",
    )];
    // A section holds 3,000 characters.
    blocks.extend(lines.chunks(12).map(|lines| kit::section(&lines.join("\n"))));
    blocks.push(kit::context(
        "`/wk help silence` explains one command. Slash commands do not work in threads; mention me there.",
    ));
    kit::message("watchkeeper: what you can ask", &blocks, None)
}

fn one(verb: Verb) -> Message {
    let Topic { name, what, example, .. } = verb.topic();
    let mut lines = vec![
        format!("*{name}*  {what}."),
        format!("Usage: {}", code(&verb.topic().line())),
        format!("Example: {}", code(&format!("/wk {example}"))),
    ];
    lines.extend(more(verb).map(|more| format!("\n{more}")));
    kit::message(&format!("{name}: {what}"), &[kit::section(&lines.join("\n"))], None)
}

/// What the usage line does not say.
const fn more(verb: Verb) -> Option<&'static str> {
    match verb {
        Verb::Silence => Some(
            "What to silence is an alert's number, a feed's symbol, or matchers in Alertmanager's syntax, all of which \
             must match:\n• `/wk silence SOL/USD 1h`\n• `/wk silence severity=\"warning\" symbol=~\"Crypto\\..*\" 30m`\n\
             Durations: `30m`, `2h`, `1d`; at most `30d`. You are told before a silence ends.",
        ),
        Verb::Feed => Some("A symbol may be short (`SOL/USD`), full (`Crypto.SOL/USD`) or a price feed id."),
        Verb::Feeds => Some("The filter is any part of a symbol or a class: `crypto`, `fx`, `sol`."),
        Verb::Balance => Some("The filter is any part of a name, a chain, a group, an asset or an address."),
        Verb::Alerts => Some("The filter is any part of a label's value: `critical`, `sol`."),
        Verb::Ack => Some("When an alert gets worse, an earlier acknowledgement no longer counts."),
        Verb::Graph => Some(
            "Without a name it lists the graphs there are. A range is how far back: `30m`, `6h`, `2d`. Parameters are values of \
             labels: `/wk graph lag 6h feed=sol`.",
        ),
        Verb::Escalate => Some(
            "Who is told when is in `escalation.policies`; `/wk why` shows where an alert stands. Whoever has acknowledged \
             it, and you, are not called.",
        ),
        Verb::Why => Some("It also says why nothing was told: pending, silenced, inhibited or muted."),
        Verb::OnCall => Some(
            "When is `now`, `18:00`, `tomorrow 9:00`, `sat`, `2026-12-01 18:30`, on the schedule's own clock.\n\
             `/wk oncall calendar` gives you a private address of your shifts for your calendar.",
        ),
        Verb::Override => Some(
            "Alone it opens a form. `me` takes the watch yourself; the end may be `for 4h`.\n\
             An override comes before the schedule, and a later one before an earlier one.",
        ),
        Verb::Incident => Some(
            "Alone it opens a form. In the incident's channel, or while only one is open, its number may be left out:\n\
             • `/wk incident 12 update the failover is done` · `next` says what somebody is about to do\n\
             • `/wk incident 12 sev1` · `commander @ann` (also `communications`, `scribe`) · `link 17` for an alert\n\
             • `/wk incident 12 resolve a node was slow` · `reopen` · `timeline` · `export` for the post-mortem",
        ),
        Verb::Handoff => Some(
            "Parts are `incidents`, `alerts`, `actions`, `notes`, `silences`, `temporary`, `wallets`, `feeds`, `noise`, `upcoming` and `changes`. \
             Every shift change posts one by itself; whoever comes in presses *Accept*, and until then whoever had the watch keeps it.",
        ),
        Verb::Note => Some(
            "It goes to the next shift of the schedule you are on call in; with several, name one first. On a message, \
             *Add to handoff note* in its menu does the same.",
        ),
        Verb::Swap => Some("Your colleague is asked in a direct message; nothing changes before they accept."),
        Verb::Apps => Some(
            "The filter is any part of a name, namespace, cluster, kind or state: `prices`, `flux`, `out of sync`, \
             `suspended`. Sources of Flux are listed when they are in trouble, or when the filter fits them.",
        ),
        Verb::App => Some(
            "Where a name is used twice, put what tells them apart before it: `/wk app kustomization/prices`, \
             `/wk app eu/argocd/prices`.",
        ),
        Verb::Workload => Some(
            "The name may be a part of it, a pod's, or with its kind: `deployment/hermes`, `cronjob/report`. Options:\n\
             • `-n feeds` one namespace\n• `-c prod` one cluster",
        ),
        Verb::Pods => {
            Some("The filter is any part of a name, namespace, node or trouble: `hermes`, `CrashLoop`, `worker-2`.")
        }
        Verb::Logs => Some(
            "Of a workload's pods, the one that is worst off is read; name a pod to read another.\n\
             • `--previous` (or `-p`) the run before, which ended\n• `--since 10m` instead of the last 400 lines\n\
             What is too long to show comes to your direct messages as a file. Who read what is in the audit log.",
        ),
        Verb::Act(Kind::TopUp) => Some(
            "The wallet is one of those I watch; what is counted there is what is paid, from the hot wallet that may pay it. It is \
             simulated, checked against the limits a transfer and a day, and put before those who may approve it: two others. \
             Without an amount or a reason a form opens. `-c solana` before the reason: only wallets on that chain.",
        ),
        Verb::Act(_) => Some(
            "It is planned with a dry run and put before those who may approve it; nothing happens before enough of them \
             have. Without a reason, or with something missing, a form opens. Options, before the reason:\n\
             • `-n feeds` one namespace\n• `-c prod` one cluster\n\
             • `--break-glass` at once and without approval, for those on that list: everybody is told",
        ),
        Verb::Freeze => Some(
            "What is approved waits, what is under way stops between two steps, also over a restart. `/wk unfreeze` lifts \
             it, for those on the `actions.unfreeze` list.",
        ),
        Verb::Audit => Some(
            "Words may come in any order: who (`@ann`), what (`alert`, `silence.created`, `action/7`, `#7`), when (`2d` back, \
             `today`, `2026-11-28`).",
        ),
        Verb::Help
        | Verb::Actions
        | Verb::Action
        | Verb::Unfreeze
        | Verb::Status
        | Verb::Unack
        | Verb::Silences
        | Verb::Incidents
        | Verb::Unsilence
        | Verb::Cluster
        | Verb::Rollout
        | Verb::Nodes => None,
    }
}
