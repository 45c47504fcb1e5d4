use std::sync::Arc;

use proptest::prelude::*;

use super::pod::{Container, Phase, Pod, Scheduling, State, Wait};
use super::*;
use crate::core::time::Timestamp;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn pod(namespace: &str, name: &str) -> Pod {
    Pod {
        meta: Meta::new(namespace, name),
        node: Some("node-1".into()),
        phase: Phase::Running,
        ready: true,
        scheduling: Scheduling::Scheduled,
        failure: None,
        containers: Box::default(),
    }
}

fn owned(mut meta: Meta, kind: &str, name: &str) -> Meta {
    meta.controller = Some(Controller { kind: kind.into(), name: name.into() });
    meta
}

fn scope(kind: Kind) -> Scope {
    Scope::all(kind)
}

fn index() -> Index {
    let mut index = Index::default();
    index.apply(News::Reached { version: "v1.34.1".to_owned(), skew_millis: 0 }, at(0));
    index.apply(News::Listing(scope(Kind::Pod)), at(0));
    index.apply(News::Live(scope(Kind::Pod)), at(0));
    index
}

fn put(index: &mut Index, object: Object) {
    index.apply(News::Applied(scope(object.kind()), Box::new(object)), at(1));
}

#[test]
fn what_a_new_listing_does_not_bring_is_gone() {
    let mut index = index();
    for name in ["a", "b", "c"] {
        put(&mut index, Object::Pod(pod("prices", name)));
    }
    index.apply(News::Listing(scope(Kind::Pod)), at(2));
    assert!(!index.live(Kind::Pod), "half a listing is not believed");
    put(&mut index, Object::Pod(pod("prices", "b")));
    assert_eq!(index.pods().count(), 3, "nothing is taken away before the listing is complete");
    let gone = index.apply(News::Live(scope(Kind::Pod)), at(3));
    assert_eq!(gone, [Id::new(Kind::Pod, "prices", "a"), Id::new(Kind::Pod, "prices", "c")]);
    assert_eq!(index.pods().map(|pod| &*pod.meta.name).collect::<Vec<_>>(), ["b"]);
    assert!(index.live(Kind::Pod));
}

#[test]
fn a_listing_of_one_namespace_leaves_the_others_alone() {
    let mut index = Index::default();
    let within = |namespace: &str| Scope { kind: Kind::Pod, namespace: Some(namespace.into()) };
    for namespace in ["one", "two"] {
        index.apply(News::Listing(within(namespace)), at(0));
        index.apply(News::Applied(within(namespace), Box::new(Object::Pod(pod(namespace, "a")))), at(0));
        index.apply(News::Live(within(namespace)), at(0));
    }
    index.apply(News::Listing(within("one")), at(1));
    index.apply(News::Live(within("one")), at(1));
    assert_eq!(index.pods().map(|pod| &*pod.meta.namespace).collect::<Vec<_>>(), ["two"]);
}

#[test]
fn a_lost_watch_keeps_what_was_known_and_is_not_believed() {
    let mut index = index();
    put(&mut index, Object::Pod(pod("prices", "a")));
    index.apply(News::Lost { scope: scope(Kind::Pod), error: "connection reset".to_owned() }, at(5));
    index.apply(News::Lost { scope: scope(Kind::Pod), error: "refused".to_owned() }, at(9));
    assert_eq!(index.pods().count(), 1);
    assert!(!index.live(Kind::Pod));
    let what = Trouble::Kinds(vec![Kind::Pod]);
    assert_eq!(index.status(), Status::Degraded { what, since: at(5), error: "refused".to_owned() });
    index.apply(News::Live(scope(Kind::Pod)), at(12));
    assert!(index.live(Kind::Pod), "a watch that goes on needs no new listing");
    assert_eq!(index.pods().count(), 1);
}

