use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::core::engine::Policy;
use crate::core::signal::{Condition, Signal};
use crate::core::workload::apps::{Deployment, StatefulSet};
use crate::core::workload::batch::{Job, JobEnd};
use crate::core::workload::node::{Node, Pressure, Readiness, Taint};
use crate::core::workload::pod::{CRASH_LOOP, Container, EVICTED, Failure, Phase, Pod, Scheduling, State, Wait};
use crate::core::workload::policy::{Certificate, HorizontalPodAutoscaler};
use crate::core::workload::{Clusters, Controller, Image, Meta, News, Object, Scope, Settings};

const T0: Timestamp = Timestamp::from_secs(1_795_521_600);

fn at(secs: u64) -> Timestamp {
    T0.plus(Duration::from_secs(secs))
}

/// One cluster that answers, with every kind live and nothing in it.
struct World {
    clusters: Clusters,
}

impl World {
    fn new() -> Self {
        Self::with(Rules::default())
    }

    fn with(rules: Rules) -> Self {
        let settings = Settings { rules, ..Settings::default() };
        let mut world = Self { clusters: Clusters::new([("prod".into(), settings)]) };
        world.reached(0);
        for kind in Kind::ALL {
            world.say(0, News::Listing(Scope::all(kind)));
            world.say(0, News::Live(Scope::all(kind)));
        }
        world
    }

    fn say(&mut self, secs: u64, news: News) {
        self.clusters.apply("prod", news, at(secs));
    }

    fn reached(&mut self, secs: u64) {
        self.say(secs, News::Reached { version: "v1.34.1".to_owned(), skew_millis: 0 });
    }

    fn put(&mut self, secs: u64, object: Object) {
        self.say(secs, News::Applied(Scope::all(object.kind()), Box::new(object)));
    }

    fn judge(&mut self, secs: u64) -> Vec<Signal> {
        self.clusters.judge(at(secs))
    }

    /// Names of the rules whose condition holds, as said at this look at everything.
    fn holding(&mut self, secs: u64) -> Vec<String> {
        self.clusters.set_settings([("prod".into(), self.clusters.get("prod").unwrap().settings.clone())]);
        let signals = self.judge(secs).into_iter();
        let active = signals.filter(|signal| matches!(signal.condition, Condition::Active(_)));
        active.map(|signal| signal.labels.get(ALERTNAME).unwrap().to_owned()).collect()
    }
}

fn container(state: State) -> Container {
    Container {
        spec: Arc::new(Image { container: "app".into(), image: "app:1".into() }),
        init: false,
        ready: false,
        restarts: 3,
        state,
        last: None,
        seen: None,
    }
}

fn waiting(reason: &str) -> State {
    State::Waiting(Box::new(Wait { reason: reason.into(), message: "".into() }))
}

fn pod(name: &str) -> Pod {
    Pod {
        meta: Meta::new("prices", name),
        node: Some("node-1".into()),
        phase: Phase::Running,
        ready: true,
        scheduling: Scheduling::Scheduled,
        failure: None,
        containers: Box::new([container(State::Running)]),
    }
}

fn with(name: &str, state: State) -> Object {
    Object::Pod(Pod { containers: Box::new([container(state)]), ..pod(name) })
}

fn node(name: &str) -> Node {
    Node {
        meta: Meta::new("", name),
        ready: Readiness::Ready,
        reason: "".into(),
        message: "".into(),
        unschedulable: false,
        pressures: Box::default(),
        taints: Box::default(),
        kubelet_version: "".into(),
        turns: Vec::new(),
    }
}

fn deployment(available: i32, updated: i32) -> Deployment {
    Deployment {
        meta: Meta::new("prices", "hermes"),
        replicas: 3,
        updated,
        ready: available,
        available,
        observed_generation: 0,
        paused: false,
        stuck: None,
        revision: None,
        images: Box::default(),
        progressed_at: None,
    }
}

