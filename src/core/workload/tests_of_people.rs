//! What people ask for: by name, and how it is.

use std::sync::Arc;

use super::apps::{Deployment, Stuck};
use super::find::{Found, Target, Within, find};
use super::health::{Health, Rollout, clock, complaint, health};
use super::node::{Node, Readiness};
use super::pod::{CRASH_LOOP, Container, Phase, Pod, Scheduling, State, Wait};
use super::problems::{Weight, problems};
use super::*;
use crate::core::time::Timestamp;

const NOW: Timestamp = Timestamp::from_secs(1_000);

fn deployment(namespace: &str, name: &str) -> Deployment {
    Deployment {
        meta: Meta::new(namespace, name),
        replicas: 3,
        updated: 3,
        ready: 3,
        available: 3,
        observed_generation: 0,
        paused: false,
        stuck: None,
        revision: Some(1),
        images: Box::default(),
        progressed_at: None,
    }
}

fn pod(namespace: &str, name: &str, of: &str) -> Pod {
    let mut meta = Meta::new(namespace, name);
    meta.controller = Some(Controller { kind: "StatefulSet".into(), name: of.into() });
    let container = Container {
        spec: Arc::new(Image { container: "main".into(), image: "x".into() }),
        init: false,
        ready: true,
        restarts: 0,
        state: State::Running,
        last: None,
        seen: None,
    };
    Pod {
        meta,
        node: None,
        phase: Phase::Running,
        ready: true,
        scheduling: Scheduling::Scheduled,
        failure: None,
        containers: Box::new([container]),
    }
}

fn put(clusters: &mut Clusters, cluster: &str, object: impl Into<Object>) {
    let object = object.into();
    clusters.apply(cluster, News::Applied(Scope::all(object.kind()), Box::new(object)), NOW);
}

impl From<Deployment> for Object {
    fn from(it: Deployment) -> Self {
        Self::Deployment(it)
    }
}

impl From<Pod> for Object {
    fn from(it: Pod) -> Self {
        Self::Pod(it)
    }
}

impl From<Node> for Object {
    fn from(it: Node) -> Self {
        Self::Node(it)
    }
}

fn world() -> Clusters {
    let mut clusters = Clusters::new(["prod", "dev"].map(|name| (name.into(), Settings::default())));
    for (cluster, namespace, name) in [
        ("prod", "feeds", "hermes"),
        ("prod", "feeds", "price-pusher-evm"),
        ("prod", "feeds", "price-pusher-solana"),
        ("prod", "platform", "gateway"),
        ("dev", "feeds", "hermes"),
    ] {
        put(&mut clusters, cluster, deployment(namespace, name));
    }
    put(&mut clusters, "prod", pod("platform", "postgres-0", "postgres"));
    clusters
}

fn names(found: Found) -> Vec<String> {
    let name = |it: Target| format!("{} {} {}", it.cluster, it.id.kind, it.id.name);
    match found {
        Found::One(target) => vec![name(target)],
        Found::Several(targets) => targets.into_iter().map(name).collect(),
        Found::Nothing { nearest } => vec![format!("nearest {nearest:?}")],
    }
}

fn ask(name: &str, cluster: Option<&str>, namespace: Option<&str>) -> Vec<String> {
    names(find(&world(), name, Within { cluster, namespace }))
}

#[test]
fn a_name_is_looked_up_exactly_then_as_a_pods_then_as_a_part() {
    assert_eq!(ask("gateway", None, None), ["prod Deployment gateway"]);
    assert_eq!(ask("GATEWAY", None, None), ["prod Deployment gateway"]);
    assert_eq!(ask("hermes", None, None), ["dev Deployment hermes", "prod Deployment hermes"]);
    assert_eq!(ask("hermes", Some("Prod"), None), ["prod Deployment hermes"]);
    assert_eq!(ask("postgres-0", None, None), ["prod StatefulSet postgres"]);
    assert_eq!(ask("pusher-ev", None, None), ["prod Deployment price-pusher-evm"]);
    assert_eq!(ask("pusher", None, None).len(), 2);
}

#[test]
fn a_prefix_names_the_kind_or_the_namespace() {
    assert_eq!(ask("deployment/gateway", None, None), ["prod Deployment gateway"]);
    assert_eq!(ask("sts/gateway", None, None), ["nearest None"]);
    assert_eq!(ask("platform/gateway", None, None), ["prod Deployment gateway"]);
    assert_eq!(ask("feeds/gateway", None, None), ["nearest None"]);
    assert_eq!(ask("gateway", None, Some("feeds")), ["nearest None"]);
}

