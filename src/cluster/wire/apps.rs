//! Deployments, ReplicaSets, StatefulSets, DaemonSets.

use serde::Deserialize;

use super::leaf::{Fields, Flag, Int, List, Text};
use super::{About, Condition, Template, Wire, brief};
use crate::core::workload::apps::{DaemonSet, Deployment, ReplicaSet, StatefulSet, Stuck};
use crate::core::workload::{Kind, Meta, Object};

/// What the specs have in common.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Spec {
    replicas: Int,
    paused: Flag,
    template: Fields<Template>,
}

/// The replica counts of all four; each kind has some of them.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    observed_generation: Int,
    updated_replicas: Int,
    ready_replicas: Int,
    available_replicas: Int,
    current_revision: Text,
    update_revision: Text,
    desired_number_scheduled: Int,
    current_number_scheduled: Int,
    updated_number_scheduled: Int,
    number_ready: Int,
    number_available: Int,
    number_misscheduled: Int,
    conditions: List<Condition>,
}

#[derive(Clone, Debug)]
pub struct Deployments;

impl Wire for Deployments {
    const KIND: Kind = Kind::Deployment;
    const GROUP: &'static str = "apps";
    const VERSION: &'static str = "v1";
    type Spec = Spec;
    type Status = Status;

    fn object(meta: Meta, about: &About, spec: Spec, status: Status) -> Object {
        let progressing = status.conditions.named("Progressing").filter(|condition| condition.status.0 == "False");
        Object::Deployment(Deployment {
            meta,
            replicas: spec.replicas.or(1),
            updated: status.updated_replicas.count(),
            ready: status.ready_replicas.count(),
            available: status.available_replicas.count(),
            observed_generation: status.observed_generation.0.unwrap_or(0),
            paused: spec.paused.0,
            stuck: progressing.map(|condition| {
                Box::new(Stuck { reason: condition.reason.0.as_str().into(), message: brief(&condition.message.0) })
            }),
            revision: about.revision(),
            images: spec.template.0.images(),
            progressed_at: None,
        })
    }
}

#[derive(Clone, Debug)]
pub struct ReplicaSets;

impl Wire for ReplicaSets {
    const KIND: Kind = Kind::ReplicaSet;
    const GROUP: &'static str = "apps";
    const VERSION: &'static str = "v1";
    type Spec = Spec;
    type Status = Status;

    fn object(meta: Meta, about: &About, spec: Spec, status: Status) -> Object {
        Object::ReplicaSet(ReplicaSet {
            meta,
            replicas: spec.replicas.or(1),
            ready: status.ready_replicas.count(),
            revision: about.revision(),
            images: spec.template.0.images(),
        })
    }
}

#[derive(Clone, Debug)]
pub struct StatefulSets;

impl Wire for StatefulSets {
    const KIND: Kind = Kind::StatefulSet;
    const GROUP: &'static str = "apps";
    const VERSION: &'static str = "v1";
    type Spec = Spec;
    type Status = Status;

    fn object(meta: Meta, _: &About, spec: Spec, status: Status) -> Object {
        Object::StatefulSet(StatefulSet {
            meta,
            replicas: spec.replicas.or(1),
            updated: status.updated_replicas.count(),
            ready: status.ready_replicas.count(),
            observed_generation: status.observed_generation.0.unwrap_or(0),
            current_revision: status.current_revision.0.as_str().into(),
            update_revision: status.update_revision.0.as_str().into(),
            images: spec.template.0.images(),
            progressed_at: None,
        })
    }
}

#[derive(Clone, Debug)]
pub struct DaemonSets;

impl Wire for DaemonSets {
    const KIND: Kind = Kind::DaemonSet;
    const GROUP: &'static str = "apps";
    const VERSION: &'static str = "v1";
    type Spec = Spec;
    type Status = Status;

    fn object(meta: Meta, _: &About, spec: Spec, status: Status) -> Object {
        Object::DaemonSet(DaemonSet {
            meta,
            desired: status.desired_number_scheduled.count(),
            current: status.current_number_scheduled.count(),
            updated: status.updated_number_scheduled.count(),
            ready: status.number_ready.count(),
            available: status.number_available.count(),
            misscheduled: status.number_misscheduled.count(),
            observed_generation: status.observed_generation.0.unwrap_or(0),
            images: spec.template.0.images(),
            progressed_at: None,
        })
    }
}
