//! What is sent for each kind of write: made from the plan and the object as it was just read, and from nothing else.

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use serde_json::{Value, json};

use super::answer::Failure;
use super::gitops;
use super::live::{CAUSE, Live, RESTARTED_AT};
use super::{FIELD_MANAGER, WRITE_WITHIN};
use crate::core::action::plan::Write;
use crate::core::time::Timestamp;

/// The label of a Job that says which plan made it.
pub(super) const PLAN: &str = "watchkeeper/plan";
/// The longest name of a Job, less the plan's mark and its dash.
const JOB_NAME: usize = 52;

/// What makes a write this plan's own: sent twice, it takes effect once.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub stamp: Timestamp,
    /// The beginning of the plan's digest.
    pub plan: String,
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ask {
    Merge(Value),
    Subresource(&'static str, Value),
    Delete(Preconditions),
    Evict(Value),
    /// In another collection than the object's.
    Create(Value),
}

/// The request for `write`. `live` is the object; `source` is what a template comes from.
///
/// # Errors
/// What other hands do.
pub(super) const ELSEWHERE: &str = "it is no write to a cluster";

/// The object does not hold what the write needs: in words.
pub(super) fn ask(write: &Write, live: &Live, source: Option<&Live>, mark: &Mark) -> Result<Ask, String> {
    let meta = || json!({"uid": live.uid(), "resourceVersion": live.version()});
    let spec = |spec: Value| Ok(Ask::Merge(json!({"metadata": meta(), "spec": spec})));
    let annotation = |name: &str, value: &str| {
        let mut meta = meta();
        meta["annotations"] = json!({name: value});
        Ok(Ask::Merge(json!({"metadata": meta})))
    };
    let status = |status: Value| Ok(Ask::Subresource("status", json!({"metadata": meta(), "status": status})));
    match write {
        Write::Restart => {
            // Two restarts may be intended at the same moment: the plan tells whose this is.
            let annotations = json!({RESTARTED_AT: mark.stamp.to_string(), PLAN: mark.plan.as_str()});
            spec(json!({"template": {"metadata": {"annotations": annotations}}}))
        }
        Write::Replicas { to, .. } => {
            Ok(Ask::Subresource("scale", json!({"metadata": meta(), "spec": {"replicas": to}})))
        }
        Write::Template { .. } => template(live, source.ok_or("its revision is no longer there")?),
        Write::Paused { paused } => spec(json!({"paused": paused})),
        Write::DeletePod => Ok(Ask::Delete(Preconditions { uid: Some(live.uid().to_owned()), resource_version: None })),
        Write::Evict => Ok(Ask::Evict(json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": {"name": live.name(), "namespace": live.namespace()},
            "deleteOptions": {"preconditions": {"uid": live.uid()}},
        }))),
        Write::CreateJob { name, .. } => Ok(Ask::Create(job(live, &job_name(name, mark), mark)?)),
        Write::Suspend { suspend } => spec(json!({"suspend": suspend})),
        Write::Unschedulable { unschedulable } => spec(json!({"unschedulable": unschedulable})),
        Write::Operation { .. } => {
            let operation = gitops::operation(write, live, mark)?;
            Ok(Ask::Merge(json!({"metadata": meta(), "operation": operation})))
        }
        Write::Refresh { hard } => annotation(gitops::REFRESH, if *hard { "hard" } else { "normal" }),
        Write::Promote { full: true } => status(json!({"promoteFull": true})),
        Write::Promote { full: false } => status(json!({"pauseConditions": null})),
        Write::Abort { abort } => status(json!({"abort": abort})),
        Write::Reconcile => annotation(gitops::REQUESTED_AT, &mark.stamp.to_string()),
        Write::Dispatch { .. } => Err(ELSEWHERE.to_owned()),
        Write::Transfer(_) => Err("no object of a cluster can be paid".to_owned()),
    }
}

/// As `kubectl rollout undo`: the template and the reason that was given for it.
fn template(live: &Live, source: &Live) -> Result<Ask, String> {
    if source.at("/spec/template").is_null() {
        return Err("its revision has no template".to_owned());
    }
    let mut meta = json!({"uid": live.uid(), "resourceVersion": live.version()});
    if live.annotation(CAUSE) != source.annotation(CAUSE) {
        meta["annotations"] = json!({CAUSE: source.annotation(CAUSE)});
    }
    let template = difference(&live.template(), &source.template());
    Ok(Ask::Merge(json!({"metadata": meta, "spec": {"template": template}})))
}

