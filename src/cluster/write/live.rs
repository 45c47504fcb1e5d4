//! An object as it was read, and short ways into it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::DynamicObject;
use serde_json::Value;

use super::asks::PLAN;
use crate::core::action::digest::fingerprint;
use crate::core::action::plan::Object;
use crate::core::action::target::Target;
use crate::core::gitops::manager::{Manager, Marks, manager};
use crate::core::time::Timestamp;

/// The annotation by which `kubectl rollout restart` replaces pods.
pub(super) const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
pub(super) const CAUSE: &str = "kubernetes.io/change-cause";
pub(super) const POD_TEMPLATE_HASH: &str = "pod-template-hash";

#[derive(Clone, Debug)]
pub(super) struct Live(pub DynamicObject);

impl Live {
    pub fn name(&self) -> &str {
        self.0.metadata.name.as_deref().unwrap_or_default()
    }

    pub fn namespace(&self) -> &str {
        self.0.metadata.namespace.as_deref().unwrap_or_default()
    }

    pub fn uid(&self) -> &str {
        self.0.metadata.uid.as_deref().unwrap_or_default()
    }

    pub fn version(&self) -> &str {
        self.0.metadata.resource_version.as_deref().unwrap_or_default()
    }

    pub fn generation(&self) -> i64 {
        self.0.metadata.generation.unwrap_or(0)
    }

    pub fn deleting(&self) -> bool {
        self.0.metadata.deletion_timestamp.is_some()
    }

    pub fn created_at(&self) -> Option<Timestamp> {
        self.0.metadata.creation_timestamp.as_ref().map(|time| Timestamp::from_millis(time.0.as_millisecond()))
    }

    pub fn at(&self, pointer: &str) -> &Value {
        self.0.data.pointer(pointer).unwrap_or(&Value::Null)
    }

    pub fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_default()
    }

    pub fn number(&self, pointer: &str) -> Option<i64> {
        self.at(pointer).as_i64()
    }

    pub fn flag(&self, pointer: &str) -> bool {
        self.at(pointer).as_bool().unwrap_or_default()
    }

    pub fn list(&self, pointer: &str) -> &[Value] {
        self.at(pointer).as_array().map(Vec::as_slice).unwrap_or_default()
    }

    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.0.metadata.annotations.as_ref()?.get(name).map(String::as_str)
    }

    pub fn labels(&self) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        self.0.metadata.labels.as_ref().unwrap_or(&NONE)
    }

    pub fn controller(&self) -> Option<&OwnerReference> {
        self.0.metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
    }

    pub fn owned_by(&self, uid: &str) -> bool {
        self.0.metadata.owner_references.iter().flatten().any(|owner| owner.uid == uid)
    }

    /// Wanted replicas; the default is one.
    pub fn replicas(&self) -> u32 {
        self.number("/spec/replicas").map_or(1, count)
    }

    /// The condition of that type: its status, reason and message.
    pub fn condition(&self, name: &str) -> Option<(&str, &str, &str)> {
        let found = self.list("/status/conditions").iter().find(|condition| condition["type"] == name)?;
        let text = |key: &str| found[key].as_str().unwrap_or_default();
        Some((text("status"), text("reason"), text("message")))
    }

    /// The pod template without what a ReplicaSet adds to it.
    pub fn template(&self) -> Value {
        let mut template = self.at("/spec/template").clone();
        let mut empty = false;
        if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.remove(POD_TEMPLATE_HASH);
            empty = labels.is_empty();
        }
        if let Some(meta) = template.get_mut("metadata").and_then(Value::as_object_mut).filter(|_| empty) {
            meta.remove("labels");
        }
        template
    }

    pub fn template_hash(&self) -> String {
        fingerprint(&self.template())
    }

    pub fn restarted_at(&self) -> Option<&str> {
        self.at("/spec/template/metadata/annotations").get(RESTARTED_AT).and_then(Value::as_str)
    }

    /// The plan that restarted it last, if one of ours did.
    pub fn restarted_by(&self) -> Option<&str> {
        self.at("/spec/template/metadata/annotations").get(PLAN).and_then(Value::as_str)
    }

    /// As part of a plan.
    pub fn object(&self, target: Target) -> Object {
        Object { target, uid: self.uid().to_owned(), resource_version: self.version().to_owned() }
    }

    /// What applies it, if something says so.
    pub fn kept_by(&self, target: &Target) -> Option<Manager> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        let meta = &self.0.metadata;
        let managers: Vec<String> =
            meta.managed_fields.iter().flatten().filter_map(|entry| entry.manager.clone()).collect();
        manager(&Marks {
            group: target.sort.group(),
            kind: target.sort.as_str(),
            namespace: &target.namespace,
            name: &target.name,
            labels: meta.labels.as_ref().unwrap_or(&NONE),
            annotations: meta.annotations.as_ref().unwrap_or(&NONE),
            field_managers: &managers,
        })
    }
}

/// A number of Kubernetes' that is never negative.
pub(super) fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// `1 pod`, `3 pods`
pub(super) fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}
