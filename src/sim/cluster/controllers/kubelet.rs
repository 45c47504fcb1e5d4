//! The kubelets: containers start, run, crash, back off and end, and the pods' status says so.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::json::{list, put, text};
use super::super::kinds::PODS;
use super::super::objects::{Objects, stamp};
use super::{event, node_up, with_condition, write_status};
use crate::core::time::Timestamp;

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From scheduled to started.
    pub start: Duration,
    /// From started to ready.
    pub ready: Duration,
    /// From started to crashed, for what crashes.
    pub crash: Duration,
    /// How long a Job runs.
    pub job: Duration,
}

impl Pace {
    pub const DEMO: Self = Self {
        start: Duration::from_secs(2),
        ready: Duration::from_secs(3),
        crash: Duration::from_secs(4),
        job: Duration::from_secs(8),
    };
    /// Nothing takes any time.
    pub const AT_ONCE: Self =
        Self { start: Duration::ZERO, ready: Duration::ZERO, crash: Duration::ZERO, job: Duration::ZERO };
}

/// How a container goes down again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    pub exit_code: i32,
    /// `Error`, `OOMKilled`
    pub reason: String,
    /// The last lines it prints.
    pub lines: Vec<String>,
}

/// One run of a container that is over.
#[derive(Clone, Debug)]
pub struct Ended {
    pub started: Timestamp,
    pub finished: Timestamp,
    pub crash: Option<Crash>,
}

#[derive(Clone, Debug)]
pub enum State {
    Creating {
        since: Timestamp,
    },
    /// The image is not there.
    Unpullable {
        image: String,
    },
    Running {
        since: Timestamp,
    },
    BackOff {
        until: Timestamp,
    },
    Completed(Ended),
}

#[derive(Clone, Debug)]
pub struct Run {
    pub state: State,
    pub restarts: u32,
    pub last: Option<Ended>,
}

/// What is known of containers beyond the objects.
#[derive(Debug)]
pub struct Kubelets {
    pub pace: Pace,
    /// By pod uid.
    pub runs: BTreeMap<String, Run>,
    /// By namespace and the pod's label `app`.
    pub crashes: BTreeMap<(String, String), Crash>,
    /// Images that no registry has.
    pub absent: BTreeSet<String>,
}

const FIRST_BACK_OFF: Duration = Duration::from_secs(10);
const LONGEST_BACK_OFF: Duration = Duration::from_mins(5);

impl Kubelets {
    pub fn new(pace: Pace) -> Self {
        Self { pace, runs: BTreeMap::new(), crashes: BTreeMap::new(), absent: BTreeSet::new() }
    }

    pub fn run(&mut self, objects: &mut Objects, now: Timestamp) {
        let pods = objects.snapshot("pods");
        self.runs.retain(|uid, _| pods.iter().any(|pod| text(pod, "/metadata/uid") == uid));
        for pod in pods {
            let node = text(&pod, "/spec/nodeName").to_owned();
            if node.is_empty() {
                continue;
            }
            if node_up(objects, &node) {
                self.step(objects, &pod, now);
                self.write(objects, pod, now);
            } else {
                lose(objects, pod, now);
            }
        }
    }

    /// Containers of an app that wait to be restarted are restarted with the next pass.
    pub fn end_back_off(&mut self, objects: &Objects, namespace: &str, app: &str, now: Timestamp) {
        let of_app =
            |pod: &&Value| text(pod, "/metadata/namespace") == namespace && text(pod, "/metadata/labels/app") == app;
        for pod in objects.all("pods").filter(of_app) {
            if let Some(run) = self.runs.get_mut(text(pod, "/metadata/uid"))
                && let State::BackOff { until } = &mut run.state
            {
                *until = now;
            }
        }
    }

    pub fn crash_of(&self, pod: &Value) -> Option<&Crash> {
        let key = (text(pod, "/metadata/namespace").to_owned(), text(pod, "/metadata/labels/app").to_owned());
        self.crashes.get(&key)
    }

