//! A cluster of ten thousand pods under watch: what it holds in memory, and how soon a change is known.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watchkeeper::clock::{SharedClock, SystemClock};
use watchkeeper::cluster::{self, Access, Update};
use watchkeeper::core::workload::{Clusters, Index, Kind, News, Settings};

use crate::{spread, start};

#[path = "../../tests/it/support/cluster.rs"]
#[expect(dead_code, reason = "stories use the rest of it")]
mod server;

pub use server::ApiServer;

pub const PODS: usize = 10_000;
const EVENTS_A_SECOND: usize = 1000;
const SECONDS: usize = 5;

pub fn measure(runtime: &Runtime) {
    runtime.block_on(run());
}

struct Watching {
    clusters: Clusters,
    clock: SharedClock,
    news: mpsc::Receiver<Update>,
    /// How long each object took from having come to being in the index, in microseconds.
    micros: Vec<f64>,
}

impl Watching {
    async fn until(&mut self, done: impl Fn(&Index) -> bool) {
        while !done(&self.clusters.get("prod").unwrap().index) {
            let Update { cluster, news } = self.news.recv().await.unwrap();
            let object = matches!(news, News::Applied(..));
            let started = start();
            self.clusters.apply(&cluster, news, self.clock.now());
            if object {
                self.micros.push(started.elapsed().as_secs_f64() * 1e6);
            }
        }
    }
}

pub async fn server_of_pods() -> ApiServer {
    let server = ApiServer::start().await;
    for nth in 0..PODS {
        server.put("pods", pod(nth, "Running"));
    }
    server
}

async fn run() {
    let server = server_of_pods().await;
    let clock: SharedClock = Arc::new(SystemClock::new(1));
    let settings = cluster::Settings {
        name: "prod".into(),
        access: Access::Kubeconfig { path: server.kubeconfig(), context: None },
        include: Vec::new(),
        exclude: Vec::new(),
        owner_label: "team".to_owned(),
        kinds: Kind::ALL.to_vec(),
        logs: false,
        events: false,
    };
    let connections = cluster::Clusters::new(vec![settings]);
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let (out, news) = mpsc::channel(1024);
    let clusters = Clusters::new([("prod".into(), Settings::default())]);
    let mut watching = Watching { clusters, clock: clock.clone(), news, micros: Vec::new() };
    let (before, began) = (resident_kib(), start());
    connections.watch(&out, &clock, 7, &tasks, &stop);
    watching.until(|index| index.live(Kind::Pod) && index.pods().count() == PODS).await;
    let listed = began.elapsed();
    println!(
        "{PODS} pods listed in {:.1} s; resident memory grew by {:.1} MB, the server's half of the connection included",
        listed.as_secs_f64(),
        resident_kib().saturating_sub(before) as f64 / 1024.0
    );
    println!("an object that came into the index: {}", spread("µs", &mut watching.micros));

    let mut millis = Vec::new();
    for nth in 0..200 {
        let name = format!("pod-{nth:05}");
        let started = start();
        server.put("pods", pod(nth, "Failed"));
        let failed = move |index: &Index| {
            use watchkeeper::core::workload::pod::Phase;
            index.pod("prices", &name).is_some_and(|pod| pod.phase == Phase::Failed)
        };
        watching.until(failed).await;
        millis.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    println!("a change at the API server until it is in the index: {}", spread("ms", &mut millis));

    watching.micros.clear();
    let mut looks = Vec::new();
    let began = start();
    for second in 0..SECONDS {
        for nth in 0..EVENTS_A_SECOND {
            server.put("pods", pod(second * EVENTS_A_SECOND + nth, "Pending"));
        }
        let wanted = (second + 1) * EVENTS_A_SECOND;
        watching.until(move |index| index.pods().filter(|pod| !pod.ready).count() >= wanted).await;
        let started = start();
        watching.clusters.judge(clock.now());
        looks.push(started.elapsed().as_secs_f64() * 1000.0);
        crate::wait(Duration::from_secs(second as u64 + 1).saturating_sub(began.elapsed()));
    }
    println!(
        "{EVENTS_A_SECOND} events a second for {SECONDS} s, each into the index: {}",
        spread("µs", &mut watching.micros)
    );
    println!("the rules' look at what changed in a second: {}", spread("ms", &mut looks));
    stop.cancel();
}

pub fn pod(nth: usize, phase: &str) -> Value {
    let name = format!("pod-{nth:05}");
    let environment: Vec<Value> =
        (0..20).map(|n| json!({ "name": format!("VARIABLE_{n}"), "value": "value" })).collect();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "prices", "uid": format!("00000000-0000-0000-0000-{nth:012}"),
            "creationTimestamp": "2026-11-24T11:00:00Z", "labels": { "app": "hermes", "team": "oracle" },
            "ownerReferences": [{ "kind": "ReplicaSet", "name": format!("hermes-{}", nth / 10), "controller": true }],
            "managedFields": [{ "manager": "kube-controller-manager", "operation": "Update", "fieldsType": "FieldsV1",
                "time": "2026-11-24T11:00:00Z", "fieldsV1": { "f:metadata": { "f:labels": { ".": {}, "f:app": {} } } } }]
        },
        "spec": {
            "nodeName": format!("node-{:03}", nth / 30),
            "containers": [
                { "name": "app", "image": "registry.example.com/hermes:1.2.3", "env": environment },
                { "name": "sidecar", "image": "registry.example.com/sidecar:4.5.6" }
            ]
        },
        "status": {
            "phase": phase,
            "conditions": [{ "type": "Ready", "status": if phase == "Running" { "True" } else { "False" } }],
            "containerStatuses": [
                { "name": "app", "ready": true, "restartCount": 1, "state": { "running": { "startedAt": "2026-11-24T11:00:00Z" } },
                  "lastState": { "terminated": { "exitCode": 1, "reason": "Error", "finishedAt": "2026-11-24T10:59:00Z" } } },
                { "name": "sidecar", "ready": true, "restartCount": 0, "state": { "running": {} } }
            ]
        }
    })
}

/// What the kernel says this process holds.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
