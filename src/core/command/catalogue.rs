//! What every command is for: the source of help, of the manifest's usage hint and of completion on the demo page.

use super::Verb;
use crate::core::action::kind::Kind;

/// One command as help shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    pub verb: Verb,
    /// The word people type.
    pub name: &'static str,
    /// What may follow it, in the usual notation: `<must>` and `[may]`.
    pub usage: &'static str,
    /// One sentence, without a full stop.
    pub what: &'static str,
    /// A whole command that works, without `/wk`.
    pub example: &'static str,
}

/// Every command, in the order help lists them. Words are found in this list, so one left out could not be typed.
#[must_use]
pub const fn catalogue() -> &'static [Topic] {
    const TOPICS: [Topic; 57] = [
        Verb::Status.topic(),
        Verb::Alerts.topic(),
        Verb::Ack.topic(),
        Verb::Unack.topic(),
        Verb::Escalate.topic(),
        Verb::Silence.topic(),
        Verb::Unsilence.topic(),
        Verb::Silences.topic(),
        Verb::Why.topic(),
        Verb::Feed.topic(),
        Verb::Feeds.topic(),
        Verb::Graph.topic(),
        Verb::Cluster.topic(),
        Verb::Workload.topic(),
        Verb::Pods.topic(),
        Verb::Logs.topic(),
        Verb::Rollout.topic(),
        Verb::Nodes.topic(),
        Verb::Act(Kind::Restart).topic(),
        Verb::Act(Kind::Scale).topic(),
        Verb::Act(Kind::Rollback).topic(),
        Verb::Act(Kind::PauseRollout).topic(),
        Verb::Act(Kind::ResumeRollout).topic(),
        Verb::Act(Kind::DeletePod).topic(),
        Verb::Act(Kind::RunJob).topic(),
        Verb::Act(Kind::SuspendCronjob).topic(),
        Verb::Act(Kind::ResumeCronjob).topic(),
        Verb::Act(Kind::Cordon).topic(),
        Verb::Act(Kind::Uncordon).topic(),
        Verb::Act(Kind::Drain).topic(),
        Verb::Act(Kind::Sync).topic(),
        Verb::Act(Kind::Refresh).topic(),
        Verb::Act(Kind::RollbackApp).topic(),
        Verb::Act(Kind::Promote).topic(),
        Verb::Act(Kind::Abort).topic(),
        Verb::Act(Kind::Retry).topic(),
        Verb::Act(Kind::Reconcile).topic(),
        Verb::Act(Kind::SuspendReconcile).topic(),
        Verb::Act(Kind::ResumeReconcile).topic(),
        Verb::Act(Kind::Dispatch).topic(),
        Verb::Act(Kind::TopUp).topic(),
        Verb::Actions.topic(),
        Verb::Action.topic(),
        Verb::Freeze.topic(),
        Verb::Unfreeze.topic(),
        Verb::Audit.topic(),
        Verb::OnCall.topic(),
        Verb::Override.topic(),
        Verb::Swap.topic(),
        Verb::Incident.topic(),
        Verb::Incidents.topic(),
        Verb::Handoff.topic(),
        Verb::Note.topic(),
        Verb::Balance.topic(),
        Verb::Apps.topic(),
        Verb::App.topic(),
        Verb::Help.topic(),
    ];
    &TOPICS
}

impl Verb {
    /// How help describes this command.
    #[must_use]
    pub const fn topic(self) -> Topic {
        let (name, usage, what, example) = match self {
            Self::OnCall | Self::Override | Self::Swap => return super::oncall::topic(self),
            Self::Act(_) | Self::Actions | Self::Action | Self::Freeze | Self::Unfreeze | Self::Audit => {
                return super::action::topic(self);
            }
            Self::Handoff | Self::Note => return super::handoff::topic(self),
            Self::Incident | Self::Incidents => return super::incident::topic(self),
            Self::Help => ("help", "[topic]", "Lists the commands, or explains one", "help silence"),
            Self::Status => ("status", "", "How watchkeeper itself is doing: sources, Slack, store, queue", "status"),
            Self::Feed => {
                ("feed", "<symbol|id>", "One price feed now: price, confidence, age, market, alerts", "feed SOL/USD")
            }
            Self::Feeds => ("feeds", "[filter] [page <n>]", "Lists the feeds, worst first", "feeds crypto"),
            Self::Graph => {
                ("graph", "[name] [range] [parameter=value…]", "Draws a named query of Prometheus", "graph lag 6h")
            }
            Self::Apps => {
                ("apps", "[filter] [page <n>]", "Lists what Argo CD and Flux deploy, worst first", "apps out of sync")
            }
            Self::App => ("app", "<name>", "One app now: sync, health, revision, what differs from Git", "app prices"),
            Self::Alerts => ("alerts", "[all|filter]", "Lists open alerts; `all` adds those resolved lately", "alerts"),
            Self::Ack => ("ack", "<n> [comment]", "Says that you are on it; reminders stop", "ack 17 looking"),
            Self::Escalate => ("escalate", "<n>", "Takes the alert's next escalation step now", "escalate 17"),
            Self::Unack => ("unack", "<n>", "Takes an acknowledgement back", "unack 17"),
            Self::Silence => (
                "silence",
                "<n|symbol|matchers…> <duration> [comment]",
                "Keeps matching alerts quiet for a while, never for ever",
                "silence 17 2h deploy",
            ),
            Self::Silences => ("silences", "", "Lists the silences and when they end", "silences"),
            Self::Unsilence => ("unsilence", "<n>", "Ends a silence now", "unsilence 3"),
            Self::Why => (
                "why",
                "<n|symbol>",
                "Explains an alert: what matched, grouped, inhibited, silenced and delivered it",
                "why 17",
            ),
            Self::Cluster => ("cluster", "[name]", "How the Kubernetes clusters are, problems first", "cluster"),
            Self::Workload => (
                "workload",
                "<name> [-n namespace] [-c cluster]",
                "One workload: pods, rollout, image, restarts, warnings, who keeps it",
                "workload hermes",
            ),
            Self::Pods => ("pods", "[filter] [-n namespace] [-c cluster]", "Lists pods, worst first", "pods hermes"),
            Self::Logs => (
                "logs",
                "<workload|pod> [--previous] [--since 10m]",
                "The end of a log, secrets hidden; for responders, on record",
                "logs hermes --since 10m",
            ),
            Self::Rollout => {
                ("rollout", "<workload>", "A workload's revisions, with image and cause", "rollout hermes")
            }
            Self::Nodes => ("nodes", "[-c cluster]", "Lists nodes, worst first", "nodes"),
            Self::Balance => (
                "balance",
                "[name|filter] [page <n>]",
                "Wallets, the first to run dry on top; one by its name with its pace and a chart",
                "balance pusher",
            ),
        };
        Topic { verb: self, name, usage, what, example }
    }
}

impl Topic {
    /// `/wk silence <n|symbol|matchers…> <duration> [comment]`; not escaped for Slack.
    #[must_use]
    pub fn line(&self) -> String {
        format!("/wk {} {}", self.name, self.usage).trim_end().to_owned()
    }
}
