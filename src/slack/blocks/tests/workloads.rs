//! What is said of workloads, made from given outside texts.

use std::time::Duration;

use super::super::workloads::{
    Autoscaling, Candidate, CardView, ClusterLine, ClustersView, Doubt, LogView, NodeLine, NodesView, PodLine,
    PodsView, Restarts, RevisionLine, RolloutView, WarningLine, Whole, card, clusters, log, log_failed, no_clusters,
    no_such_cluster, no_such_workload, nodes, not_answering, pods, reading, rollout, which_workload,
};
use super::world::{NOW, Named, Outside, before};
use crate::core::command::workload::Run;
use crate::core::gitops::manager::{By, Manager, Reverts};
use crate::core::time::Span;
use crate::core::workload::health::{Health, Rollout};
use crate::core::workload::policy::Budget;
use crate::core::workload::problems::{Problem, Weight};
use crate::core::workload::{Id, Kind, Status, Trouble};

fn doubts(outside: &Outside) -> Vec<Doubt> {
    let unreachable = |what| Status::Degraded { what, since: before(300), error: outside.error.clone() };
    let doubt = |status| Doubt { cluster: outside.name.clone(), status };
    vec![
        doubt(unreachable(Trouble::Unreachable)),
        doubt(unreachable(Trouble::Kinds(vec![Kind::Pod, Kind::Node]))),
        doubt(Status::Connecting),
    ]
}

fn well() -> Health {
    Health { desired: 3, ready: 3, rollout: Rollout::Complete }
}

fn calm<'a>(outside: &'a Outside, doubts: &'a [Doubt]) -> CardView<'a> {
    CardView {
        cluster: "prod",
        kind: "Deployment",
        namespace: "feeds",
        name: &outside.symbol,
        health: well(),
        schedule: None,
        images: vec!["ghcr.io/acme/hermes:v0.10.4"],
        revision: Some(3),
        complaints: Vec::new(),
        restarts: Restarts::default(),
        autoscaling: Some(Autoscaling { min: 3, max: 6, current: 3 }),
        budgets: vec![budget("hermes", 3, 1)],
        owner: Some("oracle"),
        touched: Some(("argocd-controller", Some(before(6 * 3600)))),
        manager: Some(Manager {
            by: By::Application { namespace: None, name: "feeds".to_owned() },
            reverts: Reverts::AtSync,
        }),
        warnings: Ok(Vec::new()),
        typed: "deployment/hermes -n feeds -c prod",
        doubts,
        now: NOW,
    }
}

fn budget(name: &str, healthy: i32, allowed: i32) -> Budget {
    Budget { name: name.to_owned(), healthy, needed: 2, allowed }
}

fn broken<'a>(outside: &'a Outside, doubts: &'a [Doubt], members: usize) -> CardView<'a> {
    let stuck = Rollout::Stuck { reason: outside.value.clone(), message: outside.summary.clone() };
    let warning = WarningLine {
        reason: "BackOff".to_owned(),
        message: outside.cause.clone(),
        count: 14,
        last_at: Some(before(40)),
    };
    CardView {
        namespace: &outside.comment,
        health: Health { desired: 3, ready: 1, rollout: stuck },
        images: vec![&outside.threshold; members.max(1)],
        complaints: vec!["CrashLoopBackOff".to_owned(), outside.value.clone()],
        restarts: Restarts { count: 14, last_exit: Some("137 OOMKilled".to_owned()), last_at: Some(before(40)) },
        autoscaling: Some(Autoscaling { min: 3, max: 3, current: 3 }),
        budgets: vec![budget("hermes", 1, 0)],
        owner: Some(&outside.name),
        touched: Some((&outside.name, None)),
        manager: Some(Manager {
            by: By::Kustomization { namespace: outside.comment.clone(), name: outside.name.clone() },
            reverts: Reverts::Soon,
        }),
        warnings: Ok(vec![warning; members]),
        ..calm(outside, doubts)
    }
}

fn problem(outside: &Outside, weight: Weight, kind: Kind) -> Problem {
    Problem { weight, id: Id::new(kind, &outside.comment, &outside.symbol), what: outside.summary.clone() }
}

fn cluster(outside: &Outside, problems: usize) -> ClusterLine<'_> {
    let mut found = vec![problem(outside, Weight::Down, Kind::Deployment); problems];
    found.extend((problems > 0).then(|| problem(outside, Weight::Noted, Kind::Node)));
    ClusterLine { name: "prod", version: "v1.34.2", nodes: (3, 4), pods: (21, 24), workloads: (9, 9), problems: found }
}

pub fn workload_messages(outside: &Outside, members: usize) -> Named {
    let mut messages = cards(outside, members);
    messages.extend(lists(outside, members));
    messages.extend(logs(outside, members));
    messages.extend(replies(outside, members));
    messages
}