#[test]
fn names_and_times_are_the_mixins() {
    // Rendered from kubernetes-mixin: alert, severity, for in minutes.
    let mixin = [
        ("KubePodCrashLooping", "warning", 15),
        ("KubePodNotReady", "warning", 15),
        ("KubeDeploymentGenerationMismatch", "warning", 15),
        ("KubeDeploymentReplicasMismatch", "warning", 15),
        ("KubeDeploymentRolloutStuck", "warning", 15),
        ("KubeStatefulSetReplicasMismatch", "warning", 15),
        ("KubeStatefulSetGenerationMismatch", "warning", 15),
        ("KubeStatefulSetUpdateNotRolledOut", "warning", 15),
        ("KubeDaemonSetRolloutStuck", "warning", 15),
        ("KubeContainerWaiting", "warning", 60),
        ("KubeDaemonSetNotScheduled", "warning", 10),
        ("KubeDaemonSetMisScheduled", "warning", 15),
        ("KubeJobNotCompleted", "warning", 0),
        ("KubeJobFailed", "warning", 15),
        ("KubeHpaReplicasMismatch", "warning", 15),
        ("KubeHpaMaxedOut", "warning", 15),
        ("KubePdbNotEnoughHealthyPods", "warning", 15),
        ("KubeNodeNotReady", "warning", 15),
        ("KubeNodePressure", "info", 10),
        ("KubeNodeUnreachable", "warning", 15),
        ("KubeNodeReadinessFlapping", "warning", 15),
        ("KubeNodeEviction", "info", 0),
    ];
    let ours = RuleName::ALL.into_iter().filter(|rule| rule.in_mixin()).count();
    assert_eq!(ours, mixin.len());
    for (name, severity, minutes) in mixin {
        let settings = Rules::default().settings(RuleName::named(name).unwrap());
        assert_eq!(
            (settings.severity.as_str(), settings.pending_for),
            (severity, Span::from_secs(minutes * 60)),
            "{name}"
        );
    }
}

#[test]
fn one_rule_can_be_changed_or_switched_off() {
    let changes: BTreeMap<RuleName, RuleConfig> = serde_json::from_value(serde_json::json!({
        "KubePodCrashLooping": { "severity": "critical" }, "KubePodNotReady": { "enabled": false },
    }))
    .unwrap();
    let mut world = World::with(Rules { changes, ..Rules::default() });
    world.put(0, Object::Pod(Pod { ready: false, ..pod("a") }));
    world.put(0, with("b", waiting(CRASH_LOOP)));
    let signals = world.judge(1);
    assert_eq!(signals.len(), 1, "{signals:#?}");
    assert_eq!((signals[0].severity, signals[0].pending_for), (Severity::Critical, Span::from_secs(900)));
}

#[test]
fn a_crash_loop_holds_between_its_restarts_and_five_minutes_on() {
    let mut world = World::new();
    world.put(0, with("a", waiting(CRASH_LOOP)));
    assert_eq!(world.holding(1), ["KubePodCrashLooping"]);
    world.put(10, with("a", State::Running));
    assert_eq!(world.holding(11), ["KubePodCrashLooping"]);
    assert_eq!(world.holding(309), ["KubePodCrashLooping"]);
    assert_eq!(world.holding(311), Vec::<String>::new());
}

#[test]
fn pods_of_jobs_and_gated_pods_are_never_not_ready() {
    let mut world = World::new();
    let mut of_job = Pod { phase: Phase::Pending, ready: false, ..pod("a") };
    of_job.meta.controller = Some(Controller { kind: "Job".into(), name: "j".into() });
    world.put(0, Object::Pod(of_job));
    world.put(0, Object::Pod(Pod { phase: Phase::Pending, scheduling: Scheduling::Gated, ready: false, ..pod("b") }));
    world.put(0, Object::Pod(Pod { phase: Phase::Succeeded, ready: false, ..pod("c") }));
    assert_eq!(world.holding(1), Vec::<String>::new());
    world.put(2, Object::Pod(Pod { phase: Phase::Pending, ready: false, ..pod("d") }));
    world.put(2, Object::Pod(Pod { ready: false, ..pod("e") }));
    assert_eq!(world.holding(3), ["KubePodNotReady", "KubePodNotReady"]);
}

