//! Autoscalers, disruption budgets, certificates.

use serde::Deserialize;

use super::leaf::{Fields, Int, List, Text, When};
use super::{About, Condition, Wire, brief};
use crate::core::workload::policy::{Certificate, HorizontalPodAutoscaler, PodDisruptionBudget};
use crate::core::workload::{Controller, Kind, Meta, Object};

#[derive(Clone, Debug)]
pub struct Autoscalers;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AutoscalerSpec {
    scale_target_ref: Fields<Target>,
    min_replicas: Int,
    max_replicas: Int,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Target {
    kind: Text,
    name: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AutoscalerStatus {
    current_replicas: Int,
    desired_replicas: Int,
}

impl Wire for Autoscalers {
    const KIND: Kind = Kind::HorizontalPodAutoscaler;
    const GROUP: &'static str = "autoscaling";
    const VERSION: &'static str = "v2";
    type Spec = AutoscalerSpec;
    type Status = AutoscalerStatus;

    fn object(meta: Meta, _: &About, spec: AutoscalerSpec, status: AutoscalerStatus) -> Object {
        let target = spec.scale_target_ref.0;
        Object::HorizontalPodAutoscaler(HorizontalPodAutoscaler {
            meta,
            target: Controller { kind: target.kind.0.into(), name: target.name.0.into() },
            min: spec.min_replicas.or(1),
            max: spec.max_replicas.count(),
            current: status.current_replicas.count(),
            desired: status.desired_replicas.count(),
            progressed_at: None,
        })
    }
}

#[derive(Clone, Debug)]
pub struct Budgets;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Nothing {}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BudgetStatus {
    desired_healthy: Int,
    current_healthy: Int,
    expected_pods: Int,
    disruptions_allowed: Int,
}

impl Wire for Budgets {
    const KIND: Kind = Kind::PodDisruptionBudget;
    const GROUP: &'static str = "policy";
    const VERSION: &'static str = "v1";
    type Spec = Nothing;
    type Status = BudgetStatus;

    fn object(meta: Meta, _: &About, _: Nothing, status: BudgetStatus) -> Object {
        Object::PodDisruptionBudget(PodDisruptionBudget {
            meta,
            desired_healthy: status.desired_healthy.count(),
            current_healthy: status.current_healthy.count(),
            expected_pods: status.expected_pods.count(),
            disruptions_allowed: status.disruptions_allowed.count(),
        })
    }
}

#[derive(Clone, Debug)]
pub struct Certificates;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CertificateStatus {
    not_after: When,
    renewal_time: When,
    conditions: List<Condition>,
}

impl Wire for Certificates {
    const KIND: Kind = Kind::Certificate;
    const GROUP: &'static str = "cert-manager.io";
    const VERSION: &'static str = "v1";
    type Spec = Nothing;
    type Status = CertificateStatus;

    fn object(meta: Meta, _: &About, _: Nothing, status: CertificateStatus) -> Object {
        let trouble = status.conditions.named("Ready").filter(|condition| condition.status.0 != "True");
        Object::Certificate(Certificate {
            meta,
            not_after: status.not_after.0,
            renewal_at: status.renewal_time.0,
            trouble: trouble.map(|condition| brief(&condition.message.0)),
        })
    }
}