#[test]
fn a_pod_is_traced_to_its_deployment_and_its_owner() {
    let mut index = index();
    let mut deployment = apps_deployment("prices", "hermes");
    deployment.meta.owner = Some("oracle".into());
    put(&mut index, Object::Deployment(deployment));
    put(
        &mut index,
        Object::ReplicaSet(apps::ReplicaSet {
            meta: owned(Meta::new("prices", "hermes-7d"), "Deployment", "hermes"),
            replicas: 1,
            ready: 1,
            revision: Some(3),
            images: Box::default(),
        }),
    );
    let mut child = pod("prices", "hermes-7d-x");
    child.meta = owned(child.meta, "ReplicaSet", "hermes-7d");
    put(&mut index, Object::Pod(child));
    let mut foreign = pod("prices", "rollout-x");
    foreign.meta = owned(foreign.meta, "SomethingElse", "hermes");
    put(&mut index, Object::Pod(foreign));
    let child = index.pod("prices", "hermes-7d-x").unwrap();
    assert_eq!(index.workload(&child.meta), Some((Kind::Deployment, "hermes")));
    assert_eq!(index.owner(&child.meta), Some("oracle"));
    let of_deployment: Vec<_> =
        index.pods_of(&Id::new(Kind::Deployment, "prices", "hermes")).map(|pod| &*pod.meta.name).collect();
    assert_eq!(of_deployment, ["hermes-7d-x"]);
    assert_eq!(index.pods_on("node-1").count(), 2);
}

fn apps_deployment(namespace: &str, name: &str) -> apps::Deployment {
    apps::Deployment {
        meta: Meta::new(namespace, name),
        replicas: 1,
        updated: 1,
        ready: 1,
        available: 1,
        observed_generation: 1,
        paused: false,
        stuck: None,
        revision: Some(3),
        images: Box::default(),
        progressed_at: None,
    }
}

#[test]
fn when_a_container_was_last_seen_in_a_crash_loop_outlives_the_loop() {
    let mut index = index();
    let with = |state: State| {
        let container = Container {
            spec: Arc::new(Image { container: "app".into(), image: "app:1".into() }),
            init: false,
            ready: false,
            restarts: 4,
            state,
            last: None,
            seen: None,
        };
        Box::new(Object::Pod(Pod { containers: Box::new([container]), ..pod("prices", "a") }))
    };
    let waiting = State::Waiting(Box::new(Wait { reason: pod::CRASH_LOOP.into(), message: "".into() }));
    index.apply(News::Applied(scope(Kind::Pod), with(waiting)), at(10));
    index.apply(News::Applied(scope(Kind::Pod), with(State::Running)), at(70));
    index.apply(News::Applied(scope(Kind::Pod), with(State::Running)), at(90));
    let seen = index.pod("prices", "a").unwrap().containers[0].seen().backoff_at;
    assert_eq!(seen, Some(at(70)));
}

#[test]
fn equal_texts_are_kept_once() {
    let mut index = index();
    for name in ["a", "b"] {
        put(&mut index, Object::Pod(pod("prices", name)));
    }
    let nodes: Vec<_> = index.pods().filter_map(|pod| pod.node.as_ref()).collect();
    assert!(Name::ptr_eq(nodes[0], nodes[1]));
}

#[derive(Clone, Debug)]
enum Move {
    Apply(u8, u8),
    Delete(u8, u8),
    Relist(Vec<(u8, u8)>),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let id = || (0..3_u8, 0..4_u8);
    let one = prop_oneof![
        id().prop_map(|(n, p)| Move::Apply(n, p)),
        id().prop_map(|(n, p)| Move::Delete(n, p)),
        prop::collection::vec(id(), 0..6).prop_map(Move::Relist),
    ];
    prop::collection::vec(one, 0..40)
}