#[test]
fn an_image_that_cannot_be_pulled_is_told_once() {
    let mut world = World::new();
    world.put(0, with("a", waiting("ImagePullBackOff")));
    assert_eq!(world.holding(1), ["KubeImagePullFailing", "KubeContainerWaiting"]);
    let rules = default_inhibitions();
    let labels = |rule: RuleName| Labels::default().with(ALERTNAME, rule.as_str());
    let inhibits = rules.iter().any(|rule| {
        rule.source_matchers.iter().all(|matcher| matcher.matches(&labels(RuleName::KubeImagePullFailing)))
            && rule.target_matchers.iter().all(|matcher| matcher.matches(&labels(RuleName::KubeContainerWaiting)))
    });
    assert!(inhibits);
}

#[test]
fn a_rollout_that_moves_is_given_time() {
    let mut world = World::new();
    world.put(0, Object::Deployment(deployment(2, 1)));
    assert_eq!(world.holding(1), ["KubeDeploymentReplicasMismatch"]);
    world.put(60, Object::Deployment(deployment(2, 2)));
    assert_eq!(world.holding(61), Vec::<String>::new());
    assert_eq!(world.holding(60 + 601), ["KubeDeploymentReplicasMismatch"]);
}

#[test]
fn a_cordoned_node_is_reported_and_said_to_be_cordoned() {
    let mut world = World::new();
    let sick = Node { ready: Readiness::NotReady, unschedulable: true, ..node("node-1") };
    world.put(0, Object::Node(Node { pressures: Box::new([Pressure::Memory]), ..sick }));
    let signals = world.judge(1);
    let names: Vec<_> = signals.iter().map(|signal| signal.labels.get(ALERTNAME).unwrap()).collect();
    assert_eq!(names, ["KubeNodeNotReady", "KubeNodePressure"]);
    let Condition::Active(evidence) = &signals[0].condition else { panic!("{signals:?}") };
    assert!(evidence.summary.contains("(cordoned)"), "{}", evidence.summary);
}

/// A StatefulSet of two with one pod on a node that is down and, perhaps, one elsewhere that is not ready either.
fn with_a_node_down(nodes_told: bool, elsewhere: bool) -> Vec<String> {
    let quiet = RuleConfig { enabled: Some(nodes_told), ..RuleConfig::default() };
    let changes = BTreeMap::from([(RuleName::KubeNodeNotReady, quiet)]);
    let mut world = World::with(Rules { changes, ..Rules::default() });
    world.put(0, Object::Node(Node { ready: Readiness::Unknown, ..node("node-1") }));
    world.put(0, Object::Node(node("node-2")));
    for (name, on, ready) in [("db-0", "node-1", false), ("db-1", "node-2", !elsewhere)] {
        let mut pod = Pod { node: Some(on.into()), ready, ..pod(name) };
        pod.meta.controller = Some(Controller { kind: "StatefulSet".into(), name: "db".into() });
        world.put(0, Object::Pod(pod));
    }
    let set = StatefulSet {
        meta: Meta::new("prices", "db"),
        replicas: 2,
        updated: 2,
        ready: i32::from(!elsewhere),
        observed_generation: 0,
        current_revision: "1".into(),
        update_revision: "1".into(),
        images: Box::default(),
        progressed_at: None,
    };
    world.put(0, Object::StatefulSet(set));
    world.holding(1)
}

#[test]
fn what_is_missing_with_its_node_is_told_by_the_nodes_alert() {
    let mismatch = "KubeStatefulSetReplicasMismatch".to_owned();
    assert!(!with_a_node_down(true, false).contains(&mismatch));
    assert!(with_a_node_down(true, true).contains(&mismatch), "another pod is missing for another reason");
    assert!(with_a_node_down(false, false).contains(&mismatch), "nobody tells of the node");
}

#[test]
fn a_node_that_is_taken_away_on_purpose_is_not_unreachable() {
    let taint = |key: &str| Taint { key: key.into(), effect: "NoSchedule".into() };
    let mut world = World::new();
    let gone = || taint("node.kubernetes.io/unreachable");
    world.put(0, Object::Node(Node { taints: Box::new([gone()]), ..node("a") }));
    let leaving = taint("ToBeDeletedByClusterAutoscaler");
    world.put(0, Object::Node(Node { taints: Box::new([gone(), leaving]), ..node("b") }));
    assert_eq!(world.holding(1), ["KubeNodeUnreachable"]);
}