/// The merge patch (RFC 7386) that makes `to` out of `from`.
fn difference(from: &Value, to: &Value) -> Value {
    let (Some(old), Some(new)) = (from.as_object(), to.as_object()) else { return to.clone() };
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let changed = new.iter().filter(|(key, value)| old.get(*key) != Some(value));
    let changed = changed
        .map(|(key, value)| (key.clone(), old.get(key).map_or_else(|| value.clone(), |was| difference(was, value))));
    Value::Object(gone.chain(changed).collect())
}

pub(super) fn job_name(name: &str, mark: &Mark) -> String {
    let name: String = name.chars().take(JOB_NAME).collect();
    format!("{}-{}", name.trim_end_matches(['-', '.']), mark.plan)
}

/// What a Job made from this CronJob, or again from this Job, consists of.
pub(super) fn job_spec(source: &Live) -> Value {
    if source.0.types.as_ref().is_some_and(|types| types.kind == "CronJob") {
        return source.at("/spec/jobTemplate").clone();
    }
    let mut spec = source.at("/spec").clone();
    if let Some(spec) = spec.as_object_mut() {
        for made in ["selector", "manualSelector"] {
            spec.remove(made);
        }
    }
    let mut labels = serde_json::to_value(source.labels()).unwrap_or_default();
    for labels in [spec.pointer_mut("/template/metadata/labels"), Some(&mut labels)].into_iter().flatten() {
        if let Some(labels) = labels.as_object_mut() {
            for made in [
                "controller-uid",
                "job-name",
                "batch.kubernetes.io/controller-uid",
                "batch.kubernetes.io/job-name",
                PLAN,
            ] {
                labels.remove(made);
            }
        }
    }
    json!({"metadata": {"labels": labels}, "spec": spec})
}

/// As `kubectl create job --from`: it belongs to its CronJob, and says that it was made by hand.
fn job(source: &Live, name: &str, mark: &Mark) -> Result<Value, String> {
    let made = job_spec(source);
    if made["spec"].is_null() {
        return Err("it has no template for a Job".to_owned());
    }
    let mut labels = made["metadata"]["labels"].clone();
    if !labels.is_object() {
        labels = json!({});
    }
    labels[PLAN] = mark.plan.as_str().into();
    let mut annotations = made["metadata"]["annotations"].clone();
    if !annotations.is_object() {
        annotations = json!({});
    }
    annotations["cronjob.kubernetes.io/instantiate"] = "manual".into();
    let types = source.0.types.clone().unwrap_or_default();
    let owners = if types.kind == "CronJob" {
        json!([{"apiVersion": types.api_version, "kind": types.kind, "name": source.name(), "uid": source.uid(), "controller": true}])
    } else {
        serde_json::to_value(&source.0.metadata.owner_references).unwrap_or_default()
    };
    let mut meta = json!({"name": name, "namespace": source.namespace(), "labels": labels, "annotations": annotations});
    if owners.is_array() {
        meta["ownerReferences"] = owners;
    }
    Ok(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": made["spec"]}))
}

/// Sends it; `objects` is the collection it goes to. The answer's content is of no interest: a write that was taken is done.
pub(super) async fn send(objects: &Api<DynamicObject>, name: &str, ask: Ask, dry_run: bool) -> Result<(), Failure> {
    let manager = Some(FIELD_MANAGER.to_owned());
    let patch = PatchParams { dry_run, field_manager: manager.clone(), ..PatchParams::default() };
    let post = PostParams { dry_run, field_manager: manager };
    let call = async {
        match ask {
            Ask::Merge(body) => objects.patch(name, &patch, &Patch::Merge(body)).await.map(drop),
            Ask::Subresource(part, body) => {
                objects.patch_subresource(part, name, &patch, &Patch::Merge(body)).await.map(drop)
            }
            Ask::Delete(preconditions) => {
                let delete = DeleteParams { dry_run, preconditions: Some(preconditions), ..DeleteParams::default() };
                objects.delete(name, &delete).await.map(drop)
            }
            Ask::Evict(body) => objects.create_subresource::<_, Value>("eviction", name, &post, &body).await.map(drop),
            Ask::Create(body) => {
                let object: DynamicObject = serde_json::from_value(body).map_err(kube::Error::SerdeError)?;
                objects.create(&post, &object).await.map(drop)
            }
        }
    };
    match tokio::time::timeout(WRITE_WITHIN, call).await {
        Ok(answer) => answer.map_err(Failure::Answer),
        Err(_) => Err(Failure::Late),
    }
}
