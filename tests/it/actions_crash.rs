//! The crash matrix: every action, killed at every step of its journal, on every database. Afterwards it is done once, or said
//! to be unknown; never twice, never lost without a word.

mod declared;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use watchkeeper::clock::Clock;
use watchkeeper::core::action::journal::{Next, Step};
use watchkeeper::core::action::request::{Request, State};
use watchkeeper::sim::cluster::Hold;

use super::support::acting::Acting;
use super::support::databases;

/// Where the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// Enough have approved, nothing has begun.
    Approved,
    Begun,
    /// The step's intent is written down.
    Intent(usize),
    /// Its attempt is written down; the write has left and is not done.
    BeforeWrite(usize),
    /// The write is done, and nobody wrote down that it is.
    AfterWrite(usize),
    /// As before, and killed again while it is looked for.
    TwiceAfterWrite(usize),
    /// The outcome is written down.
    Outcome(usize),
    /// Over.
    Over,
}

impl Point {
    fn all(steps: usize) -> Vec<Self> {
        let mut points = vec![Self::Approved, Self::Begun];
        // Of many steps alike the first and the last two tell enough.
        for step in (0..steps).filter(|step| *step == 0 || step + 2 >= steps) {
            points.extend([
                Self::Intent(step),
                Self::BeforeWrite(step),
                Self::AfterWrite(step),
                Self::TwiceAfterWrite(step),
                Self::Outcome(step),
            ]);
        }
        points.push(Self::Over);
        points
    }
}

/// Who is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum World {
    Cluster,
    GitHub,
}

impl World {
    fn writes(self, acting: &Acting) -> usize {
        match self {
            Self::Cluster => acting.writes(),
            Self::GitHub => acting.github.dispatched(),
        }
    }

    /// How many writes there are in the end, and how it ends. What names the object's own state can be looked up and done;
    /// a dispatch that left no run may still be on its way.
    const fn expected(self, point: Point, steps: usize) -> (usize, &'static str) {
        match (self, point) {
            (Self::GitHub, Point::BeforeWrite(_)) => (0, "unknown"),
            _ => (steps, "succeeded"),
        }
    }