#[test]
fn a_slip_finds_the_nearest_and_another_word_nothing() {
    assert_eq!(ask("hermse", None, None), ["nearest Some(\"hermes\")"]);
    assert_eq!(ask("gatway", None, None), ["nearest Some(\"gateway\")"]);
    assert_eq!(ask("xyz", None, None), ["nearest None"]);
}

fn of(clusters: &Clusters, name: &str) -> Health {
    health(&clusters.get("prod").unwrap().index, &Id::new(Kind::Deployment, "feeds", name)).unwrap()
}

#[test]
fn a_rollout_is_complete_under_way_paused_stuck_or_scaled_to_zero() {
    let mut clusters = Clusters::new([("prod".into(), Settings::default())]);
    let mut rollout = |change: &dyn Fn(&mut Deployment)| {
        let mut it = deployment("feeds", "hermes");
        change(&mut it);
        put(&mut clusters, "prod", it);
        of(&clusters, "hermes").rollout
    };
    assert_eq!(rollout(&|_| {}), Rollout::Complete);
    assert_eq!(rollout(&|it| it.updated = 1), Rollout::Progressing { updated: 1 });
    assert_eq!(rollout(&|it| it.meta.generation = 2), Rollout::Progressing { updated: 3 });
    assert_eq!(rollout(&|it| it.paused = true), Rollout::Paused);
    assert_eq!(rollout(&|it| (it.replicas, it.updated, it.ready) = (0, 0, 0)), Rollout::ScaledToZero);
    let stuck = |it: &mut Deployment| {
        it.stuck = Some(Box::new(Stuck { reason: "ProgressDeadlineExceeded".into(), message: "x".into() }));
    };
    assert!(matches!(rollout(&stuck), Rollout::Stuck { .. }));
}

#[test]
fn a_pod_complains_as_kubectl_shows_it() {
    let with = |change: &dyn Fn(&mut Pod)| {
        let mut it = pod("feeds", "a", "x");
        change(&mut it);
        complaint(&it)
    };
    let waiting = |reason: &str| State::Waiting(Box::new(Wait { reason: reason.into(), message: "".into() }));
    assert_eq!(with(&|_| {}), None);
    assert_eq!(with(&|it| it.phase = Phase::Succeeded), None);
    assert_eq!(with(&|it| it.ready = false).as_deref(), Some("NotReady"));
    assert_eq!(with(&|it| it.meta.deleting_since = Some(NOW)).as_deref(), Some("Terminating"));
    assert_eq!(with(&|it| it.scheduling = Scheduling::Unschedulable("no".into())).as_deref(), Some("Unschedulable"));
    let crash = |it: &mut Pod| {
        it.ready = false;
        it.containers[0].ready = false;
        it.containers[0].state = waiting(CRASH_LOOP);
    };
    assert_eq!(with(&crash).as_deref(), Some(CRASH_LOOP));
}

#[test]
fn problems_come_worst_first_and_what_is_on_purpose_last() {
    let mut clusters = world();
    assert!(problems(&clusters.get("prod").unwrap().index).is_empty());
    let node = |name: &str, ready, unschedulable| Node {
        meta: Meta::new("", name),
        ready,
        reason: "x".into(),
        message: "".into(),
        unschedulable,
        pressures: Box::default(),
        taints: Box::default(),
        kubelet_version: "v1".into(),
        turns: Vec::new(),
    };
    put(&mut clusters, "prod", node("a", Readiness::Ready, true));
    put(&mut clusters, "prod", node("b", Readiness::Unknown, false));
    put(&mut clusters, "prod", Deployment { ready: 2, ..deployment("feeds", "hermes") });
    put(&mut clusters, "prod", Deployment { ready: 0, ..deployment("platform", "gateway") });
    let found = problems(&clusters.get("prod").unwrap().index);
    let shown: Vec<_> = found.iter().map(|it| (it.weight, &*it.id.name, it.what.as_str())).collect();
    assert_eq!(
        shown,
        [
            (Weight::Down, "b", "not heard of"),
            (Weight::Down, "gateway", "0 of 3 ready"),
            (Weight::Impaired, "hermes", "2 of 3 ready"),
            (Weight::Noted, "a", "cordoned"),
        ]
    );
}

#[test]
fn ages_go_by_the_clusters_clock() {
    let mut clusters = world();
    clusters.apply("prod", News::Reached { version: "v1".to_owned(), skew_millis: -5000 }, NOW);
    assert_eq!(clock(&clusters.get("prod").unwrap().index, NOW), Timestamp::from_secs(995));
    assert_eq!(clock(&clusters.get("dev").unwrap().index, NOW), NOW);
}