#[test]
fn a_node_that_turns_more_than_twice_in_a_quarter_of_an_hour_flaps() {
    let mut world = World::new();
    for (secs, ready) in [(0, true), (60, false), (120, true), (180, false), (240, true)] {
        let ready = if ready { Readiness::Ready } else { Readiness::NotReady };
        world.put(secs, Object::Node(Node { ready, ..node("a") }));
    }
    assert_eq!(world.holding(241), ["KubeNodeReadinessFlapping"]);
}

#[test]
fn evictions_are_told_of_the_node_and_are_over_after_a_quarter_of_an_hour() {
    let mut world = World::new();
    let failure = |at_secs| {
        let message = "The node was low on resource: memory.".into();
        Some(Box::new(Failure { reason: EVICTED.into(), message, at: Some(at(at_secs)), seen_at: None }))
    };
    let evicted = |name: &str, secs| Object::Pod(Pod { phase: Phase::Failed, failure: failure(secs), ..pod(name) });
    world.put(0, Object::Pod(pod("a")));
    world.judge(1);
    world.put(5, evicted("a", 5));
    let signals = world.judge(6);
    assert_eq!(signals.len(), 1, "not only at the next look at everything");
    let labels = &signals[0].labels;
    assert_eq!((labels.get(ALERTNAME), labels.get("node")), (Some("KubeNodeEviction"), Some("node-1")));
    let Condition::Active(evidence) = &signals[0].condition else { panic!("{signals:?}") };
    assert!(evidence.cause.as_deref().unwrap().contains("memory"));
    assert_eq!(world.holding(5 + 901), Vec::<String>::new());
}

#[test]
fn a_job_is_late_after_its_limit_and_a_failed_one_says_why() {
    let mut world = World::new();
    let job = |name: &str, end| {
        let meta = Meta::new("prices", name);
        let started_at = Some(T0);
        Object::Job(Job { meta, active: 1, succeeded: 0, failed: 4, suspended: false, started_at, end })
    };
    world.put(0, job("long", None));
    assert_eq!(world.holding(12 * 3600), Vec::<String>::new());
    assert_eq!(world.holding(12 * 3600 + 1), ["KubeJobNotCompleted"]);
    let (reason, message) = ("BackoffLimitExceeded".into(), "Job has reached the limit".into());
    world.put(60, job("long", Some(JobEnd::Failed { reason, message })));
    assert_eq!(world.holding(61), ["KubeJobFailed"]);
}

#[test]
fn an_autoscaler_at_its_maximum_is_told_unless_it_has_no_room_at_all() {
    let mut world = World::new();
    let hpa = |name: &str, min, max| {
        let target = Controller { kind: "Deployment".into(), name: "hermes".into() };
        let meta = Meta::new("prices", name);
        let (current, desired) = (max, max);
        Object::HorizontalPodAutoscaler(HorizontalPodAutoscaler {
            meta,
            target,
            min,
            max,
            current,
            desired,
            progressed_at: None,
        })
    };
    world.put(0, hpa("fixed", 3, 3));
    world.put(0, hpa("full", 1, 3));
    assert_eq!(world.holding(1), ["KubeHpaMaxedOut"]);
}

#[test]
fn a_certificate_turns_critical_on_its_last_day() {
    let mut world = World::new();
    let ends = |secs| {
        let meta = Meta::new("web", "site");
        let not_after = Some(at(secs));
        Object::Certificate(Certificate { meta, not_after, renewal_at: None, trouble: Some("challenge failed".into()) })
    };
    world.put(0, ends(8 * 86_400));
    assert_eq!(world.holding(1), Vec::<String>::new());
    let severity = |world: &mut World, secs| {
        world.holding(secs);
        world.clusters.get("prod").unwrap().active.values().flatten().next().map(|active| active.severity)
    };
    assert_eq!(severity(&mut world, 2 * 86_400), Some(Severity::Warning));
    assert_eq!(severity(&mut world, 8 * 86_400 - 3600), Some(Severity::Critical));
}

