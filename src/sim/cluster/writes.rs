//! Everything that changes objects: create, replace, patch, scale, evict, delete. A dry run answers and changes nothing.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::controllers::rest;
use super::json::{number, put, text};
use super::kinds::{PODS, Resource};
use super::objects::{Objects, key_of};
use super::refusal::Refusal;
use super::route::Route;
use super::server::Call;
use super::{Cluster, State, patch};

type Answer = (StatusCode, Value);

pub(super) fn write(cluster: &Cluster, verb: &str, call: &Call) -> Result<Answer, Refusal> {
    let mut state = cluster.state();
    let dry = match call.query.text("dryRun") {
        // A delete may say it in its body.
        "" => verb == "delete" && call.body["dryRun"] == json!(["All"]),
        "All" => true,
        other => return Err(Refusal::bad_request(format!("Invalid value: \"{other}\": dryRun"))),
    };
    let answer = match (verb, call.route.subresource.as_deref()) {
        ("create", None) => create(&mut state, call, dry),
        ("create", Some("eviction")) => evict(&mut state, call, dry),
        ("update" | "patch", None | Some("status" | "scale")) => change(&mut state, verb, call, dry),
        ("delete", None) => delete(&mut state, call, dry),
        _ => Err(Refusal::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )),
    }?;
    if !dry {
        state.settle(call.now);
    }
    let revision = state.objects.revision;
    drop(state);
    cluster.changed.send_replace(revision);
    Ok(answer)
}

/// Whether it changes something: not a question, and not a dry run.
pub(super) fn lasting(method: &Method, call: &Call) -> bool {
    let dry = !call.query.text("dryRun").is_empty() || call.body["dryRun"].is_array();
    *method != Method::GET && !dry
}

fn manager(call: &Call) -> &str {
    match call.query.text("fieldManager") {
        "" => "unknown",
        manager => manager,
    }
}

fn create(state: &mut State, call: &Call, dry: bool) -> Result<Answer, Refusal> {
    let Route { resource, namespace, .. } = &call.route;
    let mut object = call.body.clone();
    if !object.is_object() {
        return Err(Refusal::bad_request("an object is expected"));
    }
    if let Some(namespace) = namespace {
        put(&mut object, &["metadata", "namespace"], namespace.as_str().into());
    }
    checked(resource, &object)?;
    if dry {
        let name = text(&object, "/metadata/name");
        if state.objects.get(resource.plural, text(&object, "/metadata/namespace"), name).is_some() {
            return Err(Refusal::exists(resource, name));
        }
        return Ok((StatusCode::CREATED, object));
    }
    state.objects.create(resource, object, manager(call), call.now).map(|object| (StatusCode::CREATED, object))
}

/// What the server would refuse in any object.
fn checked(resource: &Resource, object: &Value) -> Result<(), Refusal> {
    let name = text(object, "/metadata/name");
    match number(object, "/spec/replicas") {
        Some(replicas) if replicas < 0 => {
            let why = format!("spec.replicas: Invalid value: {replicas}: must be greater than or equal to 0");
            Err(Refusal::invalid(resource, name, &why))
        }
        _ => Ok(()),
    }
}

/// `Scale` of a workload.
pub(super) fn scale_of(object: &Value) -> Value {
    let labels = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(label, value)| format!("{label}={}", value.as_str().unwrap_or_default()))
        .collect();
    let metadata = &object["metadata"];
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": number(object, "/spec/replicas").unwrap_or(1)},
        "status": {"replicas": number(object, "/status/replicas").unwrap_or(0), "selector": selector.join(",")},
    })
}

fn change(state: &mut State, verb: &str, call: &Call, dry: bool) -> Result<Answer, Refusal> {
    let Route { resource, namespace, name, subresource } = &call.route;
    let (resource, name) = (*resource, name.as_deref().unwrap_or_default());
    let space = namespace.as_deref().unwrap_or_default();
    let before =
        state.objects.get(resource.plural, space, name).ok_or_else(|| Refusal::not_found(resource, name))?.clone();
    let scale = subresource.as_deref() == Some("scale");
    let seen = if scale { scale_of(&before) } else { before.clone() };
    let wanted = if verb == "update" { call.body.clone() } else { patched(call, resource, name, seen)? };
    let version = text(&wanted, "/metadata/resourceVersion");
    if !version.is_empty() && version != text(&before, "/metadata/resourceVersion") {
        return Err(Refusal::conflict(resource, name));
    }
    let uid = text(&wanted, "/metadata/uid");
    if !uid.is_empty() && uid != text(&before, "/metadata/uid") {
        let why = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            text(&before, "/metadata/uid")
        );
        return Err(Refusal::new(409, "Conflict", why));
    }
    let mut after = before.clone();
    match subresource.as_deref() {
        Some("scale") => put(&mut after, &["spec", "replicas"], wanted["spec"]["replicas"].clone()),
        Some(_) => put(&mut after, &["status"], wanted["status"].clone()),
        None => {
            after = wanted;
            put(&mut after, &["status"], before["status"].clone());
            for kept in ["name", "namespace", "uid", "creationTimestamp", "generation", "managedFields"] {
                put(&mut after, &["metadata", kept], before["metadata"][kept].clone());
            }
            drop_nulls(&mut after);
        }
    }
    checked(resource, &after)?;
    let answer = if dry { after } else { state.objects.update(resource, after, Some(manager(call)), call.now) };
    Ok((StatusCode::OK, if scale { scale_of(&answer) } else { answer }))
}

