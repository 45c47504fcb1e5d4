//! What the status says, well and ill.

use std::time::Duration;

use super::super::super::status::{
    AlertCounts, BalanceLine, ClusterLine, DeadLetter, LeaseLine, Outbox, ReplicaLine, SlackLink, SourceLine,
    StatusView, StoreLine, status,
};
use super::{NOW, Named, Outside, before};
use crate::core::feed::SourceStatus;
use crate::core::workload::{Kind, Status, Trouble};

pub(super) fn messages(outside: &Outside) -> Named {
    let up = SourceStatus::Up { since: before(5000), endpoint: "https://hermes.pyth.network".to_owned() };
    let down = SourceStatus::Down { since: before(90), error: outside.error.clone() };
    let hermes = SourceLine { name: "hermes", status: Some(&up), feeds: 40, silent: 0 };
    let healthy = Status::Healthy { since: before(7200) };
    let prod =
        ClusterLine { name: "prod", status: &healthy, version: "v1.34.1", nodes: 12, pods: 480, skew_millis: 300 };
    let error = outside.error.clone();
    let unreachable = Status::Degraded { what: Trouble::Unreachable, since: before(90), error: error.clone() };
    let kinds = vec![Kind::Node, Kind::PodDisruptionBudget];
    let partly = Status::Degraded { what: Trouble::Kinds(kinds), since: before(900), error };
    let solana =
        BalanceLine { chain: "solana", wallets: 12, unknown: 0, endpoints: 3, agreed: 3, last_round: Some(before(20)) };
    let chains = [
        BalanceLine { agreed: 2, ..solana },
        BalanceLine { chain: &outside.name, unknown: 3, ..solana },
        BalanceLine { chain: "base", last_round: None, ..solana },
    ];
    let chains: Vec<_> = chains.into_iter().cycle().take(15).collect();
    let well = StatusView {
        version: "0.1.0",
        started_at: before(93_784),
        now: NOW,
        sources: &[hermes],
        clusters: &[prod],
        alerts: AlertCounts::default(),
        outbox: Outbox { waiting: 0, oldest: None, dead: 0, dead_letters: &[] },
        store: StoreLine { kind: "SQLite", answer: Ok(Duration::from_millis(2)) },
        lease: LeaseLine::Single,
        slack: SlackLink::Socket { connections: 2, since: Some(before(5000)) },
        balances: &[solana],
        replicas: &[],
        unwatched: None,
    };
    let sources = [SourceLine { name: &outside.name, status: Some(&down), feeds: 3, silent: 3 }; 12];
    let letter = DeadLetter { what: "post to C0ALERTS", error: &outside.error, at: before(600) };
    let named = ClusterLine { name: &outside.name, ..prod };
    let clusters = [
        ClusterLine { status: &unreachable, ..named },
        ClusterLine { status: &partly, ..named },
        ClusterLine { skew_millis: -7_260_000, ..named },
        ClusterLine { status: &Status::Connecting, version: "", ..named },
    ];
    let watches = outside.name.repeat(9);
    let this = ReplicaLine { holder: "01K", this: true, watches: "2 of 16 parts of the feeds, cluster prod" };
    let other = ReplicaLine { holder: &outside.name, this: false, watches: &watches };
    let replicas: Vec<_> = std::iter::once(this).chain([other; 20]).collect();
    let ill = StatusView {
        sources: &sources,
        clusters: &clusters,
        alerts: AlertCounts { open: 3, unacknowledged: 2, silenced: 1 },
        outbox: Outbox { waiting: 12, oldest: Some(before(300)), dead: 7, dead_letters: &[letter; 5] },
        store: StoreLine { kind: "Postgres", answer: Err(&outside.error) },
        lease: LeaseLine::Theirs { holder: &outside.name },
        slack: SlackLink::Down { since: before(60), error: &outside.error },
        balances: &chains,
        replicas: &replicas,
        unwatched: Some(&outside.name),
        ..well
    };
    let busy = StatusView { alerts: ill.alerts, ..well };
    vec![("status_well", status(&well)), ("status_alerts_open", status(&busy)), ("status_ill", status(&ill))]
}
