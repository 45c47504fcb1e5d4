//! Nodes, pods and volume claims.

use std::sync::Arc;

use serde::Deserialize;

use super::leaf::{Fields, Flag, Int, List, Text, When};
use super::{About, Condition, Wire, brief};
use crate::core::workload::node::{Node, Pressure, Readiness, Taint};
use crate::core::workload::pod::{Container, Exit, Failure, Phase, Pod, Scheduling, State, Wait};
use crate::core::workload::policy::{ClaimPhase, PersistentVolumeClaim};
use crate::core::workload::{Image, Kind, Meta, Object};

#[derive(Clone, Debug)]
pub struct Pods;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    node_name: Text,
    init_containers: List<SpecContainer>,
    containers: List<SpecContainer>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct SpecContainer {
    name: Text,
    image: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodStatus {
    phase: Text,
    reason: Text,
    message: Text,
    conditions: List<Condition>,
    init_container_statuses: List<ContainerStatus>,
    container_statuses: List<ContainerStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ContainerStatus {
    name: Text,
    ready: Flag,
    restart_count: Int,
    state: Fields<ContainerState>,
    last_state: Fields<ContainerState>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerState {
    waiting: Option<Fields<Waiting>>,
    running: Option<Fields<Running>>,
    terminated: Option<Fields<Terminated>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Waiting {
    reason: Text,
    message: Text,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Running {}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Terminated {
    exit_code: Int,
    signal: Int,
    reason: Text,
    message: Text,
    finished_at: When,
}

impl Wire for Pods {
    const KIND: Kind = Kind::Pod;
    const GROUP: &'static str = "";
    const VERSION: &'static str = "v1";
    type Spec = PodSpec;
    type Status = PodStatus;

    fn object(meta: Meta, _: &About, spec: PodSpec, status: PodStatus) -> Object {
        let phase = match status.phase.0.as_str() {
            "Pending" => Phase::Pending,
            "Running" => Phase::Running,
            "Succeeded" => Phase::Succeeded,
            "Failed" => Phase::Failed,
            _ => Phase::Unknown,
        };
        let init = spec.init_containers.0.iter().map(|c| container(c, true, &status.init_container_statuses.0));
        let main = spec.containers.0.iter().map(|c| container(c, false, &status.container_statuses.0));
        Object::Pod(Pod {
            meta,
            node: spec.node_name.some().map(Into::into),
            phase,
            ready: status.conditions.holds("Ready"),
            scheduling: scheduling(&status),
            failure: failure(&status),
            containers: init.chain(main).collect(),
        })
    }
}

fn scheduling(status: &PodStatus) -> Scheduling {
    let Some(condition) = status.conditions.named("PodScheduled") else { return Scheduling::Scheduled };
    match (condition.status.0.as_str(), condition.reason.0.as_str()) {
        ("True", _) => Scheduling::Scheduled,
        (_, "SchedulingGated") => Scheduling::Gated,
        _ => Scheduling::Unschedulable(brief(&condition.message.0)),
    }
}

fn failure(status: &PodStatus) -> Option<Box<Failure>> {
    let reason = status.reason.some()?;
    // The condition says when (Kubernetes 1.26 and later); before that the end of its containers is near enough.
    let disrupted = status.conditions.named("DisruptionTarget").and_then(|condition| condition.last_transition_time.0);
    let ended = status.container_statuses.0.iter().filter_map(|container| {
        container.state.0.terminated.as_ref().and_then(|Fields(terminated)| terminated.finished_at.0)
    });
    let at = disrupted.or_else(|| ended.max());
    Some(Box::new(Failure { reason: reason.into(), message: brief(&status.message.0), at, seen_at: None }))
}

fn container(spec: &SpecContainer, init: bool, statuses: &[ContainerStatus]) -> Container {
    let status = statuses.iter().find(|status| status.name == spec.name);
    let last = status.and_then(|status| status.last_state.0.terminated.as_ref());
    Container {
        spec: Arc::new(Image { container: spec.name.0.as_str().into(), image: spec.image.0.as_str().into() }),
        init,
        ready: status.is_some_and(|status| status.ready.0),
        restarts: status.map_or(0, |status| u32::try_from(status.restart_count.count()).unwrap_or(0)),
        state: status.map_or(State::Unknown, |status| state(&status.state.0)),
        last: last.map(|Fields(terminated)| Box::new(exit(terminated))),
        seen: None,
    }
}

fn state(state: &ContainerState) -> State {
    match state {
        ContainerState { terminated: Some(Fields(terminated)), .. } => State::Terminated(Box::new(exit(terminated))),
        ContainerState { waiting: Some(Fields(waiting)), .. } => {
            let (reason, message) = (waiting.reason.0.as_str().into(), brief(&waiting.message.0));
            State::Waiting(Box::new(Wait { reason, message }))
        }
        ContainerState { running: Some(Fields(Running {})), .. } => State::Running,
        ContainerState { .. } => State::Unknown,
    }
}

fn exit(terminated: &Terminated) -> Exit {
    Exit {
        code: terminated.exit_code.count(),
        signal: terminated.signal.0.and_then(|signal| i32::try_from(signal).ok()).filter(|signal| *signal != 0),
        reason: terminated.reason.some().unwrap_or("Error").into(),
        message: brief(&terminated.message.0),
        finished_at: terminated.finished_at.0,
    }
}

#[derive(Clone, Debug)]
pub struct Nodes;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct NodeSpec {
    unschedulable: Flag,
    taints: List<NodeTaint>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct NodeTaint {
    key: Text,
    effect: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeStatus {
    conditions: List<Condition>,
    node_info: Fields<NodeInfo>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NodeInfo {
    kubelet_version: Text,
}

impl Wire for Nodes {
    const KIND: Kind = Kind::Node;
    const GROUP: &'static str = "";
    const VERSION: &'static str = "v1";
    type Spec = NodeSpec;
    type Status = NodeStatus;

    fn object(meta: Meta, _: &About, spec: NodeSpec, status: NodeStatus) -> Object {
        let ready = status.conditions.named("Ready").cloned().unwrap_or_default();
        let pressures = [Pressure::Memory, Pressure::Disk, Pressure::Pid];
        let taint =
            |taint: &NodeTaint| Taint { key: taint.key.0.as_str().into(), effect: taint.effect.0.as_str().into() };
        Object::Node(Node {
            meta,
            ready: match ready.status.0.as_str() {
                "True" => Readiness::Ready,
                "False" => Readiness::NotReady,
                _ => Readiness::Unknown,
            },
            reason: ready.reason.0.as_str().into(),
            message: brief(&ready.message.0),
            unschedulable: spec.unschedulable.0,
            pressures: pressures.into_iter().filter(|kind| status.conditions.holds(kind.as_str())).collect(),
            taints: spec.taints.0.iter().map(taint).collect(),
            kubelet_version: status.node_info.0.kubelet_version.0.as_str().into(),
            turns: Vec::new(),
        })
    }
}

#[derive(Clone, Debug)]
pub struct Claims;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClaimSpec {
    storage_class_name: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ClaimStatus {
    phase: Text,
}

impl Wire for Claims {
    const KIND: Kind = Kind::PersistentVolumeClaim;
    const GROUP: &'static str = "";
    const VERSION: &'static str = "v1";
    type Spec = ClaimSpec;
    type Status = ClaimStatus;

    fn object(meta: Meta, _: &About, spec: ClaimSpec, status: ClaimStatus) -> Object {
        Object::PersistentVolumeClaim(PersistentVolumeClaim {
            meta,
            phase: match status.phase.0.as_str() {
                "Pending" => ClaimPhase::Pending,
                "Bound" => ClaimPhase::Bound,
                "Lost" => ClaimPhase::Lost,
                _ => ClaimPhase::Unknown,
            },
            storage_class: spec.storage_class_name.some().map(Into::into),
        })
    }
}