proptest! {
    #[test]
    fn the_index_holds_what_a_plain_set_would(moves in moves()) {
        let mut index = index();
        let mut model = std::collections::BTreeSet::new();
        let named = |(n, p): (u8, u8)| (format!("ns-{n}"), format!("pod-{p}"));
        for step in moves {
            match step {
                Move::Apply(n, p) => {
                    let (namespace, name) = named((n, p));
                    put(&mut index, Object::Pod(pod(&namespace, &name)));
                    model.insert((namespace, name));
                }
                Move::Delete(n, p) => {
                    let (namespace, name) = named((n, p));
                    index.apply(News::Deleted(Id::new(Kind::Pod, &namespace, &name)), at(1));
                    model.remove(&(namespace, name));
                }
                Move::Relist(listed) => {
                    index.apply(News::Listing(scope(Kind::Pod)), at(1));
                    model = listed.iter().copied().map(named).collect();
                    for (namespace, name) in &model {
                        put(&mut index, Object::Pod(pod(namespace, name)));
                    }
                    index.apply(News::Live(scope(Kind::Pod)), at(1));
                }
            }
            let held: std::collections::BTreeSet<_> =
                index.pods().map(|pod| (pod.meta.namespace.to_string(), pod.meta.name.to_string())).collect();
            prop_assert_eq!(&held, &model);
            let pods = index.counts().into_iter().find(|(kind, _)| *kind == Kind::Pod);
            prop_assert_eq!(pods, Some((Kind::Pod, model.len())));
        }
    }
}

#[test]
fn an_index_passed_on_is_the_same_and_keeps_equal_texts_once() {
    let mut index = index();
    put(&mut index, Object::Pod(pod("prices", "hermes-0")));
    put(&mut index, Object::Pod(pod("prices", "hermes-1")));
    put(&mut index, Object::Deployment(apps_deployment("prices", "hermes")));
    index.apply(News::Unreadable { scope: scope(Kind::Node) }, at(5));
    let passed: Index = serde_json::from_slice(&serde_json::to_vec(&index).unwrap()).unwrap();
    assert_eq!(passed.pods().collect::<Vec<_>>(), index.pods().collect::<Vec<_>>());
    assert_eq!((passed.counts(), passed.status()), (index.counts(), index.status()));
    assert_eq!((passed.live(Kind::Pod), passed.unreadable()), (index.live(Kind::Pod), index.unreadable()));
    let namespaces: Vec<&Name> = passed.pods().map(|pod| &pod.meta.namespace).collect();
    assert!(Arc::ptr_eq(namespaces[0], namespaces[1]));
}

#[test]
fn a_cluster_that_another_replica_watches_is_looked_at_and_not_judged() {
    let mut clusters = Clusters::new([("eu".into(), Settings::default())]);
    let mut failing = pod("prices", "hermes-0");
    (failing.ready, failing.phase) = (false, Phase::Pending);
    let mut told = index();
    put(&mut told, Object::Pod(failing.clone()));
    let judged = |clusters: &mut Clusters| (0..600).flat_map(|secs| clusters.judge(at(secs))).count();
    clusters.set_watched("eu", false);
    clusters.paste("eu", Some(told.clone()));
    assert_eq!((judged(&mut clusters), clusters.get("eu").unwrap().index.pods().count()), (0, 1));
    assert!(clusters.enquiries(at(600)).is_empty());
    // News of a watch that has not ended yet.
    clusters.apply("eu", News::Deleted(Id::new(Kind::Pod, "prices", "hermes-0")), at(601));
    assert_eq!(clusters.get("eu").unwrap().index.pods().count(), 1);
    clusters.unanswered("eu", "no answer", at(602));
    assert!(clusters.get("eu").unwrap().index.status().unreachable());

    clusters.set_watched("eu", true);
    assert_eq!(clusters.get("eu").unwrap().index.pods().count(), 0, "it is listed anew");
    clusters.paste("eu", Some(told));
    assert_eq!(clusters.get("eu").unwrap().index.pods().count(), 0, "what others tell is not believed any more");
}