/// Meta data that was not there before is not there after.
fn drop_nulls(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|_, value| !value.is_null());
    }
    if let Some(object) = object.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
}

fn patched(call: &Call, resource: &Resource, name: &str, mut object: Value) -> Result<Value, Refusal> {
    match call.content_type.split(';').next().unwrap_or_default() {
        "application/merge-patch+json" => patch::merge(&mut object, &call.body),
        "application/strategic-merge-patch+json" => patch::strategic(&mut object, &call.body),
        "application/json-patch+json" => {
            patch::json_patch(&mut object, &call.body).map_err(|why| Refusal::invalid(resource, name, &why))?;
        }
        other => {
            let why = format!("the body of the request was in an unknown format - {other}");
            return Err(Refusal::new(415, "UnsupportedMediaType", why));
        }
    }
    Ok(object)
}

fn delete(state: &mut State, call: &Call, dry: bool) -> Result<Answer, Refusal> {
    let Route { resource, namespace, name, .. } = &call.route;
    let (resource, name) = (*resource, name.as_deref().unwrap_or_default());
    let space = namespace.as_deref().unwrap_or_default();
    let object =
        state.objects.get(resource.plural, space, name).ok_or_else(|| Refusal::not_found(resource, name))?.clone();
    precondition(call, resource, &object)?;
    if !dry {
        remove_with_dependents(&mut state.objects, resource, &object);
    }
    Ok((StatusCode::OK, object))
}

fn precondition(call: &Call, resource: &Resource, object: &Value) -> Result<(), Refusal> {
    let of = |pointer: &str| {
        let direct = text(&call.body, pointer);
        if direct.is_empty() {
            text(&call.body, &format!("/deleteOptions{pointer}")).to_owned()
        } else {
            direct.to_owned()
        }
    };
    for (asked, actual) in
        [("/preconditions/uid", "/metadata/uid"), ("/preconditions/resourceVersion", "/metadata/resourceVersion")]
    {
        let asked = of(asked);
        if !asked.is_empty() && asked != text(object, actual) {
            return Err(Refusal::conflict(resource, text(object, "/metadata/name")));
        }
    }
    Ok(())
}

/// What an object made goes with it.
fn remove_with_dependents(objects: &mut Objects, resource: &'static Resource, object: &Value) {
    let (namespace, name) = key_of(object);
    objects.delete(resource, &namespace, &name);
    for plural in ["replicasets", "controllerrevisions", "jobs", "pods"] {
        let Some(kind) = Resource::named(plural) else { continue };
        let mine = |it: &&Value| {
            super::json::list(it, "/metadata/ownerReferences")
                .iter()
                .any(|owner| owner["uid"] == object["metadata"]["uid"])
        };
        let dependents: Vec<Value> = objects.all(plural).filter(mine).cloned().collect();
        for dependent in dependents {
            remove_with_dependents(objects, kind, &dependent);
        }
    }
}

fn evict(state: &mut State, call: &Call, dry: bool) -> Result<Answer, Refusal> {
    let name = call.route.name.as_deref().unwrap_or_default();
    let space = call.route.namespace.as_deref().unwrap_or_default();
    let pod = state.objects.get("pods", space, name).ok_or_else(|| Refusal::not_found(PODS, name))?.clone();
    precondition(call, PODS, &pod)?;
    let budgets = state.objects.snapshot("poddisruptionbudgets");
    for budget in budgets.iter().filter(|budget| rest::covers(budget, &pod)) {
        let (_, healthy, needed) = rest::health(&state.objects, budget);
        if healthy <= needed && super::controllers::is_ready(&pod) {
            return Err(Refusal::budget(text(budget, "/metadata/name"), healthy, needed));
        }
    }
    if !dry {
        state.objects.delete(PODS, space, name);
    }
    Ok((
        StatusCode::CREATED,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
    ))
}