    /// Until the next write, which `drive` leads to, is held.
    async fn hold(self, acting: &Acting, when: Hold, drive: impl FnOnce()) {
        let held = async {
            match self {
                Self::Cluster => {
                    let before = acting.cluster.held();
                    acting.cluster.hold_next_write(when);
                    drive();
                    acting.cluster.until_held(before).await;
                }
                Self::GitHub => {
                    let before = acting.github.held();
                    acting.github.faults(|faults| faults.hold = Some(when));
                    drive();
                    acting.github.until_held(before).await;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), held).await.expect("it writes");
    }
}

/// One action: what has to be so before, and what is typed.
struct Scenario {
    name: &'static str,
    world: World,
    prepare: fn(&Acting) -> String,
    /// What the writes must have come to; judged on the object afterwards.
    holds: fn(&Acting) -> bool,
}

fn set(acting: &Acting, plural: &str, name: &str, pointer: &str, value: Value) {
    let namespace = if plural == "nodes" { "" } else { "feeds" };
    acting.cluster.edit(plural, namespace, name, "story", |object| {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[key] = value;
    });
}

fn spec(acting: &Acting, plural: &str, name: &str) -> Value {
    let namespace = if plural == "nodes" { "" } else { "feeds" };
    acting.cluster.object(plural, namespace, name).unwrap()["spec"].clone()
}

fn any_pod(acting: &Acting, app: &str) -> String {
    let pods = acting.cluster.objects("pods");
    let pod = pods.iter().find(|pod| pod["metadata"]["labels"]["app"] == app).unwrap();
    pod["metadata"]["name"].as_str().unwrap().to_owned()
}

/// The node with most pods; all may be used again.
fn fullest_node(acting: &Acting) -> String {
    let nodes = ["worker-1", "worker-2", "worker-3", "worker-4"];
    for node in nodes {
        set(acting, "nodes", node, "/spec/unschedulable", json!(false));
    }
    let pods = acting.cluster.objects("pods");
    let on = |node: &&str| pods.iter().filter(|pod| pod["spec"]["nodeName"] == **node).count();
    nodes.into_iter().max_by_key(on).unwrap().to_owned()
}

const EVM: &str = "price-pusher-evm";
const SOLANA: &str = "price-pusher-solana";
const REPORT: &str = "report-publishers";

fn scenarios() -> Vec<Scenario> {
    let scenario = |name, prepare, holds| Scenario { name, world: World::Cluster, prepare, holds };
    vec![
        scenario(
            "restart",
            |_| format!("restart {EVM}"),
            |acting| {
                spec(acting, "deployments", EVM)["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
                .is_string()
            },
        ),
        scenario(
            "scale",
            |acting| {
                set(acting, "deployments", EVM, "/spec/replicas", json!(2));
                format!("scale {EVM} 3")
            },
            |acting| spec(acting, "deployments", EVM)["replicas"] == 3,
        ),
        scenario(
            "scale for 1h",
            |acting| {
                set(acting, "deployments", EVM, "/spec/replicas", json!(2));
                format!("scale {EVM} 3 for 1h")
            },
            |acting| spec(acting, "deployments", EVM)["replicas"] == 2,
        ),
        scenario("rollback", |_| format!("rollback {SOLANA}"), |_| true),
        scenario(
            "pause-rollout",
            |acting| {
                set(acting, "deployments", EVM, "/spec/paused", json!(false));
                format!("pause-rollout {EVM}")
            },
            |acting| spec(acting, "deployments", EVM)["paused"] == true,
        ),
        scenario(
            "resume-rollout",
            |acting| {
                set(acting, "deployments", EVM, "/spec/paused", json!(true));
                format!("resume-rollout {EVM}")
            },
            |acting| spec(acting, "deployments", EVM)["paused"] != true,
        ),
        scenario("delete-pod", |acting| format!("delete-pod prod/feeds/Pod/{}", any_pod(acting, SOLANA)), |_| true),
        scenario("run-job", |_| format!("run-job {REPORT}"), |_| true),
        scenario(
            "suspend-cronjob",
            |acting| {
                set(acting, "cronjobs", REPORT, "/spec/suspend", json!(false));
                format!("suspend-cronjob {REPORT}")
            },
            |acting| spec(acting, "cronjobs", REPORT)["suspend"] == true,
        ),
        scenario(
            "resume-cronjob",
            |acting| {
                set(acting, "cronjobs", REPORT, "/spec/suspend", json!(true));
                format!("resume-cronjob {REPORT}")
            },
            |acting| spec(acting, "cronjobs", REPORT)["suspend"] != true,
        ),
        scenario(
            "cordon",
            |acting| {
                set(acting, "nodes", "worker-2", "/spec/unschedulable", json!(false));
                "cordon worker-2".to_owned()
            },
            |acting| spec(acting, "nodes", "worker-2")["unschedulable"] == true,
        ),
        scenario(
            "uncordon",
            |acting| {
                set(acting, "nodes", "worker-2", "/spec/unschedulable", json!(true));
                "uncordon worker-2".to_owned()
            },
            |acting| spec(acting, "nodes", "worker-2")["unschedulable"] != true,
        ),
        scenario("drain", |acting| format!("drain {}", fullest_node(acting)), |_| true),
        Scenario {
            name: "dispatch",
            world: World::GitHub,
            prepare: |acting| {
                acting.github.finish_at_once();
                "dispatch deploy-pusher network=testnet".to_owned()
            },
            holds: |acting| acting.github.runs().iter().all(|run| run.conclusion.as_deref() == Some("success")),
        },
    ]
}

/// Asked for and approved: the number and how many steps it has.
async fn approved(acting: &Acting, line: &str) -> (u64, usize) {
    let told = acting.ask("alice", line).await;
    let number = told.split("*#").nth(1).and_then(|rest| rest.split('*').next()).and_then(|it| it.parse().ok());
    let number: u64 = number.unwrap_or_else(|| panic!("{line}: {told}"));
    let steps = acting.request(number).await.request.plan.preview.changes.len();
    for user in ["bob", "carol"] {
        if acting.state(number).await == "open" {
            acting.press(user, number, "Approve").await;
        }
    }
    assert_eq!(acting.state(number).await, "approved", "{line}: {}", acting.shown(number));
    (number, steps)
}

fn step(request: &Request, nth: usize) -> Option<&Step> {
    request.state.journal().and_then(|journal| journal.steps.get(nth))
}

/// One round at a time until it is seen; what waits for its time gets the time.
async fn drive_until(acting: &Acting, number: u64, what: &str, seen: impl Fn(&Request) -> bool) {
    for _ in 0..400 {
        let request = acting.request(number).await.request;
        if seen(&request) {
            return;
        }
        let now = acting.bot.clock.now();
        if let Some(Next::Hold(due)) = request.next(now) {
            acting.bot.clock.set(due);
            acting.bot.lead().await;
        }
        if acting.bot.flow.drive_actions().await.unwrap() == 0 {
            acting.bot.clock.advance(Duration::from_secs(11));
            acting.bot.lead().await;
        }
        acting.cluster.tick();
    }
    panic!("never {what}: {}", acting.shown(number));
}

/// Up to the point, and not one move further.
async fn up_to(acting: &Acting, world: World, number: u64, point: Point) {
    match point {
        Point::Approved => {}
        Point::Begun => drive_until(acting, number, "begun", |it| matches!(it.state, State::Executing { .. })).await,
        Point::Intent(nth) => {
            drive_until(acting, number, "intended", |it| matches!(step(it, nth), Some(Step::Intended { .. }))).await;
        }
        Point::Outcome(nth) => {
            drive_until(acting, number, "succeeded", |it| matches!(step(it, nth), Some(Step::Succeeded { .. }))).await;
        }
        Point::Over => drive_until(acting, number, "over", |it| it.state.over()).await,
        Point::BeforeWrite(nth) | Point::AfterWrite(nth) | Point::TwiceAfterWrite(nth) => {
            drive_until(acting, number, "intended", |it| matches!(step(it, nth), Some(Step::Intended { .. }))).await;
            let when = if matches!(point, Point::BeforeWrite(_)) { Hold::Before } else { Hold::After };
            let flow = Arc::clone(&acting.bot.flow);
            let mut driving = None;
            let drive = || driving = Some(tokio::spawn(async move { flow.drive_actions().await }));
            world.hold(acting, when, drive).await;
            let driving = driving.unwrap();
            driving.abort();
            let _aborted = driving.await;
            let request = acting.request(number).await.request;
            assert!(matches!(step(&request, nth), Some(Step::Attempted { .. })), "{:?}", step(&request, nth));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_an_action_is_done_once_or_said_to_be_unknown() {
    matrix(scenarios, 110).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_what_is_asked_of_other_tools_is_asked_once_or_said_to_be_unknown() {
    matrix(declared::scenarios, 75).await;
}

/// Every scenario at every point on every database; `least` are the cells there must be for each.
async fn matrix(scenarios: fn() -> Vec<Scenario>, least: usize) {
    let mut table = String::from("action            killed at             database   writes  ends as\n");
    let mut cells = 0;
    for database in databases() {
        let kind = if database.file().is_some() { "sqlite" } else { "postgres" };
        let mut acting = Acting::with(database, |_| {}).await;
        for scenario in scenarios() {
            let mut points: Option<Vec<Point>> = None;
            let mut nth = 0;
            loop {
                // Two restarts of one object in the same second are one.
                acting.bot.clock.advance(Duration::from_secs(5));
                acting.bot.lead().await;
                let line = (scenario.prepare)(&acting);
                let (number, steps) = approved(&acting, &line).await;
                let all = points.get_or_insert_with(|| Point::all(steps)).clone();
                let Some(point) = all.get(nth).copied() else { break };
                nth += 1;
                // Another node may have fewer pods to move.
                let point = within(point, steps);
                let before = scenario.world.writes(&acting);
                up_to(&acting, scenario.world, number, point).await;
                acting = acting.restart().await;
                if matches!(point, Point::TwiceAfterWrite(_)) {
                    acting = acting.restart().await;
                }
                drive_until(&acting, number, "over", |it| it.state.over()).await;
                acting.bot.settle().await;
                let writes = scenario.world.writes(&acting) - before;
                let state = acting.state(number).await;
                let (done, ends) = scenario.world.expected(point, steps);
                let _infallible = writeln!(
                    table,
                    "{:<17} {:<21} {kind:<9} {writes:>4}/{steps:<2} {state}",
                    scenario.name,
                    format!("{point:?}")
                );
                assert_eq!(state, ends, "{} {point:?} {kind}: {}", scenario.name, acting.shown(number));
                assert_eq!(writes, done, "{} {point:?} {kind}: every write once\n{table}", scenario.name);
                if ends == "succeeded" {
                    assert!((scenario.holds)(&acting), "{} {point:?} {kind}", scenario.name);
                    assert!(acting.shown(number).contains("*Done*"), "{}", acting.shown(number));
                }
                cells += 1;
                if nth == all.len() {
                    break;
                }
            }
        }
    }
    eprintln!("{table}{cells} cells: 0 double effects, 0 silent losses");
    assert!(cells >= least * databases().len(), "{cells} cells");
}

fn within(point: Point, steps: usize) -> Point {
    let last = steps - 1;
    match point {
        Point::Intent(nth) => Point::Intent(nth.min(last)),
        Point::BeforeWrite(nth) => Point::BeforeWrite(nth.min(last)),
        Point::AfterWrite(nth) => Point::AfterWrite(nth.min(last)),
        Point::TwiceAfterWrite(nth) => Point::TwiceAfterWrite(nth.min(last)),
        Point::Outcome(nth) => Point::Outcome(nth.min(last)),
        Point::Approved | Point::Begun | Point::Over => point,
    }
}

/// An answer that is lost while the cluster cannot be looked at: for ten seconds it is looked for, then a person has to.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_found_out_within_ten_seconds_is_unknown() {
    let acting = Acting::start().await;
    let (number, _) = approved(&acting, &format!("scale {EVM} 3")).await;
    up_to(&acting, World::Cluster, number, Point::AfterWrite(0)).await;
    acting.cluster.outage(true);
    acting.bot.flow.drive_actions().await.unwrap();
    assert_eq!(acting.state(number).await, "executing", "it is looked for");
    acting.bot.clock.advance(Duration::from_secs(10));
    acting.bot.lead().await;
    acting.bot.flow.drive_actions().await.unwrap();
    acting.bot.settle().await;
    assert_eq!(acting.state(number).await, "unknown");
    assert!(acting.shown(number).contains("Nobody knows whether it happened"), "{}", acting.shown(number));
    acting.cluster.outage(false);
    acting.pass(60).await;
    assert_eq!(acting.writes(), 1, "nothing is tried again by itself");
}
