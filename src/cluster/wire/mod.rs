//! Objects as API servers write them, made slim while they are read: nothing else of them is ever kept.

mod apps;
mod batch;
mod core;
mod event;
mod leaf;
mod policy;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::marker::PhantomData;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::DynamicResourceScope;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::core::redact::redact;
use crate::core::workload::{Controller, Image, Kind, Meta, Object, Touch, Uid};

use leaf::{Flag, Int, Pairs, Text, When};

pub use leaf::{Fields, List};

pub use self::apps::{DaemonSets, Deployments, ReplicaSets, StatefulSets};
pub use self::batch::{CronJobs, Jobs};
pub use self::core::{Claims, Nodes, Pods};
pub use self::event::Said;
pub use self::policy::{Autoscalers, Budgets, Certificates};

/// Long messages are cut to this many bytes: enough to judge, and ten thousand of them stay small.
const MESSAGE: usize = 240;

/// How objects of one kind are read.
pub trait Wire: Clone + std::fmt::Debug + Send + Sync + 'static {
    const KIND: Kind;
    const GROUP: &'static str;
    const VERSION: &'static str;
    type Spec: DeserializeOwned + Default;
    type Status: DeserializeOwned + Default;

    fn object(meta: Meta, about: &About, spec: Self::Spec, status: Self::Status) -> Object;
}

/// What of the meta data only some kinds need.
pub struct About<'a> {
    annotations: &'a Pairs,
}

impl About<'_> {
    fn revision(&self) -> Option<i64> {
        self.annotations.get("deployment.kubernetes.io/revision")?.parse().ok()
    }
}

/// An object as the watch gives it.
#[derive(Clone, Debug)]
pub struct Item<W> {
    /// Name, namespace and resource version only.
    meta: ObjectMeta,
    labels: Pairs,
    /// `None` when it has no name.
    object: Option<Object>,
    kind: PhantomData<W>,
}

impl<W> Item<W> {
    /// The slim object; `owner_label` names the label that says whose it is.
    pub fn object(self, owner_label: &str) -> Option<Object> {
        let mut object = self.object?;
        object.meta_mut().owner = self.labels.get(owner_label).filter(|owner| !owner.is_empty()).map(Into::into);
        Some(object)
    }

    pub fn name(&self) -> Option<(&str, &str)> {
        let namespace = self.meta.namespace.as_deref().unwrap_or_default();
        Some((namespace, self.meta.name.as_deref()?))
    }
}

impl<W: Wire> Resource for Item<W> {
    type DynamicType = ();
    type Scope = DynamicResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        W::KIND.as_str().into()
    }

    fn group((): &()) -> Cow<'_, str> {
        W::GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        W::VERSION.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        W::KIND.plural().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

#[derive(Deserialize)]
#[serde(default, bound(deserialize = "W: Wire"))]
struct Whole<W: Wire> {
    metadata: Fields<Metadata>,
    spec: Fields<W::Spec>,
    status: Fields<W::Status>,
}

impl<W: Wire> Default for Whole<W> {
    fn default() -> Self {
        Self { metadata: Fields::default(), spec: Fields::default(), status: Fields::default() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    name: Text,
    namespace: Text,
    uid: Text,
    resource_version: Text,
    creation_timestamp: When,
    deletion_timestamp: When,
    generation: Int,
    labels: Pairs,
    annotations: Pairs,
    owner_references: List<OwnerReference>,
    managed_fields: List<ManagedFields>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct OwnerReference {
    kind: Text,
    name: Text,
    controller: Flag,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ManagedFields {
    manager: Text,
    time: When,
    subresource: Text,
}

impl<'de, W: Wire> Deserialize<'de> for Item<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Fields(Whole::<W> { metadata: Fields(metadata), spec: Fields(spec), status: Fields(status) }) =
            Fields::deserialize(deserializer)?;
        let some = |text: &Text| text.some().map(ToOwned::to_owned);
        let meta = ObjectMeta {
            name: some(&metadata.name),
            namespace: some(&metadata.namespace),
            resource_version: some(&metadata.resource_version),
            ..ObjectMeta::default()
        };
        let named = metadata.name.some().is_some();
        let about = About { annotations: &metadata.annotations };
        let object = named.then(|| W::object(slim(&metadata), &about, spec, status));
        Ok(Self { meta, labels: metadata.labels, object, kind: PhantomData })
    }
}

fn slim(metadata: &Metadata) -> Meta {
    let controller = metadata.owner_references.0.iter().find(|owner| owner.controller.0);
    // The status is written all the time, by controllers; a change by somebody is one of the rest.
    let changes = metadata.managed_fields.0.iter().filter(|fields| fields.subresource.some() != Some("status"));
    let last = changes.max_by_key(|fields| fields.time.0).filter(|fields| fields.manager.some().is_some());
    Meta {
        namespace: metadata.namespace.0.as_str().into(),
        name: metadata.name.0.as_str().into(),
        uid: Uid::of(&metadata.uid.0),
        created_at: metadata.creation_timestamp.0,
        generation: metadata.generation.0.unwrap_or(0),
        deleting_since: metadata.deletion_timestamp.0,
        controller: controller
            .map(|owner| Controller { kind: owner.kind.0.as_str().into(), name: owner.name.0.as_str().into() }),
        owner: None,
        touched: last.map(|fields| Box::new(Touch { by: fields.manager.0.as_str().into(), at: fields.time.0 })),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Template {
    spec: Fields<TemplateSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TemplateSpec {
    containers: List<TemplateContainer>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct TemplateContainer {
    name: Text,
    image: Text,
}

impl Template {
    fn images(&self) -> Box<[Image]> {
        let image = |container: &TemplateContainer| Image {
            container: container.name.0.as_str().into(),
            image: container.image.0.as_str().into(),
        };
        self.spec.0.containers.0.iter().map(image).collect()
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Condition {
    #[serde(rename = "type")]
    kind: Text,
    status: Text,
    reason: Text,
    message: Text,
    last_transition_time: When,
}

impl List<Condition> {
    fn named(&self, kind: &str) -> Option<&Condition> {
        self.0.iter().find(|condition| condition.kind.0 == kind)
    }

    fn holds(&self, kind: &str) -> bool {
        self.named(kind).is_some_and(|condition| condition.status.0 == "True")
    }
}

/// The first [`MESSAGE`] bytes, without secrets: containers write what they like into a termination message.
fn brief(text: &str) -> Box<str> {
    if text.is_empty() {
        return "".into();
    }
    let text = redact(text);
    let mut end = text.len().min(MESSAGE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].into()
}