    fn step(&mut self, objects: &mut Objects, pod: &Value, now: Timestamp) {
        let uid = text(pod, "/metadata/uid").to_owned();
        let image = text(pod, "/spec/containers/0/image").to_owned();
        let container = text(pod, "/spec/containers/0/name").to_owned();
        let crash = self.crash_of(pod).cloned();
        let absent = self.absent.contains(&image);
        let is_job = !text(pod, "/metadata/labels/job-name").is_empty();
        let pace = self.pace;
        let fresh = Run { state: State::Creating { since: now }, restarts: 0, last: None };
        let run = self.runs.entry(uid).or_insert(fresh);
        match run.state.clone() {
            State::Creating { .. } | State::Unpullable { .. } if absent => {
                if !matches!(run.state, State::Unpullable { .. }) {
                    let why = format!(
                        "Failed to pull image \"{image}\": rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": not found"
                    );
                    event(objects, pod, "Warning", "Failed", &why, now);
                    event(objects, pod, "Normal", "BackOff", &format!("Back-off pulling image \"{image}\""), now);
                }
                run.state = State::Unpullable { image };
            }
            State::Unpullable { .. } => run.state = State::Creating { since: now },
            State::Creating { since } if now.since(since) >= pace.start => {
                run.state = State::Running { since: now };
                event(
                    objects,
                    pod,
                    "Normal",
                    "Pulled",
                    &format!("Container image \"{image}\" already present on machine"),
                    now,
                );
                event(objects, pod, "Normal", "Started", &format!("Started container {container}"), now);
            }
            State::Running { since } => match crash {
                Some(crash) if now.since(since) >= pace.crash => {
                    let ended = Ended { started: since, finished: now, crash: Some(crash) };
                    run.last = Some(ended);
                    let wait = FIRST_BACK_OFF.saturating_mul(1 << run.restarts.min(5)).min(LONGEST_BACK_OFF);
                    run.state = State::BackOff { until: now.plus(wait) };
                    let name = text(pod, "/metadata/name");
                    let namespace = text(pod, "/metadata/namespace");
                    let message = format!(
                        "Back-off restarting failed container {container} in pod {name}_{namespace}({})",
                        text(pod, "/metadata/uid")
                    );
                    event(objects, pod, "Warning", "BackOff", &message, now);
                }
                None if is_job && now.since(since) >= pace.job => {
                    run.state = State::Completed(Ended { started: since, finished: now, crash: None });
                }
                Some(_) | None => {}
            },
            State::BackOff { until } if now >= until => {
                run.restarts += 1;
                run.state = State::Running { since: now };
                event(objects, pod, "Normal", "Started", &format!("Started container {container}"), now);
            }
            State::Creating { .. } | State::BackOff { .. } | State::Completed(_) => {}
        }
    }

    fn write(&self, objects: &mut Objects, mut pod: Value, now: Timestamp) {
        let Some(run) = self.runs.get(text(&pod, "/metadata/uid")) else { return };
        let is_ready = match run.state {
            State::Running { since } => now.since(since) >= self.pace.ready && self.crash_of(&pod).is_none(),
            State::Creating { .. } | State::Unpullable { .. } | State::BackOff { .. } | State::Completed(_) => false,
        };
        let container = text(&pod, "/spec/containers/0/name").to_owned();
        let image = text(&pod, "/spec/containers/0/image").to_owned();
        let name = format!("{}_{}", text(&pod, "/metadata/name"), text(&pod, "/metadata/namespace"));
        let state = match &run.state {
            State::Creating { .. } => json!({"waiting": {"reason": "ContainerCreating"}}),
            State::Unpullable { image } => json!({"waiting": {
                "reason": "ImagePullBackOff", "message": format!("Back-off pulling image \"{image}\": ErrImagePull: not found"),
            }}),
            State::Running { since } => json!({"running": {"startedAt": stamp(*since)}}),
            State::BackOff { .. } => {
                let wait = FIRST_BACK_OFF.saturating_mul(1 << run.restarts.min(5)).min(LONGEST_BACK_OFF).as_secs();
                let message = format!("back-off {wait}s restarting failed container={container} pod={name}");
                json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}})
            }
            State::Completed(ended) => json!({"terminated": terminated(ended)}),
        };
        let running = matches!(run.state, State::Running { .. });
        let mut status = json!({
            "name": container, "image": image, "imageID": format!("{image}@sha256:local"), "ready": is_ready,
            "started": running, "restartCount": run.restarts, "state": state, "lastState": {},
        });
        if let Some(last) = &run.last {
            status["lastState"] = json!({"terminated": terminated(last)});
        }
        let phase = match run.state {
            State::Creating { .. } | State::Unpullable { .. } => "Pending",
            State::Running { .. } | State::BackOff { .. } => "Running",
            State::Completed(_) => "Succeeded",
        };
        put(&mut pod, &["status", "phase"], phase.into());
        put(&mut pod, &["status", "containerStatuses"], json!([status]));
        if pod.pointer("/status/startTime").is_none() {
            put(&mut pod, &["status", "startTime"], stamp(now).into());
            put(&mut pod, &["status", "podIP"], "10.42.0.7".into());
        }
        with_condition(&mut pod, "Initialized", "True", "", "", now);
        let (ready, reason, message) = if is_ready {
            ("True", "", String::new())
        } else if phase == "Succeeded" {
            ("False", "PodCompleted", String::new())
        } else {
            ("False", "ContainersNotReady", format!("containers with unready status: [{container}]"))
        };
        with_condition(&mut pod, "ContainersReady", ready, reason, &message, now);
        with_condition(&mut pod, "Ready", ready, reason, &message, now);
        write_status(objects, PODS, pod, now);
    }
}

fn terminated(ended: &Ended) -> Value {
    let (code, reason) =
        ended.crash.as_ref().map_or((0, "Completed"), |crash| (crash.exit_code, crash.reason.as_str()));
    json!({
        "exitCode": code, "reason": reason, "startedAt": stamp(ended.started), "finishedAt": stamp(ended.finished),
        "containerID": "containerd://local",
    })
}

/// Nothing is heard of a pod whose node is away; the node controller says that it is not ready.
fn lose(objects: &mut Objects, mut pod: Value, now: Timestamp) {
    if list(&pod, "/status/conditions").iter().any(|it| it["type"] == "Ready" && it["status"] == "True") {
        with_condition(&mut pod, "Ready", "False", "NodeNotReady", "Node is not ready", now);
        event(objects, &pod, "Warning", "NodeNotReady", "Node is not ready", now);
        write_status(objects, PODS, pod, now);
    }
}