fn cards(outside: &Outside, members: usize) -> Named {
    let (trusted, all): (Vec<Doubt>, _) = (Vec::new(), doubts(outside));
    let cron = CardView {
        kind: "CronJob",
        schedule: Some((&outside.value, true)),
        health: Health { desired: 0, ready: 0, rollout: Rollout::None },
        images: Vec::new(),
        revision: None,
        autoscaling: None,
        budgets: vec![budget("one", 3, 1), budget("another", 3, 1)],
        manager: None,
        warnings: Err(outside.error.clone()),
        ..calm(outside, &trusted)
    };
    let revisions: Vec<RevisionLine> = (0..i64::try_from(members).unwrap() * 5)
        .map(|at| RevisionLine {
            number: 99 - at,
            images: vec!["ghcr.io/acme/hermes:v0.10.4".to_owned(), outside.threshold.clone()],
            created_at: Some(before(7200)),
            cause: Some(outside.comment.clone()),
            pods: (at == 0).then_some(3),
        })
        .collect();
    let rollout_view = RolloutView {
        cluster: "prod",
        kind: "Deployment",
        namespace: "feeds",
        name: &outside.symbol,
        health: Health { desired: 3, ready: 3, rollout: Rollout::Progressing { updated: 1 } },
        revisions: &revisions,
        typed: "deployment/hermes -n feeds -c prod",
        doubts: &trusted,
        now: NOW,
    };
    vec![
        ("workload_well", card(&calm(outside, &trusted))),
        ("workload_broken", card(&broken(outside, &all, members))),
        ("workload_cron", card(&cron)),
        ("rollout", rollout(&rollout_view)),
    ]
}

fn lists(outside: &Outside, members: usize) -> Named {
    let (trusted, all): (Vec<Doubt>, _) = (Vec::new(), doubts(outside));
    let pod = |complaint: Option<&str>| PodLine {
        cluster: "prod",
        namespace: "feeds",
        name: &outside.symbol,
        complaint: complaint.map(str::to_owned),
        done: false,
        ready: (1, 1),
        restarts: 3,
        node: Some("worker-2"),
        age: Some(Duration::from_hours(6)),
    };
    let mut of_pods = vec![pod(Some(&outside.value)); members];
    of_pods.extend(vec![pod(None); members * 2]);
    let node = |trouble: Option<String>, cordoned| NodeLine {
        cluster: "prod",
        name: &outside.symbol,
        trouble,
        cordoned,
        pods: (4, 5),
        version: "v1.34.2",
    };
    let mut of_nodes = vec![node(Some(outside.error.clone()), false); members];
    of_nodes.extend([node(None, true), node(None, false)]);
    let overview =
        |lines: &[ClusterLine], doubts: &[Doubt]| clusters(&ClustersView { clusters: lines, doubts, now: NOW });
    let filter = Some(outside.symbol.as_str());
    vec![
        ("clusters_well", overview(&[cluster(outside, 0)], &trusted)),
        ("clusters_one", overview(&[cluster(outside, members)], &trusted)),
        ("clusters_many", overview(&vec![cluster(outside, members); members + 2], &all)),
        ("nodes", nodes(&NodesView { nodes: &of_nodes, doubts: &trusted, now: NOW })),
        ("pods", pods(&PodsView { pods: &of_pods, filter, doubts: &trusted, now: NOW })),
        ("pods_none", pods(&PodsView { pods: &[], filter, doubts: &all, now: NOW })),
    ]
}

fn logs(outside: &Outside, members: usize) -> Named {
    let lines = vec![outside.summary.as_str(); members * 10].join("\n");
    let read = LogView {
        cluster: "prod",
        namespace: "feeds",
        pod: &outside.symbol,
        run: Run::Previous,
        since: Some(Span::from_secs(600)),
        text: &lines,
        hidden: 2,
        whole: Whole::Sent,
        others: vec![(outside.symbol.clone(), "logs x".to_owned()); 6],
        chosen_for: Some("CrashLoopBackOff"),
    };
    let short = LogView {
        text: "",
        hidden: 0,
        whole: Whole::NotSent(outside.error.clone()),
        run: Run::Current,
        since: None,
        others: Vec::new(),
        chosen_for: None,
        ..read.clone()
    };
    vec![
        ("log", log(&read)),
        ("log_short", log(&short)),
        ("log_failed", log_failed(&outside.symbol, "prod", &outside.error)),
        ("log_reading", reading(&outside.symbol)),
    ]
}

fn replies(outside: &Outside, members: usize) -> Named {
    let candidate = Candidate {
        kind: "Deployment".to_owned(),
        namespace: outside.comment.clone(),
        name: outside.symbol.clone(),
        cluster: outside.name.clone(),
        command: format!("workload {}", outside.symbol),
    };
    vec![
        ("no_clusters", no_clusters()),
        ("no_such_cluster", no_such_cluster(&outside.name, &["prod", &outside.symbol])),
        ("no_such_workload", no_such_workload(&outside.name, "logs", Some(&outside.symbol))),
        ("which_workload", which_workload(&outside.name, &vec![candidate; members + 1])),
        ("not_answering", not_answering("prod", "the revisions", &outside.error)),
    ]
}
