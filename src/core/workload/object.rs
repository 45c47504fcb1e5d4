//! One watched object in its slim form: what every kind has, and the sum of the kinds.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Kind;
use super::apps::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use super::batch::{CronJob, Job};
use super::names::Names;
use super::node::Node;
use super::pod::Pod;
use super::policy::{Certificate, HorizontalPodAutoscaler, PersistentVolumeClaim, PodDisruptionBudget};
use crate::core::time::Timestamp;

/// A short text that many objects share; the index keeps each only once.
pub type Name = Arc<str>;

/// What every object has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Empty for cluster-scoped kinds.
    pub namespace: Name,
    pub name: Name,
    pub uid: Uid,
    /// By the cluster's clock.
    pub created_at: Option<Timestamp>,
    pub generation: i64,
    /// `deletionTimestamp`: it is on its way out.
    pub deleting_since: Option<Timestamp>,
    /// The controller among its owner references.
    pub controller: Option<Controller>,
    /// Value of the label that says whose it is.
    pub owner: Option<Name>,
    /// The last change of anything but its status.
    pub touched: Option<Box<Touch>>,
}

impl Meta {
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            uid: Uid::default(),
            created_at: None,
            generation: 0,
            deleting_since: None,
            controller: None,
            owner: None,
            touched: None,
        }
    }
}

/// A digest of an object's uid: all that is asked of it is whether it is still that of the same object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uid(u64);

impl Uid {
    #[must_use]
    pub fn of(uid: &str) -> Self {
        let mut digest = DefaultHasher::new();
        uid.hash(&mut digest);
        Self(digest.finish())
    }
}

/// Who controls an object. The kind is a text, since it may be one that is not watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controller {
    pub kind: Name,
    pub name: Name,
}

/// From `managedFields`: who wrote last, and when by the cluster's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// The field manager: `kubectl-client-side-apply`, `argocd-controller` …
    pub by: Name,
    pub at: Option<Timestamp>,
}

/// A container's name and image in a pod template.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Image {
    pub container: Name,
    pub image: Name,
}

/// One object of any watched kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    Node(Node),
    Pod(Pod),
    Deployment(Deployment),
    ReplicaSet(ReplicaSet),
    StatefulSet(StatefulSet),
    DaemonSet(DaemonSet),
    Job(Job),
    CronJob(CronJob),
    HorizontalPodAutoscaler(HorizontalPodAutoscaler),
    PodDisruptionBudget(PodDisruptionBudget),
    PersistentVolumeClaim(PersistentVolumeClaim),
    Certificate(Certificate),
}

/// What the index asks of a kind it keeps.
pub trait Kept: Sized {
    fn meta(&self) -> &Meta;

    fn meta_mut(&mut self) -> &mut Meta;

    /// Takes shared texts from `names`, beyond those of the meta data.
    fn intern(&mut self, names: &mut Names);

    /// Takes over what only the object's past tells: `before` is its last version, `now` the bot's clock.
    fn carry(&mut self, _before: &Self, _now: Timestamp) {}
}

macro_rules! each_kind {
    ($($kind:ident),*) => {
        impl Object {
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }

            #[must_use]
            pub const fn meta(&self) -> &Meta {
                match self { $(Self::$kind(object) => &object.meta,)* }
            }

            #[must_use]
            pub const fn meta_mut(&mut self) -> &mut Meta {
                match self { $(Self::$kind(object) => &mut object.meta,)* }
            }
        }
    };
}

each_kind!(
    Node,
    Pod,
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    HorizontalPodAutoscaler,
    PodDisruptionBudget,
    PersistentVolumeClaim,
    Certificate
);

/// `meta` and `meta_mut`, the same in every kind.
macro_rules! kept_meta {
    () => {
        fn meta(&self) -> &$crate::core::workload::Meta {
            &self.meta
        }

        fn meta_mut(&mut self) -> &mut $crate::core::workload::Meta {
            &mut self.meta
        }
    };
}
pub(super) use kept_meta;