#[test]
fn nothing_fires_on_what_is_out_of_date_and_nothing_ends_by_it() {
    let mut world = World::new();
    world.put(0, with("old", waiting(CRASH_LOOP)));
    assert_eq!(world.judge(0).len(), 1);
    world.put(600, with("new", waiting(CRASH_LOOP)));
    assert_eq!(world.judge(600).iter().filter(|signal| signal.labels.get("pod") == Some("new")).count(), 1);
    world.say(1000, News::Unreached { error: "refused".to_owned() });
    let signals = world.judge(1000);
    assert_eq!(signals[0].labels.get(ALERTNAME), Some("ClusterUnreachable"));
    assert_eq!(signals.len(), 1, "{signals:#?}");
    // `new` would fire at 1500; `old` fired at 900.
    let mut withdrawn = Vec::new();
    for secs in 1001..1600 {
        let signals = world.judge(secs).into_iter();
        withdrawn.extend(signals.filter(|s| s.condition == Condition::Inactive).map(|s| (secs, s.labels)));
    }
    let told: Vec<_> = withdrawn.iter().map(|(secs, labels)| (*secs, labels.get("pod").unwrap())).collect();
    assert_eq!(told, [(1490, "new")]);
    world.reached(1600);
    let names: Vec<_> =
        world.judge(1600).into_iter().map(|s| (s.labels.get("pod").map(str::to_owned), s.condition)).collect();
    let active: Vec<_> =
        names.iter().filter(|(_, c)| *c != Condition::Inactive).filter_map(|(pod, _)| pod.as_deref()).collect();
    assert_eq!(active, ["new", "old"], "what still holds begins anew or goes on");
    assert!(names.iter().any(|(pod, condition)| pod.is_none() && *condition == Condition::Inactive));
}

#[test]
fn alerts_of_before_go_on_and_end_when_they_are_found_gone() {
    let mut world = World::new();
    world.put(0, with("a", waiting(CRASH_LOOP)));
    let open: Vec<_> = world.judge(0).into_iter().map(|signal| (signal.labels, signal.severity, T0)).collect();
    let foreign = (open[0].0.clone().with("cluster", "gone"), Severity::Warning, T0);
    let mut later = World::new();
    let ended = later.clusters.resume(open.into_iter().chain([foreign]));
    assert_eq!(ended.len(), 1, "of a cluster that is no longer watched");
    later.say(1, News::Listing(Scope::all(Kind::Pod)));
    assert_eq!(later.judge(2), [], "nothing is known of pods yet");
    later.say(3, News::Live(Scope::all(Kind::Pod)));
    let ended = later.judge(20);
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].condition, Condition::Inactive);
}

#[test]
fn a_few_alerts_of_each_rule_are_enquired_about_before_they_fire() {
    let mut world = World::new();
    for nth in 0..50 {
        world.put(0, with(&format!("pod-{nth}"), waiting(CRASH_LOOP)));
    }
    world.judge(0);
    assert_eq!(world.clusters.enquiries(at(800)), []);
    let enquiries = world.clusters.enquiries(at(899));
    assert_eq!(enquiries.len(), 3);
    assert_eq!(world.clusters.enquiries(at(900)), [], "once");
    let detail = crate::core::signal::Detail { title: "Events".to_owned(), text: "BackOff".to_owned() };
    world.clusters.answer(&enquiries[0], vec![detail.clone()]);
    let signals = world.judge(901);
    let told = signals.iter().filter(|signal| match &signal.condition {
        Condition::Active(evidence) => evidence.details == [detail.clone()],
        Condition::Inactive => false,
    });
    assert_eq!(told.count(), 1);
}

#[test]
fn the_built_in_inhibitions_are_sound() {
    assert_eq!(default_inhibitions().len(), 4);
    let policy = Policy { inhibit: default_inhibitions(), ..Policy::default() };
    assert_eq!(policy.validate(), []);
}
