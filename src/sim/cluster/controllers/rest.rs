//! Autoscalers and disruption budgets.

use serde_json::{Value, json};

use super::super::json::{number, put, text};
use super::super::kinds::{AUTOSCALERS, BUDGETS, DEPLOYMENTS};
use super::super::objects::Objects;
use super::{ready, with_condition, write_status};
use crate::core::time::Timestamp;

/// Keeps the target between its bounds; load does not change here.
pub(super) fn autoscalers(objects: &mut Objects, now: Timestamp) {
    for mut hpa in objects.snapshot("horizontalpodautoscalers") {
        let (namespace, target) = (text(&hpa, "/metadata/namespace"), text(&hpa, "/spec/scaleTargetRef/name"));
        let Some(mut deployment) = objects.get("deployments", namespace, target).cloned() else { continue };
        let min = number(&hpa, "/spec/minReplicas").unwrap_or(1);
        let max = number(&hpa, "/spec/maxReplicas").unwrap_or(1);
        let asked = number(&deployment, "/spec/replicas").unwrap_or(1);
        let desired = asked.clamp(min.min(max), max);
        let current = number(&deployment, "/status/replicas").unwrap_or(0);
        // Zero switches autoscaling off.
        if desired != asked && asked != 0 {
            put(&mut deployment, &["spec", "replicas"], desired.into());
            objects.update(DEPLOYMENTS, deployment, Some("kube-controller-manager"), now);
        }
        let conditions = hpa["status"]["conditions"].clone();
        hpa["status"] = json!({"currentReplicas": current, "desiredReplicas": if asked == 0 { 0 } else { desired }, "conditions": conditions});
        with_condition(
            &mut hpa,
            "AbleToScale",
            "True",
            "ReadyForNewScale",
            "recommended size matches current size",
            now,
        );
        let (status, reason) =
            if desired == max { ("True", "TooManyReplicas") } else { ("False", "DesiredWithinRange") };
        with_condition(&mut hpa, "ScalingLimited", status, reason, "the desired count is held against the bounds", now);
        write_status(objects, AUTOSCALERS, hpa, now);
    }
}

/// Healthy pods now, and how many there must be.
pub fn health(objects: &Objects, budget: &Value) -> (i64, i64, i64) {
    let covered = |pod: &&Value| covers(budget, pod);
    let pods: Vec<&Value> = objects.all("pods").filter(covered).collect();
    let expected = i64::try_from(pods.len()).unwrap_or(i64::MAX);
    let healthy = i64::try_from(pods.iter().filter(|pod| ready(pod)).count()).unwrap_or(i64::MAX);
    let needed = match (number(budget, "/spec/minAvailable"), number(budget, "/spec/maxUnavailable")) {
        (Some(min), _) => min,
        (None, Some(max)) => (expected - max).max(0),
        (None, None) => expected,
    };
    (expected, healthy, needed)
}

pub fn covers(budget: &Value, pod: &Value) -> bool {
    let labels = budget.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
        && labels.is_some_and(|labels| labels.iter().all(|(label, value)| pod["metadata"]["labels"][label] == *value))
}

pub(super) fn budgets(objects: &mut Objects, now: Timestamp) {
    for mut budget in objects.snapshot("poddisruptionbudgets") {
        let (expected, healthy, needed) = health(objects, &budget);
        budget["status"] = json!({
            "observedGeneration": budget["metadata"]["generation"], "expectedPods": expected, "currentHealthy": healthy,
            "desiredHealthy": needed, "disruptionsAllowed": (healthy - needed).max(0),
        });
        write_status(objects, BUDGETS, budget, now);
    }
}
